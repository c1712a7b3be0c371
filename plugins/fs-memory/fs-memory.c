/*
 * fs-memory.c: the plugin: a storage provider that keeps files in memory. Start reading here: this
 * file is the descriptor, the table of operations and attaching; provider.h says how operations
 * answer, files.c and names.c are the operations, and the rest is the tree that they work on.
 *
 * The manifest says "threading": "reactor": every function is called on the event loop, one at a
 * time, so there is no lock, and none may wait.
 */
#include "provider.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static struct tree *tree_new(struct sp_str name)
{
    struct tree *tree = calloc(1, sizeof *tree + name.len + 1);
    struct node *root = node_new(SP_FILE_DIRECTORY, 0755);
    if (!tree || !root) {
        free(tree);
        free(root);
        return NULL;
    }
    if (name.len)
        memcpy(tree->name, name.data, name.len);
    root->names = 1;
    tree->root = root;
    return tree;
}

/* The tree of a root, made if it is new. NULL: memory is out. */
static struct tree *tree_of(struct fs_memory *fs, struct sp_str root)
{
    struct tree *tree = fs->trees;
    while (tree && (strlen(tree->name) != root.len || memcmp(tree->name, root.data, root.len) != 0))
        tree = tree->next;
    if (tree)
        return tree;
    tree = tree_new(root);
    if (tree) {
        tree->next = fs->trees;
        fs->trees = tree;
    }
    return tree;
}

/* A view is a directory that counts as open, so that it outlives its name. */
static int32_t give_view(struct fs_memory *fs, const struct sp_event *event, struct node *top)
{
    top->opens++;
    if (reply_view(fs, event, top) < 0)
        top->opens--;
    return SP_PENDING;
}

/* A connection is about to use a mount. The handle of the reply comes back as view in every event
 * about it: here, the root of the tree. */
static int32_t attach(void *self, const struct sp_fs_attach *event)
{
    struct fs_memory *fs = self;
    struct tree *tree = tree_of(fs, event->root);
    return tree ? give_view(fs, &event->head, tree->root)
                : reply_status(fs, &event->head, SP_FS_FAILURE);
}

/* The same for a user who is kept in a directory below: that is what the view sees as "/". */
static int32_t attach_top(void *self, const struct sp_fs_attach *event)
{
    struct fs_memory *fs = self;
    struct tree *tree = tree_of(fs, event->root);
    struct place place;
    uint32_t status = tree ? walk(tree->root, event->top, true, &place) : SP_FS_FAILURE;
    if (status == SP_FS_OK && !place.node)
        status = SP_FS_NO_SUCH_FILE;
    if (status == SP_FS_OK && place.node->type != SP_FILE_DIRECTORY)
        status = SP_FS_NOT_A_DIRECTORY;
    return status == SP_FS_OK ? give_view(fs, &event->head, place.node)
                              : reply_status(fs, &event->head, status);
}

static int32_t detach(void *self, const struct sp_fs_path *event)
{
    struct fs_memory *fs = self;
    struct node *top = view_of(event->view);
    top->opens--;
    node_release(&fs->limits, top);
    return SP_OK;
}

static int32_t statvfs_path(void *self, const struct sp_fs_path *event)
{
    return reply_space(self, &event->head);
}

static int32_t statvfs_handle(void *self, const struct sp_fs_handle *event)
{
    return reply_space(self, &event->head);
}

static void destroy(void *arg)
{
    struct fs_memory *fs = arg;
    while (fs->trees) {
        struct tree *next = fs->trees->next;
        directory_destroy(&fs->limits, fs->trees->root);
        free(fs->trees);
        fs->trees = next;
    }
    free(fs);
}

/* The host has checked config_json against the manifest and filled in the defaults. */
static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct fs_memory *fs = calloc(1, sizeof *fs);
    if (!fs)
        return SP_E_NOMEM;
    json_t *config = json_loads(config_json, 0, NULL);
    fs->host = host;
    fs->limits.bytes_most = (uint64_t)json_integer_value(json_object_get(config, "max_bytes"));
    fs->limits.files_most = (uint64_t)json_integer_value(json_object_get(config, "max_files"));
    json_decref(config);
    *ret_self = fs;
    return 0;
}

static const struct sp_fs_v1 table = {
    .struct_size = sizeof table,
    .attach = attach,
    .detach = detach,
    .open = fs_open,
    .close = fs_close,
    .read = fs_read,
    .write = fs_write,
    .fstat = fs_fstat,
    .fsetstat = fs_fsetstat,
    .fsync = fs_fsync,
    .fstatvfs = statvfs_handle,
    .stat = fs_stat,
    .setstat = fs_setstat,
    .opendir = fs_opendir,
    .readdir = fs_readdir,
    .closedir = fs_closedir,
    .mkdir = fs_mkdir,
    .rmdir = fs_rmdir,
    .remove = fs_remove,
    .rename = fs_rename,
    .link = fs_link,
    .symlink = fs_symlink,
    .readlink = fs_readlink,
    .realpath = fs_realpath,
    .statvfs = statvfs_path,
    .copy = fs_copy,
    .lock = fs_lock,
    .unlock = fs_unlock,
    .attach_top = attach_top,
};

static const struct sp_interface interfaces[] = {{SP_FS_INTERFACE, &table}, {NULL, NULL}};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = "fs-memory",
    .version = "0.1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
};
