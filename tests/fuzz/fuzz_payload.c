/*
 * fuzz_payload.c: any bytes as a payload of any fields, read by sallyport/payload.h. The first byte
 * says how many bytes choose the fields. No field may lie outside of the payload, a reader that
 * failed may give nothing more, and the fields written again are the bytes they were read from, or
 * there was no room for them.
 */
#include <stdlib.h>
#include <string.h>

#include <sallyport/payload.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
    if (!condition)
        abort();
}

static void check_within(struct sp_str text, struct sp_str payload)
{
    if (text.len > 0)
        check(text.data >= payload.data && text.data + text.len <= payload.data + payload.len);
}

static void copy_names(struct sp_writer *writer, struct sp_str list)
{
    struct sp_str names[64];
    uint64_t count = 0;
    while (count < 64 && sp_next_name(&list, &names[count])) {
        check(names[count].len > 0);
        count++;
    }
    if (list.len > 0)
        writer->failed = 1; /* more than we hold */
    else
        sp_write_name_list(writer, names, count);
}

/* Read one field and write it again. */
static void copy_field(struct sp_reader *reader, uint8_t kind, struct sp_str payload,
                       struct sp_writer *writer)
{
    struct sp_str text = {"", 0};
    switch (kind % 8) {
    case 0:
        sp_write_byte(writer, sp_read_byte(reader));
        return;
    case 1: /* every value but 0 is true: what it was is not kept */
        sp_write_byte(writer, sp_read_boolean(reader) ? reader->at[-1] : 0);
        return;
    case 2:
        sp_write_uint32(writer, sp_read_uint32(reader));
        return;
    case 3:
        sp_write_uint64(writer, sp_read_uint64(reader));
        return;
    case 4:
        sp_write_string(writer, text = sp_read_string(reader));
        break;
    case 5:
        sp_write_string(writer, text = sp_read_text(reader));
        check(!text.len || !memchr(text.data, 0, text.len));
        break;
    case 6:
        sp_write_mpint(writer, text = sp_read_mpint(reader));
        break;
    case 7:
        copy_names(writer, text = sp_read_name_list(reader));
        break;
    }
    check_within(text, payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char again[256];
    if (size == 0)
        return 0;
    size_t kinds = data[0] < size - 1 ? data[0] : size - 1;
    struct sp_str payload = {(const char *)data + 1 + kinds, size - 1 - kinds};
    struct sp_reader reader = sp_reader_of(payload);
    struct sp_writer writer = sp_writer_of(again, sizeof again);
    for (size_t i = 0; i < kinds; i++) {
        uint64_t left = reader.left;
        uint32_t had_failed = reader.failed;
        copy_field(&reader, data[1 + i], payload, &writer);
        check(reader.left <= left && (!had_failed || reader.failed));
        if (reader.failed)
            return 0;
        check(writer.used <= sizeof again);
        if (writer.failed)
            return 0;
        check(writer.used == payload.len - reader.left);
        check(memcmp(again, payload.data, writer.used) == 0);
    }
    check_within(sp_read_rest(&reader), payload);
    check(sp_reader_is_done(&reader));
    return 0;
}
