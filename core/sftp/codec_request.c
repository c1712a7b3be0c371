/*
 * codec_request.c: the bodies of requests, of all versions of SFTP and of OpenSSH's extensions (its
 * PROTOCOL file, 4). See codec.h.
 */
#include "sftp/codec.h"

#include <string.h>

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
    dialect->version = SFTP_VERSION_MIN; /* until another is agreed on */
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

static void get_attributes(struct wire_reader *reader, const struct sftp_dialect *dialect,
                           struct sftp_message *message)
{
    sftp_attributes_get(reader, dialect->version, &message->attributes,
                        &message->attributes_source);
}

void sftp_get_open(struct wire_reader *reader, const struct sftp_dialect *dialect,
                   struct sftp_message *message)
{
    message->path = wire_get_string(reader);
    uint32_t access = dialect->version >= 5 ? wire_get_u32(reader) : 0;
    uint32_t wire = wire_get_u32(reader);
    message->refusal = dialect->version >= 5
                           ? sftp_open_access(dialect->version, access, wire, &message->flags)
                           : sftp_open_flags(wire, &message->flags);
    get_attributes(reader, dialect, message);
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

/* From version 4 on clients say what they want to know; the type is always told. */
static void get_wanted(struct wire_reader *reader, const struct sftp_dialect *dialect,
                       struct sftp_message *message)
{
    uint32_t wire = dialect->version >= 4 ? wire_get_u32(reader) : 0;
    message->wanted = sftp_attributes_mask_from_wire(dialect->version, wire);
    if (message->wanted)
        message->wanted |= SP_ATTR_TYPE;
}

void sftp_get_stat(struct wire_reader *reader, const struct sftp_dialect *dialect,
                   struct sftp_message *message)
{
    message->path = wire_get_string(reader);
    get_wanted(reader, dialect, message);
}

void sftp_get_lstat(struct wire_reader *reader, const struct sftp_dialect *dialect,
                    struct sftp_message *message)
{
    sftp_get_stat(reader, dialect, message);
    message->flags = SP_FS_NOFOLLOW;
}

void sftp_get_fstat(struct wire_reader *reader, const struct sftp_dialect *dialect,
                    struct sftp_message *message)
{
    message->handle = wire_get_string(reader);
    get_wanted(reader, dialect, message);
}

void sftp_get_path_attributes(struct wire_reader *reader, const struct sftp_dialect *dialect,
                              struct sftp_message *message)
{
    message->path = wire_get_string(reader);
    get_attributes(reader, dialect, message);
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
    get_attributes(reader, dialect, message);
}

void sftp_get_two_paths(struct wire_reader *reader, const struct sftp_dialect *dialect,
                        struct sftp_message *message)
{
    (void)dialect;
    message->path = wire_get_string(reader);
    message->target = wire_get_string(reader);
}

void sftp_get_rename(struct wire_reader *reader, const struct sftp_dialect *dialect,
                     struct sftp_message *message)
{
    sftp_get_two_paths(reader, dialect, message);
    /* Their numbers are those of SP_RENAME_*; further ones are hints at most. */
    uint32_t known = SP_RENAME_OVERWRITE | SP_RENAME_ATOMIC | SP_RENAME_NATIVE;
    message->flags = dialect->version >= 5 ? wire_get_u32(reader) & known : 0;
    if (message->flags & SP_RENAME_ATOMIC)
        message->flags |= SP_RENAME_OVERWRITE;
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

void sftp_get_link(struct wire_reader *reader, const struct sftp_dialect *dialect,
                   struct sftp_message *message)
{
    (void)dialect;
    struct sp_str link = wire_get_string(reader);
    struct sp_str existing = wire_get_string(reader);
    message->is_symbolic = wire_get_bool(reader);
    message->path = message->is_symbolic ? link : existing;
    message->target = message->is_symbolic ? existing : link;
}

void sftp_get_unblock(struct wire_reader *reader, const struct sftp_dialect *dialect,
                      struct sftp_message *message)
{
    (void)dialect;
    message->handle = wire_get_string(reader);
    message->offset = wire_get_u64(reader);
    message->length = wire_get_u64(reader);
}

void sftp_get_block(struct wire_reader *reader, const struct sftp_dialect *dialect,
                    struct sftp_message *message)
{
    sftp_get_unblock(reader, dialect, message);
    if (!sftp_lock_flags(wire_get_u32(reader), &message->flags))
        message->refusal = SP_FS_INVALID_PARAMETER;
}

void sftp_get_text_seek(struct wire_reader *reader, const struct sftp_dialect *dialect,
                        struct sftp_message *message)
{
    (void)dialect;
    message->handle = wire_get_string(reader);
    message->offset = wire_get_u64(reader);
}

void sftp_get_realpath(struct wire_reader *reader, const struct sftp_dialect *dialect,
                       struct sftp_message *message)
{
    message->path = wire_get_string(reader);
    message->check = SFTP_CHECK_DEFAULT;
    if (dialect->version < 6)
        return;
    uint8_t check = wire_left(reader) > 0 ? wire_get_u8(reader) : (uint8_t)SFTP_CHECK_NOTHING;
    if (check < SFTP_CHECK_NOTHING || check > SFTP_CHECK_ALWAYS)
        message->refusal = SP_FS_INVALID_PARAMETER;
    message->check = (enum sftp_check)check;
    message->compose.data = (const char *)reader->next;
    message->compose.len = wire_left(reader);
    while (wire_left(reader) > 0)
        wire_get_string(reader);
}

bool sftp_next_composed(struct sp_str *compose, struct sp_str *ret_path)
{
    struct wire_reader reader;
    wire_reader_init(&reader, compose->data, (size_t)compose->len);
    if (compose->len == 0)
        return false;
    *ret_path = wire_get_string(&reader);
    compose->data = (const char *)reader.next;
    compose->len = wire_left(&reader);
    return wire_ok(&reader);
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
