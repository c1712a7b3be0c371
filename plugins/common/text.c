/* text.c: see text.h: it is wiped whenever memory is given back. */
#include "common/text.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_clear(struct text *text)
{
    if (text->data)
        OPENSSL_cleanse(text->data, text->size);
    free(text->data);
    *text = (struct text){0};
}

/* Not realloc(), which would leave a copy behind. */
static bool grow(struct text *text, size_t length)
{
    size_t size = text->size ? text->size : 1024;
    while (size - text->length <= length) /* one for the NUL */
        size *= 2;
    if (size == text->size)
        return true;
    char *data = malloc(size);
    if (!data)
        return false;
    if (text->data) {
        memcpy(data, text->data, text->length);
        OPENSSL_cleanse(text->data, text->size);
        free(text->data);
    }
    text->data = data;
    text->size = size;
    return true;
}

void text_add(struct text *text, const void *data, size_t length)
{
    if (text->failed || length == 0)
        return;
    if (!grow(text, length)) {
        text->failed = true;
        return;
    }
    memcpy(text->data + text->length, data, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void text_put(struct text *text, const char *data)
{
    text_add(text, data, strlen(data));
}

/* The length of the UTF-8 sequence at p, of at most left bytes; 0 if it is none (RFC 3629, 4). */
static size_t sequence_length(const unsigned char *p, uint64_t left)
{
    if (p[0] < 0x80)
        return 1;
    size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool is_overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool is_surrogate = p[0] == 0xed && p[1] > 0x9f;
    bool is_beyond = p[0] == 0xf4 && p[1] > 0x8f;
    return is_overlong || is_surrogate || is_beyond ? 0 : length;
}

bool text_is_utf8(struct sp_str value)
{
    const unsigned char *p = (const unsigned char *)value.data;
    for (uint64_t i = 0; i < value.len;) {
        size_t length = sequence_length(p + i, value.len - i);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

/* What cannot be seen, or makes what follows look otherwise: who reads the JSON as it is must not
 * be misled by it. All of them are sequences of at most three bytes. */
static bool is_hidden(uint32_t point)
{
    static const uint16_t ranges[][2] = {{0, 0x1f},        {0x7f, 0x9f},     {0xad, 0xad},
                                         {0x61c, 0x61c},   {0x200b, 0x200f}, {0x2028, 0x202e},
                                         {0x2060, 0x206f}, {0xfeff, 0xfeff}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (point >= ranges[i][0] && point <= ranges[i][1])
            return true;
    return false;
}

static uint32_t point_of(const unsigned char *p, size_t length)
{
    if (length == 2)
        return (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
    if (length == 3)
        return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
    return length == 1 ? p[0] : UINT32_MAX;
}

void text_put_json(struct text *text, struct sp_str value, bool is_strict)
{
    const unsigned char *p = (const unsigned char *)value.data;
    text_put(text, "\"");
    for (uint64_t i = 0; i < value.len;) {
        size_t length = sequence_length(p + i, value.len - i);
        char escape[8];
        if (length == 0) {
            text->failed |= is_strict;
            text_put(text, "?");
            length = 1;
        } else if (p[i] == '"' || p[i] == '\\' || is_hidden(point_of(p + i, length))) {
            snprintf(escape, sizeof escape, "\\u%04x", point_of(p + i, length) & 0xffff);
            text_put(text, escape);
        } else {
            text_add(text, p + i, length);
        }
        i += length;
    }
    text_put(text, "\"");
}
