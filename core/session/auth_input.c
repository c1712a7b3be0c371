/*
 * auth_input.c: requests to authenticate as they come in: seen by the tap first, then as the
 * library's message.
 *
 * libssh swallows some requests without a reply (a bad signature, an unknown key type, a garbled
 * packet). The tap notes each request; one for which no message came is answered with a failure.
 */
#include "session/auth.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { REQUESTS_MAX = 16 /* pipelined requests waiting for their turn */ };

static void enqueue(struct session *session, ssh_message message, uint32_t method)
{
    struct auth *auth = &session->auth;
    struct auth_seen seen = auth->seen;
    struct auth_request *request;

    auth->seen = (struct auth_seen){0};
    if (session->stage != SESSION_AUTHENTICATING || !auth->service_is_accepted) {
        ssh_message_free(message);
        if (session->stage == SESSION_AUTHENTICATING)
            session_end(session, DISCONNECT_PROTOCOL_ERROR, "auth.out_of_order",
                        "authentication before the service was asked for");
        return; /* after success further requests are ignored, RFC 4252, 5.1 */
    }
    if (auth->requests_count >= REQUESTS_MAX) {
        ssh_message_free(message);
        session_end(session, DISCONNECT_PROTOCOL_ERROR, "auth.flood",
                    "too many authentication requests at once");
        return;
    }
    request = calloc(1, sizeof *request);
    if (!request) {
        ssh_message_free(message);
        session_break(session, "auth.failed", "out of memory");
        return;
    }
    list_init(&request->link);
    request->session = session;
    request->message = message;
    request->method = method;
    request->seen = seen;
    if (message && method == SP_METHOD_KEYBOARD_INTERACTIVE)
        request->is_response = ssh_message_auth_kbdint_is_response(message);
    list_append(&auth->requests, &request->link);
    auth->requests_count++;
    auth_answer_next(session);
}

static uint32_t method_of(ssh_message message)
{
    int subtype = ssh_message_subtype(message);

    for (size_t i = 0; auth_methods[i].name; i++)
        if (auth_methods[i].library == subtype)
            return auth_methods[i].method;
    return 0;
}

static void accept_service(struct session *session, ssh_message message)
{
    const char *name = ssh_message_service_service(message);

    if (session->stage != SESSION_AUTHENTICATING || !name || strcmp(name, "ssh-userauth") != 0) {
        ssh_message_free(message);
        session_end(session, DISCONNECT_SERVICE_NOT_AVAILABLE, "connection.unknown_service",
                    "the service is not offered; ask for ssh-userauth");
        return;
    }
    session->auth.service_is_accepted = true;
    ssh_message_service_reply_success(message);
    ssh_message_free(message);
    session_kick(session);
}

void auth_on_message(struct session *session, ssh_message message)
{
    uint32_t method;

    if (ssh_message_type(message) == SSH_REQUEST_SERVICE) {
        accept_service(session, message);
        return;
    }
    method = method_of(message);
    if (!tap_is_present()) {
        session->auth.seen = (struct auth_seen){.is_waiting = true, .method = method};
        /* The library hands over a signed request only after it has verified the signature. */
        if (method == SP_METHOD_PUBLICKEY)
            session->auth.seen.has_signature =
                ssh_message_auth_publickey_state(message) == SSH_PUBLICKEY_STATE_VALID;
    }
    /* The two sources must agree before anything counts as proved. */
    if (method == SP_METHOD_PUBLICKEY &&
        session->auth.seen.has_signature !=
            (ssh_message_auth_publickey_state(message) == SSH_PUBLICKEY_STATE_VALID)) {
        ssh_message_free(message);
        message = NULL;
    }
    enqueue(session, message, method);
}

void auth_after_messages(struct session *session)
{
    if (session->auth.seen.is_waiting)
        enqueue(session, NULL, session->auth.seen.method);
}

bool auth_on_service_packet(struct session *session, struct wire_reader *payload)
{
    (void)payload;
    session->messages_due = true;
    return false;
}

/* Requests may come faster than the pump takes messages: settle what came before. */
static void settle_seen(struct session *session)
{
    ssh_message message;

    while ((session->auth.seen.is_waiting || session->messages_due) && !session->is_dead &&
           (message = ssh_message_get(session->ssh)))
        auth_on_message(session, message);
    session->messages_due = false;
    if (!session->is_dead)
        auth_after_messages(session);
}

static uint32_t method_by_name(struct sp_str name)
{
    /* The same with the host key in what is signed; the library offers it from 0.12 on. */
    if (str_is(name, "publickey-hostbound-v00@openssh.com"))
        return SP_METHOD_PUBLICKEY;
    for (size_t i = 0; auth_methods[i].name; i++)
        if (str_is(name, auth_methods[i].name))
            return auth_methods[i].method;
    return 0;
}

/* The algorithm that counts is the one inside the signature; the one declared is only a claim. A
 * hardware key must have been touched (flag 1 of "user presence"), or anything on the user's
 * machine could have signed. */
static void read_signature(struct auth_seen *seen, struct wire_reader *payload)
{
    struct sp_str signature = wire_get_string(payload);
    struct wire_reader inner;
    struct sp_str algorithm;

    wire_reader_init(&inner, signature.data, (size_t)signature.len);
    algorithm = wire_get_string(&inner);
    wire_get_string(&inner);
    if (algorithm.len == 0 || algorithm.len >= sizeof seen->signature_algorithm) {
        payload->failed = true;
        return;
    }
    memcpy(seen->signature_algorithm, algorithm.data, (size_t)algorithm.len);
    if (algorithm.len > 3 && memcmp(algorithm.data, "sk-", 3) == 0 && !(wire_get_u8(&inner) & 1))
        inner.failed = true;
    if (!wire_ok(&inner))
        payload->failed = true;
}

static void read_key(struct auth_seen *seen, struct wire_reader *payload, bool is_hostbound)
{
    seen->has_signature = wire_get_bool(payload);
    wire_get_string(payload); /* algorithm, as declared */
    wire_get_string(payload); /* key */
    if (is_hostbound)
        wire_get_string(payload); /* host key */
    if (seen->has_signature)
        read_signature(seen, payload);
}

bool auth_on_request_packet(struct session *session, struct wire_reader *payload)
{
    struct auth_seen seen = {.is_waiting = true};
    struct sp_str user, service, method;

    if (session->stage != SESSION_AUTHENTICATING)
        return true;
    settle_seen(session);
    if (session->is_dead || session->stage != SESSION_AUTHENTICATING)
        return true;
    user = wire_get_string(payload);
    service = wire_get_string(payload);
    method = wire_get_string(payload);
    seen.method = method_by_name(method);
    if (seen.method == SP_METHOD_PASSWORD)
        seen.is_password_change = wire_get_bool(payload);
    if (seen.method == SP_METHOD_PUBLICKEY)
        read_key(&seen, payload, str_is(method, "publickey-hostbound-v00@openssh.com"));
    /* A user name that holds a NUL would be another one to the library. */
    if (!wire_ok(payload) || (user.len && memchr(user.data, 0, (size_t)user.len)) ||
        !str_is(service, "ssh-connection"))
        seen.method = 0;
    session->auth.seen = seen;
    /* What no plugin could be asked never reaches the library: its code for other methods (GSSAPI
     * among them) would do work for a stranger. */
    if (seen.method == 0) {
        auth_after_messages(session);
        return true;
    }
    session->messages_due = true;
    return false;
}

bool auth_on_response_packet(struct session *session, struct wire_reader *payload)
{
    if (session->stage != SESSION_AUTHENTICATING)
        return true;
    settle_seen(session);
    if (session->is_dead || session->stage != SESSION_AUTHENTICATING)
        return true;
    session->auth.seen =
        (struct auth_seen){.is_waiting = true, .method = SP_METHOD_KEYBOARD_INTERACTIVE};
    if (wire_get_u32(payload) > AUTH_RESPONSES_MAX || !wire_ok(payload)) {
        auth_after_messages(session);
        return true;
    }
    session->messages_due = true;
    return false;
}
