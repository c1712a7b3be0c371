/*
 * storage.h: one operation asked of a storage provider: the call, its event, and the attaching that
 * must come before it. Used by the engine and by scp, and the only way from here to a provider.
 * Reactor thread.
 */
#ifndef SALLYPORT_SFTP_STORAGE_H
#define SALLYPORT_SFTP_STORAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <sallyport/fs.h>

#include "base/list.h"
#include "plugin/call.h"
#include "sftp/tree.h"

/* What every event of an operation begins with, attach apart. */
struct sftp_event_head {
    struct sp_event head;
    uint64_t view;
};

enum sftp_call_state {
    SFTP_CALL_IDLE,
    SFTP_CALL_WAITING,  /* for attach */
    SFTP_CALL_UNDER_WAY /* until on_release */
};

struct sftp_call {
    /* The caller's part: see sftp_call_start(). */
    /* reply is never NULL; its fields are zero where the provider gave none. It lives until
     * on_answer returns. */
    void (*on_answer)(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply);
    /* The provider is finished with the memory. */
    void (*on_release)(struct sftp_call *call);
    void *owner;

    struct plugin_call call;
    union {
        struct sftp_event_head common;
        struct sp_fs_path path;
        struct sp_fs_pair pair;
        struct sp_fs_create create;
        struct sp_fs_handle handle;
        struct sp_fs_io io;
        struct sp_fs_copy copy;
        struct sp_fs_lock lock;
        struct sp_fs_hash hash;
        struct sp_fs_principals principals;
    } event;
    struct sftp_tree *tree;
    struct sftp_mount *mount;
    struct list link; /* in mount->waiting */
    enum sftp_call_state state;
    bool has_timed_out; /* with on_answer: the provider may still be at it */
};

/* Fill in the event. Text and attributes must stay until on_release. */
void sftp_call_path(struct sftp_call *call, const char *path, uint32_t flags);
void sftp_call_pair(struct sftp_call *call, const char *path, const char *target, uint32_t flags);
void sftp_call_create(struct sftp_call *call, const char *path, uint32_t flags,
                      const struct sp_fs_attributes *attributes);
void sftp_call_handle(struct sftp_call *call, uint64_t handle, uint64_t count,
                      const struct sp_fs_attributes *attributes);
void sftp_call_io(struct sftp_call *call, uint64_t handle, uint64_t offset, void *buffer,
                  uint64_t length);
void sftp_call_copy(struct sftp_call *call, const struct sp_fs_copy *copy);
void sftp_call_lock(struct sftp_call *call, const struct sp_fs_lock *lock);
void sftp_call_hash(struct sftp_call *call, const struct sp_fs_hash *hash);
void sftp_call_principals(struct sftp_call *call, const struct sp_fs_principal *principals,
                          uint64_t count);

/* Ask; PLUGIN_FS_attach is to do no more than attach. on_answer comes exactly once, then
 * on_release, perhaps both before this returns, and both may free the call: do not touch it after.
 */
void sftp_call_start(struct sftp_call *call, struct sftp_tree *tree, struct sftp_mount *mount,
                     enum plugin_operation operation);
/* No on_answer after this; on_release comes, perhaps before this returns. Nothing if idle. */
void sftp_call_cancel(struct sftp_call *call);

/* The user of the tree is gone: for sftp_tree_unref() only. */
void sftp_mount_detach(struct sftp_tree *tree, struct sftp_mount *mount);

#endif
