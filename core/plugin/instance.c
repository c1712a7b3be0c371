/*
 * instance.c: the life of an instance: manifest and configuration, create, start, tick, stop,
 * destroy. Called by the host on the reactor thread; ticks also on pool threads.
 */
#include "plugin/instance.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "config/schema.h"
#include "plugin/counting.h"
#include "plugin/deadlines.h"
#include "plugin/frame.h"
#include "plugin/private.h"
#include "plugin/remote.h"

#define KEY_ROOM 64
/* After so many that were left out, the one that runs is taken for stuck. */
#define TICKS_STUCK 30u

static void complain(const struct config *config, size_t number, const char *field,
                     struct report *report, const char *text)
{
    char key[KEY_ROOM];
    snprintf(key, sizeof key, "/plugins/%zu%s", number, field);
    report_error(report, config->file, config->plugins[number].line, key, "%s", text);
}

/* Complaints of the schema have no line: the configuration's text is not kept. The instance's line
 * is near enough. */
static void add_lines(struct report *report, size_t from, int line)
{
    for (size_t i = from; i < report->count; i++)
        if (report->complaints[i].line == 0)
            report->complaints[i].line = line;
}

/* The configuration with defaults filled in, as text, or NULL. */
static char *configure(const struct config *config, size_t number, const struct manifest *manifest,
                       struct report *report)
{
    const struct config_plugin *plugin = &config->plugins[number];
    char prefix[KEY_ROOM];
    char *text = NULL;
    size_t from = report->count;

    json_t *value = json_loads(plugin->config_json, JSON_REJECT_DUPLICATES, NULL);
    if (!value) {
        complain(config, number, "/config", report, "is not valid JSON");
        return NULL;
    }
    snprintf(prefix, sizeof prefix, "/plugins/%zu/config", number);
    if (schema_apply(manifest->configuration, value, config->file, prefix, NULL, report) == 0) {
        text = json_dumps(value, JSON_COMPACT);
        if (!text)
            complain(config, number, "/config", report, "out of memory");
    }
    add_lines(report, from, plugin->line);
    json_decref(value);
    return text;
}

/*
 * An instance may be called more strictly than its plugin can bear, not less: code that counts on
 * one thread is never called on several. Moving blocking code to the event loop breaks nothing but
 * the others' patience, so that is the operator's choice.
 */
static void choose_threading(struct plugin_instance *instance, const struct config *config,
                             size_t number, struct report *report)
{
    const char *wanted = config->plugins[number].threading;
    enum plugin_threading declared = instance->manifest->threading;
    char key[KEY_ROOM];

    instance->threading = declared;
    if (!wanted)
        return;
    snprintf(key, sizeof key, "/plugins/%zu/threading", number);
    if (!threading_parse(wanted, &instance->threading)) {
        report_error(report, config->file, config->plugins[number].line, key,
                     "\"%s\" is none of reactor, connection and serial", wanted);
    } else if (instance->threading == THREADING_CONNECTION && declared != THREADING_CONNECTION) {
        report_error(report, config->file, config->plugins[number].line, key,
                     "plugin %s must not be called on several threads (its manifest says \"%s\"); "
                     "use \"serial\" to move it to the pool",
                     instance->manifest->name, threading_text(declared));
    } else if (instance->threading == THREADING_REACTOR && declared != THREADING_REACTOR) {
        report_warning(report, config->file, config->plugins[number].line, key,
                       "plugin %s may block (its manifest says \"%s\"); on the event loop every "
                       "connection waits for it",
                       instance->manifest->name, threading_text(declared));
    }
}

static void choose_isolation(struct plugin_instance *instance, const struct config *config,
                             size_t number, struct report *report)
{
    const struct config_plugin *plugin = &config->plugins[number];
    char key[KEY_ROOM];
    instance->is_isolated = plugin->isolation == CONFIG_AS_MANIFEST
                                ? instance->manifest->is_isolated
                                : plugin->isolation == CONFIG_PROCESS;
    snprintf(key, sizeof key, "/plugins/%zu/sandbox", number);
    if (!instance->is_isolated && positions_has(config->positions, key))
        report_warning(report, config->file, positions_line(config->positions, key), key,
                       "has no effect while the plugin runs in the worker; set \"isolation\" to "
                       "\"process\"");
}

static int find_manifest(struct plugin_instance *instance, const struct config *config,
                         size_t number, struct report *report)
{
    const struct config_plugin *plugin = &config->plugins[number];
    int rc = manifest_find(plugin->plugin, config->plugin_directories,
                           config->plugin_directories_count, &instance->manifest, report);
    if (rc == SP_ERR_NOT_FOUND) {
        char key[KEY_ROOM];
        snprintf(key, sizeof key, "/plugins/%zu/plugin", number);
        report_error(report, config->file, plugin->line, key,
                     "no plugin \"%s\" in the plugin directories (%s%s); `sallyport plugin list` "
                     "shows those there are",
                     plugin->plugin,
                     config->plugin_directories_count ? config->plugin_directories[0] : "none",
                     config->plugin_directories_count > 1 ? ", …" : "");
    }
    return rc;
}

/* The operator's word counts more than the author's, and of each the one for the operation more
 * than the one for all. What may take as long as the data takes has no deadline unless it is named.
 */
static uint64_t choose_deadline(const struct config_plugin *plugin, const struct manifest *manifest,
                                const json_t *own, enum plugin_operation operation)
{
    uint64_t usual = plugin_operation_info(operation)->deadline_ms;
    uint64_t named = deadlines_get(own, operation);
    if (named)
        return named;
    if (usual && plugin->deadline_ms)
        return plugin->deadline_ms;
    named = deadlines_get(manifest->deadlines, operation);
    if (named)
        return named;
    return usual && manifest->deadline_ms ? manifest->deadline_ms : usual;
}

static void set_deadlines(struct plugin_instance *instance, const struct config *config,
                          size_t number, struct report *report)
{
    const struct config_plugin *plugin = &config->plugins[number];
    const struct manifest *manifest = instance->manifest;
    char key[KEY_ROOM];
    json_t *own = plugin->deadlines_json
                      ? json_loads(plugin->deadlines_json, JSON_REJECT_DUPLICATES, NULL)
                      : NULL;
    snprintf(key, sizeof key, "/plugins/%zu/deadlines_ms", number);
    deadlines_check(own, manifest->interfaces, config->file, key, config->positions, plugin->line,
                    report);
    for (unsigned i = 0; i < PLUGIN_OPERATION_COUNT; i++)
        instance->deadlines_ms[i] = choose_deadline(plugin, manifest, own, i);
    json_decref(own);
}

/* A hook may leave it to the configuration which operations it is asked about. */
static uint32_t choose_families(const struct plugin_instance *instance)
{
    const char *key = instance->manifest->sftp_configured_by;
    json_t *config =
        key && instance->config_json ? json_loads(instance->config_json, 0, NULL) : NULL;
    const json_t *names = json_object_get(config, key ? key : "");
    uint32_t families = json_is_array(names) ? manifest_families(names) : UINT32_MAX;
    json_decref(config);
    return families;
}

static void run_tick(struct pool_job *job);

struct plugin_instance *instance_new(const struct config *config, size_t number,
                                     struct report *report)
{
    const struct config_plugin *plugin = &config->plugins[number];
    size_t errors = report->errors;
    struct plugin_instance *instance = calloc(1, sizeof *instance);
    if (!instance || !(instance->name = strdup(plugin->name))) {
        complain(config, number, "", report, "out of memory");
        goto fail;
    }
    list_init(&instance->calls);
    instance->tick_job.run = run_tick;
    if (find_manifest(instance, config, number, report) < 0)
        goto fail;
    instance->number = (uint32_t)number;
    set_deadlines(instance, config, number, report);
    instance->on_error_next = plugin->on_error_next;
    choose_threading(instance, config, number, report);
    choose_isolation(instance, config, number, report);
    instance->config_json = configure(config, number, instance->manifest, report);
    instance->sftp_families = choose_families(instance);
    manifest_check_library(instance->manifest, report);
    if (report->errors == errors)
        return instance;
fail:
    instance_free(instance);
    return NULL;
}

static void log_created(const struct plugin_instance *instance, const char *isolation)
{
    log_info("plugin.created", LOG_TEXT("instance", instance->name),
             LOG_TEXT("plugin", instance->manifest->name),
             LOG_TEXT("version", instance->manifest->version),
             LOG_TEXT("threading", threading_text(instance->threading)),
             LOG_TEXT("isolation", isolation));
}

int instance_check(const struct config *config, size_t number, struct manifest *manifest,
                   struct report *report)
{
    struct plugin_instance probe = {.manifest = manifest};
    size_t errors = report->errors;
    choose_threading(&probe, config, number, report);
    free(configure(config, number, manifest, report));
    return report->errors == errors ? 0 : SP_ERR_INVALID;
}

int instance_create(struct plugin_instance *instance, const struct config *config,
                    struct report *report)
{
    struct frame frame;
    if (instance->is_isolated && !instance->host->is_guest) {
        if (remote_open(instance, config, report) < 0)
            return SP_ERR_INVALID;
        instance->is_created = true;
        log_created(instance, "process");
        return 0;
    }
    frame_enter(&frame, instance->name, "load", NULL);
    int loaded = loader_load(instance->manifest, &instance->loaded, report);
    frame_leave(&frame);
    if (loaded < 0)
        return SP_ERR_INVALID;

    frame_enter(&frame, instance->name, "create", NULL);
    int32_t rc = instance->loaded.descriptor->create(&instance->services, instance->config_json,
                                                     &instance->self);
    frame_leave(&frame);
    if (rc < 0) {
        char text[160];
        snprintf(text, sizeof text,
                 "plugin %s could not create the instance \"%s\" (%d); the log has its reason",
                 instance->manifest->name, instance->name, rc);
        complain(config, instance->number, "", report, text);
        return SP_ERR_INVALID;
    }
    instance->is_created = true;
    if (!instance->host->is_guest)
        log_created(instance, "in-process");
    return 0;
}

void instance_leave_out(struct plugin_instance *instance)
{
    for (unsigned i = 0; i < PLUGIN_OPERATION_COUNT; i++)
        if (instance->manifest->interfaces[plugin_operation_info(i)->interface])
            instance->loaded.operations |= UINT64_C(1) << i;
}

int instance_start(struct plugin_instance *instance, const struct config *config,
                   struct report *report)
{
    const struct sp_plugin *d = instance->loaded.descriptor;
    int32_t rc = 0;
    if (instance->remote) { /* it is started over there */
        instance->is_started = remote_is_up(instance->remote);
        if (!instance->is_started)
            complain(config, instance->number, "", report,
                     "its process ended before the worker was up; the log has its reason");
        return instance->is_started ? 0 : SP_ERR_INVALID;
    }
    if (d->start) {
        struct frame frame;
        frame_enter(&frame, instance->name, "start", NULL);
        rc = d->start(instance->self);
        frame_leave(&frame);
    }
    if (rc < 0) {
        char text[160];
        snprintf(text, sizeof text,
                 "instance \"%s\" of plugin %s could not start (%d); the log has its reason",
                 instance->name, instance->manifest->name, rc);
        complain(config, instance->number, "", report, text);
        return SP_ERR_INVALID;
    }
    instance->is_started = true;
    instance->epoch = 1;
    return 0;
}

void instance_stop(struct plugin_instance *instance)
{
    if (!instance->is_started)
        return;
    instance->is_started = false;
    if (instance->remote)
        remote_close(instance);
    if (instance->remote || counting_is_disabled(instance) || !instance->loaded.descriptor->stop)
        return;
    struct frame frame;
    frame_enter(&frame, instance->name, "stop", NULL);
    instance->loaded.descriptor->stop(instance->self);
    frame_leave(&frame);
}

void instance_destroy(struct plugin_instance *instance)
{
    if (!instance->is_created)
        return;
    instance->is_created = false;
    if (instance->remote || counting_is_disabled(instance))
        return;
    struct frame frame;
    frame_enter(&frame, instance->name, "destroy", NULL);
    instance->loaded.descriptor->destroy(instance->self);
    frame_leave(&frame);
}

void instance_free(struct plugin_instance *instance)
{
    if (!instance)
        return;
    remote_free(instance->remote);
    manifest_free(instance->manifest);
    free(instance->config_json);
    free(instance->name);
    free(instance);
}

uint64_t instance_deadline_ms(const struct plugin_instance *instance,
                              enum plugin_operation operation)
{
    return instance->deadlines_ms[operation];
}

bool instance_has_tick(const struct plugin_instance *instance)
{
    return instance->is_started && !instance->remote &&
           LOADER_HAS(instance->loaded.descriptor, tick) && !counting_is_disabled(instance);
}

static void tick(struct plugin_instance *instance)
{
    struct frame frame;
    frame_enter(&frame, instance->name, "tick", NULL);
    instance->loaded.descriptor->tick(instance->self);
    frame_leave(&frame);
}

/* On a pool thread. */
static void run_tick(struct pool_job *job)
{
    struct plugin_instance *instance = container_of(job, struct plugin_instance, tick_job);
    struct plugin_host *host = instance->host;

    tick(instance);
    pthread_mutex_lock(&host->lock);
    instance->is_ticking = false;
    instance->running--;
    pthread_cond_broadcast(&host->stopped_running);
    pthread_mutex_unlock(&host->lock);
}

static void tick_on_reactor(struct plugin_instance *instance)
{
    uint64_t started = clock_now_ns();
    tick(instance);
    uint64_t took = clock_now_ns() - started;
    if (instance->host->slow_ns && took > instance->host->slow_ns)
        log_warning("plugin.slow", LOG_TEXT("instance", instance->name),
                    LOG_TEXT("operation", "tick"), LOG_U64("ms", took / 1000000));
}

void instance_tick(struct plugin_instance *instance)
{
    struct plugin_host *host = instance->host;
    if (instance->threading == THREADING_REACTOR) {
        tick_on_reactor(instance);
        return;
    }
    uint32_t held_up = 0; /* threads of the pool */
    pthread_mutex_lock(&host->lock);
    if (!instance->is_ticking) {
        instance->is_ticking = true;
        instance->ticks_missed = 0;
        instance->running++;
        instance->tick_job.strand =
            instance->threading == THREADING_SERIAL ? &instance->strand : NULL;
        pool_submit(host->pool, &instance->tick_job);
    } else if (++instance->ticks_missed % TICKS_STUCK == 0) {
        held_up = pool_replace(host->pool, &instance->tick_job, host->replaced_max);
    }
    pthread_mutex_unlock(&host->lock);
    if (held_up > 0)
        call_tell_stuck(instance, "tick", held_up);
}
