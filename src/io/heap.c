#include "io/heap.h"
#include "base/mem.h"
#include "base/vec.h"

enum { CHILDREN = 4 };

static void place(struct heap *heap, size_t index, struct heap_entry entry)
{
    heap->entries[index] = entry;
    *entry.position = index + 1;
}

static void sift_up(struct heap *heap, size_t index, struct heap_entry entry)
{
    while (index > 0) {
        size_t parent = (index - 1) / CHILDREN;
        if (heap->entries[parent].key <= entry.key)
            break;
        place(heap, index, heap->entries[parent]);
        index = parent;
    }
    place(heap, index, entry);
}

static size_t least_child(const struct heap *heap, size_t index)
{
    size_t first = index * CHILDREN + 1, least = first;
    size_t end = MIN(first + CHILDREN, heap->len);
    for (size_t child = first + 1; child < end; child++)
        if (heap->entries[child].key < heap->entries[least].key)
            least = child;
    return least;
}

static void sift_down(struct heap *heap, size_t index, struct heap_entry entry)
{
    for (;;) {
        size_t child = least_child(heap, index);
        if (child >= heap->len || heap->entries[child].key >= entry.key)
            break;
        place(heap, index, heap->entries[child]);
        index = child;
    }
    place(heap, index, entry);
}

static void sift(struct heap *heap, size_t index, struct heap_entry entry)
{
    if (index > 0 && heap->entries[(index - 1) / CHILDREN].key > entry.key)
        sift_up(heap, index, entry);
    else
        sift_down(heap, index, entry);
}

void heap_set(struct heap *heap, size_t *position, uint64_t key)
{
    struct heap_entry entry = {key, position};
    if (*position) {
        if (heap->entries[*position - 1].key != key)
            sift(heap, *position - 1, entry);
        return;
    }
    if (heap->len == heap->capacity) {
        heap->capacity = vec_next_capacity(heap->len + 1);
        heap->entries = mem_grow(heap->entries, heap->capacity, sizeof *heap->entries);
    }
    heap->len++;
    sift_up(heap, heap->len - 1, entry);
}

void heap_remove(struct heap *heap, size_t *position)
{
    if (!*position)
        return;
    size_t index = *position - 1;
    *position = 0;
    struct heap_entry last = heap->entries[--heap->len];
    if (index < heap->len)
        sift(heap, index, last);
}

void heap_release(struct heap *heap)
{
    free(heap->entries);
    *heap = (struct heap){0};
}
