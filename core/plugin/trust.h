/*
 * trust.h: files that decide what code is run: opened so that nobody but root, this user and one
 * named owner can have put them there. Any thread.
 */
#ifndef SALLYPORT_PLUGIN_TRUST_H
#define SALLYPORT_PLUGIN_TRUST_H

#include <sys/types.h>

#include "base/report.h"

/* Open directory (through symbolic links, as the operator names it) and check it. A descriptor or
 * SP_ERR_NOT_FOUND (without a complaint), SP_ERR_INVALID, SP_ERR_SYSTEM. */
int trust_open_directory(const char *directory, uid_t owner, struct report *report);
/* Open a regular file below a directory that was opened so. No component may be a symbolic link.
 * shown is its name in complaints. Errors as above. */
int trust_open_file(int directory, const char *path, const char *shown, uid_t owner,
                    struct report *report);

#endif
