/* principals.c: which names in a certificate stand for a user. Any thread. */
#include "auth_keys.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MOST (1u << 20)

static bool certificate_names(const struct sp_certificate *certificate, const char *name,
                              size_t length)
{
    for (uint64_t i = 0; length && i < certificate->principals_count; i++)
        if (certificate->principals[i].len == length &&
            memcmp(certificate->principals[i].data, name, length) == 0)
            return true;
    return false;
}

/* A line that has more than a name on it has options, which are not understood here; it is not a
 * name that any certificate could hold. */
static bool text_matches(const char *text, size_t length, const struct sp_certificate *certificate)
{
    static const char blank[] = " \t\r";
    const char *end = text + length;

    for (const char *line = text; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *stop = newline ? newline : end;
        const char *start = line;
        while (start < stop && memchr(blank, *start, sizeof blank - 1))
            start++;
        while (stop > start && memchr(blank, stop[-1], sizeof blank - 1))
            stop--;
        if (start < stop && *start != '#' &&
            certificate_names(certificate, start, (size_t)(stop - start)))
            return true;
        line = newline ? newline + 1 : end;
    }
    return false;
}

static bool file_matches(const struct auth_keys *self, const struct person *person,
                         const struct sp_certificate *certificate)
{
    char *path = pattern_expand(self->principals_file, person);
    const char *why = NULL;
    size_t length = 0;
    struct stat st;
    char *text = NULL;

    errno = 0;
    if (path && (!self->strict_modes || path_is_strict(path, self->principals_file, person, &why)))
        text = file_read(path, FILE_MOST, false, &length, &st, &why);
    if (path && !text && errno != ENOENT)
        log_line(self->host, SP_LOG_WARNING, "%s: %s; no principal of it is accepted", path, why);
    bool matches = text && text_matches(text, length, certificate);
    free(text);
    free(path);
    return matches;
}

bool principals_match(const struct auth_keys *self, const struct person *person,
                      const struct sp_certificate *certificate)
{
    const json_t *list = json_object_get(self->principals, person->name);

    if (self->principals_file)
        return file_matches(self, person, certificate);
    if (!list)
        return certificate_names(certificate, person->name, strlen(person->name));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (certificate_names(certificate, json_string_value(item), json_string_length(item)))
            return true;
    }
    return false;
}
