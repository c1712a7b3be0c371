/* who.c: lists of users and groups in rules of hooks. Any thread. */
#include "common/who.h"

#include <stdlib.h>

#include <jansson.h>

#include "common/pattern.h"

bool text_list_take(struct text_list *list, const struct json_t *object, const char *key)
{
    const json_t *array = json_object_get(object, key);
    size_t count = json_array_size(array);
    *list = (struct text_list){0};
    if (count == 0)
        return true;
    list->items = calloc(count, sizeof *list->items);
    if (!list->items)
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(array, i);
        list->items[i] = (struct sp_str){json_string_value(item), json_string_length(item)};
    }
    list->count = count;
    return true;
}

void text_list_clear(struct text_list *list)
{
    free(list->items);
    *list = (struct text_list){0};
}

bool text_list_matches(const struct text_list *patterns, struct sp_str name, bool ignores_case)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (pattern_matches(patterns->items[i], name, ignores_case))
            return true;
    return false;
}

bool who_take(struct who *who, const struct json_t *object)
{
    return text_list_take(&who->users, object, "users") &&
           text_list_take(&who->groups, object, "groups");
}

void who_clear(struct who *who)
{
    text_list_clear(&who->users);
    text_list_clear(&who->groups);
}

bool who_means(const struct who *who, const struct sp_connection *connection)
{
    if (who->users.count == 0 && who->groups.count == 0)
        return true;
    if (!connection)
        return false;
    if (text_list_matches(&who->users, connection->user, false))
        return true;
    const struct sp_grant *grant = connection->grant;
    for (uint64_t i = 0; grant && i < grant->groups_count; i++)
        if (text_list_matches(&who->groups, grant->groups[i], false))
            return true;
    return false;
}
