/*
 * plugin_status.c: what the control socket tells of plugin instances: how they are run, what has
 * become of them, what they were asked and how long it took. Called by control_commands.c.
 * Supervisor's thread.
 */
#include <string.h>

#include "base/err.h"
#include "supervisor/counters_table.h"
#include "supervisor/hosts.h"
#include "supervisor/internal.h"
#include "supervisor/worker_life.h"

static struct workers *workers_of(struct supervisor *supervisor)
{
    return supervisor->workers;
}

/* Of instances and operations of the current configuration: those of the dead and of the living. */
static int count_all(struct supervisor *supervisor, struct instances *ret_sum)
{
    struct generation *current = workers_of(supervisor)->current;
    int rc = instances_init(ret_sum, current->config, supervisor->options->operations_count);
    if (rc < 0)
        return rc;
    instances_add(ret_sum, &current->instances, &current->instances.gone);
    list_for_each (node, &workers_of(supervisor)->all) {
        const struct worker *worker = container_of(node, struct worker, link);
        instances_add(ret_sum, &worker->source->instances, &worker->counters);
    }
    return 0;
}

static json_t *describe_counts(const struct operation_counters *counts)
{
    return json_pack("{s:I, s:I, s:I, s:I}",                                 //
                     "calls", (json_int_t)counter_get(&counts->calls),       //
                     "failures", (json_int_t)counter_get(&counts->failures), //
                     "timeouts", (json_int_t)counter_get(&counts->timeouts), //
                     "nanoseconds", (json_int_t)counter_get(&counts->nanoseconds));
}

static json_t *describe_operations(struct supervisor *supervisor, const struct instances *sum,
                                   size_t index)
{
    const struct generation *current = workers_of(supervisor)->current;
    json_t *array = json_array();
    for (size_t i = 0; i < supervisor->options->operations_count; i++) {
        const struct operation_counters *known =
            counters_operation(&current->instances.gone, index, i);
        const struct operation_counters *counts = counters_operation(&sum->gone, index, i);
        if (!known->is_offered && counter_get(&counts->calls) == 0)
            continue;
        json_t *object = describe_counts(counts);
        json_object_set_new(object, "operation",
                            json_string(supervisor->options->operation_name(i)));
        json_object_set_new(object, "deadline_ms", json_integer((json_int_t)known->deadline_ms));
        json_array_append_new(array, object);
    }
    return array;
}

static void add_totals(json_t *object, const struct instances *sum, size_t index)
{
    struct operation_counters total = {0};
    for (size_t i = 0; i < sum->gone.operations_count; i++)
        counters_sum_operation(&total, counters_operation(&sum->gone, index, i));
    json_t *counts = describe_counts(&total);
    json_object_update(object, counts);
    json_decref(counts);
}

/* The processes of an instance. *ret_waiting: how many workers wait for one. */
static json_t *describe_processes(struct supervisor *supervisor, size_t index,
                                  uint32_t *ret_waiting, uint64_t *ret_restarts)
{
    json_t *array = json_array();
    *ret_waiting = 0;
    *ret_restarts = 0;
    list_for_each (node, &workers_of(supervisor)->hosts) {
        const struct host *host = container_of(node, struct host, link);
        if (host->source != workers_of(supervisor)->current || host->index != index)
            continue;
        *ret_waiting += host->state != HOST_READY && host->worker;
        *ret_restarts += host->starts > 0 ? host->starts - 1 : 0;
        if (host->pid)
            json_array_append_new(
                array, json_pack("{s:I, s:I, s:s}", "pid", (json_int_t)host->pid, "worker",
                                 (json_int_t)(host->worker ? host->worker->pid : 0), "state",
                                 host_state_name(host)));
    }
    return array;
}

static uint32_t ready_workers(struct supervisor *supervisor)
{
    uint32_t ready = 0;
    list_for_each (node, &workers_of(supervisor)->all) {
        const struct worker *worker = container_of(node, struct worker, link);
        ready += worker->source == workers_of(supervisor)->current && worker->state == WORKER_READY;
    }
    return ready;
}

/* A worker may write anything there. */
static json_t *plain_text(const char *text)
{
    json_t *value = json_string(text);
    return value ? value : json_string("?");
}

static json_t *describe(struct supervisor *supervisor, const struct instances *sum, size_t index,
                        bool is_whole)
{
    const struct instance *instance = &workers_of(supervisor)->current->instances.all[index];
    const struct instance_counters *facts = &instance->facts;
    const struct config_on_crash *policy = &instance->config->on_crash;
    uint32_t waiting;
    uint64_t restarts;
    json_t *processes = describe_processes(supervisor, index, &waiting, &restarts);
    const char *state = instance->is_disabled                           ? "disabled"
                        : waiting > 0 || ready_workers(supervisor) == 0 ? "restarting"
                                                                        : "running";
    json_t *object = json_pack("{s:s, s:s, s:o, s:o, s:o, s:s, s:I, s:I, s:o}", //
                               "instance", instance->config->name,              //
                               "plugin", instance->config->plugin,              //
                               "version", plain_text(facts->version),           //
                               "threading", plain_text(facts->threading),       //
                               "isolation", plain_text(facts->isolation),       //
                               "state", state,                                  //
                               "crashes", (json_int_t)instance->crashes,        //
                               "restarts", (json_int_t)restarts,                //
                               "processes", processes);
    add_totals(object, sum, index);
    if (is_whole) {
        json_object_set_new(object, "operations", describe_operations(supervisor, sum, index));
        json_object_set_new(object, "on_crash",
                            json_pack("{s:s, s:I, s:I}", "action",
                                      policy->disables ? "disable" : "restart", "crashes",
                                      (json_int_t)policy->crashes, "within_ms",
                                      (json_int_t)policy->within_ms));
    }
    return object;
}

void plugin_status_serve(struct supervisor *supervisor, uint64_t client, const json_t *request)
{
    const struct generation *current = workers_current(supervisor->workers);
    const char *name = json_string_value(json_object_get(request, "instance"));
    struct instances sum;
    if (!current) {
        control_answer(supervisor->control, client, control_error("the daemon is starting"));
        return;
    }
    if (name && !instances_find(&current->instances, name)) {
        control_answer(supervisor->control, client,
                       control_error("there is no such plugin instance"));
        return;
    }
    if (count_all(supervisor, &sum) < 0) {
        control_answer(supervisor->control, client, NULL);
        return;
    }
    json_t *array = json_array();
    for (size_t i = 0; i < current->instances.count; i++) {
        if (!name || strcmp(current->instances.all[i].config->name, name) == 0)
            json_array_append_new(array, describe(supervisor, &sum, i, name != NULL));
    }
    instances_free(&sum);
    control_answer(supervisor->control, client, json_pack("{s:b, s:o}", "ok", 1, "plugins", array));
}
