/*
 * guest.c: serves a worker's calls in the process of an isolated instance. Called by core/isolate.c
 * in a process of its own; the reactor thread.
 *
 * Each call becomes a struct plugin_call of the host that lives here, so threads, order, completion
 * and late answers are those of a plugin in the worker. Deadlines and verdicts are the worker's
 * business.
 */
#include "plugin/guest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "plugin/guest_private.h"
#include "plugin/marshal.h"
#include "plugin/private.h"

/* How long telling the worker of a failure may take. */
#define FAILURE_MS 5000
#define WHY_MAX 255

/* The order of a connection's calls, while there are any. */
struct guest_connection {
    sp_id id;
    struct plugin_strands *strands;
    unsigned calls;
};

struct guest_call {
    struct plugin_call call;
    struct guest *guest;
    sp_token token; /* the worker's; 0: the worker knows nothing of it */
    struct guest_block *event;
    struct guest_block *connection_block; /* that event points into, where event does not hold it */
    struct guest_connection *connection;
    struct sp_channel_event ready; /* the event of a call of our own */
};

/* --- blocks ----------------------------------------------------------------------------------- */

struct guest_block *guest_block_new(const struct layout *layout, const uint8_t *bytes,
                                    size_t length)
{
    struct guest_block *block = calloc(1, sizeof *block);
    if (!block || marshal_get(layout, bytes, length, &block->data, &block->size) < 0) {
        free(block);
        return NULL;
    }
    block->references = 1;
    block->connection = layout == &layout_sp_connection
                            ? block->data
                            : ((const struct sp_event *)block->data)->connection;
    return block;
}

struct guest_block *guest_block_ref(struct guest_block *block)
{
    block->references++;
    return block;
}

void guest_block_unref(struct guest_block *block)
{
    if (!block || --block->references > 0)
        return;
    secret_wipe(block->data, block->size);
    free(block->data);
    free(block);
}

/* --- calls ------------------------------------------------------------------------------------ */

static struct guest_connection *connection_enter(struct guest *guest, sp_id id)
{
    struct guest_connection *connection = hashmap_get(&guest->connections, id);
    if (!connection) {
        connection = calloc(1, sizeof *connection);
        if (!connection)
            return NULL;
        connection->id = id;
        connection->strands = plugin_strands_new(guest->host);
        if (!connection->strands || hashmap_add(&guest->connections, id, connection) < 0) {
            plugin_strands_free(connection->strands);
            free(connection);
            return NULL;
        }
    }
    connection->calls++;
    return connection;
}

static void connection_leave(struct guest *guest, struct guest_connection *connection)
{
    if (!connection || --connection->calls > 0)
        return;
    hashmap_remove(&guest->connections, connection->id);
    plugin_strands_free(connection->strands);
    free(connection);
}

static void call_free(struct guest_call *call)
{
    struct guest *guest = call->guest;
    if (call->token)
        hashmap_remove(&guest->calls, call->token);
    connection_leave(guest, call->connection);
    guest_block_unref(call->event);
    guest_block_unref(call->connection_block);
    free(call);
}

/* Without this the worker would wait for ever: better that it sees us go. */
static void tell(struct guest *guest, enum peer_kind kind, sp_token token, uint32_t number)
{
    if (peer_tell(&guest->peer, kind, token, 0, number) < 0)
        reactor_stop(guest->reactor);
}

static void send_reply(struct guest *guest, struct guest_call *call, const struct sp_reply *reply)
{
    const struct layout *layout = plugin_operation_info(call->call.operation)->reply;
    size_t length = marshal_size(layout, reply);
    const struct peer_message message = {
        .length = (uint32_t)length, .kind = PEER_REPLY, .id = call->token};
    uint8_t *body = length ? peer_put(&guest->peer, &message, NULL, 0) : NULL;
    if (body)
        marshal_put(layout, reply, body);
    else
        tell(guest, PEER_VERDICT, call->token, (uint32_t)SP_E_NOMEM);
}

static void on_done(struct plugin_call *plugin_call, int32_t verdict, const struct sp_reply *reply)
{
    struct guest_call *call = container_of(plugin_call, struct guest_call, call);
    if (!call->token)
        return;
    /* The next data is framed as the operation has said, and it may come once this is answered. */
    if (plugin_operation_info(call->call.operation)->interface == PLUGIN_CHANNEL)
        guest_channel_reframed(call->guest,
                               ((const struct sp_channel_event *)call->event->data)->channel);
    if (reply)
        send_reply(call->guest, call, reply);
    else
        tell(call->guest, PEER_VERDICT, call->token, (uint32_t)verdict);
}

static void on_release(struct plugin_call *plugin_call)
{
    struct guest_call *call = container_of(plugin_call, struct guest_call, call);
    if (call->token)
        tell(call->guest, PEER_RELEASED, call->token, 0);
    call_free(call);
}

static void start(struct guest_call *call, enum plugin_operation operation, struct sp_event *event)
{
    call->call.instance = call->guest->instance;
    call->call.operation = operation;
    call->call.event = event;
    call->call.strands = call->connection ? call->connection->strands : NULL;
    call->call.on_done = on_done;
    call->call.on_release = on_release;
    plugin_call_start(&call->call);
}

/* The file's data lies where the worker says. */
static bool place_buffer(struct guest *guest, struct sp_fs_io *io, uint64_t at)
{
    io->buffer = arena_at(&guest->arena, at, io->length);
    return io->buffer != NULL;
}

static bool take_event(struct guest *guest, struct guest_call *call,
                       const struct peer_message *message, const uint8_t *body)
{
    enum plugin_operation operation = message->number;
    const struct plugin_operation_info *info = plugin_operation_info(operation);
    call->event = guest_block_new(info->event, body, message->length);
    if (!call->event)
        return false;
    if (info->event == &layout_sp_fs_io && !place_buffer(guest, call->event->data, message->size))
        return false;
    if (info->event == &layout_sp_channel_event)
        guest_channel_note(guest, ((const struct sp_channel_event *)call->event->data)->channel,
                           call->event);
    if (!(message->flags & PEER_IN_ORDER))
        return true;
    const struct sp_connection *connection = call->event->connection;
    call->connection = connection_enter(guest, connection ? connection->id : 0);
    return call->connection != NULL;
}

static void refuse(struct guest *guest, sp_token token)
{
    tell(guest, PEER_VERDICT, token, (uint32_t)SP_E_NOMEM);
    tell(guest, PEER_RELEASED, token, 0);
}

static void on_call(struct guest *guest, const struct peer_message *message, const uint8_t *body)
{
    struct guest_call *call =
        message->number < PLUGIN_OPERATION_COUNT ? calloc(1, sizeof *call) : NULL;
    if (!call) {
        refuse(guest, message->id);
        return;
    }
    call->guest = guest;
    if (hashmap_add(&guest->calls, message->id, call) == 0)
        call->token = message->id;
    if (!call->token || !take_event(guest, call, message, body)) {
        call_free(call);
        refuse(guest, message->id);
        return;
    }
    start(call, message->number, call->event->data);
}

void guest_call_ready(struct guest *guest, sp_id channel, struct guest_block *connection)
{
    struct guest_call *call = calloc(1, sizeof *call);
    if (!call) {
        log_error("plugin.failed", LOG_TEXT("instance", plugin_instance_name(guest->instance)),
                  LOG_TEXT("operation", plugin_operation_info(PLUGIN_CHANNEL_ready_to_send)->name),
                  LOG_TEXT("reason", "out of memory"));
        return;
    }
    call->guest = guest;
    call->connection_block = guest_block_ref(connection);
    if (connection->connection)
        call->connection = connection_enter(guest, connection->connection->id);
    call->ready = (struct sp_channel_event){
        .head = {.struct_size = sizeof call->ready, .connection = connection->connection},
        .channel = channel,
    };
    start(call, PLUGIN_CHANNEL_ready_to_send, &call->ready.head);
}

/* --- the worker ------------------------------------------------------------------------------- */

static void on_setup(struct guest *guest, const struct peer_message *message, int *descriptors)
{
    if (message->descriptors == 0)
        return;
    int rc = arena_map(&guest->arena, descriptors[0], message->size);
    descriptors[0] = -1;
    if (rc < 0)
        log_error("plugin.no_shared_memory", LOG_TEXT("reason", strerror(errno)));
}

static void on_message(struct peer *peer, const struct peer_message *message, const uint8_t *body,
                       int *descriptors)
{
    struct guest *guest = container_of(peer, struct guest, peer);
    struct guest_call *call;
    switch ((enum peer_kind)message->kind) {
    case PEER_SETUP:
        on_setup(guest, message, descriptors);
        break;
    case PEER_CALL:
        on_call(guest, message, body);
        break;
    case PEER_CANCEL:
        call = hashmap_get(&guest->calls, message->id);
        if (call && message->number == PEER_CANCEL_OVERDUE)
            plugin_call_overdue(&call->call);
        if (call)
            plugin_call_cancel(&call->call);
        break;
    default:
        guest_on_gate(guest, message, body);
        break;
    }
}

static void on_closed(struct peer *peer, const char *why)
{
    (void)why;
    reactor_stop(container_of(peer, struct guest, peer)->reactor);
}

static void tell_failure(struct guest *guest, const struct report *report)
{
    const char *why = report->count ? report->complaints[0].text : "out of memory";
    size_t length = strlen(why) < WHY_MAX ? strlen(why) : WHY_MAX;
    const struct peer_message message = {.length = (uint32_t)length, .kind = PEER_FAILED};
    uint8_t *body = peer_put(&guest->peer, &message, NULL, 0);
    if (body)
        memcpy(body, why, length);
    peer_finish(&guest->peer, FAILURE_MS);
}

static uint64_t offered(const struct plugin_instance *instance)
{
    uint64_t operations = 0;
    for (unsigned op = 0; op < PLUGIN_OPERATION_COUNT; op++)
        if (plugin_instance_offers(instance, op))
            operations |= UINT64_C(1) << op;
    return operations;
}

/* So many threads are held up that only another process helps: the supervisor counts it as a crash,
 * and the worker asks for that process. */
static void on_overload(void *arg, uint32_t threads)
{
    (void)arg;
    (void)threads;
    abort();
}

static int serve(struct guest *guest, const struct config *config, const char *name,
                 struct pool *pool, struct report *report)
{
    static const struct plugin_launcher launcher = {.on_overload = on_overload};
    struct plugin_services services = guest_services;
    services.arg = guest;
    services.launcher = &launcher;
    int rc =
        plugin_host_new_guest(config, name, guest->reactor, pool, &services, &guest->host, report);
    if (rc < 0) {
        tell_failure(guest, report);
        return rc;
    }
    guest->instance = plugin_host_only(guest->host);
    peer_tell(&guest->peer, PEER_HELLO, 0, offered(guest->instance), 0);
    if (guest->on_ready)
        guest->on_ready(guest->on_ready_arg, guest->reactor);
    rc = reactor_run(guest->reactor);
    guest_close_channels(guest);
    plugin_host_free(guest->host);
    return rc;
}

int guest_run(const struct config *config, const char *instance, int fd,
              void (*on_ready)(void *arg, struct reactor *reactor), void *arg,
              struct report *report)
{
    struct guest guest = {
        .peer = {.on_message = on_message, .on_closed = on_closed, .body_max = MARSHAL_MAX},
        .reactor = reactor_new(),
        .on_ready = on_ready,
        .on_ready_arg = arg,
    };
    struct pool *pool = guest.reactor ? pool_new(config->pool_threads) : NULL;
    int rc = SP_ERR_SYSTEM;
    list_init(&guest.children);
    pthread_mutex_init(&guest.reserved_lock, NULL);
    if (pool && peer_open(&guest.peer, guest.reactor, fd) == 0)
        rc = serve(&guest, config, instance, pool, report);
    else
        report_error(report, NULL, 0, NULL, "cannot start the event loop: %s", strerror(errno));
    peer_close(&guest.peer);
    pool_free(pool);
    reactor_free(guest.reactor);
    arena_free(&guest.arena);
    hashmap_free(&guest.calls);
    hashmap_free(&guest.connections);
    hashmap_free(&guest.channels);
    pthread_mutex_destroy(&guest.reserved_lock);
    return rc;
}
