/*
 * tree.h: the files of a user as one channel sees them: mounts, home, and what is read-only. Turns
 * what a client calls a file into a mount and a path below it, by text alone.
 *
 * One tree belongs to each SFTP or scp channel; it outlives the channel until the provider is done
 * with it. Reactor thread.
 */
#ifndef SALLYPORT_SFTP_TREE_H
#define SALLYPORT_SFTP_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include <sallyport/fs.h>
#include <sallyport/plugin.h>

#include "base/list.h"
#include "base/vpath.h"
#include "config/config.h"
#include "plugin/call.h"
#include "session/session.h"
#include "sftp/hooks.h"

enum sftp_view { SFTP_VIEW_NONE, SFTP_VIEW_ATTACHING, SFTP_VIEW_ATTACHED };

/* A mount in use by this tree, for one life of its provider: one that is started anew in a process
 * of its own is another mount. */
struct sftp_mount {
    const struct config_mount *config;
    struct plugin_instance *instance; /* NULL: the configuration names none that is there */
    const char *path;   /* in the tree: as configured, or the home it is narrowed to */
    struct sp_str root; /* for the provider … */
    char *made_root;    /* … if it is not somebody else's text */
    const char *top; /* a directory below that root which the provider takes as top; NULL: none */
    size_t within;   /* the place in the order of the mount that this one lies in … */
#define SFTP_NO_MOUNT SIZE_MAX /* … or none */
    bool is_kept_by_names;     /* the user is restricted to a home, which the provider cannot do */
    bool is_silent;            /* the provider missed a deadline, and has not answered since */
    uint64_t view;             /* what attach gave … */
    uint32_t epoch;            /* … and the provider's life in which it did */
    struct sp_fs_support support; /* as attach told it; until then, the least */
    enum sftp_view state;
    struct list waiting; /* struct sftp_call: for attach */
    struct list link;    /* tree->former */
};

struct sftp_tree {
    uint32_t references;
    bool is_read_only;
    bool is_restricted;      /* home is the user's "/" */
    struct session *session; /* NULL once the channel is gone */
    const struct config *config;
    struct reactor *reactor;
    const struct sp_connection *connection;
    struct plugin_strands *strands;
    struct sftp_hooks hooks;
    sp_id channel;
    uint64_t acts, files; /* so far: each has its number */
    char *home;           /* a path of the tree, "/" if none is granted */
    struct list made;     /* what the channel has left on write-only mounts: see access.c */
    uint32_t made_count;
    size_t mounts_count;
    struct sftp_mount **mounts; /* in the order of sftp_mounts_compare() */
    struct list former;         /* mounts of provider's lives that are over: handles know them */
};

/* A path and where it leads. path is of the whole tree, home included. */
struct sftp_place {
    const char *path;
    struct sftp_mount *mount; /* NULL: no mount holds it */
    const char *below;        /* as the provider knows it; NULL without a mount */
    bool is_mount_point;
    bool is_above_mount; /* a mount lies below it: it exists, whatever a provider says */
};

/* NULL: out of memory. One reference. */
struct sftp_tree *sftp_tree_new(struct channel *channel);
void sftp_tree_ref(struct sftp_tree *tree);
/* The last reference detaches from the providers. */
void sftp_tree_unref(struct sftp_tree *tree);

/* The path in the tree that the user means by name. SP_FS_OK or SP_FS_INVALID_FILENAME. */
uint32_t sftp_tree_resolve(const struct sftp_tree *tree, struct sp_str name, char out[VPATH_MAX]);
/* Where path, made by sftp_tree_resolve, leads. */
void sftp_tree_locate(struct sftp_tree *tree, const char *path, struct sftp_place *ret_place);
/* path as the user knows it (within path), or NULL if it lies outside of what the user may see. */
const char *sftp_tree_shown(const struct sftp_tree *tree, const char *path);
/* "~", "~/x", "~user", "~user/x" as a name to resolve, written to out. Others are copied as they
 * are. SP_FS_OK, SP_FS_NO_SUCH_FILE for somebody else's home, SP_FS_INVALID_FILENAME. */
uint32_t sftp_tree_expand(const struct sftp_tree *tree, struct sp_str name, char out[VPATH_MAX]);

/* The names directly below directory that mounts make, each once: one for each call, from *cursor
 * on, which starts at 0. False: no more. */
bool sftp_tree_next_mount(const struct sftp_tree *tree, const char *directory, size_t *cursor,
                          struct sp_str *ret_name);
/* True if a mount makes name appear in directory. */
bool sftp_tree_has_mount(const struct sftp_tree *tree, const char *directory, struct sp_str name);

/* What any of the mounts' providers can do. */
void sftp_tree_support(const struct sftp_tree *tree, struct sp_fs_support *ret_support);
/* True if any mount's provider offers the operation. */
bool sftp_tree_offers(const struct sftp_tree *tree, enum plugin_operation operation);
/* The attributes of a directory that exists only because mounts lie below it. */
void sftp_tree_synthetic_attributes(struct sp_fs_attributes *ret_attributes);

#endif
