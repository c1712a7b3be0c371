/*
 * plugin_channel_asked.c: what a plugin asks for on a channel that it has taken: to send, and to
 * hand the bytes over to descriptors. Called by service.c on the reactor thread.
 */
#include "session/plugin_channel.h"

#include <stdlib.h>
#include <string.h>

enum { JOIN_SIZE = 1024 /* small sends are joined in chunks of this size */ };

struct gate_chunk {
    struct channel_chunk chunk;
    struct plugin_channel *owner;
    size_t length; /* with what has gone out */
    size_t capacity;
    uint8_t bytes[];
};

static void on_relay_done(void *arg, bool has_process, int status, int signal_number)
{
    struct plugin_channel *owner = arg;
    struct sp_channel_event details = {.exit_status = status,
                                       .exit_signal = (uint32_t)signal_number};

    if (!owner->channel)
        return;
    if (has_process)
        plugin_channel_call(owner, PLUGIN_CHANNEL_child_exited, &details, NULL, 0);
    else
        channel_shut(owner->channel);
}

int32_t plugin_channel_attach(struct channel *channel, const struct sp_channel_streams *streams)
{
    struct plugin_channel *owner = plugin_channel_of(channel);

    if (!owner || owner->relay)
        return SP_E_INVALID;
    owner->relay =
        relay_new(session_reactor(owner->session), channel, streams, on_relay_done, owner);
    if (!owner->relay)
        return SP_E_FAILED;
    if (owner->has_eof)
        relay_end_input(owner->relay);
    channel_resume(channel);
    return 0;
}

static void on_gate_chunk_sent(struct channel_chunk *chunk)
{
    struct gate_chunk *self = container_of(chunk, struct gate_chunk, chunk);
    struct plugin_channel *owner = self->owner;
    struct sp_channel_event details = {0};

    if (owner->gate && plugin_gate_drained(owner->gate, self->length))
        plugin_channel_call(owner, PLUGIN_CHANNEL_ready_to_send, &details, NULL, 0);
    free(self);
}

/* The last chunk, if it is of this plugin's small sends and has room for another. */
static struct gate_chunk *joinable(struct channel *channel, const struct plugin_channel *owner,
                                   uint32_t stream, size_t length)
{
    struct channel_chunk *last = channel_last_chunk(channel);
    struct gate_chunk *chunk;

    if (!last || last->on_sent != on_gate_chunk_sent || last->stream != stream)
        return NULL;
    chunk = container_of(last, struct gate_chunk, chunk);
    return chunk->owner == owner && length <= chunk->capacity - chunk->length ? chunk : NULL;
}

int32_t plugin_channel_send(struct channel *channel, uint32_t stream, const void *data,
                            uint64_t length)
{
    struct plugin_channel *owner = plugin_channel_of(channel);
    size_t capacity = length > JOIN_SIZE ? (size_t)length : JOIN_SIZE;
    struct gate_chunk *chunk;

    /* Else a plugin on the loop that sends while it is taken would never come to an end. */
    if (!owner || !channel_takes_output(channel))
        return SP_E_STALE;
    chunk = joinable(channel, owner, stream, (size_t)length);
    if (chunk) {
        memcpy(chunk->bytes + chunk->length, data, (size_t)length);
        chunk->length += (size_t)length;
        channel_grow_last(channel, (size_t)length);
        return 0;
    }
    chunk = malloc(sizeof *chunk + capacity);
    if (!chunk)
        return SP_E_NOMEM;
    memcpy(chunk->bytes, data, (size_t)length);
    chunk->owner = owner;
    chunk->length = (size_t)length;
    chunk->capacity = capacity;
    chunk->chunk = (struct channel_chunk){.data = chunk->bytes,
                                          .length = (size_t)length,
                                          .stream = stream,
                                          .on_sent = on_gate_chunk_sent};
    channel_send_chunk(channel, &chunk->chunk);
    return 0;
}
