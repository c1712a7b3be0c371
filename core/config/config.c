/*
 * config.c: reads a configuration, has it checked and gives it as a struct. Called by the
 * supervisor at start and on reload, by workers and by `sallyport check`. Any thread.
 */
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/err.h"
#include "base/secret.h"
#include "config/check.h"
#include "config/extract.h"
#include "config/profile.h"
#include "config/schema.h"

/* config/sallyport.schema.json, compiled in. */
extern const char config_schema_text[];
extern const size_t config_schema_text_length;

/* The JSON library recurses, so depth is bounded before it sees the text. 0, or the line where it
 * is exceeded. */
static int line_too_deep(const char *text, size_t len)
{
    int line = 1, depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n')
            line++;
        else if (in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && (text[i] == '{' || text[i] == '['))
            depth++;
        else if (!in_string && (text[i] == '}' || text[i] == ']'))
            depth--;
        if (depth > CONFIG_DEPTH_MAX)
            return line;
    }
    return 0;
}

static void complain_syntax(const json_error_t *error, const char *file, struct report *report)
{
    const char *remedy = "";
    switch (json_error_code(error)) {
    case json_error_invalid_syntax:
        remedy = "; JSON has no comments and no comma after the last element, and wants names and "
                 "strings in double quotes";
        break;
    case json_error_premature_end_of_input:
        remedy = "; a closing bracket or quote is missing";
        break;
    case json_error_duplicate_key:
        remedy = "; give each key once";
        break;
    case json_error_end_of_input_expected:
        remedy = "; remove what follows the outermost \"}\"";
        break;
    default:
        break;
    }
    report_error(report, file, error->line, NULL, "column %d: %s%s", error->column, error->text,
                 remedy);
}

/* The library's memory is wiped: passwords and keys stand in the text, and what is freed in the
 * process of an isolated plugin is that plugin's to look at. */
static void wipe_and_free(void *memory)
{
    if (memory)
        secret_wipe(memory, malloc_usable_size(memory));
    free(memory);
}

/* The text as JSON, or NULL after a complaint. */
static json_t *parse(const char *text, size_t len, const char *file, struct report *report)
{
    json_error_t error;
    if (len > CONFIG_BYTES_MAX) {
        report_error(report, file, 0, NULL, "is larger than %u bytes; is it a configuration?",
                     CONFIG_BYTES_MAX);
        return NULL;
    }
    int line = line_too_deep(text, len);
    if (line > 0) {
        report_error(report, file, line, NULL, "is nested deeper than %d levels; flatten it",
                     CONFIG_DEPTH_MAX);
        return NULL;
    }
    json_set_alloc_funcs(malloc, wipe_and_free);
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        complain_syntax(&error, file, report);
    return root;
}

/* In the order of the file, from the first complaint on; those without a line come last. */
static void sort_by_line(struct report *report, size_t first)
{
    for (size_t i = first + 1; i < report->count; i++) {
        struct complaint moved = report->complaints[i];
        size_t at = i;
        for (; at > first && moved.line > 0; at--) {
            if (report->complaints[at - 1].line > 0 &&
                report->complaints[at - 1].line <= moved.line)
                break;
            report->complaints[at] = report->complaints[at - 1];
        }
        report->complaints[at] = moved;
    }
}

/* Hold root against the compiled-in schema and put defaults into it. */
static int apply_schema(json_t *root, const char *file, const struct positions *positions,
                        struct report *report)
{
    json_t *schema = json_loadb(config_schema_text, config_schema_text_length, 0, NULL);
    if (!schema) /* a unit test reads it, so only for lack of memory */
        return SP_ERR_NOMEM;
    const json_t *algorithms = json_object_get(root, "algorithms");
    const char *profile = json_string_value(json_object_get(algorithms, "profile"));
    int rc = profile_apply(schema, profile);
    if (rc < 0) {
        json_decref(schema);
        return rc;
    }
    rc = schema_apply(schema, root, file, "", positions, report);
    json_decref(schema);
    return rc;
}

/* file from the root on; malloc()ed, NULL if memory is out. */
static char *absolute(const char *file)
{
    char *result = NULL;
    if (file[0] == '/')
        return strdup(file);
    char *directory = getcwd(NULL, 0);
    if (!directory || asprintf(&result, "%s/%s", directory, file) < 0)
        result = NULL;
    free(directory);
    return result;
}

int config_parse_more(const char *text, size_t len, const char *file, config_more *more,
                      struct config **ret_config, struct report *report)
{
    int rc = SP_ERR_INVALID;
    struct config *config = NULL;
    size_t errors = report->errors, complaints = report->count;
    *ret_config = NULL;
    json_t *root = parse(text, len, file, report);
    if (!root)
        return SP_ERR_INVALID;
    rc = SP_ERR_NOMEM;
    config = calloc(1, sizeof *config);
    if (!config)
        goto out;
    config->file = absolute(file);
    config->positions = positions_new(text, len);
    if (!config->file || !config->positions)
        goto out;
    rc = apply_schema(root, file, config->positions, report);
    if (rc == SP_ERR_NOMEM || !json_is_object(root))
        goto out;
    bool is_whole = rc == 0;
    /* In spite of mistakes: what one value says about another is told in the same run. */
    rc = config_extract(root, config);
    if (rc < 0)
        goto out;
    config_check(config, file, report);
    if (more)
        more(config, is_whole, report);
    rc = report->errors == errors ? 0 : SP_ERR_INVALID;
out:
    sort_by_line(report, complaints);
    if (rc == SP_ERR_NOMEM)
        report_error(report, file, 0, NULL, "out of memory");
    if (rc == 0)
        *ret_config = config;
    else
        config_free(config);
    json_decref(root);
    return rc;
}

int config_parse(const char *text, size_t len, const char *file, struct config **ret_config,
                 struct report *report)
{
    return config_parse_more(text, len, file, NULL, ret_config, report);
}

/* Who can write the file decides what the daemon runs. */
static void warn_mode(int fd, const char *file, struct report *report)
{
    struct stat status;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & S_IWOTH))
        report_warning(report, file, 0, NULL, "can be changed by everybody; chmod o-w it");
}

int config_load_more(const char *file, config_more *more, struct config **ret_config,
                     struct report *report)
{
    struct buffer text = {0};
    *ret_config = NULL;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? SP_ERR_SYSTEM : buffer_read(&text, fd, CONFIG_BYTES_MAX);
    if (rc < 0 && rc != SP_ERR_LIMIT) { /* of its length the parser complains */
        report_error(report, file, 0, NULL, "cannot be read: %s",
                     rc == SP_ERR_SYSTEM ? strerror(errno) : err_text(rc));
    } else {
        warn_mode(fd, file, report);
        rc = config_parse_more((const char *)buffer_data(&text), buffer_length(&text), file, more,
                               ret_config, report);
    }
    if (fd >= 0)
        close(fd);
    if (buffer_length(&text) > 0)
        secret_wipe(buffer_data(&text), buffer_length(&text));
    buffer_release(&text);
    return rc;
}

int config_load(const char *file, struct config **ret_config, struct report *report)
{
    return config_load_more(file, NULL, ret_config, report);
}

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; texts && i < count; i++)
        free(texts[i]);
    free(texts);
}

static void free_plugins(struct config *config)
{
    for (size_t i = 0; i < config->plugins_count; i++) {
        struct config_plugin *plugin = &config->plugins[i];
        free(plugin->name);
        free(plugin->plugin);
        wipe_and_free(plugin->config_json);
        free(plugin->threading);
        free(plugin->deadlines_json);
        free(plugin->sandbox.user);
        free(plugin->sandbox.group);
    }
    free(config->plugins);
    free_texts(config->plugin_directories, config->plugin_directories_count);
    free_texts(config->connection_chain.instances, config->connection_chain.count);
    free_texts(config->auth_chain.instances, config->auth_chain.count);
    free_texts(config->channel_chain.instances, config->channel_chain.count);
    free_texts(config->log_chain.instances, config->log_chain.count);
    free_texts(config->sftp_chain.instances, config->sftp_chain.count);
    free_texts(config->sftp_partial_names.items, config->sftp_partial_names.count);
    free(config->sftp_transfer_hash);
    for (size_t i = 0; i < config->auth_require_count; i++) {
        for (size_t k = 0; k < config->auth_require[i].count; k++)
            free(config->auth_require[i].items[k].instance);
        free(config->auth_require[i].items);
    }
    free(config->auth_require);
}

static void free_addresses(struct config_addresses *addresses)
{
    for (size_t i = 0; addresses->items && i < addresses->count; i++)
        free(addresses->items[i].text);
    free(addresses->items);
}

static void free_admission(struct config *config)
{
    free_texts(config->client_versions.allow.items, config->client_versions.allow.count);
    free_texts(config->client_versions.deny.items, config->client_versions.deny.count);
    free_addresses(&config->access.allow);
    free_addresses(&config->access.deny);
}

static void free_host_keys(struct config_host_keys *keys)
{
    for (size_t i = 0; keys->keys && i < keys->keys_count; i++) {
        struct config_host_key *key = &keys->keys[i];
        free(key->file);
        secret_free(key->text, key->text ? strlen(key->text) : 0);
        free(key->passphrase_file);
        free(key->passphrase_environment);
    }
    free(keys->keys);
    free_texts(keys->files, keys->count);
    free(keys->name);
}

static void free_keys(struct config *config)
{
    free_host_keys(&config->host_keys);
    for (size_t i = 0; config->host_key_sets && i < config->host_key_sets_count; i++)
        free_host_keys(&config->host_key_sets[i]);
    free(config->host_key_sets);
    free_texts(config->user_certificates.authorities, config->user_certificates.authorities_count);
    free(config->user_certificates.revoked_keys);
}

static void free_services(struct config *config)
{
    for (size_t i = 0; i < config->listeners_count; i++) {
        free(config->listeners[i].name);
        free(config->listeners[i].address);
        free(config->listeners[i].host_keys);
    }
    free(config->listeners);
    for (size_t i = 0; i < config->subsystems_count; i++) {
        free(config->subsystems[i].name);
        free(config->subsystems[i].instance);
    }
    free(config->subsystems);
    for (size_t i = 0; i < config->mounts_count; i++) {
        free(config->mounts[i].path);
        free(config->mounts[i].provider);
        free(config->mounts[i].root);
        free_texts(config->mounts[i].users.items, config->mounts[i].users.count);
        free_texts(config->mounts[i].groups.items, config->mounts[i].groups.count);
    }
    free(config->mounts);
}

void config_free(struct config *config)
{
    if (!config)
        return;
    free_plugins(config);
    free_services(config);
    free_keys(config);
    free_admission(config);
    free(config->algorithms.kex);
    free(config->algorithms.host_keys);
    free(config->algorithms.ciphers);
    free(config->algorithms.macs);
    free(config->algorithms.compression);
    free(config->algorithms.public_keys);
    free(config->state_directory);
    free(config->control_socket);
    free(config->user);
    free(config->group);
    free(config->log_file);
    free(config->server_version);
    free(config->banner);
    free(config->file);
    positions_free(config->positions);
    free(config);
}

const struct config_host_keys *config_host_keys_find(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->host_key_sets_count; i++)
        if (config->host_key_sets[i].name && strcmp(config->host_key_sets[i].name, name) == 0)
            return &config->host_key_sets[i];
    return NULL;
}

const struct config_plugin *config_plugin_find(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->plugins_count; i++)
        if (config->plugins[i].name && strcmp(config->plugins[i].name, name) == 0)
            return &config->plugins[i];
    return NULL;
}
