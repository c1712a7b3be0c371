/*
 * handle.c: open files: open, read, write and what is asked of a handle. Slots on the reactor, the
 * rest on the pool.
 *
 * What lies in the page cache is read on the reactor: no change of thread, no copy. RWF_NOWAIT
 * makes the kernel refuse what would wait, and only that goes to the pool. File systems in memory
 * do not know the flag and do not need it. Opening, asking and closing are the same where the file
 * system is local: see locality.c.
 */
#include "fs_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

struct handle *handle_new(int fd, DIR *stream)
{
    struct handle *handle = calloc(1, sizeof *handle);
    if (!handle)
        return NULL;
    handle->fd = fd;
    handle->stream = stream;
    return handle;
}

void handle_free(struct handle *handle)
{
    if (handle->stream)
        closedir(handle->stream);
    else
        close(handle->fd);
    locks_free(handle->locks);
    free(handle);
}

/* Flags of open(2); negative for what makes no sense. */
static int flags_of(uint32_t wanted)
{
    uint32_t both = SP_OPEN_READ | SP_OPEN_WRITE;
    int flags = (wanted & both) == both ? O_RDWR : wanted & SP_OPEN_WRITE ? O_WRONLY : O_RDONLY;
    bool writes = wanted & SP_OPEN_WRITE;
    if (!(wanted & both) || (!writes && wanted & (SP_OPEN_APPEND | SP_OPEN_TRUNCATE)))
        return -EINVAL;
    if (wanted & SP_OPEN_APPEND)
        flags |= O_APPEND;
    if (wanted & SP_OPEN_TRUNCATE)
        flags |= O_TRUNC;
    if (wanted & SP_OPEN_CREATE)
        flags |= O_CREAT | (wanted & SP_OPEN_EXCLUSIVE ? O_EXCL : 0);
    if (wanted & SP_OPEN_NOFOLLOW)
        flags |= O_NOFOLLOW;
    /* A FIFO must not hold the thread, a terminal must not become ours. */
    return flags | O_NONBLOCK | O_NOCTTY;
}

static int check_regular(int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    return S_ISREG(st.st_mode) ? 0 : S_ISDIR(st.st_mode) ? -EISDIR : -ENXIO;
}

/* Answer with what was opened, or say why it was not. */
static int32_t answer_open(struct fs_posix *fs, const struct view *view,
                           const struct sp_fs_create *event, int fd)
{
    if (fd < 0)
        return reply_error(fs, &event->head, -fd);
    int rc = check_regular(fd);
    struct handle *handle = rc == 0 ? handle_new(fd, NULL) : NULL;
    if (!handle) {
        close(fd);
        return reply_error(fs, &event->head, rc < 0 ? -rc : ENOMEM);
    }
    handle->flags = event->flags;
    handle->is_written_on_pool = view->identity.is_other;
    handle->locality = locality_of(fd);
    if (reply_handle(fs, &event->head, handle) < 0)
        handle_free(handle);
    return SP_PENDING;
}

static int32_t open_now(struct fs_posix *fs, const struct view *view,
                        const struct sp_fs_create *event)
{
    const struct sp_fs_attributes *attributes = event->attributes;
    mode_t mode =
        attributes->valid & SP_ATTR_PERMISSIONS ? attributes->mode & 0777u : fs->file_mode;
    int flags = flags_of(event->flags);
    if (flags < 0 || event->flags & ~attributes_support.open_flags)
        return reply_error(fs, &event->head, flags < 0 ? -flags : EOPNOTSUPP);
    /* What is to be created is mostly not there yet, and what is new needs no look. */
    int fd = flags & O_CREAT ? jail_open(view, event->path, flags | O_EXCL, mode) : -EEXIST;
    if (fd != -EEXIST || flags & O_EXCL)
        return answer_open(fs, view, event, fd);
    int rc = jail_look(jail_open(view, event->path, O_PATH | (flags & O_NOFOLLOW), 0));
    if (rc == -ENOENT && flags & O_CREAT) /* gone again, or behind a link */
        rc = 0;
    return answer_open(fs, view, event, rc < 0 ? rc : jail_open(view, event->path, flags, mode));
}
ON_POOL(open_on_pool, sp_fs_create, view, open_now)

/* What is only to be read needs no disk to be opened, if the kernel knows it. */
int32_t fs_open(void *self, const struct sp_fs_create *event)
{
    struct fs_posix *fs = self;
    const struct view *view = (const struct view *)(uintptr_t)event->view;
    if (!view_is_quick(view) || event->flags & ~(SP_OPEN_READ | SP_OPEN_NOFOLLOW) ||
        !(event->flags & SP_OPEN_READ))
        return open_on_pool(self, event);
    int flags = flags_of(event->flags);
    int fd = jail_look(jail_open_at_once(view, event->path, O_PATH | (flags & O_NOFOLLOW)));
    if (fd == 0)
        fd = jail_open_at_once(view, event->path, flags);
    return fd == -EAGAIN ? open_on_pool(self, event) : answer_open(fs, view, event, fd);
}

static int32_t close_now(struct fs_posix *fs, struct handle *handle,
                         const struct sp_fs_handle *event)
{
    (void)fs;
    (void)event;
    handle_free(handle);
    return SP_OK;
}
ON_POOL(close_on_pool, sp_fs_handle, handle, close_now)

/* The last to close a file that has no name any more waits while its blocks are given back. */
static bool closes_at_once(const struct handle *handle)
{
    struct stat st;
    return handle->locality != MAY_BE_REMOTE && !(handle->flags & SP_OPEN_WRITE) &&
           !handle->stream && fstat(handle->fd, &st) == 0 && st.st_nlink > 0;
}

int32_t fs_close(void *self, const struct sp_fs_handle *event)
{
    struct handle *handle = (struct handle *)(uintptr_t)event->handle;
    return closes_at_once(handle) ? close_now(self, handle, event) : close_on_pool(self, event);
}

static bool range_is_sound(const struct sp_fs_io *event)
{
    return event->offset <= INT64_MAX && event->length <= (uint64_t)INT64_MAX - event->offset &&
           event->length <= SSIZE_MAX;
}

static int32_t read_now(struct fs_posix *fs, struct handle *handle, const struct sp_fs_io *event)
{
    uint64_t done = 0;
    while (done < event->length) {
        ssize_t n = pread(handle->fd, (char *)event->buffer + done, event->length - done,
                          (off_t)(event->offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return reply_error(fs, &event->head, errno);
        if (n == 0)
            break;
        done += (uint64_t)n;
    }
    return reply_count(fs, &event->head, done, done < event->length);
}
ON_POOL(read_on_pool, sp_fs_io, handle, read_now)

int32_t fs_read(void *self, const struct sp_fs_io *event)
{
    struct fs_posix *fs = self;
    struct handle *handle = (struct handle *)(uintptr_t)event->handle;
    if (!range_is_sound(event))
        return reply_error(fs, &event->head, EOVERFLOW);
    if (handle->locality == IS_IN_MEMORY)
        return read_now(fs, handle, event);
    uint64_t done = 0;
    while (!handle->no_read_nowait && done < event->length) {
        struct iovec iov = {(char *)event->buffer + done, event->length - done};
        ssize_t n = preadv2(handle->fd, &iov, 1, (off_t)(event->offset + done), RWF_NOWAIT);
        if (n == 0)
            return reply_count(fs, &event->head, done, true);
        if (n < 0) {
            /* Any other error shows itself again on the pool. */
            handle->no_read_nowait = errno == EOPNOTSUPP || errno == ENOSYS;
            break;
        }
        done += (uint64_t)n;
    }
    if (done == event->length)
        return reply_count(fs, &event->head, done, false);
    return read_on_pool(self, event);
}

static int32_t write_now(struct fs_posix *fs, struct handle *handle, const struct sp_fs_io *event)
{
    uint64_t done = 0;
    while (done < event->length) {
        ssize_t n = pwrite(handle->fd, (const char *)event->buffer + done, event->length - done,
                           (off_t)(event->offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return reply_error(fs, &event->head, errno);
        done += (uint64_t)n;
    }
    return reply_count(fs, &event->head, done, false);
}
ON_POOL(write_on_pool, sp_fs_io, handle, write_now)

int32_t fs_write(void *self, const struct sp_fs_io *event)
{
    struct fs_posix *fs = self;
    struct handle *handle = (struct handle *)(uintptr_t)event->handle;
    if (!range_is_sound(event))
        return reply_error(fs, &event->head, EOVERFLOW);
    if (handle->locality == IS_IN_MEMORY && !handle->is_written_on_pool)
        return write_now(fs, handle, event);
    /* What is written in part is written again from its start on the pool, which does no harm at a
     * fixed offset, but would at the end of a file. */
    if (!handle->no_write_nowait && !handle->is_written_on_pool &&
        !(handle->flags & SP_OPEN_APPEND)) {
        struct iovec iov = {event->buffer, event->length};
        ssize_t n = pwritev2(handle->fd, &iov, 1, (off_t)event->offset, RWF_NOWAIT);
        if (n >= 0 && (uint64_t)n == event->length)
            return reply_count(fs, &event->head, event->length, false);
        handle->no_write_nowait = n < 0 && errno != EAGAIN && errno != EINTR;
    }
    return write_on_pool(self, event);
}

static int32_t fstat_now(struct fs_posix *fs, struct handle *handle,
                         const struct sp_fs_handle *event)
{
    return reply_attributes(fs, &event->head, handle->fd, event->wanted);
}
ON_POOL(fstat_on_pool, sp_fs_handle, handle, fstat_now)

int32_t fs_fstat(void *self, const struct sp_fs_handle *event)
{
    struct handle *handle = (struct handle *)(uintptr_t)event->handle;
    return handle->locality != MAY_BE_REMOTE && !attributes_are_slow(event->wanted)
               ? fstat_now(self, handle, event)
               : fstat_on_pool(self, event);
}

static int32_t fsetstat_now(struct fs_posix *fs, struct handle *handle,
                            const struct sp_fs_handle *event)
{
    const struct sp_fs_attributes *attributes = event->attributes;
    int rc = 0;
    if (attributes->valid & SP_ATTR_SIZE && attributes->size > INT64_MAX)
        rc = -EFBIG;
    else if (attributes->valid & SP_ATTR_SIZE && ftruncate(handle->fd, (off_t)attributes->size) < 0)
        rc = errno == EINVAL ? -EBADF : -errno; /* not open for writing */
    if (rc == 0)
        rc = attributes_set(handle->fd, false, attributes);
    return reply_result(fs, &event->head, rc);
}
ON_POOL(fs_fsetstat, sp_fs_handle, handle, fsetstat_now)

static int32_t fsync_now(struct fs_posix *fs, struct handle *handle,
                         const struct sp_fs_handle *event)
{
    return reply_result(fs, &event->head, fsync(handle->fd) < 0 ? -errno : 0);
}
ON_POOL(fs_fsync, sp_fs_handle, handle, fsync_now)

static int32_t fstatvfs_now(struct fs_posix *fs, struct handle *handle,
                            const struct sp_fs_handle *event)
{
    return reply_space(fs, &event->head, handle->fd);
}
ON_POOL(fs_fstatvfs, sp_fs_handle, handle, fstatvfs_now)
