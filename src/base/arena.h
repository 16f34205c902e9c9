/* An arena: many small allocations, freed at once. One per request, per component load, per pass over something.
 *
 * `arena_init` sets a maximum; past it `arena_try` returns NULL and `arena_alloc` aborts, so sizes that an input chooses take
 * `arena_try` and the rest, bounded by the program's own structure, take `arena_alloc`. Not thread-safe. */
#pragma once

#include "base/error.h"
#include "base/str.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    char *next, *end;           /* free room of the newest */
    size_t used, max;           /* bytes of blocks, and their bound */
};

void arena_init(struct arena *arena, size_t max_bytes); /* SIZE_MAX: unbounded */
void arena_release(struct arena *arena);
void arena_reset(struct arena *arena);                           /* frees everything but one block, for reuse */
void *arena_try(struct arena *arena, size_t size, size_t align); /* zeroed, or NULL past the maximum */
void *arena_alloc(struct arena *arena, size_t size);             /* zeroed, aligned for anything */
void *arena_array(struct arena *arena, size_t count, size_t item_size);
struct str arena_str(struct arena *arena, struct str s); /* a copy, followed by a NUL */
struct str arena_printf(struct arena *arena, const char *format, ...) PRINTF(2, 3);
void *arena_copy(struct arena *arena, const void *data, size_t size);

#define ARENA_NEW(arena, type) ((type *)arena_alloc(arena, sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_array(arena, count, sizeof(type)))
