/*
 * codec.c: the bodies of requests, and the small replies, of SFTP version 3 and of OpenSSH's
 * extensions (its PROTOCOL file, 4). See codec.h.
 */
#include "sftp/codec.h"

#include <string.h>

#include "sftp/attributes.h"
#include "sftp/longname.h"
#include "sftp/status.h"

/* Flags of OPEN in version 3 */
static const struct {
    uint32_t wire;
    uint32_t flag;
} open_flags[] = {
    {0x01, SP_OPEN_READ},   {0x02, SP_OPEN_WRITE},    {0x04, SP_OPEN_APPEND},
    {0x08, SP_OPEN_CREATE}, {0x10, SP_OPEN_TRUNCATE}, {0x20, SP_OPEN_EXCLUSIVE},
};

/*
 * SYMLINK: the draft has the link's path first; OpenSSH's server has the target first, and most
 * clients follow it. Some follow the draft, always or unless they know the server by its name.
 */
static const struct {
    const char *client;
    const char *unless_server_has[2];
} link_first_clients[] = {
    {"Erlang", {NULL, NULL}},
    {"AsyncSSH", {"OpenSSH", "paramiko"}},
    {"libssh_", {"OpenSSH", NULL}},
};

static bool contains(struct sp_str text, const char *word)
{
    return memmem(text.data, (size_t)text.len, word, strlen(word)) != NULL;
}

void sftp_dialect_init(struct sftp_dialect *dialect, struct sp_str client_version,
                       const char *server_version)
{
    memset(dialect, 0, sizeof *dialect);
    if (client_version.len == 0)
        return;
    for (size_t i = 0; i < sizeof link_first_clients / sizeof link_first_clients[0]; i++) {
        if (!contains(client_version, link_first_clients[i].client))
            continue;
        dialect->symlink_has_link_first = true;
        for (int j = 0; j < 2; j++) {
            const char *word = link_first_clients[i].unless_server_has[j];
            if (word && strstr(server_version, word))
                dialect->symlink_has_link_first = false;
        }
        return;
    }
}

void sftp_get_open(struct wire_reader *reader, const struct sftp_dialect *dialect,
                   struct sftp_message *message)
{
    message->path = wire_get_string(reader);
    uint32_t wire = wire_get_u32(reader);
    for (size_t i = 0; i < sizeof open_flags / sizeof open_flags[0]; i++)
        if (wire & open_flags[i].wire)
            message->flags |= open_flags[i].flag;
    sftp_attributes_get(reader, dialect->version, &message->attributes);
}

void sftp_get_handle(struct wire_reader *reader, const struct sftp_dialect *dialect,
                     struct sftp_message *message)
{
    (void)dialect;
    message->handle = wire_get_string(reader);
}

void sftp_get_read(struct wire_reader *reader, const struct sftp_dialect *dialect,
                   struct sftp_message *message)
{
    sftp_get_handle(reader, dialect, message);
    message->offset = wire_get_u64(reader);
    message->length = wire_get_u32(reader);
    if (message->length > SFTP_DATA_MAX) /* a short answer is what the client must expect anyway */
        message->length = SFTP_DATA_MAX;
}

void sftp_get_write(struct wire_reader *reader, const struct sftp_dialect *dialect,
                    struct sftp_message *message)
{
    sftp_get_handle(reader, dialect, message);
    message->offset = wire_get_u64(reader);
    message->data = wire_get_string(reader);
    message->length = message->data.len;
}

void sftp_get_path(struct wire_reader *reader, const struct sftp_dialect *dialect,
                   struct sftp_message *message)
{
    (void)dialect;
    message->path = wire_get_string(reader);
}

void sftp_get_path_nofollow(struct wire_reader *reader, const struct sftp_dialect *dialect,
                            struct sftp_message *message)
{
    sftp_get_path(reader, dialect, message);
    message->flags = SP_FS_NOFOLLOW;
}

void sftp_get_path_attributes(struct wire_reader *reader, const struct sftp_dialect *dialect,
                              struct sftp_message *message)
{
    message->path = wire_get_string(reader);
    sftp_attributes_get(reader, dialect->version, &message->attributes);
}

void sftp_get_path_attributes_nofollow(struct wire_reader *reader,
                                       const struct sftp_dialect *dialect,
                                       struct sftp_message *message)
{
    sftp_get_path_attributes(reader, dialect, message);
    message->flags = SP_FS_NOFOLLOW;
}

void sftp_get_handle_attributes(struct wire_reader *reader, const struct sftp_dialect *dialect,
                                struct sftp_message *message)
{
    message->handle = wire_get_string(reader);
    sftp_attributes_get(reader, dialect->version, &message->attributes);
}

void sftp_get_two_paths(struct wire_reader *reader, const struct sftp_dialect *dialect,
                        struct sftp_message *message)
{
    (void)dialect;
    message->path = wire_get_string(reader);
    message->target = wire_get_string(reader);
}

void sftp_get_posix_rename(struct wire_reader *reader, const struct sftp_dialect *dialect,
                           struct sftp_message *message)
{
    sftp_get_two_paths(reader, dialect, message);
    message->flags = SP_RENAME_OVERWRITE;
}

void sftp_get_symlink(struct wire_reader *reader, const struct sftp_dialect *dialect,
                      struct sftp_message *message)
{
    struct sp_str first = wire_get_string(reader);
    struct sp_str second = wire_get_string(reader);
    message->path = dialect->symlink_has_link_first ? first : second;
    message->target = dialect->symlink_has_link_first ? second : first;
}

void sftp_get_copy_data(struct wire_reader *reader, const struct sftp_dialect *dialect,
                        struct sftp_message *message)
{
    sftp_get_handle(reader, dialect, message);
    message->offset = wire_get_u64(reader);
    message->length = wire_get_u64(reader);
    message->handle_to = wire_get_string(reader);
    message->offset_to = wire_get_u64(reader);
}

void sftp_get_users_groups(struct wire_reader *reader, const struct sftp_dialect *dialect,
                           struct sftp_message *message)
{
    (void)dialect;
    message->users = wire_get_string(reader);
    message->groups = wire_get_string(reader);
    if (message->users.len % 4 || message->groups.len % 4)
        reader->failed = true;
}

void sftp_get_nothing(struct wire_reader *reader, const struct sftp_dialect *dialect,
                      struct sftp_message *message)
{
    (void)reader, (void)dialect, (void)message;
}

uint64_t sftp_handle_number(struct sp_str handle)
{
    if (handle.len != SFTP_HANDLE_BYTES)
        return 0;
    struct wire_reader reader;
    wire_reader_init(&reader, handle.data, SFTP_HANDLE_BYTES);
    return wire_get_u64(&reader);
}

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

int sftp_put_attributes(struct buffer *buffer, uint32_t version, uint32_t id,
                        const struct sp_fs_attributes *attributes)
{
    int rc = begin(buffer, SFTP_ATTRS, id);
    if (rc == 0)
        rc = sftp_attributes_put(buffer, version, attributes);
    return end(buffer, rc);
}

int sftp_put_name(struct buffer *buffer, uint32_t version, uint32_t id, struct sp_str name)
{
    int rc = begin(buffer, SFTP_NAME, id);
    if (rc == 0 && (rc = wire_put_u32(buffer, 1)) == 0 &&
        (rc = wire_put_string(buffer, name.data, (size_t)name.len)) == 0 &&
        (rc = wire_put_string(buffer, name.data, (size_t)name.len)) == 0)
        rc = sftp_attributes_put(buffer, version, NULL);
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

static int put_empty_names(struct buffer *buffer, uint64_t count)
{
    int rc = wire_put_u32(buffer, (uint32_t)(4 * count)); /* the list is itself a string */
    for (uint64_t i = 0; i < count && rc == 0; i++)
        rc = wire_put_u32(buffer, 0);
    return rc;
}

int sftp_put_users_groups(struct buffer *buffer, uint32_t id, uint64_t users, uint64_t groups)
{
    int rc = begin(buffer, SFTP_EXTENDED_REPLY, id);
    if (rc == 0 && (rc = put_empty_names(buffer, users)) == 0)
        rc = put_empty_names(buffer, groups);
    return end(buffer, rc);
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

int sftp_listing_add(struct sftp_listing *listing, uint32_t version, struct sp_str name,
                     const struct sp_fs_attributes *attributes, int64_t now)
{
    char fields[SFTP_LONGNAME_FIELDS_MAX];
    size_t length = sftp_longname_fields(fields, attributes, now);
    struct buffer *buffer = &listing->buffer;
    size_t before = buffer_length(buffer);
    int rc = wire_put_string(buffer, name.data, (size_t)name.len);
    if (rc == 0 && (rc = wire_put_u32(buffer, (uint32_t)(length + name.len))) == 0 &&
        (rc = buffer_append(buffer, fields, length)) == 0 &&
        (rc = buffer_append(buffer, name.data, (size_t)name.len)) == 0)
        rc = sftp_attributes_put(buffer, version, attributes);
    if (rc < 0)
        buffer->end = buffer->start + before; /* no half entry */
    else
        listing->count++;
    return rc;
}

void sftp_listing_end(struct sftp_listing *listing)
{
    wire_set_u32(&listing->buffer, 9, listing->count);
    sftp_message_end(&listing->buffer);
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
