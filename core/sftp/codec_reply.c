/*
 * codec_reply.c: the replies, of all versions of SFTP and to OpenSSH's extensions. See codec.h.
 */
#include "sftp/codec.h"

#include <string.h>

#include "sftp/acl.h"
#include "sftp/longname.h"
#include "sftp/status.h"
#include "sftp/utf8.h"

/* Names that are longer are not translated: see sftp_listing_room(). */
#define TRANSLATED_MAX 255u
/* The most that one entry can need. */
#define ENTRY_MAX                                                                                  \
    (4 + SFTP_LISTED_NAME_MAX + 4 + SFTP_LONGNAME_FIELDS_MAX + SFTP_LISTED_NAME_MAX + 64)
_Static_assert(ENTRY_MAX >= 4 + SFTP_LISTED_NAME_MAX + SFTP_ATTRIBUTES_LISTED_MAX,
               "an entry without a long name fits, too");

/* A message's length stands first and is filled in at its end; buffers here hold one message. */
static int begin(struct buffer *buffer, uint8_t type, uint32_t id)
{
    int rc = wire_put_u32(buffer, 0);
    if (rc == 0 && (rc = wire_put_u8(buffer, type)) == 0)
        rc = wire_put_u32(buffer, id);
    return rc;
}

void sftp_message_end(struct buffer *buffer)
{
    wire_set_u32(buffer, 0, (uint32_t)(buffer_length(buffer) - 4));
}

static int end(struct buffer *buffer, int rc)
{
    if (rc == 0)
        sftp_message_end(buffer);
    return rc;
}

int sftp_put_status(struct buffer *buffer, uint32_t version, uint32_t id, uint32_t status,
                    struct sp_str text)
{
    if (text.len == 0)
        text = (struct sp_str){sftp_status_text(status), strlen(sftp_status_text(status))};
    int rc = begin(buffer, SFTP_STATUS, id);
    if (rc == 0 && (rc = wire_put_u32(buffer, sftp_status_for(status, version))) == 0 &&
        (rc = wire_put_string(buffer, text.data, (size_t)text.len)) == 0)
        rc = wire_put_string(buffer, "en", 2);
    return end(buffer, rc);
}

int sftp_put_handle(struct buffer *buffer, uint32_t id, uint64_t handle)
{
    int rc = begin(buffer, SFTP_HANDLE, id);
    if (rc == 0 && (rc = wire_put_u32(buffer, SFTP_HANDLE_BYTES)) == 0)
        rc = wire_put_u64(buffer, handle);
    return end(buffer, rc);
}

int sftp_put_attributes(struct buffer *buffer, const struct sftp_dialect *dialect, uint32_t id,
                        const struct sp_fs_attributes *attributes, uint32_t wanted)
{
    struct sp_fs_attributes derived;
    uint8_t acl[SFTP_ACL_FROM_MODE_BYTES];
    /* Who asks for an ACL where none is kept gets what the mode says, in its terms. */
    if (wanted & SP_ATTR_ACL && !(attributes->valid & SP_ATTR_ACL) &&
        attributes->valid & SP_ATTR_PERMISSIONS) {
        derived = *attributes;
        derived.acl = sftp_acl_from_mode(attributes, acl);
        derived.valid |= SP_ATTR_ACL;
        attributes = &derived;
    }
    int rc = begin(buffer, SFTP_ATTRS, id);
    if (rc == 0)
        rc = sftp_attributes_put(buffer, dialect->version, attributes,
                                 wanted ? wanted : SFTP_ATTRIBUTES_USUAL);
    return end(buffer, rc);
}

/* A name and what belongs to it, from version 4 on. One that is not UTF-8 goes as it is: it is what
 * the file is called, and the client can use it again. Version 6 can have the two apart. */
static int put_name_and_attributes(struct buffer *buffer, const struct sftp_dialect *dialect,
                                   struct sp_str name, const struct sp_fs_attributes *attributes,
                                   uint32_t mask)
{
    uint8_t text[SFTP_UTF8_GROWTH * TRANSLATED_MAX];
    struct sp_fs_attributes with_name = {.struct_size = sizeof with_name};
    struct sp_str shown = name;
    if (dialect->version >= 6 && dialect->translates_names && name.len <= TRANSLATED_MAX &&
        !sftp_is_utf8(name)) {
        shown = sftp_utf8_from(name, text);
        if (attributes)
            with_name = *attributes;
        with_name.untranslated_name = name;
        if (!(with_name.valid & SP_ATTR_BITS))
            with_name.bits = with_name.bits_valid = 0;
        with_name.bits |= SFTP_BIT_TRANSLATION_ERROR;
        with_name.bits_valid |= SFTP_BIT_TRANSLATION_ERROR;
        with_name.valid |= SP_ATTR_UNTRANSLATED_NAME | SP_ATTR_BITS;
        attributes = &with_name;
    }
    int rc = wire_put_string(buffer, shown.data, (size_t)shown.len);
    return rc == 0 ? sftp_attributes_put(buffer, dialect->version, attributes, mask) : rc;
}

/* A path is never translated: the client puts other names behind it. */
int sftp_put_name(struct buffer *buffer, const struct sftp_dialect *dialect, uint32_t id,
                  struct sp_str name, const struct sp_fs_attributes *attributes)
{
    int rc = begin(buffer, SFTP_NAME, id);
    if (rc == 0 && (rc = wire_put_u32(buffer, 1)) == 0)
        rc = wire_put_string(buffer, name.data, (size_t)name.len);
    if (rc == 0 && dialect->version < 4) /* the long name, which is no line of `ls` here */
        rc = wire_put_string(buffer, name.data, (size_t)name.len);
    if (rc == 0)
        rc = sftp_attributes_put(buffer, dialect->version, attributes, SFTP_ATTRIBUTES_USUAL);
    return end(buffer, rc);
}

static int put_numbers(struct buffer *buffer, uint32_t id, const uint64_t *numbers, size_t count)
{
    int rc = begin(buffer, SFTP_EXTENDED_REPLY, id);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = wire_put_u64(buffer, numbers[i]);
    return end(buffer, rc);
}

int sftp_put_space(struct buffer *buffer, uint32_t id, const struct sp_fs_space *space)
{
    const uint64_t numbers[] = {
        space->block_size,       space->fragment_size, space->blocks,     space->blocks_free,
        space->blocks_available, space->files,         space->files_free, space->files_available,
        space->filesystem_id,    space->flags,         space->name_max,
    };
    return put_numbers(buffer, id, numbers, sizeof numbers / sizeof numbers[0]);
}

int sftp_put_limits(struct buffer *buffer, uint32_t id, uint64_t handles)
{
    const uint64_t numbers[] = {SFTP_PACKET_MAX, SFTP_DATA_MAX, SFTP_DATA_MAX, handles};
    return put_numbers(buffer, id, numbers, sizeof numbers / sizeof numbers[0]);
}

static void write_u32(uint8_t *out, uint32_t value)
{
    out[0] = (uint8_t)(value >> 24);
    out[1] = (uint8_t)(value >> 16);
    out[2] = (uint8_t)(value >> 8);
    out[3] = (uint8_t)value;
}

void sftp_write_data_header(uint8_t out[SFTP_DATA_HEADER], uint32_t id, uint32_t length)
{
    write_u32(out, SFTP_DATA_HEADER - 4 + length);
    out[4] = SFTP_DATA;
    write_u32(out + 5, id);
    write_u32(out + 9, length);
}

int sftp_listing_begin(struct sftp_listing *listing, uint32_t id)
{
    listing->count = 0;
    int rc = begin(&listing->buffer, SFTP_NAME, id);
    return rc == 0 ? wire_put_u32(&listing->buffer, 0) : rc;
}

/* The line that `ls -l` would show, which version 3 has between name and attributes. */
static int put_longname(struct buffer *buffer, struct sp_str name,
                        const struct sp_fs_attributes *attributes, int64_t now)
{
    char fields[SFTP_LONGNAME_FIELDS_MAX];
    size_t length = sftp_longname_fields(fields, attributes, now);
    int rc = wire_put_u32(buffer, (uint32_t)(length + name.len));
    if (rc == 0 && (rc = buffer_append(buffer, fields, length)) == 0)
        rc = buffer_append(buffer, name.data, (size_t)name.len);
    return rc;
}

int sftp_listing_add(struct sftp_listing *listing, const struct sftp_dialect *dialect,
                     struct sp_str name, const struct sp_fs_attributes *attributes, int64_t now)
{
    struct buffer *buffer = &listing->buffer;
    size_t before = buffer_length(buffer);
    int rc;
    if (dialect->version >= 4) {
        rc = put_name_and_attributes(buffer, dialect, name, attributes, SFTP_ATTRIBUTES_USUAL);
    } else {
        rc = wire_put_string(buffer, name.data, (size_t)name.len);
        if (rc == 0 && (rc = put_longname(buffer, name, attributes, now)) == 0)
            rc = sftp_attributes_put(buffer, dialect->version, attributes, SFTP_ATTRIBUTES_USUAL);
    }
    if (rc < 0)
        buffer->end = buffer->start + before; /* no half entry */
    else
        listing->count++;
    return rc;
}

uint32_t sftp_listing_room(const struct sftp_listing *listing)
{
    size_t length = buffer_length(&listing->buffer);
    return length >= SFTP_PACKET_MAX - 1 ? 0
                                         : (uint32_t)((SFTP_PACKET_MAX - 1 - length) / ENTRY_MAX);
}

int sftp_listing_end(struct sftp_listing *listing, const struct sftp_dialect *dialect, bool is_last)
{
    int rc = dialect->version >= 6 ? wire_put_u8(&listing->buffer, is_last) : 0;
    wire_set_u32(&listing->buffer, 9, listing->count);
    return end(&listing->buffer, rc);
}

int sftp_version_begin(struct buffer *buffer, uint32_t version)
{
    return begin(buffer, SFTP_VERSION, version); /* the version stands where others have the id */
}

int sftp_version_add(struct buffer *buffer, const char *name, const char *data)
{
    int rc = wire_put_cstring(buffer, name);
    return rc == 0 ? wire_put_cstring(buffer, data) : rc;
}
