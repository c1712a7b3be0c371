/*
 * user.c: one entry of the users file, from JSON to a struct user. Text stays in the JSON value,
 * which must outlive the user. Called by users.c while a file is loaded.
 *
 * Keys that are not known are mistakes: "readonly" for "read_only" must not give a user the right
 * to write.
 */
#include "auth_file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE 256

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

static int wrong(char *ret_text, const char *key, const char *what)
{
    snprintf(ret_text, TEXT_SIZE, "\"%s\": %s", key, what);
    return SP_E_INVALID;
}

static int parse_name(struct user *user, const json_t *value, char *ret_text)
{
    const char *name = json_string_value(value);
    size_t length = json_string_length(value);
    if (!name || length == 0 || length > 255)
        return wrong(ret_text, "name", "must be text of 1 to 255 bytes");
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return wrong(ret_text, "name", "contains a control character");
    user->name = name;
    return 0;
}

static int parse_password(struct user *user, const json_t *value, char *ret_text)
{
    const char *hash = json_string_value(value);
    const char *why = NULL;
    if (!hash)
        return wrong(ret_text, "password", "must be text");
    if (*hash == '\0')
        return 0; /* as if it were not there */
    if (!password_hash_usable(hash, &why))
        return wrong(ret_text, "password", why);
    user->hash = hash;
    return 0;
}

static int parse_keys(struct user *user, const json_t *value, char *ret_text)
{
    size_t count = json_array_size(value);
    if (!json_is_array(value))
        return wrong(ret_text, "keys", "must be a list of public keys");
    user->keys = calloc(count + 1, sizeof *user->keys);
    if (!user->keys)
        return wrong(ret_text, "keys", "out of memory");
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(value, i);
        const char *line = json_string_value(item);
        if (!line || !key_parse(line, json_string_length(item), &user->keys[i]))
            return wrong(ret_text, "keys", "an entry is not like \"ssh-ed25519 AAAA… comment\"");
        user->keys_count++;
    }
    return 0;
}

static int parse_permit(struct user *user, const json_t *value, char *ret_text)
{
    if (!json_is_array(value))
        return wrong(ret_text, "permit", "must be a list of words");
    user->grant.permit = 0;
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *word = json_string_value(json_array_get(value, i));
        uint32_t bit = 0;
        for (size_t k = 0; word && k < sizeof permits / sizeof *permits; k++)
            if (strcmp(word, permits[k].name) == 0)
                bit = permits[k].bit;
        if (!bit)
            return wrong(ret_text, "permit",
                         "may hold sftp, exec, shell, pty, env, subsystem, tunnel_forward, "
                         "tunnel_reverse, agent, x11 and channel");
        user->grant.permit |= bit;
    }
    return 0;
}

static int parse_groups(struct user *user, const json_t *value, char *ret_text)
{
    size_t count = json_array_size(value);
    if (!json_is_array(value))
        return wrong(ret_text, "groups", "must be a list of names");
    struct sp_str *groups = calloc(count + 1, sizeof *groups);
    if (!groups)
        return wrong(ret_text, "groups", "out of memory");
    user->grant.groups = groups;
    user->grant.groups_count = count;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(value, i);
        if (!json_is_string(item))
            return wrong(ret_text, "groups", "must be a list of names");
        groups[i] = (struct sp_str){json_string_value(item), json_string_length(item)};
    }
    return 0;
}

/* An object of text values. */
static int parse_pairs(const char *key, const json_t *value, const struct sp_pair **ret_pairs,
                       uint64_t *ret_count, char *ret_text)
{
    if (!json_is_object(value))
        return wrong(ret_text, key, "must be an object of names and text");
    struct sp_pair *pairs = calloc(json_object_size(value) + 1, sizeof *pairs);
    if (!pairs)
        return wrong(ret_text, key, "out of memory");
    *ret_pairs = pairs;
    const char *name;
    json_t *item;
    json_object_foreach((json_t *)value, name, item)
    {
        if (!json_is_string(item))
            return wrong(ret_text, key, "must be an object of names and text");
        pairs->name = sp_str_of(name);
        pairs->value = (struct sp_str){json_string_value(item), json_string_length(item)};
        pairs++;
        ++*ret_count;
    }
    return 0;
}

static int parse_text(const char *key, const json_t *value, struct sp_str *ret_field,
                      char *ret_text)
{
    if (!json_is_string(value))
        return wrong(ret_text, key, "must be text");
    *ret_field = (struct sp_str){json_string_value(value), json_string_length(value)};
    return 0;
}

static int parse_switch(const char *key, const json_t *value, uint32_t *ret_field, char *ret_text)
{
    if (!json_is_boolean(value))
        return wrong(ret_text, key, "must be true or false");
    *ret_field = json_is_true(value);
    return 0;
}

static int parse_authorized_keys(struct user *user, const json_t *value, char *ret_text)
{
    const char *path = json_string_value(value);
    if (!path || path[0] != '/')
        return wrong(ret_text, "authorized_keys", "must be an absolute path");
    for (const char *p = strchr(path, '%'); p; p = strchr(p + 2, '%'))
        if (p[1] != 'u' && p[1] != '%')
            return wrong(ret_text, "authorized_keys", "may hold %u (the user's name) and %%");
    user->authorized_keys = path;
    return 0;
}

static int parse_member(struct user *user, const char *key, const json_t *value, char *text)
{
    struct sp_grant *grant = &user->grant;
    if (strcmp(key, "name") == 0)
        return parse_name(user, value, text);
    if (strcmp(key, "password") == 0)
        return parse_password(user, value, text);
    if (strcmp(key, "keys") == 0)
        return parse_keys(user, value, text);
    if (strcmp(key, "authorized_keys") == 0)
        return parse_authorized_keys(user, value, text);
    if (strcmp(key, "permit") == 0)
        return parse_permit(user, value, text);
    if (strcmp(key, "groups") == 0)
        return parse_groups(user, value, text);
    if (strcmp(key, "environment") == 0)
        return parse_pairs(key, value, &grant->environment, &grant->environment_count, text);
    if (strcmp(key, "attributes") == 0)
        return parse_pairs(key, value, &grant->attributes, &grant->attributes_count, text);
    if (strcmp(key, "root") == 0)
        return parse_text(key, value, &grant->root, text);
    if (strcmp(key, "home") == 0)
        return parse_text(key, value, &grant->home, text);
    if (strcmp(key, "forced_command") == 0)
        return parse_text(key, value, &grant->forced_command, text);
    if (strcmp(key, "read_only") == 0)
        return parse_switch(key, value, &grant->read_only, text);
    if (strcmp(key, "restrict_to_home") == 0)
        return parse_switch(key, value, &grant->restrict_to_home, text);
    return wrong(text, key, "there is no such key");
}

int user_parse(json_t *entry, struct user *ret_user, char *ret_text)
{
    *ret_user =
        (struct user){.grant = {.struct_size = sizeof ret_user->grant, .permit = SP_PERMIT_SFTP}};
    if (!json_is_object(entry)) {
        snprintf(ret_text, TEXT_SIZE, "must be an object");
        return SP_E_INVALID;
    }
    const char *key;
    json_t *value;
    json_object_foreach(entry, key, value)
    {
        int rc = parse_member(ret_user, key, value, ret_text);
        if (rc < 0)
            return rc;
    }
    if (!ret_user->name)
        return wrong(ret_text, "name", "is missing");
    /* %u in a path must stay one component of it. */
    if (ret_user->authorized_keys && strstr(ret_user->authorized_keys, "%u") &&
        (strchr(ret_user->name, '/') || ret_user->name[0] == '.'))
        return wrong(ret_text, "authorized_keys", "%u cannot stand for this user's name");
    return 0;
}

void user_clear(struct user *user)
{
    for (size_t i = 0; i < user->keys_count; i++)
        key_clear(&user->keys[i]);
    free(user->keys);
    free((void *)user->grant.groups);
    free((void *)user->grant.environment);
    free((void *)user->grant.attributes);
}
