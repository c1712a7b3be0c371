/*
 * fs_posix.h: what the files of this plugin share.
 *
 * A view is one connection's use of a root; a handle is one open file or directory. The core closes
 * a handle, and detaches from a view, only when nothing that was asked of it is still under way,
 * answers that come too late included. So nothing here is counted.
 */
#ifndef FS_POSIX_H
#define FS_POSIX_H

#include <dirent.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include <sallyport/plugin.h>

#include "identity.h"
#include "names.h"

/* Errors that the system has no number for; beside those of errno. */
enum { NO_PRINCIPAL = 4096, NO_OWNER, NO_GROUP, NO_SUCH_ACL, LINK_OF_USERS };

struct copy_job;

struct fs_posix {
    const struct sp_host *host;
    char *root; /* "" if none is configured */
    bool create_root;
    bool require_account;
    mode_t file_mode;
    mode_t directory_mode;
    struct names *names;
    pthread_mutex_t copies_lock;
    struct copy_job *copies; /* under way, for cancel */
};

/* What a call on a file system may wait for. */
enum locality {
    MAY_BE_REMOTE, /* or is not known */
    IS_LOCAL,      /* a disk, unless the kernel has it in memory */
    IS_IN_MEMORY,  /* nothing */
};

struct view {
    enum locality locality; /* of the root */
    int root_fd;
    bool walk; /* the kernel has no openat2() */
    struct identity identity;
};

/* lock.c */
struct lock;

struct handle {
    int fd;
    DIR *stream;    /* of a directory; owns fd */
    uint32_t flags; /* SP_OPEN_* */
    struct lock *locks;
    enum locality locality;
    bool is_written_on_pool; /* as somebody else than the process: quotas are that user's */
    /* Reactor thread: the file system cannot tell beforehand that a call would wait. */
    bool no_read_nowait;
    bool no_write_nowait;
};

/* jail.c: every path goes through here. Pool threads, but for what says otherwise. */

/* Open path below the view's root, wherever its symbolic links point. A descriptor or -errno. */
int jail_open(const struct view *view, struct sp_str path, int flags, mode_t mode);
/* The same at once, on the reactor: where that would wait, or could lead to another file system,
 * -EAGAIN. Nothing is created. */
int jail_open_at_once(const struct view *view, struct sp_str path, int flags);
/* Opening a device may do something to it, wait for it, or both: so look first. fd is of O_PATH,
 * which does nothing, and is closed, or negative. 0 for a regular file, or -errno. What comes
 * between this and the opening is met by the flags of that, and refused after. */
int jail_look(int fd);
/* Open the directory that holds path's last component. A descriptor or -errno; -EBUSY for "/".
 * *ret_last points into path. */
int jail_parent(const struct view *view, struct sp_str path, const char **ret_last);

/* reply.c: answers. Any thread. Each returns what the operation is to return. */

int32_t reply_error(const struct fs_posix *fs, const struct sp_event *event, int error);
int32_t reply_status(const struct fs_posix *fs, const struct sp_event *event, uint32_t status,
                     const char *text);
/* 0 or -errno */
int32_t reply_result(const struct fs_posix *fs, const struct sp_event *event, int rc);
int32_t reply_count(const struct fs_posix *fs, const struct sp_event *event, uint64_t count,
                    bool eof);
/* wanted as in struct sp_fs_path */
int32_t reply_attributes(const struct fs_posix *fs, const struct sp_event *event, int fd,
                         uint32_t wanted);
int32_t reply_space(const struct fs_posix *fs, const struct sp_event *event, int fd);
int32_t reply_path(const struct fs_posix *fs, const struct sp_event *event, struct sp_str path);
/* 0, or negative if nobody waits any more: what the handle stands for must be given back. */
int32_t reply_handle(const struct fs_posix *fs, const struct sp_event *event, const void *handle);
/* The same of a view. */
int32_t reply_view(const struct fs_posix *fs, const struct sp_event *event, const void *view);

/* attributes.c: pool threads; others if nothing is wanted that attributes_are_slow() and the file
 * system is local. 0 or -errno. */

/* Whether to tell these takes more than one call. */
bool attributes_are_slow(uint32_t wanted);

/* Of name in the directory fd, not following a link; of fd itself if name is "". Then to be given
 * to attributes_clear(). */
int attributes_get(const struct fs_posix *fs, int fd, const char *name, uint32_t wanted,
                   struct sp_fs_attributes *ret_attributes);
void attributes_clear(struct sp_fs_attributes *attributes);
/* All but the size. fd may be O_PATH. */
int attributes_set(int fd, bool is_path, const struct sp_fs_attributes *attributes);
/* What can be asked for and set, in the answer to attach. */
extern const struct sp_fs_support attributes_support;

/* locality.c: any thread. */
enum locality locality_of(int fd);
/* May questions about names be tried on the reactor first? */
bool view_is_quick(const struct view *view);

/* lock.c */
void locks_free(struct lock *locks);

/* handle.c: open files. view.c: roots. tree.c: names. directory.c: listings. copy.c. lock.c. The
 * functions of the table come in pairs: the slot, on the reactor, and what it runs on the pool. */

void view_free(struct view *view);
void handle_free(struct handle *handle);
/* NULL: memory is out; fd and stream remain the caller's. */
struct handle *handle_new(int fd, DIR *stream);

int32_t fs_attach(void *self, const struct sp_fs_attach *event);
int32_t fs_attach_top(void *self, const struct sp_fs_attach *event);
int32_t fs_detach(void *self, const struct sp_fs_path *event);
int32_t fs_open(void *self, const struct sp_fs_create *event);
int32_t fs_close(void *self, const struct sp_fs_handle *event);
int32_t fs_read(void *self, const struct sp_fs_io *event);
int32_t fs_write(void *self, const struct sp_fs_io *event);
int32_t stat_on_pool(void *self, const struct sp_fs_path *event);
int32_t open_on_pool(void *self, const struct sp_fs_create *event);
int32_t close_on_pool(void *self, const struct sp_fs_handle *event);
int32_t fstat_on_pool(void *self, const struct sp_fs_handle *event);
int32_t read_on_pool(void *self, const struct sp_fs_io *event);
int32_t write_on_pool(void *self, const struct sp_fs_io *event);
int32_t fs_fstat(void *self, const struct sp_fs_handle *event);
int32_t fs_fsetstat(void *self, const struct sp_fs_handle *event);
int32_t fs_fsync(void *self, const struct sp_fs_handle *event);
int32_t fs_fstatvfs(void *self, const struct sp_fs_handle *event);
int32_t fs_stat(void *self, const struct sp_fs_path *event);
int32_t fs_setstat(void *self, const struct sp_fs_create *event);
int32_t fs_opendir(void *self, const struct sp_fs_path *event);
int32_t fs_readdir(void *self, const struct sp_fs_handle *event);
int32_t fs_mkdir(void *self, const struct sp_fs_create *event);
int32_t fs_rmdir(void *self, const struct sp_fs_path *event);
int32_t fs_remove(void *self, const struct sp_fs_path *event);
int32_t fs_rename(void *self, const struct sp_fs_pair *event);
int32_t fs_link(void *self, const struct sp_fs_pair *event);
int32_t fs_symlink(void *self, const struct sp_fs_pair *event);
int32_t fs_readlink(void *self, const struct sp_fs_path *event);
int32_t fs_realpath(void *self, const struct sp_fs_path *event);
int32_t fs_statvfs(void *self, const struct sp_fs_path *event);
int32_t fs_copy(void *self, const struct sp_fs_copy *event);
int32_t fs_lock(void *self, const struct sp_fs_lock *event);
int32_t fs_unlock(void *self, const struct sp_fs_lock *event);
int32_t fs_principals(void *self, const struct sp_fs_principals *event);
void fs_cancel(void *self, sp_token token);

/*
 * A slot that does all its work on the pool: ON_POOL(fs_stat, sp_fs_path, view, stat_now) makes
 * fs_stat(), which has stat_now() run with what the event's "view" stands for, as the view's user.
 */
#define ON_POOL(slot, type, object, work)                                                          \
    static int32_t slot##_run(void *self, const struct sp_event *head)                             \
    {                                                                                              \
        const struct type *event = (const struct type *)head;                                      \
        const struct view *view_ = (const struct view *)(uintptr_t)event->view;                    \
        struct object *object_ = (struct object *)(uintptr_t)event->object;                        \
        identity_assume(&view_->identity);                                                         \
        int32_t verdict = work(self, object_, event);                                              \
        identity_drop(&view_->identity);                                                           \
        return verdict;                                                                            \
    }                                                                                              \
    int32_t slot(void *self, const struct type *event)                                             \
    {                                                                                              \
        struct fs_posix *fs = self;                                                                \
        return fs->host->run_blocking(fs->host, event->head.token, slot##_run);                    \
    }

#endif
