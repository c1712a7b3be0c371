/* plugins/common: what several bundled plugins need. file.h: reading files that somebody else may
 * have put there. Any thread. */
#ifndef PLUGINS_COMMON_FILE_H
#define PLUGINS_COMMON_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* The contents of a regular file of at most most bytes, NUL-terminated; malloc()ed. NULL with why
 * set, and *ret_stat zero if it could not be read at all. Never blocks on a FIFO or a device.
 * Others than the owner may not write it; with is_private they may not read it either, and it must
 * be root's or the daemon's. */
char *file_read(const char *path, size_t most, bool is_private, size_t *ret_length,
                struct stat *ret_stat, const char **ret_why);

#endif
