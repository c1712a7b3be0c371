/*
 * marshal.c: walks structs by their tables of fields, to bytes and from bytes. Called by remote.c
 * in the worker and by guest.c in the plugin's process, any thread.
 *
 * A number is its own bytes; a text and a list are a number of 4 bytes and what there is; a pointer
 * is such a number too, 0 or 1, and what it points to. The number of a list goes with the list, so
 * that the two can never disagree.
 */
#include "plugin/marshal.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <sallyport/types.h>

#include "base/err.h"
#include "base/secret.h"
#include "plugin/layout_copy.h"

static bool is_count(const struct layout *layout, const struct field *field)
{
    for (uint32_t i = 0; i < layout->fields_count; i++)
        if (layout->fields[i].kind == FIELD_ARRAY &&
            layout->fields[i].count_offset == field->offset)
            return true;
    return false;
}

/* --- to bytes --------------------------------------------------------------------------------- */

struct writer {
    uint8_t *target; /* NULL: adding up */
    size_t used;
    bool failed;
};

static void write_bytes(struct writer *writer, const void *bytes, size_t length)
{
    if (length > MARSHAL_MAX - writer->used) {
        writer->failed = true;
        return;
    }
    if (writer->target && length)
        memcpy(writer->target + writer->used, bytes, length);
    writer->used += length;
}

static void write_number(struct writer *writer, uint64_t number)
{
    uint32_t number32 = (uint32_t)number;
    if (number > UINT32_MAX)
        writer->failed = true;
    write_bytes(writer, &number32, sizeof number32);
}

static void write_struct(struct writer *writer, const struct layout *layout, const char *source);

static void write_text(struct writer *writer, const char *source)
{
    struct sp_str text = {NULL, 0};
    if (source)
        memcpy(&text, source, sizeof text);
    write_number(writer, text.len);
    if (!writer->failed)
        write_bytes(writer, text.data, (size_t)text.len);
}

static void write_structs(struct writer *writer, const struct layout *layout, const char *items,
                          uint64_t count)
{
    write_number(writer, count);
    size_t stride = count ? (layout_filled(layout, items) + 7) & ~(size_t)7 : 0;
    for (uint64_t i = 0; i < count && !writer->failed; i++)
        write_struct(writer, layout, items + i * stride);
}

static uint64_t count_of(const struct field *field, const char *source, size_t size)
{
    uint64_t count = 0;
    if (field->count_offset + field->count_width <= size) /* little end first, as all of ours */
        memcpy(&count, source + field->count_offset, field->count_width);
    return count;
}

/* The field of a struct of which size bytes are filled in; source is NULL where there is none. */
static void write_field(struct writer *writer, const struct field *field, const char *source,
                        size_t size)
{
    static const uint64_t zero = 0;
    const char *from = source && layout_has(field, source, size) ? source + field->offset : NULL;
    const char *items = NULL;
    switch (field->kind) {
    case FIELD_U32:
    case FIELD_I32:
    case FIELD_U64:
    case FIELD_I64:
        write_bytes(writer, from ? from : (const char *)&zero, field_width(field));
        break;
    case FIELD_BYTES:
    case FIELD_NAME:
        write_text(writer, from);
        break;
    case FIELD_STRUCT:
        write_struct(writer, field->of, from);
        break;
    case FIELD_POINTER:
        if (from)
            memcpy(&items, from, sizeof items);
        write_structs(writer, field->of, items, items != NULL);
        break;
    case FIELD_ARRAY:
        if (from)
            memcpy(&items, from, sizeof items);
        write_structs(writer, field->of, items, items ? count_of(field, source, size) : 0);
        break;
    }
}

static void write_struct(struct writer *writer, const struct layout *layout, const char *source)
{
    size_t size = source ? layout_filled(layout, source) : 0;
    if (source && size == 0)
        writer->failed = true;
    for (uint32_t i = 0; i < layout->fields_count && !writer->failed; i++)
        if (!is_count(layout, &layout->fields[i]))
            write_field(writer, &layout->fields[i], source, size);
}

size_t marshal_size(const struct layout *layout, const void *source)
{
    struct writer writer = {0};
    write_struct(&writer, layout, source);
    return writer.failed ? 0 : writer.used;
}

void marshal_put(const struct layout *layout, const void *source, uint8_t *target)
{
    struct writer writer = {.target = target};
    write_struct(&writer, layout, source);
}

/* --- from bytes ------------------------------------------------------------------------------- */

/* The same walk is done twice: to add up what the struct takes, then to fill it in. */
struct reader {
    const uint8_t *next;
    const uint8_t *end;
    char *block; /* NULL: adding up */
    size_t used;
    size_t size; /* of the block; the bound while adding up */
};

static bool read_bytes(struct reader *reader, void *target, size_t length)
{
    if (length > (size_t)(reader->end - reader->next))
        return false;
    if (target && length)
        memcpy(target, reader->next, length);
    reader->next += length;
    return true;
}

static bool take(struct reader *reader, size_t length, char **ret_place)
{
    size_t whole = (length + 7) & ~(size_t)7;
    if (whole > reader->size - reader->used)
        return false;
    *ret_place = reader->block ? reader->block + reader->used : NULL;
    reader->used += whole;
    return true;
}

static bool read_struct(struct reader *reader, const struct layout *layout, char *target);

static bool read_text(struct reader *reader, const struct field *field, char *target)
{
    uint32_t length;
    struct sp_str text = {"", 0};
    if (!read_bytes(reader, &length, sizeof length) ||
        length > (size_t)(reader->end - reader->next))
        return false;
    if (field->kind == FIELD_NAME && length && memchr(reader->next, 0, length))
        return false;
    char *place = NULL;
    if (length && !take(reader, (size_t)length + 1, &place))
        return false;
    read_bytes(reader, place, length);
    if (place) { /* the block was zeroed: a NUL follows */
        text.data = place;
        text.len = length;
    }
    if (target)
        memcpy(target, &text, sizeof text);
    return true;
}

/* Each item takes bytes, so the bytes there are bound the work. */
static bool read_structs(struct reader *reader, const struct layout *layout, uint32_t max,
                         char *target, uint32_t *ret_count)
{
    char *place = NULL;
    if (!read_bytes(reader, ret_count, sizeof *ret_count) || *ret_count > max ||
        *ret_count > (size_t)(reader->end - reader->next))
        return false;
    if (*ret_count && !take(reader, (size_t)*ret_count * layout->size, &place))
        return false;
    for (uint32_t i = 0; i < *ret_count; i++)
        if (!read_struct(reader, layout, place ? place + (size_t)i * layout->size : NULL))
            return false;
    if (target)
        memcpy(target, &place, sizeof place);
    return true;
}

/* target is the struct that holds the field, zeroed, or NULL while adding up. */
static bool read_field(struct reader *reader, const struct field *field, char *target)
{
    char *to = target ? target + field->offset : NULL;
    uint32_t count = 0;
    switch (field->kind) {
    case FIELD_U32:
    case FIELD_I32:
    case FIELD_U64:
    case FIELD_I64:
        return read_bytes(reader, to, field_width(field));
    case FIELD_BYTES:
    case FIELD_NAME:
        return read_text(reader, field, to);
    case FIELD_STRUCT:
        return read_struct(reader, field->of, to);
    case FIELD_POINTER:
        return read_structs(reader, field->of, 1, to, &count);
    case FIELD_ARRAY:
        if (!read_structs(reader, field->of, field->count_max, to, &count))
            return false;
        if (target) /* the rest of a wide one is zero already */
            memcpy(target + field->count_offset, &count, sizeof count);
        return true;
    }
    return false;
}

static bool read_struct(struct reader *reader, const struct layout *layout, char *target)
{
    for (uint32_t i = 0; i < layout->fields_count; i++)
        if (!is_count(layout, &layout->fields[i]) &&
            !read_field(reader, &layout->fields[i], target))
            return false;
    if (target && layout->is_sized) {
        uint32_t own = layout->size - layout->size_offset;
        memcpy(target + layout->size_offset, &own, sizeof own);
    }
    return true;
}

static bool read_whole(struct reader *reader, const struct layout *layout, const uint8_t *bytes,
                       size_t length)
{
    char *target;
    reader->next = bytes;
    reader->end = bytes + length;
    return take(reader, layout->size, &target) && read_struct(reader, layout, target) &&
           reader->next == reader->end;
}

int marshal_get(const struct layout *layout, const uint8_t *bytes, size_t length, void **ret_struct,
                size_t *ret_size)
{
    struct reader reader = {.size = MARSHAL_MAX};
    *ret_struct = NULL;
    *ret_size = 0;
    if (!read_whole(&reader, layout, bytes, length))
        return SP_ERR_FORMAT;
    size_t size = reader.used;
    char *block = calloc(1, size);
    if (!block)
        return SP_ERR_NOMEM;
    reader = (struct reader){.block = block, .size = size};
    if (!read_whole(&reader, layout, bytes, length)) {
        secret_wipe(block, size);
        free(block);
        return SP_ERR_FORMAT;
    }
    *ret_struct = block;
    *ret_size = size;
    return 0;
}
