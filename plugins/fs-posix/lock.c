/*
 * lock.c: byte ranges that others shall keep off. Slots on the reactor, the rest on the pool, one
 * at a time for each handle.
 *
 * The locks are the kernel's, of the open file description: they hold against other handles,
 * other workers and other programs that ask for locks, and go when the file is closed. They are
 * advisory: the kernel has no others, and a check here would bind only some of those who write.
 *
 * A lock that is shared takes a file that is open for reading, and one that is exclusive takes one
 * that is open for writing. Who writes and wants others not to cannot share the range, whatever
 * was asked for. Through one handle no range is locked twice: the kernel would merge them.
 */
#include "fs_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#define LOCKS_MOST 1024u /* of a handle */

struct lock {
    struct lock *next;
    uint64_t offset;
    uint64_t length; /* 0: to the end */
};

void locks_free(struct lock *locks)
{
    while (locks) {
        struct lock *next = locks->next;
        free(locks);
        locks = next;
    }
}

static uint64_t end_of(uint64_t offset, uint64_t length)
{
    return length ? offset + length : UINT64_MAX;
}

static bool range_is_sound(const struct sp_fs_lock *event)
{
    return event->offset <= INT64_MAX && event->length <= INT64_MAX - event->offset;
}

/* Whether the handle has a lock on some of the range, or has all that it may have. */
static bool is_taken(const struct handle *handle, const struct sp_fs_lock *event, bool *ret_full)
{
    unsigned count = 0;
    for (const struct lock *lock = handle->locks; lock; lock = lock->next, count++)
        if (lock->offset < end_of(event->offset, event->length) &&
            event->offset < end_of(lock->offset, lock->length))
            return true;
    *ret_full = count >= LOCKS_MOST;
    return false;
}

static int set_lock(const struct handle *handle, uint64_t offset, uint64_t length, short type)
{
    struct flock flock = {
        .l_type = type,
        .l_whence = SEEK_SET,
        .l_start = (off_t)offset,
        .l_len = (off_t)length,
    };
    return fcntl(handle->fd, F_OFD_SETLK, &flock) < 0 ? -errno : 0;
}

static int32_t refuse(struct fs_posix *fs, const struct sp_fs_lock *event, const char *text)
{
    return reply_status(fs, &event->head, SP_FS_BYTE_RANGE_LOCK_REFUSED, text);
}

static int32_t lock_now(struct fs_posix *fs, struct handle *handle, const struct sp_fs_lock *event)
{
    bool writes = handle->flags & SP_OPEN_WRITE;
    bool is_full = false;
    if (!range_is_sound(event) || !(event->flags & (SP_LOCK_READ | SP_LOCK_WRITE)))
        return reply_error(fs, &event->head, EINVAL);
    if (!(event->flags & SP_LOCK_ADVISORY))
        return refuse(fs, event, "Locks bind only those who lock here: ask for an advisory one");
    if (event->flags & SP_LOCK_DELETE)
        return refuse(fs, event, "The file system cannot keep others from deleting");
    if (!writes && event->flags & SP_LOCK_READ)
        return refuse(fs, event, "To keep others from reading, open the file for writing as well");
    if (is_taken(handle, event, &is_full))
        return reply_status(fs, &event->head, SP_FS_BYTE_RANGE_LOCK_CONFLICT,
                            "This handle has locked some of that range already");
    struct lock *lock = is_full ? NULL : calloc(1, sizeof *lock);
    if (!lock)
        return refuse(fs, event, "There are too many locks");
    int rc = set_lock(handle, event->offset, event->length, writes ? F_WRLCK : F_RDLCK);
    if (rc == 0) {
        *lock = (struct lock){handle->locks, event->offset, event->length};
        handle->locks = lock;
        return SP_OK;
    }
    free(lock);
    if (rc == -EAGAIN || rc == -EACCES)
        return reply_status(fs, &event->head, SP_FS_BYTE_RANGE_LOCK_CONFLICT,
                            "Somebody else has locked some of that range");
    return refuse(fs, event, "The file system does not do locks");
}
ON_POOL(fs_lock, sp_fs_lock, handle, lock_now)

static int32_t unlock_now(struct fs_posix *fs, struct handle *handle,
                          const struct sp_fs_lock *event)
{
    for (struct lock **link = &handle->locks; *link; link = &(*link)->next) {
        struct lock *lock = *link;
        if (lock->offset != event->offset || lock->length != event->length)
            continue;
        int rc = set_lock(handle, lock->offset, lock->length, F_UNLCK);
        if (rc < 0)
            return reply_error(fs, &event->head, -rc);
        *link = lock->next;
        free(lock);
        return SP_OK;
    }
    return reply_status(fs, &event->head, SP_FS_NO_MATCHING_BYTE_RANGE_LOCK,
                        "This handle has no lock on exactly that range");
}
ON_POOL(fs_unlock, sp_fs_lock, handle, unlock_now)
