/*
 * session.c: the life of one connection: from accept through handshake to the end, and the pump
 * that drives libssh without blocking. The library does one receive and one send for each turn of
 * its own loop, so the pump turns it until nothing moves or a budget is used up.
 */
#include "session/session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "session/internal.h"

enum {
    TRIM_MS = 1000,
    PUMP_BUDGET = 64,           /* turns before others get theirs */
    LINGER_MS = 2000,           /* for a DISCONNECT to go out */
    OWED_MAX = 1024 * 1024,     /* bytes of replies that the client does not fetch */
    STRANGER_MAX = 1024 * 1024, /* bytes from a client that is not authenticated */
};

static void pump(struct session *session);
static void start_handshake(struct session *session);

/* --- the snapshot ------------------------------------------------------------------------- */

int session_set_snapshot(struct session *session, const struct sp_connection *connection)
{
    const struct sp_connection *fresh = snapshot_new(connection);

    if (!fresh)
        return SP_ERR_NOMEM;
    snapshot_unref(session->snapshot);
    session->snapshot = fresh;
    return 0;
}

static struct sp_str str_or_empty(const char *text)
{
    return sp_str_of(text ? text : "");
}

static int first_snapshot(struct session *session)
{
    const struct connection_origin *origin = &session->origin;
    const struct config *config = session->service->config;
    struct sp_connection connection = {
        .struct_size = sizeof connection,
        .id = origin->id,
        .remote_address = sp_str_of(origin->remote_address),
        .local_address = sp_str_of(origin->local_address),
        .remote_port = origin->remote_port,
        .local_port = origin->local_port,
    };

    if (origin->listener < config->listeners_count)
        connection.listener = str_or_empty(config->listeners[origin->listener].name);
    return session_set_snapshot(session, &connection);
}

/* --- events for plugins that only watch --------------------------------------------------- */

static void release_memory(void *memory)
{
    free(memory);
}

static void ignore_verdict(void *owner, int32_t verdict, const struct sp_reply *reply,
                           const struct plugin_instance *by)
{
    (void)owner, (void)verdict, (void)reply, (void)by;
}

/* Every plugin of the chain is told, whatever the others say. */
static void tell_connection_chain(struct session *session, enum plugin_operation operation,
                                  int32_t status, const char *text)
{
    const struct chain *chain = &session->service->connection_chain;

    for (size_t i = 0; i < chain->count; i++) {
        char *copy = strdup(text);
        struct sp_connection_event event = {
            .head = {.struct_size = sizeof event, .connection = session->snapshot},
            .status = status,
            .text = str_or_empty(copy),
        };
        struct chain one = {.instances = chain->instances + i, .count = 1};
        chain_start(NULL, &one, operation, &event.head, session->strands, ignore_verdict, NULL,
                    release_memory, copy);
    }
}

/* --- ending -------------------------------------------------------------------------------- */

static void drop_everything(struct session *session)
{
    chain_cancel(&session->asking);
    open_cancel_all(session);
    channel_forget_closing(session);
    auth_free(session);
    for (struct list *node; (node = list_first(&session->channels));)
        channel_drop(channel_from_link(node));
}

static void session_free(struct session *session)
{
    struct session_service *service = session->service;

    drop_everything(session);
    if (session->ssh && !session->is_connected) /* key exchange has failed */
        tell_connection_chain(session, PLUGIN_CONNECTION_connected,
                              session->end_status ? session->end_status : 1, session->end_text);
    if (session->ssh)
        tell_connection_chain(session, PLUGIN_CONNECTION_disconnected, session->end_status,
                              session->end_text);
    log_info("connection.closed", LOG_U64("conn", session->origin.id),
             LOG_STR("user", session->snapshot->user), LOG_I64("status", session->end_status),
             LOG_TEXT("reason", session->end_text),
             LOG_U64("bytes_in", session->socket_counter.in_bytes),
             LOG_U64("bytes_out", session->socket_counter.out_bytes),
             LOG_U64("seconds", (clock_now_ms() - session->started_ms) / 1000));
    reactor_timer_cancel(service->reactor, &session->timer);
    reactor_timer_cancel(service->reactor, &session->trim_timer);
    reactor_task_cancel(service->reactor, &session->pump_task);
    reactor_task_cancel(service->reactor, &session->reap_task);
    if (session->source.is_watched) {
        /* The library closes the descriptor itself on errors; the number may be another's now. */
        if (session->ssh && ssh_get_fd(session->ssh) == session->source.fd)
            reactor_unwatch(service->reactor, &session->source);
        else
            reactor_forget(service->reactor, &session->source);
    }
    if (session->event) {
        ssh_event_remove_session(session->event, session->ssh);
        ssh_event_free(session->event);
    }
    if (session->ssh) {
        ssh_silent_disconnect(session->ssh);
        ssh_free(session->ssh);
    } else if (session->source.fd >= 0) {
        close(session->source.fd);
    }
    plugin_strands_free(session->strands);
    session_service_forget(service, session);
    snapshot_unref(session->snapshot);
    free(session);
}

static void on_reap(struct reactor_task *task)
{
    session_free(container_of(task, struct session, reap_task));
}

static void set_end(struct session *session, int32_t status, const char *text)
{
    if (session->end_text[0])
        return;
    session->end_status = status;
    snprintf(session->end_text, sizeof session->end_text, "%s", text);
}

static void stop(struct session *session)
{
    session->is_dead = true;
    session->stage = SESSION_ENDING;
    reactor_timer_cancel(session->service->reactor, &session->timer);
    reactor_defer(session->service->reactor, &session->reap_task);
}

void session_break(struct session *session, const char *event, const char *text)
{
    if (session->is_dead)
        return;
    if (session->stage != SESSION_ENDING)
        log_warning(event, LOG_U64("conn", session->origin.id), LOG_TEXT("error", text));
    set_end(session, 1, text);
    stop(session);
}

void session_gone(struct session *session, const char *text)
{
    if (session->is_dead)
        return;
    set_end(session, 0, text);
    stop(session);
}

void session_end(struct session *session, uint32_t reason, const char *event, const char *format,
                 ...)
{
    struct buffer packet = {0};
    char text[160];
    va_list ap;

    if (session->is_dead || session->stage == SESSION_ENDING)
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    set_end(session, (int32_t)reason, text);
    log_info(event, LOG_U64("conn", session->origin.id), LOG_TEXT("reason", text));
    if (session->stage == SESSION_ASKING || session->stage == SESSION_HANDSHAKE) {
        /* Nothing can be said before there are keys. */
        session_gone(session, text);
        return;
    }
    session->stage = SESSION_ENDING;
    session->ending_ms = clock_now_ms();
    if (tap_is_present()) {
        wire_put_u8(&packet, TAP_DISCONNECT);
        wire_put_u32(&packet, reason);
        wire_put_cstring(&packet, text);
        wire_put_cstring(&packet, "");
        session_send_packet(session, &packet);
        buffer_release(&packet);
    } else {
        ssh_session_set_disconnect_message(session->ssh, text);
    }
    session_arm_timer(session);
    session_kick(session);
}

/* The DISCONNECT has gone out, or will never: the library would drop it if told to close now. */
static bool ending_is_over(const struct session *session)
{
    bool is_held = session->rekey_ms || (ssh_get_status(session->ssh) & SSH_WRITE_PENDING);

    return !is_held || clock_now_ms() - session->ending_ms >= LINGER_MS;
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
}

int session_send_packet(struct session *session, const struct buffer *packet)
{
    uint64_t out = session->socket_counter.out_bytes;
    int rc;

    if (session->is_dead)
        return SP_ERR_CLOSED;
    if (out - session->owed_since >= session->owed_bytes) {
        session->owed_bytes = 0;
        session->owed_since = out;
    }
    session->owed_bytes += buffer_length(packet);
    if (session->owed_bytes > OWED_MAX) {
        session_break(session, "connection.output_flood",
                      "the client does not fetch the replies it asks for");
        return SP_ERR_LIMIT;
    }
    tap_watch();
    rc = tap_send(session->ssh, buffer_data(packet), buffer_length(packet));
    take_note(session);
    session_kick(session);
    return rc;
}

/* --- timers -------------------------------------------------------------------------------- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t idle_limit(const struct session *session)
{
    const struct sp_grant *grant = session->snapshot->grant;

    return grant && grant->idle_timeout_ms ? grant->idle_timeout_ms
                                           : session->service->config->timeouts.idle;
}

static uint64_t next_deadline(const struct session *session)
{
    const struct config_timeouts *limits = &session->service->config->timeouts;
    uint64_t due = UINT64_MAX;

    if (session->stage == SESSION_ENDING)
        return session->ending_ms + LINGER_MS;
    if (session->stage <= SESSION_HANDSHAKE && limits->handshake)
        due = earlier(due, session->started_ms + limits->handshake);
    if (session->stage < SESSION_OPEN && limits->login)
        due = earlier(due, session->started_ms + limits->login);
    if (session->rekey_ms && limits->handshake)
        due = earlier(due, session->rekey_ms + limits->handshake);
    if (session->stage == SESSION_OPEN && idle_limit(session))
        due = earlier(due, session->active_ms + idle_limit(session));
    if (session->stage == SESSION_OPEN && limits->keepalive)
        due = earlier(due, session->keepalive.next_ms);
    return due;
}

void session_arm_timer(struct session *session)
{
    uint64_t due = next_deadline(session);
    uint64_t now = clock_now_ms();

    if (session->is_dead)
        return;
    if (due == UINT64_MAX)
        reactor_timer_cancel(session->service->reactor, &session->timer);
    else
        reactor_timer_set(session->service->reactor, &session->timer, due > now ? due - now : 0);
}

static void check_keepalive(struct session *session, uint64_t now)
{
    const struct config_timeouts *limits = &session->service->config->timeouts;

    if (!limits->keepalive || now < session->keepalive.next_ms)
        return;
    session->keepalive.next_ms = now + limits->keepalive;
    /* Anything that came in proves the peer alive, whatever it was. */
    if (now - session->heard_ms < limits->keepalive) {
        session->keepalive.unanswered = 0;
        return;
    }
    if (session->keepalive.unanswered >= limits->keepalive_count) {
        session_end(session, DISCONNECT_CONNECTION_LOST, "connection.unresponsive",
                    "no answer to %u keep-alive requests", session->keepalive.unanswered);
        return;
    }
    session->keepalive.unanswered++;
    keepalive_send(session);
}

static void on_time(struct reactor_timer *timer)
{
    struct session *session = container_of(timer, struct session, timer);
    const struct config_timeouts *limits = &session->service->config->timeouts;
    uint64_t now = clock_now_ms();
    uint64_t age = now - session->started_ms;

    if (session->stage == SESSION_ENDING) {
        session_gone(session, session->end_text);
        return;
    }
    if (session->stage <= SESSION_HANDSHAKE && limits->handshake && age >= limits->handshake)
        session_end(session, DISCONNECT_KEY_EXCHANGE_FAILED, "connection.handshake_timeout",
                    "no key exchange within %llu ms", (unsigned long long)limits->handshake);
    else if (session->stage < SESSION_OPEN && limits->login && age >= limits->login)
        session_end(session, DISCONNECT_BY_APPLICATION, "connection.login_timeout",
                    "not authenticated within %llu ms", (unsigned long long)limits->login);
    else if (session->rekey_ms && limits->handshake && now - session->rekey_ms >= limits->handshake)
        session_break(session, "connection.rekey_timeout",
                      "the client does not finish the exchange of keys");
    else if (session->stage == SESSION_OPEN && idle_limit(session) &&
             now - session->active_ms >= idle_limit(session))
        session_end(session, DISCONNECT_BY_APPLICATION, "connection.idle", "idle for %llu ms",
                    (unsigned long long)idle_limit(session));
    else if (session->stage == SESSION_OPEN)
        check_keepalive(session, now);
    session_arm_timer(session);
}

/* --- the pump ------------------------------------------------------------------------------ */

static void handshake_done(struct session *session)
{
    struct sp_connection connection = *session->snapshot;

    connection.client_version = str_or_empty(ssh_get_clientbanner(session->ssh));
    connection.kex = str_or_empty(ssh_get_kex_algo(session->ssh));
    connection.cipher_in = str_or_empty(ssh_get_cipher_in(session->ssh));
    connection.cipher_out = str_or_empty(ssh_get_cipher_out(session->ssh));
    if (session_set_snapshot(session, &connection) < 0) {
        session_break(session, "connection.failed", "out of memory");
        return;
    }
    session->stage = SESSION_AUTHENTICATING;
    session->messages_due = true;
    session->is_connected = true;
    counter_add(&session->service->counters->handshakes, 1);
    log_info("connection.established", LOG_U64("conn", session->origin.id),
             LOG_STR("client", connection.client_version), LOG_STR("kex", connection.kex),
             LOG_STR("cipher_in", connection.cipher_in),
             LOG_STR("cipher_out", connection.cipher_out));
    tell_connection_chain(session, PLUGIN_CONNECTION_connected, 0, "");
    session_arm_timer(session);
}

bool session_on_packet(struct session *session, uint8_t number, struct wire_reader *payload)
{
    if (session_is_over(session))
        return number >= TAP_USERAUTH_REQUEST;
    /* The library lets this through only once keys are in use, which may be before its loop has
     * returned to us. */
    if (session->stage == SESSION_HANDSHAKE &&
        (number == TAP_SERVICE_REQUEST || number == TAP_USERAUTH_REQUEST))
        handshake_done(session);
    switch (number) {
    case TAP_DISCONNECT: {
        uint32_t reason = wire_get_u32(payload);
        struct sp_str text = wire_get_string(payload);
        char line[sizeof session->end_text];
        snprintf(line, sizeof line, "client: %.*s", (int)(text.len < 128 ? text.len : 128),
                 text.len ? text.data : "");
        set_end(session, reason == DISCONNECT_BY_APPLICATION ? 0 : (int32_t)reason, line);
        return false;
    }
    case TAP_NEWKEYS:
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

static bool is_broken(const struct session *session)
{
    return (ssh_get_status(session->ssh) & (SSH_CLOSED | SSH_CLOSED_ERROR)) ||
           !ssh_is_connected(session->ssh);
}

static void note_broken(struct session *session)
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

/* True if anything moved. */
static bool pump_once(struct session *session)
{
    bool moved;
    int rc = ssh_event_dopoll(session->event, 0);

    if (session->is_dead)
        return false;
    moved = rc == SSH_OK;
    if (rc == SSH_ERROR || is_broken(session)) {
        note_broken(session);
        return false;
    }
    if (session->stage == SESSION_HANDSHAKE) {
        rc = ssh_handle_key_exchange(session->ssh);
        if (rc == SSH_ERROR) {
            note_broken(session);
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
            note_broken(session);
        return false;
    }
    if (session->stage == SESSION_ENDING)
        return moved;
    list_for_each (node, &session->channels) {
        struct channel *channel = channel_from_link(node);
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
static void on_trim(struct reactor_timer *timer)
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

static void pump(struct session *session)
{
    int turns = 0;

    if (session->is_dead || !session->event || session->is_pumping)
        return;
    session->is_pumping = true;
    tap_watch();
    for (; turns < PUMP_BUDGET; turns++) {
        session->has_more = false;
        bool moved = pump_once(session);
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
            drop_everything(session); /* the library frees its channels with this */
            ssh_disconnect(session->ssh);
        }
        session_gone(session, session->end_text);
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

static void on_pump(struct reactor_task *task)
{
    pump(container_of(task, struct session, pump_task));
}

void session_kick(struct session *session)
{
    session->has_more = true;
    if (!session->is_pumping && !session->is_dead)
        reactor_defer(session->service->reactor, &session->pump_task);
}

static void on_ready(struct reactor_source *source, uint32_t events)
{
    (void)events;
    pump(container_of(source, struct session, source));
}

/* --- the beginning ------------------------------------------------------------------------- */

static void start_handshake(struct session *session)
{
    struct session_service *service = session->service;
    int fd = session->source.fd;
    uint64_t rekey_bytes = service->config->rekey.bytes;
    uint32_t rekey_seconds = (uint32_t)(service->config->rekey.after_ms / 1000);

    session->stage = SESSION_HANDSHAKE;
    session->ssh = ssh_new();
    if (!session->ssh) {
        session_break(session, "connection.failed", "out of memory");
        return;
    }
    ssh_set_blocking(session->ssh, 0);
    if (rekey_bytes)
        ssh_options_set(session->ssh, SSH_OPTIONS_REKEY_DATA, &rekey_bytes);
    if (rekey_seconds)
        ssh_options_set(session->ssh, SSH_OPTIONS_REKEY_TIME, &rekey_seconds);
    ssh_options_set(session->ssh, SSH_OPTIONS_COMPRESSION, service->config->algorithms.compression);
    if (ssh_bind_accept_fd(service->bind, session->ssh, fd) != SSH_OK) {
        const char *error = ssh_get_error(service->bind);
        /* After some failures the descriptor is the library's, after others still ours. */
        if (ssh_get_fd(session->ssh) != fd) {
            ssh_free(session->ssh);
            session->ssh = NULL;
        }
        session_break(session, "connection.failed", error);
        return;
    }
    ssh_set_counters(session->ssh, &session->socket_counter, NULL);
    ssh_set_auth_methods(session->ssh, SSH_AUTH_METHOD_PASSWORD);
    tap_attach(session, &session->tap, session->ssh);
    /* The first call sends the version string and makes what the event needs. */
    if (ssh_handle_key_exchange(session->ssh) == SSH_ERROR) {
        note_broken(session);
        return;
    }
    session->event = ssh_event_new();
    if (!session->event || ssh_event_add_session(session->event, session->ssh) != SSH_OK) {
        session_break(session, "connection.failed", "out of memory");
        return;
    }
    session->watched = REACTOR_READ;
    if (reactor_watch(service->reactor, &session->source, session->watched) < 0) {
        session_break(session, "connection.failed", strerror(errno));
        return;
    }
    pump(session);
}

static void on_asked(void *owner, int32_t verdict, const struct sp_reply *reply,
                     const struct plugin_instance *by)
{
    struct session *session = owner;
    const struct sp_connection_reply *answer = (const struct sp_connection_reply *)reply;

    if (session_is_over(session))
        return;
    if (verdict == SP_ALLOW || verdict == SP_NEXT) {
        start_handshake(session);
        return;
    }
    log_info("connection.refused", LOG_U64("conn", session->origin.id),
             LOG_TEXT("remote", session->origin.remote_address),
             LOG_TEXT("plugin", by ? plugin_instance_name(by) : ""),
             LOG_STR("reason", answer ? answer->text : (struct sp_str){0}));
    session_gone(session, "refused by a plugin");
}

static void ask_plugins(struct session *session)
{
    struct sp_connection_event event = {
        .head = {.struct_size = sizeof event, .connection = session->snapshot},
        .text = sp_str_of(""),
    };

    chain_start(&session->asking, &session->service->connection_chain, PLUGIN_CONNECTION_request,
                &event.head, session->strands, on_asked, session, release_memory, NULL);
}

int session_accept(struct session_service *service, int fd, const struct connection_origin *origin)
{
    struct session *session = calloc(1, sizeof *session);
    int rc = SP_ERR_NOMEM;

    if (!session)
        goto fail;
    session->service = service;
    session->origin = *origin;
    session->source.fd = fd;
    session->source.on_ready = on_ready;
    session->pump_task.run = on_pump;
    session->reap_task.run = on_reap;
    session->timer.on_time = on_time;
    session->trim_timer.on_time = on_trim;
    session->started_ms = session->active_ms = session->heard_ms = clock_now_ms();
    list_init(&session->channels);
    list_init(&session->closing);
    list_init(&session->opens);
    auth_init(session);
    session->strands = plugin_strands_new(service->host);
    if (!session->strands || first_snapshot(session) < 0)
        goto fail;
    rc = hashmap_add(&service->sessions, origin->id, session);
    if (rc < 0)
        goto fail;
    counter_add(&service->counters->connections, 1);
    log_info("connection.accepted", LOG_U64("conn", origin->id),
             LOG_TEXT("remote", origin->remote_address),
             LOG_U64("remote_port", origin->remote_port),
             LOG_STR("listener", session->snapshot->listener));
    session_arm_timer(session);
    ask_plugins(session);
    return 0;
fail:
    if (session) {
        plugin_strands_free(session->strands);
        snapshot_unref(session->snapshot);
        free(session);
    }
    close(fd);
    service->observer.on_ended(service->observer.arg, origin->id);
    return rc;
}
