/* wire.c: big-endian numbers and counted strings. For every codec; the owner's thread. */
#include "base/wire.h"

#include <string.h>

#include "base/err.h"

void wire_reader_init(struct wire_reader *reader, const void *data, size_t len)
{
    /* No arithmetic on a NULL that stands for no data. */
    const uint8_t *bytes = data ? data : (const uint8_t *)"";

    *reader = (struct wire_reader){.next = bytes, .end = bytes + (data ? len : 0)};
}

bool wire_ok(const struct wire_reader *reader)
{
    return !reader->failed;
}

bool wire_at_end(const struct wire_reader *reader)
{
    return !reader->failed && reader->next == reader->end;
}

size_t wire_left(const struct wire_reader *reader)
{
    return reader->failed ? 0 : (size_t)(reader->end - reader->next);
}

/* The next len bytes, or NULL and the reader has failed. */
static const uint8_t *take(struct wire_reader *reader, size_t len)
{
    const uint8_t *bytes = reader->next;

    if (reader->failed || len > (size_t)(reader->end - reader->next)) {
        reader->failed = true;
        return NULL;
    }
    reader->next += len;
    return bytes;
}

static uint64_t get_number(struct wire_reader *reader, size_t len)
{
    const uint8_t *bytes = take(reader, len);
    uint64_t value = 0;

    for (size_t i = 0; bytes && i < len; i++)
        value = value << 8 | bytes[i];
    return value;
}

uint8_t wire_get_u8(struct wire_reader *reader)
{
    return (uint8_t)get_number(reader, 1);
}

uint32_t wire_get_u32(struct wire_reader *reader)
{
    return (uint32_t)get_number(reader, 4);
}

uint64_t wire_get_u64(struct wire_reader *reader)
{
    return get_number(reader, 8);
}

bool wire_get_bool(struct wire_reader *reader)
{
    /* RFC 4251, 5: every value but 0 is TRUE. */
    return wire_get_u8(reader) != 0;
}

struct sp_str wire_get_string(struct wire_reader *reader)
{
    uint32_t len = wire_get_u32(reader);
    const uint8_t *bytes = take(reader, len);

    return bytes ? (struct sp_str){.data = (const char *)bytes, .len = len}
                 : (struct sp_str){.data = "", .len = 0};
}

static void store(uint8_t *at, uint64_t value, size_t len)
{
    for (size_t i = len; i-- > 0; value >>= 8)
        at[i] = (uint8_t)value;
}

static int put_number(struct buffer *buffer, uint64_t value, size_t len)
{
    uint8_t *room = buffer_reserve(buffer, len);

    if (!room)
        return SP_ERR_NOMEM;
    store(room, value, len);
    buffer_commit(buffer, len);
    return 0;
}

int wire_put_u8(struct buffer *buffer, uint8_t value)
{
    return put_number(buffer, value, 1);
}

int wire_put_u32(struct buffer *buffer, uint32_t value)
{
    return put_number(buffer, value, 4);
}

int wire_put_u64(struct buffer *buffer, uint64_t value)
{
    return put_number(buffer, value, 8);
}

int wire_put_string(struct buffer *buffer, const void *data, size_t len)
{
    uint8_t *room;

    if (len > UINT32_MAX)
        return SP_ERR_LIMIT;
    room = buffer_reserve(buffer, 4 + len);
    if (!room)
        return SP_ERR_NOMEM;
    store(room, len, 4);
    if (len > 0)
        memcpy(room + 4, data, len);
    buffer_commit(buffer, 4 + len);
    return 0;
}

int wire_put_cstring(struct buffer *buffer, const char *text)
{
    return wire_put_string(buffer, text, strlen(text));
}

void wire_set_u32(struct buffer *buffer, size_t offset, uint32_t value)
{
    store(buffer_data(buffer) + offset, value, 4);
}
