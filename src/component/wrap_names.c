/* What the imports and exports of a core module mean.
 *
 * An import's module is "$root" for the world itself, or an interface: its plain name, or "ns:pkg/iface@version", where a version
 * of the same track will do. "[export]" in front makes it one that the world exports, whose resources and results the module
 * needs built-ins for. The import's name is a function's, or a built-in's in brackets; "[async-lower]" in front of it asks for the
 * asynchronous convention. "[stream-read-1]f" is about the second stream or future in the type of f. */
#include "component/wrap_private.h"

#include "base/mem.h"
#include "component/names.h"

static const struct wrap_builtin root_builtins[] = {
    {"[backpressure-inc]", ":", 0x24, WRAP_PLAIN, false},
    {"[backpressure-dec]", ":", 0x25, WRAP_PLAIN, false},
    {"[waitable-set-new]", ":i", 0x1f, WRAP_PLAIN, false},
    {"[waitable-set-wait]", "ii:i", 0x20, WRAP_WAIT, false},
    {"[waitable-set-poll]", "ii:i", 0x21, WRAP_WAIT, false},
    {"[waitable-set-drop]", "i:", 0x22, WRAP_PLAIN, false},
    {"[waitable-join]", "ii:", 0x23, WRAP_PLAIN, false},
    {"[subtask-drop]", "i:", 0x0d, WRAP_PLAIN, false},
    {"[subtask-cancel]", "i:i", 0x06, WRAP_ASYNC_FLAG, false},
    {"[thread-yield]", ":i", 0x0c, WRAP_CANCELLABLE, false},
    {"[error-context-drop]", "i:", 0x1e, WRAP_PLAIN, false},
    {"[error-context-new-utf8]", "ii:i", 0x1c, WRAP_ERROR_NEW, false},
    {"[error-context-new-utf16]", "ii:i", 0x1c, WRAP_ERROR_NEW, false},
    {"[error-context-new-latin1+utf16]", "ii:i", 0x1c, WRAP_ERROR_NEW, false},
    {"[error-context-debug-message-utf8]", "ii:", 0x1d, WRAP_ERROR_MESSAGE, false},
    {"[error-context-debug-message-utf16]", "ii:", 0x1d, WRAP_ERROR_MESSAGE, false},
    {"[error-context-debug-message-latin1+utf16]", "ii:", 0x1d, WRAP_ERROR_MESSAGE, false},
    {"[context-get-0]", ":i", 0x0a, WRAP_CONTEXT, false},
    {"[context-get-1]", ":i", 0x0a, WRAP_CONTEXT, false},
    {"[context-get-i32-0]", ":i", 0x0a, WRAP_CONTEXT, false},
    {"[context-get-i32-1]", ":i", 0x0a, WRAP_CONTEXT, false},
    {"[context-set-0]", "i:", 0x0b, WRAP_CONTEXT, false},
    {"[context-set-1]", "i:", 0x0b, WRAP_CONTEXT, false},
    {"[context-set-i32-0]", "i:", 0x0b, WRAP_CONTEXT, false},
    {"[context-set-i32-1]", "i:", 0x0b, WRAP_CONTEXT, false},
};

/* Names that start so: a resource, function, or index and function follow. */
static const struct wrap_builtin prefixed_builtins[] = {
    {"[resource-drop]", "i:", 0x03, WRAP_RESOURCE, false},
    {"[resource-new]", "i:i", 0x02, WRAP_RESOURCE, true},
    {"[resource-rep]", "i:i", 0x04, WRAP_RESOURCE, true},
    {"[task-return]", NULL, 0x09, WRAP_TASK_RETURN, true},
    {"[task-cancel]", ":", 0x05, WRAP_PLAIN, true},
    {"[stream-new-", ":I", 0x0e, WRAP_PAYLOAD, false},
    {"[stream-read-", "iii:i", 0x0f, WRAP_PAYLOAD_READ, false},
    {"[stream-write-", "iii:i", 0x10, WRAP_PAYLOAD_WRITE, false},
    {"[stream-cancel-read-", "i:i", 0x11, WRAP_PAYLOAD_CANCEL, false},
    {"[stream-cancel-write-", "i:i", 0x12, WRAP_PAYLOAD_CANCEL, false},
    {"[stream-drop-readable-", "i:", 0x13, WRAP_PAYLOAD, false},
    {"[stream-drop-writable-", "i:", 0x14, WRAP_PAYLOAD, false},
    {"[future-new-", ":I", 0x15, WRAP_PAYLOAD, false},
    {"[future-read-", "ii:i", 0x16, WRAP_PAYLOAD_READ, false},
    {"[future-write-", "ii:i", 0x17, WRAP_PAYLOAD_WRITE, false},
    {"[future-cancel-read-", "i:i", 0x18, WRAP_PAYLOAD_CANCEL, false},
    {"[future-cancel-write-", "i:i", 0x19, WRAP_PAYLOAD_CANCEL, false},
    {"[future-drop-readable-", "i:", 0x1a, WRAP_PAYLOAD, false},
    {"[future-drop-writable-", "i:", 0x1b, WRAP_PAYLOAD, false},
};

/* --- interfaces ------------------------------------------------------------------------------------------------------ */

struct str wrap_item_name(struct wrapper *w, const struct wit_world_item *item)
{
    return item->name.len ? item->name : wit_interface_id(&w->model, item->interface);
}

/* Whether an interface under its own name is the one that a module calls `wanted`, to the letter or by the track of its version. */
static bool is_called(const struct wit_world_item *item, const struct cm_name *wanted, bool exactly)
{
    const struct wit_package *package = item->interface->package;
    if (item->name.len || !str_eq(item->interface->name, wanted->label) || !str_eq(package->name, wanted->package) ||
        !str_eq(package->ns, wanted->namespace_))
        return false;
    if (exactly || !package->version.text.len || !wanted->version.text.len)
        return str_eq(package->version.text, wanted->version.text);
    struct str track = cm_version_track(wanted->version.text);
    return track.len && str_eq(track, cm_version_track(package->version.text));
}

/* By plain name: which a module may leave empty. */
static const struct wit_world_item *find_plain(const struct wit_items *items, struct str name)
{
    return name.len ? wit_items_find(items, name, NULL) : NULL;
}

static const struct wit_world_item *find_interface(const struct wit_items *items, struct str name)
{
    struct cm_name wanted;
    const struct wit_world_item *item = find_plain(items, name);
    if (item)
        return item->kind == WIT_ITEM_INTERFACE ? item : NULL;
    if (cm_name_parse(name, &wanted, NULL) != ST_OK || wanted.kind != CM_NAME_INTERFACE)
        return NULL;
    for (int exactly = 1; exactly >= 0; exactly--)
        for (size_t i = 0; i < items->len; i++)
            if (items->items[i].kind == WIT_ITEM_INTERFACE && is_called(&items->items[i], &wanted, exactly))
                return &items->items[i];
    return NULL;
}

static const struct wit_function *find_function(const struct wit_items *items, const struct wit_world_item *item, struct str name)
{
    if (item)
        return wit_interface_function(item->interface, name);
    item = find_plain(items, name);
    return item && item->kind == WIT_ITEM_FUNCTION ? item->function : NULL;
}

static const struct wit_type *find_resource(const struct wrapper *w, const struct wit_world_item *item, struct str name)
{
    const struct wit_type *type = NULL;
    const struct wit_world_item *own = NULL;
    if (item)
        type = wit_interface_type(item->interface, name);
    else
        own = find_plain(&w->world->imports, name);
    if (own && own->kind == WIT_ITEM_TYPE)
        type = own->type;
    return type && type->kind == WIT_RESOURCE ? type : NULL;
}

/* --- built-ins ------------------------------------------------------------------------------------------------------- */

static const struct wit_items *items_of(const struct wrapper *w, const struct wrap_import *import)
{
    return import->is_exported ? &w->world->exports : &w->world->imports;
}

/* "1]f": the second stream or future of f; "unit]": one without payload. */
static bool find_payload(struct wrapper *w, struct wrap_import *import, struct str rest)
{
    uint64_t index;
    size_t end = str_find_char(rest, ']');
    struct str number = str_slice(rest, 0, end);
    bool is_stream = str_starts(str_of(import->builtin->name), STR("[stream"));
    if (end == STR_NONE)
        return false;
    if (str_is(number, "unit")) {
        import->type = wit_type_new(&w->model, is_stream ? WIT_STREAM : WIT_FUTURE, NULL, NULL);
        return true;
    }
    import->function = find_function(items_of(w, import), import->item, str_from(rest, end + 1));
    if (!import->function || !str_parse_u64(number, UINT32_MAX, &index))
        return false;
    import->type = wrap_payload(w, import->function, (uint32_t)index);
    return import->type && import->type->kind == (is_stream ? WIT_STREAM : WIT_FUTURE);
}

/* Fills in what `rest`, behind the built-in's name, is about. */
static bool find_subject(struct wrapper *w, struct wrap_import *import, struct str rest)
{
    switch (import->builtin->operands) {
    case WRAP_RESOURCE:
        import->type = find_resource(w, import->item, rest);
        return import->type != NULL;
    case WRAP_TASK_RETURN:
        import->function = find_function(items_of(w, import), import->item, rest);
        return import->function != NULL;
    case WRAP_PAYLOAD:
    case WRAP_PAYLOAD_READ:
    case WRAP_PAYLOAD_WRITE:
    case WRAP_PAYLOAD_CANCEL:
        return find_payload(w, import, rest);
    default:
        return rest.len == 0;
    }
}

static unsigned builtin_needs(struct wrapper *w, const struct wrap_import *import)
{
    switch (import->builtin->operands) {
    case WRAP_PAYLOAD_READ:
    case WRAP_PAYLOAD_WRITE:
        return wrap_payload_needs(w, import->type->first, import->builtin->operands == WRAP_PAYLOAD_READ, import->is_async);
    case WRAP_WAIT:
        return WRAP_NEEDS_MEMORY;
    case WRAP_ERROR_NEW:
        return WRAP_NEEDS_MEMORY | WRAP_NEEDS_ENCODING;
    case WRAP_ERROR_MESSAGE:
        return WRAP_NEEDS_MEMORY | WRAP_NEEDS_ENCODING | WRAP_NEEDS_REALLOC;
    case WRAP_TASK_RETURN:
        return wrap_task_return_needs(w, import->function);
    default:
        return 0;
    }
}

static bool can_be_async(enum wrap_operands operands)
{
    return operands == WRAP_PAYLOAD_READ || operands == WRAP_PAYLOAD_WRITE || operands == WRAP_PAYLOAD_CANCEL ||
           operands == WRAP_ASYNC_FLAG;
}

static enum status accept_builtin(struct wrapper *w, struct wrap_import *import, struct str name)
{
    const struct wrap_builtin *builtin = import->builtin;
    if (import->is_async && !can_be_async(builtin->operands))
        return fail(w->err, ST_INVALID, "import `%.*s` cannot be asynchronous", STR_ARG(name));
    struct engine_func_type want = builtin->type ? wrap_type_of(w, builtin->type) : wrap_task_return_signature(w, import->function);
    import->kind = WRAP_BUILTIN;
    import->needs = builtin_needs(w, import);
    return wrap_check_type(w, "import", name, &import->core->type.func, &want);
}

/* Sets import->builtin to NULL if the name is none. */
static enum status read_prefixed(struct wrapper *w, struct wrap_import *import, struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(prefixed_builtins); i++) {
        struct str rest = name;
        import->builtin = &prefixed_builtins[i];
        if (!str_skip(&rest, str_of(import->builtin->name)))
            continue;
        if (import->builtin->exports_only && !import->is_exported)
            return fail(w->err, ST_INVALID, "import `%.*s` is for what the world exports, not imports", STR_ARG(name));
        if (!find_subject(w, import, rest))
            return fail(w->err, ST_INVALID, "import `%.*s` is about nothing that its world has", STR_ARG(name));
        return accept_builtin(w, import, name);
    }
    import->builtin = NULL;
    return ST_OK;
}

static enum wit_string_encoding named_encoding(struct str name)
{
    if (str_ends(name, STR("-utf8]")))
        return WIT_ENCODING_UTF8;
    return str_ends(name, STR("-utf16]")) ? WIT_ENCODING_UTF16 : WIT_ENCODING_LATIN1_UTF16;
}

static enum status read_root_builtin(struct wrapper *w, struct wrap_import *import, struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(root_builtins); i++) {
        import->builtin = &root_builtins[i];
        if (!str_is(name, import->builtin->name))
            continue;
        if (import->builtin->operands == WRAP_ERROR_NEW || import->builtin->operands == WRAP_ERROR_MESSAGE)
            import->encoding = named_encoding(name);
        if (import->builtin->operands == WRAP_CONTEXT)
            import->slot = str_ends(name, STR("1]")) ? 1 : 0;
        return accept_builtin(w, import, name);
    }
    import->builtin = NULL;
    return ST_OK;
}

/* --- imports --------------------------------------------------------------------------------------------------------- */

static void note_used(struct wrapper *w, const struct wrap_import *import)
{
    const void *pair[2] = {import->item, import->function};
    map_set(&w->used, str_n(arena_copy(&w->arena, pair, sizeof pair), sizeof pair), w);
}

static enum status read_function(struct wrapper *w, struct wrap_import *import, struct str name)
{
    enum wrap_abi abi = import->is_async ? WRAP_ABI_LOWER_ASYNC : WRAP_ABI_LOWER;
    import->function = find_function(&w->world->imports, import->item, name);
    if (!import->function)
        return fail(w->err, ST_INVALID, "import `%.*s` of `%.*s` is not in the module's world", STR_ARG(name),
                    STR_ARG(import->core->module));
    import->kind = WRAP_LOWER;
    import->needs = wrap_needs(w, import->function, abi);
    note_used(w, import);
    struct engine_func_type want = wrap_signature(w, import->function, abi);
    return wrap_check_type(w, "import", name, &import->core->type.func, &want);
}

static enum status read_component_import(struct wrapper *w, struct wrap_import *import)
{
    struct str module = import->core->module, name = import->core->name;
    import->is_async = str_skip(&name, STR("[async-lower]"));
    import->is_exported = str_skip(&module, STR("[export]"));
    if (!str_is(module, "$root")) {
        import->item = find_interface(items_of(w, import), module);
        if (!import->item)
            return fail(
                w->err, ST_INVALID,
                "the module imports `%.*s` of `%.*s`, which its world does not name; if that is an older interface, give an "
                "adapter for it",
                STR_ARG(name), STR_ARG(import->core->module));
    } else if (!import->is_exported) {
        TRY(read_root_builtin(w, import, name));
    }
    if (!import->builtin)
        TRY(read_prefixed(w, import, name));
    if (!import->builtin && import->is_exported)
        return fail(w->err, ST_INVALID, "import `%.*s` of `%.*s` is no built-in", STR_ARG(name), STR_ARG(import->core->module));
    return import->builtin ? ST_OK : read_function(w, import, name);
}

static struct wrap_module *find_adapter(struct wrapper *w, struct str name)
{
    for (size_t i = 0; i < w->adapter_count; i++)
        if (str_eq(w->adapters[i].name, name))
            return &w->adapters[i];
    return NULL;
}

static enum status read_adapted(struct wrapper *w, struct wrap_import *import)
{
    const struct engine_export *export = wrap_find_export(import->adapter, import->core->name, ENGINE_FUNC);
    if (!export)
        return fail(w->err, ST_INVALID, "adapter `%.*s` has no function `%.*s`, which the module imports",
                    STR_ARG(import->core->module), STR_ARG(import->core->name));
    for (uint32_t i = 0; i < export->type.func.param_count + export->type.func.result_count; i++) {
        uint32_t params = export->type.func.param_count;
        if ((i < params ? export->type.func.params[i] : export->type.func.results[i - params]) > ENGINE_F64)
            return fail(w->err, ST_UNSUPPORTED, "adapter function `%.*s` takes more than numbers", STR_ARG(import->core->name));
    }
    import->kind = WRAP_ADAPTED;
    import->needs = WRAP_NEEDS_MEMORY; /* as far as anyone knows */
    return wrap_check_type(w, "import", import->core->name, &import->core->type.func, &export->type.func);
}

static enum status read_import(struct wrapper *w, struct wrap_module *module, struct wrap_import *import)
{
    const struct engine_import *core = import->core;
    bool is_adapter = module != &w->main;
    if (is_adapter && core->type.kind == ENGINE_MEMORY && str_is(core->module, "env") && str_is(core->name, "memory")) {
        import->kind = WRAP_MAIN_MEMORY;
        return ST_OK;
    }
    if (is_adapter && str_is(core->module, "__main_module__")) {
        import->kind = WRAP_MAIN_EXPORT;
        return ST_OK;
    }
    if (core->type.kind != ENGINE_FUNC)
        return fail(w->err, ST_UNSUPPORTED, "import `%.*s` of `%.*s` is not a function", STR_ARG(core->name),
                    STR_ARG(core->module));
    import->adapter = is_adapter ? NULL : find_adapter(w, core->module);
    return import->adapter ? read_adapted(w, import) : read_component_import(w, import);
}

/* The imports of each module name together, in order of its first; that is how they are given. */
static void group_imports(struct wrapper *w, const struct wrap_module *module, uint32_t *order)
{
    struct map groups = {0}, names = {0};
    size_t count = module->info.import_count, done = 0;
    for (size_t i = 0; i < count; i++)
        map_set(&groups, module->info.imports[i].module, w);
    autofree uint32_t *rank = mem_array(count + 1, sizeof *rank), *first = mem_array(groups.len + 2, sizeof *first);
    map_each (group, &groups)
        wit_map_set_index(&names, group->key, (uint32_t)(done++));
    for (size_t i = 0; i < count; i++)
        if (wit_map_index(&names, module->info.imports[i].module, &rank[i]))
            first[rank[i] + 1]++;
    for (size_t i = 1; i <= groups.len; i++)
        first[i] += first[i - 1];
    for (uint32_t i = 0; i < count; i++)
        order[first[rank[i]]++] = i;
    map_release(&groups);
    map_release(&names);
}

enum status wrap_read_imports(struct wrapper *w, struct wrap_module *module)
{
    size_t count = module->info.import_count;
    autofree uint32_t *order = mem_array(count + 1, sizeof *order);
    group_imports(w, module, order);
    for (size_t i = 0; i < count; i++) {
        struct wrap_import import = {.core = &module->info.imports[order[i]], .encoding = module->encoding, .shim = WRAP_NONE};
        const struct str *given = module->given_names ? &module->given_names[order[i]] : NULL;
        import.given = given && given->data ? *given : import.core->name;
        TRY(read_import(w, module, &import));
        wit_vec_push(&w->arena, &module->imports, import);
    }
    return ST_OK;
}

/* --- exports --------------------------------------------------------------------------------------------------------- */

const struct engine_export *wrap_find_export(const struct wrap_module *module, struct str name, enum engine_extern_kind kind)
{
    const struct engine_export *export = map_get(&module->exports, name);
    return export && export->type.kind == kind ? export : NULL;
}

struct str wrap_export_name(struct wrapper *w, const struct wit_world_item *item, const struct wit_function *function)
{
    if (item->kind == WIT_ITEM_FUNCTION)
        return function->name;
    return arena_printf(&w->arena, "%.*s#%.*s", STR_ARG(wrap_item_name(w, item)), STR_ARG(function->name));
}

enum status wrap_find_lift(struct wrapper *w, const struct wrap_module *module, const struct wit_world_item *item,
                           const struct wit_function *function, struct str *ret_name, enum wrap_abi *ret_abi)
{
    static const struct {
        const char *prefix;
        enum wrap_abi abi;
    } ways[] = {{"", WRAP_ABI_LIFT}, {"[async-lift]", WRAP_ABI_LIFT_ASYNC}, {"[async-lift-stackful]", WRAP_ABI_LIFT_STACKFUL}};
    struct str plain = wrap_export_name(w, item, function);
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct str name = arena_printf(&w->arena, "%s%.*s", ways[i].prefix, STR_ARG(plain));
        const struct engine_export *export = wrap_find_export(module, name, ENGINE_FUNC);
        struct engine_func_type want;
        if (!export)
            continue;
        want = wrap_signature(w, function, ways[i].abi);
        *ret_name = name;
        *ret_abi = ways[i].abi;
        return wrap_check_type(w, "export", name, &export->type.func, &want);
    }
    return fail(w->err, ST_INVALID, "the module does not export `%.*s`, which its world does", STR_ARG(plain));
}

static struct str first_exported(const struct wrap_module *module, enum engine_extern_kind kind, const char *const *names)
{
    for (; *names; names++)
        if (wrap_find_export(module, str_of(*names), kind))
            return str_of(*names);
    return STR("");
}

struct str wrap_memory_name(const struct wrap_module *module)
{
    static const char *const names[] = {"memory", NULL};
    return first_exported(module, ENGINE_MEMORY, names);
}

struct str wrap_realloc_name(const struct wrap_module *module, bool import)
{
    static const char *const for_imports[] = {"cabi_import_realloc", "cabi_realloc", "canonical_abi_realloc", NULL};
    static const char *const for_exports[] = {"cabi_export_realloc", "cabi_realloc", "canonical_abi_realloc", NULL};
    return first_exported(module, ENGINE_FUNC, import ? for_imports : for_exports);
}

struct str wrap_adapter_realloc(const struct wrap_module *main_module)
{
    static const char *const names[] = {"cabi_realloc_adapter", "cabi_realloc", "canonical_abi_realloc", NULL};
    return first_exported(main_module, ENGINE_FUNC, names);
}
