/*
 * open.c: a client's wish for a channel. What cannot be granted is refused with the reason code and
 * text of RFC 4254, 5.1. Sessions are opened when the plugins have nothing against it, all other
 * types only if a plugin takes them and the user may have them.
 */
#include "session/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "session/permit_open.h"

enum { TEXT_MAX = 256 /* of a refusal, for the client */ };

struct channel_open {
    struct list link; /* in session->opens */
    struct session *session;
    ssh_message message;
    const struct open_kind *kind;
    struct open_memory *memory;
    uint32_t sender; /* the client's number of the channel */
    struct chain_run *run;
};

/* What the event points to, for a plugin that is late; shared by the open and the question. */
struct open_memory {
    unsigned users;
    struct sp_str type;
    struct sp_str parameters;
    char bytes[];
};

/* --- types --------------------------------------------------------------------------------------
 */

static bool permits_tcp(const struct sp_grant *grant, struct wire_reader *parameters)
{
    struct sp_str host = wire_get_string(parameters);
    uint32_t port = wire_get_u32(parameters);

    return permit_open_allows(grant, host, port);
}

static bool permits_socket(const struct sp_grant *grant, struct wire_reader *parameters)
{
    return permit_open_allows_path(grant, wire_get_string(parameters));
}

static bool permits_unlisted(const struct sp_grant *grant, struct wire_reader *parameters)
{
    (void)parameters;
    return grant->permit_open_count == 0;
}

/* "sdsd", as the library reads it: what it cannot read it would drop without a word. */
static bool is_sound_tcp(struct wire_reader parameters)
{
    for (int i = 0; i < 2; i++) {
        wire_get_string(&parameters);
        wire_get_u32(&parameters);
    }
    return wire_ok(&parameters);
}

static const char no_tunnels[] = "tunnels are not offered";
static const char unknown_type[] = "unknown channel type";

/* Without a type: those that only plugins know. */
static const struct open_kind {
    const char *type;
    uint32_t permit; /* SP_PERMIT_*; UINT32_MAX: never, the server is who opens these */
    bool (*permits)(const struct sp_grant *grant, struct wire_reader *parameters);
    bool (*is_sound)(struct wire_reader parameters);
    const char *unserved; /* what the client is told if nobody serves it; NULL: the core does */
    uint32_t reason;
} kinds[] = {
    {"session", 0, NULL, NULL, NULL, 0},
    {"direct-tcpip", SP_PERMIT_TUNNEL_FORWARD, permits_tcp, is_sound_tcp, no_tunnels,
     SP_OPEN_PROHIBITED},
    {"direct-streamlocal@openssh.com", SP_PERMIT_TUNNEL_FORWARD, permits_socket, NULL, no_tunnels,
     SP_OPEN_PROHIBITED},
    {"tun@openssh.com", SP_PERMIT_TUNNEL_FORWARD, permits_unlisted, NULL, no_tunnels,
     SP_OPEN_PROHIBITED},
    {"forwarded-tcpip", UINT32_MAX, NULL, NULL, unknown_type, SP_OPEN_UNKNOWN_TYPE},
    {"x11", UINT32_MAX, NULL, NULL, unknown_type, SP_OPEN_UNKNOWN_TYPE},
    {NULL, SP_PERMIT_CHANNEL, NULL, NULL, unknown_type, SP_OPEN_UNKNOWN_TYPE},
};

static const struct open_kind *kind_of(struct sp_str type)
{
    const struct open_kind *kind = kinds;

    while (kind->type && !str_is(type, kind->type))
        kind++;
    return kind;
}

uint32_t open_channels_max(const struct session *session)
{
    const struct sp_grant *grant = session->snapshot->grant;
    uint32_t max = session->service->config->limits.channels_per_connection;

    return grant && grant->channels_max && grant->channels_max < max ? grant->channels_max : max;
}

/* Why such a channel cannot be opened now, or NULL. */
static const char *refusal(const struct session *session, const struct open_kind *kind,
                           struct sp_str type, struct wire_reader parameters, uint32_t *ret_reason)
{
    *ret_reason = kind->reason;
    if (kind->permit == UINT32_MAX || type.len == 0 || type.len > CHANNEL_TYPE_MAX ||
        memchr(type.data, 0, (size_t)type.len))
        return unknown_type;
    if (kind->permit && !session_permits(session, kind->permit))
        return kind->unserved;
    *ret_reason = SP_OPEN_PROHIBITED;
    if (kind->is_sound && !kind->is_sound(parameters))
        return "malformed parameters";
    if (kind->permits && !kind->permits(session->snapshot->grant, &parameters))
        return "not permitted to this user";
    if (!kind->permit && session->wants_no_more_sessions)
        return "no more sessions, as asked for";
    if (session->open_channels >= open_channels_max(session)) {
        *ret_reason = SP_OPEN_RESOURCE_SHORTAGE;
        return "too many channels";
    }
    if (told_is_behind(session)) {
        *ret_reason = SP_OPEN_RESOURCE_SHORTAGE;
        return "the server has not finished with earlier channels";
    }
    return NULL;
}

/* --- answers ------------------------------------------------------------------------------------
 */

static void refuse_packet(struct session *session, uint32_t sender, uint32_t reason,
                          const char *text)
{
    struct buffer packet = {0};

    wire_put_u8(&packet, TAP_CHANNEL_OPEN_FAILURE);
    wire_put_u32(&packet, sender);
    wire_put_u32(&packet, reason);
    wire_put_cstring(&packet, text);
    wire_put_cstring(&packet, "");
    session_send_packet(session, &packet);
    buffer_release(&packet);
}

static void log_refusal(struct session *session, struct sp_str type, const char *text)
{
    log_info("channel.refused", LOG_U64("conn", session->origin.id), LOG_STR("type", type),
             LOG_TEXT("reason", text));
    session_tell_error(session, "channel.refused", text);
}

static void memory_unref(void *arg)
{
    struct open_memory *memory = arg;

    if (memory && --memory->users == 0)
        free(memory);
}

static void open_free(struct channel_open *open)
{
    open->session->open_channels--;
    list_remove(&open->link);
    ssh_message_free(open->message);
    memory_unref(open->memory);
    free(open);
}

static void deny(struct channel_open *open, uint32_t reason, const char *text)
{
    log_refusal(open->session, open->memory->type, text);
    if (tap_is_present())
        refuse_packet(open->session, open->sender, reason, text);
    else
        ssh_message_reply_default(open->message);
    session_kick(open->session);
    open_free(open);
}

/* The plugin by, if there is one, serves it. */
static void accept_open(struct channel_open *open, const struct plugin_instance *by)
{
    struct session *session = open->session;
    struct open_memory *memory = open->memory;
    struct tap_confirmation confirmation;
    ssh_channel ssh = tap_accept_open(open->message, &confirmation);
    struct channel *channel;

    open->memory = NULL;
    open_free(open);
    if (!ssh) {
        memory_unref(memory);
        session_break(session, "channel.failed", "out of memory");
        return;
    }
    channel = channel_create(session, ssh, memory->type, &confirmation, 0);
    if (!channel) {
        ssh_channel_close(ssh);
        ssh_channel_free(ssh);
    } else {
        if (by) /* what runs on it is settled */
            channel_requests(channel)->has_program = true;
        if (by && plugin_channel_start(channel, (struct plugin_instance *)(uintptr_t)by) < 0)
            channel_shut(channel);
        channel_tell_opened(channel, memory->parameters);
    }
    memory_unref(memory);
    session_kick(session);
}

/* --- questions ----------------------------------------------------------------------------------
 */

static void deny_as_told(struct channel_open *open, const struct sp_channel_reply *answer)
{
    char text[TEXT_MAX + 1] = "refused";
    uint32_t reason = answer ? answer->reason : 0;

    if (answer && answer->text.len) {
        size_t length = answer->text.len < TEXT_MAX ? (size_t)answer->text.len : TEXT_MAX;
        memcpy(text, answer->text.data, length);
        text[length] = '\0';
    }
    if (reason < SP_OPEN_PROHIBITED || reason > SP_OPEN_RESOURCE_SHORTAGE)
        reason = SP_OPEN_PROHIBITED;
    deny(open, reason, text);
}

static void on_verdict(void *owner, int32_t verdict, const struct sp_reply *reply,
                       const struct plugin_instance *by)
{
    struct channel_open *open = owner;
    const struct open_kind *kind = open->kind;

    if (session_is_over(open->session))
        return;
    if (verdict == SP_TAKE && kind->unserved)
        accept_open(open, by);
    else if ((verdict == SP_ALLOW || verdict == SP_NEXT) && !kind->unserved)
        accept_open(open, NULL);
    else if (verdict == SP_ALLOW || verdict == SP_NEXT)
        deny(open, kind->reason, kind->unserved);
    else
        deny_as_told(open, (const struct sp_channel_reply *)reply);
}

static void ask_plugins(struct channel_open *open)
{
    struct session *session = open->session;
    struct sp_channel_event event = {
        .head = {.struct_size = sizeof event, .connection = session->snapshot},
        .type = open->memory->type,
        .parameters = open->memory->parameters,
    };

    open->memory->users++;
    chain_start(&open->run, &session->service->channel_chain, PLUGIN_CHANNEL_open, &event.head,
                session->strands, on_verdict, open, memory_unref, open->memory);
}

/* --- what comes in ------------------------------------------------------------------------------
 */

static struct channel_open *open_new(struct session *session, struct sp_str type,
                                     struct sp_str parameters)
{
    size_t bytes = (size_t)type.len + 1 + (size_t)parameters.len + 1;
    struct channel_open *open = calloc(1, sizeof *open);
    struct open_memory *memory = calloc(1, sizeof *memory + bytes);
    char *rest;

    if (!open || !memory) {
        free(open);
        free(memory);
        return NULL;
    }
    memory->users = 1;
    rest = memory->bytes + type.len + 1;
    memory->type.data = memcpy(memory->bytes, type.data, (size_t)type.len);
    memory->type.len = type.len;
    memory->parameters.data = rest;
    memory->parameters.len = parameters.len;
    if (parameters.len)
        memcpy(rest, parameters.data, (size_t)parameters.len);
    open->session = session;
    open->memory = memory;
    open->kind = kind_of(type);
    list_append(&session->opens, &open->link);
    session->open_channels++; /* counted from here on, so that pipelined ones cannot slip through */
    return open;
}

bool open_on_packet(struct session *session, struct wire_reader *payload)
{
    struct sp_str type = wire_get_string(payload);
    uint32_t sender = wire_get_u32(payload);
    uint32_t window = wire_get_u32(payload);
    uint32_t packet_size = wire_get_u32(payload);
    struct channel_open *open;
    uint32_t reason;
    const char *text;

    (void)window;
    if (!wire_ok(payload)) {
        session_end(session, DISCONNECT_PROTOCOL_ERROR, "channel.malformed_open",
                    "malformed channel open");
        return true;
    }
    text = refusal(session, kind_of(type), type, *payload, &reason);
    if (!text && packet_size < CHANNEL_PACKET_MIN) {
        reason = SP_OPEN_PROHIBITED;
        text = "the maximum packet size is too small";
    }
    if (text) {
        log_refusal(session, type, text);
        refuse_packet(session, sender, reason, text);
        return true;
    }
    open =
        open_new(session, type, (struct sp_str){(const char *)payload->next, wire_left(payload)});
    if (!open) {
        refuse_packet(session, sender, SP_OPEN_RESOURCE_SHORTAGE, "out of memory");
        return true;
    }
    open->sender = sender;
    session->messages_due = true;
    return false;
}

/* Without the tap: what the tap would have kept from the library. Types other than sessions cannot
 * be known for sure, so they are refused. */
static struct channel_open *open_without_tap(struct session *session, ssh_message message)
{
    struct sp_str type = sp_str_of("session");
    bool is_session = ssh_message_subtype(message) == SSH_CHANNEL_SESSION;
    struct channel_open *open = NULL;
    struct wire_reader none = {0};
    uint32_t reason;

    if (is_session && !refusal(session, kind_of(type), type, none, &reason))
        open = open_new(session, type, sp_str_of(""));
    if (!open) {
        ssh_message_reply_default(message);
        ssh_message_free(message);
    }
    return open;
}

void open_on_message(struct session *session, ssh_message message)
{
    struct channel_open *open = NULL;

    if (tap_is_present()) {
        list_for_each (node, &session->opens) {
            struct channel_open *candidate = container_of(node, struct channel_open, link);
            if (!open && !candidate->message)
                open = candidate;
        }
        if (!open) {
            ssh_message_reply_default(message);
            ssh_message_free(message);
            return;
        }
    } else {
        open = open_without_tap(session, message);
        if (!open)
            return;
    }
    open->message = message;
    ask_plugins(open);
}

void open_cancel_all(struct session *session)
{
    for (struct list *node; (node = list_first(&session->opens));) {
        struct channel_open *open = container_of(node, struct channel_open, link);
        chain_cancel(&open->run);
        open_free(open);
    }
}
