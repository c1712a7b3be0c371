/*
 * open.c: a client's wish for a channel. What cannot be granted is refused with the reason code and
 * text of RFC 4254, 5.1; sessions are opened when the plugins have nothing against it.
 */
#include "session/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

enum {
    OPEN_PROHIBITED = 1,
    OPEN_UNKNOWN_TYPE = 3,
    OPEN_RESOURCE_SHORTAGE = 4,
    /* The library's write loop needs room for more than a few bytes a packet, and no client of this
     * world offers less. Every implementation must take 32768 (RFC 4253, 6.1). */
    PACKET_MIN = 1024,
};

struct channel_open {
    struct list link; /* in session->opens */
    struct session *session;
    ssh_message message;
    uint32_t sender; /* the client's number of the channel */
    struct chain_run *run;
};

static void refuse_packet(struct session *session, uint32_t sender, uint32_t code, const char *text)
{
    struct buffer packet = {0};

    wire_put_u8(&packet, TAP_CHANNEL_OPEN_FAILURE);
    wire_put_u32(&packet, sender);
    wire_put_u32(&packet, code);
    wire_put_cstring(&packet, text);
    wire_put_cstring(&packet, "");
    session_send_packet(session, &packet);
    buffer_release(&packet);
}

/* Why a channel of this type cannot be opened now, or NULL. */
static const char *refusal(const struct session *session, struct sp_str type, uint32_t *ret_code)
{
    static const char *const tunnels[] = {"direct-tcpip", "direct-streamlocal@openssh.com",
                                          "tun@openssh.com"};

    *ret_code = OPEN_PROHIBITED;
    for (size_t i = 0; i < sizeof tunnels / sizeof *tunnels; i++)
        if (str_is(type, tunnels[i]))
            return "tunnels are not offered";
    if (!str_is(type, "session")) {
        *ret_code = OPEN_UNKNOWN_TYPE;
        return "unknown channel type";
    }
    if (session->wants_no_more_sessions)
        return "no more sessions, as asked for";
    if (session->open_channels >= session->service->config->limits.channels_per_connection) {
        *ret_code = OPEN_RESOURCE_SHORTAGE;
        return "too many channels";
    }
    return NULL;
}

bool open_on_packet(struct session *session, struct wire_reader *payload)
{
    struct sp_str type = wire_get_string(payload);
    uint32_t sender = wire_get_u32(payload);
    uint32_t window = wire_get_u32(payload);
    uint32_t packet_size = wire_get_u32(payload);
    uint32_t code;
    const char *text;

    (void)window;
    if (!wire_ok(payload)) {
        session_end(session, DISCONNECT_PROTOCOL_ERROR, "channel.malformed_open",
                    "malformed channel open");
        return true;
    }
    text = refusal(session, type, &code);
    if (!text && packet_size < PACKET_MIN) {
        code = OPEN_PROHIBITED;
        text = "the maximum packet size is too small";
    }
    if (text) {
        log_info("channel.refused", LOG_U64("conn", session->origin.id), LOG_STR("type", type),
                 LOG_TEXT("reason", text));
        refuse_packet(session, sender, code, text);
        return true;
    }
    struct channel_open *open = calloc(1, sizeof *open);
    if (!open) {
        refuse_packet(session, sender, OPEN_RESOURCE_SHORTAGE, "out of memory");
        return true;
    }
    open->session = session;
    open->sender = sender;
    list_append(&session->opens, &open->link);
    session->open_channels++; /* counted from here on, so that pipelined ones cannot slip through */
    session->messages_due = true;
    return false;
}

static void open_free(struct channel_open *open)
{
    open->session->open_channels--;
    list_remove(&open->link);
    ssh_message_free(open->message);
    free(open);
}

static void deny(struct channel_open *open, const char *text)
{
    log_info("channel.refused", LOG_U64("conn", open->session->origin.id),
             LOG_TEXT("type", "session"), LOG_TEXT("reason", text));
    if (tap_is_present())
        refuse_packet(open->session, open->sender, OPEN_PROHIBITED, text);
    else
        ssh_message_reply_default(open->message);
    session_kick(open->session);
    open_free(open);
}

static void accept_open(struct channel_open *open)
{
    struct session *session = open->session;
    struct tap_confirmation confirmation;
    ssh_channel ssh = tap_accept_open(open->message, &confirmation);

    open_free(open);
    if (!ssh) {
        session_break(session, "channel.failed", "out of memory");
        return;
    }
    if (!channel_create(session, ssh, &confirmation)) {
        ssh_channel_close(ssh);
        ssh_channel_free(ssh);
    }
    session_kick(session);
}

static void on_verdict(void *owner, int32_t verdict, const struct sp_reply *reply,
                       const struct plugin_instance *by)
{
    struct channel_open *open = owner;
    const struct sp_channel_reply *answer = (const struct sp_channel_reply *)reply;

    (void)by;
    if (session_is_over(open->session))
        return;
    if (verdict == SP_ALLOW || verdict == SP_NEXT)
        accept_open(open);
    else
        deny(open, answer && answer->text.data && answer->text.len ? answer->text.data : "refused");
}

static void ask_plugins(struct channel_open *open)
{
    struct session *session = open->session;
    struct sp_channel_event event = {
        .head = {.struct_size = sizeof event, .connection = session->snapshot},
        .type = sp_str_of("session"),
    };

    chain_start(&open->run, &session->service->channel_chain, PLUGIN_CHANNEL_open, &event.head,
                session->strands, on_verdict, open, free, NULL);
}

/* Without the tap: what the tap would have kept from the library. */
static struct channel_open *open_without_tap(struct session *session, ssh_message message)
{
    bool is_session = ssh_message_subtype(message) == SSH_CHANNEL_SESSION;
    struct channel_open *open = NULL;
    uint32_t code;

    if (is_session && !refusal(session, sp_str_of("session"), &code))
        open = calloc(1, sizeof *open);
    if (!open) {
        ssh_message_reply_default(message);
        ssh_message_free(message);
        return NULL;
    }
    open->session = session;
    list_append(&session->opens, &open->link);
    session->open_channels++;
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
