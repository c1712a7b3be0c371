/*
 * grant.c: what a user may do, from JSON or plain text to a struct sp_grant. Called by the plugins
 * that find users somewhere. Any thread.
 */
#include "common/grant.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    uint32_t bit;
} permits[] = {
    {"sftp", SP_PERMIT_SFTP},
    {"exec", SP_PERMIT_EXEC},
    {"shell", SP_PERMIT_SHELL},
    {"pty", SP_PERMIT_PTY},
    {"env", SP_PERMIT_ENV},
    {"subsystem", SP_PERMIT_SUBSYSTEM},
    {"tunnel_forward", SP_PERMIT_TUNNEL_FORWARD},
    {"tunnel_reverse", SP_PERMIT_TUNNEL_REVERSE},
    {"agent", SP_PERMIT_AGENT},
    {"x11", SP_PERMIT_X11},
    {"channel", SP_PERMIT_CHANNEL},
};

enum kind {
    KIND_TEXT,
    KIND_SWITCH,
    KIND_NUMBER,
    KIND_LONG_NUMBER,
    KIND_PERMIT,
    KIND_LIST,
    KIND_PAIRS
};

#define AT(field) offsetof(struct sp_grant, field)

static const struct member {
    const char *name;
    enum kind kind;
    size_t offset;
    size_t count_offset; /* lists and pairs */
} members[] = {
    {"permit", KIND_PERMIT, AT(permit), 0},
    {"read_only", KIND_SWITCH, AT(read_only), 0},
    {"restrict_to_home", KIND_SWITCH, AT(restrict_to_home), 0},
    {"root", KIND_TEXT, AT(root), 0},
    {"home", KIND_TEXT, AT(home), 0},
    {"forced_command", KIND_TEXT, AT(forced_command), 0},
    {"system_user", KIND_TEXT, AT(system_user), 0},
    {"idle_timeout_ms", KIND_LONG_NUMBER, AT(idle_timeout_ms), 0},
    {"groups", KIND_LIST, AT(groups), AT(groups_count)},
    {"environment", KIND_PAIRS, AT(environment), AT(environment_count)},
    {"attributes", KIND_PAIRS, AT(attributes), AT(attributes_count)},
    {"permit_open", KIND_LIST, AT(permit_open), AT(permit_open_count)},
    {"permit_listen", KIND_LIST, AT(permit_listen), AT(permit_listen_count)},
    {"channels_max", KIND_NUMBER, AT(channels_max), 0},
    {"handles_max", KIND_NUMBER, AT(handles_max), 0},
};

static const struct member *find_member(const char *key)
{
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (strcmp(members[i].name, key) == 0)
            return &members[i];
    return NULL;
}

static int wrong(char *ret_text, const char *key, const char *what)
{
    snprintf(ret_text, GRANT_TEXT_SIZE, "\"%.64s\": %s", key, what);
    return SP_E_INVALID;
}

/* --- from JSON ------------------------------------------------------------------------------- */

static struct sp_str text_of(const json_t *value)
{
    return (struct sp_str){json_string_value(value), json_string_length(value)};
}

static int take_permit(uint32_t *field, const char *key, const json_t *value, char *ret_text)
{
    if (!json_is_array(value))
        return wrong(ret_text, key, "must be a list of words");
    *field = 0;
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *word = json_string_value(json_array_get(value, i));
        uint32_t bit = 0;
        for (size_t k = 0; word && k < sizeof permits / sizeof *permits; k++)
            if (strcmp(word, permits[k].name) == 0)
                bit = permits[k].bit;
        if (!bit)
            return wrong(ret_text, key,
                         "may hold sftp, exec, shell, pty, env, subsystem, tunnel_forward, "
                         "tunnel_reverse, agent, x11 and channel");
        *field |= bit;
    }
    return 0;
}

static int take_number(void *field, enum kind kind, const char *key, const json_t *value,
                       char *ret_text)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > INT32_MAX)
        return wrong(ret_text, key, "must be a number from 0 to 2147483647");
    if (kind == KIND_NUMBER)
        *(uint32_t *)field = (uint32_t)json_integer_value(value);
    else
        *(uint64_t *)field = (uint64_t)json_integer_value(value);
    return 0;
}

static int take_list(const struct sp_str **field, uint64_t *count, const char *key,
                     const json_t *value, char *ret_text)
{
    if (!json_is_array(value))
        return wrong(ret_text, key, "must be a list of names");
    struct sp_str *items = calloc(json_array_size(value) + 1, sizeof *items);
    if (!items)
        return wrong(ret_text, key, "out of memory");
    free((void *)(uintptr_t)*field);
    *field = items;
    for (*count = 0; *count < json_array_size(value); ++*count) {
        const json_t *item = json_array_get(value, *count);
        if (!json_is_string(item))
            return wrong(ret_text, key, "must be a list of names");
        items[*count] = text_of(item);
    }
    return 0;
}

static int take_pairs(const struct sp_pair **field, uint64_t *count, const char *key,
                      const json_t *value, char *ret_text)
{
    if (!json_is_object(value))
        return wrong(ret_text, key, "must be an object of names and text");
    struct sp_pair *items = calloc(json_object_size(value) + 1, sizeof *items);
    if (!items)
        return wrong(ret_text, key, "out of memory");
    free((void *)(uintptr_t)*field);
    *field = items;
    *count = 0;
    const char *name;
    json_t *item;
    json_object_foreach((json_t *)(uintptr_t)value, name, item)
    {
        if (!json_is_string(item))
            return wrong(ret_text, key, "must be an object of names and text");
        items[(*count)++] = (struct sp_pair){sp_str_of(name), text_of(item)};
    }
    return 0;
}

static int take_member(struct sp_grant *grant, const struct member *member, const json_t *value,
                       char *text)
{
    void *field = (char *)grant + member->offset;
    void *count = (char *)grant + member->count_offset;
    switch (member->kind) {
    case KIND_TEXT:
        if (!json_is_string(value))
            return wrong(text, member->name, "must be text");
        *(struct sp_str *)field = text_of(value);
        return 0;
    case KIND_SWITCH:
        if (!json_is_boolean(value))
            return wrong(text, member->name, "must be true or false");
        *(uint32_t *)field = json_is_true(value);
        return 0;
    case KIND_PERMIT:
        return take_permit(field, member->name, value, text);
    case KIND_LIST:
        return take_list(field, count, member->name, value, text);
    case KIND_PAIRS:
        return take_pairs(field, count, member->name, value, text);
    default:
        return take_number(field, member->kind, member->name, value, text);
    }
}

int grant_take(struct sp_grant *grant, const char *key, const json_t *value, char *ret_text)
{
    const struct member *member = find_member(key);
    if (!member)
        return 0;
    int rc = take_member(grant, member, value, ret_text);
    return rc < 0 ? rc : 1;
}

int grant_parse(const json_t *object, struct sp_grant *ret_grant, char *ret_text)
{
    *ret_grant = (struct sp_grant){.struct_size = sizeof *ret_grant, .permit = SP_PERMIT_SFTP};
    if (!json_is_object(object)) {
        snprintf(ret_text, GRANT_TEXT_SIZE, "a grant must be an object");
        return SP_E_INVALID;
    }
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        int rc = grant_take(ret_grant, key, value, ret_text);
        if (rc == 0)
            return wrong(ret_text, key, "there is no such key");
        if (rc < 0)
            return rc;
    }
    return 0;
}

void grant_clear(struct sp_grant *grant)
{
    const void *owned[] = {grant->groups, grant->environment, grant->attributes, grant->permit_open,
                           grant->permit_listen};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free((void *)(uintptr_t)owned[i]);
    *grant = (struct sp_grant){.struct_size = sizeof *grant};
}

/* --- from plain text ------------------------------------------------------------------------- */

static json_t *words_from_text(const char *const *values, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < count; i++) {
        const char *p = values[i] + strspn(values[i], ", ");
        while (*p) {
            size_t length = strcspn(p, ", ");
            if (json_array_append_new(list, json_stringn(p, length)) < 0) {
                json_decref(list);
                return NULL;
            }
            p += length;
            p += strspn(p, ", ");
        }
    }
    return list;
}

/* As databases and directories spell it: t, true, 1, TRUE … */
static json_t *switch_from_text(const char *text)
{
    static const char *const yes[] = {"1", "t", "true", "yes", "on"};
    static const char *const no[] = {"0", "f", "false", "no", "off"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (strcasecmp(text, yes[i]) == 0)
            return json_true();
        if (strcasecmp(text, no[i]) == 0)
            return json_false();
    }
    return NULL;
}

static json_t *number_from_text(const char *text)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' ? json_integer(number) : NULL;
}

json_t *grant_value_from_text(const char *key, const char *const *values, size_t count)
{
    const struct member *member = find_member(key);
    if (!member)
        return NULL;
    if (member->kind == KIND_PERMIT || member->kind == KIND_LIST)
        return words_from_text(values, count);
    if (count != 1)
        return NULL;
    switch (member->kind) {
    case KIND_TEXT:
        return json_string(values[0]);
    case KIND_SWITCH:
        return switch_from_text(values[0]);
    case KIND_PAIRS:
        return json_loads(values[0], JSON_REJECT_DUPLICATES, NULL);
    default:
        return number_from_text(values[0]);
    }
}
