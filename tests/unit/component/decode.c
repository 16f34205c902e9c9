#include "decode_help.h"
#include "tap.h"

/* --- bytes ----------------------------------------------------------------------------------------------------------- */

#define PREAMBLE "\0asm\x0d\0\1\0"
#define BYTES(literal)                                                                                                             \
    {                                                                                                                              \
        "" literal, sizeof(literal) - 1                                                                                            \
    }

static const struct {
    struct str bytes;
    const char *message; /* NULL: it loads */
} binaries[] = {
    {BYTES(PREAMBLE), NULL},
    {BYTES("\0asm\x0d\0\1"), "unexpected end-of-file"},
    {BYTES("\0ASM\x0d\0\1\0"), "magic header not detected"},
    {BYTES("\0asm\1\0\0\0"), "found that of a core module"},
    {BYTES("\0asm\x0e\0\1\0"), "unknown binary version"},
    {BYTES("\0asm\x0d\0\2\0"), "unknown binary version"},
    {BYTES(PREAMBLE "\x0d\0"), "malformed section id: 13"},
    {BYTES(PREAMBLE "\7\5\0"), "a section of 5 bytes, of which 1 are there"},
    {BYTES(PREAMBLE "\7\2\0\0"), "unexpected data at the end of a section"},
    {BYTES(PREAMBLE "\7\x86\x80\x80\x80\x80\0\0"), "integer representation too long"},
    {BYTES(PREAMBLE "\7\x81\x80\x80\x80\x10\0"), "integer too large"},
    {BYTES(PREAMBLE "\7\x81\x80\x80\x80\0\0"), NULL}, /* a size in more bytes than it needs */
    {BYTES(PREAMBLE "\7\2\5\x7f"), "5 definitions of a section in 1 bytes"},
    {BYTES(PREAMBLE "\0\3\2hi"), NULL},
    {BYTES(PREAMBLE "\0\3\5hi"), "a name of 5 bytes, of which 2 are there"},
    {BYTES(PREAMBLE "\0\3\2\xff\xfe"), "malformed UTF-8"},
    {BYTES(PREAMBLE "\0\x10\x0e"
                    "component-name"
                    "\x07"),
     NULL}, /* not well-formed inside: for people only */
    {BYTES(PREAMBLE "\7\3\1\x70\x7f"), NULL},
    {BYTES(PREAMBLE "\7\3\1\x70\x40"), "invalid leading byte (0x40) for component value type"},
    {BYTES(PREAMBLE "\7\2\1\x6c"), "invalid leading byte (0x6c) for component defined type"},
    {BYTES(PREAMBLE "\7\3\1\x70\0"), "unknown type 0"},
    {BYTES(PREAMBLE "\7\7\1\x71\1\1z\0\1"), "for zero byte required"},
    {BYTES(PREAMBLE "\6\6\1\1\2\0\0"), "a section of 6 bytes"},
    {BYTES(PREAMBLE "\6\5\1\1\2\0\0"), "a function cannot be aliased this way"},
    {BYTES(PREAMBLE "\6\6\1\0\x13\2\0\0"), "for component outer alias kind"},
    {BYTES(PREAMBLE "\x09\1\0"), "feature \"values\" is not enabled"},
    {BYTES(PREAMBLE "\x0c\1\0"), "feature \"values\" is not enabled"},
    {BYTES(PREAMBLE "\x0a\5\1\3\1x\1"), "for component name"},
    {BYTES(PREAMBLE "\x08\2\1\7"), "for canonical function"},
    {BYTES(PREAMBLE "\x08\3\1\x0c\2"), "invalid boolean value 0x2"},
    {BYTES(PREAMBLE "\1\x08\0asm\x0d\0\1\0"), "in the section at offset 0xa: core module"},
};

TEST(binaries_load_or_say_why)
{
    for (size_t i = 0; i < sizeof binaries / sizeof *binaries; i++) {
        autodecoded struct decoded d;
        decode_bytes(&d, binaries[i].bytes, 0);
        bool as_wanted = binaries[i].message ? d.status != ST_OK && error_has(&d.err, binaries[i].message) : d.status == ST_OK;
        if (!as_wanted)
            tap_fail(__FILE__, __LINE__, "case %zu: %s", i, d.status == ST_OK ? "loads" : d.err.message);
    }
}

TEST(errors_name_the_offset)
{
    autodecoded struct decoded d;
    decode_bytes(&d, (struct str)BYTES(PREAMBLE "\7\4\2\x7f\x70\5"), 0);
    CHECK_EQ(d.status, ST_INVALID);
    CHECK(error_has(&d.err, "unknown type 5: type index out of bounds (at offset 0xc)"));
}

TEST(component_or_module)
{
    CHECK(cm_is_component((struct str)BYTES(PREAMBLE)));
    CHECK(!cm_is_component((struct str)BYTES("\0asm\1\0\0\0")));
    CHECK(!cm_is_component((struct str)BYTES("\0asm\x0d")));
    CHECK(!cm_is_component(STR("(component)")));
}

/* --- the definitions of a body --------------------------------------------------------------------------------------- */

/* What toolchains make of a component that imports one interface and exports one function, in small. */
static const char typical[] = "(component $outer\n"
                              "  (import \"a:b/log\" (instance $log (export \"print\" (func (param \"text\" string)))))\n"
                              "  (core module $main\n"
                              "    (import \"a:b/log\" \"print\" (func (param i32 i32)))\n"
                              "    (memory (export \"memory\") 1)\n"
                              "    (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) unreachable)\n"
                              "    (func (export \"run\") (param i32 i32) (result i32) unreachable)\n"
                              "    (func (export \"after\") (param i32)))\n"
                              "  (core module $shim (func (export \"0\") (param i32 i32)))\n"
                              "  (core instance $s (instantiate $shim))\n"
                              "  (core instance $args (export \"print\" (func $s \"0\")))\n"
                              "  (core instance $m (instantiate $main (with \"a:b/log\" (instance $args))))\n"
                              "  (alias core export $m \"memory\" (core memory $memory))\n"
                              "  (alias core export $m \"realloc\" (core func $realloc))\n"
                              "  (alias export $log \"print\" (func $print))\n"
                              "  (core func $lowered (canon lower (func $print) (memory $memory) string-encoding=utf16))\n"
                              "  (func $run (param \"in\" string) (result string) (canon lift (core func $m \"run\")\n"
                              "    (memory $memory) (realloc $realloc) (post-return (core func $m \"after\"))))\n"
                              "  (export \"run\" (func $run)))";

TEST(definitions_in_order)
{
    static const enum cm_def_kind order[] = {
        CM_DEF_TYPE,
        CM_DEF_IMPORT,
        CM_DEF_CORE_MODULE,
        CM_DEF_CORE_MODULE,
        CM_DEF_CORE_INSTANTIATE,
        CM_DEF_ALIAS_CORE_EXPORT,
        CM_DEF_CORE_BUNDLE,
        CM_DEF_CORE_INSTANTIATE,
        CM_DEF_ALIAS_CORE_EXPORT,
        CM_DEF_ALIAS_CORE_EXPORT,
        CM_DEF_ALIAS_EXPORT,
        CM_DEF_CANON,
        CM_DEF_TYPE,
        CM_DEF_ALIAS_CORE_EXPORT,
        CM_DEF_ALIAS_CORE_EXPORT,
        CM_DEF_CANON,
        CM_DEF_EXPORT,
    };
    autodecoded struct decoded d;
    decode_text(&d, typical, 0);
    CHECK_EQ(d.status, ST_OK);
    const struct cm_body *root = d.ir.root;
    CHECK_EQ(root->def_count, sizeof order / sizeof *order);
    uint32_t next[CM_SORT_COUNT] = {0};
    for (uint32_t i = 0; i < root->def_count; i++) {
        CHECK_EQ(root->defs[i].kind, order[i]);
        CHECK_EQ(root->defs[i].index, next[root->defs[i].sort]);
        next[root->defs[i].sort]++;
    }
    for (int sort = 0; sort < CM_SORT_COUNT; sort++)
        CHECK_EQ(root->item_count[sort], next[sort]);
    CHECK_STR(root->name, "outer");
    CHECK_EQ(d.ir.module_count, 2);
}

TEST(lift_and_lower)
{
    autodecoded struct decoded d;
    decode_text(&d, typical, 0);
    CHECK_EQ(d.status, ST_OK);
    const struct cm_canon *lower = &find_def(d.ir.root, CM_DEF_CANON, 0)->canon,
                          *lift = &find_def(d.ir.root, CM_DEF_CANON, 1)->canon;
    CHECK_EQ(lower->kind, CM_CANON_LOWER);
    CHECK_EQ(lower->options.encoding, CM_ENCODING_UTF16);
    CHECK_EQ(lower->options.memory, 0);
    CHECK_EQ(lower->options.realloc, CM_NO_INDEX);
    CHECK_EQ(lower->func, 0);
    CHECK_EQ(lower->signature->param_count, 1);
    CHECK_EQ(lift->kind, CM_CANON_LIFT);
    CHECK_EQ(lift->options.encoding, CM_ENCODING_UTF8);
    CHECK_EQ(lift->options.realloc, 1);
    CHECK(lift->options.post_return != CM_NO_INDEX);
    CHECK_EQ(lift->options.callback, CM_NO_INDEX);
    CHECK_EQ(lift->signature->result->kind, CM_STRING);
    const struct cm_def *export = find_def(d.ir.root, CM_DEF_EXPORT, 0);
    CHECK_EQ(export->sort, CM_SORT_FUNC);
    CHECK_EQ(export->export_.index, 1);
    CHECK(d.ir.root->items[CM_SORT_FUNC][export->index].type->func == lift->signature);
}

TEST(modules_and_their_instances)
{
    autodecoded struct decoded d;
    decode_text(&d, typical, 0);
    CHECK_EQ(d.status, ST_OK);
    const struct cm_def *module = find_def(d.ir.root, CM_DEF_CORE_MODULE, 0),
                        *made = find_def(d.ir.root, CM_DEF_CORE_INSTANTIATE, 1);
    CHECK(module->module.bytes.data > d.binary.data);
    CHECK_EQ(module->module.info->export_count, 4);
    CHECK_EQ(made->core_instantiate.module, 0);
    CHECK_EQ(made->core_instantiate.arg_count, 1);
    CHECK_STR(made->core_instantiate.args[0].name, "a:b/log");
    CHECK_EQ(made->core_instantiate.args[0].instance, 1);
    const struct cm_core_exports *exports = d.ir.root->items[CM_SORT_CORE_INSTANCE][made->index].core_instance;
    CHECK_EQ(exports->count, 4);
    CHECK_EQ(cm_core_export_find(exports, STR("memory"))->type.kind, ENGINE_MEMORY);
    CHECK(!cm_core_export_find(exports, STR("memories")));
    const struct cm_def *bundle = find_def(d.ir.root, CM_DEF_CORE_BUNDLE, 0);
    CHECK_EQ(bundle->bundle.count, 1);
    CHECK_EQ(bundle->bundle.items[0].sort, CM_SORT_CORE_FUNC);
}

TEST(nested_bodies_and_outer_aliases)
{
    autodecoded struct decoded d;
    decode_text(&d,
                "(component $a (core module $m) (type $t (list u8))\n"
                "  (component $b (component $c (alias outer $a $m (core module)) (alias outer $a $t (type))\n"
                "    (alias outer $b 0 (core module)))))",
                0);
    CHECK_EQ(d.status, ST_INVALID); /* $b has no module */
    decoded_release(&d);
    decode_text(&d,
                "(component $a (core module $m) (type $t (list u8))\n"
                "  (component $b (alias outer $a $m (core module $own)) (component $c\n"
                "    (alias outer $a $t (type)) (alias outer $b $own (core module)))))",
                0);
    CHECK_EQ(d.status, ST_OK);
    CHECK_EQ(d.ir.body_count, 3);
    const struct cm_body *b = find_def(d.ir.root, CM_DEF_COMPONENT, 0)->body, *c = find_def(b, CM_DEF_COMPONENT, 0)->body;
    CHECK(c->parent == b && b->parent == d.ir.root && !d.ir.root->parent);
    CHECK_EQ(c->depth, 2);
    const struct cm_def *type = find_def(c, CM_DEF_ALIAS_OUTER, 0), *module = find_def(c, CM_DEF_ALIAS_OUTER, 1);
    CHECK_EQ(type->sort, CM_SORT_TYPE);
    CHECK_EQ(type->outer.count, 2);
    CHECK_EQ(type->outer.index, 0);
    CHECK_EQ(module->sort, CM_SORT_CORE_MODULE);
    CHECK_EQ(module->outer.count, 1);
    CHECK(c->items[CM_SORT_TYPE][0].type->value->element->kind == CM_U8);
}

/* --- resources ------------------------------------------------------------------------------------------------------- */

TEST(imported_resources_are_introduced)
{
    autodecoded struct decoded d;
    decode_text(&d,
                "(component\n"
                "  (import \"r\" (type $r (sub resource)))\n"
                "  (import \"s\" (type (eq $r)))\n"
                "  (import \"i\" (instance (export \"plain\" (func)) (export \"t\" (type (sub resource)))\n"
                "    (export \"in\" (instance (export \"u\" (type (sub resource))))))))",
                0);
    CHECK_EQ(d.status, ST_OK);
    const struct cm_def *r = find_def(d.ir.root, CM_DEF_IMPORT, 0), *s = find_def(d.ir.root, CM_DEF_IMPORT, 1);
    const struct cm_def *i = find_def(d.ir.root, CM_DEF_IMPORT, 2);
    CHECK_EQ(r->introduced_count, 1);
    CHECK_EQ(r->introduced[0].path_len, 0);
    CHECK_EQ(s->introduced_count, 0);
    CHECK_EQ(d.ir.root->items[CM_SORT_TYPE][s->index].type->resource, r->introduced[0].resource);
    CHECK_EQ(i->introduced_count, 2);
    CHECK_EQ(i->introduced[0].path_len, 1);
    CHECK_STR(i->introduced[0].path[0], "t");
    CHECK_EQ(i->introduced[1].path_len, 2);
    CHECK_STR(i->introduced[1].path[0], "in");
    CHECK_STR(i->introduced[1].path[1], "u");
    CHECK(i->introduced[0].resource != i->introduced[1].resource);
    CHECK(i->introduced[1].resource < d.ir.resource_count);
    const struct cm_component_type *type = d.ir.root->type;
    CHECK_EQ(type->imported_count, 3);
    CHECK_STR(type->imported[2].path[0], "i");
    CHECK_EQ(type->imported[2].path_len, 3);
}

TEST(each_instance_has_its_own_resources)
{
    autodecoded struct decoded d;
    decode_text(&d,
                "(component\n"
                "  (component $c (type $r (resource (rep i32))) (export \"r\" (type $r)))\n"
                "  (instance $x (instantiate $c)) (instance $y (instantiate $c))\n"
                "  (alias export $x \"r\" (type $xr)) (alias export $y \"r\" (type $yr)))",
                0);
    CHECK_EQ(d.status, ST_OK);
    const struct cm_def *x = find_def(d.ir.root, CM_DEF_INSTANTIATE, 0), *y = find_def(d.ir.root, CM_DEF_INSTANTIATE, 1);
    const struct cm_extern *types = d.ir.root->items[CM_SORT_TYPE];
    CHECK_EQ(x->introduced_count, 1);
    CHECK_STR(x->introduced[0].path[0], "r");
    CHECK(x->introduced[0].resource != y->introduced[0].resource);
    CHECK_EQ(types[0].type->resource, x->introduced[0].resource);
    CHECK_EQ(types[1].type->resource, y->introduced[0].resource);
    const struct cm_body *c = find_def(d.ir.root, CM_DEF_COMPONENT, 0)->body;
    CHECK_EQ(c->type->defined_count, 1);
    CHECK_EQ(c->type->defined[0].resource, find_def(c, CM_DEF_RESOURCE, 0)->resource.resource);
}

/* A resource that goes in through `with` and comes out of an export is the same one. */
TEST(resources_thread_through_instances)
{
    autodecoded struct decoded d;
    decode_text(&d,
                "(component\n"
                "  (type $r (resource (rep i32)))\n"
                "  (component $c (import \"in\" (type $t (sub resource))) (export \"out\" (type $t)))\n"
                "  (instance $i (instantiate $c (with \"in\" (type $r))))\n"
                "  (alias export $i \"out\" (type $s))\n"
                "  (core func (canon resource.rep $s)))",
                0);
    CHECK_EQ(d.status, ST_OK);
    const struct cm_extern *types = d.ir.root->items[CM_SORT_TYPE];
    CHECK_EQ(types[0].type->resource, types[1].type->resource);
    CHECK_EQ(find_def(d.ir.root, CM_DEF_CANON, 0)->canon.resource, types[0].type->resource);
    CHECK_EQ(find_def(d.ir.root, CM_DEF_INSTANTIATE, 0)->introduced_count, 0);
}

/* An export may hide what resource it is. */
TEST(opaque_exports_introduce_a_resource)
{
    autodecoded struct decoded d;
    decode_text(&d, "(component (type $r (resource (rep i32))) (export \"r\" (type $r) (type (sub resource))))", 0);
    CHECK_EQ(d.status, ST_OK);
    const struct cm_def *export = find_def(d.ir.root, CM_DEF_EXPORT, 0);
    CHECK_EQ(export->introduced_count, 1);
    CHECK(export->introduced[0].resource != find_def(d.ir.root, CM_DEF_RESOURCE, 0)->resource.resource);
}

/* --- built-ins and gates --------------------------------------------------------------------------------------------- */

#define LIBC                                                                                                                       \
    "(core module $libc (memory (export \"m\") 1) (table (export \"t\") 1 funcref)"                                                \
    " (func (export \"f\")) (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) unreachable))"                         \
    "(core instance $libc (instantiate $libc)) (alias core export $libc \"m\" (core memory $m))"                                   \
    "(alias core export $libc \"realloc\" (core func $realloc)) (alias core export $libc \"t\" (core table $t))"                   \
    "(type $s (stream u8)) (type $f (future string)) (core type $start (func (param i32)))"

static const struct {
    const char *text;
    uint32_t gate;
    const char *message;
} gated[] = {
    {"(component (type (list u8 4)))", CM_GATE_FIXED_LISTS, "fixed-length lists"},
    {"(component (type error-context))", CM_GATE_ERROR_CONTEXT, "error-context"},
    {"(component (type (option error-context)))", CM_GATE_ERROR_CONTEXT, "error-context"},
    {"(component (core func (canon error-context.drop)))", CM_GATE_ERROR_CONTEXT, "error-context"},
    {"(component (core func (canon subtask.cancel async)))", CM_GATE_ASYNC_BUILTINS, "more async built-ins"},
    {"(component " LIBC "(core func (canon stream.read $s (memory $m))))", CM_GATE_ASYNC_BUILTINS, "more async built-ins"},
    {"(component " LIBC "(core func (canon future.cancel-write $f async)))", CM_GATE_ASYNC_BUILTINS, "more async built-ins"},
    {"(component " LIBC "(func async (canon lift (core func $libc \"f\") async)))", CM_GATE_ASYNC_STACKFUL, "async stackful lifts"},
    {"(component (core func (canon thread.index)))", CM_GATE_THREADS, "threads"},
    {"(component " LIBC "(core func (canon thread.new-indirect $start $t)))", CM_GATE_THREADS, "threads"},
    {"(component (type (resource (rep i64))))", CM_GATE_MEMORY64, "64-bit memories"},
    {"(component (core func (canon context.get i64 0)))", CM_GATE_MEMORY64, "64-bit memories"},
    {"(component (core module $m (memory (export \"m\") i64 1)) (core instance $i (instantiate $m))"
     " (core func (canon waitable-set.wait (memory (core memory $i \"m\")))))",
     CM_GATE_MEMORY64, "64-bit memories"},
    {"(component (import \"v\" (value u8)))", CM_GATE_VALUES, "values"},
};

TEST(gates)
{
    for (size_t i = 0; i < sizeof gated / sizeof *gated; i++) {
        autodecoded struct decoded off, on;
        bool can_open = gated[i].gate & CM_GATE_ALL;
        decode_text(&off, gated[i].text, CM_GATE_ALL & ~gated[i].gate);
        decode_text(&on, gated[i].text, gated[i].gate);
        if (off.status != ST_UNSUPPORTED || !error_has(&off.err, gated[i].message))
            tap_fail(__FILE__, __LINE__, "%s: %s", gated[i].text, off.err.message);
        if ((on.status == ST_OK) != can_open)
            tap_fail(__FILE__, __LINE__, "%s: with its gate: %s", gated[i].text, on.err.message);
    }
}

TEST(built_ins_have_their_types)
{
    static const struct {
        enum cm_canon_kind kind;
        uint32_t params, results;
    } wanted[] = {
        {CM_CANON_TASK_RETURN, 2, 0},    {CM_CANON_TASK_CANCEL, 0, 0},       {CM_CANON_STREAM_NEW, 0, 1},
        {CM_CANON_STREAM_READ, 3, 1},    {CM_CANON_FUTURE_WRITE, 2, 1},      {CM_CANON_FUTURE_CANCEL_READ, 1, 1},
        {CM_CANON_CONTEXT_SET, 1, 0},    {CM_CANON_WAITABLE_SET_POLL, 2, 1}, {CM_CANON_WAITABLE_JOIN, 2, 0},
        {CM_CANON_SUBTASK_CANCEL, 1, 1}, {CM_CANON_THREAD_YIELD, 0, 1},      {CM_CANON_BACKPRESSURE_INC, 0, 0},
    };
    autodecoded struct decoded d;
    decode_text(&d,
                "(component " LIBC "(core func (canon task.return (result string) (memory $m))) (core func (canon task.cancel))"
                "(core func (canon stream.new $s)) (core func (canon stream.read $s async (memory $m)))"
                "(core func (canon future.write $f async (memory $m))) (core func (canon future.cancel-read $f))"
                "(core func (canon context.set i32 1)) (core func (canon waitable-set.poll (memory $m)))"
                "(core func (canon waitable.join)) (core func (canon subtask.cancel)) (core func (canon thread.yield))"
                "(core func (canon backpressure.inc)))",
                0);
    CHECK_EQ(d.status, ST_OK);
    for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const struct cm_def *def = find_def(d.ir.root, CM_DEF_CANON, i);
        const struct engine_func_type *type = &d.ir.root->items[CM_SORT_CORE_FUNC][def->index].core->func;
        CHECK_EQ(def->canon.kind, wanted[i].kind);
        CHECK_EQ(type->param_count, wanted[i].params);
        CHECK_EQ(type->result_count, wanted[i].results);
    }
    CHECK_EQ(find_def(d.ir.root, CM_DEF_CANON, 3)->canon.element->kind, CM_U8);
    CHECK_EQ(find_def(d.ir.root, CM_DEF_CANON, 6)->canon.slot, 1);
    CHECK_EQ(find_def(d.ir.root, CM_DEF_CANON, 0)->canon.signature->result->kind, CM_STRING);
}

/* --- bounds ---------------------------------------------------------------------------------------------------------- */

static void repeat(struct buf *out, const char *text, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        buf_add(out, str_of(text));
}

static void check_limit(const struct decoded *d, const char *message)
{
    if (d->status != ST_LIMIT || !error_has(&d->err, message))
        tap_fail(__FILE__, __LINE__, "wanted \"%s\", got: %s", message, d->status == ST_OK ? "loaded" : d->err.message);
}

static void expect_limit(const char *text, const char *message)
{
    autodecoded struct decoded d;
    decode_text(&d, text, CM_GATE_ALL);
    check_limit(&d, message);
}

/* Components inside each other, deeper than the assembler would go. */
static void nest_components(struct buf *out, unsigned depth)
{
    autobuf struct buf inner = BUF_INIT(BUF_UNLIMITED);
    buf_add(&inner, str_n(PREAMBLE, 8));
    while (depth-- > 0) {
        size_t len = inner.len;
        buf_clear(out);
        buf_add(out, str_n(PREAMBLE "\4", 9));
        const char size[3] = {(char)(len | 0x80), (char)(len >> 7 | 0x80), (char)(len >> 14)};
        buf_add(out, str_n(size, 3));
        buf_add(out, buf_str(&inner));
        buf_clear(&inner);
        buf_add(&inner, buf_str(out));
    }
}

/* Small text, exponential meaning: each level holds the one before twice. */
TEST(exponential_types_are_bounded)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    buf_add(&text, STR("(component (type (tuple u8 u8))"));
    for (unsigned i = 0; i < 60; i++)
        buf_addf(&text, "(type (tuple %u %u))", i, i);
    buf_add(&text, STR(")"));
    expect_limit(text.data, "exceeds the limit");
}

/* Each level exports two instances of the level below: resources double. */
TEST(exponential_instances_are_bounded)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    buf_add(&text, STR("(component (component (type (resource (rep i32))) (export \"a\" (type 0)))"));
    for (unsigned i = 0; i < 40; i++)
        buf_addf(&text,
                 "(component (alias outer 1 %u (component)) (instance (instantiate 0)) (instance (instantiate 0))"
                 " (export \"a\" (instance 0)) (export \"b\" (instance 1)))",
                 i);
    buf_add(&text, STR(")"));
    expect_limit(text.data, "resource types");
}

TEST(depths_are_bounded)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    autodecoded struct decoded fits, deeper;
    nest_components(&text, CM_LIMIT_NESTING);
    decode_bytes(&fits, buf_str(&text), 0);
    CHECK_EQ(fits.status, ST_OK);
    CHECK_EQ(fits.ir.body_count, CM_LIMIT_NESTING + 1);
    nest_components(&text, CM_LIMIT_NESTING + 1);
    decode_bytes(&deeper, buf_str(&text), 0);
    check_limit(&deeper, "nested deeper than");
    buf_clear(&text);
    buf_add(&text, STR("(component (type (list u8))"));
    for (unsigned i = 0; i < 150; i++)
        buf_addf(&text, "(type (list %u))", i);
    buf_add(&text, STR(")"));
    expect_limit(text.data, "deeper than");
    buf_clear(&text);
    buf_add(&text, STR("(component (type (instance))"));
    for (unsigned i = 0; i < 150; i++)
        buf_addf(&text, "(type (instance (alias outer 1 %u (type $t)) (export \"i\" (instance (type $t)))))", i);
    buf_add(&text, STR(")"));
    expect_limit(text.data, "deeper than");
}

/* A chain of aliases may be long: it costs no stack. */
TEST(long_chains_of_aliases)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    buf_add(&text, STR("(component (type (resource (rep i32))) (component $c (import \"r\" (type (sub resource)))"));
    for (unsigned i = 0; i < 20000; i++)
        buf_addf(&text, "(export \"e%u\" (type %u))", i, i);
    buf_add(&text, STR(") (instance (instantiate $c (with \"r\" (type 0)))) (export \"out\" (instance 0)))"));
    autodecoded struct decoded d;
    decode_text(&d, text.data, 0);
    CHECK_EQ(d.status, ST_OK);
    const struct cm_deftype *instance = d.ir.root->items[CM_SORT_INSTANCE][0].type;
    CHECK_EQ(instance->instance->exports.count, 20000);
    CHECK_EQ(instance->instance->exports.items[19999].type.type->resource,
             find_def(d.ir.root, CM_DEF_RESOURCE, 0)->resource.resource);
}

TEST(counts_are_bounded)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    buf_add(&text, STR("(component (component $c)"));
    repeat(&text, "(instance (instantiate $c))", CM_LIMIT_INSTANCES + 1);
    buf_add(&text, STR(")"));
    expect_limit(text.data, "more than 1000 of sort instance");
    buf_clear(&text);
    buf_add(&text, STR("(component (type (record"));
    for (unsigned i = 0; i <= CM_LIMIT_FIELDS; i++)
        buf_addf(&text, "(field \"f%u\" u8)", i);
    buf_add(&text, STR(")))"));
    expect_limit(text.data, "record fields exceed the limit");
}

/* --- damage ---------------------------------------------------------------------------------------------------------- */

static const char *const rich[] = {
    typical,
    "(component (import \"a:b/c@1.2.3\" (instance $i (export \"r\" (type $r (sub resource))) (export \"e\" (type (eq $r)))"
    " (export \"[constructor]r\" (func (result (own $r)))) (export \"[method]r.m\" (func (param \"self\" (borrow $r))))))"
    " (alias export $i \"r\" (type $r)) (component $w (import \"r\" (type $t (sub resource))) (import \"f\" (func $f (result (own "
    "$t))))"
    " (export $o \"o\" (type $t)) (export \"g\" (func $f) (func (result (own $o)))))"
    " (core func (canon resource.drop $r)))",
    "(component (type (component (import \"x\" (instance (export \"t\" (type (sub resource))))) (export \"y\" (func async)))))"
    " ",
    "(component " LIBC "(core func (canon stream.read $s async (memory $m) (realloc $realloc))) (core func (canon future.new $f))"
    " (type (map string (tuple u8 f64 char))) (type (flags \"a\" \"b\")) (type (variant (case \"x\" u8) (case \"y\"))))",
};

/* Nothing that is cut short or changed in one byte may do more than fail, and the arena's bound holds. */
TEST(damaged_components_fail_cleanly)
{
    for (size_t i = 0; i < sizeof rich / sizeof *rich; i++) {
        autodecoded struct decoded whole;
        decode_text(&whole, rich[i], CM_GATE_ALL);
        if (whole.status != ST_OK)
            tap_fail(__FILE__, __LINE__, "%s: %s", rich[i], whole.err.message);
        for (size_t at = 0; at < whole.binary.len; at++) {
            autodecoded struct decoded cut, changed;
            decode_bytes(&cut, str_n(whole.binary.data, at), CM_GATE_ALL);
            CHECK(cut.status == ST_OK || cut.err.message[0]);
            char saved = whole.binary.data[at];
            whole.binary.data[at] = (char)(saved + 1 + (char)(at * 7));
            decode_bytes(&changed, buf_str(&whole.binary), CM_GATE_ALL);
            CHECK(changed.status == ST_OK || changed.err.message[0]);
            whole.binary.data[at] = saved;
        }
    }
}
