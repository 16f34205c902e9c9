#include "base/arena.h"

#include "base/mem.h"

#include <stdarg.h>

/* The usual block: small for the first, then as large as all before it, up to a size beyond which fewer calls gain nothing. */
#define BLOCK_MIN 4096
#define BLOCK_MAX (64 * 1024)

struct arena_block {
    struct arena_block *next;
    size_t size; /* of the whole block, this header included */
    _Alignas(max_align_t) char data[];
};

void arena_init(struct arena *arena, size_t max_bytes)
{
    *arena = (struct arena){.max = max_bytes};
}

static void free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_release(struct arena *arena)
{
    free_blocks(arena->blocks);
    arena_init(arena, arena->max);
}

static void open_block(struct arena *arena, struct arena_block *block)
{
    block->next = arena->blocks;
    arena->blocks = block;
    arena->next = block->data;
    arena->end = (char *)block + block->size;
}

/* Keeps a block of the usual size: one that was made for a single large thing would be held for nothing. */
void arena_reset(struct arena *arena)
{
    struct arena_block *kept = NULL, **link = &arena->blocks;
    while (*link && (*link)->size > BLOCK_MAX)
        link = &(*link)->next;
    if (*link) {
        kept = *link;
        *link = kept->next;
    }
    arena_release(arena);
    if (kept) {
        arena->used = kept->size;
        open_block(arena, kept);
    }
}

static char *align_up(char *pointer, size_t align)
{
    return pointer + (-(uintptr_t)pointer & (align - 1));
}

/* Cuts from the newest block, or returns NULL if it has no room. */
static void *cut(struct arena *arena, size_t size, size_t align)
{
    if (!arena->next)
        return NULL;
    size_t gap = (size_t)(align_up(arena->next, align) - arena->next), room = (size_t)(arena->end - arena->next);
    if (gap > room || size > room - gap)
        return NULL;
    char *result = arena->next + gap;
    arena->next = result + size;
    return result;
}

static struct arena_block *new_block(struct arena *arena, size_t size)
{
    struct arena_block *block = malloc(size);
    if (!block)
        return NULL;
    block->size = size;
    arena->used += size;
    return block;
}

/* A large thing gets a block of its own behind the newest, whose room stays in use. */
static void *cut_from_own_block(struct arena *arena, size_t block_size, size_t align)
{
    struct arena_block *block = new_block(arena, block_size);
    if (!block)
        return NULL;
    block->next = arena->blocks->next;
    arena->blocks->next = block;
    return align_up(block->data, align);
}

static void *cut_from_new_block(struct arena *arena, size_t size, size_t align)
{
    size_t needed, left = arena->max - arena->used;
    if (__builtin_add_overflow(size, sizeof(struct arena_block) + align - 1, &needed) || needed > left || needed > PTRDIFF_MAX)
        return NULL;
    size_t usual = MIN(MAX(arena->used, BLOCK_MIN), BLOCK_MAX);
    if (needed > usual / 4 && arena->blocks)
        return cut_from_own_block(arena, needed, align);
    struct arena_block *block = new_block(arena, MIN(MAX(usual, needed), left));
    if (!block)
        return NULL;
    open_block(arena, block);
    return cut(arena, size, align);
}

/* As arena_try, but the bytes are whatever they were. */
static void *try_raw(struct arena *arena, size_t size, size_t align)
{
    bug_unless(align > 0 && align <= BLOCK_MAX && (align & (align - 1)) == 0);
    void *result = cut(arena, size, align);
    return result ? result : cut_from_new_block(arena, size, align);
}

void *arena_try(struct arena *arena, size_t size, size_t align)
{
    void *result = try_raw(arena, size, align);
    return result ? memset(result, 0, size) : NULL;
}

static void *alloc_raw(struct arena *arena, size_t size)
{
    void *result = try_raw(arena, size, _Alignof(max_align_t));
    if (!result)
        bug("arena: no room for %zu bytes (%zu of at most %zu are used)", size, arena->used, arena->max);
    return result;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return memset(alloc_raw(arena, size), 0, size);
}

void *arena_array(struct arena *arena, size_t count, size_t item_size)
{
    size_t size;
    if (__builtin_mul_overflow(count, item_size, &size))
        bug("arena: array of %zu items of %zu bytes is too large", count, item_size);
    return arena_alloc(arena, size);
}

static char *alloc_text(struct arena *arena, size_t len)
{
    bug_unless(len < SIZE_MAX);
    char *text = try_raw(arena, len + 1, 1);
    if (!text)
        bug("arena: no room for %zu bytes of text (%zu of at most %zu are used)", len, arena->used, arena->max);
    text[len] = '\0';
    return text;
}

struct str arena_str(struct arena *arena, struct str s)
{
    char *text = alloc_text(arena, s.len);
    if (s.len)
        memcpy(text, s.data, s.len);
    return str_n(text, s.len);
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    bug_unless(len >= 0);
    char *text = alloc_text(arena, (size_t)len);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return str_n(text, (size_t)len);
}

void *arena_copy(struct arena *arena, const void *data, size_t size)
{
    void *copy = alloc_raw(arena, size);
    if (size)
        memcpy(copy, data, size);
    return copy;
}
