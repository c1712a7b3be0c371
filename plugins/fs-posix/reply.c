/*
 * reply.c: the answers of this plugin. A client sees the texts, so they say what to do and never
 * name a path of the server's. Any thread.
 */
#include "fs_posix.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

static const struct {
    int error;
    uint32_t status;
    const char *text;
} errors[] = {
    {ENOENT, SP_FS_NO_SUCH_FILE, "No such file or directory"},
    {ENOTDIR, SP_FS_NOT_A_DIRECTORY, "Part of the path is not a directory"},
    {EACCES, SP_FS_PERMISSION_DENIED, "Permission denied"},
    {EPERM, SP_FS_PERMISSION_DENIED, "Operation not permitted"},
    {EBADF, SP_FS_PERMISSION_DENIED, "The file is not open for that"},
    {EROFS, SP_FS_WRITE_PROTECT, "The file system is read-only"},
    {EEXIST, SP_FS_FILE_ALREADY_EXISTS, "There is something of that name already"},
    {ENOTEMPTY, SP_FS_DIR_NOT_EMPTY, "The directory is not empty"},
    {EISDIR, SP_FS_FILE_IS_A_DIRECTORY, "It is a directory"},
    {ENOSPC, SP_FS_NO_SPACE_ON_FILESYSTEM, "Disk full"},
    {EDQUOT, SP_FS_QUOTA_EXCEEDED, "Disk quota exceeded"},
    {EFBIG, SP_FS_FAILURE, "The file would be too large"},
    {ELOOP, SP_FS_LINK_LOOP, "Too many symbolic links, or one that may not be followed"},
    {ENAMETOOLONG, SP_FS_INVALID_FILENAME, "The name is too long"},
    {EILSEQ, SP_FS_INVALID_FILENAME, "The file system does not take this name"},
    {EINVAL, SP_FS_INVALID_PARAMETER, "Invalid argument"},
    {EOVERFLOW, SP_FS_INVALID_PARAMETER, "The offset is too large"},
    {EBUSY, SP_FS_FAILURE, "It is in use"},
    {ETXTBSY, SP_FS_LOCK_CONFLICT, "The program is being run"},
    {EAGAIN, SP_FS_FAILURE, "The server is busy here: try again"},
    {EXDEV, SP_FS_FAILURE, "The two are on different file systems: copy, then remove"},
    {EMLINK, SP_FS_FAILURE, "Too many links"},
    {EMFILE, SP_FS_FAILURE, "The server has too many files open: try again later"},
    {ENFILE, SP_FS_FAILURE, "The server has too many files open: try again later"},
    {ENOMEM, SP_FS_FAILURE, "The server is out of memory: try again later"},
    {ENXIO, SP_FS_FAILURE, "It is not a regular file"},
    {ENODEV, SP_FS_FAILURE, "It is not a regular file"},
    {EIO, SP_FS_FAILURE, "Input or output error on the server's disk"},
    {ESTALE, SP_FS_FAILURE, "The server's file system has lost this file"},
    {EOPNOTSUPP, SP_FS_OP_UNSUPPORTED, "The file system cannot do that"},
    {ENOSYS, SP_FS_OP_UNSUPPORTED, "The server cannot do that"},
    {NO_PRINCIPAL, SP_FS_UNKNOWN_PRINCIPAL, "The server knows no user or group of that name"},
    {NO_OWNER, SP_FS_OWNER_INVALID, "The server knows no user of that name"},
    {NO_GROUP, SP_FS_GROUP_INVALID, "The server knows no group of that name"},
    {NO_SUCH_ACL, SP_FS_INVALID_PARAMETER,
     "The file system cannot keep such a list: at most 127 entries that allow or deny, and what is "
     "denied to a group is allowed to nobody after it"},
};

static int32_t complete(const struct fs_posix *fs, const struct sp_event *event,
                        struct sp_fs_reply *reply)
{
    reply->head.struct_size = sizeof *reply;
    reply->head.verdict = reply->status == SP_FS_OK ? SP_OK : SP_E_FAILED;
    fs->host->complete(fs->host, event->token, &reply->head);
    return SP_PENDING;
}

int32_t reply_status(const struct fs_posix *fs, const struct sp_event *event, uint32_t status,
                     const char *text)
{
    struct sp_fs_reply reply = {.status = status, .text = sp_str_of(text)};
    return complete(fs, event, &reply);
}

int32_t reply_error(const struct fs_posix *fs, const struct sp_event *event, int error)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].error == error)
            return reply_status(fs, event, errors[i].status, errors[i].text);
    return reply_status(fs, event, SP_FS_FAILURE, strerrordesc_np(error));
}

int32_t reply_result(const struct fs_posix *fs, const struct sp_event *event, int rc)
{
    return rc < 0 ? reply_error(fs, event, -rc) : SP_OK;
}

int32_t reply_count(const struct fs_posix *fs, const struct sp_event *event, uint64_t count,
                    bool eof)
{
    struct sp_fs_reply reply = {.count = count, .eof = eof};
    return complete(fs, event, &reply);
}

int32_t reply_attributes(const struct fs_posix *fs, const struct sp_event *event, int fd,
                         uint32_t wanted)
{
    struct sp_fs_attributes attributes;
    int rc = attributes_get(fs, fd, "", wanted, &attributes);
    if (rc < 0)
        return reply_error(fs, event, -rc);
    struct sp_fs_reply reply = {.attributes = &attributes};
    complete(fs, event, &reply);
    attributes_clear(&attributes);
    return SP_PENDING;
}

int32_t reply_space(const struct fs_posix *fs, const struct sp_event *event, int fd)
{
    struct statvfs st;
    if (fstatvfs(fd, &st) < 0)
        return reply_error(fs, event, errno);
    struct sp_fs_space space = {
        .block_size = st.f_bsize,
        .fragment_size = st.f_frsize,
        .blocks = st.f_blocks,
        .blocks_free = st.f_bfree,
        .blocks_available = st.f_bavail,
        .files = st.f_files,
        .files_free = st.f_ffree,
        .files_available = st.f_favail,
        .filesystem_id = st.f_fsid,
        .flags = (st.f_flag & ST_RDONLY ? 1u : 0u) | (st.f_flag & ST_NOSUID ? 2u : 0u),
        .name_max = st.f_namemax,
    };
    struct sp_fs_reply reply = {.space = &space};
    return complete(fs, event, &reply);
}

int32_t reply_path(const struct fs_posix *fs, const struct sp_event *event, struct sp_str path)
{
    struct sp_fs_reply reply = {.path = path};
    return complete(fs, event, &reply);
}

static int32_t reply_id(const struct fs_posix *fs, const struct sp_event *event, const void *id,
                        const struct sp_fs_support *support)
{
    struct sp_fs_reply reply = {
        .head = {.struct_size = sizeof reply, .verdict = SP_OK},
        .handle = (uintptr_t)id,
        .support = support,
    };
    return fs->host->complete(fs->host, event->token, &reply.head);
}

int32_t reply_handle(const struct fs_posix *fs, const struct sp_event *event, const void *handle)
{
    return reply_id(fs, event, handle, NULL);
}

int32_t reply_view(const struct fs_posix *fs, const struct sp_event *event, const void *view)
{
    return reply_id(fs, event, view, &attributes_support);
}
