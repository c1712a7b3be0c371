/* status.c: `sallyport status`. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/request.h"
#include "cli/table.h"

static void print_head(const json_t *status)
{
    char age[32];
    printf("sallyportd %s, %s%s, pid %" PRIu64 ", up %s, generation %" PRIu64 "\n",
           answer_text(status, "version"), answer_text(status, "state"),
           json_is_true(json_object_get(status, "reloading")) ? " (reloading)" : "",
           answer_number(status, "pid"), format_duration(answer_number(status, "uptime_ms"), age),
           answer_number(status, "generation"));
    printf("configuration  %s\n", answer_text(status, "config_file"));
    printf("connections    %" PRIu64 ", of which %" PRIu64 " not authenticated\n",
           answer_number(status, "connections"), answer_number(status, "unauthenticated"));
    if (!json_is_true(json_object_get(status, "accepting")))
        puts("               none are taken at the moment");
}

static void print_disabled(const json_t *names)
{
    size_t i;
    json_t *name;
    json_array_foreach(names, i, name)
        printf("disabled       %s, which crashed too often; a reload enables it again\n",
               json_string_value(name));
}

static void print_listeners(const json_t *listeners)
{
    static const char *const headings[] = {"LISTENER", "ADDRESS", "PORT"};
    struct table table;
    size_t i;
    json_t *listener;
    table_begin(&table, 3, headings);
    json_array_foreach(listeners, i, listener)
    {
        table_cell(&table, "%s", answer_text(listener, "name"));
        table_cell(&table, "%s", answer_text(listener, "address"));
        table_cell(&table, "%" PRIu64, answer_number(listener, "port"));
    }
    table_end(&table);
}

static void print_workers(const json_t *workers)
{
    static const char *const headings[] = {"WORKER", "GENERATION", "STATE", "CONNECTIONS", "AGE"};
    struct table table;
    size_t i;
    json_t *worker;
    char age[32];
    table_begin(&table, 5, headings);
    json_array_foreach(workers, i, worker)
    {
        table_cell(&table, "%" PRIu64, answer_number(worker, "pid"));
        table_cell(&table, "%" PRIu64, answer_number(worker, "generation"));
        table_cell(&table, "%s", answer_text(worker, "state"));
        table_cell(&table, "%" PRIu64, answer_number(worker, "connections"));
        table_cell(&table, "%s", format_duration(answer_number(worker, "age_ms"), age));
    }
    table_end(&table);
}

static void print_numbers(const json_t *status)
{
    static const char *const headings[] = {"COUNTER", "VALUE"};
    struct table table;
    const char *key;
    json_t *value;
    table_begin(&table, 2, headings);
    json_object_foreach(json_object_get(status, "counters"), key, value)
    {
        table_cell(&table, "%s", key);
        table_cell(&table, "%" PRIu64, (uint64_t)json_integer_value(value));
    }
    json_object_foreach(json_object_get(status, "refused"), key, value)
    {
        table_cell(&table, "refused: %s", key);
        table_cell(&table, "%" PRIu64, (uint64_t)json_integer_value(value));
    }
    table_cell(&table, "worker crashes");
    table_cell(&table, "%" PRIu64, answer_number(status, "crashes"));
    table_cell(&table, "plugin process crashes");
    table_cell(&table, "%" PRIu64, answer_number(status, "plugin_process_crashes"));
    table_end(&table);
}

int cli_status(int argc, char **argv)
{
    struct request_options options;
    int first;
    int code = request_options_parse(argc, argv, 0, 0, false, &options, &first);
    if (code != 0)
        return code;
    json_t *status = request_send(&options, json_pack("{s:s}", "command", "status"));
    if (status && !options.is_json) {
        print_head(status);
        print_disabled(json_object_get(status, "disabled_plugins"));
        putchar('\n');
        print_listeners(json_object_get(status, "listeners"));
        putchar('\n');
        print_workers(json_object_get(status, "workers"));
        putchar('\n');
        print_numbers(status);
    }
    code = status ? 0 : CLI_FAILED;
    json_decref(status);
    request_options_free(&options);
    return code;
}
