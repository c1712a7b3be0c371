/* auth_keys.h: what the files of this plugin share. Nothing of it changes after create(). */
#ifndef AUTH_KEYS_H
#define AUTH_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <sallyport/plugin.h>

#include "common/authorized_keys.h"
#include "common/file.h"
#include "common/grant.h"
#include "common/log.h"
#include "common/name.h"

struct json_t;

struct auth_keys {
    const struct sp_host *host;
    struct json_t *config; /* that all texts below lie in */
    struct json_t *files;
    struct json_t *principals;
    const char *principals_file; /* or NULL */
    bool system_users;
    bool strict_modes;
    bool environment;
    bool certificates;
    struct sp_grant grant; /* root and home are patterns */
};

/* Whom a question is about. */
struct person {
    char *name;
    char *home; /* of the system's user; NULL: unknown */
    uid_t uid;  /* who may own files beside root and the daemon */
};

/* path.c */
/* Whether a pattern holds nothing after % but u, % and, with with_home, h. */
bool pattern_is_sound(const char *pattern, bool with_home);
/* The pattern with all that replaced; malloc()ed. NULL: memory is out, or there is no home. */
char *pattern_expand(const char *pattern, const struct person *person);
/* Whether what pattern leads to may be believed: see "strict_modes". Else *ret_why. A file that is
 * not there is for the caller to find. */
bool path_is_strict(const char *path, const char *pattern, const struct person *person,
                    const char **ret_why);

/* principals.c: whether one of the certificate's principals stands for the person. */
bool principals_match(const struct auth_keys *self, const struct person *person,
                      const struct sp_certificate *certificate);

#endif
