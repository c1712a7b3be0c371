/*
 * realpath.c: a path with its symbolic links replaced by what they stand for, as seen from inside
 * the root. Slot on the reactor, the rest on the pool.
 *
 * Nothing is opened by what comes out: whoever uses the path goes through the jail again.
 */
#include "fs_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define LINKS_MOST 40

struct resolution {
    char done[PATH_MAX]; /* "" or "/a/b": known to be free of links */
    size_t done_length;
    char rest[PATH_MAX]; /* what is still to be looked at, without a leading "/" */
    int links;
};

/* Put text before what remains. */
static int push_rest(struct resolution *r, const char *text, size_t length, const char *rest)
{
    size_t rest_length = strlen(rest);
    if (length + 1 + rest_length >= sizeof r->rest)
        return -ENAMETOOLONG;
    memmove(r->rest + length + 1, rest, rest_length + 1);
    memcpy(r->rest, text, length);
    r->rest[length] = '/';
    return 0;
}

/* The component was appended to done; if it is a link, take it off again and go on with its text.
 * rest is what follows it. */
static int look(const struct view *view, struct resolution *r, size_t before, const char *rest)
{
    int fd = jail_open(view, (struct sp_str){r->done, r->done_length}, O_PATH | O_NOFOLLOW, 0);
    if (fd < 0) /* the last component need not exist */
        return fd == -ENOENT && rest[strspn(rest, "/")] == '\0' ? push_rest(r, "", 0, "") : fd;
    struct stat st;
    char target[PATH_MAX];
    ssize_t length = 0;
    int rc = fstat(fd, &st) < 0 ? -errno : 0;
    if (rc == 0 && S_ISLNK(st.st_mode)) {
        length = readlinkat(fd, "", target, sizeof target);
        rc = length < 0 ? -errno : 0;
    }
    close(fd);
    if (rc < 0)
        return rc;
    if (!S_ISLNK(st.st_mode))
        return push_rest(r, "", 0, rest);
    if (++r->links > LINKS_MOST)
        return -ELOOP;
    r->done_length = target[0] == '/' ? 0 : before;
    return push_rest(r, target, (size_t)length, rest);
}

/* One component from rest to done. */
static int step(const struct view *view, struct resolution *r)
{
    const char *name = r->rest + strspn(r->rest, "/");
    size_t length = strcspn(name, "/");
    const char *rest = name + length;
    if (length == 0 || (length == 1 && name[0] == '.'))
        return push_rest(r, "", 0, rest);
    if (length == 2 && name[0] == '.' && name[1] == '.') {
        while (r->done_length > 0 && r->done[--r->done_length] != '/')
            ;
        return push_rest(r, "", 0, rest);
    }
    size_t before = r->done_length;
    if (before + 1 + length >= sizeof r->done)
        return -ENAMETOOLONG;
    r->done[r->done_length++] = '/';
    memcpy(r->done + r->done_length, name, length);
    r->done_length += length;
    r->done[r->done_length] = '\0';
    return look(view, r, before, rest);
}

static int32_t realpath_now(struct fs_posix *fs, const struct view *view,
                            const struct sp_fs_path *event)
{
    struct resolution r = {.done_length = 0};
    int rc = push_rest(&r, "", 0, event->path.len < PATH_MAX ? event->path.data : "");
    if (event->path.len >= PATH_MAX)
        rc = -ENAMETOOLONG;
    while (rc == 0 && r.rest[strspn(r.rest, "/")] != '\0')
        rc = step(view, &r);
    if (rc < 0)
        return reply_error(fs, &event->head, -rc);
    return reply_path(fs, &event->head,
                      r.done_length ? (struct sp_str){r.done, r.done_length} : sp_str_of("/"));
}
ON_POOL(fs_realpath, sp_fs_path, view, realpath_now)
