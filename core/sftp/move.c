/*
 * move.c: the steps of a move. See move.h.
 *
 * One call at a time. An answer sets the next step, which is taken when the provider is through
 * with the call's memory; a failure or a cancel makes that the first step of cleaning up. Calls are
 * not cancelled: each is short, and what it opens or makes must be known.
 */
#include "sftp/move.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "sftp/attributes.h"
#include "sftp/block.h"
#include "sftp/codec.h"
#include "sftp/storage.h"

#define PIECE SFTP_DATA_MAX
#define OFFSET_LIMIT ((uint64_t)INT64_MAX)

struct sftp_move {
    struct sftp_call call;
    struct reactor_task again; /* between two pieces, so that others get their turn */
    struct sftp_tree *tree;
    struct sftp_mount *from, *to;
    char *from_path, *to_path; /* as the providers know them */
    char *beside;              /* written in place of to_path, which is there already; or NULL */
    char *looked_for;          /* beside the source: see look_at_source_directory() */
    bool overwrite;
    void (*next)(struct sftp_move *move);
    void (*on_answer)(struct sftp_move *move, uint32_t status, const struct sp_fs_reply *reply);

    struct sp_fs_attributes attributes; /* of the source: mode and times */
    uint64_t from_handle, to_handle;
    bool from_is_open, to_is_open, is_made; /* made: the target is there, and ours */
    struct sftp_block *block;
    uint64_t offset, piece, written; /* of the file; bytes of the block; of these, written */

    uint32_t status;
    char text[256];
    size_t text_length;
    sftp_move_done *done; /* NULL: told, or not wanted any more */
    void *arg;
};

static void clean_up(struct sftp_move *move);

/* --- calls --------------------------------------------------------------------------------- */

static void on_answer(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_move *move = container_of(call, struct sftp_move, call);
    move->on_answer(move, status, reply);
}

static void on_release(struct sftp_call *call)
{
    struct sftp_move *move = container_of(call, struct sftp_move, call);
    void (*next)(struct sftp_move *) = move->next;
    next(move);
}

static void ask(struct sftp_move *move, struct sftp_mount *mount, enum plugin_operation operation,
                void (*answer)(struct sftp_move *move, uint32_t status,
                               const struct sp_fs_reply *reply))
{
    move->on_answer = answer;
    move->call.on_answer = on_answer;
    move->call.on_release = on_release;
    sftp_call_start(&move->call, move->tree, mount, operation);
}

static void tell(struct sftp_move *move)
{
    sftp_move_done *done = move->done;
    move->done = NULL;
    if (done)
        done(move->arg, move->status, (struct sp_str){move->text, move->text_length});
}

/* The first failure is the one that is told: now, if it may take long to clean up after it. */
static void fail(struct sftp_move *move, uint32_t status, struct sp_str text)
{
    move->next = clean_up;
    if (move->status == SP_FS_OK) {
        move->status = status;
        move->text_length = text.len < sizeof move->text ? (size_t)text.len : sizeof move->text;
        if (move->text_length > 0)
            memcpy(move->text, text.data, move->text_length);
    }
    if (move->call.has_timed_out)
        tell(move);
}

static void fail_with(struct sftp_move *move, uint32_t status, const char *text)
{
    fail(move, status, (struct sp_str){text, strlen(text)});
}

/* What to do after this answer: next, unless it is an error or nobody wants the rest. */
static bool goes_on(struct sftp_move *move, uint32_t status, const struct sp_fs_reply *reply,
                    void (*next)(struct sftp_move *move))
{
    if (status != SP_FS_OK)
        fail(move, status, reply->text);
    else
        move->next = move->done ? next : clean_up;
    return move->next == next;
}

/* Where path lies, followed by a name. NULL: out of memory. */
static char *in_directory_of(const char *path, const char *name)
{
    char *whole = NULL;
    int directory_length = (int)(strrchr(path, '/') - path);
    return asprintf(&whole, "%.*s/%s", directory_length, path, name) < 0 ? NULL : whole;
}

/* --- the end ------------------------------------------------------------------------------- */

static void finish(struct sftp_move *move)
{
    tell(move);
    sftp_block_unref(move->block);
    sftp_tree_unref(move->tree);
    free(move->from_path);
    free(move->to_path);
    free(move->beside);
    free(move->looked_for);
    free(move);
}

static void on_cleaned(struct sftp_move *move, uint32_t status, const struct sp_fs_reply *reply)
{
    (void)status, (void)reply;
    move->next = clean_up;
}

static void close_handle(struct sftp_move *move, struct sftp_mount *mount, uint64_t handle,
                         uint32_t flags,
                         void (*answer)(struct sftp_move *move, uint32_t status,
                                        const struct sp_fs_reply *reply))
{
    sftp_call_handle(&move->call, handle, 0, NULL);
    move->call.event.handle.flags = flags;
    ask(move, mount, PLUGIN_FS_close, answer);
}

static const char *target_path(const struct sftp_move *move)
{
    return move->beside ? move->beside : move->to_path;
}

/* Close and remove what is left, one after the other. */
static void clean_up(struct sftp_move *move)
{
    if (move->to_is_open) {
        move->to_is_open = false;
        close_handle(move, move->to, move->to_handle, SP_CLOSE_ABORTED, on_cleaned);
    } else if (move->from_is_open) {
        move->from_is_open = false;
        close_handle(move, move->from, move->from_handle, 0, on_cleaned);
    } else if (move->is_made) {
        move->is_made = false;
        sftp_call_path(&move->call, target_path(move), 0);
        ask(move, move->to, PLUGIN_FS_remove, on_cleaned);
    } else {
        finish(move);
    }
}

/* The target goes again only if the source is there for certain: one whose removal got no clear
 * answer may be gone by now, or later. */
static void on_source_removed(struct sftp_move *move, uint32_t status,
                              const struct sp_fs_reply *reply)
{
    bool is_there = status == SP_FS_PERMISSION_DENIED || status == SP_FS_WRITE_PROTECT ||
                    status == SP_FS_CANNOT_DELETE;
    move->next = clean_up;
    if (status != SP_FS_OK)
        fail(move, status, reply->text);
    move->is_made &= is_there;
}

static void remove_source(struct sftp_move *move)
{
    sftp_call_path(&move->call, move->from_path, 0);
    ask(move, move->from, PLUGIN_FS_remove, on_source_removed);
}

static void on_replaced(struct sftp_move *move, uint32_t status, const struct sp_fs_reply *reply)
{
    if (status == SP_FS_OK)
        move->is_made = false; /* what it has replaced is gone: it stays, whatever comes */
    goes_on(move, status, reply, remove_source);
}

static void replace(struct sftp_move *move)
{
    sftp_call_pair(&move->call, move->beside, move->to_path, SP_RENAME_OVERWRITE);
    ask(move, move->to, PLUGIN_FS_rename, on_replaced);
}

static void on_source_directory_looked_at(struct sftp_move *move, uint32_t status,
                                          const struct sp_fs_reply *reply)
{
    if (status == SP_FS_OK)
        fail_with(move, SP_FS_FAILURE, "The two mounts show the same directory");
    else
        goes_on(move, status == SP_FS_NO_SUCH_FILE ? SP_FS_OK : status, reply, replace);
}

/* Two mounts may show one directory, and then what is replaced could be the source itself: is there
 * the file that was just written beside the target? */
static void look_at_source_directory(struct sftp_move *move)
{
    move->looked_for = in_directory_of(move->from_path, vpath_last(move->beside));
    if (!move->looked_for) {
        fail_with(move, SP_FS_FAILURE, "Out of memory");
        clean_up(move);
        return;
    }
    sftp_call_path(&move->call, move->looked_for, SP_FS_NOFOLLOW);
    ask(move, move->from, PLUGIN_FS_stat, on_source_directory_looked_at);
}

static void on_source_closed(struct sftp_move *move, uint32_t status,
                             const struct sp_fs_reply *reply)
{
    (void)status, (void)reply;
    if (!move->done)
        move->next = clean_up;
    else
        move->next = move->beside ? look_at_source_directory : remove_source;
}

static void close_source(struct sftp_move *move)
{
    move->from_is_open = false;
    close_handle(move, move->from, move->from_handle, 0, on_source_closed);
}

static void on_target_closed(struct sftp_move *move, uint32_t status,
                             const struct sp_fs_reply *reply)
{
    move->is_made |= status == SP_FS_OK || status == SP_FS_OP_UNSUPPORTED;
    goes_on(move, status == SP_FS_OP_UNSUPPORTED ? SP_FS_OK : status, reply, close_source);
}

static void close_target(struct sftp_move *move)
{
    move->to_is_open = false;
    close_handle(move, move->to, move->to_handle, 0, on_target_closed);
}

/* --- the data ------------------------------------------------------------------------------ */

static void on_attributes_set(struct sftp_move *move, uint32_t status,
                              const struct sp_fs_reply *reply)
{
    /* Times that cannot be set are no reason to keep a file where it was. */
    if (move->call.has_timed_out)
        fail(move, status, reply->text);
    else
        move->next = move->done ? close_target : clean_up;
}

static void set_attributes(struct sftp_move *move)
{
    sftp_call_handle(&move->call, move->to_handle, 0, &move->attributes);
    ask(move, move->to, PLUGIN_FS_fsetstat, on_attributes_set);
}

static void read_piece(struct sftp_move *move);

static void run_again(struct reactor_task *task)
{
    read_piece(container_of(task, struct sftp_move, again));
}

static void yield(struct sftp_move *move)
{
    move->again.run = run_again;
    reactor_post(move->tree->reactor, &move->again);
}

static void write_piece(struct sftp_move *move);

static void on_written(struct sftp_move *move, uint32_t status, const struct sp_fs_reply *reply)
{
    uint64_t left = move->piece - move->written;
    if (status == SP_FS_OK && (reply->count == 0 || reply->count > left)) {
        fail_with(move, SP_FS_FAILURE, "The storage did not take the data");
        return;
    }
    if (!goes_on(move, status, reply, reply->count < left ? write_piece : yield))
        return;
    move->written += reply->count;
    move->offset += reply->count;
}

static void write_piece(struct sftp_move *move)
{
    sftp_call_io(&move->call, move->to_handle, move->offset, move->block->bytes + move->written,
                 move->piece - move->written);
    ask(move, move->to, PLUGIN_FS_write, on_written);
}

static void on_read(struct sftp_move *move, uint32_t status, const struct sp_fs_reply *reply)
{
    bool is_end = status == SP_FS_EOF || (status == SP_FS_OK && reply->count == 0);
    if (is_end) {
        move->next = move->done ? set_attributes : clean_up;
    } else if (status == SP_FS_OK &&
               (reply->count > PIECE || reply->count > OFFSET_LIMIT - move->offset)) {
        fail_with(move, SP_FS_FAILURE, "The storage gave more than was asked for");
    } else if (goes_on(move, status, reply, write_piece)) {
        move->piece = reply->count;
        move->written = 0;
    }
}

static void read_piece(struct sftp_move *move)
{
    sftp_call_io(&move->call, move->from_handle, move->offset, move->block->bytes, PIECE);
    ask(move, move->from, PLUGIN_FS_read, on_read);
}

/* --- the beginning ------------------------------------------------------------------------- */

static void open_target(struct sftp_move *move);

/* A name in the target's directory that nobody has. */
static char *name_beside(const char *path)
{
    uint64_t number;
    char name[32];
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        return NULL;
    snprintf(name, sizeof name, ".moving-%016" PRIx64, number);
    return in_directory_of(path, name);
}

static void on_target_looked_at(struct sftp_move *move, uint32_t status,
                                const struct sp_fs_reply *reply)
{
    if (!goes_on(move, status, reply, open_target))
        return;
    if (reply->attributes && reply->attributes->valid & SP_ATTR_TYPE &&
        reply->attributes->type == SP_FILE_DIRECTORY) {
        fail_with(move, SP_FS_FILE_IS_A_DIRECTORY, "");
        return;
    }
    move->beside = name_beside(move->to_path);
    if (!move->beside)
        fail_with(move, SP_FS_FAILURE, "Out of memory");
}

static void look_at_target(struct sftp_move *move)
{
    sftp_call_path(&move->call, move->to_path, SP_FS_NOFOLLOW);
    ask(move, move->to, PLUGIN_FS_stat, on_target_looked_at);
}

static void on_made_looked_at(struct sftp_move *move, uint32_t status,
                              const struct sp_fs_reply *reply)
{
    move->is_made = status != SP_FS_NO_SUCH_FILE;
    if (move->call.has_timed_out)
        fail(move, status, reply->text);
    else
        move->next = move->done ? read_piece : clean_up;
}

/* Some stores show a file only once it is closed. Until then whatever has its name is somebody
 * else's, and must not go with a move that fails. */
static void look_at_made(struct sftp_move *move)
{
    sftp_call_path(&move->call, target_path(move), SP_FS_NOFOLLOW);
    ask(move, move->to, PLUGIN_FS_stat, on_made_looked_at);
}

static void on_target_opened(struct sftp_move *move, uint32_t status,
                             const struct sp_fs_reply *reply)
{
    if (status == SP_FS_OK) {
        move->to_handle = reply->handle;
        move->to_is_open = move->is_made = true;
    }
    bool is_there = status == SP_FS_FILE_ALREADY_EXISTS && !move->beside;
    if (is_there && move->overwrite && plugin_instance_offers(move->to->instance, PLUGIN_FS_rename))
        move->next = move->done ? look_at_target : clean_up;
    else
        goes_on(move, status, reply, look_at_made);
}

static void open_target(struct sftp_move *move)
{
    const uint32_t flags = SP_OPEN_WRITE | SP_OPEN_CREATE | SP_OPEN_EXCLUSIVE | SP_OPEN_NOFOLLOW;
    sftp_call_create(&move->call, target_path(move), flags, &move->attributes);
    ask(move, move->to, PLUGIN_FS_open, on_target_opened);
}

static void on_source_opened(struct sftp_move *move, uint32_t status,
                             const struct sp_fs_reply *reply)
{
    if (status == SP_FS_OK) {
        move->from_handle = reply->handle;
        move->from_is_open = true;
    }
    goes_on(move, status, reply, open_target);
}

static const struct sp_fs_attributes none = {.struct_size = sizeof none};

static void open_source(struct sftp_move *move)
{
    sftp_call_create(&move->call, move->from_path, SP_OPEN_READ | SP_OPEN_NOFOLLOW, &none);
    ask(move, move->from, PLUGIN_FS_open, on_source_opened);
}

static void on_looked(struct sftp_move *move, uint32_t status, const struct sp_fs_reply *reply)
{
    const struct sp_fs_attributes *found = reply->attributes;
    if (!goes_on(move, status, reply, open_source))
        return;
    if (!found || !(found->valid & SP_ATTR_TYPE) || found->type != SP_FILE_REGULAR) {
        /* The status that clients know for names on different file systems. */
        fail_with(move, SP_FS_FAILURE,
                  "Only files can be moved to another mount: directories and links must be copied");
        return;
    }
    move->attributes = (struct sp_fs_attributes){
        .struct_size = sizeof move->attributes,
        .valid = found->valid & (SP_ATTR_PERMISSIONS | SP_ATTR_ACCESS_TIME | SP_ATTR_MODIFY_TIME),
        .mode = found->mode & SFTP_MODE_SETTABLE,
        .access_time = found->access_time,
        .modify_time = found->modify_time};
}

static void look(struct sftp_move *move)
{
    sftp_call_path(&move->call, move->from_path, SP_FS_NOFOLLOW);
    ask(move, move->from, PLUGIN_FS_stat, on_looked);
}

struct sftp_move *sftp_move_new(struct sftp_tree *tree, const struct sftp_place *from,
                                const struct sftp_place *to, bool overwrite, sftp_move_done *done,
                                void *arg)
{
    struct sftp_move *move = calloc(1, sizeof *move);
    if (!move)
        return NULL;
    sftp_tree_ref(tree);
    move->tree = tree;
    move->from = from->mount;
    move->to = to->mount;
    move->overwrite = overwrite;
    move->from_path = strdup(from->below);
    move->to_path = strdup(to->below);
    move->block = sftp_block_get(PIECE);
    if (!move->from_path || !move->to_path || !move->block) {
        finish(move); /* nobody to tell yet */
        return NULL;
    }
    move->done = done;
    move->arg = arg;
    return move;
}

void sftp_move_run(struct sftp_move *move)
{
    look(move);
}

void sftp_move_cancel(struct sftp_move *move)
{
    move->done = NULL;
    if (move->call.state != SFTP_CALL_IDLE)
        return; /* its answer comes, and then the end */
    reactor_task_cancel(move->tree->reactor, &move->again);
    clean_up(move);
}
