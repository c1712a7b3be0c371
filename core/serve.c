/*
 * serve.c: the life of a worker: come up, give up root, tell that it is ready, and do what the
 * supervisor says until it is time to go. Called by main.c in a process of its own; the reactor
 * thread.
 */
#include "serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "launch.h"
#include "plugin/host.h"
#include "process.h"
#include "session/session.h"
#include "sftp/sftp.h"
#include "supervisor/link_end.h"
#include "supervisor/privileges.h"
#include "supervisor/supervisor.h"

/* How long plugins may take to close what the last connections had open. */
#define SETTLE_MS 3000
#define SETTLE_TURN_MS 50
/* How long plugins' threads may still run when all else has ended. */
#define STUCK_S 3
struct serve {
    struct config *config;
    struct reactor *reactor;
    struct pool *pool;
    struct counters counters;
    struct plugin_launcher launcher;
    struct session_service *service;
    struct plugin_host *host;
    struct link_end link;
    struct reactor_task check; /* whether there is anything left to do */
    bool is_draining;
    uint64_t listing; /* the number of the one being answered */
};

/* --- what the supervisor says --- */

static void tell(struct serve *serve, enum link_kind kind, uint64_t number)
{
    const struct link_message message = {.kind = kind, .number = number};
    /* Lost for lack of memory, it would leave the supervisor with a connection that never ends. */
    if (link_end_send(&serve->link, &message) == SP_ERR_NOMEM)
        abort();
}

static void run_check(struct reactor_task *task)
{
    struct serve *serve = container_of(task, struct serve, check);
    if (serve->is_draining && session_count(serve->service) == 0)
        reactor_stop(serve->reactor);
}

static void on_authenticated(void *arg, uint64_t id)
{
    tell(arg, LINK_AUTHENTICATED, id);
}

static void on_ended(void *arg, uint64_t id)
{
    struct serve *serve = arg;
    tell(serve, LINK_ENDED, id);
    reactor_defer(serve->reactor, &serve->check);
}

static void send_facts(const struct connection_facts *facts, void *arg)
{
    struct serve *serve = arg;
    struct link_message message = {.kind = LINK_FACTS, .number = serve->listing};
    message.u.facts = *facts;
    link_end_send(&serve->link, &message); /* for lack of memory, one is left out */
}

static void send_channel_facts(const struct channel_facts *facts, void *arg)
{
    struct serve *serve = arg;
    struct link_message message = {.kind = LINK_CHANNEL_FACTS, .number = serve->listing};
    message.u.channel_facts = *facts;
    link_end_send(&serve->link, &message); /* for lack of memory, one is left out */
}

static void drain(struct serve *serve)
{
    serve->is_draining = true;
    reactor_defer(serve->reactor, &serve->check);
}

static void on_message(struct link_end *end, const struct link_message *message, int fd)
{
    struct serve *serve = container_of(end, struct serve, link);
    switch (message->kind) {
    case LINK_CONNECTION:
        if (fd >= 0)
            session_accept(serve->service, fd, &message->u.origin); /* on_ended tells of failures */
        else
            tell(serve, LINK_ENDED, message->number); /* out of descriptors, it got lost */
        return;
    case LINK_DRAIN:
        drain(serve);
        break;
    case LINK_STOP:
        session_service_end_all(serve->service);
        drain(serve);
        break;
    case LINK_LIST:
        serve->listing = message->number;
        session_for_each(serve->service, send_facts, serve);
        session_for_each_channel(serve->service, send_channel_facts, serve);
        tell(serve, LINK_FACTS_END, message->number);
        break;
    case LINK_HOST:
        plugin_host_attach_peer(serve->host, (size_t)message->number, fd, message->u.text);
        return;
    case LINK_DISCONNECT:
        session_disconnect(serve->service, message->number, message->u.text);
        break;
    case LINK_REKEY:
        session_rekey(serve->service, message->number);
        break;
    case LINK_CLOSE_CHANNEL:
        session_close_channel(serve->service, message->number, message->u.channel);
        break;
    default:
        break;
    }
    if (fd >= 0)
        close(fd);
}

/* The supervisor is gone: nobody would ever stop us. */
static void on_closed(struct link_end *end)
{
    struct serve *serve = container_of(end, struct serve, link);
    session_service_end_all(serve->service);
    drain(serve);
}

static const struct link_events link_events = {.on_message = on_message, .on_closed = on_closed};

/* --- what plugins' own processes and threads need of it --- */

static int obtain_host(void *arg, size_t index, int *ret_fd, char *text, size_t size)
{
    (void)arg;
    return launch_obtain(WORKER_FD_LINK, index, ret_fd, text, size);
}

static void want_host(void *arg, size_t index)
{
    tell(arg, LINK_HOST_WANTED, index);
}

static void on_overload(void *arg, uint32_t threads)
{
    tell(arg, LINK_STUCK, threads);
}

/* --- coming up --- */

static int map_counters(struct serve *serve, struct report *report)
{
    int rc = counters_map(WORKER_FD_COUNTERS, serve->config->plugins_count, PLUGIN_OPERATION_COUNT,
                          &serve->counters);
    if (rc < 0)
        report_error(report, NULL, 0, NULL, "counters: %s", strerror(errno));
    close(WORKER_FD_COUNTERS);
    return rc;
}

static int make_loop(struct serve *serve, struct report *report)
{
    serve->reactor = reactor_new();
    serve->pool = serve->reactor ? pool_new(serve->config->pool_threads) : NULL;
    if (serve->pool) {
        reactor_count_turns(serve->reactor, serve->counters.turns);
        return 0;
    }
    report_error(report, NULL, 0, NULL, "cannot start the event loop: %s", strerror(errno));
    return SP_ERR_SYSTEM;
}

static int start_plugins(struct serve *serve, struct report *report)
{
    struct plugin_services services = *session_service_plugin_services(serve->service);
    serve->launcher = (struct plugin_launcher){
        .arg = serve, .obtain = obtain_host, .want = want_host, .on_overload = on_overload};
    services.launcher = &serve->launcher;
    services.counters = &serve->counters;
    return plugin_host_new(serve->config, serve->reactor, serve->pool, &services, &serve->host,
                           report);
}

static int come_up(struct serve *serve, const char *config_file, struct report *report)
{
    const struct session_observer observer = {
        .arg = serve, .on_authenticated = on_authenticated, .on_ended = on_ended};
    int rc;
    if ((rc = process_read_config(config_file, &serve->config, report)) < 0 ||
        (rc = process_open_log(serve->config, report)) < 0 ||
        (rc = map_counters(serve, report)) < 0 ||
        (rc = privileges_forgo(serve->config, report)) < 0 || (rc = make_loop(serve, report)) < 0 ||
        (rc = session_service_new(serve->config, serve->reactor, sftp_builtins, &observer,
                                  serve->counters.totals, &serve->service, report)) < 0 ||
        (rc = session_service_load_keys(serve->service, report)) < 0 ||
        (rc = privileges_drop(serve->config, report)) < 0)
        return rc;
    process_close_doors();
    if ((rc = start_plugins(serve, report)) < 0)
        return rc;
    return session_service_set_host(serve->service, serve->host, report);
}

/* --- going --- */

/* What was asked of plugins as the last connections ended (to close files, above all) is answered
 * on the loop, and may lead to more. */
static void settle(struct serve *serve)
{
    uint64_t until = clock_now_ms() + SETTLE_MS;
    sftp_transfers_hurry();
    while ((plugin_host_is_busy(serve->host) || sftp_transfers_are_pending()) &&
           clock_now_ms() < until)
        reactor_turn(serve->reactor, SETTLE_TURN_MS);
}

static void go_down(struct serve *serve)
{
    link_end_close(&serve->link);
    if (serve->reactor)
        reactor_task_cancel(serve->reactor, &serve->check);
    plugin_host_free(serve->host);
    session_service_free(serve->service);
    /* A plugin that still blocks a thread has been logged by its host; it cannot keep us here. */
    alarm(STUCK_S);
    pool_free(serve->pool);
    alarm(0);
    reactor_free(serve->reactor);
    counters_unmap(&serve->counters);
    config_free(serve->config);
}

int serve_run(const char *config_file)
{
    struct serve serve = {.check = {.run = run_check}};
    struct report report = {0};
    process_begin("sallyportd-work", WORKER_FD_COUNTERS);

    int rc = come_up(&serve, config_file, &report);
    if (rc == 0)
        rc = link_end_open(&serve.link, serve.reactor, WORKER_FD_LINK, &link_events);
    if (rc < 0 && report.errors == 0)
        report_error(&report, NULL, 0, NULL, "%s", err_text(rc));
    if (rc < 0) {
        process_tell_failure(&report);
    } else {
        report_log(&report); /* warnings */
        tell(&serve, LINK_READY, 0);
        rc = reactor_run(serve.reactor);
        settle(&serve);
    }
    report_free(&report);
    go_down(&serve);
    return rc < 0;
}
