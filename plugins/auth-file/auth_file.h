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

#include "common/authorized_keys.h"
#include "common/file.h"
#include "common/grant.h"
#include "common/key.h"
#include "common/log.h"
#include "common/password.h"

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

#endif
