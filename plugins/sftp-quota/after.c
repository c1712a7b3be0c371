/*
 * after.c: what came of an operation: charges that were for nothing are taken back, and what is
 * gone is credited. See sftp-quota.h.
 */
#include <stdlib.h>
#include <string.h>

#include "sftp-quota/sftp-quota.h"

static void hold(struct counted *counted, const struct charged *charged)
{
    counted->charged = *charged;
    accounts_hold(&counted->charged);
}

static void add_files(const struct charged *charged, int64_t change)
{
    struct refusal refusal;
    charge_files(charged, change, &refusal);
}

/* --- open files ---------------------------------------------------------------------------- */

/* Another hook has the file written under another name, which takes the place of the one asked for
 * when it is complete. */
static void divert(struct sftp_quota *self, const struct sp_sftp_event *event,
                   const struct act *act, struct open_file *file)
{
    struct charged charged;
    if (!accounts_find(&self->accounts, event->head.connection, event->path, &charged) ||
        !accounts_are_ready(&charged))
        charged = act->from.charged;
    file->is_part = true;
    file->replaces = act->from.exists;
    file->replaced = act->from;
    accounts_hold(&file->replaced.charged);
    file->counted.size = 0;
    file->counted.exists = false;
    hold(&file->counted, &charged);
    if (file->replaces) /* for the others it was charged before */
        add_files(&charged, 1);
}

static void after_open(struct sftp_quota *self, const struct sp_sftp_event *event, struct act *act)
{
    bool is_done = event->status == SP_FS_OK && event->decided != SP_SFTP_BY_HOOK;
    struct open_file *file = NULL;
    if (is_done && act->from.charged.count > 0)
        file = open_file_add(self, event->channel, event->file);
    if (!file) {
        add_files(&act->from.charged, -act->files);
        return;
    }
    file->counted.writes = event->flags & SP_OPEN_WRITE;
    file->is_append = event->flags & SP_OPEN_APPEND;
    file->is_deleted_on_close = event->flags & SP_OPEN_DELETE_ON_CLOSE;
    struct ledger_key key = key_of(event->head.connection->user, event->path);
    file->counted.key = file->opened = key;
    file->counted.size = act->from.size;
    file->counted.exists = act->from.exists;
    if (memcmp(&key, &act->path, sizeof key) != 0)
        divert(self, event, act, file);
    else
        hold(&file->counted, &act->from.charged);
    /* Two have looked, and one of them has made it. */
    if (charge_open(&file->counted, act->files > 0 && !file->is_part))
        add_files(&act->from.charged, -act->files);
    if (event->flags & SP_OPEN_TRUNCATE)
        charge_resize(&file->counted, 0);
}

static void after_close(struct sftp_quota *self, const struct sp_sftp_event *event)
{
    struct open_file *file = open_file_find(self, event->channel, event->file);
    struct refusal refusal;
    if (!file)
        return;
    bool is_complete = event->status == SP_FS_OK;
    if (event->existing && event->existing->valid & SP_ATTR_SIZE)
        charge_resize(&file->counted, event->existing->size);
    if (file->is_part && is_complete) {
        if (file->replaces) {
            charge_forget(&file->replaced);
            add_files(&file->replaced.charged, -1);
        }
        charge_rename(&file->counted, &file->replaced.key);
    }
    bool is_kept = is_complete || event->final_flags & SP_SFTP_FINAL_KEEP_PART;
    /* Under another name by now, it was not removed by the one it was opened by. */
    bool is_gone = file->is_part ? !is_kept : file->is_deleted_on_close && is_complete;
    if (is_gone && charge_is_called(&file->counted, &file->opened)) {
        charge_forget(&file->counted);
        charge_files(&file->counted.charged, -1, &refusal);
    }
    charge_close(&file->counted);
    open_file_remove(self, file);
}

static void after_write(struct sftp_quota *self, const struct sp_sftp_event *event, struct act *act)
{
    /* It may have been closed meanwhile, with its connection. */
    struct open_file *file = act->written;
    bool is_copy = event->family & SP_SFTP_READ, is_done = event->status == SP_FS_OK;
    uint64_t number = is_copy ? event->file_target : event->file;
    if (!file || open_file_find(self, event->channel, number) != file)
        return;
    if (!is_done && act->has_growth)
        charge_undo(&file->counted, &act->growth);
    /* Of what failed a part may have been done; and the source of a copy may have grown since. */
    if (event->count == 0 || (is_done && (!is_copy || file->is_append)))
        return;
    uint64_t begun = is_copy ? event->offset_target : event->offset;
    struct growth growth = {0};
    struct refusal refusal;
    if (!file->is_append)
        charge_growth(&file->counted, begun + event->count, false, false, &growth, &refusal);
    else
        charge_growth(&file->counted, event->count, true, false, &growth, &refusal);
}

static void after_resize(struct sftp_quota *self, const struct sp_sftp_event *event,
                         struct act *act)
{
    struct counted *counted = &act->from;
    if (!act->has_growth)
        return;
    if (act->written) {
        if (open_file_find(self, event->channel, event->file) != act->written)
            return;
        counted = &act->written->counted;
    }
    if (event->status == SP_FS_OK)
        charge_resize(counted, event->attributes->size);
    else
        charge_undo(counted, &act->growth);
}

/* --- names --------------------------------------------------------------------------------- */

static bool has_other_names(const struct sp_fs_attributes *existing)
{
    return existing && existing->valid & SP_ATTR_LINK_COUNT && existing->link_count > 1;
}

static void after_remove(const struct sp_sftp_event *event, struct act *act)
{
    if (event->status != SP_FS_OK)
        return;
    add_files(&act->from.charged, -1);
    if (!(event->family & SP_SFTP_REMOVE) || has_other_names(event->existing))
        return;
    charge_forget(&act->from);
}

/* The files of ours that are open under that name have another one now. */
static void rename_open(struct sftp_quota *self, const struct ledger_key *from,
                        const struct ledger_key *to)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct open_file *file = self->files[i]; file; file = file->next)
            if (memcmp(&file->counted.key, from, sizeof *from) == 0)
                file->counted.key = *to;
}

static void after_rename(struct sftp_quota *self, const struct sp_sftp_event *event,
                         struct act *act)
{
    if (event->status != SP_FS_OK) {
        charge_undo(&act->moved, &act->growth);
        add_files(&act->moved.charged, -act->files);
        return;
    }
    if (memcmp(&act->from.key, &act->to.key, sizeof act->from.key) == 0)
        return;
    if (act->to.exists) {
        add_files(&act->to.charged, -1);
        if (!has_other_names(event->existing_target))
            charge_forget(&act->to);
    }
    struct counted kept = act->from, gone = act->from;
    kept.charged.count = 0;
    for (size_t i = 0; i < act->to.charged.count; i++)
        if (accounts_have(&act->from.charged, act->to.charged.items[i]))
            kept.charged.items[kept.charged.count++] = act->to.charged.items[i];
    gone.charged = act->left;
    if (act->is_directory) {
        struct ledger_above from = above_of(event->head.connection->user, event->path);
        struct ledger_above to = above_of(event->head.connection->user, event->target);
        charge_leave(&act->from.charged, &from);
        charge_leave(&act->to.charged, &to);
    }
    charge_rename(&kept, &act->to.key);
    charge_rename(&act->moved, &act->to.key);
    charge_resize(&act->moved, act->moved.size);
    charge_forget(&gone);
    add_files(&gone.charged, -1);
    rename_open(self, &act->from.key, &act->to.key);
}

void charge_after(struct sftp_quota *self, const struct sp_sftp_event *event, struct act *act)
{
    if (event->family & SP_SFTP_CLOSE)
        after_close(self, event);
    if (!act)
        return;
    if (event->family & SP_SFTP_OPEN)
        after_open(self, event, act);
    else if (event->family & SP_SFTP_WRITE)
        after_write(self, event, act);
    else if (event->family & SP_SFTP_ATTRIBUTES_SET)
        after_resize(self, event, act);
    else if (event->family & (SP_SFTP_REMOVE | SP_SFTP_DIRECTORY_REMOVE))
        after_remove(event, act);
    else if (event->family & SP_SFTP_RENAME)
        after_rename(self, event, act);
    else if (event->status != SP_FS_OK) /* mkdir, link */
        add_files(&act->from.charged, -act->files);
}
