/* algorithms.h: what this build's library can negotiate. Start-up and `sallyport check`. */
#ifndef SALLYPORT_SESSION_ALGORITHMS_H
#define SALLYPORT_SESSION_ALGORITHMS_H

#include <stdio.h>

#include "base/report.h"
#include "config/config.h"

/* Every name in config->algorithms that the library does not know is a fault that lists what it
 * does. 0 or SP_ERR_INVALID. */
int session_check_algorithms(const struct config *config, struct report *report);
/* One line a kind: "ciphers: aes256-gcm@openssh.com …". */
void session_print_algorithms(FILE *out);

#endif
