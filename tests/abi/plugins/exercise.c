/*
 * exercise: a plugin that uses something of every kind of struct: compiled against the frozen
 * headers, and against those of a later minor version (tests/abi/future_headers.py), where every
 * struct has a field more, every table a slot and the host a service that today's core knows
 * nothing of. test_growth.c asks it, and must get the same from both.
 */
#include <sallyport/plugin.h>

#if SP_ABI_MINOR > 0
#define FUTURE .future = UINT64_C(0xfeedfacefeedface),
#else
#define FUTURE
#endif

static const struct sp_str words[] = {{"staff", 5}, {"ops", 3}};
static const struct sp_pair pairs[] = {{{"tenant", 6}, {"7", 1}}};

static int32_t answer(void *self, const struct sp_event *event, const struct sp_reply *reply)
{
    const struct sp_host *host = self;
    host->complete(host, event->token, reply);
    return SP_PENDING;
}

static int32_t password(void *self, const struct sp_auth_event *event)
{
    const struct sp_grant grant = {.struct_size = sizeof grant,
                                   .permit = SP_PERMIT_SFTP,
                                   .root = {"/srv", 4},
                                   .groups = words,
                                   .groups_count = 2,
                                   .attributes = pairs,
                                   .attributes_count = 1,
                                   .handles_max = 9,
                                   FUTURE};
    const struct sp_auth_reply reply = {.head = {sizeof reply, SP_ALLOW},
                                        .banner = event->user,
                                        .grant = &grant,
                                        .key_options = SP_KEY_TOUCH_NOT_REQUIRED,
                                        FUTURE};
#if SP_ABI_MINOR > 0
    if (SP_HAS(event, future))
        return SP_E_INVALID; /* nobody has sent that */
#endif
    return answer(self, &event->head, &reply.head);
}

static int32_t keyboard_interactive(void *self, const struct sp_auth_event *event)
{
    static const struct sp_prompt prompts[] = {{{"Code: ", 6}, 1, 0}, {{"Word: ", 6}, 0, 0}};
    const struct sp_auth_reply reply = {
        .head = {sizeof reply, SP_ASK}, .prompts_count = 2, .prompts = prompts, FUTURE};
    return answer(self, &event->head, &reply.head);
}

static int32_t request(void *self, const struct sp_connection_event *event)
{
    const struct sp_connection_reply reply = {
        .head = {sizeof reply, SP_DENY}, .text = event->head.connection->remote_address, FUTURE};
    return answer(self, &event->head, &reply.head);
}

static int32_t channel_open(void *self, const struct sp_channel_event *event)
{
    const struct sp_channel_reply reply = {.head = {sizeof reply, SP_DENY},
                                           .text = event->type,
                                           .reason = SP_OPEN_RESOURCE_SHORTAGE,
                                           FUTURE};
    return answer(self, &event->head, &reply.head);
}

static struct sp_fs_attributes attributes_of(uint64_t size)
{
    struct sp_fs_attributes attributes = {.struct_size = sizeof attributes,
                                          .valid = SP_ATTR_SIZE | SP_ATTR_OWNER_NAMES,
                                          .size = size,
                                          .owner = {"ann", 3},
                                          .extended = pairs,
                                          .extended_count = 1,
                                          FUTURE};
    return attributes;
}

static int32_t stat_path(void *self, const struct sp_fs_path *event)
{
    const struct sp_fs_attributes attributes = attributes_of(event->path.len);
    const struct sp_fs_reply reply = {
        .head = {sizeof reply, SP_OK}, .attributes = &attributes, FUTURE};
    return answer(self, &event->head, &reply.head);
}

static int32_t readdir(void *self, const struct sp_fs_handle *event)
{
    struct sp_fs_entry entries[3];
    const struct sp_fs_reply reply = {
        .head = {sizeof reply, SP_OK}, .entries = entries, .entries_count = 3, .eof = 1, FUTURE};
    for (unsigned i = 0; i < 3; i++) {
        entries[i].name = (struct sp_str){&"abc"[i], 1};
        entries[i].attributes = attributes_of(i + 1);
    }
    return answer(self, &event->head, &reply.head);
}

static int32_t statvfs_path(void *self, const struct sp_fs_path *event)
{
    const struct sp_fs_space space = {.block_size = 4096, .name_max = 255};
    const struct sp_fs_reply reply = {.head = {sizeof reply, SP_OK}, .space = &space, FUTURE};
    return answer(self, &event->head, &reply.head);
}

static int32_t record(void *self, const struct sp_log_event *event)
{
    (void)self;
    return event->text.len == 0 ? SP_E_INVALID : SP_OK;
}

#if SP_ABI_MINOR > 0
static int32_t unheard_of(void *self, const struct sp_event *event)
{
    (void)self;
    (void)event;
    return SP_E_FAILED;
}
#define FUTURE_SLOT .future = unheard_of,
#else
#define FUTURE_SLOT
#endif

/* How to use a service that only a later core has. */
static int32_t use_the_latest(const struct sp_host *host)
{
#if SP_ABI_MINOR > 0
    if (SP_HAS(host, future))
        return host->future(host);
#endif
    host->log(host, SP_LOG_INFO, sp_str_of("made do with what there is"));
    return 0;
}

static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    (void)config_json;
    *ret_self = (void *)(uintptr_t)host;
    return use_the_latest(host);
}

static void destroy(void *self)
{
    (void)self;
}

#if SP_ABI_MINOR > 0
static void later(void *self)
{
    (void)self;
}
#endif

static const struct sp_connection_v1 connection = {
    .struct_size = sizeof connection, .request = request, FUTURE_SLOT};
static const struct sp_auth_v1 auth = {.struct_size = sizeof auth,
                                       .password = password,
                                       .keyboard_interactive = keyboard_interactive,
                                       FUTURE_SLOT};
static const struct sp_channel_v1 channel = {
    .struct_size = sizeof channel, .open = channel_open, FUTURE_SLOT};
static const struct sp_fs_v1 fs = {.struct_size = sizeof fs,
                                   .stat = stat_path,
                                   .readdir = readdir,
                                   .statvfs = statvfs_path,
                                   FUTURE_SLOT};
static const struct sp_log_v1 log_table = {
    .struct_size = sizeof log_table, .record = record, FUTURE_SLOT};
static const struct sp_interface interfaces[] = {
    {SP_CONNECTION_INTERFACE, &connection}, {SP_AUTH_INTERFACE, &auth},
    {SP_CHANNEL_INTERFACE, &channel},       {SP_FS_INTERFACE, &fs},
    {SP_LOG_INTERFACE, &log_table},         {NULL, NULL},
};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = EXERCISE_ID,
    .version = "1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
#if SP_ABI_MINOR > 0
    .future = later,
#endif
};
