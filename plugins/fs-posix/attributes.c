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
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "acl.h"
#include "pairs.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#define VALID                                                                                      \
    (SP_ATTR_SIZE | SP_ATTR_OWNER_IDS | SP_ATTR_PERMISSIONS | SP_ATTR_ACCESS_TIME |                \
     SP_ATTR_MODIFY_TIME | SP_ATTR_CHANGE_TIME | SP_ATTR_TYPE | SP_ATTR_ALLOCATION_SIZE |          \
     SP_ATTR_LINK_COUNT | SP_ATTR_BITS)
/* What takes more than the one call for all the others: only for those who ask. */
#define COSTLY (SP_ATTR_OWNER_NAMES | SP_ATTR_ACL | SP_ATTR_EXTENDED)

/* The kernel's attributes of files, and what SFTP calls them. */
static const struct {
    uint64_t kernel;
    uint32_t bit;
} bits[] = {
    {STATX_ATTR_COMPRESSED, SP_BIT_COMPRESSED},
    {STATX_ATTR_IMMUTABLE, SP_BIT_IMMUTABLE},
    {STATX_ATTR_APPEND, SP_BIT_APPEND_ONLY},
    {STATX_ATTR_ENCRYPTED, SP_BIT_ENCRYPTED},
};

const struct sp_fs_support attributes_support = {
    .struct_size = sizeof attributes_support,
    .open_flags = SP_OPEN_READ | SP_OPEN_WRITE | SP_OPEN_APPEND | SP_OPEN_CREATE |
                  SP_OPEN_TRUNCATE | SP_OPEN_EXCLUSIVE | SP_OPEN_NOFOLLOW,
    .attributes = VALID | COSTLY | SP_ATTR_CREATE_TIME,
    .attributes_set = SP_ATTR_SIZE | SP_ATTR_OWNER_IDS | SP_ATTR_OWNER_NAMES | SP_ATTR_PERMISSIONS |
                      SP_ATTR_ACCESS_TIME | SP_ATTR_MODIFY_TIME | SP_ATTR_ACL | SP_ATTR_EXTENDED,
    .attribute_bits = SP_BIT_COMPRESSED | SP_BIT_IMMUTABLE | SP_BIT_APPEND_ONLY | SP_BIT_ENCRYPTED |
                      SP_BIT_SPARSE,
    .rename_flags = SP_RENAME_OVERWRITE | SP_RENAME_ATOMIC | SP_RENAME_NATIVE,
    .lock_flags = SP_LOCK_READ | SP_LOCK_WRITE | SP_LOCK_ADVISORY,
    .acl = SP_ACL_ALLOW | SP_ACL_DENY,
};

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

static void fill_bits(const struct statx *st, struct sp_fs_attributes *attributes)
{
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
        if (st->stx_attributes_mask & bits[i].kernel)
            attributes->bits_valid |= bits[i].bit;
        if (st->stx_attributes & bits[i].kernel)
            attributes->bits |= bits[i].bit;
    }
    if (!S_ISREG(st->stx_mode))
        return;
    attributes->bits_valid |= SP_BIT_SPARSE;
    if (st->stx_blocks * 512 < st->stx_size && !(attributes->bits & SP_BIT_COMPRESSED))
        attributes->bits |= SP_BIT_SPARSE;
}

static struct sp_str text_of(char *text)
{
    return text ? sp_str_of(text) : (struct sp_str){NULL, 0};
}

/* The name, or the number where there is none. NULL: memory is out. */
static char *principal_of(struct names *names, enum name_kind kind, uint32_t id)
{
    char *name = names_of(names, kind, id);
    char number[16];
    if (!name || *name)
        return name;
    free(name);
    snprintf(number, sizeof number, "%u", id);
    return strdup(number);
}

static int fill_names(struct names *names, struct sp_fs_attributes *attributes)
{
    attributes->owner = text_of(principal_of(names, NAME_USER, attributes->uid));
    attributes->group = text_of(principal_of(names, NAME_GROUP, attributes->gid));
    attributes->valid |= SP_ATTR_OWNER_NAMES;
    return attributes->owner.data && attributes->group.data ? 0 : -ENOMEM;
}

bool attributes_are_slow(uint32_t wanted)
{
    return wanted & COSTLY;
}

static int fill_costly(const struct fs_posix *fs, int fd, const char *name, uint32_t wanted,
                       mode_t mode, struct sp_fs_attributes *attributes)
{
    int rc = wanted & SP_ATTR_OWNER_NAMES ? fill_names(fs->names, attributes) : 0;
    if (rc == 0 && wanted & SP_ATTR_ACL && !S_ISLNK(mode)) {
        rc = acl_get(fs->names, fd, name, mode, &attributes->acl);
        attributes->valid |= rc == 0 ? SP_ATTR_ACL : 0;
    }
    if (rc == 0 && wanted & SP_ATTR_EXTENDED) {
        struct sp_pair *pairs;
        rc = pairs_get(fd, name, &pairs, &attributes->extended_count);
        attributes->extended = pairs;
        attributes->valid |= pairs ? SP_ATTR_EXTENDED : 0;
    }
    return rc;
}

int attributes_get(const struct fs_posix *fs, int fd, const char *name, uint32_t wanted,
                   struct sp_fs_attributes *ret_attributes)
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
    fill_bits(&st, ret_attributes);
    int rc = wanted & COSTLY ? fill_costly(fs, fd, name, wanted, st.stx_mode, ret_attributes) : 0;
    if (rc < 0)
        attributes_clear(ret_attributes);
    return rc;
}

void attributes_clear(struct sp_fs_attributes *attributes)
{
    free((char *)attributes->owner.data);
    free((char *)attributes->group.data);
    free((char *)attributes->acl.data);
    free((struct sp_pair *)attributes->extended);
    attributes->owner = attributes->group = attributes->acl = (struct sp_str){NULL, 0};
    attributes->extended = NULL;
    attributes->extended_count = 0;
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

/* By names or by numbers; what is not given stays. */
static int set_owner(int fd, const struct sp_fs_attributes *attributes)
{
    uint32_t ids[] = {UINT32_MAX, UINT32_MAX};
    if (attributes->valid & SP_ATTR_OWNER_IDS) {
        ids[NAME_USER] = attributes->uid;
        ids[NAME_GROUP] = attributes->gid;
    }
    if (attributes->valid & SP_ATTR_OWNER_NAMES) {
        int rc = 0;
        if (attributes->owner.len)
            rc = names_find(NAME_USER, attributes->owner, &ids[NAME_USER]);
        if (rc < 0)
            return rc == -NO_PRINCIPAL ? -NO_OWNER : rc;
        if (attributes->group.len)
            rc = names_find(NAME_GROUP, attributes->group, &ids[NAME_GROUP]);
        if (rc < 0)
            return rc == -NO_PRINCIPAL ? -NO_GROUP : rc;
    }
    return fchownat(fd, "", ids[NAME_USER], ids[NAME_GROUP], AT_EMPTY_PATH) < 0 ? -errno : 0;
}

static int set_acl(int fd, bool is_path, struct sp_str acl)
{
    struct stat st;
    mode_t mode;
    if (fstat(fd, &st) < 0)
        return -errno;
    int rc = acl_set(fd, st.st_mode, acl, &mode);
    return rc > 0 ? set_mode(fd, is_path, mode) : rc;
}

int attributes_set(int fd, bool is_path, const struct sp_fs_attributes *attributes)
{
    int rc = 0;
    /* The owner first: a change of owner clears mode bits. */
    if (attributes->valid & (SP_ATTR_OWNER_IDS | SP_ATTR_OWNER_NAMES))
        rc = set_owner(fd, attributes);
    if (rc == 0 && attributes->valid & SP_ATTR_PERMISSIONS)
        rc = set_mode(fd, is_path, attributes->mode);
    if (rc == 0 && attributes->valid & SP_ATTR_ACL)
        rc = set_acl(fd, is_path, attributes->acl);
    if (rc == 0 && attributes->valid & SP_ATTR_EXTENDED)
        rc = pairs_set(fd, attributes->extended, attributes->extended_count);
    if (rc == 0 && attributes->valid & (SP_ATTR_ACCESS_TIME | SP_ATTR_MODIFY_TIME))
        rc = set_times(fd, attributes);
    return rc;
}
