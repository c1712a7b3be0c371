/* reply.c: answers to the core. */
#include "provider.h"

/* A status is enough, since the core knows a text for each; a text of one's own may say more. */
static const char *text_of(uint32_t status)
{
    switch (status) {
    case SP_FS_NO_SPACE_ON_FILESYSTEM:
        return "The memory set aside for files is full";
    case SP_FS_LOCK_CONFLICT:
        return "Somebody has it open and lets nobody else do that";
    case SP_FS_BYTE_RANGE_LOCK_CONFLICT:
        return "Somebody has locked some of that range";
    case SP_FS_NO_MATCHING_BYTE_RANGE_LOCK:
        return "This handle has no lock on exactly that range";
    case SP_FS_DELETE_PENDING:
        return "It will be deleted when those who have it open close it";
    case SP_FS_QUOTA_EXCEEDED:
        return "There are as many names as there may be";
    case SP_FS_FAILURE:
        return "The server is out of memory: try again later";
    default:
        return "";
    }
}

static int32_t complete(const struct fs_memory *fs, const struct sp_event *event,
                        struct sp_fs_reply *reply)
{
    reply->head.struct_size = sizeof *reply;
    reply->head.verdict = reply->status == SP_FS_OK ? SP_OK : SP_E_FAILED;
    fs->host->complete(fs->host, event->token, &reply->head);
    return SP_PENDING;
}

int32_t reply_status(const struct fs_memory *fs, const struct sp_event *event, uint32_t status)
{
    if (status == SP_FS_OK)
        return SP_OK;
    struct sp_fs_reply reply = {.status = status, .text = sp_str_of(text_of(status))};
    return complete(fs, event, &reply);
}

int32_t reply_count(const struct fs_memory *fs, const struct sp_event *event, uint64_t count,
                    bool eof)
{
    struct sp_fs_reply reply = {.count = count, .eof = eof};
    return complete(fs, event, &reply);
}

int32_t reply_attributes(const struct fs_memory *fs, const struct sp_event *event,
                         const struct node *node)
{
    struct sp_fs_attributes attributes = attributes_of(node);
    struct sp_fs_reply reply = {.attributes = &attributes};
    return complete(fs, event, &reply);
}

int32_t reply_space(const struct fs_memory *fs, const struct sp_event *event)
{
    const struct limits *limits = &fs->limits;
    uint64_t blocks_free = (limits->bytes_most - limits->bytes) / 512;
    struct sp_fs_space space = {
        .block_size = BLOCK_SIZE,
        .fragment_size = 512,
        .blocks = limits->bytes_most / 512,
        .blocks_free = blocks_free,
        .blocks_available = blocks_free,
        .files = limits->files_most,
        .files_free = limits->files_most - limits->files,
        .files_available = limits->files_most - limits->files,
        .flags = 2, /* no program is ever run from here */
        .name_max = NAME_MOST,
    };
    struct sp_fs_reply reply = {.space = &space};
    return complete(fs, event, &reply);
}

int32_t reply_path(const struct fs_memory *fs, const struct sp_event *event, struct sp_str path)
{
    struct sp_fs_reply reply = {.path = path};
    return complete(fs, event, &reply);
}

static int32_t reply_id(const struct fs_memory *fs, const struct sp_event *event, const void *id,
                        const struct sp_fs_support *what)
{
    struct sp_fs_reply reply = {
        .head = {.struct_size = sizeof reply, .verdict = SP_OK},
        .handle = (uintptr_t)id,
        .support = what,
    };
    return fs->host->complete(fs->host, event->token, &reply.head);
}

int32_t reply_handle(const struct fs_memory *fs, const struct sp_event *event, const void *handle)
{
    return reply_id(fs, event, handle, NULL);
}

int32_t reply_view(const struct fs_memory *fs, const struct sp_event *event, const void *view)
{
    return reply_id(fs, event, view, &support);
}
