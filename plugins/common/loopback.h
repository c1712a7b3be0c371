/* loopback.h: what does not leave the machine may go in the clear. Any thread. */
#ifndef PLUGINS_COMMON_LOOPBACK_H
#define PLUGINS_COMMON_LOOPBACK_H

#include <stdbool.h>

/* Whether a host, by name or address (IPv6 with or without brackets), is this machine itself. No
 * name server is asked: of names only "localhost" is. */
bool host_is_loopback(const char *host);

#endif
