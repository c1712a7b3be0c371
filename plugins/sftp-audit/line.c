/* line.c: lines of JSON. See line.h. */
#include "sftp-audit/line.h"

#include <string.h>
#include <time.h>

static const char digits[] = "0123456789abcdef";

static void put(struct line *line, const char *data, size_t length)
{
    if (line->is_full || length > line->room - line->length) {
        line->is_full = true;
        return;
    }
    memcpy(line->data + line->length, data, length);
    line->length += length;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void put_key(struct line *line, const char *key)
{
    put_text(line, line->length > 1 ? ",\"" : "\"");
    put_text(line, key);
    put(line, "\":", 2);
}

static void put_number(struct line *line, uint64_t value, size_t width)
{
    char text[20];
    size_t at = sizeof text;
    do
        text[--at] = digits[value % 10];
    while ((value /= 10) > 0);
    while (sizeof text - at < width)
        text[--at] = '0';
    put(line, text + at, sizeof text - at);
}

static void put_escape(struct line *line, uint32_t code)
{
    char text[6] = {'\\',
                    'u',
                    digits[code >> 12 & 15],
                    digits[code >> 8 & 15],
                    digits[code >> 4 & 15],
                    digits[code & 15]};
    put(line, text, sizeof text);
}

/* The length of the character at the beginning of text, which is not empty; 0: it is none. */
static size_t decode(struct sp_str text, uint32_t *ret_code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *bytes = (const unsigned char *)text.data;
    size_t length = bytes[0] < 0x80           ? 1
                    : (bytes[0] >> 5) == 0x06 ? 2
                    : (bytes[0] >> 4) == 0x0e ? 3
                    : (bytes[0] >> 3) == 0x1e ? 4
                                              : 0;
    if (length == 0 || length > text.len)
        return 0;
    uint32_t code = length == 1 ? bytes[0] : bytes[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (bytes[i] & 0x3f);
    }
    if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *ret_code = code;
    return length;
}

/* Controls, what reorders or hides text, and what is a line's end to some. */
static bool needs_escape(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x61c ||
           (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

/* False if some bytes are no UTF-8. */
static bool put_string(struct line *line, struct sp_str text)
{
    bool is_whole = true;
    put(line, "\"", 1);
    while (text.len > 0 && !line->is_full) {
        size_t run = 0;
        while (run < text.len && text.data[run] >= 0x20 && text.data[run] < 0x7f &&
               text.data[run] != '"' && text.data[run] != '\\')
            run++;
        put(line, text.data, run);
        text = (struct sp_str){text.data + run, text.len - run};
        if (text.len == 0)
            break;
        uint32_t code = 0;
        size_t length = decode(text, &code);
        if (length == 0) {
            put_text(line, "\xef\xbf\xbd");
            is_whole = false;
            length = 1;
        } else if (code == '"' || code == '\\') {
            put(line, "\\", 1);
            put(line, text.data, 1);
        } else if (needs_escape(code)) {
            put_escape(line, code);
        } else {
            put(line, text.data, length);
        }
        text = (struct sp_str){text.data + length, text.len - length};
    }
    put(line, "\"", 1);
    return is_whole;
}

void line_begin(struct line *line, char *room, size_t size)
{
    *line = (struct line){.data = room, .room = size};
    put(line, "{", 1);
}

size_t line_end(struct line *line)
{
    put(line, "}\n", 2);
    return line->is_full ? 0 : line->length;
}

void line_text(struct line *line, const char *key, struct sp_str value)
{
    if (value.len == 0)
        return;
    put_key(line, key);
    if (put_string(line, value))
        return;
    char beside[64];
    size_t length = strlen(key);
    memcpy(beside, key, length);
    memcpy(beside + length, "_hex", sizeof "_hex");
    line_hex(line, beside, value);
}

void line_word(struct line *line, const char *key, const char *value)
{
    put_key(line, key);
    put(line, "\"", 1);
    put_text(line, value);
    put(line, "\"", 1);
}

void line_number(struct line *line, const char *key, uint64_t value)
{
    put_key(line, key);
    put_number(line, value, 1);
}

void line_octal(struct line *line, const char *key, uint32_t value)
{
    char text[] = {'0',
                   digits[value >> 9 & 7],
                   digits[value >> 6 & 7],
                   digits[value >> 3 & 7],
                   digits[value & 7],
                   '\0'};
    line_word(line, key, text);
}

void line_hex(struct line *line, const char *key, struct sp_str bytes)
{
    if (bytes.len == 0)
        return;
    put_key(line, key);
    put(line, "\"", 1);
    for (uint64_t i = 0; i < bytes.len && !line->is_full; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];
        char text[2] = {digits[byte >> 4], digits[byte & 15]};
        put(line, text, sizeof text);
    }
    put(line, "\"", 1);
}

void line_time(struct line *line, const char *key, int64_t time_ms)
{
    static const char marks[] = "--T::.";
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm tm;
    if (time_ms < 0 || !gmtime_r(&seconds, &tm))
        return;
    const uint64_t parts[] = {(uint64_t)tm.tm_year + 1900, (uint64_t)tm.tm_mon + 1,
                              (uint64_t)tm.tm_mday,        (uint64_t)tm.tm_hour,
                              (uint64_t)tm.tm_min,         (uint64_t)tm.tm_sec,
                              (uint64_t)(time_ms % 1000)};
    put_key(line, key);
    put(line, "\"", 1);
    for (size_t i = 0; i < 7; i++) {
        if (i > 0)
            put(line, &marks[i - 1], 1);
        put_number(line, parts[i], i == 0 ? 4 : i == 6 ? 3 : 2);
    }
    put(line, "Z\"", 2);
}

void line_bits(struct line *line, const char *key, uint32_t value, const char *const *names,
               size_t count)
{
    const char *between = "\"";
    put_key(line, key);
    put(line, "[", 1);
    for (size_t i = 0; i < count; i++)
        if (value >> i & 1u) {
            put_text(line, between);
            put_text(line, names[i]);
            put(line, "\"", 1);
            between = ",\"";
        }
    put(line, "]", 1);
}
