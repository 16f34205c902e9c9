/* Which code keeps tables and segments as they are: every kind of operand is stepped over, and what changes them is seen behind it. */
#include "engine/code_scan.h"
#include "unit/engine/support.h"

#define ARENA_BYTES (16u << 20)

static bool keeps(const char *module_text, bool *ret_known)
{
    autobuf struct buf binary = BUF_INIT(1 << 20);
    struct arena arena;
    struct module_info info;
    struct error err;
    arena_init(&arena, ARENA_BYTES);
    *ret_known =
        engine_wat2wasm(str_of(module_text), &binary, &err) == ST_OK && module_read(buf_str(&binary), &arena, &info, &err) == ST_OK;
    bool result = *ret_known ? module_code_keeps_tables(&info) : tap_fail(__FILE__, __LINE__, "%s: %s", module_text, err.message);
    arena_release(&arena);
    return result;
}

/* A function body in a module that has one of everything it may name. */
static bool body_keeps(const char *body, bool *ret_known)
{
    autobuf struct buf text = BUF_INIT(1 << 20);
    buf_addf(
        &text,
        "(module (type $v (func)) (type $cont (func (result i32))) (memory $m 1) (memory $m2 1) (memory $m64 i64 1)"
        "(table $t 10 funcref) (table $t2 10 funcref) (global $g (mut i32) (i32.const 0)) (tag $tag (param i32)) (data $d \"x\")"
        "(elem $e func $f) (func $f (type $v)) (func $n (result i32) (i32.const 1))"
        "(func (param $p i32) (local $l i64) (local $r funcref) (local $big i32) %s))",
        body);
    return keeps(text.data, ret_known);
}

/* Behind each of these, the scan must still find its place: they are tried alone, and before a table.set and harmless bytes. */
static const char *const harmless[] = {
    "nop",
    "(block (br 0)) (loop) (if (local.get $p) (then) (else nop))",
    "(block (result i32) (i32.const 38)) drop",
    "(block (block (br_table 0 1 0 1 (local.get $p))))",
    "(drop (i32.const 2147483647)) (drop (i32.const -1)) (drop (i64.const -9223372036854775808)) (drop (i32.const 38))",
    "(drop (f32.const nan:0x262626)) (drop (f64.const -1.5e300))",
    "(local.set $big (local.tee $p (global.get $g))) (global.set $g (i32.const 64624))",
    "(drop (i32.load $m2 offset=4000 (i32.const 0))) (i64.store32 $m offset=38 align=1 (i32.const 0) (i64.const 0))",
    "(drop (i32.load8_u $m64 offset=8589934592 (i64.const 0)))",
    "(drop (memory.size $m2)) (drop (memory.grow $m (i32.const 0))) (memory.fill $m2 (i32.const 0) (i32.const 0) (i32.const 0))",
    "(memory.copy $m $m2 (i32.const 0) (i32.const 0) (i32.const 0))",
    "(memory.init $m2 $d (i32.const 0) (i32.const 0) (i32.const 0))",
    "(drop (table.get $t2 (i32.const 1))) (drop (table.size $t2))",
    "(call $f) (drop (call_indirect $t2 (type $cont) (i32.const 0))) (drop (call_ref $cont (ref.null $cont)))",
    "(if (local.get $p) (then (return_call $f)) (else (return_call_indirect $t (type $v) (i32.const 0))))",
    "(drop (select (result funcref) (ref.null func) (ref.func $f) (i32.const 1)))",
    "(drop (select (result (ref null $v)) (ref.null $v) (ref.func $f) (i32.const 1)))",
    "(drop (select (i32.const 1) (i32.const 2) (i32.const 3)))",
    "(drop (ref.is_null (local.get $r))) (block (drop (br_on_null 0 (local.get $r))))",
    "(drop (i32.trunc_sat_f64_u (f64.const 1))) (drop (i64.extend32_s (i64.const 1)))",
    "(drop (v128.const i8x16 38 38 38 38 38 38 38 38 38 38 38 38 38 38 38 38))",
    "(drop (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31 (v128.const i64x2 0 0) (v128.const i64x2 0 0)))",
    "(drop (i16x8.extract_lane_u 7 (i16x8.splat (i32.const 1)))) (drop (f64x2.replace_lane 1 (v128.const i64x2 0 0) (f64.const "
    "1)))",
    "(drop (v128.load8_lane $m2 offset=38 3 (i32.const 0) (v128.const i64x2 0 0)))",
    "(v128.store64_lane $m 1 (i32.const 0) (v128.const i64x2 0 0)) (drop (v128.load64_zero $m (i32.const 0)))",
    "(drop (v128.load8x8_s $m offset=38 (i32.const 0))) (v128.store $m (i32.const 0) (v128.const i64x2 0 0))",
    "(drop (i32x4.relaxed_trunc_f32x4_s (v128.const i64x2 0 0))) (drop (i16x8.relaxed_dot_i8x16_i7x16_s (v128.const i64x2 0 0) "
    "(v128.const i64x2 0 0)))",
    "(block $h (result i32) (try_table (catch $tag $h) (throw $tag (i32.const 1))) (i32.const 0)) drop",
    "(block $h (result exnref) (try_table (result exnref) (catch_all_ref $h) (ref.null exn)) ) drop",
};

TEST(harmless_code_keeps_tables)
{
    bool known;
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
        if (!body_keeps(harmless[i], &known) && known)
            tap_fail(__FILE__, __LINE__, "not harmless: %s", harmless[i]);
}

TEST(a_change_is_seen_behind_any_code)
{
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
        bool known;
        char body[512];
        snprintf(body, sizeof body, "%s (table.set $t2 (i32.const 0) (ref.null func))", harmless[i]);
        if (body_keeps(body, &known) || !known)
            tap_fail(__FILE__, __LINE__, "table.set not seen behind: %s", harmless[i]);
    }
}

TEST(what_changes_tables_or_segments)
{
    static const char *const bodies[] = {
        "(table.set $t (i32.const 0) (ref.null func))",
        "(drop (table.grow $t2 (ref.null func) (i32.const 1)))",
        "(table.fill $t (i32.const 0) (ref.null func) (i32.const 1))",
        "(table.copy $t $t2 (i32.const 0) (i32.const 0) (i32.const 1))",
        "(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1))",
        "(elem.drop $e)",
        "(data.drop $d)",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        bool known;
        CHECK(!body_keeps(bodies[i], &known));
        CHECK(known);
    }
}

/* A block's type may be a reference to a type of the module: two integers, of which the second is like an opcode. Here it is br_table,
 * whose labels would be the instructions that change the table. */
TEST(a_change_is_seen_in_a_block_whose_type_is_two_integers)
{
    static const char *const blocks[] = {"block (result (ref null 14))", "loop (result (ref null 14))",
                                         "i32.const 1 if (result (ref null 14)) ref.null 14 else",
                                         "try_table (result (ref null 14))"};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        bool known;
        autobuf struct buf text = BUF_INIT(1 << 20);
        buf_add(&text, STR("(module (table $t 10 funcref)"));
        for (int type = 0; type < 15; type++)
            buf_add(&text, STR("(type (func))"));
        buf_addf(&text, "(func %s i32.const 0 ref.null func table.set 0", blocks[i]);
        for (int label = 0; label < 70; label++)
            buf_add(&text, STR(" nop"));
        buf_add(&text, STR(" ref.null 14 end drop))"));
        CHECK(!keeps(text.data, &known));
        CHECK(known);
    }
}

TEST(unknown_instructions_are_taken_for_changes)
{
    bool known;
    CHECK(!keeps(
        "(module (type $s (struct (field (mut i32)))) (func (param (ref $s)) (struct.set $s 0 (local.get 0) (i32.const 1))))",
        &known));
    CHECK(known);
    CHECK(!keeps("(module (memory 1 1 shared) (func (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))))", &known));
    CHECK(known);
}

TEST(a_module_without_code_keeps_tables)
{
    bool known;
    CHECK(keeps("(module (table 1 funcref))", &known) && known);
}

TEST(cut_and_random_code_ends)
{
    static const uint8_t starts[][4] = {{0xfc, 0x80, 0x80, 0x80}, {0x0e, 0xff, 0xff, 0xff}, {0x43, 0, 0, 0},
                                        {0x1c, 0xff, 0xff, 0x7f}, {0x28, 0x40, 0x80, 0x80}, {0xff, 0xff, 0xff, 0xff},
                                        {0x41, 0x80, 0x80, 0x80}};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        char bytes[5] = {0};
        memcpy(bytes + 1, starts[i], 4); /* no locals, then the code */
        struct str body = str_n(bytes, sizeof bytes);
        struct module_info info = {.bodies = &body, .func_count = 1};
        CHECK(!module_code_keeps_tables(&info));
    }
}
