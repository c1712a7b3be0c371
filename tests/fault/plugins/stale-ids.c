/*
 * stale-ids: uses the ids of a channel and a connection that are gone, and some that never were,
 * for everything that the host does, whenever a command "again" comes; says in the log how many of
 * these were not refused.
 */
#include <stdio.h>

#include <sallyport/helpers.h>

#include "fault.h"

static sp_id channel_before, connection_before;

/* How many services do not refuse the ids. */
static unsigned accepted(const struct sp_host *host, sp_id channel, sp_id connection)
{
    const struct sp_framing framing = {.struct_size = sizeof framing};
    const struct sp_channel_streams streams = {sizeof streams, -1, -1, -1, -1, 0};
    const struct sp_channel_open open = {.struct_size = sizeof open,
                                         .type = sp_str_of("forwarded-tcpip")};
    struct sp_channel_info info = {.struct_size = sizeof info};
    sp_id opened = 0;
    unsigned count = 0;
    count += host->channel_send(host, channel, SP_STREAM_DATA, "boo", 3) >= 0;
    count += host->channel_eof(host, channel) >= 0;
    count += host->channel_exit_status(host, channel, 7) >= 0;
    count += host->channel_exit_signal(host, channel, sp_str_of("KILL"), 0, sp_str_of("")) >= 0;
    count += host->channel_framing(host, channel, &framing) >= 0;
    count += host->channel_info(host, channel, &info) >= 0;
    count += host->channel_attach(host, channel, &streams) >= 0;
    count += host->channel_close(host, channel) >= 0;
    host->channel_open(host, connection, &open, &opened); /* opened() would tell that it failed */
    return count;
}

static int32_t request(void *self, const struct sp_channel_event *event)
{
    const struct sp_host *host = self;
    char text[64];
    if (event->request != SP_REQUEST_EXEC)
        return SP_NEXT;
    if (sp_str_is(event->name, "again")) {
        unsigned stale = accepted(host, channel_before, connection_before);
        unsigned forged = accepted(host, event->channel ^ 1, event->head.connection->id ^ 1) +
                          accepted(host, 0, 0) + accepted(host, UINT64_MAX, UINT64_MAX);
        host->disconnect(host, connection_before, sp_str_of("boo"));
        if (host->rekey)
            host->rekey(host, connection_before);
        snprintf(text, sizeof text, "accepted stale=%u forged=%u", stale, forged);
        sp_log(host, SP_LOG_INFO, text);
        return SP_NEXT;
    }
    if (!sp_str_is(event->name, "first"))
        return SP_NEXT;
    channel_before = event->channel;
    connection_before = event->head.connection->id;
    return SP_TAKE;
}

static int32_t started(void *self, const struct sp_channel_event *event)
{
    sp_finish(self, event->channel, 0);
    return SP_OK;
}

static const struct sp_channel_v1 channel = {
    .struct_size = sizeof channel, .request = request, .started = started};
static const struct sp_interface interfaces[] = {{SP_CHANNEL_INTERFACE, &channel}, {NULL, NULL}};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = FAULT_ID,
    .version = "1.0",
    .interfaces = interfaces,
    .create = fault_create,
    .destroy = fault_destroy,
};
