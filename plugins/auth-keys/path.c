/* path.c: patterns of paths, and whether what they lead to is in the right hands. Any thread. */
#include "auth_keys.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool pattern_is_sound(const char *pattern, bool with_home)
{
    for (const char *p = strchr(pattern, '%'); p; p = strchr(p + 2, '%'))
        if (p[1] != 'u' && p[1] != '%' && !(with_home && p[1] == 'h'))
            return false;
    return true;
}

char *pattern_expand(const char *pattern, const struct person *person)
{
    const char *home = person->home ? person->home : "";
    size_t longest = strlen(person->name) > strlen(home) ? strlen(person->name) : strlen(home);
    char *path = malloc(strlen(pattern) * (longest + 1) + 1);
    char *out = path;

    for (const char *p = pattern; path && *p; p++) {
        if (*p != '%') {
            *out++ = *p;
            continue;
        }
        p++;
        if (*p == 'h' && !person->home) {
            free(path);
            return NULL;
        }
        out = stpcpy(out, *p == 'u' ? person->name : *p == 'h' ? home : "%");
    }
    if (path)
        *out = '\0';
    return path;
}

static bool is_in_right_hands(const struct stat *st, const struct person *person,
                              const char **ret_why)
{
    if (st->st_uid != 0 && st->st_uid != geteuid() && st->st_uid != person->uid)
        *ret_why = "it, or a directory above it, belongs to somebody else";
    else if (st->st_mode & (S_IWGRP | S_IWOTH))
        *ret_why = "others may write it, or a directory above it; run chmod go-w there";
    else
        return true;
    return false;
}

/* The administrator's part of the path, up to the directory in which the first part that depends on
 * the user stands, is the administrator's business. */
static size_t fixed_length(const char *pattern)
{
    size_t length = strcspn(pattern, "%");

    if (pattern[length] == '\0') /* the directory that the file is in */
        length = strlen(pattern);
    while (length > 0 && pattern[length - 1] != '/')
        length--;
    return length;
}

bool path_is_strict(const char *path, const char *pattern, const struct person *person,
                    const char **ret_why)
{
    size_t fixed = fixed_length(pattern);
    char *part = strdup(path);
    struct stat st;
    bool is_strict = part != NULL;

    *ret_why = "out of memory";
    for (size_t length = part ? strlen(part) : 0; is_strict && length > 0;) {
        if (stat(part, &st) == 0)
            is_strict = is_in_right_hands(&st, person, ret_why);
        while (length > 0 && part[length - 1] != '/')
            length--;
        while (length > 1 && part[length - 1] == '/') /* several are one */
            length--;
        if (length <= 1 || length + 1 < fixed)
            break;
        part[length] = '\0';
    }
    free(part);
    return is_strict;
}
