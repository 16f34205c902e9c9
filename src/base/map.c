#include "base/map.h"

#include "base/error.h"
#include "base/mem.h"

/* Entries lie in order of insertion; slots are a hash table of their numbers, probed one after the other. A removed entry stays,
 * without a key, and keeps its slot so that probing goes on past it; both are swept out when the entries are full. There are at
 * least twice as many slots as entries, so a free slot always ends a probe. */
#define CAPACITY_MIN 8

void map_release(struct map *map)
{
    free(map->entries);
    free(map->slots);
    *map = (struct map){0};
}

static struct map_entry *find(const struct map *map, struct str key, uint32_t hash)
{
    if (map->len == 0)
        return NULL;
    for (size_t at = hash;; at++) {
        uint32_t number = map->slots[at & (map->slot_count - 1)];
        if (number == 0)
            return NULL;
        struct map_entry *entry = &map->entries[number - 1];
        if (entry->hash == hash && entry->key.data && str_eq(entry->key, key))
            return entry;
    }
}

void *map_get(const struct map *map, struct str key)
{
    if (map->len == 0)
        return NULL;
    const struct map_entry *entry = find(map, key, (uint32_t)str_hash(key));
    return entry ? entry->value : NULL;
}

bool map_has(const struct map *map, struct str key)
{
    return find(map, key, (uint32_t)str_hash(key)) != NULL;
}

static void place(struct map *map, size_t index)
{
    size_t at = map->entries[index].hash;
    while (map->slots[at & (map->slot_count - 1)] != 0)
        at++;
    map->slots[at & (map->slot_count - 1)] = (uint32_t)(index + 1);
}

/* Sweeps out removed entries, and doubles the table unless that has freed half of it. */
static void rebuild(struct map *map)
{
    size_t kept = 0;
    for (size_t i = 0; i < map->used; i++)
        if (map->entries[i].key.data)
            map->entries[kept++] = map->entries[i];
    map->used = kept;
    if (kept > map->capacity / 2 || map->capacity == 0) {
        size_t capacity = map->capacity ? map->capacity * 2 : CAPACITY_MIN;
        bug_unless(capacity < UINT32_MAX);
        map->entries = mem_grow(map->entries, capacity, sizeof *map->entries);
        map->capacity = capacity;
    }
    free(map->slots);
    map->slot_count = map->capacity * 2;
    map->slots = mem_array(map->slot_count, sizeof *map->slots);
    for (size_t i = 0; i < map->used; i++)
        place(map, i);
}

void *map_set(struct map *map, struct str key, void *value)
{
    if (!key.data)
        key = STR(""); /* a NULL would mean removed */
    uint32_t hash = (uint32_t)str_hash(key);
    struct map_entry *entry = find(map, key, hash);
    if (entry) {
        void *old = entry->value;
        entry->value = value;
        return old;
    }
    if (map->used == map->capacity)
        rebuild(map);
    map->entries[map->used] = (struct map_entry){key, value, hash};
    place(map, map->used);
    map->used++;
    map->len++;
    return NULL;
}

void *map_remove(struct map *map, struct str key)
{
    struct map_entry *entry = find(map, key, (uint32_t)str_hash(key));
    if (!entry)
        return NULL;
    void *old = entry->value;
    *entry = (struct map_entry){.hash = entry->hash};
    map->len--;
    return old;
}
