#include "tests/unit/engine/support.h"

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
