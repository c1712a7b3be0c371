/*
 * puppet: no misbehaviour of its own. Each operation does what the test that owns the strings says,
 * on the thread and under the rules of a real plugin. Built once for each kind of threading.
 */
#include "puppet.h"

#include "fault.h"

SP_EXPORT struct puppet puppet;

static int32_t create(const struct sp_host *host, const char *config, void **ret_self)
{
    fault_create(host, config, ret_self);
    return puppet.on_create ? puppet.on_create(host, config) : 0;
}

static int32_t start(void *self)
{
    (void)self;
    return puppet.on_start ? puppet.on_start() : 0;
}

static void stop(void *self)
{
    (void)self;
    if (puppet.on_end)
        puppet.on_end("stop");
}

static void destroy(void *self)
{
    (void)self;
    if (puppet.on_end)
        puppet.on_end("destroy");
}

static void cancel(void *self, sp_token token)
{
    if (puppet.on_cancel)
        puppet.on_cancel(self, token);
}

static void tick(void *self)
{
    if (puppet.on_tick)
        puppet.on_tick(self);
}

#define STRING(interface, slot, type)                                                              \
    static int32_t interface##_##slot(void *self, const struct type *event)                        \
    {                                                                                              \
        return puppet.on_call(self, #interface "." #slot, &event->head);                           \
    }
STRING(connection, request, sp_connection_event)
STRING(connection, disconnected, sp_connection_event)
#ifdef PUPPET_HAS_LOG
STRING(log, record, sp_log_event)
#endif
STRING(auth, password, sp_auth_event)
STRING(auth, keyboard_interactive, sp_auth_event)
STRING(auth, authenticated, sp_auth_event)
STRING(channel, open, sp_channel_event)
STRING(channel, data, sp_channel_event)
STRING(channel, ready_to_send, sp_channel_event)
STRING(channel, closed, sp_channel_event)
STRING(fs, read, sp_fs_io)
STRING(fs, write, sp_fs_io)
STRING(fs, stat, sp_fs_path)
STRING(fs, readdir, sp_fs_handle)

static const struct sp_connection_v1 connection = {
    .struct_size = sizeof connection,
    .request = connection_request,
    .disconnected = connection_disconnected,
};
/* As if compiled before "authenticated" was added. */
static const struct sp_auth_v1 auth = {
    .struct_size = offsetof(struct sp_auth_v1, authenticated),
    .password = auth_password,
    .keyboard_interactive = auth_keyboard_interactive,
    .authenticated = auth_authenticated,
};
static const struct sp_channel_v1 channel = {
    .struct_size = sizeof channel,
    .open = channel_open,
    .data = channel_data,
    .ready_to_send = channel_ready_to_send,
    .closed = channel_closed,
};
static const struct sp_fs_v1 fs = {
    .struct_size = sizeof fs,
    .read = fs_read,
    .write = fs_write,
    .stat = fs_stat,
    .readdir = fs_readdir,
};

#ifdef PUPPET_HAS_LOG
static const struct sp_log_v1 log_table = {
    .struct_size = sizeof log_table,
    .record = log_record,
};
#endif

static const struct sp_interface interfaces[] = {
    {SP_CONNECTION_INTERFACE, &connection},
    {SP_AUTH_INTERFACE, &auth},
    {SP_CHANNEL_INTERFACE, &channel},
    {SP_FS_INTERFACE, &fs},
#ifdef PUPPET_HAS_LOG
    {SP_LOG_INTERFACE, &log_table},
#endif
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
    .stop = stop,
    .destroy = destroy,
    .cancel = cancel,
    .tick = tick,
};
