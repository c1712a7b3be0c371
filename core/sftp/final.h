/*
 * final.h: files that are written under another name until they are complete
 * (SP_SFTP_CHANGE_FINAL): whoever has closed one gives it its name with these, or removes the part.
 * Reactor thread.
 */
#ifndef SALLYPORT_SFTP_FINAL_H
#define SALLYPORT_SFTP_FINAL_H

#include "sftp/storage.h"

/* Whether a file that is opened at place may be given the name path later. SP_FS_OK, or what to
 * refuse the opening with and *ret_text. */
uint32_t sftp_final_check(struct sftp_tree *tree, const struct sftp_place *place, const char *path,
                          const char **ret_text);
/* Fill in the event that gives path, of mount, the name final_path; flags are those it was opened
 * with. False: that cannot be. */
bool sftp_final_rename(struct sftp_call *call, struct sftp_tree *tree,
                       const struct sftp_mount *mount, const char *path, const char *final_path,
                       uint32_t flags);
/* Fill in the event that removes it; final_flags are SP_SFTP_FINAL_*. False: it stays. */
bool sftp_final_remove(struct sftp_call *call, struct sftp_tree *tree,
                       const struct sftp_mount *mount, const char *path, uint32_t final_flags);

#endif
