/*
 * view.c: roots. A connection attaches to one and gets a view of it. Slots on the reactor, the rest
 * on the pool.
 */
#include "fs_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINKS_MOST 40u

void view_free(struct view *view)
{
    close(view->root_fd);
    identity_clear(&view->identity);
    free(view);
}

/* --- the root ---------------------------------------------------------------------------------
 *
 * Where one root lies within another, users can put a symbolic link in its place, so a root is not
 * looked for behind a link that they could have made. It is descended to one directory at a time:
 * nobody can swap one for a link between the look and the opening. */

struct descent {
    char rest[PATH_MAX]; /* what is still to go, from the directory that was reached */
    unsigned links;
    bool creates;
    const struct identity *owner; /* of what is created at the end */
    uid_t user;                   /* who acts on files then */
};

/* A directory, or a symbolic link itself. O_DIRECTORY, where it can be, has automounters mount. */
static int open_component(int dir_fd, const char *name)
{
    int fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOTDIR)
        fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int make_component(int dir_fd, const char *name, const struct identity *owner)
{
    bool is_new = mkdirat(dir_fd, name, 0700) == 0;
    int fd = is_new || errno == EEXIST ? open_component(dir_fd, name) : -errno;
    if (fd < 0 || !is_new || !owner || !owner->is_other ||
        fchownat(fd, "", owner->uid, owner->gid, AT_EMPTY_PATH) == 0)
        return fd;
    int error = errno;
    close(fd);
    return -error;
}

/* Could users have made it? A process that is root serves many accounts: root's links alone are not
 * theirs. */
static bool is_of_users(const struct descent *d, uid_t owner)
{
    return owner == d->user || (geteuid() == 0 && owner != 0);
}

/* The link's text comes before what is still to go. */
static int take_link(struct descent *d, int fd, uid_t owner)
{
    char text[PATH_MAX];
    if (is_of_users(d, owner))
        return -LINK_OF_USERS;
    if (++d->links > LINKS_MOST)
        return -ELOOP;
    ssize_t length = readlinkat(fd, "", text, sizeof text);
    size_t left = strlen(d->rest);
    if (length < 0)
        return -errno;
    if ((size_t)length + 1 + left >= sizeof d->rest)
        return -ENAMETOOLONG;
    memmove(d->rest + length + 1, d->rest, left + 1);
    memcpy(d->rest, text, (size_t)length);
    d->rest[length] = '/';
    return 0;
}

static bool is_at_end(const struct descent *d)
{
    return d->rest[strspn(d->rest, "/")] == '\0';
}

static int open_top(void)
{
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* From a directory to the next, or to where a link leads. */
static int step_down(struct descent *d, int dir_fd)
{
    char name[NAME_MAX + 1];
    const char *next = d->rest + strspn(d->rest, "/");
    size_t length = strcspn(next, "/");
    struct stat st;
    if (length >= sizeof name)
        return -ENAMETOOLONG;
    memcpy(name, next, length);
    name[length] = '\0';
    memmove(d->rest, next + length, strlen(next + length) + 1);
    int fd = open_component(dir_fd, name);
    if (fd == -ENOENT && d->creates)
        fd = make_component(dir_fd, name, is_at_end(d) ? d->owner : NULL);
    if (fd < 0)
        return fd;
    int rc = fstat(fd, &st) < 0 ? -errno : 0;
    if (rc == 0 && S_ISDIR(st.st_mode))
        return fd;
    if (rc == 0)
        rc = S_ISLNK(st.st_mode) ? take_link(d, fd, st.st_uid) : -ENOTDIR;
    close(fd);
    if (rc < 0)
        return rc;
    fd = d->rest[0] == '/' ? open_top() : fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
    return fd == -1 ? -errno : fd;
}

static int open_root(const struct fs_posix *fs, const char *path, const struct identity *identity)
{
    struct descent d = {
        .creates = fs->create_root,
        .owner = identity,
        .user = identity->is_other ? identity->uid : geteuid(),
    };
    if (strlen(path) >= sizeof d.rest)
        return -ENAMETOOLONG;
    strcpy(d.rest, path);
    int fd = open_top();
    while (fd >= 0 && !is_at_end(&d)) {
        int below = step_down(&d, fd);
        close(fd);
        fd = below;
    }
    return fd;
}

/* EPERM: filters of old container runtimes answer so for calls that they do not know. */
static bool kernel_has_openat2(int root_fd)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    long fd = syscall(SYS_openat2, root_fd, ".", &how, sizeof how);
    if (fd >= 0)
        close((int)fd);
    return fd >= 0 || (errno != ENOSYS && errno != EPERM);
}

/* The directory becomes the root of the view: whoever may put links above it cannot widen the
 * view, which has a descriptor of the directory from here on. */
static int lower_root(struct view *view, struct sp_str top)
{
    int fd = jail_open(view, top, O_PATH | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    close(view->root_fd);
    view->root_fd = fd;
    return 0;
}

/* The view takes the identity over, unless it fails. */
static int view_new(const struct fs_posix *fs, const char *path, struct sp_str top,
                    const struct identity *identity, struct view **ret_view)
{
    int fd = open_root(fs, path, identity);
    if (fd < 0)
        return fd;
    struct view *view = calloc(1, sizeof *view);
    if (!view) {
        close(fd);
        return -ENOMEM;
    }
    view->root_fd = fd;
    view->walk = !kernel_has_openat2(fd);
    int rc = top.len > 0 ? lower_root(view, top) : 0;
    if (rc < 0) {
        view_free(view);
        return rc;
    }
    view->identity = *identity;
    view->locality = locality_of(view->root_fd);
    *ret_view = view;
    return 0;
}

/* "": none */
static const char *system_user_of(const struct sp_event *event)
{
    const struct sp_grant *grant = event->connection ? event->connection->grant : NULL;
    return grant && grant->system_user.len ? grant->system_user.data : "";
}

static int32_t refuse_account(const struct fs_posix *fs, const struct sp_event *event, int rc)
{
    char text[512];
    snprintf(text, sizeof text, "the user's system_user \"%.256s\" cannot be acted as: %s",
             system_user_of(event),
             rc == -ENOENT   ? "there is no such account"
             : rc == -EINVAL ? "the grant names none, and require_account is set"
             : rc == -EPERM  ? "that takes root, with the right to change its user"
                             : strerrordesc_np(-rc));
    fs->host->log(fs->host, SP_LOG_ERROR, sp_str_of(text));
    return reply_status(fs, event, SP_FS_FAILURE, "The server has no account for you");
}

static int32_t attach_at(struct fs_posix *fs, const struct sp_fs_attach *event, struct sp_str top)
{
    const struct sp_event *head = &event->head;
    const char *root = event->root.len ? event->root.data : fs->root;
    if (root[0] != '/') {
        fs->host->log(fs->host, SP_LOG_ERROR,
                      sp_str_of("no absolute root: set it at the mount, in the user's grant or in "
                                "this plugin's configuration"));
        return reply_status(fs, head, SP_FS_FAILURE, "The server has no directory for you");
    }
    struct identity identity;
    int rc = identity_find(system_user_of(head), fs->require_account, &identity);
    if (rc < 0)
        return refuse_account(fs, head, rc);
    struct view *view = NULL;
    rc = view_new(fs, root, top, &identity, &view);
    if (rc < 0) {
        identity_clear(&identity);
        char text[512];
        snprintf(
            text, sizeof text, "cannot open the root %s%s: %s", root, top.len > 0 ? top.data : "",
            rc == -LINK_OF_USERS ? "it passes through a symbolic link of those who are served, "
                                   "which may lead anywhere: name the directory itself"
                                 : strerrordesc_np(-rc));
        fs->host->log(fs->host, SP_LOG_ERROR, sp_str_of(text));
        return reply_error(fs, head, rc == -LINK_OF_USERS ? ELOOP : -rc);
    }
    if (reply_view(fs, head, view) < 0)
        view_free(view);
    return SP_PENDING;
}

static int32_t attach_now(void *self, const struct sp_event *event)
{
    return attach_at(self, (const struct sp_fs_attach *)event, sp_str_of(""));
}

static int32_t attach_top_now(void *self, const struct sp_event *head)
{
    const struct sp_fs_attach *event = (const struct sp_fs_attach *)head;
    return attach_at(self, event, event->top);
}

int32_t fs_attach(void *self, const struct sp_fs_attach *event)
{
    struct fs_posix *fs = self;
    return fs->host->run_blocking(fs->host, event->head.token, attach_now);
}

int32_t fs_attach_top(void *self, const struct sp_fs_attach *event)
{
    struct fs_posix *fs = self;
    return fs->host->run_blocking(fs->host, event->head.token, attach_top_now);
}

int32_t fs_detach(void *self, const struct sp_fs_path *event)
{
    (void)self;
    view_free((struct view *)(uintptr_t)event->view);
    return SP_OK;
}
