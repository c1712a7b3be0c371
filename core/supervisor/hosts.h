/*
 * hosts.h: the processes that plugin instances have of their own ("isolation": "process"), one for
 * each worker and instance: started when the worker asks, again with a growing delay when they
 * crash, ended with their worker. Supervisor's thread.
 */
#ifndef SALLYPORT_SUPERVISOR_HOSTS_H
#define SALLYPORT_SUPERVISOR_HOSTS_H

#include "supervisor/backoff.h"
#include "supervisor/workers.h"

enum host_state {
    HOST_WAITING, /* there is no process: none is wanted, or it is too soon after a crash */
    HOST_STARTING,
    HOST_READY,
    HOST_ENDING, /* its end is wanted, or will come by itself */
};

struct host {
    struct list link;
    struct workers *workers;
    struct worker *worker; /* NULL: it is gone, and so will this be */
    struct generation *source;
    size_t index; /* of the instance */
    enum host_state state;
    bool is_expected; /* we wanted its end */
    bool is_stuck;    /* its loop did not turn: it was told to abort */
    bool is_wanted;   /* the worker waits for another one */
    pid_t pid;        /* 0: there is no process */
    uint64_t starts;
    struct link_end end;
    struct backoff backoff;
    struct counters counters; /* for the turns of its loop only */
    struct loop_watch watch;
    struct reactor_timer timer; /* the next start, or until when it must be ready or gone */
    struct last_words words;
};

/* The worker asks for a process for an instance of its configuration. */
void hosts_want(struct worker *worker, uint64_t index);
/* The worker is gone: its processes end by themselves, or are killed. */
void hosts_orphan(struct worker *worker);
/* No process of this instance may run any more. */
void hosts_end(struct workers *workers, const struct generation *generation, size_t index);
/* SIGCHLD has come. */
void hosts_reap(struct workers *workers);
/* Its loop does not turn any more: make it say where it is, and end. */
void host_abort(struct host *host);
/* Whether any process is left. */
bool hosts_are_left(const struct workers *workers);
void hosts_kill_all(struct workers *workers);
const char *host_state_name(const struct host *host);

#endif
