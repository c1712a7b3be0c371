/*
 * relay.h: moves bytes between a channel and descriptors (of a process, a socket), non-blocking,
 * with backpressure and half-close both ways. Reactor thread.
 */
#ifndef SALLYPORT_SESSION_RELAY_H
#define SALLYPORT_SESSION_RELAY_H

#include <sallyport/plugin.h>

#include "session/channel.h"
#include "worker/reactor.h"

struct relay;

/* All output has been handed to the channel and the process, if there is one, is gone and reaped:
 * status is its exit status, or -1 with the number of the signal that ended it; has_process tells
 * whether there was one. Once. */
typedef void (*relay_done)(void *arg, bool has_process, int status, int signal_number);

/* Takes the descriptors over on success. NULL: errno tells. */
struct relay *relay_new(struct reactor *reactor, struct channel *channel,
                        const struct sp_channel_streams *streams, relay_done done, void *arg);
/* Closes every descriptor. done is not called any more. NULL is fine. */
void relay_free(struct relay *relay);
/* Bytes from the client: how many were taken; channel_resume() follows if not all. */
size_t relay_take(struct relay *relay, const uint8_t *data, size_t length);
void relay_end_input(struct relay *relay);     /* the client sends no more */
void relay_resume_output(struct relay *relay); /* the channel has room again */

#endif
