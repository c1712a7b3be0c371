/* identity.c: from an account's name to being it. Called by privileges.c and sandbox.c. Any of the
 * daemon's processes, while it has one thread. */
#include "supervisor/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

#define KEY_ROOM 96

static int complain(const struct config *config, const char *key, const char *kind,
                    const char *name, struct report *report)
{
    int error = errno;
    char place[KEY_ROOM];
    snprintf(place, sizeof(place), "%s/%s", key, kind);
    report_error(report, config->file, positions_line(config->positions, place), place,
                 "there is no %s \"%s\"%s%s", kind, name, error ? ": " : "",
                 error ? strerror(error) : "");
    return SP_ERR_INVALID;
}

int identity_find(const struct config *config, const char *key, const char *user, const char *group,
                  struct identity *ret_identity, struct report *report)
{
    errno = 0;
    const struct passwd *found = getpwnam(user);
    if (!found)
        return complain(config, key, "user", user, report);
    *ret_identity = (struct identity){.user = user, .uid = found->pw_uid, .gid = found->pw_gid};
    if (!group)
        return 0;
    errno = 0;
    const struct group *found_group = getgrnam(group);
    if (!found_group)
        return complain(config, key, "group", group, report);
    ret_identity->gid = found_group->gr_gid;
    return 0;
}

const char *identity_become(const struct identity *identity)
{
    if (initgroups(identity->user, identity->gid) < 0)
        return "initgroups";
    if (setresgid(identity->gid, identity->gid, identity->gid) < 0)
        return "setresgid";
    if (setresuid(identity->uid, identity->uid, identity->uid) < 0)
        return "setresuid";
    /* A call that reports success without effect would be silent otherwise. */
    errno = EPERM;
    if (getuid() != identity->uid || geteuid() != identity->uid || getgid() != identity->gid ||
        getegid() != identity->gid)
        return "verifying who we are";
    if (identity->uid != 0 && (setuid(0) == 0 || seteuid(0) == 0))
        return "verifying that root cannot be regained";
    return NULL;
}
