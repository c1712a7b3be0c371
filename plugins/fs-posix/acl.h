/*
 * acl.h: access control lists, between what the kernel keeps (POSIX.1e, as the extended attribute
 * system.posix_acl_access) and SFTP's (NFS 4's, as on the wire of SFTP 6). Pool threads.
 */
#ifndef FS_POSIX_ACL_H
#define FS_POSIX_ACL_H

#include <sys/stat.h>

#include "names.h"

/* Of name in the directory fd, not following a link, or of fd itself if name is "". From the mode
 * where no more is kept. To be freed; 0 or -errno. */
int acl_get(struct names *names, int fd, const char *name, mode_t mode, struct sp_str *ret_acl);
/* Replaces the permissions as well; mode is the present one. 0, -errno, -NO_PRINCIPAL, -NO_SUCH_ACL
 * for what cannot be said with permissions of this system, or 1: the file system keeps no lists,
 * but the permissions *ret_mode say the same. */
int acl_set(int fd, mode_t mode, struct sp_str acl, mode_t *ret_mode);

#endif
