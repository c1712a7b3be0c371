/*
 * wire.h: fields of the SSH and SFTP wire formats (RFC 4251, 5), read and written with every
 * length checked. A reader that has failed once keeps failing and gives zeros, so that a whole
 * message can be read before wire_ok() is asked.
 */
#ifndef SALLYPORT_BASE_WIRE_H
#define SALLYPORT_BASE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sallyport/types.h>

#include "base/buffer.h"

struct wire_reader {
    const uint8_t *next;
    const uint8_t *end;
    bool failed;
};

void wire_reader_init(struct wire_reader *reader, const void *data, size_t len);
bool wire_ok(const struct wire_reader *reader);     /* nothing failed so far */
bool wire_at_end(const struct wire_reader *reader); /* nothing failed and nothing is left */
size_t wire_left(const struct wire_reader *reader);
uint8_t wire_get_u8(struct wire_reader *reader);
uint32_t wire_get_u32(struct wire_reader *reader);
uint64_t wire_get_u64(struct wire_reader *reader);
bool wire_get_bool(struct wire_reader *reader);
/* Points into the data; not NUL-terminated. */
struct sp_str wire_get_string(struct wire_reader *reader);

/* Each 0 or SP_ERR_NOMEM; a string past 4 GiB is SP_ERR_LIMIT. */
int wire_put_u8(struct buffer *buffer, uint8_t value);
int wire_put_u32(struct buffer *buffer, uint32_t value);
int wire_put_u64(struct buffer *buffer, uint64_t value);
int wire_put_string(struct buffer *buffer, const void *data, size_t len);
int wire_put_cstring(struct buffer *buffer, const char *text);
/* Overwrite a number that was put before, at offset bytes from buffer_data(). */
void wire_set_u32(struct buffer *buffer, size_t offset, uint32_t value);

#endif
