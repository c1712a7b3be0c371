/* public_key_line.c: public keys as lines of text, as in an id_*.pub. Called when lists of keys are
 * loaded. */
#include <limits.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/err.h"
#include "base/str.h"
#include "keys/public_key.h"

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The library's decoder skips over much that is no base64. */
static bool is_base64(const char *text, size_t len, size_t *ret_padding)
{
    size_t padding = 0;

    while (padding < 2 && padding < len && text[len - 1 - padding] == '=')
        padding++;
    *ret_padding = padding;
    if (len == 0 || len % 4 != 0 || len > INT_MAX)
        return false;
    for (size_t i = 0; i < len - padding; i++)
        if (!memchr(base64_digits, text[i], sizeof base64_digits - 1))
            return false;
    return true;
}

static size_t word_length(const char *text, size_t len)
{
    size_t length = 0;

    while (length < len && text[length] != ' ' && text[length] != '\t')
        length++;
    return length;
}

static int wrong(const char *why, const char **ret_why)
{
    *ret_why = why;
    return SP_ERR_FORMAT;
}

int public_key_read_line(const char *line, size_t len, struct buffer *ret_blob,
                         const char **ret_why)
{
    struct sp_str type = {line, word_length(line, len)};
    const char *base64 = line + type.len;
    const char *end = line + len;
    struct public_key key;
    size_t padding;

    while (base64 < end && (*base64 == ' ' || *base64 == '\t'))
        base64++;
    size_t length = word_length(base64, (size_t)(end - base64));
    if (public_key_kind_of_certificate(type))
        return wrong("is a certificate, not a key", ret_why);
    if (!public_key_kind(type))
        return wrong("does not begin with the name of a kind of key known here", ret_why);
    if (!is_base64(base64, length, &padding))
        return wrong("holds a key that is no base64", ret_why);
    uint8_t *place = buffer_reserve(ret_blob, length / 4 * 3);
    if (!place) {
        *ret_why = err_text(SP_ERR_NOMEM);
        return SP_ERR_NOMEM;
    }
    int decoded = EVP_DecodeBlock(place, (const unsigned char *)base64, (int)length);
    if (decoded < (int)padding || !public_key_parse(place, (size_t)decoded - padding, &key) ||
        !str_is(type, key.kind->name))
        return wrong("holds a key that is malformed or of another kind than it says", ret_why);
    buffer_commit(ret_blob, (size_t)decoded - padding);
    return 0;
}

bool key_line_next(const char **text, const char *end, const char **ret_line, size_t *ret_len,
                   int *line)
{
    while (*text < end) {
        const char *start = *text;
        const char *newline = memchr(start, '\n', (size_t)(end - start));
        const char *stop = newline ? newline : end;

        *text = newline ? newline + 1 : end;
        ++*line;
        while (start < stop && (*start == ' ' || *start == '\t'))
            start++;
        while (stop > start && (stop[-1] == '\r' || stop[-1] == ' ' || stop[-1] == '\t'))
            stop--;
        if (start == stop || *start == '#')
            continue;
        *ret_line = start;
        *ret_len = (size_t)(stop - start);
        return true;
    }
    return false;
}
