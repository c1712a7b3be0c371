/*
 * worker_life.c: one worker from its start to its death: what it says, what it is told, how its end
 * is explained. Called by workers.c and by the loop. Supervisor's thread.
 */
#include "supervisor/worker_life.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "supervisor/counters_table.h"
#include "supervisor/crash_policy.h"
#include "supervisor/hosts.h"
#include "supervisor/spawn.h"

#define READY_MS 10000u /* from its start until it must be ready */
#define GONE_MS 10000u  /* from being told to end until it is killed: plugins get five of it */
#define ABORT_MS 3000u  /* for its fault handler to say where it was */
#define DRAINING_MAX 4u /* workers on their way out, for each that serves, if it can be helped */

/* --- what it says --- */

static void serve_ready(struct worker *worker)
{
    struct workers *workers = worker->workers;
    if (worker->state != WORKER_STARTING)
        return;
    worker->state = WORKER_READY;
    instances_learn(&worker->source->instances, &worker->counters);
    reactor_timer_cancel(workers->reactor, &worker->deadline);
    log_info("worker.ready", LOG_I64("worker", worker->pid),
             LOG_U64("generation", worker->generation),
             LOG_U64("ms", clock_now_ms() - worker->started_ms));
    if (worker_is_on_trial(worker))
        workers_trial_check(workers);
    else
        workers->observer.on_room(workers->observer.arg);
}

static void serve_failed(struct worker *worker, const struct link_message *message)
{
    last_words_hear(&worker->words, message);
    if (worker_is_on_trial(worker))
        workers_trial_fail(worker->workers, worker->words.failure);
    worker_stop(worker);
}

/* One that takes no more and has none left closes its link at once, unless something holds up its
 * loop for good: it must not stay for ever. */
static void expect_end(struct worker *worker)
{
    bool takes_no_more = worker->state == WORKER_DRAINING || worker_is_spent(worker);
    if (takes_no_more && worker->connections_count == 0 &&
        reactor_timer_set(worker->workers->reactor, &worker->deadline, GONE_MS) < 0)
        kill(worker->pid, SIGKILL);
}

static void serve_ended(struct worker *worker, struct admitted *admitted)
{
    struct workers *workers = worker->workers;
    admission_remove(workers->admission, admitted);
    worker->connections_count--;
    if (worker->state != WORKER_STOPPING)
        expect_end(worker);
    workers_retire_if_idle(worker);
    workers->observer.on_room(workers->observer.arg);
}

/* Plugins keep so many of its threads that it is better replaced; one after the other, so that not
 * all are busy ending. */
static void serve_stuck(struct worker *worker, uint64_t threads)
{
    uint32_t draining = 0;
    list_for_each (node, &worker->workers->all)
        draining += container_of(node, struct worker, link)->state == WORKER_DRAINING;
    bool is_replaced =
        worker->state == WORKER_READY && draining < DRAINING_MAX * worker->source->config->workers;
    log_error("worker.stuck_threads", LOG_I64("worker", worker->pid), LOG_U64("threads", threads),
              LOG_U64("replaced", is_replaced));
    if (!is_replaced)
        return;
    worker_drain(worker);
    workers_maintain(worker->workers);
}

/* A worker speaks for its own connections only, whatever has become of it. */
static struct admitted *find_own(struct worker *worker, uint64_t id)
{
    struct admitted *admitted = admission_find(worker->workers->admission, id);
    return admitted && admitted->worker == worker ? admitted : NULL;
}

static void on_message(struct link_end *end, const struct link_message *message, int fd)
{
    struct worker *worker = container_of(end, struct worker, end);
    struct workers *workers = worker->workers;
    struct admitted *admitted;
    if (fd >= 0)
        close(fd);
    switch (message->kind) {
    case LINK_READY:
        serve_ready(worker);
        break;
    case LINK_FAILED:
        serve_failed(worker, message);
        break;
    case LINK_AUTHENTICATED:
        if ((admitted = find_own(worker, message->number)))
            admission_authenticated(workers->admission, admitted);
        break;
    case LINK_ENDED:
        if ((admitted = find_own(worker, message->number)))
            serve_ended(worker, admitted);
        break;
    case LINK_FACTS:
    case LINK_CHANNEL_FACTS:
    case LINK_FACTS_END:
        workers->observer.on_facts(workers->observer.arg, worker, message);
        break;
    case LINK_CRASHED:
        last_words_hear(&worker->words, message);
        break;
    case LINK_HOST_WANTED:
        hosts_want(worker, message->number);
        break;
    case LINK_STUCK:
        serve_stuck(worker, message->number);
        break;
    default:
        log_warning("worker.message", LOG_I64("worker", worker->pid),
                    LOG_U64("kind", message->kind));
    }
}

static void on_writable(struct link_end *end)
{
    struct worker *worker = container_of(end, struct worker, end);
    if (worker->is_congested) {
        worker->is_congested = false;
        worker->workers->observer.on_room(worker->workers->observer.arg);
    }
}

static void on_closed(struct link_end *end)
{
    worker_lost(container_of(end, struct worker, end));
}

static const struct link_events link_events = {
    .on_message = on_message, .on_writable = on_writable, .on_closed = on_closed};

static void on_deadline(struct reactor_timer *timer)
{
    struct worker *worker = container_of(timer, struct worker, deadline);
    if (worker->state == WORKER_STARTING) {
        snprintf(worker->words.failure, sizeof(worker->words.failure),
                 "worker %ld was not ready within %u seconds", (long)worker->pid, READY_MS / 1000);
        worker->state = WORKER_STOPPING;
        if (worker_is_on_trial(worker))
            workers_trial_fail(worker->workers, worker->words.failure);
    } else {
        log_warning("worker.killed", LOG_I64("worker", worker->pid),
                    LOG_U64("connections", worker->connections_count));
    }
    kill(worker->pid, SIGKILL);
}

/* --- what it is told --- */

/* The process, and its counters. */
static int spawn(struct worker *worker, struct spawned *ret_spawned)
{
    const struct workers *workers = worker->workers;
    struct instances *instances = &worker->source->instances;
    int fd = spawn_raise_fd(
        counters_create(instances->count, workers->options->operations_count, &worker->counters));
    if (fd < 0)
        return SP_ERR_SYSTEM;
    instances_mark(instances, &worker->counters);
    int rc = spawn_worker(workers->options, worker->source, fd, ret_spawned);
    int error = errno;
    close(fd);
    errno = error;
    return rc;
}

struct worker *worker_start(struct workers *workers, struct generation *generation)
{
    struct spawned spawned;
    struct worker *worker = calloc(1, sizeof(*worker));
    if (!worker)
        return NULL;
    worker->workers = workers;
    worker->source = generation_ref(generation);
    if (spawn(worker, &spawned) < 0) {
        counters_unmap(&worker->counters);
        generation_free(worker->source);
        free(worker);
        return NULL;
    }
    worker->pid = spawned.pid;
    worker->generation = generation->number;
    worker->room = generation->config->limits.connections_per_worker;
    worker->started_ms = clock_now_ms();
    worker->deadline.on_time = on_deadline;
    list_init(&worker->connections);
    list_append(&workers->all, &worker->link);
    /* Without a link or a deadline it can do nothing but die; that is seen like any other death. */
    if (link_end_open(&worker->end, workers->reactor, spawned.link, &link_events) < 0 ||
        reactor_timer_set(workers->reactor, &worker->deadline, READY_MS) < 0)
        kill(worker->pid, SIGKILL);
    log_debug("worker.started", LOG_I64("worker", worker->pid),
              LOG_U64("generation", worker->generation));
    return worker;
}

void worker_free(struct worker *worker)
{
    struct workers *workers = worker->workers;
    list_for_each (node, &worker->connections)
        admission_remove(workers->admission, container_of(node, struct admitted, link));
    hosts_orphan(worker);
    link_end_close(&worker->end);
    reactor_timer_cancel(workers->reactor, &worker->deadline);
    counters_unmap(&worker->counters);
    generation_free(worker->source);
    list_remove(&worker->link);
    free(worker);
}

void worker_tell(struct worker *worker, enum link_kind kind)
{
    const struct link_message message = {.kind = kind};
    if (link_end_send(&worker->end, &message) == SP_ERR_NOMEM)
        kill(worker->pid, SIGKILL); /* better than one that does not know it should end */
}

void worker_drain(struct worker *worker)
{
    if (worker->state == WORKER_STARTING) {
        worker_stop(worker);
    } else if (worker->state == WORKER_READY) {
        worker->state = WORKER_DRAINING;
        worker_tell(worker, LINK_DRAIN);
        expect_end(worker);
    }
}

void worker_stop(struct worker *worker)
{
    if (worker->state == WORKER_STOPPING)
        return;
    worker->state = WORKER_STOPPING;
    worker_tell(worker, LINK_STOP);
    if (reactor_timer_set(worker->workers->reactor, &worker->deadline, GONE_MS) < 0)
        kill(worker->pid, SIGKILL);
}

void worker_lost(struct worker *worker)
{
    if (worker->state <= WORKER_READY && !worker_is_spent(worker))
        worker->has_vanished = true;
    worker_stop(worker);
}

/* The fault handler tells the instance and operation on the stack, if it is still able to. */
void worker_abort(struct worker *worker)
{
    worker->state = WORKER_STOPPING;
    kill(worker->pid, SIGABRT);
    if (reactor_timer_set(worker->workers->reactor, &worker->deadline, ABORT_MS) < 0)
        kill(worker->pid, SIGKILL);
}

/* --- how its end is explained --- */

static void log_crash(const struct worker *worker, int status)
{
    log_error("worker.crashed", LOG_I64("worker", worker->pid),
              LOG_U64("generation", worker->generation),
              LOG_U64("signal", last_words_signal(&worker->words, status)),
              LOG_I64("status", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
              LOG_TEXT("instance", worker->words.instance),
              LOG_TEXT("operation", worker->words.operation),
              LOG_U64("connections", worker->connections_count));
}

/* For a person: why a worker on trial is dead. */
static void describe_death(struct worker *worker, int status)
{
    if (worker->words.failure[0])
        return;
    char *text = worker->words.failure;
    size_t size = sizeof(worker->words.failure);
    if (worker->words.instance[0])
        snprintf(text, size, "worker %ld crashed in plugin instance \"%s\", operation %s",
                 (long)worker->pid, worker->words.instance, worker->words.operation);
    else if (WIFSIGNALED(status))
        snprintf(text, size, "worker %ld was killed by signal %d (%s) before it was ready",
                 (long)worker->pid, WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(text, size, "worker %ld ended with status %d before it was ready",
                 (long)worker->pid, WEXITSTATUS(status));
}

static bool is_orderly(const struct worker *worker, int status)
{
    bool is_expected = worker->state >= WORKER_DRAINING || worker_is_spent(worker);
    return is_expected && !worker->words.has_crashed && !worker->has_vanished &&
           !worker->words.failure[0] && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Log it, and tell whether the next start should wait. What fails a trial is told by whoever asked
 * for the trial. */
static bool explain(struct worker *worker, int status, bool is_of_current)
{
    if (is_orderly(worker, status)) {
        log_info("worker.ended", LOG_I64("worker", worker->pid),
                 LOG_U64("generation", worker->generation));
        return false;
    }
    if (worker->words.failure[0] && !worker->words.has_crashed) {
        log_at(is_of_current ? LOG_LEVEL_ERROR : LOG_LEVEL_DEBUG, "worker.failed",
               LOG_I64("worker", worker->pid), LOG_U64("generation", worker->generation),
               LOG_TEXT("error", worker->words.failure));
        return true;
    }
    log_crash(worker, status);
    worker->workers->totals.crashes++;
    /* One that had its one connection would not have been used again: a client that can crash its
     * own worker must not slow down everybody else's start. */
    return !worker_is_spent(worker);
}

static void bury(struct worker *worker, int status)
{
    struct workers *workers = worker->workers;
    link_end_drain(&worker->end);
    bool is_of_current = workers->current && worker->generation == workers->current->number;
    bool wait = explain(worker, status, is_of_current) && is_of_current;
    if (worker_is_on_trial(worker)) {
        describe_death(worker, status);
        workers_trial_fail(workers, worker->words.failure);
    }
    counters_sum(&workers->totals.counters, worker->counters.totals);
    instances_add(workers->current ? &workers->current->instances : &worker->source->instances,
                  &worker->source->instances, &worker->counters);
    if (worker->words.has_crashed)
        crash_policy_apply(workers, worker->source, worker->words.instance);
    workers->observer.on_gone(workers->observer.arg, worker);
    worker_free(worker);
    if (wait)
        workers_back_off(workers);
}

void workers_reap(struct workers *workers)
{
    list_for_each (node, &workers->all) {
        struct worker *worker = container_of(node, struct worker, link);
        int status;
        if (waitpid(worker->pid, &status, WNOHANG) == worker->pid)
            bury(worker, status);
    }
    hosts_reap(workers);
    workers_maintain(workers);
    workers->observer.on_room(workers->observer.arg);
}
