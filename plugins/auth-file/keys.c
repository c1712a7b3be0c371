/*
 * keys.c: authorized_keys files. Any thread.
 *
 * An authorized_keys file may be in the hands of the user it is about, so all of it is untrusted:
 * its size and lines are bounded, and a line that is not understood lets nobody in.
 */
#include "auth_file.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MOST (4u << 20)
#define LINE_MOST KEY_LINE_MOST
#define COMPLAINTS_MOST 5

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
}

/* A reading of one file in search of one key. */
struct search {
    const struct sp_host *host;
    const char *path;
    struct sp_str blob;
    int line;
    int complaints;
};

/* The file's owner must not be able to fill the log. */
static void complain(struct search *search, const char *what)
{
    if (++search->complaints <= COMPLAINTS_MOST)
        log_line(search->host, SP_LOG_WARNING, "%s:%d: %s; line ignored", search->path,
                 search->line, what);
}

/* line is without its end. On true ret_options->command is the caller's. */
static bool line_has(struct search *search, const char *line, size_t length,
                     struct key_options *ret_options)
{
    const char *start = skip_space(line, line + length);
    length -= (size_t)(start - line);
    *ret_options = (struct key_options){.permit = SP_PERMIT_ALL};
    if (length == 0 || *start == '#')
        return false;
    if (length > LINE_MOST) {
        complain(search, "too long");
        return false;
    }

    struct key key;
    char text[128] = "";
    size_t used = 0;
    if (!key_parse(start, length, &key)) {
        if (!key_options_parse(start, length, ret_options, &used, text)) {
            complain(search, text);
            return false;
        }
        if (!key_parse(start + used, length - used, &key))
            complain(search, "no public key");
    }
    bool found = key_equal(&key, search->blob);
    key_clear(&key);
    if (!found) {
        free(ret_options->command);
        ret_options->command = NULL;
    }
    return found;
}

bool authorized_keys_find(const struct sp_host *host, const char *path, struct sp_str blob,
                          struct key_options *ret_options)
{
    struct search search = {.host = host, .path = path, .blob = blob};
    *ret_options = (struct key_options){0};
    size_t length = 0;
    struct stat st;
    const char *why = NULL;
    char *text = file_read(path, FILE_MOST, false, &length, &st, &why);
    if (!text) {
        log_line(host, SP_LOG_WARNING, "%s: %s; no key of it is accepted", path, why);
        return false;
    }
    bool found = false;
    const char *end = text + length;
    for (const char *line = text; line < end && !found;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *stop = newline ? newline : end;
        size_t size = (size_t)(stop - line);
        if (size > 0 && line[size - 1] == '\r')
            size--;
        search.line++;
        found = line_has(&search, line, size, ret_options);
        line = newline ? newline + 1 : end;
    }
    free(text);
    return found;
}
