/* hashmap.c: linear probing; removing moves later cells back, so there are no tombstones and a map
 * of short-lived keys stays small. The owner's thread. */
#include "base/hashmap.h"

#include <stdlib.h>

#include "base/err.h"

#define SMALLEST 8u

struct hashmap_cell {
    uint64_t key;
    void *value; /* NULL: the cell is free */
};

/* The finaliser of splitmix64: neighbouring keys end up far apart. */
static uint64_t mix(uint64_t key)
{
    key = (key ^ (key >> 30)) * 0xbf58476d1ce4e5b9u;
    key = (key ^ (key >> 27)) * 0x94d049bb133111ebu;
    return key ^ (key >> 31);
}

/* Where key is, or the free cell where it would go. There is always a free cell. */
static size_t find(const struct hashmap *map, uint64_t key)
{
    size_t mask = map->capacity - 1;
    size_t at = (size_t)mix(key) & mask;

    while (map->cells[at].value && map->cells[at].key != key)
        at = (at + 1) & mask;
    return at;
}

static int grow(struct hashmap *map)
{
    struct hashmap grown = {.capacity = map->capacity ? map->capacity * 2 : SMALLEST,
                            .count = map->count};

    grown.cells = calloc(grown.capacity, sizeof(*grown.cells));
    if (!grown.cells)
        return SP_ERR_NOMEM;
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->cells[i].value)
            grown.cells[find(&grown, map->cells[i].key)] = map->cells[i];
    }
    free(map->cells);
    *map = grown;
    return 0;
}

void hashmap_free(struct hashmap *map)
{
    free(map->cells);
    *map = (struct hashmap){0};
}

int hashmap_add(struct hashmap *map, uint64_t key, void *value)
{
    size_t at;
    int rc;

    if (hashmap_get(map, key))
        return SP_ERR_INVALID;
    if (map->count >= map->capacity / 4 * 3 && (rc = grow(map)) < 0)
        return rc;
    at = find(map, key);
    map->cells[at] = (struct hashmap_cell){.key = key, .value = value};
    map->count++;
    return 0;
}

void *hashmap_get(const struct hashmap *map, uint64_t key)
{
    return map->capacity ? map->cells[find(map, key)].value : NULL;
}

void *hashmap_remove(struct hashmap *map, uint64_t key)
{
    size_t mask = map->capacity - 1;
    size_t hole, at;
    void *value;

    if (map->capacity == 0)
        return NULL;
    hole = at = find(map, key);
    value = map->cells[hole].value;
    if (!value)
        return NULL;
    /* Fill the hole with a later cell of the run whose home is not behind the hole. */
    while (map->cells[at = (at + 1) & mask].value) {
        size_t home = (size_t)mix(map->cells[at].key) & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            map->cells[hole] = map->cells[at];
            hole = at;
        }
    }
    map->cells[hole].value = NULL;
    map->count--;
    return value;
}

void hashmap_for_each(const struct hashmap *map, void (*each)(uint64_t key, void *value, void *arg),
                      void *arg)
{
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->cells[i].value)
            each(map->cells[i].key, map->cells[i].value, arg);
    }
}
