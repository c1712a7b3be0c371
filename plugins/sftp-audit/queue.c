/*
 * queue.c: lines between those who make them and the one thread that writes them. See queue.h.
 *
 * There are two pieces of memory: lines are made in one while those in the other are written. A
 * line that waits because both are full is kept apart, with the question that it belongs to; those
 * come before all later ones.
 */
#include "sftp-audit/queue.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "sftp-audit/record.h"

#define GATHER_MS 20 /* lines are written together that come within this time … */
#define RETRY_MS 20
#define STOP_MS 1000
#define WAITING_MAX 4096

struct waiting {
    struct waiting *next;
    sp_token token;
    uint64_t until_ms;
    size_t length;
    char line[];
};

struct queue {
    const struct sp_host *host;
    struct sink *sink;
    enum queue_policy policy;
    uint64_t wait_ms;
    pthread_t thread;
    bool is_running;

    pthread_mutex_t lock; /* over all below */
    pthread_cond_t changed;
    char *filling, *writing;
    size_t size; /* of each */
    size_t filled;
    uint64_t dropped; /* since that was last told */
    struct waiting *first, **last;
    size_t waiting;
    bool is_failing; /* the sink took nothing when it was last tried */
    bool stops;
    uint64_t stops_at_ms;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- questions that wait ------------------------------------------------------------------- */

static void answer(const struct sp_host *host, sp_token token, int32_t verdict)
{
    struct sp_sftp_reply reply = {
        .head = {.struct_size = sizeof reply, .verdict = verdict},
        .status = verdict == SP_DENY ? SP_FS_FAILURE : SP_FS_OK,
        .text = sp_str_of(verdict == SP_DENY ? "This could not be recorded: try again later" : ""),
    };
    if (token)
        host->complete(host, token, &reply.head);
}

int32_t queue_refuse(const struct sp_host *host, sp_token token)
{
    answer(host, token, SP_DENY);
    return SP_PENDING;
}

static void answer_all(struct queue *queue, struct waiting *list, int32_t verdict)
{
    while (list) {
        struct waiting *next = list->next;
        answer(queue->host, list->token, verdict);
        free(list);
        list = next;
    }
}

/* Under the lock: take the first of those that wait off the list, and put it at *end. */
static struct waiting **move_first(struct queue *queue, struct waiting **end)
{
    struct waiting *first = queue->first;
    queue->first = first->next;
    if (!queue->first)
        queue->last = &queue->first;
    queue->waiting--;
    first->next = NULL;
    *end = first;
    return &first->next;
}

/* Under the lock: those that have waited too long. */
static struct waiting *take_expired(struct queue *queue, bool all)
{
    struct waiting *expired = NULL, **end = &expired;
    while (queue->first && (all || queue->first->until_ms <= now_ms())) {
        end = move_first(queue, end);
        queue->dropped++;
    }
    return expired;
}

/* Under the lock: those for which there is room now. */
static struct waiting *take_fitting(struct queue *queue)
{
    struct waiting *fitting = NULL, **end = &fitting;
    while (queue->first && queue->first->length <= queue->size - queue->filled) {
        memcpy(queue->filling + queue->filled, queue->first->line, queue->first->length);
        queue->filled += queue->first->length;
        end = move_first(queue, end);
    }
    return fitting;
}

/* --- those who make lines ------------------------------------------------------------------ */

/* Under the lock. */
static bool add(struct queue *queue, queue_writer *write, const void *event)
{
    int64_t now = queue->host->time_ms(queue->host);
    size_t at = queue->filled;
    if (queue->dropped > 0) {
        size_t told = record_dropped(queue->filling + at, queue->size - at, now, queue->dropped);
        if (told == 0)
            return false;
        at += told;
    }
    size_t length = write(queue->filling + at, queue->size - at, now, event);
    if (length == 0)
        return false;
    queue->dropped = 0;
    if (queue->filled == 0 || at + length > queue->size / 2)
        pthread_cond_signal(&queue->changed);
    queue->filled = at + length;
    return true;
}

/* Under the lock. False: it may not. */
static bool wait_in_line(struct queue *queue, queue_writer *write, const void *event,
                         sp_token token)
{
    if (queue->waiting >= WAITING_MAX || queue->stops)
        return false;
    struct waiting *waiting = malloc(sizeof *waiting + queue->size);
    if (!waiting)
        return false;
    size_t length = write(waiting->line, queue->size, queue->host->time_ms(queue->host), event);
    struct waiting *fitting = length > 0 ? realloc(waiting, sizeof *waiting + length) : NULL;
    if (fitting)
        waiting = fitting;
    if (length == 0) {
        free(waiting);
        return false;
    }
    waiting->next = NULL;
    waiting->token = token;
    waiting->length = length;
    waiting->until_ms = now_ms() + queue->wait_ms;
    *queue->last = waiting;
    queue->last = &waiting->next;
    queue->waiting++;
    return true;
}

int32_t queue_put(struct queue *queue, queue_writer *write, const void *event, sp_token token)
{
    int32_t verdict = SP_NEXT;
    pthread_mutex_lock(&queue->lock);
    if (queue->first || !add(queue, write, event)) {
        if (queue->policy == QUEUE_WAITS && wait_in_line(queue, write, event, token)) {
            verdict = SP_PENDING;
        } else {
            queue->dropped++;
            verdict = queue->policy == QUEUE_DROPS ? SP_NEXT : SP_DENY;
        }
    }
    pthread_mutex_unlock(&queue->lock);
    return verdict;
}

bool queue_takes(struct queue *queue, size_t bytes)
{
    pthread_mutex_lock(&queue->lock);
    bool takes = !queue->is_failing && bytes <= queue->size - queue->filled;
    pthread_mutex_unlock(&queue->lock);
    return takes;
}

/* --- the one that writes them -------------------------------------------------------------- */

/* Under the lock: until something changes, or so long. */
static void pause_for(struct queue *queue, uint64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + ms * 1000000;
    until.tv_sec += (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_cond_timedwait(&queue->changed, &queue->lock, &until);
}

/* The sink takes nothing, or takes again. */
static void tell(struct queue *queue, bool fails, int error)
{
    pthread_mutex_lock(&queue->lock);
    bool has_changed = queue->is_failing != fails;
    queue->is_failing = fails;
    pthread_mutex_unlock(&queue->lock);
    if (!has_changed)
        return;
    if (fails)
        log_line(queue->host, SP_LOG_ERROR, "cannot write to %s: %s; lines wait", queue->sink->path,
                 strerror(error));
    else
        log_line(queue->host, SP_LOG_INFO, "%s can be written to again", queue->sink->path);
}

/* True: give up what is not written yet. */
static bool rest(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    pause_for(queue, RETRY_MS);
    bool gives_up = queue->stops && now_ms() >= queue->stops_at_ms;
    struct waiting *expired = take_expired(queue, gives_up);
    pthread_mutex_unlock(&queue->lock);
    answer_all(queue, expired, SP_DENY);
    return gives_up;
}

static bool write_all(struct queue *queue, size_t length)
{
    size_t done = 0;
    while (done < length) {
        ssize_t written = sink_write(queue->sink, queue->writing + done, length - done);
        if (written > 0) {
            done += (size_t)written;
            tell(queue, false, 0);
            continue;
        }
        if (written < 0)
            tell(queue, true, errno);
        if (rest(queue)) {
            log_line(queue->host, SP_LOG_ERROR, "%zu bytes of lines for %s are lost", length - done,
                     queue->sink->path);
            return false;
        }
    }
    return true;
}

static void *run(void *arg)
{
    struct queue *queue = arg;
    bool goes_on = true;
    while (goes_on) {
        pthread_mutex_lock(&queue->lock);
        while (queue->filled == 0 && !queue->stops)
            pthread_cond_wait(&queue->changed, &queue->lock);
        if (!queue->stops && queue->filled <= queue->size / 2)
            pause_for(queue, GATHER_MS);
        size_t length = queue->filled;
        char *writing = queue->filling;
        queue->filling = queue->writing;
        queue->writing = writing;
        queue->filled = 0;
        struct waiting *fitting = take_fitting(queue);
        pthread_mutex_unlock(&queue->lock);
        answer_all(queue, fitting, SP_NEXT);
        goes_on = length > 0 && write_all(queue, length);
        pthread_mutex_lock(&queue->lock);
        goes_on = !queue->stops || (goes_on && queue->filled > 0);
        pthread_mutex_unlock(&queue->lock);
    }
    pthread_mutex_lock(&queue->lock);
    struct waiting *left = take_expired(queue, true);
    pthread_mutex_unlock(&queue->lock);
    answer_all(queue, left, SP_DENY);
    return NULL;
}

int queue_start(struct queue *queue)
{
    sigset_t all, before;
    /* Signals are the process' business; of SIGPIPE, when a reader goes, errno tells. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&queue->thread, NULL, run, queue);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0)
        return SP_E_NOMEM;
    queue->is_running = true;
    return 0;
}

void queue_stop(struct queue *queue)
{
    if (!queue->is_running)
        return;
    pthread_mutex_lock(&queue->lock);
    queue->stops = true;
    queue->stops_at_ms = now_ms() + STOP_MS;
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
    pthread_join(queue->thread, NULL);
    queue->is_running = false;
}

struct queue *queue_new(const struct sp_host *host, struct sink *sink, size_t bytes,
                        enum queue_policy policy, uint64_t wait_ms)
{
    struct queue *queue = calloc(1, sizeof *queue);
    if (!queue)
        return NULL;
    *queue = (struct queue){.host = host,
                            .sink = sink,
                            .policy = policy,
                            .wait_ms = wait_ms,
                            .size = bytes / 2,
                            .filling = malloc(bytes / 2),
                            .writing = malloc(bytes / 2)};
    queue->last = &queue->first;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (!queue->filling || !queue->writing) {
        queue_free(queue);
        return NULL;
    }
    return queue;
}

void queue_free(struct queue *queue)
{
    if (!queue)
        return;
    queue_stop(queue);
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->lock);
    free(queue->filling);
    free(queue->writing);
    free(queue);
}
