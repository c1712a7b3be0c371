/*
 * layout.c: the tables. A field added to a struct of the SDK is added here, or it is not copied.
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
    FIELD(sp_grant, FIELD_U64, permit_open_count),
    FIELD_LIST(sp_grant, permit_open, &layout_sp_str, PAIRS_MAX),
    FIELD(sp_grant, FIELD_U64, permit_listen_count),
    FIELD_LIST(sp_grant, permit_listen, &layout_sp_str, PAIRS_MAX),
    FIELD(sp_grant, FIELD_U32, channels_max),
    FIELD(sp_grant, FIELD_U32, handles_max),
};
const struct layout layout_sp_grant = LAYOUT_SIZED(sp_grant);

static const struct field fields_of_sp_connection_reply[] = {
    FIELD(sp_connection_reply, FIELD_I32, head.verdict),
    FIELD(sp_connection_reply, FIELD_BYTES, text),
    FIELD(sp_connection_reply, FIELD_NAME, host_keys),
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
    FIELD(sp_auth_reply, FIELD_U32, key_options),
};
const struct layout layout_sp_auth_reply = LAYOUT_SIZED(sp_auth_reply);

static const struct field fields_of_sp_channel_reply[] = {
    FIELD(sp_channel_reply, FIELD_I32, head.verdict),
    FIELD(sp_channel_reply, FIELD_BYTES, text),
    FIELD(sp_channel_reply, FIELD_U32, reason),
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
const struct layout layout_sp_fs_attributes = LAYOUT_SIZED(sp_fs_attributes);

static const struct field fields_of_sp_fs_entry[] = {
    FIELD(sp_fs_entry, FIELD_NAME, name),
    FIELD_OF(sp_fs_entry, FIELD_STRUCT, attributes, &layout_sp_fs_attributes),
};
/* An entry is as long as the attributes that end it. */
const struct layout layout_sp_fs_entry =
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

static const struct field fields_of_sp_fs_principal[] = {
    FIELD(sp_fs_principal, FIELD_U32, kind),
    FIELD(sp_fs_principal, FIELD_U32, id),
    FIELD(sp_fs_principal, FIELD_NAME, name),
};
static const struct layout layout_sp_fs_principal = LAYOUT_FIXED(sp_fs_principal);

static const struct field fields_of_sp_fs_support[] = {
    FIELD(sp_fs_support, FIELD_U32, open_flags),
    FIELD(sp_fs_support, FIELD_U32, attributes),
    FIELD(sp_fs_support, FIELD_U32, attributes_set),
    FIELD(sp_fs_support, FIELD_U32, attribute_bits),
    FIELD(sp_fs_support, FIELD_U32, rename_flags),
    FIELD(sp_fs_support, FIELD_U32, lock_flags),
    FIELD(sp_fs_support, FIELD_U32, acl),
};
static const struct layout layout_sp_fs_support = LAYOUT_SIZED(sp_fs_support);

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
    FIELD(sp_fs_reply, FIELD_BYTES, data),
    FIELD(sp_fs_reply, FIELD_U64, principals_count),
    FIELD_LIST(sp_fs_reply, principals, &layout_sp_fs_principal, PAIRS_MAX),
    FIELD_OF(sp_fs_reply, FIELD_POINTER, support, &layout_sp_fs_support),
};
const struct layout layout_sp_fs_reply = LAYOUT_SIZED(sp_fs_reply);

static const struct field fields_of_sp_sftp_reply[] = {
    FIELD(sp_sftp_reply, FIELD_I32, head.verdict),
    FIELD(sp_sftp_reply, FIELD_U32, status),
    FIELD(sp_sftp_reply, FIELD_U32, changes),
    FIELD(sp_sftp_reply, FIELD_BYTES, text),
    FIELD(sp_sftp_reply, FIELD_NAME, path),
    FIELD(sp_sftp_reply, FIELD_NAME, target),
    FIELD(sp_sftp_reply, FIELD_U32, flags),
    FIELD(sp_sftp_reply, FIELD_U32, final_flags),
    FIELD(sp_sftp_reply, FIELD_U64, file),
    FIELD(sp_sftp_reply, FIELD_U64, offset),
    FIELD(sp_sftp_reply, FIELD_U64, length),
    FIELD_OF(sp_sftp_reply, FIELD_POINTER, attributes, &layout_sp_fs_attributes),
    FIELD(sp_sftp_reply, FIELD_U64, entries_count),
    FIELD_LIST(sp_sftp_reply, entries, &layout_sp_fs_entry, ENTRIES_MAX),
    FIELD(sp_sftp_reply, FIELD_BYTES, data),
    FIELD(sp_sftp_reply, FIELD_U64, count),
    FIELD(sp_sftp_reply, FIELD_NAME, final_path),
    FIELD_OF(sp_sftp_reply, FIELD_POINTER, space, &layout_sp_fs_space),
};
const struct layout layout_sp_sftp_reply = LAYOUT_SIZED(sp_sftp_reply);

static const struct field fields_of_sp_log_reply[] = {
    FIELD(sp_log_reply, FIELD_I32, head.verdict),
};
const struct layout layout_sp_log_reply = LAYOUT_SIZED(sp_log_reply);

/* --- what events consist of ---------------------------------------------------------------- */

static const struct field fields_of_sp_proposal[] = {
    FIELD(sp_proposal, FIELD_U32, strict_kex),
    FIELD(sp_proposal, FIELD_U32, first_kex_follows),
    FIELD(sp_proposal, FIELD_BYTES, kex),
    FIELD(sp_proposal, FIELD_BYTES, host_keys),
    FIELD(sp_proposal, FIELD_BYTES, ciphers_in),
    FIELD(sp_proposal, FIELD_BYTES, ciphers_out),
    FIELD(sp_proposal, FIELD_BYTES, macs_in),
    FIELD(sp_proposal, FIELD_BYTES, macs_out),
    FIELD(sp_proposal, FIELD_BYTES, compression_in),
    FIELD(sp_proposal, FIELD_BYTES, compression_out),
    FIELD(sp_proposal, FIELD_BYTES, languages_in),
    FIELD(sp_proposal, FIELD_BYTES, languages_out),
    FIELD(sp_proposal, FIELD_BYTES, hassh),
    FIELD(sp_proposal, FIELD_BYTES, hassh_text),
};
static const struct layout layout_sp_proposal = LAYOUT_SIZED(sp_proposal);

static const struct field fields_of_sp_connection[] = {
    FIELD(sp_connection, FIELD_U32, authenticated),
    FIELD(sp_connection, FIELD_U64, id),
    FIELD(sp_connection, FIELD_BYTES, listener),
    FIELD(sp_connection, FIELD_BYTES, remote_address),
    FIELD(sp_connection, FIELD_BYTES, local_address),
    FIELD(sp_connection, FIELD_U32, remote_port),
    FIELD(sp_connection, FIELD_U32, local_port),
    FIELD(sp_connection, FIELD_BYTES, client_version),
    FIELD(sp_connection, FIELD_BYTES, user),
    FIELD(sp_connection, FIELD_BYTES, kex),
    FIELD(sp_connection, FIELD_BYTES, cipher_in),
    FIELD(sp_connection, FIELD_BYTES, cipher_out),
    FIELD_OF(sp_connection, FIELD_POINTER, grant, &layout_sp_grant),
    FIELD(sp_connection, FIELD_BYTES, server_version),
    FIELD(sp_connection, FIELD_BYTES, host_key_algorithm),
    FIELD(sp_connection, FIELD_BYTES, mac_in),
    FIELD(sp_connection, FIELD_BYTES, mac_out),
    FIELD(sp_connection, FIELD_BYTES, compression_in),
    FIELD(sp_connection, FIELD_BYTES, compression_out),
    FIELD(sp_connection, FIELD_U32, strict_kex),
    FIELD_OF(sp_connection, FIELD_POINTER, proposal, &layout_sp_proposal),
};
const struct layout layout_sp_connection = LAYOUT_SIZED(sp_connection);

/* struct_size is the whole event's; the connection is one that all events of it share. */
#define FIELDS_OF_HEAD(type)                                                                       \
    FIELD(type, FIELD_U32, head.operation), FIELD(type, FIELD_U64, head.token),                    \
        FIELD_OF(type, FIELD_POINTER, head.connection, &layout_sp_connection)

static const struct field fields_of_sp_connection_event[] = {
    FIELDS_OF_HEAD(sp_connection_event),
    FIELD(sp_connection_event, FIELD_I32, status),
    FIELD(sp_connection_event, FIELD_U32, suggestion),
    FIELD(sp_connection_event, FIELD_BYTES, text),
    FIELD(sp_connection_event, FIELD_BYTES, name),
};
const struct layout layout_sp_connection_event = LAYOUT_SIZED(sp_connection_event);

static const struct field fields_of_sp_certificate[] = {
    FIELD(sp_certificate, FIELD_U32, trusted),
    FIELD(sp_certificate, FIELD_U64, serial),
    FIELD(sp_certificate, FIELD_U64, valid_after),
    FIELD(sp_certificate, FIELD_U64, valid_before),
    FIELD(sp_certificate, FIELD_BYTES, type),
    FIELD(sp_certificate, FIELD_BYTES, key_id),
    FIELD(sp_certificate, FIELD_BYTES, ca_key_blob),
    FIELD(sp_certificate, FIELD_BYTES, ca_key_fingerprint),
    FIELD(sp_certificate, FIELD_U64, principals_count),
    FIELD_LIST(sp_certificate, principals, &layout_sp_str, PAIRS_MAX),
    FIELD(sp_certificate, FIELD_U64, critical_options_count),
    FIELD_LIST(sp_certificate, critical_options, &layout_sp_pair, PAIRS_MAX),
    FIELD(sp_certificate, FIELD_U64, extensions_count),
    FIELD_LIST(sp_certificate, extensions, &layout_sp_pair, PAIRS_MAX),
};
static const struct layout layout_sp_certificate = LAYOUT_SIZED(sp_certificate);

/* Answers of keyboard-interactive may hold anything. */
static const struct field fields_of_response[] = {{.name = "", .kind = FIELD_BYTES, .offset = 0}};
static const struct layout layout_response = {.name = "response",
                                              .size = sizeof(struct sp_str),
                                              .fields_count = 1,
                                              .fields = fields_of_response};

static const struct field fields_of_sp_auth_event[] = {
    FIELDS_OF_HEAD(sp_auth_event),
    FIELD(sp_auth_event, FIELD_BYTES, user),
    FIELD(sp_auth_event, FIELD_U32, method),
    FIELD(sp_auth_event, FIELD_U32, attempt),
    FIELD(sp_auth_event, FIELD_U32, methods_done),
    FIELD(sp_auth_event, FIELD_U32, key_state),
    FIELD(sp_auth_event, FIELD_BYTES, password),
    FIELD(sp_auth_event, FIELD_BYTES, new_password),
    FIELD(sp_auth_event, FIELD_BYTES, key_type),
    FIELD(sp_auth_event, FIELD_BYTES, key_blob),
    FIELD(sp_auth_event, FIELD_BYTES, key_fingerprint),
    FIELD(sp_auth_event, FIELD_BYTES, signature_algorithm),
    FIELD_LIST(sp_auth_event, responses, &layout_response, PAIRS_MAX),
    FIELD(sp_auth_event, FIELD_U64, responses_count),
    FIELD(sp_auth_event, FIELD_U32, round),
    FIELD(sp_auth_event, FIELD_U32, key_flags),
    FIELD(sp_auth_event, FIELD_BYTES, service),
    FIELD(sp_auth_event, FIELD_BYTES, submethods),
    FIELD_OF(sp_auth_event, FIELD_POINTER, certificate, &layout_sp_certificate),
};
const struct layout layout_sp_auth_event = LAYOUT_SIZED(sp_auth_event);

static const struct field fields_of_sp_terminal[] = {
    FIELD(sp_terminal, FIELD_U32, columns),      FIELD(sp_terminal, FIELD_U32, rows),
    FIELD(sp_terminal, FIELD_U32, width_pixels), FIELD(sp_terminal, FIELD_U32, height_pixels),
    FIELD(sp_terminal, FIELD_BYTES, term),       FIELD(sp_terminal, FIELD_BYTES, modes),
};
static const struct layout layout_sp_terminal = LAYOUT_SIZED(sp_terminal);

static const struct field fields_of_sp_x11[] = {
    FIELD(sp_x11, FIELD_U32, single_connection),
    FIELD(sp_x11, FIELD_U32, screen),
    FIELD(sp_x11, FIELD_BYTES, protocol),
    FIELD(sp_x11, FIELD_BYTES, cookie),
};
static const struct layout layout_sp_x11 = LAYOUT_SIZED(sp_x11);

static const struct field fields_of_sp_channel_event[] = {
    FIELDS_OF_HEAD(sp_channel_event),
    FIELD(sp_channel_event, FIELD_U64, channel),
    FIELD(sp_channel_event, FIELD_U32, request),
    FIELD(sp_channel_event, FIELD_U32, stream),
    FIELD(sp_channel_event, FIELD_BYTES, type),
    FIELD(sp_channel_event, FIELD_BYTES, name),
    FIELD(sp_channel_event, FIELD_BYTES, value),
    FIELD(sp_channel_event, FIELD_BYTES, data),
    FIELD_OF(sp_channel_event, FIELD_POINTER, terminal, &layout_sp_terminal),
    FIELD_LIST(sp_channel_event, environment, &layout_sp_pair, PAIRS_MAX),
    FIELD(sp_channel_event, FIELD_U64, environment_count),
    FIELD(sp_channel_event, FIELD_I32, exit_status),
    FIELD(sp_channel_event, FIELD_U32, exit_signal),
    FIELD(sp_channel_event, FIELD_U32, reason),
    FIELD(sp_channel_event, FIELD_U32, number),
    FIELD(sp_channel_event, FIELD_U32, frame_end),
    FIELD(sp_channel_event, FIELD_BYTES, parameters),
    FIELD_OF(sp_channel_event, FIELD_POINTER, x11, &layout_sp_x11),
};
const struct layout layout_sp_channel_event = LAYOUT_SIZED(sp_channel_event);

static const struct field fields_of_sp_fs_attach[] = {
    FIELDS_OF_HEAD(sp_fs_attach),
    FIELD(sp_fs_attach, FIELD_BYTES, mount),
    FIELD(sp_fs_attach, FIELD_BYTES, root),
    FIELD(sp_fs_attach, FIELD_BYTES, top),
};
const struct layout layout_sp_fs_attach = LAYOUT_SIZED(sp_fs_attach);

static const struct field fields_of_sp_fs_path[] = {
    FIELDS_OF_HEAD(sp_fs_path),           FIELD(sp_fs_path, FIELD_U64, view),
    FIELD(sp_fs_path, FIELD_BYTES, path), FIELD(sp_fs_path, FIELD_U32, flags),
    FIELD(sp_fs_path, FIELD_U32, wanted),
};
const struct layout layout_sp_fs_path = LAYOUT_SIZED(sp_fs_path);

static const struct field fields_of_sp_fs_pair[] = {
    FIELDS_OF_HEAD(sp_fs_pair),           FIELD(sp_fs_pair, FIELD_U64, view),
    FIELD(sp_fs_pair, FIELD_BYTES, path), FIELD(sp_fs_pair, FIELD_BYTES, target),
    FIELD(sp_fs_pair, FIELD_U32, flags),
};
const struct layout layout_sp_fs_pair = LAYOUT_SIZED(sp_fs_pair);

static const struct field fields_of_sp_fs_create[] = {
    FIELDS_OF_HEAD(sp_fs_create),
    FIELD(sp_fs_create, FIELD_U64, view),
    FIELD(sp_fs_create, FIELD_BYTES, path),
    FIELD(sp_fs_create, FIELD_U32, flags),
    FIELD_OF(sp_fs_create, FIELD_POINTER, attributes, &layout_sp_fs_attributes),
};
const struct layout layout_sp_fs_create = LAYOUT_SIZED(sp_fs_create);

static const struct field fields_of_sp_fs_handle[] = {
    FIELDS_OF_HEAD(sp_fs_handle),
    FIELD(sp_fs_handle, FIELD_U64, view),
    FIELD(sp_fs_handle, FIELD_U64, handle),
    FIELD(sp_fs_handle, FIELD_U64, count),
    FIELD_OF(sp_fs_handle, FIELD_POINTER, attributes, &layout_sp_fs_attributes),
    FIELD(sp_fs_handle, FIELD_U32, wanted),
    FIELD(sp_fs_handle, FIELD_U32, flags),
};
const struct layout layout_sp_fs_handle = LAYOUT_SIZED(sp_fs_handle);

/* The buffer is the core's own memory and goes another way than fields do. */
static const struct field fields_of_sp_fs_io[] = {
    FIELDS_OF_HEAD(sp_fs_io),           FIELD(sp_fs_io, FIELD_U64, view),
    FIELD(sp_fs_io, FIELD_U64, handle), FIELD(sp_fs_io, FIELD_U64, offset),
    FIELD(sp_fs_io, FIELD_U64, length),
};
const struct layout layout_sp_fs_io = LAYOUT_SIZED(sp_fs_io);

static const struct field fields_of_sp_fs_copy[] = {
    FIELDS_OF_HEAD(sp_fs_copy),
    FIELD(sp_fs_copy, FIELD_U64, view),
    FIELD(sp_fs_copy, FIELD_U64, source),
    FIELD(sp_fs_copy, FIELD_U64, source_offset),
    FIELD(sp_fs_copy, FIELD_U64, length),
    FIELD(sp_fs_copy, FIELD_U64, target),
    FIELD(sp_fs_copy, FIELD_U64, target_offset),
};
const struct layout layout_sp_fs_copy = LAYOUT_SIZED(sp_fs_copy);

static const struct field fields_of_sp_fs_lock[] = {
    FIELDS_OF_HEAD(sp_fs_lock),           FIELD(sp_fs_lock, FIELD_U64, view),
    FIELD(sp_fs_lock, FIELD_U64, handle), FIELD(sp_fs_lock, FIELD_U64, offset),
    FIELD(sp_fs_lock, FIELD_U64, length), FIELD(sp_fs_lock, FIELD_U32, flags),
};
const struct layout layout_sp_fs_lock = LAYOUT_SIZED(sp_fs_lock);

static const struct field fields_of_sp_fs_hash[] = {
    FIELDS_OF_HEAD(sp_fs_hash),           FIELD(sp_fs_hash, FIELD_U64, view),
    FIELD(sp_fs_hash, FIELD_U64, handle), FIELD(sp_fs_hash, FIELD_NAME, algorithm),
    FIELD(sp_fs_hash, FIELD_U64, offset), FIELD(sp_fs_hash, FIELD_U64, length),
};
const struct layout layout_sp_fs_hash = LAYOUT_SIZED(sp_fs_hash);

static const struct field fields_of_sp_fs_principals[] = {
    FIELDS_OF_HEAD(sp_fs_principals),
    FIELD(sp_fs_principals, FIELD_U64, view),
    FIELD(sp_fs_principals, FIELD_U64, principals_count),
    FIELD_LIST(sp_fs_principals, principals, &layout_sp_fs_principal, PAIRS_MAX),
};
const struct layout layout_sp_fs_principals = LAYOUT_SIZED(sp_fs_principals);

static const struct field fields_of_sp_sftp_listed[] = {
    FIELD(sp_sftp_listed, FIELD_NAME, name),
    FIELD(sp_sftp_listed, FIELD_U32, type),
    FIELD_OF(sp_sftp_listed, FIELD_POINTER, attributes, &layout_sp_fs_attributes),
};
static const struct layout layout_sp_sftp_listed = LAYOUT_FIXED(sp_sftp_listed);

static const struct field fields_of_sp_sftp_event[] = {
    FIELDS_OF_HEAD(sp_sftp_event),
    FIELD(sp_sftp_event, FIELD_U64, channel),
    FIELD(sp_sftp_event, FIELD_U64, act),
    FIELD(sp_sftp_event, FIELD_U32, family),
    FIELD(sp_sftp_event, FIELD_U32, protocol),
    FIELD(sp_sftp_event, FIELD_BYTES, name),
    FIELD(sp_sftp_event, FIELD_BYTES, path),
    FIELD(sp_sftp_event, FIELD_BYTES, target),
    FIELD(sp_sftp_event, FIELD_BYTES, mount),
    FIELD(sp_sftp_event, FIELD_U64, file),
    FIELD(sp_sftp_event, FIELD_U64, file_target),
    FIELD(sp_sftp_event, FIELD_U64, offset),
    FIELD(sp_sftp_event, FIELD_U64, offset_target),
    FIELD(sp_sftp_event, FIELD_U64, length),
    FIELD(sp_sftp_event, FIELD_U32, flags),
    FIELD(sp_sftp_event, FIELD_U32, version),
    FIELD_OF(sp_sftp_event, FIELD_POINTER, attributes, &layout_sp_fs_attributes),
    FIELD(sp_sftp_event, FIELD_BYTES, data),
    FIELD(sp_sftp_event, FIELD_U32, status),
    FIELD(sp_sftp_event, FIELD_U32, decided),
    FIELD(sp_sftp_event, FIELD_BYTES, text),
    FIELD(sp_sftp_event, FIELD_BYTES, result_path),
    FIELD(sp_sftp_event, FIELD_U64, count),
    FIELD(sp_sftp_event, FIELD_U64, duration_ns),
    FIELD_OF(sp_sftp_event, FIELD_POINTER, result, &layout_sp_fs_attributes),
    FIELD(sp_sftp_event, FIELD_U64, entries_count),
    FIELD_LIST(sp_sftp_event, entries, &layout_sp_sftp_listed, ENTRIES_MAX),
    FIELD_OF(sp_sftp_event, FIELD_POINTER, space, &layout_sp_fs_space),
    FIELD_OF(sp_sftp_event, FIELD_POINTER, existing, &layout_sp_fs_attributes),
    FIELD_OF(sp_sftp_event, FIELD_POINTER, existing_target, &layout_sp_fs_attributes),
    FIELD(sp_sftp_event, FIELD_BYTES, final_path),
    FIELD(sp_sftp_event, FIELD_U32, final_flags),
};
const struct layout layout_sp_sftp_event = LAYOUT_SIZED(sp_sftp_event);

static const struct field fields_of_sp_sftp_transfer[] = {
    FIELDS_OF_HEAD(sp_sftp_transfer),
    FIELD(sp_sftp_transfer, FIELD_U64, channel),
    FIELD(sp_sftp_transfer, FIELD_U32, kind),
    FIELD(sp_sftp_transfer, FIELD_U32, protocol),
    FIELD(sp_sftp_transfer, FIELD_BYTES, path),
    FIELD(sp_sftp_transfer, FIELD_BYTES, opened_path),
    FIELD(sp_sftp_transfer, FIELD_BYTES, mount),
    FIELD(sp_sftp_transfer, FIELD_U64, file),
    FIELD(sp_sftp_transfer, FIELD_U64, size),
    FIELD(sp_sftp_transfer, FIELD_U64, bytes_read),
    FIELD(sp_sftp_transfer, FIELD_U64, bytes_written),
    FIELD(sp_sftp_transfer, FIELD_I64, started_ms),
    FIELD(sp_sftp_transfer, FIELD_U64, duration_ns),
    FIELD(sp_sftp_transfer, FIELD_BYTES, hash_algorithm),
    FIELD(sp_sftp_transfer, FIELD_BYTES, hash),
    FIELD(sp_sftp_transfer, FIELD_BYTES, text),
};
const struct layout layout_sp_sftp_transfer = LAYOUT_SIZED(sp_sftp_transfer);

static const struct field fields_of_sp_log_event[] = {
    FIELDS_OF_HEAD(sp_log_event),
    FIELD(sp_log_event, FIELD_U32, level),
    FIELD(sp_log_event, FIELD_I64, time_ms),
    FIELD(sp_log_event, FIELD_U64, dropped),
    FIELD(sp_log_event, FIELD_BYTES, name),
    FIELD(sp_log_event, FIELD_BYTES, text),
};
const struct layout layout_sp_log_event = LAYOUT_SIZED(sp_log_event);
