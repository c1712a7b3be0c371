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

#define TEXT_SIZE GRANT_TEXT_SIZE

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
    if (strcmp(key, "name") == 0)
        return parse_name(user, value, text);
    if (strcmp(key, "password") == 0)
        return parse_password(user, value, text);
    if (strcmp(key, "keys") == 0)
        return parse_keys(user, value, text);
    if (strcmp(key, "authorized_keys") == 0)
        return parse_authorized_keys(user, value, text);
    int rc = grant_take(&user->grant, key, value, text);
    if (rc != 0)
        return rc < 0 ? rc : 0;
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
    grant_clear(&user->grant);
}
