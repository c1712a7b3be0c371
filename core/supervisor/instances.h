/*
 * instances.h: what has become of each plugin instance of one configuration: crashes, whether it is
 * disabled for them, and what those of its workers that are gone have counted. Supervisor's thread.
 */
#ifndef SALLYPORT_SUPERVISOR_INSTANCES_H
#define SALLYPORT_SUPERVISOR_INSTANCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "worker/counters.h"

struct instance {
    const struct config_plugin *config;
    bool is_disabled;
    uint64_t crashes;
    uint32_t counted;    /* of these, in this configuration */
    uint64_t *recent_ms; /* when the last of them were: a ring of config->on_crash.crashes */
    /* As a worker found it; threading is empty until one has told. Texts end within their field. */
    struct instance_counters facts;
};

/* In the order of config->plugins. */
struct instances {
    struct instance *all;
    size_t count;
    uint64_t *recent_ms; /* of all */
    /* By instance and operation, with the facts as a worker found them. */
    struct counters gone;
};

/* For the instances of config, which must outlive them. 0 or SP_ERR_NOMEM. */
int instances_init(struct instances *instances, const struct config *config,
                   size_t operations_count);
void instances_free(struct instances *instances); /* fine if zeroed */
/* NULL if there is none of that name. */
struct instance *instances_find(const struct instances *instances, const char *name);
size_t instances_index(const struct instances *instances, const struct instance *instance);

/* It has crashed. True if that was once too often: it has just become disabled. */
bool instance_crashed(struct instance *instance, uint64_t now_ms);

/* Tell a worker of this configuration, in its counters, what is disabled. */
void instances_mark(const struct instances *instances, struct counters *counters);
/* A worker of this configuration is ready: take over what it says of the instances. */
void instances_learn(struct instances *instances, const struct counters *counters);
/* Add what was counted for instances of the same names: others tells the names of the rows. */
void instances_add(struct instances *instances, const struct instances *others,
                   const struct counters *counters);
/* A new configuration takes the place of an old one: what it counted and its crashes are kept, but
 * nothing is disabled any more. */
void instances_succeed(struct instances *instances, const struct instances *old);

#endif
