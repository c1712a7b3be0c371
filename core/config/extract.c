/*
 * extract.c: copies a configuration out of its JSON, making paths absolute and lists into the form
 * their users take. Called by config_parse() once defaults are filled in. Any thread.
 */
#include "config/extract.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sallyport/auth.h>

#include "base/err.h"

struct extract {
    struct config *config;
    size_t directory_len; /* of config->file, with its last "/" */
    bool is_out_of_memory;
};

static uint64_t number(const json_t *object, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

static uint32_t small_number(const json_t *object, const char *key)
{
    return (uint32_t)number(object, key);
}

static bool truth(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static void *array(struct extract *extract, size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        extract->is_out_of_memory = true;
    return memory;
}

static char *copy(struct extract *extract, const char *text)
{
    char *result = text ? strdup(text) : NULL;
    if (text && !result)
        extract->is_out_of_memory = true;
    return result;
}

static char *text_copy(struct extract *extract, const json_t *object, const char *key)
{
    return copy(extract, json_string_value(json_object_get(object, key)));
}

static char *path_copy(struct extract *extract, const char *path)
{
    char *result = NULL;
    if (!path || path[0] == '/')
        return copy(extract, path);
    while (path[0] == '.' && path[1] == '/')
        path += 2;
    if (asprintf(&result, "%.*s%s", (int)extract->directory_len, extract->config->file, path) < 0) {
        extract->is_out_of_memory = true;
        return NULL;
    }
    return result;
}

/* A list of strings, each made by make, with room for one more. */
static char **texts(struct extract *extract, const json_t *list, size_t *ret_count,
                    char *(*make)(struct extract *extract, const char *text))
{
    char **result = array(extract, json_array_size(list) + 1, sizeof *result);
    *ret_count = 0;
    for (size_t i = 0; result && i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        result[i] = make(extract, text ? text : "");
        *ret_count = i + 1;
    }
    return result;
}

static char *joined(struct extract *extract, const json_t *object, const char *key)
{
    const json_t *list = json_object_get(object, key);
    size_t size = 1;
    for (size_t i = 0; i < json_array_size(list); i++)
        size += json_string_length(json_array_get(list, i)) + 1;
    char *result = array(extract, size, 1);
    char *end = result;
    for (size_t i = 0; result && i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (i > 0)
            end = stpcpy(end, ",");
        end = stpcpy(end, text ? text : "");
    }
    return result;
}

/* A choice that the schema knows under the same number. */
static int choice(const json_t *object, const char *key, const char *const *names)
{
    const char *name = json_string_value(json_object_get(object, key));
    for (int i = 0; name && names[i]; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return 0;
}

static uint32_t count_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return (uint32_t)CPU_COUNT(&set);
    long count = sysconf(_SC_NPROCESSORS_ONLN); /* more CPUs than a cpu_set_t holds */
    return count > 0 ? (uint32_t)count : 1;
}

static void extract_process(struct extract *extract, const json_t *root)
{
    static const char *const levels[] = {"error", "warning", "info", "debug", NULL};
    static const char *const formats[] = {"text", "json", NULL};
    struct config *config = extract->config;
    const char *socket = json_string_value(json_object_get(root, "control_socket"));
    config->state_directory =
        path_copy(extract, json_string_value(json_object_get(root, "state_directory")));
    if (socket)
        config->control_socket = path_copy(extract, socket);
    else if (config->state_directory &&
             asprintf(&config->control_socket, "%s/control.sock", config->state_directory) < 0) {
        config->control_socket = NULL;
        extract->is_out_of_memory = true;
    }
    config->user = text_copy(extract, root, "user");
    config->group = text_copy(extract, root, "group");
    config->workers = small_number(root, "workers");
    if (config->workers == 0)
        config->workers = count_cpus();
    config->pool_threads = small_number(root, "pool_threads");
    config->slow_ms = number(root, "slow_ms");

    const json_t *log = json_object_get(root, "log");
    config->log_level = (enum log_level)choice(log, "level", levels);
    config->log_format = (enum log_format)choice(log, "format", formats);
    config->log_file = path_copy(extract, json_string_value(json_object_get(log, "file")));
    config->server_version = text_copy(extract, root, "server_version");
    config->banner = text_copy(extract, root, "banner");
}

/* "address:port", with brackets around an IPv6 address. */
static char *listener_name(struct extract *extract, const struct config_listener *listener)
{
    bool has_colon = listener->address && strchr(listener->address, ':');
    char *name;
    if (!listener->address)
        return NULL;
    if (asprintf(&name, has_colon ? "[%s]:%u" : "%s:%u", listener->address,
                 (unsigned)listener->port) < 0) {
        extract->is_out_of_memory = true;
        return NULL;
    }
    return name;
}

static void extract_listeners(struct extract *extract, const json_t *list)
{
    struct config *config = extract->config;
    config->listeners = array(extract, json_array_size(list), sizeof *config->listeners);
    if (!config->listeners)
        return;
    config->listeners_count = json_array_size(list);
    for (size_t i = 0; i < config->listeners_count; i++) {
        struct config_listener *listener = &config->listeners[i];
        const json_t *object = json_array_get(list, i);
        listener->address = text_copy(extract, object, "address");
        listener->port = (uint16_t)number(object, "port");
        listener->backlog = (int)number(object, "backlog");
        listener->reuse_port = truth(object, "reuse_port");
        listener->host_keys = text_copy(extract, object, "host_keys");
        listener->name = json_object_get(object, "name") ? text_copy(extract, object, "name")
                                                         : listener_name(extract, listener);
    }
}

/* The keys that a daemon has that was told nothing of keys. */
static void default_host_keys(struct extract *extract, struct config_host_keys *keys)
{
    static const char *const kinds[] = {"ed25519", "ecdsa", "rsa"};
    const size_t count = sizeof kinds / sizeof kinds[0];
    const char *directory = extract->config->state_directory;
    keys->files = array(extract, count, sizeof *keys->files);
    while (keys->files && directory && keys->count < count) {
        if (asprintf(&keys->files[keys->count], "%s/ssh_host_%s_key", directory,
                     kinds[keys->count]) < 0) {
            extract->is_out_of_memory = true;
            return;
        }
        keys->count++;
    }
}

static void extract_host_keys(struct extract *extract, const json_t *object, const char *name,
                              struct config_host_keys *keys)
{
    const json_t *files = json_object_get(object, "files");
    const json_t *list = json_object_get(object, "keys");
    keys->name = copy(extract, name);
    keys->generate = truth(object, "generate");
    if (files)
        keys->files = texts(extract, files, &keys->count, path_copy);
    else if (!name && json_array_size(list) == 0)
        default_host_keys(extract, keys);
    keys->keys = array(extract, json_array_size(list), sizeof *keys->keys);
    for (size_t i = 0; keys->keys && i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        struct config_host_key *key = &keys->keys[keys->keys_count++];
        key->file = path_copy(extract, json_string_value(json_object_get(item, "file")));
        key->text = text_copy(extract, item, "text");
        key->passphrase_file =
            path_copy(extract, json_string_value(json_object_get(item, "passphrase_file")));
        key->passphrase_environment = text_copy(extract, item, "passphrase_environment");
    }
}

static void extract_keys(struct extract *extract, const json_t *root)
{
    struct config *config = extract->config;
    json_t *sets = json_object_get(root, "host_key_sets");
    const json_t *certificates = json_object_get(root, "user_certificates");
    const char *name;
    json_t *set;
    extract_host_keys(extract, json_object_get(root, "host_keys"), NULL, &config->host_keys);
    config->host_key_sets = array(extract, json_object_size(sets), sizeof *config->host_key_sets);
    if (config->host_key_sets)
        json_object_foreach(sets, name, set) extract_host_keys(
            extract, set, name, &config->host_key_sets[config->host_key_sets_count++]);
    config->user_certificates.authorities =
        texts(extract, json_object_get(certificates, "authorities"),
              &config->user_certificates.authorities_count, path_copy);
    config->user_certificates.revoked_keys =
        path_copy(extract, json_string_value(json_object_get(certificates, "revoked_keys")));
}

static void extract_algorithms(struct extract *extract, const json_t *object)
{
    static const char *const profiles[] = {"default", "compatibility", NULL};
    struct config_algorithms *algorithms = &extract->config->algorithms;
    algorithms->is_compatible = choice(object, "profile", profiles) != 0;
    algorithms->strict_kex = (enum config_strict_kex)number(object, "strict_kex");
    algorithms->kex = joined(extract, object, "kex");
    algorithms->host_keys = joined(extract, object, "host_keys");
    algorithms->ciphers = joined(extract, object, "ciphers");
    algorithms->macs = joined(extract, object, "macs");
    algorithms->compression = joined(extract, object, "compression");
    algorithms->public_keys = joined(extract, object, "public_keys");
}

static void extract_addresses(struct extract *extract, const json_t *list,
                              struct config_addresses *addresses)
{
    addresses->items = array(extract, json_array_size(list), sizeof *addresses->items);
    if (!addresses->items)
        return;
    addresses->count = json_array_size(list);
    for (size_t i = 0; i < addresses->count; i++) {
        struct config_address *address = &addresses->items[i];
        const char *text = json_string_value(json_array_get(list, i));
        address->text = copy(extract, text ? text : "");
        address->is_pattern = text && strchr(text, '*');
        if (text && !address->is_pattern)
            cidr_parse(text, &address->network); /* config_check() tells what is wrong */
    }
}

static void extract_patterns(struct extract *extract, const json_t *list,
                             struct config_patterns *patterns)
{
    patterns->items = texts(extract, list, &patterns->count, copy);
}

static void extract_admission(struct extract *extract, const json_t *root)
{
    struct config *config = extract->config;
    const json_t *versions = json_object_get(root, "client_versions");
    const json_t *access = json_object_get(root, "access");
    extract_patterns(extract, json_object_get(versions, "allow"), &config->client_versions.allow);
    extract_patterns(extract, json_object_get(versions, "deny"), &config->client_versions.deny);
    extract_addresses(extract, json_object_get(access, "allow"), &config->access.allow);
    extract_addresses(extract, json_object_get(access, "deny"), &config->access.deny);
}

static void extract_bounds(struct extract *extract, const json_t *root)
{
    const json_t *object = json_object_get(root, "limits");
    struct config_limits *limits = &extract->config->limits;
    const char *startups = json_string_value(json_object_get(object, "startups"));
    if (!startups || startups[strspn(startups, "0123456789:")] != '\0' ||
        sscanf(startups, "%6u:%3u:%6u", &limits->startups_begin, &limits->startups_rate,
               &limits->startups_full) != 3)
        limits->startups_begin = limits->startups_rate = limits->startups_full = 0;
    limits->connections = small_number(object, "connections");
    limits->connections_per_source = small_number(object, "connections_per_source");
    limits->connections_per_worker = small_number(object, "connections_per_worker");
    limits->auth_tries = small_number(object, "auth_tries");
    limits->auth_key_offers = small_number(object, "auth_key_offers");
    limits->channels_per_connection = small_number(object, "channels_per_connection");
    limits->handles_per_connection = small_number(object, "handles_per_connection");
    limits->requests_per_channel = small_number(object, "requests_per_channel");
    limits->rsa_min_bits = small_number(object, "rsa_min_bits");
    limits->stuck_threads = small_number(object, "stuck_threads");

    struct config_timeouts *timeouts = &extract->config->timeouts;
    object = json_object_get(root, "timeouts");
    timeouts->handshake = number(object, "handshake_ms");
    timeouts->login = number(object, "login_ms");
    timeouts->idle = number(object, "idle_ms");
    timeouts->channel_idle = number(object, "channel_idle_ms");
    timeouts->drain = number(object, "drain_ms");
    timeouts->auth_failure_delay = number(object, "auth_failure_delay_ms");
    timeouts->keepalive = number(object, "keepalive_ms");
    timeouts->keepalive_count = small_number(object, "keepalive_count");
    timeouts->stuck = number(object, "stuck_ms");

    object = json_object_get(root, "rekey");
    extract->config->rekey.bytes = number(object, "bytes");
    extract->config->rekey.after_ms = number(object, "after_ms");
}

static void extract_isolation(struct extract *extract, const json_t *object,
                              struct config_plugin *plugin)
{
    static const char *const isolations[] = {"", "in-process", "process", NULL};
    static const char *const filters[] = {"off", "default", NULL};
    static const char *const actions[] = {"restart", "disable", NULL};
    const json_t *sandbox = json_object_get(object, "sandbox");
    const json_t *on_crash = json_object_get(object, "on_crash");
    plugin->isolation = (enum config_isolation)choice(object, "isolation", isolations);
    plugin->sandbox = (struct config_sandbox){
        .user = text_copy(extract, sandbox, "user"),
        .group = text_copy(extract, sandbox, "group"),
        .no_new_privileges = truth(sandbox, "no_new_privileges"),
        .filters_calls = choice(sandbox, "seccomp", filters) != 0,
        .memory_bytes = number(sandbox, "memory_bytes"),
        .open_files = number(sandbox, "open_files"),
        .processes = number(sandbox, "processes"),
    };
    plugin->on_crash = (struct config_on_crash){
        .disables = choice(on_crash, "action", actions) != 0,
        .crashes = small_number(on_crash, "crashes"),
        .within_ms = number(on_crash, "within_ms"),
    };
}

static void extract_plugin(struct extract *extract, const json_t *object, size_t index)
{
    struct config_plugin *plugin = &extract->config->plugins[index];
    const json_t *inner = json_object_get(object, "config");
    const json_t *deadlines = json_object_get(object, "deadlines_ms");
    const char *on_error = json_string_value(json_object_get(object, "on_error"));
    char pointer[32];
    snprintf(pointer, sizeof pointer, "/plugins/%zu", index);
    plugin->line = positions_line(extract->config->positions, pointer);
    plugin->name = text_copy(extract, object, "name");
    plugin->plugin = json_object_get(object, "plugin") ? text_copy(extract, object, "plugin")
                                                       : copy(extract, plugin->name);
    plugin->threading = text_copy(extract, object, "threading");
    plugin->deadline_ms = number(object, "deadline_ms");
    extract_isolation(extract, object, plugin);
    plugin->on_error_next = on_error && strcmp(on_error, "next") == 0;
    plugin->config_json =
        json_is_object(inner) ? json_dumps(inner, JSON_COMPACT) : copy(extract, "{}");
    plugin->deadlines_json =
        json_is_object(deadlines) ? json_dumps(deadlines, JSON_COMPACT) : copy(extract, "{}");
    if (!plugin->config_json || !plugin->deadlines_json)
        extract->is_out_of_memory = true;
}

static void extract_plugins(struct extract *extract, const json_t *root)
{
    struct config *config = extract->config;
    const json_t *list = json_object_get(root, "plugins");
    config->plugin_directories = texts(extract, json_object_get(root, "plugin_directories"),
                                       &config->plugin_directories_count, path_copy);
    if (config->plugin_directories)
        config->plugin_directories[config->plugin_directories_count++] =
            copy(extract, SALLYPORT_PLUGIN_DIR);
    config->plugins = array(extract, json_array_size(list), sizeof *config->plugins);
    if (!config->plugins)
        return;
    config->plugins_count = json_array_size(list);
    for (size_t i = 0; i < config->plugins_count; i++)
        extract_plugin(extract, json_array_get(list, i), i);
}

static void extract_chain(struct extract *extract, const json_t *chains, const char *key,
                          struct config_chain *chain)
{
    chain->instances = texts(extract, json_object_get(chains, key), &chain->count, copy);
}

static const struct {
    const char *name;
    uint32_t bit;
} methods[] = {{"publickey", SP_METHOD_PUBLICKEY},
               {"password", SP_METHOD_PASSWORD},
               {"keyboard-interactive", SP_METHOD_KEYBOARD_INTERACTIVE}};

/* 0: no method has this name. */
static uint32_t method_bit(const char *name, size_t len)
{
    for (size_t i = 0; name && i < sizeof methods / sizeof methods[0]; i++)
        if (strlen(methods[i].name) == len && memcmp(methods[i].name, name, len) == 0)
            return methods[i].bit;
    return 0;
}

/* "method", "instance" or "method:instance". */
static void extract_factor(struct extract *extract, const char *text, struct config_factor *factor)
{
    size_t len = strcspn(text, ":");
    factor->method = method_bit(text, len);
    if (!factor->method)
        factor->instance = copy(extract, text);
    else if (text[len] == ':')
        factor->instance = copy(extract, text + len + 1);
}

static void extract_factors(struct extract *extract, const json_t *list,
                            struct config_factors *factors)
{
    factors->items = array(extract, json_array_size(list), sizeof *factors->items);
    if (!factors->items)
        return;
    factors->count = json_array_size(list);
    for (size_t i = 0; i < factors->count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        extract_factor(extract, text ? text : "", &factors->items[i]);
    }
}

static void extract_auth(struct extract *extract, const json_t *root)
{
    struct config *config = extract->config;
    const json_t *chains = json_object_get(root, "chains");
    const json_t *list = json_object_get(root, "auth_methods");
    extract_chain(extract, chains, "connection", &config->connection_chain);
    extract_chain(extract, chains, "auth", &config->auth_chain);
    extract_chain(extract, chains, "channel", &config->channel_chain);
    extract_chain(extract, chains, "log", &config->log_chain);
    extract_chain(extract, chains, "sftp", &config->sftp_chain);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        config->auth_methods |= name ? method_bit(name, strlen(name)) : 0;
    }
    list = json_object_get(root, "auth_require");
    config->auth_require = array(extract, json_array_size(list), sizeof *config->auth_require);
    if (!config->auth_require)
        return;
    config->auth_require_count = json_array_size(list);
    for (size_t i = 0; i < config->auth_require_count; i++)
        extract_factors(extract, json_array_get(list, i), &config->auth_require[i]);
}

static void extract_subsystems(struct extract *extract, json_t *object)
{
    struct config *config = extract->config;
    const char *name;
    json_t *value;
    config->subsystems = array(extract, json_object_size(object), sizeof *config->subsystems);
    if (!config->subsystems)
        return;
    json_object_foreach(object, name, value)
    {
        struct config_subsystem *subsystem = &config->subsystems[config->subsystems_count++];
        const char *instance = json_is_string(value) ? json_string_value(value) : "";
        subsystem->name = copy(extract, name);
        if (strcmp(instance, CONFIG_CORE) != 0)
            subsystem->instance = copy(extract, instance);
    }
}

static void extract_mounts(struct extract *extract, const json_t *list)
{
    static const char *const accesses[] = {"read-write", "read-only", "write-only", NULL};
    struct config *config = extract->config;
    config->mounts = array(extract, json_array_size(list), sizeof *config->mounts);
    if (!config->mounts)
        return;
    config->mounts_count = json_array_size(list);
    for (size_t i = 0; i < config->mounts_count; i++) {
        struct config_mount *mount = &config->mounts[i];
        const json_t *object = json_array_get(list, i);
        mount->path = text_copy(extract, object, "path");
        mount->provider = text_copy(extract, object, "provider");
        mount->root = text_copy(extract, object, "root");
        mount->access = (enum config_mount_access)choice(object, "access", accesses);
        extract_patterns(extract, json_object_get(object, "users"), &mount->users);
        extract_patterns(extract, json_object_get(object, "groups"), &mount->groups);
    }
}

static void extract_sftp(struct extract *extract, const json_t *object)
{
    struct config *config = extract->config;
    config->sftp_version_max = small_number(object, "version_max");
    config->sftp_hash_commands = truth(object, "hash_commands");
    config->sftp_transfer_hash = text_copy(extract, object, "transfer_hash");
    extract_patterns(extract, json_object_get(object, "partial_names"),
                     &config->sftp_partial_names);
    static const char *const newlines[] = {"lf", "crlf", NULL};
    config->sftp_newline_is_crlf = choice(object, "newline", newlines) != 0;
    config->sftp_entries_per_answer = small_number(object, "entries_per_answer");
}

int config_extract(json_t *root, struct config *config)
{
    const char *slash = strrchr(config->file, '/');
    struct extract extract = {.config = config,
                              .directory_len = slash ? (size_t)(slash - config->file) + 1 : 0};
    extract_process(&extract, root);
    extract_listeners(&extract, json_object_get(root, "listeners"));
    extract_keys(&extract, root);
    extract_algorithms(&extract, json_object_get(root, "algorithms"));
    extract_admission(&extract, root);
    extract_bounds(&extract, root);
    extract_plugins(&extract, root);
    extract_auth(&extract, root);
    extract_subsystems(&extract, json_object_get(root, "subsystems"));
    extract_mounts(&extract, json_object_get(root, "mounts"));
    extract_sftp(&extract, json_object_get(root, "sftp"));
    return extract.is_out_of_memory ? SP_ERR_NOMEM : 0;
}
