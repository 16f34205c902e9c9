#include "io/coro.h"

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

static _Thread_local struct coro *current __attribute__((tls_model("initial-exec")));

/* ThreadSanitizer keeps a shadow stack and a clock per thread; it must hear of every switch just before it happens. */
static void announce_create(struct coro *coro)
{
#ifdef __SANITIZE_THREAD__
    coro->tsan_fiber = __tsan_create_fiber(0);
#else
    (void)coro;
#endif
}

CORO_SWITCHES static void announce_enter(struct coro *coro)
{
#ifdef __SANITIZE_THREAD__
    coro->tsan_loop = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(coro->tsan_fiber, 0);
#else
    (void)coro;
#endif
}

CORO_SWITCHES static void announce_leave(struct coro *coro)
{
#ifdef __SANITIZE_THREAD__
    __tsan_switch_to_fiber(coro->tsan_loop, 0);
#else
    (void)coro;
#endif
}

static void announce_destroy(struct coro *coro)
{
#ifdef __SANITIZE_THREAD__
    __tsan_destroy_fiber(coro->tsan_fiber);
#else
    (void)coro;
#endif
}

void coro_pool_init(struct coro_pool *pool, const struct coro_ops *ops, void *env, size_t stack_size, unsigned max)
{
    *pool = (struct coro_pool){.ops = ops, .env = env, .stack_size = stack_size, .max = max};
    list_init(&pool->idle);
}

enum status coro_take(struct coro_pool *pool, struct coro **ret_coro, struct error *err)
{
    struct list *link = list_pop_front(&pool->idle);
    if (link) {
        pool->idle_count--;
        *ret_coro = LIST_ITEM(link, struct coro, idle_link);
        return ST_OK;
    }
    if (pool->count >= pool->max)
        return fail(err, ST_LIMIT, "all %u coroutines of this shard are in use", pool->max);
    struct coro *coro = NULL;
    TRY(pool->ops->create(pool, &coro, err));
    coro->pool = pool;
    coro->stack_size = coro->stack_size ? coro->stack_size : pool->stack_size;
    list_init(&coro->idle_link);
    announce_create(coro);
    pool->count++;
    *ret_coro = coro;
    return ST_OK;
}

/* Switches to the coroutine until it parks, ends its job, or returns for good. */
CORO_SWITCHES static void enter(struct coro *coro)
{
    bug_unless(!current);
    current = coro;
    coro->entered = true;
    announce_enter(coro);
    coro->pool->ops->enter(coro);
    current = NULL;
}

static bool enter_for_job(struct coro *coro)
{
    enter(coro);
    if (coro->finished) {
        list_push_front(&coro->pool->idle, &coro->idle_link);
        coro->pool->idle_count++;
    }
    return coro->finished;
}

bool coro_run(struct coro *coro, void (*job)(void *arg), void *arg)
{
    coro->job = job;
    coro->arg = arg;
    coro->finished = false;
    return enter_for_job(coro);
}

bool coro_resume(struct coro *coro)
{
    bug_unless(coro->entered && !coro->finished);
    return enter_for_job(coro);
}

CORO_SWITCHES static void leave(struct coro *coro)
{
    announce_leave(coro);
    coro->pool->ops->leave(coro);
}

void coro_park(void)
{
    bug_unless(current);
    leave(current);
}

struct coro *coro_current(void)
{
    return current;
}

size_t coro_stack_left(void)
{
    if (!current)
        return SIZE_MAX;
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t end = (uintptr_t)current->stack_top - current->stack_size;
    return here > end ? here - end : 0;
}

CORO_SWITCHES void coro_body(struct coro *coro)
{
    coro->stack_top = __builtin_frame_address(0);
    while (!coro->quit) {
        coro->job(coro->arg);
        coro->finished = true;
        leave(coro);
    }
    announce_leave(coro);
}

static void destroy(struct coro *coro)
{
    struct coro_pool *pool = coro->pool;
    if (coro->entered) {
        coro->quit = true;
        enter(coro);
    }
    announce_destroy(coro);
    pool->ops->destroy(coro);
    pool->count--;
}

void coro_pool_trim(struct coro_pool *pool, unsigned keep)
{
    while (pool->idle_count > keep) {
        struct list *coldest = pool->idle.prev;
        list_remove(coldest);
        pool->idle_count--;
        destroy(LIST_ITEM(coldest, struct coro, idle_link));
    }
}

void coro_pool_release(struct coro_pool *pool)
{
    coro_pool_trim(pool, 0);
    bug_unless(pool->count == 0);
}
