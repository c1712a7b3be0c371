/*
 * before.c: charges what an operation would take, before it is done. See sftp-quota.h.
 */
#include <string.h>

#include "sftp-quota/sftp-quota.h"

static bool is_named(const struct sp_sftp_event *event, const char *name)
{
    return event->name.len == strlen(name) &&
           memcmp(event->name.data, name, (size_t)event->name.len) == 0;
}

static uint64_t bytes_of(const struct sp_fs_attributes *attributes)
{
    bool is_file =
        attributes && (!(attributes->valid & SP_ATTR_TYPE) || attributes->type == SP_FILE_REGULAR);
    return is_file && attributes->valid & SP_ATTR_SIZE ? attributes->size : 0;
}

/* A name with the accounts that count it, held. False: memory is out. */
static bool count(struct sftp_quota *self, const struct sp_sftp_event *event, struct sp_str path,
                  const struct sp_fs_attributes *existing, struct counted *ret)
{
    if (!accounts_find(&self->accounts, event->head.connection, path, &ret->charged))
        return false;
    accounts_hold(&ret->charged);
    ret->key = key_of(event->head.connection->user, path);
    ret->size = bytes_of(existing);
    ret->exists = existing != NULL;
    return true;
}

static int32_t refuse(const struct refusal *refusal)
{
    return refusal->is_busy ? SP_E_BUSY : SP_DENY;
}

static int32_t add_files(struct act *act, int64_t change, struct refusal *refusal)
{
    if (!charge_files(&act->from.charged, change, refusal))
        return refuse(refusal);
    act->files = change;
    return SP_NEXT;
}

static int32_t before_open(const struct sp_sftp_event *event, struct act *act,
                           struct refusal *refusal, struct sp_sftp_reply *reply)
{
    /* A size that comes with the opening would change the file with nobody counting. */
    if (event->attributes && event->attributes->valid & SP_ATTR_SIZE)
        reply->changes = SP_SFTP_CHANGE_ATTRIBUTES;
    if (event->flags & SP_OPEN_CREATE && !event->existing)
        return add_files(act, 1, refusal);
    return SP_NEXT;
}

static int32_t before_resize(struct sftp_quota *self, const struct sp_sftp_event *event,
                             struct act *act, struct refusal *refusal)
{
    if (!event->attributes || !(event->attributes->valid & SP_ATTR_SIZE))
        return SP_NEXT;
    act->written = event->file ? open_file_find(self, event->channel, event->file) : NULL;
    struct counted *counted = act->written ? &act->written->counted : &act->from;
    if (!charge_growth(counted, event->attributes->size, false, true, &act->growth, refusal))
        return refuse(refusal);
    act->has_growth = true;
    return SP_NEXT;
}

/* A write, or a copy into the file, which then is the event's second. */
static int32_t before_write(const struct sp_sftp_event *event, struct act *act,
                            struct refusal *refusal, struct sp_sftp_reply *reply)
{
    bool is_copy = event->family & SP_SFTP_READ;
    uint64_t offset = is_copy ? event->offset_target : event->offset, length = event->length;
    if (is_copy && length == 0) {
        /* To the end, which must be where it is known to be. */
        if (!event->existing || !(event->existing->valid & SP_ATTR_SIZE))
            return SP_E_UNSUPPORTED;
        uint64_t size = event->existing->size;
        length = size > event->offset ? size - event->offset : 0;
        if (length > 0) {
            reply->changes = SP_SFTP_CHANGE_RANGE;
            reply->offset = event->offset;
            reply->length = length;
        }
    }
    if (length == 0)
        return SP_NEXT;
    bool is_append = act->written->is_append;
    uint64_t size = is_append                      ? length
                    : length > UINT64_MAX - offset ? UINT64_MAX
                                                   : offset + length;
    if (!charge_growth(&act->written->counted, size, is_append, true, &act->growth, refusal))
        return refuse(refusal);
    act->has_growth = true;
    act->end = act->growth.size;
    return SP_NEXT;
}

static bool is_directory(const struct sp_fs_attributes *attributes)
{
    return attributes && attributes->valid & SP_ATTR_TYPE && attributes->type == SP_FILE_DIRECTORY;
}

/* Which accounts the file comes into, and which it leaves. */
static int32_t before_rename(struct sftp_quota *self, const struct sp_sftp_event *event,
                             struct act *act, struct refusal *refusal)
{
    if (!count(self, event, event->target, event->existing_target, &act->to))
        return SP_E_NOMEM;
    const struct charged *from = &act->from.charged, *to = &act->to.charged;
    for (size_t i = 0; i < to->count; i++)
        if (!accounts_have(from, to->items[i]))
            act->moved.charged.items[act->moved.charged.count++] = to->items[i];
    for (size_t i = 0; i < from->count; i++)
        if (!accounts_have(to, from->items[i]))
            act->left.items[act->left.count++] = from->items[i];
    accounts_hold(&act->moved.charged);
    accounts_hold(&act->left);
    act->is_directory = !event->existing || is_directory(event->existing);
    if (act->is_directory) { /* what is open in it would have another name than we know */
        struct ledger_above above = above_of(event->head.connection->user, event->path);
        if (charge_has_open_in(from, &above))
            return SP_E_UNSUPPORTED;
    }
    if (act->moved.charged.count == 0 && act->left.count == 0)
        return SP_NEXT;
    if (!event->existing || is_directory(event->existing))
        return SP_E_UNSUPPORTED; /* what lies in it is not known */
    if (accounts_have_open(from, &act->from.key))
        return SP_E_UNSUPPORTED; /* what is written to it later would be counted where it was */
    uint64_t size = charge_size(&act->from);
    if (!charge_files(&act->moved.charged, 1, refusal))
        return refuse(refusal);
    act->files = 1;
    /* Under a name of its own until it is there; what it replaces may still be open. */
    act->moved.key = act->to.key;
    act->moved.key.bytes[0] ^= 1;
    act->moved.spare = accounts_have_open(to, &act->to.key) ? 0 : act->to.size;
    if (charge_growth(&act->moved, size, false, true, &act->growth, refusal))
        return SP_NEXT;
    charge_files(&act->moved.charged, -1, refusal);
    return refuse(refusal);
}

/* What has two names could be counted down by one and written to by the other. If links may be made
 * all the same, both names of a hard link must be counted by the same accounts. */
static int32_t before_link(struct sftp_quota *self, const struct sp_sftp_event *event,
                           struct act *act, struct refusal *refusal)
{
    if (is_named(event, "readlink"))
        return SP_NEXT;
    if (!self->permits_links && accounts_limit(&self->accounts, event->head.connection))
        return SP_E_UNSUPPORTED;
    if (!is_named(event, "symlink")) {
        struct counted end = {0};
        if (!count(self, event, event->target, NULL, &end))
            return SP_E_NOMEM;
        bool is_same = end.charged.count == act->from.charged.count;
        for (size_t i = 0; is_same && i < end.charged.count; i++)
            is_same = accounts_have(&act->from.charged, end.charged.items[i]);
        accounts_release(&end.charged);
        if (!is_same)
            return SP_E_UNSUPPORTED;
    }
    return add_files(act, 1, refusal);
}

static int32_t charge_one(struct sftp_quota *self, const struct sp_sftp_event *event,
                          struct act *act, struct refusal *refusal, struct sp_sftp_reply *reply)
{
    if (event->family & SP_SFTP_OPEN)
        return before_open(event, act, refusal, reply);
    if (event->family & SP_SFTP_RENAME)
        return before_rename(self, event, act, refusal);
    if (event->family & SP_SFTP_LINK)
        return before_link(self, event, act, refusal);
    if (event->family & SP_SFTP_DIRECTORY_CREATE)
        return add_files(act, 1, refusal);
    if (event->family & SP_SFTP_ATTRIBUTES_SET)
        return before_resize(self, event, act, refusal);
    return SP_NEXT; /* what is removed is credited when it is gone */
}

int32_t charge_before(struct sftp_quota *self, const struct sp_sftp_event *event,
                      struct refusal *ret_refusal, struct sp_sftp_reply *ret_reply)
{
    struct open_file *written = NULL;
    if (event->family & SP_SFTP_WRITE) {
        uint64_t file = event->family & SP_SFTP_READ ? event->file_target : event->file;
        written = open_file_find(self, event->channel, file);
        if (!written)
            return SP_NEXT; /* nobody counts it */
    }
    struct act *act = act_add(self, event);
    if (!act)
        return SP_E_NOMEM;
    act->written = written;
    int32_t verdict = SP_E_NOMEM;
    if (written)
        verdict = before_write(event, act, ret_refusal, ret_reply);
    else if (count(self, event, event->path, event->existing, &act->from))
        verdict = charge_one(self, event, act, ret_refusal, ret_reply);
    act->path = act->from.key;
    if (verdict != SP_NEXT)
        act_free(act_take(self, event));
    return verdict;
}
