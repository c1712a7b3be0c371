/*
 * core/keys: keys in files. hostkeys.h: the server's own: made when absent, checked, loaded.
 * Start-up only; blocks on files and on key generation.
 */
#ifndef SALLYPORT_KEYS_HOSTKEYS_H
#define SALLYPORT_KEYS_HOSTKEYS_H

#include <libssh/libssh.h>

#include "base/report.h"
#include "config/config.h"

/* Make the key files that are absent (mode 0600, if config->host_keys.generate), then check that
 * each can be read, is the effective user's or root's, is open to nobody else, and is a key.
 * Fingerprints go to the log. 0, or SP_ERR_INVALID with every fault in report. */
int hostkeys_ensure(const struct config *config, struct report *report);

/* Read every key. *ret_keys is an array that ends with NULL; free with hostkeys_free(). Keys that
 * two files have of one family are a fault: the library offers one of each. */
int hostkeys_load(const struct config *config, ssh_key **ret_keys, struct report *report);
void hostkeys_free(ssh_key *keys);

#endif
