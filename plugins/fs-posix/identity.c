/*
 * identity.c: see identity.h.
 *
 * The C library changes all threads at once, since POSIX has credentials belong to the process; the
 * system calls change the calling thread. With an effective user other than root the kernel takes
 * the thread's capabilities away, and gives them back with the return to root.
 */
#include "identity.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENTRY_SIZE 16384
#define KEEP ((uid_t)-1)

static int find_groups(const char *name, struct identity *identity)
{
    int count = 32;
    for (int i = 0; i < 2; i++) {
        free(identity->groups);
        identity->groups = calloc((size_t)count, sizeof *identity->groups);
        if (!identity->groups)
            return -ENOMEM;
        if (getgrouplist(name, identity->gid, identity->groups, &count) >= 0) {
            identity->groups_count = (size_t)count;
            return 0;
        }
        if (count <= 0 || count > NGROUPS_MAX)
            break;
    }
    return -ERANGE;
}

static pthread_once_t noted = PTHREAD_ONCE_INIT;
static bool is_undumpable; /* the process, before any change of user */

static void note_dumpable(void)
{
    is_undumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
}

/* With each change of user the kernel makes the whole process as dumpable as the system's
 * fs.suid_dumpable says. */
static void stay_undumpable(void)
{
    if (is_undumpable)
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* Only root has left; its further groups are of no use to it. */
static void return_to_root(void)
{
    if (syscall(SYS_setresuid, KEEP, 0, KEEP) < 0 ||
        syscall(SYS_setresgid, KEEP, getgid(), KEEP) < 0 || syscall(SYS_setgroups, 0, NULL) < 0)
        abort();
    stay_undumpable();
}

/* All of it, or nothing. */
static bool become(const struct identity *identity)
{
    if (syscall(SYS_setgroups, identity->groups_count, identity->groups) < 0)
        return false;
    if (syscall(SYS_setresgid, KEEP, identity->gid, KEEP) == 0 &&
        syscall(SYS_setresuid, KEEP, identity->uid, KEEP) == 0) {
        stay_undumpable();
        return true;
    }
    return_to_root();
    return false;
}

int identity_find(const char *name, bool is_required, struct identity *ret_identity)
{
    *ret_identity = (struct identity){.is_other = false};
    bool is_root = geteuid() == 0;
    if (!*name || (!is_root && !is_required))
        return !*name && is_required ? -EINVAL : 0;
    char buffer[ENTRY_SIZE];
    struct passwd entry;
    struct passwd *found = NULL;
    int error = getpwnam_r(name, &entry, buffer, sizeof buffer, &found);
    if (!found)
        return error ? -error : -ENOENT;
    if (entry.pw_uid == geteuid())
        return 0;
    if (!is_root)
        return -EPERM;
    pthread_once(&noted, note_dumpable);
    ret_identity->is_other = true;
    ret_identity->uid = entry.pw_uid;
    ret_identity->gid = entry.pw_gid;
    int rc = find_groups(name, ret_identity);
    /* A root that may not change its user, as in some containers, is told so here. */
    if (rc == 0 && become(ret_identity))
        identity_drop(ret_identity);
    else if (rc == 0)
        rc = -EPERM;
    if (rc < 0)
        identity_clear(ret_identity);
    return rc;
}

void identity_clear(struct identity *identity)
{
    free(identity->groups);
    *identity = (struct identity){.is_other = false};
}

void identity_assume(const struct identity *identity)
{
    if (identity->is_other && !become(identity))
        abort();
}

void identity_drop(const struct identity *identity)
{
    if (identity->is_other)
        return_to_root();
}
