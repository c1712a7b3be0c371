/*
 * status.c: one table of status codes. See status.h.
 *
 * since is the first version that has the code: drafts -02 (3), -04 (4), -05 (5) and -13 (6) of
 * secsh-filexfer. earlier is what stands for it in older ones, and may be too new for some of them
 * itself; in version 3 that ends at the codes that OpenSSH's server gives for the same errors, as
 * that is what clients have been tried with.
 */
#include "sftp/status.h"

#include <stddef.h>

#include <sallyport/fs.h>

#include "sftp/codec.h"

static const struct {
    const char *text;
    uint8_t since;
    uint8_t earlier;
} statuses[SFTP_STATUS_COUNT] = {
    [SP_FS_OK] = {"Success", 3, SP_FS_OK},
    [SP_FS_EOF] = {"End of file", 3, SP_FS_EOF},
    [SP_FS_NO_SUCH_FILE] = {"No such file", 3, SP_FS_NO_SUCH_FILE},
    [SP_FS_PERMISSION_DENIED] = {"Permission denied", 3, SP_FS_PERMISSION_DENIED},
    [SP_FS_FAILURE] = {"Failure", 3, SP_FS_FAILURE},
    [SP_FS_BAD_MESSAGE] = {"Bad message", 3, SP_FS_BAD_MESSAGE},
    /* Numbers 6 and 7 are a client's own view of its connection: no server sends them. */
    [SP_FS_NO_CONNECTION] = {"No connection to the storage", UINT8_MAX, SP_FS_FAILURE},
    [SP_FS_CONNECTION_LOST] = {"Connection to the storage lost", UINT8_MAX, SP_FS_FAILURE},
    [SP_FS_OP_UNSUPPORTED] = {"Operation unsupported", 3, SP_FS_OP_UNSUPPORTED},
    [SP_FS_INVALID_HANDLE] = {"Invalid handle", 4, SP_FS_FAILURE},
    [SP_FS_NO_SUCH_PATH] = {"No such path", 4, SP_FS_NO_SUCH_FILE},
    [SP_FS_FILE_ALREADY_EXISTS] = {"File already exists", 4, SP_FS_FAILURE},
    [SP_FS_WRITE_PROTECT] = {"Write protected", 4, SP_FS_PERMISSION_DENIED},
    [SP_FS_NO_MEDIA] = {"No media", 4, SP_FS_FAILURE},
    [SP_FS_NO_SPACE_ON_FILESYSTEM] = {"No space left", 5, SP_FS_FAILURE},
    [SP_FS_QUOTA_EXCEEDED] = {"Quota exceeded", 5, SP_FS_FAILURE},
    [SP_FS_UNKNOWN_PRINCIPAL] = {"Unknown user or group", 5, SP_FS_FAILURE},
    [SP_FS_LOCK_CONFLICT] = {"File is locked", 5, SP_FS_FAILURE},
    [SP_FS_DIR_NOT_EMPTY] = {"Directory not empty", 6, SP_FS_FAILURE},
    [SP_FS_NOT_A_DIRECTORY] = {"Not a directory", 6, SP_FS_NO_SUCH_FILE},
    [SP_FS_INVALID_FILENAME] = {"Invalid file name", 6, SP_FS_FAILURE},
    [SP_FS_LINK_LOOP] = {"Too many symbolic links", 6, SP_FS_NO_SUCH_FILE},
    [SP_FS_CANNOT_DELETE] = {"Cannot delete", 6, SP_FS_PERMISSION_DENIED},
    [SP_FS_INVALID_PARAMETER] = {"Invalid parameter", 6, SP_FS_FAILURE},
    [SP_FS_FILE_IS_A_DIRECTORY] = {"Is a directory", 6, SP_FS_FAILURE},
    [SP_FS_BYTE_RANGE_LOCK_CONFLICT] = {"Byte range is locked", 6, SP_FS_LOCK_CONFLICT},
    [SP_FS_BYTE_RANGE_LOCK_REFUSED] = {"Byte-range lock refused", 6, SP_FS_FAILURE},
    [SP_FS_DELETE_PENDING] = {"File is being deleted", 6, SP_FS_LOCK_CONFLICT},
    [SP_FS_FILE_CORRUPT] = {"File is corrupt", 6, SP_FS_FAILURE},
    [SP_FS_OWNER_INVALID] = {"Invalid owner", 6, SP_FS_UNKNOWN_PRINCIPAL},
    [SP_FS_GROUP_INVALID] = {"Invalid group", 6, SP_FS_UNKNOWN_PRINCIPAL},
    [SP_FS_NO_MATCHING_BYTE_RANGE_LOCK] = {"No such byte-range lock", 6, SP_FS_FAILURE},
};

uint32_t sftp_status_for(uint32_t status, uint32_t version)
{
    if (status >= SFTP_STATUS_COUNT)
        return SP_FS_FAILURE;
    if (version < SFTP_VERSION_MIN)
        version = SFTP_VERSION_MIN;
    while (version < statuses[status].since)
        status = statuses[status].earlier;
    return status;
}

const char *sftp_status_text(uint32_t status)
{
    return statuses[status < SFTP_STATUS_COUNT ? status : SP_FS_FAILURE].text;
}
