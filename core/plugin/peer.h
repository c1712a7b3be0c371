/*
 * peer.h: messages between a worker and the process of an isolated instance, over a stream socket:
 * a head, a body and perhaps descriptors. Sending never blocks; what the socket does not take waits
 * in a bounded queue. What has been sent or handed over is wiped: passwords come this way. Reactor
 * thread.
 */
#ifndef SALLYPORT_PLUGIN_PEER_H
#define SALLYPORT_PLUGIN_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "worker/reactor.h"

enum peer_kind {
    /* to the plugin's process */
    PEER_SETUP = 1, /* with a descriptor: the memory shared for files; size = its bytes */
    PEER_CALL,      /* id = token, number = operation, size = where the data of a file lies in the
                       shared memory; body: the event */
    PEER_CANCEL,    /* id = token: nobody waits any more; number: PEER_CANCEL_… */
    PEER_GATE_OPEN, /* id = channel that the plugin has taken, size = room; body: connection */
    PEER_GATE_DRAINED, /* id = channel, size = bytes */
    PEER_GATE_CLOSED,  /* id = channel */
    PEER_RESERVED,     /* id = a channel that PEER_OPEN may open */
    /* to the worker */
    PEER_HELLO,       /* size = operations offered */
    PEER_FAILED,      /* body: why the instance cannot be had */
    PEER_VERDICT,     /* id = token, number = verdict */
    PEER_REPLY,       /* id = token; body: the reply */
    PEER_RELEASED,    /* id = token: the plugin is finished with the event */
    PEER_SEND,        /* id = channel, number = stream; body: data */
    PEER_EOF,         /* id = channel */
    PEER_EXIT_STATUS, /* id = channel, number = status */
    PEER_EXIT_SIGNAL, /* id = channel, number = core_dumped, size = length of the name;
                         body: name, text */
    PEER_CLOSE,       /* id = channel */
    PEER_FRAMING,     /* id = channel, number = SP_FRAMING_*, size; body: terminator */
    PEER_OPEN,        /* id = channel, one of PEER_RESERVED; size = connection, number = length of
                         the type; body: type, payload */
    PEER_ATTACH,      /* id = channel, number = PEER_STREAM_*; with the descriptors */
    PEER_DISCONNECT,  /* id = connection; body: text */
    PEER_REKEY,       /* id = connection */
    PEER_KIND_COUNT,
};

/* peer_message.number of PEER_CANCEL: the deadline has passed */
#define PEER_CANCEL_OVERDUE 1u

/* peer_message.flags of PEER_CALL: not to overlap with others of the connection */
#define PEER_IN_ORDER 1u

/* Which of struct sp_channel_streams there are, in this order. */
#define PEER_STREAM_INPUT (1u << 0)
#define PEER_STREAM_OUTPUT (1u << 1)
#define PEER_STREAM_ERROR (1u << 2)
#define PEER_STREAM_PROCESS (1u << 3)
#define PEER_STREAM_SHARED (1u << 4) /* output is input */

#define PEER_DESCRIPTORS_MAX 4u

/* The head, as it lies in the stream. */
struct peer_message {
    uint32_t length; /* of the body */
    uint32_t kind;
    uint64_t id;
    uint64_t size;
    uint32_t number;
    uint16_t flags;
    uint16_t descriptors;
};

struct peer_parcel;

struct peer {
    /* The owner's part. on_message may close the peer; descriptors that it keeps it sets to -1. */
    void (*on_message)(struct peer *peer, const struct peer_message *message, const uint8_t *body,
                       int *descriptors);
    /* The other side is gone, or does not keep to the rules; the peer is closed. */
    void (*on_closed)(struct peer *peer, const char *why);
    uint32_t body_max; /* what a body may have at most */

    /* Zero it. */
    struct reactor *reactor;
    struct reactor_source source;
    struct reactor_task flush;
    bool is_open;
    struct buffer input;
    struct buffer output;
    uint64_t queued;                  /* bytes ever put into output */
    struct peer_parcel *first_parcel; /* descriptors that go with bytes of output */
    struct peer_parcel *last_parcel;
    int arrived[4 * PEER_DESCRIPTORS_MAX]; /* whose messages are not there yet */
    unsigned arrived_count;
};

/* fd becomes the peer's, also on failure. 0 or negative. */
int peer_open(struct peer *peer, struct reactor *reactor, int fd);
/* Without a call of on_closed; what is queued is lost. Fine if not open. */
void peer_close(struct peer *peer);
/* Queue a message and return its body's place, to be filled in at once; with count descriptors,
 * which become the peer's unless NULL is returned: no memory, not open, or far too much is queued.
 */
uint8_t *peer_put(struct peer *peer, const struct peer_message *message, const int *descriptors,
                  unsigned count);
/* A message without a body. 0 or SP_ERR_NOMEM. */
int peer_tell(struct peer *peer, enum peer_kind kind, uint64_t id, uint64_t size, uint32_t number);
/* So much waits that nothing more should be asked. */
bool peer_is_full(const struct peer *peer);
/* Send what waits, for timeout_ms at most, and then nothing more: the other side sees the end. */
void peer_finish(struct peer *peer, int timeout_ms);

#endif
