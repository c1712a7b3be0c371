/*
 * mounts.h: which of the configuration's mounts a user has, where each begins, and what root the
 * provider is told. Called by tree.c when a tree is made and freed. Reactor thread.
 */
#ifndef SALLYPORT_SFTP_MOUNTS_H
#define SALLYPORT_SFTP_MOUNTS_H

#include "sftp/tree.h"

/* Fill tree->mounts, in the order of sftp_mounts_compare(); all else of the tree is there. 0 or
 * SP_ERR_NOMEM. */
int sftp_mounts_choose(struct sftp_tree *tree, struct plugin_host *host);
/* The provider of the mount at this place in the order has been started anew: what takes its place
 * now, or the mount itself if memory is out. */
struct sftp_mount *sftp_mounts_renew(struct sftp_tree *tree, size_t at);
void sftp_mounts_free(struct sftp_tree *tree);

/* The order of paths in which what lies below a path follows it directly: "/" is the least of all
 * bytes. */
int sftp_mounts_compare(const char *a, const char *b);

#endif
