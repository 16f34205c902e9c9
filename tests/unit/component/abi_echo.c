/* Random values through real guests: the host calls an export, the guest calls an import with what it got, the host answers with
 * that, and the guest returns it. Everything from the binary to the call takes part; the types are random. */
#include "base/map.h"
#include "component/component.h"

#include "abi_help.h"
#include "tap.h"

#include <inttypes.h>

#define ROUNDS 150
#define CALLS 4

static struct engine *echo_engine(void)
{
    static struct engine *engine;
    struct error err;
    static const struct engine_options options = {
        .max_instances = 16, .max_stacks = 4, .no_cache = true, .max_memory_bytes = 1 << 24};
    if (!engine && engine_new(&options, &engine, &err) != ST_OK)
        tap_fail(__FILE__, __LINE__, "engine: %s", err.message);
    return engine;
}

/* --- a component as text
 * ------------------------------------------------------------------------------------------------------------ */

struct writer {
    struct buf *out;
    const char *names; /* prefix of type names here: $i3 inside the import, $t3 outside */
    bool *defined;     /* by id of the type */
    bool exports;      /* types that must have a name get one as an export */
};

static bool needs_name(const struct cm_type *type)
{
    return type->kind == CM_RECORD || type->kind == CM_VARIANT || type->kind == CM_ENUM || type->kind == CM_FLAGS;
}

/* How a type is referred to. */
static void refer(const struct writer *w, const struct cm_type *type)
{
    if (type->kind < CM_ERROR_CONTEXT)
        buf_addf(w->out, " %s", cm_kind_name(type->kind));
    else
        buf_addf(w->out, " $%s%" PRIu32, w->names, type->id);
}

static void write_parts(const struct writer *w, const struct cm_type *type)
{
    static const char *const words[] = {[CM_RECORD] = "field", [CM_VARIANT] = "case"};
    for (uint32_t i = 0; i < type->count; i++) {
        const struct cm_field *field = &type->fields[i];
        if (type->kind == CM_RECORD || type->kind == CM_VARIANT)
            buf_addf(w->out, " (%s \"%.*s\"", words[type->kind], STR_ARG(field->name));
        else if (type->kind != CM_TUPLE)
            buf_addf(w->out, " \"%.*s\"", STR_ARG(field->name));
        if (field->type)
            refer(w, field->type);
        if (type->kind == CM_RECORD || type->kind == CM_VARIANT)
            buf_addf(w->out, ")");
    }
}

static void write_result(const struct writer *w, const struct cm_type *type)
{
    if (type->fields[0].type)
        refer(w, type->fields[0].type);
    if (type->fields[1].type) {
        buf_addf(w->out, " (error");
        refer(w, type->fields[1].type);
        buf_addf(w->out, ")");
    }
}

static void write_body(const struct writer *w, const struct cm_type *type)
{
    buf_addf(w->out, "(%s", cm_kind_name(type->kind));
    switch (type->kind) {
    case CM_LIST:
        refer(w, type->element);
        break;
    case CM_MAP:
        refer(w, type->element->fields[0].type);
        refer(w, type->element->fields[1].type);
        break;
    case CM_OPTION:
        refer(w, type->fields[1].type);
        break;
    case CM_RESULT:
        write_result(w, type);
        break;
    default:
        write_parts(w, type);
        break;
    }
    buf_addf(w->out, ")");
}

/* Defines a type after the types inside it. Outside the import, named types are aliases of what it exports. */
static void define(const struct writer *w, const struct cm_type *type)
{
    if (type->kind < CM_ERROR_CONTEXT || w->defined[type->id])
        return;
    w->defined[type->id] = true;
    for (uint32_t i = 0; type->fields && i < type->count; i++)
        if (type->fields[i].type)
            define(w, type->fields[i].type);
    if (type->kind == CM_MAP) {
        define(w, type->element->fields[0].type);
        define(w, type->element->fields[1].type);
    } else if (type->element) {
        define(w, type->element);
    }
    bool named = needs_name(type);
    if (named && !w->exports) {
        buf_addf(w->out, "(alias export $echo \"t%" PRIu32 "\" (type $%s%" PRIu32 "))\n", type->id, w->names, type->id);
        return;
    }
    buf_addf(w->out, "(type $%s%s%" PRIu32 " ", named ? "plain-" : "", w->names, type->id);
    write_body(w, type);
    buf_addf(w->out, ")\n");
    if (named)
        buf_addf(w->out, "(export \"t%" PRIu32 "\" (type $%s%" PRIu32 " (eq $plain-%s%" PRIu32 ")))\n", type->id, w->names,
                 type->id, w->names, type->id);
}

static void write_signature(const struct writer *w, const struct cm_type *type)
{
    buf_addf(w->out, "(param \"v\"");
    refer(w, type);
    buf_addf(w->out, ") (result");
    refer(w, type);
    buf_addf(w->out, ")");
}

static void core_types(struct buf *out, const uint8_t *types, unsigned count)
{
    static const char *const names[] = {"i32", "i64", "f32", "f64"};
    for (unsigned i = 0; i < count; i++)
        buf_addf(out, " %s", names[types[i]]);
}

/* The import's arguments are the export's; a result in memory goes to the same place each time. */
static void write_main(struct buf *out, const struct cm_core_signature *lift, const struct cm_core_signature *lower)
{
    buf_addf(out, "(core module $Main (import \"\" \"memory\" (memory 1)) (import \"\" \"f\" (func $f (param");
    core_types(out, lower->params, lower->param_count);
    buf_addf(out, ") (result");
    core_types(out, lower->results, lower->result_count);
    buf_addf(out, ")))\n(func (export \"f\") (param");
    core_types(out, lift->params, lift->param_count);
    buf_addf(out, ") (result");
    core_types(out, lift->results, lift->result_count);
    buf_addf(out, ")\n");
    for (unsigned i = 0; i < lift->param_count; i++)
        buf_addf(out, "local.get %u ", i);
    buf_addf(out, lower->result_in_memory ? "i32.const 4096 call $f i32.const 4096))\n" : "call $f))\n");
}

/* Fresh memory each time; the memory grows, and old contents are copied. */
static const char libc_text[] = "(core module $Libc (memory (export \"memory\") 1) (global $next (mut i32) (i32.const 8192))\n"
                                "(func (export \"realloc\") (param i32 i32 i32 i32) (result i32) (local $at i32)\n"
                                "  (local.set $at (i32.and (i32.add (global.get $next) (i32.sub (local.get 2) (i32.const 1)))\n"
                                "                          (i32.sub (i32.const 0) (local.get 2))))\n"
                                "  (global.set $next (i32.add (local.get $at) (local.get 3)))\n"
                                "  (block $done (loop $more\n"
                                "    (br_if $done (i32.le_u (global.get $next) (i32.shl (memory.size) (i32.const 16))))\n"
                                "    (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable)) (br $more)))\n"
                                "  (memory.copy (local.get $at) (local.get 0)\n"
                                "    (select (local.get 1) (local.get 3) (i32.lt_u (local.get 1) (local.get 3))))\n"
                                "  (local.get $at))\n"
                                "(func (export \"reset\") (param i32) (global.set $next (i32.const 8192)))\n"
                                "(func (export \"reset64\") (param i64) (global.set $next (i32.const 8192)))\n"
                                "(func (export \"reset-f\") (param f32) (global.set $next (i32.const 8192)))\n"
                                "(func (export \"reset-d\") (param f64) (global.set $next (i32.const 8192))))\n"
                                "(core instance $libc (instantiate $Libc))\n"
                                "(alias core export $libc \"memory\" (core memory $memory))\n"
                                "(alias core export $libc \"realloc\" (core func $realloc))\n";

static void write_component(struct buf *out, const struct cm_func_type *func, bool *defined, uint32_t type_count,
                            enum cm_encoding encoding)
{
    static const char *const encoding_names[] = {"utf8", "utf16", "latin1+utf16"};
    static const char *const resets[] = {"reset", "reset64", "reset-f", "reset-d"};
    struct cm_core_signature lift, lower;
    const struct cm_type *type = func->result;
    struct writer inside = {out, "i", defined, true}, outside = {out, "t", defined + type_count, false};
    cm_flatten_func(func, CM_ABI_LIFT_SYNC, &lift);
    cm_flatten_func(func, CM_ABI_LOWER_SYNC, &lower);
    buf_addf(out, "(component\n(import \"test:abi/echo\" (instance $echo\n");
    define(&inside, type);
    buf_addf(out, "(export \"f\" (func ");
    write_signature(&inside, type);
    buf_addf(out, "))))\n%s", libc_text);
    write_main(out, &lift, &lower);
    const char *options = "(memory (core memory $memory)) (realloc (core func $realloc))";
    buf_addf(out, "(core func $f (canon lower (func $echo \"f\") %s string-encoding=%s))\n", options, encoding_names[encoding]);
    buf_addf(out, "(core instance $main (instantiate $Main (with \"\" (instance (export \"memory\" (memory $memory)) "
                  "(export \"f\" (func $f))))))\n");
    define(&outside, type);
    buf_addf(out, "(func (export \"f\") ");
    write_signature(&outside, type);
    buf_addf(out, " (canon lift (core func $main \"f\") %s string-encoding=%s (post-return (core func $libc \"%s\"))))\n)\n",
             options, encoding_names[encoding], resets[lift.results[0]]);
}

/* --- calling it
 * ------------------------------------------------------------------------------------------------------------------- */

struct echo {
    struct arena arena;
    struct cm_types *types;
    struct cm_dynamic dynamic;
    const struct cm_func_type *type;
    struct cm_func_desc import, export;
    struct cm_interface_desc interface;
    struct cm_linker *linker;
    struct cm_component *component;
    struct cm_linked *linked;
};

static enum status echo_invoke(struct cm_call *call, const void *args, void *ret)
{
    memcpy(ret, args, cm_call_func(call)->result->size);
    return ST_OK;
}

/* Fixed lists are gated, and anonymous types of every other kind may stand in a signature. */
static bool is_plain(const struct cm_type *type)
{
    bool plain = type->kind != CM_FIXED_LIST && type->kind != CM_ERROR_CONTEXT;
    for (uint32_t i = 0; plain && type->fields && i < type->count; i++)
        plain = !type->fields[i].type || is_plain(type->fields[i].type);
    return plain && (!type->element || is_plain(type->element));
}

static enum status echo_types(struct echo *e, struct random *random, struct error *err)
{
    struct cm_field param = {STR_INIT("v"), NULL, 0};
    const struct cm_func_desc *desc;
    do
        param.type = random_type(random, e->types, 0);
    while (!is_plain(param.type));
    TRY(cm_type_func(e->types, false, &param, 1, param.type, &e->type, err));
    TRY(cm_dynamic_func(&e->dynamic, STR("f"), e->type, &desc, err));
    e->import = e->export = *desc;
    e->import.invoke = echo_invoke;
    e->interface = (struct cm_interface_desc){.name = "test:abi/echo", .func_count = 1, .funcs = &e->import};
    return ST_OK;
}

static enum status echo_open(struct echo *e, struct random *random, struct buf *text, struct error *err)
{
    autobuf struct buf binary = BUF_INIT(BUF_UNLIMITED);
    static const struct cm_load_options options = {.gates = 0};
    arena_init(&e->arena, SIZE_MAX);
    e->types = cm_types_new(&e->arena);
    cm_dynamic_init(&e->dynamic, &e->arena, NULL);
    do
        TRY(echo_types(e, random, err));
    while (e->import.args_size > CM_MAX_ARGS);
    uint32_t type_count = cm_types_count(e->types);
    bool *defined = arena_array(&e->arena, type_count * 2, sizeof *defined);
    write_component(text, e->type, defined, type_count, random_below(random, 3));
    TRY(engine_wat2wasm(buf_str(text), &binary, err));
    TRY(cm_component_load(echo_engine(), buf_str(&binary), &options, &e->component, err));
    TRY(cm_linker_new(&e->linker));
    TRY(cm_linker_add(e->linker, &e->interface, NULL, err));
    return cm_link(e->component, e->linker, &e->linked, err);
}

static void echo_close(struct echo *e)
{
    cm_linked_free(e->linked);
    cm_component_unref(e->component);
    cm_linker_free(e->linker);
    cm_dynamic_release(&e->dynamic);
    cm_types_release(e->types);
    arena_release(&e->arena);
}

static enum status echo_calls(struct echo *e, struct random *random, bool *ret_same, struct error *err)
{
    struct cm_instance *instance;
    const struct cm_export *export;
    const struct cm_type_desc *desc = e->export.result;
    *ret_same = true;
    TRY(cm_export_find(e->linked, NULL, &e->export, &export, err));
    TRY(cm_instantiate(e->linked, NULL, &instance, err));
    enum status status = ST_OK;
    for (int i = 0; i < CALLS && status == ST_OK && *ret_same; i++) {
        void *value = arena_alloc(&e->arena, desc->size), *back = arena_alloc(&e->arena, desc->size);
        random_value(random, &e->arena, desc, value);
        status = cm_call_export(instance, export, value, back, err);
        if (status == ST_OK)
            *ret_same = str_eq(value_text(&e->arena, desc, value), value_text(&e->arena, desc, back));
    }
    cm_instance_free(instance);
    return status;
}

TEST(real_guests_echo_random_values)
{
    struct random random = {3};
    bool good = echo_engine() != NULL;
    for (int round = 0; round < ROUNDS && good; round++) {
        autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
        struct echo e = {.linked = NULL};
        struct error err;
        bool same = false;
        enum status status = echo_open(&e, &random, &text, &err);
        if (status == ST_OK)
            status = echo_calls(&e, &random, &same, &err);
        if (status != ST_OK)
            good = tap_fail(__FILE__, __LINE__, "%s\n%.*s", err.message, STR_ARG(buf_str(&text)));
        else if (!same)
            good = tap_fail(__FILE__, __LINE__, "another value came back\n%.*s", STR_ARG(buf_str(&text)));
        echo_close(&e);
    }
    CHECK(good);
}

/* --- results that nobody gets
 * ------------------------------------------------------------------------------------------------------ */

static enum status count_drop(struct cm_call *call, void *object)
{
    (void)call;
    ++*(int *)object;
    return ST_OK;
}

static const struct cm_interface_desc things;
static const struct cm_resource_desc thing = {.name = "thing", .interface = &things, .drop = count_drop};
static const struct cm_named_type_desc thing_types[] = {{"thing", NULL, &thing}};
static const struct cm_interface_desc things = {.name = "test:abi/things", .type_count = 1, .types = thing_types};
static const struct cm_type_desc own_thing = {.kind = CM_OWN, .size = 8, .align = 8, .resource = &thing};
static const struct cm_type_desc borrow_thing = {.kind = CM_BORROW, .size = 8, .align = 8, .resource = &thing};
static const struct cm_field_desc keep_params[] = {{"b", &borrow_thing, 0}, {"o", &own_thing, 8}};
static const struct cm_func_desc keep_func = {
    .name = "keep", .param_count = 2, .params = keep_params, .args_size = 16, .result = &own_thing};

/* Returns what it owns, but keeps what it borrowed. */
static const char keep_text[] =
    "(component (import \"test:abi/things\" (instance $i (export \"thing\" (type (sub resource)))))\n"
    "(alias export $i \"thing\" (type $thing))\n"
    "(core module $M (func (export \"keep\") (param i32 i32) (result i32) local.get 1))\n"
    "(core instance $m (instantiate $M))\n"
    "(func (export \"keep\") (param \"b\" (borrow $thing)) (param \"o\" (own $thing)) (result (own $thing))\n"
    "  (canon lift (core func $m \"keep\"))))";

TEST(an_owned_result_of_a_failed_call_is_dropped)
{
    autobuf struct buf binary = BUF_INIT(BUF_UNLIMITED);
    static const struct cm_load_options options = {.gates = 0};
    struct cm_component *component;
    struct cm_linker *linker;
    struct cm_linked *linked;
    struct cm_instance *instance;
    const struct cm_export *keep;
    struct error err = {.message = ""};
    int lent = 0, given = 0;
    struct {
        int *lent, *given;
    } args = {&lent, &given};
    int *ret;
    CHECK_EQ(engine_wat2wasm(str_of(keep_text), &binary, &err), ST_OK);
    CHECK_EQ(cm_component_load(echo_engine(), buf_str(&binary), &options, &component, &err), ST_OK);
    CHECK_EQ(cm_linker_new(&linker), ST_OK);
    CHECK_EQ(cm_linker_add(linker, &things, NULL, &err), ST_OK);
    CHECK_EQ(cm_link(component, linker, &linked, &err), ST_OK);
    CHECK_EQ(cm_export_find(linked, NULL, &keep_func, &keep, &err), ST_OK);
    CHECK_EQ(cm_instantiate(linked, NULL, &instance, &err), ST_OK);
    CHECK_EQ(cm_call_export(instance, keep, &args, &ret, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "borrow handles still remain at the end of the call");
    CHECK(given == 1 && lent == 0);
    CHECK(cm_instance_poisoned(instance));
    cm_instance_free(instance);
    cm_linked_free(linked);
    cm_linker_free(linker);
    cm_component_unref(component);
    CHECK(given == 1 && lent == 0);
}
