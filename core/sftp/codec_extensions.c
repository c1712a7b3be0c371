/*
 * codec_extensions.c: the drafts' extensions on the wire: draft-ietf-secsh-filexfer-extensions-00
 * and the drafts 05 to 13 of filexfer itself. See codec_extensions.h.
 */
#include "sftp/codec_extensions.h"

#include <string.h>

/* Of a name in a reply: 1024 of them stay within one packet. */
#define PRINCIPAL_NAME_MAX 240u

static void get_check_file_rest(struct wire_reader *reader, struct sftp_message *message)
{
    message->words = wire_get_string(reader);
    message->offset = wire_get_u64(reader);
    message->length = wire_get_u64(reader);
    message->block_size = wire_get_u32(reader);
}

void sftp_get_check_file_name(struct wire_reader *reader, const struct sftp_dialect *dialect,
                              struct sftp_message *message)
{
    (void)dialect;
    message->path = wire_get_string(reader);
    get_check_file_rest(reader, message);
}

void sftp_get_check_file_handle(struct wire_reader *reader, const struct sftp_dialect *dialect,
                                struct sftp_message *message)
{
    (void)dialect;
    message->handle = wire_get_string(reader);
    get_check_file_rest(reader, message);
}

static void get_md5_rest(struct wire_reader *reader, struct sftp_message *message)
{
    message->words = (struct sp_str){"md5", 3};
    message->offset = wire_get_u64(reader);
    message->length = wire_get_u64(reader);
    message->data = wire_get_string(reader);
}

void sftp_get_md5_hash(struct wire_reader *reader, const struct sftp_dialect *dialect,
                       struct sftp_message *message)
{
    (void)dialect;
    message->path = wire_get_string(reader);
    get_md5_rest(reader, message);
}

void sftp_get_md5_hash_handle(struct wire_reader *reader, const struct sftp_dialect *dialect,
                              struct sftp_message *message)
{
    (void)dialect;
    message->handle = wire_get_string(reader);
    get_md5_rest(reader, message);
}

/* The fields are a structure in a string of its own; some clients send them bare. */
void sftp_get_vendor_id(struct wire_reader *reader, const struct sftp_dialect *dialect,
                        struct sftp_message *message)
{
    (void)dialect;
    struct sp_str first = wire_get_string(reader);
    struct wire_reader inner;
    bool is_wrapped = wire_at_end(reader);
    if (is_wrapped) {
        wire_reader_init(&inner, first.data, (size_t)first.len);
        message->path = wire_get_string(&inner);
    } else {
        inner = *reader;
        message->path = first;
    }
    message->words = wire_get_string(&inner);
    message->data = wire_get_string(&inner);
    message->offset = wire_get_u64(&inner); /* the build's number */
    reader->failed = reader->failed || inner.failed;
}

void sftp_get_translation_control(struct wire_reader *reader, const struct sftp_dialect *dialect,
                                  struct sftp_message *message)
{
    (void)dialect;
    message->flags = wire_get_bool(reader);
}

static int begin_reply(struct buffer *buffer, uint32_t id)
{
    int rc = wire_put_u32(buffer, 0); /* the length, at the end */
    if (rc == 0 && (rc = wire_put_u8(buffer, SFTP_EXTENDED_REPLY)) == 0)
        rc = wire_put_u32(buffer, id);
    return rc;
}

static int end_reply(struct buffer *buffer, int rc)
{
    if (rc == 0)
        sftp_message_end(buffer);
    return rc;
}

int sftp_put_check_file(struct buffer *buffer, uint32_t id, bool has_name, const char *algorithm,
                        struct sp_str digests)
{
    int rc = begin_reply(buffer, id);
    if (rc == 0 && has_name)
        rc = wire_put_cstring(buffer, "check-file");
    if (rc == 0 && (rc = wire_put_cstring(buffer, algorithm)) == 0)
        rc = buffer_append(buffer, digests.data, (size_t)digests.len);
    return end_reply(buffer, rc);
}

int sftp_put_md5_hash(struct buffer *buffer, uint32_t id, struct sp_str digest)
{
    int rc = begin_reply(buffer, id);
    if (rc == 0 && (rc = wire_put_cstring(buffer, "md5-hash")) == 0)
        rc = wire_put_string(buffer, digest.data, (size_t)digest.len);
    return end_reply(buffer, rc);
}

static uint64_t bytes(uint64_t blocks, uint64_t size)
{
    return size > 0 && blocks > UINT64_MAX / size ? UINT64_MAX : blocks * size;
}

int sftp_put_space_available(struct buffer *buffer, uint32_t id, const struct sp_fs_space *space)
{
    uint64_t unit = space->fragment_size ? space->fragment_size : space->block_size;
    uint64_t free = space->blocks_free, available = space->blocks_available;
    uint64_t kept = free > available ? free - available : 0; /* for the superuser */
    uint64_t usable = space->blocks > kept ? space->blocks - kept : 0;
    int rc = begin_reply(buffer, id);
    if (rc == 0 && (rc = wire_put_u64(buffer, bytes(space->blocks, unit))) == 0 &&
        (rc = wire_put_u64(buffer, bytes(free, unit))) == 0 &&
        (rc = wire_put_u64(buffer, bytes(usable, unit))) == 0 &&
        (rc = wire_put_u64(buffer, bytes(available, unit))) == 0)
        rc = wire_put_u32(buffer, unit > UINT32_MAX ? UINT32_MAX : (uint32_t)unit);
    return end_reply(buffer, rc);
}

static int put_names(struct buffer *buffer, const struct sp_fs_principal *principals,
                     uint64_t count)
{
    size_t at = buffer_length(buffer);
    int rc = wire_put_u32(buffer, 0); /* the list is itself a string */
    for (uint64_t i = 0; i < count && rc == 0; i++) {
        struct sp_str name = principals[i].name;
        rc = wire_put_string(buffer, name.data,
                             name.len <= PRINCIPAL_NAME_MAX ? (size_t)name.len : 0);
    }
    if (rc == 0)
        wire_set_u32(buffer, at, (uint32_t)(buffer_length(buffer) - at - 4));
    return rc;
}

int sftp_put_principals(struct buffer *buffer, uint32_t id,
                        const struct sp_fs_principal *principals, uint64_t users, uint64_t groups)
{
    int rc = begin_reply(buffer, id);
    if (rc == 0 && (rc = put_names(buffer, principals, users)) == 0)
        rc = put_names(buffer, principals + users, groups);
    return end_reply(buffer, rc);
}
