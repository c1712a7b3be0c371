/*
 * pairs.h: extended attributes: SFTP's pairs of name and value, as the kernel's user.NAME. Pool
 * threads.
 */
#ifndef FS_POSIX_PAIRS_H
#define FS_POSIX_PAIRS_H

#include <stdint.h>

#include <sallyport/plugin.h>

/* Of name in the directory fd, not following a link, or of fd itself if name is "". In one piece of
 * memory, to be freed; NULL where there are none. 0 or -errno. */
int pairs_get(int fd, const char *name, struct sp_pair **ret_pairs, uint64_t *ret_count);
/* Others stay as they are. 0 or -errno. */
int pairs_set(int fd, const struct sp_pair *pairs, uint64_t count);

#endif
