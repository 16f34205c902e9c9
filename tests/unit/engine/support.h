/* What the tests of this room share: an engine, and modules from text. */
#pragma once

#include "base/buf.h"
#include "engine/engine.h"
#include "tap.h"

/* One engine for tests that need nothing special of it: a pool of 64 instances and coroutines, no code cache. */
struct engine *test_engine(void);

/* Compiles text; NULL and a failed check when it does not. Free with engine_module_free. */
struct engine_module *test_module(struct engine *engine, const char *text);

/* One module whose imports are bound to host functions, in order. */
struct test_guest {
    struct engine_module *module;
    struct engine_pre *pre;
};
bool test_guest_init(struct test_guest *guest, struct engine *engine, const char *text, const struct engine_host_func *funcs,
                     size_t count);
void test_guest_release(struct test_guest *guest);

/* A store with an instance of the guest, and its export `index`, a function. Free with engine_store_free. */
struct engine_store *test_start(struct engine *engine, const struct test_guest *guest, void *data,
                                const struct engine_limits *limits, size_t index, struct engine_func *ret_func);

/* Function types with up to four values: TEST_TYPE("ii:l") takes two i32 and returns an i64. */
struct engine_func_type test_type(const char *text);
