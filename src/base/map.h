/* A hash map from text to a pointer; remembers the order of insertion.
 *
 * Keys are borrowed: they must live as long as the map (usually in the same arena). Values are the caller's. The hash is seeded, so
 * keys that a peer chooses cannot be made to collide. Removing while walking with map_each is fine, inserting is not. */
#pragma once

#include "base/str.h"

struct map_entry {
    struct str key; /* data NULL: removed */
    void *value;
    uint32_t hash;
};

struct map {
    struct map_entry *entries; /* in order of insertion */
    size_t used;               /* entries in use, removed ones included */
    size_t len;                /* live ones */
    size_t capacity;
    uint32_t *slots; /* index + 1 into entries, 0 free */
    size_t slot_count;
};

void map_release(struct map *map); /* frees the table, not the values */
void *map_get(const struct map *map, struct str key);
bool map_has(const struct map *map, struct str key);
/* Inserts or replaces; returns the value that was there before, or NULL. */
void *map_set(struct map *map, struct str key, void *value);
void *map_remove(struct map *map, struct str key);

#define map_each(entry, map)                                                                                                       \
    for (struct map_entry *entry = (map)->entries; entry && entry < (map)->entries + (map)->used; entry++)                         \
        if (entry->key.data)
