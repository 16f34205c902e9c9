/* The binding generator: what it made of data/every.wit compiles, its tables describe its structs, its adapters call the functions
 * below; and what it refuses. */
#include "support.h"

#include "base/mem.h"
#include "every.h"
#include "wit/bindgen.h"

/* The host's side of data/every.wit. `seen` is what the last call brought. */
struct test_every_types_handle_x {
    unsigned drops;
    struct str name;
};
struct test_every_types_fallible {
    struct str name;
};

static struct test_every_types_handle_x a_handle, another_handle;
static struct {
    uint64_t number;
    const void *pointers[4];
} seen;

enum status test_every_types_handle_x_drop(struct cm_call *call UNUSED, struct test_every_types_handle_x *self)
{
    self->drops++;
    return ST_OK;
}

enum status test_every_types_fallible_drop(struct cm_call *call UNUSED, struct test_every_types_fallible *self UNUSED)
{
    return ST_OK;
}

enum status test_every_types_handle_x_new(struct cm_call *call UNUSED, struct str name, struct test_every_types_handle_x **ret)
{
    a_handle.name = name;
    *ret = &a_handle;
    return ST_OK;
}

enum status test_every_types_handle_x_get(struct cm_call *call UNUSED, struct test_every_types_handle_x *self, uint32_t *ret)
{
    *ret = (uint32_t)self->name.len;
    return ST_OK;
}

enum status test_every_types_handle_x_drop_(struct cm_call *call UNUSED, struct test_every_types_handle_x *self UNUSED, bool *ret)
{
    *ret = true;
    return ST_OK;
}

enum status test_every_types_handle_x_new_(struct cm_call *call UNUSED, struct test_every_types_handle_x **ret)
{
    *ret = &another_handle;
    return ST_OK;
}

enum status test_every_types_handle_x_swap(struct cm_call *call UNUSED, struct test_every_types_handle_x *a,
                                           struct test_every_types_handle_x *b, struct cm_tuple_test_every_types_handle_x_u8 *ret)
{
    *ret = (struct cm_tuple_test_every_types_handle_x_u8){b, a == b};
    return ST_OK;
}

enum status test_every_types_fallible_new(struct cm_call *call UNUSED, struct str name UNUSED,
                                          struct cm_result_test_every_types_fallible_test_every_types_level *ret)
{
    ret->is_err = true;
    ret->of.err = TEST_EVERY_TYPES_LEVEL_HIGH;
    return ST_OK;
}

enum status test_every_functions_nothing(struct cm_call *call UNUSED)
{
    seen.number++;
    return ST_OK;
}

enum status test_every_functions_sum(struct cm_call *call UNUSED, uint32_t a, uint64_t b, uint64_t *ret)
{
    *ret = a + b;
    return ST_OK;
}

enum status test_every_functions_echo(struct cm_call *call UNUSED, struct str s, struct str *ret)
{
    *ret = s;
    return ST_OK;
}

enum status test_every_functions_flip(struct cm_call *call UNUSED, bool b, uint32_t c, float f, double d,
                                      struct cm_tuple_bool_char_f32_f64 *ret)
{
    *ret = (struct cm_tuple_bool_char_f32_f64){.f0 = !b, .f1 = c + 1, .f2 = -f, .f3 = -d};
    return ST_OK;
}

enum status test_every_functions_all(struct cm_call *call UNUSED, const struct test_every_types_scalars *n,
                                     const struct test_every_types_shape *s, const struct test_every_types_bare *r,
                                     enum test_every_types_level l, uint32_t x, const struct cm_list_u8 *y,
                                     const struct cm_tuple_u8_string *p, const struct cm_list4_u16 *q,
                                     const struct cm_map_string_list_u8 *t, const struct cm_option_option_u8 *m,
                                     struct cm_option_test_every_types_scalars *ret)
{
    bool as_given = s->tag == TEST_EVERY_TYPES_SHAPE_DEFAULT && s->of.default_.l == n->l && r->tag == TEST_EVERY_TYPES_BARE_TWO &&
                    l == TEST_EVERY_TYPES_LEVEL_DEFAULT && x == (TEST_EVERY_TYPES_BITS_B0 | TEST_EVERY_TYPES_BITS_B31) &&
                    y->len == 3 && p->f0 == 7 && q->items[3] == 4 && t->len == 1 && t->items[0].value.items[0] == 9 && m->is_some &&
                    m->value.is_some && m->value.value == 5;
    ret->is_some = as_given;
    ret->value = *n;
    return ST_OK;
}

enum status test_every_functions_handles(struct cm_call *call UNUSED, struct test_every_types_handle_x *a,
                                         struct test_every_types_handle_x *b, const struct cm_list_test_every_types_handle_x *c,
                                         const struct cm_option_test_every_types_handle_x *d,
                                         struct cm_list_test_every_types_handle_x *ret)
{
    seen.pointers[0] = a;
    seen.pointers[1] = b;
    seen.pointers[2] = c->items;
    seen.pointers[3] = d->value;
    *ret = *c;
    return ST_OK;
}

enum status test_every_functions_results(struct cm_call *call UNUSED, const struct cm_result_none_none *a,
                                         const struct cm_result_u8_none *b, const struct cm_result_none_test_every_types_level *c,
                                         struct cm_result_result_tuple2_u8_test_every_types_bare_string_test_every_types_level *ret)
{
    seen.number = (uint64_t)a->is_err << 16 | (uint64_t)b->of.ok << 8 | (uint64_t)c->of.err;
    ret->is_err = false;
    ret->of.ok.is_err = true;
    ret->of.ok.of.err = STR("inner");
    return ST_OK;
}

enum status test_every_functions_reserved(struct cm_call *call UNUSED, uint8_t int_, uint8_t ret_, uint8_t call_, uint8_t static_,
                                          uint8_t *ret)
{
    *ret = (uint8_t)(int_ + 2 * ret_ + 4 * call_ + 8 * static_);
    return ST_OK;
}

enum status test_every_functions_nested(struct cm_call *call UNUSED, const struct cm_tuple_tuple1_u8_u8 *a,
                                        const struct cm_tuple_tuple_u8_u8 *b, const struct cm_list_list_list_string *c,
                                        const struct cm_list_list4_u16 *d)
{
    seen.number = (uint64_t)(a->f0.f0 + a->f1 + b->f0.f0 + b->f0.f1) + c->len + d->len;
    return ST_OK;
}

enum status test_every_functions_async_it(struct cm_call *call UNUSED, uint8_t a UNUSED, struct cm_stream **ret)
{
    *ret = NULL;
    return ST_OK;
}

enum status test_every_functions_channels(struct cm_call *call UNUSED, struct cm_stream *a UNUSED, struct cm_future *b,
                                          struct cm_future *c UNUSED, const struct cm_list_stream *d UNUSED, struct cm_future **ret)
{
    *ret = b;
    return ST_OK;
}

enum status test_every_functions_failing(struct cm_call *call UNUSED, struct cm_error_context *e, struct cm_error_context **ret)
{
    *ret = e;
    return ST_OK;
}

enum status test_every_everything_free(struct cm_call *call UNUSED, uint8_t x, uint8_t *ret)
{
    *ret = x;
    return ST_OK;
}

enum status test_every_everything_uses_world_type(struct cm_call *call UNUSED, const struct cm_list_u64 *x)
{
    seen.number = x->len;
    return ST_OK;
}

enum status test_every_everything_plain_ping(struct cm_call *call UNUSED, uint8_t *ret)
{
    *ret = 1;
    return ST_OK;
}

/* Calls as the runtime does: through the table, by name, arguments where the descriptor says. */
struct invocation {
    const struct cm_func_desc *func;
    _Alignas(16) char args[CM_MAX_ARGS], ret[CM_MAX_ARGS];
};

static bool find(struct invocation *invocation, const struct cm_interface_desc *interface, const char *name)
{
    *invocation = (struct invocation){0};
    for (uint32_t i = 0; i < interface->func_count; i++)
        if (strcmp(interface->funcs[i].name, name) == 0)
            invocation->func = &interface->funcs[i];
    return invocation->func != NULL || tap_fail(__FILE__, __LINE__, "no function %s", name);
}

static void put(struct invocation *invocation, uint32_t param, const void *value, size_t size)
{
    bug_unless(param < invocation->func->param_count && invocation->func->params[param].type->size == size);
    memcpy(invocation->args + invocation->func->params[param].offset, value, size);
}
#define PUT(invocation, param, ...) put(invocation, param, &(__VA_ARGS__), sizeof(__VA_ARGS__))

static enum status invoke(struct invocation *invocation)
{
    memset(&seen, 0, sizeof seen);
    return invocation->func->invoke(NULL, invocation->args, invocation->ret);
}

TEST(scalars_and_strings)
{
    struct invocation call;
    CHECK(find(&call, &test_every_functions_interface, "sum"));
    PUT(&call, 0, (uint32_t){40});
    PUT(&call, 1, (uint64_t){1ull << 40});
    CHECK_EQ(invoke(&call), ST_OK);
    uint64_t sum;
    memcpy(&sum, call.ret, sizeof sum);
    CHECK_EQ(sum, (1ull << 40) + 40);
    CHECK(find(&call, &test_every_functions_interface, "echo"));
    PUT(&call, 0, STR("hello"));
    CHECK_EQ(invoke(&call), ST_OK);
    struct str echoed;
    memcpy(&echoed, call.ret, sizeof echoed);
    CHECK_STR(echoed, "hello");
    CHECK(find(&call, &test_every_functions_interface, "nothing"));
    CHECK_EQ(call.func->args_size, 0);
    CHECK(!call.func->result);
    CHECK_EQ(invoke(&call), ST_OK);
    CHECK_EQ(seen.number, 1);
}

TEST(every_struct_by_pointer)
{
    struct invocation call;
    const uint8_t bytes[] = {9, 8, 7};
    const struct cm_map_string_list_u8_item items[] = {{STR("key"), {bytes, 3}}};
    const struct test_every_types_scalars scalars = {.k = 0.5, .l = 0x1f600, .m = STR("text")};
    CHECK(find(&call, &test_every_functions_interface, "all"));
    PUT(&call, 0, scalars);
    PUT(&call, 1, (struct test_every_types_shape){TEST_EVERY_TYPES_SHAPE_DEFAULT, {.default_ = scalars}});
    PUT(&call, 2, (struct test_every_types_bare){TEST_EVERY_TYPES_BARE_TWO});
    PUT(&call, 3, (enum test_every_types_level){TEST_EVERY_TYPES_LEVEL_DEFAULT});
    PUT(&call, 4, (uint32_t){0x80000001});
    PUT(&call, 5, (struct cm_list_u8){bytes, 3});
    PUT(&call, 6, (struct cm_tuple_u8_string){7, STR("p")});
    PUT(&call, 7, (struct cm_list4_u16){{1, 2, 3, 4}});
    PUT(&call, 8, (struct cm_map_string_list_u8){items, 1});
    PUT(&call, 9, (struct cm_option_option_u8){true, {true, 5}});
    CHECK_EQ(invoke(&call), ST_OK);
    struct cm_option_test_every_types_scalars result;
    memcpy(&result, call.ret, sizeof result);
    CHECK(result.is_some && result.value.k == 0.5);
    CHECK_STR(result.value.m, "text");
}

TEST(handles_and_resources)
{
    struct invocation call;
    struct test_every_types_handle_x *const list[] = {&a_handle, &another_handle};
    CHECK(find(&call, &test_every_functions_interface, "handles"));
    PUT(&call, 0, (struct test_every_types_handle_x *){&a_handle});
    PUT(&call, 1, (struct test_every_types_handle_x *){&another_handle});
    PUT(&call, 2, (struct cm_list_test_every_types_handle_x){list, 2});
    PUT(&call, 3, (struct cm_option_test_every_types_handle_x){true, &another_handle});
    CHECK_EQ(invoke(&call), ST_OK);
    CHECK(seen.pointers[0] == &a_handle && seen.pointers[1] == &another_handle && seen.pointers[2] == list);
    CHECK(seen.pointers[3] == &another_handle);
    CHECK_EQ(call.func->params[0].type->kind, CM_OWN);
    CHECK_EQ(call.func->params[1].type->kind, CM_BORROW);
    CHECK_EQ(call.func->params[2].type->element->kind, CM_BORROW);
    CHECK(call.func->params[3].type->element->resource == &test_every_types_handle_x_resource);
    a_handle.drops = 0;
    CHECK_EQ(test_every_types_handle_x_resource.drop(NULL, &a_handle), ST_OK);
    CHECK_EQ(a_handle.drops, 1);
    CHECK(test_every_types_handle_x_resource.interface == &test_every_types_interface);
    CHECK_STR(str_of(test_every_types_handle_x_resource.name), "handle-x");
}

/* `new` and `drop` are taken by what every resource has; methods of that name move aside. */
TEST(constructors_and_names_in_the_way)
{
    struct invocation call;
    struct test_every_types_handle_x *handle;
    CHECK(find(&call, &test_every_types_interface, "[constructor]handle-x"));
    PUT(&call, 0, STR("abc"));
    CHECK_EQ(invoke(&call), ST_OK);
    memcpy(&handle, call.ret, sizeof handle);
    CHECK(handle == &a_handle);
    CHECK(find(&call, &test_every_types_interface, "[static]handle-x.new"));
    CHECK_EQ(invoke(&call), ST_OK);
    memcpy(&handle, call.ret, sizeof handle);
    CHECK(handle == &another_handle);
    CHECK(find(&call, &test_every_types_interface, "[method]handle-x.drop"));
    PUT(&call, 0, (struct test_every_types_handle_x *){&a_handle});
    CHECK_EQ(invoke(&call), ST_OK);
    CHECK_EQ(call.ret[0], 1);
    CHECK(find(&call, &test_every_functions_interface, "reserved"));
    for (uint8_t i = 0; i < 4; i++)
        PUT(&call, i, i);
    CHECK_EQ(invoke(&call), ST_OK);
    CHECK_EQ(call.ret[0], 0 + 2 + 8 + 24);
}

TEST(results_and_nesting)
{
    struct invocation call;
    struct cm_result_result_tuple2_u8_test_every_types_bare_string_test_every_types_level result;
    CHECK(find(&call, &test_every_functions_interface, "results"));
    PUT(&call, 0, (struct cm_result_none_none){true});
    PUT(&call, 1, (struct cm_result_u8_none){false, {3}});
    PUT(&call, 2, (struct cm_result_none_test_every_types_level){true, {TEST_EVERY_TYPES_LEVEL_HIGH}});
    CHECK_EQ(invoke(&call), ST_OK);
    CHECK_EQ(seen.number, 0x10302);
    memcpy(&result, call.ret, sizeof result);
    CHECK(!result.is_err && result.of.ok.is_err);
    CHECK_STR(result.of.ok.of.err, "inner");
    CHECK(find(&call, &test_every_functions_interface, "nested"));
    PUT(&call, 0, (struct cm_tuple_tuple1_u8_u8){{1}, 2});
    PUT(&call, 1, (struct cm_tuple_tuple_u8_u8){{3, 4}});
    PUT(&call, 3, (struct cm_list_list4_u16){NULL, 90});
    CHECK_EQ(invoke(&call), ST_OK);
    CHECK_EQ(seen.number, 100);
}

/* Every descriptor that can be reached agrees with itself: a check of the tables that needs no guest. */
static bool check_type(const struct cm_type_desc *type, unsigned depth);

static bool check_fields(const struct cm_type_desc *type, bool in_struct, unsigned depth)
{
    for (uint32_t i = 0; i < type->count; i++) {
        const struct cm_field_desc *field = &type->fields[i];
        if (!field->name || (field->type && !check_type(field->type, depth + 1)))
            return false;
        if (in_struct && (!field->type || field->offset + field->type->size > type->size || field->offset % field->type->align))
            return false;
        if (!in_struct && field->type && type->offset + field->type->size > type->size)
            return false;
    }
    return type->count > 0;
}

static bool check_part(const struct cm_type_desc *type, const struct cm_type_desc *part, uint32_t size, unsigned depth)
{
    return !part || (check_type(part, depth + 1) && type->offset % part->align == 0 && type->offset + part->size <= size);
}

static bool check_type(const struct cm_type_desc *type, unsigned depth)
{
    if (depth > 20 || type->size == 0 || type->size % type->align)
        return tap_fail(__FILE__, __LINE__, "descriptor of kind %d: size %u, align %u", type->kind, type->size, type->align);
    switch (type->kind) {
    case CM_RECORD:
    case CM_TUPLE:
        return check_fields(type, true, depth);
    case CM_VARIANT:
    case CM_ENUM:
    case CM_FLAGS:
        return check_fields(type, false, depth);
    case CM_LIST:
        return check_type(type->element, depth + 1) && type->item_size == type->element->size;
    case CM_FIXED_LIST:
        return check_type(type->element, depth + 1) && type->size == type->count * type->item_size;
    case CM_MAP:
        return check_type(type->second, depth + 1) && check_part(type, type->element, type->item_size, depth);
    case CM_OPTION:
        return check_part(type, type->element, type->size, depth);
    case CM_RESULT:
        return check_part(type, type->element, type->size, depth) && check_part(type, type->second, type->size, depth);
    default:
        return true;
    }
}

static void check_interface(const struct cm_interface_desc *interface, bool host)
{
    for (uint32_t i = 0; i < interface->func_count; i++) {
        const struct cm_func_desc *func = &interface->funcs[i];
        CHECK_EQ(func->invoke != NULL, host);
        for (uint32_t j = 0; j < func->param_count; j++) {
            CHECK(check_type(func->params[j].type, 0));
            CHECK(func->params[j].offset + func->params[j].type->size <= func->args_size);
        }
        CHECK(!func->result || check_type(func->result, 0));
    }
    for (uint32_t i = 0; i < interface->type_count; i++)
        CHECK(!interface->types[i].type || check_type(interface->types[i].type, 0));
}

TEST(tables)
{
    CHECK_EQ(every_interface_count, 3);
    CHECK(!every_interfaces[3]);
    for (size_t i = 0; i < every_interface_count; i++)
        check_interface(every_interfaces[i], true);
    CHECK_STR(str_of(test_every_types_interface.name), "test:every/types");
    CHECK_STR(str_of(test_every_types_interface.version), "1.2.3");
    CHECK_STR(str_of(test_every_everything_plain_interface.name), "plain");
    CHECK(!test_every_everything_plain_interface.version);
    CHECK_STR(str_of(test_every_everything_interface.name), "$root");
    check_interface(&test_every_everything_interface, true);
    CHECK_EQ(test_every_types_bits_desc.count, 32);
    CHECK_EQ(test_every_types_level_desc.size, 4);
    CHECK_STR(str_of(test_every_types_shape_desc.fields[3].name), "DEFAULT");
    struct invocation call;
    CHECK(find(&call, &test_every_functions_interface, "async-it"));
    CHECK(call.func->is_async);
    CHECK_EQ(call.func->result->kind, CM_STREAM);
    CHECK_EQ(call.func->result->element->kind, CM_U8);
}

TEST(tables_of_exports)
{
    check_interface(&test_every_guest_side_export_interface, false);
    check_interface(&test_every_everything_export_interface, false);
    CHECK_STR(str_of(TEST_EVERY_GUEST_SIDE_RUN->name), "run");
    CHECK_EQ(TEST_EVERY_GUEST_SIDE_RUN->args_size, sizeof(struct test_every_guest_side_run_args));
    /* Whose a resource is: the guest's own has no descriptor, the host's has. */
    const struct cm_func_desc *use_it = TEST_EVERY_GUEST_SIDE_OWN_THING_USE_IT;
    CHECK_EQ(use_it->params[0].type->kind, CM_BORROW);
    CHECK(!use_it->params[0].type->resource);
    CHECK(use_it->params[1].type->resource == &test_every_types_handle_x_resource);
    struct test_every_guest_side_holder holder = {.it = NULL, .lent = {true, &a_handle}};
    struct cm_guest_resource *guest = holder.it;
    CHECK(!guest && holder.lent.value == &a_handle);
}

/* What is refused, and parts of models. */
static enum status generate(const char *text, const char *world, const struct str *only, struct buf *header, struct error *err)
{
    autobuf struct buf source = BUF_INIT(BUF_UNLIMITED);
    struct wit_model model;
    struct wit_package *main_package;
    struct wit_world *chosen = NULL;
    const struct str include = STR("other.h");
    enum status status = support_load(&model, str_of(text), NULL, &main_package, err);
    if (status == ST_OK && world)
        status = wit_select_world(&model, main_package, str_of(world), &chosen, err);
    struct wit_bindgen_options options = {.name = STR("t"),
                                          .header = STR("t.h"),
                                          .world = chosen,
                                          .packages = only,
                                          .package_count = only ? 1 : 0,
                                          .includes = &include,
                                          .include_count = only ? 1 : 0};
    if (status == ST_OK)
        status = wit_bindgen_host(&model, &options, header, &source, err);
    wit_model_release(&model);
    return status;
}

TEST(refused)
{
    static const struct {
        const char *text, *message;
        enum status status;
    } cases[] = {
        {"package a:b; package c:d@1.0.0 { interface i {} } package c:d@2.0.0 { interface i {} }",
         "two interfaces or worlds would have the C prefix `c_d_i` (two versions of one package?)", ST_INVALID},
        {"package a:b; interface i { resource r; } world w { import i; export i; }",
         "`a:b/i` has resources and is both imported and exported: whose they are differs; generate the two separately",
         ST_UNSUPPORTED},
        {"package a:b; interface c { record d-e { x: u8 } } interface c-d { record e { x: u8 } }",
         "`d-e` and `e` would both be `a_b_c_d_e` in C; generate them separately", ST_INVALID},
    };
    struct error err;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        autobuf struct buf header = BUF_INIT(BUF_UNLIMITED);
        CHECK_EQ(generate(cases[i].text, NULL, NULL, &header, &err), cases[i].status);
        CHECK_STR(str_of(err.message), cases[i].message);
        CHECK_EQ(header.len, 0);
    }
}

/* A type that fans out would have a name as long as 2^90 words. */
TEST(types_that_fan_out)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED), header = BUF_INIT(BUF_UNLIMITED);
    struct error err;
    buf_add(&text, STR("package a:b; interface i { type t0 = list<u8>; "));
    for (int i = 1; i < 90; i++)
        buf_addf(&text, "type t%d = tuple<t%d, t%d>; ", i, i - 1, i - 1);
    buf_add(&text, STR("}"));
    CHECK_EQ(generate(text.data, NULL, NULL, &header, &err), ST_LIMIT);
    CHECK(str_starts(str_of(err.message), STR("the C name of a tuple type would be longer than 2000 characters")));
}

TEST(one_world)
{
    autobuf struct buf header = BUF_INIT(BUF_UNLIMITED);
    struct error err;
    CHECK_EQ(generate("package a:b; interface i { f: func(); } interface j { g: func(); } interface k { h: func(); } "
                      "world w { import i; export j; } world v { import j; export k; }",
                      "w", NULL, &header, &err),
             ST_OK);
    CHECK(str_find(buf_str(&header), STR("enum status a_b_i_f(struct cm_call *call);")) != STR_NONE);
    CHECK(str_find(buf_str(&header), STR("#define A_B_J_G (&a_b_j_export_interface_funcs[0])")) != STR_NONE);
    CHECK(str_find(buf_str(&header), STR("a_b_k")) == STR_NONE);
}

/* Functions that are not served have no C function: one answers for all of them, and their resources' objects never exist. */
TEST(unserved)
{
    autobuf struct buf header = BUF_INIT(BUF_UNLIMITED), source = BUF_INIT(BUF_UNLIMITED);
    const char *text = "package a:b; interface i { resource r { m: func(); } f: func(); } interface j { g: func(); }";
    const struct str prefix = STR("a_b_i_r");
    struct wit_model model;
    struct wit_package *main_package;
    struct wit_bindgen_options options = {.name = STR("t"), .header = STR("t.h"), .unserved = &prefix, .unserved_count = 1};
    enum status status = support_load(&model, str_of(text), NULL, &main_package, NULL);
    if (status == ST_OK)
        status = wit_bindgen_host(&model, &options, &header, &source, NULL);
    wit_model_release(&model);
    CHECK_EQ(status, ST_OK);
    CHECK(str_find(buf_str(&header), STR("enum status t_unserved(struct cm_call *call, const void *args, void *ret);")) !=
          STR_NONE);
    CHECK(str_find(buf_str(&header), STR("enum status a_b_i_f(")) != STR_NONE);
    CHECK(str_find(buf_str(&header), STR("enum status a_b_i_r")) == STR_NONE);
    CHECK(str_find(buf_str(&source), STR(".invoke = t_unserved")) != STR_NONE);
    CHECK(str_find(buf_str(&source), STR(".invoke = invoke_a_b_i_f")) != STR_NONE);
    CHECK(str_find(buf_str(&source), STR("a_b_i_r_drop(call")) == STR_NONE);
}

/* Packages that are not generated are taken from headers: their types are only named. */
TEST(one_package)
{
    autobuf struct buf header = BUF_INIT(BUF_UNLIMITED);
    struct error err;
    const struct str only = STR("a:b");
    CHECK_EQ(generate("package a:b; interface i { use c:d/j.{r, s}; f: func(x: r, y: borrow<s>); } "
                      "package c:d { interface j { record r { x: u8 } resource s; } }",
                      NULL, &only, &header, &err),
             ST_OK);
    CHECK(str_find(buf_str(&header), STR("#include \"other.h\"\n")) != STR_NONE);
    CHECK(str_find(buf_str(&header),
                   STR("enum status a_b_i_f(struct cm_call *call, const struct c_d_j_r *x, struct c_d_j_s *y);")) != STR_NONE);
    CHECK(str_find(buf_str(&header), STR("struct c_d_j_r {")) == STR_NONE);
    CHECK(str_find(buf_str(&header), STR("c_d_j_interface")) == STR_NONE);
}
