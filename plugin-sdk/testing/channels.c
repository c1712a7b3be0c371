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

/* The record, made at the first touch. The lock is held. */
static struct test_channel *record(struct test_host *host, sp_id id)
{
    struct channel_record *r = host->channels;
    while (r && r->channel.id != id)
        r = r->next;
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
    if (rc == 0 && channel->exit_status < 0 && !channel->exit_signal[0])
        channel->exit_status = status;
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
    if (rc == 0 && channel->exit_status < 0 && !channel->exit_signal[0])
        snprintf(channel->exit_signal, sizeof channel->exit_signal, "%.*s", (int)name.len,
                 name.data);
    pthread_mutex_unlock(&host->lock);
    return rc;
}

static int32_t close_channel(const struct sp_host *sp, sp_id id)
{
    struct test_host *host = host_of(sp);
    pthread_mutex_lock(&host->lock);
    struct test_channel *channel = record(host, id);
    int32_t rc = channel->closed ? SP_E_STALE : 0;
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

void channels_init(struct sp_host *services)
{
    services->channel_send = send_bytes;
    services->channel_eof = send_eof;
    services->channel_exit_status = send_exit_status;
    services->channel_exit_signal = send_exit_signal;
    services->channel_close = close_channel;
    services->channel_attach = attach_streams;
    services->disconnect = disconnect;
}

void channels_free(struct test_host *host)
{
    while (host->channels) {
        struct channel_record *next = host->channels->next;
        free(host->channels->channel.sent[SP_STREAM_DATA]);
        free(host->channels->channel.sent[SP_STREAM_STDERR]);
        free(host->channels);
        host->channels = next;
    }
}

struct test_channel *test_host_channel(struct test_host *host, sp_id id)
{
    pthread_mutex_lock(&host->lock);
    struct channel_record *r = host->channels;
    while (r && r->channel.id != id)
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
