/*
 * fuzz_framer.c: any bytes, framed in any way, cut into any packets. The first bytes of the input
 * say how, the rest is the stream. No byte is lost, no event is longer than asked for, and the
 * events are the same as those of the stream in one piece.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "session/framer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENTS_MAX = 4096 };

struct cuts {
    size_t ends[EVENTS_MAX];
    size_t count;
};

static void check(bool condition)
{
    if (!condition)
        abort();
}

static void check_event(const struct plugin_framing *framing, const uint8_t *event, size_t length,
                        bool is_whole, bool is_end)
{
    if (framing->kind == SP_FRAMING_NONE)
        return;
    check(length <= framing->size);
    if (framing->kind == SP_FRAMING_RECORD)
        check(is_whole == (length == framing->size) && (is_whole || is_end));
    else if (is_whole)
        check(length >= framing->terminator_length &&
              memcmp(event + length - framing->terminator_length, framing->terminator,
                     framing->terminator_length) == 0);
}

/* The events of a stream that comes in packets of step bytes. */
static void cut(const struct plugin_framing *framing, const uint8_t *bytes, size_t size,
                size_t step, struct cuts *ret_cuts)
{
    size_t begin = 0, searched = 0;

    ret_cuts->count = 0;
    for (size_t come = 0;;) {
        bool is_last = come == size, is_whole;
        size_t length;
        while ((length = framer_next(framing, &searched, bytes + begin, come - begin, is_last,
                                     &is_whole))) {
            check(length <= come - begin);
            check_event(framing, bytes + begin, length, is_whole, is_last);
            begin += length;
            if (ret_cuts->count < EVENTS_MAX)
                ret_cuts->ends[ret_cuts->count++] = begin;
        }
        if (is_last)
            break;
        come += step < size - come ? step : size - come;
    }
    check(begin == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cuts whole, pieces;
    struct plugin_framing framing = {0};
    size_t step;

    if (size < 4)
        return 0;
    framing.kind = data[0] % 3u;
    framing.size = 1u + data[1];
    framing.terminator_length = 1u + data[2] % 8u;
    step = 1u + data[3];
    data += 4, size -= 4;
    if (framing.terminator_length > size || framing.terminator_length > framing.size)
        return 0;
    memcpy(framing.terminator, data, framing.terminator_length);
    cut(&framing, data, size, size, &whole);
    cut(&framing, data, size, step, &pieces);
    if (framing.kind != SP_FRAMING_NONE)
        check(whole.count == pieces.count &&
              memcmp(whole.ends, pieces.ends, whole.count * sizeof *whole.ends) == 0);
    return 0;
}
