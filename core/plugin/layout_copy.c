/*
 * layout_copy.c: deep copies of the ABI's structs by their tables of fields. Called where a plugin
 * answers and where a connection's snapshot is made, on any thread.
 *
 * The same walk is done twice, first to add up what is needed, then to fill it in; every length is
 * checked both times, so that a plugin that changes its reply meanwhile overruns nothing.
 */
#include "plugin/layout_copy.h"

#include <string.h>

#include <sallyport/types.h>

#define TEXT_MAX (64u * 1024)
#define STRUCT_MAX (64u * 1024) /* of a struct_size: more is garbage */
#define COPY_MAX (16u * 1024 * 1024)

struct copier {
    char *block; /* NULL: adding up */
    size_t used;
    size_t size;       /* of the block; the bound while adding up */
    const char *empty; /* what texts without length point to */
    const char *fault;
};

static size_t aligned(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

/* Room for len bytes: false if there is none. *ret_place is NULL while adding up. */
static bool take(struct copier *copier, size_t len, char **ret_place)
{
    if (aligned(len) > copier->size - copier->used)
        return false;
    *ret_place = copier->block ? copier->block + copier->used : NULL;
    copier->used += aligned(len);
    return true;
}

size_t layout_filled(const struct layout *layout, const void *source)
{
    if (!layout->is_sized)
        return layout->size;
    uint32_t size;
    memcpy(&size, (const char *)source + layout->size_offset, sizeof size);
    return size < sizeof size || size > STRUCT_MAX ? 0 : layout->size_offset + size;
}

static bool copy_struct(struct copier *copier, const struct layout *layout, const char *source,
                        char *target);

static bool copy_text(struct copier *copier, const struct field *field, const char *source,
                      char *target)
{
    struct sp_str text;
    memcpy(&text, source, sizeof text);
    if (text.len == 0) {
        if (target)
            memcpy(target, &(struct sp_str){copier->empty, 0}, sizeof text);
        return true;
    }
    if (!text.data || text.len > TEXT_MAX ||
        (field->kind == FIELD_NAME && memchr(text.data, 0, text.len)))
        return false;

    char *place;
    if (!take(copier, text.len + 1, &place))
        return false;
    if (place) {
        memcpy(place, text.data, text.len);
        place[text.len] = 0;
        memcpy(target, &(struct sp_str){place, text.len}, sizeof text);
    }
    return true;
}

/* count structs at items, one after the other as their sender compiled them. */
static bool copy_structs(struct copier *copier, const struct field *field, const char *items,
                         uint64_t count, char *target)
{
    if (count == 0)
        return true;
    if (!items)
        return false;
    size_t stride = layout_filled(field->of, items);
    char *place;
    if (stride == 0 || !take(copier, count * field->of->size, &place))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        const char *item = items + i * aligned(stride);
        if (layout_filled(field->of, item) != stride ||
            !copy_struct(copier, field->of, item, place ? place + i * field->of->size : NULL))
            return false;
    }
    if (place)
        memcpy(target, &place, sizeof place);
    return true;
}

/* source and target are the structs that hold the list. The number that is copied goes along with
 * it: one that the sender changes meanwhile, or that it gave without a list, is not believed. */
static bool copy_array(struct copier *copier, const struct field *field, const char *source,
                       size_t size, char *target)
{
    uint64_t count = 0;
    uint32_t count32 = 0;
    bool is_wide = field->count_width != sizeof count32;
    const char *items;
    if (field->count_offset + field->count_width <= size) {
        memcpy(is_wide ? (void *)&count : &count32, source + field->count_offset,
               field->count_width);
        count += count32;
    }
    memcpy(&items, source + field->offset, sizeof items);
    if (count > field->count_max ||
        !copy_structs(copier, field, items, count, target ? target + field->offset : NULL))
        return false;
    if (target) {
        count32 = (uint32_t)count;
        memcpy(target + field->count_offset, is_wide ? (void *)&count : &count32,
               field->count_width);
    }
    return true;
}

static bool copy_pointer(struct copier *copier, const struct field *field, const char *source,
                         char *target)
{
    const char *item;
    memcpy(&item, source, sizeof item);
    return !item || copy_structs(copier, field, item, 1, target);
}

/* source and target are the structs that hold the field. */
static bool copy_field(struct copier *copier, const struct field *field, const char *source,
                       size_t size, char *target)
{
    const char *from = source + field->offset;
    char *to = target ? target + field->offset : NULL;
    switch (field->kind) {
    case FIELD_U32:
    case FIELD_I32:
    case FIELD_U64:
    case FIELD_I64:
        if (to)
            memcpy(to, from, field_width(field));
        return true;
    case FIELD_BYTES:
    case FIELD_NAME:
        return copy_text(copier, field, from, to);
    case FIELD_STRUCT:
        return copy_struct(copier, field->of, from, to);
    case FIELD_POINTER:
        return copy_pointer(copier, field, from, to);
    case FIELD_ARRAY:
        return copy_array(copier, field, source, size, target);
    }
    return false;
}

/* A struct within another is as long as its sender says or as what encloses it leaves. */
bool layout_has(const struct field *field, const void *source, size_t size)
{
    if (field->kind != FIELD_STRUCT || !field->of->is_sized)
        return field->offset + field_width(field) <= size;
    if (field->offset + field->of->size_offset + sizeof(uint32_t) > size)
        return false;
    return field->offset + layout_filled(field->of, (const char *)source + field->offset) <= size;
}

/* target is zeroed, or NULL while adding up. */
static bool copy_struct(struct copier *copier, const struct layout *layout, const char *source,
                        char *target)
{
    size_t size = layout_filled(layout, source);
    if (size == 0) {
        copier->fault = layout->name;
        return false;
    }
    for (uint32_t i = 0; i < layout->fields_count; i++) {
        const struct field *field = &layout->fields[i];
        if (!layout_has(field, source, size)) {
            if (field->kind == FIELD_ARRAY && target)
                memset(target + field->count_offset, 0, field->count_width);
            continue;
        }
        if (!copy_field(copier, field, source, size, target)) {
            if (!copier->fault)
                copier->fault = field->name;
            return false;
        }
    }
    if (target && layout->is_sized) {
        uint32_t own = layout->size - layout->size_offset;
        memcpy(target + layout->size_offset, &own, sizeof own);
    }
    return true;
}

size_t layout_measure(const struct layout *layout, const void *source, const char **ret_fault)
{
    struct copier copier = {.size = COPY_MAX, .used = aligned(layout->size)};
    if (copy_struct(&copier, layout, source, NULL))
        return copier.used;
    *ret_fault = copier.fault;
    return 0;
}

bool layout_fill(const struct layout *layout, const void *source, const char *empty, void *block,
                 size_t size, const char **ret_fault)
{
    struct copier copier = {
        .block = block, .size = size, .used = aligned(layout->size), .empty = empty};
    memset(block, 0, size);
    if (copy_struct(&copier, layout, source, block))
        return true;
    *ret_fault = copier.fault;
    return false;
}
