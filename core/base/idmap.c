/* idmap.c: ids that outlive what they stood for without ever standing for something else: the
 * tokens and handles that plugins and clients hold. The low half of an id is its slot plus one, the
 * high half the slot's generation. The owner's thread. */
#include "base/idmap.h"

#include <stdlib.h>

#include "base/err.h"

#define SMALLEST 8u

struct idmap_slot {
    void *value; /* NULL: not in use */
    uint32_t generation;
    uint32_t next_free; /* 1 + index, 0: none; while not in use */
};

static int grow(struct idmap *map)
{
    uint32_t capacity = map->capacity ? map->capacity * 2 : SMALLEST;
    struct idmap_slot *slots;

    if (map->capacity > UINT32_MAX / 2)
        return -1;
    slots = reallocarray(map->slots, capacity, sizeof(*slots));
    if (!slots)
        return -1;
    /* Lower slots first: the map stays dense. */
    for (uint32_t i = capacity; i-- > map->capacity;) {
        slots[i] = (struct idmap_slot){.next_free = map->first_free};
        map->first_free = i + 1;
    }
    map->slots = slots;
    map->capacity = capacity;
    return 0;
}

static struct idmap_slot *find(const struct idmap *map, uint64_t id)
{
    uint32_t number = (uint32_t)id;
    struct idmap_slot *slot;

    if (number == 0 || number > map->capacity)
        return NULL;
    slot = &map->slots[number - 1];
    return slot->value && slot->generation == (uint32_t)(id >> 32) ? slot : NULL;
}

void idmap_free(struct idmap *map)
{
    free(map->slots);
    *map = (struct idmap){0};
}

uint64_t idmap_add(struct idmap *map, void *value, uint32_t limit)
{
    struct idmap_slot *slot;
    uint32_t number;

    if (limit > 0 && map->count >= limit)
        return 0;
    if (map->first_free == 0 && grow(map) < 0)
        return 0;
    number = map->first_free;
    slot = &map->slots[number - 1];
    map->first_free = slot->next_free;
    slot->value = value;
    map->count++;
    return (uint64_t)slot->generation << 32 | number;
}

void *idmap_get(const struct idmap *map, uint64_t id)
{
    struct idmap_slot *slot = find(map, id);

    return slot ? slot->value : NULL;
}

int idmap_set(struct idmap *map, uint64_t id, void *value)
{
    struct idmap_slot *slot = find(map, id);

    if (!slot)
        return SP_ERR_NOT_FOUND;
    slot->value = value;
    return 0;
}

void *idmap_remove(struct idmap *map, uint64_t id)
{
    struct idmap_slot *slot = find(map, id);
    void *value;

    if (!slot)
        return NULL;
    value = slot->value;
    slot->value = NULL;
    map->count--;
    /* A slot whose generations are used up is never used again: no id may come back. */
    if (slot->generation != UINT32_MAX) {
        slot->generation++;
        slot->next_free = map->first_free;
        map->first_free = (uint32_t)id;
    }
    return value;
}
