/* framer.c: see framer.h. What an event consists of depends on the bytes alone, never on how they
 * were cut into packets. */
#include "session/framer.h"

#include <string.h>

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many bytes at the end of data may be the beginning of a terminator. */
static size_t begun(const struct plugin_framing *framing, const char *data, size_t length)
{
    size_t most = smaller(framing->terminator_length - 1, length);

    for (size_t count = most; count > 0; count--)
        if (memcmp(data + length - count, framing->terminator, count) == 0)
            return count;
    return 0;
}

static size_t next_line(const struct plugin_framing *framing, size_t *searched, const char *data,
                        size_t length, bool is_last, bool *ret_is_whole)
{
    size_t end_length = framing->terminator_length;
    size_t within = smaller(length, framing->size);
    size_t from = *searched >= end_length ? *searched - (end_length - 1) : 0;
    const char *end =
        from < within ? memmem(data + from, within - from, framing->terminator, end_length) : NULL;

    *searched = 0;
    if (end) {
        *ret_is_whole = true;
        return (size_t)(end - data) + end_length;
    }
    if (length >= framing->size) /* too long; its end, if that has begun, is not torn apart */
        return framing->size - begun(framing, data, framing->size);
    if (is_last)
        return length;
    *searched = within;
    return 0;
}

size_t framer_next(const struct plugin_framing *framing, size_t *searched, const void *data,
                   size_t length, bool is_last, bool *ret_is_whole)
{
    *ret_is_whole = false;
    switch (framing->kind) {
    case SP_FRAMING_RECORD:
        if (length < framing->size)
            return is_last ? length : 0;
        *ret_is_whole = true;
        return framing->size;
    case SP_FRAMING_LINE:
        return next_line(framing, searched, data, length, is_last, ret_is_whole);
    default:
        return smaller(length, FRAMER_PIECE_MAX);
    }
}
