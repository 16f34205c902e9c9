/* Values through the canonical ABI, against what the specification's own program (definitions.py) computes: core values, bytes in
 * memory, and the calls of realloc. abi_cases.inc is its output for a fake guest's allocator. */
#include "component/abi.h"

#include "abi_help.h"
#include "tap.h"

struct abi_case {
    const char *type, *value;
    enum cm_encoding encoding;
    uint32_t size, align;
    const char *flat;   /* "i32:1 f64:0", or "-": more than 16 */
    const char *stored; /* bytes of the value in memory; aa: not written */
    const char *heap;   /* bytes that realloc gave out */
    const char *reallocs;
};

static const struct abi_case cases[] = {
#include "abi_cases.inc"
};

#define AT 64 /* where results are stored */

/* A function T -> T of one case, compiled for all that can be done with it. */
struct bench {
    struct arena arena;
    struct cm_types *types;
    struct cm_dynamic dynamic;
    struct cm_compiler *compiler;
    const struct cm_func_type *type;
    const struct cm_func_desc *desc;
    struct cm_func_abi export, import, import_async, fused;
};

static bool bench_open(struct bench *b, const char *type_text)
{
    struct error err;
    arena_init(&b->arena, SIZE_MAX);
    b->types = cm_types_new(&b->arena);
    cm_dynamic_init(&b->dynamic, &b->arena, NULL);
    b->compiler = cm_compiler_new(&b->arena, NULL, 0);
    struct cm_field param = {STR_INIT("v"), type_parse(b->types, type_text), 0};
    bool good = param.type && cm_type_func(b->types, false, &param, 1, param.type, &b->type, &err) == ST_OK &&
                cm_dynamic_func(&b->dynamic, STR("f"), b->type, &b->desc, &err) == ST_OK &&
                cm_abi_compile_export(b->compiler, b->type, b->desc, CM_ABI_LIFT_SYNC, &b->export, &err) == ST_OK &&
                cm_abi_compile_import(b->compiler, b->type, b->desc, CM_ABI_LOWER_SYNC, &b->import, &err) == ST_OK &&
                cm_abi_compile_import(b->compiler, b->type, b->desc, CM_ABI_LOWER_ASYNC, &b->import_async, &err) == ST_OK &&
                cm_abi_compile_fused(b->compiler, b->type, CM_ABI_LOWER_SYNC, CM_ABI_LIFT_SYNC, &b->fused, &err) == ST_OK;
    return good || tap_fail(__FILE__, __LINE__, "%s: %s", type_text, param.type ? err.message : "not parsed");
}

static void bench_close(struct bench *b)
{
    cm_compiler_free(b->compiler);
    cm_dynamic_release(&b->dynamic);
    cm_types_release(b->types);
    arena_release(&b->arena);
}

static bool same(const struct abi_case *c, const char *what, struct str got, const char *want)
{
    return str_is(got, want) ||
           tap_fail(__FILE__, __LINE__, "%s %s: %s is %.*s, not %s", c->type, c->value, what, STR_ARG(got), want);
}

static struct str hex(struct arena *arena, const uint8_t *bytes, size_t len)
{
    char *text = arena_alloc(arena, 2 * len + 1);
    for (size_t i = 0; i < len; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return str_n(text, 2 * len);
}

static struct str flat_text(struct bench *b, const struct cm_type *type, const union engine_raw *raw)
{
    static const char *const names[] = {"i32", "i64", "f32", "f64"};
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    for (unsigned i = 0; i < type->flat_count; i++) {
        bool is_wide = type->flat[i] == CM_CORE_I64 || type->flat[i] == CM_CORE_F64;
        buf_addf(&out, "%s%s:%llx", i ? " " : "", names[type->flat[i]], (unsigned long long)(is_wide ? raw[i].u64 : raw[i].u32));
    }
    return arena_str(&b->arena, buf_str(&out));
}

static bool failed(const struct abi_case *c, const char *what, const struct error *err)
{
    return tap_fail(__FILE__, __LINE__, "%s %s: %s: %s", c->type, c->value, what, err->message);
}

/* C -> core values. */
static bool check_lower_flat(struct bench *b, const struct abi_case *c, struct fake_guest *guest, const void *args,
                             union engine_raw raw[CM_MAX_FLAT])
{
    struct error err;
    memset(raw, 0x55, CM_MAX_FLAT * sizeof *raw);
    if (cm_abi_lower_params(&b->export, &guest->guest, args, raw, &err) != ST_OK)
        return failed(c, "lower params", &err);
    if (strcmp(c->flat, "-") == 0)
        return true;
    const uint8_t *heap = guest->guest.memory + FAKE_HEAP;
    return same(c, "flat", flat_text(b, b->type->result, raw), c->flat) &&
           same(c, "heap", hex(&b->arena, heap, guest->next - FAKE_HEAP), c->heap) &&
           same(c, "reallocs", buf_str(&guest->trace), c->reallocs);
}

/* C -> memory, at an address that the caller gave. */
static bool check_lower_memory(struct bench *b, const struct abi_case *c, struct fake_guest *guest, const void *ret)
{
    struct error err;
    union engine_raw raw[CM_MAX_FLAT + 1] = {0};
    raw[b->import_async.out_pointer].u32 = AT;
    fake_guest_reset(guest);
    if (cm_abi_lower_result(&b->import_async, &guest->guest, ret, raw, &err) != ST_OK)
        return failed(c, "lower result", &err);
    const uint8_t *memory = guest->guest.memory;
    return same(c, "stored", hex(&b->arena, memory + AT, c->size), c->stored) && memory[AT - 1] == 0xaa &&
           memory[AT + c->size] == 0xaa && same(c, "heap", hex(&b->arena, memory + FAKE_HEAP, guest->next - FAKE_HEAP), c->heap) &&
           same(c, "reallocs", buf_str(&guest->trace), c->reallocs);
}

static bool check_lift(struct bench *b, const struct abi_case *c, struct fake_guest *guest, const struct cm_func_abi *abi,
                       const union engine_raw *raw, bool is_result)
{
    struct error err;
    void *value = arena_alloc(&b->arena, b->desc->result->size);
    enum status status = is_result ? cm_abi_lift_result(abi, &guest->guest, raw, value, &err)
                                   : cm_abi_lift_params(abi, &guest->guest, raw, value, &err);
    if (status != ST_OK)
        return failed(c, is_result ? "lift result" : "lift params", &err);
    return same(c, "lifted", value_text(&b->arena, b->desc->result, value), c->value);
}

/* Guest -> guest of every encoding, then out again. */
static bool check_copy(struct bench *b, const struct abi_case *c, struct fake_guest *from, const union engine_raw *raw)
{
    bool good = true;
    for (enum cm_encoding e = CM_ENCODING_UTF8; good && e <= CM_ENCODING_LATIN1_UTF16; e++) {
        struct fake_guest to;
        struct error err;
        union engine_raw copied[CM_MAX_FLAT];
        fake_guest_init(&to, 65536, e, NULL, 1);
        if (cm_abi_copy_params(&b->fused, &from->guest, raw, &to.guest, copied, &err) != ST_OK)
            good = failed(c, "copy", &err);
        else
            good = check_lift(b, c, &to, &b->import, copied, false);
        fake_guest_release(&to);
    }
    return good;
}

static bool run_case(struct bench *b, const struct abi_case *c)
{
    struct fake_guest guest;
    union engine_raw raw[CM_MAX_FLAT], at = {.u32 = AT};
    const struct cm_type *type = b->type->result;
    void *value = arena_alloc(&b->arena, b->desc->result->size);
    if (!value_parse(&b->arena, b->desc->result, c->value, value))
        return tap_fail(__FILE__, __LINE__, "%s: cannot read %s", c->type, c->value);
    fake_guest_init(&guest, 65536, c->encoding, NULL, 0);
    bool good = type->size == c->size && type->align == c->align && check_lower_flat(b, c, &guest, value, raw);
    for (int copies = 0; good && copies < 2; copies++) {
        guest.guest.copies = copies;
        good = check_lift(b, c, &guest, &b->import, raw, false) && check_copy(b, c, &guest, raw);
    }
    good = good && check_lower_memory(b, c, &guest, value) &&
           (type->flat_count == 1 || check_lift(b, c, &guest, &b->export, &at, true));
    fake_guest_release(&guest);
    return good;
}

TEST(values_as_the_specification_has_them)
{
    bool good = true;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench b;
        good &= bench_open(&b, cases[i].type) && run_case(&b, &cases[i]);
        bench_close(&b);
    }
    CHECK(good);
}

/* --- flat values that are not what lowering makes ----------------------------------------------------------------------------- */

/* Upper bits, unused payload slots and unknown flags are ignored; any nonzero bool is true; NaN becomes the canonical one. */
static const struct {
    const char *type, *want;
    uint64_t raw[4];
} loose[] = {
    {"u8", "255", {0xdeadbeef000001ff}},
    {"s8", "-1", {0xabcdefff}},
    {"u16", "1", {0xffff0001}},
    {"s16", "-32768", {0x00018000}},
    {"u32", "7", {0xffffffff00000007}},
    {"bool", "true", {2}},
    {"bool", "true", {0x100}},
    {"bool", "false", {0xffffffff00000000}},
    {"flags { a, b }", "{b}", {0xfffffffe}},
    {"char", "U+0041", {0xffffffff00000041}},
    {"f32", "0x7fc00000", {0xffffffff}},
    {"f32", "0x7fc00000", {0x7f800001}},
    {"f64", "0x7ff8000000000000", {0xfff0000000000001}},
    {"option<u64>", "none", {0, 0xffffffffffffffff}},
    {"variant { a, b(u32), c(u64) }", "a", {0, 99}},
    {"variant { a, b(u32), c(u64) }", "b(5)", {1, 0x1234567800000005}},
    {"variant { a(f32), b(u64) }", "a(0x3f800000)", {0, 0xffffffff3f800000}},
    {"enum { x, y }", "y", {0xffffffff00000001}},
};

TEST(lifting_ignores_what_it_must)
{
    bool good = true;
    for (size_t i = 0; i < ARRAY_LEN(loose); i++) {
        struct abi_case c = {.type = loose[i].type, .value = loose[i].want};
        struct fake_guest guest;
        struct bench b;
        union engine_raw raw[4];
        for (unsigned k = 0; k < 4; k++)
            raw[k].u64 = loose[i].raw[k];
        fake_guest_init(&guest, 1024, CM_ENCODING_UTF8, NULL, 0);
        good &= bench_open(&b, loose[i].type) && check_lift(&b, &c, &guest, &b.import, raw, false);
        good = good && check_copy(&b, &c, &guest, raw);
        bench_close(&b);
        fake_guest_release(&guest);
    }
    CHECK(good);
}

TEST(unknown_flags_never_reach_the_host)
{
    struct fake_guest guest;
    struct bench b;
    struct error err;
    uint32_t bits;
    union engine_raw raw = {.u64 = UINT64_MAX};
    CHECK(bench_open(&b, "flags { a, b, c }"));
    fake_guest_init(&guest, 1024, CM_ENCODING_UTF8, NULL, 0);
    CHECK_EQ(cm_abi_lift_params(&b.import, &guest.guest, &raw, &bits, &err), ST_OK);
    CHECK_EQ(bits, 7);
    fake_guest_release(&guest);
    bench_close(&b);
}

/* --- views -------------------------------------------------------------------------------------------------------------------- */

TEST(strings_and_plain_lists_are_views)
{
    static const struct {
        const char *type;
        bool is_view;
    } kinds[] = {{"string", true},
                 {"list<u8>", true},
                 {"list<f64>", true},
                 {"list<tuple<u32, u32>>", true},
                 {"list<list<u8, 4>>", true},
                 {"list<tuple<u32, u8>>", false},
                 {"list<bool>", false},
                 {"list<char>", false}};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct fake_guest guest;
        struct bench b;
        struct error err;
        struct str out;
        union engine_raw raw[2] = {{.u32 = 64}, {.u32 = 3}};
        CHECK(bench_open(&b, kinds[i].type));
        fake_guest_init(&guest, 1024, CM_ENCODING_UTF8, NULL, 0);
        memset(guest.guest.memory, 0, guest.size);
        CHECK_EQ(cm_abi_lift_params(&b.import, &guest.guest, raw, &out, &err), ST_OK);
        CHECK_EQ(out.len, 3);
        CHECK_EQ(out.data == (const char *)guest.guest.memory + 64, kinds[i].is_view);
        guest.guest.copies = true;
        CHECK_EQ(cm_abi_lift_params(&b.import, &guest.guest, raw, &out, &err), ST_OK);
        CHECK(out.data != (const char *)guest.guest.memory + 64);
        fake_guest_release(&guest);
        bench_close(&b);
    }
}

/* A host function may answer with the view it was given: the guest's realloc must not pull it away. */
TEST(a_view_may_come_back_as_the_result)
{
    static const char *const kinds[] = {"string", "list<u8>", "tuple<string, list<u8>>"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct fake_guest guest;
        struct bench b;
        struct error err;
        struct str out[2];
        union engine_raw raw[5] = {{.u32 = 64}, {.u32 = 5}, {.u32 = 65}, {.u32 = 4}};
        CHECK(bench_open(&b, kinds[i]));
        fake_guest_init(&guest, 2048, CM_ENCODING_UTF8, NULL, 0);
        memcpy(guest.guest.memory + 64, "hello", 5);
        CHECK_EQ(cm_abi_lift_params(&b.import, &guest.guest, raw, out, &err), ST_OK);
        raw[b.import.out_pointer].u32 = 128;
        CHECK_EQ(cm_abi_lower_result(&b.import, &guest.guest, out, raw, &err), ST_OK);
        CHECK(memcmp(guest.guest.memory + FAKE_HEAP, i == 2 ? "helloello" : "hello", i == 2 ? 9 : 5) == 0);
        fake_guest_release(&guest);
        bench_close(&b);
    }
}

TEST(the_copy_budget_bounds_a_call)
{
    struct fake_guest guest;
    struct bench b;
    struct error err;
    struct str out;
    union engine_raw raw[3] = {{.u32 = 64}, {.u32 = 20}};
    CHECK(bench_open(&b, "list<bool>"));
    fake_guest_init(&guest, 2048, CM_ENCODING_UTF8, NULL, 0);
    guest.guest.budget_bytes = 25;
    CHECK_EQ(cm_abi_lift_params(&b.import, &guest.guest, raw, &out, &err), ST_OK);
    CHECK_EQ(guest.guest.budget_bytes, 5);
    CHECK_EQ(cm_abi_lift_params(&b.import, &guest.guest, raw, &out, &err), ST_TRAP);
    CHECK(strstr(err.message, "too much data is being copied"));
    raw[b.import.out_pointer].u32 = 128;
    CHECK_EQ(cm_abi_lower_result(&b.import, &guest.guest, &out, raw, &err), ST_TRAP);
    CHECK_EQ(guest.realloc_calls, 0);
    fake_guest_release(&guest);
    bench_close(&b);
}

/* --- shapes that need sub-programs -------------------------------------------------------------------------------------------- */

TEST(heavy_types_share_their_programs)
{
    struct arena arena;
    struct error err;
    struct cm_func_abi abi;
    arena_init(&arena, 16 << 20);
    struct cm_types *types = cm_types_new(&arena);
    struct cm_compiler *compiler = cm_compiler_new(&arena, NULL, 0);
    const struct cm_type *type = cm_type_primitive(types, CM_STRING);
    for (int i = 0; i < 18; i++)
        CHECK_EQ(cm_type_tuple(types, (const struct cm_type *[]){type, type}, 2, &type, &err), ST_OK);
    const struct cm_func_type *func;
    CHECK_EQ(cm_type_func(types, false, &(struct cm_field){STR_INIT("v"), type, 0}, 1, NULL, &func, &err), ST_OK);
    size_t before = arena.used;
    CHECK_EQ(cm_abi_compile_fused(compiler, func, CM_ABI_LOWER_SYNC, CM_ABI_LIFT_SYNC, &abi, &err), ST_OK);
    CHECK(arena.used - before < 128 << 10); /* half a million strings, a few dozen operations */
    cm_compiler_free(compiler);
    cm_types_release(types);
    arena_release(&arena);
}

TEST(a_heavy_value_goes_round)
{
    static const char type[] = "tuple<tuple<tuple<tuple<u8, u16>, tuple<u8, u16>>, tuple<tuple<u8, u16>, tuple<u8, u16>>>, "
                               "list<tuple<tuple<tuple<u8, u16>, tuple<u8, u16>>, tuple<tuple<u8, u16>, string>>>, "
                               "tuple<tuple<tuple<u8, u16>, tuple<u8, u16>>, tuple<tuple<u8, u16>, tuple<u8, u16>>>, "
                               "tuple<tuple<tuple<u8, u16>, tuple<u8, u16>>, tuple<tuple<u8, u16>, tuple<u8, u16>>>>";
    static const char value[] = "((((1, 2), (3, 4)), ((5, 6), (7, 8))), [(((9, 10), (11, 12)), ((13, 14), \"fifteen\"))], "
                                "(((16, 17), (18, 19)), ((20, 21), (22, 23))), (((24, 25), (26, 27)), ((28, 29), (30, 31))))";
    char outer[2048], text[2048];
    snprintf(outer, sizeof outer, "tuple<%s, list<%s>, option<%s>>", type, type, type);
    snprintf(text, sizeof text, "(%s, [%s, %s], some(%s))", value, value, value, value);
    struct abi_case c = {.type = outer, .value = text, .flat = "-"};
    struct fake_guest guest;
    struct bench b;
    union engine_raw raw[CM_MAX_FLAT];
    CHECK(bench_open(&b, outer));
    void *in = arena_alloc(&b.arena, b.desc->result->size);
    CHECK(value_parse(&b.arena, b.desc->result, text, in));
    fake_guest_init(&guest, 65536, CM_ENCODING_UTF16, NULL, 0);
    CHECK(check_lower_flat(&b, &c, &guest, in, raw));
    CHECK(check_lift(&b, &c, &guest, &b.import, raw, false));
    CHECK(check_copy(&b, &c, &guest, raw));
    fake_guest_release(&guest);
    bench_close(&b);
}
