#include "component/types.h"

#include "abi_help.h"
#include "tap.h"

struct store {
    struct arena arena;
    struct cm_types *types;
};

static void open_store(struct store *s)
{
    arena_init(&s->arena, SIZE_MAX);
    s->types = cm_types_new(&s->arena);
}

static void close_store(struct store *s)
{
    cm_types_release(s->types);
    arena_release(&s->arena);
}

/* Element sizes, alignments and core types as the specification's own program computes them. */
static const struct {
    const char *type;
    uint32_t size, align;
    const char *flat; /* i, l (i64), f, d; "-": more than 16 */
    bool is_pod, has_pointer, has_handle;
} layouts[] = {
    {"bool", 1, 1, "i", false, false, false},
    {"s8", 1, 1, "i", true, false, false},
    {"u16", 2, 2, "i", true, false, false},
    {"s32", 4, 4, "i", true, false, false},
    {"u64", 8, 8, "l", true, false, false},
    {"f32", 4, 4, "f", true, false, false},
    {"f64", 8, 8, "d", true, false, false},
    {"char", 4, 4, "i", false, false, false},
    {"string", 8, 4, "ii", false, true, false},
    {"error-context", 4, 4, "i", false, false, false},
    {"list<u8>", 8, 4, "ii", false, true, false},
    {"map<string, u8>", 8, 4, "ii", false, true, false},
    {"own<resource 0>", 4, 4, "i", false, false, true},
    {"borrow<resource 7>", 4, 4, "i", false, false, true},
    {"stream<string>", 4, 4, "i", false, false, true},
    {"future", 4, 4, "i", false, false, true},
    {"record { a: u8, b: u32, c: u8 }", 12, 4, "iii", false, false, false},
    {"record { a: u32, b: u16, c: u16 }", 8, 4, "iii", true, false, false},
    {"tuple<u64, f32, f32>", 16, 8, "lff", true, false, false},
    {"tuple<u64, f32>", 16, 8, "lf", false, false, false},
    {"list<u16, 3>", 6, 2, "iii", true, false, false},
    {"list<u8, 17>", 17, 1, "-", true, false, false},
    {"list<string, 2>", 16, 4, "iiii", false, true, false},
    {"flags { a, b, c, d, e, f, g, h }", 1, 1, "i", false, false, false},
    {"flags { a, b, c, d, e, f, g, h, i }", 2, 2, "i", false, false, false},
    {"enum { a, b, c }", 1, 1, "i", false, false, false},
    {"option<u8>", 2, 1, "ii", false, false, false},
    {"option<u64>", 16, 8, "il", false, false, false},
    {"option<option<u16>>", 6, 2, "iii", false, false, false},
    {"result", 1, 1, "i", false, false, false},
    {"result<_, string>", 12, 4, "iii", false, true, false},
    {"result<f32, u32>", 8, 4, "ii", false, false, false},
    {"result<f32, u64>", 16, 8, "il", false, false, false},
    {"result<f32, f64>", 16, 8, "il", false, false, false},
    {"variant { a(f32), b }", 8, 4, "if", false, false, false},
    {"variant { a(f64), b(f64) }", 16, 8, "id", false, false, false},
    {"variant { a(tuple<u8, f32, u64>), b(string) }", 24, 8, "iiil", false, true, false},
    {"tuple<u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8>", 16, 1, "iiiiiiiiiiiiiiii", true, false, false},
    {"option<tuple<u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8>>", 17, 1, "-", false, false, false},
};

static void flat_text(const struct cm_type *type, char text[CM_MAX_FLAT + 1])
{
    unsigned n = type->flat_count > CM_MAX_FLAT ? 0 : type->flat_count;
    for (unsigned i = 0; i < n; i++)
        text[i] = "ilfd"[type->flat[i]];
    text[n] = '\0';
    if (type->flat_count > CM_MAX_FLAT)
        memcpy(text, "-", 2);
}

static bool check_layout(struct store *s, size_t i)
{
    char flat[CM_MAX_FLAT + 1];
    const struct cm_type *type = type_parse(s->types, layouts[i].type);
    if (!type)
        return tap_fail(__FILE__, __LINE__, "%s: not parsed", layouts[i].type);
    flat_text(type, flat);
    if (type->size != layouts[i].size || type->align != layouts[i].align || strcmp(flat, layouts[i].flat) != 0)
        return tap_fail(__FILE__, __LINE__, "%s: size %u align %u flat %s", layouts[i].type, type->size, type->align, flat);
    if (type->is_pod != layouts[i].is_pod || type->has_pointer != layouts[i].has_pointer ||
        type->has_handle != layouts[i].has_handle)
        return tap_fail(__FILE__, __LINE__, "%s: pod %d pointer %d handle %d", layouts[i].type, type->is_pod, type->has_pointer,
                        type->has_handle);
    struct str text = cm_type_text(type, &s->arena);
    return str_is(text, layouts[i].type) || tap_fail(__FILE__, __LINE__, "%s: printed as %.*s", layouts[i].type, STR_ARG(text));
}

TEST(layout_flattening_and_text)
{
    struct store s;
    open_store(&s);
    bool good = true;
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++)
        good &= check_layout(&s, i);
    close_store(&s);
    CHECK(good);
}

TEST(equal_types_are_one_object)
{
    struct store s;
    open_store(&s);
    const char *text = "record { a: list<tuple<string, u8>>, b: variant { x(own<resource 3>), y } }";
    const struct cm_type *one = type_parse(s.types, text), *two = type_parse(s.types, text);
    const struct cm_type *other =
        type_parse(s.types, "record { a: list<tuple<string, u8>>, b: variant { x(own<resource 4>), y } }");
    const struct cm_type *renamed =
        type_parse(s.types, "record { a: list<tuple<string, u8>>, c: variant { x(own<resource 3>), y } }");
    CHECK(one && one == two && other && other != one && renamed && renamed != one);
    CHECK(one->id != other->id && one->id < cm_types_count(s.types));
    CHECK(one->fields[0].type == type_parse(s.types, "list<tuple<string, u8>>"));
    CHECK_STR(one->fields[1].name, "b");
    CHECK_EQ(one->fields[1].offset, 8);
    CHECK(type_parse(s.types, "option<u8>") != type_parse(s.types, "variant { none, some(u8) }"));
    CHECK(type_parse(s.types, "map<u8, u16>")->element == type_parse(s.types, "tuple<u8, u16>"));
    close_store(&s);
}

static enum status wide_enum(struct store *s, uint32_t count, const struct cm_type **ret)
{
    struct str *names = arena_array(&s->arena, count, sizeof *names);
    for (uint32_t i = 0; i < count; i++)
        names[i] = arena_printf(&s->arena, "c%u", i);
    return cm_type_enum(s->types, names, count, ret, NULL);
}

TEST(discriminants_grow_with_the_cases)
{
    struct store s;
    const struct cm_type *type;
    open_store(&s);
    CHECK_EQ(wide_enum(&s, 256, &type), ST_OK);
    CHECK_EQ(type->discriminant_size, 1);
    CHECK_EQ(wide_enum(&s, 257, &type), ST_OK);
    CHECK_EQ(type->discriminant_size, 2);
    CHECK_EQ(type->size, 2);
    CHECK_EQ(wide_enum(&s, CM_MAX_TYPE_FIELDS + 1, &type), ST_LIMIT);
    close_store(&s);
}

TEST(what_a_type_may_not_be)
{
    struct store s;
    struct error err;
    const struct cm_type *type, *u8, *big;
    open_store(&s);
    u8 = cm_type_primitive(s.types, CM_U8);
    CHECK_EQ(cm_type_record(s.types, NULL, 0, &type, &err), ST_INVALID);
    CHECK_EQ(cm_type_tuple(s.types, NULL, 0, &type, &err), ST_INVALID);
    CHECK_EQ(cm_type_flags(s.types, NULL, 0, &type, &err), ST_INVALID);
    CHECK_EQ(cm_type_fixed_list(s.types, u8, 0, &type, &err), ST_INVALID);
    CHECK_EQ(cm_type_map(s.types, cm_type_primitive(s.types, CM_F32), u8, &type, &err), ST_INVALID);
    CHECK_EQ(cm_type_map(s.types, type_parse(s.types, "list<u8>"), u8, &type, &err), ST_INVALID);
    CHECK_EQ(cm_type_stream(s.types, CM_STREAM, cm_type_primitive(s.types, CM_CHAR), &type, &err), ST_INVALID);
    CHECK_EQ(cm_type_stream(s.types, CM_FUTURE, cm_type_primitive(s.types, CM_CHAR), &type, &err), ST_OK);
    CHECK_EQ(cm_type_stream(s.types, CM_FUTURE, type_parse(s.types, "list<borrow<resource 1>>"), &type, &err), ST_INVALID);
    CHECK_EQ(cm_type_fixed_list(s.types, u8, CM_MAX_BYTES, &big, &err), ST_OK);
    CHECK_EQ(cm_type_fixed_list(s.types, u8, CM_MAX_BYTES + 1, &type, &err), ST_INVALID);
    CHECK(strstr(err.message, "exceeds maximum byte size"));
    CHECK_EQ(cm_type_option(s.types, big, &type, &err), ST_INVALID);
    /* The pair behind a map is not a type that anybody wrote down, until somebody does. */
    CHECK_EQ(cm_type_map(s.types, u8, big, &type, &err), ST_OK);
    CHECK_EQ(cm_type_tuple(s.types, (const struct cm_type *[]){u8, big}, 2, &type, &err), ST_INVALID);
    /* 64-bit pointers decide: 2^24 strings are 2^28 bytes there. */
    CHECK_EQ(cm_type_fixed_list(s.types, cm_type_primitive(s.types, CM_STRING), 1u << 24, &type, &err), ST_INVALID);
    CHECK_EQ(cm_type_fixed_list(s.types, cm_type_primitive(s.types, CM_U64), 1u << 29, &type, &err), ST_INVALID);
    close_store(&s);
}

TEST(depth_and_doubling_are_bounded)
{
    struct store s;
    struct error err;
    const struct cm_type *type;
    enum status status = ST_OK;
    unsigned depth = 0;
    open_store(&s);
    type = cm_type_primitive(s.types, CM_U8);
    for (; depth < 200 && status == ST_OK; depth++)
        status = cm_type_list(s.types, type, &type, &err);
    CHECK_EQ(status, ST_LIMIT);
    CHECK_EQ(depth, CM_MAX_TYPE_DEPTH + 1);
    status = ST_OK;
    type = cm_type_primitive(s.types, CM_STRING);
    for (depth = 0; depth < 60 && status == ST_OK; depth++)
        status = cm_type_tuple(s.types, (const struct cm_type *[]){type, type}, 2, &type, &err);
    CHECK_EQ(status, ST_LIMIT);
    CHECK(strstr(err.message, "effective type size"));
    CHECK(cm_type_text(type, &s.arena).len < 3000);
    close_store(&s);
}

TEST(a_small_arena_is_an_error)
{
    struct arena arena;
    struct error err;
    arena_init(&arena, 65536);
    struct cm_types *types = cm_types_new(&arena);
    const struct cm_type *type = cm_type_primitive(types, CM_U8);
    enum status status = ST_OK;
    for (uint32_t i = 1; i < 2000 && status == ST_OK; i++)
        status = cm_type_fixed_list(types, type, i, &(const struct cm_type *){NULL}, &err);
    CHECK_EQ(status, ST_LIMIT);
    cm_types_release(types);
    arena_release(&arena);
}

static uint32_t plus_env(uint32_t resource, void *env)
{
    ++*(uint32_t *)env;
    return resource + 10;
}

TEST(substitution_replaces_resources_once)
{
    struct store s;
    struct error err;
    const struct cm_type *type, *result;
    uint32_t calls = 0;
    open_store(&s);
    type = type_parse(s.types, "result<list<own<resource 1>>, record { a: borrow<resource 2>, b: list<own<resource 1>> }>");
    CHECK(type);
    CHECK_EQ(cm_type_substitute(s.types, type, plus_env, &calls, &result, &err), ST_OK);
    CHECK(result ==
          type_parse(s.types, "result<list<own<resource 11>>, record { a: borrow<resource 12>, b: list<own<resource 11>> }>"));
    CHECK_EQ(calls, 2);
    type = type_parse(s.types, "record { a: list<u8> }");
    CHECK_EQ(cm_type_substitute(s.types, type, plus_env, &calls, &result, &err), ST_OK);
    CHECK(result == type);
    CHECK_EQ(calls, 2);
    /* Forty levels of pairs: a walk of the tree would never end. */
    CHECK_EQ(cm_type_handle(s.types, CM_OWN, 1, &type, &err), ST_OK);
    for (int i = 0; i < 18; i++)
        CHECK_EQ(cm_type_tuple(s.types, (const struct cm_type *[]){type, type}, 2, &type, &err), ST_OK);
    calls = 0;
    CHECK_EQ(cm_type_substitute(s.types, type, plus_env, &calls, &result, &err), ST_OK);
    CHECK_EQ(calls, 1);
    close_store(&s);
}

TEST(functions_are_hash_consed_and_substituted)
{
    struct store s;
    struct error err;
    const struct cm_func_type *one, *two, *renamed, *async, *moved;
    uint32_t calls = 0;
    open_store(&s);
    struct cm_field params[] = {{STR_INIT("self"), type_parse(s.types, "borrow<resource 1>"), 0}, {STR_INIT("len"), NULL, 0}};
    params[1].type = cm_type_primitive(s.types, CM_U64);
    const struct cm_type *result = type_parse(s.types, "result<list<u8>, own<resource 1>>");
    CHECK_EQ(cm_type_func(s.types, false, params, 2, result, &one, &err), ST_OK);
    CHECK_EQ(cm_type_func(s.types, false, params, 2, result, &two, &err), ST_OK);
    CHECK_EQ(cm_type_func(s.types, true, params, 2, result, &async, &err), ST_OK);
    params[1].name = STR("size");
    CHECK_EQ(cm_type_func(s.types, false, params, 2, result, &renamed, &err), ST_OK);
    CHECK(one == two && one != async && one != renamed);
    CHECK_STR(one->params[1].name, "len");
    CHECK_STR(renamed->params[1].name, "size");
    CHECK_EQ(cm_func_type_substitute(s.types, one, plus_env, &calls, &moved, &err), ST_OK);
    CHECK(moved != one && moved->params[0].type->resource == 11 && moved->result->fields[1].type->resource == 11);
    CHECK_EQ(cm_type_func(s.types, false, NULL, 0, NULL, &one, &err), ST_OK);
    CHECK_EQ(cm_func_type_substitute(s.types, one, plus_env, &calls, &moved, &err), ST_OK);
    CHECK(moved == one);
    close_store(&s);
}

/* "params -> results", with m for a pointer to memory: flatten_functype of the specification. */
static const struct {
    const char *params, *result;
    const char *lift, *lower, *callback, *stackful, *lower_async;
} signatures[] = {
    {"tuple<u8>", NULL, "i->", "i->", "i->i", "i->", "i->i"},
    {"tuple<u8>", "u64", "i->l", "i->l", "i->i", "i->", "im->i"},
    {"tuple<f32>", "string", "f->m", "fm->", "f->i", "f->", "fm->i"},
    {"tuple<string, string>", "f64", "iiii->d", "iiii->d", "iiii->i", "iiii->", "iiiim->i"},
    {"tuple<string, string, u8>", NULL, "iiiii->", "iiiii->", "iiiii->i", "iiiii->", "m->i"},
    {"tuple<string, string, string, string, string, string, string, string, u8>", "result<u8>", "m->m", "mm->", "m->i", "m->",
     "mm->i"},
};

static bool check_signature(const struct cm_func_type *func, enum cm_abi_context context, const char *want)
{
    struct cm_core_signature sig;
    char text[64];
    size_t n = 0;
    cm_flatten_func(func, context, &sig);
    bool lower = context == CM_ABI_LOWER_SYNC || context == CM_ABI_LOWER_ASYNC;
    for (unsigned i = 0; i < sig.param_count; i++) {
        bool is_pointer = (i == 0 && sig.params_in_memory) || (lower && sig.result_in_memory && i + 1u == sig.param_count);
        text[n++] = is_pointer ? 'm' : "ilfd"[sig.params[i]];
    }
    memcpy(text + n, "->", 2);
    n += 2;
    for (unsigned i = 0; i < sig.result_count; i++)
        text[n++] = sig.result_in_memory && !lower ? 'm' : "ilfd"[sig.results[i]];
    text[n] = '\0';
    return strcmp(text, want) == 0 || tap_fail(__FILE__, __LINE__, "context %d: %s, not %s", context, text, want);
}

TEST(signatures_flatten)
{
    struct store s;
    struct error err;
    bool good = true;
    open_store(&s);
    for (size_t i = 0; i < ARRAY_LEN(signatures); i++) {
        const struct cm_type *params = type_parse(s.types, signatures[i].params);
        const struct cm_type *result = signatures[i].result ? type_parse(s.types, signatures[i].result) : NULL;
        const struct cm_func_type *func;
        CHECK_EQ(cm_type_func(s.types, false, params->fields, params->count, result, &func, &err), ST_OK);
        good &= check_signature(func, CM_ABI_LIFT_SYNC, signatures[i].lift);
        good &= check_signature(func, CM_ABI_LOWER_SYNC, signatures[i].lower);
        good &= check_signature(func, CM_ABI_LIFT_ASYNC_CALLBACK, signatures[i].callback);
        good &= check_signature(func, CM_ABI_LIFT_ASYNC_STACKFUL, signatures[i].stackful);
        good &= check_signature(func, CM_ABI_LOWER_ASYNC, signatures[i].lower_async);
    }
    close_store(&s);
    CHECK(good);
}
