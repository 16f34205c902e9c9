/* Coroutines on ucontext: for programs without guests, and for tests. */
#include "io/coro.h"
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

struct context_coro {
    struct coro base;
    ucontext_t self, loop;
    char *map; /* a guard page, then the stack */
    size_t map_size, stack_size;
    char *stack;
    /* AddressSanitizer's: fake stacks of both sides, and the bounds of the loop's stack. */
    void *self_fake, *loop_fake;
    const void *loop_stack;
    size_t loop_stack_size;
};

static struct context_coro *of(struct coro *coro)
{
    return CONTAINER_OF(coro, struct context_coro, base);
}

static void begin_enter(struct context_coro *c)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(&c->loop_fake, c->stack, c->stack_size);
#else
    (void)c;
#endif
}

static void end_enter(struct context_coro *c)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(c->loop_fake, NULL, NULL);
#else
    (void)c;
#endif
}

/* for_good: the coroutine will not come back, so its fake stack goes. */
static void begin_leave(struct context_coro *c, bool for_good)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(for_good ? NULL : &c->self_fake, c->loop_stack, c->loop_stack_size);
#else
    (void)c, (void)for_good;
#endif
}

static void end_leave(struct context_coro *c)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(c->self_fake, &c->loop_stack, &c->loop_stack_size);
#else
    (void)c;
#endif
}

/* makecontext passes ints only: the pointer comes in two halves. */
static void start(unsigned high, unsigned low)
{
    struct context_coro *c = (struct context_coro *)(((uintptr_t)high << 16 << 16) | low);
    end_leave(c);
    coro_body(&c->base);
    begin_leave(c, true);
}

static enum status context_create(struct coro_pool *pool, struct coro **ret_coro, struct error *err)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t stack_size = (pool->stack_size + page - 1) & ~(page - 1);
    size_t map_size = stack_size + page;
    char *map = mmap(NULL, map_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (map == MAP_FAILED)
        return fail_errno(err, "map a coroutine stack of %zu bytes", map_size);
    if (mprotect(map, page, PROT_NONE) != 0) {
        enum status status = fail_errno(err, "protect the guard page of a coroutine stack");
        munmap(map, map_size);
        return status;
    }
    struct context_coro *c = NEW(struct context_coro);
    c->map = map;
    c->map_size = map_size;
    c->stack = map + page;
    c->stack_size = stack_size;
    getcontext(&c->self);
    c->self.uc_stack.ss_sp = c->stack;
    c->self.uc_stack.ss_size = stack_size;
    c->self.uc_link = &c->loop;
    makecontext(&c->self, (void (*)(void))start, 2, (unsigned)((uintptr_t)c >> 16 >> 16), (unsigned)(uintptr_t)c);
    *ret_coro = &c->base;
    return ST_OK;
}

static void context_enter(struct coro *coro)
{
    struct context_coro *c = of(coro);
    begin_enter(c);
    swapcontext(&c->loop, &c->self);
    end_enter(c);
}

static void context_leave(struct coro *coro)
{
    struct context_coro *c = of(coro);
    begin_leave(c, false);
    swapcontext(&c->self, &c->loop);
    end_leave(c);
}

static void context_destroy(struct coro *coro)
{
    struct context_coro *c = of(coro);
    munmap(c->map, c->map_size);
    free(c);
}

const struct coro_ops coro_ucontext = {
    .name = "ucontext",
    .create = context_create,
    .enter = context_enter,
    .leave = context_leave,
    .destroy = context_destroy,
};
