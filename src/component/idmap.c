#include "component/idmap.h"

#include "base/mem.h"

static size_t home(const struct idmap *map, uint32_t id)
{
    return (uint32_t)(id * 2654435769u) & (map->capacity - 1);
}

/* The slot that holds `id`, or the free one where it would go. */
static struct idmap_slot *find(const struct idmap *map, uint32_t id)
{
    size_t at = home(map, id);
    while (map->slots[at].value && map->slots[at].id != id)
        at = (at + 1) & (map->capacity - 1);
    return &map->slots[at];
}

void idmap_release(struct idmap *map)
{
    free(map->slots);
    *map = (struct idmap){0};
}

const void *idmap_get(const struct idmap *map, uint32_t id)
{
    return map->len ? find(map, id)->value : NULL;
}

static void grow(struct idmap *map)
{
    struct idmap old = *map;
    map->capacity = old.capacity ? old.capacity * 2 : 16;
    map->slots = mem_array(map->capacity, sizeof *map->slots);
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slots[i].value)
            *find(map, old.slots[i].id) = old.slots[i];
    free(old.slots);
}

void idmap_set(struct idmap *map, uint32_t id, const void *value)
{
    if (map->len * 4 >= map->capacity * 3)
        grow(map);
    struct idmap_slot *slot = find(map, id);
    map->len += slot->value == NULL;
    *slot = (struct idmap_slot){id, value};
}

/* Removal by moving later members of the same run back, so that no look-up meets a gap. */
void idmap_remove(struct idmap *map, uint32_t id)
{
    struct idmap_slot *slot = map->len ? find(map, id) : NULL;
    if (!slot || !slot->value)
        return;
    size_t mask = map->capacity - 1, hole = (size_t)(slot - map->slots);
    for (size_t at = (hole + 1) & mask; map->slots[at].value; at = (at + 1) & mask) {
        size_t wanted = home(map, map->slots[at].id);
        if (((at - wanted) & mask) < ((at - hole) & mask))
            continue;
        map->slots[hole] = map->slots[at];
        hole = at;
    }
    map->slots[hole].value = NULL;
    map->len--;
}
