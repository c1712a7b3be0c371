/*
 * users.c: the users file as an immutable, counted table. Loaded by auth-file.c; read by any number
 * of threads at once.
 */
#include "auth_file.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MOST (64u << 20)

struct users {
    atomic_uint references;
    json_t *json;      /* the text of all below */
    struct user *list; /* by name */
    size_t count;
    char *decoy;
};

struct users *users_ref(struct users *users)
{
    atomic_fetch_add(&users->references, 1);
    return users;
}

void users_unref(struct users *users)
{
    if (!users || atomic_fetch_sub(&users->references, 1) != 1)
        return;
    for (size_t i = 0; i < users->count; i++)
        user_clear(&users->list[i]);
    free(users->list);
    free(users->decoy);
    json_decref(users->json);
    free(users);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct user *)a)->name, ((const struct user *)b)->name);
}

const struct user *users_find(const struct users *users, struct sp_str name)
{
    if (memchr(name.data, '\0', name.len))
        return NULL;
    struct user wanted = {.name = name.data};
    return bsearch(&wanted, users->list, users->count, sizeof wanted, compare_names);
}

const char *users_decoy(const struct users *users)
{
    return users->decoy;
}

/* The line on which the entry of that index begins. jansson keeps no positions; the text is known
 * to be well-formed, so that counting brackets and strings is enough. */
static int line_of_entry(const char *text, size_t index)
{
    int line = 1;
    int depth = 0;
    size_t seen = 0;
    for (const char *p = text; *p; p++) {
        if (*p == '\n')
            line++;
        if (*p == '"')
            while (*++p != '"')
                p += *p == '\\';
        bool opens = *p == '{' || *p == '[';
        if (depth == 2 && *p != '\n' && *p != ' ' && *p != '\t' && *p != '\r' && *p != ']' &&
            *p != ',' && seen++ == index)
            return line;
        depth += opens;
        depth -= *p == '}' || *p == ']';
    }
    return line;
}

/* Most files use one method at one cost: the first user's is the one to imitate. */
static char *choose_decoy(const json_t *entries)
{
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const char *hash =
            json_string_value(json_object_get(json_array_get(entries, i), "password"));
        if (hash && *hash)
            return strdup(hash);
    }
    return password_decoy();
}

static int parse_entries(const struct sp_host *host, const char *path, const char *text,
                         struct users *users, const json_t *entries)
{
    users->list = calloc(json_array_size(entries) + 1, sizeof *users->list);
    users->decoy = choose_decoy(entries);
    if (!users->list || !users->decoy) {
        log_line(host, SP_LOG_ERROR, "%s: out of memory", path);
        return SP_E_NOMEM;
    }
    for (size_t i = 0; i < json_array_size(entries); i++) {
        char why[256];
        struct user *user = &users->list[users->count++];
        int rc = user_parse(json_array_get(entries, i), user, why);
        if (rc < 0) {
            log_line(host, SP_LOG_ERROR, "%s:%d: user%s%s: %s", path, line_of_entry(text, i),
                     user->name ? " " : "", user->name ? user->name : "", why);
            return rc;
        }
    }
    qsort(users->list, users->count, sizeof *users->list, compare_names);
    for (size_t i = 1; i < users->count; i++) {
        if (strcmp(users->list[i - 1].name, users->list[i].name) == 0) {
            log_line(host, SP_LOG_ERROR, "%s: user %s stands there twice", path,
                     users->list[i].name);
            return SP_E_INVALID;
        }
    }
    return 0;
}

static struct users *users_parse(const struct sp_host *host, const char *path, const char *text,
                                 size_t length)
{
    json_error_t error;
    json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (!json) {
        log_line(host, SP_LOG_ERROR, "%s:%d: %s", path, error.line, error.text);
        return NULL;
    }
    const json_t *entries = json_object_get(json, "users");
    struct users *users = NULL;
    if (!json_is_array(entries) || json_object_size(json) != 1) {
        log_line(host, SP_LOG_ERROR, "%s:1: must be {\"users\": [ … ]} and nothing else", path);
    } else if ((users = calloc(1, sizeof *users))) {
        users->json = json_incref(json);
        atomic_init(&users->references, 1);
        if (parse_entries(host, path, text, users, entries) < 0) {
            users_unref(users);
            users = NULL;
        }
    }
    json_decref(json);
    return users;
}

struct users *users_load(const struct sp_host *host, const char *path, struct stat *ret_stat)
{
    size_t length = 0;
    const char *why = NULL;
    char *text = file_read(path, FILE_MOST, true, &length, ret_stat, &why);
    if (!text) {
        log_line(host, SP_LOG_ERROR, "%s: %s", path, why);
        return NULL;
    }
    struct users *users = users_parse(host, path, text, length);
    free(text);
    return users;
}
