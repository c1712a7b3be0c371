/*
 * instance.h: one configured use of a plugin: its code, its configuration, its self. Made and ended
 * by the host, on the reactor thread.
 */
#ifndef SALLYPORT_PLUGIN_INSTANCE_H
#define SALLYPORT_PLUGIN_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/report.h"
#include "config/config.h"
#include "plugin/loader.h"
#include "plugin/manifest.h"
#include "worker/pool.h"

struct instance_counters;
struct operation_counters;
struct plugin_host;
struct remote;

struct plugin_instance {
    struct sp_host services; /* what the plugin is given; see service.c */
    struct plugin_host *host;
    uint32_t index;  /* among the host's */
    uint32_t number; /* among config->plugins */
    uint32_t epoch;  /* how often it has been started: again and again if in its own process */
    struct remote *remote; /* its process, where its code is not run here; else NULL */
    bool is_isolated;      /* is to have one */
    char *name;
    struct manifest *manifest;
    struct loaded_plugin loaded;
    enum plugin_threading threading;
    uint64_t deadlines_ms[PLUGIN_OPERATION_COUNT]; /* 0: none */
    bool on_error_next;
    uint32_t sftp_families; /* SP_SFTP_*: what a hook's configuration leaves of its manifest's */
    char *config_json;      /* with defaults filled in */
    void *self;
    bool is_created;
    bool is_started;
    uint32_t deferred;                 /* calls that wait for a clear stack; reactor thread */
    struct instance_counters *shared;  /* with the supervisor; NULL: nothing is */
    struct operation_counters *counts; /* by operation, in the same memory */

    struct pool_strand strand; /* "serial" */
    struct pool_job tick_job;  /* "connection", "serial" */

    /* Under the host's lock. */
    struct list calls;     /* not yet released */
    uint32_t running;      /* operations and ticks with the pool: queued or on a thread */
    bool is_ticking;       /* the tick job is with the pool … */
    uint32_t ticks_missed; /* … and was when so many others would have been due */
};

/* Find the manifest and check the configuration, as far as can be done without running code of the
 * plugin. Returns the instance, not yet loaded, or NULL with complaints in report. number is its
 * place in config->plugins. */
struct plugin_instance *instance_new(const struct config *config, size_t number,
                                     struct report *report);
/* Whether what config->plugins[number] asks for suits that manifest. 0 or SP_ERR_INVALID. */
int instance_check(const struct config *config, size_t number, struct manifest *manifest,
                   struct report *report);
/* Load the library, then create(). 0 or SP_ERR_INVALID with complaints in report. */
int instance_create(struct plugin_instance *instance, const struct config *config,
                    struct report *report);
/* In the place of create and start, for one that the supervisor has disabled: it offers all that
 * its manifest names, so that it is asked, and fails. */
void instance_leave_out(struct plugin_instance *instance);
int instance_start(struct plugin_instance *instance, const struct config *config,
                   struct report *report);
void instance_stop(struct plugin_instance *instance);
void instance_destroy(struct plugin_instance *instance);
void instance_free(struct plugin_instance *instance); /* NULL is fine */

/* How long the operation may take; 0: as long as it likes. */
uint64_t instance_deadline_ms(const struct plugin_instance *instance,
                              enum plugin_operation operation);

bool instance_has_tick(const struct plugin_instance *instance);
/* Once a second. On the thread that the threading says; left out while the last one still runs. */
void instance_tick(struct plugin_instance *instance);

#endif
