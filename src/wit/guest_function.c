/* Functions: how they look in C, and the code between that and the core function. Names made up here have two underscores in a row,
 * which no WIT name becomes. */
#include "wit/guest_private.h"

/* What C makes of a result: nothing, the value, `*ret`; for an option a bool and `*ret`, for a result a bool, `*ret` and `*err`. */
enum style { STYLE_NONE, STYLE_VALUE, STYLE_POINTER, STYLE_OPTION, STYLE_RESULT };

struct parameter {
    const struct wit_type *type;
    const char *name;
    bool optional, pointer; /* an option, passed as a pointer that may be NULL; another type that goes by pointer */
};

struct signature {
    const struct guest_unit *unit;
    const struct wit_function *function;
    const char *symbol, *prototype;
    struct parameter *params;
    struct flat flat; /* core parameters, and behind them room for a core result */
    enum style style;
    const struct wit_type *result;        /* what the function's result finally is, or NULL */
    const struct guest_unit *result_unit; /* where that stands */
};

static bool by_pointer(const struct wit_type *type)
{
    return wit_type_root(type)->kind == WIT_STRING || wit_is_composite(type);
}

static enum style style_of(const struct wit_type *result)
{
    if (!result)
        return STYLE_NONE;
    if (result->kind == WIT_OPTION)
        return STYLE_OPTION;
    if (result->kind == WIT_RESULT)
        return STYLE_RESULT;
    return by_pointer(result) ? STYLE_POINTER : STYLE_VALUE;
}

static const char *function_symbol(struct guest *g, const struct guest_unit *unit, const struct wit_function *function,
                                   bool exported)
{
    static const char *const kinds[] = {[WIT_METHOD] = "method", [WIT_STATIC] = "static", [WIT_CONSTRUCTOR] = "constructor"};
    const char *prefix = unit == &g->units.own && exported ? c_printf(&g->arena, "exports_%s", unit->prefix) : unit->prefix;
    const char *item = c_snake(&g->arena, function->item);
    if (!function->resource)
        return c_printf(&g->arena, "%s_%s", prefix, item);
    return c_printf(&g->arena, "%s_%s_%s%s%s", prefix, kinds[function->kind], c_snake(&g->arena, function->resource->name),
                    function->kind == WIT_CONSTRUCTOR ? "" : "_", function->kind == WIT_CONSTRUCTOR ? "" : item);
}

/* Parameters' names are their own but for those that would hide a type, or that an optional one's "maybe_" runs into. */
static void name_params(struct guest *g, struct signature *s)
{
    struct map taken = {0};
    for (size_t i = 0; i < s->function->params.len; i++) {
        const struct wit_param *param = &s->function->params.items[i];
        struct parameter *p = &s->params[i];
        p->type = param->type;
        p->optional = param->type->kind == WIT_OPTION;
        p->pointer = !p->optional && by_pointer(param->type);
        p->name = guest_member(g, param->name);
        if (p->optional)
            p->name = c_printf(&g->arena, "maybe_%s", p->name);
        else if (str_ends(str_of(p->name), STR("_t")))
            p->name = c_printf(&g->arena, "%s_", p->name);
        while (map_set(&taken, str_of(p->name), g))
            p->name = c_printf(&g->arena, "%s_", p->name);
    }
    map_release(&taken);
}

static void add_ret(struct guest *g, struct buf *out, const struct guest_unit *unit, const struct wit_type *type, const char *name)
{
    if (type)
        buf_addf(out, "%s%s *%s", out->len ? ", " : "", guest_c_type(g, unit, type), name);
}

static const char *make_prototype(struct guest *g, const struct signature *s)
{
    autobuf struct buf params = BUF_INIT(BUF_UNLIMITED);
    for (size_t i = 0; i < s->function->params.len; i++) {
        const struct parameter *p = &s->params[i];
        const char *c = guest_c_type(g, s->unit, p->optional ? p->type->element : p->type);
        buf_addf(&params, "%s%s %s%s", i ? ", " : "", c, p->optional || p->pointer ? "*" : "", p->name);
    }
    const char *result = "bool";
    switch (s->style) {
    case STYLE_NONE:
        result = "void";
        break;
    case STYLE_VALUE:
        result = guest_c_type(g, s->unit, s->function->result);
        break;
    case STYLE_POINTER:
        result = "void";
        add_ret(g, &params, s->unit, s->function->result, "ret");
        break;
    case STYLE_OPTION:
        add_ret(g, &params, s->result_unit, s->result->element, "ret");
        break;
    case STYLE_RESULT:
        add_ret(g, &params, s->result_unit, s->result->ok, "ret");
        add_ret(g, &params, s->result_unit, s->result->err, "err");
        break;
    }
    return c_printf(&g->arena, "%s %s(%s)", result, s->symbol, params.len ? params.data : "void");
}

static enum status define_types(struct guest *g, const struct guest_unit *unit, const struct wit_function *function)
{
    for (size_t i = 0; i < function->params.len; i++)
        TRY(guest_define_type(g, unit, function->params.items[i].type));
    return function->result ? guest_define_type(g, unit, function->result) : ST_OK;
}

static enum status make_signature(struct guest *g, const struct guest_unit *unit, const struct wit_function *function,
                                  bool exported, struct signature *ret_s)
{
    struct signature s = {.unit = unit, .function = function, .result_unit = unit};
    g->subject = c_printf(&g->arena, "function `%.*s` of `%s`", STR_ARG(function->name),
                          unit == &g->units.own ? g->world_name : unit->module);
    if (function->is_async)
        return fail(g->err, ST_UNSUPPORTED, "%s is async, which C guests cannot use yet", g->subject);
    TRY(define_types(g, unit, function));
    s.params = ARENA_ARRAY(&g->arena, struct parameter, function->params.len);
    if (function->result)
        s.result = guest_root(g, &s.result_unit, function->result);
    s.style = style_of(s.result);
    s.symbol = function_symbol(g, unit, function, exported);
    TRY(guest_take_symbol(g, s.symbol));
    name_params(g, &s);
    s.flat = guest_flat_params(&g->units, function);
    s.prototype = make_prototype(g, &s);
    *ret_s = s;
    return ST_OK;
}

static bool returns_in_memory(struct guest *g, const struct signature *s)
{
    return guest_in_memory(&g->units, s->result);
}

/* The core type of a result in a core value, "void" for none. */
static const char *core_result(struct guest *g, const struct signature *s)
{
    return s->result ? guest_core_type(guest_flatten(g, s->result)->items[0]) : "void";
}

static const char *core_export_name(struct guest *g, const struct signature *s)
{
    struct str name = s->function->name;
    return s->unit == &g->units.own ? c_printf(&g->arena, "%.*s", STR_ARG(name))
                                    : c_printf(&g->arena, "%s#%.*s", s->unit->module, STR_ARG(name));
}

/* The arguments' struct in memory, when they are too many for core values. */
static void write_args_struct(struct guest *g, const struct signature *s)
{
    buf_add(&g->adapters, STR("    struct {\n"));
    for (size_t i = 0; i < s->function->params.len; i++)
        buf_addf(&g->adapters, "        %s f%zu;\n", guest_c_type(g, s->unit, s->params[i].type), i);
    buf_add(&g->adapters, STR("    } "));
}

/* Imports. */
static void declare_import(struct guest *g, const struct signature *s)
{
    autobuf struct buf params = BUF_INIT(BUF_UNLIMITED);
    for (size_t i = 0; i < s->flat.len && !s->flat.over; i++)
        buf_addf(&params, "%s%s", i ? ", " : "", guest_core_type(s->flat.items[i]));
    if (s->flat.over)
        buf_add(&params, STR("const void *"));
    if (returns_in_memory(g, s))
        buf_addf(&params, "%svoid *", params.len ? ", " : "");
    buf_addf(&g->core, "\n__attribute__((__import_module__(%s), __import_name__(%s)))\nextern %s __wasm_import_%s(%s);\n",
             c_string(&g->arena, str_of(s->unit->module)), c_string(&g->arena, s->function->name),
             returns_in_memory(g, s) ? "void" : core_result(g, s), s->symbol, params.len ? params.data : "void");
}

/* Options are made whole again, and every argument has an expression. */
static const char *take_argument(struct guest *g, const struct signature *s, size_t i)
{
    const struct parameter *p = &s->params[i];
    if (!p->optional)
        return c_printf(&g->arena, p->pointer ? "(*%s)" : "%s", p->name);
    buf_addf(&g->adapters,
             "    %s option__%zu;\n    option__%zu.is_some = %s != NULL;\n    if (%s)\n        option__%zu.val = *%s;\n",
             guest_c_type(g, s->unit, p->type), i, i, p->name, p->name, i, p->name);
    return c_printf(&g->arena, "option__%zu", i);
}

static void lower_arguments(struct guest *g, const struct signature *s)
{
    if (s->flat.over) {
        write_args_struct(g, s);
        buf_add(&g->adapters, STR("args__;\n"));
    }
    size_t at = 0;
    for (size_t i = 0; i < s->function->params.len; i++) {
        const char *value = take_argument(g, s, i);
        if (s->flat.over)
            buf_addf(&g->adapters, "    args__.f%zu = %s;\n", i, value);
        else
            guest_lower(g, &g->adapters, 4, s->unit, s->params[i].type, value, &s->flat, at);
        at += guest_flatten(g, s->params[i].type)->len;
    }
}

/* The call; `area`, if any, is where the result goes. */
static void call_import(struct guest *g, const struct signature *s, const char *area)
{
    autobuf struct buf args = BUF_INIT(BUF_UNLIMITED);
    for (size_t i = 0; i < s->flat.len && !s->flat.over; i++)
        buf_addf(&args, "%sc__%zu", i ? ", " : "", i);
    if (s->flat.over)
        buf_add(&args, STR("&args__"));
    if (area)
        buf_addf(&args, "%s%s", args.len ? ", " : "", area);
    buf_addf(&g->adapters, "__wasm_import_%s(%s);\n", s->symbol, args.len ? args.data : "");
}

/* Calls, and leaves the result in `value`, whose address is `area`. */
static void call_and_lift(struct guest *g, const struct signature *s, const char *value, const char *area)
{
    struct flat slots = s->flat;
    size_t at = s->flat.over ? 0 : s->flat.len;
    buf_add(&g->adapters, STR("    "));
    if (returns_in_memory(g, s)) {
        call_import(g, s, area);
        return;
    }
    slots.items[at] = guest_flatten(g, s->result)->items[0];
    buf_addf(&g->adapters, "%s c__%zu = ", core_result(g, s), at);
    call_import(g, s, NULL);
    guest_lift(g, &g->adapters, 4, s->result_unit, s->result, value, &slots, at);
}

static void write_import_result(struct guest *g, const struct signature *s)
{
    const char *c = s->result ? guest_c_type(g, s->unit, s->function->result) : "void";
    if (s->style == STYLE_NONE) {
        buf_add(&g->adapters, STR("    "));
        call_import(g, s, NULL);
        return;
    }
    if (s->style == STYLE_POINTER) {
        call_and_lift(g, s, "(*ret)", "ret");
        return;
    }
    buf_addf(&g->adapters, "    %s ret__;\n", c);
    call_and_lift(g, s, "ret__", "&ret__");
    if (s->style == STYLE_VALUE) {
        buf_add(&g->adapters, STR("    return ret__;\n"));
    } else if (s->style == STYLE_OPTION) {
        buf_add(&g->adapters, STR("    if (ret__.is_some)\n        *ret = ret__.val;\n    return ret__.is_some;\n"));
    } else {
        if (s->result->ok)
            buf_add(&g->adapters, STR("    if (!ret__.is_err)\n        *ret = ret__.val.ok;\n"));
        if (s->result->err)
            buf_add(&g->adapters, STR("    if (ret__.is_err)\n        *err = ret__.val.err;\n"));
        buf_add(&g->adapters, STR("    return !ret__.is_err;\n"));
    }
}

static enum status check_effort(const struct guest *g)
{
    if (g->effort > GUEST_MAX_EFFORT)
        return fail(g->err, ST_LIMIT, "%s: the world's types need too much code; pass the largest as lists", g->subject);
    return ST_OK;
}

enum status guest_import(struct guest *g, const struct guest_unit *unit, const struct wit_function *function)
{
    struct signature s;
    TRY(make_signature(g, unit, function, false, &s));
    guest_docs(&g->functions, "", function->notes.docs);
    buf_addf(&g->functions, "extern %s;\n", s.prototype);
    declare_import(g, &s);
    buf_addf(&g->adapters, "\n%s\n{\n", s.prototype);
    lower_arguments(g, &s);
    write_import_result(g, &s);
    buf_add(&g->adapters, STR("}\n"));
    return check_effort(g);
}

/* Exports. */
static void write_export_head(struct guest *g, const struct signature *s)
{
    autobuf struct buf params = BUF_INIT(BUF_UNLIMITED);
    for (size_t i = 0; i < s->flat.len && !s->flat.over; i++)
        buf_addf(&params, "%s%s c__%zu", i ? ", " : "", guest_core_type(s->flat.items[i]), i);
    if (s->flat.over)
        buf_add(&params, STR("void *memory__"));
    const char *result = returns_in_memory(g, s) ? "void *" : c_printf(&g->arena, "%s ", core_result(g, s));
    const char *head = c_printf(&g->arena, "%s__wasm_export_%s(%s)", result, s->symbol, params.len ? params.data : "void");
    guest_declare_export(g, core_export_name(g, s), head);
    buf_addf(&g->adapters, "\n%s\n{\n", head);
}

/* Every argument in a variable; the memory that many came in is not needed after that. */
static void lift_arguments(struct guest *g, const struct signature *s)
{
    size_t at = 0;
    if (s->flat.over) {
        write_args_struct(g, s);
        buf_add(&g->adapters, STR("*args__ = memory__;\n"));
    }
    for (size_t i = 0; i < s->function->params.len; i++) {
        const char *value = c_printf(&g->arena, "arg__%zu", i), *c = guest_c_type(g, s->unit, s->params[i].type);
        if (s->flat.over) {
            buf_addf(&g->adapters, "    %s %s = args__->f%zu;\n", c, value, i);
            continue;
        }
        buf_addf(&g->adapters, "    %s %s;\n", c, value);
        guest_lift(g, &g->adapters, 4, s->unit, s->params[i].type, value, &s->flat, at);
        at += guest_flatten(g, s->params[i].type)->len;
    }
    if (s->flat.over)
        buf_add(&g->adapters, STR("    free(memory__);\n"));
}

/* The call as an expression; `rets` are the addresses of its outputs. */
static void call_export(struct guest *g, const struct signature *s, const char *ret, const char *err)
{
    autobuf struct buf args = BUF_INIT(BUF_UNLIMITED);
    for (size_t i = 0; i < s->function->params.len; i++) {
        if (s->params[i].optional)
            buf_addf(&args, "%sarg__%zu.is_some ? &arg__%zu.val : NULL", i ? ", " : "", i, i);
        else
            buf_addf(&args, "%s%sarg__%zu", i ? ", " : "", s->params[i].pointer ? "&" : "", i);
    }
    if (ret)
        buf_addf(&args, "%s&%s", args.len ? ", " : "", ret);
    if (err)
        buf_addf(&args, "%s&%s", args.len ? ", " : "", err);
    buf_addf(&g->adapters, "%s(%s);\n", s->symbol, args.len ? args.data : "");
}

/* Results in memory share one area: it is read before the component is entered again. */
static const char *result_area(struct guest *g, const char *c)
{
    uintptr_t number = (uintptr_t)map_get(&g->areas, str_of(c));
    if (!number) {
        number = g->areas.len + 1;
        map_set(&g->areas, str_of(c), (void *)number);
    }
    return c_printf(&g->arena, "ret_area__.r%zu", (size_t)number - 1);
}

/* A result with payloads: user code may write both of its outputs, so they must not share memory. */
static void write_result_in_memory(struct guest *g, const struct signature *s, const char *area)
{
    const char *ret = s->result->ok ? "ok__" : NULL, *err = s->result->err ? "err__" : NULL;
    if (ret)
        buf_addf(&g->adapters, "    %s ok__;\n", guest_c_type(g, s->result_unit, s->result->ok));
    if (err)
        buf_addf(&g->adapters, "    %s err__;\n", guest_c_type(g, s->result_unit, s->result->err));
    buf_addf(&g->adapters, "    %s.is_err = !", area);
    call_export(g, s, ret, err);
    if (ret)
        buf_addf(&g->adapters, "    if (!%s.is_err)\n        %s.val.ok = ok__;\n", area, area);
    if (err)
        buf_addf(&g->adapters, "    if (%s.is_err)\n        %s.val.err = err__;\n", area, area);
}

static void write_memory_result(struct guest *g, const struct signature *s)
{
    const char *area = result_area(g, guest_c_type(g, s->unit, s->function->result));
    if (s->style == STYLE_RESULT) {
        write_result_in_memory(g, s, area);
    } else if (s->style == STYLE_OPTION) {
        buf_addf(&g->adapters, "    %s.is_some = ", area);
        call_export(g, s, c_printf(&g->arena, "%s.val", area), NULL);
    } else {
        buf_add(&g->adapters, STR("    "));
        call_export(g, s, area, NULL);
    }
    buf_addf(&g->adapters, "    return &%s;\n", area);
}

/* A result in one core value: no option is, and a result without payloads is its bool. */
static void write_core_result(struct guest *g, const struct signature *s)
{
    struct flat slots = *guest_flatten(g, s->result);
    if (s->style == STYLE_RESULT) {
        buf_add(&g->adapters, STR("    return !"));
        call_export(g, s, NULL, NULL);
        return;
    }
    buf_addf(&g->adapters, "    %s ret__", guest_c_type(g, s->unit, s->function->result));
    buf_add(&g->adapters, s->style == STYLE_VALUE ? STR(" = ") : STR(";\n    "));
    call_export(g, s, s->style == STYLE_VALUE ? NULL : "ret__", NULL);
    size_t at = s->flat.over ? 0 : s->flat.len;
    slots.items[at] = slots.items[0];
    guest_lower(g, &g->adapters, 4, s->result_unit, s->result, "ret__", &slots, at);
    buf_addf(&g->adapters, "    return c__%zu;\n", at);
}

/* What the host calls once it has read a result that owns memory. */
static void write_post_return(struct guest *g, const struct signature *s)
{
    if (!returns_in_memory(g, s) || !guest_has_memory(g, s->result))
        return;
    const char *head = c_printf(&g->arena, "void __wasm_export_%s_post_return(void *ret)", s->symbol);
    guest_declare_export(g, c_printf(&g->arena, "cabi_post_%s", core_export_name(g, s)), head);
    buf_addf(&g->adapters, "\n%s\n{\n    %s(ret);\n}\n", head, guest_free_function(g, s->unit, s->function->result));
}

enum status guest_export(struct guest *g, const struct guest_unit *unit, const struct wit_function *function)
{
    struct signature s;
    TRY(make_signature(g, unit, function, true, &s));
    guest_docs(&g->functions, "", function->notes.docs);
    buf_addf(&g->functions, "%s;\n", s.prototype);
    write_export_head(g, &s);
    lift_arguments(g, &s);
    if (!s.result) {
        buf_add(&g->adapters, STR("    "));
        call_export(g, &s, NULL, NULL);
    } else if (returns_in_memory(g, &s)) {
        write_memory_result(g, &s);
    } else {
        write_core_result(g, &s);
    }
    buf_add(&g->adapters, STR("}\n"));
    write_post_return(g, &s);
    return check_effort(g);
}
