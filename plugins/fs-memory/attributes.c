/*
 * attributes.c: attributes of nodes, both ways. What the core asks for comes at once, since all of
 * it is in memory: "wanted" makes no difference here.
 */
#include "provider.h"

#include <string.h>

/* Labels: they are kept for clients that care, and mean nothing here. */
#define LABELS (SP_BIT_SYSTEM | SP_BIT_HIDDEN | SP_BIT_ARCHIVE)

#define ALWAYS                                                                                     \
    (SP_ATTR_SIZE | SP_ATTR_OWNER_IDS | SP_ATTR_PERMISSIONS | SP_ATTR_ACCESS_TIME |                \
     SP_ATTR_MODIFY_TIME | SP_ATTR_CREATE_TIME | SP_ATTR_CHANGE_TIME | SP_ATTR_TYPE |              \
     SP_ATTR_ALLOCATION_SIZE | SP_ATTR_LINK_COUNT | SP_ATTR_BITS)

/* Attributes that are a text and nothing else. */
static const struct {
    uint32_t valid;
    enum text_kind kind;
    size_t offset; /* in struct sp_fs_attributes */
} plain_texts[] = {
    {SP_ATTR_OWNER_NAMES, TEXT_OWNER, offsetof(struct sp_fs_attributes, owner)},
    {SP_ATTR_OWNER_NAMES, TEXT_GROUP, offsetof(struct sp_fs_attributes, group)},
    {SP_ATTR_ACL, TEXT_ACL, offsetof(struct sp_fs_attributes, acl)},
    {SP_ATTR_MIME_TYPE, TEXT_MIME_TYPE, offsetof(struct sp_fs_attributes, mime_type)},
};

const struct sp_fs_support support = {
    .struct_size = sizeof support,
    .open_flags = SP_OPEN_READ | SP_OPEN_WRITE | SP_OPEN_APPEND | SP_OPEN_CREATE |
                  SP_OPEN_TRUNCATE | SP_OPEN_EXCLUSIVE | SP_OPEN_NOFOLLOW | SP_OPEN_BLOCK_READ |
                  SP_OPEN_BLOCK_WRITE | SP_OPEN_BLOCK_DELETE | SP_OPEN_BLOCK_ADVISORY |
                  SP_OPEN_DELETE_ON_CLOSE,
    .attributes = ALWAYS | SP_ATTR_OWNER_NAMES | SP_ATTR_ACL | SP_ATTR_TEXT_HINT |
                  SP_ATTR_MIME_TYPE | SP_ATTR_EXTENDED,
    .attributes_set = SP_ATTR_SIZE | SP_ATTR_OWNER_IDS | SP_ATTR_OWNER_NAMES | SP_ATTR_PERMISSIONS |
                      SP_ATTR_ACCESS_TIME | SP_ATTR_MODIFY_TIME | SP_ATTR_CREATE_TIME |
                      SP_ATTR_ACL | SP_ATTR_BITS | SP_ATTR_TEXT_HINT | SP_ATTR_MIME_TYPE |
                      SP_ATTR_EXTENDED,
    .attribute_bits = LABELS,
    .rename_flags = SP_RENAME_OVERWRITE | SP_RENAME_ATOMIC | SP_RENAME_NATIVE,
    .lock_flags = SP_LOCK_READ | SP_LOCK_WRITE | SP_LOCK_DELETE,
    .acl = SP_ACL_ALLOW | SP_ACL_DENY | SP_ACL_AUDIT | SP_ACL_ALARM,
};

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
    struct sp_fs_attributes attributes = {
        .struct_size = sizeof(struct sp_fs_attributes),
        .valid = ALWAYS,
        .size = node->size,
        .allocation_size = data_allocated(node),
        .type = node->type,
        .mode = node->mode,
        .uid = node->uid,
        .gid = node->gid,
        .link_count = node->names,
        .bits = node->bits,
        .bits_valid = LABELS,
        .text_hint = node->text_hint,
        .access_time = time_of(node->access_time),
        .modify_time = time_of(node->modify_time),
        .create_time = time_of(node->create_time),
        .change_time = time_of(node->change_time),
        .extended = node->texts ? node->texts->pairs : NULL,
        .extended_count = node->texts ? node->texts->pairs_count : 0,
    };
    for (size_t i = 0; i < sizeof plain_texts / sizeof *plain_texts; i++) {
        struct sp_str text = texts_get(node, plain_texts[i].kind);
        memcpy((char *)&attributes + plain_texts[i].offset, &text, sizeof text);
        if (text.len)
            attributes.valid |= plain_texts[i].valid;
    }
    if (attributes.extended_count)
        attributes.valid |= SP_ATTR_EXTENDED;
    if (node->has_text_hint)
        attributes.valid |= SP_ATTR_TEXT_HINT;
    return attributes;
}

/* What is wrong with them, before anything is changed. */
static uint32_t check(const struct node *node, const struct sp_fs_attributes *attributes)
{
    uint32_t valid = attributes->valid;
    const struct {
        uint32_t valid;
        struct sp_time time;
    } times[] = {{SP_ATTR_ACCESS_TIME, attributes->access_time},
                 {SP_ATTR_MODIFY_TIME, attributes->modify_time},
                 {SP_ATTR_CREATE_TIME, attributes->create_time}};
    if (valid & SP_ATTR_SIZE && node->type != SP_FILE_REGULAR)
        return node->type == SP_FILE_DIRECTORY ? SP_FS_FILE_IS_A_DIRECTORY
                                               : SP_FS_INVALID_PARAMETER;
    if (valid & SP_ATTR_SIZE && attributes->size > INT64_MAX)
        return SP_FS_INVALID_PARAMETER;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (valid & times[i].valid && times[i].time.nanoseconds >= 1000000000u)
            return SP_FS_INVALID_PARAMETER;
    return SP_FS_OK;
}

static uint32_t set_texts(struct limits *limits, struct node *node,
                          const struct sp_fs_attributes *attributes)
{
    uint32_t status = SP_FS_OK;
    for (size_t i = 0; i < sizeof plain_texts / sizeof *plain_texts; i++) {
        struct sp_str text;
        memcpy(&text, (const char *)attributes + plain_texts[i].offset, sizeof text);
        /* Of owner and group, one may be left as it is. */
        bool is_given = text.len || plain_texts[i].valid != SP_ATTR_OWNER_NAMES;
        if (status == SP_FS_OK && attributes->valid & plain_texts[i].valid && is_given)
            status = texts_set(limits, node, plain_texts[i].kind, text.data, text.len);
    }
    if (status == SP_FS_OK && attributes->valid & SP_ATTR_EXTENDED)
        status = texts_set_pairs(limits, node, attributes->extended, attributes->extended_count);
    return status;
}

/* valid says which fields there are. What takes memory comes first: it may fail. */
uint32_t attributes_set(struct limits *limits, struct node *node,
                        const struct sp_fs_attributes *attributes)
{
    uint32_t valid = attributes->valid;
    uint32_t status = check(node, attributes);
    if (status == SP_FS_OK)
        status = set_texts(limits, node, attributes);
    if (status != SP_FS_OK)
        return status;
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
    if (valid & SP_ATTR_CREATE_TIME)
        node->create_time = timespec_of(attributes->create_time);
    if (valid & SP_ATTR_BITS) {
        uint32_t changed = attributes->bits_valid & LABELS;
        node->bits = (node->bits & ~changed) | (attributes->bits & changed);
    }
    if (valid & SP_ATTR_TEXT_HINT) {
        node->text_hint = attributes->text_hint;
        node->has_text_hint = true;
    }
    clock_gettime(CLOCK_REALTIME, &node->change_time);
    return SP_FS_OK;
}
