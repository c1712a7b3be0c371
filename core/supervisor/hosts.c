/*
 * hosts.c: a plugin instance's own process from its start to its death. Called by worker_life.c for
 * what workers ask and for their end, by crash_policy.c, and by the loop. Supervisor's thread.
 *
 * A host has two sockets: a link like a worker's, on which it says that it is up or why it is not,
 * and the peer, whose other end its worker gets and over which all the work goes. When the worker
 * dies or lets go of the peer, the host sees its end and goes; when the host dies, the worker sees
 * it and asks for another one.
 */
#include "supervisor/hosts.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "supervisor/crash_policy.h"
#include "supervisor/spawn.h"
#include "supervisor/worker_life.h"

#define READY_MS 10000u /* from its start until it must be ready */
#define GONE_MS 10000u  /* from its worker's end until it is killed: plugins get five of it */
#define LET_GO_MS 2000u /* from the worker's wish for another one until it is killed */

static const struct instance *instance_of(const struct host *host)
{
    return &host->source->instances.all[host->index];
}

static const char *name_of(const struct host *host)
{
    return instance_of(host)->config->name;
}

static void set_timer(struct host *host, uint64_t delay_ms)
{
    if (reactor_timer_set(host->workers->reactor, &host->timer, delay_ms) < 0 && host->pid)
        kill(host->pid, SIGKILL); /* better than one that nobody ever ends */
}

static void host_free(struct host *host)
{
    link_end_close(&host->end);
    counters_unmap(&host->counters);
    reactor_timer_cancel(host->workers->reactor, &host->timer);
    generation_free(host->source);
    list_remove(&host->link);
    free(host);
}

/* --- what it says --- */

static void on_message(struct link_end *end, const struct link_message *message, int fd)
{
    struct host *host = container_of(end, struct host, end);
    if (fd >= 0)
        close(fd);
    switch (message->kind) {
    case LINK_READY:
        if (host->state != HOST_STARTING)
            break;
        host->state = HOST_READY;
        reactor_timer_cancel(host->workers->reactor, &host->timer);
        log_debug("plugin.process_ready", LOG_TEXT("instance", name_of(host)),
                  LOG_I64("process", host->pid),
                  LOG_I64("worker", host->worker ? host->worker->pid : 0));
        break;
    case LINK_FAILED:
        last_words_hear(&host->words, message);
        /* Its worker only sees it end; who wants the new configuration is told the reason. */
        if (host->worker && worker_is_on_trial(host->worker))
            workers_trial_fail(host->workers, host->words.failure);
        break;
    case LINK_CRASHED:
        last_words_hear(&host->words, message);
        break;
    default:
        /* Nobody who is in his right mind sends that: it has been taken over, or overwritten. */
        log_error("plugin.process_message", LOG_TEXT("instance", name_of(host)),
                  LOG_I64("process", host->pid), LOG_U64("kind", message->kind));
        link_end_close(end);
        host->state = HOST_ENDING;
        kill(host->pid, SIGKILL);
    }
}

/* It is dead, or will be soon. */
static void on_closed(struct link_end *end)
{
    struct host *host = container_of(end, struct host, end);
    if (host->state == HOST_ENDING)
        return;
    host->state = HOST_ENDING;
    set_timer(host, GONE_MS);
}

static const struct link_events link_events = {.on_message = on_message, .on_closed = on_closed};

/* --- how it begins --- */

/* The worker waits no more: it has got the socket, or the reason. */
static int answer(struct host *host, int peer, const char *why)
{
    struct link_message message = {.kind = LINK_HOST, .number = host->index};
    snprintf(message.u.text, sizeof(message.u.text), "%s", why);
    host->is_wanted = false;
    if (peer >= 0)
        return link_end_send_fd(&host->worker->end, &message, peer);
    return link_end_send(&host->worker->end, &message);
}

static int spawn_with(struct host *host, int peer, struct spawned *ret_spawned)
{
    int counters = spawn_raise_fd(counters_create(0, 0, &host->counters));
    if (counters < 0)
        return SP_ERR_SYSTEM;
    int rc = spawn_host(host->workers->options, host->source, name_of(host), peer, counters,
                        ret_spawned);
    int error = errno;
    close(counters);
    if (rc < 0)
        counters_unmap(&host->counters);
    errno = error;
    return rc;
}

static int spawn(struct host *host, int *ret_peer)
{
    struct spawned spawned;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
        return SP_ERR_SYSTEM;
    pair[1] = spawn_raise_fd(pair[1]);
    int rc = pair[1] < 0 ? SP_ERR_SYSTEM : spawn_with(host, pair[1], &spawned);
    int error = errno;
    if (pair[1] >= 0)
        close(pair[1]);
    if (rc < 0) {
        close(pair[0]);
        errno = error;
        return rc;
    }
    host->watch = (struct loop_watch){0};
    host->pid = spawned.pid;
    host->starts++;
    host->words = (struct last_words){0};
    host->is_expected = false;
    host->is_stuck = false;
    *ret_peer = pair[0];
    /* Without a link it can only die; that is seen like any other death. */
    if (link_end_open(&host->end, host->workers->reactor, spawned.link, &link_events) < 0)
        kill(host->pid, SIGKILL);
    return 0;
}

/* There is a lack of something, which may pass. A worker that comes up waits for an answer and is
 * tried again as a whole; one that serves goes on without the plugin until the next try. */
static void fail_to_start(struct host *host)
{
    char why[256];
    snprintf(why, sizeof(why), "a process cannot be started: %s", strerror(errno));
    log_error("plugin.process_failed", LOG_TEXT("instance", name_of(host)), LOG_I64("process", 0),
              LOG_TEXT("error", why));
    if (host->worker->state == WORKER_STARTING)
        answer(host, -1, why);
    else
        set_timer(host, backoff_failed(&host->backoff, clock_now_ms()));
}

static void start(struct host *host)
{
    int peer = -1;
    if (spawn(host, &peer) < 0) {
        fail_to_start(host);
        return;
    }
    host->state = HOST_STARTING;
    set_timer(host, READY_MS);
    log_debug("plugin.process_started", LOG_TEXT("instance", name_of(host)),
              LOG_I64("process", host->pid), LOG_I64("worker", host->worker->pid));
    if (answer(host, peer, "") == SP_ERR_AGAIN) {
        /* The worker is behind with its messages. Without its peer this one ends: then another. */
        backoff_failed(&host->backoff, clock_now_ms());
        host->is_wanted = true;
        host->is_expected = true;
        host->state = HOST_ENDING;
        set_timer(host, LET_GO_MS);
    }
    close(peer);
}

/* Give the worker what it wants, now or when it is time. */
static void serve_want(struct host *host)
{
    uint64_t now_ms = clock_now_ms();
    if (instance_of(host)->is_disabled)
        answer(host, -1, "it is disabled after too many crashes");
    else if (backoff_is_waiting(&host->backoff, now_ms))
        set_timer(host, host->backoff.until_ms - now_ms + 1);
    else
        start(host);
}

static void on_time(struct reactor_timer *timer)
{
    struct host *host = container_of(timer, struct host, timer);
    if (host->pid == 0) {
        if (host->worker && host->is_wanted)
            serve_want(host);
        return;
    }
    if (host->state == HOST_STARTING)
        snprintf(host->words.failure, sizeof(host->words.failure),
                 "it was not ready within %u seconds", READY_MS / 1000);
    else
        log_warning("plugin.process_killed", LOG_TEXT("instance", name_of(host)),
                    LOG_I64("process", host->pid));
    host->state = HOST_ENDING;
    host->is_expected = true;
    kill(host->pid, SIGKILL);
}

static struct host *find(struct worker *worker, size_t index)
{
    list_for_each (node, &worker->workers->hosts) {
        struct host *host = container_of(node, struct host, link);
        if (host->worker == worker && host->index == index)
            return host;
    }
    return NULL;
}

static struct host *add(struct worker *worker, size_t index)
{
    struct host *host = calloc(1, sizeof(*host));
    if (!host)
        return NULL;
    host->workers = worker->workers;
    host->worker = worker;
    host->source = generation_ref(worker->source);
    host->index = index;
    host->timer.on_time = on_time;
    list_append(&worker->workers->hosts, &host->link);
    return host;
}

void hosts_want(struct worker *worker, uint64_t index)
{
    if (index >= worker->source->instances.count) {
        log_warning("worker.message", LOG_I64("worker", worker->pid),
                    LOG_U64("kind", LINK_HOST_WANTED));
        return;
    }
    struct host *host = find(worker, (size_t)index);
    if (!host && !(host = add(worker, (size_t)index))) {
        log_error("plugin.process_failed", LOG_TEXT("instance", ""), LOG_I64("process", 0),
                  LOG_TEXT("error", err_text(SP_ERR_NOMEM)));
        return; /* the worker's own patience ends */
    }
    host->is_wanted = true;
    if (host->pid == 0) {
        serve_want(host);
    } else { /* the old one is dying, or the worker could not make sense of it */
        host->state = HOST_ENDING;
        set_timer(host, LET_GO_MS);
    }
}

/* --- how it ends --- */

void hosts_orphan(struct worker *worker)
{
    list_for_each (node, &worker->workers->hosts) {
        struct host *host = container_of(node, struct host, link);
        if (host->worker != worker)
            continue;
        host->worker = NULL;
        host->is_wanted = false;
        if (host->pid == 0) {
            host_free(host);
        } else {
            host->state = HOST_ENDING;
            host->is_expected = true;
            set_timer(host, GONE_MS);
        }
    }
}

void hosts_end(struct workers *workers, const struct generation *generation, size_t index)
{
    list_for_each (node, &workers->hosts) {
        struct host *host = container_of(node, struct host, link);
        if (host->source != generation || host->index != index || host->pid == 0)
            continue;
        host->state = HOST_ENDING;
        host->is_expected = true;
        kill(host->pid, SIGKILL);
    }
}

void host_abort(struct host *host)
{
    log_error("plugin.process_stuck", LOG_TEXT("instance", name_of(host)),
              LOG_I64("process", host->pid));
    host->state = HOST_ENDING;
    host->is_stuck = true;
    kill(host->pid, SIGABRT);
    set_timer(host, LET_GO_MS);
}

static bool worker_is_ending(const struct host *host)
{
    return !host->worker || host->worker->state >= WORKER_DRAINING || worker_is_spent(host->worker);
}

/* Whether it died of what its plugin did: calling exit() is no better than a fault, nor is standing
 * still. One that said why it cannot serve has not crashed. */
static bool has_crashed(const struct host *host, int status)
{
    if (host->words.has_crashed || host->is_stuck)
        return true;
    if (host->is_expected || host->words.failure[0])
        return false;
    return !(worker_is_ending(host) && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Returns whether the next start should wait. */
static bool explain(struct host *host, int status)
{
    if (has_crashed(host, status)) {
        log_error("plugin.process_crashed", LOG_TEXT("instance", name_of(host)),
                  LOG_I64("process", host->pid),
                  LOG_I64("worker", host->worker ? host->worker->pid : 0),
                  LOG_U64("signal", last_words_signal(&host->words, status)),
                  LOG_I64("status", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
                  LOG_TEXT("operation", host->words.operation));
        host->workers->totals.host_crashes++;
        crash_policy_apply(host->workers, host->source, name_of(host));
        return true;
    }
    if (host->words.failure[0]) {
        log_error("plugin.process_failed", LOG_TEXT("instance", name_of(host)),
                  LOG_I64("process", host->pid), LOG_TEXT("error", host->words.failure));
        return true;
    }
    log_debug("plugin.process_ended", LOG_TEXT("instance", name_of(host)),
              LOG_I64("process", host->pid));
    return false;
}

static void bury(struct host *host, int status)
{
    link_end_drain(&host->end);
    link_end_close(&host->end);
    reactor_timer_cancel(host->workers->reactor, &host->timer);
    counters_unmap(&host->counters);
    bool waits = explain(host, status);
    host->pid = 0;
    host->state = HOST_WAITING;
    if (waits)
        backoff_failed(&host->backoff, clock_now_ms());
    if (!host->worker)
        host_free(host);
    else if (host->is_wanted)
        serve_want(host);
}

void hosts_reap(struct workers *workers)
{
    list_for_each (node, &workers->hosts) {
        struct host *host = container_of(node, struct host, link);
        int status;
        if (host->pid && waitpid(host->pid, &status, WNOHANG) == host->pid)
            bury(host, status);
    }
}

bool hosts_are_left(const struct workers *workers)
{
    return !list_is_empty(&workers->hosts);
}

void hosts_kill_all(struct workers *workers)
{
    struct list *node;
    while ((node = list_first(&workers->hosts))) {
        struct host *host = container_of(node, struct host, link);
        if (host->pid) {
            kill(host->pid, SIGKILL);
            waitpid(host->pid, NULL, 0);
        }
        host_free(host);
    }
}

const char *host_state_name(const struct host *host)
{
    static const char *const names[] = {"waiting", "starting", "running", "ending"};
    return names[host->state];
}
