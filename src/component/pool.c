/* What a thread keeps for its next requests: instances and the arenas of calls. */
#include "component/pool.h"

#include "base/mem.h"

#define POOL_MAX_INSTANCES 64
#define POOL_MAX_ARENAS 64
#define ARENA_SLACK_BYTES (64u << 10) /* the block that a reset arena keeps counts against its maximum */

struct pooled_arena {
    struct arena arena; /* first: it is what the caller gets */
    struct pooled_arena *next;
    size_t used_before; /* when it was taken: the same afterwards means that there is nothing to reset */
    const char *next_before;
};

struct pool {
    struct cm_instance *instances;
    struct pooled_arena *arenas;
    unsigned instance_count, arena_count;
    bool registered;
};

static __thread struct pool pool;
static pthread_key_t pool_key;
static pthread_once_t pool_once = PTHREAD_ONCE_INIT;

static void empty_pool(void *arg)
{
    struct pool *p = arg;
    while (p->instances) {
        struct cm_instance *instance = p->instances;
        p->instances = instance->next;
        arena_release(&instance->arena);
        arena_release(&instance->results);
        buf_release(&instance->backtrace);
        free(instance);
    }
    while (p->arenas) {
        struct pooled_arena *arena = p->arenas;
        p->arenas = arena->next;
        arena_release(&arena->arena);
        free(arena);
    }
    p->instance_count = p->arena_count = 0;
    p->registered = false;
}

static void create_key(void)
{
    if (pthread_key_create(&pool_key, empty_pool) != 0)
        bug("no thread-specific key left");
}

/* The thread's end empties the pool. */
static void register_pool(void)
{
    if (pool.registered)
        return;
    pthread_once(&pool_once, create_key);
    pthread_setspecific(pool_key, &pool);
    pool.registered = true;
}

struct cm_instance *cm_pool_take_instance(void)
{
    struct cm_instance *instance = pool.instances;
    if (instance) {
        pool.instances = instance->next;
        pool.instance_count--;
        return instance;
    }
    instance = NEW(struct cm_instance);
    arena_init(&instance->arena, SIZE_MAX);
    arena_init(&instance->results, SIZE_MAX);
    buf_init(&instance->backtrace, CM_BACKTRACE_BYTES);
    return instance;
}

void cm_pool_give_instance(struct cm_instance *instance)
{
    register_pool();
    arena_reset(&instance->arena);
    arena_reset(&instance->results);
    if (instance->backtrace.data)
        buf_release(&instance->backtrace);
    instance->next = pool.instances;
    pool.instances = instance;
    if (++pool.instance_count > POOL_MAX_INSTANCES) {
        pool.instances = instance->next;
        instance->next = NULL;
        pool.instance_count--;
        struct pool one = {.instances = instance};
        empty_pool(&one);
    }
}

struct arena *cm_pool_take_arena(uint64_t max_bytes)
{
    struct pooled_arena *arena = pool.arenas;
    if (arena) {
        pool.arenas = arena->next;
        pool.arena_count--;
    } else {
        arena = NEW(struct pooled_arena);
        arena_init(&arena->arena, 0);
    }
    arena->arena.max = MIN(max_bytes, SIZE_MAX - ARENA_SLACK_BYTES) + ARENA_SLACK_BYTES;
    arena->used_before = arena->arena.used;
    arena->next_before = arena->arena.next;
    return &arena->arena;
}

void cm_pool_give_arena(struct arena *given)
{
    struct pooled_arena *arena = CONTAINER_OF(given, struct pooled_arena, arena);
    if (given->used != arena->used_before || given->next != arena->next_before)
        arena_reset(given);
    if (pool.arena_count == POOL_MAX_ARENAS) {
        arena_release(given);
        free(arena);
        return;
    }
    register_pool();
    arena->next = pool.arenas;
    pool.arenas = arena;
    pool.arena_count++;
}
