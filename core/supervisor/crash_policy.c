/*
 * crash_policy.c: counts an instance's crashes and disables it when there were too many: every
 * worker of the configuration is told, its own processes end. Called by worker_life.c and hosts.c.
 * Supervisor's thread.
 */
#include "supervisor/crash_policy.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/hosts.h"
#include "supervisor/worker_life.h"

void crash_policy_apply(struct workers *workers, struct generation *generation, const char *name)
{
    struct instance *instance = instances_find(&generation->instances, name);
    if (!instance || !instance_crashed(instance, clock_now_ms()))
        return;
    size_t index = instances_index(&generation->instances, instance);
    log_error("plugin.disabled", LOG_TEXT("instance", instance->config->name),
              LOG_U64("crashes", instance->config->on_crash.crashes),
              LOG_U64("within_ms", instance->config->on_crash.within_ms),
              LOG_U64("generation", generation->number));
    list_for_each (node, &workers->all) {
        struct worker *worker = container_of(node, struct worker, link);
        if (worker->source == generation)
            worker->counters.instances[index].is_disabled = 1;
    }
    hosts_end(workers, generation, index);
}
