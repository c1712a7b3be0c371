/*
 * channel.c: the life of one channel, from its opening, by whichever side, to its end. Its bytes
 * are in channel_input.c and channel_output.c.
 */
#include "session/channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "session/channel_internal.h"

enum { LINGER_MS = 5000 /* for a handler to take what came before the client's CLOSE */ };

struct channel *channel_from_link(struct list *link)
{
    return container_of(link, struct channel, link);
}

/* --- from the client ------------------------------------------------------------------------ */

/* The client sends no more. False: it may not even have begun. */
static bool end_input(struct channel *channel)
{
    if (channel->is_opening) {
        session_end(channel->session, DISCONNECT_PROTOCOL_ERROR, "channel.unsolicited",
                    "the end of a channel that is not open yet");
        return false;
    }
    channel->remote_eof = true;
    channel->is_short[0] = channel->is_short[1] = false;
    session_kick(channel->session);
    return true;
}

static void on_eof(ssh_session ssh, ssh_channel library_channel, void *arg)
{
    (void)ssh, (void)library_channel;
    end_input(arg);
}

static void on_lingered(struct reactor_timer *timer)
{
    struct channel *channel = container_of(timer, struct channel, linger);

    channel->lingered = true;
    session_kick(channel->session);
}

static void on_close(ssh_session ssh, ssh_channel library_channel, void *arg)
{
    struct channel *channel = arg;

    (void)ssh, (void)library_channel;
    if (!end_input(channel))
        return;
    channel->remote_closed = true;
    channel->linger.on_time = on_lingered;
    if (reactor_timer_set(channel->session->service->reactor, &channel->linger, LINGER_MS) < 0)
        channel->lingered = true;
    session_kick(channel->session);
}

void channel_resume(struct channel *channel)
{
    channel->is_paused = channel->is_short[0] = channel->is_short[1] = false;
    session_kick(channel->session);
}

/* --- opened by us ----------------------------------------------------------------------------- */

static struct channel *opening_channel(struct session *session, uint32_t local)
{
    struct channel *channel = channel_by_local(session, local);

    if (channel && channel->is_opening && !channel->refusal)
        return channel;
    session_end(session, DISCONNECT_PROTOCOL_ERROR, "channel.unsolicited",
                "an answer to a channel that nobody opens");
    return NULL;
}

bool channel_on_confirmation_packet(struct session *session, struct wire_reader *payload)
{
    uint32_t local = wire_get_u32(payload), remote = wire_get_u32(payload);
    uint32_t packet_size;
    struct channel *channel;

    wire_get_u32(payload); /* the window, which the library keeps */
    packet_size = wire_get_u32(payload);
    if (!wire_ok(payload) || packet_size < CHANNEL_PACKET_MIN) {
        session_end(session, DISCONNECT_PROTOCOL_ERROR, "channel.malformed_confirmation",
                    "malformed channel confirmation, or too small a packet size");
        return true;
    }
    channel = opening_channel(session, local);
    if (!channel)
        return true;
    channel->is_opening = false;
    channel->remote = remote;
    if (channel->handler->on_opened)
        channel->handler->on_opened(channel->handler_arg, 0);
    channel_input_open_window(channel);
    session_kick(session);
    return false; /* the library opens its part */
}

bool channel_on_refusal_packet(struct session *session, struct wire_reader *payload)
{
    uint32_t local = wire_get_u32(payload), reason = wire_get_u32(payload);
    struct channel *channel = opening_channel(session, local);

    if (channel) /* it ends in channel_settle(): the pump may be at it right now */
        channel->refusal = wire_ok(payload) && reason ? reason : SP_OPEN_PROHIBITED;
    session_kick(session);
    return true;
}

size_t channel_count_opening(const struct session *session)
{
    size_t count = 0;

    list_for_each (node, &session->channels)
        count += channel_from_link(node)->is_opening;
    return count;
}

/* --- the end -------------------------------------------------------------------------------- */

static void send_exit(struct channel *channel)
{
    if (channel->has_exit_status)
        ssh_channel_request_send_exit_status(channel->ssh, (int)channel->exit_status);
    else if (channel->has_exit_signal)
        ssh_channel_request_send_exit_signal(channel->ssh, channel->exit_signal,
                                             channel->exit_core_dumped, channel->exit_text, "");
    channel->has_exit_status = channel->has_exit_signal = false;
}

static void send_eof_once(struct channel *channel)
{
    if (channel->eof_sent)
        return;
    channel->eof_sent = true;
    ssh_channel_send_eof(channel->ssh);
}

static void channel_destroy(struct channel *channel)
{
    struct session *session = channel->session;

    /* First of all no plugin finds it any more, whatever it does in what it is told below. */
    channel_id_release(session->service, channel->id);
    channel->wants_close = true;
    list_remove(&channel->link);
    reactor_timer_cancel(session->service->reactor, &channel->linger);
    reactor_timer_cancel(session->service->reactor, &channel->idle);
    if (!channel->is_counted_elsewhere)
        session->open_channels--;
    channel_drop_chunks(channel);
    channel_tell_closed(channel);
    if (channel->handler)
        channel->handler->on_closed(channel->handler_arg);
    requests_free(&channel->requests);
    buffer_release(&channel->input[0]);
    buffer_release(&channel->input[1]);
    channel_window_close(&channel->window, &session->service->windows);
    log_debug("channel.closed", LOG_U64("conn", session->origin.id),
              LOG_U64("channel", channel->id), LOG_U64("bytes_in", channel->bytes_in),
              LOG_U64("bytes_out", channel->bytes_out));
    free(channel);
}

void channel_drop(struct channel *channel)
{
    /* The library keeps its part a little longer, and would go on calling us. */
    ssh_remove_channel_callbacks(channel->ssh, &channel->callbacks);
    channel_destroy(channel);
}

/* A channel that we closed and the client has not: the library keeps it, so it goes on counting. */
struct closing_channel {
    struct list link; /* in session->closing */
    uint32_t local;
};

static void count_as_closing(struct channel *channel)
{
    struct closing_channel *closing = tap_is_present() ? malloc(sizeof *closing) : NULL;

    if (!closing)
        return;
    closing->local = channel->local;
    list_append(&channel->session->closing, &closing->link);
    channel->is_counted_elsewhere = true;
}

void channel_on_close_packet(struct session *session, struct wire_reader *payload)
{
    uint32_t local = wire_get_u32(payload);

    list_for_each (node, &session->closing) {
        struct closing_channel *closing = container_of(node, struct closing_channel, link);
        if (!wire_ok(payload) || closing->local != local)
            continue;
        list_remove(node);
        free(closing);
        session->open_channels--;
    }
}

void channel_forget_closing(struct session *session)
{
    for (struct list *node; (node = list_take_first(&session->closing));)
        free(container_of(node, struct closing_channel, link));
}

/* Close in the order that lets no message get lost: EOF, then CLOSE as a call of its own, then
 * free, which keeps the library's part until the client has closed too. */
static void close_now(struct channel *channel)
{
    if (!channel->remote_closed) {
        send_exit(channel);
        send_eof_once(channel);
        count_as_closing(channel);
    }
    ssh_channel_close(channel->ssh);
    ssh_remove_channel_callbacks(channel->ssh, &channel->callbacks);
    ssh_channel_free(channel->ssh);
    channel_destroy(channel);
}

static bool settle_opening(struct channel *channel)
{
    if (!channel->refusal)
        return false;
    if (channel->handler->on_opened)
        channel->handler->on_opened(channel->handler_arg, channel->refusal);
    ssh_remove_channel_callbacks(channel->ssh, &channel->callbacks);
    ssh_channel_free(channel->ssh);
    channel_destroy(channel);
    return true;
}

bool channel_settle(struct channel *channel)
{
    bool moved = false;

    if (channel->is_opening)
        return settle_opening(channel);

    if (channel->handler && !channel->is_paused && !channel->wants_close)
        moved = channel_input_deliver(channel);
    if (channel->session->is_dead)
        return moved;
    if (channel->handler && channel->remote_eof && !channel->eof_told && !channel->is_paused &&
        channel_input_is_empty(channel) && !channel->wants_close) {
        channel->eof_told = true;
        channel->handler->on_eof(channel->handler_arg);
        moved = true;
    }
    /* A client that has closed gets no more; what it sent before is still the handler's. */
    if (channel->remote_closed &&
        (channel->eof_told || !channel->handler || channel->wants_close || channel->lingered)) {
        close_now(channel);
        return true;
    }
    if (channel->queued > 0)
        return moved;
    if (channel->wants_close) {
        close_now(channel);
        return true;
    }
    if (channel->wants_eof && !channel->eof_sent) {
        send_eof_once(channel);
        moved = true;
    }
    return moved;
}

/* --- the rest ------------------------------------------------------------------------------- */

/* Neither side has sent anything for long; nor can what waits be sent. */
static void on_idle(struct reactor_timer *timer)
{
    struct channel *channel = container_of(timer, struct channel, idle);
    struct session *session = channel->session;
    uint64_t limit = session->service->config->timeouts.channel_idle;
    uint64_t idle = clock_now_ms() - channel->active_ms;

    if (session_is_over(session) || channel->wants_close)
        return;
    if (idle < limit) {
        reactor_timer_set(session->service->reactor, &channel->idle, limit - idle);
        return;
    }
    session_fault(session, "channel.idle", "nothing has moved on channel %llu for %llu ms",
                  (unsigned long long)channel->id, (unsigned long long)limit);
    channel_cut(channel);
    session_kick(session);
}

struct channel *channel_create(struct session *session, ssh_channel ssh, struct sp_str type,
                               const struct tap_confirmation *confirmation, sp_id reserved)
{
    struct channel *channel = calloc(1, sizeof *channel);

    if (!channel)
        return NULL;
    channel->id = reserved ? reserved : channel_id_reserve(session->service);
    if (channel_id_bind(session->service, channel->id, channel) < 0) {
        free(channel);
        return NULL;
    }
    channel->is_opening = reserved != 0;
    snprintf(channel->type, sizeof channel->type, "%.*s", (int)type.len, type.data);
    channel->session = session;
    channel->ssh = ssh;
    channel->local = confirmation->local;
    channel->remote = confirmation->remote;
    channel->window.left = confirmation->window;
    list_init(&channel->chunks);
    requests_init(&channel->requests);
    channel->callbacks = (struct ssh_channel_callbacks_struct){
        .size = sizeof channel->callbacks,
        .userdata = channel,
        .channel_data_function = tap_is_present() ? NULL : channel_input_callback,
        .channel_eof_function = on_eof,
        .channel_close_function = on_close,
    };
    ssh_set_channel_callbacks(ssh, &channel->callbacks);
    channel->idle.on_time = on_idle;
    channel_note_activity(channel);
    if (session->service->config->timeouts.channel_idle)
        reactor_timer_set(session->service->reactor, &channel->idle,
                          session->service->config->timeouts.channel_idle);
    list_append(&session->channels, &channel->link);
    session->open_channels++;
    counter_add(&session->service->counters->channels, 1);
    return channel;
}

struct channel *channel_by_local(struct session *session, uint32_t local)
{
    list_for_each (node, &session->channels) {
        struct channel *channel = channel_from_link(node);
        if (channel->local == local)
            return channel;
    }
    return NULL;
}

struct channel *channel_by_ssh(struct session *session, ssh_channel ssh)
{
    list_for_each (node, &session->channels) {
        struct channel *channel = channel_from_link(node);
        if (channel->ssh == ssh)
            return channel;
    }
    return NULL;
}

void channel_set_handler(struct channel *channel, const struct channel_handler *handler, void *arg)
{
    channel->handler = handler;
    channel->handler_arg = arg;
    channel_input_open_window(channel);
    channel_resume(channel);
}

void *channel_handler_arg(const struct channel *channel, const struct channel_handler *handler)
{
    return channel->handler == handler ? channel->handler_arg : NULL;
}

bool channel_is_opening(const struct channel *channel)
{
    return channel->is_opening;
}

bool channel_has_handler(const struct channel *channel)
{
    return channel->handler != NULL;
}

bool channel_is_closing(const struct channel *channel)
{
    return channel->wants_close || channel->remote_closed;
}

void channel_notify_signal(struct channel *channel, struct sp_str name)
{
    if (channel->handler && channel->handler->on_signal)
        channel->handler->on_signal(channel->handler_arg, name);
}

void channel_notify_break(struct channel *channel, uint32_t milliseconds)
{
    if (channel->handler && channel->handler->on_break)
        channel->handler->on_break(channel->handler_arg, milliseconds);
}

void channel_notify_window_change(struct channel *channel)
{
    if (channel->handler && channel->handler->on_window_change)
        channel->handler->on_window_change(channel->handler_arg, &channel->requests.terminal);
}

sp_id channel_id(const struct channel *channel)
{
    return channel->id;
}

void channel_set_version(struct channel *channel, uint32_t version)
{
    channel->version = version;
}

const char *channel_type(const struct channel *channel)
{
    return channel->type;
}

void channel_set_program(struct channel *channel, uint32_t request, struct sp_str text)
{
    channel->program = request;
    snprintf(channel->program_text, sizeof channel->program_text, "%.*s",
             (int)(text.len < sizeof channel->program_text ? text.len
                                                           : sizeof channel->program_text - 1),
             text.len ? text.data : "");
}

struct session *channel_session(const struct channel *channel)
{
    return channel->session;
}

uint32_t channel_remote(const struct channel *channel)
{
    return channel->remote;
}

struct channel_requests *channel_requests(struct channel *channel)
{
    return &channel->requests;
}

const struct sp_terminal *channel_terminal(const struct channel *channel)
{
    return channel->requests.has_terminal ? &channel->requests.terminal : NULL;
}
