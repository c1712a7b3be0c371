/*
 * intake.c: accept, admit, hand over. Runs when a listening socket is readable, and when
 * supervisor.c says that there is room. Supervisor's thread.
 */
#include "supervisor/intake.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "supervisor/access.h"

#define ACCEPTS_PER_TURN 64
#define REST_MS 1000u
/* A flood must not become a flood of log lines: more in one second are only counted. */
#define COMPLAINTS_PER_SECOND 20
/* A dead peer is noticed after about four minutes, whatever the SSH keep-alive says. */
#define KEEPALIVE_IDLE_S 120
#define KEEPALIVE_INTERVAL_S 30
#define KEEPALIVE_COUNT 4

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    struct sockaddr_storage storage;
};

static void on_listener_ready(void *arg, struct listener *listener, int fd);

static void on_rest_over(struct reactor_timer *timer)
{
    intake_resume(container_of(timer, struct intake, rest));
}

void intake_init(struct intake *intake, struct reactor *reactor, struct admission *admission,
                 struct workers *workers)
{
    *intake = (struct intake){.reactor = reactor,
                              .admission = admission,
                              .workers = workers,
                              .rest = {.on_time = on_rest_over},
                              .held_fd = -1};
    listeners_init(&intake->listeners, reactor, on_listener_ready, intake);
}

/* --- what is logged --- */

static void log_refused(struct intake *intake, const struct connection_origin *origin,
                        const char *bound)
{
    uint64_t second = clock_now_ms() / 1000;
    if (second != intake->complaints_second) {
        intake->complaints_second = second;
        intake->complaints = 0;
    }
    if (intake->complaints++ >= COMPLAINTS_PER_SECOND) {
        intake->complaints_dropped++;
        return;
    }
    log_warning("connection.refused", LOG_TEXT("bound", bound),
                LOG_TEXT("remote", origin->remote_address), LOG_U64("port", origin->remote_port),
                LOG_U64("unlogged", intake->complaints_dropped));
    intake->complaints_dropped = 0;
}

/* --- a new socket --- */

static void write_address(const union address *address, char *text, uint32_t *ret_port)
{
    const struct sockaddr_in6 *six = &address->six;
    text[0] = 0;
    *ret_port = 0;
    if (address->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->four.sin_addr, text, CONNECTION_ADDRESS_MAX);
        *ret_port = ntohs(address->four.sin_port);
    } else if (address->any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &six->sin6_addr, text, CONNECTION_ADDRESS_MAX);
        *ret_port = ntohs(six->sin6_port);
        size_t length = strlen(text);
        if (six->sin6_scope_id)
            snprintf(text + length, CONNECTION_ADDRESS_MAX - length, "%%%u", six->sin6_scope_id);
    }
}

static void set_options(int fd)
{
    const int on = 1, idle = KEEPALIVE_IDLE_S, interval = KEEPALIVE_INTERVAL_S,
              count = KEEPALIVE_COUNT;
    /* None of these is worth refusing a connection for. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

static uint32_t random_number(void)
{
    uint32_t number = 0;
    /* Without randomness the early drop refuses as often as it can, which is the safe side. */
    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number))
        return 0;
    return number;
}

/* --- the ways out: handed over, held back, or closed --- */

static void refuse(struct intake *intake, struct admitted *admitted,
                   const struct connection_origin *origin, int fd, const char *bound)
{
    log_refused(intake, origin, bound);
    if (admitted)
        admission_remove(intake->admission, admitted);
    close(fd);
}

static void hold(struct intake *intake, struct admitted *admitted,
                 const struct connection_origin *origin, int fd)
{
    intake->held = admitted;
    intake->held_origin = *origin;
    intake->held_fd = fd;
    listeners_pause(&intake->listeners);
}

/* Into the hands of a worker, or held back until one can take it. */
static void deliver(struct intake *intake, struct admitted *admitted,
                    const struct connection_origin *origin, int fd)
{
    struct worker *worker;
    while ((worker = workers_choose(intake->workers))) {
        int rc = workers_hand_over(worker, admitted, origin, fd);
        if (rc == SP_ERR_AGAIN)
            continue; /* it is not chosen again before it has room */
        if (rc < 0) {
            refuse(intake, admitted, origin, fd, "descriptors on their way to workers");
            return;
        }
        log_debug("connection.handed_over", LOG_U64("conn", origin->id),
                  LOG_TEXT("remote", origin->remote_address), LOG_U64("port", origin->remote_port),
                  LOG_I64("worker", worker->pid));
        close(fd);
        return;
    }
    hold(intake, admitted, origin, fd);
}

static void admit(struct intake *intake, const struct listener *listener, int fd,
                  const union address *remote)
{
    struct connection_origin origin = {.listener = listener->index};
    union address local = {0};
    socklen_t length = sizeof(local);
    getsockname(fd, &local.any, &length);
    write_address(remote, origin.remote_address, &origin.remote_port);
    write_address(&local, origin.local_address, &origin.local_port);

    const struct config *config = workers_current(intake->workers)->config;
    uint64_t source = admission_source_key(&remote->any);
    origin.is_unwelcome = !access_allows(&config->access, &remote->any);
    if (origin.is_unwelcome && config->connection_chain.count == 0) {
        admission_refuse(intake->admission);
        refuse(intake, NULL, &origin, fd, admission_bound(ADMISSION_ACCESS));
        return;
    }
    enum admission_verdict verdict =
        admission_ask(intake->admission, &config->limits, source, random_number());
    if (verdict != ADMISSION_GRANTED) {
        refuse(intake, NULL, &origin, fd, admission_bound(verdict));
        return;
    }
    struct admitted *admitted = admission_add(intake->admission, source);
    if (!admitted) {
        refuse(intake, NULL, &origin, fd, "memory");
        return;
    }
    origin.id = admitted->id;
    set_options(fd);
    deliver(intake, admitted, &origin, fd);
}

/* Errors that are the one connection's own; accept(2) names them. */
static bool is_passing(int error)
{
    return error == ECONNABORTED || error == EINTR || error == EPROTO || error == ENETDOWN ||
           error == ENOPROTOOPT || error == EHOSTDOWN || error == ENONET || error == EHOSTUNREACH ||
           error == EOPNOTSUPP || error == ENETUNREACH || error == EPERM;
}

static void on_listener_ready(void *arg, struct listener *listener, int fd)
{
    struct intake *intake = arg;
    for (unsigned i = 0; i < ACCEPTS_PER_TURN && !intake->listeners.is_paused; i++) {
        if (!workers_choose(intake->workers)) {
            listeners_pause(&intake->listeners);
            return;
        }
        union address remote = {0};
        socklen_t length = sizeof(remote);
        int accepted = accept4(fd, &remote.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0) {
            admit(intake, listener, accepted, &remote);
            continue;
        }
        if (errno == EAGAIN)
            return;
        if (is_passing(errno))
            continue;
        log_error("listener.accept", LOG_TEXT("listener", listener->name),
                  LOG_TEXT("error", strerror(errno)), LOG_U64("pause_ms", REST_MS));
        listeners_pause(&intake->listeners);
        reactor_timer_set(intake->reactor, &intake->rest, REST_MS);
        return;
    }
}

void intake_resume(struct intake *intake)
{
    if (intake->is_closed || reactor_timer_is_set(&intake->rest))
        return;
    if (intake->held) {
        struct admitted *admitted = intake->held;
        struct connection_origin origin = intake->held_origin;
        intake->held = NULL;
        deliver(intake, admitted, &origin, intake->held_fd);
        if (intake->held)
            return;
    }
    if (workers_choose(intake->workers))
        listeners_resume(&intake->listeners);
}

static void refuse_held(struct intake *intake, const char *bound)
{
    struct admitted *admitted = intake->held;
    intake->held = NULL;
    refuse(intake, admitted, &intake->held_origin, intake->held_fd, bound);
}

/* Its listener's place may be another one in the new configuration. */
static void move_held(struct intake *intake)
{
    list_for_each (node, &intake->listeners.all) {
        const struct listener *listener = container_of(node, struct listener, link);
        if (listener->index != intake->held_origin.listener)
            continue;
        if (listener->next_index != LISTENER_UNWANTED) {
            intake->held_origin.listener = listener->next_index;
            return;
        }
    }
    refuse_held(intake, "its listener was closed");
}

/* Closing a listening socket resets the connections that wait in its backlog, whose clients believe
 * to be connected: take them first. */
static void take_rest(struct intake *intake, struct listener *listener)
{
    for (size_t i = 0; i < listener->sockets_count; i++)
        on_listener_ready(intake, listener, listener->sockets[i].source.fd);
}

void intake_commit(struct intake *intake, const struct config *config)
{
    list_for_each (node, &intake->listeners.all) {
        struct listener *listener = container_of(node, struct listener, link);
        if (listener->next_index == LISTENER_UNWANTED)
            take_rest(intake, listener);
    }
    if (intake->held)
        move_held(intake);
    listeners_commit(&intake->listeners, config);
}

void intake_close(struct intake *intake)
{
    list_for_each (node, &intake->listeners.all)
        take_rest(intake, container_of(node, struct listener, link));
    if (intake->held)
        refuse_held(intake, "stopping");
    intake->is_closed = true;
    reactor_timer_cancel(intake->reactor, &intake->rest);
    listeners_close(&intake->listeners);
}
