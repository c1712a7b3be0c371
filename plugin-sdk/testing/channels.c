/*
 * channels.c: what a plugin does to channels, recorded for the test. The services of struct sp_host
 * that are about channels and connections; called by the plugin, on any thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

struct channel_record {
    struct test_channel channel; /* first: a test holds a pointer to it */
    struct channel_record *next;
};

#define OPENED_FIRST UINT64_C(0x1000000) /* ids of channels that the plugin opens */

static struct channel_record *find(struct test_host *host, sp_id id)
{
    struct channel_record *r = host->channels;
    while (r && r->channel.id != id)
        r = r->next;
    return r;
}

/* The record, made at the first touch. The lock is held. */
static struct test_channel *record(struct test_host *host, sp_id id)
{
    struct channel_record *r = find(host, id);
    if (!r) {
        r = calloc(1, sizeof *r);
        if (!r)
            abort();
        r->channel.id = id;
        r->channel.exit_status = -1;
        r->channel.room = UINT64_MAX;
        r->next = host->channels;
        host->channels = r;
    }
    return &r->channel;
}

static void note(struct test_channel *channel, const char *action)
{
    char *before = channel->actions;
    size_t len = before ? strlen(before) : 0, more = strlen(action);
    if (len >= more && strcmp(action, "send") == 0 && strcmp(before + len - more, action) == 0)
        return;
    char *actions = realloc(before, len + more + 2);
    if (!actions)
        abort();
    snprintf(actions + len, more + 2, "%s%s", len ? " " : "", action);
    channel->actions = actions;
}

static int64_t send_bytes(const struct sp_host *sp, sp_id id, uint32_t stream, const void *data,
                          uint64_t len)
{
    struct test_host *host = host_of(sp);
    if (stream > SP_STREAM_STDERR)
        return SP_E_INVALID;
    pthread_mutex_lock(&host->lock);
    struct test_channel *channel = record(host, id);
    int64_t rc = SP_E_STALE;
    if (!channel->closed && !channel->eof) {
        uint64_t taken = len < channel->room ? len : channel->room;
        char *sent = realloc(channel->sent[stream], channel->length[stream] + taken + 1);
        if (!sent)
            abort();
        memcpy(sent + channel->length[stream], data, taken);
        channel->sent[stream] = sent;
        channel->length[stream] += taken;
        sent[channel->length[stream]] = '\0';
        channel->room -= taken;
        rc = (int64_t)taken;
        note(channel, "send");
    }
    pthread_mutex_unlock(&host->lock);
    return rc;
}

static int32_t send_eof(const struct sp_host *sp, sp_id id)
{
    struct test_host *host = host_of(sp);
    pthread_mutex_lock(&host->lock);
    struct test_channel *channel = record(host, id);
    int32_t rc = channel->closed ? SP_E_STALE : 0;
    if (rc == 0 && !channel->eof)
        note(channel, "eof");
    channel->eof = true;
    pthread_mutex_unlock(&host->lock);
    return rc;
}

static int32_t send_exit_status(const struct sp_host *sp, sp_id id, uint32_t status)
{
    struct test_host *host = host_of(sp);
    pthread_mutex_lock(&host->lock);
    struct test_channel *channel = record(host, id);
    int32_t rc = channel->closed ? SP_E_STALE : 0;
    if (rc == 0 && channel->exit_status < 0 && !channel->exit_signal[0]) {
        channel->exit_status = status;
        note(channel, "exit-status");
    }
    pthread_mutex_unlock(&host->lock);
    return rc;
}

static int32_t send_exit_signal(const struct sp_host *sp, sp_id id, struct sp_str name,
                                uint32_t core_dumped, struct sp_str text)
{
    struct test_host *host = host_of(sp);
    (void)core_dumped;
    (void)text;
    pthread_mutex_lock(&host->lock);
    struct test_channel *channel = record(host, id);
    int32_t rc = channel->closed ? SP_E_STALE : 0;
    if (rc == 0 && channel->exit_status < 0 && !channel->exit_signal[0]) {
        snprintf(channel->exit_signal, sizeof channel->exit_signal, "%.*s", (int)name.len,
                 name.data);
        note(channel, "exit-signal");
    }
    pthread_mutex_unlock(&host->lock);
    return rc;
}

static int32_t close_channel(const struct sp_host *sp, sp_id id)
{
    struct test_host *host = host_of(sp);
    pthread_mutex_lock(&host->lock);
    struct test_channel *channel = record(host, id);
    int32_t rc = channel->closed ? SP_E_STALE : 0;
    if (rc == 0)
        note(channel, "close");
    channel->closed = true;
    pthread_mutex_unlock(&host->lock);
    return rc;
}

static int32_t attach_streams(const struct sp_host *sp, sp_id id,
                              const struct sp_channel_streams *streams)
{
    struct test_host *host = host_of(sp);
    pthread_mutex_lock(&host->lock);
    struct test_channel *channel = record(host, id);
    int32_t rc = channel->closed ? SP_E_STALE : channel->attached ? SP_E_BUSY : 0;
    if (rc == 0) {
        channel->attached = true;
        channel->streams = *streams;
        note(channel, "attach");
    }
    pthread_mutex_unlock(&host->lock);
    return rc;
}

static int32_t disconnect(const struct sp_host *sp, sp_id connection, struct sp_str text)
{
    struct test_host *host = host_of(sp);
    (void)connection;
    pthread_mutex_lock(&host->lock);
    free(host->disconnected);
    host->disconnected = strndup(text.len ? text.data : "", text.len);
    pthread_mutex_unlock(&host->lock);
    return 0;
}

static int32_t rekey(const struct sp_host *sp, sp_id connection)
{
    struct test_host *host = host_of(sp);
    (void)connection;
    pthread_mutex_lock(&host->lock);
    host->rekeys++;
    pthread_mutex_unlock(&host->lock);
    return 0;
}

static bool is_framing(const struct sp_framing *framing)
{
    if (framing->kind == SP_FRAMING_NONE)
        return true;
    if (framing->size == 0 || framing->size > 65536)
        return false;
    return framing->kind == SP_FRAMING_RECORD ||
           (framing->kind == SP_FRAMING_LINE && framing->terminator.len > 0 &&
            framing->terminator.len <= framing->size &&
            framing->terminator.len <= sizeof((struct test_channel *)0)->framing_terminator);
}

static int32_t set_framing(const struct sp_host *sp, sp_id id, const struct sp_framing *framing)
{
    struct test_host *host = host_of(sp);
    if (!SP_HAS(framing, terminator) || !is_framing(framing))
        return SP_E_INVALID;
    pthread_mutex_lock(&host->lock);
    struct test_channel *channel = record(host, id);
    int32_t rc = channel->closed ? SP_E_STALE : 0;
    if (rc == 0) {
        channel->framing = framing->kind;
        channel->framing_size = framing->size;
        memset(channel->framing_terminator, 0, sizeof channel->framing_terminator);
        if (framing->kind == SP_FRAMING_LINE)
            memcpy(channel->framing_terminator, framing->terminator.data, framing->terminator.len);
        note(channel, "framing");
    }
    pthread_mutex_unlock(&host->lock);
    return rc;
}

static int32_t open_channel(const struct sp_host *sp, sp_id connection,
                            const struct sp_channel_open *open, sp_id *ret_channel)
{
    struct test_host *host = host_of(sp);
    sp_id id = OPENED_FIRST;
    (void)connection;
    if (!SP_HAS(open, payload) || open->type.len == 0)
        return SP_E_INVALID;
    pthread_mutex_lock(&host->lock);
    while (find(host, id))
        id++;
    struct test_channel *channel = record(host, id);
    channel->is_opened = true;
    snprintf(channel->type, sizeof channel->type, "%.*s", (int)open->type.len, open->type.data);
    channel->payload = calloc(1, open->payload.len + 1);
    if (!channel->payload)
        abort();
    if (open->payload.len > 0)
        memcpy(channel->payload, open->payload.data, open->payload.len);
    channel->payload_length = open->payload.len;
    pthread_mutex_unlock(&host->lock);
    *ret_channel = id;
    return 0;
}

static int32_t get_info(const struct sp_host *sp, sp_id id, struct sp_channel_info *ret_info)
{
    struct test_host *host = host_of(sp);
    struct sp_channel_info info = {.struct_size = ret_info->struct_size};
    pthread_mutex_lock(&host->lock);
    const struct channel_record *r = find(host, id);
    int32_t rc = !r || r->channel.closed ? SP_E_STALE : 0;
    if (rc == 0) {
        info.framing = r->channel.framing;
        info.bytes_out = r->channel.length[SP_STREAM_DATA] + r->channel.length[SP_STREAM_STDERR];
        info.room = r->channel.room;
    }
    pthread_mutex_unlock(&host->lock);
    if (rc == 0)
        memcpy(ret_info, &info, info.struct_size < sizeof info ? info.struct_size : sizeof info);
    return rc;
}

void channels_init(struct sp_host *services)
{
    services->channel_send = send_bytes;
    services->channel_eof = send_eof;
    services->channel_exit_status = send_exit_status;
    services->channel_exit_signal = send_exit_signal;
    services->channel_close = close_channel;
    services->channel_attach = attach_streams;
    services->disconnect = disconnect;
    services->rekey = rekey;
    services->channel_framing = set_framing;
    services->channel_open = open_channel;
    services->channel_info = get_info;
}

void channels_free(struct test_host *host)
{
    while (host->channels) {
        struct channel_record *next = host->channels->next;
        free(host->channels->channel.sent[SP_STREAM_DATA]);
        free(host->channels->channel.sent[SP_STREAM_STDERR]);
        free(host->channels->channel.actions);
        free(host->channels->channel.payload);
        free(host->channels);
        host->channels = next;
    }
}

struct test_channel *test_host_channel(struct test_host *host, sp_id id)
{
    pthread_mutex_lock(&host->lock);
    struct channel_record *r = find(host, id);
    pthread_mutex_unlock(&host->lock);
    return r ? &r->channel : NULL;
}

struct test_channel *test_host_opened(struct test_host *host)
{
    pthread_mutex_lock(&host->lock);
    struct channel_record *r = host->channels; /* newest first */
    while (r && !r->channel.is_opened)
        r = r->next;
    pthread_mutex_unlock(&host->lock);
    return r ? &r->channel : NULL;
}

void test_host_set_room(struct test_host *host, sp_id id, uint64_t room)
{
    pthread_mutex_lock(&host->lock);
    record(host, id)->room = room;
    pthread_mutex_unlock(&host->lock);
}

const char *test_host_disconnected(struct test_host *host)
{
    return host->disconnected;
}

unsigned test_host_rekeys(struct test_host *host)
{
    pthread_mutex_lock(&host->lock);
    unsigned rekeys = host->rekeys;
    pthread_mutex_unlock(&host->lock);
    return rekeys;
}
