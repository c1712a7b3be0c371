/*
 * core/sftp: files for users: the SFTP protocol and scp, over storage providers. A codec (codec.h)
 * turns bytes into requests; one table of operations (operations.h) says what each needs and who
 * may; the engine (engine.h) queues and runs them; a tree (tree.h) knows where a path leads; and
 * storage.h asks the provider. scp (scp.h) takes the same door with a protocol of its own.
 *
 * sftp.h: what the rest of the core sees of it.
 */
#ifndef SALLYPORT_SFTP_SFTP_H
#define SALLYPORT_SFTP_SFTP_H

#include <stdbool.h>

#include "session/session.h"

/* The subsystem "sftp" and the commands "scp", "md5sum" and its like; ends with a zeroed one. */
extern const struct session_builtin sftp_builtins[];

/* As the worker ends: whether hooks are still to be told of files that have come or gone, on this
 * thread; and that they may not wait for hashes any more. */
bool sftp_transfers_are_pending(void);
void sftp_transfers_hurry(void);

#endif
