/* hashmap.h: from a 64-bit key to a pointer; open addressing, grows by itself. One thread. */
#ifndef SALLYPORT_BASE_HASHMAP_H
#define SALLYPORT_BASE_HASHMAP_H

#include <stddef.h>
#include <stdint.h>

struct hashmap_cell;

/* Zero-initialised is empty. */
struct hashmap {
    struct hashmap_cell *cells;
    size_t capacity;
    size_t count;
};

void hashmap_free(struct hashmap *map);
/* 0, SP_ERR_NOMEM, or SP_ERR_INVALID if the key is there already. value is not NULL. */
int hashmap_add(struct hashmap *map, uint64_t key, void *value);
void *hashmap_get(const struct hashmap *map, uint64_t key);    /* or NULL */
void *hashmap_remove(struct hashmap *map, uint64_t key);       /* what was there, or NULL */
/* Call each for every pair; each must not change the map. */
void hashmap_for_each(const struct hashmap *map, void (*each)(uint64_t key, void *value, void *arg),
                      void *arg);

#endif
