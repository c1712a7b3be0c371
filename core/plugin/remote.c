/*
 * remote.c: the worker's side of an isolated instance: its process comes and goes, calls go out and
 * answers come in. What the process asks for meanwhile is remote_wish.c's. Called by the host, by
 * call.c and gate.c, on the reactor thread.
 */
#include "plugin/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "plugin/marshal.h"
#include "plugin/private.h"
#include "plugin/remote_private.h"

/* How long create and start may take over there. */
#define GREETING_MS 30000
#define TURN_MS 100
/* How long the end waits for the process to take what it is told last. */
#define FINISH_MS 1000
#define RESERVED_COUNT (sizeof((struct remote *)0)->reserved / sizeof(sp_id))

static void on_message(struct peer *peer, const struct peer_message *message, const uint8_t *body,
                       int *descriptors);
static void on_closed(struct peer *peer, const char *why);

/* --- the process comes and goes --------------------------------------------------------------- */

static bool is_io(const struct plugin_call *call)
{
    return plugin_operation_info(call->operation)->event == &layout_sp_fs_io;
}

/* What was on its way to the process, or with it, is not going to be answered. */
static void fail_calls(struct remote *remote)
{
    struct plugin_instance *instance = remote->instance;
    list_for_each (node, &instance->calls) {
        struct plugin_call *call = container_of(node, struct plugin_call, state.link);
        call->state.shared_bytes = 0;
        if (call->state.remote.next)
            list_remove(&call->state.remote);
    }
    call_fail_all(instance, SP_E_FAILED);
}

static void close_channels(struct remote *remote)
{
    struct plugin_host *host = remote->instance->host;
    sp_id channel;
    while ((channel = gate_take_lost(host, remote->instance)))
        if (host->services.channel_close)
            host->services.channel_close(host->services.arg, channel);
}

static void release_reserved(struct remote *remote)
{
    const struct plugin_services *s = &remote->instance->host->services;
    for (unsigned i = 0; i < RESERVED_COUNT; i++) {
        if (remote->reserved[i])
            s->channel_release(s->arg, remote->reserved[i]);
        remote->reserved[i] = 0;
    }
}

static void want_another(struct remote *remote)
{
    const struct plugin_launcher *launcher = remote->instance->host->services.launcher;
    remote->state = REMOTE_DOWN;
    launcher->want(launcher->arg, remote->instance->number);
}

void remote_lose(struct remote *remote, const char *why)
{
    struct plugin_instance *instance = remote->instance;
    enum remote_state was = remote->state;
    reactor_timer_cancel(instance->host->reactor, &remote->greeting);
    reactor_task_cancel(instance->host->reactor, &remote->give_up);
    peer_close(&remote->peer);
    snprintf(remote->why, sizeof remote->why, "%s", why);
    log_warning("plugin.process_lost", LOG_TEXT("instance", instance->name),
                LOG_TEXT("reason", remote->why));
    remote->state = REMOTE_DOWN;
    fail_calls(remote);
    arena_free(&remote->arena);
    release_reserved(remote);
    if (was == REMOTE_UP)
        close_channels(remote);
    if (!remote->is_coming_up)
        want_another(remote);
}

static void on_closed(struct peer *peer, const char *why)
{
    remote_lose(container_of(peer, struct remote, peer), why);
}

static void run_give_up(struct reactor_task *task)
{
    remote_lose(container_of(task, struct remote, give_up),
                "it reads too little of what it is told, or memory is short");
}

/* What must not get lost did: how the two sides see things differs from now on. Not at once: the
 * session is at work on the stack. */
static void give_up_soon(struct remote *remote)
{
    if (remote->peer.is_open)
        reactor_defer(remote->instance->host->reactor, &remote->give_up);
}

static void tell(struct remote *remote, enum peer_kind kind, uint64_t id, uint64_t size,
                 uint32_t number)
{
    if (peer_tell(&remote->peer, kind, id, size, number) < 0)
        give_up_soon(remote);
}

static void on_greeting_late(struct reactor_timer *timer)
{
    remote_lose(container_of(timer, struct remote, greeting),
                "create and start took too long there");
}

static int set_up(struct remote *remote, int fd)
{
    struct plugin_instance *instance = remote->instance;
    struct peer_message setup = {.kind = PEER_SETUP};
    int shared = -1;
    if (peer_open(&remote->peer, instance->host->reactor, fd) < 0)
        return SP_ERR_SYSTEM;
    if (instance->manifest->interfaces[PLUGIN_FS]) {
        if (arena_make(&remote->arena, &shared) < 0)
            return SP_ERR_SYSTEM;
        setup.size = ARENA_BYTES;
    }
    if (!peer_put(&remote->peer, &setup, &shared, shared >= 0)) {
        if (shared >= 0)
            close(shared);
        return SP_ERR_NOMEM;
    }
    return reactor_timer_set(instance->host->reactor, &remote->greeting, GREETING_MS);
}

void remote_attach(struct remote *remote, int fd, const char *text)
{
    if (!remote || remote->state != REMOTE_DOWN) {
        if (fd >= 0)
            close(fd);
        return;
    }
    if (fd < 0) {
        snprintf(remote->why, sizeof remote->why, "%s", text);
        log_error("plugin.no_process", LOG_TEXT("instance", remote->instance->name),
                  LOG_TEXT("reason", remote->why));
        remote->state = REMOTE_OFF;
        return;
    }
    remote->state = REMOTE_GREETING;
    int rc = set_up(remote, fd);
    if (rc < 0)
        remote_lose(remote, err_text(rc));
}

/* Ids for channels that the plugin may open without asking for one. */
void remote_reserve(struct remote *remote)
{
    const struct plugin_services *s = &remote->instance->host->services;
    if (!s->channel_reserve || !remote->instance->manifest->interfaces[PLUGIN_CHANNEL])
        return;
    for (unsigned i = 0; i < RESERVED_COUNT; i++) {
        if (remote->reserved[i])
            continue;
        remote->reserved[i] = s->channel_reserve(s->arg);
        if (remote->reserved[i])
            tell(remote, PEER_RESERVED, remote->reserved[i], 0, 0);
    }
}

bool remote_take_reserved(struct remote *remote, sp_id channel)
{
    for (unsigned i = 0; i < RESERVED_COUNT && channel; i++) {
        if (remote->reserved[i] != channel)
            continue;
        remote->reserved[i] = 0;
        return true;
    }
    return false;
}

static void on_hello(struct remote *remote, const struct peer_message *message)
{
    struct plugin_instance *instance = remote->instance;
    uint64_t operations = message->size;
    for (unsigned op = 0; op < PLUGIN_OPERATION_COUNT; op++)
        if (!instance->manifest->interfaces[plugin_operation_info(op)->interface])
            operations &= ~(UINT64_C(1) << op);
    /* What is looked at once, when chains are made, must stay so. */
    if (instance->epoch > 0 && operations != instance->loaded.operations) {
        remote_lose(remote, "its library has been replaced by another; reload to use that one");
        return;
    }
    reactor_timer_cancel(instance->host->reactor, &remote->greeting);
    instance->loaded.operations = operations;
    instance->epoch++;
    remote->state = REMOTE_UP;
    remote_reserve(remote);
    log_info("plugin.process_up", LOG_TEXT("instance", instance->name));
}

static void on_failed(struct remote *remote, const struct peer_message *message,
                      const uint8_t *body)
{
    char text[sizeof remote->why];
    size_t length = message->length < sizeof text ? message->length : sizeof text - 1;
    if (length)
        memcpy(text, body, length);
    text[length] = 0;
    remote_lose(remote, text);
}

static int complain(const struct plugin_instance *instance, const struct config *config,
                    const char *why, struct report *report)
{
    char key[32];
    snprintf(key, sizeof key, "/plugins/%u", instance->number);
    report_error(report, config->file, config->plugins[instance->number].line, key,
                 "instance \"%s\" has no process: %s", instance->name, why);
    return SP_ERR_INVALID;
}

int remote_open(struct plugin_instance *instance, const struct config *config,
                struct report *report)
{
    const struct plugin_launcher *launcher = instance->host->services.launcher;
    char text[256] = "this program starts none";
    int fd = -1;
    struct remote *remote = calloc(1, sizeof *remote);
    if (!remote)
        return complain(instance, config, "out of memory", report);
    remote->instance = instance;
    remote->peer.on_message = on_message;
    remote->peer.on_closed = on_closed;
    remote->peer.body_max = MARSHAL_MAX;
    remote->greeting.on_time = on_greeting_late;
    remote->give_up.run = run_give_up;
    list_init(&remote->waiting);
    instance->remote = remote;
    if (!launcher || launcher->obtain(launcher->arg, instance->number, &fd, text, sizeof text) < 0)
        return complain(instance, config, text, report);
    remote->is_coming_up = true;
    remote_attach(remote, fd, "");
    while (remote->state == REMOTE_GREETING)
        if (reactor_turn(instance->host->reactor, TURN_MS) < 0)
            break;
    remote->is_coming_up = false;
    if (remote->state != REMOTE_UP)
        return complain(instance, config, remote->why, report);
    return 0;
}

void remote_close(struct plugin_instance *instance)
{
    struct remote *remote = instance->remote;
    if (remote->state == REMOTE_UP)
        peer_finish(&remote->peer, FINISH_MS);
    reactor_timer_cancel(instance->host->reactor, &remote->greeting);
    reactor_task_cancel(instance->host->reactor, &remote->give_up);
    peer_close(&remote->peer);
    remote->state = REMOTE_OFF;
    fail_calls(remote);
    release_reserved(remote);
}

void remote_free(struct remote *remote)
{
    if (!remote)
        return;
    remote_close(remote->instance);
    arena_free(&remote->arena);
    free(remote);
}

bool remote_is_up(const struct remote *remote)
{
    return remote->state == REMOTE_UP;
}

/* --- calls ------------------------------------------------------------------------------------ */

/* The data of a write goes with it, where it does not go through the socket. */
static int32_t send_call(struct remote *remote, struct plugin_call *call)
{
    const struct layout *layout = plugin_operation_info(call->operation)->event;
    size_t length = marshal_size(layout, call->event);
    const struct peer_message message = {
        .length = (uint32_t)length,
        .kind = PEER_CALL,
        .id = call->state.token,
        .size = call->state.shared_at,
        .number = call->operation,
        .flags = call->strands ? PEER_IN_ORDER : 0,
    };
    uint8_t *body = length ? peer_put(&remote->peer, &message, NULL, 0) : NULL;
    if (!body && length && plugin_operation_gives_back(call->operation))
        give_up_soon(remote);
    if (!body)
        return length ? SP_E_NOMEM : SP_E_INVALID;
    marshal_put(layout, call->event, body);
    if (call->operation == PLUGIN_FS_write && call->state.shared_bytes) {
        const struct sp_fs_io *io = (const void *)call->event;
        memcpy(arena_at(&remote->arena, call->state.shared_at, io->length), io->buffer, io->length);
    }
    return 0;
}

static bool take_shared(struct remote *remote, struct plugin_call *call)
{
    uint64_t length = ((const struct sp_fs_io *)(const void *)call->event)->length;
    if (length == 0)
        return true;
    if (!arena_take(&remote->arena, length, &call->state.shared_at))
        return false;
    call->state.shared_bytes = length;
    return true;
}

int32_t remote_call(struct plugin_call *call)
{
    struct remote *remote = call->instance->remote;
    if (remote->state != REMOTE_UP)
        return SP_E_FAILED;
    if (peer_is_full(&remote->peer) && !plugin_operation_gives_back(call->operation))
        return SP_E_BUSY;
    if (!is_io(call))
        return send_call(remote, call);
    if (((const struct sp_fs_io *)(const void *)call->event)->length > ARENA_BYTES)
        return SP_E_INVALID;
    /* In turn, lest large ones never find a place. */
    if (list_is_empty(&remote->waiting) && take_shared(remote, call))
        return send_call(remote, call);
    list_append(&remote->waiting, &call->state.remote);
    return 0;
}

static void send_waiting(struct remote *remote)
{
    struct list *node;
    while (remote->state == REMOTE_UP && (node = list_first(&remote->waiting))) {
        struct plugin_call *call = container_of(node, struct plugin_call, state.remote);
        if (!take_shared(remote, call))
            return;
        list_remove(node);
        int32_t rc = send_call(remote, call);
        if (rc < 0) {
            call_answered(call, rc, NULL);
            call_returned(call);
        }
    }
}

bool remote_withdraw(struct plugin_call *call)
{
    if (!call->state.remote.next || list_is_empty(&call->state.remote))
        return false;
    list_remove(&call->state.remote);
    return true;
}

void remote_release(struct plugin_call *call)
{
    struct remote *remote = call->instance->remote;
    if (call->state.shared_bytes == 0)
        return;
    arena_give(&remote->arena, call->state.shared_at, call->state.shared_bytes);
    send_waiting(remote);
}

void remote_cancel(struct remote *remote, sp_token token, bool is_overdue)
{
    tell(remote, PEER_CANCEL, token, 0, is_overdue ? PEER_CANCEL_OVERDUE : 0);
}

/* What was read lies in the shared memory; the process may go on writing there for all we know, so
 * it is copied once, after the answer. */
static void fetch(struct remote *remote, struct plugin_call *call, const struct sp_fs_reply *reply)
{
    const struct sp_fs_io *io = (const void *)call->event;
    if (reply->head.verdict == SP_OK && reply->count > 0 && reply->count <= io->length)
        memcpy(io->buffer, arena_at(&remote->arena, call->state.shared_at, reply->count),
               reply->count);
}

static void on_reply(struct remote *remote, struct plugin_call *call,
                     const struct peer_message *message, const uint8_t *body)
{
    void *reply;
    size_t size;
    int rc = marshal_get(plugin_operation_info(call->operation)->reply, body, message->length,
                         &reply, &size);
    if (rc == SP_ERR_FORMAT) {
        remote_lose(remote, "it sent an answer that is none");
        return;
    }
    if (rc < 0) {
        call_answered(call, SP_E_NOMEM, NULL);
        return;
    }
    if (call->operation == PLUGIN_FS_read && call->state.shared_bytes)
        fetch(remote, call, reply);
    call_answered(call, 0, reply);
    secret_wipe(reply, size);
    free(reply);
}

/* An answer to what was not asked, or twice, means nothing; the process may be late, too. */
static void on_answer(struct remote *remote, const struct peer_message *message,
                      const uint8_t *body)
{
    struct plugin_call *call = call_find(remote->instance, message->id);
    if (!call || remote_is_waiting(call))
        return;
    if (message->kind == PEER_REPLY)
        on_reply(remote, call, message, body);
    else if (message->kind == PEER_VERDICT)
        call_answered(call, (int32_t)message->number, NULL);
    else
        call_returned(call);
}

static void on_message(struct peer *peer, const struct peer_message *message, const uint8_t *body,
                       int *descriptors)
{
    struct remote *remote = container_of(peer, struct remote, peer);
    if (remote->state == REMOTE_GREETING) {
        if (message->kind == PEER_HELLO)
            on_hello(remote, message);
        else if (message->kind == PEER_FAILED)
            on_failed(remote, message, body);
        else
            remote_lose(remote, "it asked for something before it was ready");
        return;
    }
    switch (message->kind) {
    case PEER_VERDICT:
    case PEER_REPLY:
    case PEER_RELEASED:
        on_answer(remote, message, body);
        break;
    default:
        remote_grant(remote, message, body, descriptors);
        break;
    }
}

/* --- gates ------------------------------------------------------------------------------------ */

void remote_gate_opened(struct remote *remote, const struct sp_connection *connection,
                        sp_id channel, uint64_t room)
{
    const struct sp_host *host = &remote->instance->services;
    if (remote->state != REMOTE_UP) { /* it went as it took the channel */
        host->channel_close(host, channel);
        return;
    }
    size_t length = marshal_size(&layout_sp_connection, connection);
    const struct peer_message message = {
        .length = (uint32_t)length, .kind = PEER_GATE_OPEN, .id = channel, .size = room};
    uint8_t *body = peer_put(&remote->peer, &message, NULL, 0);
    if (body)
        marshal_put(&layout_sp_connection, connection, body);
    else
        give_up_soon(remote);
}

void remote_gate_drained(struct remote *remote, sp_id channel, uint64_t length)
{
    tell(remote, PEER_GATE_DRAINED, channel, length, 0);
}

void remote_gate_closed(struct remote *remote, sp_id channel)
{
    tell(remote, PEER_GATE_CLOSED, channel, 0, 0);
}
