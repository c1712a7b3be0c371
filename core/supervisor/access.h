/*
 * access.h: where clients may come from, by the configured lists. Supervisor's thread.
 */
#ifndef SALLYPORT_SUPERVISOR_ACCESS_H
#define SALLYPORT_SUPERVISOR_ACCESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "config/config.h"

/* "deny" has the last word; who is not in "allow" is refused if that has any entry. What is no IP
 * address is refused by any list. */
bool access_allows(const struct config_access *access, const struct sockaddr *address);

#endif
