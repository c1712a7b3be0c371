/*
 * main.c: sallyportd's arguments, and what the supervisor needs from the layers above it. Becomes
 * the supervisor, or one of its workers.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "checks.h"
#include "keys/hostkeys.h"
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

enum { OPTION_CONFIG, OPTION_FOREGROUND, OPTION_VERSION, OPTION_HELP, OPTION_WORKER };

static const struct option options[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"foreground", no_argument, NULL, OPTION_FOREGROUND}, /* there is no other way */
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
    {"worker", no_argument, NULL, OPTION_WORKER}, /* from the supervisor only */
    {NULL, 0, NULL, 0},
};

int main(int argc, char **argv)
{
    struct supervisor_options supervisor = {
        .config_file = SALLYPORT_SYSCONF_DIR "/sallyport.json",
        .worker_path = "/proc/self/exe", /* also when the file has been replaced meanwhile */
        .version = SALLYPORT_VERSION,
        .more = checks_run,
        .prepare = hostkeys_ensure,
    };
    bool is_worker = false;
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
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "sallyportd: unexpected argument \"%s\"\n%s", argv[optind], usage);
        return 2;
    }
    return is_worker ? serve_run(supervisor.config_file) : supervisor_run(&supervisor);
}
