/* What traps, and with which words: those of Wasmtime, which differ between guest and host, and guest and guest. */
#include "abi_help.h"
#include "tap.h"

#define SIZE 1024

struct subject {
    struct arena arena;
    struct cm_types *types;
    struct cm_dynamic dynamic;
    struct cm_compiler *compiler;
    struct cm_func_abi import, export, fused;
};

static bool subject_open(struct subject *s, const char *param, const char *result)
{
    struct error err;
    const struct cm_func_type *type;
    const struct cm_func_desc *desc;
    arena_init(&s->arena, SIZE_MAX);
    s->types = cm_types_new(&s->arena);
    cm_dynamic_init(&s->dynamic, &s->arena, NULL);
    s->compiler = cm_compiler_new(&s->arena, NULL, 0);
    struct cm_field field = {STR_INIT("v"), param ? type_parse(s->types, param) : NULL, 0};
    return cm_type_func(s->types, false, &field, param ? 1 : 0, result ? type_parse(s->types, result) : NULL, &type, &err) ==
               ST_OK &&
           cm_dynamic_func(&s->dynamic, STR("f"), type, &desc, &err) == ST_OK &&
           cm_abi_compile_import(s->compiler, type, desc, CM_ABI_LOWER_SYNC, &s->import, &err) == ST_OK &&
           cm_abi_compile_export(s->compiler, type, desc, CM_ABI_LIFT_SYNC, &s->export, &err) == ST_OK &&
           cm_abi_compile_fused(s->compiler, type, CM_ABI_LOWER_SYNC, CM_ABI_LIFT_SYNC, &s->fused, &err) == ST_OK;
}

static void subject_close(struct subject *s)
{
    cm_compiler_free(s->compiler);
    cm_dynamic_release(&s->dynamic);
    cm_types_release(s->types);
    arena_release(&s->arena);
}

/* Parameters as core values. with_host NULL: it does not trap. */
static const struct {
    const char *type;
    uint32_t raw[3];
    const char *with_host, *between_guests;
} params[] = {
    {"char", {0xd7ff}, NULL, NULL},
    {"char", {0xd800}, "invalid `char` bit pattern", "wasm trap: invalid `char` bit pattern"},
    {"char", {0xdfff}, "invalid `char` bit pattern", "wasm trap: invalid `char` bit pattern"},
    {"char", {0x110000}, "invalid `char` bit pattern", "wasm trap: invalid `char` bit pattern"},
    {"enum { a, b }", {2}, "discriminant 2 out of range [0..2)", "wasm trap: invalid variant discriminant"},
    {"enum { a, b }", {256}, "discriminant 256 out of range [0..2)", "wasm trap: invalid variant discriminant"},
    {"option<u8>", {2}, "discriminant 2 out of range [0..2)", "wasm trap: invalid variant discriminant"},
    {"variant { a, b(u8), c }", {3}, "discriminant 3 out of range [0..3)", "wasm trap: invalid variant discriminant"},
    {"list<u8>", {SIZE, 0}, NULL, NULL},
    {"list<u8>", {SIZE + 1, 0}, "list pointer/length out of bounds of memory", "wasm trap: list content out-of-bounds"},
    {"list<u8>", {SIZE - 4, 4}, NULL, NULL},
    {"list<u8>", {SIZE - 4, 5}, "list pointer/length out of bounds of memory", "wasm trap: list content out-of-bounds"},
    {"list<u8>", {16, 0xffffffff}, "list pointer/length out of bounds of memory", "wasm trap: list content out-of-bounds"},
    {"list<u64>", {0, 0x20000001}, "list pointer/length out of bounds of memory", "wasm trap: list content out-of-bounds"},
    {"list<u32>", {2, 0}, "list pointer is not aligned", "wasm trap: unaligned pointer"},
    {"list<u64>", {4, 1}, "list pointer is not aligned", "wasm trap: unaligned pointer"},
    {"list<string>", {2, 0}, "list pointer is not aligned", "wasm trap: unaligned pointer"},
    {"list<option<u16>>", {3, 0}, "list pointer is not aligned", "wasm trap: unaligned pointer"},
    {"map<u8, u64>", {4, 0}, "list pointer is not aligned", "wasm trap: unaligned pointer"},
    {"string", {SIZE - 1, 2}, "string pointer/length out of bounds of memory", "wasm trap: string content out-of-bounds"},
    {"tuple<list<u8>, list<u8>, list<u8>, list<u8>, list<u8>, list<u8>, list<u8>, list<u8>, u8>",
     {SIZE},
     "pointer out of bounds",
     "wasm trap: out of bounds memory access"},
    {"tuple<list<u8>, list<u8>, list<u8>, list<u8>, list<u8>, list<u8>, list<u8>, list<u8>, u8>",
     {2},
     "pointer not aligned",
     "wasm trap: unaligned pointer"},
};

static bool trapped(const char *what, enum status status, const struct error *err, const char *want)
{
    if (!want)
        return status == ST_OK || tap_fail(__FILE__, __LINE__, "%s: %s", what, err->message);
    return (status == ST_TRAP && strstr(err->message, want)) ||
           tap_fail(__FILE__, __LINE__, "%s: %s: not %s", what, status == ST_OK ? "no trap" : err->message, want);
}

TEST(parameters_trap)
{
    bool good = true;
    for (size_t i = 0; i < ARRAY_LEN(params); i++) {
        struct subject s;
        struct fake_guest from, to;
        struct error err;
        union engine_raw raw[3], copied[CM_MAX_FLAT];
        uint8_t args[CM_MAX_ARGS];
        for (int k = 0; k < 3; k++)
            raw[k].u64 = params[i].raw[k];
        CHECK(subject_open(&s, params[i].type, NULL));
        fake_guest_init(&from, SIZE, CM_ENCODING_UTF8, NULL, 0);
        fake_guest_init(&to, 2 * SIZE, CM_ENCODING_UTF8, NULL, 1);
        good &= trapped(params[i].type, cm_abi_lift_params(&s.import, &from.guest, raw, args, &err), &err, params[i].with_host);
        from.guest.between_guests = to.guest.between_guests = true;
        enum status status = cm_abi_copy_params(&s.fused, &from.guest, raw, &to.guest, copied, &err);
        good &= trapped(params[i].type, status, &err, params[i].between_guests);
        fake_guest_release(&from);
        fake_guest_release(&to);
        subject_close(&s);
    }
    CHECK(good);
}

/* Results in memory: where an export returns a pointer, or a caller gives one. */
static const struct {
    const char *type;
    uint32_t pointer;
    const char *lifting, *lowering, *between_guests;
} results[] = {
    {"tuple<u64, u8>", SIZE - 16, NULL, NULL, NULL},
    {"tuple<u64, u8>", SIZE - 8, "pointer out of bounds of memory", "pointer out of bounds",
     "wasm trap: out of bounds memory access"},
    {"tuple<u64, u8>", 0xfffffff8, "pointer out of bounds of memory", "pointer out of bounds",
     "wasm trap: out of bounds memory access"},
    {"tuple<u64, u8>", 4, "return pointer not aligned", "pointer not aligned", "wasm trap: unaligned pointer"},
    {"string", 2, "return pointer not aligned", "pointer not aligned", "wasm trap: unaligned pointer"},
};

TEST(result_pointers_trap)
{
    bool good = true;
    for (size_t i = 0; i < ARRAY_LEN(results); i++) {
        struct subject s;
        struct fake_guest from, to;
        struct error err;
        uint64_t value[4] = {0};
        union engine_raw raw = {.u64 = results[i].pointer}, zero = {.u64 = 0};
        CHECK(subject_open(&s, NULL, results[i].type));
        fake_guest_init(&from, SIZE, CM_ENCODING_UTF8, NULL, 0);
        fake_guest_init(&to, 2 * SIZE, CM_ENCODING_UTF8, NULL, 1);
        memset(from.guest.memory, 0, SIZE);
        good &= trapped(results[i].type, cm_abi_lift_result(&s.export, &from.guest, &raw, value, &err), &err, results[i].lifting);
        good &= trapped(results[i].type, cm_abi_lower_result(&s.import, &from.guest, value, &raw, &err), &err, results[i].lowering);
        from.guest.between_guests = to.guest.between_guests = true;
        enum status status = cm_abi_copy_result(&s.fused, &from.guest, &raw, &to.guest, &zero, &err);
        good &= trapped(results[i].type, status, &err, results[i].between_guests);
        status = cm_abi_copy_result(&s.fused, &to.guest, &zero, &from.guest, &raw, &err);
        good &= results[i].lifting == NULL || trapped(results[i].type, status, &err, "wasm trap: ");
        fake_guest_release(&from);
        fake_guest_release(&to);
        subject_close(&s);
    }
    CHECK(good);
}

static const struct {
    const char *type;
    uint32_t answer;
    const char *with_host, *between_guests;
} reallocs[] = {
    {"list<u8>", 0xffffffff, "realloc return: beyond end of memory", "wasm trap: list content out-of-bounds"},
    {"list<u32>", 0xfffffffc, "realloc return: beyond end of memory", "wasm trap: list content out-of-bounds"},
    {"list<u32>", 0xffffffff, "realloc return: result not aligned", "wasm trap: unaligned pointer"},
    {"string", 0xffffffff, "realloc return: beyond end of memory", "wasm trap: string content out-of-bounds"},
    {"tuple<u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64>", 4,
     "realloc return: result not aligned", "wasm trap: unaligned pointer"},
    {"tuple<u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64>", SIZE - 128,
     "realloc return: beyond end of memory", "wasm trap: out of bounds memory access"},
};

/* Also for nothing at all: realloc is called, and its answer checked. */
TEST(what_realloc_returns_is_checked)
{
    bool good = true;
    for (size_t i = 0; i < ARRAY_LEN(reallocs); i++) {
        struct subject s;
        struct fake_guest from, to;
        struct error err;
        uint64_t value[17] = {0};
        union engine_raw zero[17] = {0}, copied[CM_MAX_FLAT];
        CHECK(subject_open(&s, reallocs[i].type, NULL));
        fake_guest_init(&from, SIZE, CM_ENCODING_UTF8, NULL, 0);
        fake_guest_init(&to, SIZE, CM_ENCODING_UTF8, NULL, 1);
        to.has_answer = true;
        to.answer = reallocs[i].answer;
        good &=
            trapped(reallocs[i].type, cm_abi_lower_params(&s.export, &to.guest, value, copied, &err), &err, reallocs[i].with_host);
        from.guest.between_guests = to.guest.between_guests = true;
        enum status status = cm_abi_copy_params(&s.fused, &from.guest, zero, &to.guest, copied, &err);
        good &= trapped(reallocs[i].type, status, &err, reallocs[i].between_guests);
        good &= to.realloc_calls == 2;
        fake_guest_release(&from);
        fake_guest_release(&to);
        subject_close(&s);
    }
    CHECK(good);
}

TEST(a_list_longer_than_the_bound_traps)
{
    struct subject s;
    struct fake_guest guest;
    struct error err;
    uint8_t args[CM_MAX_ARGS];
    struct {
        const void *items;
        size_t len;
    } list = {"", CM_MAX_BYTES / 4 + 1};
    union engine_raw raw[2] = {{.u32 = 0}, {.u32 = CM_MAX_BYTES / 4 + 1}};
    CHECK(subject_open(&s, "list<u32>", NULL));
    fake_guest_init(&guest, SIZE, CM_ENCODING_UTF8, NULL, 0);
    CHECK_EQ(cm_abi_lower_params(&s.export, &guest.guest, &list, raw, &err), ST_TRAP);
    CHECK(strstr(err.message, "too large to copy into wasm"));
    CHECK_EQ(guest.realloc_calls, 0);
    guest.size = (size_t)1 << 30; /* never read that far */
    raw[0].u32 = 0;
    raw[1].u32 = CM_MAX_BYTES / 4 + 1;
    CHECK_EQ(cm_abi_lift_params(&s.import, &guest.guest, raw, args, &err), ST_TRAP);
    CHECK(strstr(err.message, "longer than the maximum"));
    fake_guest_release(&guest);
    subject_close(&s);
}

/* A memory that is not there yet (a call during a start function) holds nothing. */
TEST(without_a_memory_everything_is_outside)
{
    struct subject s;
    struct fake_guest guest;
    struct error err;
    uint8_t args[CM_MAX_ARGS];
    union engine_raw raw[2] = {{.u32 = 8}, {.u32 = 0}};
    CHECK(subject_open(&s, "string", NULL));
    fake_guest_init(&guest, SIZE, CM_ENCODING_UTF8, NULL, 0);
    free(guest.block);
    guest.block = NULL;
    guest.size = 0;
    CHECK_EQ(cm_abi_lift_params(&s.import, &guest.guest, raw, args, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "string pointer/length out of bounds of memory");
    fake_guest_release(&guest);
    subject_close(&s);
}

/* Values that a host function should not have made. */
TEST(host_values_are_checked_too)
{
    struct subject s;
    struct fake_guest guest;
    struct error err;
    uint32_t tag = 7;
    union engine_raw raw[CM_MAX_FLAT];
    CHECK(subject_open(&s, "variant { a, b(u8), c }", NULL));
    fake_guest_init(&guest, SIZE, CM_ENCODING_UTF8, NULL, 0);
    CHECK_EQ(cm_abi_lower_params(&s.export, &guest.guest, (uint32_t[2]){tag}, raw, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "the host's value has discriminant 7 out of range [0..3)");
    subject_close(&s);
    CHECK(subject_open(&s, "char", NULL));
    CHECK_EQ(cm_abi_lower_params(&s.export, &guest.guest, &(uint32_t){0xd800}, raw, &err), ST_TRAP);
    fake_guest_release(&guest);
    subject_close(&s);
}
