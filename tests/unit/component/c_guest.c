/* Guest bindings against host bindings, both generated from the WIT of tests/guests/c-types: random values of every type go through an
 * export of the guest, from there through an import, and come back; resources of either side; and the guest has freed all it was
 * given. The guest is GUESTS/GUEST.wasm: c-types, or go-types, whose runtime takes clock and random numbers from WASI. */
#include "base/mem.h"
#include "component/component.h"
#include "wasi/wasi.h"

#include "abi_help.h"
#include "c_types.h"
#include "tap.h"

#include <stdio.h>

#define CALLS 60 /* of every function */

/* The host's side. `echo`, and the world's own functions, give back what they get: a struct of arguments lies in memory as the tuple
 * of them does. */
enum status c_types_unserved(struct cm_call *call, const void *args, void *ret)
{
    const struct cm_type_desc *result = cm_call_func(call)->result;
    if (result)
        memcpy(ret, args, result->size);
    return ST_OK;
}

struct test_c_types_host_thing {
    char name[64];
};
static unsigned things;

static struct test_c_types_host_thing *new_thing(struct str name)
{
    struct test_c_types_host_thing *thing = NEW(struct test_c_types_host_thing);
    snprintf(thing->name, sizeof thing->name, "%.*s", STR_ARG(name));
    things++;
    return thing;
}

enum status test_c_types_host_thing_drop(struct cm_call *call UNUSED, struct test_c_types_host_thing *self)
{
    free(self);
    things--;
    return ST_OK;
}

enum status test_c_types_host_thing_new(struct cm_call *call UNUSED, struct str name, struct test_c_types_host_thing **ret)
{
    *ret = new_thing(name);
    return ST_OK;
}

enum status test_c_types_host_thing_name(struct cm_call *call UNUSED, struct test_c_types_host_thing *self, struct str *ret)
{
    *ret = str_of(self->name);
    return ST_OK;
}

enum status test_c_types_host_thing_rename(struct cm_call *call UNUSED, struct test_c_types_host_thing *self,
                                           const struct cm_option_string *to, struct cm_result_none_string *ret)
{
    ret->is_err = !to->is_some;
    ret->of.err = STR("no name");
    if (to->is_some)
        snprintf(self->name, sizeof self->name, "%.*s", STR_ARG(to->value));
    return ST_OK;
}

enum status test_c_types_host_thing_join(struct cm_call *call, struct test_c_types_host_thing *a, struct test_c_types_host_thing *b,
                                         struct test_c_types_host_thing **ret)
{
    *ret = new_thing(arena_printf(cm_call_arena(call), "%s+%s", a->name, b->name));
    return test_c_types_host_thing_drop(call, a);
}

enum status test_c_types_host_pass(struct cm_call *call UNUSED, const struct cm_list_test_c_types_host_thing *all,
                                   struct cm_list_test_c_types_host_thing *ret)
{
    *ret = *all;
    return ST_OK;
}

enum status test_c_types_host_look(struct cm_call *call UNUSED, const struct cm_list_test_c_types_host_thing *all, uint32_t *ret)
{
    *ret = (uint32_t)all->len;
    return ST_OK;
}

/* The guest: loaded and linked once, an instance of its own for each test. */
struct guest {
    struct cm_linked *linked;
    struct cm_instance *instance;
    struct wasi_context wasi;
    struct arena arena;
    struct error err;
};

static bool read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    bug_unless(buf_reserve(out, 16u << 20) == ST_OK);
    out->len = fread(out->data, 1, 16u << 20, file);
    fclose(file);
    return true;
}

static enum status add_interfaces(struct cm_linker *linker, struct error *err)
{
    static struct cm_interface_desc root;
    for (size_t i = 0; i < c_types_interface_count; i++)
        TRY(cm_linker_add(linker, c_types_interfaces[i], NULL, err));
    root = test_c_types_c_types_interface;
    root.name = "";
    TRY(cm_linker_add(linker, &root, NULL, err));
    return wasi_linker_add(linker, err);
}

static enum status load(struct str bytes, struct cm_linked **ret_linked, struct error *err)
{
    static const struct engine_options options = {
        .max_instances = 4, .max_stacks = 4, .no_cache = true, .max_memory_bytes = 1 << 24};
    static const struct cm_load_options load = {.gates = 0};
    static struct engine *engine;
    static struct cm_component *component;
    static struct cm_linker *linker;
    TRY(engine_new(&options, &engine, err));
    TRY(cm_component_load(engine, bytes, &load, &component, err));
    TRY(cm_linker_new(&linker));
    TRY(add_interfaces(linker, err));
    return cm_link(component, linker, ret_linked, err);
}

static enum status call(struct guest *g, const struct cm_interface_desc *interface, const struct cm_func_desc *func,
                        const void *args, void *ret)
{
    const struct cm_export *export;
    TRY(cm_export_find(g->linked, interface, func, &export, &g->err));
    return cm_call_export(g->instance, export, args, ret, &g->err);
}
/* The arguments come last: a compound literal has commas. */
#define CALL(g, func, ret, ...) call(g, &test_c_types_guest_export_interface, func, __VA_ARGS__, ret)

/* What the guest has not freed, as it counts itself. */
static bool is_clean(struct guest *g, const char *after)
{
    uint32_t allocations = 99;
    if (CALL(g, TEST_C_TYPES_GUEST_ALLOCATIONS, &allocations, NULL) != ST_OK)
        return tap_fail(__FILE__, __LINE__, "%s", g->err.message);
    return allocations == 0 || tap_fail(__FILE__, __LINE__, "after %s the guest has %u allocations", after, allocations);
}

static bool open_guest(struct guest *g)
{
    static struct cm_linked *linked;
    autobuf struct buf bytes = BUF_INIT(BUF_UNLIMITED);
    const char *folder = getenv("GUESTS"), *name = getenv("GUEST");
    char path[512];
    *g = (struct guest){0};
    snprintf(path, sizeof path, "%s/%s.wasm", folder ? folder : "build/guests", name ? name : "c-types");
    if (!linked && !read_file(path, &bytes)) {
        tap_skipped = " # SKIP the guest was not built";
        return false;
    }
    if (!linked && load(buf_str(&bytes), &linked, &g->err) != ST_OK)
        return tap_fail(__FILE__, __LINE__, "%s", g->err.message);
    g->linked = linked;
    arena_init(&g->arena, SIZE_MAX);
    static const struct wasi_pair collects_often = {STR_INIT("GOGC"), STR_INIT("1")};
    static const struct wasi_profile profile = {.environment = &collects_often, .environment_count = 1};
    const struct cm_instance_options options = {.data = {[CM_DATA_WASI] = &g->wasi}};
    wasi_context_init(&g->wasi, &profile);
    return cm_instantiate(linked, &options, &g->instance, &g->err) == ST_OK || tap_fail(__FILE__, __LINE__, "%s", g->err.message);
}

static void close_guest(struct guest *g)
{
    cm_instance_free(g->instance);
    wasi_context_release(&g->wasi);
    arena_release(&g->arena);
}
#define OPEN(g) TAP_RETURN_UNLESS(open_guest(g))

/* Arguments as text, as a result that is all of them would be. */
static struct str args_text(struct guest *g, const struct cm_func_desc *func, const void *args)
{
    const struct cm_type_desc tuple = {
        .kind = CM_TUPLE, .size = func->args_size, .align = 16, .count = func->param_count, .fields = func->params};
    return value_text(&g->arena, func->param_count == 1 ? func->params[0].type : &tuple, args);
}

static bool echo(struct guest *g, const struct cm_interface_desc *interface, const struct cm_func_desc *func, struct random *random)
{
    void *args = arena_alloc(&g->arena, func->args_size + 16), *ret = arena_alloc(&g->arena, func->args_size + 16);
    for (uint32_t i = 0; i < func->param_count; i++)
        random_value(random, &g->arena, func->params[i].type, (char *)args + func->params[i].offset);
    if (call(g, interface, func, args, ret) != ST_OK)
        return tap_fail(__FILE__, __LINE__, "%s: %s", func->name, g->err.message);
    bool whole = func->result && (func->param_count == 1 || func->result->kind == CM_TUPLE);
    struct str want = args_text(g, func, args);
    if (whole && !tap_same_str(__FILE__, __LINE__, func->name, value_text(&g->arena, func->result, ret), want))
        return false;
    return is_clean(g, func->name);
}

static bool echo_all(struct guest *g, const struct cm_interface_desc *interface, const struct cm_func_desc *func)
{
    struct random random = {func->param_count + 7};
    for (unsigned i = 0; i < CALLS; i++) {
        if (!echo(g, interface, func, &random))
            return false;
        arena_reset(&g->arena);
    }
    return true;
}

TEST(every_type_there_and_back)
{
    struct guest g;
    OPEN(&g);
    const struct cm_interface_desc *interface = &test_c_types_echo_export_interface;
    CHECK(interface->func_count > 50);
    for (uint32_t i = 0; i < interface->func_count; i++)
        CHECK(echo_all(&g, interface, &interface->funcs[i]));
    close_guest(&g);
}

TEST(functions_outside_of_packages)
{
    struct guest g;
    OPEN(&g);
    CHECK(echo_all(&g, NULL, TEST_C_TYPES_C_TYPES_WORLD_SHAPE));
    CHECK(echo_all(&g, &test_c_types_c_types_plain_too_export_interface, TEST_C_TYPES_C_TYPES_PLAIN_TOO_PING));
    close_guest(&g);
}

/* What a random choice would rarely make: floats that are no numbers, the ends of integers, where cases share core values. */
TEST(bits_are_kept)
{
    struct guest g;
    OPEN(&g);
    const struct cm_func_desc *func = TEST_C_TYPES_ECHO_A_MIXED_VARIANT_;
    const uint32_t bits[] = {0x7fc00000, 0x80000000, 0xff800000, 1};
    for (size_t i = 0; i < ARRAY_LEN(bits); i++) {
        float number;
        memcpy(&number, &bits[i], sizeof number);
        struct test_c_types_types_mixed in = {TEST_C_TYPES_TYPES_MIXED_G, {.g = {number, INT64_MIN + (int64_t)i}}}, out;
        CHECK_EQ(call(&g, &test_c_types_echo_export_interface, func, &in, &out), ST_OK);
        CHECK_EQ(out.tag, in.tag);
        CHECK(memcmp(&out.of.g.f0, &bits[i], sizeof number) == 0 && out.of.g.f1 == in.of.g.f1);
        in = (struct test_c_types_types_mixed){TEST_C_TYPES_TYPES_MIXED_A, {.a = number}};
        CHECK_EQ(call(&g, &test_c_types_echo_export_interface, func, &in, &out), ST_OK);
        CHECK(out.tag == in.tag && memcmp(&out.of.a, &bits[i], sizeof number) == 0);
    }
    struct test_c_types_types_mixed low = {TEST_C_TYPES_TYPES_MIXED_D, {.d = INT32_MIN}}, out;
    CHECK_EQ(call(&g, &test_c_types_echo_export_interface, func, &low, &out), ST_OK);
    CHECK(out.tag == low.tag && out.of.d == INT32_MIN);
    close_guest(&g);
}

/* More than a guest's memory has room for when it starts: it grows while the host hands the value over. */
TEST(large_values)
{
    struct guest g;
    OPEN(&g);
    autobuf struct buf bytes = BUF_INIT(BUF_UNLIMITED);
    for (size_t size = 1 << 15; size <= 1 << 20; size = size * 3 / 2) {
        while (bytes.len < size)
            buf_addf(&bytes, "%zu ", bytes.len);
        struct str in = buf_str(&bytes), out;
        CHECK_EQ(call(&g, &test_c_types_echo_export_interface, TEST_C_TYPES_ECHO_A_STRING_, &in, &out), ST_OK);
        CHECK(str_eq(in, out));
        CHECK(is_clean(&g, "a large string"));
    }
    close_guest(&g);
}

/* Resources of the guest. */
static uint32_t counters(struct guest *g)
{
    uint32_t count = 99;
    return CALL(g, TEST_C_TYPES_GUEST_COUNTERS, &count, NULL) == ST_OK ? count : 99;
}

TEST(a_resource_of_the_guest)
{
    struct guest g;
    OPEN(&g);
    struct cm_guest_resource *a, *b;
    uint32_t value;
    CHECK_EQ(CALL(&g, TEST_C_TYPES_GUEST_COUNTER_THING_NEW, &a, &(struct test_c_types_guest_counter_thing_new_args){5}), ST_OK);
    struct cm_result_guest_resource_string parsed;
    struct test_c_types_guest_counter_thing_parse_args text = {STR("37")};
    CHECK_EQ(CALL(&g, TEST_C_TYPES_GUEST_COUNTER_THING_PARSE, &parsed, &text), ST_OK);
    CHECK(!parsed.is_err);
    b = parsed.of.ok;
    CHECK_EQ(counters(&g), 2);
    struct cm_guest_resource *const both[] = {a, b};
    struct test_c_types_guest_counter_thing_sum_args sum = {{both, 2}};
    CHECK_EQ(CALL(&g, TEST_C_TYPES_GUEST_COUNTER_THING_SUM, &value, &sum), ST_OK);
    CHECK_EQ(value, 42);
    struct test_c_types_guest_counter_thing_merge_args merge = {a, b};
    CHECK_EQ(CALL(&g, TEST_C_TYPES_GUEST_COUNTER_THING_MERGE, &a, &merge), ST_OK);
    CHECK_EQ(counters(&g), 1);
    CHECK_EQ(CALL(&g, TEST_C_TYPES_GUEST_COUNTER_THING_ADD, &value, &(struct test_c_types_guest_counter_thing_add_args){a, 8}),
             ST_OK);
    CHECK_EQ(value, 50);
    struct cm_tuple_guest_resource_u32 twice;
    CHECK_EQ(CALL(&g, TEST_C_TYPES_GUEST_TWICE, &twice, &(struct test_c_types_guest_twice_args){a}), ST_OK);
    CHECK_EQ(twice.f1, 100);
    CHECK_EQ(cm_guest_resource_drop(g.instance, twice.f0, &g.err), ST_OK);
    CHECK_EQ(counters(&g), 0);
    text.text = STR("3x");
    CHECK_EQ(CALL(&g, TEST_C_TYPES_GUEST_COUNTER_THING_PARSE, &parsed, &text), ST_OK);
    CHECK(parsed.is_err);
    CHECK_STR(parsed.of.err, "3x");
    CHECK(is_clean(&g, "counters"));
    close_guest(&g);
}

TEST(a_resource_of_the_host)
{
    struct guest g;
    OPEN(&g);
    things = 0;
    struct test_c_types_host_box box;
    CHECK_EQ(CALL(&g, TEST_C_TYPES_GUEST_MAKE, &box, &(struct test_c_types_guest_make_args){STR("new")}), ST_OK);
    CHECK_STR(str_of(box.it->name), "changed");
    CHECK_STR(box.note, "no name");
    struct test_c_types_host_thing *other = new_thing(STR("other")), *joined;
    CHECK_EQ(CALL(&g, TEST_C_TYPES_GUEST_UNBOX, &joined, &(struct test_c_types_guest_unbox_args){{box.it, STR("gone")}}), ST_OK);
    CHECK(joined == box.it);
    struct cm_result_test_c_types_host_thing_string result;
    CHECK_EQ(CALL(&g, TEST_C_TYPES_GUEST_JOIN, &result, &(struct test_c_types_guest_join_args){joined, other}), ST_OK);
    CHECK(!result.is_err);
    CHECK_STR(str_of(result.of.ok->name), "changed+other");
    CHECK_EQ(things, 2);
    other->name[0] = '\0';
    CHECK_EQ(CALL(&g, TEST_C_TYPES_GUEST_JOIN, &result, &(struct test_c_types_guest_join_args){result.of.ok, other}), ST_OK);
    CHECK(result.is_err);
    CHECK_STR(result.of.err, "a thing without a name");
    CHECK_EQ(things, 1);
    free(other);
    CHECK(is_clean(&g, "things"));
    close_guest(&g);
}

TEST(lists_of_handles)
{
    struct guest g;
    OPEN(&g);
    things = 0;
    struct test_c_types_host_thing *const all[] = {new_thing(STR("a")), new_thing(STR("b")), new_thing(STR("c"))};
    struct test_c_types_guest_names_args lent = {{all, 3}};
    struct cm_list_string names;
    CHECK_EQ(CALL(&g, TEST_C_TYPES_GUEST_NAMES, &names, &lent), ST_OK);
    CHECK_EQ(names.len, 3);
    CHECK_STR(names.items[2], "c");
    CHECK(is_clean(&g, "names"));
    struct test_c_types_guest_pass_args given = {{all, 3}, false};
    struct cm_result_list_test_c_types_host_thing_tuple_list_test_c_types_host_thing_string back;
    CHECK_EQ(CALL(&g, TEST_C_TYPES_GUEST_PASS, &back, &given), ST_OK);
    CHECK(!back.is_err && back.of.ok.len == 3 && back.of.ok.items[1] == all[1]);
    given.fail = true;
    CHECK_EQ(CALL(&g, TEST_C_TYPES_GUEST_PASS, &back, &given), ST_OK);
    CHECK(back.is_err && back.of.err.f0.len == 3 && back.of.err.f0.items[2] == all[2]);
    CHECK_STR(back.of.err.f1, "as asked");
    CHECK_EQ(things, 3);
    for (size_t i = 0; i < 3; i++)
        free(all[i]);
    CHECK(is_clean(&g, "lists of things"));
    close_guest(&g);
}
