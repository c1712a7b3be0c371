/*
 * operations.c: the table of operations, and the one answer to whether a user may do one. See
 * operations.h.
 */
#include "sftp/operations.h"

#include <string.h>

#include "sftp/access.h"
#include "sftp/codec_extensions.h"
#include "sftp/digest.h"
#include "sftp/execute.h"

#define FILES .permit = SP_PERMIT_SFTP
#define EXTENSION(n, v) .type = SFTP_EXTENDED, .extension = (n), .extension_version = (v)

static const struct sftp_operation operations[SFTP_OP_COUNT] = {
    [SFTP_OP_OPEN] = {"open", SFTP_OPEN, FILES, .changes = SFTP_CHANGES_IF_OPENED_SO,
                      .family = SP_SFTP_OPEN, .provider = PLUGIN_FS_open,
                      .subject = SFTP_SUBJECT_PATH, .answer = SFTP_ANSWER_HANDLE,
                      .may_not_be_dropped = true, .decode = sftp_get_open,
                      .execute = sftp_execute_open},
    [SFTP_OP_CLOSE] = {"close", SFTP_CLOSE, FILES, .family = SP_SFTP_CLOSE,
                       .provider = PLUGIN_FS_close, .subject = SFTP_SUBJECT_EITHER,
                       .answer = SFTP_ANSWER_STATUS, .takes_mountless = true,
                       .may_not_be_dropped = true, .decode = sftp_get_handle,
                       .execute = sftp_execute_close},
    [SFTP_OP_READ] = {"read", SFTP_READ, FILES, .family = SP_SFTP_READ, .provider = PLUGIN_FS_read,
                      .subject = SFTP_SUBJECT_FILE, .answer = SFTP_ANSWER_DATA,
                      .needs = SP_OPEN_READ, .decode = sftp_get_read, .execute = sftp_execute_read},
    [SFTP_OP_WRITE] = {"write", SFTP_WRITE, FILES, .changes = SFTP_CHANGES, .family = SP_SFTP_WRITE,
                       .provider = PLUGIN_FS_write, .subject = SFTP_SUBJECT_FILE,
                       .answer = SFTP_ANSWER_STATUS, .needs = SP_OPEN_WRITE,
                       .decode = sftp_get_write, .execute = sftp_execute_write},
    [SFTP_OP_LSTAT] = {"lstat", SFTP_LSTAT, FILES, .family = SP_SFTP_ATTRIBUTES_GET,
                       .provider = PLUGIN_FS_stat, .subject = SFTP_SUBJECT_PATH,
                       .answer = SFTP_ANSWER_ATTRIBUTES, .takes_mountless = true,
                       .decode = sftp_get_lstat, .execute = sftp_execute_stat},
    [SFTP_OP_FSTAT] = {"fstat", SFTP_FSTAT, FILES, .family = SP_SFTP_ATTRIBUTES_GET,
                       .provider = PLUGIN_FS_fstat, .subject = SFTP_SUBJECT_EITHER,
                       .answer = SFTP_ANSWER_ATTRIBUTES, .takes_mountless = true,
                       .decode = sftp_get_fstat, .execute = sftp_execute_fstat},
    [SFTP_OP_SETSTAT] = {"setstat", SFTP_SETSTAT, FILES, .changes = SFTP_CHANGES,
                         .family = SP_SFTP_ATTRIBUTES_SET, .provider = PLUGIN_FS_setstat,
                         .subject = SFTP_SUBJECT_PATH, .answer = SFTP_ANSWER_STATUS,
                         .decode = sftp_get_path_attributes, .execute = sftp_execute_setstat},
    [SFTP_OP_FSETSTAT] = {"fsetstat", SFTP_FSETSTAT, FILES, .changes = SFTP_CHANGES,
                          .family = SP_SFTP_ATTRIBUTES_SET, .provider = PLUGIN_FS_fsetstat,
                          .subject = SFTP_SUBJECT_EITHER, .answer = SFTP_ANSWER_STATUS,
                          .decode = sftp_get_handle_attributes, .execute = sftp_execute_fsetstat},
    [SFTP_OP_OPENDIR] = {"opendir", SFTP_OPENDIR, FILES, .family = SP_SFTP_DIRECTORY_LIST,
                         .provider = PLUGIN_FS_opendir, .subject = SFTP_SUBJECT_PATH,
                         .answer = SFTP_ANSWER_HANDLE, .takes_mountless = true,
                         .may_not_be_dropped = true, .decode = sftp_get_path,
                         .execute = sftp_execute_opendir},
    [SFTP_OP_READDIR] = {"readdir", SFTP_READDIR, FILES, .family = SP_SFTP_DIRECTORY_LIST,
                         .provider = PLUGIN_FS_readdir, .subject = SFTP_SUBJECT_DIRECTORY,
                         .answer = SFTP_ANSWER_ENTRIES, .takes_mountless = true,
                         .decode = sftp_get_handle, .execute = sftp_execute_readdir},
    [SFTP_OP_REMOVE] = {"remove", SFTP_REMOVE, FILES, .changes = SFTP_CHANGES,
                        .family = SP_SFTP_REMOVE, .provider = PLUGIN_FS_remove,
                        .subject = SFTP_SUBJECT_PATH, .answer = SFTP_ANSWER_STATUS,
                        .makes_entry = true, .decode = sftp_get_path,
                        .execute = sftp_execute_on_path},
    [SFTP_OP_MKDIR] = {"mkdir", SFTP_MKDIR, FILES, .changes = SFTP_CHANGES,
                       .family = SP_SFTP_DIRECTORY_CREATE, .provider = PLUGIN_FS_mkdir,
                       .subject = SFTP_SUBJECT_PATH, .answer = SFTP_ANSWER_STATUS,
                       .makes_entry = true, .decode = sftp_get_path_attributes,
                       .execute = sftp_execute_mkdir},
    [SFTP_OP_RMDIR] = {"rmdir", SFTP_RMDIR, FILES, .changes = SFTP_CHANGES,
                       .family = SP_SFTP_DIRECTORY_REMOVE, .provider = PLUGIN_FS_rmdir,
                       .subject = SFTP_SUBJECT_PATH, .answer = SFTP_ANSWER_STATUS,
                       .makes_entry = true, .decode = sftp_get_path,
                       .execute = sftp_execute_on_path},
    [SFTP_OP_REALPATH] = {"realpath", SFTP_REALPATH, FILES, .family = SP_SFTP_RESOLVE,
                          .provider = PLUGIN_FS_realpath, .subject = SFTP_SUBJECT_PATH,
                          .answer = SFTP_ANSWER_PATH, .takes_mountless = true,
                          .decode = sftp_get_realpath, .execute = sftp_execute_realpath},
    [SFTP_OP_STAT] = {"stat", SFTP_STAT, FILES, .family = SP_SFTP_ATTRIBUTES_GET,
                      .provider = PLUGIN_FS_stat, .subject = SFTP_SUBJECT_PATH,
                      .answer = SFTP_ANSWER_ATTRIBUTES, .takes_mountless = true,
                      .decode = sftp_get_stat, .execute = sftp_execute_stat},
    [SFTP_OP_RENAME] = {"rename", SFTP_RENAME, FILES, .changes = SFTP_CHANGES,
                        .family = SP_SFTP_RENAME, .provider = PLUGIN_FS_rename,
                        .subject = SFTP_SUBJECT_TWO_PATHS, .answer = SFTP_ANSWER_STATUS,
                        .makes_entry = true, .decode = sftp_get_rename,
                        .execute = sftp_execute_on_two_paths},
    [SFTP_OP_READLINK] = {"readlink", SFTP_READLINK, FILES, .family = SP_SFTP_LINK,
                          .provider = PLUGIN_FS_readlink, .subject = SFTP_SUBJECT_PATH,
                          .answer = SFTP_ANSWER_PATH, .decode = sftp_get_path,
                          .execute = sftp_execute_readlink},
    [SFTP_OP_SYMLINK] = {"symlink", SFTP_SYMLINK, FILES, .changes = SFTP_CHANGES,
                         .family = SP_SFTP_LINK, .provider = PLUGIN_FS_symlink,
                         .subject = SFTP_SUBJECT_LINK, .answer = SFTP_ANSWER_STATUS,
                         .makes_entry = true, .decode = sftp_get_symlink,
                         .execute = sftp_execute_on_two_paths},
    [SFTP_OP_LINK] = {"link", SFTP_LINK, 6, FILES, .changes = SFTP_CHANGES, .family = SP_SFTP_LINK,
                      .provider = PLUGIN_FS_link, .subject = SFTP_SUBJECT_TWO_PATHS,
                      .answer = SFTP_ANSWER_STATUS, .makes_entry = true, .decode = sftp_get_link,
                      .execute = sftp_execute_on_two_paths},
    [SFTP_OP_BLOCK] = {"block", SFTP_BLOCK, 6, FILES, .changes = SFTP_CHANGES,
                       .family = SP_SFTP_LOCK, .provider = PLUGIN_FS_lock,
                       .subject = SFTP_SUBJECT_FILE, .answer = SFTP_ANSWER_STATUS,
                       .decode = sftp_get_block, .execute = sftp_execute_lock},
    [SFTP_OP_UNBLOCK] = {"unblock", SFTP_UNBLOCK, 6, FILES, .family = SP_SFTP_LOCK,
                         .provider = PLUGIN_FS_unlock, .subject = SFTP_SUBJECT_FILE,
                         .answer = SFTP_ANSWER_STATUS, .decode = sftp_get_unblock,
                         .execute = sftp_execute_lock},

    [SFTP_OP_POSIX_RENAME] = {"posix-rename", EXTENSION("posix-rename@openssh.com", "1"), FILES,
                              .changes = SFTP_CHANGES, .family = SP_SFTP_RENAME,
                              .provider = PLUGIN_FS_rename, .subject = SFTP_SUBJECT_TWO_PATHS,
                              .answer = SFTP_ANSWER_STATUS, .makes_entry = true,
                              .decode = sftp_get_posix_rename,
                              .execute = sftp_execute_on_two_paths},
    [SFTP_OP_HARDLINK] = {"hardlink", EXTENSION("hardlink@openssh.com", "1"), FILES,
                          .changes = SFTP_CHANGES, .family = SP_SFTP_LINK,
                          .provider = PLUGIN_FS_link, .subject = SFTP_SUBJECT_TWO_PATHS,
                          .answer = SFTP_ANSWER_STATUS, .makes_entry = true,
                          .decode = sftp_get_two_paths, .execute = sftp_execute_on_two_paths},
    [SFTP_OP_FSYNC] = {"fsync", EXTENSION("fsync@openssh.com", "1"), FILES, .family = SP_SFTP_WRITE,
                       .provider = PLUGIN_FS_fsync, .subject = SFTP_SUBJECT_FILE,
                       .answer = SFTP_ANSWER_STATUS, .decode = sftp_get_handle,
                       .execute = sftp_execute_fsync},
    [SFTP_OP_STATVFS] = {"statvfs", EXTENSION("statvfs@openssh.com", "2"), FILES,
                         .family = SP_SFTP_ATTRIBUTES_GET, .provider = PLUGIN_FS_statvfs,
                         .subject = SFTP_SUBJECT_PATH, .answer = SFTP_ANSWER_SPACE,
                         .decode = sftp_get_path, .execute = sftp_execute_statvfs},
    [SFTP_OP_FSTATVFS] = {"fstatvfs", EXTENSION("fstatvfs@openssh.com", "2"), FILES,
                          .family = SP_SFTP_ATTRIBUTES_GET, .provider = PLUGIN_FS_statvfs,
                          .subject = SFTP_SUBJECT_EITHER, .answer = SFTP_ANSWER_SPACE,
                          .decode = sftp_get_handle, .execute = sftp_execute_fstatvfs},
    [SFTP_OP_LSETSTAT] = {"lsetstat", EXTENSION("lsetstat@openssh.com", "1"), FILES,
                          .changes = SFTP_CHANGES, .family = SP_SFTP_ATTRIBUTES_SET,
                          .provider = PLUGIN_FS_setstat, .subject = SFTP_SUBJECT_PATH,
                          .answer = SFTP_ANSWER_STATUS, .decode = sftp_get_path_attributes_nofollow,
                          .execute = sftp_execute_setstat},
    [SFTP_OP_LIMITS] = {"limits", EXTENSION("limits@openssh.com", "1"), FILES,
                        .family = SP_SFTP_SESSION, .provider = PLUGIN_OPERATION_COUNT,
                        .subject = SFTP_SUBJECT_NONE, .decode = sftp_get_nothing,
                        .execute = sftp_execute_limits},
    [SFTP_OP_EXPAND_PATH] = {"expand-path", EXTENSION("expand-path@openssh.com", "1"), FILES,
                             .family = SP_SFTP_RESOLVE, .provider = PLUGIN_OPERATION_COUNT,
                             .subject = SFTP_SUBJECT_TILDE_PATH, .answer = SFTP_ANSWER_PATH,
                             .takes_mountless = true, .decode = sftp_get_path,
                             .execute = sftp_execute_realpath},
    [SFTP_OP_COPY_DATA] = {"copy-data", EXTENSION("copy-data", "1"), FILES, .changes = SFTP_CHANGES,
                           .family = SP_SFTP_READ | SP_SFTP_WRITE, .provider = PLUGIN_FS_write,
                           .subject = SFTP_SUBJECT_TWO_FILES, .answer = SFTP_ANSWER_STATUS,
                           .needs = SP_OPEN_READ, .needs_to = SP_OPEN_WRITE,
                           .decode = sftp_get_copy_data, .execute = sftp_execute_copy_data},
    [SFTP_OP_HOME_DIRECTORY] = {"home-directory", EXTENSION("home-directory", "1"), FILES,
                                .family = SP_SFTP_RESOLVE, .provider = PLUGIN_OPERATION_COUNT,
                                .subject = SFTP_SUBJECT_NONE, .answer = SFTP_ANSWER_PATH,
                                .decode = sftp_get_path, .execute = sftp_execute_home_directory},
    [SFTP_OP_USERS_GROUPS] = {"users-groups-by-id",
                              EXTENSION("users-groups-by-id@openssh.com", "1"), FILES,
                              .family = SP_SFTP_SESSION, .provider = PLUGIN_FS_principals,
                              .subject = SFTP_SUBJECT_NONE, .keeps_text = true,
                              .decode = sftp_get_users_groups,
                              .execute = sftp_execute_users_groups},

    [SFTP_OP_SPACE_AVAILABLE] = {"space-available", EXTENSION("space-available", ""), FILES,
                                 .family = SP_SFTP_ATTRIBUTES_GET, .provider = PLUGIN_FS_statvfs,
                                 .subject = SFTP_SUBJECT_PATH, .answer = SFTP_ANSWER_SPACE,
                                 .decode = sftp_get_path, .execute = sftp_execute_statvfs},
    [SFTP_OP_CHECK_FILE_HANDLE] = {"check-file-handle",
                                   EXTENSION("check-file-handle", SFTP_DIGEST_NAMES), FILES,
                                   .family = SP_SFTP_READ, .provider = PLUGIN_FS_read,
                                   .subject = SFTP_SUBJECT_FILE, .needs = SP_OPEN_READ,
                                   .keeps_text = true, .decode = sftp_get_check_file_handle,
                                   .execute = sftp_execute_hash_handle},
    [SFTP_OP_CHECK_FILE_NAME] = {"check-file-name", EXTENSION("check-file-name", SFTP_DIGEST_NAMES),
                                 FILES, .family = SP_SFTP_READ, .provider = PLUGIN_FS_read,
                                 .subject = SFTP_SUBJECT_PATH, .keeps_text = true,
                                 .may_not_be_dropped = true, .decode = sftp_get_check_file_name,
                                 .execute = sftp_execute_hash_name},
    /* What paramiko calls check-file-handle */
    [SFTP_OP_CHECK_FILE] = {"check-file", EXTENSION("check-file", SFTP_DIGEST_NAMES), FILES,
                            .family = SP_SFTP_READ, .provider = PLUGIN_FS_read,
                            .subject = SFTP_SUBJECT_FILE, .needs = SP_OPEN_READ, .keeps_text = true,
                            .decode = sftp_get_check_file_handle,
                            .execute = sftp_execute_hash_handle},
    [SFTP_OP_MD5_HASH] = {"md5-hash", EXTENSION("md5-hash", ""), FILES, .family = SP_SFTP_READ,
                          .provider = PLUGIN_FS_read, .subject = SFTP_SUBJECT_PATH,
                          .keeps_text = true, .may_not_be_dropped = true,
                          .decode = sftp_get_md5_hash, .execute = sftp_execute_hash_name},
    [SFTP_OP_MD5_HASH_HANDLE] = {"md5-hash-handle", EXTENSION("md5-hash-handle", ""), FILES,
                                 .family = SP_SFTP_READ, .provider = PLUGIN_FS_read,
                                 .subject = SFTP_SUBJECT_FILE, .needs = SP_OPEN_READ,
                                 .keeps_text = true, .decode = sftp_get_md5_hash_handle,
                                 .execute = sftp_execute_hash_handle},
    [SFTP_OP_VENDOR_ID] = {"vendor-id", EXTENSION("vendor-id", NULL), FILES,
                           .family = SP_SFTP_SESSION, .provider = PLUGIN_OPERATION_COUNT,
                           .subject = SFTP_SUBJECT_NONE, .answer = SFTP_ANSWER_STATUS,
                           .keeps_text = true, .decode = sftp_get_vendor_id,
                           .execute = sftp_execute_vendor_id},
    [SFTP_OP_TRANSLATION_CONTROL] = {"filename-translation-control",
                                     EXTENSION("filename-translation-control", NULL), FILES,
                                     .family = SP_SFTP_SESSION, .provider = PLUGIN_OPERATION_COUNT,
                                     .subject = SFTP_SUBJECT_NONE, .answer = SFTP_ANSWER_STATUS,
                                     .decode = sftp_get_translation_control,
                                     .execute = sftp_execute_translation_control},
    [SFTP_OP_TEXT_SEEK] = {"text-seek", EXTENSION("text-seek", ""), .since = 5, FILES,
                           .family = SP_SFTP_READ, .provider = PLUGIN_FS_read,
                           .subject = SFTP_SUBJECT_FILE, .answer = SFTP_ANSWER_STATUS,
                           .needs = SP_OPEN_READ, .decode = sftp_get_text_seek,
                           .execute = sftp_execute_text_seek},
};

const struct sftp_operation *sftp_operation(enum sftp_operation_id id)
{
    return &operations[id];
}

const struct sftp_operation *sftp_operation_find(uint8_t type, struct sp_str extension)
{
    for (size_t i = 0; i < SFTP_OP_COUNT; i++) {
        const struct sftp_operation *operation = &operations[i];
        if (operation->type != type)
            continue;
        if (type != SFTP_EXTENDED)
            return operation;
        if (strlen(operation->extension) == extension.len &&
            memcmp(operation->extension, extension.data, (size_t)extension.len) == 0)
            return operation;
    }
    return NULL;
}

const struct sftp_operation *sftp_operation_meant(const struct sftp_operation *operation,
                                                  const struct sftp_message *message)
{
    if (operation != &operations[SFTP_OP_LINK])
        return operation;
    return &operations[message->is_symbolic ? SFTP_OP_SYMLINK : SFTP_OP_HARDLINK];
}

bool sftp_operation_is_available(const struct sftp_operation *operation,
                                 const struct sftp_tree *tree)
{
    return operation->extension_version && (operation->provider == PLUGIN_OPERATION_COUNT ||
                                            sftp_tree_offers(tree, operation->provider));
}

bool sftp_operation_changes(const struct sftp_operation *operation, uint32_t flags)
{
    if (operation->changes == SFTP_CHANGES_IF_OPENED_SO)
        return (flags & ~(SP_OPEN_READ | SP_OPEN_NOFOLLOW | SP_OPEN_TEXT)) != 0;
    return operation->changes == SFTP_CHANGES;
}

uint32_t sftp_authorize(const struct sftp_tree *tree, const struct sftp_operation *operation,
                        uint32_t flags, const struct sftp_mount *mount,
                        const struct sftp_mount *mount_to, const char **ret_text)
{
    if (!tree->session || !session_permits(tree->session, operation->permit)) {
        *ret_text = "You may not use files on this server";
        return SP_FS_PERMISSION_DENIED;
    }
    if (tree->is_read_only && sftp_operation_changes(operation, flags)) {
        *ret_text = "You may read files on this server, but not change them";
        return SP_FS_PERMISSION_DENIED;
    }
    if (operation == &operations[SFTP_OP_COPY_DATA]) /* its source is only read */
        mount = NULL;
    uint32_t status = mount ? sftp_access_check(mount, operation, flags, ret_text) : SP_FS_OK;
    if (status == SP_FS_OK && mount_to)
        status = sftp_access_check(mount_to, operation, flags, ret_text);
    return status;
}
