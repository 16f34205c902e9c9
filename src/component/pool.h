/* What a thread keeps for its next requests: instances that ended, and arenas of calls, with the memory they had. A thread's end
 * frees its own. */
#pragma once

#include "base/mem.h"
#include "component/instance.h"

#define CM_BACKTRACE_BYTES (64u << 10)

/* An instance of which only the arenas and the backtrace are initialised; the rest is as its last user left it. */
struct cm_instance *cm_pool_take_instance(void);
void cm_pool_give_instance(struct cm_instance *instance);

/* An empty arena that may grow to about max_bytes. Taken and given back by every host call, hence inline. */
struct cm_pooled_arena {
    struct arena arena; /* first: it is what the caller gets */
    struct cm_pooled_arena *next;
    size_t unused_bytes; /* its state when it is empty: if it is the same when it comes back, there is nothing to reset */
    const char *unused_next;
};
struct cm_pool {
    struct cm_instance *instances;
    struct cm_pooled_arena *arenas;
    unsigned instance_count, arena_count;
    bool registered; /* the thread's end will empty it */
};
extern __thread struct cm_pool cm_pool;

#define CM_POOL_ARENAS 64
#define CM_ARENA_SLACK_BYTES (64u << 10) /* the block that an empty arena keeps counts against its maximum */

struct cm_pooled_arena *cm_pool_new_arena(void);
void cm_pool_give_used_arena(struct cm_pooled_arena *arena);

static inline struct arena *cm_pool_take_arena(uint64_t max_bytes)
{
    struct cm_pooled_arena *arena = cm_pool.arenas;
    if (__builtin_expect(!arena, 0)) {
        arena = cm_pool_new_arena();
    } else {
        cm_pool.arenas = arena->next;
        cm_pool.arena_count--;
    }
    arena->arena.max = max_bytes + CM_ARENA_SLACK_BYTES;
    return &arena->arena;
}

static inline void cm_pool_give_arena(struct arena *given)
{
    struct cm_pooled_arena *arena = CONTAINER_OF(given, struct cm_pooled_arena, arena);
    if (__builtin_expect(given->used != arena->unused_bytes || given->next != arena->unused_next ||
                             cm_pool.arena_count >= CM_POOL_ARENAS || !cm_pool.registered,
                         0)) {
        cm_pool_give_used_arena(arena);
        return;
    }
    arena->next = cm_pool.arenas;
    cm_pool.arenas = arena;
    cm_pool.arena_count++;
}
