/* file.h: the contents of a file of keys, after it was found right. Start-up only; blocks. */
#ifndef SALLYPORT_KEYS_FILE_H
#define SALLYPORT_KEYS_FILE_H

#include <stdbool.h>
#include <stddef.h>

#define KEY_FILE_WHY_SIZE 256

/* A regular file of at most most bytes that is root's or the effective user's and that nobody else
 * may write; with is_secret nobody else may read it either. Checked on the very descriptor that is
 * read; a FIFO or a device is never waited for. *ret_text, NUL-terminated, ends with secret_free()
 * of its length + 1. 0; or SP_ERR_INVALID with ret_why (KEY_FILE_WHY_SIZE), errno ENOENT if it is
 * absent. */
int key_file_read(const char *path, size_t most, bool is_secret, char **ret_text, size_t *ret_len,
                  char *ret_why);

#endif
