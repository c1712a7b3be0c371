/*
 * workers.h: the worker processes: started ahead, watched, replaced, drained. One generation is
 * current and takes connections; one may be on trial to become it; older ones finish what they
 * have. Supervisor's thread.
 */
#ifndef SALLYPORT_SUPERVISOR_WORKERS_H
#define SALLYPORT_SUPERVISOR_WORKERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "supervisor/admission.h"
#include "supervisor/generation.h"
#include "supervisor/last_words.h"
#include "supervisor/link_end.h"
#include "worker/counters.h"
#include "worker/reactor.h"

struct workers;

enum worker_state {
    WORKER_STARTING,
    WORKER_READY,
    WORKER_DRAINING, /* takes no more; ends with its last connection */
    WORKER_STOPPING,
};

/* What the watchdog knows of a process's event loop. */
struct loop_watch {
    uint64_t turns;    /* as last seen … */
    uint64_t since_ms; /* … for the first time */
    bool is_over;      /* it did not turn any more */
};

struct worker {
    struct list link;
    struct workers *workers;
    pid_t pid;
    uint32_t generation;
    struct generation *source; /* the one of that number */
    uint32_t room;             /* connections it may have at once; 0: no limit */
    uint32_t taken;            /* handed over in its life */
    enum worker_state state;
    bool is_congested; /* its link took no more; on_writable clears it */
    uint64_t started_ms;
    struct link_end end;
    struct counters counters;
    struct list connections; /* struct admitted */
    uint32_t connections_count;
    struct reactor_timer deadline; /* to be ready, or to be gone */
    struct last_words words;
    uint64_t listing;  /* the one it still has to answer (listing.h); 0: none */
    bool has_vanished; /* it closed its link without being told to end */
    struct loop_watch watch;
};

struct workers_observer {
    void *arg;
    /* Every worker on trial is ready (why is NULL), or the trial is over and this is why. */
    void (*on_trial)(void *arg, const char *why);
    /* There may be a worker with room again. */
    void (*on_room)(void *arg);
    /* LINK_FACTS or LINK_FACTS_END. */
    void (*on_facts)(void *arg, struct worker *worker, const struct link_message *message);
    /* The worker has died; afterwards its memory is gone. */
    void (*on_gone)(void *arg, struct worker *worker);
};

/* Plain figures for the status. */
struct workers_totals {
    uint64_t crashes;
    uint64_t host_crashes;
    struct worker_counters counters; /* of those that are gone */
};

struct workers *workers_new(struct reactor *reactor, const struct supervisor_options *options,
                            struct admission *admission, const struct workers_observer *observer);
/* Kills what is left. */
void workers_free(struct workers *workers);

/* Start as many workers of generation as it wants, on trial: on_trial tells how it went, once, from
 * the loop. Generation stays the caller's until workers_commit(). */
void workers_try(struct workers *workers, struct generation *generation);
/* The generation on trial becomes the current one, and is owned from here on; older workers drain.
 */
void workers_commit(struct workers *workers);
/* End the trial: its workers are ended, its generation is the caller's. No on_trial comes. */
void workers_abort(struct workers *workers);
const struct generation *workers_current(const struct workers *workers); /* or NULL */

/* The ready worker with the fewest connections that has room, or NULL. */
struct worker *workers_choose(struct workers *workers);
/* Give it the connection. 0, and admitted is in its list; SP_ERR_AGAIN: not now, choose again;
 * SP_ERR_SYSTEM: the descriptor cannot be sent. fd stays the caller's. */
int workers_hand_over(struct worker *worker, struct admitted *admitted,
                      const struct connection_origin *origin, int fd);

/* SIGCHLD has come. */
void workers_reap(struct workers *workers);
/* Take no more; ready workers end with their last connection, others at once. Nothing is started
 * any more. */
void workers_drain(struct workers *workers);
/* End every connection now. Those not gone in ten seconds are killed. */
void workers_stop(struct workers *workers);
size_t workers_count(const struct workers *workers);
/* Whether any process is left, of plugins' too. */
bool workers_are_left(const struct workers *workers);

void workers_for_each(struct workers *workers, void (*each)(struct worker *worker, void *arg),
                      void *arg);
const struct workers_totals *workers_totals(const struct workers *workers);
/* "starting", "ready", "full", "draining", "stopping" */
const char *worker_state_name(const struct worker *worker);

#endif
