/* str.h: comparing the strings of the ABI, which have a length and may lack a NUL. */
#ifndef SALLYPORT_BASE_STR_H
#define SALLYPORT_BASE_STR_H

#include <stdbool.h>
#include <string.h>

#include <sallyport/types.h>

static inline bool str_is(struct sp_str str, const char *text)
{
    return str.len == strlen(text) && memcmp(str.data, text, (size_t)str.len) == 0;
}

#endif
