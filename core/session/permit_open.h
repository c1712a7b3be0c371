/* permit_open.h: where a user's tunnels may lead. Pure functions; any thread. */
#ifndef SALLYPORT_SESSION_PERMIT_OPEN_H
#define SALLYPORT_SESSION_PERMIT_OPEN_H

#include <stdbool.h>

#include <sallyport/types.h>

/* Whether the grant lists host:port, or lists nothing. A row is "host:port", "[address]:port", and
 * "*" stands for any host or any port. */
bool permit_open_allows(const struct sp_grant *grant, struct sp_str host, uint32_t port);
/* Likewise of a path, which a row names as it is. */
bool permit_open_allows_path(const struct sp_grant *grant, struct sp_str path);

#endif
