/* rules.c: sftp-rules' rules. See rules.h. */
#include "sftp-rules/rules.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/family.h"
#include "common/pattern.h"

static enum policy policy_of(const json_t *object, const char *key, enum policy otherwise)
{
    const char *word = json_string_value(json_object_get(object, key));
    if (!word)
        return otherwise;
    if (strcmp(word, "deny") == 0)
        return POLICY_DENY;
    return strcmp(word, "allow") == 0 ? POLICY_ALLOW : POLICY_IGNORE;
}

static bool take_rule(struct rule *rule, const json_t *object)
{
    const json_t *operations = json_object_get(object, "operations");
    const json_t *text = json_object_get(object, "text");
    json_int_t size_max = json_integer_value(json_object_get(object, "size_max"));
    *rule = (struct rule){
        .ignores_case = json_is_true(json_object_get(object, "ignore_case")),
        .is_hidden = json_is_true(json_object_get(object, "hidden")),
        .is_read_only = json_is_true(json_object_get(object, "read_only")),
        .operations = operations ? families_take(operations) : RULE_OPERATIONS,
        .size_max = size_max > 0 ? (uint64_t)size_max : UINT64_MAX,
        .set_owner = policy_of(object, "set_owner", POLICY_ALLOW),
        .set_permissions = policy_of(object, "set_permissions", POLICY_ALLOW),
        .set_times = policy_of(object, "set_times", POLICY_ALLOW),
        .set_other = policy_of(object, "set_other", POLICY_ALLOW),
        .special_bits = policy_of(object, "special_bits", POLICY_IGNORE),
        .text = {json_string_value(text), json_string_length(text)},
    };
    if (rule->is_read_only)
        rule->operations &= RULE_READS;
    return who_take(&rule->who, object) && text_list_take(&rule->paths, object, "paths") &&
           text_list_take(&rule->names_allow, object, "names_allow") &&
           text_list_take(&rule->names_deny, object, "names_deny");
}

bool rules_take(struct rules *rules, const struct json_t *config)
{
    const json_t *list = json_object_get(config, "rules");
    const char *otherwise = json_string_value(json_object_get(config, "default"));
    size_t count = json_array_size(list);
    *rules = (struct rules){.items = calloc(count + 1, sizeof *rules->items)};
    if (!rules->items)
        return false;
    while (rules->count < count) {
        struct rule *rule = &rules->items[rules->count];
        const json_t *object = json_array_get(list, rules->count++);
        if (!take_rule(rule, object))
            return false;
        rules->hide |= rule->is_hidden;
        rules->have_sizes |= rule->size_max != UINT64_MAX;
    }
    rules->items[rules->count++] = (struct rule){
        .operations = otherwise && strcmp(otherwise, "deny") == 0 ? 0 : RULE_OPERATIONS,
        .size_max = UINT64_MAX,
        .special_bits = POLICY_IGNORE,
    };
    return true;
}

void rules_clear(struct rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        who_clear(&rules->items[i].who);
        text_list_clear(&rules->items[i].paths);
        text_list_clear(&rules->items[i].names_allow);
        text_list_clear(&rules->items[i].names_deny);
    }
    free(rules->items);
    *rules = (struct rules){0};
}

static bool covers(const struct rule *rule, struct sp_str path)
{
    for (size_t i = 0; i < rule->paths.count; i++)
        if (pattern_covers(rule->paths.items[i], path, rule->ignores_case))
            return true;
    return rule->paths.count == 0;
}

const struct rule *rules_find(const struct rules *rules, const struct sp_connection *connection,
                              struct sp_str path)
{
    const struct rule *rule = rules->items;
    while (rule < &rules->items[rules->count - 1] &&
           !(covers(rule, path) && who_means(&rule->who, connection)))
        rule++;
    return rule;
}

bool rules_bind_to_name(const struct rules *rules, const struct sp_connection *connection,
                        struct sp_str from, struct sp_str to)
{
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->items[i];
        for (size_t k = 0; k < rule->paths.count; k++) {
            struct sp_str pattern = rule->paths.items[k];
            if (pattern_may_lie_below(pattern, from, rule->ignores_case) &&
                !pattern_may_lie_below(pattern, to, rule->ignores_case) &&
                who_means(&rule->who, connection))
                return true;
        }
    }
    return false;
}

bool rule_allows_name(const struct rule *rule, struct sp_str path, bool is_directory)
{
    struct sp_str name = path_name(path);
    if (text_list_matches(&rule->names_deny, name, rule->ignores_case))
        return false;
    return is_directory || rule->names_allow.count == 0 ||
           text_list_matches(&rule->names_allow, name, rule->ignores_case);
}
