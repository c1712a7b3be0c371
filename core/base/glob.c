/* glob.c: matches patterns. On a mismatch only the last "*" is tried anew, one byte further: what
 * those before it took need never change, so the time stays bounded whatever the pattern. */
#include "base/glob.h"

#include <stddef.h>

bool glob_matches(const char *pattern, struct sp_str text)
{
    const char *retry_pattern = NULL;
    uint64_t retry = 0;
    uint64_t i = 0;

    while (i < text.len) {
        if (*pattern == '*') {
            retry_pattern = ++pattern;
            retry = i;
        } else if (*pattern && (*pattern == '?' || *pattern == text.data[i])) {
            pattern++;
            i++;
        } else if (retry_pattern) {
            pattern = retry_pattern;
            i = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}
