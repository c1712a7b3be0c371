/*
 * view.c: roots. A connection attaches to one and gets a view of it. Slots on the reactor, the rest
 * on the pool.
 */
#include "fs_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void view_free(struct view *view)
{
    close(view->root_fd);
    identity_clear(&view->identity);
    free(view);
}

/* The directory and all above it, as far as they are missing; it belongs to the user. */
static int create_directories(const char *path, const struct identity *owner)
{
    char *copy = strdup(path);
    int rc = copy ? 0 : -ENOMEM;
    for (char *p = copy ? strchr(copy + 1, '/') : NULL; rc == 0 && p; p = strchr(p + 1, '/')) {
        *p = '\0';
        rc = mkdir(copy, 0700) < 0 && errno != EEXIST ? -errno : 0;
        *p = '/';
    }
    if (rc == 0 && mkdir(copy, 0700) < 0)
        rc = errno == EEXIST ? 0 : -errno;
    else if (rc == 0 && owner->is_other)
        rc = lchown(copy, owner->uid, owner->gid) < 0 ? -errno : 0;
    free(copy);
    return rc;
}

static int open_root(const struct fs_posix *fs, const char *path, const struct identity *owner)
{
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && fs->create_root) {
        int rc = create_directories(path, owner);
        if (rc < 0)
            return rc;
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
    return fd < 0 ? -errno : fd;
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
        snprintf(text, sizeof text, "cannot open the root %s%s: %s", root,
                 top.len > 0 ? top.data : "", strerrordesc_np(-rc));
        fs->host->log(fs->host, SP_LOG_ERROR, sp_str_of(text));
        return reply_error(fs, head, -rc);
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
