/*
 * rules.h: the rules of sftp-rules: out of the configuration, and the one that is for a path. Any
 * thread.
 */
#ifndef SFTP_RULES_RULES_H
#define SFTP_RULES_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sallyport/plugin.h>

#include "common/who.h"

struct json_t;

enum policy { POLICY_ALLOW, POLICY_IGNORE, POLICY_DENY };

struct rule {
    struct who who;
    struct text_list paths;
    struct text_list names_allow, names_deny;
    bool ignores_case, is_hidden, is_read_only;
    uint32_t operations; /* SP_SFTP_*, of those that RULE_OPERATIONS has */
    uint64_t size_max;   /* UINT64_MAX: any */
    enum policy set_owner, set_permissions, set_times, set_other;
    enum policy special_bits; /* POLICY_IGNORE: strip */
    struct sp_str text;
};

#define RULE_OPERATIONS                                                                            \
    (SP_SFTP_DIRECTORY_CREATE | SP_SFTP_DIRECTORY_LIST | SP_SFTP_DIRECTORY_REMOVE | SP_SFTP_READ | \
     SP_SFTP_WRITE | SP_SFTP_REMOVE | SP_SFTP_RENAME | SP_SFTP_ATTRIBUTES_GET |                    \
     SP_SFTP_ATTRIBUTES_SET | SP_SFTP_LINK | SP_SFTP_LOCK)
#define RULE_READS (SP_SFTP_DIRECTORY_LIST | SP_SFTP_READ | SP_SFTP_ATTRIBUTES_GET | SP_SFTP_LOCK)

struct rules {
    struct rule *items; /* the last is the default: for everybody and everything */
    size_t count;
    bool hide; /* some rule does */
    bool have_sizes;
};

/* False: memory is out. Text stays in config, which must outlive the rules. */
bool rules_take(struct rules *rules, const struct json_t *config);
void rules_clear(struct rules *rules);

/* The rule for a path; never NULL. */
const struct rule *rules_find(const struct rules *rules, const struct sp_connection *connection,
                              struct sp_str path);
/* Whether renaming a directory would bring what lies in it out of the reach of a rule for it. */
bool rules_bind_to_name(const struct rules *rules, const struct sp_connection *connection,
                        struct sp_str from, struct sp_str to);
/* Whether something may be called so, as the rule has it. */
bool rule_allows_name(const struct rule *rule, struct sp_str path, bool is_directory);

#endif
