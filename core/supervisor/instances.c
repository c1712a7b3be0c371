/*
 * instances.c: the table of a configuration's plugin instances. Made by generation.c, kept by
 * crash_policy.c and worker_life.c, shown by plugin_status.c. Supervisor's thread.
 */
#include "supervisor/instances.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "supervisor/counters_table.h"

int instances_init(struct instances *instances, const struct config *config,
                   size_t operations_count)
{
    size_t crashes = 0;
    for (size_t i = 0; i < config->plugins_count; i++)
        crashes += config->plugins[i].on_crash.crashes;
    *instances = (struct instances){
        .all = calloc(config->plugins_count + 1, sizeof(*instances->all)),
        .count = config->plugins_count,
        .recent_ms = calloc(crashes + 1, sizeof(*instances->recent_ms)),
        .gone = {.operations = calloc(config->plugins_count * operations_count + 1,
                                      sizeof(struct operation_counters)),
                 .instances_count = config->plugins_count,
                 .operations_count = operations_count},
    };
    if (!instances->all || !instances->recent_ms || !instances->gone.operations) {
        instances_free(instances);
        return SP_ERR_NOMEM;
    }
    uint64_t *recent_ms = instances->recent_ms;
    for (size_t i = 0; i < instances->count; i++) {
        instances->all[i].config = &config->plugins[i];
        instances->all[i].recent_ms = recent_ms;
        recent_ms += config->plugins[i].on_crash.crashes;
    }
    return 0;
}

void instances_free(struct instances *instances)
{
    free(instances->all);
    free(instances->recent_ms);
    free(instances->gone.operations);
    *instances = (struct instances){0};
}

struct instance *instances_find(const struct instances *instances, const char *name)
{
    for (size_t i = 0; i < instances->count; i++) {
        if (strcmp(instances->all[i].config->name, name) == 0)
            return &instances->all[i];
    }
    return NULL;
}

size_t instances_index(const struct instances *instances, const struct instance *instance)
{
    return (size_t)(instance - instances->all);
}

bool instance_crashed(struct instance *instance, uint64_t now_ms)
{
    const struct config_on_crash *policy = &instance->config->on_crash;
    instance->recent_ms[instance->counted % policy->crashes] = now_ms;
    instance->crashes++;
    instance->counted++;
    if (!policy->disables || instance->is_disabled || instance->counted < policy->crashes)
        return false;
    /* The next place holds the oldest of as many as are too many. */
    uint64_t oldest_ms = instance->recent_ms[instance->counted % policy->crashes];
    instance->is_disabled = now_ms - oldest_ms <= policy->within_ms;
    return instance->is_disabled;
}

void instances_mark(const struct instances *instances, struct counters *counters)
{
    for (size_t i = 0; i < instances->count; i++)
        counters->instances[i].is_disabled = instances->all[i].is_disabled;
}

static void learn_text(char *to, const char *from, size_t size)
{
    memcpy(to, from, size);
    to[size - 1] = 0;
}

/* A worker may have been taken over: its texts are shown to people, and end within their field. */
void instances_learn(struct instances *instances, const struct counters *counters)
{
    for (size_t i = 0; i < instances->count; i++) {
        const struct instance_counters *found = &counters->instances[i];
        struct instance_counters *facts = &instances->all[i].facts;
        if (!found->threading[0])
            continue;
        learn_text(facts->plugin, found->plugin, sizeof(facts->plugin));
        learn_text(facts->version, found->version, sizeof(facts->version));
        learn_text(facts->threading, found->threading, sizeof(facts->threading));
        learn_text(facts->isolation, found->isolation, sizeof(facts->isolation));
        for (size_t operation = 0; operation < counters->operations_count; operation++) {
            const struct operation_counters *row = counters_operation(counters, i, operation);
            struct operation_counters *known = counters_operation(&instances->gone, i, operation);
            known->deadline_ms = row->deadline_ms;
            known->is_offered = row->is_offered;
        }
    }
}

static void add_rows(struct instances *instances, size_t to, const struct counters *counters,
                     size_t from)
{
    for (size_t operation = 0; operation < counters->operations_count; operation++)
        counters_sum_operation(counters_operation(&instances->gone, to, operation),
                               counters_operation(counters, from, operation));
}

void instances_add(struct instances *instances, const struct instances *others,
                   const struct counters *counters)
{
    for (size_t i = 0; i < instances->count; i++) {
        const struct instance *other = instances_find(others, instances->all[i].config->name);
        if (other)
            add_rows(instances, i, counters, instances_index(others, other));
    }
}

void instances_succeed(struct instances *instances, const struct instances *old)
{
    instances_add(instances, old, &old->gone);
    for (size_t i = 0; i < instances->count; i++) {
        const struct instance *other = instances_find(old, instances->all[i].config->name);
        if (other)
            instances->all[i].crashes += other->crashes;
    }
}
