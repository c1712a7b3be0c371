/*
 * reply.c: the core's own copies of replies. complete() calls it, on any thread.
 */
#include "plugin/reply.h"

#include <stdlib.h>
#include <string.h>

#include "plugin/layout_copy.h"

/* Reads and writes answer with numbers only: one memcpy() will do. */
static bool is_flat(const struct layout *layout, const char *source)
{
    if (layout_filled(layout, source) != layout->size)
        return false;
    for (uint32_t i = 0; i < layout->fields_count; i++) {
        const struct field *field = &layout->fields[i];
        /* A text with a pointer and no length, or a list with a number and no pointer, is none to
         * copy as it is either. */
        uint64_t words[2] = {0, 0};
        if (field->kind == FIELD_BYTES || field->kind == FIELD_NAME)
            memcpy(words, source + field->offset, sizeof words);
        else if (field->kind == FIELD_POINTER || field->kind == FIELD_ARRAY)
            memcpy(words, source + field->offset, sizeof(void *));
        if (field->kind == FIELD_ARRAY)
            memcpy(&words[1], source + field->count_offset, field->count_width);
        if (words[0] | words[1])
            return false;
    }
    return true;
}

int32_t reply_copy(const struct layout *layout, const struct sp_reply *source,
                   struct reply_room *room, struct sp_reply **ret_reply, const char **ret_fault)
{
    const char *from = (const char *)source;
    *ret_reply = NULL;
    if (is_flat(layout, from)) {
        memcpy(room->bytes, from, layout->size);
        *ret_reply = (struct sp_reply *)(void *)room->bytes;
        return 0;
    }

    size_t size = layout_measure(layout, from, ret_fault);
    if (size == 0)
        return SP_E_INVALID;
    void *block = room->bytes;
    if (size > sizeof room->bytes && !(block = malloc(size)))
        return SP_E_NOMEM;
    if (!layout_fill(layout, from, NULL, block, size, ret_fault)) {
        reply_free(block, room);
        return SP_E_INVALID;
    }
    *ret_reply = block;
    return 0;
}

void reply_free(struct sp_reply *reply, struct reply_room *room)
{
    if ((unsigned char *)reply != room->bytes)
        free(reply);
}
