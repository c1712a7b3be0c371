/*
 * session_pump.c: drives libssh without blocking. The library does one receive and one send for
 * each turn of its own loop, so the pump turns it until nothing moves or a budget is used up.
 * Packets that the tap sees are handed to whoever they are for.
 */
#include "session/session_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"

enum {
    TRIM_MS = 1000,
    PUMP_BUDGET = 64,           /* turns before others get theirs */
    HOLD_BYTES = 8 * 1024,      /* of answers that may wait while there is input */
    OWED_MAX = 1024 * 1024,     /* bytes of replies that the client does not fetch … */
    PACKET_COST = 64,           /* … each with what the wire and the library's queue add to it */
    STRANGER_MAX = 1024 * 1024, /* bytes from a client that is not authenticated */
};

/* --- packets of ours ------------------------------------------------------------------------- */

/* Something of ours waits in the library, for room in the socket or for new keys. */
static bool is_held(const struct session *session)
{
    return session->rekey_ms || (ssh_get_status(session->ssh) & SSH_WRITE_PENDING);
}

static bool ending_is_over(const struct session *session)
{
    return !is_held(session) || clock_now_ms() - session->ending_ms >= SESSION_LINGER_MS;
}

/* What the library did for this session since tap_watch(). */
static void take_note(struct session *session)
{
    struct tap_seen seen = tap_seen();

    if (seen.output)
        session->output = seen.output;
    if (!seen.has_kexinit || session->stage != SESSION_OPEN || session->rekey_ms)
        return;
    session->rekey_ms = clock_now_ms();
    session_arm_timer(session);
    session_status(session, "rekey");
}

int session_send_packet(struct session *session, const struct buffer *packet)
{
    uint64_t out = session->socket_counter.out_bytes;
    int rc;

    if (session->is_dead)
        return SP_ERR_CLOSED;
    /* A packet may be shorter on the wire than what it is counted as: by that alone small replies
     * would add up over days, though the client fetches each. */
    if (!is_held(session) || out - session->owed_since >= session->owed_bytes) {
        session->owed_bytes = 0;
        session->owed_since = out;
    }
    session->owed_bytes += buffer_length(packet) + PACKET_COST;
    if (session->owed_bytes > OWED_MAX) {
        session_break(session, "connection.output_flood",
                      "the client does not fetch the replies it asks for");
        return SP_ERR_LIMIT;
    }
    if (!session->is_pumping) /* which watches already */
        tap_watch();
    rc = tap_send(session->ssh, buffer_data(packet), buffer_length(packet));
    take_note(session);
    session_kick(session);
    return rc;
}

ssh_channel session_open_channel(struct session *session, const char *type, struct sp_str payload,
                                 struct tap_confirmation *ret_confirmation)
{
    ssh_channel channel;

    if (!session->is_pumping)
        tap_watch();
    channel = tap_open(session->ssh, type, payload, ret_confirmation);
    take_note(session);
    session_kick(session);
    return channel;
}

void session_exchange_keys(struct session *session)
{
    if (session->rekey_ms)
        return;
    if (!session->is_pumping)
        tap_watch();
    tap_rekey(session->ssh, (uint32_t)(session->service->config->rekey.after_ms / 1000));
    take_note(session);
    session_kick(session);
}

/* --- packets of the client's ------------------------------------------------------------------ */

static void on_disconnect(struct session *session, struct wire_reader *payload)
{
    uint32_t reason = wire_get_u32(payload);
    struct sp_str text = wire_get_string(payload);
    char line[sizeof session->end_text];
    snprintf(line, sizeof line, "client: %.*s", (int)(text.len < 128 ? text.len : 128),
             text.len ? text.data : "");
    session_set_end(session, reason == DISCONNECT_BY_APPLICATION ? 0 : (int32_t)reason, line);
}

bool session_on_packet(struct session *session, uint8_t number, struct wire_reader *payload)
{
    if (session_is_over(session))
        return number >= TAP_USERAUTH_REQUEST || (number == TAP_KEXINIT && !session->is_connected);
    /* The library lets this through only once keys are in use, which may be before its loop has
     * returned to us. */
    if (session->stage == SESSION_HANDSHAKE &&
        (number == TAP_SERVICE_REQUEST || number == TAP_USERAUTH_REQUEST))
        handshake_done(session);
    switch (number) {
    case TAP_DISCONNECT:
        on_disconnect(session, payload);
        return false;
    case TAP_KEXINIT:
        return handshake_on_kexinit(session, payload);
    case TAP_NEWKEYS:
        if (session->rekey_ms) {
            log_debug("connection.rekeyed", LOG_U64("conn", session->origin.id));
            session_status(session, "rekey-done");
        }
        session->rekey_ms = 0;
        return false;
    case TAP_SERVICE_REQUEST:
        return auth_on_service_packet(session, payload);
    case TAP_USERAUTH_REQUEST:
        return auth_on_request_packet(session, payload);
    case TAP_USERAUTH_INFO_RESPONSE:
        return auth_on_response_packet(session, payload);
    case TAP_GLOBAL_REQUEST:
        return global_on_packet(session, payload);
    case TAP_REQUEST_SUCCESS:
    case TAP_REQUEST_FAILURE:
        return global_on_reply(session);
    case TAP_CHANNEL_OPEN:
        session_note_activity(session);
        return open_on_packet(session, payload);
    case TAP_CHANNEL_OPEN_CONFIRMATION:
        session_note_activity(session);
        return channel_on_confirmation_packet(session, payload);
    case TAP_CHANNEL_OPEN_FAILURE:
        return channel_on_refusal_packet(session, payload);
    case TAP_CHANNEL_WINDOW_ADJUST:
        session_note_activity(session);
        return channel_on_window_packet(session, payload);
    case TAP_CHANNEL_DATA:
    case TAP_CHANNEL_EXTENDED_DATA:
        session_note_activity(session);
        return channel_on_data_packet(session, number == TAP_CHANNEL_EXTENDED_DATA, payload);
    case TAP_CHANNEL_CLOSE:
        session_note_activity(session);
        channel_on_close_packet(session, payload);
        return false;
    case TAP_CHANNEL_REQUEST:
        session_note_activity(session);
        return request_on_packet(session, payload);
    default:
        return false;
    }
}

/* --- the pump ------------------------------------------------------------------------------- */

static bool is_broken(const struct session *session)
{
    return (ssh_get_status(session->ssh) & (SSH_CLOSED | SSH_CLOSED_ERROR)) ||
           !ssh_is_connected(session->ssh);
}

void session_note_broken(struct session *session)
{
    const char *error = ssh_get_error(session->ssh);
    bool has_keys = session->stage > SESSION_HANDSHAKE;

    /* A peer that goes away says "Socket error" or nothing; anything else is a fault in what it
     * sent. */
    if (has_keys && (!error[0] || strstr(error, "Socket error") || strstr(error, "DISCONNECT") ||
                     strstr(error, "closed by")))
        session_gone(session, "the client has gone");
    else if (has_keys)
        session_break(session, "connection.protocol_error", error);
    else
        session_break(session, "connection.handshake_failed",
                      error[0] ? error : "the client has gone");
}

static void take_messages(struct session *session)
{
    ssh_message message;

    if (tap_is_present() && !session->messages_due)
        return;
    session->messages_due = false;
    while (!session->is_dead && (message = ssh_message_get(session->ssh))) {
        session->has_more = true;
        if (session->stage == SESSION_ENDING) {
            ssh_message_free(message);
            continue;
        }
        switch (ssh_message_type(message)) {
        case SSH_REQUEST_SERVICE:
        case SSH_REQUEST_AUTH:
            auth_on_message(session, message);
            break;
        case SSH_REQUEST_CHANNEL_OPEN:
            open_on_message(session, message);
            break;
        case SSH_REQUEST_CHANNEL:
            request_on_message(session, message);
            break;
        case SSH_REQUEST_GLOBAL:
            global_on_message(session, message);
            break;
        default:
            ssh_message_reply_default(message);
            ssh_message_free(message);
        }
    }
    if (!session->is_dead && session->stage != SESSION_ENDING)
        auth_after_messages(session);
}

/* Small answers wait for those to what the client has sent after: they go out together. */
static bool is_held_back(const struct channel *channel, bool has_input)
{
    return has_input && channel_queued(channel) < HOLD_BYTES;
}

/* True if anything moved. On the last turn of a pump nothing is held back. */
static bool pump_once(struct session *session, bool is_last)
{
    bool moved;
    int rc = ssh_event_dopoll(session->event, 0);

    if (session->is_dead)
        return false;
    moved = rc == SSH_OK;
    if (rc == SSH_ERROR || is_broken(session)) {
        session_note_broken(session);
        return false;
    }
    if (session->stage == SESSION_HANDSHAKE) {
        rc = ssh_handle_key_exchange(session->ssh);
        if (rc == SSH_ERROR) {
            session_note_broken(session);
            return false;
        }
        if (rc == SSH_OK && session->stage == SESSION_HANDSHAKE)
            handshake_done(session);
        moved |= rc == SSH_OK;
    }
    if (session->stage >= SESSION_AUTHENTICATING)
        take_messages(session);
    if (session->is_dead || is_broken(session)) {
        if (!session->is_dead)
            session_note_broken(session);
        return false;
    }
    if (session->stage == SESSION_ENDING)
        return moved;
    list_for_each (node, &session->channels) {
        struct channel *channel = channel_from_link(node);
        if (!is_held_back(channel, rc == SSH_OK && !is_last))
            moved |= channel_flush(channel);
        if (session->is_dead)
            return false;
        moved |= channel_settle(channel);
        if (session->is_dead)
            return false;
    }
    return moved;
}

void session_note_write(struct session *session)
{
    session->has_written = true;
    session_note_activity(session);
}

void session_note_activity(struct session *session)
{
    session->active_ms = reactor_now_ms(session->service->reactor);
}

static void count_traffic(struct session *session)
{
    const struct ssh_counter_struct *counter = &session->socket_counter;
    struct worker_counters *counters = session->service->counters;

    if (counter->in_bytes != session->counted_in) {
        counter_add(&counters->bytes_in, counter->in_bytes - session->counted_in);
        session->counted_in = counter->in_bytes;
        session->heard_ms = reactor_now_ms(session->service->reactor);
        if (!tap_is_present()) /* which would tell what it was */
            session_note_activity(session);
        session->keepalive.unanswered = 0;
    }
    if (counter->out_bytes != session->counted_out) {
        counter_add(&counters->bytes_out, counter->out_bytes - session->counted_out);
        session->counted_out = counter->out_bytes;
    }
}

/* A while after the last large write: the connection may stay idle for hours. */
void session_on_trim(struct reactor_timer *timer)
{
    struct session *session = container_of(timer, struct session, trim_timer);

    if (!session_is_over(session))
        tap_trim(session->output);
}

static void watch(struct session *session)
{
    uint32_t wanted = REACTOR_READ;

    if (ssh_get_poll_flags(session->ssh) & SSH_WRITE_PENDING)
        wanted |= REACTOR_WRITE;
    if (wanted == session->watched)
        return;
    session->watched = wanted;
    reactor_change(session->service->reactor, &session->source, wanted);
}

void session_pump(struct session *session)
{
    int turns = 0;

    if (session->is_dead || !session->event || session->is_pumping || session->is_lingering ||
        session->stage == SESSION_PROPOSAL)
        return;
    session->is_pumping = true;
    tap_watch();
    for (; turns < PUMP_BUDGET; turns++) {
        session->has_more = false;
        bool moved = pump_once(session, turns == PUMP_BUDGET - 1);
        if (session->is_dead || (!moved && !session->has_more))
            break;
    }
    session->is_pumping = false;
    take_note(session);
    count_traffic(session);
    if (session->stage < SESSION_OPEN && session->socket_counter.in_bytes > STRANGER_MAX)
        session_end(session, DISCONNECT_PROTOCOL_ERROR, "connection.stranger_flood",
                    "too much data before authentication");
    if (session->is_dead)
        return;
    if (session->stage == SESSION_ENDING && ending_is_over(session)) {
        if (!tap_is_present()) {
            session_drop_everything(session); /* the library frees its channels with this */
            ssh_disconnect(session->ssh);
        }
        if (session->is_connected)
            session_gone(session, session->end_text);
        else
            session_linger(session);
        return;
    }
    watch(session);
    if (session->has_written) {
        session->has_written = false;
        reactor_timer_set(session->service->reactor, &session->trim_timer, TRIM_MS);
    }
    if (turns == PUMP_BUDGET)
        reactor_defer(session->service->reactor, &session->pump_task);
}

void session_on_pump(struct reactor_task *task)
{
    session_pump(container_of(task, struct session, pump_task));
}

void session_kick(struct session *session)
{
    session->has_more = true;
    if (!session->is_pumping && !session->is_dead)
        reactor_defer(session->service->reactor, &session->pump_task);
}

void session_on_ready(struct reactor_source *source, uint32_t events)
{
    struct session *session = container_of(source, struct session, source);

    (void)events;
    if (session->is_lingering)
        session_drain(session);
    else if (session->stage == SESSION_PROPOSAL)
        handshake_on_ready(session);
    else
        session_pump(session);
}
