/*
 * snapshot.h: what plugins see of a connection, as one immutable block with a count of references:
 * a change makes a new block, so events on other threads keep the one they were given. References
 * may be taken and dropped on any thread.
 */
#ifndef SALLYPORT_SESSION_SNAPSHOT_H
#define SALLYPORT_SESSION_SNAPSHOT_H

#include <sallyport/plugin.h>

/* A copy of connection and everything it points to, with one reference. NULL: out of memory. */
const struct sp_connection *snapshot_new(const struct sp_connection *connection);
const struct sp_connection *snapshot_ref(const struct sp_connection *connection);
void snapshot_unref(const struct sp_connection *connection); /* NULL is fine */

#endif
