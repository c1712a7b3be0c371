/*
 * service_request.c: the client asks for a service (RFC 4253, 10). Plugins are asked;
 * "ssh-userauth" is the only one there is. Requests to authenticate that come meanwhile wait.
 * Reactor thread.
 */
#include "session/session_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static bool is_offered(const char *name)
{
    return name && strcmp(name, "ssh-userauth") == 0;
}

static void accept_service(struct session *session, ssh_message message)
{
    bool is_first = !session->auth.service_is_accepted;

    session->auth.service_is_accepted = true;
    ssh_message_service_reply_success(message);
    ssh_message_free(message);
    session_kick(session);
    if (is_first && !session_is_over(session)) {
        session_status(session, "service");
        auth_begin(session);
    }
}

static void refuse_unknown(struct session *session)
{
    session_end(session, DISCONNECT_SERVICE_NOT_AVAILABLE, "connection.unknown_service",
                "the service is not offered; ask for ssh-userauth");
}

static void on_judged(void *owner, int32_t verdict, const struct sp_reply *reply,
                      const struct plugin_instance *by)
{
    struct session *session = owner;
    const struct sp_connection_reply *answer = (const struct sp_connection_reply *)reply;
    ssh_message message = session->service_message;

    session->service_message = NULL;
    if (!session_is_over(session) && is_offered(ssh_message_service_service(message)) &&
        (verdict == SP_ALLOW || verdict == SP_NEXT)) {
        accept_service(session, message);
        return;
    }
    if (session_is_over(session)) {
        ssh_message_free(message);
        return;
    }
    if (!is_offered(ssh_message_service_service(message))) {
        refuse_unknown(session);
    } else {
        log_info("connection.refused", LOG_U64("conn", session->origin.id),
                 LOG_TEXT("remote", session->origin.remote_address),
                 LOG_TEXT("plugin", by ? plugin_instance_name(by) : ""),
                 LOG_TEXT("service", ssh_message_service_service(message)));
        session_end(session, DISCONNECT_SERVICE_NOT_AVAILABLE, "connection.service_refused", "%s",
                    answer && answer->text.len ? answer->text.data : "refused");
    }
    ssh_message_free(message);
}

void service_on_message(struct session *session, ssh_message message)
{
    const char *name = ssh_message_service_service(message);
    struct sp_connection_event event = {
        .head = {.struct_size = sizeof event, .connection = session->snapshot},
        .text = sp_str_of(""),
    };
    char *copy;

    if (session->stage != SESSION_AUTHENTICATING || session->service_message || !name) {
        ssh_message_free(message);
        refuse_unknown(session);
        return;
    }
    if (session->auth.service_is_accepted && is_offered(name)) {
        accept_service(session, message);
        return;
    }
    copy = strdup(name);
    if (!copy) {
        ssh_message_free(message);
        session_break(session, "connection.failed", "out of memory");
        return;
    }
    session->service_message = message;
    event.name = sp_str_of(copy);
    chain_start(&session->asking, &session->service->connection_chain,
                PLUGIN_CONNECTION_service_request, &event.head, session->strands, on_judged,
                session, free, copy);
}

void service_forget(struct session *session)
{
    ssh_message_free(session->service_message);
    session->service_message = NULL;
}
