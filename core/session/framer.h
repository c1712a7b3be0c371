/*
 * framer.h: cuts a stream of bytes into the events that a plugin has asked for: records, lines, or
 * as it comes. Keeps no bytes: whoever calls keeps what is not yet an event. Called by
 * plugin_channel.c on the reactor thread.
 */
#ifndef SALLYPORT_SESSION_FRAMER_H
#define SALLYPORT_SESSION_FRAMER_H

#include <stdbool.h>
#include <stddef.h>

#include "plugin/host.h"

enum { FRAMER_PIECE_MAX = 32 * 1024 /* of what is not framed, in one event */ };

/*
 * How many of the length bytes at data are the next event; 0: it is not there yet. is_last: nothing
 * will follow them. *ret_is_whole tells of a record or line that is complete.
 *
 * *searched is how many bytes are known to hold no end of a line: 0 for a new framing. It is kept
 * so that a line is not searched again from its beginning with each packet.
 */
size_t framer_next(const struct plugin_framing *framing, size_t *searched, const void *data,
                   size_t length, bool is_last, bool *ret_is_whole);

#endif
