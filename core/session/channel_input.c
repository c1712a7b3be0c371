/*
 * channel_input.c: a channel's bytes from the client. With the tap they go from the packet straight
 * to the handler, what it does not take is kept here, and the window is ours: the client may send
 * as much as there is room for, and is cut off if it sends more. The library would accept any
 * amount, and open the window again for each piece read, whatever it still holds.
 *
 * Without the tap (libssh 0.11 and later) the library keeps what the handler does not take.
 */
#include "session/channel_internal.h"

#include <string.h>

#include "base/clock.h"

enum { READ_MAX = 32 * 1024 }; /* taken from the library at once when a handler resumes */

static size_t give(struct channel *channel, uint32_t stream, const uint8_t *data, size_t length)
{
    size_t taken;

    channel->is_short[stream] = false;
    taken = channel->handler->on_data(channel->handler_arg, stream, data, length);
    if (taken < length && !channel->is_short[stream] && !channel->is_yielding)
        channel->is_paused = true;
    channel->is_yielding = false;
    channel->bytes_in += taken;
    channel_note_activity(channel);
    return taken;
}

static bool is_deaf(const struct channel *channel)
{
    return channel->is_opening || channel->wants_close || channel->remote_eof ||
           channel->session->stage == SESSION_ENDING;
}

/* What comes of a stream must wait: for the handler, or behind what waits already. What waits for
 * more of its own stream is in nobody's way. */
static bool is_waiting(const struct channel *channel, uint32_t stream)
{
    return !channel->handler || channel->is_paused || buffer_length(&channel->input[stream]) ||
           (buffer_length(&channel->input[!stream]) && !channel->is_short[!stream]);
}

bool channel_input_is_empty(const struct channel *channel)
{
    return buffer_length(&channel->input[0]) == 0 && buffer_length(&channel->input[1]) == 0;
}

void channel_await_more(struct channel *channel, uint32_t stream)
{
    channel->is_short[stream] = true;
}

void channel_yield(struct channel *channel)
{
    channel->is_yielding = true;
    session_kick(channel->session);
}

bool channel_input_is_last(const struct channel *channel, uint32_t stream)
{
    return channel->remote_eof &&
           (tap_is_present() || ssh_channel_poll(channel->ssh, (int)stream) <= 0);
}

/* Keep what the handler has not taken; what waited for more has it now. 0 or SP_ERR_NOMEM. */
static int keep(struct channel *channel, uint32_t stream, const uint8_t *data, size_t length)
{
    if (buffer_length(&channel->input[stream]) && channel->is_short[stream] && length) {
        channel->is_short[stream] = false;
        session_kick(channel->session);
    }
    return buffer_append(&channel->input[stream], data, length);
}

/* What is kept of a stream. True if all of it was taken. */
static bool give_kept(struct channel *channel, uint32_t stream)
{
    struct buffer *input = &channel->input[stream];

    if (buffer_length(input)) {
        size_t taken = give(channel, stream, buffer_data(input), buffer_length(input));
        buffer_consume(input, taken);
        buffer_trim(input, 0);
    }
    return buffer_length(input) == 0;
}

/* What waits for the handler. */
static size_t kept_bytes(const struct channel *channel)
{
    return buffer_length(&channel->input[0]) + buffer_length(&channel->input[1]);
}

/* --- with the tap ----------------------------------------------------------------------------- */

void channel_input_open_window(struct channel *channel)
{
    struct buffer packet = {0};
    uint32_t more;

    if (!tap_is_present() || is_deaf(channel))
        return;
    more = channel_window_reopen(&channel->window, kept_bytes(channel));
    if (more == 0)
        return;
    wire_put_u8(&packet, TAP_CHANNEL_WINDOW_ADJUST);
    wire_put_u32(&packet, channel->remote);
    wire_put_u32(&packet, more);
    if (session_send_packet(channel->session, &packet) < 0)
        channel->window.left -= more;
    buffer_release(&packet);
}

static void receive(struct channel *channel, uint32_t stream, struct sp_str data)
{
    const uint8_t *bytes = (const uint8_t *)data.data;
    size_t length = (size_t)data.len, taken = 0;

    if (length > channel->window.left) {
        session_end(channel->session, DISCONNECT_PROTOCOL_ERROR, "channel.window_overrun",
                    "more data than the window allows");
        return;
    }
    channel_window_use(&channel->window, (uint32_t)length);
    if (!is_waiting(channel, stream))
        taken = give(channel, stream, bytes, length);
    if (keep(channel, stream, bytes + taken, length - taken) < 0) {
        session_break(channel->session, "channel.failed", "out of memory");
        return;
    }
    channel_window_judge(&channel->window, &channel->session->service->windows, kept_bytes(channel),
                         clock_now_ns());
    channel_input_open_window(channel);
}

bool channel_on_data_packet(struct session *session, bool is_extended, struct wire_reader *payload)
{
    struct channel *channel = channel_by_local(session, wire_get_u32(payload));
    uint32_t stream = is_extended ? wire_get_u32(payload) : SP_STREAM_DATA;
    struct sp_str data = wire_get_string(payload);

    if (!wire_ok(payload)) {
        session_end(session, DISCONNECT_PROTOCOL_ERROR, "channel.malformed_data",
                    "malformed channel data");
        return true;
    }
    /* On channels that are closing or not yet open, or after EOF, data is without effect. */
    if (channel && !is_deaf(channel) && stream <= SP_STREAM_STDERR && data.len)
        receive(channel, stream, data);
    return true;
}

bool channel_on_window_packet(struct session *session, struct wire_reader *payload)
{
    struct channel *channel = channel_by_local(session, wire_get_u32(payload));
    uint32_t more = wire_get_u32(payload);

    if (!wire_ok(payload) || (channel && !channel->wants_close &&
                              more > UINT32_MAX - ssh_channel_window_size(channel->ssh))) {
        session_end(session, DISCONNECT_PROTOCOL_ERROR, "channel.window_overflow",
                    "the window would pass 2^32 - 1");
        return true;
    }
    session_kick(session);
    return false;
}

/* --- without it ------------------------------------------------------------------------------- */

int channel_input_callback(ssh_session ssh, ssh_channel library_channel, void *data,
                           uint32_t length, int is_stderr, void *arg)
{
    struct channel *channel = arg;
    uint32_t stream = is_stderr ? SP_STREAM_STDERR : SP_STREAM_DATA;

    (void)ssh, (void)library_channel;
    if (is_deaf(channel))
        return (int)length;
    if (channel->is_short[stream] && !channel->is_paused)
        return keep(channel, stream, data, length) < 0 ? 0 : (int)length;
    if (is_waiting(channel, stream))
        return 0;
    return (int)give(channel, stream, data, length);
}

/* Take from the library in pieces that can be kept if the handler does not want all of one. */
static bool pull(struct channel *channel, uint32_t stream)
{
    struct buffer *input = &channel->input[stream];
    uint8_t *place = buffer_reserve(input, READ_MAX);
    int got = place ? ssh_channel_read_nonblocking(channel->ssh, place, READ_MAX, (int)stream) : 0;

    if (got > 0)
        buffer_commit(input, (size_t)got);
    else
        buffer_trim(input, 0);
    return got > 0;
}

bool channel_input_deliver(struct channel *channel)
{
    bool moved = false;

    for (uint32_t stream = 0; stream < 2; stream++) {
        while (!channel->is_paused && !channel->wants_close && !channel->session->is_dead) {
            size_t kept = buffer_length(&channel->input[stream]);
            bool is_done = channel->is_short[stream] || give_kept(channel, stream);
            moved |= buffer_length(&channel->input[stream]) < kept;
            if (!(is_done || channel->is_short[stream]) || tap_is_present() ||
                !pull(channel, stream))
                break;
            channel->is_short[stream] = false;
        }
    }
    if (moved && !channel->session->is_dead)
        channel_input_open_window(channel);
    return moved;
}
