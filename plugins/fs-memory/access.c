/*
 * access.c: who may do what at the same time.
 *
 * Two things keep others off: a range that is locked, and a file that is open with SP_OPEN_BLOCK_*.
 * Each says what others may not do: read, write, delete. So one rule serves for both: two handles
 * get along unless one of them may do what the other keeps others from. Without advisory locks,
 * what is kept off is refused as well when it is tried.
 */
#include "provider.h"

#include <stdlib.h>

#define LOCKS_MOST 1024u /* of a handle */
#define BLOCKS (SP_OPEN_BLOCK_READ | SP_OPEN_BLOCK_WRITE | SP_OPEN_BLOCK_DELETE)

/* What a handle may do, as SP_LOCK_*. */
static uint32_t actions_of(uint32_t flags)
{
    return (flags & SP_OPEN_READ ? SP_LOCK_READ : 0) | (flags & SP_OPEN_WRITE ? SP_LOCK_WRITE : 0) |
           (flags & SP_OPEN_DELETE_ON_CLOSE ? SP_LOCK_DELETE : 0);
}

/* What it keeps others from. */
static uint32_t blocked_by(uint32_t flags)
{
    return (flags & SP_OPEN_BLOCK_READ ? SP_LOCK_READ : 0) |
           (flags & SP_OPEN_BLOCK_WRITE ? SP_LOCK_WRITE : 0) |
           (flags & SP_OPEN_BLOCK_DELETE ? SP_LOCK_DELETE : 0);
}

/* What is advisory is between those who block something. */
static bool is_serious(uint32_t flags, uint32_t other)
{
    return !(flags & SP_OPEN_BLOCK_ADVISORY) || other & BLOCKS;
}

uint32_t access_open(const struct node *file, uint32_t flags)
{
    for (const struct handle *h = file->handles; h; h = h->next) {
        if (h->flags & SP_OPEN_DELETE_ON_CLOSE)
            return SP_FS_DELETE_PENDING;
        if ((blocked_by(h->flags) & actions_of(flags) && is_serious(h->flags, flags)) ||
            (blocked_by(flags) & actions_of(h->flags) && is_serious(flags, h->flags)))
            return SP_FS_LOCK_CONFLICT;
    }
    return SP_FS_OK;
}

void access_begin(struct handle *handle)
{
    handle->next = handle->node->handles;
    handle->node->handles = handle;
}

void access_end(struct handle *handle)
{
    struct handle **link = &handle->node->handles;
    while (*link != handle)
        link = &(*link)->next;
    *link = handle->next;
    while (handle->locks) {
        struct lock *next = handle->locks->next;
        free(handle->locks);
        handle->locks = next;
    }
}

static uint64_t end_of(uint64_t offset, uint64_t length)
{
    return length && length < UINT64_MAX - offset ? offset + length : UINT64_MAX;
}

/* Whether h has a lock on some of the range that keeps others from one of these actions. */
static bool has_locked(const struct handle *h, uint32_t actions, uint64_t offset, uint64_t end)
{
    for (const struct lock *lock = h->locks; lock; lock = lock->next)
        if (lock->flags & actions && lock->offset < end && offset < lock->end)
            return true;
    return false;
}

uint32_t access_check(const struct node *file, const struct handle *handle, uint32_t action,
                      uint64_t offset, uint64_t length)
{
    for (const struct handle *h = file->handles; h; h = h->next) {
        if (h == handle)
            continue;
        /* A handle was asked when it was opened: this is for those who come without one. */
        if (!handle && blocked_by(h->flags) & action && !(h->flags & SP_OPEN_BLOCK_ADVISORY))
            return SP_FS_LOCK_CONFLICT;
        if (has_locked(h, action, offset, end_of(offset, length)))
            return SP_FS_BYTE_RANGE_LOCK_CONFLICT;
    }
    return SP_FS_OK;
}

/* Does the lock that handle wants get along with those of all? With its own none may overlap. */
static bool is_free(const struct handle *handle, const struct lock *wanted)
{
    for (const struct handle *h = handle->node->handles; h; h = h->next)
        for (const struct lock *lock = h->locks; lock; lock = lock->next) {
            bool is_near = lock->offset < wanted->end && wanted->offset < lock->end;
            if (is_near && (h == handle || lock->flags & actions_of(handle->flags) ||
                            wanted->flags & actions_of(h->flags)))
                return false;
        }
    return true;
}

int32_t fs_lock(void *self, const struct sp_fs_lock *event)
{
    struct handle *handle = handle_of(event->handle);
    uint32_t flags = event->flags & (SP_LOCK_READ | SP_LOCK_WRITE | SP_LOCK_DELETE);
    if (flags == 0 || handle->node->type != SP_FILE_REGULAR)
        return reply_status(self, &event->head, SP_FS_INVALID_PARAMETER);
    if (handle->locks_count == LOCKS_MOST)
        return reply_status(self, &event->head, SP_FS_BYTE_RANGE_LOCK_REFUSED);
    struct lock *lock = calloc(1, sizeof *lock);
    if (!lock)
        return reply_status(self, &event->head, SP_FS_FAILURE);
    lock->offset = event->offset;
    lock->length = event->length;
    lock->end = end_of(event->offset, event->length);
    lock->flags = flags;
    if (!is_free(handle, lock)) {
        free(lock);
        return reply_status(self, &event->head, SP_FS_BYTE_RANGE_LOCK_CONFLICT);
    }
    lock->next = handle->locks;
    handle->locks = lock;
    handle->locks_count++;
    return SP_OK;
}

int32_t fs_unlock(void *self, const struct sp_fs_lock *event)
{
    struct handle *handle = handle_of(event->handle);
    for (struct lock **link = &handle->locks; *link; link = &(*link)->next) {
        struct lock *lock = *link;
        if (lock->offset == event->offset && lock->length == event->length) {
            *link = lock->next;
            free(lock);
            handle->locks_count--;
            return SP_OK;
        }
    }
    return reply_status(self, &event->head, SP_FS_NO_MATCHING_BYTE_RANGE_LOCK);
}
