/* Instances: isolation, nesting, traps and what they leave behind, limits. */
#include "component/instance.h"
#include "base/mem.h"
#include "host_things.h"
#include "runtime_help.h"

static bool contains(struct str text, const char *what)
{
    return str_find(text, str_of(what)) != STR_NONE || tap_fail(__FILE__, __LINE__, "`%.*s` lacks `%s`", STR_ARG(text), what);
}

/* --- traps ------------------------------------------------------------------------------------------------------------------- */

TEST(a_trap_poisons_the_instance)
{
    struct things things = {0};
    struct runtime rt = {0};
    CHECK(runtime_open(&rt, "things.wat", &things_interface, &things));
    CHECK_STR(runtime_call(&rt, "bump", "()"), "1");
    CHECK_STR(runtime_call(&rt, "crash", "()"), "trap: wasm trap: wasm `unreachable` instruction executed");
    CHECK(cm_instance_poisoned(rt.instance));
    CHECK_EQ(cm_instance_trap_kind(rt.instance), ENGINE_TRAP_UNREACHABLE);
    CHECK(contains(cm_instance_backtrace(rt.instance), "inner"));
    CHECK(contains(cm_instance_backtrace(rt.instance), "middle"));
    CHECK_STR(runtime_call(&rt, "bump", "()"), "trap: wasm trap: cannot enter component instance");
    CHECK_EQ(cm_instance_trap_kind(rt.instance), ENGINE_TRAP_UNREACHABLE);
    runtime_close(&rt);
}

TEST(kinds_of_traps)
{
    struct things things = {0};
    struct runtime rt = {0};
    CHECK(runtime_open(&rt, "things.wat", &things_interface, &things));
    CHECK_STR(runtime_call(&rt, "touch", "(131068)"), "");
    CHECK_STR(runtime_call(&rt, "touch", "(131069)"), "trap: wasm trap: out of bounds memory access");
    CHECK_EQ(cm_instance_trap_kind(rt.instance), ENGINE_TRAP_MEMORY);
    struct cm_instance *other;
    CHECK_EQ(cm_instantiate(rt.linked, NULL, &other, &rt.err), ST_OK);
    CHECK_STR(runtime_call_in(&rt, other, NULL, "recurse", "()"), "trap: wasm trap: call stack exhausted");
    CHECK_EQ(cm_instance_trap_kind(other), ENGINE_TRAP_STACK_OVERFLOW);
    cm_instance_free(other);
    runtime_close(&rt);
}

TEST(a_host_function_s_trap_has_the_guest_s_frames)
{
    struct things things = {0};
    struct runtime rt = {0};
    CHECK(runtime_open(&rt, "things.wat", &things_interface, &things));
    CHECK_STR(runtime_call(&rt, "fail", "(\"why\")"), "trap: the host says: why");
    CHECK(contains(cm_instance_backtrace(rt.instance), "failing"));
    runtime_close(&rt);
}

TEST(a_start_function_traps)
{
    struct runtime rt = {0};
    CHECK(runtime_load(&rt,
                       "(component (core module $m (func $begin unreachable) (start $begin)) (core instance (instantiate $m)))"));
    CHECK_EQ(runtime_try_link(&rt), ST_OK);
    CHECK_EQ(cm_instantiate(rt.linked, NULL, &rt.instance, &rt.err), ST_TRAP);
    CHECK(contains(str_of(rt.err.message), "wasm trap: wasm `unreachable` instruction executed"));
    CHECK(!rt.instance);
    runtime_close(&rt);
}

/* --- several instances ------------------------------------------------------------------------------------------------------- */

TEST(instances_are_isolated)
{
    struct things things = {0};
    struct runtime rt = {0};
    struct cm_instance *other;
    CHECK(runtime_open(&rt, "things.wat", &things_interface, &things));
    CHECK_EQ(cm_instantiate(rt.linked, NULL, &other, &rt.err), ST_OK);
    CHECK_STR(runtime_call(&rt, "bump", "()"), "1");
    CHECK_STR(runtime_call(&rt, "bump", "()"), "2");
    CHECK_STR(runtime_call_in(&rt, other, NULL, "bump", "()"), "1");
    CHECK_STR(runtime_call(&rt, "leak", "()"), "1");
    CHECK_STR(runtime_call_in(&rt, other, NULL, "leak", "()"), "1");
    CHECK_STR(runtime_call(&rt, "crash", "()"), "trap: wasm trap: wasm `unreachable` instruction executed");
    CHECK_STR(runtime_call_in(&rt, other, NULL, "bump", "()"), "2");
    CHECK(!cm_instance_poisoned(other));
    CHECK_EQ(things.counters, 2);
    cm_instance_free(other);
    CHECK_EQ(things.counters, 1);
    runtime_close(&rt);
    CHECK_EQ(things.counters, 0);
}

/* What one instance leaves in the memory that a thread keeps is not seen by the next. */
TEST(instances_begin_afresh)
{
    struct things things = {0};
    struct runtime rt = {0};
    CHECK(runtime_open(&rt, "things.wat", &things_interface, &things));
    for (int i = 0; i < 100; i++) {
        struct cm_instance *instance;
        CHECK_EQ(cm_instantiate(rt.linked, NULL, &instance, &rt.err), ST_OK);
        CHECK(!cm_instance_poisoned(instance));
        CHECK_EQ(cm_instance_trap_kind(instance), ENGINE_TRAP_NONE);
        CHECK_STR(cm_instance_backtrace(instance), "");
        CHECK_STR(runtime_call_in(&rt, instance, NULL, "bump", "()"), "1");
        CHECK_STR(runtime_call_in(&rt, instance, NULL, "leak", "()"), "1");
        CHECK_STR(runtime_call_in(&rt, instance, NULL, "greet", "(\"you\")"), "\"hello, you\"");
        if (i % 3 == 0)
            CHECK(str_starts(runtime_call_in(&rt, instance, NULL, "crash", "()"), STR("trap: ")));
        cm_instance_free(instance);
    }
    CHECK_EQ(things.counters, 0);
    runtime_close(&rt);
}

/* What is linked is shared by all threads; each has instances of its own, and asks for exports while the others do. */
static void *many_instances(void *arg)
{
    const struct runtime *shared = arg;
    static const char *const names[] = {"greet", "bump", "sum", "halve", "reverse"};
    static const char *const args[] = {"(\"x\")", "()", "([1, 2])", "(some(2))", "([1, 2])"};
    static const char *const results[] = {"\"hello, x\"", "1", "3", "ok(1)", "[2, 1]"};
    struct runtime rt = {.linked = shared->linked};
    bool ok = true;
    arena_init(&rt.arena, SIZE_MAX);
    for (unsigned i = 0; i < 200 && ok; i++) {
        struct cm_instance *instance = NULL;
        ok = cm_instantiate(shared->linked, NULL, &instance, &rt.err) == ST_OK;
        for (unsigned k = 0; k < 5 && ok; k++)
            ok = str_is(runtime_call_in(&rt, instance, NULL, names[(i + k) % 5], args[(i + k) % 5]), results[(i + k) % 5]);
        cm_instance_free(instance);
    }
    arena_release(&rt.arena);
    return ok ? arg : NULL;
}

TEST(threads_share_what_is_linked)
{
    struct things things[1] = {{0}};
    struct runtime rt = {0};
    pthread_t threads[3];
    void *ok;
    CHECK(runtime_load(&rt, "things.wat"));
    CHECK(runtime_add(&rt, &things_interface, things));
    CHECK_EQ(runtime_try_link(&rt), ST_OK);
    for (unsigned i = 0; i < ARRAY_LEN(threads); i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, many_instances, &rt), 0);
    unsigned good = 0;
    for (unsigned i = 0; i < ARRAY_LEN(threads); i++)
        good += pthread_join(threads[i], &ok) == 0 && ok;
    runtime_close(&rt);
    CHECK_EQ(good, 3);
}

/* --- nested components ------------------------------------------------------------------------------------------------------- */

TEST(nested_components_call_each_other)
{
    for (int no_elide = 0; no_elide < 2; no_elide++) {
        struct runtime rt = {.no_elide = no_elide};
        CHECK(runtime_open(&rt, "nested.wat", NULL, NULL));
        CHECK_EQ(rt.component->plan->store_count, 3);
        CHECK_STR(runtime_call(&rt, "shout", "(\"abc\")"), "\"ABC\"");
        CHECK_STR(runtime_call(&rt, "shout", "(\"\")"), "\"\"");
        CHECK_STR(runtime_call(&rt, "tick-a", "()"), "1");
        CHECK_STR(runtime_call(&rt, "tick-a", "()"), "2");
        CHECK_STR(runtime_call(&rt, "tick-b", "()"), "1"); /* the same component, another instance */
        runtime_close(&rt);
    }
}

TEST(a_trap_in_a_nested_component_poisons_all)
{
    struct runtime rt = {0};
    CHECK(runtime_open(&rt, "nested.wat", NULL, NULL));
    CHECK_STR(runtime_call(&rt, "break", "()"), "trap: wasm trap: wasm `unreachable` instruction executed");
    CHECK_EQ(cm_instance_trap_kind(rt.instance), ENGINE_TRAP_UNREACHABLE);
    CHECK(contains(cm_instance_backtrace(rt.instance), "broken-inside"));
    CHECK(contains(cm_instance_backtrace(rt.instance), "breaking-outside"));
    CHECK_STR(runtime_call(&rt, "tick-b", "()"), "trap: wasm trap: cannot enter component instance");
    runtime_close(&rt);
}

/* From the outer component into the inner one and back, without end: what grows is our stack. */
TEST(recursion_between_components_traps)
{
    struct runtime rt = {0};
    CHECK(runtime_open(&rt, "recursive.wat", NULL, NULL));
    CHECK_STR(runtime_call(&rt, "run", "()"), "trap: wasm trap: call stack exhausted");
    CHECK_EQ(cm_instance_trap_kind(rt.instance), ENGINE_TRAP_STACK_OVERFLOW);
    runtime_close(&rt);
}

static enum status call_itself(struct things *things, struct cm_call *call, uint32_t *ret)
{
    struct runtime *rt = things->data;
    struct str result = runtime_call_in(rt, cm_call_instance(call), NULL, "pause", "()");
    *ret = 0;
    return str_starts(result, STR("trap: ")) ? cm_trap(call, "inside: %.*s", STR_ARG(str_slice(result, 0, 100))) : ST_OK;
}

TEST(recursion_through_the_host_traps)
{
    struct runtime rt = {0};
    struct things things = {.pause = call_itself, .data = &rt};
    CHECK(runtime_open(&rt, "things.wat", &things_interface, &things));
    CHECK(str_starts(runtime_call(&rt, "pause", "()"), STR("trap: ")));
    CHECK_EQ(cm_instance_trap_kind(rt.instance), ENGINE_TRAP_STACK_OVERFLOW);
    runtime_close(&rt);
}

/* --- a guest's resources in the host's hands --------------------------------------------------------------------------------- */

static const struct cm_type_desc own_guest = {.kind = CM_OWN, .size = 8, .align = 8},
                                 borrow_guest = {.kind = CM_BORROW, .size = 8, .align = 8};
static const struct cm_field_desc make_params[] = {{"value", &things_u32, 0}}, own_params[] = {{"b", &own_guest, 0}},
                                  borrow_params[] = {{"b", &borrow_guest, 0}};
static const struct cm_func_desc make = {
    .name = "make", .param_count = 1, .params = make_params, .result = &own_guest, .args_size = 4};
static const struct cm_func_desc look = {
    .name = "look", .param_count = 1, .params = borrow_params, .result = &things_u32, .args_size = 8};
static const struct cm_func_desc take = {
    .name = "take", .param_count = 1, .params = own_params, .result = &things_u32, .args_size = 8};
static const struct cm_func_desc ended = {.name = "ended", .result = &things_u32};

struct box_exports {
    const struct cm_export *make, *look, *take, *ended;
};

static bool open_box(struct runtime *rt, struct box_exports *e)
{
    return runtime_open(rt, "box.wat", NULL, NULL) && cm_export_find(rt->linked, NULL, &make, &e->make, &rt->err) == ST_OK &&
           cm_export_find(rt->linked, NULL, &look, &e->look, &rt->err) == ST_OK &&
           cm_export_find(rt->linked, NULL, &take, &e->take, &rt->err) == ST_OK &&
           cm_export_find(rt->linked, NULL, &ended, &e->ended, &rt->err) == ST_OK;
}

TEST(guest_resources_held_by_the_host)
{
    struct runtime rt = {0};
    struct box_exports e;
    struct cm_guest_resource *a = NULL, *b = NULL;
    uint32_t value = 0;
    CHECK(open_box(&rt, &e) || tap_fail(__FILE__, __LINE__, "%s", rt.err.message));
    CHECK_EQ(cm_call_export(rt.instance, e.make, &(uint32_t){41}, &a, &rt.err), ST_OK);
    CHECK_EQ(cm_call_export(rt.instance, e.make, &(uint32_t){50}, &b, &rt.err), ST_OK);
    CHECK_EQ(cm_call_export(rt.instance, e.look, &a, &value, &rt.err), ST_OK);
    CHECK_EQ(value, 41);
    CHECK_EQ(cm_call_export(rt.instance, e.take, &b, &value, &rt.err), ST_OK); /* the guest drops it */
    CHECK_EQ(value, 50);
    CHECK_EQ(cm_call_export(rt.instance, e.ended, NULL, &value, &rt.err), ST_OK);
    CHECK_EQ(value, 50);
    CHECK_EQ(cm_guest_resource_drop(rt.instance, a, &rt.err), ST_OK);
    CHECK_EQ(cm_call_export(rt.instance, e.ended, NULL, &value, &rt.err), ST_OK);
    CHECK_EQ(value, 91); /* the destructor ran for both */
    runtime_close(&rt);
}

TEST(guest_resources_left_to_the_end)
{
    struct runtime rt = {0};
    struct box_exports e;
    struct cm_guest_resource *a = NULL;
    CHECK(open_box(&rt, &e));
    for (uint32_t i = 0; i < 100; i++)
        CHECK_EQ(cm_call_export(rt.instance, e.make, &i, &a, &rt.err), ST_OK);
    runtime_close(&rt); /* the leak checker looks on */
}

/* --- limits ------------------------------------------------------------------------------------------------------------------ */

TEST(limits_of_an_instance)
{
    struct things things = {0};
    struct runtime rt = {0};
    struct cm_instance *instance;
    struct cm_instance_options small_memory = {.limits.memory_bytes = 65536}, few_handles = {.max_handles = 3},
                               little_copying = {.copy_budget_bytes = 1000};
    CHECK(runtime_open(&rt, "things.wat", &things_interface, &things));
    CHECK_EQ(cm_instantiate(rt.linked, &small_memory, &instance, &rt.err), ST_LIMIT);
    CHECK_EQ(cm_instantiate(rt.linked, &few_handles, &instance, &rt.err), ST_OK);
    for (int i = 0; i < 3; i++)
        CHECK(!str_starts(runtime_call_in(&rt, instance, NULL, "leak", "()"), STR("trap: ")));
    CHECK(str_starts(runtime_call_in(&rt, instance, NULL, "leak", "()"), STR("trap: ")));
    cm_instance_free(instance);
    CHECK_EQ(cm_instantiate(rt.linked, &little_copying, &instance, &rt.err), ST_OK);
    autobuf struct buf args = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&args, "(\"%01200d\")", 0);
    CHECK(str_starts(runtime_call_in(&rt, instance, NULL, "greet", args.data), STR("trap: ")));
    cm_instance_free(instance);
    CHECK_EQ(things.counters, 0);
    runtime_close(&rt);
}

/* The module that hands trampolines on is ours and does not count. */
TEST(instances_are_counted_without_ours)
{
    struct runtime rt = {.no_elide = true};
    struct things things = {0};
    struct cm_instance *instance;
    struct cm_instance_options three = {.limits.instances = 3}, two = {.limits.instances = 2};
    CHECK(runtime_open(&rt, "things.wat", &things_interface, &things));
    CHECK_EQ(rt.component->plan->core_instance_count, 3);
    CHECK_EQ(cm_instantiate(rt.linked, &two, &instance, &rt.err), ST_LIMIT);
    CHECK_EQ(cm_instantiate(rt.linked, &three, &instance, &rt.err), ST_OK);
    cm_instance_free(instance);
    runtime_close(&rt);
}

TEST(data_slots_and_peak_memory)
{
    struct things things = {0};
    struct runtime rt = {0};
    struct cm_instance *instance;
    struct cm_instance_options options = {.data[CM_DATA_TEST] = &rt};
    CHECK(runtime_open(&rt, "things.wat", &things_interface, &things));
    CHECK_EQ(cm_instantiate(rt.linked, &options, &instance, &rt.err), ST_OK);
    CHECK(cm_instance_data(instance, CM_DATA_TEST) == &rt);
    CHECK(cm_instance_data(instance, CM_DATA_WASI) == NULL);
    cm_instance_set_data(instance, CM_DATA_WASI, &things);
    CHECK(cm_instance_data(instance, CM_DATA_WASI) == &things);
    CHECK_EQ(cm_instance_peak_memory(instance), 2 * 65536);
    CHECK(cm_instance_linked(instance) == rt.linked);
    CHECK(cm_linked_component(rt.linked) == rt.component);
    cm_instance_free(instance);
    runtime_close(&rt);
}

TEST(items_of_a_component)
{
    struct runtime rt = {0};
    size_t count;
    CHECK(runtime_load(&rt, "things.wat"));
    const struct cm_component_item *imports = cm_component_imports(rt.component, &count);
    CHECK_EQ(count, 1);
    CHECK_STR(imports[0].name, "test:host/things@0.2.1");
    CHECK_EQ(imports[0].kind, CM_ITEM_INSTANCE);
    const struct cm_component_item *exports = cm_component_exports(rt.component, &count);
    CHECK(count > 10);
    CHECK_STR(exports[0].name, "point");
    CHECK_EQ(exports[0].kind, CM_ITEM_TYPE);
    CHECK_STR(exports[2].name, "greet");
    CHECK_EQ(exports[2].kind, CM_ITEM_FUNC);
    runtime_close(&rt);
}
