/*
 * remote_wish.c: what the process of an isolated instance asks of the core on its plugin's behalf,
 * done through the very table that a plugin in the worker is given. Only channels that the instance
 * has taken can be meant, and only as much can be sent as was granted. Called by remote.c.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "plugin/private.h"
#include "plugin/remote_private.h"

static struct sp_str rest_of(const struct peer_message *message, const uint8_t *body, size_t from)
{
    return (struct sp_str){(const char *)body + from, message->length - from};
}

/* Over there it is known how much may be sent: to send more is to break the rules. */
static void send_data(struct remote *remote, const struct peer_message *message,
                      const uint8_t *body)
{
    const struct sp_host *host = &remote->instance->services;
    int64_t taken = host->channel_send(host, message->id, message->number, body, message->length);
    if (taken >= 0 && (uint64_t)taken < message->length)
        remote_lose(remote, "it sent more than a channel has room for");
    else if (taken < 0 && taken != SP_E_STALE)
        host->channel_close(host, message->id);
}

static void send_signal(struct remote *remote, const struct peer_message *message,
                        const uint8_t *body)
{
    const struct sp_host *host = &remote->instance->services;
    size_t name = message->size <= message->length ? (size_t)message->size : message->length;
    host->channel_exit_signal(host, message->id, (struct sp_str){(const char *)body, name},
                              message->number, rest_of(message, body, name));
}

/* A pipe stands for a process that is not our child. Of others we would hold the very process: one
 * that the plugin may not signal, perhaps, and we may. */
static bool is_pipe(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

/* The descriptors that came, in the order of their bits; those kept by the core become -1. */
static void attach(struct remote *remote, const struct peer_message *message, int *descriptors)
{
    const struct sp_host *host = &remote->instance->services;
    struct sp_channel_streams streams = {.struct_size = sizeof streams,
                                         .input_fd = -1,
                                         .output_fd = -1,
                                         .error_fd = -1,
                                         .process_fd = -1};
    int32_t *const places[] = {&streams.input_fd, &streams.output_fd, &streams.error_fd,
                               &streams.process_fd};
    unsigned next = 0;
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++)
        if (message->number >> i & 1u)
            *places[i] = next < message->descriptors ? descriptors[next++] : -1;
    if (message->number & PEER_STREAM_SHARED)
        streams.output_fd = streams.input_fd;
    if (streams.process_fd >= 0 && !is_pipe(streams.process_fd)) {
        remote_lose(remote, "it attached a process by what is no pipe");
        return;
    }
    if (host->channel_attach(host, message->id, &streams) < 0) {
        host->channel_close(host, message->id);
        return;
    }
    for (unsigned i = 0; i < next; i++)
        descriptors[i] = -1;
}

static void frame(struct remote *remote, const struct peer_message *message, const uint8_t *body)
{
    const struct sp_host *host = &remote->instance->services;
    const struct sp_framing framing = {.struct_size = sizeof framing,
                                       .kind = message->number,
                                       .size = message->size,
                                       .terminator = rest_of(message, body, 0)};
    host->channel_framing(host, message->id, &framing);
}

static void open_channel(struct remote *remote, const struct peer_message *message,
                         const uint8_t *body)
{
    struct plugin_instance *instance = remote->instance;
    const struct plugin_services *s = &instance->host->services;
    size_t length = message->number <= message->length ? message->number : message->length;
    const struct sp_channel_open open = {.struct_size = sizeof open,
                                         .type = {(const char *)body, length},
                                         .payload = rest_of(message, body, length)};
    if (!remote_take_reserved(remote, message->id)) {
        remote_lose(remote, "it opened a channel by an id that is not its own");
        return;
    }
    remote_reserve(remote);
    struct plugin_gate *gate = plugin_gate_open(instance, NULL, message->id, PLUGIN_GATE_ROOM);
    if (gate && service_open_is_sound(&open)) {
        s->channel_open(s->arg, instance, gate, message->size, &open);
        return;
    }
    plugin_gate_close(gate); /* tells the process, too */
    s->channel_release(s->arg, message->id);
}

static bool is_of_channel(uint32_t kind)
{
    return kind >= PEER_SEND && kind <= PEER_ATTACH && kind != PEER_OPEN;
}

void remote_grant(struct remote *remote, const struct peer_message *message, const uint8_t *body,
                  int *descriptors)
{
    const struct sp_host *host = &remote->instance->services;
    /* The channel may have gone meanwhile. */
    if (is_of_channel(message->kind) && !gate_is_of(remote->instance, message->id))
        return;
    switch ((enum peer_kind)message->kind) {
    case PEER_SEND:
        send_data(remote, message, body);
        break;
    case PEER_EOF:
        host->channel_eof(host, message->id);
        break;
    case PEER_EXIT_STATUS:
        host->channel_exit_status(host, message->id, message->number);
        break;
    case PEER_EXIT_SIGNAL:
        send_signal(remote, message, body);
        break;
    case PEER_CLOSE:
        host->channel_close(host, message->id);
        break;
    case PEER_FRAMING:
        frame(remote, message, body);
        break;
    case PEER_OPEN:
        open_channel(remote, message, body);
        break;
    case PEER_ATTACH:
        attach(remote, message, descriptors);
        break;
    case PEER_DISCONNECT:
        host->disconnect(host, message->id, rest_of(message, body, 0));
        break;
    case PEER_REKEY:
        host->rekey(host, message->id);
        break;
    default:
        remote_lose(remote, "it sent what only a worker sends");
        break;
    }
}
