/* global.c: global requests (RFC 4254, 4) and keep-alive. */
#include "session/internal.h"

#include <string.h>

#include "base/log.h"
#include "base/str.h"

bool global_on_packet(struct session *session, struct wire_reader *payload)
{
    struct sp_str name = wire_get_string(payload);
    bool wants_reply = wire_get_bool(payload);
    uint8_t answer = TAP_REQUEST_FAILURE;
    struct buffer packet = {0};

    if (!wire_ok(payload)) {
        session_end(session, DISCONNECT_PROTOCOL_ERROR, "connection.malformed_request",
                    "malformed global request");
        return true;
    }
    if (str_is(name, "no-more-sessions@openssh.com")) {
        session->wants_no_more_sessions = true;
        answer = TAP_REQUEST_SUCCESS;
    } else if (str_is(name, "keepalive@openssh.com")) {
        answer = TAP_REQUEST_SUCCESS;
    } else {
        log_debug("connection.request_refused", LOG_U64("conn", session->origin.id),
                  LOG_STR("request", name));
    }
    if (wants_reply) {
        wire_put_u8(&packet, answer);
        session_send_packet(session, &packet);
        buffer_release(&packet);
    }
    return true;
}

bool global_on_reply(struct session *session)
{
    if (session->keepalive.replies_due == 0)
        return false;
    session->keepalive.replies_due--;
    return true;
}

void global_on_message(struct session *session, ssh_message message)
{
    (void)session;
    ssh_message_reply_default(message);
    ssh_message_free(message);
}

void keepalive_send(struct session *session)
{
    struct buffer packet = {0};

    if (!tap_is_present()) {
        ssh_send_keepalive(session->ssh);
        session_kick(session);
        return;
    }
    wire_put_u8(&packet, TAP_GLOBAL_REQUEST);
    wire_put_cstring(&packet, "keepalive@openssh.com");
    wire_put_u8(&packet, 1);
    session->keepalive.replies_due++;
    session_send_packet(session, &packet);
    buffer_release(&packet);
}
