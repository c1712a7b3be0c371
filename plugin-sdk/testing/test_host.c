/*
 * test_host.c: the host of test_host.h: one instance of a plugin, its questions and their answers.
 * What the plugin does to channels is in channels.c. Called by tests, on any thread.
 */
#include "test_host.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "copy.h"
#include "host.h"

#define ANSWER_TIMEOUT_S 10

/* A question, from its asking to test_host_forget(). */
struct question {
    struct test_answer answer; /* first: a test holds a pointer to it */
    struct question *next;
    sp_token token;
    enum test_kind kind;
    const struct sp_event *event;
    struct copy_arena arena;
    int32_t (*blocking)(void *self, const struct sp_event *event);
    bool completed;
    bool returned;
};

struct questions {
    struct question *first; /* newest first */
    sp_token last_token;
    pthread_cond_t changed;
    bool hold;
};

__attribute__((format(printf, 1, 2), noreturn)) static void broken(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("test_host: the plugin broke the contract: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

static struct question *find(struct test_host *host, sp_token token)
{
    struct question *q = host->questions->first;
    while (q && q->token != token)
        q = q->next;
    return q;
}

/* The part of a reply that both sides know, flat. */
static void take_reply(struct question *q, const struct sp_reply *reply)
{
    struct test_answer *answer = &q->answer;
    struct sp_log_reply log;
    static const uint32_t sizes[] = {
        sizeof answer->connection, sizeof answer->auth, sizeof answer->channel,
        sizeof answer->fs,         sizeof log,          sizeof answer->sftp};
    void *const places[] = {&answer->connection, &answer->auth, &answer->channel,
                            &answer->fs,         &log,          &answer->sftp};
    if (reply->struct_size < sizeof *reply)
        broken("a reply of struct_size %u", reply->struct_size);
    uint32_t size = reply->struct_size < sizes[q->kind] ? reply->struct_size : sizes[q->kind];
    memcpy(places[q->kind], reply, size);
    copy_reply(&q->arena, q->kind, answer);
    answer->verdict = reply->verdict;
    answer->completed = true;
}

static int32_t host_complete(const struct sp_host *sp, sp_token token, const struct sp_reply *reply)
{
    struct test_host *host = host_of(sp);
    pthread_mutex_lock(&host->lock);
    struct question *q = find(host, token);
    int32_t rc = SP_E_STALE;
    if (q && !q->completed && !(q->returned && q->answer.verdict != SP_PENDING)) {
        take_reply(q, reply);
        q->completed = true;
        pthread_cond_broadcast(&host->questions->changed);
        rc = 0;
    }
    pthread_mutex_unlock(&host->lock);
    return rc;
}

static int32_t host_run_blocking(const struct sp_host *sp, sp_token token,
                                 int32_t (*run)(void *self, const struct sp_event *event))
{
    struct test_host *host = host_of(sp);
    pthread_mutex_lock(&host->lock);
    struct question *q = find(host, token);
    int32_t rc = SP_E_STALE;
    if (q && !q->completed && !q->returned && !q->blocking) {
        q->blocking = run;
        rc = SP_PENDING;
    }
    pthread_mutex_unlock(&host->lock);
    return rc;
}

static int64_t host_time(const struct sp_host *sp)
{
    struct test_host *host = host_of(sp);
    pthread_mutex_lock(&host->lock);
    int64_t now = host->time_ms;
    pthread_mutex_unlock(&host->lock);
    return now;
}

static void host_log(const struct sp_host *sp, uint32_t level, struct sp_str text)
{
    struct test_host *host = host_of(sp);
    if (getenv("TEST_HOST_LOG"))
        fprintf(stderr, "plugin[%u]: %.*s\n", level, (int)text.len, text.data);
    pthread_mutex_lock(&host->lock);
    host->log = realloc(host->log, host->log_length + text.len + 2);
    if (!host->log)
        abort();
    memcpy(host->log + host->log_length, text.data, text.len);
    host->log_length += text.len;
    memcpy(host->log + host->log_length, "\n", 2);
    host->log_length++;
    pthread_mutex_unlock(&host->lock);
}

static void init_services(struct sp_host *services)
{
    *services = (struct sp_host){
        .struct_size = sizeof *services,
        .abi_major = SP_ABI_MAJOR,
        .abi_minor = SP_ABI_MINOR,
        .complete = host_complete,
        .run_blocking = host_run_blocking,
        .log = host_log,
        .time_ms = host_time,
    };
    channels_init(services);
}

struct test_host *test_host_new(const struct sp_plugin *plugin, const char *config_json)
{
    struct test_host *host = calloc(1, sizeof *host);
    struct questions *questions = calloc(1, sizeof *questions);
    if (!host || !questions)
        abort();
    host->plugin = plugin;
    host->questions = questions;
    pthread_mutex_init(&host->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&questions->changed, &attr);
    pthread_condattr_destroy(&attr);
    init_services(&host->services);
    host->time_ms = TEST_HOST_START_MS;
    host->connection = (struct sp_connection){
        .struct_size = sizeof host->connection,
        .id = 1,
        .listener = sp_str_of("test"),
        .remote_address = sp_str_of("192.0.2.1"),
        .local_address = sp_str_of("192.0.2.2"),
        .remote_port = 50000,
        .local_port = 22,
        .client_version = sp_str_of("SSH-2.0-test"),
        .server_version = sp_str_of("SSH-2.0-sallyport"),
    };

    if (plugin->create(&host->services, config_json, &host->self) != 0) {
        host->plugin = NULL;
    } else if (plugin->start && plugin->start(host->self) != 0) {
        plugin->destroy(host->self);
        host->plugin = NULL;
    }
    if (!host->plugin) {
        test_host_free(host);
        return NULL;
    }
    return host;
}

void test_host_free(struct test_host *host)
{
    if (!host)
        return;
    if (host->plugin && host->plugin->stop)
        host->plugin->stop(host->self);
    if (host->plugin)
        host->plugin->destroy(host->self);
    test_host_forget(host);
    channels_free(host);
    pthread_cond_destroy(&host->questions->changed);
    pthread_mutex_destroy(&host->lock);
    free(host->questions);
    free(host->disconnected);
    free(host->log);
    free(host);
}

void test_host_forget(struct test_host *host)
{
    pthread_mutex_lock(&host->lock);
    struct question **link = &host->questions->first;
    while (*link) {
        struct question *q = *link;
        if (q->returned && (q->completed || q->answer.verdict != SP_PENDING)) {
            *link = q->next;
            copy_free(&q->arena);
            free(q);
        } else {
            link = &q->next;
        }
    }
    pthread_mutex_unlock(&host->lock);
}

void *test_host_self(struct test_host *host)
{
    return host->self;
}

const void *test_host_table(struct test_host *host, const char *interface)
{
    for (const struct sp_interface *i = host->plugin->interfaces; i->name; i++)
        if (strcmp(i->name, interface) == 0)
            return i->table;
    return NULL;
}

void test_host_tick(struct test_host *host)
{
    if (host->plugin->tick)
        host->plugin->tick(host->self);
}

void test_host_set_time(struct test_host *host, int64_t time_ms)
{
    pthread_mutex_lock(&host->lock);
    host->time_ms = time_ms;
    pthread_mutex_unlock(&host->lock);
}

void test_host_advance(struct test_host *host, int64_t ms)
{
    pthread_mutex_lock(&host->lock);
    host->time_ms += ms;
    pthread_mutex_unlock(&host->lock);
    test_host_tick(host);
}

struct sp_connection *test_host_connection(struct test_host *host)
{
    return &host->connection;
}

unsigned test_host_open_questions(struct test_host *host)
{
    unsigned count = 0;
    pthread_mutex_lock(&host->lock);
    for (const struct question *q = host->questions->first; q; q = q->next)
        count += !q->completed && (!q->returned || q->answer.verdict == SP_PENDING);
    pthread_mutex_unlock(&host->lock);
    return count;
}

bool test_host_logged(struct test_host *host, const char *text)
{
    pthread_mutex_lock(&host->lock);
    bool found = host->log && strstr(host->log, text);
    pthread_mutex_unlock(&host->lock);
    return found;
}

void test_host_hold_blocking(struct test_host *host, bool hold)
{
    host->questions->hold = hold;
}

static void run_one(struct test_host *host, struct question *q)
{
    int32_t (*run)(void *, const struct sp_event *) = q->blocking;
    int32_t verdict = run(host->self, q->event);
    pthread_mutex_lock(&host->lock);
    q->blocking = NULL;
    if (verdict != SP_PENDING) {
        if (q->completed)
            broken("it completed a question and returned %d too", verdict);
        q->answer.verdict = verdict;
        q->completed = true;
    }
    pthread_cond_broadcast(&host->questions->changed);
    pthread_mutex_unlock(&host->lock);
}

int test_host_run_blocking(struct test_host *host)
{
    int count = 0;
    for (;;) {
        pthread_mutex_lock(&host->lock);
        struct question *oldest = NULL;
        for (struct question *q = host->questions->first; q; q = q->next)
            if (q->blocking && q->returned)
                oldest = q;
        pthread_mutex_unlock(&host->lock);
        if (!oldest)
            return count;
        run_one(host, oldest);
        count++;
    }
}

struct test_answer *test_host_ask(struct test_host *host, enum test_kind kind, uint32_t operation,
                                  struct sp_event *event, uint32_t size)
{
    struct question *q = calloc(1, sizeof *q);
    if (!q)
        abort();
    pthread_mutex_lock(&host->lock);
    q->token = ++host->questions->last_token;
    q->kind = kind;
    q->event = event;
    q->next = host->questions->first;
    host->questions->first = q;
    pthread_mutex_unlock(&host->lock);
    event->struct_size = size;
    event->operation = operation;
    event->token = q->token;
    if (!event->connection && kind != TEST_KIND_LOG)
        event->connection = &host->connection;
    return &q->answer;
}

static uint32_t status_of(const struct question *q)
{
    if (q->kind == TEST_KIND_SFTP)
        return q->answer.sftp.status;
    if (q->kind != TEST_KIND_FS)
        return 0;
    if (q->answer.completed && q->answer.fs.head.verdict != SP_OK && !q->answer.fs.status)
        return SP_FS_FAILURE;
    if (q->answer.completed)
        return q->answer.fs.status;
    return q->answer.verdict == SP_OK ? SP_FS_OK : SP_FS_FAILURE;
}

const struct test_answer *test_host_answer(struct test_host *host, struct test_answer *answer,
                                           int32_t verdict)
{
    struct question *q = (struct question *)answer;
    pthread_mutex_lock(&host->lock);
    if (!q->returned) {
        if (verdict != SP_PENDING && (q->completed || q->blocking))
            broken("it answered or gave away a question and returned %d too", verdict);
        if (!q->completed)
            answer->verdict = verdict;
        q->returned = true;
    }
    bool run = q->blocking && !host->questions->hold;
    pthread_mutex_unlock(&host->lock);
    if (run)
        run_one(host, q);

    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += ANSWER_TIMEOUT_S;
    pthread_mutex_lock(&host->lock);
    while (answer->verdict == SP_PENDING && !q->completed) {
        if (q->blocking && host->questions->hold)
            break;
        if (pthread_cond_timedwait(&host->questions->changed, &host->lock, &deadline) != 0)
            broken("no answer to operation %u in %d s", q->event->operation, ANSWER_TIMEOUT_S);
    }
    answer->status = status_of(q);
    pthread_mutex_unlock(&host->lock);
    return answer;
}

sp_token test_host_token(const struct test_answer *answer)
{
    return ((const struct question *)answer)->token;
}
