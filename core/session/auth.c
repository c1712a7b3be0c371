/*
 * auth.c: the authentication protocol (RFC 4252, 4256). Requests are answered one at a time in the
 * order they came; the chain of plugins judges, the library has verified signatures, and this file
 * alone lets anybody in: on SP_ALLOW for a request that needs no further proof.
 *
 * libssh swallows some requests without a reply (a bad signature, an unknown key type, a garbled
 * packet). The tap notes each request; one for which no message came is answered with a failure.
 */
#include "session/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "keys/blob.h"

enum {
    REQUESTS_MAX = 16,  /* pipelined requests waiting for their turn */
    USER_MAX = 255,     /* bytes in a user name */
    RESPONSES_MAX = 32, /* of keyboard-interactive, a round */
    PROMPTS_MAX = 16,
};

struct auth_request {
    struct list link;
    ssh_message message; /* NULL: only to be refused */
    struct auth_seen seen;
    uint32_t method;
    bool is_response; /* to prompts of keyboard-interactive */
};

/* What an event points to, for as long as a plugin may look. */
struct auth_memory {
    char *user;
    char *password;
    size_t password_length;
    char *key_type;
    unsigned char *key_blob;
    char *fingerprint;
    char *signature_algorithm;
    struct sp_str *responses;
    size_t responses_count;
};

static const struct {
    const char *name;
    uint32_t method;
    int library;
} methods[] = {
    {"none", SP_METHOD_NONE, SSH_AUTH_METHOD_NONE},
    {"password", SP_METHOD_PASSWORD, SSH_AUTH_METHOD_PASSWORD},
    {"publickey", SP_METHOD_PUBLICKEY, SSH_AUTH_METHOD_PUBLICKEY},
    {"keyboard-interactive", SP_METHOD_KEYBOARD_INTERACTIVE, SSH_AUTH_METHOD_INTERACTIVE},
};
#define METHODS (sizeof methods / sizeof *methods)

static void answer_next(struct session *session);

void auth_init(struct session *session)
{
    list_init(&session->auth.requests);
    session->auth.methods = session->service->config->auth_methods;
}

static void request_free(struct auth_request *request)
{
    list_remove(&request->link);
    ssh_message_free(request->message);
    free(request);
}

void auth_free(struct session *session)
{
    struct auth *auth = &session->auth;

    chain_cancel(auth->run);
    auth->run = NULL;
    reactor_timer_cancel(session->service->reactor, &auth->delay);
    for (struct list *node; (node = list_first(&auth->requests));)
        request_free(container_of(node, struct auth_request, link));
    ssh_message_free(auth->handle);
    auth->handle = NULL;
    free(auth->user);
    auth->user = NULL;
}

static void free_memory(void *arg)
{
    struct auth_memory *memory = arg;

    if (!memory)
        return;
    secret_free(memory->password, memory->password_length);
    for (size_t i = 0; i < memory->responses_count; i++)
        secret_free((char *)(uintptr_t)memory->responses[i].data, (size_t)memory->responses[i].len);
    free(memory->responses);
    free(memory->user);
    free(memory->key_type);
    free(memory->key_blob);
    ssh_string_free_char(memory->fingerprint);
    free(memory->signature_algorithm);
    free(memory);
}

static const char *method_name(uint32_t method)
{
    for (size_t i = 0; i < METHODS; i++)
        if (methods[i].method == method)
            return methods[i].name;
    return "unknown";
}

/* --- what is sent -------------------------------------------------------------------------- */

static void send_failure(struct session *session, ssh_message message, bool is_partial)
{
    struct buffer packet = {0};
    char names[128] = "";
    int mask = 0;

    for (size_t i = 0; i < METHODS; i++) {
        if (!(session->auth.methods & methods[i].method) || methods[i].method == SP_METHOD_NONE)
            continue;
        mask |= methods[i].library;
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", names[0] ? "," : "",
                 methods[i].name);
    }
    if (tap_is_present()) {
        wire_put_u8(&packet, TAP_USERAUTH_FAILURE);
        wire_put_cstring(&packet, names);
        wire_put_u8(&packet, is_partial);
        session_send_packet(session, &packet);
        buffer_release(&packet);
        return;
    }
    if (!message)
        message = session->auth.handle;
    if (!message) {
        session_end(session, DISCONNECT_PROTOCOL_ERROR, "auth.unanswerable",
                    "a request that cannot be answered");
        return;
    }
    ssh_message_auth_set_methods(message, mask);
    if (is_partial)
        ssh_message_auth_reply_success(message, 1);
    else
        ssh_message_reply_default(message);
    session_kick(session);
}

static void send_banner(struct session *session, struct sp_str text)
{
    ssh_string banner = ssh_string_new((size_t)text.len);

    if (!banner)
        return;
    ssh_string_fill(banner, text.data, (size_t)text.len);
    ssh_send_issue_banner(session->ssh, banner);
    ssh_string_free(banner);
}

/* --- the outcome of the first request ------------------------------------------------------ */

static void finish_request(struct session *session)
{
    struct list *node = list_first(&session->auth.requests);
    struct auth_request *request = container_of(node, struct auth_request, link);

    session->auth.requests_count--;
    /* Without the tap a reply to a swallowed request needs some message to be sent through. */
    if (!tap_is_present() && !session->auth.handle && request->message) {
        session->auth.handle = request->message;
        request->message = NULL;
    }
    request_free(request);
    session_kick(session);
    answer_next(session);
}

static struct auth_request *current(struct session *session)
{
    return container_of(list_first(&session->auth.requests), struct auth_request, link);
}

static void fail_now(struct session *session, bool is_partial)
{
    struct auth *auth = &session->auth;

    send_failure(session, current(session)->message, is_partial);
    if (session->stage != SESSION_AUTHENTICATING)
        return;
    if (auth->failures >= session->service->config->limits.auth_tries) {
        session_end(session, DISCONNECT_NO_MORE_AUTH_METHODS, "auth.too_many_tries",
                    "too many authentication failures");
        return;
    }
    finish_request(session);
}

static void on_delay(struct reactor_timer *timer)
{
    struct session *session = container_of(timer, struct session, auth.delay);

    if (session->is_dead || session->stage != SESSION_AUTHENTICATING)
        return;
    fail_now(session, false);
}

/* counts: whether the client spends one of its tries. "none" and the offer of a key do not. */
static void deny(struct session *session, bool counts, struct sp_str reason, const char *by)
{
    struct auth *auth = &session->auth;
    const struct auth_request *request = current(session);
    uint64_t delay = session->service->config->timeouts.auth_failure_delay;

    log_at(counts ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "auth.denied",
           LOG_U64("conn", session->origin.id), LOG_TEXT("user", auth->user),
           LOG_TEXT("method", method_name(request->method)),
           LOG_TEXT("remote", session->origin.remote_address), LOG_TEXT("plugin", by),
           LOG_STR("reason", reason));
    if (!counts) {
        /* A client may offer many keys, yet not without end. */
        if (++auth->tries > 4 * session->service->config->limits.auth_tries)
            auth->failures = session->service->config->limits.auth_tries;
        fail_now(session, false);
        return;
    }
    auth->failures++;
    counter_add(&session->service->counters->auth_failures, 1);
    auth->delay.on_time = on_delay;
    if (delay == 0 || reactor_timer_set(session->service->reactor, &auth->delay, delay) < 0)
        fail_now(session, false);
}

static void let_in(struct session *session, const struct sp_grant *grant, const char *by)
{
    struct sp_connection connection = *session->snapshot;
    struct sp_grant none = {.struct_size = sizeof none};
    struct auth_request *request = current(session);

    connection.user = sp_str_of(session->auth.user);
    connection.authenticated = 1;
    connection.grant = grant ? grant : &none;
    if (session_set_snapshot(session, &connection) < 0 || !request->message) {
        session_break(session, "auth.failed", "out of memory");
        return;
    }
    session->stage = SESSION_OPEN;
    session->keepalive.next_ms =
        reactor_now_ms(session->service->reactor) + session->service->config->timeouts.keepalive;
    counter_add(&session->service->counters->authenticated, 1);
    log_info("auth.accepted", LOG_U64("conn", session->origin.id),
             LOG_TEXT("user", session->auth.user), LOG_TEXT("method", method_name(request->method)),
             LOG_TEXT("remote", session->origin.remote_address), LOG_TEXT("plugin", by));
    ssh_message_auth_reply_success(request->message, 0);
    session->service->observer.on_authenticated(session->service->observer.arg, session->origin.id);
    session_arm_timer(session);
    finish_request(session);
}

static void partial(struct session *session, const struct sp_auth_reply *reply)
{
    struct auth *auth = &session->auth;
    const struct auth_request *request = current(session);

    auth->methods_done |= request->method;
    auth->methods = session->service->config->auth_methods & ~auth->methods_done;
    if (reply && reply->methods)
        auth->methods = reply->methods & session->service->config->auth_methods;
    log_info("auth.partial", LOG_U64("conn", session->origin.id), LOG_TEXT("user", auth->user),
             LOG_TEXT("method", method_name(request->method)));
    fail_now(session, true);
}

static bool ask(struct session *session, const struct sp_auth_reply *reply)
{
    const char *texts[PROMPTS_MAX];
    char echo[PROMPTS_MAX];
    struct auth_request *request = current(session);

    if (!reply || request->method != SP_METHOD_KEYBOARD_INTERACTIVE ||
        reply->prompts_count > PROMPTS_MAX)
        return false;
    for (uint32_t i = 0; i < reply->prompts_count; i++) {
        texts[i] = reply->prompts[i].text.data ? reply->prompts[i].text.data : "";
        echo[i] = (char)(reply->prompts[i].echo != 0);
    }
    if (ssh_message_auth_interactive_request(request->message,
                                             reply->name.data ? reply->name.data : "",
                                             reply->instruction.data ? reply->instruction.data : "",
                                             reply->prompts_count, texts, echo) != SSH_OK)
        return false;
    session->auth.round++;
    finish_request(session);
    return true;
}

static void on_verdict(void *owner, int32_t verdict, const struct sp_reply *head,
                       const struct plugin_instance *by)
{
    struct session *session = owner;
    struct auth *auth = &session->auth;
    const struct sp_auth_reply *reply = (const struct sp_auth_reply *)head;
    struct auth_request *request = current(session);
    const char *name = by ? plugin_instance_name(by) : "";
    bool is_offer = request->method == SP_METHOD_PUBLICKEY && !request->seen.has_signature;

    auth->run = NULL;
    if (session->is_dead || session->stage != SESSION_AUTHENTICATING)
        return;
    if (reply && reply->banner.len)
        send_banner(session, reply->banner);
    if (verdict == SP_ALLOW && is_offer) {
        ssh_message_auth_reply_pk_ok_simple(request->message);
        finish_request(session);
        return;
    }
    if (verdict == SP_ALLOW) {
        let_in(session, reply ? reply->grant : NULL, name);
        return;
    }
    if (verdict == SP_PARTIAL && !is_offer) {
        partial(session, reply);
        return;
    }
    if (verdict == SP_ASK && ask(session, reply))
        return;
    if (verdict == SP_DENY && reply && reply->methods)
        auth->methods = reply->methods & session->service->config->auth_methods;
    deny(session, request->method != SP_METHOD_NONE && !is_offer,
         reply ? reply->reason : (struct sp_str){0}, name);
}

/* --- asking the plugins -------------------------------------------------------------------- */

static char *copy_text(struct sp_str *ret, const char *text)
{
    char *copy = strdup(text ? text : "");

    *ret = sp_str_of(copy);
    return copy;
}

static int fill_password(struct auth_memory *memory, struct sp_auth_event *event,
                         ssh_message message)
{
    const char *password = ssh_message_auth_password(message);
    size_t length = password ? strlen(password) : 0;

    memory->password = secret_copy(password ? password : "", length);
    memory->password_length = length;
    if (!memory->password)
        return SP_ERR_NOMEM;
    event->password = (struct sp_str){memory->password, length};
    return 0;
}

static int fill_key(struct auth_memory *memory, struct sp_auth_event *event,
                    const struct auth_request *request)
{
    ssh_key key = ssh_message_auth_pubkey(request->message);
    unsigned char *hash = NULL;
    size_t hash_length = 0;
    struct buffer blob = {0};
    int rc = key_blob(key, &blob);

    memory->key_blob = blob.bytes;
    if (rc < 0)
        return rc;
    memory->key_type = copy_text(&event->key_type, ssh_key_type_to_char(ssh_key_type(key)));
    memory->signature_algorithm =
        copy_text(&event->signature_algorithm, request->seen.signature_algorithm);
    event->key_blob = (struct sp_str){(const char *)buffer_data(&blob), buffer_length(&blob)};
    if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &hash_length) == SSH_OK) {
        memory->fingerprint =
            ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, hash_length);
        ssh_clean_pubkey_hash(&hash);
    }
    if (!memory->fingerprint)
        return SP_ERR_LIBRARY;
    event->key_fingerprint = sp_str_of(memory->fingerprint);
    event->key_state = request->seen.has_signature ? SP_KEY_PROVED : SP_KEY_OFFERED;
    return 0;
}

static int fill_responses(struct auth_memory *memory, struct sp_auth_event *event,
                          struct session *session)
{
    int count = ssh_userauth_kbdint_getnanswers(session->ssh);

    if (count < 0 || count > RESPONSES_MAX)
        return SP_ERR_LIMIT;
    memory->responses = calloc((size_t)count + 1, sizeof *memory->responses);
    if (!memory->responses)
        return SP_ERR_NOMEM;
    for (int i = 0; i < count; i++) {
        const char *text = ssh_userauth_kbdint_getanswer(session->ssh, (unsigned int)i);
        size_t length = text ? strlen(text) : 0;
        char *copy = secret_copy(text ? text : "", length);
        if (!copy)
            return SP_ERR_NOMEM;
        memory->responses[i] = (struct sp_str){copy, length};
        memory->responses_count++;
    }
    event->responses = memory->responses;
    event->responses_count = memory->responses_count;
    return 0;
}

static int fill(struct session *session, const struct auth_request *request,
                struct auth_memory *memory, struct sp_auth_event *event)
{
    memory->user = copy_text(&event->user, session->auth.user);
    switch (request->method) {
    case SP_METHOD_PASSWORD:
        return fill_password(memory, event, request->message);
    case SP_METHOD_PUBLICKEY:
        return fill_key(memory, event, request);
    case SP_METHOD_KEYBOARD_INTERACTIVE:
        event->round = request->is_response ? session->auth.round : 0;
        return request->is_response ? fill_responses(memory, event, session) : 0;
    default:
        return 0;
    }
}

static enum plugin_operation operation_of(uint32_t method)
{
    switch (method) {
    case SP_METHOD_PASSWORD:
        return PLUGIN_AUTH_password;
    case SP_METHOD_PUBLICKEY:
        return PLUGIN_AUTH_publickey;
    case SP_METHOD_KEYBOARD_INTERACTIVE:
        return PLUGIN_AUTH_keyboard_interactive;
    default:
        return PLUGIN_AUTH_none;
    }
}

static void ask_plugins(struct session *session, const struct auth_request *request)
{
    struct auth_memory *memory = calloc(1, sizeof *memory);
    struct sp_auth_event event = {
        .head = {.struct_size = sizeof event, .connection = session->snapshot},
        .method = request->method,
        .attempt = session->auth.failures + 1,
        .methods_done = session->auth.methods_done,
    };

    if (!memory || fill(session, request, memory, &event) < 0) {
        free_memory(memory);
        deny(session, true, sp_str_of("the request could not be read"), "");
        return;
    }
    session->auth.run =
        chain_start(&session->service->auth_chain, operation_of(request->method), &event.head,
                    session->strands, on_verdict, session, free_memory, memory);
}

/* A name that could do harm in a path, a log, a query or a shell is refused before anybody sees it.
 */
static bool is_sound_user(const char *user)
{
    size_t length = strlen(user);

    if (length == 0 || length > USER_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)user[i] < 0x20 || user[i] == 0x7f)
            return false;
    return true;
}

/* True if the request may go to the plugins; else it has been dealt with. */
static bool is_admissible(struct session *session, const struct auth_request *request)
{
    struct auth *auth = &session->auth;
    const char *user = request->is_response ? auth->user : ssh_message_auth_user(request->message);

    if (!user)
        user = "";
    if (auth->user && strcmp(auth->user, user) != 0) {
        session_end(session, DISCONNECT_PROTOCOL_ERROR, "auth.user_changed",
                    "the user name may not change");
        return false;
    }
    if (!auth->user) {
        struct sp_connection connection = *session->snapshot;
        auth->user = strdup(user);
        connection.user = sp_str_of(is_sound_user(user) ? user : "");
        if (!auth->user || session_set_snapshot(session, &connection) < 0) {
            session_break(session, "auth.failed", "out of memory");
            return false;
        }
        if (session->service->config->banner)
            send_banner(session, sp_str_of(session->service->config->banner));
    }
    if (!is_sound_user(user)) {
        deny(session, true, sp_str_of("the user name is malformed"), "");
        return false;
    }
    /* A password change is refused as a plain failure; the old password must not count as a try to
     * log in that a plugin could allow. */
    if (request->seen.is_password_change) {
        deny(session, true, sp_str_of("password change is not offered"), "");
        return false;
    }
    if (request->method == 0 ||
        (request->method != SP_METHOD_NONE && !(auth->methods & request->method))) {
        deny(session, true, sp_str_of("the method is not offered"), "");
        return false;
    }
    return true;
}

static void answer_next(struct session *session)
{
    struct auth *auth = &session->auth;
    struct list *node = list_first(&auth->requests);
    struct auth_request *request;

    if (!node || auth->run || reactor_timer_is_set(&auth->delay) || session->is_dead ||
        session->stage != SESSION_AUTHENTICATING)
        return;
    request = container_of(node, struct auth_request, link);
    if (!request->message) {
        deny(session, true, sp_str_of("bad signature, key or packet"), "");
        return;
    }
    if (is_admissible(session, request))
        ask_plugins(session, request);
}

/* --- what comes in ------------------------------------------------------------------------- */

static void enqueue(struct session *session, ssh_message message, uint32_t method)
{
    struct auth *auth = &session->auth;
    struct auth_request *request;

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
    request->message = message;
    request->method = method;
    request->seen = auth->seen;
    auth->seen = (struct auth_seen){0};
    if (message && method == SP_METHOD_KEYBOARD_INTERACTIVE)
        request->is_response = ssh_message_auth_kbdint_is_response(message);
    list_append(&auth->requests, &request->link);
    auth->requests_count++;
    answer_next(session);
}

static uint32_t method_of(ssh_message message)
{
    int subtype = ssh_message_subtype(message);

    for (size_t i = 0; i < METHODS; i++)
        if (methods[i].library == subtype)
            return methods[i].method;
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

/* Requests may come faster than the pump takes messages: settle the one before. */
static void settle_seen(struct session *session)
{
    ssh_message message;

    if (!session->auth.seen.is_waiting)
        return;
    message = ssh_message_get(session->ssh);
    if (message && !session->is_dead)
        auth_on_message(session, message);
    else
        auth_after_messages(session);
}

static uint32_t method_by_name(struct sp_str name)
{
    for (size_t i = 0; i < METHODS; i++)
        if (name.len == strlen(methods[i].name) &&
            memcmp(name.data, methods[i].name, (size_t)name.len) == 0)
            return methods[i].method;
    return 0;
}

bool auth_on_request_packet(struct session *session, struct wire_reader *payload)
{
    struct auth_seen seen = {.is_waiting = true};
    struct sp_str user, service, method, algorithm;

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
    if (seen.method == SP_METHOD_PUBLICKEY) {
        seen.has_signature = wire_get_bool(payload);
        algorithm = wire_get_string(payload);
        if (algorithm.len >= sizeof seen.signature_algorithm)
            payload->failed = true;
        else if (algorithm.len)
            memcpy(seen.signature_algorithm, algorithm.data, (size_t)algorithm.len);
    }
    /* A user name that holds a NUL would be another one to the library. */
    if (!wire_ok(payload) || (user.len && memchr(user.data, 0, (size_t)user.len)) ||
        service.len != strlen("ssh-connection") ||
        memcmp(service.data, "ssh-connection", (size_t)service.len) != 0)
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
    session->auth.seen =
        (struct auth_seen){.is_waiting = true, .method = SP_METHOD_KEYBOARD_INTERACTIVE};
    if (wire_get_u32(payload) > RESPONSES_MAX || !wire_ok(payload)) {
        auth_after_messages(session);
        return true;
    }
    session->messages_due = true;
    return false;
}
