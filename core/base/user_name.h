/* user_name.h: which user names go further than the door. Any thread. */
#ifndef SALLYPORT_BASE_USER_NAME_H
#define SALLYPORT_BASE_USER_NAME_H

#include <stdbool.h>

/* False for names that could do harm in a path, a log, a query or a shell: empty or over 255 bytes,
 * with control characters or any of / \ ' " ` $ % ; | & < > ( ), beginning with "-" or ".", not
 * UTF-8, or with characters that are invisible or turn the direction of writing. */
bool user_name_is_sound(const char *name);

#endif
