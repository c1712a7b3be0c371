/* identity.h: accounts by name, and becoming one. Any of the daemon's processes. */
#ifndef SALLYPORT_SUPERVISOR_IDENTITY_H
#define SALLYPORT_SUPERVISOR_IDENTITY_H

#include <sys/types.h>

#include "base/report.h"
#include "config/config.h"

struct identity {
    const char *user;
    uid_t uid;
    gid_t gid;
};

/* Look an account up; group NULL: the user's own. The names stand in config at key + "/user" and
 * "/group". 0 or SP_ERR_INVALID, and report tells. Blocks on the system's databases. */
int identity_find(const struct config *config, const char *key, const char *user, const char *group,
                  struct identity *ret_identity, struct report *report);
/* Become it, for good. NULL, or the step that failed; errno tells why. */
const char *identity_become(const struct identity *identity);

#endif
