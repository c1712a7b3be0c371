/* grant_user.c: a grant that is configured for many users, as it is for one of them. Any thread. */
#include "common/grant.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Whether the name stays one component of a path. */
static bool is_component(struct sp_str user)
{
    return user.len > 0 && user.len < 256 && user.data[0] != '.' &&
           !memchr(user.data, '/', (size_t)user.len) && !memchr(user.data, '\0', (size_t)user.len);
}

/* With %u and %% replaced; malloc()ed. NULL if there is another "%", or the name cannot stand
 * there. */
static char *expand(const char *pattern, struct sp_str user)
{
    char *text = malloc(strlen(pattern) * ((size_t)user.len + 1) + 1);
    char *out = text;
    bool ok = text != NULL;
    for (const char *p = pattern; ok && *p; p++) {
        if (*p != '%') {
            *out++ = *p;
        } else if (*++p == 'u' && is_component(user)) {
            memcpy(out, user.data, (size_t)user.len);
            out += user.len;
        } else if ((ok = *p == '%')) {
            *out++ = '%';
        }
    }
    if (ok) {
        *out = '\0';
        return text;
    }
    free(text);
    return NULL;
}

json_t *grant_for_user(const json_t *grant, struct sp_str user)
{
    static const char *const keys[] = {"root", "home"};
    json_t *copy = json_deep_copy(grant);
    for (size_t i = 0; copy && i < sizeof keys / sizeof *keys; i++) {
        const char *pattern = json_string_value(json_object_get(copy, keys[i]));
        char *text = pattern ? expand(pattern, user) : NULL;
        if (pattern && (!text || json_object_set_new(copy, keys[i], json_string(text)) < 0)) {
            json_decref(copy);
            copy = NULL;
        }
        free(text);
    }
    return copy;
}
