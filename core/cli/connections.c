/* connections.c: `sallyport connections`, `sallyport disconnect` and `sallyport rekey`. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/request.h"
#include "cli/table.h"

static void add_row(struct table *table, const json_t *connection)
{
    char text[32];
    const char *address = answer_text(connection, "remote_address");
    const char *user = answer_text(connection, "user");
    bool is_authenticated = json_is_true(json_object_get(connection, "authenticated"));
    table_cell(table, "%" PRIu64, answer_number(connection, "id"));
    table_cell(table, is_authenticated ? "%s" : "(%s)", user);
    table_cell(table, strchr(address, ':') ? "[%s]:%" PRIu64 : "%s:%" PRIu64, address,
               answer_number(connection, "remote_port"));
    table_cell(table, "%s", format_duration(answer_number(connection, "age_ms"), text));
    table_cell(table, "%s", format_duration(answer_number(connection, "idle_ms"), text));
    table_cell(table, "%s", format_bytes(answer_number(connection, "bytes_in"), text));
    table_cell(table, "%s", format_bytes(answer_number(connection, "bytes_out"), text));
    table_cell(table, "%" PRIu64, answer_number(connection, "channels"));
    table_cell(table, "%" PRIu64, answer_number(connection, "worker"));
    table_cell(table, "%s", answer_text(connection, "client_version"));
}

int cli_connections(int argc, char **argv)
{
    static const char *const headings[] = {"ID", "USER", "FROM",     "AGE",    "IDLE",
                                           "IN", "OUT",  "CHANNELS", "WORKER", "CLIENT"};
    struct request_options options;
    int first;
    int code = request_options_parse(argc, argv, 0, 0, false, &options, &first);
    if (code != 0)
        return code;
    json_t *answer = request_send(&options, json_pack("{s:s}", "command", "connections"));
    if (answer && !options.is_json) {
        struct table table;
        size_t i;
        json_t *connection;
        table_begin(&table, sizeof(headings) / sizeof(headings[0]), headings);
        json_array_foreach(json_object_get(answer, "connections"), i, connection)
            add_row(&table, connection);
        table_end(&table);
        if (!json_is_true(json_object_get(answer, "complete")))
            puts("some workers did not answer in time; theirs are missing");
    }
    code = answer ? 0 : CLI_FAILED;
    json_decref(answer);
    request_options_free(&options);
    return code;
}

/* What the daemon is asked to do to the connection of an ID; done is said when it will be. */
static int ask_about_one(int argc, char **argv, int arguments_max, const char *command,
                         const char *done)
{
    struct request_options options;
    int first;
    char *end;
    int code = request_options_parse(argc, argv, 1, arguments_max, false, &options, &first);
    if (code != 0)
        return code;
    errno = 0;
    long long id = strtoll(argv[first], &end, 10);
    if (errno || *end || id <= 0) {
        fprintf(stderr, "sallyport: \"%s\" is not the ID of a connection\n", argv[first]);
        request_options_free(&options);
        return CLI_USAGE;
    }
    json_t *answer = request_send(&options, json_pack("{s:s, s:I, s:s*}", "command", command, "id",
                                                      (json_int_t)id, "reason",
                                                      first + 1 < argc ? argv[first + 1] : NULL));
    if (answer && !options.is_json)
        printf("connection %lld %s\n", id, done);
    code = answer ? 0 : CLI_FAILED;
    json_decref(answer);
    request_options_free(&options);
    return code;
}

int cli_disconnect(int argc, char **argv)
{
    return ask_about_one(argc, argv, 2, "disconnect", "is being ended");
}

int cli_rekey(int argc, char **argv)
{
    return ask_about_one(argc, argv, 1, "rekey", "gets new keys");
}
