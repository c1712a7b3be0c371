/*
 * pool.c: the threads on which plugin operations that may block run. Jobs are submitted by the
 * reactor's thread for the most part and answer it with reactor_post().
 *
 * A strand's owner may free it as soon as its last job has run, perhaps before the pool's thread
 * has come back from that job. So a strand is looked at only while a job of it is queued; that one
 * runs is noted with the thread.
 */
#include "worker/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define STACK_BYTES (512u * 1024u)
#define SIGNAL_STACK_BYTES (32u * 1024u)

struct pool_thread {
    struct list link; /* in threads, or in ended */
    struct pool *pool;
    pthread_t id;
    struct pool_job *job;       /* that runs, or NULL: only to be compared, it may be gone */
    struct pool_strand *strand; /* of the job that runs, or NULL */
    bool has_followers;         /* strand->jobs is not empty */
    bool is_held_up;            /* another one was started in its place */
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t has_work;
    struct list ready; /* jobs that any thread may begin: one of a strand at most */
    uint32_t waiting;  /* jobs in ready and in the strands */
    bool is_stopping;
    uint32_t size;          /* threads there should be for new work */
    uint32_t threads_count; /* in threads */
    uint32_t held_up_count;
    struct list threads;
    struct list ended; /* threads to be joined */
};

static struct pool_job *job_of(struct list *link)
{
    return container_of(link, struct pool_job, link);
}

static void make_ready(struct pool *pool, struct pool_job *job)
{
    if (job->strand)
        job->strand->ready = job;
    list_append(&pool->ready, &job->link);
}

static struct pool_thread *thread_running(struct pool *pool, const struct pool_strand *strand)
{
    list_for_each (node, &pool->threads) {
        struct pool_thread *thread = container_of(node, struct pool_thread, link);
        if (thread->strand == strand)
            return thread;
    }
    return NULL;
}

/* Run the first job that is ready. Called and left with the lock held. */
static void run_one(struct pool_thread *self)
{
    struct pool *pool = self->pool;
    struct pool_job *job = job_of(list_take_first(&pool->ready));

    pool->waiting--;
    self->job = job;
    self->strand = job->strand;
    if (self->strand) {
        self->strand->ready = NULL;
        self->has_followers = !list_is_empty(&self->strand->jobs);
    }
    pthread_mutex_unlock(&pool->lock);
    job->run(job);
    pthread_mutex_lock(&pool->lock);
    /* Nobody is woken for the follower: this thread takes a job next itself, or leaves and says so.
     */
    if (self->strand && self->has_followers)
        make_ready(pool, job_of(list_take_first(&self->strand->jobs)));
    self->job = NULL;
    self->strand = NULL;
    self->has_followers = false;
    if (self->is_held_up)
        pool->held_up_count--;
    self->is_held_up = false;
}

static bool is_one_too_many(const struct pool *pool)
{
    return pool->threads_count - pool->held_up_count > pool->size;
}

static void *thread_main(void *arg)
{
    struct pool_thread *self = arg;
    struct pool *pool = self->pool;
    char memory[SIGNAL_STACK_BYTES];
    stack_t alternate = {.ss_sp = memory, .ss_size = sizeof(memory)};
    stack_t before;

    /* A plugin that overflows this stack must still be able to reach the fault handler. */
    sigaltstack(&alternate, &before);
    pthread_mutex_lock(&pool->lock);
    while (!pool->is_stopping && !is_one_too_many(pool)) {
        if (list_is_empty(&pool->ready))
            pthread_cond_wait(&pool->has_work, &pool->lock);
        else
            run_one(self);
    }
    if (!pool->is_stopping) {
        list_remove(&self->link);
        list_append(&pool->ended, &self->link);
        pool->threads_count--;
        if (!list_is_empty(&pool->ready))
            pthread_cond_signal(&pool->has_work);
    }
    pthread_mutex_unlock(&pool->lock);
    sigaltstack(&before, NULL);
    return NULL;
}

/* Signals are the reactor thread's, but for those that tell of a fault in the running code: if they
 * were blocked, the kernel would kill the process without a call of the fault handler. */
static void thread_signals(sigset_t *set)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};

    sigfillset(set);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        sigdelset(set, faults[i]);
}

/* With the lock held, which the thread waits for: it reads what is filled in here. 0 or an errno.
 */
static int start_thread(struct pool *pool)
{
    struct pool_thread *thread = calloc(1, sizeof(*thread));
    pthread_attr_t attributes;
    sigset_t blocked, before;
    int rc = thread ? pthread_attr_init(&attributes) : ENOMEM;

    if (rc != 0) {
        free(thread);
        return rc;
    }
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    thread_signals(&blocked);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    thread->pool = pool;
    rc = pthread_create(&thread->id, &attributes, thread_main, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (rc != 0) {
        free(thread);
        return rc;
    }
    list_append(&pool->threads, &thread->link);
    pool->threads_count++;
    return 0;
}

/* Threads of a list that have ended, or will without being told once more. Without the lock. */
static void join(struct list *threads)
{
    struct list *node;
    while ((node = list_take_first(threads))) {
        struct pool_thread *thread = container_of(node, struct pool_thread, link);
        pthread_join(thread->id, NULL);
        free(thread);
    }
}

struct pool *pool_new(uint32_t threads)
{
    struct pool *pool = calloc(1, sizeof(*pool));
    int rc = 0;

    if (!pool)
        return NULL;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->has_work, NULL);
    list_init(&pool->ready);
    list_init(&pool->threads);
    list_init(&pool->ended);
    pool->size = threads;
    pthread_mutex_lock(&pool->lock);
    while (rc == 0 && pool->threads_count < threads)
        rc = start_thread(pool);
    pthread_mutex_unlock(&pool->lock);
    if (rc != 0) {
        pool_free(pool);
        errno = rc;
        return NULL;
    }
    return pool;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->is_stopping = true;
    pthread_cond_broadcast(&pool->has_work);
    pthread_mutex_unlock(&pool->lock);
    /* No thread leaves the list any more, and none looks for others in it that has jobs to run. */
    join(&pool->ended);
    list_for_each (node, &pool->threads)
        pthread_join(container_of(node, struct pool_thread, link)->id, NULL);
    struct list *node;
    while ((node = list_take_first(&pool->threads)))
        free(container_of(node, struct pool_thread, link));
    pthread_cond_destroy(&pool->has_work);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

uint32_t pool_replace(struct pool *pool, struct pool_job *job, uint32_t most)
{
    struct pool_thread *busy = NULL;
    uint32_t held_up = 0;

    pthread_mutex_lock(&pool->lock);
    list_for_each (node, &pool->threads) {
        struct pool_thread *thread = container_of(node, struct pool_thread, link);
        if (thread->job == job)
            busy = thread;
    }
    if (busy && !busy->is_held_up) {
        busy->is_held_up = true;
        pool->held_up_count++;
        if (pool->held_up_count <= most)
            start_thread(pool); /* without one, there is one less */
        /* Those that ended have let go of the lock, or are about to. */
        join(&pool->ended);
    }
    if (busy)
        held_up = pool->held_up_count;
    pthread_mutex_unlock(&pool->lock);
    return held_up;
}

void pool_submit(struct pool *pool, struct pool_job *job)
{
    struct pool_strand *strand = job->strand;
    struct pool_thread *busy;
    bool is_ready;

    pthread_mutex_lock(&pool->lock);
    if (strand && !strand->is_initialised) {
        list_init(&strand->jobs);
        strand->is_initialised = true;
    }
    pool->waiting++;
    busy = strand ? thread_running(pool, strand) : NULL;
    if (busy)
        busy->has_followers = true;
    is_ready = !busy && !(strand && strand->ready);
    if (is_ready)
        make_ready(pool, job);
    else
        list_append(&strand->jobs, &job->link);
    pthread_mutex_unlock(&pool->lock);
    /* After the lock, lest the thread that wakes find it held. */
    if (is_ready)
        pthread_cond_signal(&pool->has_work);
}

/* Take a queued job out; if it was the ready one of its strand, the next one of it is. */
static void withdraw(struct pool *pool, struct pool_job *job)
{
    struct pool_strand *strand = job->strand;
    struct pool_thread *busy = strand ? thread_running(pool, strand) : NULL;

    list_remove(&job->link);
    pool->waiting--;
    if (busy) {
        busy->has_followers = !list_is_empty(&strand->jobs);
    } else if (strand && strand->ready == job) {
        strand->ready = NULL;
        if (!list_is_empty(&strand->jobs))
            make_ready(pool, job_of(list_take_first(&strand->jobs)));
    }
}

bool pool_cancel(struct pool *pool, struct pool_job *job)
{
    bool is_queued;

    pthread_mutex_lock(&pool->lock);
    /* A job that was never submitted has no links yet; one that was begun points to itself. */
    is_queued = job->link.next && !list_is_empty(&job->link);
    if (is_queued)
        withdraw(pool, job);
    pthread_mutex_unlock(&pool->lock);
    return is_queued;
}

uint32_t pool_waiting(struct pool *pool)
{
    uint32_t waiting;

    pthread_mutex_lock(&pool->lock);
    waiting = pool->waiting;
    pthread_mutex_unlock(&pool->lock);
    return waiting;
}
