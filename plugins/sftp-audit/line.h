/*
 * line.h: a line of JSON, written into memory that is there. Any thread.
 *
 * Whatever a client calls its files, a line stays one line and valid JSON: control characters, the
 * characters that reorder text and those that some take for the end of a line are written as
 * escapes, and bytes that are no UTF-8 as U+FFFD, with the bytes in hexadecimal beside it.
 */
#ifndef SFTP_AUDIT_LINE_H
#define SFTP_AUDIT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sallyport/types.h>

struct line {
    char *data;
    size_t length, room;
    bool is_full; /* it did not fit: what is there is no line */
};

void line_begin(struct line *line, char *room, size_t size);
/* Closes it, newline included. Its length, or 0 if it did not fit. */
size_t line_end(struct line *line);

/* Each is a member. A text that is empty is left out. key needs no escapes. */
void line_text(struct line *line, const char *key, struct sp_str value);
void line_word(struct line *line, const char *key, const char *value); /* needs no escapes */
void line_number(struct line *line, const char *key, uint64_t value);
void line_octal(struct line *line, const char *key, uint32_t value);
void line_hex(struct line *line, const char *key, struct sp_str bytes);
void line_time(struct line *line, const char *key, int64_t time_ms);
/* The names of the bits of value, by their numbers; no more than count. */
void line_bits(struct line *line, const char *key, uint32_t value, const char *const *names,
               size_t count);

#endif
