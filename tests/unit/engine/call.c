#include "unit/engine/support.h"

struct greeting {
    int calls;
    int32_t sum;
};

static enum status host_add(void *env, struct engine_store *store, union engine_raw *raw, size_t count)
{
    struct greeting *greeting = engine_store_data(store);
    greeting->calls++;
    bug_unless(count == 2);
    raw[0].i32 = raw[0].i32 + raw[1].i32 + *(int32_t *)env;
    return ST_OK;
}

static const char adder[] = "(module (import \"host\" \"add\" (func $add (param i32 i32) (result i32)))"
                            "(memory (export \"memory\") 2)"
                            "(global (export \"counter\") (mut i64) (i64.const 7))"
                            "(table (export \"table\") 4 funcref)"
                            "(func (export \"run\") (param i32) (result i32)"
                            "  (call $add (local.get 0) (i32.load8_u (i32.const 5))))"
                            "(func (export \"call\") (param i32) (result i32) (call_indirect (result i32) (local.get 0)))"
                            "(func (export \"seven\") (result i32) (i32.const 7))"
                            "(data (i32.const 5) \"\\05\"))";

static bool start_adder(struct test_guest *guest, int32_t *offset)
{
    struct engine_host_func add = {host_add, offset, test_type("ii:i")};
    return test_guest_init(guest, test_engine(), adder, &add, 1);
}

TEST(a_module_runs_and_calls_a_host_function)
{
    struct test_guest guest;
    struct greeting greeting = {0};
    struct engine_func run;
    struct error err = {0};
    int32_t offset = 100;
    CHECK(start_adder(&guest, &offset));
    struct engine_store *store = test_start(test_engine(), &guest, &greeting, NULL, 3, &run);
    CHECK(store);
    union engine_raw raw[1] = {{.i32 = 20}};
    CHECK_EQ(engine_call(store, &run, raw, 1, &err), ST_OK);
    CHECK_EQ(raw[0].i32, 125);
    CHECK_EQ(greeting.calls, 1);
    CHECK_EQ(engine_trap_kind(store), ENGINE_TRAP_NONE);
    CHECK_STR(engine_trap_backtrace(store), "");
    engine_store_free(store);
    test_guest_release(&guest);
}

TEST(exports_are_found_by_their_index)
{
    struct test_guest guest;
    struct engine_func run, seven;
    struct engine_store *store;
    struct engine_extern found;
    struct error err;
    int32_t offset = 0;
    size_t count;
    CHECK(start_adder(&guest, &offset));
    const struct engine_export *exports = engine_module_exports(guest.module, &count);
    CHECK_EQ(count, 6);
    CHECK_STR(exports[1].name, "counter");
    CHECK_EQ(exports[1].type.kind, ENGINE_GLOBAL);
    CHECK(exports[1].type.is_mutable);
    CHECK_STR(exports[5].name, "seven");

    CHECK_EQ(engine_store_new(test_engine(), NULL, NULL, &store, &err), ST_OK);
    struct engine_instance instance;
    CHECK_EQ(engine_pre_instantiate(guest.pre, store, &instance, &err), ST_OK);
    const uint8_t kinds[] = {ENGINE_MEMORY, ENGINE_GLOBAL, ENGINE_TABLE, ENGINE_FUNC, ENGINE_FUNC, ENGINE_FUNC};
    for (size_t i = 0; i < count; i++) {
        CHECK(engine_instance_export(store, &instance, i, &found));
        CHECK_EQ(found.kind, kinds[i]);
    }
    CHECK(!engine_instance_export(store, &instance, count, &found));
    CHECK(engine_instance_export_named(store, &instance, STR("table"), &found));
    CHECK_EQ(found.kind, ENGINE_TABLE);
    CHECK(!engine_instance_export_named(store, &instance, STR("tables"), &found));
    CHECK(engine_instance_export(store, &instance, 5, &found));
    seven = found.func;
    CHECK(engine_instance_export(store, &instance, 4, &found));
    run = found.func;
    union engine_raw raw = {.i32 = 2};
    CHECK_EQ(engine_call(store, &run, &raw, 1, &err), ST_TRAP); /* the table is empty */

    CHECK(engine_instance_export(store, &instance, 2, &found));
    CHECK_EQ(engine_table_set(store, &found.table, 2, &seven, &err), ST_OK);
    raw.i32 = 2;
    CHECK_EQ(engine_call(store, &run, &raw, 1, &err), ST_OK);
    CHECK_EQ(raw.i32, 7);
    CHECK_EQ(engine_table_set(store, &found.table, 2, NULL, &err), ST_OK);
    raw.i32 = 2;
    CHECK_EQ(engine_call(store, &run, &raw, 1, &err), ST_TRAP);
    CHECK_EQ(engine_table_set(store, &found.table, 4, &seven, &err), ST_INVALID);
    engine_store_free(store);
    test_guest_release(&guest);
}

TEST(memories_and_globals_are_read_and_written)
{
    struct test_guest guest;
    struct engine_store *store;
    struct engine_instance instance;
    struct engine_extern found;
    struct error err;
    int32_t offset = 0;
    uint64_t size = 0;
    CHECK(start_adder(&guest, &offset));
    CHECK_EQ(engine_store_new(test_engine(), NULL, NULL, &store, &err), ST_OK);
    CHECK_EQ(engine_pre_instantiate(guest.pre, store, &instance, &err), ST_OK);
    CHECK(engine_instance_export(store, &instance, 0, &found));
    uint8_t *memory = engine_memory_data(store, &found.memory, &size);
    CHECK_EQ(size, 2 * 65536);
    CHECK_EQ(memory[5], 5);
    CHECK_EQ(memory[size - 1], 0);
    CHECK(engine_instance_export(store, &instance, 1, &found));
    union engine_raw value;
    engine_global_get(store, &found.global, &value);
    CHECK_EQ(value.i64, 7);
    engine_global_set(store, &found.global, (union engine_raw){.i64 = -9});
    engine_global_get(store, &found.global, &value);
    CHECK_EQ(value.i64, -9);
    engine_store_free(store);
    test_guest_release(&guest);
}

TEST(every_kind_of_value_goes_through_a_global)
{
    static const char text[] =
        "(module (func $f (export \"f\")) (global (export \"i\") (mut i32) (i32.const 1))"
        "(global (export \"f32\") (mut f32) (f32.const 1.5)) (global (export \"f64\") (mut f64) (f64.const 2.5))"
        "(global (export \"v\") (mut v128) (v128.const i64x2 3 4))"
        "(global (export \"r\") (mut funcref) (ref.null func))"
        "(global (export \"x\") externref (ref.null extern)))";
    struct test_guest guest;
    struct engine_store *store;
    struct engine_instance instance;
    struct engine_extern items[7];
    struct engine_func back;
    struct error err;
    union engine_raw value;
    CHECK(test_guest_init(&guest, test_engine(), text, NULL, 0));
    CHECK_EQ(engine_store_new(test_engine(), NULL, NULL, &store, &err), ST_OK);
    CHECK_EQ(engine_pre_instantiate(guest.pre, store, &instance, &err), ST_OK);
    for (size_t i = 0; i < ARRAY_LEN(items); i++)
        CHECK(engine_instance_export(store, &instance, i, &items[i]));
    engine_global_set(store, &items[1].global, (union engine_raw){.i32 = -1});
    engine_global_get(store, &items[1].global, &value);
    CHECK_EQ(value.i32, -1);
    engine_global_get(store, &items[2].global, &value);
    CHECK(value.f32 == 1.5f);
    engine_global_get(store, &items[3].global, &value);
    CHECK(value.f64 == 2.5);
    engine_global_get(store, &items[4].global, &value);
    CHECK_EQ(value.v128[0], 3);
    CHECK_EQ(value.v128[8], 4);
    engine_global_get(store, &items[5].global, &value);
    CHECK(!value.ref);
    CHECK(!engine_func_from_raw(store, value.ref, &back));
    value.ref = engine_func_to_raw(store, &items[0].func);
    engine_global_set(store, &items[5].global, value);
    engine_global_get(store, &items[5].global, &value);
    CHECK(engine_func_from_raw(store, value.ref, &back));
    CHECK_EQ(engine_call(store, &back, &value, 1, &err), ST_OK);
    engine_global_get(store, &items[6].global, &value);
    CHECK(!value.ref);
    engine_store_free(store);
    test_guest_release(&guest);
}

/* --- modules that import more than functions ------------------------------------------------------------------------------ */

static const char giver_text[] =
    "(module (memory (export \"m\") 1) (table (export \"t\") 1 funcref) (global (export \"g\") i32 (i32.const 40))"
    "(tag (export \"e\") (param i32)) (func (export \"throw\") (throw 0 (i32.const 1))))";
static const char taker_text[] =
    "(module (import \"a\" \"g\" (global i32)) (import \"a\" \"m\" (memory 1)) (import \"a\" \"t\" (table 1 funcref))"
    "(import \"a\" \"e\" (tag (param i32))) (import \"a\" \"throw\" (func $throw)) (import \"h\" \"two\" (func $two (result i32)))"
    "(func (export \"run\") (result i32)"
    "  (i32.store (i32.const 8) (i32.const 9))"
    "  (block $caught (result i32) (try_table (catch 0 $caught) (call $throw)) unreachable)"
    "  (i32.add (global.get 0)) (i32.add (call $two))))";

static enum status host_two(void *env, struct engine_store *store UNUSED, union engine_raw *raw, size_t count)
{
    bug_unless(count == 1);
    raw[0].i32 = *(int32_t *)env;
    return ST_OK;
}

/* Instantiates the taker with the giver's exports and a host function of the given type. */
static enum status link_by_hand(struct engine_store *store, struct engine_module *giver, struct engine_module *taker,
                                const char *type, size_t count, struct engine_instance *ret_first,
                                struct engine_instance *ret_second, struct error *err)
{
    static int32_t two = 2;
    struct engine_host_func func = {host_two, &two, test_type(type)};
    struct engine_extern items[5], imports[6] = {[5].kind = ENGINE_FUNC};
    TRY(engine_instantiate(giver, store, NULL, 0, ret_first, err));
    for (size_t i = 0; i < ARRAY_LEN(items); i++)
        if (!engine_instance_export(store, ret_first, i, &items[i]))
            return ST_NOT_FOUND;
    imports[0] = items[2], imports[1] = items[0], imports[2] = items[1], imports[3] = items[3], imports[4] = items[4];
    TRY(engine_func_new(store, &func, &imports[5].func, err));
    return engine_instantiate(taker, store, imports, count, ret_second, err);
}

TEST(instances_are_linked_by_hand_in_import_order)
{
    struct engine *engine = test_engine();
    struct engine_module *giver = test_module(engine, giver_text), *taker = test_module(engine, taker_text);
    struct engine_store *store;
    struct engine_instance first, second;
    struct engine_extern found;
    struct error err = {0};
    uint64_t size;
    CHECK(giver && taker);
    CHECK_EQ(engine_store_new(engine, NULL, NULL, &store, &err), ST_OK);
    CHECK_EQ(link_by_hand(store, giver, taker, ":i", 6, &first, &second, &err), ST_OK);
    CHECK(engine_instance_export(store, &second, 0, &found));
    union engine_raw raw = {0};
    CHECK_EQ(engine_call(store, &found.func, &raw, 1, &err), ST_OK);
    CHECK_EQ(raw.i32, 1 + 40 + 2);
    CHECK(engine_instance_export(store, &first, 0, &found));
    CHECK_EQ(engine_memory_data(store, &found.memory, &size)[8], 9);
    engine_store_free(store);
    engine_module_free(giver);
    engine_module_free(taker);
}

TEST(a_wrong_import_is_an_error_not_a_trap)
{
    struct engine *engine = test_engine();
    struct engine_module *giver = test_module(engine, giver_text), *taker = test_module(engine, taker_text);
    struct engine_store *store;
    struct engine_instance first, second;
    struct error err = {0};
    CHECK(giver && taker);
    CHECK_EQ(engine_store_new(engine, NULL, NULL, &store, &err), ST_OK);
    CHECK_EQ(link_by_hand(store, giver, taker, ":l", 6, &first, &second, &err), ST_INVALID);
    CHECK(strstr(err.message, "incompatible import type"));
    CHECK_EQ(link_by_hand(store, giver, taker, ":i", 5, &first, &second, &err), ST_INVALID);
    CHECK_STR(str_of(err.message), "instantiate: the module has 6 imports, 5 were given");
    CHECK_EQ(engine_trap_kind(store), ENGINE_TRAP_NONE);
    engine_store_free(store);
    engine_module_free(giver);
    engine_module_free(taker);
}

/* --- binding imports ------------------------------------------------------------------------------------------------------ */

static enum status pre_status(const char *text, const struct engine_host_func *funcs, size_t count, struct error *err)
{
    struct engine_module *module = test_module(test_engine(), text);
    struct engine_pre *pre = NULL;
    if (!module)
        return ST_INTERNAL;
    enum status status = engine_pre_new(test_engine(), module, funcs, count, &pre, err);
    engine_pre_free(pre);
    engine_module_free(module);
    return status;
}

TEST(imports_are_checked_when_they_are_bound)
{
    int32_t two = 2, three = 3;
    struct engine_host_func funcs[2] = {{host_two, &two, test_type(":i")}, {host_two, &two, test_type(":i")}};
    struct error err;
    static const char one[] = "(module (import \"h\" \"two\" (func (result i32))))";
    static const char twice[] = "(module (import \"h\" \"two\" (func (result i32))) (import \"h\" \"two\" (func (result i32))))";
    CHECK_EQ(pre_status(one, funcs, 1, &err), ST_OK);
    CHECK_EQ(pre_status(one, funcs, 2, &err), ST_INVALID);
    CHECK_STR(str_of(err.message), "the module has 1 imports, 2 host functions were given");
    CHECK_EQ(pre_status(one, funcs, 0, &err), ST_INVALID);
    CHECK_EQ(pre_status(twice, funcs, 2, &err), ST_OK);
    funcs[1].env = &three;
    CHECK_EQ(pre_status(twice, funcs, 2, &err), ST_UNSUPPORTED);
    CHECK_STR(str_of(err.message), "`h` `two` is imported twice, with two meanings");
    funcs[0].type = test_type("i:i");
    CHECK_EQ(pre_status(one, funcs, 1, &err), ST_INVALID);
    CHECK_STR(str_of(err.message), "import `h` `two` has another type than the host function for it");
    CHECK_EQ(pre_status("(module (import \"m\" \"e\" (memory 1)))", funcs, 1, &err), ST_INVALID);
    CHECK_STR(str_of(err.message), "import `m` `e` is not a function");
    funcs[0].type = test_type("e:");
    CHECK_EQ(pre_status("(module (import \"h\" \"two\" (func (param anyref))))", funcs, 1, &err), ST_UNSUPPORTED);
}

TEST(names_of_imports_are_told_apart_bytewise)
{
    int32_t two = 2, three = 3;
    struct engine_host_func funcs[2] = {{host_two, &two, test_type(":i")}, {host_two, &three, test_type(":i")}};
    struct error err = {0};
    CHECK_EQ(
        pre_status("(module (import \"a\" \"bc\" (func (result i32))) (import \"ab\" \"c\" (func (result i32))))", funcs, 2, &err),
        ST_OK);
    CHECK_EQ(pre_status("(module (import \"a\\00b\" \"c\" (func (result i32))) (import \"a\" \"\\00bc\" (func (result i32))))",
                        funcs, 2, &err),
             ST_OK);
    CHECK_EQ(pre_status("(module (import \"\" \"\" (func (result i32))) (import \"\" \"\" (func (result i32))))", funcs, 2, &err),
             ST_UNSUPPORTED);
}

static enum status host_values(void *env UNUSED, struct engine_store *store UNUSED, union engine_raw *raw, size_t count)
{
    bug_unless(count == 4);
    if (raw[0].i64 != -5 || raw[1].f64 != 0.25 || raw[2].v128[15] != 9 || raw[3].ref != NULL)
        return ST_INVALID;
    raw[0].f32 = 8.5f;
    return ST_OK;
}

TEST(every_kind_of_value_goes_through_a_host_function)
{
    static const char text[] = "(module (import \"h\" \"f\" (func $f (param i64 f64 v128 funcref) (result f32)))"
                               "(func (export \"run\") (result f32) (call $f (i64.const -5) (f64.const 0.25)"
                               "  (v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 9) (ref.null func))))";
    struct engine_host_func func = {host_values, NULL, test_type("ldvx:f")};
    struct test_guest guest;
    struct engine_func run;
    struct error err = {0};
    CHECK(test_guest_init(&guest, test_engine(), text, &func, 1));
    struct engine_store *store = test_start(test_engine(), &guest, NULL, NULL, 0, &run);
    CHECK(store);
    union engine_raw raw;
    CHECK_EQ(engine_call(store, &run, &raw, 1, &err), ST_OK);
    CHECK(raw.f32 == 8.5f);
    engine_store_free(store);
    test_guest_release(&guest);
}

/* --- nesting -------------------------------------------------------------------------------------------------------------- */

struct nest { /* two stores whose guests call each other through the host */
    struct engine_store *stores[2];
    struct engine_func funcs[2];
    int depth;
};

static enum status host_other(void *env UNUSED, struct engine_store *store, union engine_raw *raw, size_t count UNUSED)
{
    struct nest *nest = engine_store_data(store);
    int other = store == nest->stores[0];
    nest->depth++;
    return engine_call(nest->stores[other], &nest->funcs[other], raw, 1, NULL);
}

TEST(stores_nest_in_each_other)
{
    static const char text[] = "(module (import \"h\" \"other\" (func $other (param i32) (result i32)))"
                               "(func (export \"run\") (param i32) (result i32) (if (result i32) (local.get 0)"
                               "  (then (i32.add (i32.const 1) (call $other (i32.sub (local.get 0) (i32.const 1)))))"
                               "  (else (i32.const 0)))))";
    struct engine_host_func func = {host_other, NULL, test_type("i:i")};
    struct test_guest guest;
    struct nest nest = {0};
    struct error err = {0};
    CHECK(test_guest_init(&guest, test_engine(), text, &func, 1));
    for (int i = 0; i < 2; i++) {
        nest.stores[i] = test_start(test_engine(), &guest, &nest, NULL, 0, &nest.funcs[i]);
        CHECK(nest.stores[i]);
    }
    union engine_raw raw = {.i32 = 100};
    CHECK_EQ(engine_call(nest.stores[0], &nest.funcs[0], &raw, 1, &err), ST_OK);
    CHECK_EQ(raw.i32, 100);
    CHECK_EQ(nest.depth, 100);
    for (int i = 0; i < 2; i++)
        engine_store_free(nest.stores[i]);
    test_guest_release(&guest);
}
