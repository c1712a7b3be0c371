/*
 * workers.c: the table of workers: how many there should be, which of them gets a connection, and
 * the trial of a new generation. What one worker does and says is worker_life.c. Called by
 * supervisor.c, reload.c, intake.c and control_commands.c. Supervisor's thread.
 */
#include "supervisor/workers.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "supervisor/hosts.h"
#include "supervisor/worker_life.h"

struct workers *workers_new(struct reactor *reactor, const struct supervisor_options *options,
                            struct admission *admission, const struct workers_observer *observer)
{
    struct workers *workers = calloc(1, sizeof(*workers));
    if (!workers)
        return NULL;
    workers->reactor = reactor;
    workers->options = options;
    workers->admission = admission;
    workers->observer = *observer;
    workers->retry.on_time = workers_on_retry;
    workers->trial_task.run = workers_on_trial_over;
    list_init(&workers->all);
    list_init(&workers->hosts);
    watchdog_start(workers);
    return workers;
}

void workers_free(struct workers *workers)
{
    if (!workers)
        return;
    list_for_each (node, &workers->all) {
        struct worker *worker = container_of(node, struct worker, link);
        kill(worker->pid, SIGKILL);
        waitpid(worker->pid, NULL, 0);
        worker_free(worker);
    }
    hosts_kill_all(workers);
    reactor_timer_cancel(workers->reactor, &workers->watch);
    reactor_timer_cancel(workers->reactor, &workers->retry);
    reactor_task_cancel(workers->reactor, &workers->trial_task);
    generation_free(workers->current);
    free(workers);
}

const struct generation *workers_current(const struct workers *workers)
{
    return workers->current;
}

static bool is_current(const struct worker *worker)
{
    const struct generation *current = worker->workers->current;
    return current && worker->generation == current->number;
}

/* Whether it has, or will have once it is ready, room for one more. */
static bool has_room(const struct worker *worker)
{
    if (worker->state != WORKER_STARTING && worker->state != WORKER_READY)
        return false;
    if (worker_is_spent(worker))
        return false;
    return worker->room == 0 || worker->connections_count < worker->room;
}

struct census {
    uint32_t total; /* of the current generation, that have not failed or been told to end */
    uint32_t with_room;
};

static struct census count_current(const struct workers *workers)
{
    struct census census = {0};
    list_for_each (node, &workers->all) {
        const struct worker *worker = container_of(node, struct worker, link);
        if (!is_current(worker) || worker->state > WORKER_READY)
            continue;
        census.total++;
        census.with_room += has_room(worker);
    }
    return census;
}

/* Workers full of connections need others beside them, as many as limits.connections can fill. */
static uint32_t most_workers(const struct config *config)
{
    uint32_t room = config->limits.connections_per_worker;
    if (room == 0)
        return config->workers;
    return config->workers + config->limits.connections / room +
           (config->limits.connections % room != 0);
}

void workers_maintain(struct workers *workers)
{
    if (workers->is_ending || !workers->current ||
        backoff_is_waiting(&workers->backoff, clock_now_ms()))
        return;
    const struct config *config = workers->current->config;
    uint32_t most = most_workers(config);
    for (struct census now = count_current(workers);
         now.with_room < config->workers && now.total < most; now.with_room++, now.total++) {
        if (!worker_start(workers, workers->current)) {
            log_error("worker.not_started", LOG_TEXT("error", strerror(errno)));
            workers_back_off(workers);
            return;
        }
    }
}

void workers_back_off(struct workers *workers)
{
    uint64_t delay = backoff_failed(&workers->backoff, clock_now_ms());
    /* One more than the delay: the clock's last millisecond has to be over. */
    if (reactor_timer_set(workers->reactor, &workers->retry, delay + 1) < 0)
        log_error("worker.no_retry", LOG_TEXT("error", err_text(SP_ERR_NOMEM)));
}

void workers_on_retry(struct reactor_timer *timer)
{
    workers_maintain(container_of(timer, struct workers, retry));
}

void workers_retire_if_idle(struct worker *worker)
{
    const struct workers *workers = worker->workers;
    if (worker->room == 0 || worker->connections_count > 0 || worker->state != WORKER_READY ||
        worker_is_spent(worker) || !is_current(worker) || workers->is_ending)
        return;
    if (count_current(workers).with_room > workers->current->config->workers)
        worker_drain(worker);
}

struct worker *workers_choose(struct workers *workers)
{
    struct worker *best = NULL;
    list_for_each (node, &workers->all) {
        struct worker *worker = container_of(node, struct worker, link);
        if (worker->state != WORKER_READY || !is_current(worker) || worker->is_congested ||
            !has_room(worker))
            continue;
        if (!best || worker->connections_count < best->connections_count)
            best = worker;
    }
    return best;
}

int workers_hand_over(struct worker *worker, struct admitted *admitted,
                      const struct connection_origin *origin, int fd)
{
    struct link_message message = {.kind = LINK_CONNECTION, .number = origin->id};
    message.u.origin = *origin;
    int rc = link_end_send_fd(&worker->end, &message, fd);
    if (rc == SP_ERR_AGAIN) {
        worker->is_congested = true;
        return SP_ERR_AGAIN;
    }
    if (rc == SP_ERR_CLOSED) {
        worker_lost(worker);
        return SP_ERR_AGAIN;
    }
    if (rc < 0)
        return SP_ERR_SYSTEM;
    admitted->worker = worker;
    list_append(&worker->connections, &admitted->link);
    worker->connections_count++;
    worker->taken++;
    if (worker_is_spent(worker))
        worker_tell(worker, LINK_DRAIN);
    workers_maintain(worker->workers);
    return 0;
}

/* --- the trial of a new generation --- */

void workers_try(struct workers *workers, struct generation *generation)
{
    workers->trial = generation;
    for (uint32_t i = 0; i < generation->config->workers; i++) {
        if (!worker_start(workers, generation)) {
            char why[128];
            snprintf(why, sizeof(why), "a worker cannot be started: %s", strerror(errno));
            workers_trial_fail(workers, why);
            return;
        }
    }
}

bool worker_is_on_trial(const struct worker *worker)
{
    const struct generation *trial = worker->workers->trial;
    return trial && worker->generation == trial->number;
}

static void stop_trial_workers(struct workers *workers)
{
    list_for_each (node, &workers->all) {
        struct worker *worker = container_of(node, struct worker, link);
        if (worker_is_on_trial(worker))
            worker_stop(worker);
    }
    workers->trial = NULL;
}

void workers_trial_fail(struct workers *workers, const char *why)
{
    snprintf(workers->trial_failure, sizeof(workers->trial_failure), "%s", why);
    stop_trial_workers(workers);
    reactor_defer(workers->reactor, &workers->trial_task);
}

void workers_trial_check(struct workers *workers)
{
    uint32_t ready = 0;
    list_for_each (node, &workers->all) {
        const struct worker *worker = container_of(node, struct worker, link);
        ready += worker_is_on_trial(worker) && worker->state == WORKER_READY;
    }
    if (ready == workers->trial->config->workers) {
        workers->trial_failure[0] = 0;
        reactor_defer(workers->reactor, &workers->trial_task);
    }
}

void workers_on_trial_over(struct reactor_task *task)
{
    struct workers *workers = container_of(task, struct workers, trial_task);
    const char *why = workers->trial_failure;
    workers->observer.on_trial(workers->observer.arg, *why ? why : NULL);
}

void workers_abort(struct workers *workers)
{
    reactor_task_cancel(workers->reactor, &workers->trial_task);
    if (workers->trial)
        stop_trial_workers(workers);
}

void workers_commit(struct workers *workers)
{
    if (workers->current)
        instances_succeed(&workers->trial->instances, &workers->current->instances);
    generation_free(workers->current);
    workers->current = workers->trial;
    workers->trial = NULL;
    workers->backoff = (struct backoff){0};
    list_for_each (node, &workers->all) {
        struct worker *worker = container_of(node, struct worker, link);
        if (!is_current(worker))
            worker_drain(worker);
    }
    workers_maintain(workers);
}

/* --- the end --- */

void workers_drain(struct workers *workers)
{
    workers->is_ending = true;
    list_for_each (node, &workers->all)
        worker_drain(container_of(node, struct worker, link));
}

void workers_stop(struct workers *workers)
{
    workers->is_ending = true;
    list_for_each (node, &workers->all)
        worker_stop(container_of(node, struct worker, link));
}

size_t workers_count(const struct workers *workers)
{
    size_t count = 0;
    list_for_each (node, &workers->all)
        count++;
    return count;
}

bool workers_are_left(const struct workers *workers)
{
    return workers_count(workers) > 0 || hosts_are_left(workers);
}

void workers_for_each(struct workers *workers, void (*each)(struct worker *worker, void *arg),
                      void *arg)
{
    list_for_each (node, &workers->all)
        each(container_of(node, struct worker, link), arg);
}

const struct workers_totals *workers_totals(const struct workers *workers)
{
    return &workers->totals;
}

const char *worker_state_name(const struct worker *worker)
{
    static const char *const names[] = {"starting", "ready", "draining", "stopping"};
    if (worker->state == WORKER_READY && !has_room(worker))
        return "full";
    return names[worker->state];
}
