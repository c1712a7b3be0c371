/*
 * sallyport/payload.h: reading and writing the fields of SSH messages, RFC 4251, 5: what requests,
 * channel opens and global requests carry, key blobs, and whatever protocol you speak on a channel
 * of your own. Header only; include it where it is used.
 *
 * A reader never looks past the end of what it was given, and a writer never writes past the end of
 * its room. The first field that does not fit fails the reader or writer for good: go on as if
 * nothing were wrong, and ask once, at the end.
 *
 *     struct sp_reader r = sp_reader_of(event->value);
 *     struct sp_str host = sp_read_text(&r);
 *     uint32_t port = sp_read_uint32(&r);
 *     if (!sp_reader_is_done(&r))
 *         return SP_DENY;
 *
 * Thread: any; one reader or writer at a time on one thread.
 */
#ifndef SALLYPORT_PAYLOAD_H
#define SALLYPORT_PAYLOAD_H

#include <string.h>

#include <sallyport/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- reading --------------------------------------------------------------------------------- */

/* What is left to read. Texts that were read point into what was given. */
struct sp_reader {
    const unsigned char *at;
    uint64_t left;
    uint32_t failed; /* 1: a field was not there or not right; all that follow are 0 or "" */
    uint32_t reserved;
};

static inline struct sp_reader sp_reader_of(struct sp_str payload)
{
    struct sp_reader reader;
    reader.at = (const unsigned char *)payload.data;
    reader.left = payload.data ? payload.len : 0;
    reader.failed = 0;
    reader.reserved = 0;
    return reader;
}

/* The next len bytes, or NULL. */
static inline const unsigned char *sp_read_bytes(struct sp_reader *reader, uint64_t len)
{
    const unsigned char *at = reader->at;
    if (reader->failed || len > reader->left) {
        reader->failed = 1;
        return NULL;
    }
    if (len > 0)
        reader->at += len;
    reader->left -= len;
    return at;
}

static inline uint64_t sp_read_number(struct sp_reader *reader, unsigned width)
{
    const unsigned char *at = sp_read_bytes(reader, width);
    uint64_t number = 0;
    unsigned i;
    for (i = 0; at && i < width; i++)
        number = number << 8 | at[i];
    return number;
}

static inline uint8_t sp_read_byte(struct sp_reader *reader)
{
    return (uint8_t)sp_read_number(reader, 1);
}

/* 0 or 1; any byte but 0 is true. */
static inline int sp_read_boolean(struct sp_reader *reader)
{
    return sp_read_number(reader, 1) != 0;
}

static inline uint32_t sp_read_uint32(struct sp_reader *reader)
{
    return (uint32_t)sp_read_number(reader, 4);
}

static inline uint64_t sp_read_uint64(struct sp_reader *reader)
{
    return sp_read_number(reader, 8);
}

/* A string of any bytes. No NUL follows it. */
static inline struct sp_str sp_read_string(struct sp_reader *reader)
{
    struct sp_str text = {"", 0};
    uint64_t len = sp_read_number(reader, 4);
    const unsigned char *at = sp_read_bytes(reader, len);
    if (at && len > 0) {
        text.data = (const char *)at;
        text.len = len;
    }
    return text;
}

static inline struct sp_str sp_reader_fail(struct sp_reader *reader)
{
    struct sp_str nothing = {"", 0};
    reader->failed = 1;
    return nothing;
}

/* A string that must hold no NUL. */
static inline struct sp_str sp_read_text(struct sp_reader *reader)
{
    struct sp_str text = sp_read_string(reader);
    if (text.len > 0 && memchr(text.data, 0, (size_t)text.len))
        return sp_reader_fail(reader);
    return text;
}

/* A number of any size that must not be negative: its bytes, the highest first, none in vain. Zero
 * is "". */
static inline struct sp_str sp_read_mpint(struct sp_reader *reader)
{
    struct sp_str number = sp_read_string(reader);
    const unsigned char *bytes = (const unsigned char *)number.data;
    if (number.len == 0)
        return number;
    if (bytes[0] & 0x80)
        return sp_reader_fail(reader); /* negative */
    if (bytes[0] != 0)
        return number;
    if (number.len == 1 || !(bytes[1] & 0x80))
        return sp_reader_fail(reader); /* the zero is in vain */
    number.data++;
    number.len--;
    return number;
}

/* Names with commas between them: printable US-ASCII, and none of them empty. "" is no names. */
static inline struct sp_str sp_read_name_list(struct sp_reader *reader)
{
    struct sp_str list = sp_read_string(reader);
    char before = ',';
    uint64_t i;
    for (i = 0; i < list.len; i++) {
        char c = list.data[i];
        if (c <= ' ' || c >= 0x7f || (c == ',' && before == ','))
            return sp_reader_fail(reader);
        before = c;
    }
    if (list.len > 0 && before == ',')
        return sp_reader_fail(reader);
    return list;
}

/* Take the first name off a list. 1, or 0 at its end. */
static inline int sp_next_name(struct sp_str *list, struct sp_str *ret_name)
{
    uint64_t len = 0;
    if (list->len == 0)
        return 0;
    while (len < list->len && list->data[len] != ',')
        len++;
    ret_name->data = list->data;
    ret_name->len = len;
    if (len < list->len)
        len++;
    list->data += len;
    list->len -= len;
    return 1;
}

/* All that has not been read yet. */
static inline struct sp_str sp_read_rest(struct sp_reader *reader)
{
    struct sp_str rest = {"", 0};
    uint64_t len = reader->left;
    const unsigned char *at = sp_read_bytes(reader, len);
    if (at && len > 0) {
        rest.data = (const char *)at;
        rest.len = len;
    }
    return rest;
}

/* 1 if every field was there and right, and nothing follows them. */
static inline int sp_reader_is_done(const struct sp_reader *reader)
{
    return !reader->failed && reader->left == 0;
}

/* --- writing --------------------------------------------------------------------------------- */

/* Room of the caller's, and how much of it is used. */
struct sp_writer {
    unsigned char *room;
    uint64_t size;
    uint64_t used;
    uint32_t failed; /* 1: there was no room for a field, or it could not be written */
    uint32_t reserved;
};

static inline struct sp_writer sp_writer_of(void *room, uint64_t size)
{
    struct sp_writer writer;
    writer.room = (unsigned char *)room;
    writer.size = room ? size : 0;
    writer.used = 0;
    writer.failed = 0;
    writer.reserved = 0;
    return writer;
}

/* A field goes in whole or not at all: 1 if len bytes more will fit. */
static inline int sp_writer_fits(struct sp_writer *writer, uint64_t len)
{
    if (writer->failed || len > writer->size - writer->used)
        writer->failed = 1;
    return !writer->failed;
}

static inline void sp_write_number(struct sp_writer *writer, uint64_t number, unsigned width)
{
    if (!sp_writer_fits(writer, width))
        return;
    while (width-- > 0)
        writer->room[writer->used++] = (unsigned char)(number >> 8 * width);
}

/* Bytes as they are, without a length before them. */
static inline void sp_write_bytes(struct sp_writer *writer, const void *data, uint64_t len)
{
    if (!sp_writer_fits(writer, len) || len == 0)
        return;
    memcpy(writer->room + writer->used, data, (size_t)len);
    writer->used += len;
}

static inline void sp_write_byte(struct sp_writer *writer, uint8_t byte)
{
    sp_write_number(writer, byte, 1);
}

static inline void sp_write_boolean(struct sp_writer *writer, int is_true)
{
    sp_write_number(writer, is_true ? 1 : 0, 1);
}

static inline void sp_write_uint32(struct sp_writer *writer, uint32_t number)
{
    sp_write_number(writer, number, 4);
}

static inline void sp_write_uint64(struct sp_writer *writer, uint64_t number)
{
    sp_write_number(writer, number, 8);
}

/* The length of a string, for which there must be room as a whole. 1 if there is. */
static inline int sp_write_length(struct sp_writer *writer, uint64_t len)
{
    if (len > UINT32_MAX - 4u)
        writer->failed = 1;
    if (!sp_writer_fits(writer, len + 4))
        return 0;
    sp_write_number(writer, len, 4);
    return 1;
}

/* A string of any bytes. */
static inline void sp_write_string(struct sp_writer *writer, struct sp_str text)
{
    if (sp_write_length(writer, text.len))
        sp_write_bytes(writer, text.data, text.len);
}

/* A string that ends with NUL, which is not written. */
static inline void sp_write_text(struct sp_writer *writer, const char *text)
{
    struct sp_str all;
    all.data = text;
    all.len = strlen(text);
    sp_write_string(writer, all);
}

/* A number of any size, not negative: its bytes, the highest first. */
static inline void sp_write_mpint(struct sp_writer *writer, struct sp_str number)
{
    int is_high;
    while (number.len > 0 && number.data[0] == 0) {
        number.data++;
        number.len--;
    }
    is_high = number.len > 0 && ((unsigned char)number.data[0] & 0x80) != 0;
    if (!sp_write_length(writer, number.len + (is_high ? 1 : 0)))
        return;
    if (is_high)
        sp_write_byte(writer, 0);
    sp_write_bytes(writer, number.data, number.len);
}

/* Names, with commas between them. An empty one, or one that holds a comma, cannot be written. */
static inline void sp_write_name_list(struct sp_writer *writer, const struct sp_str *names,
                                      uint64_t count)
{
    uint64_t len = count > 0 ? count - 1 : 0;
    uint64_t i;
    for (i = 0; i < count; i++) {
        if (names[i].len == 0 || names[i].len > UINT32_MAX || len > UINT32_MAX ||
            memchr(names[i].data, ',', (size_t)names[i].len)) {
            writer->failed = 1;
            return;
        }
        len += names[i].len;
    }
    if (!sp_write_length(writer, len))
        return;
    for (i = 0; i < count; i++) {
        if (i > 0)
            sp_write_byte(writer, ',');
        sp_write_bytes(writer, names[i].data, names[i].len);
    }
}

/* All that was written: 0, or SP_E_INVALID and "" if a field did not fit or could not be. */
static inline int32_t sp_writer_result(const struct sp_writer *writer, struct sp_str *ret_payload)
{
    ret_payload->data = writer->failed || writer->used == 0 ? "" : (const char *)writer->room;
    ret_payload->len = writer->failed ? 0 : writer->used;
    return writer->failed ? SP_E_INVALID : 0;
}

#ifdef __cplusplus
}
#endif
#endif
