/* reply.c: answers to the core, and attributes both ways. */
#include "provider.h"

/* A status is enough, since the core knows a text for each; a text of one's own may say more. */
static const char *text_of(uint32_t status)
{
    switch (status) {
    case SP_FS_NO_SPACE_ON_FILESYSTEM:
        return "The memory set aside for files is full";
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

int32_t reply_handle(const struct fs_memory *fs, const struct sp_event *event, const void *handle)
{
    struct sp_fs_reply reply = {
        .head = {.struct_size = sizeof reply, .verdict = SP_OK},
        .handle = (uintptr_t)handle,
    };
    return fs->host->complete(fs->host, event->token, &reply.head);
}

static struct sp_time time_of(struct timespec ts)
{
    return (struct sp_time){.seconds = ts.tv_sec, .nanoseconds = (uint32_t)ts.tv_nsec};
}

static struct timespec timespec_of(struct sp_time time)
{
    return (struct timespec){.tv_sec = time.seconds, .tv_nsec = time.nanoseconds};
}

struct sp_fs_attributes attributes_of(const struct node *node)
{
    return (struct sp_fs_attributes){
        .struct_size = sizeof(struct sp_fs_attributes),
        .valid = SP_ATTR_SIZE | SP_ATTR_OWNER_IDS | SP_ATTR_PERMISSIONS | SP_ATTR_ACCESS_TIME |
                 SP_ATTR_MODIFY_TIME | SP_ATTR_CREATE_TIME | SP_ATTR_CHANGE_TIME | SP_ATTR_TYPE |
                 SP_ATTR_ALLOCATION_SIZE | SP_ATTR_LINK_COUNT,
        .size = node->size,
        .allocation_size = data_allocated(node),
        .type = node->type,
        .mode = node->mode,
        .uid = node->uid,
        .gid = node->gid,
        .link_count = node->names,
        .access_time = time_of(node->access_time),
        .modify_time = time_of(node->modify_time),
        .create_time = time_of(node->create_time),
        .change_time = time_of(node->change_time),
    };
}

/* valid says which fields there are; all of them can be set here, or none is. */
uint32_t attributes_set(struct limits *limits, struct node *node,
                        const struct sp_fs_attributes *attributes)
{
    uint32_t valid = attributes->valid;
    if (valid & SP_ATTR_SIZE && node->type != SP_FILE_REGULAR)
        return node->type == SP_FILE_DIRECTORY ? SP_FS_FILE_IS_A_DIRECTORY
                                               : SP_FS_INVALID_PARAMETER;
    if ((valid & SP_ATTR_SIZE && attributes->size > INT64_MAX) ||
        (valid & SP_ATTR_ACCESS_TIME && attributes->access_time.nanoseconds >= 1000000000u) ||
        (valid & SP_ATTR_MODIFY_TIME && attributes->modify_time.nanoseconds >= 1000000000u))
        return SP_FS_INVALID_PARAMETER;
    if (valid & SP_ATTR_SIZE) {
        data_truncate(limits, node, attributes->size);
        node_touch(node);
    }
    if (valid & SP_ATTR_OWNER_IDS) {
        node->uid = attributes->uid;
        node->gid = attributes->gid;
    }
    if (valid & SP_ATTR_PERMISSIONS)
        node->mode = attributes->mode & 07777u;
    if (valid & SP_ATTR_ACCESS_TIME)
        node->access_time = timespec_of(attributes->access_time);
    if (valid & SP_ATTR_MODIFY_TIME)
        node->modify_time = timespec_of(attributes->modify_time);
    clock_gettime(CLOCK_REALTIME, &node->change_time);
    return SP_FS_OK;
}
