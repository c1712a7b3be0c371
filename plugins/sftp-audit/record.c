/* record.c: lines about operations and transfers. See record.h. */
#include "sftp-audit/record.h"

#include "sftp-audit/line.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Everything in a line but two texts: at most 6 bytes for each of the client's, for a user's name,
 * a mount and a provider's words; and the keys. */
#define REST_BYTES 65536u

/* A client may send names of owners, and a provider words, of any length: a line must have room. */
#define NAME_MOST 255u
#define WORDS_MOST 1024u
#define PATH_MOST 4096u

static struct sp_str cut(struct sp_str text, uint64_t most)
{
    return (struct sp_str){text.data, text.len < most ? text.len : most};
}

size_t record_size(struct sp_str path, struct sp_str other)
{
    /* Escaped, and in hexadecimal beside it. */
    return (size_t)(path.len + other.len) * 8 + REST_BYTES;
}

static const char *status_word(uint32_t status)
{
    static const char *const words[] = {
        "ok",
        "eof",
        "no-such-file",
        "permission-denied",
        "failure",
        "bad-message",
        "no-connection",
        "connection-lost",
        "op-unsupported",
        "invalid-handle",
        "no-such-path",
        "file-already-exists",
        "write-protect",
        "no-media",
        "no-space-on-filesystem",
        "quota-exceeded",
        "unknown-principal",
        "lock-conflict",
        "dir-not-empty",
        "not-a-directory",
        "invalid-filename",
        "link-loop",
        "cannot-delete",
        "invalid-parameter",
        "file-is-a-directory",
        "byte-range-lock-conflict",
        "byte-range-lock-refused",
        "delete-pending",
        "file-corrupt",
        "owner-invalid",
        "group-invalid",
        "no-matching-byte-range-lock",
    };
    return status < COUNT(words) ? words[status] : "unknown";
}

static const char *protocol_word(uint32_t protocol)
{
    return protocol == SP_SFTP_PROTOCOL_SCP ? "scp" : "sftp";
}

static void begin(struct line *line, char *room, size_t size, int64_t now_ms, const char *event,
                  const struct sp_connection *connection)
{
    line_begin(line, room, size);
    line_time(line, "time", now_ms);
    line_word(line, "event", event);
    if (!connection)
        return;
    line_number(line, "connection", connection->id);
    line_text(line, "client", connection->remote_address);
    line_number(line, "port", connection->remote_port);
    line_text(line, "user", connection->user);
}

/* Of the families whose flags are those of open, of rename, of lock and of setstat. */
static void put_flags(struct line *line, const struct sp_sftp_event *event)
{
    static const char *const open[] = {
        "read",         "write",           "append",        "create",     "truncate",
        "exclusive",    "nofollow",        "text",          "block-read", "block-write",
        "block-delete", "delete-on-close", "block-advisory"};
    static const char *const rename[] = {"overwrite", "atomic", "native"};
    static const char *const lock[] = {"read", "write", "delete", "advisory"};
    static const char *const attributes[] = {"nofollow"};
    if (event->family & (SP_SFTP_OPEN | SP_SFTP_CLOSE | SP_SFTP_READ | SP_SFTP_WRITE))
        line_bits(line, "flags", event->flags, open, COUNT(open));
    else if (event->family & SP_SFTP_RENAME)
        line_bits(line, "flags", event->flags, rename, COUNT(rename));
    else if (event->family & SP_SFTP_LOCK)
        line_bits(line, "flags", event->flags, lock, COUNT(lock));
    else if (event->family & (SP_SFTP_ATTRIBUTES_GET | SP_SFTP_ATTRIBUTES_SET) && event->file == 0)
        line_bits(line, "flags", event->flags, attributes, COUNT(attributes));
}

/* What a client asks for with open, mkdir and setstat. */
static void put_attributes(struct line *line, const struct sp_fs_attributes *attributes)
{
    if (!attributes)
        return;
    if (attributes->valid & SP_ATTR_SIZE)
        line_number(line, "size", attributes->size);
    if (attributes->valid & SP_ATTR_PERMISSIONS)
        line_octal(line, "mode", attributes->mode);
    if (attributes->valid & SP_ATTR_OWNER_IDS) {
        line_number(line, "uid", attributes->uid);
        line_number(line, "gid", attributes->gid);
    }
    if (attributes->valid & SP_ATTR_OWNER_NAMES) {
        line_text(line, "owner", cut(attributes->owner, NAME_MOST));
        line_text(line, "group", cut(attributes->group, NAME_MOST));
    }
    if (attributes->valid & SP_ATTR_MODIFY_TIME)
        line_time(line, "modified", attributes->modify_time.seconds * 1000);
}

static void put_ranges(struct line *line, const struct sp_sftp_event *event)
{
    const uint32_t ranged = SP_SFTP_READ | SP_SFTP_WRITE | SP_SFTP_LOCK;
    if (!(event->family & ranged))
        return;
    line_number(line, "offset", event->offset);
    line_number(line, "length", event->length);
    if (event->file_target)
        line_number(line, "target_offset", event->offset_target);
    if (event->family & (SP_SFTP_READ | SP_SFTP_WRITE))
        line_number(line, "count", event->count);
}

size_t record_operation(char *room, size_t size, int64_t now_ms, const struct sp_sftp_event *event)
{
    static const char *const deciders[] = {"provider", "core", "hook"};
    struct line line;
    begin(&line, room, size, now_ms, "operation", event->head.connection);
    line_word(&line, "protocol", protocol_word(event->protocol));
    if (event->version)
        line_number(&line, "version", event->version);
    line_text(&line, "operation", event->name);
    line_text(&line, "path", event->path);
    line_text(&line, "target", event->target);
    line_text(&line, "mount", event->mount);
    if (event->file)
        line_number(&line, "file", event->file);
    put_flags(&line, event);
    put_attributes(&line, event->attributes);
    put_ranges(&line, event);
    line_text(&line, "result", cut(event->result_path, PATH_MOST));
    line_word(&line, "status", status_word(event->status));
    line_word(&line, "by", event->decided < COUNT(deciders) ? deciders[event->decided] : "unknown");
    line_text(&line, "text", cut(event->text, WORDS_MOST));
    line_number(&line, "duration_us", event->duration_ns / 1000);
    return line_end(&line);
}

size_t record_transfer(char *room, size_t size, int64_t now_ms,
                       const struct sp_sftp_transfer *event)
{
    static const char *const kinds[] = {"unknown", "uploaded", "upload-aborted", "downloaded"};
    struct line line;
    begin(&line, room, size, now_ms, kinds[event->kind < COUNT(kinds) ? event->kind : 0],
          event->head.connection);
    line_word(&line, "protocol", protocol_word(event->protocol));
    line_text(&line, "path", event->path);
    line_text(&line, "opened_path", event->opened_path);
    line_text(&line, "mount", event->mount);
    line_number(&line, "size", event->size);
    line_number(&line, "read", event->bytes_read);
    line_number(&line, "written", event->bytes_written);
    line_time(&line, "started", event->started_ms);
    line_number(&line, "duration_us", event->duration_ns / 1000);
    line_text(&line, "hash_algorithm", event->hash_algorithm);
    line_hex(&line, "hash", event->hash);
    line_text(&line, "text", event->text);
    return line_end(&line);
}

size_t record_dropped(char *room, size_t size, int64_t now_ms, uint64_t count)
{
    struct line line;
    begin(&line, room, size, now_ms, "dropped", NULL);
    line_number(&line, "count", count);
    return line_end(&line);
}
