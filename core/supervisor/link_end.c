/*
 * link_end.c: queueing and dispatch for link.h. Called by workers.c in the supervisor and by
 * serve.c in a worker. Reactor thread.
 */
#include "supervisor/link_end.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"

/* Messages handled before others get their turn. */
#define MESSAGES_PER_TURN 64

struct waiting_message {
    struct list link;
    struct link_message message;
};

static void lost(struct link_end *end)
{
    link_end_close(end);
    end->events->on_closed(end);
}

/* 0, SP_ERR_AGAIN (not all went), SP_ERR_CLOSED or SP_ERR_SYSTEM. */
static int flush(struct link_end *end)
{
    struct list *node;
    while ((node = list_first(&end->queue))) {
        struct waiting_message *waiting = container_of(node, struct waiting_message, link);
        int rc = link_send(end->source.fd, &waiting->message, -1);
        if (rc < 0)
            return rc;
        list_remove(node);
        free(waiting);
    }
    return 0;
}

static void serve_write(struct link_end *end)
{
    int rc = flush(end);
    if (rc == SP_ERR_AGAIN)
        return;
    if (rc < 0) {
        lost(end);
        return;
    }
    reactor_change(end->reactor, &end->source, REACTOR_READ);
    if (end->events->on_writable)
        end->events->on_writable(end);
}

/* Handle at most limit messages (0: no limit). */
static void serve_read(struct link_end *end, unsigned limit)
{
    for (unsigned i = 0; end->is_open && (limit == 0 || i < limit); i++) {
        struct link_message message;
        int fd = -1;
        int rc = link_receive(end->source.fd, &message, &fd);
        if (rc == SP_ERR_AGAIN)
            return;
        if (rc < 0) {
            lost(end);
            return;
        }
        end->events->on_message(end, &message, fd);
    }
}

static void on_ready(struct reactor_source *source, uint32_t events)
{
    struct link_end *end = container_of(source, struct link_end, source);
    /* Nothing more comes after a hangup; but what came before must not be lost with the rest of our
     * own that can no longer be sent. */
    if (events & (REACTOR_READ | REACTOR_HANGUP))
        serve_read(end, events & REACTOR_HANGUP ? 0 : MESSAGES_PER_TURN);
    if (end->is_open && (events & REACTOR_WRITE))
        serve_write(end);
}

int link_end_open(struct link_end *end, struct reactor *reactor, int socket,
                  const struct link_events *events)
{
    *end = (struct link_end){.source = {.on_ready = on_ready, .fd = socket},
                             .reactor = reactor,
                             .events = events,
                             .is_open = true};
    list_init(&end->queue);
    int rc = reactor_watch(reactor, &end->source, REACTOR_READ);
    if (rc < 0) {
        close(socket);
        end->is_open = false;
    }
    return rc;
}

void link_end_close(struct link_end *end)
{
    if (!end->is_open)
        return;
    struct list *node;
    while ((node = list_take_first(&end->queue)))
        free(container_of(node, struct waiting_message, link));
    reactor_unwatch(end->reactor, &end->source);
    close(end->source.fd);
    end->is_open = false;
}

static bool is_waiting(const struct link_end *end)
{
    return !list_is_empty(&end->queue);
}

int link_end_send(struct link_end *end, const struct link_message *message)
{
    if (!end->is_open)
        return SP_ERR_CLOSED;
    int rc = is_waiting(end) ? SP_ERR_AGAIN : link_send(end->source.fd, message, -1);
    if (rc != SP_ERR_AGAIN)
        return rc < 0 ? SP_ERR_CLOSED : 0;
    struct waiting_message *waiting = malloc(sizeof(*waiting));
    if (!waiting)
        return SP_ERR_NOMEM;
    waiting->message = *message;
    list_append(&end->queue, &waiting->link);
    reactor_change(end->reactor, &end->source, REACTOR_READ | REACTOR_WRITE);
    return 0;
}

int link_end_send_fd(struct link_end *end, const struct link_message *message, int fd)
{
    if (!end->is_open)
        return SP_ERR_CLOSED;
    int rc = is_waiting(end) ? SP_ERR_AGAIN : link_send(end->source.fd, message, fd);
    if (rc == SP_ERR_AGAIN)
        reactor_change(end->reactor, &end->source, REACTOR_READ | REACTOR_WRITE);
    return rc;
}

void link_end_drain(struct link_end *end)
{
    serve_read(end, 0);
}
