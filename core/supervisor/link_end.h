/*
 * link_end.h: one end of the link between the supervisor and a worker, on a reactor: what the
 * socket does not take at once waits in order. Used by both ends. Reactor thread.
 *
 * The queue holds at most a few messages for each connection of the worker, because each side only
 * ever sends in answer to what the other side let it have.
 */
#ifndef SALLYPORT_SUPERVISOR_LINK_END_H
#define SALLYPORT_SUPERVISOR_LINK_END_H

#include <stdbool.h>

#include "base/list.h"
#include "worker/link.h"
#include "worker/reactor.h"

struct link_end;

struct link_events {
    /* fd is -1 or the callee's. */
    void (*on_message)(struct link_end *end, const struct link_message *message, int fd);
    /* The queue is empty again. May be NULL. */
    void (*on_writable)(struct link_end *end);
    /* The other side is gone, or sent nonsense; the end is closed already. */
    void (*on_closed)(struct link_end *end);
};

/* Embedded in its owner's struct; callbacks may close it but must not free it. */
struct link_end {
    struct reactor_source source;
    struct reactor *reactor;
    const struct link_events *events;
    struct list queue;
    bool is_open;
};

/* Take over socket (a non-blocking one). 0 or SP_ERR_SYSTEM; on failure socket is closed too. */
int link_end_open(struct link_end *end, struct reactor *reactor, int socket,
                  const struct link_events *events);
/* Fine on an end that is closed, or zeroed. What waits is dropped. */
void link_end_close(struct link_end *end);
/* Send, or keep until the socket takes it. 0, SP_ERR_CLOSED or SP_ERR_NOMEM. */
int link_end_send(struct link_end *end, const struct link_message *message);
/* Send with a descriptor, at once or not at all: 0, SP_ERR_AGAIN, SP_ERR_CLOSED, SP_ERR_SYSTEM.
 * After SP_ERR_AGAIN, on_writable tells when to try again. fd stays the caller's. */
int link_end_send_fd(struct link_end *end, const struct link_message *message, int fd);
/* Handle all that has arrived, as the loop would. For the last words of a process that is dead. */
void link_end_drain(struct link_end *end);

#endif
