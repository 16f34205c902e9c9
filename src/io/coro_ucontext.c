/* Coroutines for programs without guests, and for tests.
 *
 * ucontext in spirit: on x86-64 and AArch64 the switch itself is a few instructions of our own, because swapcontext makes a system
 * call each time (for the signal mask, which never differs here) and AddressSanitizer's version of it sweeps the shadow of the
 * whole stack. Elsewhere it is swapcontext. */
#include "io/coro.h"
#include <sys/mman.h>
#include <unistd.h>

#if !defined(__x86_64__) && !defined(__aarch64__)
#include <ucontext.h>
#define USE_UCONTEXT 1
#else
#define USE_UCONTEXT 0
#endif

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

struct context_coro {
    struct coro base;
#if USE_UCONTEXT
    ucontext_t self, loop;
#else
    void *self, *loop; /* stack pointers of the side that is not running */
#endif
    char *map; /* a guard page, then the stack */
    size_t map_size, stack_size;
    char *stack;
    /* AddressSanitizer's: fake stacks of both sides, and the bounds of the loop's stack. */
    void *self_fake, *loop_fake;
    const void *loop_stack;
    size_t loop_stack_size;
};

CORO_SWITCHES static struct context_coro *of(struct coro *coro)
{
    return CONTAINER_OF(coro, struct context_coro, base);
}

/* --- telling AddressSanitizer ------------------------------------------------------------------------------------------------ */

CORO_SWITCHES static void begin_enter(struct context_coro *c)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(&c->loop_fake, c->stack, c->stack_size);
#else
    (void)c;
#endif
}

CORO_SWITCHES static void end_enter(struct context_coro *c)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(c->loop_fake, NULL, NULL);
#else
    (void)c;
#endif
}

/* for_good: the coroutine will not come back, so its fake stack goes. */
CORO_SWITCHES static void begin_leave(struct context_coro *c, bool for_good)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(for_good ? NULL : &c->self_fake, c->loop_stack, c->loop_stack_size);
#else
    (void)c, (void)for_good;
#endif
}

CORO_SWITCHES static void end_leave(struct context_coro *c)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(c->self_fake, &c->loop_stack, &c->loop_stack_size);
#else
    (void)c;
#endif
}

/* --- switching --------------------------------------------------------------------------------------------------------------- */

CORO_SWITCHES static void run_body(struct context_coro *c)
{
    end_leave(c);
    coro_body(&c->base);
    begin_leave(c, true);
}

#if USE_UCONTEXT

/* makecontext passes ints only: the pointer comes in two halves. */
CORO_SWITCHES static void start(unsigned high, unsigned low)
{
    run_body((struct context_coro *)(((uintptr_t)high << 16 << 16) | low));
}

static void prepare_stack(struct context_coro *c)
{
    getcontext(&c->self);
    c->self.uc_stack.ss_sp = c->stack;
    c->self.uc_stack.ss_size = c->stack_size;
    c->self.uc_link = &c->loop;
    makecontext(&c->self, (void (*)(void))start, 2, (unsigned)((uintptr_t)c >> 16 >> 16), (unsigned)(uintptr_t)c);
}

CORO_SWITCHES static void to_coro(struct context_coro *c)
{
    swapcontext(&c->loop, &c->self);
}

CORO_SWITCHES static void to_loop(struct context_coro *c)
{
    swapcontext(&c->self, &c->loop);
}

#else

/* Saves the registers that a call preserves on the running stack and its pointer in *save, then goes on behind the switch that
 * saved `to`. The floating point control words are the same on both sides. A new stack is prepared so that the first switch to it
 * goes to coro_switch_start, which calls start(coro). */
void coro_switch_stack(void **save, void *to);
void coro_switch_start(void);

#ifdef __x86_64__
enum { FRAME_WORDS = 9, FRAME_ENTRY = 6, FRAME_ARGUMENT = 5 };
__asm__(".text\n"
        ".type coro_switch_stack, @function\n"
        ".hidden coro_switch_stack\n"
        ".globl coro_switch_stack\n"
        "coro_switch_stack:\n"
        "    pushq %rbp\n    pushq %rbx\n    pushq %r12\n    pushq %r13\n    pushq %r14\n    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n    popq %r14\n    popq %r13\n    popq %r12\n    popq %rbx\n    popq %rbp\n"
        "    ret\n"
        ".size coro_switch_stack, .-coro_switch_stack\n"
        ".type coro_switch_start, @function\n"
        ".hidden coro_switch_start\n"
        ".globl coro_switch_start\n"
        "coro_switch_start:\n"
        "    movq %rbp, %rdi\n"
        "    xorl %ebp, %ebp\n"
        "    call coro_switch_body\n"
        "    ud2\n"
        ".size coro_switch_start, .-coro_switch_start\n");
#else
enum { FRAME_WORDS = 20, FRAME_ENTRY = 11, FRAME_ARGUMENT = 0 };
__asm__(".text\n"
        ".type coro_switch_stack, %function\n"
        ".hidden coro_switch_stack\n"
        ".globl coro_switch_stack\n"
        "coro_switch_stack:\n"
        "    sub sp, sp, #160\n"
        "    stp x19, x20, [sp]\n    stp x21, x22, [sp, #16]\n    stp x23, x24, [sp, #32]\n    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n    stp d10, d11, [sp, #112]\n    stp d12, d13, [sp, #128]\n    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp]\n    ldp x21, x22, [sp, #16]\n    ldp x23, x24, [sp, #32]\n    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n    ldp d10, d11, [sp, #112]\n    ldp d12, d13, [sp, #128]\n    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    ret\n"
        ".size coro_switch_stack, .-coro_switch_stack\n"
        ".type coro_switch_start, %function\n"
        ".hidden coro_switch_start\n"
        ".globl coro_switch_start\n"
        "coro_switch_start:\n"
        "    mov x0, x19\n"
        "    mov x29, xzr\n"
        "    mov x30, xzr\n"
        "    bl coro_switch_body\n"
        "    brk #1\n"
        ".size coro_switch_start, .-coro_switch_start\n");
#endif

/* Called by coro_switch_start on the new stack; never returns. */
__attribute__((used)) CORO_SWITCHES void coro_switch_body(struct context_coro *c);
CORO_SWITCHES void coro_switch_body(struct context_coro *c)
{
    run_body(c);
    coro_switch_stack(&c->self, c->loop);
    __builtin_unreachable();
}

/* The frame that coro_switch_stack pops, with zeroes for the other registers; the stack is aligned to 16 at the entry. */
static void prepare_stack(struct context_coro *c)
{
    uintptr_t *frame = (uintptr_t *)(void *)(c->stack + c->stack_size) - FRAME_WORDS;
    frame[FRAME_ARGUMENT] = (uintptr_t)c;
    frame[FRAME_ENTRY] = (uintptr_t)coro_switch_start;
    c->self = frame;
}

CORO_SWITCHES static void to_coro(struct context_coro *c)
{
    coro_switch_stack(&c->loop, c->self);
}

CORO_SWITCHES static void to_loop(struct context_coro *c)
{
    coro_switch_stack(&c->self, c->loop);
}

#endif

/* --- the interface ----------------------------------------------------------------------------------------------------------- */

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
    prepare_stack(c);
    *ret_coro = &c->base;
    return ST_OK;
}

CORO_SWITCHES static void context_enter(struct coro *coro)
{
    begin_enter(of(coro));
    to_coro(of(coro));
    end_enter(of(coro));
}

CORO_SWITCHES static void context_leave(struct coro *coro)
{
    begin_leave(of(coro), false);
    to_loop(of(coro));
    end_leave(of(coro));
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
