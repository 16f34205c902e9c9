#include "unit/engine/support.h"

#define PAGE 65536u

static const char growing[] = "(module (memory (export \"m\") 2) (memory 1) (table (export \"t\") 10 funcref)"
                              "(func (export \"grow\") (param i32) (result i32) (memory.grow 0 (local.get 0)))"
                              "(func (export \"grow_table\") (param i32) (result i32) (table.grow (ref.null func) (local.get 0))))";

static enum status start(const char *text, const struct engine_limits *limits, struct engine_store **ret_store, struct error *err)
{
    struct test_guest guest;
    struct engine_instance instance;
    if (!test_guest_init(&guest, test_engine(), text, NULL, 0))
        return ST_INTERNAL;
    enum status status = engine_store_new(test_engine(), NULL, limits, ret_store, err);
    if (status == ST_OK)
        status = engine_pre_instantiate(guest.pre, *ret_store, &instance, err);
    if (status != ST_OK)
        engine_store_free(*ret_store);
    test_guest_release(&guest);
    return status;
}

TEST(a_memory_grows_to_its_limit_and_no_further)
{
    struct test_guest guest;
    struct engine_func grow;
    struct error err = {0};
    struct engine_limits limits = {.memory_bytes = 10 * PAGE};
    CHECK(test_guest_init(&guest, test_engine(), growing, NULL, 0));
    struct engine_store *store = test_start(test_engine(), &guest, NULL, &limits, 2, &grow);
    CHECK(store);
    CHECK_EQ(engine_store_peak_memory(store), 3 * PAGE);
    union engine_raw raw = {.i32 = 8};
    CHECK_EQ(engine_call(store, &grow, &raw, 1, &err), ST_OK);
    CHECK_EQ(raw.i32, 2);
    raw.i32 = 1;
    CHECK_EQ(engine_call(store, &grow, &raw, 1, &err), ST_OK);
    CHECK_EQ(raw.i32, -1);
    CHECK_EQ(engine_store_peak_memory(store), 11 * PAGE);
    engine_store_free(store);
    test_guest_release(&guest);
}

TEST(a_table_grows_to_its_limit_and_no_further)
{
    struct test_guest guest;
    struct engine_func grow;
    struct error err = {0};
    struct engine_limits limits = {.table_elements = 100};
    CHECK(test_guest_init(&guest, test_engine(), growing, NULL, 0));
    struct engine_store *store = test_start(test_engine(), &guest, NULL, &limits, 3, &grow);
    CHECK(store);
    union engine_raw raw = {.i32 = 90};
    CHECK_EQ(engine_call(store, &grow, &raw, 1, &err), ST_OK);
    CHECK_EQ(raw.i32, 10);
    raw.i32 = 1;
    CHECK_EQ(engine_call(store, &grow, &raw, 1, &err), ST_OK);
    CHECK_EQ(raw.i32, -1);
    engine_store_free(store);
    test_guest_release(&guest);
}

TEST(a_module_that_starts_over_its_limit_is_refused)
{
    struct engine_store *store;
    struct error err = {0};
    CHECK_EQ(start("(module (memory 3))", &(struct engine_limits){.memory_bytes = 2 * PAGE}, &store, &err), ST_LIMIT);
    CHECK_STR(str_of(err.message), "instantiate: memory minimum size of 3 pages exceeds memory limits");
    CHECK_EQ(start("(module (table 3 funcref))", &(struct engine_limits){.table_elements = 2}, &store, &err), ST_LIMIT);
    CHECK_STR(str_of(err.message), "instantiate: table minimum size of 3 elements exceeds table limits");
    CHECK_EQ(start("(module (memory 1) (memory 1))", &(struct engine_limits){.memories = 1}, &store, &err), ST_LIMIT);
    CHECK_EQ(start("(module (table 1 funcref) (table 1 funcref))", &(struct engine_limits){.tables = 1}, &store, &err), ST_LIMIT);
    CHECK_EQ(
        start("(module (memory 2) (table 2 funcref))",
              &(struct engine_limits){.memory_bytes = 2 * PAGE, .table_elements = 2, .memories = 1, .tables = 1, .instances = 1},
              &store, &err),
        ST_OK);
    engine_store_free(store);
}

TEST(garbage_collected_objects_count_as_a_memory)
{
    static const char text[] = "(module (type $a (array (mut i64))) (func (export \"run\") (param $n i32) (result i32)"
                               "  (loop $l (drop (array.new $a (i64.const -1) (i32.const 1000)))"
                               "    (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))) (local.get $n)))";
    struct test_guest guest;
    struct engine_func run;
    struct engine_limits limits = {.memory_bytes = 1 << 20};
    struct error err = {0};
    CHECK(test_guest_init(&guest, test_engine(), text, NULL, 0));
    struct engine_store *store = test_start(test_engine(), &guest, NULL, &limits, 0, &run);
    CHECK(store);
    union engine_raw raw = {.i32 = 50};
    CHECK_EQ(engine_call(store, &run, &raw, 1, &err), ST_OK);
    raw.i32 = 1000000;
    CHECK_EQ(engine_call(store, &run, &raw, 1, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "wasm trap: allocation size too large");
    engine_store_free(store);
    test_guest_release(&guest);
}

TEST(the_number_of_instances_in_a_store_is_limited)
{
    struct engine_module *module = test_module(test_engine(), "(module)");
    struct engine_limits limits = {.instances = 2};
    struct engine_store *store;
    struct engine_instance instance;
    struct error err = {0};
    CHECK(module);
    CHECK_EQ(engine_store_new(test_engine(), NULL, &limits, &store, &err), ST_OK);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(engine_instantiate(module, store, NULL, 0, &instance, &err), ST_OK);
    CHECK_EQ(engine_instantiate(module, store, NULL, 0, &instance, &err), ST_LIMIT);
    engine_store_free(store);
    engine_module_free(module);
}

TEST(an_empty_pool_is_a_passing_shortage)
{
    struct engine_options options = {.max_instances = 2, .max_stacks = 1, .no_cache = true};
    struct engine *engine;
    struct engine_store *stores[3];
    struct engine_instance instance;
    struct error err = {0};
    CHECK_EQ(engine_new(&options, &engine, &err), ST_OK);
    if (!engine_uses_pooling(engine)) {
        engine_free(engine);
        SKIP("no room for a pool");
    }
    struct engine_module *module = test_module(engine, "(module (memory 1))");
    CHECK(module);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(engine_store_new(engine, NULL, NULL, &stores[i], &err), ST_OK);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(engine_instantiate(module, stores[i], NULL, 0, &instance, &err), ST_OK);
    CHECK_EQ(engine_instantiate(module, stores[2], NULL, 0, &instance, &err), ST_UNAVAILABLE);
    engine_store_free(stores[0]);
    CHECK_EQ(engine_instantiate(module, stores[2], NULL, 0, &instance, &err), ST_OK);
    engine_store_free(stores[1]);
    engine_store_free(stores[2]);
    engine_module_free(module);
    engine_free(engine);
}

TEST(a_module_larger_than_the_pool_allows_is_a_limit)
{
    struct engine_options options = {.max_instances = 4, .max_stacks = 1, .no_cache = true, .max_memory_bytes = 4 * PAGE};
    struct engine *engine;
    struct engine_module *module;
    autobuf struct buf binary = BUF_INIT(1 << 20);
    struct error err = {0};
    CHECK_EQ(engine_new(&options, &engine, &err), ST_OK);
    if (engine_uses_pooling(engine)) {
        CHECK_EQ(engine_wat2wasm(STR("(module (memory 5))"), &binary, &err), ST_OK);
        CHECK_EQ(engine_module_new(engine, buf_str(&binary), &module, &err), ST_LIMIT);
        CHECK(strstr(err.message, "exceeds the limit of"));
        CHECK_EQ(engine_wat2wasm(STR("(module (memory 4))"), &binary, &err), ST_OK);
        CHECK_EQ(engine_module_new(engine, buf_str(&binary), &module, &err), ST_OK);
        engine_module_free(module);
    }
    engine_free(engine);
}

TEST(memory_of_many_instances_is_counted_once)
{
    struct engine_module *owner = test_module(test_engine(), "(module (memory (export \"a\") 4) (export \"b\" (memory 0)))");
    struct engine_module *user =
        test_module(test_engine(), "(module (import \"x\" \"a\" (memory 1)) (export \"again\" (memory 0)))");
    struct engine_store *store;
    struct engine_instance instance;
    struct engine_extern memory;
    struct error err = {0};
    CHECK(owner && user);
    CHECK_EQ(engine_store_new(test_engine(), NULL, NULL, &store, &err), ST_OK);
    CHECK_EQ(engine_store_peak_memory(store), 0);
    CHECK_EQ(engine_instantiate(owner, store, NULL, 0, &instance, &err), ST_OK);
    CHECK(engine_instance_export(store, &instance, 1, &memory));
    for (int i = 0; i < 5; i++)
        CHECK_EQ(engine_instantiate(user, store, &memory, 1, &instance, &err), ST_OK);
    CHECK_EQ(engine_store_peak_memory(store), 4 * PAGE);
    engine_store_free(store);
    engine_module_free(owner);
    engine_module_free(user);
}
