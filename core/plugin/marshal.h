/*
 * marshal.h: the ABI's structs as bytes and back, written once against the tables of layout.h: for
 * instances whose code runs in another process. Both sides are the same binary on the same machine,
 * so numbers are as they lie in memory; nothing else of what comes back is believed. Any thread.
 */
#ifndef SALLYPORT_PLUGIN_MARSHAL_H
#define SALLYPORT_PLUGIN_MARSHAL_H

#include <stddef.h>
#include <stdint.h>

#include "plugin/layout.h"

/* A struct with all it points to takes no more than this, in bytes or in memory. */
#define MARSHAL_MAX (16u * 1024 * 1024)

/* The bytes that source and all it points to make. Fields that its sender did not know count as
 * zero. 0: too many, or its size is garbage. */
size_t marshal_size(const struct layout *layout, const void *source);
/* Write them, as many as were measured; source must not have changed since. */
void marshal_put(const struct layout *layout, const void *source, uint8_t *target);

/* The struct that exactly these bytes make, complete to its last field, with all it points to in
 * one malloc()ed block of *ret_size bytes: 0, SP_ERR_NOMEM, or SP_ERR_FORMAT. Every text is
 * followed by a NUL. */
int marshal_get(const struct layout *layout, const uint8_t *bytes, size_t length, void **ret_struct,
                size_t *ret_size);

#endif
