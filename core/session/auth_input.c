/*
 * auth_input.c: requests to authenticate as they come in: seen by the tap first, then as the
 * library's message.
 *
 * libssh swallows some requests without a reply (a bad signature, an unknown key type, a garbled
 * packet). The tap makes a request of each packet; one for which no message came is answered with a
 * failure. Without the tap a request is made from the message.
 */
#include "session/auth.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "keys/blob.h"

enum { REQUESTS_MAX = 16 /* pipelined requests waiting for their turn */ };

static struct auth_request *request_new(struct session *session, struct auth_packet *packet)
{
    struct auth_request *request = packet ? calloc(1, sizeof *request) : NULL;

    if (!request) {
        auth_packet_unref(packet);
        session_break(session, "auth.failed", "out of memory");
        return NULL;
    }
    list_init(&request->link);
    request->session = session;
    request->packet = packet;
    request->asker = AUTH_NOBODY;
    return request;
}

/* Takes over request and message. */
static void enqueue(struct auth_request *request, ssh_message message)
{
    struct session *session = request->session;
    struct auth *auth = &session->auth;

    request->message = message;
    if (session->stage == SESSION_AUTHENTICATING && auth->requests_count < REQUESTS_MAX &&
        (auth->service_is_accepted || session->service_message)) {
        list_append(&auth->requests, &request->link);
        auth->requests_count++;
        auth_begin(session);
        return;
    }
    auth_request_free(request);
    if (session->stage != SESSION_AUTHENTICATING)
        return; /* after success further requests are ignored, RFC 4252, 5.1 */
    if (auth->requests_count >= REQUESTS_MAX)
        session_end(session, DISCONNECT_PROTOCOL_ERROR, "auth.flood",
                    "too many authentication requests at once");
    else
        session_end(session, DISCONNECT_PROTOCOL_ERROR, "auth.out_of_order",
                    "authentication before the service was asked for");
}

/* --- without the tap: the packet that the library must have read ---------------------------- */

static int put_request(struct buffer *buffer, ssh_message message, uint32_t method)
{
    const char *user = ssh_message_auth_user(message);
    const char *password = ssh_message_auth_password(message);
    struct buffer blob = {0};
    int rc = wire_put_cstring(buffer, user ? user : "");

    rc |= wire_put_cstring(buffer, AUTH_SERVICE);
    rc |= wire_put_cstring(buffer, auth_method_name(method));
    if (method == SP_METHOD_PASSWORD) {
        rc |= wire_put_u8(buffer, 0); /* a change of password cannot be told from this */
        rc |= wire_put_cstring(buffer, password ? password : "");
    } else if (method == SP_METHOD_PUBLICKEY) {
        rc |= key_blob(ssh_message_auth_pubkey(message), &blob);
        rc |= wire_put_u8(buffer, 0);
        rc |= wire_put_cstring(buffer, "");
        rc |= wire_put_string(buffer, buffer_data(&blob), buffer_length(&blob));
    } else if (method == SP_METHOD_KEYBOARD_INTERACTIVE) {
        rc |= wire_put_cstring(buffer, "");
        rc |= wire_put_cstring(buffer, "");
    }
    buffer_release(&blob);
    return rc;
}

static int put_responses(struct buffer *buffer, ssh_session ssh)
{
    int count = ssh_userauth_kbdint_getnanswers(ssh);
    int rc = wire_put_u32(buffer, (uint32_t)count);

    for (int i = 0; i < count; i++) {
        const char *text = ssh_userauth_kbdint_getanswer(ssh, (unsigned)i);
        rc |= wire_put_cstring(buffer, text ? text : "");
    }
    return rc;
}

static struct auth_packet *packet_of_message(struct session *session, ssh_message message,
                                             uint32_t method)
{
    bool is_response =
        method == SP_METHOD_KEYBOARD_INTERACTIVE && ssh_message_auth_kbdint_is_response(message);
    struct buffer buffer = {0};
    struct auth_packet *packet = NULL;
    struct wire_reader reader;
    int rc =
        is_response ? put_responses(&buffer, session->ssh) : put_request(&buffer, message, method);

    if (rc == 0) {
        wire_reader_init(&reader, buffer_data(&buffer), buffer_length(&buffer));
        packet = auth_packet_new(&reader, is_response);
    }
    buffer_release(&buffer);
    /* The library hands over a signed request only after it has verified the signature. */
    if (packet && method == SP_METHOD_PUBLICKEY)
        packet->has_signature =
            ssh_message_auth_publickey_state(message) == SSH_PUBLICKEY_STATE_VALID;
    return packet;
}

/* --- what comes in -------------------------------------------------------------------------- */

/* What the tap and the library have seen must be the same before anything counts. */
static bool is_same(const struct auth_packet *packet, ssh_message message, uint32_t method)
{
    bool is_signed = method == SP_METHOD_PUBLICKEY &&
                     ssh_message_auth_publickey_state(message) == SSH_PUBLICKEY_STATE_VALID;
    bool is_response =
        method == SP_METHOD_KEYBOARD_INTERACTIVE && ssh_message_auth_kbdint_is_response(message);

    return packet->method == method && packet->is_response == is_response &&
           packet->has_signature == is_signed &&
           (method != SP_METHOD_PUBLICKEY || auth_key_is_of(packet, message));
}

void auth_on_message(struct session *session, ssh_message message)
{
    struct auth_request *request = session->auth.arriving;
    uint32_t method;

    if (ssh_message_type(message) == SSH_REQUEST_SERVICE) {
        service_on_message(session, message);
        return;
    }
    method = auth_method_by_library(ssh_message_subtype(message));
    session->auth.arriving = NULL;
    if (!request && !tap_is_present())
        request = request_new(session, packet_of_message(session, message, method));
    if (!request || !is_same(request->packet, message, method)) {
        ssh_message_free(message);
        message = NULL;
    }
    if (request)
        enqueue(request, message);
}

void auth_begin(struct session *session)
{
    if (session->auth.service_is_accepted)
        auth_answer_next(session);
}

void auth_after_messages(struct session *session)
{
    struct auth_request *request = session->auth.arriving;

    session->auth.arriving = NULL;
    if (request)
        enqueue(request, NULL);
}

bool auth_on_service_packet(struct session *session, struct wire_reader *payload)
{
    (void)payload;
    session->messages_due = true;
    return false;
}

/* Requests may come faster than the pump takes messages: settle what came before. False: there is
 * nothing to authenticate any more. */
static bool settle(struct session *session)
{
    ssh_message message;

    if (session->stage != SESSION_AUTHENTICATING)
        return false;
    while ((session->auth.arriving || session->messages_due) && !session->is_dead &&
           (message = ssh_message_get(session->ssh)))
        auth_on_message(session, message);
    session->messages_due = false;
    if (!session->is_dead)
        auth_after_messages(session);
    return !session->is_dead && session->stage == SESSION_AUTHENTICATING;
}

/* True: the library must not see it. What no plugin could be asked never reaches it: its code for
 * other methods (GSSAPI among them) would do work for a stranger. */
static bool take_packet(struct session *session, const struct wire_reader *payload,
                        bool is_response)
{
    struct auth_request *request;
    struct auth_packet *packet;

    if (!settle(session))
        return true;
    request = request_new(session, auth_packet_new(payload, is_response));
    if (!request)
        return true;
    session->auth.arriving = request;
    packet = request->packet;
    if (!packet->fault && packet->method == SP_METHOD_PUBLICKEY)
        packet->fault = auth_key_fault(session, packet);
    if (packet->fault) {
        auth_after_messages(session);
        return true;
    }
    session->messages_due = true;
    return false;
}

bool auth_on_request_packet(struct session *session, struct wire_reader *payload)
{
    return take_packet(session, payload, false);
}

bool auth_on_response_packet(struct session *session, struct wire_reader *payload)
{
    return take_packet(session, payload, true);
}
