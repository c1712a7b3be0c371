/*
 * remote_guest.h: the plugin's side of test_remote.c: a puppet in a process of its own, which does
 * what the user's name or the path says. Included by that test only.
 */
#ifndef SALLYPORT_UNIT_PLUGIN_REMOTE_GUEST_H
#define SALLYPORT_UNIT_PLUGIN_REMOTE_GUEST_H

#include "stage.h"

#include <pthread.h>
#include <signal.h>

#include "plugin/guest.h"
#include "puppet.h"

enum { CHANNEL = 5, CONNECTION = 9, ROOM = 1000, GUEST_FD = 3 };

static _Atomic sp_token hanging;
/* The loop's thread may cancel before the operation's has come to note what it leaves hanging. */
static _Atomic sp_token cancelled;
static sp_id opened;

static void *answer_later(void *arg)
{
    static const struct sp_str group = {"staff", 5};
    struct sp_grant grant = {
        .struct_size = sizeof grant, .permit = SP_PERMIT_EXEC, .groups = &group, .groups_count = 1};
    struct sp_auth_reply reply = {
        .head = {sizeof reply, SP_ALLOW}, .banner = {"welcome", 7}, .grant = &grant};
    const struct sp_host *host = arg;
    host->complete(host, hanging, &reply.head);
    return NULL;
}

static bool user_is(const struct sp_event *event, const char *name)
{
    const struct sp_auth_event *auth = (const void *)event;
    return auth->user.len == strlen(name) && memcmp(auth->user.data, name, auth->user.len) == 0;
}

static int32_t guest_password(const struct sp_host *host, const struct sp_event *event)
{
    pthread_t thread;
    if (user_is(event, "allow"))
        return SP_ALLOW;
    if (user_is(event, "crash"))
        raise(SIGKILL);
    if (user_is(event, "reply")) {
        hanging = event->token;
        return pthread_create(&thread, NULL, answer_later, (void *)(uintptr_t)host) == 0 &&
                       pthread_detach(thread) == 0
                   ? SP_PENDING
                   : SP_E_FAILED;
    }
    if (user_is(event, "never")) {
        hanging = event->token;
        return cancelled == event->token ? SP_DENY : SP_PENDING;
    }
    if (user_is(event, "garbage"))
        return 4711;
    if (user_is(event, "alice"))
        return event->connection && event->connection->id == CONNECTION &&
                       strcmp(event->connection->remote_address.data, "192.0.2.7") == 0 &&
                       strcmp(((const struct sp_auth_event *)(const void *)event)->password.data,
                              "secret") == 0
                   ? SP_ALLOW
                   : SP_DENY;
    return SP_NEXT;
}

static int32_t guest_data(const struct sp_host *host, const struct sp_channel_event *event)
{
    static char much[4 * ROOM];
    struct sp_framing framing = {.struct_size = sizeof framing,
                                 .kind = SP_FRAMING_LINE,
                                 .size = 100,
                                 .terminator = {"\n", 1}};
    struct sp_channel_open open = {.struct_size = sizeof open, .type = {"x@y", 3}};
    struct sp_channel_info info = {.struct_size = sizeof info};
    struct sp_channel_streams streams = {.struct_size = sizeof streams, -1, -1, -1, -1, 0};
    int ends[2];
    switch (event->data.data[0]) {
    case 'e': /* echo, then end */
        if (host->channel_send(host, event->channel, SP_STREAM_STDERR, event->data.data,
                               event->data.len) != (int64_t)event->data.len)
            return SP_E_FAILED;
        host->channel_eof(host, event->channel);
        host->channel_exit_signal(host, event->channel, sp_str_of("TERM"), 1, sp_str_of("why"));
        host->channel_exit_status(host, event->channel, 7);
        host->channel_close(host, event->channel);
        return SP_OK;
    case 'm': /* more than there is room for */
        if (host->channel_send(host, event->channel, SP_STREAM_DATA, much, sizeof much) != ROOM)
            return SP_E_FAILED;
        return host->channel_send(host, event->channel, SP_STREAM_DATA, much, 1) == 0 ? SP_OK
                                                                                      : SP_E_FAILED;
    case 'f':
        host->channel_framing(host, event->channel, &framing);
        return SP_OK;
    case 'i':
        host->channel_info(host, event->channel, &info);
        return info.bytes_in == event->data.len && info.room == ROOM ? SP_OK : SP_E_FAILED;
    case 'o':
        return host->channel_open(host, CONNECTION, &open, &opened) == 0 ? SP_OK : SP_E_FAILED;
    case 'a':
        if (pipe(ends) < 0)
            return SP_E_FAILED;
        streams.output_fd = ends[0];
        if (write(ends[1], "piped", 5) != 5 || close(ends[1]) < 0)
            return SP_E_FAILED;
        return host->channel_attach(host, event->channel, &streams) == 0 ? SP_OK : SP_E_FAILED;
    case 's': /* a channel that is not its own */
        return host->channel_close(host, event->channel + 1) == SP_E_STALE ? SP_OK : SP_E_FAILED;
    case 'd':
        if (host->rekey(host, CONNECTION) < 0)
            return SP_E_FAILED;
        host->disconnect(host, CONNECTION, sp_str_of("bye"));
        return SP_OK;
    case 'x':
        raise(SIGKILL);
        return SP_OK;
    default:
        return SP_E_FAILED;
    }
}

static int32_t guest_io(const struct sp_host *host, const char *name, const struct sp_fs_io *io)
{
    struct sp_fs_reply reply = {.head = {sizeof reply, SP_OK}, .count = io->length};
    uint8_t *bytes = io->buffer;
    if (strcmp(name, "fs.read") == 0)
        memset(bytes, (int)io->offset, io->length);
    for (uint64_t i = 0; i < io->length; i++)
        if (bytes[i] != (uint8_t)io->offset)
            reply.count = 0;
    host->complete(host, io->head.token, &reply.head);
    return SP_PENDING;
}

static int32_t guest_readdir(const struct sp_host *host, const struct sp_fs_handle *event)
{
    static struct sp_fs_entry entries[1000];
    for (size_t i = 0; i < 1000; i++)
        entries[i] = (struct sp_fs_entry){
            .name = {"entry", 5}, .attributes = {.struct_size = sizeof entries[i].attributes}};
    struct sp_fs_reply reply = {
        .head = {sizeof reply, SP_OK}, .entries = entries, .entries_count = 1000, .count = 1000};
    host->complete(host, event->head.token, &reply.head);
    return SP_PENDING;
}

static int32_t guest_on_call(const struct sp_host *host, const char *name,
                             const struct sp_event *event)
{
    if (strcmp(name, "auth.password") == 0)
        return guest_password(host, event);
    if (strcmp(name, "channel.open") == 0)
        return SP_TAKE;
    if (strcmp(name, "channel.data") == 0)
        return guest_data(host, (const void *)event);
    if (strcmp(name, "channel.ready_to_send") == 0) {
        const struct sp_channel_event *channel = (const void *)event;
        return event->connection && event->connection->id == CONNECTION &&
                       host->channel_eof(host, channel->channel) == 0
                   ? SP_OK
                   : SP_E_FAILED;
    }
    if (strcmp(name, "fs.read") == 0 || strcmp(name, "fs.write") == 0)
        return guest_io(host, name, (const void *)event);
    if (strcmp(name, "fs.readdir") == 0)
        return guest_readdir(host, (const void *)event);
    if (strcmp(name, "connection.request") == 0)
        return host->time_ms(host) > 1000000 ? SP_ALLOW : SP_DENY;
    return SP_NEXT;
}

static void guest_on_cancel(const struct sp_host *host, sp_token token)
{
    struct sp_reply reply = {sizeof reply, SP_DENY};
    cancelled = token;
    if (token == hanging)
        host->complete(host, token, &reply);
}

static int32_t guest_on_create(const struct sp_host *host, const char *config)
{
    (void)host;
    (void)config;
    return SP_E_FAILED;
}

static int guest_main(const char *plugin, const char *name)
{
    char *directory = (char *)STAGE_PLUGIN_DIR;
    struct config_plugin instance = {.name = (char *)name,
                                     .plugin = (char *)plugin,
                                     .config_json = (char *)"{}",
                                     .isolation = CONFIG_PROCESS};
    struct config config = {.file = (char *)"test.json",
                            .plugin_directories = &directory,
                            .plugin_directories_count = 1,
                            .plugins = &instance,
                            .plugins_count = 1,
                            .pool_threads = 2};
    struct report report = {0};
    struct puppet *puppet = stage_symbol(plugin, "puppet");
    *puppet = (struct puppet){.on_call = guest_on_call,
                              .on_cancel = guest_on_cancel,
                              .on_create = strcmp(name, "failing") == 0 ? guest_on_create : NULL};
    int rc = guest_run(&config, name, GUEST_FD, NULL, NULL, &report);
    report_free(&report);
    return rc < 0;
}

#endif
