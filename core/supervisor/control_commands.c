/*
 * control_commands.c: what the control socket can ask: one function for each command. Called by
 * control.c through control_commands_serve(). Supervisor's thread.
 *
 * Every answer has "ok"; one that is false has "error".
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "supervisor/counters_table.h"
#include "supervisor/internal.h"

static void answer_error(struct supervisor *supervisor, uint64_t client, const char *text)
{
    control_answer(supervisor->control, client, control_error(text));
}

/* --- status --- */

static json_t *describe_listeners(struct supervisor *supervisor)
{
    json_t *array = json_array();
    list_for_each (node, &supervisor->intake.listeners.all) {
        const struct listener *listener = container_of(node, struct listener, link);
        json_array_append_new(array, json_pack("{s:s, s:s, s:i}", "name", listener->name, "address",
                                               listener->address, "port", (int)listener->port));
    }
    return array;
}

static void describe_worker(struct worker *worker, void *array)
{
    json_array_append_new(
        array, json_pack("{s:I, s:I, s:s, s:I, s:I}", "pid", (json_int_t)worker->pid, "generation",
                         (json_int_t)worker->generation, "state", worker_state_name(worker),
                         "connections", (json_int_t)worker->connections_count, "age_ms",
                         (json_int_t)(clock_now_ms() - worker->started_ms)));
}

static void add_counters(struct worker *worker, void *sum)
{
    counters_sum(sum, worker->counters.totals);
}

static json_t *describe_counters(struct supervisor *supervisor)
{
    struct worker_counters sum = {0};
    json_t *object = json_object();
    counters_sum(&sum, &workers_totals(supervisor->workers)->counters);
    workers_for_each(supervisor->workers, add_counters, &sum);
    for (const struct counters_row *row = counters_table; row->name; row++)
        json_object_set_new(object, row->name, json_integer((json_int_t)counters_get(&sum, row)));
    return object;
}

static json_t *describe_refused(const struct admission *admission)
{
    json_t *object = json_object();
    for (int verdict = ADMISSION_GRANTED + 1; verdict < ADMISSION_VERDICT_COUNT; verdict++)
        json_object_set_new(object, admission_bound(verdict),
                            json_integer((json_int_t)admission->refused[verdict]));
    return object;
}

static json_t *describe_disabled(const struct generation *generation)
{
    json_t *array = json_array();
    for (size_t i = 0; generation && i < generation->instances.count; i++) {
        const struct instance *instance = &generation->instances.all[i];
        if (instance->is_disabled)
            json_array_append_new(array, json_string(instance->config->name));
    }
    return array;
}

static void serve_status(struct supervisor *supervisor, uint64_t client, const json_t *request)
{
    static const char *const phases[] = {"starting", "running", "draining", "stopping"};
    const struct generation *current = workers_current(supervisor->workers);
    const struct admission *admission = &supervisor->admission;
    json_t *workers = json_array();
    (void)request;
    workers_for_each(supervisor->workers, describe_worker, workers);
    json_t *answer = json_pack(
        "{s:b, s:s, s:I, s:I, s:s, s:b, s:I, s:s, s:b, s:o, s:o, s:I, s:I, s:o, s:o, s:I, s:I, "
        "s:o}",                                                                                  //
        "ok", 1,                                                                                 //
        "version", supervisor->options->version,                                                 //
        "pid", (json_int_t)getpid(),                                                             //
        "uptime_ms", (json_int_t)(clock_now_ms() - supervisor->started_ms),                      //
        "state", phases[supervisor->phase],                                                      //
        "reloading", (int)(supervisor->reload.candidate != NULL),                                //
        "generation", (json_int_t)(current ? current->number : 0),                               //
        "config_file", current ? current->config->file : "",                                     //
        "accepting", (int)!supervisor->intake.listeners.is_paused,                               //
        "listeners", describe_listeners(supervisor),                                             //
        "workers", workers,                                                                      //
        "connections", (json_int_t)admission_count(admission),                                   //
        "unauthenticated", (json_int_t)admission->unauthenticated,                               //
        "refused", describe_refused(admission),                                                  //
        "counters", describe_counters(supervisor),                                               //
        "crashes", (json_int_t)workers_totals(supervisor->workers)->crashes,                     //
        "plugin_process_crashes", (json_int_t)workers_totals(supervisor->workers)->host_crashes, //
        "disabled_plugins", describe_disabled(current));
    control_answer(supervisor->control, client, answer);
}

/* --- the others --- */

static void serve_connections(struct supervisor *supervisor, uint64_t client, const json_t *request)
{
    (void)request;
    listing_begin(supervisor, &(struct listing_client){.client = client});
}

/* A number that is not there is 0; one that is none, or below 1, is UINT64_MAX. */
static uint64_t number_of(const json_t *request, const char *key)
{
    const json_t *number = json_object_get(request, key);
    if (!number)
        return 0;
    return json_is_integer(number) && json_integer_value(number) > 0
               ? (uint64_t)json_integer_value(number)
               : UINT64_MAX;
}

static void serve_channels(struct supervisor *supervisor, uint64_t client, const json_t *request)
{
    struct listing_client wish = {
        .client = client, .wants_channels = true, .connection = number_of(request, "connection")};
    if (wish.connection && !admission_find(&supervisor->admission, wish.connection))
        answer_error(supervisor, client, "there is no such connection");
    else
        listing_begin(supervisor, &wish);
}

static void serve_close(struct supervisor *supervisor, uint64_t client, const json_t *request)
{
    struct link_message message = {.kind = LINK_CLOSE_CHANNEL,
                                   .number = number_of(request, "connection"),
                                   .u.channel = number_of(request, "channel")};
    const struct admitted *admitted = admission_find(&supervisor->admission, message.number);
    if (!admitted || !admitted->worker) {
        answer_error(supervisor, client, "there is no such connection");
    } else if (message.u.channel == 0 || message.u.channel == UINT64_MAX) {
        answer_error(supervisor, client, "\"channel\" must be the number of a channel");
    } else if (link_end_send(&admitted->worker->end, &message) < 0) {
        answer_error(supervisor, client, "its worker cannot be reached");
    } else {
        log_info("channel.close", LOG_U64("conn", message.number),
                 LOG_U64("channel", message.u.channel));
        control_answer(supervisor->control, client, json_pack("{s:b}", "ok", 1));
    }
}

static void serve_disconnect(struct supervisor *supervisor, uint64_t client, const json_t *request)
{
    const json_t *id = json_object_get(request, "id");
    const char *reason = json_string_value(json_object_get(request, "reason"));
    struct link_message message = {.kind = LINK_DISCONNECT};
    if (!json_is_integer(id) || json_integer_value(id) <= 0) {
        answer_error(supervisor, client, "\"id\" must be the number of a connection");
        return;
    }
    message.number = (uint64_t)json_integer_value(id);
    snprintf(message.u.text, sizeof(message.u.text), "%s",
             reason ? reason : "disconnected by the administrator");
    const struct admitted *admitted = admission_find(&supervisor->admission, message.number);
    if (!admitted || !admitted->worker) {
        answer_error(supervisor, client, "there is no such connection");
    } else if (link_end_send(&admitted->worker->end, &message) < 0) {
        answer_error(supervisor, client, "its worker cannot be reached");
    } else {
        log_info("connection.disconnect", LOG_U64("conn", message.number),
                 LOG_TEXT("reason", message.u.text));
        control_answer(supervisor->control, client, json_pack("{s:b}", "ok", 1));
    }
}

static void serve_rekey(struct supervisor *supervisor, uint64_t client, const json_t *request)
{
    const struct link_message message = {.kind = LINK_REKEY, .number = number_of(request, "id")};
    const struct admitted *admitted = admission_find(&supervisor->admission, message.number);
    if (!admitted || !admitted->worker) {
        answer_error(supervisor, client, "there is no such connection");
    } else if (!admitted->is_authenticated) {
        answer_error(supervisor, client, "the connection has not authenticated yet");
    } else if (link_end_send(&admitted->worker->end, &message) < 0) {
        answer_error(supervisor, client, "its worker cannot be reached");
    } else {
        log_info("connection.rekey", LOG_U64("conn", message.number));
        control_answer(supervisor->control, client, json_pack("{s:b}", "ok", 1));
    }
}

static void serve_reload(struct supervisor *supervisor, uint64_t client, const json_t *request)
{
    (void)request;
    if (supervisor->phase == PHASE_RUNNING)
        reload_begin(supervisor, client);
    else
        answer_error(supervisor, client, "the daemon is being stopped");
}

static void serve_stop(struct supervisor *supervisor, uint64_t client, const json_t *request)
{
    bool now = json_is_true(json_object_get(request, "now"));
    control_answer(supervisor->control, client,
                   json_pack("{s:b, s:I}", "ok", 1, "connections",
                             (json_int_t)admission_count(&supervisor->admission)));
    log_info("daemon.stop", LOG_U64("now", now));
    if (now || supervisor->phase == PHASE_RUNNING)
        supervisor_stop(supervisor, now);
}

static const struct {
    const char *name;
    void (*serve)(struct supervisor *supervisor, uint64_t client, const json_t *request);
} commands[] = {
    {"status", serve_status},
    {"connections", serve_connections},
    {"disconnect", serve_disconnect},
    {"plugins", plugin_status_serve},
    {"channels", serve_channels},
    {"close", serve_close},
    {"rekey", serve_rekey},
    {"reload", serve_reload},
    {"stop", serve_stop},
};

void control_commands_serve(void *supervisor, uint64_t client, const json_t *request)
{
    const char *name = json_string_value(json_object_get(request, "command"));
    for (size_t i = 0; name && i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(name, commands[i].name) == 0) {
            commands[i].serve(supervisor, client, request);
            return;
        }
    }
    answer_error(supervisor, client,
                 name ? "there is no such command" : "\"command\" must be a text");
}
