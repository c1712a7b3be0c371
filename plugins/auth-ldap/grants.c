/*
 * grants.c: what a user's entry and groups are worth. Called by auth-ldap.c. Any thread.
 */
#include "auth_ldap.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define VALUES_MOST 256

void attributes_wanted(const struct options *options, const char **ret_list)
{
    size_t count = 0;
    const char *key;
    json_t *name;
    if (*options->keys_attribute)
        ret_list[count++] = options->keys_attribute;
    if (*options->group_attribute)
        ret_list[count++] = options->group_attribute;
    json_object_foreach((json_t *)(uintptr_t)options->attributes, key, name)
    {
        if (count < ATTRIBUTES_MOST - 1)
            ret_list[count++] = json_string_value(name);
    }
    ret_list[count] = NULL;
}

static const json_t *values_of(const json_t *entry, const char *attribute)
{
    return json_object_get(json_object_get(entry, "values"), attribute);
}

static bool add_values(json_t *names, const json_t *values)
{
    return !values || json_array_extend(names, (json_t *)(uintptr_t)values) == 0;
}

json_t *group_names(const struct options *options, const json_t *entry, const json_t *groups)
{
    json_t *names = json_array();
    bool ok = names && (!*options->group_attribute ||
                        add_values(names, values_of(entry, options->group_attribute)));
    for (size_t i = 0; ok && i < json_array_size(groups); i++)
        ok = add_values(names, values_of(json_array_get(groups, i), options->group_name));
    if (ok)
        return names;
    json_decref(names);
    return NULL;
}

static bool is_member(const json_t *names, const char *group)
{
    for (size_t i = 0; i < json_array_size(names); i++)
        if (strcasecmp(json_string_value(json_array_get(names, i)), group) == 0)
            return true;
    return false;
}

/* The first of group_grants whose group the user is in; NULL if there is none. */
static const json_t *grant_of_groups(const struct options *options, const json_t *names)
{
    for (size_t i = 0; i < json_array_size(options->group_grants); i++) {
        const json_t *item = json_array_get(options->group_grants, i);
        if (is_member(names, json_string_value(json_object_get(item, "group"))))
            return json_object_get(item, "grant");
    }
    return NULL;
}

/* The entry's own attributes go before what is configured for all. */
static int take_attributes(const struct options *options, const json_t *entry, json_t *grant,
                           char *ret_why)
{
    const char *key;
    json_t *name;
    json_object_foreach((json_t *)(uintptr_t)options->attributes, key, name)
    {
        const json_t *list = values_of(entry, json_string_value(name));
        const char *texts[VALUES_MOST];
        size_t count = json_array_size(list);
        if (count == 0)
            continue;
        for (size_t i = 0; i < count && i < VALUES_MOST; i++)
            texts[i] = json_string_value(json_array_get(list, i));
        json_t *value = count <= VALUES_MOST ? grant_value_from_text(key, texts, count) : NULL;
        if (!value || json_object_set_new(grant, key, value) < 0) {
            snprintf(ret_why, WHY_SIZE, "attribute %.64s: cannot be a grant's \"%.64s\"",
                     json_string_value(name), key);
            return SP_E_FAILED;
        }
    }
    return 0;
}

int grant_from_entry(const struct options *options, struct sp_str user, const json_t *entry,
                     json_t *names, struct sp_grant *ret_grant, json_t **ret_json, char *ret_why)
{
    char why[GRANT_TEXT_SIZE];
    const json_t *of_group = grant_of_groups(options, names);
    if (!of_group && options->must_be_in_group)
        return 0;
    *ret_json = grant_for_user(of_group ? of_group : options->grant, user);
    if (!*ret_json) {
        snprintf(ret_why, WHY_SIZE, "the user's name cannot be part of a path, or memory is out");
        return SP_E_FAILED;
    }
    if (json_array_size(names) && !json_object_get(*ret_json, "groups") &&
        json_object_set(*ret_json, "groups", names) < 0)
        return SP_E_NOMEM;
    int rc = take_attributes(options, entry, *ret_json, ret_why);
    if (rc < 0)
        return rc;
    rc = grant_parse(*ret_json, ret_grant, why);
    if (rc < 0)
        snprintf(ret_why, WHY_SIZE, "the user's grant: %s", why);
    return rc < 0 ? rc : 1;
}

bool entry_has_key(const struct options *options, const json_t *entry, struct sp_str blob,
                   unsigned *ret_malformed)
{
    const json_t *lines = values_of(entry, options->keys_attribute);
    bool found = false;
    *ret_malformed = 0;
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i);
        struct key key;
        if (!key_parse(json_string_value(line), json_string_length(line), &key)) {
            ++*ret_malformed;
            continue;
        }
        found |= key_equal(&key, blob);
        key_clear(&key);
    }
    return found;
}
