/*
 * auth_ldap.h: what the files of this plugin share.
 *
 * For each question directory.c opens a connection, binds and searches; what it finds are entries
 * as JSON: {"dn": "…", "values": {"attribute": ["…"]}}. grants.c makes a grant of them.
 */
#ifndef AUTH_LDAP_H
#define AUTH_LDAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sallyport/plugin.h>

#include "common/grant.h"
#include "common/key.h"
#include "common/log.h"

struct json_t;

#define WHY_SIZE 512 /* of what ret_why points to: a line for the log, never a secret */
#define GROUPS_MOST 512
#define ATTRIBUTES_MOST 20

/* options.c: the configuration, checked. Strings belong to json; "" is not configured. */
struct options {
    struct json_t *json;
    const char *uri;
    const char *ca_file;
    bool has_start_tls;
    const char *bind_dn; /* "": search first */
    const char *service_dn;
    char *service_password; /* malloc()ed, or NULL */
    const char *base;
    int scope;
    const char *filter;
    const char *keys_attribute;
    const char *group_attribute; /* of the user's entry */
    const char *group_base;      /* or of a search */
    const char *group_filter;
    const char *group_name;
    bool must_be_in_group;
    const struct json_t *grant;
    const struct json_t *group_grants;
    const struct json_t *attributes; /* from a grant's key to the attribute's name */
    int64_t timeout_ms;
};
int options_read(const struct sp_host *host, const char *config_json, struct options *ret_options);
void options_clear(struct options *options);

/* template.c: the template with %u and %d replaced, escaped so that they stay values, in a filter
 * and in a DN alike, whatever they hold; malloc()ed. */
char *template_expand(const char *template, struct sp_str user, const char *dn);
/* Whether a template holds nothing after "%" but these letters and "%". */
bool template_is_sound(const char *template, const char *letters);

/* directory.c: a connection, used by one thread. Everything ends by the deadline. */
struct directory;
/* With TLS if configured. 0 or negative. */
int directory_open(const struct options *options, struct directory **ret_directory, char *ret_why);
void directory_close(struct directory *directory); /* NULL is fine */
/* 1: the password is right; 0: it is not, or there is no such entry; negative: a failure. An empty
 * password is never sent with a DN: servers take that for an anonymous bind, and say yes. */
int directory_bind(struct directory *directory, const char *dn, struct sp_str password,
                   char *ret_why);
/* An array of at most most entries; more are a failure. attributes ends with NULL. */
int directory_search(struct directory *directory, const char *base, int scope, const char *filter,
                     const char *const *attributes, int most, struct json_t **ret_entries,
                     char *ret_why);

/* grants.c */

/* The attributes that options ask for, ending with NULL. */
void attributes_wanted(const struct options *options, const char **ret_list);
/* The names of the user's groups: of the entry's attribute, and of entries of groups (NULL: none).
 * NULL: memory is out. */
struct json_t *group_names(const struct options *options, const struct json_t *entry,
                           const struct json_t *groups);
/* What the user is granted; the grant's text is *ret_json's. 0: refused, since a group is required;
 * 1: granted; negative: a failure. */
int grant_from_entry(const struct options *options, struct sp_str user, const struct json_t *entry,
                     struct json_t *names, struct sp_grant *ret_grant, struct json_t **ret_json,
                     char *ret_why);
/* Whether blob is among the entry's keys; those that are malformed are counted. */
bool entry_has_key(const struct options *options, const struct json_t *entry, struct sp_str blob,
                   unsigned *ret_malformed);

#endif
