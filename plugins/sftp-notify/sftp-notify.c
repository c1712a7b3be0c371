/*
 * sftp-notify.c: the plugin: what it is told of transfers it writes to the spool, and wakes the
 * sender.
 *
 * Called on the host's pool ("threading": "connection"): it waits for the disk, and clients only
 * once they are far ahead of it.
 */
#include "notify.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

struct notify {
    const struct sp_host *host;
    struct options options;
    struct transport *transport; /* NULL: a command */
    struct spool *spool;
    struct sender *sender;
};

static bool make_id(char ret_id[ID_LENGTH + 1])
{
    unsigned char bytes[ID_LENGTH / 2];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(ret_id + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

static void lost(struct notify *self, const struct sp_sftp_transfer *event, const char *why)
{
    log_line(self->host, SP_LOG_ERROR, "lost: %s %.*s: %s", event_name(event->kind),
             (int)(event->path.len < 512 ? event->path.len : 512), event->path.data, why);
}

static int32_t transfer(void *arg, const struct sp_sftp_transfer *event)
{
    struct notify *self = arg;
    struct text text = {0};
    char id[ID_LENGTH + 1];
    if (!options_want(&self->options, event))
        return SP_NEXT;
    int64_t now = self->host->time_ms(self->host);
    if (!make_id(id)) {
        lost(self, event, "there are no random numbers");
        return SP_E_FAILED;
    }
    event_write(event, id, now, &text);
    int rc = text.failed ? SP_E_NOMEM : spool_put(self->spool, id, now, &text);
    text_clear(&text);
    if (rc == 0)
        sender_wake(self->sender);
    else if (rc == SP_E_BUSY)
        lost(self, event, "queue_max events wait; see why they are not delivered");
    else
        lost(self, event, rc == SP_E_NOMEM ? "out of memory" : "the spool takes nothing");
    return rc == 0 ? SP_NEXT : rc;
}

static void tick(void *arg)
{
    struct notify *self = arg;
    sender_wake(self->sender);
}

static int32_t start(void *arg)
{
    struct notify *self = arg;
    self->sender = sender_start(self->host, &self->options, self->spool, self->transport);
    return self->sender ? 0 : SP_E_FAILED;
}

static void stop(void *arg)
{
    struct notify *self = arg;
    sender_stop(self->sender);
    self->sender = NULL;
}

static void destroy(void *arg)
{
    struct notify *self = arg;
    transport_free(self->transport);
    spool_close(self->spool);
    options_clear(&self->options);
    free(self);
}

static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct notify *self = calloc(1, sizeof *self);
    if (!self)
        return SP_E_NOMEM;
    self->host = host;
    int rc = options_read(host, config_json, &self->options);
    if (rc == 0 && self->options.http.url &&
        !(self->transport = transport_new(host, &self->options.http)))
        rc = SP_E_FAILED;
    if (rc == 0 && !(self->spool = spool_open(host, self->options.spool, self->options.queue_max)))
        rc = SP_E_FAILED;
    if (rc < 0) {
        destroy(self);
        return rc;
    }
    *ret_self = self;
    return 0;
}

static const struct sp_sftp_v1 sftp = {.struct_size = sizeof sftp, .transfer = transfer};

static const struct sp_interface interfaces[] = {{SP_SFTP_INTERFACE, &sftp}, {NULL, NULL}};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = "sftp-notify",
    .version = "0.1.0",
    .interfaces = interfaces,
    .create = create,
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .tick = tick,
};
