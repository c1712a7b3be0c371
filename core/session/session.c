/* session.c: the life of one connection: from accept to the start of the handshake, and its end. */
#include "session/session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "session/binds.h"
#include "session/session_internal.h"

/* More than a client sends that is not answered. */
enum { UNHEARD_BYTES = 1024 * 1024 };

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
        .server_version = sp_str_of(session->service->server_version),
    };

    if (origin->listener < config->listeners_count)
        connection.listener = session_text(config->listeners[origin->listener].name);
    return session_set_snapshot(session, &connection);
}

/* --- events for plugins that only watch --------------------------------------------------- */

/* What an event points to. */
struct notice {
    struct told_count *count;
    char text[];
};

static void notice_free(void *arg)
{
    struct notice *notice = arg;

    if (notice && notice->count)
        told_end(notice->count);
    free(notice);
}

static struct notice *notice_new(struct session *session, const char *text)
{
    struct notice *notice = calloc(1, sizeof *notice + strlen(text) + 1);

    if (notice) {
        notice->count = told_begin(session);
        memcpy(notice->text, text, strlen(text));
    }
    return notice;
}

void session_tell(struct session *session, enum plugin_operation operation, int32_t status,
                  const char *name, const char *text)
{
    const struct chain *chain = &session->service->connection_chain;

    for (size_t i = 0; i < chain->count; i++) {
        if (!plugin_instance_offers(chain->instances[i], operation))
            continue;
        struct notice *notice = notice_new(session, text);
        struct sp_connection_event event = {
            .head = {.struct_size = sizeof event, .connection = session->snapshot},
            .status = status,
            .text = session_text(notice ? notice->text : NULL),
            .name = session_text(name),
        };
        struct chain one = {.instances = chain->instances + i, .count = 1};
        chain_start(NULL, &one, operation, &event.head, session->strands, NULL, NULL, notice_free,
                    notice);
    }
}

void session_status(struct session *session, const char *step)
{
    session_tell(session, PLUGIN_CONNECTION_status, 0, step, "");
}

void session_tell_error(struct session *session, const char *event, const char *text)
{
    if (!told_is_behind(session))
        session_tell(session, PLUGIN_CONNECTION_error, 0, event, text);
}

void session_fault(struct session *session, const char *event, const char *format, ...)
{
    char text[160];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    log_warning(event, LOG_U64("conn", session->origin.id), LOG_TEXT("error", text));
    session_tell_error(session, event, text);
}

/* --- ending -------------------------------------------------------------------------------- */

void session_drop_everything(struct session *session)
{
    chain_cancel(&session->asking);
    service_forget(session);
    open_cancel_all(session);
    channel_forget_closing(session);
    auth_free(session);
    for (struct list *node; (node = list_first(&session->channels));)
        channel_drop(channel_from_link(node));
}

static void session_free(struct session *session)
{
    struct session_service *service = session->service;

    session_drop_everything(session);
    if (session->ssh && !session->is_connected) /* key exchange has failed */
        session_tell(session, PLUGIN_CONNECTION_connected,
                     session->end_status ? session->end_status : 1, "", session->end_text);
    if (session->ssh)
        session_tell(session, PLUGIN_CONNECTION_disconnected, session->end_status, "",
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
    told_forget(session);
    session_service_forget(service, session);
    snapshot_unref(session->snapshot);
    free(session);
}

static void on_reap(struct reactor_task *task)
{
    session_free(container_of(task, struct session, reap_task));
}

void session_set_end(struct session *session, int32_t status, const char *text)
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
    session_set_end(session, 1, text);
    stop(session);
}

void session_gone(struct session *session, const char *text)
{
    if (session->is_dead)
        return;
    session_set_end(session, 0, text);
    stop(session);
}

void session_wait_for(const struct session *session, size_t bytes)
{
    int mark = (int)bytes;

    setsockopt(session->source.fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark);
}

void session_drain(struct session *session)
{
    enum { TURNS = 16 };
    char bytes[4096];
    ssize_t got = 1;

    for (int i = 0; i < TURNS && got > 0; i++)
        got = recv(session->source.fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        session_gone(session, session->end_text);
}

void session_linger(struct session *session)
{
    if (session->is_dead || !session->source.is_watched ||
        ssh_get_fd(session->ssh) != session->source.fd) {
        session_gone(session, session->end_text);
        return;
    }
    session->is_lingering = true;
    session_wait_for(session, 1);
    shutdown(session->source.fd, SHUT_WR);
    session->watched = REACTOR_READ;
    reactor_change(session->service->reactor, &session->source, session->watched);
    session_arm_timer(session);
    session_drain(session);
}

/* While the library has sent nothing but the version string: a packet as RFC 4253, 6, has it. */
static void say_in_clear(struct session *session, uint32_t reason, const char *text)
{
    enum { BLOCK = 8, HEADER = 5, PADDING_MIN = 4 };
    static const char zeros[BLOCK + PADDING_MIN];
    struct buffer packet = {0};
    size_t payload = 1 + 4 + 4 + strlen(text) + 4;
    size_t padding = BLOCK - (HEADER + payload) % BLOCK;

    if (padding < PADDING_MIN)
        padding += BLOCK;
    wire_put_u32(&packet, (uint32_t)(1 + payload + padding));
    wire_put_u8(&packet, (uint8_t)padding);
    wire_put_u8(&packet, TAP_DISCONNECT);
    wire_put_u32(&packet, reason);
    wire_put_cstring(&packet, text);
    wire_put_cstring(&packet, "");
    buffer_append(&packet, zeros, padding);
    /* All of it or, to a client that does not read, nothing: there is no other try. */
    send(session->source.fd, buffer_data(&packet), buffer_length(&packet),
         MSG_DONTWAIT | MSG_NOSIGNAL);
    buffer_release(&packet);
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
    session_set_end(session, (int32_t)reason, text);
    log_info(event, LOG_U64("conn", session->origin.id), LOG_TEXT("reason", text));
    /* Once keys are being exchanged nothing can be said before there are keys. */
    if (session->stage == SESSION_ASKING ||
        (session->stage == SESSION_HANDSHAKE && !(session->is_plain && tap_is_present()))) {
        session_gone(session, text);
        return;
    }
    session->ending_ms = clock_now_ms();
    if (session->stage == SESSION_PROPOSAL) {
        session->stage = SESSION_ENDING;
        say_in_clear(session, reason, text);
        session_linger(session);
        return;
    }
    if (session->stage == SESSION_HANDSHAKE) /* what else has come would break it off at once */
        session_wait_for(session, UNHEARD_BYTES);
    session->stage = SESSION_ENDING;
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

/* --- the beginning ------------------------------------------------------------------------- */

/* The set of host keys that a plugin has chosen, or the listener's. NULL: there is no such set. */
static ssh_bind choose_bind(const struct session *session, const struct sp_connection_reply *answer)
{
    const struct config *config = session->service->config;
    size_t listener = session->origin.listener;
    const char *set =
        listener < config->listeners_count ? config->listeners[listener].host_keys : NULL;

    return binds_find(session->service->binds,
                      answer && answer->host_keys.len ? answer->host_keys : session_text(set));
}

/* What holds if no plugin has an opinion. */
static int32_t suggestion(const struct session *session)
{
    return session->origin.is_unwelcome ? SP_DENY : SP_ALLOW;
}

static void on_asked(void *owner, int32_t verdict, const struct sp_reply *reply,
                     const struct plugin_instance *by)
{
    struct session *session = owner;
    const struct sp_connection_reply *answer = (const struct sp_connection_reply *)reply;

    if (session_is_over(session))
        return;
    if (verdict == SP_NEXT)
        verdict = suggestion(session);
    if (verdict == SP_ALLOW) {
        ssh_bind bind = choose_bind(session, answer);
        if (bind) {
            session->bind = bind;
            handshake_start(session);
            return;
        }
        log_error("connection.no_such_host_keys", LOG_U64("conn", session->origin.id),
                  LOG_TEXT("plugin", by ? plugin_instance_name(by) : ""),
                  LOG_STR("set", answer ? answer->host_keys : (struct sp_str){0}));
        session_gone(session, "no such set of host keys");
        return;
    }
    log_info("connection.refused", LOG_U64("conn", session->origin.id),
             LOG_TEXT("remote", session->origin.remote_address),
             LOG_TEXT("plugin", by ? plugin_instance_name(by) : ""),
             LOG_STR("reason", answer ? answer->text : (struct sp_str){0}));
    session_gone(session, by ? "refused by a plugin" : "refused by the access lists");
}

static void ask_plugins(struct session *session)
{
    struct sp_connection_event event = {
        .head = {.struct_size = sizeof event, .connection = session->snapshot},
        .suggestion = (uint32_t)suggestion(session),
        .text = sp_str_of(""),
        .name = sp_str_of(""),
    };

    chain_start(&session->asking, &session->service->connection_chain, PLUGIN_CONNECTION_request,
                &event.head, session->strands, on_asked, session, free, NULL);
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
    session->source.on_ready = session_on_ready;
    session->pump_task.run = session_on_pump;
    session->reap_task.run = on_reap;
    session->timer.on_time = session_on_time;
    session->trim_timer.on_time = session_on_trim;
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
