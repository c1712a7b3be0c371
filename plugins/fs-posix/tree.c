/*
 * tree.c: what is done to names: make, remove, rename, link, and look. Slots on the reactor, the
 * rest on the pool.
 *
 * An operation on a name opens the directory that holds it, inside the jail, and then names only
 * the last component, which the kernel does not follow.
 */
#include "fs_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int32_t stat_now(struct fs_posix *fs, const struct view *view,
                        const struct sp_fs_path *event)
{
    int fd =
        jail_open(view, event->path, O_PATH | (event->flags & SP_FS_NOFOLLOW ? O_NOFOLLOW : 0), 0);
    if (fd < 0)
        return reply_error(fs, &event->head, -fd);
    int32_t verdict = reply_attributes(fs, &event->head, fd, event->wanted);
    close(fd);
    return verdict;
}
ON_POOL(stat_on_pool, sp_fs_path, view, stat_now)

int32_t fs_stat(void *self, const struct sp_fs_path *event)
{
    struct fs_posix *fs = self;
    const struct view *view = (const struct view *)(uintptr_t)event->view;
    if (!view_is_quick(view) || attributes_are_slow(event->wanted))
        return stat_on_pool(self, event);
    int fd = jail_open_at_once(view, event->path,
                               O_PATH | (event->flags & SP_FS_NOFOLLOW ? O_NOFOLLOW : 0));
    if (fd == -EAGAIN)
        return stat_on_pool(self, event);
    if (fd < 0)
        return reply_error(fs, &event->head, -fd);
    int32_t verdict = reply_attributes(fs, &event->head, fd, event->wanted);
    close(fd);
    return verdict;
}

static int set_size(const struct view *view, struct sp_str path, int nofollow, uint64_t size)
{
    if (size > INT64_MAX)
        return -EFBIG;
    int rc = jail_look(jail_open(view, path, O_PATH | nofollow, 0));
    int fd = rc < 0 ? rc : jail_open(view, path, O_WRONLY | O_NONBLOCK | O_NOCTTY | nofollow, 0);
    if (fd < 0)
        return fd;
    rc = ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

static int32_t setstat_now(struct fs_posix *fs, const struct view *view,
                           const struct sp_fs_create *event)
{
    int nofollow = event->flags & SP_FS_NOFOLLOW ? O_NOFOLLOW : 0;
    int rc = 0;
    if (event->attributes->valid & SP_ATTR_SIZE)
        rc = set_size(view, event->path, nofollow, event->attributes->size);
    if (rc < 0)
        return reply_error(fs, &event->head, -rc);
    int fd = jail_open(view, event->path, O_PATH | nofollow, 0);
    if (fd < 0)
        return reply_error(fs, &event->head, -fd);
    rc = attributes_set(fd, true, event->attributes);
    close(fd);
    return reply_result(fs, &event->head, rc);
}
ON_POOL(fs_setstat, sp_fs_create, view, setstat_now)

static int32_t mkdir_now(struct fs_posix *fs, const struct view *view,
                         const struct sp_fs_create *event)
{
    const struct sp_fs_attributes *attributes = event->attributes;
    mode_t mode =
        attributes->valid & SP_ATTR_PERMISSIONS ? attributes->mode & 0777u : fs->directory_mode;
    const char *last;
    int fd = jail_parent(view, event->path, &last);
    if (fd < 0)
        return reply_error(fs, &event->head, fd == -EBUSY ? EEXIST : -fd);
    int rc = mkdirat(fd, last, mode) < 0 ? -errno : 0;
    close(fd);
    return reply_result(fs, &event->head, rc);
}
ON_POOL(fs_mkdir, sp_fs_create, view, mkdir_now)

static int32_t unlink_now(struct fs_posix *fs, const struct view *view,
                          const struct sp_fs_path *event, int flags)
{
    const char *last;
    int fd = jail_parent(view, event->path, &last);
    if (fd < 0)
        return reply_error(fs, &event->head, -fd);
    int rc = unlinkat(fd, last, flags) < 0 ? -errno : 0;
    close(fd);
    if (rc == -EEXIST) /* POSIX allows it for a directory that is not empty */
        rc = -ENOTEMPTY;
    return reply_result(fs, &event->head, rc);
}

static int32_t rmdir_now(struct fs_posix *fs, const struct view *view,
                         const struct sp_fs_path *event)
{
    return unlink_now(fs, view, event, AT_REMOVEDIR);
}
ON_POOL(fs_rmdir, sp_fs_path, view, rmdir_now)

static int32_t remove_now(struct fs_posix *fs, const struct view *view,
                          const struct sp_fs_path *event)
{
    return unlink_now(fs, view, event, 0);
}
ON_POOL(fs_remove, sp_fs_path, view, remove_now)

/* Two names, each as its directory and last component. */
struct names_pair {
    int from_fd;
    const char *from;
    int to_fd;
    const char *to;
};

static int names_open(const struct view *view, const struct sp_fs_pair *event,
                      struct names_pair *ret_names)
{
    ret_names->from_fd = jail_parent(view, event->path, &ret_names->from);
    if (ret_names->from_fd < 0)
        return ret_names->from_fd;
    ret_names->to_fd = jail_parent(view, event->target, &ret_names->to);
    if (ret_names->to_fd < 0) {
        close(ret_names->from_fd);
        return ret_names->to_fd;
    }
    return 0;
}

static void names_close(const struct names_pair *names)
{
    close(names->from_fd);
    close(names->to_fd);
}

/* For file systems without RENAME_NOREPLACE. A file gets its new name by link(), which never
 * replaces; a directory has no such way, and for it a moment remains in which an empty directory
 * made by somebody else could be replaced. */
static int rename_in_steps(const struct names_pair *n)
{
    if (linkat(n->from_fd, n->from, n->to_fd, n->to, 0) == 0) {
        if (unlinkat(n->from_fd, n->from, 0) == 0)
            return 0;
        int error = errno;
        unlinkat(n->to_fd, n->to, 0);
        return -error;
    }
    if (errno == EEXIST)
        return -EEXIST;
    struct stat st;
    if (fstatat(n->to_fd, n->to, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return -EEXIST;
    return renameat(n->from_fd, n->from, n->to_fd, n->to) < 0 ? -errno : 0;
}

/* NATIVE is what rename(2) does, which replaces, and is atomic. */
static int rename_names(const struct names_pair *n, uint32_t flags)
{
    if (flags & (SP_RENAME_OVERWRITE | SP_RENAME_NATIVE))
        return renameat(n->from_fd, n->from, n->to_fd, n->to) < 0 ? -errno : 0;
    if (renameat2(n->from_fd, n->from, n->to_fd, n->to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
    /* EINVAL is also the answer to moving a directory into itself, which fails again below. */
    return flags & SP_RENAME_ATOMIC ? -EOPNOTSUPP : rename_in_steps(n);
}

static int32_t rename_now(struct fs_posix *fs, const struct view *view,
                          const struct sp_fs_pair *event)
{
    struct names_pair names;
    int rc = names_open(view, event, &names);
    if (rc < 0)
        return reply_error(fs, &event->head, -rc);
    rc = rename_names(&names, event->flags);
    names_close(&names);
    bool replaces = event->flags & (SP_RENAME_OVERWRITE | SP_RENAME_NATIVE);
    return reply_result(fs, &event->head, rc == -EEXIST && replaces ? -ENOTEMPTY : rc);
}
ON_POOL(fs_rename, sp_fs_pair, view, rename_now)

static int32_t link_now(struct fs_posix *fs, const struct view *view,
                        const struct sp_fs_pair *event)
{
    struct names_pair names;
    int rc = names_open(view, event, &names);
    if (rc < 0)
        return reply_error(fs, &event->head, -rc);
    rc = linkat(names.from_fd, names.from, names.to_fd, names.to, 0) < 0 ? -errno : 0;
    names_close(&names);
    return reply_result(fs, &event->head, rc);
}
ON_POOL(fs_link, sp_fs_pair, view, link_now)

static int32_t symlink_now(struct fs_posix *fs, const struct view *view,
                           const struct sp_fs_pair *event)
{
    const char *last;
    if (event->target.len == 0 || memchr(event->target.data, '\0', event->target.len))
        return reply_error(fs, &event->head, EINVAL);
    int fd = jail_parent(view, event->path, &last);
    if (fd < 0)
        return reply_error(fs, &event->head, fd == -EBUSY ? EEXIST : -fd);
    int rc = symlinkat(event->target.data, fd, last) < 0 ? -errno : 0;
    close(fd);
    return reply_result(fs, &event->head, rc);
}
ON_POOL(fs_symlink, sp_fs_pair, view, symlink_now)

static int32_t readlink_now(struct fs_posix *fs, const struct view *view,
                            const struct sp_fs_path *event)
{
    char target[PATH_MAX];
    int fd = jail_open(view, event->path, O_PATH | O_NOFOLLOW, 0);
    if (fd < 0)
        return reply_error(fs, &event->head, -fd);
    ssize_t length = readlinkat(fd, "", target, sizeof target - 1);
    int error = errno;
    close(fd);
    if (length < 0) /* ENOENT: the kernel's word for "not a link" with an empty path */
        return reply_error(fs, &event->head, error == ENOENT ? EINVAL : error);
    target[length] = '\0';
    return reply_path(fs, &event->head, (struct sp_str){target, (uint64_t)length});
}
ON_POOL(fs_readlink, sp_fs_path, view, readlink_now)

static int32_t statvfs_now(struct fs_posix *fs, const struct view *view,
                           const struct sp_fs_path *event)
{
    int fd = jail_open(view, event->path, O_PATH, 0);
    if (fd < 0)
        return reply_error(fs, &event->head, -fd);
    int32_t verdict = reply_space(fs, &event->head, fd);
    close(fd);
    return verdict;
}
ON_POOL(fs_statvfs, sp_fs_path, view, statvfs_now)
