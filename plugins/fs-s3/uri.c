/* uri.c: names on their way to the store and back. Any thread. */
#include "fs_s3.h"

#include <string.h>

static bool is_unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~", c));
}

void uri_put(struct text *text, const char *data, size_t length, bool slash_stays)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)data[i];
        char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
        bool stays = is_unreserved(c) || (c == '/' && slash_stays);
        text_add(text, stays ? data + i : escape, stays ? 1 : sizeof escape);
    }
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t uri_decode(char *data, size_t length)
{
    size_t to = 0;
    for (size_t i = 0; i < length; i++) {
        int high = data[i] == '%' && i + 2 < length ? digit_of(data[i + 1]) : -1;
        int low = high >= 0 ? digit_of(data[i + 2]) : -1;
        if (low >= 0) {
            data[to++] = (char)(high << 4 | low);
            i += 2;
        } else {
            data[to++] = data[i] == '+' ? ' ' : data[i];
        }
    }
    return to;
}

bool name_is_fit(const char *data, size_t length)
{
    if (length == 0 || (length <= 2 && memcmp(data, "..", length) == 0))
        return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)data[i] < 0x20 || data[i] == 0x7f || data[i] == '/')
            return false;
    return text_is_utf8((struct sp_str){data, length});
}

bool names_are_fit(const char *data, size_t length)
{
    for (;;) {
        const char *slash = memchr(data, '/', length);
        size_t first = slash ? (size_t)(slash - data) : length;
        if (!name_is_fit(data, first))
            return false;
        if (!slash)
            return true;
        data += first + 1;
        length -= first + 1;
    }
}
