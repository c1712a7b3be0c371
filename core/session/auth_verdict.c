/*
 * auth_verdict.c: what follows from a plugin's answer to a request. This file alone lets anybody
 * in: on a yes to a request that is proved, which completes the factors that are required.
 */
#include "session/auth.h"

#include "base/err.h"
#include "base/log.h"

static int place_of(const struct session *session, const struct plugin_instance *by)
{
    const struct chain *chain = &session->service->auth_chain;

    for (size_t i = 0; i < chain->count; i++)
        if (chain->instances[i] == by)
            return (int)i;
    return AUTH_NOBODY;
}

/* Proof is the library's message: for a key only after it has verified the signature with it. */
static bool is_proved(const struct auth_request *request)
{
    if (!request->message || request->packet->fault)
        return false;
    return request->packet->method != SP_METHOD_PUBLICKEY ||
           (request->packet->has_signature &&
            ssh_message_auth_publickey_state(request->message) == SSH_PUBLICKEY_STATE_VALID);
}

/* --- what is granted ------------------------------------------------------------------------ */

/* How the user stands after a factor. It replaces what was known before only once all of it has
 * come about: a factor that is refused after all leaves no trace. */
struct standing {
    struct factors factors;
    struct sp_grant *grant;
    struct sp_grant *restriction;
};

/* What a certificate takes away, it takes away from whatever anybody grants. */
static int restrict_by(struct sp_grant **restriction, const struct certificate *certificate)
{
    struct sp_grant grant = {.struct_size = sizeof grant};

    if (!certificate)
        return 0;
    grant.permit = certificate->permit;
    grant.forced_command = sp_str_of(certificate->forced_command);
    return grant_join(restriction, &grant);
}

/* Who was granted nothing may do nothing. */
static int grant_finally(struct standing *standing)
{
    struct sp_grant none = {.struct_size = sizeof none};
    int rc = standing->grant ? 0 : grant_join(&standing->grant, &none);

    return rc == 0 && standing->restriction ? grant_join(&standing->grant, standing->restriction)
                                            : rc;
}

static int join_grants(struct standing *standing, const struct auth *auth,
                       const struct certificate *certificate, const struct sp_grant *grant,
                       bool is_complete)
{
    int rc = 0;

    if (auth->restriction)
        rc = grant_join(&standing->restriction, auth->restriction);
    if (rc == 0 && auth->grant)
        rc = grant_join(&standing->grant, auth->grant);
    if (rc == 0)
        rc = restrict_by(&standing->restriction, certificate);
    if (rc == 0 && grant)
        rc = grant_join(&standing->grant, grant);
    return rc == 0 && is_complete ? grant_finally(standing) : rc;
}

static const char *why_not_granted(int rc)
{
    return rc == SP_ERR_DENIED    ? "the factors force different commands"
           : rc == SP_ERR_INVALID ? "what the factors grant is too much to be kept"
                                  : "out of memory";
}

static void take_standing(struct auth *auth, struct standing *standing)
{
    grant_free(auth->grant);
    grant_free(auth->restriction);
    auth->factors = standing->factors;
    auth->grant = standing->grant;
    auth->restriction = standing->restriction;
    *standing = (struct standing){0};
}

/* --- in -------------------------------------------------------------------------------------- */

/* NULL, or why not: then the request is not answered. */
static const char *let_in(struct auth_request *request, const struct sp_grant *grant,
                          const char *by)
{
    struct session *session = request->session;
    struct sp_connection connection = *session->snapshot;

    connection.authenticated = 1;
    connection.grant = grant;
    if (session_set_snapshot(session, &connection) < 0)
        return "out of memory";
    session->stage = SESSION_OPEN;
    session->keepalive.next_ms =
        reactor_now_ms(session->service->reactor) + session->service->config->timeouts.keepalive;
    counter_add(&session->service->counters->authenticated, 1);
    log_info("auth.accepted", LOG_U64("conn", session->origin.id),
             LOG_TEXT("user", session->auth.user),
             LOG_TEXT("method", auth_method_name(request->packet->method)),
             LOG_TEXT("remote", session->origin.remote_address), LOG_TEXT("plugin", by));
    ssh_message_auth_reply_success(request->message, 0);
    if (session->is_dead) /* then the request is gone */
        return NULL;
    session->service->observer.on_authenticated(session->service->observer.arg, session->origin.id);
    session_arm_timer(session);
    /* Every plugin of the chain learns who is in, whoever of them has let the user in. */
    auth_tell(request, PLUGIN_AUTH_authenticated, 0);
    auth_free_waiting(&session->auth);
    auth_finish(request);
    return NULL;
}

static void answer_partial(struct auth_request *request, const char *by)
{
    log_info("auth.partial", LOG_U64("conn", request->session->origin.id),
             LOG_TEXT("user", request->session->auth.user),
             LOG_TEXT("method", auth_method_name(request->packet->method)), LOG_TEXT("plugin", by));
    auth_answer_partial(request);
}

/* A factor was accepted. NULL, or why it does not count after all. */
static const char *pass(struct auth_request *request, const struct sp_auth_reply *reply,
                        bool wants_more, const struct plugin_instance *by)
{
    struct auth *auth = &request->session->auth;
    struct standing standing = {.factors = auth->factors};
    struct factor factor = {.method = request->packet->method,
                            .instance = place_of(request->session, by)};
    const char *why = auth_key_lacks(request->packet, reply ? reply->key_options : 0);
    enum factor_outcome outcome;
    int rc;

    if (why)
        return why;
    if (factor.method == SP_METHOD_PUBLICKEY && !auth_key_digest(request->packet, factor.key))
        return "the key could not be hashed";
    outcome = factors_pass(&standing.factors, &factor, wants_more, reply ? reply->methods : 0);
    if (outcome == FACTOR_REFUSED)
        return "this factor is not wanted, or has counted before";
    rc = join_grants(&standing, auth, request->packet->certificate, reply ? reply->grant : NULL,
                     outcome == FACTOR_COMPLETE);
    if (rc < 0)
        why = why_not_granted(rc);
    else if (outcome == FACTOR_COMPLETE)
        why = let_in(request, standing.grant, plugin_instance_name(by));
    else {
        take_standing(auth, &standing);
        answer_partial(request, plugin_instance_name(by));
    }
    grant_free(standing.grant);
    grant_free(standing.restriction);
    return why;
}

static const char *accept_offer(struct auth_request *request)
{
    struct session *session = request->session;

    if (ssh_message_auth_reply_pk_ok_simple(request->message) != SSH_OK)
        return "the answer could not be sent";
    if (!session_is_over(session))
        auth_finish(request);
    return NULL;
}

/* NULL if the request has been answered. */
static const char *follow(struct auth_request *request, int32_t verdict,
                          const struct sp_auth_reply *reply, const struct plugin_instance *by)
{
    bool is_yes = verdict == SP_ALLOW || verdict == SP_PARTIAL;

    if (is_yes && auth_is_offer(request))
        return accept_offer(request);
    if (is_yes)
        return pass(request, reply, verdict == SP_PARTIAL, by);
    if (verdict == SP_ASK)
        return auth_ask(request, reply, place_of(request->session, by));
    if (verdict == SP_DENY && reply)
        factors_restrict(&request->session->auth.factors, reply->methods);
    return reply && reply->reason.len ? reply->reason.data : "";
}

void auth_on_verdict(void *owner, int32_t verdict, const struct sp_reply *head,
                     const struct plugin_instance *by)
{
    struct auth_request *request = owner;
    struct session *session = request->session;
    const struct sp_auth_reply *reply = (const struct sp_auth_reply *)head;
    const char *name = by ? plugin_instance_name(by) : "";
    const char *why;

    if (session->is_dead || session->stage != SESSION_AUTHENTICATING)
        return;
    if ((verdict == SP_ALLOW || verdict == SP_PARTIAL) && !auth_is_offer(request) &&
        !is_proved(request)) {
        session_break(session, "auth.unproved", "a yes to a request without proof");
        return;
    }
    if (reply && reply->banner.len)
        auth_send_banner(session, reply->banner);
    if (session_is_over(session)) /* what is sent may bring the end in */
        return;
    why = follow(request, verdict, reply, by);
    if (why && !session_is_over(session))
        auth_deny(request, sp_str_of(why), name);
}
