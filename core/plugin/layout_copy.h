/*
 * layout_copy.h: deep copies of the ABI's structs, written once against the tables of layout.h. Any
 * thread.
 */
#ifndef SALLYPORT_PLUGIN_LAYOUT_COPY_H
#define SALLYPORT_PLUGIN_LAYOUT_COPY_H

#include <stdbool.h>
#include <stddef.h>

#include "plugin/layout.h"

/* How much of *source its sender filled in. 0: its size is garbage. */
size_t layout_filled(const struct layout *layout, const void *source);
/* Whether the field lies within the size bytes that are filled in of the struct at source. */
bool layout_has(const struct field *field, const void *source, size_t size);

/* The bytes that a copy of source and all it points to takes, or 0 with *ret_fault naming the field
 * that is out of bounds. */
size_t layout_measure(const struct layout *layout, const void *source, const char **ret_fault);
/* Make the copy in block, of the size that was measured and aligned as malloc()'s: complete to the
 * last field that this build knows; fields that the sender did not know are zero, texts without
 * length point to empty (NULL, or ""). False if source was changed meanwhile and is out of bounds
 * now. */
bool layout_fill(const struct layout *layout, const void *source, const char *empty, void *block,
                 size_t size, const char **ret_fault);

#endif
