/* channels.c: `sallyport channels` and `sallyport close`. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/request.h"
#include "cli/table.h"

static void add_row(struct table *table, const json_t *channel)
{
    char text[32];
    const char *request = answer_text(channel, "request");
    const char *program = answer_text(channel, "program");
    const char *plugin = answer_text(channel, "plugin");
    bool is_ready = json_is_true(json_object_get(channel, "ready_to_send"));
    table_cell(table, "%" PRIu64, answer_number(channel, "connection"));
    table_cell(table, "%" PRIu64, answer_number(channel, "id"));
    table_cell(table, "%s", answer_text(channel, "type"));
    table_cell(table, "%s", format_bytes(answer_number(channel, "bytes_in"), text));
    table_cell(table, "%s", format_bytes(answer_number(channel, "bytes_out"), text));
    table_cell(table, "%s", is_ready ? "yes" : "no");
    table_cell(table, "%s", answer_text(channel, "framing"));
    table_cell(table, "%s", *plugin ? plugin : "-");
    uint64_t version = answer_number(channel, "version");
    text[0] = '\0';
    if (version > 0)
        snprintf(text, sizeof text, ", version %" PRIu64, version);
    table_cell(table, "%s%s%s%s", *request ? request : "-", *program ? " " : "", program, text);
}

/* The number in argv[index], or 0 after having told that it is none. */
static json_int_t number(char **argv, int index, const char *what)
{
    char *end;
    errno = 0;
    long long value = strtoll(argv[index], &end, 10);
    if (!errno && !*end && value > 0)
        return value;
    fprintf(stderr, "sallyport: \"%s\" is not the ID of a %s\n", argv[index], what);
    return 0;
}

static json_t *ask_for_channels(const struct request_options *options, json_int_t connection)
{
    json_t *request = json_pack("{s:s}", "command", "channels");
    if (connection)
        json_object_set_new(request, "connection", json_integer(connection));
    return request_send(options, request);
}

static void print(const json_t *answer)
{
    static const char *const headings[] = {"CONNECTION", "ID",      "TYPE",   "IN",     "OUT",
                                           "READY",      "FRAMING", "PLUGIN", "PROGRAM"};
    struct table table;
    size_t i;
    json_t *channel;
    table_begin(&table, sizeof(headings) / sizeof(headings[0]), headings);
    json_array_foreach(json_object_get(answer, "channels"), i, channel) add_row(&table, channel);
    table_end(&table);
    if (!json_is_true(json_object_get(answer, "complete")))
        puts("some workers did not answer in time; theirs are missing");
}

int cli_channels(int argc, char **argv)
{
    struct request_options options;
    int first;
    json_int_t connection = 0;
    int code = request_options_parse(argc, argv, 0, 1, false, &options, &first);
    if (code != 0)
        return code;
    if (first < argc && (connection = number(argv, first, "connection")) == 0) {
        request_options_free(&options);
        return CLI_USAGE;
    }
    json_t *answer = ask_for_channels(&options, connection);
    if (answer && !options.is_json)
        print(answer);
    code = answer ? 0 : CLI_FAILED;
    json_decref(answer);
    request_options_free(&options);
    return code;
}

/* Only the worker knows its channels, and closes without an answer: so they are looked at first. */
static bool is_there(const struct request_options *options, json_int_t connection,
                     json_int_t channel)
{
    struct request_options quiet = *options;
    bool is_found = false;
    size_t i;
    json_t *row;
    quiet.is_json = false;
    json_t *answer = ask_for_channels(&quiet, connection);
    json_array_foreach(json_object_get(answer, "channels"), i, row) is_found |=
        json_integer_value(json_object_get(row, "id")) == channel;
    if (answer && !is_found)
        fprintf(stderr, "sallyport: connection %lld has no channel %lld\n", (long long)connection,
                (long long)channel);
    json_decref(answer);
    return is_found;
}

int cli_close(int argc, char **argv)
{
    struct request_options options;
    int first;
    json_t *answer = NULL;
    int code = request_options_parse(argc, argv, 2, 2, false, &options, &first);
    if (code != 0)
        return code;
    json_int_t connection = number(argv, first, "connection");
    json_int_t channel = connection ? number(argv, first + 1, "channel") : 0;
    code = channel ? CLI_FAILED : CLI_USAGE;
    if (channel && is_there(&options, connection, channel))
        answer = request_send(&options, json_pack("{s:s, s:I, s:I}", "command", "close",
                                                  "connection", connection, "channel", channel));
    if (answer) {
        code = 0;
        if (!options.is_json)
            printf("channel %lld is being closed\n", (long long)channel);
    }
    json_decref(answer);
    request_options_free(&options);
    return code;
}
