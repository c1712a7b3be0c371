/* session_timer.c: every deadline of a connection, on one timer: handshake, login, idleness,
 * keep-alive, exchange of new keys, the end. */
#include "session/session_internal.h"

#include "base/clock.h"

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t idle_limit(const struct session *session)
{
    const struct sp_grant *grant = session->snapshot->grant;

    return grant && grant->idle_timeout_ms ? grant->idle_timeout_ms
                                           : session->service->config->timeouts.idle;
}

static uint64_t next_deadline(const struct session *session)
{
    const struct config_timeouts *limits = &session->service->config->timeouts;
    uint64_t due = UINT64_MAX;

    if (session->stage == SESSION_ENDING)
        return session->ending_ms + SESSION_LINGER_MS;
    if (session->stage <= SESSION_HANDSHAKE && limits->handshake)
        due = earlier(due, session->started_ms + limits->handshake);
    if (session->stage < SESSION_OPEN && limits->login)
        due = earlier(due, session->started_ms + limits->login);
    if (session->rekey_ms && limits->handshake)
        due = earlier(due, session->rekey_ms + limits->handshake);
    if (session->stage == SESSION_OPEN && idle_limit(session))
        due = earlier(due, session->active_ms + idle_limit(session));
    if (session->stage == SESSION_OPEN && limits->keepalive)
        due = earlier(due, session->keepalive.next_ms);
    return due;
}

void session_arm_timer(struct session *session)
{
    uint64_t due = next_deadline(session);
    uint64_t now = clock_now_ms();

    if (session->is_dead)
        return;
    if (due == UINT64_MAX)
        reactor_timer_cancel(session->service->reactor, &session->timer);
    else
        reactor_timer_set(session->service->reactor, &session->timer, due > now ? due - now : 0);
}

static void check_keepalive(struct session *session, uint64_t now)
{
    const struct config_timeouts *limits = &session->service->config->timeouts;

    if (!limits->keepalive || now < session->keepalive.next_ms)
        return;
    session->keepalive.next_ms = now + limits->keepalive;
    /* Anything that came in proves the peer alive, whatever it was. */
    if (now - session->heard_ms < limits->keepalive) {
        session->keepalive.unanswered = 0;
        return;
    }
    if (session->keepalive.unanswered >= limits->keepalive_count) {
        session_end(session, DISCONNECT_CONNECTION_LOST, "connection.unresponsive",
                    "no answer to %u keep-alive requests", session->keepalive.unanswered);
        return;
    }
    session->keepalive.unanswered++;
    keepalive_send(session);
}

void session_on_time(struct reactor_timer *timer)
{
    struct session *session = container_of(timer, struct session, timer);
    const struct config_timeouts *limits = &session->service->config->timeouts;
    uint64_t now = clock_now_ms();
    uint64_t age = now - session->started_ms;

    if (session->stage == SESSION_ENDING) {
        session_gone(session, session->end_text);
        return;
    }
    if (session->stage <= SESSION_HANDSHAKE && limits->handshake && age >= limits->handshake)
        session_end(session, DISCONNECT_KEY_EXCHANGE_FAILED, "connection.handshake_timeout",
                    "no key exchange within %llu ms", (unsigned long long)limits->handshake);
    else if (session->stage < SESSION_OPEN && limits->login && age >= limits->login)
        session_end(session, DISCONNECT_BY_APPLICATION, "connection.login_timeout",
                    "not authenticated within %llu ms", (unsigned long long)limits->login);
    else if (session->rekey_ms && limits->handshake && now - session->rekey_ms >= limits->handshake)
        session_break(session, "connection.rekey_timeout",
                      "the client does not finish the exchange of keys");
    else if (session->stage == SESSION_OPEN && idle_limit(session) &&
             now - session->active_ms >= idle_limit(session))
        session_end(session, DISCONNECT_BY_APPLICATION, "connection.idle", "idle for %llu ms",
                    (unsigned long long)idle_limit(session));
    else if (session->stage == SESSION_OPEN)
        check_keepalive(session, now);
    session_arm_timer(session);
}
