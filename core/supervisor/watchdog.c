/*
 * watchdog.c: looks whether the loops of workers, and of plugins' own processes, turn. One that
 * does nothing else for so long is held up by a plugin, most likely for good, and with it every
 * connection of the worker. Called by workers.c. Supervisor's thread.
 *
 * What stands still for other reasons is left alone: a loop that waits (its count is even), a
 * worker that somebody has stopped or traces, and everything while we did not run ourselves.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/hosts.h"
#include "supervisor/worker_life.h"

#define LOOK_MS_MAX 1000u
#define LOOK_MS_MIN 20u
/* How many looks fit into the time that a loop may stand still. */
#define LOOKS 4u

/* Stopped by a signal or a debugger. */
static bool is_stopped(pid_t pid)
{
    char path[32], text[512];
    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    text[length < 0 ? 0 : length] = 0;
    const char *end = strrchr(text, ')'); /* of the program's name, which may be anything */
    return end && end[1] == ' ' && (end[2] == 'T' || end[2] == 't');
}

/* True, once, if the loop does not turn any more. */
static bool is_stuck(struct loop_watch *watch, const struct counters *counters, pid_t pid,
                     uint64_t limit_ms, uint64_t now_ms, bool we_slept)
{
    if (limit_ms == 0 || watch->is_over)
        return false;
    uint64_t turns = counter_get(counters->turns);
    if (turns % 2 == 0 || turns != watch->turns || we_slept || is_stopped(pid)) {
        watch->turns = turns;
        watch->since_ms = now_ms;
    }
    watch->is_over = now_ms - watch->since_ms >= limit_ms;
    return watch->is_over;
}

static void look_at_worker(struct worker *worker, uint64_t now_ms, bool we_slept)
{
    uint64_t limit_ms = worker->source->config->timeouts.stuck;
    if (worker->state == WORKER_STARTING ||
        !is_stuck(&worker->watch, &worker->counters, worker->pid, limit_ms, now_ms, we_slept))
        return;
    log_error("worker.stuck", LOG_I64("worker", worker->pid),
              LOG_U64("generation", worker->generation),
              LOG_U64("ms", now_ms - worker->watch.since_ms),
              LOG_U64("connections", worker->connections_count));
    worker_abort(worker);
}

static void look_at_host(struct host *host, uint64_t now_ms, bool we_slept)
{
    uint64_t limit_ms = host->source->config->timeouts.stuck;
    if (host->pid && is_stuck(&host->watch, &host->counters, host->pid, limit_ms, now_ms, we_slept))
        host_abort(host);
}

static uint64_t look_after_ms(const struct workers *workers)
{
    uint64_t after_ms = LOOK_MS_MAX;
    list_for_each (node, &workers->all) {
        const struct worker *worker = container_of(node, struct worker, link);
        uint64_t limit_ms = worker->source->config->timeouts.stuck;
        if (limit_ms && limit_ms / LOOKS < after_ms)
            after_ms = limit_ms / LOOKS;
    }
    return after_ms < LOOK_MS_MIN ? LOOK_MS_MIN : after_ms;
}

static void on_watch(struct reactor_timer *timer)
{
    struct workers *workers = container_of(timer, struct workers, watch);
    uint64_t now_ms = clock_now_ms();
    bool we_slept = now_ms - workers->watched_ms > 2 * LOOK_MS_MAX;
    workers->watched_ms = now_ms;
    list_for_each (node, &workers->all)
        look_at_worker(container_of(node, struct worker, link), now_ms, we_slept);
    list_for_each (node, &workers->hosts)
        look_at_host(container_of(node, struct host, link), now_ms, we_slept);
    workers_maintain(workers);
    watchdog_start(workers);
}

void watchdog_start(struct workers *workers)
{
    workers->watch.on_time = on_watch;
    if (reactor_timer_set(workers->reactor, &workers->watch, look_after_ms(workers)) < 0)
        log_error("worker.not_watched");
}
