/*
 * main.c: sallyportd's arguments, and what the supervisor needs from the layers above it. Becomes
 * the supervisor, one of its workers, or a plugin instance's own process.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "checks.h"
#include "isolate.h"
#include "keys/hostkeys.h"
#include "plugin/operation.h"
#include "serve.h"
#include "supervisor/supervisor.h"

static const char usage[] =
    "usage: sallyportd [--config FILE]\n"
    "\n"
    "Serves SSH through plugins, in the foreground, until SIGTERM.\n"
    "\n"
    "  --config FILE  the configuration; default " SALLYPORT_SYSCONF_DIR "/sallyport.json\n"
    "  --version      print the version\n"
    "  --help         print this\n";

enum {
    OPTION_CONFIG,
    OPTION_FOREGROUND,
    OPTION_VERSION,
    OPTION_HELP,
    OPTION_WORKER,
    OPTION_PLUGIN_HOST,
    OPTION_INSTANCE
};

static const struct option options[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"foreground", no_argument, NULL, OPTION_FOREGROUND}, /* there is no other way */
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
    {"worker", no_argument, NULL, OPTION_WORKER}, /* from the supervisor only, as what follows */
    {"plugin-host", no_argument, NULL, OPTION_PLUGIN_HOST},
    {"instance", required_argument, NULL, OPTION_INSTANCE},
    {NULL, 0, NULL, 0},
};

static const char *operation_name(size_t operation)
{
    return plugin_operation_info((enum plugin_operation)operation)->name;
}

int main(int argc, char **argv)
{
    struct supervisor_options supervisor = {
        .config_file = SALLYPORT_SYSCONF_DIR "/sallyport.json",
        .worker_path = "/proc/self/exe", /* also when the file has been replaced meanwhile */
        .version = SALLYPORT_VERSION,
        .more = checks_run,
        .prepare = hostkeys_ensure,
        .operations_count = PLUGIN_OPERATION_COUNT,
        .operation_name = operation_name,
    };
    bool is_worker = false, is_host = false;
    const char *instance = "";
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case OPTION_CONFIG:
            supervisor.config_file = optarg;
            break;
        case OPTION_FOREGROUND:
            break;
        case OPTION_VERSION:
            puts("sallyportd " SALLYPORT_VERSION);
            return EXIT_SUCCESS;
        case OPTION_HELP:
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        case OPTION_WORKER:
            is_worker = true;
            break;
        case OPTION_PLUGIN_HOST:
            is_host = true;
            break;
        case OPTION_INSTANCE:
            instance = optarg;
            break;
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "sallyportd: unexpected argument \"%s\"\n%s", argv[optind], usage);
        return 2;
    }
    if (is_host)
        return isolate_run(supervisor.config_file, instance);
    return is_worker ? serve_run(supervisor.config_file) : supervisor_run(&supervisor);
}
