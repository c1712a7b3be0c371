/*
 * counting.c: what the supervisor learns of instances and their calls, through the memory that it
 * shares with the worker; and from the same memory, which instances it has disabled. Called by
 * host.c and call.c. Reactor thread.
 */
#include "plugin/counting.h"

#include <stdio.h>

#include "plugin/host.h"

void counting_begin(struct plugin_instance *instance, const struct counters *counters,
                    size_t number)
{
    if (!counters || number >= counters->instances_count)
        return;
    instance->shared = &counters->instances[number];
    instance->counts = counters_operation(counters, number, 0);
}

void counting_tell(const struct plugin_instance *instance)
{
    struct instance_counters *shared = instance->shared;
    if (!shared || !instance->is_created)
        return;
    snprintf(shared->plugin, sizeof shared->plugin, "%s", instance->manifest->name);
    snprintf(shared->version, sizeof shared->version, "%s", instance->manifest->version);
    snprintf(shared->threading, sizeof shared->threading, "%s",
             threading_text(instance->threading));
    snprintf(shared->isolation, sizeof shared->isolation, "%s",
             instance->is_isolated ? "process" : "in-process");
    for (unsigned i = 0; i < PLUGIN_OPERATION_COUNT; i++) {
        instance->counts[i].is_offered = plugin_instance_offers(instance, i);
        instance->counts[i].deadline_ms = instance_deadline_ms(instance, i);
    }
}
