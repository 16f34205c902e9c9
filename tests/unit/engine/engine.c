#include "unit/engine/support.h"
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* Whether a guest runs in an engine with these options. */
static bool works(const struct engine_options *options, bool *ret_pooling, bool *ret_pagemap_scan)
{
    struct engine *engine;
    struct test_guest guest;
    struct engine_func run;
    struct error err;
    if (engine_new(options, &engine, &err) != ST_OK)
        return tap_fail(__FILE__, __LINE__, "%s", err.message);
    *ret_pooling = engine_uses_pooling(engine);
    *ret_pagemap_scan = engine_uses_pagemap_scan(engine);
    union engine_raw raw = {.i32 = 0};
    if (test_guest_init(&guest, engine, "(module (memory 1) (table 2 funcref) (func (export \"run\") (result i32) (i32.const 42)))",
                        NULL, 0)) {
        struct engine_store *store = test_start(engine, &guest, NULL, NULL, 0, &run);
        if (store && engine_call(store, &run, &raw, 1, &err) != ST_OK)
            tap_fail(__FILE__, __LINE__, "%s", err.message);
        engine_store_free(store);
        test_guest_release(&guest);
    }
    engine_free(engine);
    return raw.i32 == 42;
}

TEST(options_are_checked)
{
    static const struct engine_options bad[] = {
        {.max_memory_bytes = 1ull << 60},     {.max_instances = 1000000},           {.max_stacks = 1000000},
        {.table_elements = 1u << 31},         {.coroutine_stack_bytes = 512 << 10}, {.wasm_stack_bytes = 1},
        {.wasm_stack_bytes = (size_t)-1 / 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct engine *engine = NULL;
        struct error err = {0};
        CHECK_EQ(engine_new(&bad[i], &engine, &err), ST_INVALID);
        CHECK(!engine);
        CHECK(str_starts(str_of(err.message), STR("engine: ")));
    }
    engine_free(NULL);
    CHECK_STR(str_of(engine_version()), "48.0.8");
}

TEST(pooling_and_pagemap_scan_can_be_turned_off)
{
    bool pooling, pagemap_scan;
    struct engine_options options = {.max_instances = 16, .max_stacks = 16, .no_cache = true};
    CHECK(works(&options, &pooling, &pagemap_scan));
    CHECK(pooling || !pagemap_scan);
    options.no_pagemap_scan = true;
    CHECK(works(&options, &pooling, &pagemap_scan));
    CHECK(!pagemap_scan);
    options.no_pooling = true;
    options.no_parallel_compilation = true;
    CHECK(works(&options, &pooling, &pagemap_scan));
    CHECK(!pooling && !pagemap_scan);
}

TEST(a_pool_that_no_address_space_can_hold_becomes_smaller)
{
    bool pooling, pagemap_scan;
    struct engine_options options = {
        .max_instances = 100000, .max_stacks = 100000, .max_memory_bytes = 64ull << 30, .no_cache = true};
    CHECK(works(&options, &pooling, &pagemap_scan));
    CHECK(pooling);
}

/* Address space in use, in bytes. */
static uint64_t address_space(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%lu", &pages) != 1)
        bug("/proc/self/statm");
    fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

TEST(without_room_for_any_pool_instances_are_allocated_on_demand)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    SKIP("the sanitizers need the address space");
#endif
    struct rlimit before, tight;
    bool pooling = true, pagemap_scan = true;
    struct engine_options options = {.max_instances = 64, .max_stacks = 16, .no_cache = true};
    CHECK_EQ(getrlimit(RLIMIT_AS, &before), 0);
    tight = before;
    tight.rlim_cur = address_space() + (20ull << 30); /* a few memories of 4 GiB, not 16 */
    CHECK_EQ(setrlimit(RLIMIT_AS, &tight), 0);
    bool good = works(&options, &pooling, &pagemap_scan);
    setrlimit(RLIMIT_AS, &before);
    CHECK(good);
    CHECK(!pooling && !pagemap_scan);
}

TEST(with_room_for_a_small_pool_there_is_a_small_pool)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    SKIP("the sanitizers need the address space");
#endif
    struct rlimit before, tight;
    bool pooling = false, pagemap_scan;
    struct engine_options options = {.max_instances = 64, .max_stacks = 16, .no_cache = true};
    CHECK_EQ(getrlimit(RLIMIT_AS, &before), 0);
    tight = before;
    tight.rlim_cur = address_space() + (100ull << 30);
    CHECK_EQ(setrlimit(RLIMIT_AS, &tight), 0);
    bool good = works(&options, &pooling, &pagemap_scan);
    setrlimit(RLIMIT_AS, &before);
    CHECK(good);
    CHECK(pooling);
}

/* --- modules -------------------------------------------------------------------------------------------------------------- */

TEST(bytes_that_are_no_module_are_refused)
{
    struct engine_module *module;
    struct error err = {0};
    autobuf struct buf binary = BUF_INIT(1 << 20), small = BUF_INIT(4);
    CHECK_EQ(engine_module_new(test_engine(), STR(""), &module, &err), ST_INVALID);
    CHECK_EQ(engine_module_new(test_engine(), STR("(module)"), &module, &err), ST_INVALID); /* text is for engine_wat2wasm */
    CHECK_STR(str_of(err.message), "not a WebAssembly module: it does not start with \\0asm");
    CHECK_EQ(engine_module_new(test_engine(), str_n("\0asm\1\0\0\0\xff", 9), &module, &err), ST_INVALID);
    CHECK_EQ(engine_wat2wasm(STR("(component)"), &binary, &err), ST_OK);
    CHECK_EQ(engine_module_new(test_engine(), buf_str(&binary), &module, &err), ST_INVALID);
    CHECK_EQ(engine_wat2wasm(STR("(module (func (result i32)))"), &binary, &err), ST_OK);
    CHECK_EQ(engine_module_new(test_engine(), buf_str(&binary), &module, &err), ST_INVALID);
    CHECK(strstr(err.message, "type mismatch: expected i32"));
    CHECK(!strchr(err.message, '\n'));
    CHECK_EQ(engine_module_validate(test_engine(), buf_str(&binary), &err), ST_INVALID);
    CHECK(strstr(err.message, "type mismatch: expected i32"));
    CHECK_EQ(engine_wat2wasm(STR("(module)"), &binary, &err), ST_OK);
    CHECK_EQ(engine_module_validate(test_engine(), buf_str(&binary), &err), ST_OK);
    CHECK_EQ(engine_wat2wasm(STR("(module)"), &small, &err), ST_LIMIT);
    CHECK_EQ(engine_wat2wasm(STR("(module\n  (fonc))"), &binary, &err), ST_INVALID);
    CHECK(strstr(err.message, ":2:4"));
    CHECK(!strchr(err.message, '\n'));
}

TEST(shared_memories_are_not_offered)
{
    struct engine_module *module;
    struct error err = {0};
    autobuf struct buf binary = BUF_INIT(1 << 20);
    CHECK_EQ(engine_wat2wasm(STR("(module (memory 1 2 shared))"), &binary, &err), ST_OK);
    CHECK_EQ(engine_module_new(test_engine(), buf_str(&binary), &module, &err), ST_INVALID);
    CHECK(strstr(err.message, "threads"));
}
