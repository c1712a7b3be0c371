/*
 * fake_worker.h: a worker without SSH and plugins, on the real link. What it does as a whole is
 * said by "banner" in the configuration: a number that it greets clients with, or "fail" (cannot
 * serve) or "die" (ends without a word).
 * What a client sends is done at once: 'a' authenticated, 'c' crash in a plugin, 'x' exit(0),
 * 'h' end the connection and hang, 'e' echo. A client's end of file ends its connection.
 * For plugins: 'w' want the process of the first instance, and answer 'h' when it is there or 'n'
 * if there is none; 'C' have that process crash, 'X' exit, 'S' stand still, 'I' stand still and not
 * be aborted, 'M' send nonsense; 't'
 * let the loop stand still, 'T' and stop; 'o' tell that too many threads are stuck; 'n' count; 'd'
 * answer '1' if the first instance is disabled, else '0'.
 */
#ifndef TEST_SUPERVISOR_FAKE_WORKER_H
#define TEST_SUPERVISOR_FAKE_WORKER_H

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/err.h"
#include "config/config.h"
#include "supervisor/fault.h"
#include "supervisor/generation.h"
#include "supervisor/supervisor.h"
#include "worker/counters.h"
#include "worker/link.h"

#define FAKE_CONNECTIONS_MAX 512

struct fake_connection {
    int fd; /* -1: free */
    struct connection_origin origin;
};

#define FAKE_OPERATIONS 2

static inline const char *fake_operation_name(size_t operation)
{
    static const char *const names[FAKE_OPERATIONS] = {"auth.none", "auth.password"};
    return names[operation];
}

struct fake_worker {
    char banner[32];
    struct counters counters;
    int peer;   /* of the first instance's process; -1: there is none */
    int waiter; /* the client that wants one */
    struct fake_connection connections[FAKE_CONNECTIONS_MAX];
    int count;
    int is_draining;
};

/* The link may be full when many connections end at once; a worker loses none of that. */
static inline void fake_send(const struct link_message *message)
{
    struct pollfd room = {.fd = WORKER_FD_LINK, .events = POLLOUT};
    while (link_send(WORKER_FD_LINK, message, -1) == SP_ERR_AGAIN)
        poll(&room, 1, -1);
}

static inline void fake_tell(enum link_kind kind, uint64_t number)
{
    const struct link_message message = {.kind = kind, .number = number};
    fake_send(&message);
}

static inline void fake_end(struct fake_worker *worker, struct fake_connection *connection)
{
    close(connection->fd);
    connection->fd = -1;
    worker->count--;
    fake_tell(LINK_ENDED, connection->origin.id);
}

static inline void fake_accept(struct fake_worker *worker, const struct link_message *message,
                               int fd)
{
    char greeting[64];
    struct fake_connection *connection = worker->connections;
    while (connection->fd >= 0)
        connection++;
    connection->fd = fd;
    connection->origin = message->u.origin;
    worker->count++;
    int length = snprintf(greeting, sizeof(greeting), "%ld %s\n", (long)getpid(), worker->banner);
    if (write(fd, greeting, (size_t)length) != length)
        fake_end(worker, connection);
}

static inline void fake_list(const struct fake_worker *worker, uint64_t number)
{
    for (int i = 0; i < FAKE_CONNECTIONS_MAX; i++) {
        struct link_message message = {.kind = LINK_FACTS, .number = number};
        if (worker->connections[i].fd < 0)
            continue;
        message.u.facts.origin = worker->connections[i].origin;
        strcpy(message.u.facts.user, "us\xffr");
        fake_send(&message);
        /* Channel 7; and one of a connection that no worker has. */
        for (uint64_t stranger = 0; stranger < 2; stranger++) {
            struct link_message channel = {.kind = LINK_CHANNEL_FACTS, .number = number};
            channel.u.channel_facts = (struct channel_facts){
                .connection = worker->connections[i].origin.id + stranger * 1000000,
                .id = 7,
                .request = 4, /* exec */
                .framing = 77,
                .type = "session",
                .program = "ca\xfft",
            };
            fake_send(&channel);
        }
    }
    fake_tell(LINK_FACTS_END, number);
}

static inline void fake_answer(int client, char what)
{
    if (write(client, &what, 1) != 1)
        _exit(5);
}

static inline void fake_take_host(struct fake_worker *worker, const struct link_message *message,
                                  int fd)
{
    if (worker->peer >= 0)
        close(worker->peer);
    worker->peer = fd;
    fake_answer(worker->waiter, fd >= 0 ? 'h' : message->u.text[0] ? 'n' : '?');
}

/* What has to do with plugins. */
static inline void fake_play_plugin(struct fake_worker *worker, int client, char what)
{
    switch (what) {
    case 'w':
        worker->waiter = client;
        fake_tell(LINK_HOST_WANTED, 0);
        break;
    case 'C':
    case 'X':
    case 'S':
    case 'I':
    case 'M':
        fake_answer(worker->peer, what);
        break;
    case 't':
    case 'T':
        *worker->counters.turns = 1;
        if (what == 'T')
            raise(SIGSTOP);
        for (;;)
            pause();
        break;
    case 'o':
        fake_tell(LINK_STUCK, 9);
        break;
    case 'n':
        counter_add(&counters_operation(&worker->counters, 0, 1)->calls, 3);
        counter_add(&counters_operation(&worker->counters, 0, 1)->nanoseconds, 900);
        fake_answer(client, 'n');
        break;
    case 'd':
        fake_answer(client, worker->counters.instances[0].is_disabled ? '1' : '0');
        break;
    default:
        break;
    }
}

static inline void fake_obey(struct fake_worker *worker, const struct link_message *message, int fd)
{
    switch (message->kind) {
    case LINK_CONNECTION:
        fake_accept(worker, message, fd);
        break;
    case LINK_HOST:
        fake_take_host(worker, message, fd);
        break;
    case LINK_DRAIN:
        worker->is_draining = 1;
        break;
    case LINK_STOP:
        for (int i = 0; i < FAKE_CONNECTIONS_MAX; i++) {
            if (worker->connections[i].fd >= 0)
                fake_end(worker, &worker->connections[i]);
        }
        worker->is_draining = 1;
        break;
    case LINK_LIST:
        fake_list(worker, message->number);
        break;
    case LINK_DISCONNECT:
        for (int i = 0; i < FAKE_CONNECTIONS_MAX; i++) {
            struct fake_connection *connection = &worker->connections[i];
            if (connection->fd >= 0 && connection->origin.id == message->number) {
                dprintf(connection->fd, "%s", message->u.text);
                fake_end(worker, connection);
            }
        }
        break;
    default:
        break;
    }
}

static inline void fake_where(const char **ret_instance, const char **ret_operation)
{
    *ret_instance = "users";
    *ret_operation = "auth.password";
}

static inline void fake_serve(struct fake_worker *worker, struct fake_connection *connection)
{
    char what;
    ssize_t n = read(connection->fd, &what, 1);
    if (n <= 0) {
        fake_end(worker, connection);
    } else if (what == 'a') {
        fake_tell(LINK_AUTHENTICATED, connection->origin.id);
    } else if (what == 'c') {
        raise(SIGSEGV);
    } else if (what == 'x') {
        _exit(0);
    } else if (what == 'h') {
        fake_end(worker, connection);
        for (;;)
            pause();
    } else if (strchr("wCXSIMtTond", what)) {
        fake_play_plugin(worker, connection->fd, what);
    } else if (write(connection->fd, &what, 1) != 1) {
        fake_end(worker, connection);
    }
}

static inline void fake_turn(struct fake_worker *worker)
{
    struct pollfd polls[FAKE_CONNECTIONS_MAX + 1] = {{.fd = WORKER_FD_LINK, .events = POLLIN}};
    for (int i = 0; i < FAKE_CONNECTIONS_MAX; i++)
        polls[i + 1] = (struct pollfd){.fd = worker->connections[i].fd, .events = POLLIN};
    poll(polls, FAKE_CONNECTIONS_MAX + 1, -1);
    for (int i = 0; i < FAKE_CONNECTIONS_MAX; i++) {
        if (polls[i + 1].revents && worker->connections[i].fd >= 0)
            fake_serve(worker, &worker->connections[i]);
    }
    struct link_message message;
    int fd, rc;
    while ((rc = link_receive(WORKER_FD_LINK, &message, &fd)) == 0)
        fake_obey(worker, &message, fd);
    if (rc == SP_ERR_CLOSED)
        _exit(0);
}

static inline int fake_worker_main(void)
{
    struct fake_worker worker = {.peer = -1, .waiter = -1};
    struct config *config;
    struct report report = {0};
    size_t length;
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < FAKE_CONNECTIONS_MAX; i++)
        worker.connections[i].fd = -1;
    char *text = generation_read(WORKER_FD_CONFIG, &length);
    if (!text || config_parse(text, length, "config", &config, &report) < 0)
        return 3;
    snprintf(worker.banner, sizeof(worker.banner), "%s", config->banner);
    if (counters_map(WORKER_FD_COUNTERS, config->plugins_count, FAKE_OPERATIONS, &worker.counters) <
        0)
        return 6;
    if (config->plugins_count > 0) {
        strcpy(worker.counters.instances[0].threading, "serial");
        memset(worker.counters.instances[0].isolation, 'p',
               sizeof(worker.counters.instances[0].isolation));
        counters_operation(&worker.counters, 0, 1)->is_offered = 1;
        counters_operation(&worker.counters, 0, 1)->deadline_ms = 1234;
    }
    config_free(config);
    report_free(&report);
    free(text);
    if (strcmp(worker.banner, "die") == 0)
        return 4;
    if (strcmp(worker.banner, "fail") == 0) {
        struct link_message message = {.kind = LINK_FAILED, .u.text = "no such luck"};
        link_send(WORKER_FD_LINK, &message, -1);
        return 1;
    }
    fault_watch(WORKER_FD_LINK, fake_where);
    fake_tell(LINK_READY, 0);
    while (!worker.is_draining || worker.count > 0)
        fake_turn(&worker);
    return 0;
}

/* The process of an instance: does what its worker sends, until that goes. */
static inline int fake_host_main(const char *instance)
{
    char what;
    signal(SIGPIPE, SIG_IGN);
    if (strcmp(instance, "fails") == 0) {
        struct link_message message = {.kind = LINK_FAILED, .u.text = "no such sandbox"};
        link_send(WORKER_FD_LINK, &message, -1);
        return 1;
    }
    struct counters counters;
    if (counters_map(WORKER_FD_COUNTERS, 0, 0, &counters) < 0)
        return 6;
    fault_watch(WORKER_FD_LINK, fake_where);
    fake_tell(LINK_READY, 0);
    for (;;) {
        struct pollfd source = {.fd = WORKER_FD_PEER, .events = POLLIN};
        poll(&source, 1, -1);
        if (read(WORKER_FD_PEER, &what, 1) <= 0)
            return 0;
        if (what == 'C')
            raise(SIGSEGV);
        if (what == 'X')
            return 0;
        if (what == 'M')
            fake_tell(LINK_ENDED, 1);
        if (what == 'I')
            signal(SIGABRT, SIG_IGN);
        if (what == 'S' || what == 'I') {
            *counters.turns = 1;
            for (;;)
                pause();
        }
    }
}

#endif
