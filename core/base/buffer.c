/* buffer.c: growable byte queues, for whatever is on its way in or out. The owner's thread. */
#include "base/buffer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

#define SMALLEST 64u
#define READ_AT_ONCE 16384u

void buffer_release(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}

/* Storage for want bytes and some to spare. What is drained is left out of it already. */
static int grow(struct buffer *buffer, size_t want)
{
    size_t live = buffer_length(buffer);
    size_t spare = live < SIZE_MAX / 2 - want ? live : SIZE_MAX / 2 - want;
    size_t capacity = SMALLEST;
    uint8_t *bytes;

    while (capacity < want + spare)
        capacity *= 2;
    bytes = realloc(buffer->bytes, capacity);
    if (!bytes)
        return SP_ERR_NOMEM;
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return 0;
}

uint8_t *buffer_reserve(struct buffer *buffer, size_t len)
{
    size_t live = buffer_length(buffer);
    bool is_cheap_to_move = buffer->start >= live;

    if (len > SIZE_MAX / 2 - live)
        return NULL;
    if (buffer->bytes && len <= buffer->capacity - buffer->end)
        return buffer->bytes + buffer->end;
    if (buffer->start > 0) {
        memmove(buffer->bytes, buffer->bytes + buffer->start, live);
        buffer->start = 0;
        buffer->end = live;
    }
    /* Moving few bytes over many drained ones is cheap. Otherwise growing, although the bytes would
     * fit, keeps a nearly full queue from being moved for each small append. */
    if ((!is_cheap_to_move || live + len > buffer->capacity || !buffer->bytes) &&
        grow(buffer, live + len) < 0)
        return NULL;
    return buffer->bytes + buffer->end;
}

void buffer_commit(struct buffer *buffer, size_t len)
{
    buffer->end += len;
}

int buffer_append(struct buffer *buffer, const void *data, size_t len)
{
    uint8_t *room;

    if (len == 0)
        return 0;
    room = buffer_reserve(buffer, len);
    if (!room)
        return SP_ERR_NOMEM;
    memcpy(room, data, len);
    buffer_commit(buffer, len);
    return 0;
}

int buffer_read(struct buffer *buffer, int fd, size_t most)
{
    while (buffer_length(buffer) <= most) {
        uint8_t *room = buffer_reserve(buffer, READ_AT_ONCE);
        if (!room)
            return SP_ERR_NOMEM;
        ssize_t n = read(fd, room, READ_AT_ONCE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return SP_ERR_SYSTEM;
        if (n == 0)
            return 0;
        buffer_commit(buffer, (size_t)n);
    }
    return SP_ERR_LIMIT;
}

void buffer_consume(struct buffer *buffer, size_t len)
{
    if (len >= buffer_length(buffer))
        buffer->start = buffer->end = 0;
    else
        buffer->start += len;
}

void buffer_trim(struct buffer *buffer, size_t keep)
{
    if (buffer_length(buffer) == 0 && buffer->capacity > keep)
        buffer_release(buffer);
}
