/*
 * identity.h: whom the kernel takes this thread for. A worker that runs as root does what a user
 * asks of files as the account that the user's grant names; any other worker is who it is. Pool
 * threads; each changes for itself alone.
 */
#ifndef FS_POSIX_IDENTITY_H
#define FS_POSIX_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct identity {
    bool is_other; /* than the process's own: the rest counts */
    uid_t uid;
    gid_t gid;
    gid_t *groups;
    size_t groups_count;
};

/* The account of that name ("": none), if this process may become it. 0, or -errno: -ENOENT, there
 * is no such account; -EPERM, root may not become it; if is_required, -EINVAL without a name, and
 * -EPERM for a process that is not root. Asks the system's databases, which may take long. */
int identity_find(const char *name, bool is_required, struct identity *ret_identity);
void identity_clear(struct identity *identity);

/* Nothing, or not the whole, may be done as somebody else than was asked for: where the kernel
 * refuses, the process ends. */
void identity_assume(const struct identity *identity);
void identity_drop(const struct identity *identity);

#endif
