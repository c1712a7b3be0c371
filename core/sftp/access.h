/*
 * access.h: what mounts permit that are not for reading and writing both. Called by
 * sftp_authorize() for the mounts of an operation, and where names are placed. Reactor thread.
 *
 * A write-only mount is a drop box, like a directory of mode 1733 whose files nobody may read:
 * files and directories can be left there and looked at one by one, by name; nothing can be read or
 * listed; what is there is not replaced, and only what the same channel has made is changed,
 * renamed or removed.
 */
#ifndef SALLYPORT_SFTP_ACCESS_H
#define SALLYPORT_SFTP_ACCESS_H

#include "sftp/operations.h"

/* SP_FS_OK, or what to refuse with and *ret_text. */
uint32_t sftp_access_check(const struct sftp_mount *mount, const struct sftp_operation *operation,
                           uint32_t flags, const char **ret_text);
/* The same for an operation's names (target: of a rename; NULL, or without a mount: none). Flags of
 * an open or a rename may be made stricter. */
uint32_t sftp_access_check_names(const struct sftp_tree *tree, const struct sftp_place *place,
                                 const struct sftp_place *target,
                                 const struct sftp_operation *operation, uint32_t *flags,
                                 const char **ret_text);
/* The channel has made what has this name now. */
void sftp_access_note(struct sftp_tree *tree, const struct sftp_place *place);
/* The channel has removed what had this name, or given it another one: who takes the name next need
 * not be the channel. */
void sftp_access_note_gone(struct sftp_tree *tree, const struct sftp_place *place);
void sftp_access_forget(struct sftp_tree *tree); /* the tree's end */

#endif
