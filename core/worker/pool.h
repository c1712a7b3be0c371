/*
 * pool.h: a few threads for work that may block. Jobs are the caller's memory. A strand is a queue
 * of jobs of which one runs at a time, in order; jobs without a strand run as threads come free.
 */
#ifndef SALLYPORT_WORKER_POOL_H
#define SALLYPORT_WORKER_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct pool;

struct pool_job;

struct pool_strand {  /* zero-initialise; may be freed once its last job's run() was entered */
    struct list jobs; /* that wait for another one of the strand; initialised on first use */
    struct pool_job *ready; /* the one that waits for a thread only, or NULL */
    bool is_initialised;
};

struct pool_job {
    void (*run)(struct pool_job *job); /* on a pool thread; job may be freed inside */
    struct pool_strand *strand;        /* or NULL */
    struct list link;
};

/* threads are started at once. NULL: errno tells. */
struct pool *pool_new(uint32_t threads);
/* Waits for the jobs that run; queued ones are dropped without a call. */
void pool_free(struct pool *pool);
void pool_submit(struct pool *pool, struct pool_job *job); /* any thread */
/* Take a job back that has not begun. True: it will not run. False: it runs, or ran. Any thread. */
bool pool_cancel(struct pool *pool, struct pool_job *job);
/* If the job runs, and has held up its thread for good as far as one can tell: another thread takes
 * that one's place, unless more than most are held up by now; of those there are too many when this
 * one comes back, the first to be idle ends. Returns how many are held up, this one included, or 0
 * if the job does not run. Any thread. */
uint32_t pool_replace(struct pool *pool, struct pool_job *job, uint32_t most);
/* Jobs waiting for a thread. Any thread. */
uint32_t pool_waiting(struct pool *pool);

#endif
