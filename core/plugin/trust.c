/*
 * trust.c: opening manifests and libraries with a look at who could have written them.
 */
#include "plugin/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

#define NAME_ROOM 256

/* SP_ERR_INVALID after a complaint if somebody else could have written it. */
static int check(const struct stat *st, const char *shown, uid_t owner, struct report *report)
{
    int rc = 0;
    if (st->st_uid != 0 && st->st_uid != geteuid() && st->st_uid != owner) {
        report_error(report, shown, 0, NULL,
                     "belongs to user %lu, who is not trusted to choose code; chown it to root or "
                     "to user %lu",
                     (unsigned long)st->st_uid, (unsigned long)geteuid());
        rc = SP_ERR_INVALID;
    }
    if (st->st_mode & (S_IWGRP | S_IWOTH)) {
        report_error(report, shown, 0, NULL, "can be written by others (mode %04o); chmod go-w it",
                     (unsigned)(st->st_mode & 07777));
        rc = SP_ERR_INVALID;
    }
    return rc;
}

static int complain(const char *shown, struct report *report)
{
    if (errno == ENOENT)
        return SP_ERR_NOT_FOUND;
    if (errno == ELOOP)
        report_error(report, shown, 0, NULL, "is a symbolic link; put the file itself there");
    else
        report_error(report, shown, 0, NULL, "cannot be opened: %s", strerror(errno));
    return errno == ELOOP ? SP_ERR_INVALID : SP_ERR_SYSTEM;
}

/* Check what fd is. Closes it and returns an error, or returns it. */
static int checked(int fd, mode_t type, const char *shown, uid_t owner, struct report *report)
{
    struct stat st;
    int rc = 0;
    if (fstat(fd, &st) < 0) {
        rc = complain(shown, report);
    } else if ((st.st_mode & S_IFMT) != type) {
        report_error(report, shown, 0, NULL, "is not a %s",
                     type == S_IFDIR ? "directory" : "regular file");
        rc = SP_ERR_INVALID;
    } else {
        rc = check(&st, shown, owner, report);
    }
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}

int trust_open_directory(const char *directory, uid_t owner, struct report *report)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return complain(directory, report);
    return checked(fd, S_IFDIR, directory, owner, report);
}

int trust_open_file(int directory, const char *path, const char *shown, uid_t owner,
                    struct report *report)
{
    int at = directory;
    const char *slash;
    for (; (slash = strchr(path, '/')); path = slash + 1) {
        char name[NAME_ROOM];
        size_t len = (size_t)(slash - path);
        if (len >= sizeof name) {
            errno = ENAMETOOLONG;
            goto fail;
        }
        memcpy(name, path, len);
        name[len] = 0;
        int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
            goto fail;
        if (at != directory)
            close(at);
        at = checked(fd, S_IFDIR, shown, owner, report);
        if (at < 0)
            return at;
    }

    /* O_NONBLOCK: a FIFO would wait for a writer. */
    int fd = openat(at, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        goto fail;
    if (at != directory)
        close(at);
    return checked(fd, S_IFREG, shown, owner, report);

fail:;
    int saved = errno;
    if (at != directory)
        close(at);
    errno = saved;
    return complain(shown, report);
}
