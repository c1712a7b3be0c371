/*
 * hash_command.c: the built-in md5sum, sha1sum, sha224sum, sha256sum, sha384sum and sha512sum. See
 * hash_command.h.
 *
 * It is a client of the SFTP engine on its own channel: each file is a request check-file-name, and
 * each reply a line as coreutils write it. So the door, the hooks, the limits and the turns are
 * those of SFTP. Without a name, or for "-", the client's own bytes are hashed.
 */
#include "sftp/hash_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "sftp/digest.h"
#include "sftp/engine.h"
#include "sftp/shell_words.h"

#define NAMES_MAX 64u
#define ERROR_TEXT_MAX 512

struct hash_line {
    enum sftp_digest_kind kind;
    uint32_t names_count;
    char *names[NAMES_MAX];
};

struct hash_command {
    struct hash_line line;
    struct channel *channel; /* NULL once it is gone */
    struct sftp_engine *engine;
    struct sftp_digest *digest; /* of the client's bytes */
    uint32_t next;              /* name */
    uint32_t errors;
    uint32_t depth; /* of our functions on the stack: not to be freed */
    bool is_running, is_waiting, is_eof, is_over;
};

/* --- the command line ---------------------------------------------------------------------- */

static void line_free(struct hash_line *line)
{
    for (uint32_t i = 0; i < line->names_count; i++)
        free(line->names[i]);
    line->names_count = 0;
}

/* "sha256sum" and the like; the rest of the line is what follows. CRC-32 has no such command. */
static bool take_name(struct sp_str *line, enum sftp_digest_kind *ret_kind)
{
    for (int i = 0; i < SFTP_DIGEST_CRC32; i++) {
        char name[16];
        size_t length = (size_t)snprintf(name, sizeof name, "%ssum",
                                         sftp_digest_name((enum sftp_digest_kind)i));
        if (line->len < length || memcmp(line->data, name, length) != 0 ||
            (line->len > length && line->data[length] != ' ' && line->data[length] != '\t'))
            continue;
        *ret_kind = (enum sftp_digest_kind)i;
        line->data += length;
        line->len -= length;
        return true;
    }
    return false;
}

/* Binary and text are the same here. */
static bool is_harmless(const char *option)
{
    return strcmp(option, "-b") == 0 || strcmp(option, "-t") == 0 ||
           strcmp(option, "--binary") == 0 || strcmp(option, "--text") == 0;
}

/* 0, or SP_ERR_UNSUPPORTED. */
static int parse(struct sp_str text, struct hash_line *ret_line)
{
    struct shell_words words;
    struct hash_line *line = ret_line;
    bool in_options = true, is_ours = true;
    memset(line, 0, sizeof *line);
    if (text.len > SHELL_LINE_MAX || !take_name(&text, &line->kind))
        return SP_ERR_UNSUPPORTED;
    shell_words_init(&words, text);
    char *word;
    while (is_ours && (word = shell_words_next(&words))) {
        is_ours = shell_word_is_literal(word);
        bool is_option = in_options && word[0] == '-' && word[1] != '\0';
        if (is_ours && !is_option && line->names_count < NAMES_MAX) {
            line->names[line->names_count++] = word;
            continue;
        }
        if (is_option && strcmp(word, "--") == 0)
            in_options = false;
        else
            is_ours = is_ours && is_option && is_harmless(word);
        free(word);
    }
    if (line->names_count == 1 && strcmp(line->names[0], "-") == 0)
        line_free(line); /* the same as none */
    for (uint32_t i = 0; i < line->names_count; i++)
        is_ours = is_ours && strcmp(line->names[i], "-") != 0;
    if (is_ours && !words.failed)
        return 0;
    line_free(line);
    return SP_ERR_UNSUPPORTED;
}

bool hash_command_takes(const struct config *config, struct sp_str text)
{
    struct hash_line line;
    if (!config->sftp_hash_commands || parse(text, &line) < 0)
        return false;
    line_free(&line);
    return true;
}

/* --- output -------------------------------------------------------------------------------- */

static const char *name_at(const struct hash_command *command)
{
    return command->line.names_count > 0 ? command->line.names[command->next] : "-";
}

static void end(struct hash_command *command)
{
    command->is_over = true;
    channel_send_exit_status(command->channel, command->errors > 0);
    channel_shut(command->channel);
}

static void send_buffer(struct hash_command *command, struct buffer *out, int rc)
{
    if (rc == 0)
        rc = channel_send(command->channel, SP_STREAM_DATA, buffer_data(out), buffer_length(out));
    if (rc == SP_ERR_NOMEM) {
        command->errors++;
        end(command);
    }
    buffer_release(out);
}

/* "digest  name", and as coreutils do, a "\" before it if the name has characters that would break
 * the line, which are escaped. */
static void print_digest(struct hash_command *command, const uint8_t *digest)
{
    static const char hex[] = "0123456789abcdef";
    struct buffer out = {0};
    const char *name = name_at(command);
    int rc = strpbrk(name, "\\\n\r") ? buffer_append(&out, "\\", 1) : 0;
    for (size_t i = 0; i < sftp_digest_size(command->line.kind) && rc == 0; i++) {
        const char pair[2] = {hex[digest[i] >> 4], hex[digest[i] & 15]};
        rc = buffer_append(&out, pair, 2);
    }
    if (rc == 0)
        rc = buffer_append(&out, "  ", 2);
    for (; *name && rc == 0; name++) {
        const char *escape = *name == '\\'   ? "\\\\"
                             : *name == '\n' ? "\\n"
                             : *name == '\r' ? "\\r"
                                             : NULL;
        rc = buffer_append(&out, escape ? escape : name, escape ? 2 : 1);
    }
    if (rc == 0)
        rc = buffer_append(&out, "\n", 1);
    send_buffer(command, &out, rc);
}

static void print_error(struct hash_command *command, struct sp_str text)
{
    char line[VPATH_MAX + ERROR_TEXT_MAX + 32];
    int length = snprintf(line, sizeof line, "%ssum: %.4095s: %.*s", /* a name can be longer */
                          sftp_digest_name(command->line.kind), name_at(command),
                          (int)(text.len < ERROR_TEXT_MAX ? text.len : ERROR_TEXT_MAX), text.data);
    for (int i = 0; i < length; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    line[length++] = '\n';
    command->errors++;
    (void)channel_send(command->channel, SP_STREAM_STDERR, line, (size_t)length);
}

/* --- one name after the other --------------------------------------------------------------- */

static void run(struct hash_command *command);

static void command_free(struct hash_command *command)
{
    line_free(&command->line);
    sftp_digest_free(command->digest);
    free(command);
}

/* Between these two neither the command nor its engine is freed. */
static void enter(struct hash_command *command)
{
    sftp_engine_enter(command->engine);
    command->depth++;
}

/* Does all that may have become possible. */
static void leave(struct hash_command *command)
{
    struct sftp_engine *engine = command->engine;
    run(command);
    command->depth--;
    if (!command->channel && command->depth == 0)
        command_free(command);
    sftp_engine_leave(engine);
}

static void on_reply(void *arg, const uint8_t *message, size_t length)
{
    struct hash_command *command = arg;
    struct wire_reader reader;
    enter(command);
    wire_reader_init(&reader, message, length);
    wire_get_u32(&reader); /* length */
    uint8_t type = wire_get_u8(&reader);
    wire_get_u32(&reader); /* id */
    if (type == SFTP_STATUS) {
        wire_get_u32(&reader);
        print_error(command, wire_get_string(&reader));
    } else { /* of check-file-name: the algorithm, the digest */
        wire_get_string(&reader);
        if (wire_ok(&reader) && wire_left(&reader) == sftp_digest_size(command->line.kind))
            print_digest(command, reader.next);
        else
            print_error(command, (struct sp_str){"No digest came", 14});
    }
    command->is_waiting = false;
    command->next++;
    leave(command);
}

static void ask(struct hash_command *command, const char *name)
{
    struct buffer message = {0};
    struct sftp_block *none = NULL;
    int rc = wire_put_u8(&message, SFTP_EXTENDED);
    if (rc == 0 && (rc = wire_put_u32(&message, command->next)) == 0 &&
        (rc = wire_put_cstring(&message, "check-file-name")) == 0 &&
        (rc = wire_put_cstring(&message, name)) == 0 &&
        (rc = wire_put_cstring(&message, sftp_digest_name(command->line.kind))) == 0 &&
        (rc = wire_put_u64(&message, 0)) == 0 && (rc = wire_put_u64(&message, 0)) == 0)
        rc = wire_put_u32(&message, 0);
    command->is_waiting = true;
    if (rc == 0)
        sftp_request_receive(command->engine, buffer_data(&message), buffer_length(&message),
                             &none);
    buffer_release(&message);
    if (rc < 0) {
        command->errors++;
        end(command);
    }
}

static void end_input(struct hash_command *command)
{
    uint8_t digest[SFTP_DIGEST_MAX];
    if (sftp_digest_end(command->digest, digest) == 0)
        print_digest(command, digest);
    else
        print_error(command, (struct sp_str){"The digest could not be computed", 32});
    command->next++;
}

static void run(struct hash_command *command)
{
    uint32_t count = command->line.names_count > 0 ? command->line.names_count : 1;
    if (command->is_running)
        return;
    command->is_running = true;
    while (command->channel && !command->is_over && !command->is_waiting &&
           !channel_is_full(command->channel)) {
        if (command->next == count)
            end(command);
        else if (command->line.names_count > 0)
            ask(command, name_at(command));
        else if (command->is_eof)
            end_input(command);
        else
            break;
    }
    command->is_running = false;
}

/* --- the channel --------------------------------------------------------------------------- */

static size_t on_data(void *arg, uint32_t stream, const uint8_t *data, size_t length)
{
    struct hash_command *command = arg;
    if (stream == SP_STREAM_DATA && command->line.names_count == 0 && !command->is_eof)
        sftp_digest_add(command->digest, data, length);
    return length;
}

static void on_eof(void *arg)
{
    struct hash_command *command = arg;
    enter(command);
    command->is_eof = true;
    leave(command);
}

static void on_writable(void *arg)
{
    enter(arg);
    leave(arg);
}

static void on_closed(void *arg)
{
    struct hash_command *command = arg;
    struct sftp_engine *engine = command->engine;
    command->channel = NULL;
    if (command->depth == 0)
        command_free(command); /* an engine without a channel replies to nobody */
    sftp_engine_close(engine);
}

static const struct channel_handler handler = {
    .on_data = on_data,
    .on_eof = on_eof,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

int hash_command_start(struct channel *channel, struct sp_str line)
{
    if (!session_permits(channel_session(channel), SP_PERMIT_SFTP))
        return SP_ERR_DENIED;
    struct hash_command *command = calloc(1, sizeof *command);
    if (!command)
        return SP_ERR_NOMEM;
    int rc = parse(line, &command->line);
    if (rc == 0 && (!(command->digest = sftp_digest_new(command->line.kind)) ||
                    !(command->engine = sftp_engine_new(channel))))
        rc = SP_ERR_NOMEM;
    if (rc < 0) {
        command_free(command);
        return rc;
    }
    command->channel = channel;
    command->engine->dialect.version = SFTP_VERSION_MAX; /* whose errors say most */
    command->engine->on_reply = on_reply;
    command->engine->reply_arg = command;
    const struct sp_connection *connection = command->engine->tree->connection;
    log_info("sftp.hash_command", LOG_U64("conn", connection->id),
             LOG_STR("user", connection->user),
             LOG_TEXT("algorithm", sftp_digest_name(command->line.kind)),
             LOG_U64("files", command->line.names_count));
    channel_set_handler(channel, &handler, command);
    enter(command);
    leave(command);
    return 0;
}
