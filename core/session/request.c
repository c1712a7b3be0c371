/*
 * request.c: requests on a channel (RFC 4254, 6), one at a time in the order they came. What a
 * channel may become is decided here: permission first, then what the core serves itself, then the
 * plugins. At most one program (shell, command or subsystem) runs on a channel.
 */
#include "session/request.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

enum {
    ENVIRONMENT_MAX = 64, /* variables */
};

const struct request_kind request_kinds[] = {
    {"pty-req", SP_REQUEST_PTY, SP_PERMIT_PTY},
    {"env", SP_REQUEST_ENV, SP_PERMIT_ENV},
    {"shell", SP_REQUEST_SHELL, SP_PERMIT_SHELL},
    {"exec", SP_REQUEST_EXEC, SP_PERMIT_EXEC},
    {"subsystem", SP_REQUEST_SUBSYSTEM, SP_PERMIT_SUBSYSTEM},
    {"window-change", SP_REQUEST_WINDOW_CHANGE, 0},
    {"signal", SP_REQUEST_SIGNAL, 0},
    {"break", SP_REQUEST_BREAK, 0},
    {"x11-req", SP_REQUEST_X11, SP_PERMIT_X11},
    {"auth-agent-req@openssh.com", SP_REQUEST_AGENT, SP_PERMIT_AGENT},
    {"xon-xoff", SP_REQUEST_XON_XOFF, 0},
    {NULL, 0, 0},
};

void requests_init(struct channel_requests *requests)
{
    list_init(&requests->pending);
    requests->terminal.struct_size = sizeof requests->terminal;
}

void request_free(struct channel_request *request)
{
    list_remove(&request->link);
    ssh_message_free(request->message);
    free(request->name);
    free(request->value);
    free(request);
}

static void free_terminal(struct channel_requests *requests)
{
    free((char *)(uintptr_t)requests->terminal.term.data);
    free((char *)(uintptr_t)requests->terminal.modes.data);
    requests->terminal.term = requests->terminal.modes = (struct sp_str){0};
}

void requests_free(struct channel_requests *requests)
{
    chain_cancel(&requests->run);
    for (struct list *node; (node = list_first(&requests->pending));)
        request_free(container_of(node, struct channel_request, link));
    free_terminal(requests);
    for (size_t i = 0; i < requests->environment_count; i++) {
        free((char *)(uintptr_t)requests->environment[i].name.data);
        free((char *)(uintptr_t)requests->environment[i].value.data);
    }
    free(requests->environment);
}

/* --- answers -------------------------------------------------------------------------------- */

static void reply(struct channel_request *request, bool is_success)
{
    struct session *session = channel_session(request->channel);
    struct buffer packet = {0};

    if (request->message) {
        if (is_success)
            ssh_message_channel_request_reply_success(request->message);
        else
            ssh_message_reply_default(request->message);
        session_kick(session);
        return;
    }
    if (!request->wants_reply || channel_is_closing(request->channel))
        return;
    wire_put_u8(&packet, is_success ? TAP_CHANNEL_SUCCESS : TAP_CHANNEL_FAILURE);
    wire_put_u32(&packet, channel_remote(request->channel));
    session_send_packet(session, &packet);
    buffer_release(&packet);
}

static struct channel_request *first(struct channel *channel)
{
    return container_of(list_first(&channel_requests(channel)->pending), struct channel_request,
                        link);
}

/* The first request is answered; go on with the next. */
static void finish(struct channel *channel, bool is_success)
{
    struct channel_request *request = first(channel);

    reply(request, is_success);
    channel_requests(channel)->count--;
    request_free(request);
    request_serve_next(channel);
}

static void refuse(struct channel *channel, const char *why)
{
    const struct channel_request *request = first(channel);
    const char *name = "unknown";

    for (size_t i = 0; request_kinds[i].name; i++)
        if (request_kinds[i].kind == request->kind)
            name = request_kinds[i].name;
    log_info("channel.request_refused", LOG_U64("conn", channel_session(channel)->origin.id),
             LOG_U64("channel", channel_id(channel)), LOG_TEXT("request", name),
             LOG_BYTES("name", request->name, request->name_length), LOG_TEXT("reason", why));
    finish(channel, false);
}

/* --- what the core keeps ---------------------------------------------------------------------- */

static void keep_terminal(struct channel *channel, struct channel_request *request)
{
    struct channel_requests *requests = channel_requests(channel);

    free_terminal(requests);
    requests->terminal = request->terminal;
    requests->terminal.struct_size = sizeof requests->terminal;
    requests->terminal.term = (struct sp_str){request->name, request->name_length};
    requests->terminal.modes = (struct sp_str){request->value, request->value_length};
    request->name = request->value = NULL;
    requests->has_terminal = true;
}

static bool keep_variable(struct channel *channel, struct channel_request *request)
{
    struct channel_requests *requests = channel_requests(channel);
    size_t bytes = request->name_length + request->value_length;
    struct sp_pair *grown;

    if (requests->environment_count >= ENVIRONMENT_MAX ||
        requests->environment_bytes + bytes > REQUEST_ENVIRONMENT_BYTES ||
        request->name_length == 0 || memchr(request->name, '=', request->name_length))
        return false;
    grown = realloc(requests->environment,
                    (requests->environment_count + 1) * sizeof *requests->environment);
    if (!grown)
        return false;
    requests->environment = grown;
    requests->environment_bytes += bytes;
    grown[requests->environment_count++] = (struct sp_pair){
        .name = {request->name, request->name_length},
        .value = {request->value, request->value_length},
    };
    request->name = request->value = NULL;
    return true;
}

static void keep_window(struct channel *channel, const struct channel_request *request)
{
    struct sp_terminal *terminal = &channel_requests(channel)->terminal;

    terminal->columns = request->terminal.columns;
    terminal->rows = request->terminal.rows;
    terminal->width_pixels = request->terminal.width_pixels;
    terminal->height_pixels = request->terminal.height_pixels;
    channel_notify_window_change(channel);
}

/* --- programs --------------------------------------------------------------------------------- */

static struct sp_str forced_command(const struct channel *channel)
{
    const struct sp_grant *grant = session_connection(channel_session(channel))->grant;

    return grant ? grant->forced_command : (struct sp_str){0};
}

/* What the core serves itself for this request, or NULL. A forced command leaves nothing but
 * itself; the name "internal-sftp" stands for the sftp subsystem. */
static const struct session_builtin *builtin_for(const struct channel *channel,
                                                 const struct channel_request *request)
{
    const struct session *session = channel_session(channel);
    struct sp_str forced = forced_command(channel);
    struct sp_str name = {request->name, request->name_length};

    for (const struct session_builtin *builtin = session->service->builtins; builtin->start;
         builtin++) {
        bool is_sftp = builtin->subsystem && strcmp(builtin->subsystem, "sftp") == 0;
        if (forced.len) {
            if (is_sftp && str_is(forced, "internal-sftp"))
                return builtin;
            continue;
        }
        if (request->kind == SP_REQUEST_SUBSYSTEM && builtin->subsystem &&
            str_is(name, builtin->subsystem))
            return builtin;
        if (request->kind == SP_REQUEST_EXEC && builtin->takes_command &&
            builtin->takes_command(session_config(session), name))
            return builtin;
    }
    return NULL;
}

/* The configuration's row for a subsystem, or NULL. */
static const struct config_subsystem *subsystem_row(const struct channel *channel,
                                                    const struct channel_request *request)
{
    const struct config *config = session_config(channel_session(channel));
    struct sp_str name = {request->name, request->name_length};

    for (size_t i = 0; i < config->subsystems_count; i++)
        if (str_is(name, config->subsystems[i].name))
            return &config->subsystems[i];
    return NULL;
}

static void note_program(struct channel *channel, const struct channel_request *request)
{
    channel_requests(channel)->has_program = true;
    channel_set_program(channel, request->kind,
                        (struct sp_str){request->name, request->name_length});
}

static void start_builtin(struct channel *channel, const struct session_builtin *builtin)
{
    struct channel_request *request = first(channel);
    struct sp_str command = {request->name, request->name_length};
    char *copy;

    if (!session_permits(channel_session(channel), SP_PERMIT_SFTP)) {
        refuse(channel, "not permitted to this user");
        return;
    }
    /* The client must have its answer before the first data. */
    copy = strndup(command.data ? command.data : "", (size_t)command.len);
    note_program(channel, request);
    finish(channel, true);
    if (!copy || builtin->start(channel, sp_str_of(copy)) < 0)
        channel_shut(channel);
    free(copy);
}

static void on_verdict(void *owner, int32_t verdict, const struct sp_reply *answer,
                       const struct plugin_instance *by)
{
    struct channel *channel = owner;
    struct channel_request *request = first(channel);
    const struct session_builtin *builtin;

    (void)answer;
    if (session_is_over(channel_session(channel)))
        return; /* nothing is started on a connection that ends */
    switch (request->kind) {
    case SP_REQUEST_PTY:
        if (verdict == SP_ALLOW || verdict == SP_NEXT) {
            keep_terminal(channel, request);
            finish(channel, true);
            return;
        }
        break;
    case SP_REQUEST_ENV:
        if ((verdict == SP_ALLOW || verdict == SP_NEXT) && keep_variable(channel, request)) {
            finish(channel, true);
            return;
        }
        break;
    case SP_REQUEST_SHELL:
    case SP_REQUEST_EXEC:
    case SP_REQUEST_SUBSYSTEM:
        if (verdict == SP_NEXT && request->kind == SP_REQUEST_EXEC &&
            (builtin = builtin_for(channel, request))) {
            start_builtin(channel, builtin);
            return;
        }
        if (verdict == SP_TAKE &&
            plugin_channel_start(channel, (struct plugin_instance *)(uintptr_t)by) == 0) {
            note_program(channel, request);
            finish(channel, true);
            plugin_channel_started(channel);
            return;
        }
        break;
    default:
        if (verdict == SP_ALLOW) {
            finish(channel, true);
            return;
        }
    }
    refuse(channel, verdict == SP_NEXT ? "no plugin takes it" : "refused by a plugin");
}

static void ask_chain(struct channel *channel, const struct chain *chain)
{
    struct session *session = channel_session(channel);
    struct channel_request *request = first(channel);
    struct request_memory *memory = request_memory_new(channel, request);
    struct sp_str forced = forced_command(channel);
    bool is_program = request->kind == SP_REQUEST_SHELL || request->kind == SP_REQUEST_EXEC;

    if (!memory) {
        refuse(channel, "out of memory");
        return;
    }
    struct sp_channel_event event = {
        .head = {.struct_size = sizeof event, .connection = session->snapshot},
        .channel = channel_id(channel),
        .request = request->kind,
        .type = sp_str_of(memory->type),
        .name = {memory->name, request->name_length},
        .value = {memory->value, request->value_length},
        .number = request->number,
        .terminal = channel_requests(channel)->has_terminal ? &memory->terminal : NULL,
        .environment = memory->environment,
        .environment_count = memory->environment_count,
    };
    if (request->kind == SP_REQUEST_X11) {
        event.x11 = &memory->x11;
        event.name = event.value = sp_str_of("");
    }
    if (is_program && forced.len) {
        /* Shell or not, the forced command is what runs; the client's words are its value. */
        event.request = SP_REQUEST_EXEC;
        event.value = event.name;
        event.name = forced; /* of the snapshot, which the event keeps */
    }
    chain_start(&channel_requests(channel)->run, chain, PLUGIN_CHANNEL_request, &event.head,
                session->strands, on_verdict, channel, request_memory_free, memory);
}

static void serve_subsystem(struct channel *channel)
{
    const struct session *session = channel_session(channel);
    const struct channel_request *request = first(channel);
    const struct config_subsystem *row = subsystem_row(channel, request);

    if (forced_command(channel).len) {
        refuse(channel, "the user has a forced command");
        return;
    }
    if (!row) {
        refuse(channel, "no such subsystem is configured");
        return;
    }
    if (!session_permits(session, SP_PERMIT_SUBSYSTEM)) {
        refuse(channel, "not permitted to this user");
        return;
    }
    ask_chain(channel,
              &session->service->subsystem_chains[row - session->service->config->subsystems]);
}

static void serve_program(struct channel *channel)
{
    struct channel_request *request = first(channel);
    const struct session_builtin *builtin;
    uint32_t permit = request->kind == SP_REQUEST_SHELL ? SP_PERMIT_SHELL : SP_PERMIT_EXEC;

    if (channel_requests(channel)->has_program) {
        refuse(channel, "the channel has a program already");
        return;
    }
    builtin = builtin_for(channel, request);
    if (builtin && request->kind == SP_REQUEST_SUBSYSTEM) {
        const struct config_subsystem *row = subsystem_row(channel, request);
        if (!row || row->instance)
            builtin = NULL; /* switched off, or a plugin's */
    }
    if (builtin && !(builtin->after_plugins && session_permits(channel_session(channel), permit)))
        start_builtin(channel, builtin);
    else if (request->kind == SP_REQUEST_SUBSYSTEM)
        serve_subsystem(channel);
    else if (!session_permits(channel_session(channel), permit))
        refuse(channel, "not permitted to this user");
    else
        ask_chain(channel, &channel_session(channel)->service->channel_chain);
}

void request_serve_next(struct channel *channel)
{
    struct channel_requests *requests = channel_requests(channel);
    struct session *session = channel_session(channel);
    struct channel_request *request;
    uint32_t permit = 0;

    if (list_is_empty(&requests->pending) || requests->run || session->is_dead)
        return;
    request = first(channel);
    for (size_t i = 0; request_kinds[i].name; i++)
        if (request_kinds[i].kind == request->kind)
            permit = request_kinds[i].permit;
    switch (request->kind) {
    case 0:
        refuse(channel, "malformed");
        return;
    case SP_REQUEST_SHELL:
    case SP_REQUEST_EXEC:
    case SP_REQUEST_SUBSYSTEM:
        serve_program(channel);
        return;
    case SP_REQUEST_WINDOW_CHANGE:
        keep_window(channel, request);
        finish(channel, true);
        return;
    case SP_REQUEST_SIGNAL:
        channel_notify_signal(channel, (struct sp_str){request->name, request->name_length});
        finish(channel, channel_has_handler(channel));
        return;
    case SP_REQUEST_BREAK:
        channel_notify_break(channel, request->number);
        finish(channel, channel_has_handler(channel));
        return;
    default:
        if (permit && !session_permits(session, permit))
            refuse(channel, "not permitted to this user");
        else if (requests->has_program && request->kind != SP_REQUEST_OTHER)
            refuse(channel, "the channel has a program already");
        else
            ask_chain(channel, &session->service->channel_chain);
    }
}
