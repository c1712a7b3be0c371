/*
 * fuzz_wire.c: any bytes as a message of any fields. The first byte says how many bytes choose the
 * fields to read. No field may lie outside the message, a reader that failed may give nothing more,
 * and fields put again are the bytes they were read from.
 */
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition)
        abort();
}

/* Read one field and put it into again. */
static void copy_field(struct wire_reader *reader, uint8_t kind, const uint8_t *message, size_t len,
                       struct buffer *again)
{
    struct sp_str text;

    switch (kind % 5) {
    case 0:
        check(wire_put_u8(again, wire_get_u8(reader)) == 0);
        break;
    case 1:
        check(wire_put_u32(again, wire_get_u32(reader)) == 0);
        break;
    case 2:
        check(wire_put_u64(again, wire_get_u64(reader)) == 0);
        break;
    case 3:
        /* Every value but 0 is true: what it was is not kept. */
        if (wire_get_bool(reader))
            check(wire_put_u8(again, reader->next[-1]) == 0);
        else
            check(wire_put_u8(again, 0) == 0);
        break;
    case 4:
        text = wire_get_string(reader);
        if (wire_ok(reader)) {
            check((const uint8_t *)text.data >= message + 4);
            check((const uint8_t *)text.data + text.len <= message + len);
        }
        check(wire_put_string(again, text.data, text.len) == 0);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_reader reader;
    struct buffer again = {0};
    const uint8_t *message;
    size_t kinds, len;

    if (size == 0)
        return 0;
    kinds = data[0] < size - 1 ? data[0] : size - 1;
    message = data + 1 + kinds;
    len = size - 1 - kinds;
    wire_reader_init(&reader, message, len);
    for (size_t i = 0; i < kinds; i++) {
        bool was_ok = wire_ok(&reader);
        size_t left = wire_left(&reader);
        copy_field(&reader, data[1 + i], message, len, &again);
        check(was_ok || !wire_ok(&reader));
        check(wire_left(&reader) <= left);
        check(wire_at_end(&reader) == (wire_ok(&reader) && wire_left(&reader) == 0));
        if (!wire_ok(&reader))
            break;
        check(buffer_length(&again) == len - wire_left(&reader));
        check(memcmp(buffer_data(&again), message, buffer_length(&again)) == 0);
    }
    buffer_release(&again);
    return 0;
}
