/* password.h: passwords against crypt(5) hashes. Any thread. */
#ifndef PLUGINS_COMMON_PASSWORD_H
#define PLUGINS_COMMON_PASSWORD_H

#include <stdbool.h>

#include <sallyport/plugin.h>

/* Whether hash is of a method that is taken; else why says what to do. */
bool password_hash_usable(const char *hash, const char **ret_why);
/* A hash that no password matches, for where nobody has one. NULL: memory is out. */
char *password_decoy(void);
/* Takes as long as the hash's method wants, whatever the outcome. */
bool password_matches(struct sp_str password, const char *hash);

#endif
