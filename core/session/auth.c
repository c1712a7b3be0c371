/*
 * auth.c: the authentication protocol (RFC 4252, 4256), one request at a time in the order they
 * came: may it be asked about, and of which plugins. What follows from their answer is
 * auth_verdict.c's business.
 */
#include "session/auth.h"

#include <stdlib.h>
#include <string.h>

#include "base/user_name.h"

void auth_init(struct session *session)
{
    list_init(&session->auth.requests);
    factors_init(&session->auth.factors, &session->service->factor_rules);
}

void auth_request_free(struct auth_request *request)
{
    if (!request)
        return;
    chain_cancel(&request->run);
    list_remove(&request->link);
    ssh_message_free(request->message);
    auth_packet_unref(request->packet);
    free(request);
}

void auth_free_waiting(struct auth *auth)
{
    for (struct list *node; (node = list_first(&auth->requests));)
        auth_request_free(container_of(node, struct auth_request, link));
    auth->requests_count = 0;
}

void auth_free(struct session *session)
{
    struct auth *auth = &session->auth;

    reactor_timer_cancel(session->service->reactor, &auth->delay);
    auth_request_free(auth->current);
    auth_request_free(auth->arriving);
    auth->current = auth->arriving = NULL;
    auth_free_waiting(auth);
    grant_free(auth->grant);
    grant_free(auth->restriction);
    auth->grant = auth->restriction = NULL;
    free(auth->user);
    auth->user = NULL;
}

void auth_finish(struct auth_request *request)
{
    struct session *session = request->session;

    session->auth.current = NULL;
    auth_request_free(request);
    session_kick(session);
    auth_answer_next(session);
}

bool auth_has_tries_left(struct session *session)
{
    if (session->auth.failures < session->service->config->limits.auth_tries)
        return true;
    session_end(session, DISCONNECT_NO_MORE_AUTH_METHODS, "auth.too_many_tries",
                "too many authentication failures");
    return false;
}

/* --- asking --------------------------------------------------------------------------------- */

static enum plugin_operation operation_of(uint32_t method)
{
    size_t i = 0;

    while (auth_methods[i].name && auth_methods[i].method != method)
        i++;
    return auth_methods[i].operation;
}

static void ask_plugins(struct auth_request *request)
{
    struct session *session = request->session;
    struct sp_auth_event event = auth_event(request);
    struct chain chain = session->service->auth_chain;

    chain.skip = request->asker != AUTH_NOBODY
                     ? ~(UINT64_C(1) << request->asker)
                     : ~factors_instances(&session->auth.factors, request->packet->method);
    chain_start(&request->run, &chain, operation_of(request->packet->method), &event.head,
                session->strands, auth_on_verdict, request, auth_packet_unref,
                auth_packet_ref(request->packet));
}

/* --- may it be asked about? ----------------------------------------------------------------- */

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
        auth_send_banner(session, sp_str_of(session->service->config->banner));
    return true;
}

/* Answers belong to the question that is open, and any other request ends the dialogue (RFC 4256,
 * 3.1); one that is left unanswered counts as a try. False: no such question. */
static bool take_dialogue(struct auth_request *request)
{
    struct auth *auth = &request->session->auth;
    const struct auth_packet *packet = request->packet;
    struct auth_question question = auth->question;

    auth->question.kind = AUTH_ASKED_NOTHING;
    request->asker = question.instance;
    if (packet->is_response)
        return question.kind == AUTH_ASKED_PROMPTS && packet->responses_count == question.prompts;
    if (packet->is_change && question.kind == AUTH_ASKED_NEW_PASSWORD)
        return true;
    auth->question = (struct auth_question){0};
    request->asker = AUTH_NOBODY;
    if (question.kind != AUTH_ASKED_NOTHING)
        auth->failures++;
    /* RFC 4252, 8, lets clients change passwords unasked. Nobody does; it would be a second way to
     * guess at passwords, through code of plugins that is hardly ever run. */
    return !packet->is_change;
}

/* Why the request does not go to the plugins, or NULL. */
static const char *refusal(const struct auth_request *request)
{
    const struct session *session = request->session;
    struct auth_packet *packet = request->packet;
    const char *why;

    if (packet->fault)
        return packet->fault;
    if (!session->auth.user || !user_name_is_sound(session->auth.user))
        return "the user name is malformed";
    if (packet->method != SP_METHOD_NONE &&
        !(factors_methods(&session->auth.factors) & packet->method))
        return "the method is not offered";
    if (packet->method == SP_METHOD_PUBLICKEY && (why = auth_key_check(session, packet)))
        return why;
    if (packet->has_signature)
        auth_tell(request, PLUGIN_AUTH_key_checked,
                  request->message ? SP_KEY_PROVED : SP_KEY_FAILED);
    return request->message ? NULL : "bad signature, key or packet";
}

static void serve(struct auth_request *request)
{
    struct session *session = request->session;
    struct auth *auth = &session->auth;
    bool is_expected = take_dialogue(request);
    const char *why;

    request->taken_up_ms = reactor_now_ms(session->service->reactor);
    request->is_first = !auth->has_begun;
    auth->has_begun = true;
    if (!auth_has_tries_left(session)) /* an abandoned dialogue was the last */
        return;
    if (request->packet->has_user && !take_user(session, request->packet->user.data))
        return;
    why = is_expected ? refusal(request) : "no such question is open";
    if (why)
        auth_deny(request, sp_str_of(why), "");
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
