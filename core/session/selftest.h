/* selftest.h: does the library notice a changed bit? Start-up; a few milliseconds. */
#ifndef SALLYPORT_SESSION_SELFTEST_H
#define SALLYPORT_SESSION_SELFTEST_H

#include <stdbool.h>

/* True if a packet under cipher with one bit flipped on its way is refused. False also if the test
 * could not be carried out: what is not proved is not offered. */
bool selftest_integrity(const char *cipher);

#endif
