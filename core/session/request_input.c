/*
 * request_input.c: channel requests as they come in, from the tap or, without it, as the library's
 * messages: decoded, checked, put in line.
 */
#include "session/request.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum {
    PENDING_MAX = 64, /* requests waiting for their turn */
    COMMAND_MAX = 64 * 1024,
    NAME_MAX_BYTES = 256, /* of a subsystem, a variable, a terminal type, a signal */
    MODES_MAX = 4096,     /* bytes of encoded terminal modes */
};

static bool take_text(struct wire_reader *payload, size_t limit, bool allows_nul, char **ret_text,
                      size_t *ret_length)
{
    struct sp_str str = wire_get_string(payload);

    if (!wire_ok(payload) || str.len > limit ||
        (!allows_nul && str.len && memchr(str.data, 0, (size_t)str.len)))
        return false;
    free(*ret_text);
    *ret_text = request_duplicate(str.data, (size_t)str.len);
    *ret_length = (size_t)str.len;
    return *ret_text != NULL;
}

static void take_size(struct wire_reader *payload, struct sp_terminal *terminal)
{
    terminal->columns = wire_get_u32(payload);
    terminal->rows = wire_get_u32(payload);
    terminal->width_pixels = wire_get_u32(payload);
    terminal->height_pixels = wire_get_u32(payload);
}

/* The fields after want_reply. False, or payload has failed: malformed. */
static bool decode(struct channel_request *request, struct wire_reader *payload)
{
    switch (request->kind) {
    case SP_REQUEST_PTY:
        if (!take_text(payload, NAME_MAX_BYTES, false, &request->name, &request->name_length))
            return false;
        take_size(payload, &request->terminal);
        return take_text(payload, MODES_MAX, true, &request->value, &request->value_length);
    case SP_REQUEST_WINDOW_CHANGE:
        take_size(payload, &request->terminal);
        return true;
    case SP_REQUEST_ENV:
        return take_text(payload, NAME_MAX_BYTES, false, &request->name, &request->name_length) &&
               take_text(payload, REQUEST_ENVIRONMENT_BYTES, false, &request->value,
                         &request->value_length);
    case SP_REQUEST_EXEC:
        return take_text(payload, COMMAND_MAX, false, &request->name, &request->name_length);
    case SP_REQUEST_SUBSYSTEM:
    case SP_REQUEST_SIGNAL:
        return take_text(payload, NAME_MAX_BYTES, false, &request->name, &request->name_length);
    case SP_REQUEST_BREAK:
        request->number = wire_get_u32(payload);
        return true;
    case SP_REQUEST_XON_XOFF:
        request->number = wire_get_bool(payload);
        return true;
    case SP_REQUEST_X11:
        request->x11.struct_size = sizeof request->x11;
        request->x11.single_connection = wire_get_bool(payload);
        if (!take_text(payload, NAME_MAX_BYTES, false, &request->name, &request->name_length) ||
            !take_text(payload, NAME_MAX_BYTES, false, &request->value, &request->value_length))
            return false;
        request->x11.screen = wire_get_u32(payload);
        return true;
    default: /* shell, auth-agent-req: nothing more */
        return true;
    }
}

/* Known fields, and nothing behind them. */
static bool decode_all(struct channel_request *request, struct wire_reader *payload)
{
    return decode(request, payload) && wire_at_end(payload);
}

/* For what the core does not know, plugins get the name and the payload as they came. */
static bool keep_raw(struct channel_request *request, struct sp_str name,
                     struct wire_reader *payload)
{
    size_t left = wire_left(payload);

    if (name.len > NAME_MAX_BYTES || memchr(name.data, 0, (size_t)name.len) || left > COMMAND_MAX)
        return false;
    request->name = request_duplicate(name.data, (size_t)name.len);
    request->name_length = (size_t)name.len;
    request->value = request_duplicate((const char *)payload->next, left);
    request->value_length = left;
    return request->name && request->value;
}

static void enqueue(struct channel *channel, struct channel_request *request)
{
    struct channel_requests *requests = channel_requests(channel);

    if (requests->count >= PENDING_MAX) {
        request_free(request);
        session_end(channel_session(channel), DISCONNECT_PROTOCOL_ERROR, "channel.request_flood",
                    "too many channel requests at once");
        return;
    }
    request->channel = channel;
    list_append(&requests->pending, &request->link);
    if (requests->count++ == 0)
        request_serve_next(channel);
}

static struct channel_request *request_new(void)
{
    struct channel_request *request = calloc(1, sizeof *request);

    if (request)
        list_init(&request->link);
    return request;
}

bool request_on_packet(struct session *session, struct wire_reader *payload)
{
    struct channel *channel = channel_by_local(session, wire_get_u32(payload));
    struct sp_str name = wire_get_string(payload);
    struct channel_request *request;

    /* Requests on channels that are closing, or never were open, are without effect. */
    if (!channel || channel_is_closing(channel) || channel_is_opening(channel))
        return true;
    request = request_new();
    if (!request) {
        session_break(session, "channel.failed", "out of memory");
        return true;
    }
    request->wants_reply = wire_get_bool(payload);
    request->kind = SP_REQUEST_OTHER;
    for (size_t i = 0; request_kinds[i].name; i++)
        if (str_is(name, request_kinds[i].name))
            request->kind = request_kinds[i].kind;
    if (!wire_ok(payload) || !(request->kind == SP_REQUEST_OTHER ? keep_raw(request, name, payload)
                                                                 : decode_all(request, payload)))
        request->kind = 0;
    enqueue(channel, request);
    return true;
}

/* --- without the tap -------------------------------------------------------------------------- */

static void set_text(char **ret_text, size_t *ret_length, const char *text)
{
    *ret_text = strdup(text ? text : "");
    *ret_length = text ? strlen(text) : 0;
}

static void fill_from_message(struct channel_request *request, ssh_message message)
{
    switch (ssh_message_subtype(message)) {
    case SSH_CHANNEL_REQUEST_PTY:
        request->kind = SP_REQUEST_PTY;
        set_text(&request->name, &request->name_length,
                 ssh_message_channel_request_pty_term(message));
        set_text(&request->value, &request->value_length, NULL);
        break;
    case SSH_CHANNEL_REQUEST_ENV:
        request->kind = SP_REQUEST_ENV;
        set_text(&request->name, &request->name_length,
                 ssh_message_channel_request_env_name(message));
        set_text(&request->value, &request->value_length,
                 ssh_message_channel_request_env_value(message));
        break;
    case SSH_CHANNEL_REQUEST_SHELL:
        request->kind = SP_REQUEST_SHELL;
        break;
    case SSH_CHANNEL_REQUEST_EXEC:
        request->kind = SP_REQUEST_EXEC;
        set_text(&request->name, &request->name_length,
                 ssh_message_channel_request_command(message));
        break;
    case SSH_CHANNEL_REQUEST_SUBSYSTEM:
        request->kind = SP_REQUEST_SUBSYSTEM;
        set_text(&request->name, &request->name_length,
                 ssh_message_channel_request_subsystem(message));
        break;
    case SSH_CHANNEL_REQUEST_X11:
        request->kind = SP_REQUEST_X11;
        request->x11.struct_size = sizeof request->x11;
        request->x11.single_connection =
            (uint32_t)ssh_message_channel_request_x11_single_connection(message);
        request->x11.screen = (uint32_t)ssh_message_channel_request_x11_screen_number(message);
        set_text(&request->name, &request->name_length,
                 ssh_message_channel_request_x11_auth_protocol(message));
        set_text(&request->value, &request->value_length,
                 ssh_message_channel_request_x11_auth_cookie(message));
        break;
    case SSH_CHANNEL_REQUEST_WINDOW_CHANGE:
        request->kind = SP_REQUEST_WINDOW_CHANGE;
        break;
    default:
        request->kind = SP_REQUEST_OTHER; /* its name cannot be known */
    }
    request->terminal.columns = (uint32_t)ssh_message_channel_request_pty_width(message);
    request->terminal.rows = (uint32_t)ssh_message_channel_request_pty_height(message);
    request->terminal.width_pixels = (uint32_t)ssh_message_channel_request_pty_pxwidth(message);
    request->terminal.height_pixels = (uint32_t)ssh_message_channel_request_pty_pxheight(message);
}

void request_on_message(struct session *session, ssh_message message)
{
    struct channel *channel = channel_by_ssh(session, ssh_message_channel_request_channel(message));
    struct channel_request *request = channel ? request_new() : NULL;

    if (!request || channel_is_closing(channel)) {
        free(request);
        ssh_message_free(message);
        return;
    }
    request->message = message;
    request->wants_reply = true;
    fill_from_message(request, message);
    if ((request->name_length && !request->name) || (request->value_length && !request->value))
        request->kind = 0;
    enqueue(channel, request);
}
