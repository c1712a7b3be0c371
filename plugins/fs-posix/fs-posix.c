/*
 * fs-posix.c: the plugin: a storage provider that serves a directory of the server. Descriptor and
 * configuration; the work is in the other files.
 *
 * "threading" is "reactor": each slot is called on the event loop. What may wait for a disk is
 * handed to run_blocking(); only what is known not to wait is done at once.
 */
#include "fs_posix.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void destroy(void *arg)
{
    struct fs_posix *fs = arg;
    pthread_mutex_destroy(&fs->copies_lock);
    names_free(fs->names);
    free(fs->root);
    free(fs);
}

static mode_t mode_of(const json_t *config, const char *key)
{
    const char *text = json_string_value(json_object_get(config, key));
    return text ? (mode_t)strtoul(text, NULL, 8) : 0;
}

static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct fs_posix *fs = calloc(1, sizeof *fs);
    if (!fs)
        return SP_E_NOMEM;
    fs->host = host;
    pthread_mutex_init(&fs->copies_lock, NULL);
    json_t *config = json_loads(config_json, 0, NULL);
    const char *root = json_string_value(json_object_get(config, "root"));
    fs->root = strdup(root ? root : "");
    fs->create_root = json_is_true(json_object_get(config, "create_root"));
    fs->require_account = json_is_true(json_object_get(config, "require_account"));
    fs->file_mode = mode_of(config, "file_mode");
    fs->directory_mode = mode_of(config, "directory_mode");
    json_decref(config);
    fs->names = names_new(host);
    if (!fs->root || !fs->names) {
        destroy(fs);
        return SP_E_NOMEM;
    }
    *ret_self = fs;
    return 0;
}

static const struct sp_fs_v1 table = {
    .struct_size = sizeof table,
    .attach = fs_attach,
    .attach_top = fs_attach_top,
    .detach = fs_detach,
    .open = fs_open,
    .close = fs_close,
    .read = fs_read,
    .write = fs_write,
    .fstat = fs_fstat,
    .fsetstat = fs_fsetstat,
    .fsync = fs_fsync,
    .fstatvfs = fs_fstatvfs,
    .stat = fs_stat,
    .setstat = fs_setstat,
    .opendir = fs_opendir,
    .readdir = fs_readdir,
    .closedir = fs_close,
    .mkdir = fs_mkdir,
    .rmdir = fs_rmdir,
    .remove = fs_remove,
    .rename = fs_rename,
    .link = fs_link,
    .symlink = fs_symlink,
    .readlink = fs_readlink,
    .realpath = fs_realpath,
    .statvfs = fs_statvfs,
    .copy = fs_copy,
    .lock = fs_lock,
    .unlock = fs_unlock,
    .principals = fs_principals,
};

static const struct sp_interface interfaces[] = {{SP_FS_INTERFACE, &table}, {NULL, NULL}};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = "fs-posix",
    .version = "0.1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
    .cancel = fs_cancel,
};
