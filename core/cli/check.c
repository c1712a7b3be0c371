/* check.c: `sallyport check` and `sallyport version`: what can be told without a daemon. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checks.h"
#include "cli/cli.h"
#include "config/config.h"
#include "session/features.h"

int cli_check(int argc, char **argv)
{
    static const struct option options[] = {{NULL, 0, NULL, 0}};
    struct config *config = NULL;
    struct report report = {0};
    if (getopt_long(argc, argv, "", options, NULL) != -1 || argc - optind > 1)
        return cli_usage(argv[0]);
    const char *file = optind < argc ? argv[optind] : CLI_CONFIG_FILE;
    int rc = config_load_more(file, checks_run, &config, &report);
    report_print(&report, rc < 0 ? STDERR_FILENO : STDOUT_FILENO);
    if (rc == 0)
        printf("%s: no mistakes\n", file);
    report_free(&report);
    config_free(config);
    return rc < 0 ? CLI_FAILED : 0;
}

int cli_version(int argc, char **argv)
{
    enum { OPTION_FEATURES };
    static const struct option options[] = {{"features", no_argument, NULL, OPTION_FEATURES},
                                            {NULL, 0, NULL, 0}};
    bool is_long = false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option != OPTION_FEATURES)
            return cli_usage("version");
        is_long = true;
    }
    if (optind < argc)
        return cli_usage("version");
    puts("sallyport " SALLYPORT_VERSION);
    if (is_long)
        session_features_print(stdout);
    return 0;
}
