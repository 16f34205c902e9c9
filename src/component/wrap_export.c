/* What the component exports. A function of the world is lifted and exported. For an interface, its functions are lifted, and a
 * nested component imports them with the types they need and exports them again under the types' proper names; an instance of that
 * is what is exported. */
#include "component/wrap_private.h"

/* --- types at the root ----------------------------------------------------------------------------------------------- */

/* Types of other interfaces: of those exports that this one uses, else of imports. Before the other is exported, its types are
 * those that the root defines for it. */
static enum status foreign_type(struct wit_type_space *space, const struct wit_type *type, uint32_t *ret_index)
{
    struct wrap_export *export = space->env;
    struct wrapper *w = export->wrapper;
    struct wrap_export *other = map_get(&export->uses, wit_interface_key(type->interface));
    if (!other)
        return wrap_imported_type(&w->root, type, ret_index);
    if (other->instance == WRAP_NONE)
        return wit_encode_type_index(&other->types, type, ret_index);
    *ret_index = wrap_alias_type(w, other->instance, type);
    return ST_OK;
}

static void prepare(struct wrapper *w, struct wrap_module *module, const struct wit_world_item *item)
{
    struct wrap_export *export = ARENA_NEW(&w->arena, struct wrap_export);
    struct str item_key = str_n(arena_copy(&w->arena, &item, sizeof item), sizeof item);
    struct str interface_key = wit_interface_key(item->interface);
    *export = (struct wrap_export){.wrapper = w, .item = item, .module = module, .instance = WRAP_NONE};
    export->types = (struct wit_type_space){.body = &w->body,
                                            .interface = item->interface,
                                            .name = wit_name_dropped,
                                            .foreign = foreign_type,
                                            .env = export,
                                            .err = w->err};
    vec_push(&w->exports, export);
    map_set(&w->export_of, item_key, export);
    if (!item->name.len || !map_has(&w->export_of, interface_key))
        map_set(&w->export_of, interface_key, export);
}

/* The exported interfaces that one uses, and those they use; they come before it. */
static void find_uses(struct wrapper *w, struct wrap_export *export)
{
    map_each (use, &export->item->interface->uses) {
        struct wrap_export *other = map_get(&w->export_of, use->key);
        if (!other || other == export)
            continue;
        map_set(&export->uses, use->key, other);
        map_each (further, &other->uses)
            map_set(&export->uses, further->key, further->value);
    }
}

static void prepare_module(struct wrapper *w, struct wrap_module *module)
{
    for (size_t i = 0; i < module->export_count; i++) {
        const struct wit_world_item *item = &w->world->exports.items[module->first_export + i];
        if (item->kind == WIT_ITEM_INTERFACE)
            prepare(w, module, item);
    }
}

void wrap_prepare_exports(struct wrapper *w)
{
    prepare_module(w, &w->main);
    for (size_t i = 0; i < w->adapter_count; i++)
        prepare_module(w, &w->adapters[i]);
    vec_each (export, &w->exports)
        find_uses(w, *export);
}

struct str wrap_destructor_name(struct wrapper *w, const struct wit_world_item *item, const struct wit_type *resource)
{
    return arena_printf(&w->arena, "%.*s#[dtor]%.*s", STR_ARG(wrap_item_name(w, item)), STR_ARG(resource->name));
}

static void declare_resource(struct wrapper *w, struct wrap_export *export, const struct wit_type *type)
{
    struct str destructor = wrap_destructor_name(w, export->item, type);
    uint32_t shim, function = 0;
    bool has_destructor = wit_map_index(&w->destructors, destructor, &shim);
    if (has_destructor)
        function = wrap_alias_shim(w, shim);
    struct wit_sink *sink = wit_body_next(&w->body, WIT_SECTION_TYPE);
    wit_put_bytes(sink, STR("\x3f\x7f")); /* a resource, represented by an i32 */
    wit_put_byte(sink, has_destructor);
    if (has_destructor)
        wit_put_u32(sink, function);
    wit_map_set_index(&export->types.indexes, wit_type_key(type), wit_body_index(&w->body, WIT_SORT_TYPE));
}

static enum status declare_types(struct wrapper *w, struct wrap_export *export)
{
    const struct wit_interface *interface = export->item->interface;
    wit_valtype ignored;
    for (size_t i = 0; i < interface->types.len; i++) {
        const struct wit_type *type = interface->types.items[i];
        if (type->kind == WIT_RESOURCE)
            declare_resource(w, export, type);
        else
            TRY(wit_encode_type(&export->types, type, &ignored));
    }
    return ST_OK;
}

enum status wrap_declare_exported_types(struct wrapper *w)
{
    vec_each (export, &w->exports)
        TRY(declare_types(w, *export));
    return ST_OK;
}

/* --- lifting --------------------------------------------------------------------------------------------------------- */

struct lift {
    struct wrap_lift found;
    unsigned needs;
    uint32_t function, memory, realloc, post_return, callback;
};

static enum status find_realloc(struct wrapper *w, const struct wrap_module *module, struct lift *lift)
{
    struct str name = wrap_realloc_name(module, false);
    if (!name.len)
        return fail(w->err, ST_INVALID, "the module does not export `cabi_realloc`, which parameters of `%.*s` need",
                    STR_ARG(lift->found.plain));
    lift->realloc = wrap_alias_core(w, module->instance, WIT_SORT_CORE_FUNC, name);
    return ST_OK;
}

/* If the module has one. */
static enum status find_post_return(struct wrapper *w, const struct wrap_module *module, const struct wit_function *function,
                                    struct lift *lift)
{
    struct str name = lift->found.post_return;
    const struct engine_export *export = wrap_find_export(module, name, ENGINE_FUNC);
    struct engine_func_type want;
    if (!export || lift->found.abi != WRAP_ABI_LIFT)
        return ST_OK;
    want = wrap_post_return_signature(w, function);
    TRY(wrap_check_type(w, "export", name, &export->type.func, &want));
    lift->post_return = wrap_alias_core(w, module->instance, WIT_SORT_CORE_FUNC, name);
    return ST_OK;
}

static enum status find_callback(struct wrapper *w, const struct wrap_module *module, struct lift *lift)
{
    struct str name = arena_printf(&w->arena, "[callback]%.*s", STR_ARG(lift->found.name));
    const struct engine_export *export = wrap_find_export(module, name, ENGINE_FUNC);
    struct engine_func_type want = wrap_type_of(w, "iii:i");
    if (lift->found.abi != WRAP_ABI_LIFT_ASYNC)
        return ST_OK;
    if (!export)
        return fail(w->err, ST_INVALID, "the module does not export `%.*s`", STR_ARG(name));
    TRY(wrap_check_type(w, "export", name, &export->type.func, &want));
    lift->callback = wrap_alias_core(w, module->instance, WIT_SORT_CORE_FUNC, name);
    return ST_OK;
}

static enum status find_lift(struct wrapper *w, const struct wrap_module *module, const struct wit_world_item *item,
                             const struct wit_function *function, struct lift *lift)
{
    *lift = (struct lift){.memory = WRAP_NONE, .realloc = WRAP_NONE, .post_return = WRAP_NONE, .callback = WRAP_NONE};
    TRY(wrap_find_lift(w, module, item, function, &lift->found));
    lift->needs = wrap_needs(w, function, lift->found.abi);
    lift->function = wrap_alias_core(w, module->instance, WIT_SORT_CORE_FUNC, lift->found.name);
    if (lift->needs & WRAP_NEEDS_REALLOC)
        TRY(find_realloc(w, module, lift));
    TRY(find_post_return(w, module, function, lift));
    TRY(find_callback(w, module, lift));
    if (!(lift->needs & WRAP_NEEDS_MEMORY))
        return ST_OK;
    if (w->memory == WRAP_NONE)
        return fail(w->err, ST_INVALID, "the module does not export its memory as `memory`, which `%.*s` needs",
                    STR_ARG(lift->found.plain));
    lift->memory = w->memory;
    return ST_OK;
}

static enum status lift_function(struct wrapper *w, const struct wrap_module *module, const struct wit_world_item *item,
                                 const struct wit_function *function, uint32_t type, uint32_t *ret_index)
{
    struct lift lift;
    TRY(find_lift(w, module, item, function, &lift));
    struct wit_sink *sink = wit_body_next(&w->body, WIT_SECTION_CANON);
    wit_put_bytes(sink, STR("\0\0"));
    wit_put_u32(sink, lift.function);
    wrap_put_options(sink, lift.needs, module->encoding, lift.memory, lift.realloc, lift.post_return, lift.callback);
    wit_put_u32(sink, type);
    *ret_index = wit_body_index(&w->body, WIT_SORT_FUNC);
    return ST_OK;
}

/* --- the nested component -------------------------------------------------------------------------------------------- */

struct argument { /* of its instantiation */
    struct str name;
    enum wit_sort sort;
    uint32_t index;              /* of a function */
    const struct wit_type *type; /* or a type */
};

struct nested {
    struct wrapper *w;
    struct wrap_export *export;
    struct wit_body body;
    struct wit_type_space types;
    VEC(struct argument) arguments;
    struct map names;   /* of types among them */
    struct map numbers; /* type's name -> struct numbered * */
};

struct numbered { /* the last name that a type of some name was given */
    struct str name;
    unsigned next;
};

static struct str unique_name(struct nested *n, struct str type)
{
    struct arena *arena = &n->w->arena;
    struct numbered *last = map_get(&n->numbers, type);
    if (!last) {
        last = ARENA_NEW(arena, struct numbered);
        last->name = arena_printf(arena, "import-type-%.*s", STR_ARG(type));
        map_set(&n->numbers, type, last);
    }
    while (map_has(&n->names, last->name))
        last->name = arena_printf(arena, "%.*s%u", STR_ARG(last->name), last->next++);
    map_set(&n->names, last->name, n);
    return last->name;
}

static uint32_t import_type(struct wit_type_space *space, const struct wit_type *type, struct wit_extern_desc desc)
{
    struct nested *n = space->env;
    struct str name = unique_name(n, type->name);
    vec_push(&n->arguments, (struct argument){.name = name, .sort = WIT_SORT_TYPE, .type = type});
    return wit_body_import(space->body, wit_extern_name(name), desc);
}

static uint32_t export_type(struct wit_type_space *space, const struct wit_type *type, struct wit_extern_desc desc)
{
    struct wit_extern_name name = {
        .text = type->name, .external_id = type->notes.external_id, .has_external_id = type->notes.has_external_id};
    return wit_body_export(space->body, name, WIT_SORT_TYPE, desc.type, NULL);
}

/* Every type is there before one that is made of it. */
static enum status no_foreign_type(struct wit_type_space *space, const struct wit_type *type, uint32_t *ret_index UNUSED)
{
    return fail(space->err, ST_INVALID, "type `%.*s` is used before it is defined", STR_ARG(type->name));
}

/* "[method]a.b" -> "import-method-a-b", for a label. */
static struct str import_name(struct wrapper *w, const struct wit_function *function)
{
    if (!function->resource)
        return arena_printf(&w->arena, "import-func-%.*s", STR_ARG(function->name));
    struct str name = str_from(function->name, 1);
    char *text = arena_copy(&w->arena, name.data, name.len);
    for (size_t i = 0; i < name.len; i++)
        if (text[i] == ']' || text[i] == '.')
            text[i] = '-';
    return arena_printf(&w->arena, "import-%.*s", (int)name.len, text);
}

static enum status lift_functions(struct nested *n)
{
    const struct wit_interface *interface = n->export->item->interface;
    for (size_t i = 0; i < interface->functions.len; i++) {
        const struct wit_function *function = interface->functions.items[i];
        struct argument argument = {.name = import_name(n->w, function), .sort = WIT_SORT_FUNC};
        uint32_t type;
        TRY(wit_encode_function_type(&n->export->types, function, &type));
        TRY(lift_function(n->w, n->export->module, n->export->item, function, type, &argument.index));
        vec_push(&n->arguments, argument);
    }
    return ST_OK;
}

/* Types of other interfaces that this one is made of. */
static enum status import_foreign_types(struct nested *n)
{
    struct live_types live = {0};
    const struct wit_interface *interface = n->export->item->interface;
    uint32_t ignored;
    wrap_interface_types(n->w, interface, &live);
    for (size_t i = 0; i < live.types.len; i++) {
        const struct wit_type *type = live.types.items[i];
        if (!type->interface || type->interface == interface || !type->name.len)
            continue;
        TRY(wit_encode_type_index(&n->export->types, type, &ignored));
        n->types.interface = type->interface;
        TRY(wit_encode_type_index(&n->types, type, &ignored));
    }
    n->types.interface = interface;
    return ST_OK;
}

static enum status import_own(struct nested *n)
{
    const struct wit_interface *interface = n->export->item->interface;
    uint32_t ignored;
    for (size_t i = 0; i < interface->types.len; i++)
        if (interface->types.items[i]->kind == WIT_RESOURCE)
            TRY(wit_encode_type_index(&n->types, interface->types.items[i], &ignored));
    for (size_t i = 0; i < interface->functions.len; i++) {
        const struct wit_function *function = interface->functions.items[i];
        struct wit_extern_desc desc = {.sort = WIT_SORT_FUNC};
        TRY(wit_encode_function_type(&n->types, function, &desc.type));
        wit_body_import(&n->body, wit_extern_name(import_name(n->w, function)), desc);
    }
    return ST_OK;
}

static enum status export_own_type(struct nested *n, struct wit_type_space *exported, const struct wit_type *type)
{
    struct wit_extern_desc desc = {.sort = WIT_SORT_TYPE};
    wit_valtype ignored;
    if (type->kind != WIT_RESOURCE)
        return wit_encode_type(exported, type, &ignored);
    /* The resource that was imported, not another. */
    bug_unless(wit_map_index(&n->types.indexes, wit_type_key(type), &desc.type));
    wit_map_set_index(&exported->indexes, wit_type_key(type), export_type(exported, type, desc));
    return ST_OK;
}

static enum status export_own(struct nested *n, struct wit_type_space *exported)
{
    const struct wit_interface *interface = n->export->item->interface;
    for (size_t i = 0; i < interface->types.len; i++)
        TRY(export_own_type(n, exported, interface->types.items[i]));
    for (uint32_t i = 0; i < interface->functions.len; i++) {
        const struct wit_function *function = interface->functions.items[i];
        struct wit_extern_desc desc = {.sort = WIT_SORT_FUNC};
        struct wit_extern_name name = {
            .text = function->name, .external_id = function->notes.external_id, .has_external_id = function->notes.has_external_id};
        TRY(wit_encode_function_type(exported, function, &desc.type));
        wit_body_export(&n->body, name, WIT_SORT_FUNC, i, &desc);
    }
    return ST_OK;
}

static enum status encode_nested(struct nested *n)
{
    struct wit_type_space exported = n->types;
    TRY(import_foreign_types(n));
    exported.name = export_type;
    exported.indexes = (struct map){0};
    map_each (entry, &n->types.indexes)
        map_set(&exported.indexes, entry->key, entry->value);
    enum status status = import_own(n);
    /* From here on types go by the names under which they are exported. */
    wit_body_forget_types(&n->body);
    if (status == ST_OK)
        status = export_own(n, &exported);
    wit_type_space_release(&exported);
    return status;
}

static enum status instantiate_nested(struct nested *n)
{
    struct wrapper *w = n->w;
    struct str bytes;
    vec_each (argument, &n->arguments)
        if (argument->type)
            TRY(wit_encode_type_index(&n->export->types, argument->type, &argument->index));
    TRY(wit_body_bytes(&n->body, &bytes, w->err));
    wit_body_add_section(&w->body, WIT_SECTION_COMPONENT, bytes);
    uint32_t component = wit_body_index(&w->body, WIT_SORT_COMPONENT);
    struct wit_sink *sink = wit_body_next(&w->body, WIT_SECTION_INSTANCE);
    wit_put_byte(sink, 0x00);
    wit_put_u32(sink, component);
    wit_put_u32(sink, (uint32_t)n->arguments.len);
    vec_each (argument, &n->arguments) {
        wit_put_name(sink, argument->name);
        wit_put_sort(sink, argument->sort);
        wit_put_u32(sink, argument->index);
    }
    return ST_OK;
}

/* From now on the types of this interface are those of the instance that is exported. */
static void forget_types(struct wrapper *w, const struct wrap_export *export)
{
    const struct wit_interface *interface = export->item->interface;
    vec_each (other, &w->exports) {
        if (map_get(&(*other)->uses, wit_interface_key(interface)) != export)
            continue;
        for (size_t i = 0; i < interface->types.len; i++)
            map_remove(&(*other)->types.indexes, wit_type_key(interface->types.items[i]));
    }
}

static void export_instance(struct nested *n)
{
    struct wrapper *w = n->w;
    const struct wit_world_item *item = n->export->item;
    struct wit_extern_name name = {
        .text = wrap_item_name(w, item), .external_id = item->notes.external_id, .has_external_id = item->notes.has_external_id};
    uint32_t instance = wit_body_index(&w->body, WIT_SORT_INSTANCE);
    if (item->name.len && item->interface->name.len)
        name.implements = wit_interface_id(&w->model, item->interface);
    n->export->instance = wit_body_export(&w->body, name, WIT_SORT_INSTANCE, instance, NULL);
    forget_types(w, n->export);
}

static enum status encode_interface(struct wrapper *w, struct wrap_export *export)
{
    struct nested n = {.w = w, .export = export};
    n.types = (struct wit_type_space){.body = &n.body, .name = import_type, .foreign = no_foreign_type, .env = &n, .err = w->err};
    n.types.interface = export->item->interface;
    wit_body_init(&n.body, WIT_BODY_COMPONENT, w->body.out.buf.max);
    enum status status = lift_functions(&n);
    if (status == ST_OK)
        status = encode_nested(&n);
    if (status == ST_OK)
        status = instantiate_nested(&n);
    if (status == ST_OK)
        export_instance(&n);
    wit_type_space_release(&n.types);
    wit_body_release(&n.body);
    vec_release(&n.arguments);
    map_release(&n.names);
    map_release(&n.numbers);
    return status;
}

/* --- the whole ------------------------------------------------------------------------------------------------------- */

static enum status encode_function(struct wrapper *w, const struct wrap_module *module, const struct wit_world_item *item)
{
    struct wit_extern_name name = {.text = item->function->name,
                                   .external_id = item->function->notes.external_id,
                                   .has_external_id = item->function->notes.has_external_id};
    uint32_t type, function;
    TRY(wit_encode_function_type(&w->root, item->function, &type));
    TRY(lift_function(w, module, item, item->function, type, &function));
    wit_body_export(&w->body, name, WIT_SORT_FUNC, function, NULL);
    return ST_OK;
}

static enum status encode_module_exports(struct wrapper *w, const struct wrap_module *module)
{
    for (size_t i = 0; i < module->export_count; i++) {
        const struct wit_world_item *item = &w->world->exports.items[module->first_export + i];
        if (item->kind == WIT_ITEM_FUNCTION)
            TRY(encode_function(w, module, item));
        else if (item->kind == WIT_ITEM_INTERFACE)
            TRY(encode_interface(w, map_get(&w->export_of, wrap_item_key(&item))));
    }
    return ST_OK;
}

enum status wrap_encode_exports(struct wrapper *w)
{
    TRY(encode_module_exports(w, &w->main));
    for (size_t i = 0; i < w->adapter_count; i++)
        TRY(encode_module_exports(w, &w->adapters[i]));
    return ST_OK;
}
