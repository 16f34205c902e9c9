/* The suite of coroutines and tasks (tests/unit/io) on Wasmtime fibers. */
#include "../io/coro_suite.h"
#include "unit/engine/support.h"

#ifdef __SANITIZE_THREAD__
enum { MANY = 1000 };
#else
enum { MANY = 10000 };
#endif

static struct coro_suite suite = {.ops = &coro_fiber, .many = MANY};

/* Stacks for the large tests, hardly any instances. */
static const struct coro_suite *fibers(void)
{
    struct engine_options options = {.max_instances = 16,
                                     .max_stacks = MANY + 100,
                                     .no_cache = true,
                                     .wasm_stack_bytes = 64 << 10,
                                     .coroutine_stack_bytes = 640 << 10};
    struct engine *engine;
    struct error err;
    if (suite.env)
        return &suite;
    if (engine_new(&options, &engine, &err) != ST_OK)
        bug("%s", err.message);
    suite.env = engine;
    suite.stack_size = options.coroutine_stack_bytes;
    return &suite;
}

#define REGISTER(name)                                                                                                             \
    TEST(fiber_##name)                                                                                                             \
    {                                                                                                                              \
        coro_suite_##name(fibers());                                                                                               \
    }
CORO_SUITE(REGISTER)
