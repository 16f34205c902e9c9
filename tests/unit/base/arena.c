#include "base/arena.h"

#include "base/mem.h"
#include "tap.h"

static bool all_zero(const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (data[i])
            return false;
    return true;
}

#define autoarena __attribute__((cleanup(arena_release)))

TEST(memory_is_zeroed_even_after_reset)
{
    autoarena struct arena arena;
    arena_init(&arena, SIZE_MAX);
    for (int round = 0; round < 3; round++) {
        for (size_t size = 0; size < 3000; size += 7) {
            char *data = arena_alloc(&arena, size);
            CHECK(all_zero(data, size));
            memset(data, 0xaa, size);
        }
        arena_reset(&arena);
    }
}

TEST(alignment)
{
    autoarena struct arena arena;
    arena_init(&arena, SIZE_MAX);
    for (size_t align = 1; align <= 4096; align *= 2) {
        arena_str(&arena, STR("odd"));
        void *data = arena_try(&arena, 24, align);
        CHECK(data);
        CHECK_EQ((uintptr_t)data % align, 0);
    }
    arena_str(&arena, STR("o"));
    CHECK_EQ((uintptr_t)arena_alloc(&arena, 1) % _Alignof(max_align_t), 0);
    char *large = arena_try(&arena, 100000, 4096); /* in a block of its own */
    CHECK(large);
    CHECK_EQ((uintptr_t)large % 4096, 0);
    memset(large, 1, 100000);
}

TEST(maximum_counts_blocks)
{
    autoarena struct arena arena;
    arena_init(&arena, 10000);
    CHECK(!arena_try(&arena, 10000, 1)); /* the block's header does not fit */
    CHECK_EQ(arena.used, 0);
    size_t got = 0;
    while (arena_try(&arena, 100, 1))
        got += 100;
    CHECK(got >= 9000);
    CHECK(got <= 10000);
    CHECK(arena.used <= 10000);
    arena_release(&arena);
    CHECK_EQ(arena.used, 0);
    CHECK_EQ(arena.max, 10000);
    CHECK(arena_try(&arena, 100, 1));
}

TEST(impossible_sizes)
{
    autoarena struct arena arena;
    arena_init(&arena, SIZE_MAX);
    CHECK(!arena_try(&arena, SIZE_MAX, 1));
    CHECK(!arena_try(&arena, SIZE_MAX - 8, 16));
    CHECK(!arena_try(&arena, (size_t)PTRDIFF_MAX + 1, 1));
    CHECK(arena_alloc(&arena, 8)); /* still usable */
    CHECK(!arena_try(&arena, SIZE_MAX, 1));
    CHECK(!arena_try(&arena, SIZE_MAX - 4096, 4096));
}

TEST(large_things_leave_the_newest_block_in_use)
{
    autoarena struct arena arena;
    arena_init(&arena, SIZE_MAX);
    char *a = arena_str(&arena, STR("a")).data ? arena.next : NULL;
    memset(arena_alloc(&arena, 1 << 20), 1, 1 << 20);
    CHECK(arena.next == a);
    size_t used = arena.used;
    arena_str(&arena, STR("b"));
    CHECK_EQ(arena.used, used);
}

TEST(reset_keeps_one_ordinary_block)
{
    autoarena struct arena arena;
    arena_init(&arena, SIZE_MAX);
    arena_reset(&arena); /* nothing to do */
    arena_alloc(&arena, 1 << 20);
    arena_reset(&arena); /* too large to be kept */
    CHECK_EQ(arena.used, 0);
    for (int i = 0; i < 1000; i++)
        arena_alloc(&arena, 500);
    arena_reset(&arena);
    CHECK(arena.used > 0);
    CHECK(arena.used <= 64 * 1024);
    size_t used = arena.used;
    arena_alloc(&arena, 500);
    CHECK_EQ(arena.used, used);
}

TEST(text)
{
    autoarena struct arena arena;
    arena_init(&arena, SIZE_MAX);
    char source[] = "hello";
    struct str copy = arena_str(&arena, str_n(source, 4));
    source[0] = 'J';
    CHECK_STR(copy, "hell");
    CHECK_EQ(copy.data[4], '\0');
    struct str empty = arena_str(&arena, STR_NULL);
    CHECK_EQ(empty.len, 0);
    CHECK_EQ(empty.data[0], '\0');
    struct str text = arena_printf(&arena, "%s-%05d", "n", 42);
    CHECK_STR(text, "n-00042");
    CHECK_EQ(text.data[text.len], '\0');
    struct str wide = arena_printf(&arena, "%*d", 100000, 7);
    CHECK_EQ(wide.len, 100000);
    CHECK_EQ(wide.data[99999], '7');
}

TEST(copies_and_arrays)
{
    autoarena struct arena arena;
    arena_init(&arena, SIZE_MAX);
    int numbers[] = {1, 2, 3}, *copy = arena_copy(&arena, numbers, sizeof numbers);
    CHECK_EQ(copy[2], 3);
    CHECK(arena_copy(&arena, NULL, 0));
    uint64_t *array = ARENA_ARRAY(&arena, uint64_t, 1000);
    CHECK(all_zero((char *)array, 8000));
    struct pair {
        int a, b;
    } *pair = ARENA_NEW(&arena, struct pair);
    CHECK_EQ(pair->a + pair->b, 0);
}

TEST(release_twice)
{
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    arena_alloc(&arena, 10);
    arena_release(&arena);
    arena_release(&arena);
    CHECK(!arena.blocks);
}
