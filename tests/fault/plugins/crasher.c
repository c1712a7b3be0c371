/*
 * crasher: serves a user "villain" as well as he needs to be served in order to reach every
 * operation, and crashes in the one that its configuration names when his address calls for it.
 * Everybody else is left to other plugins; the mount that it serves has nothing in it.
 */
#include <jansson.h>
#include <stdlib.h>

#include <sallyport/helpers.h>

#define VILLAIN "villain"
#define ADDRESS "127.0.0.9"

struct crasher {
    const struct sp_host *host;
    json_t *config;
};

static void crash(void)
{
    volatile int *volatile nowhere = (volatile int *)(uintptr_t)8;
    *nowhere = 1;
}

static int is_villain(const struct sp_event *event)
{
    return event->connection && sp_str_is(event->connection->remote_address, ADDRESS);
}

/* The host, if the operation is not the one. */
static const struct sp_host *pass(void *arg, const char *operation, const struct sp_event *event)
{
    const struct crasher *self = arg;
    const char *chosen = json_string_value(json_object_get(self->config, "operation"));
    if (is_villain(event) && strcmp(operation, chosen) == 0)
        crash();
    return self->host;
}

#define OPERATION(interface, slot, type, answer)                                                   \
    static int32_t interface##_##slot(void *self, const struct type *event)                        \
    {                                                                                              \
        const struct sp_host *host = pass(self, #interface "." #slot, &event->head);               \
        (void)host;                                                                                \
        return (answer);                                                                           \
    }
#define HEAD (&event->head)

OPERATION(connection, request, sp_connection_event, SP_NEXT)
OPERATION(connection, connected, sp_connection_event, SP_OK)
OPERATION(connection, disconnected, sp_connection_event, SP_OK)
OPERATION(connection, proposal, sp_connection_event, SP_NEXT)
OPERATION(connection, service_request, sp_connection_event, SP_NEXT)
OPERATION(connection, status, sp_connection_event, SP_OK)
OPERATION(connection, error, sp_connection_event, SP_OK)

static int32_t allow(const struct sp_host *host, const struct sp_event *event)
{
    struct sp_grant grant = sp_grant_of(SP_PERMIT_ALL);
    return is_villain(event) ? sp_allow(host, event, &grant) : SP_NEXT;
}

static int32_t interact(const struct sp_host *host, const struct sp_auth_event *event)
{
    if (!is_villain(HEAD))
        return SP_NEXT;
    return event->round == 0 ? sp_ask(host, HEAD, "Well? ", 1) : SP_DENY;
}

OPERATION(auth, none, sp_auth_event, SP_NEXT)
OPERATION(auth, password, sp_auth_event, allow(host, HEAD))
OPERATION(auth, publickey, sp_auth_event, SP_NEXT)
OPERATION(auth, keyboard_interactive, sp_auth_event, interact(host, event))
OPERATION(auth, authenticated, sp_auth_event, SP_OK)
OPERATION(auth, key_checked, sp_auth_event, SP_OK)

/* Everything that the villain asks for, a command in particular. */
static int32_t take(const struct sp_channel_event *event)
{
    if (!is_villain(HEAD) || event->request == SP_REQUEST_SUBSYSTEM)
        return SP_NEXT;
    return event->request == SP_REQUEST_EXEC ? SP_TAKE : SP_ALLOW;
}

/* More than the client's window, so that room comes again. */
static int32_t send_much(const struct sp_host *host, sp_id channel)
{
    static const char much[1u << 20];
    host->channel_send(host, channel, SP_STREAM_DATA, much, sizeof much);
    return SP_OK;
}

static int32_t finish(const struct sp_host *host, sp_id channel)
{
    sp_finish(host, channel, 0);
    return SP_OK;
}

OPERATION(channel, open, sp_channel_event, SP_NEXT)
OPERATION(channel, request, sp_channel_event, take(event))
OPERATION(channel, started, sp_channel_event, send_much(host, event->channel))
OPERATION(channel, data, sp_channel_event, SP_OK)
OPERATION(channel, eof, sp_channel_event, finish(host, event->channel))
OPERATION(channel, ready_to_send, sp_channel_event, SP_OK)
OPERATION(channel, control, sp_channel_event, SP_OK)
OPERATION(channel, closed, sp_channel_event, SP_OK)
OPERATION(channel, opened, sp_channel_event, SP_OK)

static int32_t describe(const struct sp_host *host, const struct sp_event *event, int is_directory)
{
    struct sp_fs_attributes attributes =
        sp_fs_attributes_of(is_directory ? SP_FILE_DIRECTORY : SP_FILE_REGULAR, 7);
    return sp_fs_attributes_are(host, event, &attributes);
}

static int32_t tell_space(const struct sp_host *host, const struct sp_event *event)
{
    const struct sp_fs_space space = {.block_size = 4096, .fragment_size = 4096};
    struct sp_fs_reply reply = sp_fs_reply_of(SP_OK);
    reply.space = &space;
    return sp_answer(host, event, &reply.head);
}

OPERATION(fs, attach, sp_fs_attach, sp_fs_opened(host, HEAD, 1))
OPERATION(fs, detach, sp_fs_path, SP_OK)
OPERATION(fs, open, sp_fs_create, sp_fs_opened(host, HEAD, 2))
OPERATION(fs, close, sp_fs_handle, SP_OK)
OPERATION(fs, read, sp_fs_io, sp_fs_done(host, HEAD, 0, 1))
OPERATION(fs, write, sp_fs_io, sp_fs_done(host, HEAD, event->length, 0))
OPERATION(fs, fstat, sp_fs_handle, describe(host, HEAD, 0))
OPERATION(fs, fsetstat, sp_fs_handle, SP_OK)
OPERATION(fs, fsync, sp_fs_handle, SP_OK)
OPERATION(fs, fstatvfs, sp_fs_handle, tell_space(host, HEAD))
OPERATION(fs, stat, sp_fs_path, describe(host, HEAD, event->path.len < 2))
OPERATION(fs, setstat, sp_fs_create, SP_OK)
OPERATION(fs, opendir, sp_fs_path, sp_fs_opened(host, HEAD, 3))
OPERATION(fs, readdir, sp_fs_handle, sp_fs_entries_are(host, HEAD, NULL, 0, 1))
OPERATION(fs, closedir, sp_fs_handle, SP_OK)
OPERATION(fs, mkdir, sp_fs_create, SP_OK)
OPERATION(fs, rmdir, sp_fs_path, SP_OK)
OPERATION(fs, remove, sp_fs_path, SP_OK)
OPERATION(fs, rename, sp_fs_pair, SP_OK)
OPERATION(fs, link, sp_fs_pair, SP_OK)
OPERATION(fs, symlink, sp_fs_pair, SP_OK)
OPERATION(fs, readlink, sp_fs_path, sp_fs_path_is(host, HEAD, event->path))
OPERATION(fs, realpath, sp_fs_path, sp_fs_path_is(host, HEAD, event->path))
OPERATION(fs, statvfs, sp_fs_path, tell_space(host, HEAD))
OPERATION(fs, copy, sp_fs_copy, sp_fs_done(host, HEAD, 0, 1))

static void destroy(void *arg)
{
    struct crasher *self = arg;
    json_decref(self->config);
    free(self);
}

static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct crasher *self = calloc(1, sizeof *self);
    if (!self)
        return SP_E_NOMEM;
    self->host = host;
    self->config = json_loads(config_json, 0, NULL);
    *ret_self = self;
    return 0;
}

/* Whether the hook that has no connection is the one: for start, tick. */
static int is_chosen(void *arg, const char *hook)
{
    const struct crasher *self = arg;
    return strcmp(json_string_value(json_object_get(self->config, "operation")), hook) == 0;
}

static int32_t start(void *self)
{
    if (is_chosen(self, "start"))
        crash();
    return 0;
}

static void tick(void *self)
{
    if (is_chosen(self, "tick"))
        crash();
}

#define SLOT(interface, slot) .slot = interface##_##slot
static const struct sp_connection_v1 connection = {
    sizeof connection,
    0,
    SLOT(connection, request),
    SLOT(connection, connected),
    SLOT(connection, disconnected),
    SLOT(connection, proposal),
    SLOT(connection, service_request),
    SLOT(connection, status),
    SLOT(connection, error),
};
static const struct sp_auth_v1 auth = {
    sizeof auth,
    0,
    SLOT(auth, none),
    SLOT(auth, password),
    SLOT(auth, publickey),
    SLOT(auth, keyboard_interactive),
    SLOT(auth, authenticated),
    SLOT(auth, key_checked),
};
static const struct sp_channel_v1 channel = {
    .struct_size = sizeof channel,
    SLOT(channel, open),
    SLOT(channel, request),
    SLOT(channel, started),
    SLOT(channel, data),
    SLOT(channel, eof),
    SLOT(channel, ready_to_send),
    SLOT(channel, control),
    SLOT(channel, closed),
    SLOT(channel, opened),
};
static const struct sp_fs_v1 fs = {
    .struct_size = sizeof fs,
    SLOT(fs, attach),
    SLOT(fs, detach),
    SLOT(fs, open),
    SLOT(fs, close),
    SLOT(fs, read),
    SLOT(fs, write),
    SLOT(fs, fstat),
    SLOT(fs, fsetstat),
    SLOT(fs, fsync),
    SLOT(fs, fstatvfs),
    SLOT(fs, stat),
    SLOT(fs, setstat),
    SLOT(fs, opendir),
    SLOT(fs, readdir),
    SLOT(fs, closedir),
    SLOT(fs, mkdir),
    SLOT(fs, rmdir),
    SLOT(fs, remove),
    SLOT(fs, rename),
    SLOT(fs, link),
    SLOT(fs, symlink),
    SLOT(fs, readlink),
    SLOT(fs, realpath),
    SLOT(fs, statvfs),
    SLOT(fs, copy),
};
static const struct sp_interface interfaces[] = {
    {SP_CONNECTION_INTERFACE, &connection},
    {SP_AUTH_INTERFACE, &auth},
    {SP_CHANNEL_INTERFACE, &channel},
    {SP_FS_INTERFACE, &fs},
    {NULL, NULL},
};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = FAULT_ID,
    .version = "1.0",
    .interfaces = interfaces,
    .create = create,
    .start = start,
    .destroy = destroy,
    .tick = tick,
};
