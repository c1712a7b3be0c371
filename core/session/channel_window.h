/*
 * channel_window.h: how much a client may send on a channel before it hears from us (RFC 4254,
 * 5.2), where the window is ours: with the packet tap. Reactor thread.
 *
 * A client far away sends one window for each round trip, so the window decides its speed; and what
 * is allowed may have to be kept. It begins small, and is doubled for as long as that makes the
 * client faster. What all channels of a worker are allowed beyond the smallest is bounded.
 */
#ifndef SALLYPORT_SESSION_CHANNEL_WINDOW_H
#define SALLYPORT_SESSION_CHANNEL_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define CHANNEL_WINDOW_LEAST (2u * 1024 * 1024) /* as OpenSSH's server allows */
#define CHANNEL_WINDOW_MOST (16u * 1024 * 1024)
#define CHANNEL_WINDOWS_EXTRA (128u * 1024 * 1024) /* of a worker, beyond the least of each */

/* All of a worker's; zero it. */
struct channel_windows {
    uint64_t extra; /* given to channels beyond CHANNEL_WINDOW_LEAST */
};

struct channel_window {
    uint32_t size;     /* what may be under way; 0: not opened yet */
    uint32_t left;     /* of what the client was allowed */
    uint64_t received; /* bytes, so far */
    /* A round: from some moment on until all is used that the client had been allowed then. */
    uint64_t round_end; /* of received */
    uint64_t round_bytes;
    uint64_t round_began_ns;
    uint64_t speed;      /* bytes in a second, before the window was doubled; 0: not tried yet */
    uint32_t rounds_off; /* left before it is tried again */
    bool is_settling;    /* the client has yet to hear of the size */
};

/* length bytes, of those allowed, have come. */
void channel_window_use(struct channel_window *window, uint32_t length);
/* They are with the handler, kept bytes in all are not: if a round is over, see what follows. */
void channel_window_judge(struct channel_window *window, struct channel_windows *all, uint64_t kept,
                          uint64_t now_ns);
/* How much more to allow, while kept bytes wait; 0: not worth a packet yet. It counts as allowed.
 */
uint32_t channel_window_reopen(struct channel_window *window, uint64_t kept);
/* The channel is gone. */
void channel_window_close(struct channel_window *window, struct channel_windows *all);

#endif
