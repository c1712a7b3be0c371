/*
 * engine.c: an SFTP channel: cuts the client's bytes into messages, takes no more than may be under
 * way, and ends when the client or the channel does. See engine.h.
 *
 * Memory. A message that arrives in one piece is read where it lies and only a WRITE's data is
 * copied; others are gathered in a block. After a second without requests everything that can be
 * had again is given back, so that an idle channel is little more than its struct.
 */
#include "sftp/engine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/err.h"
#include "base/log.h"
#include "sftp/version.h"

#define IDLE_MS 1000u
#define INPUT_MAX (1024u * 1024u) /* of input_bytes; one more message may pass it */

static void on_idle(struct reactor_timer *timer);

bool sftp_engine_is_closed(const struct sftp_engine *engine)
{
    return !engine->channel || engine->is_failed;
}

static void new_salt(struct sftp_engine *engine)
{
    if (getrandom(&engine->handle_salt, sizeof engine->handle_salt, GRND_NONBLOCK) < 0)
        engine->handle_salt = (uintptr_t)engine * 0x9e3779b97f4a7c15u;
}

void sftp_engine_fail(struct sftp_engine *engine, const char *reason)
{
    if (sftp_engine_is_closed(engine))
        return;
    log_warning("sftp.protocol_error", LOG_U64("conn", engine->tree->connection->id),
                LOG_STR("user", engine->tree->connection->user), LOG_TEXT("reason", reason));
    engine->is_failed = true;
    channel_send_exit_status(engine->channel, 1);
    channel_shut(engine->channel);
}

static void set_idle_timer(struct sftp_engine *engine)
{
    engine->was_active = false;
    engine->idle.on_time = on_idle;
    /* Out of memory: things are given back a little later, when there is a timer again. */
    (void)reactor_timer_set(engine->tree->reactor, &engine->idle, IDLE_MS);
}

static void on_idle(struct reactor_timer *timer)
{
    struct sftp_engine *engine = container_of(timer, struct sftp_engine, idle);
    if (engine->requests_count > 0 || engine->was_active) {
        set_idle_timer(engine);
        return;
    }
    sftp_requests_free_spare(engine);
    sftp_block_trim();
    if (engine->handle_ids.count == 0 && engine->handle_ids.capacity > 0) {
        idmap_free(&engine->handle_ids); /* its ids begin again: another salt makes them others */
        new_salt(engine);
    }
}

static void engine_free(struct sftp_engine *engine)
{
    reactor_timer_cancel(engine->tree->reactor, &engine->idle);
    list_remove(&engine->waiter.link);
    sftp_requests_free_spare(engine);
    sftp_block_unref(engine->partial);
    idmap_free(&engine->handle_ids);
    sftp_account_put(engine->account);
    sftp_tree_unref(engine->tree);
    free(engine);
}

/* Nothing more is taken until requests or output have gone down. */
static bool is_busy(const struct sftp_engine *engine)
{
    if (engine->is_negotiating)
        return true;
    return engine->requests_count >= engine->tree->config->limits.requests_per_channel ||
           engine->input_bytes >= INPUT_MAX || channel_is_full(engine->channel) ||
           sftp_transfers_are_behind(engine->account);
}

static void on_room(struct sftp_waiter *waiter)
{
    struct sftp_engine *engine = container_of(waiter, struct sftp_engine, waiter);
    sftp_engine_enter(engine);
    sftp_engine_leave(engine);
}

/* What the client sends waits until on_writable, an answer or on_room. */
static void refuse_input(struct sftp_engine *engine)
{
    engine->has_refused = true;
    list_remove(&engine->waiter.link);
    if (sftp_transfers_are_behind(engine->account))
        list_append(&engine->account->waiters, &engine->waiter.link);
}

void sftp_engine_enter(struct sftp_engine *engine)
{
    engine->depth++;
}

/* The channel is gone. What a provider was asked and may not be dropped comes back later. */
static void end(struct sftp_engine *engine)
{
    engine->has_ended = true;
    sftp_requests_drop(engine);
    list_for_each (node, &engine->handles)
        sftp_handle_retire(container_of(node, struct sftp_handle, link));
}

void sftp_engine_leave(struct sftp_engine *engine)
{
    if (engine->depth == 1 && engine->channel && !engine->is_failed) {
        sftp_requests_run(engine);
        if (engine->channel && engine->has_refused && !engine->is_taking && !is_busy(engine)) {
            engine->has_refused = false;
            channel_resume(engine->channel);
        }
        if (engine->channel && engine->is_eof && engine->requests_count == 0 &&
            !engine->is_negotiating && !engine->is_failed) {
            engine->is_failed = true; /* nothing is served any more */
            channel_send_exit_status(engine->channel, 0);
            channel_shut(engine->channel);
        }
    }
    if (engine->depth == 1 && !engine->channel && !engine->has_ended)
        end(engine);
    if (--engine->depth == 0 && !engine->channel && engine->requests_count == 0 &&
        !engine->is_negotiating && list_is_empty(&engine->handles))
        engine_free(engine);
}

static void receive(struct sftp_engine *engine, const uint8_t *data, size_t length,
                    struct sftp_block **block)
{
    engine->was_active = true;
    if (!reactor_timer_is_set(&engine->idle))
        set_idle_timer(engine);
    if (!engine->is_initialised)
        sftp_version_receive(engine, data, length);
    else if (!sftp_version_select(engine, data, length))
        sftp_request_receive(engine, data, length, block);
}

/* The length field is there: false, and the channel closed, if it cannot be. */
static bool check_length(struct sftp_engine *engine, uint32_t length)
{
    if (length < SFTP_PACKET_MIN)
        sftp_engine_fail(engine, "message too short");
    else if (length > SFTP_PACKET_MAX + SFTP_PACKET_SLACK)
        sftp_engine_fail(engine, "message too long");
    return !engine->is_failed;
}

static uint32_t length_field(const uint8_t *data)
{
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Bytes for a message that did not come in one piece. Returns how many were taken. */
static size_t take_partial(struct sftp_engine *engine, const uint8_t *data, size_t length)
{
    size_t taken = 0;
    if (!engine->partial) {
        taken = min_size(sizeof engine->head - engine->head_length, length);
        memcpy(engine->head + engine->head_length, data, taken);
        engine->head_length = (uint8_t)(engine->head_length + taken);
        if (engine->head_length < sizeof engine->head)
            return taken;
        engine->partial_wanted = length_field(engine->head);
        if (!check_length(engine, engine->partial_wanted))
            return taken;
        engine->partial = sftp_block_get(engine->partial_wanted);
        engine->partial_length = 0;
        if (!engine->partial) {
            sftp_engine_fail(engine, "out of memory");
            return taken;
        }
    }
    size_t part = min_size(engine->partial_wanted - engine->partial_length, length - taken);
    memcpy(engine->partial->bytes + engine->partial_length, data + taken, part);
    engine->partial_length += (uint32_t)part;
    if (engine->partial_length == engine->partial_wanted) {
        struct sftp_block *block = engine->partial;
        engine->partial = NULL;
        engine->head_length = 0;
        receive(engine, block->bytes, engine->partial_wanted, &block);
        sftp_block_unref(block);
    }
    return taken + part;
}

static size_t take(struct sftp_engine *engine, const uint8_t *data, size_t length)
{
    if (engine->head_length > 0 || engine->partial || length < sizeof engine->head)
        return take_partial(engine, data, length);
    uint32_t wanted = length_field(data);
    if (!check_length(engine, wanted))
        return 0;
    if (length - sizeof engine->head < wanted)
        return take_partial(engine, data, length);
    struct sftp_block *none = NULL;
    receive(engine, data + sizeof engine->head, wanted, &none);
    return sizeof engine->head + wanted;
}

static size_t on_data(void *arg, uint32_t stream, const uint8_t *data, size_t length)
{
    struct sftp_engine *engine = arg;
    if (stream != SP_STREAM_DATA) /* no meaning here */
        return length;
    size_t taken = 0;
    sftp_engine_enter(engine);
    bool is_nested = engine->is_taking; /* from channel_resume(): the outer one goes on */
    engine->is_taking = true;
    while (taken < length && !sftp_engine_is_closed(engine)) {
        if (is_busy(engine)) {
            refuse_input(engine);
            break;
        }
        taken += take(engine, data + taken, length - taken);
        sftp_requests_run(engine);
    }
    engine->is_taking = is_nested;
    if (sftp_engine_is_closed(engine))
        taken = length; /* nobody will ask for the rest */
    sftp_engine_leave(engine);
    return taken;
}

static void on_eof(void *arg)
{
    struct sftp_engine *engine = arg;
    sftp_engine_enter(engine);
    if (engine->head_length > 0 || engine->partial)
        sftp_engine_fail(engine, "the client stopped in the middle of a message");
    engine->is_eof = true;
    sftp_engine_leave(engine);
}

static void on_writable(void *arg)
{
    struct sftp_engine *engine = arg;
    sftp_engine_enter(engine);
    sftp_engine_leave(engine);
}

void sftp_engine_close(struct sftp_engine *engine)
{
    sftp_engine_enter(engine);
    engine->channel = NULL; /* the rest is done when none of our functions is on the stack */
    engine->tree->session = NULL;
    sftp_engine_leave(engine);
}

static void on_closed(void *arg)
{
    sftp_engine_close(arg);
}

static const struct channel_handler handler = {
    .on_data = on_data,
    .on_eof = on_eof,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

struct sftp_engine *sftp_engine_new(struct channel *channel)
{
    struct sftp_engine *engine = calloc(1, sizeof *engine);
    struct sftp_tree *tree = engine ? sftp_tree_new(channel) : NULL;
    struct sftp_account *account = tree ? sftp_account_get(channel_session(channel)) : NULL;
    if (!account) {
        if (tree)
            sftp_tree_unref(tree);
        free(engine);
        return NULL;
    }
    engine->channel = channel;
    engine->tree = tree;
    engine->account = account;
    engine->counters = session_counters(channel_session(channel));
    sftp_dialect_init(&engine->dialect, tree->connection->client_version,
                      tree->config->server_version);
    list_init(&engine->requests);
    list_init(&engine->ready);
    list_init(&engine->paths);
    list_init(&engine->spare);
    list_init(&engine->handles);
    list_init(&engine->waiter.link);
    engine->waiter.on_room = on_room;
    new_salt(engine);
    return engine;
}

int sftp_engine_start(struct channel *channel, struct sp_str command)
{
    (void)command;
    if (!session_permits(channel_session(channel), SP_PERMIT_SFTP))
        return SP_ERR_DENIED;
    struct sftp_engine *engine = sftp_engine_new(channel);
    if (!engine)
        return SP_ERR_NOMEM;
    channel_set_handler(channel, &handler, engine);
    return 0;
}
