#include "engine/module_reader.h"
#include "base/mem.h"
#include "unit/engine/support.h"

#define ARENA_BYTES (16u << 20)

/* Everything at once that a module can have. */
static const char rich[] =
    "(module $rich"
    "  (type $plain (func (param i32 i64) (result f32 f64)))"
    "  (rec (type $node (sub (struct (field (mut i8)) (field (ref null $node))))) (type $array (array (mut i16))))"
    "  (type $uses (func (param (ref $node) funcref externref v128) (result (ref null func) anyref)))"
    "  (type $sub (sub $node (struct (field (mut i8)) (field (ref null $node)) (field f64))))"
    "  (import \"a\" \"f\" (func $f (type $plain)))"
    "  (import \"a\" \"t\" (table $t 1 5 funcref))"
    "  (import \"b\" \"m\" (memory $m 2 9))"
    "  (import \"b\" \"g\" (global $g (mut i64)))"
    "  (import \"b\" \"e\" (tag $e (param i32)))"
    "  (table $t2 i64 3 externref) (table $t3 2 (ref func) (ref.func $f))"
    "  (memory $m2 i64 1 4)"
    "  (tag $e2 (param f64))"
    "  (global $g2 i32 (i32.add (i32.const 1) (i32.mul (i32.const 2) (i32.const 3))))"
    "  (global $g3 (ref null $node) (struct.new $node (i32.const 1) (ref.null $node)))"
    "  (global $g4 v128 (v128.const i64x2 1 2))"
    "  (global $g5 (ref $array) (array.new_fixed $array 2 (i32.const 1) (i32.const 2)))"
    "  (global $g6 (mut f64) (f64.const 1)) (global $g7 f32 (f32.const 1)) (global $g8 i64 (i64.const -1))"
    "  (global $g9 anyref (ref.i31 (i32.const 5))) (global $g10 funcref (ref.null nofunc))"
    "  (func $one (type $plain) (f32.const 0) (f64.const 1))"
    "  (func $two (type $uses) unreachable)"
    "  (func $three)"
    "  (export \"f\" (func $f)) (export \"two\" (func $two)) (export \"t2\" (table $t2)) (export \"m\" (memory $m))"
    "  (export \"m2\" (memory $m2)) (export \"g3\" (global $g3)) (export \"g6\" (global $g6)) (export \"e2\" (tag $e2))"
    "  (start $three)"
    "  (elem (table $t2) (i64.const 0) externref (ref.null extern)) (elem declare func $f)"
    "  (data (memory $m2) (i64.const 0) \"hello\") (data \"passive\")"
    "  (@custom \"note\" (after data) \"some text\"))";

static bool assemble(const char *text, struct buf *ret_binary)
{
    struct error err;
    buf_init(ret_binary, 1 << 20);
    if (engine_wat2wasm(str_of(text), ret_binary, &err) == ST_OK)
        return true;
    buf_release(ret_binary);
    return tap_fail(__FILE__, __LINE__, "%s", err.message);
}

struct rich_module {
    struct buf binary;
    struct arena arena;
    struct module_info info;
};

static void rich_module_release(struct rich_module *module)
{
    arena_release(&module->arena);
    buf_release(&module->binary);
}

static bool rich_module_init(struct rich_module *module)
{
    struct error err;
    if (!assemble(rich, &module->binary))
        return false;
    arena_init(&module->arena, ARENA_BYTES);
    if (module_read(buf_str(&module->binary), &module->arena, &module->info, &err) == ST_OK)
        return true;
    rich_module_release(module);
    return tap_fail(__FILE__, __LINE__, "%s", err.message);
}

TEST(imports_have_their_types)
{
    struct rich_module module;
    CHECK(rich_module_init(&module));
    const struct module_info *info = &module.info;
    CHECK_EQ(info->import_count, 5);
    CHECK_STR(info->imports[0].module, "a");
    CHECK_STR(info->imports[0].name, "f");
    const struct engine_extern_type *func = &info->imports[0].type, *table = &info->imports[1].type,
                                    *memory = &info->imports[2].type, *global = &info->imports[3].type,
                                    *tag = &info->imports[4].type;
    CHECK_EQ(func->kind, ENGINE_FUNC);
    CHECK_EQ(func->func.param_count, 2);
    CHECK_EQ(func->func.params[0], ENGINE_I32);
    CHECK_EQ(func->func.params[1], ENGINE_I64);
    CHECK_EQ(func->func.result_count, 2);
    CHECK_EQ(func->func.results[0], ENGINE_F32);
    CHECK_EQ(func->func.results[1], ENGINE_F64);
    CHECK(func->exact_type_known);
    CHECK_EQ(table->kind, ENGINE_TABLE);
    CHECK_EQ(table->val_type, ENGINE_FUNCREF);
    CHECK(table->min == 1 && table->has_max && table->max == 5 && !table->is_64);
    CHECK_EQ(memory->kind, ENGINE_MEMORY);
    CHECK(memory->min == 2 && memory->has_max && memory->max == 9 && !memory->is_64 && !memory->is_shared);
    CHECK_EQ(memory->page_size_log2, 16);
    CHECK_EQ(global->kind, ENGINE_GLOBAL);
    CHECK(global->val_type == ENGINE_I64 && global->is_mutable);
    CHECK_EQ(tag->kind, ENGINE_TAG);
    CHECK(tag->func.param_count == 1 && tag->func.params[0] == ENGINE_I32 && tag->func.result_count == 0);
    rich_module_release(&module);
}

TEST(exports_are_resolved_in_their_index_spaces)
{
    struct rich_module module;
    CHECK(rich_module_init(&module));
    const struct module_info *info = &module.info;
    static const struct {
        const char *name;
        enum engine_extern_kind kind;
        uint32_t item;
        bool known;
    } want[] = {
        {"f", ENGINE_FUNC, 0, true},    {"two", ENGINE_FUNC, 2, false}, {"t2", ENGINE_TABLE, 1, true},
        {"m", ENGINE_MEMORY, 0, true},  {"m2", ENGINE_MEMORY, 1, true}, {"g3", ENGINE_GLOBAL, 2, false},
        {"g6", ENGINE_GLOBAL, 5, true}, {"e2", ENGINE_TAG, 1, true},
    };
    CHECK_EQ(info->export_count, ARRAY_LEN(want));
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        CHECK_STR(info->exports[i].name, want[i].name);
        CHECK_EQ(info->exports[i].type.kind, want[i].kind);
        CHECK_EQ(info->export_items[i], want[i].item);
        CHECK_EQ(info->exports[i].type.exact_type_known, want[i].known);
    }
    const struct engine_func_type *two = &info->exports[1].type.func;
    static const uint8_t params[] = {ENGINE_OTHERREF, ENGINE_FUNCREF, ENGINE_EXTERNREF, ENGINE_V128};
    CHECK_EQ(two->param_count, 4);
    CHECK(memcmp(two->params, params, 4) == 0);
    CHECK_EQ(two->results[0], ENGINE_FUNCREF); /* (ref null func) is funcref spelt out */
    CHECK_EQ(two->results[1], ENGINE_OTHERREF);
    CHECK(info->exports[2].type.is_64 && info->exports[2].type.val_type == ENGINE_EXTERNREF && info->exports[2].type.min == 3);
    CHECK(info->exports[4].type.is_64 && info->exports[4].type.max == 4);
    CHECK(info->exports[6].type.is_mutable && info->exports[6].type.val_type == ENGINE_F64);
    rich_module_release(&module);
}

TEST(index_spaces_bodies_and_sections_are_complete)
{
    struct rich_module module;
    CHECK(rich_module_init(&module));
    const struct module_info *info = &module.info;
    CHECK_STR(info->module_name, "rich");
    CHECK(info->has_start);
    CHECK_EQ(info->type_count, 8); /* with those that the text implies: tags and $three */
    CHECK_EQ(info->types[1].param_count, UINT32_MAX);
    CHECK_EQ(info->types[3].param_count, 4);
    CHECK_EQ(info->func_count, 4);
    CHECK_EQ(info->imported_func_count, 1);
    CHECK_EQ(info->func_types[1], 0);
    CHECK_EQ(info->func_types[2], 3);
    CHECK_EQ(info->table_count, 3);
    CHECK_EQ(info->imported_table_count, 1);
    CHECK(info->tables[2].min == 2 && info->tables[2].val_type == ENGINE_OTHERREF);
    CHECK_EQ(info->memory_count, 2);
    CHECK_EQ(info->global_count, 10);
    CHECK_EQ(info->globals[3].val_type, ENGINE_V128);
    CHECK_EQ(info->bodies[2].len, 2); /* no locals, end */
    size_t customs = 0;
    for (size_t i = 0; i < info->section_count; i++) {
        const struct module_section *section = &info->sections[i];
        CHECK(section->bytes.data == module.binary.data + section->offset);
        if (section->id == 0 && str_is(section->name, "note")) {
            CHECK_STR(section->bytes, "some text");
            customs++;
        }
    }
    CHECK_EQ(customs, 1);
    CHECK(info->section_count > 12);
    rich_module_release(&module);
}

TEST(an_empty_module_has_nothing)
{
    struct arena arena;
    struct module_info info;
    struct error err;
    arena_init(&arena, ARENA_BYTES);
    CHECK_EQ(module_read(str_n("\0asm\1\0\0\0", 8), &arena, &info, &err), ST_OK);
    CHECK_EQ(info.section_count + info.type_count + info.import_count + info.export_count + info.func_count, 0);
    CHECK_STR(info.module_name, "");
    arena_release(&arena);
}

/* --- bad bytes ------------------------------------------------------------------------------------------------------------ */

/* Reads a copy of exactly these bytes, so that AddressSanitizer sees the first one too many. */
static enum status read_copy(const void *bytes, size_t len, struct error *err)
{
    struct arena arena;
    struct module_info info;
    autofree char *copy = mem_alloc(len ? len : 1);
    if (len)
        memcpy(copy, bytes, len);
    arena_init(&arena, ARENA_BYTES);
    enum status status = module_read(str_n(copy, len), &arena, &info, err);
    arena_release(&arena);
    return status;
}

TEST(bad_modules_are_refused_with_place_and_reason)
{
    static const struct {
        const char *bytes; /* after the header */
        size_t len;
        const char *message;
    } cases[] = {
        {"\1", 1, "unexpected end"},
        {"\1\5\0", 3, "section 1 of 5 bytes is longer than the module"},
        {"\1\x80\x80\x80\x80\x80\1", 7, "integer representation too long"},
        {"\1\xff\xff\xff\xff\x7f", 6, "integer too large"},
        {"\1\2\5\0", 4, "a vector of 5 items is longer than its section"},
        {"\1\2\1\x11", 4, "unknown type form 0x11"},
        {"\1\4\1\x60\1\x01", 6, "unknown value type 0x01"},
        {"\1\5\1\x60\0\0\0", 7, "section size mismatch"},
        {"\1\1\0\1\1\0", 6, "out of order"},
        {"\3\1\0\1\1\0", 6, "out of order"},
        {"\x20\0", 2, "malformed section id 32"},
        {"\2\5\1\0\0\x7\0", 7, "malformed import kind 0x07"},
        {"\2\5\1\0\0\0\0", 7, "unknown type: 0 is not a function type"},
        {"\2\6\1\1\xff\0\2\0", 8, "malformed UTF-8"},
        {"\2\6\1\0\0\2\x20\0", 8, "malformed limits flags 0x20"},
        {"\2\7\1\0\0\2\x08\1\5", 9, "invalid custom page size"},
        {"\3\2\1\0", 4, "unknown type"},
        {"\1\4\1\x60\0\0\3\2\1\0", 10, "inconsistent lengths"},
        {"\4\4\1\x7f\0\0", 6, "a table holds references"},
        {"\6\4\1\x7f\0\x0c", 6, "constant expression required: opcode 0x0c"},
        {"\6\5\1\x7f\0\x41\0", 7, "unexpected end"},
        {"\7\4\1\0\0\0", 6, "export of an unknown item 0"},
        {"\7\4\1\0\x9\0", 6, "malformed export kind 0x09"},
        {"\x8\1\0", 3, "unknown start function 0"},
        {"\xa\2\1\0", 4, "inconsistent lengths"},
        {"\0\2\5x", 4, "unexpected end"},
    };
    struct error err = {0};
    char bytes[64] = "\0asm\1\0\0";
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        memcpy(bytes + 8, cases[i].bytes, cases[i].len);
        CHECK_EQ(read_copy(bytes, 8 + cases[i].len, &err), ST_INVALID);
        CHECK(str_starts(str_of(err.message), STR("core module: ")) && strstr(err.message, "at offset 0x"));
        if (!strstr(err.message, cases[i].message))
            CHECK_STR(str_of(err.message), cases[i].message);
    }
    CHECK_EQ(read_copy("\0asm", 4, &err), ST_INVALID);
    CHECK_EQ(read_copy("\0asm\x0d\0\1\0", 8, &err), ST_INVALID);
    CHECK(strstr(err.message, "this is a component"));
    CHECK_EQ(read_copy("\0asm\2\0\0\0", 8, &err), ST_INVALID);
    CHECK_EQ(read_copy("", 0, &err), ST_INVALID);
}

TEST(tables_of_a_module_are_bounded)
{
    struct arena arena;
    struct module_info info;
    struct error err = {0};
    autobuf struct buf binary = BUF_INIT(1 << 20);
    CHECK_EQ(buf_append(&binary, "\0asm\1\0\0\0\1\x83\x80\2\x80\x80\2", 15),
             ST_OK); /* 32768 types of one byte each, if they were */
    while (binary.len < 15 + 32768)
        CHECK_EQ(buf_append(&binary, "\x60\0\0", 3), ST_OK);
    arena_init(&arena, 64 << 10);
    enum status status = module_read(buf_str(&binary), &arena, &info, &err);
    CHECK_EQ(status, ST_LIMIT);
    CHECK(strstr(err.message, "its tables are over 65536 bytes"));
    arena_release(&arena);
}

TEST(a_truncated_module_is_never_read_past_its_end)
{
    struct buf binary;
    struct error err;
    size_t accepted = 0;
    CHECK(assemble(rich, &binary));
    for (size_t len = 0; len < binary.len; len++)
        accepted += read_copy(binary.data, len, &err) == ST_OK;
    CHECK(accepted < 10); /* only where a section ends, and there only without functions that lack their code */
    buf_release(&binary);
}

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* Whatever Wasmtime accepts, the reader must be able to read. */
TEST(mutated_modules_do_no_harm_and_valid_ones_are_read)
{
    struct buf binary;
    struct error err, read_err = {0};
    uint64_t seed = 20260101;
    size_t valid = 0;
    CHECK(assemble(rich, &binary));
    if (engine_module_validate(test_engine(), buf_str(&binary), &err) != ST_OK)
        CHECK_STR(str_of(err.message), "");
    autofree char *copy = mem_alloc(binary.len);
    for (int round = 0; round < 20000; round++) {
        memcpy(copy, binary.data, binary.len);
        for (uint32_t changes = 1 + next_random(&seed) % 3; changes > 0; changes--)
            copy[next_random(&seed) % binary.len] = (char)next_random(&seed);
        enum status status = read_copy(copy, binary.len, &read_err);
        if (engine_module_validate(test_engine(), str_n(copy, binary.len), &err) == ST_OK) {
            valid++;
            if (status != ST_OK)
                CHECK_STR(str_of(read_err.message), "");
        }
    }
    CHECK(valid > 100);
    buf_release(&binary);
}

TEST(random_bytes_do_no_harm)
{
    uint64_t seed = 7;
    struct error err;
    char bytes[256] = "\0asm\1\0\0";
    for (int round = 0; round < 20000; round++) {
        size_t len = 8 + next_random(&seed) % (sizeof bytes - 8);
        for (size_t i = 8; i < len; i++)
            bytes[i] = (char)(next_random(&seed) % 4 ? next_random(&seed) % 16 : next_random(&seed));
        (void)!read_copy(bytes, len, &err);
    }
}
