/*
 * scp_source.c: gives files, as `scp -f` does. Every name on the command line may stand for many
 * (scp_glob.c); each is a file, or with -r a directory that is walked depth first. See scp.h.
 *
 * A file is sent with the size that was announced, whatever becomes of it meanwhile: what is
 * missing is sent as zeros and complained of, as the protocol has no other way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "sftp/attributes.h"
#include "sftp/scp.h"
#include "sftp/status.h"

static void walk(struct scp *scp);
static void read_more(struct scp *scp);

/* On with the next entry of the innermost directory, or the next name of the command line. */
static void go_on(struct scp *scp)
{
    scp->next = scp->level ? walk : scp_source_next_path;
}

static void complain_and_go_on(struct scp *scp, const char *text)
{
    scp_complain(scp, scp->path, text, strlen(text));
    go_on(scp);
}

/* --- names --------------------------------------------------------------------------------- */

static void look(struct scp *scp);

void scp_source_begin(struct scp *scp)
{
    /* The client begins, with an answer to nothing. */
    scp->path_index = 0;
    scp_expect(scp, SCP_INPUT_ANSWER, scp_source_next_path);
}

/* The name that the client is told: the last component as it was asked for. */
static const char *name_of(struct scp *scp, char *asked)
{
    size_t length = strlen(asked);
    while (length > 1 && asked[length - 1] == '/')
        asked[--length] = '\0';
    const char *last = vpath_last(asked);
    if (*last && strcmp(last, ".") != 0 && strcmp(last, "..") != 0)
        return last;
    return vpath_last(scp->path);
}

void scp_source_next_path(struct scp *scp)
{
    if (buffer_length(&scp->matches) == 0) {
        if (scp->path_index == scp->command.paths_count)
            scp_end(scp);
        else
            scp_glob_begin(scp, scp->command.paths[scp->path_index++]);
        return;
    }
    char *match = (char *)buffer_data(&scp->matches), path[VPATH_MAX];
    size_t length = strlen(match);
    uint32_t status = sftp_tree_resolve(scp->tree, (struct sp_str){match, length}, path);
    if (status != SP_FS_OK || !scp_locate(scp, path, NULL)) {
        scp_complain(scp, NULL, sftp_status_text(SP_FS_INVALID_FILENAME),
                     strlen(sftp_status_text(SP_FS_INVALID_FILENAME)));
        scp->next = scp_source_next_path;
    } else {
        const char *name = name_of(scp, match);
        bool fits = strlen(name) < sizeof scp->name;
        snprintf(scp->name, sizeof scp->name, "%s", fits ? name : "");
        scp->next = look;
    }
    buffer_consume(&scp->matches, length + 1);
    buffer_trim(&scp->matches, 0);
}

/* --- what is it ---------------------------------------------------------------------------- */

static void send_file(struct scp *scp);
static void send_directory(struct scp *scp);

static void on_look(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    bool is_mounts_only = status == SP_FS_NO_SUCH_FILE && scp->place.is_above_mount;
    if (status != SP_FS_OK && !is_mounts_only) {
        scp_complain_status(scp, status, reply);
        go_on(scp);
        return;
    }
    struct sp_fs_attributes attributes;
    sftp_tree_synthetic_attributes(&attributes);
    if (status == SP_FS_OK && reply->attributes)
        attributes = *reply->attributes;
    scp->mode = (attributes.valid & SP_ATTR_PERMISSIONS ? attributes.mode : 0644) & 07777;
    scp->file_size = attributes.valid & SP_ATTR_SIZE ? attributes.size : 0;
    scp->access_time = attributes.access_time.seconds;
    scp->modify_time = attributes.modify_time.seconds;
    scp->has_times = (attributes.valid & SP_ATTR_MODIFY_TIME) != 0;
    if (!(attributes.valid & SP_ATTR_ACCESS_TIME))
        scp->access_time = scp->modify_time;
    if (attributes.type == SP_FILE_REGULAR)
        send_file(scp);
    else if (attributes.type != SP_FILE_DIRECTORY)
        complain_and_go_on(scp, "Not a regular file");
    else if (!scp->command.is_recursive)
        complain_and_go_on(scp, "Is a directory");
    else
        send_directory(scp);
}

/* scp->path is located and scp->name is set. */
static void look(struct scp *scp)
{
    if (!scp->name[0] || strchr(scp->name, '\n')) {
        complain_and_go_on(scp, "A name that scp cannot send");
        return;
    }
    sftp_call_path(&scp->call, scp->place.below ? scp->place.below : "/", 0);
    scp_ask(scp, SFTP_OP_STAT, 0, NULL, PLUGIN_FS_stat, on_look);
}

/* Say what comes, with the times before it if they are wanted; on_said when it is acknowledged. */
static void say_entry(struct scp *scp)
{
    char line[SCP_NAME_MAX + 64];
    int length =
        snprintf(line, sizeof line, "%c%04o %llu %s\n", scp->kind, scp->mode & SFTP_MODE_SETTABLE,
                 (unsigned long long)(scp->kind == 'C' ? scp->file_size : 0), scp->name);
    scp_send(scp, line, (size_t)length);
    scp_expect(scp, SCP_INPUT_ANSWER, scp->on_said);
}

static void on_times_said(struct scp *scp)
{
    say_entry(scp);
}

static void say(struct scp *scp, char kind, void (*on_said)(struct scp *scp))
{
    scp->kind = kind;
    scp->on_said = on_said;
    if (!scp->command.has_times || !scp->has_times || scp->modify_time < 0) {
        say_entry(scp);
        return;
    }
    char line[96];
    int length = snprintf(line, sizeof line, "T%lld 0 %lld 0\n", (long long)scp->modify_time,
                          (long long)(scp->access_time < 0 ? 0 : scp->access_time));
    scp_send(scp, line, (size_t)length);
    scp_expect(scp, SCP_INPUT_ANSWER, on_times_said);
}

/* --- files --------------------------------------------------------------------------------- */

static void on_close(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    (void)status, (void)reply; /* it was only read */
    go_on(scp);
}

static void close_file(struct scp *scp)
{
    sftp_block_unref(scp->reading);
    scp->reading = NULL;
    sftp_call_handle(&scp->call, scp->file.handle, 0, NULL);
    scp->file.is_complete =
        !scp->file_has_failed && scp->answer == 0 && scp->file_done == scp->file_size;
    scp_ask(scp, SFTP_OP_CLOSE, 0, &scp->file, PLUGIN_FS_close, on_close);
}

static void end_data(struct scp *scp)
{
    if (scp->file_has_failed)
        scp_complain(scp, scp->path, scp->file_error, strlen(scp->file_error));
    else
        scp_send_ok(scp);
    scp_expect(scp, SCP_INPUT_ANSWER, close_file);
}

static uint64_t left_to_read(const struct scp *scp)
{
    uint64_t left = scp->file_size - scp->file_done;
    return left < SCP_CHUNK ? left : SCP_CHUNK;
}

static void on_read(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    uint64_t wanted = left_to_read(scp);
    const char *text = sftp_status_text(status);
    size_t count = 0;
    if (status == SP_FS_EOF || (status == SP_FS_OK && reply->count == 0))
        scp_fail_file(scp, "The file has become shorter", 27);
    else if (status != SP_FS_OK)
        scp_fail_file(scp, reply->text.len ? reply->text.data : text,
                      reply->text.len ? (size_t)reply->text.len : strlen(text));
    else if (reply->count > wanted)
        scp_fail_file(scp, "The storage gave more than was asked for", 40);
    else
        count = (size_t)reply->count;
    if (count > 0 && scp->channel) {
        sftp_block_ref(scp->reading);
        sftp_block_send(scp->reading, scp->channel, 0, count);
    }
    scp->file_done += count;
    scp->next = read_more;
}

static void read_more(struct scp *scp)
{
    static const char zeros[4096];
    uint64_t length = left_to_read(scp);
    /* The last block is the channel's until it is sent, and was the provider's until now. */
    sftp_block_unref(scp->reading);
    scp->reading = NULL;
    if (length == 0) {
        end_data(scp);
        return;
    }
    if (scp->file_has_failed) {
        length = length < sizeof zeros ? length : sizeof zeros;
        scp_send(scp, zeros, (size_t)length);
        scp->file_done += length;
        scp->next = read_more;
        return;
    }
    scp->reading = sftp_block_get((size_t)length);
    if (!scp->reading) {
        scp_break(scp, "out of memory");
        return;
    }
    sftp_call_io(&scp->call, scp->file.handle, scp->file_done, scp->reading->bytes, length);
    scp_ask(scp, SFTP_OP_READ, 0, &scp->file, PLUGIN_FS_read, on_read);
}

static void on_file_said(struct scp *scp)
{
    if (scp->answer == 0)
        read_more(scp);
    else
        close_file(scp); /* the client does not want it */
}

static void say_file(struct scp *scp)
{
    say(scp, 'C', on_file_said);
}

static void on_open(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    if (status != SP_FS_OK) {
        scp_complain_status(scp, status, reply);
        go_on(scp);
        return;
    }
    scp->file_done = 0;
    scp->file_has_failed = false;
    scp->next = say_file;
}

static void open_file(struct scp *scp)
{
    scp->attributes = (struct sp_fs_attributes){.struct_size = sizeof scp->attributes};
    sftp_call_create(&scp->call, scp->place.below, SP_OPEN_READ, &scp->attributes);
    scp_ask(scp, SFTP_OP_OPEN, SP_OPEN_READ, &scp->file, PLUGIN_FS_open, on_open);
}

static void send_file(struct scp *scp)
{
    scp->next = open_file;
}

/* --- directories --------------------------------------------------------------------------- */

static void on_directory_ended(struct scp *scp)
{
    go_on(scp);
}

static void leave_directory(struct scp *scp)
{
    scp_pop(scp);
    scp_send(scp, "E\n", 2);
    scp_expect(scp, SCP_INPUT_ANSWER, on_directory_ended);
}

static void on_closedir(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    (void)status, (void)reply;
    scp->next = leave_directory;
}

static void close_directory(struct scp *scp)
{
    if (!scp->level->list.is_open) {
        leave_directory(scp);
        return;
    }
    sftp_call_handle(&scp->call, scp->level->list.handle, 0, NULL);
    scp_ask(scp, SFTP_OP_CLOSE, 0, &scp->level->list, PLUGIN_FS_closedir, on_closedir);
}

static void on_entries(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    struct scp_level *level = scp->level;
    int rc = 0;
    if (status != SP_FS_OK && status != SP_FS_EOF) {
        scp_locate(scp, level->path, NULL);
        scp_complain_status(scp, status, reply);
    }
    if (status != SP_FS_OK || reply->eof || reply->entries_count == 0)
        level->is_at_end = true;
    for (uint64_t i = 0; status == SP_FS_OK && i < reply->entries_count && rc == 0; i++) {
        struct sp_str name = reply->entries[i].name;
        if (scp_is_name(name) && !sftp_tree_has_mount(scp->tree, level->path, name))
            rc = scp_put_name(&level->names, name, "");
    }
    if (rc < 0)
        scp_break(scp, "out of memory");
    scp->next = walk;
}

/* The next entry of the innermost directory. */
static void walk(struct scp *scp)
{
    struct scp_level *level = scp->level;
    struct sp_str mount_name;
    if (buffer_length(&level->names) == 0 &&
        sftp_tree_next_mount(scp->tree, level->path, &level->mount_cursor, &mount_name) &&
        scp_put_name(&level->names, mount_name, "") < 0) {
        scp_break(scp, "out of memory");
        return;
    }
    if (buffer_length(&level->names) > 0) {
        const char *name = (const char *)buffer_data(&level->names);
        size_t length = strlen(name);
        bool fits = scp_locate(scp, level->path, name);
        snprintf(scp->name, sizeof scp->name, "%s", name);
        buffer_consume(&level->names, length + 1);
        buffer_trim(&level->names, 0);
        if (fits)
            scp->next = look;
        else
            complain_and_go_on(scp, "A path that is too long");
        return;
    }
    if (!level->list.is_open || level->is_at_end) {
        close_directory(scp);
        return;
    }
    sftp_call_handle(&scp->call, level->list.handle, SCP_ENTRIES_AT_ONCE, NULL);
    scp_ask(scp, SFTP_OP_READDIR, 0, &level->list, PLUGIN_FS_readdir, on_entries);
}

static void on_opendir(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    if (status != SP_FS_OK && (status != SP_FS_NO_SUCH_FILE || !scp->place.is_above_mount))
        scp_complain_status(scp, status, reply);
    scp->next = walk;
}

static void on_directory_said(struct scp *scp)
{
    if (scp->answer != 0) { /* the client does not want it */
        go_on(scp);
        return;
    }
    if (!scp_push(scp)) {
        scp_break(scp, "too many directories within each other");
        return;
    }
    sftp_call_path(&scp->call, scp->place.below ? scp->place.below : "/", 0);
    scp_ask(scp, SFTP_OP_OPENDIR, 0, &scp->level->list, PLUGIN_FS_opendir, on_opendir);
}

static void say_directory(struct scp *scp)
{
    say(scp, 'D', on_directory_said);
}

static void send_directory(struct scp *scp)
{
    if (scp->depth == SCP_DEPTH_MAX)
        complain_and_go_on(scp, "Too many directories within each other");
    else
        scp->next = say_directory;
}
