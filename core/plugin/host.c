/*
 * host.c: all instances of a worker, from config->plugins. Called by the worker's main function and
 * by chains that look instances up, on the reactor thread.
 */
#include "plugin/host.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/log.h"
#include "plugin/counting.h"
#include "plugin/private.h"
#include "plugin/remote.h"

#define TICK_MS 1000
/* How long the end waits for operations that run on the pool or wait for it: what plugins are told
 * last ("closed", "disconnected") shall reach them. */
#define STUCK_AFTER_SECONDS 5

static void on_tick(struct reactor_timer *timer)
{
    struct plugin_host *host = container_of(timer, struct plugin_host, tick);
    for (size_t i = 0; i < host->count; i++)
        if (instance_has_tick(host->instances[i]))
            instance_tick(host->instances[i]);
    if (reactor_timer_set(host->reactor, timer, TICK_MS) < 0)
        log_error("plugin.no_tick");
}

static struct plugin_host *make(const struct config *config, struct reactor *reactor,
                                struct pool *pool, const struct plugin_services *services)
{
    struct plugin_host *host = calloc(1, sizeof *host);
    if (!host)
        return NULL;
    host->instances = calloc(config->plugins_count + 1, sizeof *host->instances);
    if (!host->instances) {
        free(host);
        return NULL;
    }
    host->reactor = reactor;
    host->pool = pool;
    if (services)
        host->services = *services;
    host->reactor_thread = pthread_self();
    host->slow_ns = config->slow_ms * 1000000;
    host->stuck_max = config->limits.stuck_threads;
    host->replaced_max = host->stuck_max + config->pool_threads;
    host->tick.on_time = on_tick;
    pthread_mutex_init(&host->lock, NULL);
    pthread_mutex_init(&host->gates_lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&host->stopped_running, &attributes);
    pthread_condattr_destroy(&attributes);
    service_init(host);
    return host;
}

/* Every instance that is wrong is told of, not just the first. only: the one there is to be. */
static void add_instances(struct plugin_host *host, const struct config *config, const char *only,
                          struct report *report)
{
    for (size_t i = 0; i < config->plugins_count; i++) {
        if (only && strcmp(config->plugins[i].name, only) != 0)
            continue;
        struct plugin_instance *instance = instance_new(config, i, report);
        if (!instance)
            continue;
        instance->host = host;
        instance->index = (uint32_t)host->count;
        service_table(&instance->services);
        counting_begin(instance, host->services.counters, i);
        host->instances[host->count++] = instance;
    }
}

static int bring_up(struct plugin_host *host, const struct config *config, const char *only,
                    struct report *report)
{
    size_t errors = report->errors;
    bool has_tick = false;
    add_instances(host, config, only, report);
    if (only && host->count == 0)
        report_error(report, config->file, 0, NULL, "has no plugin instance \"%s\"", only);
    if (report->errors != errors)
        return SP_ERR_INVALID;
    for (size_t i = 0; i < host->count; i++) {
        if (counting_is_disabled(host->instances[i]))
            instance_leave_out(host->instances[i]);
        else
            instance_create(host->instances[i], config, report);
    }
    if (report->errors != errors)
        return SP_ERR_INVALID;
    for (size_t i = 0; i < host->count; i++)
        if (host->instances[i]->is_created &&
            instance_start(host->instances[i], config, report) < 0)
            return SP_ERR_INVALID;
    for (size_t i = 0; i < host->count; i++) {
        has_tick |= instance_has_tick(host->instances[i]);
        counting_tell(host->instances[i]);
    }
    if (has_tick && reactor_timer_set(host->reactor, &host->tick, TICK_MS) < 0) {
        report_error(report, config->file, 0, NULL, "out of memory");
        return SP_ERR_NOMEM;
    }
    return 0;
}

static int new_host(const struct config *config, const char *only, struct reactor *reactor,
                    struct pool *pool, const struct plugin_services *services,
                    struct plugin_host **ret_host, struct report *report)
{
    *ret_host = NULL;
    struct plugin_host *host = make(config, reactor, pool, services);
    if (!host) {
        report_error(report, config->file, 0, NULL, "out of memory");
        return SP_ERR_NOMEM;
    }
    host->is_guest = only != NULL;
    int rc = bring_up(host, config, only, report);
    if (rc < 0) {
        plugin_host_free(host);
        return rc;
    }
    *ret_host = host;
    return 0;
}

int plugin_host_new(const struct config *config, struct reactor *reactor, struct pool *pool,
                    const struct plugin_services *services, struct plugin_host **ret_host,
                    struct report *report)
{
    return new_host(config, NULL, reactor, pool, services, ret_host, report);
}

int plugin_host_new_guest(const struct config *config, const char *instance,
                          struct reactor *reactor, struct pool *pool,
                          const struct plugin_services *services, struct plugin_host **ret_host,
                          struct report *report)
{
    return new_host(config, instance, reactor, pool, services, ret_host, report);
}

struct plugin_instance *plugin_host_only(struct plugin_host *host)
{
    return host->instances[0];
}

void plugin_host_attach_peer(struct plugin_host *host, size_t index, int fd, const char *text)
{
    struct remote *remote = index < host->count ? host->instances[index]->remote : NULL;
    remote_attach(remote, fd, text);
}

/* Wait until nothing of the instance runs on the pool. False: it is stuck. */
static bool wait_for_pool(struct plugin_instance *instance, const struct timespec *until)
{
    struct plugin_host *host = instance->host;
    int rc = 0;
    pthread_mutex_lock(&host->lock);
    while (instance->running > 0 && rc == 0)
        rc = pthread_cond_timedwait(&host->stopped_running, &host->lock, until);
    bool is_idle = instance->running == 0;
    pthread_mutex_unlock(&host->lock);
    return is_idle;
}

/* Code that still runs keeps all it may touch, the host included: the process is about to end, and
 * leaving memory behind is better than taking it away from under a thread. */
static bool bring_down(struct plugin_host *host)
{
    struct timespec until;
    bool is_idle = true;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += STUCK_AFTER_SECONDS;

    for (size_t i = host->count; i-- > 0;) {
        struct plugin_instance *instance = host->instances[i];
        bool is_done = wait_for_pool(instance, &until);
        if (!is_done) { /* because of this one, or of another that holds all threads */
            call_drop_queued(instance);
            is_done = wait_for_pool(instance, &until);
        }
        if (is_done) {
            instance_stop(instance);
        } else {
            log_error("plugin.stuck", LOG_TEXT("instance", instance->name));
            is_idle = false;
        }
    }
    for (size_t i = host->count; i-- > 0 && is_idle;) {
        instance_destroy(host->instances[i]);
        call_release_all(host->instances[i]);
    }
    return is_idle;
}

void plugin_host_free(struct plugin_host *host)
{
    if (!host)
        return;
    reactor_timer_cancel(host->reactor, &host->tick);
    bool is_idle = bring_down(host);
    service_drop_queued(host);
    if (!is_idle)
        return;
    pthread_mutex_destroy(&host->queue.lock);
    for (size_t i = 0; i < host->count; i++)
        instance_free(host->instances[i]);
    free(host->instances);
    idmap_free(&host->tokens);
    hashmap_free(&host->gates);
    pthread_cond_destroy(&host->stopped_running);
    pthread_mutex_destroy(&host->gates_lock);
    pthread_mutex_destroy(&host->lock);
    free(host);
}

bool plugin_host_is_busy(const struct plugin_host *host)
{
    for (size_t i = 0; i < host->count; i++)
        if (call_is_awaited(host->instances[i]))
            return true;
    return false;
}

struct plugin_instance *plugin_host_find(struct plugin_host *host, const char *name,
                                         enum plugin_interface interface)
{
    for (size_t i = 0; i < host->count; i++)
        if (strcmp(host->instances[i]->name, name) == 0)
            return host->instances[i]->manifest->interfaces[interface] ? host->instances[i] : NULL;
    return NULL;
}

size_t plugin_host_count(const struct plugin_host *host)
{
    return host->count;
}

const char *plugin_instance_name(const struct plugin_instance *instance)
{
    return instance->name;
}

bool plugin_instance_offers(const struct plugin_instance *instance, enum plugin_operation operation)
{
    return instance->loaded.operations >> operation & 1u;
}

uint32_t plugin_instance_epoch(const struct plugin_instance *instance)
{
    return instance->epoch;
}

struct plugin_sftp_wants plugin_instance_sftp_wants(const struct plugin_instance *instance)
{
    const struct manifest *manifest = instance->manifest;
    uint32_t families = instance->sftp_families;
    return (struct plugin_sftp_wants){.before = manifest->sftp_before & families,
                                      .after = manifest->sftp_after & families,
                                      .existing = manifest->sftp_existing & families,
                                      .data = manifest->sftp_data,
                                      .listings = manifest->sftp_listings};
}

bool plugin_instance_on_error_next(const struct plugin_instance *instance)
{
    return instance->on_error_next;
}
