/*
 * plugin.c: `sallyport plugin list|info|check`: what plugins there are, what one of them offers,
 * and what is wrong with it.
 *
 * list reads manifests only, and info asks the daemon for an instance that runs. Otherwise info and
 * check load the library, which runs code of the plugin: in a child, so that a crash is told like
 * any other mistake.
 */
#include <dirent.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/cli.h"
#include "cli/plugin_live.h"
#include "cli/table.h"
#include "config/config.h"
#include "plugin/instance.h"
#include "plugin/loader.h"
#include "plugin/manifest.h"

#define DIRECTORIES_MAX 65 /* what a configuration can have, and the installation's */

struct options {
    bool is_json;
    const char *config_file; /* NULL: not given */
    char *directories[DIRECTORIES_MAX];
    size_t directories_count;
    const char *subject; /* a name or path; NULL: none */
    const char *socket;  /* of the daemon to be asked; NULL: as the configuration says */
    struct config *config;
};

/* The configuration, if one is named, or else needed and there. */
static int read_configuration(struct options *options)
{
    struct report report = {0};
    const char *file = options->config_file ? options->config_file : CLI_CONFIG_FILE;
    if (!options->config_file && (options->directories_count > 0 || access(file, R_OK) < 0))
        return 0;
    int rc = config_load(file, &options->config, &report);
    if (rc < 0)
        report_print(&report, STDERR_FILENO);
    report_free(&report);
    return rc < 0 ? CLI_FAILED : 0;
}

/* Where plugins are looked for: as the options say, or the configuration, or the build. */
static int find_directories(struct options *options)
{
    int code = read_configuration(options);
    const struct config *config = options->config;
    if (code != 0 || options->directories_count > 0)
        return code;
    for (size_t i = 0; config && i < config->plugin_directories_count && i < DIRECTORIES_MAX; i++)
        options->directories[options->directories_count++] = config->plugin_directories[i];
    if (!config)
        options->directories[options->directories_count++] = (char *)SALLYPORT_PLUGIN_DIR;
    return 0;
}

static int parse_options(int argc, char **argv, int subjects, struct options *ret_options)
{
    enum { OPTION_JSON, OPTION_CONFIG, OPTION_DIRECTORY, OPTION_SOCKET };
    static const struct option known[] = {
        {"json", no_argument, NULL, OPTION_JSON},
        {"config", required_argument, NULL, OPTION_CONFIG},
        {"directory", required_argument, NULL, OPTION_DIRECTORY},
        {"socket", required_argument, NULL, OPTION_SOCKET},
        {NULL, 0, NULL, 0},
    };
    *ret_options = (struct options){0};
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (option == OPTION_JSON)
            ret_options->is_json = true;
        else if (option == OPTION_CONFIG)
            ret_options->config_file = optarg;
        else if (option == OPTION_SOCKET)
            ret_options->socket = optarg;
        else if (option == OPTION_DIRECTORY && ret_options->directories_count < DIRECTORIES_MAX)
            ret_options->directories[ret_options->directories_count++] = optarg;
        else
            return cli_usage("plugin");
    }
    if (argc - optind != subjects)
        return cli_usage("plugin");
    ret_options->subject = subjects ? argv[optind] : NULL;
    return find_directories(ret_options);
}

/* What the running daemon says, if there is one and it is meant. */
static json_t *ask_daemon(const struct options *options, const char *instance)
{
    const char *socket = options->socket;
    if (!socket && options->config)
        socket = options->config->control_socket;
    return socket ? plugin_live_ask(socket, instance) : NULL;
}

static json_t *json_of_interfaces(const struct manifest *manifest)
{
    json_t *interfaces = json_array();
    for (unsigned i = 0; i < PLUGIN_INTERFACE_COUNT; i++)
        if (manifest->interfaces[i])
            json_array_append_new(interfaces, json_string(plugin_interface_name(i)));
    return interfaces;
}

static json_t *json_of_manifest(const struct manifest *manifest)
{
    char abi[16];
    snprintf(abi, sizeof abi, "%u.%u", manifest->abi_major, manifest->abi_minor);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:O}", "name",
                     manifest->name, "version", manifest->version, "abi", abi, "description",
                     manifest->description, "author", manifest->author, "license",
                     manifest->license, "manifest", manifest->file, "library",
                     manifest->library_file, "threading", threading_text(manifest->threading),
                     "deadline_ms", (json_int_t)manifest->deadline_ms, "interfaces",
                     json_of_interfaces(manifest), "configuration", manifest->configuration);
}

static json_t *json_of_report(const struct report *report)
{
    json_t *complaints = json_array();
    for (size_t i = 0; i < report->count; i++) {
        const struct complaint *c = &report->complaints[i];
        json_array_append_new(complaints, json_pack("{s:s?, s:i, s:s?, s:s?, s:b}", "file", c->file,
                                                    "line", c->line, "key", c->key, "text", c->text,
                                                    "warning", (int)c->is_warning));
    }
    return complaints;
}

/* document is taken over. */
static void print_json(json_t *document)
{
    json_dumpf(document, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(document);
}

/* list */

static int by_name(const void *a, const void *b)
{
    const struct manifest *const *first = a, *const *second = b;
    return strcmp((*first)->name, (*second)->name);
}

struct listing {
    struct manifest **manifests;
    size_t count;
    struct report report;
};

static bool is_listed(const struct listing *listing, const char *name)
{
    for (size_t i = 0; i < listing->count; i++)
        if (strcmp(listing->manifests[i]->name, name) == 0)
            return true;
    return false;
}

/* The first directory that has a name is the one that an instance gets it from. */
static void list_directory(struct listing *listing, char *directory)
{
    DIR *d = opendir(directory);
    if (!d)
        return;
    for (struct dirent *entry; (entry = readdir(d));) {
        struct manifest *manifest;
        if (is_listed(listing, entry->d_name) ||
            manifest_find(entry->d_name, &directory, 1, &manifest, &listing->report) < 0)
            continue;
        struct manifest **grown =
            reallocarray(listing->manifests, listing->count + 1, sizeof *grown);
        if (!grown) {
            manifest_free(manifest);
            break;
        }
        listing->manifests = grown;
        listing->manifests[listing->count++] = manifest;
    }
    closedir(d);
}

static void print_listing(const struct listing *listing)
{
    static const char *const headings[] = {"NAME", "VERSION", "THREADING", "INTERFACES",
                                           "DESCRIPTION"};
    struct table table;
    table_begin(&table, sizeof headings / sizeof *headings, headings);
    for (size_t i = 0; i < listing->count; i++) {
        const struct manifest *m = listing->manifests[i];
        char interfaces[256] = "";
        for (unsigned n = 0; n < PLUGIN_INTERFACE_COUNT; n++) {
            if (!m->interfaces[n])
                continue;
            strcat(interfaces, *interfaces ? "," : "");
            strcat(interfaces, plugin_interface_name(n) + strlen("sallyport."));
        }
        table_cell(&table, "%s", m->name);
        table_cell(&table, "%s", m->version);
        table_cell(&table, "%s", threading_text(m->threading));
        table_cell(&table, "%s", interfaces);
        table_cell(&table, "%s", m->description);
    }
    table_end(&table);
}

static int list(int argc, char **argv)
{
    struct options options;
    struct listing listing = {0};
    int code = parse_options(argc, argv, 0, &options);
    if (code != 0)
        return code;
    for (size_t i = 0; i < options.directories_count; i++)
        list_directory(&listing, options.directories[i]);
    if (listing.count > 0)
        qsort(listing.manifests, listing.count, sizeof *listing.manifests, by_name);

    json_t *instances = ask_daemon(&options, NULL);
    if (options.is_json) {
        json_t *plugins = json_array();
        for (size_t i = 0; i < listing.count; i++)
            json_array_append_new(plugins, json_of_manifest(listing.manifests[i]));
        print_json(json_pack("{s:o, s:o, s:O*}", "plugins", plugins, "complaints",
                             json_of_report(&listing.report), "instances", instances));
    } else {
        print_listing(&listing);
        if (instances) {
            putchar('\n');
            plugin_live_print_all(instances);
        }
        report_print(&listing.report, STDERR_FILENO);
    }
    json_decref(instances);
    code = listing.report.errors ? CLI_FAILED : 0;
    for (size_t i = 0; i < listing.count; i++)
        manifest_free(listing.manifests[i]);
    free(listing.manifests);
    report_free(&listing.report);
    config_free(options.config);
    return code;
}

/* info and check */

static void tell_crash(const struct options *options, int number)
{
    struct report report = {0};
    report_error(&report, options->subject, 0, NULL, "crashes while it is loaded (%s)",
                 strsignal(number));
    if (options->is_json)
        print_json(json_pack("{s:b, s:o}", "ok", 0, "complaints", json_of_report(&report)));
    else
        report_print(&report, STDERR_FILENO);
    report_free(&report);
}

/* Run work in a child: its exit status, or CLI_FAILED if it crashed. */
static int guarded(int (*work)(const struct options *options), const struct options *options)
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        exit(work(options));
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        perror("sallyport plugin");
        return CLI_FAILED;
    }
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    tell_crash(options, WTERMSIG(status));
    return CLI_FAILED;
}

static bool is_path(const char *subject)
{
    return strchr(subject, '/') || strcmp(subject, ".") == 0 || strcmp(subject, "..") == 0;
}

/* The manifest that a path means: itself, or the one in that directory. */
static char *manifest_at(const char *path)
{
    struct stat st;
    char *file = NULL;
    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return strdup(path);
    return asprintf(&file, "%s/%s", path, MANIFEST_FILE) < 0 ? NULL : file;
}

static char *manifest_named(const struct options *options)
{
    const struct config_plugin *instance =
        options->config ? config_plugin_find(options->config, options->subject) : NULL;
    const char *name = instance ? instance->plugin : options->subject;
    struct stat st;
    char *file;
    for (size_t i = 0; i < options->directories_count; i++) {
        if (asprintf(&file, "%s/%s/%s", options->directories[i], name, MANIFEST_FILE) < 0)
            return NULL;
        if (lstat(file, &st) == 0)
            return file;
        free(file);
    }
    fprintf(stderr, "sallyport: no plugin \"%s\" in", name);
    for (size_t i = 0; i < options->directories_count; i++)
        fprintf(stderr, " %s", options->directories[i]);
    fputs("; `sallyport plugin list` shows those there are\n", stderr);
    return NULL;
}

/* Whether the configuration's uses of the plugin suit it. */
static void check_uses(const struct config *config, struct manifest *manifest,
                       struct report *report)
{
    size_t uses = 0;
    for (size_t i = 0; i < config->plugins_count; i++) {
        if (strcmp(config->plugins[i].plugin, manifest->name) != 0)
            continue;
        uses++;
        instance_check(config, i, manifest, report);
    }
    if (uses == 0)
        report_warning(report, config->file, 0, "/plugins", "has no instance of %s",
                       manifest->name);
}

/* The plugin that the subject means, and all that is wrong with it. *ret_manifest is NULL if there
 * is anything. False after a message if there is nothing to look at. */
static bool inspect(const struct options *options, struct manifest **ret_manifest,
                    struct loaded_plugin *ret_loaded, struct report *report)
{
    struct manifest *manifest;
    *ret_manifest = NULL;
    char *file =
        is_path(options->subject) ? manifest_at(options->subject) : manifest_named(options);
    if (!file)
        return false;
    size_t errors = report->errors;
    manifest_check(file, MANIFEST_NO_OWNER, &manifest, report);
    if (manifest) {
        loader_load(manifest, ret_loaded, report);
        if (options->config)
            check_uses(options->config, manifest, report);
    }
    if (report->errors == errors)
        *ret_manifest = manifest;
    else
        manifest_free(manifest);
    free(file);
    return true;
}

static int check_now(const struct options *options)
{
    struct manifest *manifest;
    struct loaded_plugin loaded;
    struct report report = {0};
    if (!inspect(options, &manifest, &loaded, &report))
        return CLI_FAILED;
    if (options->is_json) {
        print_json(
            json_pack("{s:b, s:o}", "ok", manifest != NULL, "complaints", json_of_report(&report)));
    } else {
        report_print(&report, STDERR_FILENO);
        if (manifest)
            printf("%s: no mistakes\n", manifest->file);
    }
    int code = manifest ? 0 : CLI_FAILED;
    manifest_free(manifest);
    report_free(&report);
    return code;
}

static bool offers(const struct loaded_plugin *loaded, unsigned operation)
{
    return loaded->operations >> operation & 1u;
}

static void print_info_json(const struct manifest *manifest, const struct loaded_plugin *loaded)
{
    json_t *document = json_of_manifest(manifest);
    json_t *operations = json_array();
    for (unsigned op = 0; op < PLUGIN_OPERATION_COUNT; op++)
        if (offers(loaded, op))
            json_array_append_new(operations, json_string(plugin_operation_info(op)->name));
    json_object_set_new(document, "operations", operations);
    if (manifest->interfaces[PLUGIN_SFTP])
        json_object_set(document, "sftp", json_object_get(manifest->document, "sftp"));
    print_json(document);
}

/* Of a hook: the families of operations that it is asked about, as its manifest names them. */
static void print_families(const struct manifest *manifest)
{
    const json_t *hook = json_object_get(manifest->document, "sftp");
    static const char *const keys[] = {"before", "after", "existing"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        const json_t *families = json_object_get(hook, keys[k]);
        if (json_array_size(families) == 0)
            continue;
        printf("  %-12s", keys[k]);
        for (size_t i = 0; i < json_array_size(families); i++)
            printf(" %s", json_string_value(json_array_get(families, i)));
        putchar('\n');
    }
    if (manifest->sftp_data || manifest->sftp_listings)
        printf("  %-12s%s%s\n", "with", manifest->sftp_data ? " data" : "",
               manifest->sftp_listings ? " listings" : "");
}

static void print_operations(const struct loaded_plugin *loaded, enum plugin_interface interface)
{
    printf("interface      %s:", plugin_interface_name(interface));
    for (unsigned op = 0; op < PLUGIN_OPERATION_COUNT; op++) {
        const struct plugin_operation_info *info = plugin_operation_info(op);
        if (info->interface == interface && offers(loaded, op))
            printf(" %s", strchr(info->name, '.') + 1);
    }
    putchar('\n');
}

static void print_line(const char *key, const char *value)
{
    if (*value)
        printf("%-14s %s\n", key, value);
}

static void print_info(const struct manifest *m, const struct loaded_plugin *loaded)
{
    printf("%s %s\n", m->name, m->version);
    print_line("description", m->description);
    print_line("author", m->author);
    print_line("license", m->license);
    print_line("manifest", m->file);
    print_line("library", m->library_file);
    printf("%-14s %u.%u\n", "abi", m->abi_major, m->abi_minor);
    print_line("threading", threading_text(m->threading));
    if (m->deadline_ms)
        printf("%-14s %llu ms\n", "deadline", (unsigned long long)m->deadline_ms);
    for (unsigned i = 0; i < PLUGIN_INTERFACE_COUNT; i++)
        if (m->interfaces[i])
            print_operations(loaded, i);
    if (m->interfaces[PLUGIN_SFTP])
        print_families(m);
    char *schema = json_dumps(m->configuration, JSON_INDENT(2));
    if (schema)
        printf("configuration  %s\n", schema);
    free(schema);
}

static int info_now(const struct options *options)
{
    struct manifest *manifest;
    struct loaded_plugin loaded;
    struct report report = {0};
    if (!inspect(options, &manifest, &loaded, &report))
        return CLI_FAILED;
    report_print(&report, STDERR_FILENO);
    if (manifest && options->is_json)
        print_info_json(manifest, &loaded);
    else if (manifest)
        print_info(manifest, &loaded);
    int code = manifest ? 0 : CLI_FAILED;
    manifest_free(manifest);
    report_free(&report);
    return code;
}

/* An instance of the running daemon; else what there is to know of a plugin without one. */
static int info(int argc, char **argv)
{
    struct options options;
    int code = parse_options(argc, argv, 1, &options);
    if (code == 0) {
        json_t *instances = is_path(options.subject) ? NULL : ask_daemon(&options, options.subject);
        json_t *instance = json_array_get(instances, 0);
        if (!instance)
            code = guarded(info_now, &options);
        else if (options.is_json)
            print_json(json_incref(instance));
        else
            plugin_live_print(instance);
        json_decref(instances);
    }
    config_free(options.config);
    return code;
}

static int look(int argc, char **argv, int (*work)(const struct options *options))
{
    struct options options;
    int code = parse_options(argc, argv, 1, &options);
    if (code == 0)
        code = guarded(work, &options);
    config_free(options.config);
    return code;
}

int cli_plugin(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "list") == 0)
        return list(argc - 1, argv + 1);
    if (strcmp(what, "info") == 0)
        return info(argc - 1, argv + 1);
    if (strcmp(what, "check") == 0)
        return look(argc - 1, argv + 1, check_now);
    if (strcmp(what, "new") == 0)
        return cli_plugin_new(argc - 1, argv + 1);
    return cli_usage("plugin");
}
