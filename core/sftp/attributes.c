/*
 * attributes.c: attributes of SFTP version 3 (draft-ietf-secsh-filexfer-02, 5). See attributes.h.
 */
#include "sftp/attributes.h"

#include <string.h>
#include <sys/stat.h>

#define V3_SIZE 0x00000001u
#define V3_UIDGID 0x00000002u
#define V3_PERMISSIONS 0x00000004u
#define V3_ACMODTIME 0x00000008u
#define V3_EXTENDED 0x80000000u

static const uint32_t type_mode[] = {
    [SP_FILE_REGULAR] = S_IFREG,     [SP_FILE_DIRECTORY] = S_IFDIR,
    [SP_FILE_SYMLINK] = S_IFLNK,     [SP_FILE_SPECIAL] = 0,
    [SP_FILE_UNKNOWN] = 0,           [SP_FILE_SOCKET] = S_IFSOCK,
    [SP_FILE_CHAR_DEVICE] = S_IFCHR, [SP_FILE_BLOCK_DEVICE] = S_IFBLK,
    [SP_FILE_FIFO] = S_IFIFO,
};

uint32_t sftp_attributes_mode(const struct sp_fs_attributes *attributes)
{
    uint32_t mode = 0;
    if (attributes->valid & SP_ATTR_PERMISSIONS)
        mode = attributes->mode & 07777;
    if ((attributes->valid & SP_ATTR_TYPE) &&
        attributes->type < sizeof type_mode / sizeof type_mode[0])
        mode |= type_mode[attributes->type];
    return mode;
}

void sftp_attributes_get(struct wire_reader *reader, uint32_t version,
                         struct sp_fs_attributes *ret_attributes)
{
    (void)version;
    struct sp_fs_attributes *a = ret_attributes;
    memset(a, 0, sizeof *a);
    a->struct_size = sizeof *a;
    uint32_t flags = wire_get_u32(reader);
    if (flags & V3_SIZE) {
        a->size = wire_get_u64(reader);
        a->valid |= SP_ATTR_SIZE;
    }
    if (flags & V3_UIDGID) {
        a->uid = wire_get_u32(reader);
        a->gid = wire_get_u32(reader);
        a->valid |= SP_ATTR_OWNER_IDS;
    }
    if (flags & V3_PERMISSIONS) {
        a->mode = wire_get_u32(reader) & SFTP_MODE_SETTABLE;
        a->valid |= SP_ATTR_PERMISSIONS;
    }
    if (flags & V3_ACMODTIME) {
        a->access_time.seconds = wire_get_u32(reader);
        a->modify_time.seconds = wire_get_u32(reader);
        a->valid |= SP_ATTR_ACCESS_TIME | SP_ATTR_MODIFY_TIME;
    }
    if (flags & V3_EXTENDED) {
        uint32_t count = wire_get_u32(reader);
        for (uint32_t i = 0; i < count && wire_ok(reader); i++) {
            wire_get_string(reader);
            wire_get_string(reader);
        }
    }
}

/* Version 3 has 32 bits for a time; what lies outside is brought to the nearest end. */
static uint32_t time_v3(const struct sp_time *time)
{
    if (time->seconds < 0)
        return 0;
    return time->seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)time->seconds;
}

int sftp_attributes_put(struct buffer *buffer, uint32_t version,
                        const struct sp_fs_attributes *attributes)
{
    (void)version;
    const struct sp_fs_attributes *a = attributes;
    uint32_t valid = a ? a->valid : 0;
    uint32_t flags = 0;
    if (valid & SP_ATTR_SIZE)
        flags |= V3_SIZE;
    if (valid & SP_ATTR_OWNER_IDS)
        flags |= V3_UIDGID;
    if (valid & (SP_ATTR_PERMISSIONS | SP_ATTR_TYPE))
        flags |= V3_PERMISSIONS;
    if (valid & (SP_ATTR_ACCESS_TIME | SP_ATTR_MODIFY_TIME))
        flags |= V3_ACMODTIME;

    int rc = wire_put_u32(buffer, flags);
    if (rc == 0 && (flags & V3_SIZE))
        rc = wire_put_u64(buffer, a->size);
    if (rc == 0 && (flags & V3_UIDGID) && (rc = wire_put_u32(buffer, a->uid)) == 0)
        rc = wire_put_u32(buffer, a->gid);
    if (rc == 0 && (flags & V3_PERMISSIONS))
        rc = wire_put_u32(buffer, sftp_attributes_mode(a));
    if (rc == 0 && (flags & V3_ACMODTIME)) {
        /* The two come together on the wire: one that is unknown is given as the other. */
        const struct sp_time *modified =
            valid & SP_ATTR_MODIFY_TIME ? &a->modify_time : &a->access_time;
        const struct sp_time *accessed =
            valid & SP_ATTR_ACCESS_TIME ? &a->access_time : &a->modify_time;
        rc = wire_put_u32(buffer, time_v3(accessed));
        if (rc == 0)
            rc = wire_put_u32(buffer, time_v3(modified));
    }
    return rc;
}
