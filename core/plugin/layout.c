/*
 * layout.c: the tables. A field added to a reply in the SDK is added here, or it is not copied.
 */
#include "plugin/layout.h"

#include <sallyport/plugin.h>

#define PAIRS_MAX 1024
#define PROMPTS_MAX 16
#define ENTRIES_MAX 16384

#define FIELD(type, k, member)                                                                     \
    {                                                                                              \
        .name = #member, .kind = (k), .offset = offsetof(struct type, member)                      \
    }
#define FIELD_OF(type, k, member, layout)                                                          \
    {                                                                                              \
        .name = #member, .of = (layout), .kind = (k), .offset = offsetof(struct type, member)      \
    }
#define FIELD_LIST(type, member, layout, max)                                                      \
    {                                                                                              \
        .name = #member, .of = (layout), .kind = FIELD_ARRAY,                                      \
        .offset = offsetof(struct type, member),                                                   \
        .count_offset = offsetof(struct type, member##_count),                                     \
        .count_width = sizeof(((struct type *)0)->member##_count), .count_max = (max)              \
    }

#define LAYOUT(type, sized, offset_of_size)                                                        \
    {                                                                                              \
        .name = #type, .size = sizeof(struct type), .is_sized = (sized),                           \
        .size_offset = (offset_of_size),                                                           \
        .fields_count = sizeof(fields_of_##type) / sizeof *fields_of_##type,                       \
        .fields = fields_of_##type                                                                 \
    }
#define LAYOUT_FIXED(type) LAYOUT(type, false, 0)
#define LAYOUT_SIZED(type) LAYOUT(type, true, 0)

size_t field_width(const struct field *field)
{
    switch (field->kind) {
    case FIELD_U32:
    case FIELD_I32:
        return sizeof(uint32_t);
    case FIELD_U64:
    case FIELD_I64:
        return sizeof(uint64_t);
    case FIELD_BYTES:
    case FIELD_NAME:
        return sizeof(struct sp_str);
    case FIELD_STRUCT:
        return field->of->size;
    case FIELD_POINTER:
    case FIELD_ARRAY:
        break;
    }
    return sizeof(void *);
}

/* Lists of texts are lists of structs that hold one. */
static const struct field fields_of_sp_str[] = {{.name = "", .kind = FIELD_NAME, .offset = 0}};
static const struct layout layout_sp_str = LAYOUT_FIXED(sp_str);

static const struct field fields_of_sp_pair[] = {
    FIELD(sp_pair, FIELD_NAME, name),
    FIELD(sp_pair, FIELD_BYTES, value),
};
static const struct layout layout_sp_pair = LAYOUT_FIXED(sp_pair);

static const struct field fields_of_sp_grant[] = {
    FIELD(sp_grant, FIELD_U32, permit),
    FIELD(sp_grant, FIELD_U32, read_only),
    FIELD(sp_grant, FIELD_U32, restrict_to_home),
    FIELD(sp_grant, FIELD_NAME, root),
    FIELD(sp_grant, FIELD_NAME, home),
    FIELD(sp_grant, FIELD_NAME, forced_command),
    FIELD(sp_grant, FIELD_NAME, system_user),
    FIELD(sp_grant, FIELD_U64, idle_timeout_ms),
    FIELD(sp_grant, FIELD_U64, groups_count),
    FIELD_LIST(sp_grant, groups, &layout_sp_str, PAIRS_MAX),
    FIELD(sp_grant, FIELD_U64, environment_count),
    FIELD_LIST(sp_grant, environment, &layout_sp_pair, PAIRS_MAX),
    FIELD(sp_grant, FIELD_U64, attributes_count),
    FIELD_LIST(sp_grant, attributes, &layout_sp_pair, PAIRS_MAX),
};
static const struct layout layout_sp_grant = LAYOUT_SIZED(sp_grant);

static const struct field fields_of_sp_connection_reply[] = {
    FIELD(sp_connection_reply, FIELD_I32, head.verdict),
    FIELD(sp_connection_reply, FIELD_BYTES, text),
};
const struct layout layout_sp_connection_reply = LAYOUT_SIZED(sp_connection_reply);

static const struct field fields_of_sp_prompt[] = {
    FIELD(sp_prompt, FIELD_BYTES, text),
    FIELD(sp_prompt, FIELD_U32, echo),
};
static const struct layout layout_sp_prompt = LAYOUT_FIXED(sp_prompt);

static const struct field fields_of_sp_auth_reply[] = {
    FIELD(sp_auth_reply, FIELD_I32, head.verdict),
    FIELD(sp_auth_reply, FIELD_U32, methods),
    FIELD(sp_auth_reply, FIELD_U32, prompts_count),
    FIELD_LIST(sp_auth_reply, prompts, &layout_sp_prompt, PROMPTS_MAX),
    FIELD(sp_auth_reply, FIELD_BYTES, name),
    FIELD(sp_auth_reply, FIELD_BYTES, instruction),
    FIELD(sp_auth_reply, FIELD_BYTES, banner),
    FIELD(sp_auth_reply, FIELD_BYTES, reason),
    FIELD_OF(sp_auth_reply, FIELD_POINTER, grant, &layout_sp_grant),
};
const struct layout layout_sp_auth_reply = LAYOUT_SIZED(sp_auth_reply);

static const struct field fields_of_sp_channel_reply[] = {
    FIELD(sp_channel_reply, FIELD_I32, head.verdict),
    FIELD(sp_channel_reply, FIELD_BYTES, text),
};
const struct layout layout_sp_channel_reply = LAYOUT_SIZED(sp_channel_reply);

static const struct field fields_of_sp_time[] = {
    FIELD(sp_time, FIELD_I64, seconds),
    FIELD(sp_time, FIELD_U32, nanoseconds),
};
static const struct layout layout_sp_time = LAYOUT_FIXED(sp_time);

static const struct field fields_of_sp_fs_attributes[] = {
    FIELD(sp_fs_attributes, FIELD_U32, valid),
    FIELD(sp_fs_attributes, FIELD_U64, size),
    FIELD(sp_fs_attributes, FIELD_U64, allocation_size),
    FIELD(sp_fs_attributes, FIELD_U32, type),
    FIELD(sp_fs_attributes, FIELD_U32, mode),
    FIELD(sp_fs_attributes, FIELD_U32, uid),
    FIELD(sp_fs_attributes, FIELD_U32, gid),
    FIELD(sp_fs_attributes, FIELD_U32, link_count),
    FIELD(sp_fs_attributes, FIELD_U32, bits),
    FIELD(sp_fs_attributes, FIELD_U32, bits_valid),
    FIELD(sp_fs_attributes, FIELD_U32, text_hint),
    FIELD_OF(sp_fs_attributes, FIELD_STRUCT, access_time, &layout_sp_time),
    FIELD_OF(sp_fs_attributes, FIELD_STRUCT, modify_time, &layout_sp_time),
    FIELD_OF(sp_fs_attributes, FIELD_STRUCT, create_time, &layout_sp_time),
    FIELD_OF(sp_fs_attributes, FIELD_STRUCT, change_time, &layout_sp_time),
    FIELD(sp_fs_attributes, FIELD_NAME, owner),
    FIELD(sp_fs_attributes, FIELD_NAME, group),
    FIELD(sp_fs_attributes, FIELD_BYTES, acl),
    FIELD(sp_fs_attributes, FIELD_NAME, mime_type),
    FIELD(sp_fs_attributes, FIELD_BYTES, untranslated_name),
    FIELD(sp_fs_attributes, FIELD_U64, extended_count),
    FIELD_LIST(sp_fs_attributes, extended, &layout_sp_pair, PAIRS_MAX),
};
static const struct layout layout_sp_fs_attributes = LAYOUT_SIZED(sp_fs_attributes);

static const struct field fields_of_sp_fs_entry[] = {
    FIELD(sp_fs_entry, FIELD_NAME, name),
    FIELD_OF(sp_fs_entry, FIELD_STRUCT, attributes, &layout_sp_fs_attributes),
};
/* An entry is as long as the attributes that end it. */
static const struct layout layout_sp_fs_entry =
    LAYOUT(sp_fs_entry, true, offsetof(struct sp_fs_entry, attributes));

static const struct field fields_of_sp_fs_space[] = {
    FIELD(sp_fs_space, FIELD_U64, block_size),       FIELD(sp_fs_space, FIELD_U64, fragment_size),
    FIELD(sp_fs_space, FIELD_U64, blocks),           FIELD(sp_fs_space, FIELD_U64, blocks_free),
    FIELD(sp_fs_space, FIELD_U64, blocks_available), FIELD(sp_fs_space, FIELD_U64, files),
    FIELD(sp_fs_space, FIELD_U64, files_free),       FIELD(sp_fs_space, FIELD_U64, files_available),
    FIELD(sp_fs_space, FIELD_U64, filesystem_id),    FIELD(sp_fs_space, FIELD_U64, flags),
    FIELD(sp_fs_space, FIELD_U64, name_max),
};
static const struct layout layout_sp_fs_space = LAYOUT_FIXED(sp_fs_space);

static const struct field fields_of_sp_fs_reply[] = {
    FIELD(sp_fs_reply, FIELD_I32, head.verdict),
    FIELD(sp_fs_reply, FIELD_U32, status),
    FIELD(sp_fs_reply, FIELD_U32, eof),
    FIELD(sp_fs_reply, FIELD_U64, handle),
    FIELD(sp_fs_reply, FIELD_U64, count),
    FIELD(sp_fs_reply, FIELD_BYTES, text),
    FIELD(sp_fs_reply, FIELD_NAME, path),
    FIELD_OF(sp_fs_reply, FIELD_POINTER, attributes, &layout_sp_fs_attributes),
    FIELD(sp_fs_reply, FIELD_U64, entries_count),
    FIELD_LIST(sp_fs_reply, entries, &layout_sp_fs_entry, ENTRIES_MAX),
    FIELD_OF(sp_fs_reply, FIELD_POINTER, space, &layout_sp_fs_space),
};
const struct layout layout_sp_fs_reply = LAYOUT_SIZED(sp_fs_reply);
