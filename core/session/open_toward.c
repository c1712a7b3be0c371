/*
 * open_toward.c: a plugin's wish for a channel toward the client. Only with the packet tap, which
 * lets any type be opened and sees the answer without waiting for it. Called by service.c on the
 * reactor thread.
 */
#include "session/internal.h"

#include <string.h>

#include "base/log.h"
#include "base/str.h"

enum { OPENING_MAX = 16 /* that a client has not answered, on one connection */ };

/* What the user must be permitted. */
static uint32_t permit_of(struct sp_str type)
{
    static const struct {
        const char *type;
        uint32_t permit;
    } rows[] = {
        {"forwarded-tcpip", SP_PERMIT_TUNNEL_REVERSE},
        {"forwarded-streamlocal@openssh.com", SP_PERMIT_TUNNEL_REVERSE},
        {"x11", SP_PERMIT_X11},
        {"auth-agent@openssh.com", SP_PERMIT_AGENT},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (str_is(type, rows[i].type))
            return rows[i].permit;
    return SP_PERMIT_CHANNEL;
}

/* Why it cannot be, or NULL. */
static const char *obstacle(const struct session *session, struct sp_str type, uint32_t *ret_reason)
{
    *ret_reason = SP_OPEN_CONNECT_FAILED;
    if (!session || session->stage != SESSION_OPEN || session->is_dead)
        return "there is no such connection with a user";
    *ret_reason = SP_OPEN_PROHIBITED;
    if (!tap_is_present())
        return "this build cannot open channels toward clients";
    if (!session_permits(session, permit_of(type)))
        return "not permitted to this user";
    *ret_reason = SP_OPEN_RESOURCE_SHORTAGE;
    if (session->open_channels >= open_channels_max(session))
        return "too many channels";
    if (channel_count_opening(session) >= OPENING_MAX)
        return "the client has not answered earlier ones";
    return NULL;
}

/* The channel, with the gate as its own, or NULL. */
static struct channel *start(struct session *session, struct plugin_instance *by,
                             struct plugin_gate *gate, const struct sp_channel_open *wish)
{
    struct tap_confirmation told;
    char type[CHANNEL_TYPE_MAX + 1] = "";
    ssh_channel ssh;
    struct channel *channel;

    memcpy(type, wish->type.data, (size_t)wish->type.len);
    ssh = session_open_channel(session, type, wish->payload, &told);
    if (!ssh)
        return NULL;
    channel = channel_create(session, ssh, wish->type, &told, plugin_gate_channel(gate));
    if (!channel) {
        /* The client may answer what nobody knows any more. */
        session_break(session, "channel.failed", "out of memory");
        return NULL;
    }
    channel_requests(channel)->has_program = true;
    if (plugin_channel_adopt(channel, by, gate) < 0)
        session_break(session, "channel.failed", "out of memory");
    return channel;
}

void open_toward_client(struct session_service *service, struct plugin_instance *by,
                        struct plugin_gate *gate, sp_id connection,
                        const struct sp_channel_open *wish)
{
    struct session *session = hashmap_get(&service->sessions, connection);
    sp_id id = plugin_gate_channel(gate);
    uint32_t reason;
    const char *text = obstacle(session, wish->type, &reason);

    if (!text && start(session, by, gate, wish))
        return;
    if (!text) {
        text = "out of memory";
        reason = SP_OPEN_RESOURCE_SHORTAGE;
    }
    log_info("channel.not_opened", LOG_U64("conn", connection), LOG_STR("type", wish->type),
             LOG_TEXT("instance", plugin_instance_name(by)), LOG_TEXT("reason", text));
    plugin_channel_refuse(service, session, by, gate, reason);
    channel_id_release(service, id);
}
