/* secret.h: text that is wiped before its memory is given back, and is never passed to the log. */
#ifndef SALLYPORT_BASE_SECRET_H
#define SALLYPORT_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

void secret_wipe(void *data, size_t len); /* cannot be optimised away */
/* malloc()ed copy, NUL-terminated; NULL if memory is out. Free with secret_free(). */
char *secret_copy(const void *data, size_t len);
void secret_free(char *secret, size_t len); /* NULL is fine */
/* In a time that depends only on len. */
bool secret_equal(const void *a, const void *b, size_t len);

#endif
