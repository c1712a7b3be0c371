/*
 * listeners.c: opening, keeping and closing listening sockets. Called by supervisor.c at start and
 * stop, by reload.c, and by intake.c to pause and resume. Supervisor's thread.
 */
#include "supervisor/listeners.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"

/* With "*" and port 0, the port that is free in one family may be taken in the other. */
#define PORT_TRIES 16

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

static void on_socket_ready(struct reactor_source *source, uint32_t events)
{
    (void)events;
    struct listener_socket *ready = container_of(source, struct listener_socket, source);
    struct listeners *listeners = ready->listener->listeners;
    listeners->on_ready(listeners->arg, ready->listener, source->fd);
}

void listeners_init(struct listeners *listeners, struct reactor *reactor,
                    void (*on_ready)(void *arg, struct listener *listener, int fd), void *arg)
{
    *listeners =
        (struct listeners){.reactor = reactor, .on_ready = on_ready, .arg = arg, .is_paused = true};
    list_init(&listeners->all);
    list_init(&listeners->opened);
}

static void listener_free(struct listener *listener)
{
    for (size_t i = 0; i < listener->sockets_count; i++) {
        struct reactor_source *source = &listener->sockets[i].source;
        if (source->is_watched)
            reactor_unwatch(listener->listeners->reactor, source);
        close(source->fd);
    }
    list_remove(&listener->link);
    free(listener->name);
    free(listener->address);
    free(listener);
}

static socklen_t address_length(const union address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof(address->six) : sizeof(address->four);
}

static uint16_t bound_port(int fd)
{
    union address address = {0};
    socklen_t length = sizeof(address);
    if (getsockname(fd, &address.any, &length) < 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.six.sin6_port : address.four.sin_port);
}

/* A listening socket, or -1 and errno. */
static int socket_open(const union address *address, const struct config_listener *wanted)
{
    const int on = 1;
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    bool is_open = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0;
    /* "*" opens a socket for each family: this one must not claim the other's port. */
    if (is_open && address->any.sa_family == AF_INET6)
        is_open = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0;
    if (is_open && wanted->reuse_port)
        is_open = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0;
    if (is_open && bind(fd, &address->any, address_length(address)) == 0 &&
        listen(fd, wanted->backlog) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int listener_add_socket(struct listener *listener, const union address *address,
                               const struct config_listener *wanted)
{
    int fd = socket_open(address, wanted);
    if (fd < 0)
        return SP_ERR_SYSTEM;
    struct listener_socket *added = &listener->sockets[listener->sockets_count++];
    added->source = (struct reactor_source){.on_ready = on_socket_ready, .fd = fd};
    added->listener = listener;
    listener->port = bound_port(fd);
    return 0;
}

static bool family_is_missing(int error)
{
    return error == EAFNOSUPPORT || error == EADDRNOTAVAIL || error == EPROTONOSUPPORT;
}

/* "*": IPv6 first, then IPv4 on the same port; a machine may lack one of them. */
static int open_both(struct listener *listener, const struct config_listener *wanted)
{
    for (int tries = 1;; tries++) {
        union address six = {.six = {.sin6_family = AF_INET6, .sin6_port = htons(wanted->port)}};
        int rc = listener_add_socket(listener, &six, wanted);
        if (rc < 0 && !family_is_missing(errno))
            return rc;
        uint16_t port = rc < 0 ? wanted->port : listener->port;
        union address four = {.four = {.sin_family = AF_INET, .sin_port = htons(port)}};
        rc = listener_add_socket(listener, &four, wanted);
        if (rc == 0 || (listener->sockets_count > 0 && family_is_missing(errno)))
            return 0;
        if (wanted->port != 0 || errno != EADDRINUSE || tries == PORT_TRIES)
            return rc;
        close(listener->sockets[--listener->sockets_count].source.fd);
    }
}

/* An IPv6 address may name its interface, fe80::1%eth0: 0, or -1 and errno. */
static int parse_six(const char *text, struct sockaddr_in6 *six)
{
    char numeric[INET6_ADDRSTRLEN];
    size_t length = strcspn(text, "%");
    errno = EINVAL;
    if (length >= sizeof(numeric))
        return -1;
    memcpy(numeric, text, length);
    numeric[length] = 0;
    if (inet_pton(AF_INET6, numeric, &six->sin6_addr) != 1)
        return -1;
    if (text[length] == 0)
        return 0;
    six->sin6_scope_id = if_nametoindex(text + length + 1);
    return six->sin6_scope_id ? 0 : -1;
}

static int open_one(struct listener *listener, const struct config_listener *wanted)
{
    union address address = {.four = {.sin_family = AF_INET, .sin_port = htons(wanted->port)}};
    if (inet_pton(AF_INET, wanted->address, &address.four.sin_addr) == 1)
        return listener_add_socket(listener, &address, wanted);
    address = (union address){.six = {.sin6_family = AF_INET6, .sin6_port = htons(wanted->port)}};
    if (parse_six(wanted->address, &address.six) < 0)
        return SP_ERR_SYSTEM;
    return listener_add_socket(listener, &address, wanted);
}

static int listener_open(struct listeners *listeners, const struct config_listener *wanted,
                         uint32_t index)
{
    struct listener *listener = calloc(1, sizeof(*listener));
    if (!listener)
        return SP_ERR_SYSTEM;
    *listener = (struct listener){.listeners = listeners,
                                  .name = strdup(wanted->name),
                                  .address = strdup(wanted->address),
                                  .wanted_port = wanted->port,
                                  .reuse_port = wanted->reuse_port,
                                  .next_index = index};
    list_append(&listeners->opened, &listener->link);
    if (!listener->name || !listener->address)
        return SP_ERR_SYSTEM; /* listeners_abort() frees it */
    return strcmp(wanted->address, "*") == 0 ? open_both(listener, wanted)
                                             : open_one(listener, wanted);
}

/* One that is open already and that nothing else of the new configuration keeps. */
static struct listener *find_kept(struct listeners *listeners, const struct config_listener *wanted)
{
    list_for_each (node, &listeners->all) {
        struct listener *listener = container_of(node, struct listener, link);
        if (listener->next_index == LISTENER_UNWANTED && listener->wanted_port == wanted->port &&
            listener->reuse_port == wanted->reuse_port &&
            strcmp(listener->address, wanted->address) == 0)
            return listener;
    }
    return NULL;
}

int listeners_prepare(struct listeners *listeners, const struct config *config,
                      struct report *report)
{
    list_for_each (node, &listeners->all)
        container_of(node, struct listener, link)->next_index = LISTENER_UNWANTED;

    for (size_t i = 0; i < config->listeners_count; i++) {
        const struct config_listener *wanted = &config->listeners[i];
        struct listener *kept = find_kept(listeners, wanted);
        if (kept) {
            kept->next_index = (uint32_t)i;
        } else if (listener_open(listeners, wanted, (uint32_t)i) < 0) {
            char key[64];
            snprintf(key, sizeof(key), "/listeners/%zu", i);
            report_error(report, config->file, positions_line(config->positions, key), key,
                         "cannot listen on %s port %u: %s", wanted->address, wanted->port,
                         strerror(errno));
            listeners_abort(listeners);
            return SP_ERR_SYSTEM;
        }
    }
    return 0;
}

static void listener_watch(struct listener *listener, bool is_wanted)
{
    struct reactor *reactor = listener->listeners->reactor;
    for (size_t i = 0; i < listener->sockets_count; i++) {
        struct reactor_source *source = &listener->sockets[i].source;
        if (is_wanted && !source->is_watched && reactor_watch(reactor, source, REACTOR_READ) < 0)
            log_error("listener.watch", LOG_TEXT("listener", listener->name),
                      LOG_TEXT("error", strerror(errno)));
        else if (!is_wanted && source->is_watched)
            reactor_unwatch(reactor, source);
    }
}

/* What a listener that stays may change: its name and its backlog. */
static void listener_update(struct listener *listener, const struct config_listener *wanted)
{
    char *name = strdup(wanted->name);
    if (name) {
        free(listener->name);
        listener->name = name;
    }
    for (size_t i = 0; i < listener->sockets_count; i++)
        listen(listener->sockets[i].source.fd, wanted->backlog);
}

void listeners_commit(struct listeners *listeners, const struct config *config)
{
    list_for_each (node, &listeners->all) {
        struct listener *listener = container_of(node, struct listener, link);
        if (listener->next_index == LISTENER_UNWANTED) {
            log_info("listener.closed", LOG_TEXT("listener", listener->name),
                     LOG_TEXT("address", listener->address), LOG_U64("port", listener->port));
            listener_free(listener);
            continue;
        }
        listener->index = listener->next_index;
        listener_update(listener, &config->listeners[listener->index]);
    }
    struct list *node;
    while ((node = list_take_first(&listeners->opened))) {
        struct listener *listener = container_of(node, struct listener, link);
        list_append(&listeners->all, node);
        listener->index = listener->next_index;
        log_info("listener.open", LOG_TEXT("listener", listener->name),
                 LOG_TEXT("address", listener->address), LOG_U64("port", listener->port));
        listener_watch(listener, !listeners->is_paused);
    }
}

void listeners_abort(struct listeners *listeners)
{
    list_for_each (node, &listeners->opened)
        listener_free(container_of(node, struct listener, link));
}

static void watch_all(struct listeners *listeners, bool is_wanted)
{
    listeners->is_paused = !is_wanted;
    list_for_each (node, &listeners->all)
        listener_watch(container_of(node, struct listener, link), is_wanted);
}

void listeners_pause(struct listeners *listeners)
{
    if (!listeners->is_paused)
        watch_all(listeners, false);
}

void listeners_resume(struct listeners *listeners)
{
    if (listeners->is_paused)
        watch_all(listeners, true);
}

void listeners_close(struct listeners *listeners)
{
    listeners_abort(listeners);
    list_for_each (node, &listeners->all)
        listener_free(container_of(node, struct listener, link));
}
