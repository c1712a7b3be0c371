/*
 * shell_words.c: words, quotes and backslashes. See shell_words.h.
 */
#include "sftp/shell_words.h"

#include <stdlib.h>
#include <string.h>

void shell_words_init(struct shell_words *words, struct sp_str line)
{
    *words = (struct shell_words){.next = line.data, .end = line.data + line.len};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_pattern(char c)
{
    return c == '*' || c == '?' || c == '[' || c == ']' || c == '\\' || c == '~';
}

static void put_literal(char *out, size_t *length, char c)
{
    if (is_pattern(c))
        out[(*length)++] = '\\';
    out[(*length)++] = c;
}

/* Up to the closing quote, which must come. */
static void scan_quoted(struct shell_words *words, char quote, char *out, size_t *length)
{
    while (words->next < words->end && *words->next != quote) {
        char c = *words->next++;
        if (quote == '"' && (c == '$' || c == '`')) {
            words->failed = true;
            return;
        }
        if (quote == '"' && c == '\\' && words->next < words->end && strchr("\"\\$`", *words->next))
            c = *words->next++;
        put_literal(out, length, c);
    }
    if (words->next == words->end)
        words->failed = true;
    else
        words->next++;
}

char *shell_words_next(struct shell_words *words)
{
    while (words->next < words->end && is_blank(*words->next))
        words->next++;
    if (words->next == words->end || words->failed)
        return NULL;
    char *out = malloc(2 * (size_t)(words->end - words->next) + 1);
    size_t length = 0;
    words->failed = !out;
    while (!words->failed && words->next < words->end && !is_blank(*words->next)) {
        char c = *words->next++;
        if (c == '\'' || c == '"')
            scan_quoted(words, c, out, &length);
        else if (c == '\\' && words->next < words->end)
            put_literal(out, &length, *words->next++);
        else if (strchr("\\$`;&|<>()#!\n\r", c))
            words->failed = true;
        else
            out[length++] = c;
    }
    if (words->failed) {
        free(out);
        return NULL;
    }
    out[length] = '\0';
    return out;
}

bool shell_word_is_literal(char *pattern)
{
    char *out = pattern;
    for (const char *at = pattern; *at; at++) {
        if (*at == '\\' && at[1])
            at++;
        else if (strchr("*?[", *at) || (*at == '~' && at == pattern))
            return false;
        *out++ = *at;
    }
    *out = '\0';
    return true;
}
