/* hostkeys.c: `sallyport hostkeys`: what to compare with when a client asks whether to trust the
 * server. Reads the keys themselves, so that it works before the daemon does. */
#include <getopt.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "keys/hostkeys.h"

static void add_row(const struct hostkey_facts *facts, void *arg)
{
    struct table *table = arg;

    table_cell(table, "%s", facts->set[0] ? facts->set : "-");
    table_cell(table, "%s", facts->type);
    table_cell(table, "%s", facts->sha256);
    table_cell(table, "%s", facts->md5);
    table_cell(table, "%s", facts->source);
}

int cli_hostkeys(int argc, char **argv)
{
    static const struct option options[] = {{NULL, 0, NULL, 0}};
    static const char *const headings[] = {"SET", "TYPE", "SHA256", "MD5", "FROM"};
    struct config *config = NULL;
    struct report report = {0};
    struct table table;
    int rc;

    if (getopt_long(argc, argv, "", options, NULL) != -1 || argc - optind > 1)
        return cli_usage(argv[0]);
    rc = config_load(optind < argc ? argv[optind] : CLI_CONFIG_FILE, &config, &report);
    if (rc == 0) {
        table_begin(&table, sizeof headings / sizeof *headings, headings);
        rc = hostkeys_describe(config, add_row, &table, &report);
        table_end(&table);
    }
    report_print(&report, STDERR_FILENO);
    report_free(&report);
    config_free(config);
    return rc < 0 ? CLI_FAILED : 0;
}
