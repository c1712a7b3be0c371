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
#include "base/user_name.h"

enum {
    PROMPTS_MAX = 16,
    NOT_ASKED = -1, /* no question of keyboard-interactive is open */
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
    session->auth.asked = NOT_ASKED;
    session->auth.methods = session->service->auth_methods;
}

static void request_free(struct auth_request *request)
{
    if (!request)
        return;
    chain_cancel(&request->run);
    list_remove(&request->link);
    ssh_message_free(request->message);
    free(request);
}

static void free_waiting(struct auth *auth)
{
    for (struct list *node; (node = list_first(&auth->requests));)
        request_free(container_of(node, struct auth_request, link));
    auth->requests_count = 0;
}

void auth_free(struct session *session)
{
    struct auth *auth = &session->auth;

    reactor_timer_cancel(session->service->reactor, &auth->delay);
    request_free(auth->current);
    auth->current = NULL;
    free_waiting(auth);
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

/* --- the outcome of a request -------------------------------------------------------------- */

/* Each of these answers session->auth.current, which no other request can take the place of until
 * it is finished: what is sent may bring more requests in at once. */

static void finish(struct auth_request *request)
{
    struct session *session = request->session;

    session->auth.current = NULL;
    request_free(request);
    session_kick(session);
    auth_answer_next(session);
}

static bool has_tries_left(struct session *session)
{
    if (session->auth.failures < session->service->config->limits.auth_tries)
        return true;
    session_end(session, DISCONNECT_NO_MORE_AUTH_METHODS, "auth.too_many_tries",
                "too many authentication failures");
    return false;
}

static void fail_now(struct auth_request *request, bool is_partial)
{
    struct session *session = request->session;

    send_failure(session, request->message, is_partial);
    if (session->is_dead || session->stage != SESSION_AUTHENTICATING)
        return;
    if (has_tries_left(session))
        finish(request);
}

static void on_delay(struct reactor_timer *timer)
{
    struct session *session = container_of(timer, struct session, auth.delay);

    if (!session->is_dead && session->stage == SESSION_AUTHENTICATING)
        fail_now(session->auth.current, false);
}

static bool is_offer(const struct auth_request *request)
{
    return request->method == SP_METHOD_PUBLICKEY && !request->seen.has_signature;
}

/* "none" and the offer of a key do not spend one of the client's tries. */
static void deny(struct auth_request *request, struct sp_str reason, const char *by)
{
    struct session *session = request->session;
    struct auth *auth = &session->auth;
    uint64_t delay = session->service->config->timeouts.auth_failure_delay;
    bool counts = request->method != SP_METHOD_NONE && !is_offer(request);

    log_at(counts ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "auth.denied",
           LOG_U64("conn", session->origin.id), LOG_TEXT("user", auth->user),
           LOG_TEXT("method", method_name(request->method)),
           LOG_TEXT("remote", session->origin.remote_address), LOG_TEXT("plugin", by),
           LOG_STR("reason", reason));
    if (!counts) {
        /* A client may offer many keys, yet not without end. */
        if (++auth->offers > 4 * session->service->config->limits.auth_tries)
            auth->failures = session->service->config->limits.auth_tries;
        fail_now(request, false);
        return;
    }
    auth->failures++;
    counter_add(&session->service->counters->auth_failures, 1);
    auth->delay.on_time = on_delay;
    if (delay == 0 || reactor_timer_set(session->service->reactor, &auth->delay, delay) < 0)
        fail_now(request, false);
}

/* The last check before the door opens, whoever has said yes. */
static bool is_proved(const struct auth_request *request)
{
    if (!request->message)
        return false;
    return request->method != SP_METHOD_PUBLICKEY ||
           (request->seen.has_signature &&
            ssh_message_auth_publickey_state(request->message) == SSH_PUBLICKEY_STATE_VALID);
}

/* Every plugin of the chain learns who is in, whoever of them has let the user in. */
static void tell_authenticated(const struct auth_request *request)
{
    struct session *session = request->session;
    const struct chain *chain = &session->service->auth_chain;

    for (size_t i = 0; i < chain->count; i++) {
        char *user = strdup(session->auth.user);
        struct sp_auth_event event = {
            .head = {.struct_size = sizeof event, .connection = session->snapshot},
            .user = sp_str_of(user),
            .method = request->method,
            .attempt = session->auth.failures + 1,
            .methods_done = session->auth.methods_done | request->method,
        };
        struct chain one = {.instances = chain->instances + i, .count = 1};
        chain_start(NULL, &one, PLUGIN_AUTH_authenticated, &event.head, session->strands, NULL,
                    NULL, free, user);
    }
}

static void let_in(struct auth_request *request, const struct sp_grant *grant, const char *by)
{
    struct session *session = request->session;
    struct sp_connection connection = *session->snapshot;
    struct sp_grant none = {.struct_size = sizeof none};

    if (!is_proved(request)) {
        session_break(session, "auth.unproved", "a yes to a request without proof");
        return;
    }
    connection.user = sp_str_of(session->auth.user);
    connection.authenticated = 1;
    connection.grant = grant ? grant : &none;
    if (session_set_snapshot(session, &connection) < 0) {
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
    tell_authenticated(request);
    free_waiting(&session->auth); /* RFC 4252, 5.1: what comes after success is ignored */
    finish(request);
}

static void partial(struct auth_request *request, const struct sp_auth_reply *reply)
{
    struct session *session = request->session;
    struct auth *auth = &session->auth;

    auth->methods_done |= request->method;
    auth->methods = session->service->auth_methods & ~auth->methods_done;
    if (reply && reply->methods)
        auth->methods = reply->methods & session->service->auth_methods;
    log_info("auth.partial", LOG_U64("conn", session->origin.id), LOG_TEXT("user", auth->user),
             LOG_TEXT("method", method_name(request->method)));
    fail_now(request, true);
}

static bool ask(struct auth_request *request, const struct sp_auth_reply *reply)
{
    struct auth *auth = &request->session->auth;
    const char *texts[PROMPTS_MAX];
    char echo[PROMPTS_MAX];

    if (!reply || request->method != SP_METHOD_KEYBOARD_INTERACTIVE ||
        reply->prompts_count > PROMPTS_MAX)
        return false;
    for (uint32_t i = 0; i < reply->prompts_count; i++) {
        texts[i] = reply->prompts[i].text.data ? reply->prompts[i].text.data : "";
        echo[i] = (char)(reply->prompts[i].echo != 0);
    }
    auth->asked = (int)reply->prompts_count;
    auth->round++;
    if (ssh_message_auth_interactive_request(request->message,
                                             reply->name.data ? reply->name.data : "",
                                             reply->instruction.data ? reply->instruction.data : "",
                                             reply->prompts_count, texts, echo) != SSH_OK) {
        auth->asked = NOT_ASKED;
        return false;
    }
    finish(request);
    return true;
}

static void on_verdict(void *owner, int32_t verdict, const struct sp_reply *head,
                       const struct plugin_instance *by)
{
    struct auth_request *request = owner;
    struct session *session = request->session;
    const struct sp_auth_reply *reply = (const struct sp_auth_reply *)head;
    const char *name = by ? plugin_instance_name(by) : "";

    if (session->is_dead || session->stage != SESSION_AUTHENTICATING)
        return;
    if (reply && reply->banner.len)
        send_banner(session, reply->banner);
    if (verdict == SP_ALLOW && is_offer(request)) {
        ssh_message_auth_reply_pk_ok_simple(request->message);
        finish(request);
        return;
    }
    if (verdict == SP_ALLOW) {
        let_in(request, reply ? reply->grant : NULL, name);
        return;
    }
    if (verdict == SP_PARTIAL && !is_offer(request)) {
        partial(request, reply);
        return;
    }
    if (verdict == SP_ASK && ask(request, reply))
        return;
    if (verdict == SP_DENY && reply && reply->methods)
        session->auth.methods = reply->methods & session->service->auth_methods;
    deny(request, reply ? reply->reason : (struct sp_str){0}, name);
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

static void ask_plugins(struct auth_request *request)
{
    struct session *session = request->session;
    struct sp_auth_event event = {
        .head = {.struct_size = sizeof event, .connection = session->snapshot},
        .method = request->method,
        .attempt = session->auth.failures + 1,
        .methods_done = session->auth.methods_done,
    };
    struct auth_memory *memory = auth_event_fill(session, request, &event);

    if (!memory) {
        deny(request, sp_str_of("the request could not be read"), "");
        return;
    }
    chain_start(&request->run, &session->service->auth_chain, operation_of(request->method),
                &event.head, session->strands, on_verdict, request, auth_memory_free, memory);
}

/* The first request names the user. False: the session has ended. */
static bool take_user(struct session *session, const char *user)
{
    struct sp_connection connection = *session->snapshot;
    struct auth *auth = &session->auth;

    if (auth->user && strcmp(auth->user, user) != 0) {
        session_end(session, DISCONNECT_PROTOCOL_ERROR, "auth.user_changed",
                    "the user name may not change");
        return false;
    }
    if (auth->user)
        return true;
    auth->user = strdup(user);
    connection.user = sp_str_of(user_name_is_sound(user) ? user : "");
    if (!auth->user || session_set_snapshot(session, &connection) < 0) {
        session_break(session, "auth.failed", "out of memory");
        return false;
    }
    if (session->service->config->banner)
        send_banner(session, sp_str_of(session->service->config->banner));
    return true;
}

/* Answers belong to the question that is open, and any other request ends the dialogue (RFC 4256,
 * 3.1); one that is left unanswered counts as a try. False: no such question. */
static bool take_dialogue(const struct auth_request *request)
{
    struct session *session = request->session;
    struct auth *auth = &session->auth;
    int asked = auth->asked;

    auth->asked = NOT_ASKED;
    if (request->is_response)
        return asked != NOT_ASKED && ssh_userauth_kbdint_getnanswers(session->ssh) == asked;
    auth->round = 0;
    if (asked != NOT_ASKED)
        auth->failures++;
    return true;
}

/* Why the request does not go to the plugins, or NULL. */
static const char *refusal(const struct auth_request *request)
{
    const struct auth *auth = &request->session->auth;

    if (!request->message)
        return "bad signature, key or packet";
    if (!user_name_is_sound(auth->user))
        return "the user name is malformed";
    /* The old password must not count as a try to log in that a plugin could allow. */
    if (request->seen.is_password_change)
        return "password change is not offered";
    if (request->method == 0 ||
        (request->method != SP_METHOD_NONE && !(auth->methods & request->method)))
        return "the method is not offered";
    return NULL;
}

static void serve(struct auth_request *request)
{
    struct session *session = request->session;
    bool is_expected = take_dialogue(request);
    const char *user, *reason;

    if (!has_tries_left(session)) /* an abandoned dialogue was the last */
        return;
    if (request->message && !request->is_response) {
        user = ssh_message_auth_user(request->message);
        if (!take_user(session, user ? user : ""))
            return;
    }
    reason = is_expected ? refusal(request) : "no such question is open";
    if (reason)
        deny(request, sp_str_of(reason), "");
    else
        ask_plugins(request);
}

void auth_answer_next(struct session *session)
{
    struct auth *auth = &session->auth;
    struct list *node;

    if (auth->current || session->is_dead || session->stage != SESSION_AUTHENTICATING)
        return;
    node = list_take_first(&auth->requests);
    if (!node)
        return;
    auth->requests_count--;
    auth->current = container_of(node, struct auth_request, link);
    serve(auth->current);
}
