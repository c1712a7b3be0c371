/*
 * guest_channel.c: what the plugin of an isolated instance asks of the core: the host's services,
 * as messages to the worker. How much may be sent on a channel is known here, from what the worker
 * granted and gave back. Called by service.c on the reactor thread; reserving ids on any.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "plugin/guest_private.h"
#include "plugin/private.h"

struct guest_channel {
    sp_id id;
    struct plugin_gate *gate;
    struct guest_block *connection; /* as last seen; NULL for one just opened */
    struct plugin_framing framing;
};

/* A process attached to a channel. It is our child: we reap it, and tell the worker through a pipe
 * that stands for it there. */
struct guest_child {
    struct guest *guest;
    struct reactor_source process;
    int report_fd;
    struct list link;
};

/* --- channels --------------------------------------------------------------------------------- */

static struct guest_channel *channel_add(struct guest *guest, sp_id id)
{
    struct guest_channel *channel = calloc(1, sizeof *channel);
    if (!channel || hashmap_add(&guest->channels, id, channel) < 0) {
        free(channel);
        return NULL;
    }
    channel->id = id;
    return channel;
}

static void channel_free(struct guest *guest, struct guest_channel *channel)
{
    hashmap_remove(&guest->channels, channel->id);
    plugin_gate_close(channel->gate);
    guest_block_unref(channel->connection);
    free(channel);
}

static void on_gate_open(struct guest *guest, const struct peer_message *message,
                         const uint8_t *body)
{
    struct guest_channel *channel = channel_add(guest, message->id);
    if (!channel)
        return; /* every service for it says that it is none */
    channel->connection = guest_block_new(&layout_sp_connection, body, message->length);
    if (channel->connection)
        channel->gate = plugin_gate_open(guest->instance, channel->connection->connection,
                                         channel->id, message->size);
    if (!channel->gate)
        channel_free(guest, channel);
}

static void on_gate_drained(struct guest *guest, struct guest_channel *channel, uint64_t length)
{
    if (plugin_gate_drained(channel->gate, length) && channel->connection)
        guest_call_ready(guest, channel->id, channel->connection);
}

static void keep_reserved(struct guest *guest, sp_id id)
{
    pthread_mutex_lock(&guest->reserved_lock);
    if (guest->reserved_count < GUEST_RESERVED_MAX)
        guest->reserved[guest->reserved_count++] = id;
    pthread_mutex_unlock(&guest->reserved_lock);
}

void guest_on_gate(struct guest *guest, const struct peer_message *message, const uint8_t *body)
{
    struct guest_channel *channel = hashmap_get(&guest->channels, message->id);
    if (message->kind == PEER_GATE_OPEN)
        on_gate_open(guest, message, body);
    else if (message->kind == PEER_RESERVED)
        keep_reserved(guest, message->id);
    else if (channel && message->kind == PEER_GATE_DRAINED)
        on_gate_drained(guest, channel, message->size);
    else if (channel && message->kind == PEER_GATE_CLOSED)
        channel_free(guest, channel);
}

void guest_channel_note(struct guest *guest, sp_id id, struct guest_block *event)
{
    struct guest_channel *channel = hashmap_get(&guest->channels, id);
    const struct sp_channel_event *data = event->data;
    if (!channel)
        return;
    plugin_gate_received(channel->gate, data->data.len);
    if (!channel->connection)
        channel->connection = guest_block_ref(event);
}

/* --- services --------------------------------------------------------------------------------- */

static int32_t send_message(struct guest *guest, const struct peer_message *message,
                            const void *bytes, const void *more)
{
    uint8_t *body = peer_put(&guest->peer, message, NULL, 0);
    if (!body)
        return guest->peer.is_open ? SP_E_NOMEM : SP_E_STALE;
    size_t first = more ? (size_t)(message->kind == PEER_OPEN ? message->number : message->size)
                        : message->length;
    if (bytes && first)
        memcpy(body, bytes, first);
    if (more && message->length > first)
        memcpy(body + first, more, message->length - first);
    return 0;
}

static int32_t guest_send(void *arg, sp_id channel, uint32_t stream, const void *data, uint64_t len)
{
    const struct peer_message message = {
        .length = (uint32_t)len, .kind = PEER_SEND, .id = channel, .number = stream};
    return send_message(arg, &message, data, NULL);
}

/* The worker would drop what is about a channel that is gone, and nobody would know. */
static int32_t send_of_channel(struct guest *guest, const struct peer_message *message,
                               const void *bytes, const void *more)
{
    if (!hashmap_get(&guest->channels, message->id))
        return SP_E_STALE;
    return send_message(guest, message, bytes, more);
}

static int32_t guest_eof(void *arg, sp_id channel)
{
    return send_of_channel(arg, &(struct peer_message){.kind = PEER_EOF, .id = channel}, NULL,
                           NULL);
}

static int32_t guest_exit_status(void *arg, sp_id channel, uint32_t status)
{
    const struct peer_message message = {.kind = PEER_EXIT_STATUS, .id = channel, .number = status};
    return send_of_channel(arg, &message, NULL, NULL);
}

static int32_t guest_exit_signal(void *arg, sp_id channel, struct sp_str name, uint32_t core_dumped,
                                 struct sp_str text)
{
    const struct peer_message message = {.length = (uint32_t)(name.len + text.len),
                                         .kind = PEER_EXIT_SIGNAL,
                                         .id = channel,
                                         .size = name.len,
                                         .number = core_dumped};
    return send_of_channel(arg, &message, name.data, text.len ? text.data : "");
}

static int32_t guest_close(void *arg, sp_id channel)
{
    return send_message(arg, &(struct peer_message){.kind = PEER_CLOSE, .id = channel}, NULL, NULL);
}

int32_t guest_channel_reframed(struct guest *guest, sp_id id)
{
    struct guest_channel *channel = hashmap_get(&guest->channels, id);
    if (!channel)
        return SP_E_STALE;
    if (!plugin_gate_reframe(channel->gate, &channel->framing))
        return 0;
    const struct peer_message message = {.length = (uint32_t)channel->framing.terminator_length,
                                         .kind = PEER_FRAMING,
                                         .id = id,
                                         .size = channel->framing.size,
                                         .number = channel->framing.kind};
    return send_message(guest, &message, channel->framing.terminator, NULL);
}

static int32_t guest_reframed(void *arg, sp_id channel)
{
    return guest_channel_reframed(arg, channel);
}

static sp_id guest_reserve(void *arg)
{
    struct guest *guest = arg;
    pthread_mutex_lock(&guest->reserved_lock);
    sp_id id = guest->reserved_count ? guest->reserved[--guest->reserved_count] : 0;
    pthread_mutex_unlock(&guest->reserved_lock);
    return id;
}

static void guest_release(void *arg, sp_id channel)
{
    keep_reserved(arg, channel);
}

static void guest_open(void *arg, struct plugin_instance *by, struct plugin_gate *gate,
                       sp_id connection, const struct sp_channel_open *open)
{
    struct guest *guest = arg;
    const struct peer_message message = {.length = (uint32_t)(open->type.len + open->payload.len),
                                         .kind = PEER_OPEN,
                                         .id = plugin_gate_channel(gate),
                                         .size = connection,
                                         .number = (uint32_t)open->type.len};
    (void)by;
    struct guest_channel *channel = channel_add(guest, message.id);
    if (!channel || send_message(guest, &message, open->type.data,
                                 open->payload.len ? open->payload.data : "") < 0) {
        if (channel)
            channel_free(guest, channel);
        plugin_gate_close(gate);
        return;
    }
    channel->gate = gate;
}

static int32_t guest_disconnect(void *arg, sp_id connection, struct sp_str text)
{
    const struct peer_message message = {
        .length = (uint32_t)text.len, .kind = PEER_DISCONNECT, .id = connection};
    return send_message(arg, &message, text.data, NULL);
}

static int32_t guest_rekey(void *arg, sp_id connection)
{
    const struct peer_message message = {.kind = PEER_REKEY, .id = connection};
    return send_message(arg, &message, NULL, NULL);
}

/* --- processes -------------------------------------------------------------------------------- */

static void child_free(struct guest_child *child)
{
    reactor_unwatch(child->guest->reactor, &child->process);
    close(child->process.fd);
    close(child->report_fd);
    list_remove(&child->link);
    free(child);
}

static void on_exit_of_child(struct reactor_source *source, uint32_t events)
{
    struct guest_child *child = container_of(source, struct guest_child, process);
    siginfo_t info = {0};
    (void)events;
    if (waitid(P_PIDFD, (id_t)source->fd, &info, WEXITED | WNOHANG) < 0 && errno == EINTR)
        return;
    if (info.si_pid == 0 && errno != ECHILD)
        return;
    const struct plugin_process_end end = {
        .status = info.si_code == CLD_EXITED ? info.si_status : -1,
        .signal = info.si_code == CLD_EXITED ? 0 : (uint32_t)info.si_status,
    };
    /* A pipe takes so little at once. If nobody reads it, nobody wants to know. */
    if (write(child->report_fd, &end, sizeof end) < 0)
        log_debug("plugin.child_unread", LOG_I64("status", end.status));
    child_free(child);
}

/* The end of a pipe that stands for the process over there, or -1. */
static int child_watch(struct guest *guest, int process_fd, struct guest_child **ret_child)
{
    int ends[2];
    struct guest_child *child = calloc(1, sizeof *child);
    if (!child || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
        free(child);
        return -1;
    }
    *child = (struct guest_child){.guest = guest,
                                  .process = {.fd = process_fd, .on_ready = on_exit_of_child},
                                  .report_fd = ends[1]};
    if (reactor_watch(guest->reactor, &child->process, REACTOR_READ) < 0) {
        close(ends[0]);
        close(ends[1]);
        free(child);
        return -1;
    }
    list_append(&guest->children, &child->link);
    *ret_child = child;
    return ends[0];
}

/* Undo: the descriptor is still the plugin's. */
static void child_unwatch(struct guest_child *child)
{
    reactor_unwatch(child->guest->reactor, &child->process);
    close(child->report_fd);
    list_remove(&child->link);
    free(child);
}

static int32_t guest_attach(void *arg, sp_id id, const struct sp_channel_streams *streams)
{
    struct guest *guest = arg;
    struct guest_child *child = NULL;
    bool is_shared = streams->input_fd >= 0 && streams->input_fd == streams->output_fd;
    const int given[] = {streams->input_fd, is_shared ? -1 : streams->output_fd, streams->error_fd};
    int descriptors[PEER_DESCRIPTORS_MAX];
    unsigned count = 0;
    struct peer_message message = {
        .kind = PEER_ATTACH, .id = id, .number = is_shared ? PEER_STREAM_SHARED : 0};
    if (!hashmap_get(&guest->channels, id))
        return SP_E_STALE;
    for (unsigned i = 0; i < sizeof given / sizeof *given; i++) {
        if (given[i] < 0)
            continue;
        message.number |= 1u << i;
        descriptors[count++] = given[i];
    }
    if (streams->process_fd >= 0) {
        int fd = child_watch(guest, streams->process_fd, &child);
        if (fd < 0)
            return SP_E_FAILED;
        message.number |= PEER_STREAM_PROCESS;
        descriptors[count++] = fd;
    }
    if (peer_put(&guest->peer, &message, descriptors, count))
        return 0; /* the peer closes them once they are sent */
    if (child) {
        close(descriptors[count - 1]);
        child_unwatch(child);
    }
    return SP_E_NOMEM;
}

static void free_channel(uint64_t key, void *value, void *arg)
{
    struct guest_channel *channel = value;
    (void)key;
    (void)arg;
    plugin_gate_close(channel->gate);
    guest_block_unref(channel->connection);
    free(channel);
}

void guest_close_channels(struct guest *guest)
{
    struct list *node;
    hashmap_for_each(&guest->channels, free_channel, NULL);
    hashmap_free(&guest->channels);
    guest->channels = (struct hashmap){0};
    while ((node = list_first(&guest->children)))
        child_free(container_of(node, struct guest_child, link));
}

const struct plugin_services guest_services = {
    .channel_eof = guest_eof,
    .channel_exit_status = guest_exit_status,
    .channel_exit_signal = guest_exit_signal,
    .channel_close = guest_close,
    .channel_attach = guest_attach,
    .channel_send = guest_send,
    .channel_reframed = guest_reframed,
    .channel_reserve = guest_reserve,
    .channel_release = guest_release,
    .channel_open = guest_open,
    .disconnect = guest_disconnect,
    .rekey = guest_rekey,
};
