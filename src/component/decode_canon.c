#include "component/decode.h"

/* What follows the opcode of a built-in. */
enum operands {
    OPERANDS_NONE,
    OPERANDS_RESOURCE,       /* a resource type */
    OPERANDS_LOCAL_RESOURCE, /* a resource type that this component defines */
    OPERANDS_STREAM,         /* a stream type */
    OPERANDS_FUTURE,
    OPERANDS_STREAM_COPY, /* a stream type, options */
    OPERANDS_FUTURE_COPY,
    OPERANDS_STREAM_CANCEL, /* a stream type, async? */
    OPERANDS_FUTURE_CANCEL,
    OPERANDS_ASYNC,         /* async? */
    OPERANDS_CANCELLABLE,   /* cancellable?, which means nothing any more */
    OPERANDS_CANCEL_MEMORY, /* cancellable?, a memory */
    OPERANDS_CONTEXT,       /* a value type, a slot */
    OPERANDS_ERROR_CONTEXT, /* options */
    OPERANDS_TASK_RETURN,   /* a result list, options */
    OPERANDS_THREAD_START,  /* a core type, a table */
};

/* The built-ins by opcode. `type`: parameters, ':', results; i is i32, I is i64. */
static const struct builtin {
    const char *name;
    const char *type;
    uint8_t opcode, kind, operands;
    uint16_t gate;
} builtins[] = {
    {"resource.new", "i:i", 0x02, CM_CANON_RESOURCE_NEW, OPERANDS_LOCAL_RESOURCE, 0},
    {"resource.drop", "i:", 0x03, CM_CANON_RESOURCE_DROP, OPERANDS_RESOURCE, 0},
    {"resource.rep", "i:i", 0x04, CM_CANON_RESOURCE_REP, OPERANDS_LOCAL_RESOURCE, 0},
    {"task.cancel", ":", 0x05, CM_CANON_TASK_CANCEL, OPERANDS_NONE, 0},
    {"subtask.cancel", "i:i", 0x06, CM_CANON_SUBTASK_CANCEL, OPERANDS_ASYNC, 0},
    {"task.return", ":", 0x09, CM_CANON_TASK_RETURN, OPERANDS_TASK_RETURN, 0},
    {"context.get", ":i", 0x0a, CM_CANON_CONTEXT_GET, OPERANDS_CONTEXT, 0},
    {"context.set", "i:", 0x0b, CM_CANON_CONTEXT_SET, OPERANDS_CONTEXT, 0},
    {"thread.yield", ":i", 0x0c, CM_CANON_THREAD_YIELD, OPERANDS_CANCELLABLE, 0},
    {"subtask.drop", "i:", 0x0d, CM_CANON_SUBTASK_DROP, OPERANDS_NONE, 0},
    {"stream.new", ":I", 0x0e, CM_CANON_STREAM_NEW, OPERANDS_STREAM, 0},
    {"stream.read", "iii:i", 0x0f, CM_CANON_STREAM_READ, OPERANDS_STREAM_COPY, 0},
    {"stream.write", "iii:i", 0x10, CM_CANON_STREAM_WRITE, OPERANDS_STREAM_COPY, 0},
    {"stream.cancel-read", "i:i", 0x11, CM_CANON_STREAM_CANCEL_READ, OPERANDS_STREAM_CANCEL, 0},
    {"stream.cancel-write", "i:i", 0x12, CM_CANON_STREAM_CANCEL_WRITE, OPERANDS_STREAM_CANCEL, 0},
    {"stream.drop-readable", "i:", 0x13, CM_CANON_STREAM_DROP_READABLE, OPERANDS_STREAM, 0},
    {"stream.drop-writable", "i:", 0x14, CM_CANON_STREAM_DROP_WRITABLE, OPERANDS_STREAM, 0},
    {"future.new", ":I", 0x15, CM_CANON_FUTURE_NEW, OPERANDS_FUTURE, 0},
    {"future.read", "ii:i", 0x16, CM_CANON_FUTURE_READ, OPERANDS_FUTURE_COPY, 0},
    {"future.write", "ii:i", 0x17, CM_CANON_FUTURE_WRITE, OPERANDS_FUTURE_COPY, 0},
    {"future.cancel-read", "i:i", 0x18, CM_CANON_FUTURE_CANCEL_READ, OPERANDS_FUTURE_CANCEL, 0},
    {"future.cancel-write", "i:i", 0x19, CM_CANON_FUTURE_CANCEL_WRITE, OPERANDS_FUTURE_CANCEL, 0},
    {"future.drop-readable", "i:", 0x1a, CM_CANON_FUTURE_DROP_READABLE, OPERANDS_FUTURE, 0},
    {"future.drop-writable", "i:", 0x1b, CM_CANON_FUTURE_DROP_WRITABLE, OPERANDS_FUTURE, 0},
    {"error-context.new", "ii:i", 0x1c, CM_CANON_ERROR_CONTEXT_NEW, OPERANDS_ERROR_CONTEXT, CM_GATE_ERROR_CONTEXT},
    {"error-context.debug-message", "ii:", 0x1d, CM_CANON_ERROR_CONTEXT_DEBUG_MESSAGE, OPERANDS_ERROR_CONTEXT,
     CM_GATE_ERROR_CONTEXT},
    {"error-context.drop", "i:", 0x1e, CM_CANON_ERROR_CONTEXT_DROP, OPERANDS_NONE, CM_GATE_ERROR_CONTEXT},
    {"waitable-set.new", ":i", 0x1f, CM_CANON_WAITABLE_SET_NEW, OPERANDS_NONE, 0},
    {"waitable-set.wait", "ii:i", 0x20, CM_CANON_WAITABLE_SET_WAIT, OPERANDS_CANCEL_MEMORY, 0},
    {"waitable-set.poll", "ii:i", 0x21, CM_CANON_WAITABLE_SET_POLL, OPERANDS_CANCEL_MEMORY, 0},
    {"waitable-set.drop", "i:", 0x22, CM_CANON_WAITABLE_SET_DROP, OPERANDS_NONE, 0},
    {"waitable.join", "ii:", 0x23, CM_CANON_WAITABLE_JOIN, OPERANDS_NONE, 0},
    {"backpressure.inc", ":", 0x24, CM_CANON_BACKPRESSURE_INC, OPERANDS_NONE, 0},
    {"backpressure.dec", ":", 0x25, CM_CANON_BACKPRESSURE_DEC, OPERANDS_NONE, 0},
    {"thread.index", ":i", 0x26, CM_CANON_THREAD_INDEX, OPERANDS_NONE, CM_GATE_THREADS},
    {"thread.new-indirect", "ii:i", 0x27, CM_CANON_THREAD_NEW_INDIRECT, OPERANDS_THREAD_START, CM_GATE_THREADS},
    {"thread.resume-later", "i:", 0x28, CM_CANON_THREAD_RESUME_LATER, OPERANDS_NONE, CM_GATE_THREADS},
    {"thread.suspend", ":i", 0x29, CM_CANON_THREAD_SUSPEND, OPERANDS_CANCELLABLE, CM_GATE_THREADS},
    {"thread.suspend-then-resume", "i:i", 0x2a, CM_CANON_THREAD_SUSPEND_THEN_RESUME, OPERANDS_CANCELLABLE, CM_GATE_THREADS},
    {"thread.yield-then-resume", "i:i", 0x2b, CM_CANON_THREAD_YIELD_THEN_RESUME, OPERANDS_CANCELLABLE, CM_GATE_THREADS},
    {"thread.suspend-then-promote", "i:i", 0x2c, CM_CANON_THREAD_SUSPEND_THEN_PROMOTE, OPERANDS_CANCELLABLE, CM_GATE_THREADS},
    {"thread.yield-then-promote", "i:i", 0x2d, CM_CANON_THREAD_YIELD_THEN_PROMOTE, OPERANDS_CANCELLABLE, CM_GATE_THREADS},
    {"thread.spawn-ref", ":", 0x40, CM_CANON_COUNT, OPERANDS_NONE, CM_GATE_SHARED_THREADS},
    {"thread.spawn-indirect", ":", 0x41, CM_CANON_COUNT, OPERANDS_NONE, CM_GATE_SHARED_THREADS},
    {"thread.available-parallelism", ":", 0x42, CM_CANON_COUNT, OPERANDS_NONE, CM_GATE_SHARED_THREADS},
};

const char *cm_canon_text(enum cm_canon_kind kind)
{
    for (size_t i = 0; i < ARRAY_LEN(builtins); i++)
        if (builtins[i].kind == kind)
            return builtins[i].name;
    return kind == CM_CANON_LIFT ? "lift" : "lower";
}

/* --- options --------------------------------------------------------------------------------------------------------- */

static enum status check_memory(struct cm_decoder *d, uint32_t index)
{
    struct cm_extern item;
    TRY(cm_scope_item(d, d->scope, CM_SORT_CORE_MEMORY, index, &item));
    if (item.core->is_shared)
        return cm_invalid(d, "mismatch in the shared flag for memories");
    return item.core->is_64 ? cm_require_gate(d, CM_GATE_MEMORY64, "64-bit memories in canonical options") : ST_OK;
}

static enum status core_func_at(struct cm_decoder *d, uint32_t index, const struct engine_func_type **ret_func)
{
    struct cm_extern item;
    TRY(cm_scope_item(d, d->scope, CM_SORT_CORE_FUNC, index, &item));
    *ret_func = &item.core->func;
    return ST_OK;
}

static bool all_i32(const uint8_t *types, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (types[i] != ENGINE_I32)
            return false;
    return true;
}

/* The function that an option names takes `params` i32s and returns one. */
static enum status check_i32_func(struct cm_decoder *d, const char *option, uint32_t index, uint32_t params)
{
    const struct engine_func_type *func;
    TRY(core_func_at(d, index, &func));
    if (func->param_count != params || func->result_count != 1 || !all_i32(func->params, params) || !all_i32(func->results, 1))
        return cm_invalid(d, "canonical option `%s` uses a core function with an incorrect signature", option);
    return ST_OK;
}

static enum status read_index_option(struct cm_decoder *d, struct cm_reader *r, const char *name, uint32_t *option)
{
    if (*option != CM_NO_INDEX)
        return cm_invalid(d, "canonical option `%s` is specified more than once", name);
    TRY(cm_read_u32(r, option));
    return *option == CM_NO_INDEX ? cm_invalid(d, "index out of bounds in canonical option `%s`", name) : ST_OK;
}

static enum status read_option(struct cm_decoder *d, struct cm_reader *r, struct cm_canon_options *options, bool *has_encoding)
{
    static const char *const encodings[] = {"utf8", "utf16", "latin1-utf16"};
    uint8_t option;
    TRY(cm_read_byte(r, &option));
    switch (option) {
    case 0x00:
    case 0x01:
    case 0x02:
        if (*has_encoding)
            return cm_invalid(d, "canonical encoding option `%s` conflicts with option `%s`", encodings[options->encoding],
                              encodings[option]);
        options->encoding = (enum cm_encoding)option;
        *has_encoding = true;
        return ST_OK;
    case 0x03:
        TRY(read_index_option(d, r, "memory", &options->memory));
        return check_memory(d, options->memory);
    case 0x04:
        return read_index_option(d, r, "realloc", &options->realloc);
    case 0x05:
        return read_index_option(d, r, "post-return", &options->post_return);
    case 0x06:
        if (options->is_async)
            return cm_invalid(d, "canonical option `async` is specified more than once");
        options->is_async = true;
        return ST_OK;
    case 0x07:
        return read_index_option(d, r, "callback", &options->callback);
    case 0x08:
    case 0x09:
        return cm_require_gate(d, CM_GATE_GC, "canonical options `core-type` and `gc`");
    default:
        return cm_reader_bad_byte(r, option, "canonical option");
    }
}

static const struct cm_canon_options no_options = {
    .memory = CM_NO_INDEX, .realloc = CM_NO_INDEX, .post_return = CM_NO_INDEX, .callback = CM_NO_INDEX};

static enum status read_options(struct cm_decoder *d, struct cm_reader *r, struct cm_canon_options *ret_options)
{
    struct cm_canon_options options = no_options;
    bool has_encoding = false;
    uint32_t count;
    TRY(cm_read_count(r, CM_LIMIT_OPTIONS, "canonical options", &count));
    for (uint32_t i = 0; i < count; i++)
        TRY(read_option(d, r, &options, &has_encoding));
    if (!options.is_async && options.callback != CM_NO_INDEX)
        return cm_invalid(d, "cannot specify callback without async");
    if (options.is_async && options.post_return != CM_NO_INDEX)
        return cm_invalid(d, "cannot specify post-return function in async");
    if (options.realloc != CM_NO_INDEX) {
        if (options.memory == CM_NO_INDEX)
            return cm_invalid(d, "canonical option `realloc` requires `memory` to also be specified");
        TRY(check_i32_func(d, "realloc", options.realloc, 4));
    }
    *ret_options = options;
    return ST_OK;
}

static enum status require_options(struct cm_decoder *d, const struct cm_canon_options *options, bool memory, bool realloc)
{
    if ((memory || realloc) && options->memory == CM_NO_INDEX)
        return cm_invalid(d, "canonical option `memory` is required");
    if (realloc && options->realloc == CM_NO_INDEX)
        return cm_invalid(d, "canonical option `realloc` is required");
    return ST_OK;
}

static enum status check_lower_options(struct cm_decoder *d, const struct cm_canon_options *options)
{
    if (options->post_return != CM_NO_INDEX)
        return cm_invalid(d, "canonical option `post-return` cannot be specified for lowerings");
    if (options->callback != CM_NO_INDEX)
        return cm_invalid(d, "canonical option `callback` cannot be specified for lowerings");
    return ST_OK;
}

static enum status require_sync(struct cm_decoder *d, const struct cm_canon_options *options, const char *name)
{
    return options->is_async ? cm_invalid(d, "cannot specify `async` option on `%s`", name) : ST_OK;
}

/* --- lift and lower -------------------------------------------------------------------------------------------------- */

static bool params_have_pointer(const struct cm_func_type *func)
{
    for (uint32_t i = 0; i < func->param_count; i++)
        if (func->params[i].type->has_pointer)
            return true;
    return false;
}

static void core_types_text(const uint8_t *types, uint32_t count, char *ret_text, size_t size)
{
    static const char *const names[] = {"I32", "I64", "F32", "F64", "V128", "FuncRef", "ExternRef", "Ref"};
    size_t at = 0;
    for (uint32_t i = 0; i < count && at + 16 < size; i++)
        at += (size_t)snprintf(ret_text + at, size - at, "%s%s", i ? ", " : "", names[types[i]]);
    ret_text[at] = '\0';
}

static enum status check_lifted_types(struct cm_decoder *d, const char *what, const uint8_t *wanted, uint32_t wanted_count,
                                      const uint8_t *found, uint32_t found_count)
{
    char wanted_text[128], found_text[128];
    if (wanted_count == found_count && memcmp(wanted, found, found_count) == 0)
        return ST_OK;
    core_types_text(wanted, wanted_count, wanted_text, sizeof wanted_text);
    core_types_text(found, found_count, found_text, sizeof found_text);
    return cm_invalid(d, "lowered %s types `[%s]` do not match %s types `[%s]` of the core function", what, wanted_text, what,
                      found_text);
}

static enum status check_post_return(struct cm_decoder *d, uint32_t index, const struct engine_func_type *lifted)
{
    const struct engine_func_type *func;
    TRY(core_func_at(d, index, &func));
    if (func->result_count != 0 || func->param_count != lifted->result_count ||
        memcmp(func->params, lifted->results, lifted->result_count) != 0)
        return cm_invalid(d, "canonical option `post-return` uses a core function with an incorrect signature");
    return ST_OK;
}

static enum status check_lift_memory(struct cm_decoder *d, const struct cm_canon *canon, const struct cm_core_signature *core)
{
    const struct cm_type *result = canon->signature->result;
    bool realloc = core->params_in_memory || params_have_pointer(canon->signature);
    bool memory = core->result_in_memory;
    if (canon->options.is_async && result)
        memory = result->has_pointer || result->flat_count > CM_MAX_FLAT;
    return require_options(d, &canon->options, memory, realloc);
}

static enum status check_lift(struct cm_decoder *d, const struct cm_canon *canon)
{
    const struct cm_canon_options *options = &canon->options;
    const struct engine_func_type *func;
    struct cm_core_signature core;
    TRY(core_func_at(d, canon->func, &func));
    if (options->post_return != CM_NO_INDEX)
        TRY(check_post_return(d, options->post_return, func));
    if (options->callback != CM_NO_INDEX)
        TRY(check_i32_func(d, "callback", options->callback, 3));
    else if (options->is_async)
        TRY(cm_require_gate(d, CM_GATE_ASYNC_STACKFUL, "an `async` lift without a callback"));
    if (options->is_async && !canon->signature->is_async)
        return cm_invalid(d, "the `async` canonical option requires an async function type");
    enum cm_abi_context context = !options->is_async                 ? CM_ABI_LIFT_SYNC
                                  : options->callback != CM_NO_INDEX ? CM_ABI_LIFT_ASYNC_CALLBACK
                                                                     : CM_ABI_LIFT_ASYNC_STACKFUL;
    cm_flatten_func(canon->signature, context, &core);
    TRY(check_lift_memory(d, canon, &core));
    TRY(check_lifted_types(d, "parameter", core.params, core.param_count, func->params, func->param_count));
    return check_lifted_types(d, "result", core.results, core.result_count, func->results, func->result_count);
}

static enum status decode_lift(struct cm_decoder *d, struct cm_reader *r)
{
    uint8_t sort;
    uint32_t type;
    struct cm_canon canon = {.kind = CM_CANON_LIFT};
    struct cm_def *def;
    TRY(cm_read_byte(r, &sort));
    if (sort)
        return cm_reader_bad_byte(r, sort, "canonical function lift");
    TRY(cm_read_u32(r, &canon.func));
    TRY(read_options(d, r, &canon.options));
    TRY(cm_read_u32(r, &type));
    TRY(cm_scope_type(d, type, CM_DEFTYPE_FUNC, &canon.type));
    canon.signature = canon.type->func;
    TRY(check_lift(d, &canon));
    TRY(cm_scope_define(d, CM_DEF_CANON, CM_SORT_FUNC, &def));
    def->canon = canon;
    return cm_scope_push(d, (struct cm_extern){.sort = CM_SORT_FUNC, .type = canon.type});
}

/* Appends the core function that a definition makes. */
static enum status push_core_func(struct cm_decoder *d, const struct cm_canon *canon, const uint8_t *params, uint32_t param_count,
                                  const uint8_t *results, uint32_t result_count)
{
    struct engine_extern_type *type;
    struct cm_def *def;
    TRY(cm_alloc(d, 1, sizeof *type, &type));
    type->kind = ENGINE_FUNC;
    type->exact_type_known = true;
    type->func.param_count = param_count;
    type->func.result_count = result_count;
    TRY(cm_keep(d, params, param_count, 1, &type->func.params));
    TRY(cm_keep(d, results, result_count, 1, &type->func.results));
    TRY(cm_scope_define(d, CM_DEF_CANON, CM_SORT_CORE_FUNC, &def));
    def->canon = *canon;
    return cm_scope_push(d, (struct cm_extern){.sort = CM_SORT_CORE_FUNC, .core = type});
}

static enum status decode_lower(struct cm_decoder *d, struct cm_reader *r)
{
    uint8_t sort;
    struct cm_canon canon = {.kind = CM_CANON_LOWER};
    struct cm_extern item;
    struct cm_core_signature core;
    TRY(cm_read_byte(r, &sort));
    if (sort)
        return cm_reader_bad_byte(r, sort, "canonical function lower");
    TRY(cm_read_u32(r, &canon.func));
    TRY(read_options(d, r, &canon.options));
    TRY(cm_scope_item(d, d->scope, CM_SORT_FUNC, canon.func, &item));
    canon.type = item.type;
    canon.signature = item.type->func;
    TRY(check_lower_options(d, &canon.options));
    if (canon.options.is_async && !canon.signature->is_async)
        return cm_invalid(d, "the `async` canonical option requires an async function type");
    cm_flatten_func(canon.signature, canon.options.is_async ? CM_ABI_LOWER_ASYNC : CM_ABI_LOWER_SYNC, &core);
    bool memory = core.params_in_memory || core.result_in_memory || params_have_pointer(canon.signature);
    bool realloc = canon.signature->result && canon.signature->result->has_pointer;
    TRY(require_options(d, &canon.options, memory, realloc));
    return push_core_func(d, &canon, core.params, core.param_count, core.results, core.result_count);
}

/* --- built-ins ------------------------------------------------------------------------------------------------------- */

static enum status push_builtin(struct cm_decoder *d, const struct builtin *builtin, const struct cm_canon *canon)
{
    uint8_t types[8];
    uint32_t count[2] = {0, 0}, part = 0, total = 0;
    for (const char *c = builtin->type; *c; c++) {
        if (*c == ':') {
            part = 1;
            continue;
        }
        types[total++] = *c == 'I' ? ENGINE_I64 : ENGINE_I32;
        count[part]++;
    }
    return push_core_func(d, canon, types, count[0], types + count[0], count[1]);
}

static enum status read_resource(struct cm_decoder *d, struct cm_reader *r, bool local, struct cm_canon *canon)
{
    uint32_t index;
    TRY(cm_read_u32(r, &index));
    TRY(cm_scope_type(d, index, CM_DEFTYPE_RESOURCE, &canon->type));
    canon->resource = canon->type->resource;
    if (local && !idmap_has(&d->scope->local, canon->resource))
        return cm_invalid(d, "type %u is not a local resource", index);
    return ST_OK;
}

static enum status read_stream(struct cm_decoder *d, struct cm_reader *r, const struct builtin *builtin, enum cm_kind kind,
                               struct cm_canon *canon)
{
    uint32_t index;
    TRY(cm_read_u32(r, &index));
    TRY(cm_scope_type(d, index, CM_DEFTYPE_VALUE, &canon->type));
    if (canon->type->value->kind != kind)
        return cm_invalid(d, "`%s` requires a %s type", builtin->name, cm_kind_name(kind));
    canon->element = canon->type->value->element;
    return ST_OK;
}

static enum status read_copy_options(struct cm_decoder *d, struct cm_reader *r, const struct builtin *builtin,
                                     struct cm_canon *canon)
{
    bool is_read = canon->kind == CM_CANON_STREAM_READ || canon->kind == CM_CANON_FUTURE_READ;
    TRY(read_options(d, r, &canon->options));
    if (!canon->options.is_async) {
        char what[64];
        snprintf(what, sizeof what, "a synchronous `%s`", builtin->name);
        TRY(cm_require_gate(d, CM_GATE_ASYNC_BUILTINS, what));
    }
    TRY(require_options(d, &canon->options, canon->element, is_read && canon->element && canon->element->has_pointer));
    return check_lower_options(d, &canon->options);
}

static enum status read_async(struct cm_decoder *d, struct cm_reader *r, const struct builtin *builtin, struct cm_canon *canon)
{
    char what[64];
    TRY(cm_read_bool(r, &canon->is_async));
    snprintf(what, sizeof what, "an async `%s`", builtin->name);
    return canon->is_async ? cm_require_gate(d, CM_GATE_ASYNC_BUILTINS, what) : ST_OK;
}

static enum status read_context(struct cm_decoder *d, struct cm_reader *r, const struct builtin *builtin, struct cm_canon *canon)
{
    uint8_t type;
    TRY(cm_read_byte(r, &type));
    TRY(cm_read_u32(r, &canon->slot));
    if (type == 0x7e)
        return cm_require_gate(d, CM_GATE_MEMORY64, "a context slot of type `i64`");
    if (type != 0x7f)
        return cm_invalid(d, "`%s` only supports `i32`", builtin->name);
    return canon->slot > 1 ? cm_invalid(d, "`%s` immediate must be zero or one: %u", builtin->name, canon->slot) : ST_OK;
}

static enum status read_error_context_options(struct cm_decoder *d, struct cm_reader *r, const struct builtin *builtin,
                                              struct cm_canon *canon)
{
    TRY(read_options(d, r, &canon->options));
    TRY(require_options(d, &canon->options, true, canon->kind == CM_CANON_ERROR_CONTEXT_DEBUG_MESSAGE));
    TRY(require_sync(d, &canon->options, builtin->name));
    return check_lower_options(d, &canon->options);
}

static enum status read_thread_start(struct cm_decoder *d, struct cm_reader *r, struct cm_canon *canon)
{
    uint32_t index;
    struct cm_extern item;
    TRY(cm_read_u32(r, &index));
    TRY(cm_scope_item(d, d->scope, CM_SORT_CORE_TYPE, index, &item));
    if (item.core_type->kind != CM_CORE_TYPE_FUNC)
        return cm_invalid(d, "start type must be a function");
    canon->start = &item.core_type->func;
    if (canon->start->param_count != 1 || canon->start->params[0] != ENGINE_I32)
        return cm_invalid(d, "start function must take a single `i32` argument (currently)");
    if (canon->start->result_count)
        return cm_invalid(d, "start function must not return any values");
    TRY(cm_read_u32(r, &canon->table));
    TRY(cm_scope_item(d, d->scope, CM_SORT_CORE_TABLE, canon->table, &item));
    if (item.core->is_64 || item.core->is_shared || item.core->val_type != ENGINE_FUNCREF)
        return cm_invalid(d, "table is not a 32-bit table of (ref null (func))");
    return ST_OK;
}

/* The result travels as the parameters of a call out of the component. */
static enum status decode_task_return(struct cm_decoder *d, struct cm_reader *r, struct cm_canon *canon)
{
    const struct cm_deftype *result;
    const struct cm_func_type *call;
    struct cm_core_signature core;
    TRY(cm_read_result_list(d, r, &result));
    TRY(read_options(d, r, &canon->options));
    if (canon->options.realloc != CM_NO_INDEX)
        return cm_invalid(d, "cannot specify `realloc` option on `task.return`");
    TRY(check_lower_options(d, &canon->options));
    TRY(require_sync(d, &canon->options, "task.return"));
    const struct cm_field field = {.name = STR("v"), .type = result ? result->value : NULL};
    TRY(cm_located(d, cm_type_func(d->types, false, NULL, 0, field.type, &canon->signature, d->err)));
    TRY(cm_located(d, cm_type_func(d->types, false, &field, result ? 1 : 0, NULL, &call, d->err)));
    cm_flatten_func(call, CM_ABI_LOWER_SYNC, &core);
    TRY(require_options(d, &canon->options, core.params_in_memory || params_have_pointer(call), false));
    return push_core_func(d, canon, core.params, core.param_count, core.results, core.result_count);
}

static enum status read_operands(struct cm_decoder *d, struct cm_reader *r, const struct builtin *builtin, struct cm_canon *canon)
{
    bool ignored;
    switch ((enum operands)builtin->operands) {
    case OPERANDS_NONE:
    case OPERANDS_TASK_RETURN:
        return ST_OK;
    case OPERANDS_RESOURCE:
    case OPERANDS_LOCAL_RESOURCE:
        return read_resource(d, r, builtin->operands == OPERANDS_LOCAL_RESOURCE, canon);
    case OPERANDS_STREAM:
        return read_stream(d, r, builtin, CM_STREAM, canon);
    case OPERANDS_FUTURE:
        return read_stream(d, r, builtin, CM_FUTURE, canon);
    case OPERANDS_STREAM_COPY:
        TRY(read_stream(d, r, builtin, CM_STREAM, canon));
        return read_copy_options(d, r, builtin, canon);
    case OPERANDS_FUTURE_COPY:
        TRY(read_stream(d, r, builtin, CM_FUTURE, canon));
        return read_copy_options(d, r, builtin, canon);
    case OPERANDS_STREAM_CANCEL:
        TRY(read_stream(d, r, builtin, CM_STREAM, canon));
        return read_async(d, r, builtin, canon);
    case OPERANDS_FUTURE_CANCEL:
        TRY(read_stream(d, r, builtin, CM_FUTURE, canon));
        return read_async(d, r, builtin, canon);
    case OPERANDS_ASYNC:
        return read_async(d, r, builtin, canon);
    case OPERANDS_CANCELLABLE:
        return cm_read_bool(r, &ignored);
    case OPERANDS_CANCEL_MEMORY:
        TRY(cm_read_bool(r, &ignored));
        TRY(cm_read_u32(r, &canon->memory));
        return check_memory(d, canon->memory);
    case OPERANDS_CONTEXT:
        return read_context(d, r, builtin, canon);
    case OPERANDS_ERROR_CONTEXT:
        return read_error_context_options(d, r, builtin, canon);
    case OPERANDS_THREAD_START:
        return read_thread_start(d, r, canon);
    }
    return ST_OK;
}

static enum status decode_builtin(struct cm_decoder *d, struct cm_reader *r, const struct builtin *builtin)
{
    struct cm_canon canon = {.kind = builtin->kind, .options = no_options};
    if (builtin->gate)
        TRY(cm_require_gate(d, builtin->gate, builtin->name));
    if (builtin->operands == OPERANDS_TASK_RETURN)
        return decode_task_return(d, r, &canon);
    TRY(read_operands(d, r, builtin, &canon));
    return push_builtin(d, builtin, &canon);
}

enum status cm_decode_canon(struct cm_decoder *d, struct cm_reader *r)
{
    uint8_t opcode;
    TRY(cm_read_byte(r, &opcode));
    if (opcode == 0x00)
        return decode_lift(d, r);
    if (opcode == 0x01)
        return decode_lower(d, r);
    for (size_t i = 0; i < ARRAY_LEN(builtins); i++)
        if (builtins[i].opcode == opcode)
            return decode_builtin(d, r, &builtins[i]);
    return cm_reader_bad_byte(r, opcode, "canonical function");
}
