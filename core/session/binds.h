/*
 * binds.h: what the SSH library needs to begin a connection, for each set of host keys: a bag of
 * keys and algorithms, which it calls a bind and which never listens. Reactor thread.
 */
#ifndef SALLYPORT_SESSION_BINDS_H
#define SALLYPORT_SESSION_BINDS_H

#include <libssh/server.h>

#include <sallyport/types.h>

#include "base/report.h"
#include "config/config.h"

struct binds;

/* Without keys as yet. signatures: those accepted from clients. 0 or negative. */
int binds_new(const struct config *config, const char *signatures, struct binds **ret_binds,
              struct report *report);
/* Read the keys of every set, and forget what opened them. Blocks on files. 0 or negative. */
int binds_load_keys(struct binds *binds, struct report *report);
/* The one for the set of that name; "" is the configuration's "host_keys". NULL: there is none. */
ssh_bind binds_find(const struct binds *binds, struct sp_str set);
/* The names of the signatures that the set's keys make, and of the ciphers that are offered, both
 * comma-separated. */
const char *binds_signers(const struct binds *binds, ssh_bind bind);
const char *binds_ciphers(const struct binds *binds);
void binds_free(struct binds *binds); /* NULL is fine */

#endif
