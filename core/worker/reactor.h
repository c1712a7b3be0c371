/*
 * core/worker: what a process runs on: the event loop (reactor), the thread pool, the link to the
 * supervisor. epoll is used here and nowhere else.
 *
 * reactor.h: one epoll loop with timers and tasks posted from other threads. Everything but
 * reactor_post() and reactor_stop() belongs to the loop's thread. Sources, timers and tasks are the
 * caller's memory, embedded in its own structs; callbacks may remove any of them, their own
 * included, and may free what holds them once removed.
 */
#ifndef SALLYPORT_WORKER_REACTOR_H
#define SALLYPORT_WORKER_REACTOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct reactor;

#define REACTOR_READ 1u  /* readable, or the peer has closed */
#define REACTOR_WRITE 2u /* writable */
/* Error or hang-up: always reported, never asked for, and together with what was wanted. Reported
 * again each turn until the source is unwatched. */
#define REACTOR_HANGUP 4u

/* A file descriptor that is watched, level-triggered. */
struct reactor_source {
    void (*on_ready)(struct reactor_source *source, uint32_t events);
    int fd;
    uint32_t wanted;
    bool is_watched;
    uint64_t id; /* the reactor's name for it while it is watched */
};

/* A point in time. Zero-initialise before the first use. */
struct reactor_timer {
    void (*on_time)(struct reactor_timer *timer);
    uint64_t due_ms;
    uint32_t index; /* in the heap, 1-based; 0: not set */
};

/* Work for the loop. */
struct reactor_task {
    void (*run)(struct reactor_task *task);
    struct reactor_task *next;
    bool is_posted; /* guarded by the reactor */
};

struct reactor *reactor_new(void); /* NULL: errno tells */
void reactor_free(struct reactor *reactor);

/* From now on *turns is kept odd while the loop works, growing with each thing it does, and even
 * while it waits: whoever sees it odd and the same for long sees a loop that is held up. */
void reactor_count_turns(struct reactor *reactor, _Atomic uint64_t *turns);

/* Serve until reactor_stop(). 0 or SP_ERR_SYSTEM. */
int reactor_run(struct reactor *reactor);
/* One turn: wait at most timeout_ms (-1: no limit) and serve what is ready. For tests. */
int reactor_turn(struct reactor *reactor, int timeout_ms);
void reactor_stop(struct reactor *reactor); /* any thread; not from a signal handler */

/* 0 or SP_ERR_SYSTEM. The descriptor stays the caller's; unwatch before closing it. */
int reactor_watch(struct reactor *reactor, struct reactor_source *source, uint32_t wanted);
int reactor_change(struct reactor *reactor, struct reactor_source *source, uint32_t wanted);
void reactor_unwatch(struct reactor *reactor, struct reactor_source *source);
/* For a descriptor that was closed behind our back: forgets it without touching the number. */
void reactor_forget(struct reactor *reactor, struct reactor_source *source);

/* Milliseconds of clock_now_ms() at the start of this turn: cheap. */
uint64_t reactor_now_ms(const struct reactor *reactor);
/* Call on_time once, delay_ms from now; a timer that is set already is moved. 0 or SP_ERR_NOMEM. */
int reactor_timer_set(struct reactor *reactor, struct reactor_timer *timer, uint64_t delay_ms);
void reactor_timer_cancel(struct reactor *reactor,
                          struct reactor_timer *timer); /* fine if not set */
static inline bool reactor_timer_is_set(const struct reactor_timer *timer)
{
    return timer->index != 0;
}

/* Any thread: run the task once on the loop, soon. A task that is posted already is not posted
 * twice. */
void reactor_post(struct reactor *reactor, struct reactor_task *task);
/* The same in two steps, for a caller that holds a lock the loop may want: queue the task, and if
 * that returns true, wake the loop once the lock is let go. */
bool reactor_enqueue(struct reactor *reactor, struct reactor_task *task);
void reactor_wake(struct reactor *reactor);
/* Loop thread: run the task after the events of this turn, before waiting again. Cheaper. */
void reactor_defer(struct reactor *reactor, struct reactor_task *task);
/* Loop thread: the task will not run (deferred or posted alike). */
void reactor_task_cancel(struct reactor *reactor, struct reactor_task *task);

#endif
