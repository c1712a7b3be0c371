/*
 * auth.c: the authentication protocol (RFC 4252, 4256). Requests are answered one at a time in the
 * order they came; the chain of plugins judges, the library has verified signatures, and this file
 * alone lets anybody in: on SP_ALLOW for a request that needs no further proof.
 */
#include "session/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"

enum {
    USER_MAX = 255, /* bytes in a user name */
    PROMPTS_MAX = 16,
};

const struct auth_method auth_methods[] = {
    {"none", SP_METHOD_NONE, SSH_AUTH_METHOD_NONE},
    {"password", SP_METHOD_PASSWORD, SSH_AUTH_METHOD_PASSWORD},
    {"publickey", SP_METHOD_PUBLICKEY, SSH_AUTH_METHOD_PUBLICKEY},
    {"keyboard-interactive", SP_METHOD_KEYBOARD_INTERACTIVE, SSH_AUTH_METHOD_INTERACTIVE},
    {NULL, 0, 0},
};

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

    chain_cancel(&auth->run);
    reactor_timer_cancel(session->service->reactor, &auth->delay);
    for (struct list *node; (node = list_first(&auth->requests));)
        request_free(container_of(node, struct auth_request, link));
    ssh_message_free(auth->handle);
    auth->handle = NULL;
    free(auth->user);
    auth->user = NULL;
}

static const char *method_name(uint32_t method)
{
    for (size_t i = 0; auth_methods[i].name; i++)
        if (auth_methods[i].method == method)
            return auth_methods[i].name;
    return "unknown";
}

/* --- what is sent -------------------------------------------------------------------------- */

static void send_failure(struct session *session, ssh_message message, bool is_partial)
{
    struct buffer packet = {0};
    char names[128] = "";
    int mask = 0;

    for (size_t i = 0; auth_methods[i].name; i++) {
        if (!(session->auth.methods & auth_methods[i].method) ||
            auth_methods[i].method == SP_METHOD_NONE)
            continue;
        mask |= auth_methods[i].library;
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", names[0] ? "," : "",
                 auth_methods[i].name);
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
    auth_answer_next(session);
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
    struct sp_auth_event event = {
        .head = {.struct_size = sizeof event, .connection = session->snapshot},
        .method = request->method,
        .attempt = session->auth.failures + 1,
        .methods_done = session->auth.methods_done,
    };
    struct auth_memory *memory = auth_event_fill(session, request, &event);

    if (!memory) {
        deny(session, true, sp_str_of("the request could not be read"), "");
        return;
    }
    chain_start(&session->auth.run, &session->service->auth_chain, operation_of(request->method),
                &event.head, session->strands, on_verdict, session, auth_memory_free, memory);
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

void auth_answer_next(struct session *session)
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
