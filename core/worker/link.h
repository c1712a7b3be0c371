/*
 * link.h: the messages between the supervisor and a worker, or a plugin's own process, over a
 * SOCK_SEQPACKET pair. All are the same binary, so the layout is the struct's. Reactor thread, but
 * for link_send(), which any thread and a signal handler may call.
 */
#ifndef SALLYPORT_WORKER_LINK_H
#define SALLYPORT_WORKER_LINK_H

#include <stdint.h>

#include "worker/connection.h"

enum link_kind {
    /* to the worker */
    LINK_CONNECTION = 1, /* origin, with a descriptor */
    LINK_DRAIN,          /* take no more, end when the last connection has */
    LINK_STOP,           /* end every connection now */
    LINK_LIST, /* send LINK_FACTS for each connection, LINK_CHANNEL_FACTS for each channel, then
                  LINK_FACTS_END */
    LINK_DISCONNECT,    /* number = connection, text = why */
    LINK_REKEY,         /* number = connection */
    LINK_CLOSE_CHANNEL, /* number = connection, channel */
    LINK_HOST,          /* number = plugin instance: the socket to its process, or text = why not */
    /* to the supervisor; a plugin's own process sends READY, FAILED and CRASHED only */
    LINK_READY,
    LINK_FAILED,        /* text: why it cannot serve */
    LINK_AUTHENTICATED, /* number = connection */
    LINK_ENDED,         /* number = connection */
    LINK_FACTS,
    LINK_CHANNEL_FACTS,
    LINK_FACTS_END,
    LINK_CRASHED,     /* from the fault handler: number = signal, instance, operation */
    LINK_HOST_WANTED, /* number = plugin instance: start a process for it */
    LINK_STUCK,       /* number = pool threads that plugins hold up for good: too many */
};

struct link_message {
    uint32_t kind;
    uint32_t reserved;
    uint64_t number;
    union {
        struct connection_origin origin;
        struct connection_facts facts;
        struct channel_facts channel_facts;
        uint64_t channel;
        char text[2048];
        struct {
            char instance[64];
            char operation[64];
        } crash;
    } u;
};

/* Send one message, with descriptor fd unless -1. 0, SP_ERR_AGAIN (the queue is full),
 * SP_ERR_CLOSED or SP_ERR_SYSTEM. Signal-safe. */
int link_send(int socket, const struct link_message *message, int fd);
/* Receive one. *ret_fd is -1 or a descriptor that is the caller's; a LINK_CONNECTION or LINK_HOST
 * without one has met a process that may open no more, or there was none. 0, SP_ERR_AGAIN,
 * SP_ERR_CLOSED, SP_ERR_FORMAT. Texts are NUL-terminated, whoever sent them. */
int link_receive(int socket, struct link_message *ret_message, int *ret_fd);

#endif
