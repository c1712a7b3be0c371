/*
 * scp_sink.c: takes files, as `scp -t` does: lines C (file), D and E (directory), T (times), each
 * acknowledged, and a file's bytes after its line. See scp.h.
 *
 * A name is one component and nothing else, a size is digits and nothing else, a mode loses
 * set-user-id, set-group-id and sticky. What a client breaks beyond that ends the session; a file
 * that cannot be made is complained of, and the next one is taken.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "sftp/access.h"
#include "sftp/attributes.h"
#include "sftp/scp.h"
#include "sftp/status.h"

static void on_line(struct scp *scp);
static void write_more(struct scp *scp);
static void data_is_written(struct scp *scp);

static void next_line(struct scp *scp)
{
    scp_expect(scp, SCP_INPUT_LINE, on_line);
}

static void acknowledge(struct scp *scp)
{
    scp_send_ok(scp);
    next_line(scp);
}

/* The client passes over a file when it gets a complaint in place of an acknowledgement. */
static void refuse(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    scp->has_times = false;
    scp_complain_status(scp, status, reply);
    next_line(scp);
}

static void refuse_with(struct scp *scp, const char *text)
{
    scp->has_times = false;
    scp_complain(scp, scp->path, text, strlen(text));
    next_line(scp);
}

/* --- the target ---------------------------------------------------------------------------- */

static bool is_directory(uint32_t status, const struct sp_fs_reply *reply)
{
    return status == SP_FS_OK && reply->attributes && reply->attributes->type == SP_FILE_DIRECTORY;
}

static void on_target(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    scp->target_is_directory = is_directory(status, reply);
    if (!scp->target_is_directory && scp->place.is_above_mount && status == SP_FS_NO_SUCH_FILE)
        scp->target_is_directory = true;
    if (scp->command.to_directory && !scp->target_is_directory) {
        if (status == SP_FS_OK)
            status = SP_FS_NOT_A_DIRECTORY;
        scp_complain_status(scp, status, reply);
        scp_end(scp);
        return;
    }
    acknowledge(scp);
}

/* The name without what escapes its patterns: a sink's target is one name. */
static void unescape(char *out, const char *pattern)
{
    for (; *pattern; pattern++) {
        if (*pattern == '\\' && pattern[1])
            pattern++;
        *out++ = *pattern;
    }
    *out = '\0';
}

void scp_sink_begin(struct scp *scp)
{
    char name[VPATH_MAX], path[VPATH_MAX];
    const char *pattern = scp->command.paths[0];
    uint32_t status = SP_FS_INVALID_FILENAME;
    if (strlen(pattern) < sizeof name) {
        struct sp_str given = {pattern, strlen(pattern)};
        status = sftp_tree_expand(scp->tree, given, name);
        if (status == SP_FS_OK) {
            unescape(name, name);
            status = sftp_tree_resolve(scp->tree, (struct sp_str){name, strlen(name)}, path);
        }
    }
    if (status == SP_FS_OK)
        scp->target = strdup(path);
    if (!scp->target || !scp_locate(scp, scp->target, NULL)) {
        scp_break(scp, sftp_status_text(status == SP_FS_OK ? SP_FS_FAILURE : status));
        return;
    }
    sftp_call_path(&scp->call, scp->place.below ? scp->place.below : "/", 0);
    scp_ask(scp, SFTP_OP_STAT, 0, NULL, PLUGIN_FS_stat, on_target);
}

/* --- lines --------------------------------------------------------------------------------- */

/* Digits up to end, which must follow. Moves *at past it. */
static bool take_number(const char **at, char end, uint64_t base, uint64_t limit,
                        uint64_t *ret_number)
{
    uint64_t number = 0;
    const char *start = *at;
    for (; **at >= '0' && **at < (char)('0' + base); (*at)++) {
        uint64_t digit = (uint64_t)(**at - '0');
        if (number > (limit - digit) / base)
            return false;
        number = number * base + digit;
    }
    if (*at == start || **at != end)
        return false;
    (*at)++;
    *ret_number = number;
    return true;
}

/* "T<modified> <microseconds> <accessed> <microseconds>" */
static void take_times(struct scp *scp)
{
    const char *at = scp->line + 1;
    uint64_t modified, accessed, ignored;
    if (!take_number(&at, ' ', 10, INT64_MAX, &modified) ||
        !take_number(&at, ' ', 10, INT64_MAX, &ignored) ||
        !take_number(&at, ' ', 10, INT64_MAX, &accessed) ||
        !take_number(&at, '\0', 10, INT64_MAX, &ignored)) {
        scp_break(scp, "malformed times");
        return;
    }
    scp->modify_time = (int64_t)modified;
    scp->access_time = (int64_t)accessed;
    scp->has_times = true;
    acknowledge(scp);
}

/* "C0644 1234 name", "D0755 0 name": false if it is not that. */
static bool take_entry(struct scp *scp, const char **ret_name)
{
    const char *at = scp->line + 1;
    uint64_t mode, size;
    if (!take_number(&at, ' ', 8, 07777, &mode) || at != scp->line + 6 ||
        !take_number(&at, ' ', 10, INT64_MAX, &size))
        return false;
    scp->mode = (uint32_t)mode & SFTP_MODE_SETTABLE;
    scp->file_size = size;
    *ret_name = at;
    return true;
}

static bool is_one_component(const char *name)
{
    return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* Where an entry goes: below the innermost directory, or the target, or the target itself. */
static bool locate_entry(struct scp *scp, const char *name)
{
    if (scp->level)
        return scp_locate(scp, scp->level->path, name);
    return scp_locate(scp, scp->target, scp->target_is_directory ? name : NULL);
}

static void begin_file(struct scp *scp);
static void begin_directory(struct scp *scp);
static void end_directory(struct scp *scp);

static void on_line(struct scp *scp)
{
    const char *name = NULL;
    scp->line[scp->line_length - 1] = '\0'; /* its newline */
    if (strlen(scp->line) != scp->line_length - 1) {
        scp_break(scp, "unexpected zero byte");
        return;
    }
    switch (scp->line[0]) {
    case '\1': /* the client could not read one of its files */
        scp->errors++;
        next_line(scp);
        return;
    case '\2':
        scp->errors++;
        scp_end(scp);
        return;
    case 'T':
        take_times(scp);
        return;
    case 'E':
        if (!scp->level || scp->line[1] != '\0')
            scp_break(scp, "unexpected end of a directory");
        else
            end_directory(scp);
        return;
    case 'C':
    case 'D':
        break;
    default:
        scp_break(scp, "unexpected message");
        return;
    }
    if (!take_entry(scp, &name))
        scp_break(scp, "malformed message");
    else if (!is_one_component(name))
        scp_break(scp, "unexpected file name");
    else if (scp->line[0] == 'D' && !scp->command.is_recursive)
        scp_break(scp, "a directory without -r");
    else if (!locate_entry(scp, name))
        refuse_with(scp, "The name is too long");
    else if (scp->line[0] == 'C')
        begin_file(scp);
    else
        begin_directory(scp);
}

/* --- directories --------------------------------------------------------------------------- */

static void enter_directory(struct scp *scp, bool is_new)
{
    if (!scp_push(scp)) {
        scp->has_times = false;
        next_line(scp);
        return;
    }
    struct scp_level *level = scp->level;
    level->mode = scp->mode;
    /* A new directory was made so that files can be put into it. */
    level->has_mode = scp->command.has_times || (is_new && (scp->mode & 0700) != 0700);
    level->has_times = scp->has_times;
    level->access_time = scp->access_time;
    level->modify_time = scp->modify_time;
    scp->has_times = false;
    acknowledge(scp);
}

static void on_mkdir(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    if (status != SP_FS_OK) {
        refuse(scp, status, reply);
        return;
    }
    sftp_access_note(scp->tree, &scp->place);
    enter_directory(scp, true);
}

static void make_directory(struct scp *scp)
{
    scp->attributes = (struct sp_fs_attributes){.struct_size = sizeof scp->attributes,
                                                .valid = SP_ATTR_PERMISSIONS,
                                                .mode = scp->mode | 0700};
    sftp_call_create(&scp->call, scp->place.below, 0, &scp->attributes);
    scp_ask(scp, SFTP_OP_MKDIR, 0, NULL, PLUGIN_FS_mkdir, on_mkdir);
}

static void on_directory(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    if (is_directory(status, reply) || (status == SP_FS_NO_SUCH_FILE && scp->place.is_above_mount))
        enter_directory(scp, false);
    else if (status == SP_FS_OK)
        refuse_with(scp, "Not a directory");
    else if (status == SP_FS_NO_SUCH_FILE && scp->place.mount)
        scp->next = make_directory;
    else
        refuse(scp, status, reply);
}

static void begin_directory(struct scp *scp)
{
    sftp_call_path(&scp->call, scp->place.below ? scp->place.below : "/", 0);
    scp_ask(scp, SFTP_OP_STAT, 0, NULL, PLUGIN_FS_stat, on_directory);
}

static void set_attributes(struct scp *scp, bool has_mode, uint32_t mode, bool has_times,
                           int64_t access_time, int64_t modify_time)
{
    scp->attributes = (struct sp_fs_attributes){
        .struct_size = sizeof scp->attributes,
        .valid = (has_mode ? SP_ATTR_PERMISSIONS : 0) |
                 (has_times ? SP_ATTR_ACCESS_TIME | SP_ATTR_MODIFY_TIME : 0),
        .mode = mode,
        .access_time.seconds = access_time,
        .modify_time.seconds = modify_time};
}

static void on_directory_set(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    if (status != SP_FS_OK && status != SP_FS_OP_UNSUPPORTED)
        refuse(scp, status, reply);
    else
        acknowledge(scp);
}

static void end_directory(struct scp *scp)
{
    struct scp_level *level = scp->level;
    bool is_kept = !level->has_mode && !level->has_times;
    set_attributes(scp, level->has_mode, level->mode, level->has_times, level->access_time,
                   level->modify_time);
    scp_locate(scp, level->path, NULL);
    scp_pop(scp);
    if (is_kept || !scp->place.mount) {
        acknowledge(scp);
        return;
    }
    sftp_call_create(&scp->call, scp->place.below, 0, &scp->attributes);
    scp_ask(scp, SFTP_OP_SETSTAT, 0, NULL, PLUGIN_FS_setstat, on_directory_set);
}

/* --- files --------------------------------------------------------------------------------- */

static void on_open(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    if (status != SP_FS_OK) {
        refuse(scp, status, reply);
        return;
    }
    sftp_access_note(scp->tree, &scp->place);
    scp->file_done = 0;
    scp->file_has_failed = false;
    scp->filling = sftp_block_get(SCP_CHUNK);
    scp->writing = sftp_block_get(SCP_CHUNK);
    scp->filling_length = scp->writing_length = scp->writing_done = 0;
    if (!scp->filling || !scp->writing) {
        scp_break(scp, "out of memory");
        return;
    }
    scp_send_ok(scp);
    scp_expect(scp, SCP_INPUT_DATA, NULL);
    if (scp->file_size == 0)
        data_is_written(scp);
}

static void begin_file(struct scp *scp)
{
    const uint32_t flags = SP_OPEN_WRITE | SP_OPEN_CREATE | SP_OPEN_TRUNCATE;
    if (scp->place.is_mount_point || scp->place.is_above_mount) {
        refuse_with(scp, sftp_status_text(SP_FS_FILE_IS_A_DIRECTORY));
        return;
    }
    set_attributes(scp, true, scp->mode, false, 0, 0);
    sftp_call_create(&scp->call, scp->place.below ? scp->place.below : "/", flags,
                     &scp->attributes);
    scp_ask(scp, SFTP_OP_OPEN, flags, &scp->file, PLUGIN_FS_open, on_open);
}

size_t scp_sink_data(struct scp *scp, const uint8_t *data, size_t length)
{
    uint64_t left = scp->file_size - scp->file_done;
    size_t part = SCP_CHUNK - scp->filling_length;
    if (part > length)
        part = length;
    if (part > left)
        part = (size_t)left;
    if (!scp->file_has_failed) /* what cannot be written is read all the same */
        memcpy(scp->filling->bytes + scp->filling_length, data, part);
    scp->filling_length += part;
    scp->file_done += part;
    if (scp->filling_length == SCP_CHUNK || scp->file_done == scp->file_size)
        scp->input = SCP_INPUT_NONE; /* until the provider has taken some */
    if (scp->writing_length == 0)
        scp->next = write_more;
    return part;
}

static void fail_file(struct scp *scp, const char *text, size_t length)
{
    scp_fail_file(scp, text, length);
    scp->writing_length = scp->writing_done = 0;
}

static void on_written(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    const char *text = sftp_status_text(status);
    if (status != SP_FS_OK && reply->text.len > 0)
        fail_file(scp, reply->text.data, (size_t)reply->text.len);
    else if (status != SP_FS_OK)
        fail_file(scp, text, strlen(text));
    else if (reply->count == 0 || reply->count > scp->writing_length - scp->writing_done)
        fail_file(scp, "The storage did not take the data", 33);
    else
        scp->writing_done += (size_t)reply->count;
    scp->next = write_more;
}

/* The provider is idle: give it the rest of what it has, or what has come in since. */
static void write_more(struct scp *scp)
{
    if (scp->writing_done == scp->writing_length) {
        struct sftp_block *block = scp->writing;
        scp->writing = scp->filling;
        scp->writing_length = scp->filling_length;
        scp->writing_done = 0;
        scp->filling = block;
        scp->filling_length = 0;
        if (scp->file_done < scp->file_size)
            scp->input = SCP_INPUT_DATA;
        if (scp->file_has_failed)
            scp->writing_length = 0;
    }
    if (scp->writing_length == 0) {
        if (scp->file_done == scp->file_size)
            data_is_written(scp);
        return;
    }
    uint64_t at = scp->file_done - scp->filling_length - scp->writing_length + scp->writing_done;
    sftp_call_io(&scp->call, scp->file.handle, at, scp->writing->bytes + scp->writing_done,
                 scp->writing_length - scp->writing_done);
    scp_ask(scp, SFTP_OP_WRITE, 0, &scp->file, PLUGIN_FS_write, on_written);
}

static void finish_file(struct scp *scp)
{
    sftp_block_unref(scp->filling);
    sftp_block_unref(scp->writing);
    scp->filling = scp->writing = NULL;
    if (scp->file_has_failed)
        refuse_with(scp, scp->file_error);
    else
        acknowledge(scp);
}

static void on_closed(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    const char *text = sftp_status_text(status);
    if (status != SP_FS_OK && status != SP_FS_OP_UNSUPPORTED && !scp->file_has_failed)
        fail_file(scp, reply->text.len ? reply->text.data : text,
                  reply->text.len ? (size_t)reply->text.len : strlen(text));
    finish_file(scp);
}

static void close_file(struct scp *scp)
{
    sftp_call_handle(&scp->call, scp->file.handle, 0, NULL);
    scp->file.is_complete = !scp->file_has_failed && scp->answer == 0;
    if (!scp->file.is_complete)
        scp->call.event.handle.flags = SP_CLOSE_ABORTED;
    scp_ask(scp, SFTP_OP_CLOSE, 0, &scp->file, PLUGIN_FS_close, on_closed);
}

static void on_file_set(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    const char *text = sftp_status_text(status);
    if (status != SP_FS_OK && status != SP_FS_OP_UNSUPPORTED)
        fail_file(scp, reply->text.len ? reply->text.data : text,
                  reply->text.len ? (size_t)reply->text.len : strlen(text));
    scp->next = close_file;
}

/* The client has confirmed that what it sent was right, or said that it was not. */
static void on_confirmed(struct scp *scp)
{
    bool has_times = scp->has_times;
    scp->has_times = false;
    if ((!has_times && !scp->command.has_times) || scp->file_has_failed || scp->answer != 0 ||
        !scp->file.mount ||
        !plugin_instance_offers(scp->file.mount->instance, PLUGIN_FS_fsetstat)) {
        close_file(scp);
        return;
    }
    set_attributes(scp, scp->command.has_times, scp->mode, has_times, scp->access_time,
                   scp->modify_time);
    sftp_call_handle(&scp->call, scp->file.handle, 0, &scp->attributes);
    scp_ask(scp, SFTP_OP_FSETSTAT, 0, &scp->file, PLUGIN_FS_fsetstat, on_file_set);
}

static void data_is_written(struct scp *scp)
{
    scp_expect(scp, SCP_INPUT_ANSWER, on_confirmed);
}

void scp_sink_eof(struct scp *scp)
{
    if (scp->input == SCP_INPUT_LINE && scp->line_length == 0 && !scp->level)
        scp_end(scp);
    else
        scp_break(scp, "the client stopped in the middle of a transfer");
}
