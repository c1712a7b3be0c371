/*
 * support.h: what a storage provider says it can do beyond the least (sp_fs_support), and so what
 * it is not asked for. Called by storage.c and by what tells clients of it. Pure functions.
 */
#ifndef SALLYPORT_SFTP_SUPPORT_H
#define SALLYPORT_SFTP_SUPPORT_H

#include <stdint.h>

#include <sallyport/fs.h>

struct sftp_call;

/* told: in the reply to attach, or NULL: the provider said nothing, and can do the least. */
void sftp_support_init(struct sp_fs_support *support, const struct sp_fs_support *told);
/* Add what another can do: of a tree of several. */
void sftp_support_add(struct sp_fs_support *all, const struct sp_fs_support *one);
/* A call that is about to go to the provider: takes off flags that the core sees to itself, or that
 * are hints. SP_FS_OK, or a status to answer with in its place, and *ret_text. */
uint32_t sftp_support_check(const struct sp_fs_support *support, struct sftp_call *call,
                            const char **ret_text);

#endif
