/*
 * auth_file.h: what the files of this plugin share.
 *
 * A struct users is one reading of the users file: built once, then never changed, and counted, so
 * that a question that began with it may end with it while a newer one is already in use.
 */
#ifndef AUTH_FILE_H
#define AUTH_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include <sallyport/plugin.h>

#include "common/file.h"
#include "common/log.h"

/* A public key, as on the wire. */
struct key {
    uint8_t *blob;
    size_t length;
};

struct user {
    const char *name;
    const char *hash; /* crypt(5), or NULL: no password matches */
    struct key *keys;
    size_t keys_count;
    const char *authorized_keys; /* path that may hold %u and %%, or NULL */
    struct sp_grant grant;
};

struct users;

/* users.c: any thread. */

/* Read the file that stat describes. On failure NULL, and the log says what is wrong and where. */
struct users *users_load(const struct sp_host *host, const char *path, struct stat *ret_stat);
struct users *users_ref(struct users *users);
void users_unref(struct users *users); /* NULL is fine */
/* NULL if there is none of that name. */
const struct user *users_find(const struct users *users, struct sp_str name);
/* A hash for users who have none, so that they cost what the others cost. */
const char *users_decoy(const struct users *users);

/* user.c: one entry of the file. */

struct json_t;
/* Memory is from malloc() and ends with user_clear(). On failure ret_text (256 bytes) says why. */
int user_parse(struct json_t *entry, struct user *ret_user, char *ret_text);
void user_clear(struct user *user);

/* password.c: any thread. */

/* Whether hash is of a method that this plugin takes; else why says what to do. */
bool password_hash_usable(const char *hash, const char **ret_why);
/* A hash that no password matches, for a file in which nobody has one. NULL: memory is out. */
char *password_decoy(void);
/* Takes as long as the hash's method wants, whatever the outcome. */
bool password_matches(struct sp_str password, const char *hash);

/* keys.c: any thread. */

/* The key in a line "type base64 comment"; false if there is none. */
bool key_parse(const char *line, size_t length, struct key *ret_key);
void key_clear(struct key *key);
/* In a time that does not depend on where they differ. */
bool key_equal(const struct key *key, struct sp_str blob);

/* What the options of an authorized_keys line take from and give to a grant. */
struct key_options {
    uint32_t permit; /* SP_PERMIT_* that remain */
    char *command;   /* forced, or NULL */
};
/* Look for blob in that file. Lines that ask for a restriction unknown here are passed over, with a
 * line in the log. True if it was found; the caller frees ret_options->command. */
bool authorized_keys_find(const struct sp_host *host, const char *path, struct sp_str blob,
                          struct key_options *ret_options);

/* options.c: the options before a key. ret_length is how much of line they take. False if one of
 * them is unknown or malformed; ret_text (128 bytes) says which. */
bool key_options_parse(const char *line, size_t length, struct key_options *ret_options,
                       size_t *ret_length, char *ret_text);

#endif
