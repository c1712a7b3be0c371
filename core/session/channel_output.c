/*
 * channel_output.c: a channel's bytes toward the client: a queue of chunks written from where they
 * lie, as far as the client's window and the socket allow. Reactor thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "session/channel_internal.h"

enum {
    /* One write: the library sends what is queued in one call, and the fewer calls the better. */
    WRITE_MAX = 256 * 1024,
    HIGH_WATER = 512 * 1024,
    LOW_WATER = 128 * 1024,
    JOIN_SIZE = 8 * 1024, /* small sends are joined in chunks of this size */
};

/* A chunk of ours, for what is sent by copy. */
struct own_chunk {
    struct channel_chunk chunk;
    size_t capacity;
    uint8_t bytes[];
};

static void free_own_chunk(struct channel_chunk *chunk)
{
    free(container_of(chunk, struct own_chunk, chunk));
}

bool channel_takes_output(const struct channel *channel)
{
    return !channel->wants_eof && !channel->wants_close;
}

struct channel_chunk *channel_last_chunk(const struct channel *channel)
{
    if (list_is_empty(&channel->chunks) || !channel_takes_output(channel))
        return NULL;
    return container_of(channel->chunks.prev, struct channel_chunk, link);
}

void channel_grow_last(struct channel *channel, size_t length)
{
    channel_last_chunk(channel)->length += length;
    channel->queued += length;
    session_kick(channel->session);
}

/* Room for length bytes of stream in the last chunk, if it is ours and has it. */
static struct own_chunk *joinable(struct channel *channel, uint32_t stream, size_t length)
{
    struct channel_chunk *last = channel_last_chunk(channel);
    struct own_chunk *own;

    if (!last || last->on_sent != free_own_chunk || last->stream != stream)
        return NULL;
    own = container_of(last, struct own_chunk, chunk);
    if ((size_t)(last->data - own->bytes) + last->length + length > own->capacity)
        return NULL;
    return own;
}

int channel_send(struct channel *channel, uint32_t stream, const void *data, size_t length)
{
    struct own_chunk *own = joinable(channel, stream, length);

    if (!channel_takes_output(channel))
        return SP_ERR_CLOSED;
    if (length == 0)
        return 0;
    if (own) {
        size_t used = (size_t)(own->chunk.data - own->bytes) + own->chunk.length;
        memcpy(own->bytes + used, data, length);
        channel_grow_last(channel, length);
        return 0;
    }
    size_t capacity = length > JOIN_SIZE ? length : JOIN_SIZE;
    own = malloc(sizeof *own + capacity);
    if (!own)
        return SP_ERR_NOMEM;
    own->capacity = capacity;
    memcpy(own->bytes, data, length);
    own->chunk = (struct channel_chunk){
        .data = own->bytes, .length = length, .stream = stream, .on_sent = free_own_chunk};
    channel_send_chunk(channel, &own->chunk);
    return 0;
}

void channel_send_chunk(struct channel *channel, struct channel_chunk *chunk)
{
    if (!channel_takes_output(channel) || chunk->length == 0) {
        chunk->on_sent(chunk);
        return;
    }
    list_append(&channel->chunks, &chunk->link);
    channel->queued += chunk->length;
    session_kick(channel->session);
}

size_t channel_queued(const struct channel *channel)
{
    return channel->queued;
}

bool channel_is_full(struct channel *channel)
{
    bool is_full = channel->queued >= HIGH_WATER;

    channel->was_full |= is_full; /* whoever hears yes will be told of room */
    return is_full;
}

void channel_end_output(struct channel *channel)
{
    channel->wants_eof = true;
    session_kick(channel->session);
}

void channel_send_exit_status(struct channel *channel, uint32_t status)
{
    if (channel->has_exit_status || channel->has_exit_signal)
        return;
    channel->has_exit_status = true;
    channel->exit_status = status;
}

void channel_send_exit_signal(struct channel *channel, const char *name, bool core_dumped,
                              const char *text)
{
    if (channel->has_exit_status || channel->has_exit_signal)
        return;
    channel->has_exit_signal = true;
    channel->exit_core_dumped = core_dumped;
    snprintf(channel->exit_signal, sizeof channel->exit_signal, "%s", name);
    snprintf(channel->exit_text, sizeof channel->exit_text, "%s", text ? text : "");
}

void channel_shut(struct channel *channel)
{
    channel->wants_close = true;
    session_kick(channel->session);
}

void channel_drop_chunks(struct channel *channel)
{
    for (struct list *node; (node = list_take_first(&channel->chunks));) {
        struct channel_chunk *chunk = container_of(node, struct channel_chunk, link);
        chunk->on_sent(chunk);
    }
    channel->queued = 0;
}

void channel_cut(struct channel *channel)
{
    channel_shut(channel); /* nothing is added from here on */
    channel_drop_chunks(channel);
}

static void chunk_sent(struct channel *channel, struct channel_chunk *chunk, size_t length)
{
    chunk->data += length;
    chunk->length -= length;
    channel->queued -= length;
    channel->bytes_out += length;
    channel_note_activity(channel);
    if (chunk->length == 0) {
        list_remove(&chunk->link);
        chunk->on_sent(chunk);
    }
}

bool channel_flush(struct channel *channel)
{
    ssh_session ssh = channel->session->ssh;
    bool moved = false;

    if (channel->is_opening)
        return false;
    while (!list_is_empty(&channel->chunks) && !channel->remote_closed) {
        struct channel_chunk *chunk =
            container_of(list_first(&channel->chunks), struct channel_chunk, link);
        uint32_t window = ssh_channel_window_size(channel->ssh);
        size_t length = chunk->length < WRITE_MAX ? chunk->length : WRITE_MAX;
        int sent;

        /* The library would queue without bound past a full socket. */
        if (ssh_get_status(ssh) & SSH_WRITE_PENDING)
            break;
        length = length < window ? length : window;
        if (length == 0)
            break;
        sent = chunk->stream == SP_STREAM_STDERR
                   ? ssh_channel_write_stderr(channel->ssh, chunk->data, (uint32_t)length)
                   : ssh_channel_write(channel->ssh, chunk->data, (uint32_t)length);
        if (sent <= 0 || channel->session->is_dead)
            break; /* 0: keys are being exchanged */
        chunk_sent(channel, chunk, (size_t)sent);
        session_note_write(channel->session);
        moved = true;
    }
    if (channel->was_full && channel->queued <= LOW_WATER) {
        channel->was_full = false;
        if (channel->handler && channel->handler->on_writable && !channel->wants_close)
            channel->handler->on_writable(channel->handler_arg);
        moved = true;
    }
    return moved;
}
