/*
 * counting.h: what the supervisor learns of instances and their calls. Every function is fine with
 * an instance that nothing is counted of. Reactor thread.
 */
#ifndef SALLYPORT_PLUGIN_COUNTING_H
#define SALLYPORT_PLUGIN_COUNTING_H

#include "plugin/instance.h"
#include "worker/counters.h"

/* The instance is the one of that number in the configuration. counters may be NULL. */
void counting_begin(struct plugin_instance *instance, const struct counters *counters,
                    size_t number);
/* It is up: tell what it offers, and how it is called. */
void counting_tell(const struct plugin_instance *instance);

/* It has crashed too often: it is not to be called any more. */
static inline bool counting_is_disabled(const struct plugin_instance *instance)
{
    return instance->shared &&
           atomic_load_explicit(&instance->shared->is_disabled, memory_order_relaxed);
}

static inline void counting_asked(const struct plugin_instance *instance,
                                  enum plugin_operation operation)
{
    if (instance->counts)
        counter_add(&instance->counts[operation].calls, 1);
}

static inline void counting_failed(const struct plugin_instance *instance,
                                   enum plugin_operation operation)
{
    if (instance->counts)
        counter_add(&instance->counts[operation].failures, 1);
}

static inline void counting_timed_out(const struct plugin_instance *instance,
                                      enum plugin_operation operation)
{
    if (instance->counts)
        counter_add(&instance->counts[operation].timeouts, 1);
}

static inline void counting_took(const struct plugin_instance *instance,
                                 enum plugin_operation operation, uint64_t nanoseconds)
{
    if (instance->counts)
        counter_add(&instance->counts[operation].nanoseconds, nanoseconds);
}

#endif
