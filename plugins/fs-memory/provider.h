/*
 * provider.h: between the tree and the host: an instance, its handles, its answers.
 *
 * An operation that has nothing to hand over returns SP_OK. One that has, and one that fails with
 * more to say than "failure", gives a reply to the host's complete() and returns SP_PENDING: the
 * functions below do both, so a slot ends with "return reply_…()".
 */
#ifndef FS_MEMORY_PROVIDER_H
#define FS_MEMORY_PROVIDER_H

#include "fs_memory.h"

/* Roots are words here: each names a tree of its own, and connections with the same root share it.
 */
struct tree {
    struct tree *next;
    struct node *root;
    char name[];
};

struct fs_memory {
    const struct sp_host *host;
    struct limits limits;
    struct tree *trees;
};

struct lock {
    struct lock *next;
    uint64_t offset;
    uint64_t end;
    uint64_t length; /* as the client gave it */
    uint32_t flags;  /* SP_LOCK_* */
};

/* What a client has open. Its address is the handle that the core gives back. */
struct handle {
    struct node *node;
    uint32_t flags;       /* SP_OPEN_* */
    struct cursor cursor; /* directory */
    struct handle *next;  /* of the same file */
    struct lock *locks;
    uint32_t locks_count;
    /* With SP_OPEN_DELETE_ON_CLOSE: the name to delete. */
    struct node *directory;
    struct sp_str name;
};

/* An id that the core gives back is what it was given: a pointer. */
static inline struct node *view_of(uint64_t id)
{
    return (struct node *)(uintptr_t)id;
}

static inline struct handle *handle_of(uint64_t id)
{
    return (struct handle *)(uintptr_t)id;
}

/* reply.c */
int32_t reply_status(const struct fs_memory *fs, const struct sp_event *event, uint32_t status);
int32_t reply_count(const struct fs_memory *fs, const struct sp_event *event, uint64_t count,
                    bool eof);
int32_t reply_attributes(const struct fs_memory *fs, const struct sp_event *event,
                         const struct node *node);
int32_t reply_space(const struct fs_memory *fs, const struct sp_event *event);
int32_t reply_path(const struct fs_memory *fs, const struct sp_event *event, struct sp_str path);
/* 0, or negative if the client has gone: the handle will not be asked for again. */
int32_t reply_handle(const struct fs_memory *fs, const struct sp_event *event, const void *handle);
/* The answer to attach: as well, what can be asked of this provider. */
int32_t reply_view(const struct fs_memory *fs, const struct sp_event *event, const void *view);

/* attributes.c */
extern const struct sp_fs_support support;
/* What they point to is the node's. */
struct sp_fs_attributes attributes_of(const struct node *node);
/* SP_FS_OK, or why not. */
uint32_t attributes_set(struct limits *limits, struct node *node,
                        const struct sp_fs_attributes *attributes);

/* access.c: who may do what at the same time: locks, and what an open file keeps others from. An
 * action is one of SP_LOCK_READ, WRITE, DELETE. SP_FS_OK, or why not. */

/* May a handle with these flags be opened beside the others? */
uint32_t access_open(const struct node *file, uint32_t flags);
void access_begin(struct handle *handle);
void access_end(struct handle *handle);
/* May handle (NULL: somebody without one) do this to the range? length 0: to the end. */
uint32_t access_check(const struct node *file, const struct handle *handle, uint32_t action,
                      uint64_t offset, uint64_t length);
int32_t fs_lock(void *self, const struct sp_fs_lock *event);
int32_t fs_unlock(void *self, const struct sp_fs_lock *event);

/* files.c: what is open. names.c: what has a name. */
int32_t fs_open(void *self, const struct sp_fs_create *event);
int32_t fs_close(void *self, const struct sp_fs_handle *event);
int32_t fs_read(void *self, const struct sp_fs_io *event);
int32_t fs_write(void *self, const struct sp_fs_io *event);
int32_t fs_fstat(void *self, const struct sp_fs_handle *event);
int32_t fs_fsetstat(void *self, const struct sp_fs_handle *event);
int32_t fs_fsync(void *self, const struct sp_fs_handle *event);
int32_t fs_opendir(void *self, const struct sp_fs_path *event);
int32_t fs_readdir(void *self, const struct sp_fs_handle *event);
int32_t fs_closedir(void *self, const struct sp_fs_handle *event);
int32_t fs_copy(void *self, const struct sp_fs_copy *event);
int32_t fs_stat(void *self, const struct sp_fs_path *event);
int32_t fs_setstat(void *self, const struct sp_fs_create *event);
int32_t fs_mkdir(void *self, const struct sp_fs_create *event);
int32_t fs_rmdir(void *self, const struct sp_fs_path *event);
int32_t fs_remove(void *self, const struct sp_fs_path *event);
int32_t fs_rename(void *self, const struct sp_fs_pair *event);
int32_t fs_link(void *self, const struct sp_fs_pair *event);
int32_t fs_symlink(void *self, const struct sp_fs_pair *event);
int32_t fs_readlink(void *self, const struct sp_fs_path *event);
int32_t fs_realpath(void *self, const struct sp_fs_path *event);

#endif
