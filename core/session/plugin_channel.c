/*
 * plugin_channel.c: a channel that a plugin has taken: its events become the plugin's operations,
 * until the plugin hands the bytes to descriptors, which a relay then serves.
 */
#include "session/internal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "session/relay.h"

enum {
    DATA_MAX = 32 * 1024,   /* a data event */
    GATE_ROOM = 256 * 1024, /* what a plugin may have queued toward the client */
    CONTROLS_MAX = 64,      /* signals on their way to a plugin that is slow */
};

struct plugin_channel {
    struct channel *channel; /* NULL once it is gone */
    struct session *session; /* likewise */
    struct plugin_instance *instance;
    struct plugin_gate *gate;
    struct relay *relay;
    sp_id id;
    unsigned references; /* calls not yet released, and the channel's */
    bool data_is_pending;
    bool has_eof;          /* the client sends no more */
    uint32_t controls;     /* control calls not yet released */
    bool size_is_out;      /* a call about the window's size is under way … */
    bool size_has_changed; /* … and it has changed since */
};

/* One call with all that its event points to. */
struct channel_call {
    struct plugin_call call;
    struct sp_channel_event event;
    struct sp_terminal terminal;
    struct plugin_channel *owner;
    const struct sp_connection *connection;
    char bytes[];
};

struct gate_chunk {
    struct channel_chunk chunk;
    struct plugin_channel *owner;
    size_t length;
    uint8_t bytes[];
};

static void call_plugin(struct plugin_channel *owner, enum plugin_operation operation,
                        const struct sp_channel_event *details, const void *bytes, size_t length);

static void unref(struct plugin_channel *owner)
{
    if (--owner->references == 0)
        free(owner);
}

/* --- calls ------------------------------------------------------------------------------------ */

static void send_exit(struct channel *channel, int32_t status, uint32_t signal_number)
{
    static const struct {
        int number;
        const char *name; /* RFC 4254, 6.10 */
    } names[] = {
        {SIGABRT, "ABRT"}, {SIGALRM, "ALRM"}, {SIGFPE, "FPE"},   {SIGHUP, "HUP"},
        {SIGILL, "ILL"},   {SIGINT, "INT"},   {SIGKILL, "KILL"}, {SIGPIPE, "PIPE"},
        {SIGQUIT, "QUIT"}, {SIGSEGV, "SEGV"}, {SIGTERM, "TERM"}, {SIGUSR1, "USR1"},
        {SIGUSR2, "USR2"},
    };

    if (status >= 0) {
        channel_send_exit_status(channel, (uint32_t)status);
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if ((uint32_t)names[i].number == signal_number) {
            channel_send_exit_signal(channel, names[i].name, false, "");
            return;
        }
    /* The name may be extended by "@domain" only; a shell's way of saying it serves better. */
    channel_send_exit_status(channel, 128 + signal_number);
}

static void on_done(struct plugin_call *call, int32_t verdict, const struct sp_reply *reply)
{
    struct channel_call *self = container_of(call, struct channel_call, call);
    struct plugin_channel *owner = self->owner;

    (void)reply;
    if (!owner->channel)
        return;
    if (call->operation == PLUGIN_CHANNEL_data)
        owner->data_is_pending = false;
    if (call->operation == PLUGIN_CHANNEL_child_exited) {
        if (verdict == SP_NEXT)
            send_exit(owner->channel, self->event.exit_status, self->event.exit_signal);
        channel_shut(owner->channel);
        return;
    }
    if (verdict < 0) { /* the host has logged it */
        channel_shut(owner->channel);
        return;
    }
    if (call->operation == PLUGIN_CHANNEL_data)
        channel_resume(owner->channel);
}

static void tell_size(struct plugin_channel *owner)
{
    struct sp_channel_event details = {.request = SP_REQUEST_WINDOW_CHANGE,
                                       .terminal = channel_terminal(owner->channel)};

    owner->size_has_changed = false;
    owner->size_is_out = true;
    call_plugin(owner, PLUGIN_CHANNEL_control, &details, NULL, 0);
}

static void control_released(struct plugin_channel *owner, uint32_t request)
{
    owner->controls--;
    if (request != SP_REQUEST_WINDOW_CHANGE)
        return;
    owner->size_is_out = false;
    if (owner->size_has_changed && owner->channel)
        tell_size(owner);
}

static void on_release(struct plugin_call *call)
{
    struct channel_call *self = container_of(call, struct channel_call, call);
    struct plugin_channel *owner = self->owner;

    if (call->operation == PLUGIN_CHANNEL_control)
        control_released(owner, self->event.request);
    snapshot_unref(self->connection);
    free(self);
    unref(owner);
}

/* details says what is particular to the event; bytes become its data. */
static void call_plugin(struct plugin_channel *owner, enum plugin_operation operation,
                        const struct sp_channel_event *details, const void *bytes, size_t length)
{
    struct channel_call *self;

    if (!plugin_instance_offers(owner->instance, operation) &&
        operation != PLUGIN_CHANNEL_child_exited)
        return;
    self = calloc(1, sizeof *self + length + 1);
    if (!self) {
        session_break(owner->session, "channel.failed", "out of memory");
        return;
    }
    self->owner = owner;
    self->connection = snapshot_ref(owner->session->snapshot);
    self->event = *details;
    self->event.head =
        (struct sp_event){.struct_size = sizeof self->event, .connection = self->connection};
    self->event.channel = owner->id;
    if (length)
        memcpy(self->bytes, bytes, length);
    if (operation == PLUGIN_CHANNEL_data)
        self->event.data = (struct sp_str){self->bytes, length};
    else
        self->event.name = (struct sp_str){self->bytes, length};
    if (details->terminal) {
        self->terminal = *details->terminal;
        self->terminal.term = self->terminal.modes = sp_str_of(""); /* as with the request */
        self->event.terminal = &self->terminal;
    }
    self->call.instance = owner->instance;
    self->call.operation = operation;
    self->call.event = &self->event.head;
    self->call.strands = owner->session->strands;
    self->call.on_done = on_done;
    self->call.on_release = on_release;
    owner->references++;
    owner->controls += operation == PLUGIN_CHANNEL_control;
    plugin_call_start(&self->call);
}

/* --- the channel's handler ----------------------------------------------------------------------
 */

static size_t handle_data(void *arg, uint32_t stream, const uint8_t *data, size_t length)
{
    struct plugin_channel *owner = arg;
    size_t taken = 0;

    if (owner->relay)
        return stream == SP_STREAM_DATA ? relay_take(owner->relay, data, length) : length;
    /* Without the operation the plugin is going to attach descriptors: the data is theirs. */
    if (!plugin_instance_offers(owner->instance, PLUGIN_CHANNEL_data))
        return 0;
    while (taken < length && !owner->data_is_pending && owner->channel) {
        size_t piece = length - taken < DATA_MAX ? length - taken : DATA_MAX;
        struct sp_channel_event details = {.stream = stream};
        owner->data_is_pending = true;
        call_plugin(owner, PLUGIN_CHANNEL_data, &details, data + taken, piece);
        taken += piece;
    }
    return taken;
}

static void handle_eof(void *arg)
{
    struct plugin_channel *owner = arg;
    struct sp_channel_event details = {0};

    owner->has_eof = true;
    if (owner->relay)
        relay_end_input(owner->relay);
    call_plugin(owner, PLUGIN_CHANNEL_eof, &details, NULL, 0);
}

static void handle_writable(void *arg)
{
    struct plugin_channel *owner = arg;

    if (owner->relay)
        relay_resume_output(owner->relay);
}

static void handle_signal(void *arg, struct sp_str name)
{
    struct plugin_channel *owner = arg;
    struct sp_channel_event details = {.request = str_is(name, "BREAK") ? SP_REQUEST_BREAK
                                                                        : SP_REQUEST_SIGNAL};

    if (owner->controls >= CONTROLS_MAX)
        channel_shut(owner->channel);
    else
        call_plugin(owner, PLUGIN_CHANNEL_control, &details, name.data, (size_t)name.len);
}

/* However often the size changes, the plugin is told of the latest. */
static void handle_window_change(void *arg, const struct sp_terminal *terminal)
{
    struct plugin_channel *owner = arg;

    (void)terminal;
    if (owner->size_is_out)
        owner->size_has_changed = true;
    else if (plugin_instance_offers(owner->instance, PLUGIN_CHANNEL_control))
        tell_size(owner);
}

static void handle_closed(void *arg)
{
    struct plugin_channel *owner = arg;
    struct sp_channel_event details = {0};

    relay_free(owner->relay);
    owner->relay = NULL;
    plugin_gate_close(owner->gate);
    owner->gate = NULL;
    call_plugin(owner, PLUGIN_CHANNEL_closed, &details, NULL, 0);
    owner->channel = NULL;
    owner->session = NULL;
    unref(owner);
}

static const struct channel_handler handler = {
    .on_data = handle_data,
    .on_eof = handle_eof,
    .on_writable = handle_writable,
    .on_signal = handle_signal,
    .on_window_change = handle_window_change,
    .on_closed = handle_closed,
};

/* --- beginning ----------------------------------------------------------------------------------
 */

int plugin_channel_start(struct channel *channel, struct plugin_instance *instance)
{
    struct session *session = channel_session(channel);
    struct plugin_channel *owner = calloc(1, sizeof *owner);

    if (!owner)
        return SP_ERR_NOMEM;
    *owner = (struct plugin_channel){
        .channel = channel,
        .session = session,
        .instance = instance,
        .id = channel_id(channel),
        .references = 1,
    };
    owner->gate = plugin_gate_open(instance, session->snapshot, owner->id, GATE_ROOM);
    if (!owner->gate) {
        free(owner);
        return SP_ERR_NOMEM;
    }
    channel_set_handler(channel, &handler, owner);
    return 0;
}

void plugin_channel_started(struct channel *channel)
{
    struct plugin_channel *owner = channel_handler_arg(channel, &handler);
    struct sp_channel_event details = {0};

    if (owner)
        call_plugin(owner, PLUGIN_CHANNEL_started, &details, NULL, 0);
}

/* --- what plugins ask for ------------------------------------------------------------------------
 */

static void on_relay_done(void *arg, bool has_process, int status, int signal_number)
{
    struct plugin_channel *owner = arg;
    struct sp_channel_event details = {.exit_status = status,
                                       .exit_signal = (uint32_t)signal_number};

    if (!owner->channel)
        return;
    if (has_process)
        call_plugin(owner, PLUGIN_CHANNEL_child_exited, &details, NULL, 0);
    else
        channel_shut(owner->channel);
}

int32_t plugin_channel_attach(struct channel *channel, const struct sp_channel_streams *streams)
{
    struct plugin_channel *owner = channel_handler_arg(channel, &handler);

    if (!owner || owner->relay)
        return SP_E_INVALID;
    owner->relay =
        relay_new(session_reactor(owner->session), channel, streams, on_relay_done, owner);
    if (!owner->relay)
        return SP_E_FAILED;
    if (owner->has_eof)
        relay_end_input(owner->relay);
    channel_resume(channel);
    return 0;
}

static void on_gate_chunk_sent(struct channel_chunk *chunk)
{
    struct gate_chunk *self = container_of(chunk, struct gate_chunk, chunk);
    struct plugin_channel *owner = self->owner;
    struct sp_channel_event details = {0};

    if (owner->gate && plugin_gate_drained(owner->gate, self->length))
        call_plugin(owner, PLUGIN_CHANNEL_ready_to_send, &details, NULL, 0);
    free(self);
}

int32_t plugin_channel_send(struct channel *channel, uint32_t stream, const void *data,
                            uint64_t length)
{
    struct plugin_channel *owner = channel_handler_arg(channel, &handler);
    struct gate_chunk *chunk;

    if (!owner)
        return SP_E_STALE;
    chunk = malloc(sizeof *chunk + (size_t)length);
    if (!chunk)
        return SP_E_NOMEM;
    memcpy(chunk->bytes, data, (size_t)length);
    chunk->owner = owner;
    chunk->length = (size_t)length;
    chunk->chunk = (struct channel_chunk){.data = chunk->bytes,
                                          .length = (size_t)length,
                                          .stream = stream,
                                          .on_sent = on_gate_chunk_sent};
    channel_send_chunk(channel, &chunk->chunk);
    return 0;
}
