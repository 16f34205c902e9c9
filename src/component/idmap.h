/* A small hash map from 32-bit ids to pointers: sets of types, memos of substitutions, bindings of resources.
 * Storage is malloc'd; a zeroed map is empty and costs nothing. Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idmap {
    struct idmap_slot {
        uint32_t id;
        const void *value; /* NULL: free */
    } * slots;
    size_t len, capacity; /* capacity: a power of two */
};

void idmap_release(struct idmap *map);
const void *idmap_get(const struct idmap *map, uint32_t id);       /* NULL: none */
void idmap_set(struct idmap *map, uint32_t id, const void *value); /* not NULL */
void idmap_remove(struct idmap *map, uint32_t id);

static inline bool idmap_has(const struct idmap *map, uint32_t id)
{
    return idmap_get(map, id) != NULL;
}

/* As a set. */
static inline void idmap_add(struct idmap *map, uint32_t id)
{
    idmap_set(map, id, "");
}

/* As a map to numbers. */
static inline void idmap_set_id(struct idmap *map, uint32_t id, uint32_t value)
{
    idmap_set(map, id, (const void *)((uintptr_t)value + 1));
}
static inline bool idmap_get_id(const struct idmap *map, uint32_t id, uint32_t *ret_value)
{
    uintptr_t stored = (uintptr_t)idmap_get(map, id);
    if (stored)
        *ret_value = (uint32_t)(stored - 1);
    return stored != 0;
}
