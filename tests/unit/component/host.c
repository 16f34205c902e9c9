/* Values and resources between a component and a host interface written by hand, with and without the shim. */
#include "host_things.h"
#include "runtime_help.h"

static bool open_things(struct runtime *rt, struct things *things, bool no_elide)
{
    rt->no_elide = no_elide;
    return runtime_open(rt, "things.wat", &things_interface, things);
}

static void check_values(bool no_elide)
{
    struct things things = {0};
    struct runtime rt = {0};
    CHECK(open_things(&rt, &things, no_elide));
    CHECK_STR(runtime_call(&rt, "greet", "(\"world\")"), "\"hello, world\"");
    CHECK_STR(runtime_call(&rt, "greet", "(\"\")"), "\"hello, \"");
    CHECK_STR(runtime_call(&rt, "freed", "()"), "32"); /* post-return was given the result's address, twice */
    CHECK_STR(runtime_call(&rt, "reverse", "([1, 2, 255])"), "[255, 2, 1]");
    CHECK_STR(runtime_call(&rt, "reverse", "([])"), "[]");
    CHECK_STR(runtime_call(&rt, "shift", "({x: -5, y: 7, label: \"a point\"}, 10)"), "{x: 5, y: 17, label: \"a point\"}");
    CHECK_STR(runtime_call(&rt, "sum", "([65535, 65535, 1])"), "131071");
    CHECK_STR(runtime_call(&rt, "halve", "(some(14))"), "ok(7)");
    CHECK_STR(runtime_call(&rt, "halve", "(some(7))"), "error(\"odd\")");
    CHECK_STR(runtime_call(&rt, "halve", "(none)"), "error(\"nothing to halve\")");
    runtime_close(&rt);
}

TEST(values_cross)
{
    check_values(false);
}

TEST(values_cross_with_the_shim)
{
    check_values(true);
}

static void check_resources(bool no_elide)
{
    struct things things = {0};
    struct runtime rt = {0};
    CHECK(open_things(&rt, &things, no_elide));
    CHECK_STR(runtime_call(&rt, "count", "(40, 2)"), "42");
    CHECK_EQ(things.counters, 0);
    CHECK_EQ(things.dropped, 1);
    CHECK_STR(runtime_call(&rt, "merge", "(30, 3)"), "33");
    CHECK_EQ(things.counters, 0);
    CHECK_EQ(things.dropped, 4);
    CHECK_STR(runtime_call(&rt, "leak", "()"), "2"); /* the index freed last */
    CHECK_STR(runtime_call(&rt, "leak", "()"), "1");
    CHECK_EQ(things.counters, 2);
    runtime_close(&rt);
    CHECK_EQ(things.counters, 0); /* the end of the instance ended them */
}

TEST(resources_of_the_host)
{
    check_resources(false);
    check_resources(true);
}

TEST(stale_handle)
{
    struct things things = {0};
    struct runtime rt = {0};
    CHECK(open_things(&rt, &things, false));
    CHECK_STR(runtime_call(&rt, "stale", "()"), "trap: unknown handle index 1");
    CHECK(cm_instance_poisoned(rt.instance));
    runtime_close(&rt);
    CHECK_EQ(things.counters, 0);
}

/* --- the host's own objects, in and out, by descriptors of its own ----------------------------------------------------------- */

static const struct cm_type_desc borrow_counter = {.kind = CM_BORROW, .size = 8, .align = 8, .resource = &things_counter};
static const struct cm_field_desc own_params[] = {{"c", &things_own_counter, 0}}, borrow_params[] = {{"c", &borrow_counter, 0}};
static const struct cm_func_desc pass = {
    .name = "pass", .param_count = 1, .params = own_params, .result = &things_own_counter, .args_size = 8};
static const struct cm_func_desc peek = {
    .name = "peek", .param_count = 1, .params = borrow_params, .result = &things_u32, .args_size = 8};
static const struct cm_func_desc keep = {.name = "keep", .param_count = 1, .params = borrow_params, .args_size = 8};

static struct counter *make_counter(struct things *things, uint32_t value)
{
    struct counter *counter = NEW(struct counter);
    *counter = (struct counter){things, value};
    things->counters++;
    return counter;
}

TEST(objects_of_the_host_in_arguments)
{
    struct things things = {0};
    struct runtime rt = {0};
    const struct cm_export *pass_export, *peek_export, *again;
    CHECK(open_things(&rt, &things, false));
    CHECK_EQ(cm_export_find(rt.linked, NULL, &pass, &pass_export, &rt.err), ST_OK);
    CHECK_EQ(cm_export_find(rt.linked, NULL, &peek, &peek_export, &rt.err), ST_OK);
    CHECK_EQ(cm_export_find(rt.linked, NULL, &pass, &again, &rt.err), ST_OK);
    CHECK(again == pass_export);
    struct counter *counter = make_counter(&things, 9), *back = NULL;
    uint32_t value = 0;
    CHECK_EQ(cm_call_export(rt.instance, peek_export, &counter, &value, &rt.err), ST_OK);
    CHECK_EQ(value, 9);
    CHECK_EQ(things.counters, 1);
    CHECK_EQ(cm_call_export(rt.instance, pass_export, &counter, &back, &rt.err), ST_OK);
    CHECK(back == counter);
    CHECK_EQ(back->value, 10);
    free(back);
    runtime_close(&rt);
    CHECK_EQ(things.dropped, 0);
}

TEST(borrows_must_be_dropped)
{
    struct things things = {0};
    struct runtime rt = {0};
    const struct cm_export *export;
    CHECK(open_things(&rt, &things, false));
    CHECK_EQ(cm_export_find(rt.linked, NULL, &keep, &export, &rt.err), ST_OK);
    struct counter *counter = make_counter(&things, 9);
    CHECK_EQ(cm_call_export(rt.instance, export, &counter, NULL, &rt.err), ST_TRAP);
    CHECK_STR(str_of(rt.err.message), "borrow handles still remain at the end of the call");
    /* The instance is dead; what is given to it all the same is not lost. */
    struct counter *other = make_counter(&things, 1);
    CHECK_EQ(cm_export_find(rt.linked, NULL, &pass, &export, &rt.err), ST_OK);
    CHECK_EQ(cm_call_export(rt.instance, export, &other, &other, &rt.err), ST_TRAP);
    CHECK_STR(str_of(rt.err.message), "wasm trap: cannot enter component instance");
    CHECK_EQ(things.dropped, 1);
    runtime_close(&rt);
    CHECK_EQ(things.dropped, 1);
    free(counter);
}

TEST(exports_are_checked_against_their_descriptor)
{
    static const struct cm_func_desc wrong = {
        .name = "peek", .param_count = 1, .params = borrow_params, .result = &things_string, .args_size = 8};
    static const struct cm_func_desc missing = {.name = "poke"};
    static const struct cm_interface_desc nowhere = {.name = "test:host/nowhere", .version = "1.0.0"};
    struct things things = {0};
    struct runtime rt = {0};
    const struct cm_export *export;
    CHECK(open_things(&rt, &things, false));
    CHECK_EQ(cm_export_find(rt.linked, NULL, &wrong, &export, &rt.err), ST_INVALID);
    CHECK(str_starts(str_of(rt.err.message), STR("export `peek`: ")));
    CHECK_EQ(cm_export_find(rt.linked, NULL, &missing, &export, &rt.err), ST_NOT_FOUND);
    CHECK_STR(str_of(rt.err.message), "component does not export function `poke`");
    CHECK_EQ(cm_export_find(rt.linked, &nowhere, &missing, &export, &rt.err), ST_NOT_FOUND);
    CHECK_STR(str_of(rt.err.message), "component does not export instance `test:host/nowhere@1.0.0`");
    runtime_close(&rt);
}

/* --- failures of the host ---------------------------------------------------------------------------------------------------- */

TEST(a_host_function_traps)
{
    struct things things = {0};
    struct runtime rt = {0};
    CHECK(open_things(&rt, &things, false));
    CHECK_STR(runtime_call(&rt, "fail", "(\"no more tea\")"), "trap: the host says: no more tea");
    CHECK_EQ(cm_instance_trap_kind(rt.instance), ENGINE_TRAP_HOST);
    runtime_close(&rt);
}

TEST(a_host_function_fails_without_a_word)
{
    struct things things = {0};
    struct runtime rt = {0};
    CHECK(open_things(&rt, &things, true));
    CHECK_STR(runtime_call(&rt, "fail", "(\"\")"), "trap: host function `fail` failed: input/output error");
    runtime_close(&rt);
}

static enum status cancelled(struct things *things, struct cm_call *call, uint32_t *ret)
{
    (void)things, (void)call, (void)ret;
    return ST_CANCELLED;
}

TEST(cancellation_keeps_its_status)
{
    struct things things = {.pause = cancelled};
    struct runtime rt = {0};
    const struct cm_export *export;
    uint32_t value;
    CHECK(open_things(&rt, &things, false));
    CHECK_EQ(cm_export_open(rt.linked, STR(""), STR("pause"), &export, &rt.err), ST_OK);
    CHECK_EQ(cm_call_export(rt.instance, export, NULL, &value, &rt.err), ST_CANCELLED);
    CHECK(cm_instance_poisoned(rt.instance));
    CHECK_EQ(cm_instance_trap_kind(rt.instance), ENGINE_TRAP_INTERRUPT);
    runtime_close(&rt);
}

/* A host function that calls back into the instance it was called from, and hides the trap it gets. */
static enum status call_back(struct things *things, struct cm_call *call, uint32_t *ret)
{
    struct runtime *rt = things->data;
    *ret = 1;
    return cm_call_instance(call) == rt->instance && str_starts(runtime_call(rt, "crash", "()"), STR("trap: ")) ? ST_OK
                                                                                                                : ST_INTERNAL;
}

TEST(a_trap_that_the_host_hides_is_found)
{
    struct runtime rt = {0};
    struct things things = {.pause = call_back, .data = &rt};
    CHECK(open_things(&rt, &things, false));
    CHECK_STR(runtime_call(&rt, "pause", "()"), "trap: wasm trap: wasm `unreachable` instruction executed");
    CHECK_EQ(cm_instance_trap_kind(rt.instance), ENGINE_TRAP_UNREACHABLE);
    runtime_close(&rt);
}

static enum status call_again(struct things *things, struct cm_call *call, uint32_t *ret)
{
    struct runtime *rt = things->data;
    (void)call;
    *ret = 7;
    return str_is(runtime_call(rt, "bump", "()"), "1") ? ST_OK : ST_INTERNAL;
}

TEST(a_host_function_may_call_back)
{
    struct runtime rt = {0};
    struct things things = {.pause = call_again, .data = &rt};
    CHECK(open_things(&rt, &things, false));
    CHECK_STR(runtime_call(&rt, "pause", "()"), "8");
    CHECK_STR(runtime_call(&rt, "bump", "()"), "2");
    runtime_close(&rt);
}
