/*
 * locality.c: which calls may be made on the reactor. On the file systems below, what the kernel
 * has in memory is told without waiting, and it can be asked to try no more than that; on others,
 * such as those of the network, a call may take as long as another machine does.
 */
#include "fs_posix.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

enum locality locality_of(int fd)
{
    struct statfs st;
    if (fstatfs(fd, &st) < 0)
        return MAY_BE_REMOTE;
    switch (st.f_type) {
    case TMPFS_MAGIC:
    case RAMFS_MAGIC:
        return IS_IN_MEMORY;
    case EXT4_SUPER_MAGIC: /* 2 and 3 as well */
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
        return IS_LOCAL;
    default:
        return MAY_BE_REMOTE;
    }
}

bool view_is_quick(const struct view *view)
{
    return view->locality != MAY_BE_REMOTE && !view->walk && !view->identity.is_other;
}
