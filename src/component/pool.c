/* What a thread keeps for its next requests: instances and the arenas of calls. */
#include "component/pool.h"

#include "base/mem.h"

#define POOL_MAX_INSTANCES 64

__thread struct cm_pool cm_pool;
static pthread_key_t pool_key;
static pthread_once_t pool_once = PTHREAD_ONCE_INIT;

static void empty_pool(void *arg)
{
    struct cm_pool *p = arg;
    while (p->instances) {
        struct cm_instance *instance = p->instances;
        p->instances = instance->next;
        arena_release(&instance->arena);
        arena_release(&instance->results);
        buf_release(&instance->backtrace);
        free(instance);
    }
    while (p->arenas) {
        struct cm_pooled_arena *arena = p->arenas;
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
    if (cm_pool.registered)
        return;
    pthread_once(&pool_once, create_key);
    pthread_setspecific(pool_key, &cm_pool);
    cm_pool.registered = true;
}

struct cm_instance *cm_pool_take_instance(void)
{
    struct cm_instance *instance = cm_pool.instances;
    if (instance) {
        cm_pool.instances = instance->next;
        cm_pool.instance_count--;
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
    instance->next = cm_pool.instances;
    cm_pool.instances = instance;
    if (++cm_pool.instance_count > POOL_MAX_INSTANCES) {
        cm_pool.instances = instance->next;
        instance->next = NULL;
        cm_pool.instance_count--;
        struct cm_pool one = {.instances = instance};
        empty_pool(&one);
    }
}

struct cm_pooled_arena *cm_pool_new_arena(void)
{
    struct cm_pooled_arena *arena = NEW(struct cm_pooled_arena);
    arena_init(&arena->arena, SIZE_MAX);
    return arena;
}

void cm_pool_give_used_arena(struct cm_pooled_arena *arena)
{
    if (cm_pool.arena_count >= CM_POOL_ARENAS) {
        arena_release(&arena->arena);
        free(arena);
        return;
    }
    register_pool();
    arena_reset(&arena->arena);
    arena->unused_bytes = arena->arena.used;
    arena->unused_next = arena->arena.next;
    arena->next = cm_pool.arenas;
    cm_pool.arenas = arena;
    cm_pool.arena_count++;
}
