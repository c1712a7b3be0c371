/*
 * attributes.c: between struct statx and struct sp_fs_attributes, and setting them. Pool threads.
 *
 * set-user-ID and, on files, set-group-ID are never set: who may write files here could otherwise
 * leave programs that run as somebody else.
 */
#include "fs_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#define VALID                                                                                      \
    (SP_ATTR_SIZE | SP_ATTR_OWNER_IDS | SP_ATTR_PERMISSIONS | SP_ATTR_ACCESS_TIME |                \
     SP_ATTR_MODIFY_TIME | SP_ATTR_CHANGE_TIME | SP_ATTR_TYPE | SP_ATTR_ALLOCATION_SIZE |          \
     SP_ATTR_LINK_COUNT)

static uint32_t type_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return SP_FILE_REGULAR;
    case S_IFDIR:
        return SP_FILE_DIRECTORY;
    case S_IFLNK:
        return SP_FILE_SYMLINK;
    case S_IFSOCK:
        return SP_FILE_SOCKET;
    case S_IFCHR:
        return SP_FILE_CHAR_DEVICE;
    case S_IFBLK:
        return SP_FILE_BLOCK_DEVICE;
    case S_IFIFO:
        return SP_FILE_FIFO;
    default:
        return SP_FILE_SPECIAL;
    }
}

static struct sp_time time_of(struct statx_timestamp ts)
{
    return (struct sp_time){.seconds = ts.tv_sec, .nanoseconds = ts.tv_nsec};
}

int attributes_get(int fd, const char *name, struct sp_fs_attributes *ret_attributes)
{
    struct statx st;
    int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name ? 0 : AT_EMPTY_PATH);
    if (statx(fd, name, flags, STATX_BASIC_STATS | STATX_BTIME, &st) < 0)
        return -errno;
    *ret_attributes = (struct sp_fs_attributes){
        .struct_size = sizeof *ret_attributes,
        .valid = VALID | (st.stx_mask & STATX_BTIME ? SP_ATTR_CREATE_TIME : 0),
        .size = st.stx_size,
        .allocation_size = st.stx_blocks * 512,
        .type = type_of(st.stx_mode),
        .mode = st.stx_mode & 07777u,
        .uid = st.stx_uid,
        .gid = st.stx_gid,
        .link_count = st.stx_nlink,
        .access_time = time_of(st.stx_atime),
        .modify_time = time_of(st.stx_mtime),
        .create_time = time_of(st.stx_btime),
        .change_time = time_of(st.stx_ctime),
    };
    return 0;
}

/* A descriptor opened with O_PATH takes no fchmod(). Linux 6.6 has a call for it; before that the
 * link in /proc leads to the very inode, whatever its name is by now. */
static int change_mode(int fd, bool is_path, mode_t mode)
{
    if (!is_path)
        return fchmod(fd, mode);
    if (syscall(SYS_fchmodat2, fd, "", mode, AT_EMPTY_PATH) == 0)
        return 0;
    if (errno != ENOSYS && errno != EPERM) /* a filter of calls may say either */
        return -1;
    char name[32];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    return chmod(name, mode);
}

static int set_mode(int fd, bool is_path, uint32_t wanted)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (S_ISLNK(st.st_mode))
        return -EOPNOTSUPP;
    mode_t mode = wanted & (S_ISDIR(st.st_mode) ? 03777u : 0777u);
    return change_mode(fd, is_path, mode) < 0 ? -errno : 0;
}

static bool time_is_sound(uint32_t valid, uint32_t bit, struct sp_time time)
{
    /* Larger ones mean "now" and "leave it" to the kernel. */
    return !(valid & bit) || time.nanoseconds < 1000000000u;
}

static struct timespec timespec_of(uint32_t valid, uint32_t bit, struct sp_time time)
{
    if (!(valid & bit))
        return (struct timespec){.tv_nsec = UTIME_OMIT};
    return (struct timespec){.tv_sec = time.seconds, .tv_nsec = time.nanoseconds};
}

static int set_times(int fd, const struct sp_fs_attributes *attributes)
{
    uint32_t valid = attributes->valid;
    if (!time_is_sound(valid, SP_ATTR_ACCESS_TIME, attributes->access_time) ||
        !time_is_sound(valid, SP_ATTR_MODIFY_TIME, attributes->modify_time))
        return -EINVAL;
    const struct timespec times[] = {
        timespec_of(valid, SP_ATTR_ACCESS_TIME, attributes->access_time),
        timespec_of(valid, SP_ATTR_MODIFY_TIME, attributes->modify_time),
    };
    return utimensat(fd, "", times, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

int attributes_set(int fd, bool is_path, const struct sp_fs_attributes *attributes)
{
    int rc = 0;
    /* The owner first: a change of owner clears mode bits. */
    if (attributes->valid & SP_ATTR_OWNER_IDS)
        rc = fchownat(fd, "", attributes->uid, attributes->gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
    if (rc == 0 && attributes->valid & SP_ATTR_PERMISSIONS)
        rc = set_mode(fd, is_path, attributes->mode);
    if (rc == 0 && attributes->valid & (SP_ATTR_ACCESS_TIME | SP_ATTR_MODIFY_TIME))
        rc = set_times(fd, attributes);
    return rc;
}
