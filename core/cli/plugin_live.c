/*
 * plugin_live.c: how a running daemon runs its plugin instances, what has become of them, what they
 * were asked and how long it took. Called by plugin.c.
 */
#include "cli/plugin_live.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/request.h"
#include "cli/table.h"
#include "plugin/operation.h"

json_t *plugin_live_ask(const char *socket, const char *instance)
{
    json_t *answer =
        request_try(socket, json_pack("{s:s, s:s*}", "command", "plugins", "instance", instance));
    json_t *plugins = json_incref(json_object_get(answer, "plugins"));
    json_decref(answer);
    return plugins;
}

/* "812 ns", "4.2 us", "17 ms", "2.5 s" */
static const char *format_time(uint64_t ns, char text[32])
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    double value = (double)ns;
    size_t unit = 0;
    for (; value >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
        value /= 1000;
    snprintf(text, 32, value < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return text;
}

static const char *format_mean(const json_t *counts, char text[32])
{
    uint64_t calls = answer_number(counts, "calls");
    return calls ? format_time(answer_number(counts, "nanoseconds") / calls, text) : "-";
}

static void print_interfaces(const json_t *operations)
{
    bool is_offered[PLUGIN_INTERFACE_COUNT] = {false};
    size_t i;
    json_t *row;
    json_array_foreach(operations, i, row)
    {
        for (unsigned n = 0; n < PLUGIN_OPERATION_COUNT; n++) {
            const struct plugin_operation_info *info = plugin_operation_info(n);
            is_offered[info->interface] |= strcmp(answer_text(row, "operation"), info->name) == 0;
        }
    }
    printf("interfaces    ");
    for (unsigned n = 0; n < PLUGIN_INTERFACE_COUNT; n++)
        if (is_offered[n])
            printf(" %s", plugin_interface_name(n));
    putchar('\n');
}

static void print_policy(const json_t *policy)
{
    char text[32];
    if (strcmp(answer_text(policy, "action"), "disable") == 0)
        printf("on crash       disabled after %" PRIu64 " within %s\n",
               answer_number(policy, "crashes"),
               format_duration(answer_number(policy, "within_ms"), text));
    else
        puts("on crash       restarted");
}

static void print_processes(const json_t *processes)
{
    size_t i;
    json_t *process;
    json_array_foreach(processes, i, process)
    {
        printf("process        %" PRIu64 " of worker %" PRIu64 ", %s\n",
               answer_number(process, "pid"), answer_number(process, "worker"),
               answer_text(process, "state"));
    }
}

static void print_operations(const json_t *operations)
{
    static const char *const headings[] = {"OPERATION", "DEADLINE", "CALLS", "FAILURES",
                                           "TIMEOUTS",  "MEAN",     "TOTAL"};
    struct table table;
    size_t i;
    json_t *row;
    char text[32];
    table_begin(&table, sizeof(headings) / sizeof(headings[0]), headings);
    json_array_foreach(operations, i, row)
    {
        uint64_t deadline_ms = answer_number(row, "deadline_ms");
        table_cell(&table, "%s", answer_text(row, "operation"));
        table_cell(&table, "%s", deadline_ms ? format_duration(deadline_ms, text) : "none");
        table_cell(&table, "%" PRIu64, answer_number(row, "calls"));
        table_cell(&table, "%" PRIu64, answer_number(row, "failures"));
        table_cell(&table, "%" PRIu64, answer_number(row, "timeouts"));
        table_cell(&table, "%s", format_mean(row, text));
        table_cell(&table, "%s", format_time(answer_number(row, "nanoseconds"), text));
    }
    table_end(&table);
}

void plugin_live_print(const json_t *instance)
{
    const json_t *operations = json_object_get(instance, "operations");
    printf("%s: plugin %s %s\n", answer_text(instance, "instance"), answer_text(instance, "plugin"),
           answer_text(instance, "version"));
    printf("state          %s\n", answer_text(instance, "state"));
    print_interfaces(operations);
    printf("threading      %s\n", answer_text(instance, "threading"));
    printf("isolation      %s\n", answer_text(instance, "isolation"));
    print_policy(json_object_get(instance, "on_crash"));
    printf("crashes        %" PRIu64 "\n", answer_number(instance, "crashes"));
    printf("restarts       %" PRIu64 "\n", answer_number(instance, "restarts"));
    print_processes(json_object_get(instance, "processes"));
    putchar('\n');
    print_operations(operations);
}

void plugin_live_print_all(const json_t *instances)
{
    static const char *const headings[] = {"INSTANCE",  "PLUGIN", "STATE",    "THREADING",
                                           "ISOLATION", "CALLS",  "FAILURES", "TIMEOUTS",
                                           "MEAN",      "CRASHES"};
    struct table table;
    size_t i;
    json_t *instance;
    char text[32];
    table_begin(&table, sizeof(headings) / sizeof(headings[0]), headings);
    json_array_foreach(instances, i, instance)
    {
        table_cell(&table, "%s", answer_text(instance, "instance"));
        table_cell(&table, "%s", answer_text(instance, "plugin"));
        table_cell(&table, "%s", answer_text(instance, "state"));
        table_cell(&table, "%s", answer_text(instance, "threading"));
        table_cell(&table, "%s", answer_text(instance, "isolation"));
        table_cell(&table, "%" PRIu64, answer_number(instance, "calls"));
        table_cell(&table, "%" PRIu64, answer_number(instance, "failures"));
        table_cell(&table, "%" PRIu64, answer_number(instance, "timeouts"));
        table_cell(&table, "%s", format_mean(instance, text));
        table_cell(&table, "%" PRIu64, answer_number(instance, "crashes"));
    }
    table_end(&table);
}
