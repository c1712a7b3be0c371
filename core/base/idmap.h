/* idmap.h: 64-bit ids made of a slot and a generation, each standing for a pointer. An id that was
 * removed is never valid again, and no id is ever 0. One thread at a time. */
#ifndef SALLYPORT_BASE_IDMAP_H
#define SALLYPORT_BASE_IDMAP_H

#include <stddef.h>
#include <stdint.h>

struct idmap_slot;

/* Zero-initialised is empty. */
struct idmap {
    struct idmap_slot *slots;
    uint32_t capacity;
    uint32_t count;      /* ids in use */
    uint32_t first_free; /* 1 + index, 0: none */
};

void idmap_free(struct idmap *map);
/* A new id for value (not NULL), or 0 if memory is out or limit ids (0: no limit) are in use. */
uint64_t idmap_add(struct idmap *map, void *value, uint32_t limit);
/* The value, or NULL for any id that is not in use. Safe for every 64-bit number. */
void *idmap_get(const struct idmap *map, uint64_t id);
/* From now on id stands for value (not NULL). 0, or SP_ERR_NOT_FOUND. */
int idmap_set(struct idmap *map, uint64_t id, void *value);
/* As idmap_get(), and the id is gone. */
void *idmap_remove(struct idmap *map, uint64_t id);

#endif
