/* glob.h: patterns with "*" (any text, also none) and "?" (one byte). Any thread. */
#ifndef SALLYPORT_BASE_GLOB_H
#define SALLYPORT_BASE_GLOB_H

#include <stdbool.h>

#include <sallyport/types.h>

/* Whether pattern describes all of text. Takes time in proportion to both lengths' product at
 * worst. */
bool glob_matches(const char *pattern, struct sp_str text);

#endif
