/* auth_answer.c: what a client that wants to authenticate is sent, and when: failures, partial
 * success, questions, banners. */
#include "session/auth.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

enum {
    PROMPTS_MAX = 16,
    QUESTION_BYTES_MAX = 16384, /* of all its texts: well within one packet */
    ROUNDS_MAX = 100,           /* of one dialogue */
    OFFER_SHARE = 10,           /* a refused offer takes this part of a failure's time */
};

/* --- failures ------------------------------------------------------------------------------- */

static void send_failure(struct session *session, ssh_message message, bool is_partial)
{
    uint32_t methods = factors_methods(&session->auth.factors);
    struct buffer packet = {0};
    char names[128] = "";
    int mask = 0;

    for (size_t i = 0; auth_methods[i].name; i++) {
        if (!(methods & auth_methods[i].method))
            continue;
        mask |= auth_methods[i].library;
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", names[0] ? "," : "",
                 auth_methods[i].name);
    }
    if (tap_is_present()) {
        if (wire_put_u8(&packet, TAP_USERAUTH_FAILURE) < 0 ||
            wire_put_cstring(&packet, names) < 0 || wire_put_u8(&packet, is_partial) < 0)
            session_break(session, "auth.failed", "out of memory");
        else
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

static void fail_now(struct auth_request *request, bool is_partial)
{
    struct session *session = request->session;

    send_failure(session, request->message, is_partial);
    if (session->is_dead || session->stage != SESSION_AUTHENTICATING)
        return;
    if (auth_has_tries_left(session))
        auth_finish(request);
}

static void on_delay(struct reactor_timer *timer)
{
    struct session *session = container_of(timer, struct session, auth.delay);

    if (!session->is_dead && session->stage == SESSION_AUTHENTICATING)
        fail_now(session->auth.current, false);
}

/* Failures are answered at whole multiples of a time, so that how long a plugin took to say no does
 * not tell why. Counted from when the request's turn came: one that waited behind others has no
 * time to its credit. */
static uint64_t wait_ms(const struct auth_request *request, bool counts)
{
    const struct session *session = request->session;
    uint64_t floor = session->service->config->timeouts.auth_failure_delay;
    uint64_t taken = reactor_now_ms(session->service->reactor) - request->taken_up_ms;

    if (!counts && !auth_is_offer(request))
        return 0;
    if (!counts)
        floor /= OFFER_SHARE;
    if (floor == 0 || (taken > 0 && taken % floor == 0))
        return 0;
    return floor - taken % floor;
}

/* As OpenSSH counts: all but the "none" with which clients begin. But of the keys that an agent
 * holds, some may be offered in vain. */
static bool counts_as_try(struct auth_request *request)
{
    struct auth *auth = &request->session->auth;

    if (auth_is_offer(request))
        return ++auth->key_offers > request->session->service->config->limits.auth_key_offers;
    return request->packet->method != SP_METHOD_NONE || !request->is_first;
}

void auth_deny(struct auth_request *request, struct sp_str reason, const char *by)
{
    struct session *session = request->session;
    struct auth *auth = &session->auth;
    bool counts = counts_as_try(request);
    uint64_t wait = wait_ms(request, counts);

    log_at(counts ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "auth.denied",
           LOG_U64("conn", session->origin.id), LOG_TEXT("user", auth->user),
           LOG_TEXT("method", auth_method_name(request->packet->method)),
           LOG_TEXT("remote", session->origin.remote_address), LOG_TEXT("plugin", by),
           LOG_STR("reason", reason));
    if (counts) {
        auth->failures++;
        counter_add(&session->service->counters->auth_failures, 1);
    }
    auth->delay.on_time = on_delay;
    if (wait == 0 || reactor_timer_set(session->service->reactor, &auth->delay, wait) < 0)
        fail_now(request, false);
}

void auth_answer_partial(struct auth_request *request)
{
    fail_now(request, true);
}

/* --- questions ------------------------------------------------------------------------------ */

static const char *text_of(struct sp_str str)
{
    return str.data ? str.data : "";
}

static const char *ask_prompts(struct auth_request *request, const struct sp_auth_reply *reply)
{
    struct auth_question *question = &request->session->auth.question;
    uint64_t bytes = reply->name.len + reply->instruction.len;
    const char *texts[PROMPTS_MAX];
    char echo[PROMPTS_MAX];

    if (reply->prompts_count > PROMPTS_MAX)
        return "too many prompts";
    for (uint32_t i = 0; i < reply->prompts_count; i++) {
        texts[i] = text_of(reply->prompts[i].text);
        echo[i] = (char)(reply->prompts[i].echo != 0);
        bytes += reply->prompts[i].text.len;
    }
    if (bytes > QUESTION_BYTES_MAX)
        return "the prompts are too long";
    if (question->round >= ROUNDS_MAX)
        return "too many rounds of prompts";
    question->kind = AUTH_ASKED_PROMPTS;
    question->prompts = reply->prompts_count;
    question->round++;
    if (ssh_message_auth_interactive_request(request->message, text_of(reply->name),
                                             text_of(reply->instruction), reply->prompts_count,
                                             texts, echo) == SSH_OK)
        return NULL;
    question->kind = AUTH_ASKED_NOTHING;
    return "the prompts could not be sent";
}

/* SSH_MSG_USERAUTH_PASSWD_CHANGEREQ, RFC 4252, 8. A new password that is answered with the same
 * question again counts as a try. */
static const char *ask_new_password(struct auth_request *request, const struct sp_auth_reply *reply)
{
    struct session *session = request->session;
    bool is_again = request->packet->is_change;
    struct buffer packet = {0};
    const char *why = NULL;

    if (!tap_is_present())
        return "the password must be changed, for which this build cannot ask";
    if (reply->instruction.len > QUESTION_BYTES_MAX)
        return "the instruction is too long";
    if (wire_put_u8(&packet, TAP_USERAUTH_PASSWD_CHANGEREQ) < 0 ||
        wire_put_cstring(&packet, text_of(reply->instruction)) < 0 ||
        wire_put_cstring(&packet, "") < 0 || session_send_packet(session, &packet) < 0)
        why = "the question could not be sent";
    buffer_release(&packet);
    if (why)
        return why;
    session->auth.question.kind = AUTH_ASKED_NEW_PASSWORD;
    session->auth.failures += is_again;
    return NULL;
}

const char *auth_ask(struct auth_request *request, const struct sp_auth_reply *reply, int asker)
{
    static const struct sp_auth_reply
        nothing; /* a bare SP_ASK: no prompts, or the plain question */
    struct session *session = request->session;
    const char *why = "a question to a method that has none";

    if (request->packet->method == SP_METHOD_KEYBOARD_INTERACTIVE)
        why = ask_prompts(request, reply ? reply : &nothing);
    else if (request->packet->method == SP_METHOD_PASSWORD)
        why = ask_new_password(request, reply ? reply : &nothing);
    if (why)
        return why;
    session->auth.question.instance = asker;
    if (!session_is_over(session))
        auth_finish(request);
    return NULL;
}

void auth_send_banner(struct session *session, struct sp_str text)
{
    ssh_string banner = ssh_string_new((size_t)text.len);

    if (!banner)
        return;
    if (ssh_string_fill(banner, text.data, (size_t)text.len) == 0)
        ssh_send_issue_banner(session->ssh, banner);
    ssh_string_free(banner);
}
