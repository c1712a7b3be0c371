/*
 * plugin_channel.c: a channel that a plugin has taken: its events become the plugin's operations,
 * until the plugin hands the bytes to descriptors, which a relay then serves.
 */
#include "session/plugin_channel.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "session/framer.h"

enum {
    CONTROLS_MAX = 64, /* signals on their way to a plugin that is slow */
    EVENTS_MAX = 512,  /* of data, one after the other, to a plugin that answers at once */
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

static void unref(struct plugin_channel *owner)
{
    if (--owner->references > 0)
        return;
    plugin_strands_free(owner->strands);
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

/* They may change the framing, and that is to hold for what comes after them. */
static bool holds_data(enum plugin_operation operation)
{
    return operation == PLUGIN_CHANNEL_data || operation == PLUGIN_CHANNEL_started ||
           operation == PLUGIN_CHANNEL_opened;
}

static void on_done(struct plugin_call *call, int32_t verdict, const struct sp_reply *reply)
{
    struct channel_call *self = container_of(call, struct channel_call, call);
    struct plugin_channel *owner = self->owner;

    (void)reply;
    if (!owner->channel)
        return;
    owner->holding -= holds_data(call->operation);
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
    if (holds_data(call->operation) && owner->holding == 0)
        channel_resume(owner->channel);
}

static void tell_size(struct plugin_channel *owner)
{
    struct sp_channel_event details = {.request = SP_REQUEST_WINDOW_CHANGE,
                                       .terminal = channel_terminal(owner->channel)};

    owner->size_has_changed = false;
    owner->size_is_out = true;
    plugin_channel_call(owner, PLUGIN_CHANNEL_control, &details, NULL, 0);
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
    if (self->connection)
        snapshot_unref(self->connection);
    free(self);
    unref(owner);
}

/* The fields of the event that the bytes are. */
static void place_bytes(struct sp_channel_event *event, enum plugin_operation operation,
                        const char *bytes, size_t length)
{
    switch (operation) {
    case PLUGIN_CHANNEL_data:
        event->data = (struct sp_str){bytes, length};
        return;
    case PLUGIN_CHANNEL_opened: /* the type with a NUL, and the parameters */
        event->type = sp_str_of(bytes);
        event->parameters =
            (struct sp_str){bytes + event->type.len + 1, length - event->type.len - 1};
        return;
    default:
        event->name = (struct sp_str){bytes, length};
    }
}

/* details says what is particular to the event; bytes become its texts. */
void plugin_channel_call(struct plugin_channel *owner, enum plugin_operation operation,
                         const struct sp_channel_event *details, const void *bytes, size_t length)
{
    struct channel_call *self;

    if (!plugin_instance_offers(owner->instance, operation) &&
        operation != PLUGIN_CHANNEL_child_exited)
        return;
    self = calloc(1, sizeof *self + length + 1);
    if (!self) {
        if (owner->session)
            session_break(owner->session, "channel.failed", "out of memory");
        return;
    }
    self->owner = owner;
    if (owner->session)
        self->connection = snapshot_ref(owner->session->snapshot);
    self->event = *details;
    self->event.head =
        (struct sp_event){.struct_size = sizeof self->event, .connection = self->connection};
    self->event.channel = owner->id;
    if (length)
        memcpy(self->bytes, bytes, length);
    place_bytes(&self->event, operation, self->bytes, length);
    if (details->terminal) {
        self->terminal = *details->terminal;
        self->terminal.term = self->terminal.modes = sp_str_of(""); /* as with the request */
        self->event.terminal = &self->terminal;
    }
    self->call.instance = owner->instance;
    self->call.operation = operation;
    self->call.event = &self->event.head;
    self->call.strands = owner->strands;
    self->call.epoch = owner->epoch;
    self->call.on_done = on_done;
    self->call.on_release = on_release;
    owner->references++;
    owner->controls += operation == PLUGIN_CHANNEL_control;
    owner->holding += holds_data(operation);
    plugin_call_start(&self->call);
}

/* --- the channel's handler ----------------------------------------------------------------------
 */

static size_t give_to_relay(struct plugin_channel *owner, uint32_t stream, const uint8_t *data,
                            size_t length)
{
    size_t taken = stream == SP_STREAM_DATA ? relay_take(owner->relay, data, length) : length;

    plugin_gate_received(owner->gate, taken);
    return taken;
}

/* How many bytes make the next event; 0: it is not there yet. */
static size_t next_event(struct plugin_channel *owner, uint32_t stream, const uint8_t *data,
                         size_t length, struct sp_channel_event *event)
{
    bool is_last = channel_input_is_last(owner->channel, stream), is_whole;
    size_t piece;

    if (plugin_gate_reframe(owner->gate, &owner->framing))
        owner->searched[0] = owner->searched[1] = 0;
    piece =
        framer_next(&owner->framing, &owner->searched[stream], data, length, is_last, &is_whole);
    *event = (struct sp_channel_event){.stream = stream, .frame_end = is_whole};
    return piece;
}

static size_t handle_data(void *arg, uint32_t stream, const uint8_t *data, size_t length)
{
    struct plugin_channel *owner = arg;
    size_t taken = 0;
    unsigned events = 0;

    /* Without the operation the plugin is going to attach descriptors: the data is theirs. */
    if (!owner->relay && !plugin_instance_offers(owner->instance, PLUGIN_CHANNEL_data))
        return 0;
    while (taken < length && !owner->holding && owner->channel && !owner->relay) {
        struct sp_channel_event details;
        size_t piece = next_event(owner, stream, data + taken, length - taken, &details);
        if (piece == 0) {
            channel_await_more(owner->channel, stream);
            break;
        }
        if (events++ == EVENTS_MAX) { /* records may be as short as a byte */
            channel_yield(owner->channel);
            break;
        }
        plugin_gate_received(owner->gate, piece);
        plugin_channel_call(owner, PLUGIN_CHANNEL_data, &details, data + taken, piece);
        taken += piece;
    }
    if (owner->relay)
        taken += give_to_relay(owner, stream, data + taken, length - taken);
    return taken;
}

static void handle_opened(void *arg, uint32_t reason)
{
    struct plugin_channel *owner = arg;
    struct sp_channel_event details = {.reason = reason};
    const char *type = owner->channel ? channel_type(owner->channel) : "";

    owner->is_opening = false;
    plugin_channel_call(owner, PLUGIN_CHANNEL_opened, &details, type, strlen(type) + 1);
}

static void handle_eof(void *arg)
{
    struct plugin_channel *owner = arg;
    struct sp_channel_event details = {0};

    owner->has_eof = true;
    if (owner->relay)
        relay_end_input(owner->relay);
    plugin_channel_call(owner, PLUGIN_CHANNEL_eof, &details, NULL, 0);
}

static void handle_writable(void *arg)
{
    struct plugin_channel *owner = arg;

    if (owner->relay)
        relay_resume_output(owner->relay);
}

static void control(struct plugin_channel *owner, const struct sp_channel_event *details,
                    struct sp_str name)
{
    if (owner->controls >= CONTROLS_MAX)
        channel_shut(owner->channel);
    else
        plugin_channel_call(owner, PLUGIN_CHANNEL_control, details, name.data, (size_t)name.len);
}

static void handle_signal(void *arg, struct sp_str name)
{
    control(arg, &(struct sp_channel_event){.request = SP_REQUEST_SIGNAL}, name);
}

static void handle_break(void *arg, uint32_t milliseconds)
{
    control(arg, &(struct sp_channel_event){.request = SP_REQUEST_BREAK, .number = milliseconds},
            sp_str_of(""));
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

    if (owner->is_opening) /* the connection ended before the client answered */
        handle_opened(owner, SP_OPEN_CONNECT_FAILED);
    relay_free(owner->relay);
    owner->relay = NULL;
    plugin_gate_close(owner->gate);
    owner->gate = NULL;
    plugin_channel_call(owner, PLUGIN_CHANNEL_closed, &details, NULL, 0);
    owner->channel = NULL;
    owner->session = NULL;
    unref(owner);
}

static const struct channel_handler handler = {
    .on_data = handle_data,
    .on_eof = handle_eof,
    .on_writable = handle_writable,
    .on_opened = handle_opened,
    .on_signal = handle_signal,
    .on_break = handle_break,
    .on_window_change = handle_window_change,
    .on_closed = handle_closed,
};

/* --- beginning ----------------------------------------------------------------------------------
 */

int plugin_channel_start(struct channel *channel, struct plugin_instance *instance)
{
    const struct session *session = channel_session(channel);
    struct plugin_gate *gate =
        plugin_gate_open(instance, session->snapshot, channel_id(channel), PLUGIN_GATE_ROOM);

    return gate ? plugin_channel_adopt(channel, instance, gate) : SP_ERR_NOMEM;
}

int plugin_channel_adopt(struct channel *channel, struct plugin_instance *instance,
                         struct plugin_gate *gate)
{
    struct session *session = channel_session(channel);
    struct plugin_channel *owner = calloc(1, sizeof *owner);

    if (!owner) {
        plugin_gate_close(gate);
        return SP_ERR_NOMEM;
    }
    *owner = (struct plugin_channel){
        .channel = channel,
        .session = session,
        .strands = plugin_strands_ref(session->strands),
        .instance = instance,
        .epoch = plugin_instance_epoch(instance),
        .gate = gate,
        .id = channel_id(channel),
        .references = 1,
        .is_opening = channel_is_opening(channel),
    };
    channel_set_handler(channel, &handler, owner);
    return 0;
}

void plugin_channel_refuse(struct session_service *service, struct session *session,
                           struct plugin_instance *instance, struct plugin_gate *gate,
                           uint32_t reason)
{
    struct plugin_channel *owner = calloc(1, sizeof *owner);

    if (!owner) {
        plugin_gate_close(gate);
        return;
    }
    *owner = (struct plugin_channel){
        .session = session,
        .strands = session ? plugin_strands_ref(session->strands)
                           : plugin_strands_new(service->host), /* keeps the order of the two */
        .instance = instance,
        .epoch = plugin_instance_epoch(instance),
        .gate = gate,
        .id = plugin_gate_channel(gate),
        .references = 1,
    };
    handle_opened(owner, reason);
    handle_closed(owner);
}

const struct plugin_instance *plugin_channel_instance(const struct channel *channel,
                                                      struct sp_channel_info *ret_info)
{
    const struct plugin_channel *owner = channel_handler_arg(channel, &handler);

    if (owner && ret_info)
        plugin_gate_info(owner->gate, ret_info);
    return owner ? owner->instance : NULL;
}

void plugin_channel_started(struct channel *channel)
{
    struct plugin_channel *owner = channel_handler_arg(channel, &handler);
    struct sp_channel_event details = {0};

    if (owner)
        plugin_channel_call(owner, PLUGIN_CHANNEL_started, &details, NULL, 0);
}

void plugin_channel_opened(struct channel *channel, struct sp_str parameters)
{
    struct plugin_channel *owner = channel_handler_arg(channel, &handler);
    struct sp_channel_event details = {0};
    struct buffer bytes = {0};
    const char *type = channel_type(channel);

    if (!owner)
        return;
    if (buffer_append(&bytes, type, strlen(type) + 1) < 0 ||
        buffer_append(&bytes, parameters.data, (size_t)parameters.len) < 0)
        session_break(owner->session, "channel.failed", "out of memory");
    else
        plugin_channel_call(owner, PLUGIN_CHANNEL_opened, &details, buffer_data(&bytes),
                            buffer_length(&bytes));
    buffer_release(&bytes);
}

struct plugin_channel *plugin_channel_of(const struct channel *channel)
{
    return channel_handler_arg(channel, &handler);
}
