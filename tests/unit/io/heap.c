#include "io/heap.h"
#include "tap.h"

struct item {
    uint64_t key;
    size_t position;
};

static bool is_sound(const struct heap *heap)
{
    for (size_t i = 0; i < heap->len; i++) {
        const struct item *item = CONTAINER_OF(heap->entries[i].position, struct item, position);
        if (item->position != i + 1 || item->key != heap->entries[i].key)
            return false;
        if (i > 0 && heap->entries[(i - 1) / 4].key > heap->entries[i].key)
            return false;
    }
    return true;
}

TEST(comes_out_in_order)
{
    enum { COUNT = 1000 };
    static struct item items[COUNT];
    struct heap heap = {0};
    uint64_t state = 1, last = 0;
    for (int i = 0; i < COUNT; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        items[i] = (struct item){.key = state >> 54}; /* with duplicates */
        heap_set(&heap, &items[i].position, items[i].key);
    }
    CHECK(is_sound(&heap));
    while (heap.len > 0) {
        struct item *first = HEAP_FIRST(&heap, struct item, position);
        CHECK_EQ(heap_first_key(&heap), first->key);
        CHECK(first->key >= last);
        last = first->key;
        heap_remove(&heap, &first->position);
        CHECK_EQ(first->position, 0);
    }
    CHECK(heap_first_key(&heap) == UINT64_MAX);
    heap_release(&heap);
}

TEST(moves_and_removes_at_random)
{
    enum { COUNT = 200, STEPS = 20000 };
    static struct item items[COUNT];
    struct heap heap = {0};
    uint64_t state = 7;
    size_t inside = 0;
    memset(items, 0, sizeof items);
    for (int step = 0; step < STEPS; step++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        struct item *item = &items[(state >> 33) % COUNT];
        bool was_in = item->position != 0;
        if ((state >> 60) < 5) {
            heap_remove(&heap, &item->position);
            inside -= was_in;
        } else {
            item->key = (state >> 40) % 1000;
            heap_set(&heap, &item->position, item->key);
            inside += !was_in;
        }
        CHECK_EQ(heap.len, inside);
        if (step % 64 == 0)
            CHECK(is_sound(&heap));
    }
    CHECK(is_sound(&heap));
    heap_release(&heap);
}
