/*
 * pool.c: a bounded number of links to the database, used by any number of threads. One that fails
 * is closed; nobody waits for a link longer than for an answer.
 */
#include "auth_sql.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct link {
    struct link *next;
    void *handle; /* the backend's */
};

struct pool {
    const struct backend *backend;
    const struct options *options;
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t changed;
    struct link *idle;
    unsigned open; /* idle ones too */
};

int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct pool *pool_new(const struct backend *backend, const struct options *options)
{
    struct pool *pool = calloc(1, sizeof *pool);
    pthread_condattr_t attr;
    if (!pool)
        return NULL;
    pool->backend = backend;
    pool->options = options;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->changed, &attr);
    pthread_condattr_destroy(&attr);
    return pool;
}

/* Close it, and let somebody else open one. */
static void drop(struct pool *pool, struct link *link)
{
    if (link->handle)
        pool->backend->close(link->handle);
    free(link);
    pthread_mutex_lock(&pool->lock);
    pool->open--;
    pthread_cond_signal(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

static void give_back(struct pool *pool, struct link *link)
{
    pthread_mutex_lock(&pool->lock);
    link->next = pool->idle;
    pool->idle = link;
    pthread_cond_signal(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    for (struct link *link; (link = pool->idle);) {
        pool->idle = link->next;
        drop(pool, link);
    }
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

/* An idle link, or leave to open one (NULL, with 0). Negative if the deadline passes first. */
static int wait_for_turn(struct pool *pool, int64_t deadline, struct link **ret_link)
{
    struct timespec until = {.tv_sec = deadline / 1000, .tv_nsec = deadline % 1000 * 1000000};
    int rc = 0;
    pthread_mutex_lock(&pool->lock);
    while (!pool->idle && pool->open >= pool->options->links_most && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&pool->changed, &pool->lock, &until);
    *ret_link = pool->idle;
    if (pool->idle)
        pool->idle = pool->idle->next;
    bool has_turn = *ret_link || pool->open < pool->options->links_most;
    pool->open += has_turn && !*ret_link;
    pthread_mutex_unlock(&pool->lock);
    return has_turn ? 0 : SP_E_TIMEOUT;
}

static int open_link(struct pool *pool, int64_t deadline, struct link **ret_link, char *ret_why)
{
    struct link *link = calloc(1, sizeof *link);
    int rc = SP_E_NOMEM;
    if (link)
        link->handle = pool->backend->open(pool->options, deadline, &rc, ret_why);
    *ret_link = link;
    if (link && link->handle)
        return 0;
    if (!link) {
        pthread_mutex_lock(&pool->lock);
        pool->open--;
        pthread_mutex_unlock(&pool->lock);
    } else {
        drop(pool, link);
    }
    return rc;
}

/* A link: one that lay idle, if there is one. */
static int take(struct pool *pool, int64_t deadline, struct link **ret_link, bool *ret_was_idle,
                char *ret_why)
{
    int rc = wait_for_turn(pool, deadline, ret_link);
    if (rc < 0) {
        snprintf(ret_why, WHY_SIZE, "all %u links were busy for too long; raise connections_max",
                 pool->options->links_most);
        return rc;
    }
    *ret_was_idle = *ret_link != NULL;
    return *ret_link ? 0 : open_link(pool, deadline, ret_link, ret_why);
}

static int run_all(struct pool *pool, struct link *link, const struct sp_str *parameters,
                   int64_t deadline, struct rows *ret_rows, unsigned queries, char *ret_why)
{
    for (int q = 0; q < QUERY_COUNT; q++) {
        rows_clear(&ret_rows[q]);
        if (!(queries & (1u << q)) || !*pool->options->queries[q])
            continue;
        int rc = pool->backend->run(link->handle, (enum query)q, parameters, deadline, &ret_rows[q],
                                    ret_why);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int pool_run(struct pool *pool, const struct sp_str *parameters, struct rows *ret_rows,
             unsigned queries, char *ret_why)
{
    int64_t deadline = now_ms() + pool->options->timeout_ms;
    bool was_idle = true;
    int rc = SP_E_FAILED;
    /* After a restart of the server every idle link is dead. */
    while (was_idle && rc < 0 && now_ms() < deadline) {
        struct link *link;
        rc = take(pool, deadline, &link, &was_idle, ret_why);
        if (rc < 0)
            return rc;
        rc = run_all(pool, link, parameters, deadline, ret_rows, queries, ret_why);
        if (rc == 0)
            give_back(pool, link);
        else
            drop(pool, link);
    }
    return rc;
}

int pool_try(struct pool *pool, char *ret_why)
{
    struct link *link;
    bool was_idle;
    int rc = take(pool, now_ms() + pool->options->timeout_ms, &link, &was_idle, ret_why);
    if (rc == 0)
        give_back(pool, link);
    return rc;
}
