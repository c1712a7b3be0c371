/*
 * jail.c: from a path of the client's to a descriptor that is below the root. Called by all that
 * takes a path; pool threads.
 *
 * openat2() with RESOLVE_IN_ROOT leaves the following of symbolic links to the kernel, which keeps
 * them inside, also while somebody swaps directories for links. Where there is no openat2() (before
 * Linux 5.6, or filtered) paths are walked one component at a time and links are refused.
 */
#include "fs_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

/* The kernel gives up with EAGAIN when a ".." in a link meets a rename anywhere in the system. */
#define TRIES 256

/* The path relative to the root, in buffer (PATH_MAX). The core has refused what is refused here;
 * a walk depends on it. 0 or -errno. */
static int relative(struct sp_str path, char *buffer)
{
    if (path.len == 0 || path.data[0] != '/' || memchr(path.data, '\0', path.len))
        return -EINVAL;
    if (path.len >= PATH_MAX)
        return -ENAMETOOLONG;
    if (path.len == 1) {
        memcpy(buffer, ".", 2);
        return 0;
    }
    memcpy(buffer, path.data + 1, path.len - 1);
    buffer[path.len - 1] = '\0';
    for (const char *p = buffer;; p++) {
        size_t length = strcspn(p, "/");
        if (length == 0 || (length == 1 && p[0] == '.') ||
            (length == 2 && p[0] == '.' && p[1] == '.'))
            return -EINVAL;
        p += length;
        if (*p == '\0')
            return 0;
    }
}

/* resolve: besides staying inside. */
static int open_in_root(int root_fd, const char *name, int flags, mode_t mode, uint64_t resolve,
                        int tries)
{
    struct open_how how = {
        .flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC),
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve,
    };
    for (int i = 0; i < tries; i++) {
        long fd = syscall(SYS_openat2, root_fd, name, &how, sizeof how);
        if (fd >= 0)
            return (int)fd;
        if (errno != EAGAIN && errno != EINTR)
            break;
    }
    return -errno;
}

/* The last step of a walk. */
static int open_last(int dir_fd, const char *name, int flags, mode_t mode)
{
    int fd = openat(dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
    struct stat st;
    if (fd < 0)
        return -errno;
    /* O_PATH with O_NOFOLLOW gives the link itself; only who asked for that may have it. */
    if ((flags & (O_PATH | O_NOFOLLOW)) == O_PATH && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode)) {
        close(fd);
        return -ELOOP;
    }
    return fd;
}

static int open_by_walk(int root_fd, char *name, int flags, mode_t mode)
{
    int dir_fd = root_fd;
    for (;;) {
        char *slash = strchr(name, '/');
        if (slash)
            *slash = '\0';
        int fd = slash ? openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC)
                       : open_last(dir_fd, name, flags, mode);
        int error = errno;
        if (dir_fd != root_fd)
            close(dir_fd);
        if (!slash)
            return fd;
        if (fd < 0)
            return -error;
        dir_fd = fd;
        name = slash + 1;
    }
}

int jail_open(const struct view *view, struct sp_str path, int flags, mode_t mode)
{
    char name[PATH_MAX];
    int rc = relative(path, name);
    if (rc < 0)
        return rc;
    return view->walk ? open_by_walk(view->root_fd, name, flags, mode)
                      : open_in_root(view->root_fd, name, flags, mode, 0, TRIES);
}

int jail_open_at_once(const struct view *view, struct sp_str path, int flags)
{
    char name[PATH_MAX];
    int rc = relative(path, name);
    if (rc < 0)
        return rc;
    rc = open_in_root(view->root_fd, name, flags, 0, RESOLVE_CACHED | RESOLVE_NO_XDEV, 1);
    /* EXDEV: it leads elsewhere. EINVAL: before Linux 5.12. */
    return rc == -EXDEV || rc == -EINVAL || rc == -EINTR ? -EAGAIN : rc;
}

int jail_look(int fd)
{
    struct stat st;
    if (fd < 0)
        return fd;
    int rc = fstat(fd, &st) < 0 ? -errno : 0;
    close(fd);
    if (rc < 0 || S_ISREG(st.st_mode))
        return rc;
    return S_ISDIR(st.st_mode) ? -EISDIR : S_ISLNK(st.st_mode) ? -ELOOP : -ENXIO;
}

int jail_parent(const struct view *view, struct sp_str path, const char **ret_last)
{
    /* The last component is used by name later, so all of the path must pass the check. */
    char buffer[PATH_MAX];
    int rc = relative(path, buffer);
    if (rc < 0)
        return rc;
    if (path.len == 1)
        return -EBUSY;
    const char *slash = memrchr(path.data, '/', path.len);
    *ret_last = slash + 1;
    struct sp_str parent = {path.data, slash == path.data ? 1 : (uint64_t)(slash - path.data)};
    return jail_open(view, parent, O_PATH | O_DIRECTORY, 0);
}
