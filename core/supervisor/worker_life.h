/*
 * worker_life.h: what workers.c and worker_life.c share: the table's layout, and the one process's
 * life as against the table's plans. Nobody else includes it. Supervisor's thread.
 */
#ifndef SALLYPORT_SUPERVISOR_WORKER_LIFE_H
#define SALLYPORT_SUPERVISOR_WORKER_LIFE_H

#include "supervisor/backoff.h"
#include "supervisor/workers.h"

struct workers {
    struct reactor *reactor;
    const struct supervisor_options *options;
    struct admission *admission;
    struct workers_observer observer;
    struct list all;
    struct list hosts; /* struct host, of all workers */
    struct generation *current;
    struct generation *trial;
    char trial_failure[sizeof(((struct last_words *)0)->failure)];
    struct reactor_task trial_task;
    struct backoff backoff;
    struct reactor_timer retry;
    struct reactor_timer watch; /* watchdog.c */
    uint64_t watched_ms;        /* when it last looked */
    struct workers_totals totals;
    bool is_ending;
};

/* Of one worker (worker_life.c). NULL: errno tells. */
struct worker *worker_start(struct workers *workers, struct generation *generation);
void worker_free(struct worker *worker); /* the process is gone already */
void worker_tell(struct worker *worker, enum link_kind kind);
void worker_drain(struct worker *worker);
void worker_stop(struct worker *worker);
/* Its link is closed: its process is dead, too, or will be soon. */
void worker_lost(struct worker *worker);
/* Its loop does not turn any more: make it say where it is, and end. */
void worker_abort(struct worker *worker);
/* It is of the kind that serves one connection, and has got it. */
static inline bool worker_is_spent(const struct worker *worker)
{
    return worker->room == 1 && worker->taken > 0;
}

/* Watch the loops of all workers (watchdog.c). */
void watchdog_start(struct workers *workers);

/* Of the table (workers.c). */
bool worker_is_on_trial(const struct worker *worker);
/* Start what is missing in the current generation. */
void workers_maintain(struct workers *workers);
/* A worker has failed: wait before the next start. */
void workers_back_off(struct workers *workers);
void workers_on_retry(struct reactor_timer *timer);
/* A worker that was started for a rush is not kept when it is over. */
void workers_retire_if_idle(struct worker *worker);
void workers_trial_fail(struct workers *workers, const char *why);
void workers_trial_check(struct workers *workers);
void workers_on_trial_over(struct reactor_task *task);

#endif
