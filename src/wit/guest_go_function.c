/* Functions: how they look in Go, and the code between that and the core function. */
#include "wit/guest_go_private.h"

#include <inttypes.h>

/* --- how they look --------------------------------------------------------------------------------------------------- */

const char *go_function_name(struct go *g, const struct wit_function *function)
{
    const char *item = go_public(&g->arena, function->item);
    if (function->kind == WIT_METHOD && strcmp(item, "Drop") == 0)
        return "Drop_"; /* that of the bindings is another */
    if (!function->resource || function->kind == WIT_METHOD)
        return item;
    const char *resource = go_public(&g->arena, function->resource->name);
    return c_printf(&g->arena, function->kind == WIT_CONSTRUCTOR ? "New%s" : "%s%s", resource, item);
}

/* Nothing, one value, or a value and an error. */
static const char *result_text(struct go *g, const struct guest_unit *unit, const struct wit_function *function)
{
    const struct guest_unit *in = unit;
    const struct wit_type *result = function->result ? guest_unit_root(&g->units, &in, function->result) : NULL;
    if (!result)
        return "";
    if (result->kind != WIT_RESULT)
        return c_printf(&g->arena, " %s", go_type(g, unit, function->result));
    return result->ok ? c_printf(&g->arena, " (%s, error)", go_type(g, in, result->ok)) : " error";
}

static const char *param_name(struct go *g, const struct wit_function *function, size_t i)
{
    return function->kind == WIT_METHOD && i == 0 ? "self" : go_param(g, function->params.items[i].name);
}

const char *go_signature(struct go *g, const struct guest_unit *unit, const struct wit_function *function)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    size_t first = function->kind == WIT_METHOD ? 1 : 0;
    buf_add(&out, STR("("));
    for (size_t i = first; i < function->params.len; i++)
        buf_addf(&out, "%s%s %s", i > first ? ", " : "", param_name(g, function, i),
                 go_type(g, unit, function->params.items[i].type));
    buf_addf(&out, ")%s", result_text(g, unit, function));
    return arena_str(&g->arena, buf_str(&out)).data;
}

/* Words that are joined may meet: `x-https` and `x-http-s`. */
static enum status check_params(struct go *g, const struct wit_function *function)
{
    struct map names = {0};
    enum status status = ST_OK;
    for (size_t i = 0; i < function->params.len && status == ST_OK; i++) {
        struct str name = function->params.items[i].name;
        const char *go_name = param_name(g, function, i);
        const char *other = map_set(&names, str_of(go_name), (void *)(uintptr_t)arena_str(&g->arena, name).data);
        if (other)
            status = fail(g->err, ST_INVALID, "%s: parameters `%s` and `%.*s` would both be `%s` in Go; rename one of them",
                          g->subject, other, STR_ARG(name), go_name);
    }
    map_release(&names);
    return status;
}

static enum status check_function(struct go *g, const struct guest_unit *unit, const struct wit_function *function)
{
    g->subject = c_printf(&g->arena, "function `%.*s` of `%.*s`", STR_ARG(function->name),
                          STR_ARG(unit == &g->units.own ? g->units.world->name : str_of(unit->module)));
    if (function->is_async)
        return fail(g->err, ST_UNSUPPORTED, "%s is async, which Go guests cannot use yet", g->subject);
    TRY(check_params(g, function));
    for (size_t i = 0; i < function->params.len; i++)
        TRY(go_check_type(g, unit, function->params.items[i].type));
    if (function->result)
        TRY(go_check_type(g, unit, function->result));
    if (go_params_shape(g, function).size > GO_MAX_TYPE_BYTES)
        return fail(g->err, ST_LIMIT, "%s: its parameters have more than %u bytes; make lists of them", g->subject,
                    GO_MAX_TYPE_BYTES);
    return ST_OK;
}

static enum status check_effort(const struct go *g)
{
    if (g->effort > GO_MAX_EFFORT)
        return fail(g->err, ST_LIMIT, "%s: the world's types need too much code; make records of the largest", g->subject);
    return ST_OK;
}

/* What both sides know of a function's core function. */
struct call {
    const struct guest_unit *unit;
    const struct wit_function *function;
    const char *symbol; /* "Fields_Get" */
    struct flat flat;   /* core parameters */
    bool in_memory;     /* the result */
    struct buf *out;
};

static struct call make_call(struct go *g, const struct guest_unit *unit, const struct wit_function *function)
{
    const char *name = go_function_name(g, function);
    struct call call = {.unit = unit, .function = function, .symbol = name, .out = &g->package->text};
    if (function->kind == WIT_METHOD)
        call.symbol = c_printf(&g->arena, "%s_%s", go_public(&g->arena, function->resource->name), name);
    call.flat = guest_flat_params(&g->units, function);
    call.in_memory = guest_in_memory(&g->units, function->result);
    return call;
}

static const char *core_result(struct go *g, const struct call *call)
{
    const struct wit_type *result = call->function->result;
    if (!result)
        return "";
    if (call->in_memory)
        return " uint32";
    return c_printf(&g->arena, " %s", go_core_type(guest_flat_of(&g->units, result)->items[0]));
}

/* "c_0 uint32, c_1 uint64" */
static void add_core_params(struct buf *out, const struct flat *flat)
{
    for (size_t i = 0; i < flat->len && !flat->over; i++)
        buf_addf(out, "%sc_%zu %s", i ? ", " : "", i, go_core_type(flat->items[i]));
    if (flat->over)
        buf_add(out, STR("args_0 uint32"));
}

static bool params_use_memory(const struct call *call)
{
    bool use = call->flat.over;
    for (size_t i = 0; i < call->function->params.len && !use; i++)
        use = !go_is_scalar(call->function->params.items[i].type);
    return use;
}

/* A result of one core value that is not just a number: a record of one field, or a result without payloads. */
static bool result_uses_memory(const struct call *call)
{
    return call->function->result && (call->in_memory || !go_is_scalar(call->function->result));
}

/* --- imports --------------------------------------------------------------------------------------------------------- */

static void declare_import(struct go *g, const struct call *call)
{
    autobuf struct buf params = BUF_INIT(BUF_UNLIMITED);
    add_core_params(&params, &call->flat);
    if (call->in_memory)
        buf_addf(&params, "%sret_0 uint32", params.len ? ", " : "");
    buf_addf(call->out, "\n//go:wasmimport %s %.*s\nfunc import_%s(%s)%s\n", call->unit->module, STR_ARG(call->function->name),
             call->symbol, params.len ? params.data : "", call->in_memory ? "" : core_result(g, call));
}

/* Statements for one argument, and its core values. */
static void lower_argument(struct go *g, const struct call *call, size_t i, size_t at, struct buf *core)
{
    const struct wit_type *type = call->function->params.items[i].type;
    const char *name = param_name(g, call->function, i);
    if (go_is_scalar(type)) {
        buf_addf(core, "%s%s", core->len ? ", " : "", go_to_core(g, call->unit, type, name));
        return;
    }
    const struct go_shape *shape = go_shape_of(g, type);
    const char *p = c_printf(&g->arena, "p_%zu", i);
    buf_addf(call->out, "%s := wit.Alloc(%" PRIu64 ", %u)\n", p, shape->size, shape->align);
    go_lower(g, call->out, call->unit, type, name, p);
    buf_addf(call->out, "c_%zu := wit.Flatten(%s, %s)\n", i, go_layout(g, call->unit, type), p);
    for (size_t k = 0; k < guest_flat_of(&g->units, type)->len; k++)
        buf_addf(core, "%s%s", core->len ? ", " : "",
                 go_from_bits(g, call->flat.items[at + k], c_printf(&g->arena, "c_%zu[%zu]", i, k)));
}

static void lower_arguments(struct go *g, const struct call *call, struct buf *core)
{
    size_t at = 0;
    for (size_t i = 0; i < call->function->params.len && !call->flat.over; i++) {
        lower_argument(g, call, i, at, core);
        at += guest_flat_of(&g->units, call->function->params.items[i].type)->len;
    }
}

/* More than fit: as a record would lie. */
static void lower_in_memory(struct go *g, const struct call *call, struct buf *core)
{
    struct go_shape shape = go_params_shape(g, call->function);
    uint64_t offset = 0;
    buf_addf(call->out, "args_0 := wit.Alloc(%" PRIu64 ", %u)\n", shape.size, shape.align);
    for (size_t i = 0; i < call->function->params.len; i++) {
        const struct wit_type *type = call->function->params.items[i].type;
        go_lower(g, call->out, call->unit, type, param_name(g, call->function, i), go_at(g, "args_0", go_place(g, &offset, type)));
    }
    buf_add(core, STR("args_0"));
}

/* Puts core values, which begin with ", ", into memory as a value of the type lies there: `place` is a new variable for where. */
static void unflatten(struct go *g, const struct call *call, const struct wit_type *type, const char *place, const char *core)
{
    const struct go_shape *shape = go_shape_of(g, type);
    buf_addf(call->out, "%s := wit.Unflatten(%s, %" PRIu64 ", %u%s)\n", place, go_layout(g, call->unit, type), shape->size,
             shape->align, core);
}

/* A result in one core value, as an expression of the Go type. */
static const char *lift_core_result(struct go *g, const struct call *call, const char *core)
{
    const struct wit_type *result = call->function->result;
    enum core_type type = guest_flat_of(&g->units, result)->items[0];
    if (go_is_scalar(result))
        return go_from_core(g, call->unit, result, core);
    unflatten(g, call, result, "ret_0", c_printf(&g->arena, ", %s", go_to_bits(g, type, core)));
    return go_lift(g, call->unit, result, "ret_0");
}

/* The last statements: the call, and what it gives. */
static void call_import(struct go *g, const struct call *call, const struct buf *core)
{
    const struct wit_type *result = call->function->result;
    const struct wit_type *root = result ? wit_type_root(result) : NULL;
    const char *invoked = c_printf(&g->arena, "import_%s(%s)", call->symbol, core->len ? core->data : "");
    if (!result || call->in_memory)
        buf_addf(call->out, "%s\n", invoked);
    if (!result)
        return;
    const char *value = call->in_memory ? go_lift(g, call->unit, result, "ret_0") : lift_core_result(g, call, invoked);
    if (root->kind != WIT_RESULT)
        buf_addf(call->out, "return %s\n", value);
    else if (root->ok)
        buf_addf(call->out, "return %s.Unwrap()\n", value);
    else
        buf_addf(call->out, "_, err_0 := %s.Unwrap()\nreturn err_0\n", value);
}

static enum status write_import_head(struct go *g, const struct call *call)
{
    const struct wit_function *function = call->function;
    const char *name = go_function_name(g, function);
    buf_add(call->out, STR("\n"));
    guest_docs(call->out, "", function->notes.docs);
    if (function->kind == WIT_METHOD) {
        const char *resource = go_public(&g->arena, function->resource->name);
        TRY(go_take_symbol(g, c_printf(&g->arena, "%s.%s", resource, name)));
        buf_addf(call->out, "func (self *%s) %s%s {\n", resource, name, go_signature(g, call->unit, function));
        return ST_OK;
    }
    TRY(go_take_symbol(g, name));
    buf_addf(call->out, "func %s%s {\n", name, go_signature(g, call->unit, function));
    return ST_OK;
}

enum status go_import(struct go *g, const struct guest_unit *unit, const struct wit_function *function)
{
    autobuf struct buf core = BUF_INIT(BUF_UNLIMITED);
    TRY(check_function(g, unit, function));
    struct call call = make_call(g, unit, function);
    declare_import(g, &call);
    TRY(write_import_head(g, &call));
    if (params_use_memory(&call) || result_uses_memory(&call))
        buf_add(call.out, STR("wit.Enter()\ndefer wit.Leave()\n"));
    (call.flat.over ? lower_in_memory : lower_arguments)(g, &call, &core);
    if (call.in_memory) {
        const struct go_shape *shape = go_shape_of(g, function->result);
        buf_addf(call.out, "ret_0 := wit.Alloc(%" PRIu64 ", %u)\n", shape->size, shape->align);
        buf_addf(&core, "%sret_0", core.len ? ", " : "");
    }
    call_import(g, &call, &core);
    buf_add(call.out, STR("}\n"));
    return check_effort(g);
}

/* --- exports --------------------------------------------------------------------------------------------------------- */

static const char *core_export_name(struct go *g, const struct call *call)
{
    struct str name = call->function->name;
    return call->unit == &g->units.own ? c_printf(&g->arena, "%.*s", STR_ARG(name))
                                       : c_printf(&g->arena, "%s#%.*s", call->unit->module, STR_ARG(name));
}

/* One argument of core values, as an expression. */
static const char *lift_argument(struct go *g, const struct call *call, size_t i, size_t at)
{
    autobuf struct buf core = BUF_INIT(BUF_UNLIMITED);
    const struct wit_type *type = call->function->params.items[i].type;
    const char *place = c_printf(&g->arena, "p_%zu", i);
    if (go_is_scalar(type))
        return go_from_core(g, call->unit, type, c_printf(&g->arena, "c_%zu", at));
    for (size_t k = 0; k < guest_flat_of(&g->units, type)->len; k++)
        buf_addf(&core, ", %s", go_to_bits(g, call->flat.items[at + k], c_printf(&g->arena, "c_%zu", at + k)));
    unflatten(g, call, type, place, core.len ? core.data : "");
    return go_lift(g, call->unit, type, place);
}

/* Every argument in a variable, after which the memory that they came in is not needed. */
static void lift_arguments(struct go *g, const struct call *call)
{
    size_t at = 0;
    uint64_t offset = 0;
    bool memory = params_use_memory(call);
    if (memory)
        buf_add(call->out, STR("wit.Enter()\n"));
    for (size_t i = 0; i < call->function->params.len; i++) {
        const struct wit_type *type = call->function->params.items[i].type;
        const char *value = call->flat.over ? go_lift(g, call->unit, type, go_at(g, "args_0", go_place(g, &offset, type)))
                                            : lift_argument(g, call, i, at);
        buf_addf(call->out, "a_%zu := %s\n", i, value);
        at += guest_flat_of(&g->units, type)->len;
    }
    if (memory)
        buf_add(call->out, STR("wit.Leave()\n"));
}

/* Handles that are lent to the call come in borrowed: they are to be given back before it ends. */
static bool lends(const struct call *call)
{
    for (size_t i = 0; i < call->function->params.len; i++)
        if (call->function->params.items[i].type->has_borrow && !(call->function->kind == WIT_METHOD && i == 0))
            return true;
    return false;
}

static const char *export_call(struct go *g, const struct call *call)
{
    autobuf struct buf args = BUF_INIT(BUF_UNLIMITED);
    bool method = call->function->kind == WIT_METHOD;
    for (size_t i = method; i < call->function->params.len; i++)
        buf_addf(&args, "%sa_%zu", args.len ? ", " : "", i);
    return c_printf(&g->arena, "%s.%s(%s)", method ? "a_0" : "Exports", go_function_name(g, call->function),
                    args.len ? args.data : "");
}

/* Calls, and leaves the value in v_. */
static void call_export(struct go *g, const struct call *call)
{
    const struct guest_unit *in = call->unit;
    const struct wit_type *result = call->function->result, *root = result ? guest_unit_root(&g->units, &in, result) : NULL;
    const char *invoked = export_call(g, call);
    if (!result)
        buf_addf(call->out, "%s\n", invoked);
    else if (root->kind != WIT_RESULT)
        buf_addf(call->out, "v_ := %s\n", invoked);
    else if (root->ok)
        buf_addf(call->out, "v_ := wit.Wrap[%s, %s](%s)\n", go_type(g, in, root->ok), go_payload_type(g, in, root->err), invoked);
    else
        buf_addf(call->out, "v_ := wit.Wrap[wit.Unit, %s](wit.Unit{}, %s)\n", go_payload_type(g, in, root->err), invoked);
}

static void write_result(struct go *g, const struct call *call)
{
    const struct wit_type *result = call->function->result;
    if (!result)
        return;
    if (!result_uses_memory(call)) {
        buf_addf(call->out, "return %s\n", go_to_core(g, call->unit, result, "v_"));
        return;
    }
    const struct go_shape *shape = go_shape_of(g, result);
    buf_addf(call->out, "wit.Enter()\n");
    if (!call->in_memory)
        buf_add(call->out, STR("defer wit.Leave()\n"));
    buf_addf(call->out, "ret_0 := wit.Alloc(%" PRIu64 ", %u)\n", shape->size, shape->align);
    go_lower(g, call->out, call->unit, result, "v_", "ret_0");
    if (call->in_memory) {
        buf_add(call->out, STR("return ret_0\n"));
        return;
    }
    enum core_type type = guest_flat_of(&g->units, result)->items[0];
    const char *bits = c_printf(&g->arena, "wit.Flatten(%s, ret_0)[0]", go_layout(g, call->unit, result));
    buf_addf(call->out, "return %s\n", go_from_bits(g, type, bits));
}

/* A result in memory stays in the arena until it has been read. */
static void write_post_return(struct go *g, const struct call *call)
{
    if (call->in_memory)
        buf_addf(call->out, "\n//go:wasmexport cabi_post_%s\nfunc post_%s(uint32) { wit.Leave() }\n", core_export_name(g, call),
                 call->symbol);
}

/* What the component sets; methods are those of its resources. */
static enum status declare_export(struct go *g, const struct call *call)
{
    const char *name = go_function_name(g, call->function);
    if (call->function->kind == WIT_METHOD)
        return go_take_symbol(g, c_printf(&g->arena, "%s.%s", go_public(&g->arena, call->function->resource->name), name));
    TRY(go_take_symbol(g, c_printf(&g->arena, "Exports.%s", name)));
    guest_docs(&g->package->exports, "", call->function->notes.docs);
    buf_addf(&g->package->exports, "%s func%s\n", name, go_signature(g, call->unit, call->function));
    return ST_OK;
}

enum status go_export(struct go *g, const struct guest_unit *unit, const struct wit_function *function)
{
    autobuf struct buf params = BUF_INIT(BUF_UNLIMITED);
    TRY(check_function(g, unit, function));
    if (unit == &g->units.own && str_is(function->name, "memory"))
        return fail(g->err, ST_INVALID, "%s has the name that modules export their memory by; rename it", g->subject);
    struct call call = make_call(g, unit, function);
    TRY(declare_export(g, &call));
    add_core_params(&params, &call.flat);
    buf_addf(call.out, "\n//go:wasmexport %s\nfunc export_%s(%s)%s {\n", core_export_name(g, &call), call.symbol,
             params.len ? params.data : "", core_result(g, &call));
    lift_arguments(g, &call);
    if (lends(&call))
        buf_add(call.out, STR("defer wit.DropAll(wit.Borrowed())\n"));
    call_export(g, &call);
    write_result(g, &call);
    buf_add(call.out, STR("}\n"));
    write_post_return(g, &call);
    return check_effort(g);
}
