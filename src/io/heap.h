/* A min-heap of intrusive items: timers by deadline, accounts by the CPU time they have used.
 *
 * An item embeds a `size_t` position (0: not in the heap), so that it can be moved or removed without a search. Keys lie beside the
 * pointers in one array with four children per node, so that sifting rarely touches the items. Not thread-safe. Grows by our own
 * structure only (timers, accounts), so growth aborts when memory is gone. */
#pragma once

#include "base/mem.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_entry {
    uint64_t key;
    size_t *position; /* inside the item: its index here + 1 */
};

struct heap {
    struct heap_entry *entries;
    size_t len, capacity;
};

void heap_release(struct heap *heap);
/* Inserts the item, or moves it when it is in the heap already. */
void heap_set(struct heap *heap, size_t *position, uint64_t key);
void heap_remove(struct heap *heap, size_t *position); /* harmless when it is not in */

/* The item with the least key; the heap is not empty. */
#define HEAP_FIRST(heap, type, member) CONTAINER_OF((heap)->entries[0].position, type, member)

static inline uint64_t heap_first_key(const struct heap *heap)
{
    return heap->len ? heap->entries[0].key : UINT64_MAX;
}
