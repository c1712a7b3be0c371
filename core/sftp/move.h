/*
 * move.h: a file goes from one mount to another: copied, then removed where it was. For renames
 * across mounts. Reactor thread.
 *
 * The target appears under its own name only if it is new; else it is written under another name
 * beside it and takes its place when it is complete. What fails, or is cancelled, leaves the source
 * and removes what there is of the target. Once the copy is complete, to be cut off can leave both.
 */
#ifndef SALLYPORT_SFTP_MOVE_H
#define SALLYPORT_SFTP_MOVE_H

#include <stdbool.h>
#include <stdint.h>

#include "sftp/tree.h"

struct sftp_move;

/* text: with an error, what to tell the user; valid during the call. The move is gone after it. */
typedef void sftp_move_done(void *arg, uint32_t status, struct sp_str text);

/* NULL: out of memory. Nothing happens before sftp_move_run(). */
struct sftp_move *sftp_move_new(struct sftp_tree *tree, const struct sftp_place *from,
                                const struct sftp_place *to, bool overwrite, sftp_move_done *done,
                                void *arg);
/* done comes exactly once, perhaps before this returns. */
void sftp_move_run(struct sftp_move *move);
/* No done after this: the move cleans up by itself. */
void sftp_move_cancel(struct sftp_move *move);

#endif
