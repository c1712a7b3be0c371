/* privileges.h: whom a worker runs as. Both processes. */
#ifndef SALLYPORT_SUPERVISOR_PRIVILEGES_H
#define SALLYPORT_SUPERVISOR_PRIVILEGES_H

#include "base/report.h"
#include "config/config.h"

/* Whether workers of this configuration can become who they should be, from who we are now. 0 or
 * SP_ERR_INVALID, and report tells. */
int privileges_check(const struct config *config, struct report *report);
/* Programs started from now on cannot gain privileges (set-user-ID has no effect). The kernel keeps
 * this for each thread, which inherits it: call before there are others. No effect when
 * privileges_drop() has none. 0 or negative, and report tells. */
int privileges_forgo(const struct config *config, struct report *report);
/* Become that user, for good. No effect when not root, or when the configuration says "root". 0 or
 * negative, and report tells; then the process must end. After privileges_forgo(). */
int privileges_drop(const struct config *config, struct report *report);

#endif
