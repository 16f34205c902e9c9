/* Flattening: what a plan holds, and what keeps it small. */
#include "base/mem.h"
#include "component/instance.h"
#include "host_things.h"
#include "runtime_help.h"

TEST(a_component_as_toolchains_make_it_is_one_core_instance)
{
    struct runtime rt = {0}, whole = {.no_elide = true};
    CHECK(runtime_load(&rt, "things.wat"));
    const struct cm_plan *plan = rt.component->plan;
    CHECK_EQ(plan->core_instance_count, 1);
    CHECK_EQ(plan->elided, 2);
    CHECK(plan->core_instances[0].pooled);
    CHECK_EQ(plan->glue_count, 0);
    CHECK_EQ(plan->store_count, 1);
    CHECK_EQ(plan->trampoline_count, 11);
    CHECK_EQ(plan->import_func_count, 10);
    CHECK_EQ(plan->resource_count, 1);
    CHECK(runtime_load(&whole, "things.wat"));
    plan = whole.component->plan;
    CHECK_EQ(plan->core_instance_count, 3);
    CHECK_EQ(plan->elided, 0);
    CHECK_EQ(plan->glue_count, 1);
    runtime_close(&rt);
    runtime_close(&whole);
}

TEST(every_instance_of_a_component_has_resources_of_its_own)
{
    struct runtime rt = {0};
    CHECK(runtime_load(&rt, "(component (component $c (type $r (resource (rep i32))) (export \"r\" (type $r)))\n"
                            "  (instance $a (instantiate $c)) (instance $b (instantiate $c))\n"
                            "  (export \"a\" (instance $a)) (export \"b\" (instance $b)))"));
    const struct cm_plan *plan = rt.component->plan;
    CHECK_EQ(plan->resource_count, 2);
    CHECK_EQ(plan->export_count, 2);
    CHECK_EQ(plan->exports[0].kind, CM_EXPORT_INSTANCE);
    CHECK_EQ(plan->exports[0].count, 1);
    CHECK_EQ(plan->exports[0].items[0].kind, CM_EXPORT_RESOURCE);
    CHECK(plan->exports[0].items[0].target != plan->exports[1].items[0].target);
    CHECK_EQ(plan->resources[0].instance, 1);
    CHECK_EQ(plan->resources[1].instance, 2);
    CHECK_EQ(plan->store_count, 0);
    runtime_close(&rt);
}

/* Each level instantiates the one below twice. */
static void doubling(struct buf *out, unsigned levels, const char *innermost)
{
    buf_addf(out, "(component $c0 %s)\n", innermost);
    for (unsigned i = 1; i <= levels; i++)
        buf_addf(out,
                 "(component $c%u (alias outer 1 $c%u (component $below)) (instance (instantiate $below)) (instance (instantiate "
                 "$below)))\n",
                 i, i - 1);
    buf_addf(out, "(instance (instantiate $c%u))", levels);
}

static enum status load_doubling(struct runtime *rt, unsigned levels, const char *innermost)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&text, "(component ");
    doubling(&text, levels, innermost);
    buf_addf(&text, ")");
    return runtime_try_load(rt, text.data);
}

TEST(a_small_binary_cannot_ask_for_many_instances)
{
    struct runtime rt = {0}, rt2 = {0}, rt3 = {0};
    CHECK_EQ(load_doubling(&rt, 10, ""), ST_OK);
    CHECK_EQ(rt.component->plan->instance_count, 2048);
    CHECK_EQ(load_doubling(&rt2, 40, ""), ST_LIMIT);
    CHECK_STR(str_of(rt2.err.message), "the component has more than 4096 component instances");
    CHECK_EQ(load_doubling(&rt3, 9, "(core module $m) (core instance (instantiate $m))"), ST_LIMIT);
    CHECK_STR(str_of(rt3.err.message), "the component has more than 256 core instances");
    runtime_close(&rt);
    runtime_close(&rt2);
    runtime_close(&rt3);
}

/* The component's instances are made and called, however many there are. */
TEST(many_component_instances_at_work)
{
    struct runtime rt = {0};
    CHECK_EQ(load_doubling(&rt, 6, "(core module $m (func (export \"f\"))) (core instance (instantiate $m))"), ST_OK);
    CHECK_EQ(rt.component->plan->core_instance_count, 64);
    CHECK_EQ(rt.component->plan->store_count, 64);
    CHECK(runtime_start(&rt));
    runtime_close(&rt);
}

TEST(components_inside_each_other_have_a_bound)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    struct runtime rt = {0};
    buf_addf(&text, "(component (component $c0)\n");
    for (unsigned i = 1; i <= 150; i++)
        buf_addf(&text, "(component $c%u (alias outer 1 $c%u (component $below)) (instance (instantiate $below)))\n", i, i - 1);
    buf_addf(&text, "(instance (instantiate $c150)))");
    CHECK_EQ(runtime_try_load(&rt, text.data), ST_LIMIT);
    CHECK_STR(str_of(rt.err.message), "components are instantiated more than 100 deep");
    runtime_close(&rt);
}

TEST(unused_modules_are_validated)
{
    struct runtime rt = {0};
    CHECK_EQ(runtime_try_load(&rt, "(component (core module (func (result i32))))"), ST_INVALID);
    CHECK(str_starts(str_of(rt.err.message), STR("core module at offset 0x")));
    runtime_close(&rt);
}

TEST(not_a_component)
{
    struct cm_component *component;
    struct error err;
    static const struct {
        struct str bytes;
        const char *begins;
    } cases[] = {
        {STR_INIT(""), ""},
        {STR_INIT("hello"), ""},
        {STR_INIT("\0asm\1\0\0\0"), ""},
        {STR_INIT("\0asm\x0d\0\1\0\1"), ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK_EQ(cm_component_load(runtime_engine(), cases[i].bytes, NULL, &component, &err), ST_INVALID);
        CHECK(err.message[0]);
    }
}

TEST(things_of_the_async_abi_are_planned)
{
    struct runtime rt = {0};
    CHECK(runtime_load(&rt,
                       "(component (core module $m (func (export \"f\") (result i32) (i32.const 0))\n"
                       "    (func (export \"cb\") (param i32 i32 i32) (result i32) (i32.const 0)))\n"
                       "  (core instance $m (instantiate $m))\n"
                       "  (func (export \"f\") async (canon lift (core func $m \"f\") async (callback (core func $m \"cb\")))))"));
    CHECK(runtime_start(&rt));
    CHECK_STR(runtime_call(&rt, "f", "()"),
              "no export: export `f`: function `f` is lifted with the asynchronous ABI, which this runtime "
              "does not run");
    runtime_close(&rt);
}
