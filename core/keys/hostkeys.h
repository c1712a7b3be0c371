/*
 * core/keys: keys in files, and what is asked of keys. hostkeys.h: the server's own, in sets: made
 * when absent, checked, loaded. Start-up only; blocks on files, on key generation and on deriving
 * keys from passphrases.
 */
#ifndef SALLYPORT_KEYS_HOSTKEYS_H
#define SALLYPORT_KEYS_HOSTKEYS_H

#include <libssh/libssh.h>

#include "base/report.h"
#include "config/config.h"

/* Make the key files that are absent (mode 0600, where the set's generate says so), then check that
 * each key of each set can be used. Fingerprints go to the log. 0, or SP_ERR_INVALID with every
 * fault in report. */
int hostkeys_ensure(const struct config *config, struct report *report);

/* Read every key of a set, which is one of config's. *ret_keys is an array that ends with NULL;
 * free with hostkeys_free(). Two keys of one family are a fault: the library offers one of each. */
int hostkeys_load(const struct config *config, const struct config_host_keys *set,
                  ssh_key **ret_keys, struct report *report);
void hostkeys_free(ssh_key *keys);

/* Where the set's key of that index, in the order of hostkeys_load(), came from: a file, or the
 * place in the configuration. */
void hostkeys_source(const struct config_host_keys *set, size_t index, char *ret_text, size_t size);

/* Every key is loaded, or none will be: wipe passphrases from this process's environment, and from
 * config the keys that are written there. */
void hostkeys_forget_secrets(const struct config *config);

/* What is told of a key, so that people can compare. */
struct hostkey_facts {
    const char *set; /* its name, or "" for "host_keys" */
    const char *source;
    const char *type;
    const char *sha256; /* as ssh-keygen -l prints them: "SHA256:…", "MD5:…"; … */
    const char *md5;    /* … "" where the library cannot */
};
/* Load each set and tell of each of its keys. 0, or SP_ERR_INVALID with every fault in report; of a
 * set with a fault nothing is told. */
int hostkeys_describe(const struct config *config,
                      void (*each)(const struct hostkey_facts *facts, void *arg), void *arg,
                      struct report *report);

#endif
