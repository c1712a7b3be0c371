/*
 * operation.c: the table of operations. Constant data; any thread.
 */
#include "plugin/operation.h"

#include <string.h>

#include "plugin/layout.h"

#define TABLE_CONNECTION struct sp_connection_v1
#define TABLE_AUTH struct sp_auth_v1
#define TABLE_CHANNEL struct sp_channel_v1
#define TABLE_FS struct sp_fs_v1
#define TABLE_LOG struct sp_log_v1
#define TABLE_SFTP struct sp_sftp_v1

#define PREFIX_CONNECTION "connection."
#define PREFIX_AUTH "auth."
#define PREFIX_CHANNEL "channel."
#define PREFIX_FS "fs."
#define PREFIX_LOG "log."
#define PREFIX_SFTP "sftp."

/* Slots follow the size and the word after it. */
#define SLOT(interface, name)                                                                      \
    ((offsetof(TABLE_##interface, name) - 2 * sizeof(uint32_t)) / sizeof(void (*)(void)))

/* A table compiled against an older header ends before the slots it did not know. */
#define OPERATION(interface, name, event_type, reply, deadline_ms)                                 \
    static bool offers_##interface##_##name(const void *table)                                     \
    {                                                                                              \
        const TABLE_##interface *t = table;                                                        \
        return SP_HAS(t, name) && t->name;                                                         \
    }                                                                                              \
    static int32_t invoke_##interface##_##name(const void *table, void *self,                      \
                                               const struct sp_event *event)                       \
    {                                                                                              \
        const TABLE_##interface *t = table;                                                        \
        return t->name(self, (const struct event_type *)(const void *)event);                      \
    }
#include "plugin/operations.def"
#undef OPERATION

static const struct plugin_operation_info operations[PLUGIN_OPERATION_COUNT] = {
#define OPERATION(interface_, name_, event_, reply_, deadline)                                     \
    [PLUGIN_##interface_##_##name_] = {                                                            \
        .interface = PLUGIN_##interface_,                                                          \
        .slot = SLOT(interface_, name_),                                                           \
        .name = PREFIX_##interface_ #name_,                                                        \
        .deadline_ms = (deadline),                                                                 \
        .event = &layout_##event_,                                                                 \
        .reply = &layout_##reply_,                                                                 \
        .is_offered = offers_##interface_##_##name_,                                               \
        .invoke = invoke_##interface_##_##name_,                                                   \
    },
#include "plugin/operations.def"
#undef OPERATION
};

static const char *const interface_names[PLUGIN_INTERFACE_COUNT] = {
    [PLUGIN_CONNECTION] = SP_CONNECTION_INTERFACE,
    [PLUGIN_AUTH] = SP_AUTH_INTERFACE,
    [PLUGIN_CHANNEL] = SP_CHANNEL_INTERFACE,
    [PLUGIN_FS] = SP_FS_INTERFACE,
    [PLUGIN_LOG] = SP_LOG_INTERFACE,
    [PLUGIN_SFTP] = SP_SFTP_INTERFACE,
};

const struct plugin_operation_info *plugin_operation_info(enum plugin_operation operation)
{
    return &operations[operation];
}

const char *plugin_interface_name(enum plugin_interface interface)
{
    return interface_names[interface];
}

uint32_t plugin_interface_size(enum plugin_interface interface)
{
    static const uint32_t sizes[PLUGIN_INTERFACE_COUNT] = {
        [PLUGIN_CONNECTION] = sizeof(TABLE_CONNECTION),
        [PLUGIN_AUTH] = sizeof(TABLE_AUTH),
        [PLUGIN_CHANNEL] = sizeof(TABLE_CHANNEL),
        [PLUGIN_FS] = sizeof(TABLE_FS),
        [PLUGIN_LOG] = sizeof(TABLE_LOG),
        [PLUGIN_SFTP] = sizeof(TABLE_SFTP),
    };
    return sizes[interface];
}

enum plugin_interface plugin_interface_find(const char *name)
{
    enum plugin_interface i = 0;
    while (i < PLUGIN_INTERFACE_COUNT && strcmp(interface_names[i], name) != 0)
        i++;
    return i;
}

bool plugin_operation_accepts(enum plugin_operation operation, int32_t verdict)
{
    static const uint32_t accepted[PLUGIN_INTERFACE_COUNT] = {
        [PLUGIN_CONNECTION] = 1u << SP_DENY | 1u << SP_ALLOW | 1u << SP_NEXT,
        [PLUGIN_AUTH] =
            1u << SP_DENY | 1u << SP_ALLOW | 1u << SP_NEXT | 1u << SP_PARTIAL | 1u << SP_ASK,
        [PLUGIN_CHANNEL] =
            1u << SP_DENY | 1u << SP_ALLOW | 1u << SP_NEXT | 1u << SP_TAKE | 1u << SP_OK,
        [PLUGIN_FS] = 1u << SP_DENY | 1u << SP_OK,
        [PLUGIN_SFTP] = 1u << SP_DENY | 1u << SP_ALLOW | 1u << SP_NEXT | 1u << SP_TAKE,
    };

    if (verdict < 0 || plugin_operation_is_told(operation))
        return true;
    return verdict <= SP_OK && (accepted[operations[operation].interface] >> verdict & 1u);
}

bool plugin_operation_is_told(enum plugin_operation operation)
{
    switch (operation) {
    case PLUGIN_CONNECTION_connected:
    case PLUGIN_CONNECTION_disconnected:
    case PLUGIN_CONNECTION_status:
    case PLUGIN_CONNECTION_error:
    case PLUGIN_AUTH_authenticated:
    case PLUGIN_AUTH_key_checked:
    case PLUGIN_CHANNEL_opened:
    case PLUGIN_LOG_record:
    case PLUGIN_SFTP_transfer:
        return true;
    default:
        return false;
    }
}

bool plugin_operation_gives_back(enum plugin_operation operation)
{
    switch (operation) {
    case PLUGIN_FS_close:
    case PLUGIN_FS_closedir:
    case PLUGIN_FS_detach:
    case PLUGIN_CHANNEL_closed:
        return true;
    default:
        return false;
    }
}
