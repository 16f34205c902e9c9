#include "coro_suite.h"
#include "tap.h"

static const struct coro_suite suite = {.ops = &coro_ucontext, .stack_size = 256 << 10};

#define REGISTER(name)                                                                                                             \
    TEST(ucontext_##name)                                                                                                          \
    {                                                                                                                              \
        coro_suite_##name(&suite);                                                                                                 \
    }
CORO_SUITE(REGISTER)
