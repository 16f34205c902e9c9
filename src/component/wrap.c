#include "component/wrap_private.h"

#include "base/mem.h"
#include "component/ir.h"
#include "component/world.h"

#define WORLD_SECTION "component-type"

/* --- reading modules ------------------------------------------------------------------------------------------------- */

static bool holds_world(const struct module_section *section)
{
    return section->id == 0 && str_starts(section->name, STR(WORLD_SECTION));
}

/* Every world of the module, into the one of all modules; what it exports is the module's to provide. */
static enum status read_worlds(struct wrapper *w, struct wrap_module *module)
{
    bool any = false;
    module->first_export = w->world->exports.len;
    for (size_t i = 0; i < module->info.section_count; i++) {
        const struct module_section *section = &module->info.sections[i];
        enum wit_string_encoding encoding;
        if (!holds_world(section))
            continue;
        if (cm_world_merge(section->bytes, &w->read, &w->model, w->world, &encoding, w->err) != ST_OK)
            return fail_wrap(w->err, "custom section `%.*s`", STR_ARG(section->name));
        if (any && encoding != module->encoding)
            return fail(w->err, ST_UNSUPPORTED, "the module was built for worlds with different encodings of strings");
        module->encoding = encoding;
        any = true;
    }
    module->export_count = w->world->exports.len - module->first_export;
    return ST_OK;
}

/* Types that go through names of other worlds and interfaces again and again: what walks them later recurses. */
static enum status check_depth(struct wrapper *w, const struct wit_type *type)
{
    if (type && type->depth > WIT_MAX_TYPE_DEPTH)
        return fail(w->err, ST_LIMIT, "a type is made of types more than %u deep", WIT_MAX_TYPE_DEPTH);
    return ST_OK;
}

static enum status check_function(struct wrapper *w, const struct wit_function *function)
{
    for (size_t i = 0; i < function->params.len; i++)
        TRY(check_depth(w, function->params.items[i].type));
    return check_depth(w, function->result);
}

static enum status check_items(struct wrapper *w, const struct wit_items *items)
{
    for (size_t i = 0; i < items->len; i++) {
        TRY(check_depth(w, items->items[i].type));
        if (items->items[i].function)
            TRY(check_function(w, items->items[i].function));
    }
    return ST_OK;
}

static enum status check_depths(struct wrapper *w)
{
    for (size_t i = 0; i < w->model.interfaces.len; i++) {
        const struct wit_interface *interface = w->model.interfaces.items[i];
        for (size_t k = 0; k < interface->types.len; k++)
            TRY(check_depth(w, interface->types.items[k]));
        for (size_t k = 0; k < interface->functions.len; k++)
            TRY(check_function(w, interface->functions.items[k]));
    }
    TRY(check_items(w, &w->world->imports));
    return check_items(w, &w->world->exports);
}

/* The module without its worlds, which the component has no use for, and with every import under a name of its own. */
static enum status strip_module(struct wrapper *w, struct wrap_module *module)
{
    autosink struct wit_sink out = WIT_SINK_INIT(BUF_UNLIMITED);
    wit_put_bytes(&out, str_slice(module->bytes, 0, 8));
    for (size_t i = 0; i < module->info.section_count; i++) {
        const struct module_section *section = &module->info.sections[i];
        autosink struct wit_sink content = WIT_SINK_INIT(BUF_UNLIMITED);
        if (holds_world(section))
            continue;
        if (section->id == 0)
            wit_put_name(&content, section->name);
        if (section->id == CORE_IMPORT)
            TRY(wrap_rename_imports(w, module, section->bytes, &content));
        else
            wit_put_bytes(&content, section->bytes);
        wit_put_byte(&out, section->id);
        wit_put_name(&out, wit_sink_str(&content));
    }
    module->own = out.buf;
    out.buf = (struct buf)BUF_INIT(0);
    module->bytes = buf_str(&module->own);
    return ST_OK;
}

static enum status index_module(struct wrapper *w, struct wrap_module *module)
{
    TRY(module_read(module->bytes, &w->read, &module->info, w->err));
    map_release(&module->exports);
    for (size_t i = 0; i < module->info.export_count; i++)
        map_set(&module->exports, module->info.exports[i].name, &module->info.exports[i]);
    return ST_OK;
}

static enum status read_module(struct wrapper *w, struct wrap_module *module, struct str name, struct str bytes)
{
    *module = (struct wrap_module){.name = name, .bytes = bytes, .realloc_shim = WRAP_NONE};
    if (cm_is_component(bytes))
        return fail(w->err, ST_INVALID, "it is a component already, not a core module");
    TRY(index_module(w, module));
    TRY(read_worlds(w, module));
    wrap_distinguish_imports(w, module);
    return strip_module(w, module);
}

static enum status read_modules(struct wrapper *w, struct str bytes)
{
    size_t count = w->options->adapter_count;
    w->adapters = ARENA_ARRAY(&w->arena, struct wrap_module, count + 1);
    TRY(read_module(w, &w->main, STR(""), bytes));
    for (size_t i = 0; i < count; i++) {
        const struct cm_adapter *adapter = &w->options->adapters[i];
        w->adapter_count++;
        if (read_module(w, &w->adapters[i], adapter->name, adapter->bytes) != ST_OK)
            return fail_wrap(w->err, "adapter `%.*s`", STR_ARG(adapter->name));
    }
    return check_depths(w);
}

static void module_release(struct wrap_module *module)
{
    map_release(&module->exports);
    buf_release(&module->own);
}

/* --- adapters -------------------------------------------------------------------------------------------------------- */

/* What is lifted from an adapter, and what lowering for it needs. */
static void require_exports(struct wrapper *w, const struct wrap_module *adapter, struct map *required)
{
    static const char *const helpers[] = {"cabi_realloc", "canonical_abi_realloc", "cabi_import_realloc", "cabi_export_realloc"};
    for (size_t i = 0; i < ARRAY_LEN(helpers); i++)
        if (wrap_find_export(adapter, str_of(helpers[i]), ENGINE_FUNC))
            map_set(required, str_of(helpers[i]), w);
    for (size_t i = 0; i < adapter->info.export_count; i++) {
        struct str name = adapter->info.exports[i].name, plain = name;
        str_skip(&plain, STR("cabi_post_"));
        for (size_t k = 0; k < adapter->export_count; k++) {
            const struct wit_world_item *item = &w->world->exports.items[adapter->first_export + k];
            struct str rest = plain, of = item->kind == WIT_ITEM_FUNCTION ? item->name : wrap_item_name(w, item);
            if (str_skip(&rest, of) && (item->kind == WIT_ITEM_FUNCTION ? rest.len == 0 : str_starts(rest, STR("#"))))
                map_set(required, name, w);
        }
    }
}

/* Cuts an adapter down to what is used of it. *ret_used: false if that is nothing. */
static enum status reduce_adapter(struct wrapper *w, struct wrap_module *adapter, bool *ret_used)
{
    struct map required = {0};
    enum status status = ST_OK;
    for (size_t i = 0; i < w->main.imports.len; i++)
        if (w->main.imports.items[i].adapter == adapter)
            map_set(&required, w->main.imports.items[i].core->name, w);
    *ret_used = required.len || adapter->export_count;
    if (*ret_used) {
        require_exports(w, adapter, &required);
        status = wrap_reduce_adapter(w, adapter, &required);
    }
    map_release(&required);
    if (status == ST_OK && *ret_used)
        status = index_module(w, adapter);
    if (status == ST_OK && *ret_used)
        status = wrap_read_imports(w, adapter);
    return status == ST_OK ? ST_OK : fail_wrap(w->err, "adapter `%.*s`", STR_ARG(adapter->name));
}

/* Unused ones are dropped; an import that names one that stays follows it to its new place. */
static enum status reduce_adapters(struct wrapper *w)
{
    size_t kept = 0;
    bool *used = ARENA_ARRAY(&w->arena, bool, w->adapter_count + 1);
    for (size_t i = 0; i < w->adapter_count; i++)
        TRY(reduce_adapter(w, &w->adapters[i], &used[i]));
    for (size_t i = 0; i < w->adapter_count; i++) {
        if (!used[i]) {
            module_release(&w->adapters[i]);
            continue;
        }
        for (size_t k = 0; k < w->main.imports.len; k++)
            if (w->main.imports.items[k].adapter == &w->adapters[i])
                w->main.imports.items[k].adapter = &w->adapters[kept];
        w->adapters[kept++] = w->adapters[i];
    }
    w->adapter_count = kept;
    return ST_OK;
}

/* --- the whole ------------------------------------------------------------------------------------------------------- */

static void wrapper_init(struct wrapper *w, const struct cm_wrap_options *options, size_t max_bytes, struct error *err)
{
    static const struct cm_wrap_options none = {0};
    *w = (struct wrapper){.options = options ? options : &none, .err = err, .memory = WRAP_NONE};
    arena_init(&w->arena, SIZE_MAX);
    arena_init(&w->read, CM_LIMIT_ARENA_BYTES);
    wit_model_init(&w->model);
    wit_body_init(&w->body, WIT_BODY_COMPONENT, max_bytes);
    w->world = wit_world_add(&w->model, wit_package_add(&w->model, STR("root"), STR("root"), NULL), STR("root"));
    w->root =
        (struct wit_type_space){.body = &w->body, .name = wit_name_imported, .foreign = wrap_imported_type, .env = w, .err = err};
}

static void wrapper_release(struct wrapper *w)
{
    vec_each (export, &w->exports) {
        wit_type_space_release(&(*export)->types);
        map_release(&(*export)->uses);
    }
    module_release(&w->main);
    for (size_t i = 0; i < w->adapter_count; i++)
        module_release(&w->adapters[i]);
    struct map *maps[] = {&w->imported_names, &w->exported_names, &w->type_info,        &w->used,
                          &w->live,           &w->live_of,        &w->import_instances, &w->type_aliases,
                          &w->core_aliases,   &w->functions,      &w->destructors,      &w->export_of};
    for (size_t i = 0; i < ARRAY_LEN(maps); i++)
        map_release(maps[i]);
    wit_type_space_release(&w->root);
    vec_release(&w->shims);
    vec_release(&w->exports);
    wit_body_release(&w->body);
    wit_model_release(&w->model);
    arena_release(&w->read);
    arena_release(&w->arena);
}

/* Exported interfaces become instances, of which a component has so many; before that they are gone through pair by pair. */
static enum status check_count(struct wrapper *w)
{
    const struct wit_items *exports = &w->world->exports;
    size_t count = 0;
    for (size_t i = 0; i < exports->len; i++)
        count += exports->items[i].kind == WIT_ITEM_INTERFACE;
    if (count > CM_LIMIT_INSTANCES)
        return fail(w->err, ST_LIMIT, "the world exports more than %u interfaces", CM_LIMIT_INSTANCES);
    return ST_OK;
}

static enum status encode(struct wrapper *w, struct str module)
{
    TRY(read_modules(w, module));
    TRY(wrap_merge_imports(w));
    TRY(check_count(w));
    wrap_index_interfaces(w);
    TRY(wrap_read_imports(w, &w->main));
    TRY(reduce_adapters(w));
    wrap_prepare_exports(w);
    wrap_find_live(w);
    TRY(wrap_collect_shims(w));
    TRY(wrap_encode_imports(w));
    TRY(wrap_encode_core(w));
    TRY(wrap_encode_exports(w));
    if (w->options->producer)
        wit_body_add_producer(&w->body, w->options->producer);
    return ST_OK;
}

/* What we made must be a component: if not, the module is not what its world says in a way that nothing above looked at. */
static enum status check_result(struct str bytes, struct error *err)
{
    struct cm_ir ir;
    struct arena arena;
    arena_init(&arena, CM_LIMIT_ARENA_BYTES);
    struct cm_types *types = cm_types_new(&arena);
    enum status status = cm_decode(bytes, CM_GATE_ALL, types, &ir, err);
    cm_types_release(types);
    arena_release(&arena);
    return status == ST_OK ? ST_OK : fail_wrap(err, "the component that came out is not valid");
}

enum status cm_wrap_module(struct str module, const struct cm_wrap_options *options, struct buf *out, struct error *err)
{
    struct wrapper w;
    struct error unread;
    struct str bytes;
    err = err ? err : &unread;
    wrapper_init(&w, options, out->max, err);
    enum status status = encode(&w, module);
    if (status == ST_OK)
        status = wit_body_bytes(&w.body, &bytes, err);
    if (status == ST_OK)
        status = check_result(bytes, err);
    if (status == ST_OK)
        status = wit_body_finish(&w.body, out, err);
    wrapper_release(&w);
    return status;
}

/* --- looking at modules ---------------------------------------------------------------------------------------------- */

static bool read_info(struct str module, struct arena *arena, struct module_info *ret_info)
{
    return !cm_is_component(module) && module_read(module, arena, ret_info, NULL) == ST_OK;
}

static bool imports_from(const struct module_info *info, struct str name)
{
    for (size_t i = 0; i < info->import_count; i++)
        if (str_eq(info->imports[i].module, name))
            return true;
    return false;
}

static bool has_export(const struct module_info *info, struct str name)
{
    for (size_t i = 0; i < info->export_count; i++)
        if (str_eq(info->exports[i].name, name))
            return true;
    return false;
}

static bool has_world(const struct module_info *info, struct str name UNUSED)
{
    for (size_t i = 0; i < info->section_count; i++)
        if (holds_world(&info->sections[i]))
            return true;
    return false;
}

static bool says(struct str module, bool (*question)(const struct module_info *, struct str), struct str name)
{
    struct module_info info;
    struct arena arena;
    arena_init(&arena, CM_LIMIT_ARENA_BYTES);
    bool yes = read_info(module, &arena, &info) && question(&info, name);
    arena_release(&arena);
    return yes;
}

bool cm_module_imports(struct str module, struct str name)
{
    return says(module, imports_from, name);
}

bool cm_module_exports(struct str module, struct str name)
{
    return says(module, has_export, name);
}

bool cm_module_has_world(struct str module)
{
    return says(module, has_world, STR_NULL);
}
