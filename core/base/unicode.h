/* unicode.h: characters that text from strangers must not smuggle in. Any thread. */
#ifndef SALLYPORT_BASE_UNICODE_H
#define SALLYPORT_BASE_UNICODE_H

#include <stdbool.h>
#include <stdint.h>

/* True for characters that act on a terminal, cannot be seen, end a line or turn the direction of
 * writing. */
bool unicode_is_deceptive(uint32_t point);

#endif
