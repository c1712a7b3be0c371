/*
 * reactor.c: the event loop of a process: descriptors, timers and tasks, served by one thread.
 * reactor_post() and reactor_stop() are for every thread; they share the task queue, under its
 * lock, with the loop.
 */
#include "worker/reactor.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/idmap.h"

#define BATCH_MAX 64
#define TASK_ROUNDS 2
#define WAKE_ID 0 /* of wake_fd; no source has it */

struct task_queue {
    struct reactor_task *first;
    struct reactor_task *last;
};

struct reactor {
    int epoll_fd;
    int wake_fd; /* an eventfd */
    uint64_t now_ms;
    _Atomic uint64_t *turns; /* for others to see; unwatched unless they asked */
    _Atomic uint64_t unwatched;

    /* What epoll knows a source by: an event that comes late, after the source was removed and its
     * memory freed, finds nothing. Events of an earlier callback's victims in the same batch are
     * late, and so are those of a forgotten descriptor that a child has inherited. */
    struct idmap sources;

    struct reactor_timer **heap; /* by due_ms; heap[0] is timer index 1 */
    uint32_t timers;
    uint32_t heap_capacity;
    bool is_firing;

    pthread_mutex_t lock;      /* guards what follows, and the tasks' own fields */
    struct task_queue queue;   /* for the next time tasks are run */
    struct task_queue running; /* being run */
    bool is_waiting;           /* the loop waits, or is about to, and has not been woken */
    bool is_stopping;
};

struct reactor *reactor_new(void)
{
    struct reactor *reactor = calloc(1, sizeof(*reactor));
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = WAKE_ID};

    if (!reactor)
        return NULL;
    pthread_mutex_init(&reactor->lock, NULL);
    reactor->now_ms = clock_now_ms();
    reactor->turns = &reactor->unwatched;
    reactor->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    reactor->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (reactor->epoll_fd < 0 || reactor->wake_fd < 0 ||
        epoll_ctl(reactor->epoll_fd, EPOLL_CTL_ADD, reactor->wake_fd, &event) < 0) {
        int saved = errno;
        reactor_free(reactor);
        errno = saved;
        return NULL;
    }
    return reactor;
}

void reactor_free(struct reactor *reactor)
{
    if (!reactor)
        return;
    if (reactor->epoll_fd >= 0)
        close(reactor->epoll_fd);
    if (reactor->wake_fd >= 0)
        close(reactor->wake_fd);
    pthread_mutex_destroy(&reactor->lock);
    idmap_free(&reactor->sources);
    free(reactor->heap);
    free(reactor);
}

uint64_t reactor_now_ms(const struct reactor *reactor)
{
    return reactor->now_ms;
}

/* Descriptors. */

static int control(struct reactor *reactor, int operation, struct reactor_source *source,
                   uint32_t wanted)
{
    struct epoll_event event = {0};

    if (wanted & REACTOR_READ)
        event.events |= EPOLLIN | EPOLLRDHUP;
    if (wanted & REACTOR_WRITE)
        event.events |= EPOLLOUT;
    event.data.u64 = source->id;
    if (epoll_ctl(reactor->epoll_fd, operation, source->fd, &event) < 0)
        return SP_ERR_SYSTEM;
    source->wanted = wanted;
    return 0;
}

int reactor_watch(struct reactor *reactor, struct reactor_source *source, uint32_t wanted)
{
    source->id = idmap_add(&reactor->sources, source, 0);
    if (source->id == 0) {
        errno = ENOMEM;
        return SP_ERR_SYSTEM;
    }
    if (control(reactor, EPOLL_CTL_ADD, source, wanted) < 0) {
        idmap_remove(&reactor->sources, source->id);
        return SP_ERR_SYSTEM;
    }
    source->is_watched = true;
    return 0;
}

int reactor_change(struct reactor *reactor, struct reactor_source *source, uint32_t wanted)
{
    if (source->is_watched && source->wanted == wanted)
        return 0;
    return control(reactor, EPOLL_CTL_MOD, source, wanted);
}

void reactor_unwatch(struct reactor *reactor, struct reactor_source *source)
{
    if (source->is_watched)
        epoll_ctl(reactor->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
    reactor_forget(reactor, source);
}

void reactor_forget(struct reactor *reactor, struct reactor_source *source)
{
    if (source->is_watched)
        idmap_remove(&reactor->sources, source->id);
    source->is_watched = false;
}

static void drain_wake(struct reactor *reactor)
{
    uint64_t count;

    /* Reading can only fail because there is nothing to read. */
    while (read(reactor->wake_fd, &count, sizeof(count)) < 0 && errno == EINTR)
        ;
}

static uint32_t events_of(uint32_t flags)
{
    uint32_t events = 0;

    if (flags & (EPOLLIN | EPOLLRDHUP))
        events |= REACTOR_READ;
    if (flags & EPOLLOUT)
        events |= REACTOR_WRITE;
    /* Whoever reads or writes learns from that what has happened. */
    if (flags & (EPOLLERR | EPOLLHUP))
        events |= REACTOR_READ | REACTOR_WRITE | REACTOR_HANGUP;
    return events;
}

/* One writer: no need for more than plain loads and stores that others may read. */
static void count(struct reactor *reactor, unsigned steps)
{
    uint64_t turns = atomic_load_explicit(reactor->turns, memory_order_relaxed);
    atomic_store_explicit(reactor->turns, turns + steps, memory_order_relaxed);
}

void reactor_count_turns(struct reactor *reactor, _Atomic uint64_t *turns)
{
    reactor->turns = turns;
}

static void dispatch(struct reactor *reactor, const struct epoll_event *batch, int length)
{
    for (int i = 0; i < length; i++) {
        struct reactor_source *source = idmap_get(&reactor->sources, batch[i].data.u64);
        uint32_t events;

        if (batch[i].data.u64 == WAKE_ID)
            drain_wake(reactor);
        if (!source)
            continue;
        /* An earlier callback may have changed what this source wants. */
        events = events_of(batch[i].events) & (source->wanted | REACTOR_HANGUP);
        if (!events)
            continue;
        count(reactor, 2);
        source->on_ready(source, events);
    }
}

/* Timers: a binary heap, in which each timer knows its place. */

static void heap_put(struct reactor *reactor, uint32_t index, struct reactor_timer *timer)
{
    reactor->heap[index - 1] = timer;
    timer->index = index;
}

static void heap_up(struct reactor *reactor, struct reactor_timer *timer, uint32_t index)
{
    while (index > 1 && reactor->heap[index / 2 - 1]->due_ms > timer->due_ms) {
        heap_put(reactor, index, reactor->heap[index / 2 - 1]);
        index /= 2;
    }
    heap_put(reactor, index, timer);
}

static void heap_down(struct reactor *reactor, struct reactor_timer *timer, uint32_t index)
{
    for (;;) {
        uint32_t child = index * 2;
        if (child > reactor->timers)
            break;
        if (child < reactor->timers &&
            reactor->heap[child]->due_ms < reactor->heap[child - 1]->due_ms)
            child++;
        if (reactor->heap[child - 1]->due_ms >= timer->due_ms)
            break;
        heap_put(reactor, index, reactor->heap[child - 1]);
        index = child;
    }
    heap_put(reactor, index, timer);
}

/* Bring the timer, whose due_ms is new, to its place from the one it would take. */
static void heap_settle(struct reactor *reactor, struct reactor_timer *timer, uint32_t index)
{
    if (index > 1 && reactor->heap[index / 2 - 1]->due_ms > timer->due_ms)
        heap_up(reactor, timer, index);
    else
        heap_down(reactor, timer, index);
}

int reactor_timer_set(struct reactor *reactor, struct reactor_timer *timer, uint64_t delay_ms)
{
    uint64_t now = clock_now_ms();

    if (timer->index == 0 && reactor->timers == reactor->heap_capacity) {
        uint32_t capacity = reactor->heap_capacity ? reactor->heap_capacity * 2 : 16;
        struct reactor_timer **heap = reallocarray(reactor->heap, capacity, sizeof(*heap));
        if (!heap)
            return SP_ERR_NOMEM;
        reactor->heap = heap;
        reactor->heap_capacity = capacity;
    }
    timer->due_ms = delay_ms < UINT64_MAX - now ? now + delay_ms : UINT64_MAX;
    /* What timers set while they fire waits for the next turn, so that descriptors get theirs. */
    if (reactor->is_firing && timer->due_ms <= reactor->now_ms)
        timer->due_ms = reactor->now_ms + 1;
    heap_settle(reactor, timer, timer->index ? timer->index : ++reactor->timers);
    return 0;
}

void reactor_timer_cancel(struct reactor *reactor, struct reactor_timer *timer)
{
    uint32_t index = timer->index;
    struct reactor_timer *last;

    if (index == 0)
        return;
    timer->index = 0;
    last = reactor->heap[--reactor->timers];
    if (last != timer)
        heap_settle(reactor, last, index);
}

static void fire_timers(struct reactor *reactor)
{
    reactor->is_firing = true;
    while (reactor->timers > 0 && reactor->heap[0]->due_ms <= reactor->now_ms) {
        struct reactor_timer *timer = reactor->heap[0];
        reactor_timer_cancel(reactor, timer);
        count(reactor, 2);
        timer->on_time(timer);
    }
    reactor->is_firing = false;
}

/* Tasks. */

/* Under the lock. False: the task is queued already. */
static bool enqueue(struct reactor *reactor, struct reactor_task *task)
{
    if (task->is_posted)
        return false;
    task->is_posted = true;
    task->next = NULL;
    if (reactor->queue.first)
        reactor->queue.last->next = task;
    else
        reactor->queue.first = task;
    reactor->queue.last = task;
    return true;
}

/* Under the lock. True: whoever asks must call reactor_wake() after letting the lock go. */
static bool must_wake(struct reactor *reactor)
{
    bool was_waiting = reactor->is_waiting;

    reactor->is_waiting = false;
    return was_waiting;
}

void reactor_wake(struct reactor *reactor)
{
    uint64_t one = 1;

    /* The counter cannot be full: it is written to once for each time the loop waits. */
    while (write(reactor->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

bool reactor_enqueue(struct reactor *reactor, struct reactor_task *task)
{
    bool wakes;

    pthread_mutex_lock(&reactor->lock);
    wakes = enqueue(reactor, task) && must_wake(reactor);
    pthread_mutex_unlock(&reactor->lock);
    return wakes;
}

void reactor_post(struct reactor *reactor, struct reactor_task *task)
{
    if (reactor_enqueue(reactor, task))
        reactor_wake(reactor);
}

void reactor_defer(struct reactor *reactor, struct reactor_task *task)
{
    pthread_mutex_lock(&reactor->lock);
    enqueue(reactor, task);
    pthread_mutex_unlock(&reactor->lock);
}

/* Under the lock. */
static bool take_out(struct task_queue *queue, struct reactor_task *task)
{
    struct reactor_task *before = NULL;

    for (struct reactor_task *at = queue->first; at; before = at, at = at->next) {
        if (at != task)
            continue;
        if (before)
            before->next = task->next;
        else
            queue->first = task->next;
        if (queue->last == task)
            queue->last = before;
        return true;
    }
    return false;
}

void reactor_task_cancel(struct reactor *reactor, struct reactor_task *task)
{
    pthread_mutex_lock(&reactor->lock);
    if (task->is_posted) {
        if (!take_out(&reactor->queue, task))
            take_out(&reactor->running, task);
        task->is_posted = false;
    }
    pthread_mutex_unlock(&reactor->lock);
}

/* Tasks that are queued by these wait for the next turn. */
/* Run what is queued now, and what that queues, but not without end: I/O must have its turn. */
static void run_tasks(struct reactor *reactor)
{
    pthread_mutex_lock(&reactor->lock);
    for (int round = 0; round < TASK_ROUNDS && reactor->queue.first; round++) {
        reactor->running = reactor->queue;
        reactor->queue = (struct task_queue){NULL, NULL};
        while (reactor->running.first) {
            struct reactor_task *task = reactor->running.first;
            reactor->running.first = task->next;
            task->is_posted = false;
            pthread_mutex_unlock(&reactor->lock);
            count(reactor, 2);
            task->run(task);
            pthread_mutex_lock(&reactor->lock);
        }
    }
    pthread_mutex_unlock(&reactor->lock);
}

/* The loop. */

static int until_next_timer(struct reactor *reactor, int timeout_ms)
{
    if (reactor->timers > 0) {
        uint64_t due = reactor->heap[0]->due_ms;
        uint64_t now = clock_now_ms();
        uint64_t left = due > now ? due - now : 0;
        if (left > INT_MAX)
            left = INT_MAX;
        if (timeout_ms < 0 || left < (uint64_t)timeout_ms)
            return (int)left;
    }
    return timeout_ms;
}

static int wait_for_events(struct reactor *reactor, struct epoll_event *batch, int timeout_ms)
{
    bool has_tasks;
    int length;

    pthread_mutex_lock(&reactor->lock);
    has_tasks = reactor->queue.first != NULL;
    reactor->is_waiting = !has_tasks && !reactor->is_stopping;
    if (!reactor->is_waiting)
        timeout_ms = 0;
    pthread_mutex_unlock(&reactor->lock);
    length = epoll_wait(reactor->epoll_fd, batch, BATCH_MAX,
                        timeout_ms == 0 ? 0 : until_next_timer(reactor, timeout_ms));
    pthread_mutex_lock(&reactor->lock);
    reactor->is_waiting = false;
    pthread_mutex_unlock(&reactor->lock);
    return length;
}

int reactor_turn(struct reactor *reactor, int timeout_ms)
{
    struct epoll_event batch[BATCH_MAX];
    int length = wait_for_events(reactor, batch, timeout_ms);

    if (length < 0 && errno != EINTR)
        return SP_ERR_SYSTEM;
    reactor->now_ms = clock_now_ms();
    count(reactor, 1);
    dispatch(reactor, batch, length);
    fire_timers(reactor);
    run_tasks(reactor);
    count(reactor, 1);
    return 0;
}

static bool take_stop(struct reactor *reactor)
{
    bool is_stopping;

    pthread_mutex_lock(&reactor->lock);
    is_stopping = reactor->is_stopping;
    reactor->is_stopping = false;
    pthread_mutex_unlock(&reactor->lock);
    return is_stopping;
}

int reactor_run(struct reactor *reactor)
{
    int rc = 0;

    while (rc == 0 && !take_stop(reactor))
        rc = reactor_turn(reactor, -1);
    return rc;
}

void reactor_stop(struct reactor *reactor)
{
    bool wakes;

    pthread_mutex_lock(&reactor->lock);
    reactor->is_stopping = true;
    wakes = must_wake(reactor);
    pthread_mutex_unlock(&reactor->lock);
    if (wakes)
        reactor_wake(reactor);
}
