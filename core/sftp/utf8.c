/*
 * utf8.c: characters of UTF-8 (RFC 3629). See utf8.h.
 */
#include "sftp/utf8.h"

#include <stddef.h>
#include <string.h>

/* What may follow a first byte from..to: length bytes in all, the second within low..high. */
static const struct {
    uint8_t from, to, length, low, high;
} leads[] = {
    {0x00, 0x7f, 1, 0, 0},       {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
    {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
    {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

/* The length of the character at the start of what is left; 0: there is none. */
static size_t character(const uint8_t *bytes, size_t left)
{
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++) {
        if (bytes[0] < leads[i].from || bytes[0] > leads[i].to)
            continue;
        if (leads[i].length > left)
            return 0;
        if (leads[i].length > 1 && (bytes[1] < leads[i].low || bytes[1] > leads[i].high))
            return 0;
        for (size_t k = 2; k < leads[i].length; k++)
            if ((bytes[k] & 0xc0) != 0x80)
                return 0;
        return leads[i].length;
    }
    return 0;
}

bool sftp_is_utf8(struct sp_str text)
{
    const uint8_t *bytes = (const uint8_t *)text.data;
    size_t at = 0;
    while (at < text.len) {
        size_t length = bytes[at] < 0x80 ? 1 : character(bytes + at, (size_t)text.len - at);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

struct sp_str sftp_utf8_from(struct sp_str text, uint8_t *out)
{
    static const uint8_t replacement[] = {0xef, 0xbf, 0xbd};
    const uint8_t *bytes = (const uint8_t *)text.data;
    size_t written = 0;
    for (size_t at = 0; at < text.len;) {
        size_t length = character(bytes + at, (size_t)text.len - at);
        const uint8_t *from = length > 0 ? bytes + at : replacement;
        size_t taken = length > 0 ? length : sizeof replacement;
        memcpy(out + written, from, taken);
        written += taken;
        at += length > 0 ? length : 1;
    }
    return (struct sp_str){(const char *)out, written};
}
