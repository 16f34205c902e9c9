/* Core signatures of WIT functions (CanonicalABI.md "Flattening"), what options they need, and which types are used. */
#include "component/wrap_private.h"

#include "base/mem.h"

#define MAX_FLAT_PARAMS 16
#define MAX_FLAT_ASYNC_PARAMS 4

enum { HAS_STRING = 1 << 0, HAS_POINTER = 1 << 1 };

struct type_info {
    unsigned contents;
    uint32_t payloads; /* streams and futures in it, wherever, and itself; UINT32_MAX: that many or more */
    uint32_t count;    /* of flat; MAX_FLAT_PARAMS + 1: more than there may be */
    uint8_t flat[MAX_FLAT_PARAMS];
};

static void add_flat(struct type_info *info, uint8_t type)
{
    if (info->count < MAX_FLAT_PARAMS)
        info->flat[info->count] = type;
    if (info->count <= MAX_FLAT_PARAMS)
        info->count++;
}

static void add_flats(struct type_info *info, const struct type_info *other)
{
    info->contents |= other->contents;
    for (uint32_t i = 0; i < other->count; i++)
        add_flat(info, i < MAX_FLAT_PARAMS ? other->flat[i] : ENGINE_I32);
}

static uint8_t join(uint8_t a, uint8_t b)
{
    if (a == b)
        return a;
    bool small = (a == ENGINE_I32 || a == ENGINE_F32) && (b == ENGINE_I32 || b == ENGINE_F32);
    return small ? ENGINE_I32 : ENGINE_I64;
}

static const struct type_info *info_of(struct wrapper *w, const struct wit_type *type);

/* The payload of a variant shares its places with those of the others. */
static void add_case(struct wrapper *w, struct type_info *info, const struct wit_type *payload)
{
    if (!payload)
        return;
    const struct type_info *other = info_of(w, payload);
    info->contents |= other->contents;
    for (uint32_t i = 0; i < other->count; i++) {
        uint32_t at = i + 1; /* behind the discriminant */
        if (at >= info->count)
            add_flat(info, i < MAX_FLAT_PARAMS ? other->flat[i] : ENGINE_I32);
        else if (at < MAX_FLAT_PARAMS)
            info->flat[at] = join(info->flat[at], other->flat[i]);
    }
}

static uint8_t primitive_flat(enum wit_kind kind)
{
    switch (kind) {
    case WIT_S64:
    case WIT_U64:
        return ENGINE_I64;
    case WIT_F32:
        return ENGINE_F32;
    case WIT_F64:
        return ENGINE_F64;
    default:
        return ENGINE_I32;
    }
}

static void find_info(struct wrapper *w, const struct wit_type *type, struct type_info *info)
{
    switch (type->kind) {
    case WIT_STRING:
    case WIT_LIST:
    case WIT_MAP:
        add_flat(info, ENGINE_I32);
        add_flat(info, ENGINE_I32);
        info->contents |= type->kind == WIT_STRING ? HAS_STRING : HAS_POINTER;
        if (type->first)
            info->contents |= info_of(w, type->first)->contents;
        if (type->second)
            info->contents |= info_of(w, type->second)->contents;
        break;
    case WIT_FIXED_LIST:
        for (uint32_t i = 0; i < type->length && info->count <= MAX_FLAT_PARAMS; i++)
            add_flats(info, info_of(w, type->element));
        break;
    case WIT_RECORD:
    case WIT_TUPLE:
        for (size_t i = 0; i < type->fields.len; i++)
            add_flats(info, info_of(w, type->fields.items[i].type));
        break;
    case WIT_FLAGS:
        for (size_t i = 0; i < type->fields.len; i += 32)
            add_flat(info, ENGINE_I32);
        break;
    case WIT_VARIANT:
        add_flat(info, ENGINE_I32);
        for (size_t i = 0; i < type->fields.len; i++)
            add_case(w, info, type->fields.items[i].type);
        break;
    case WIT_OPTION:
    case WIT_RESULT:
        add_flat(info, ENGINE_I32);
        add_case(w, info, type->first);
        add_case(w, info, type->second);
        break;
    case WIT_ALIAS:
        add_flats(info, info_of(w, type->target));
        break;
    default: /* primitives, enums, handles, streams, futures */
        add_flat(info, primitive_flat(type->kind));
        break;
    }
}

static uint32_t count_payloads(struct wrapper *w, const struct wit_type *type)
{
    const struct wit_type *const parts[] = {type->first, type->second};
    uint64_t count = type->kind == WIT_STREAM || type->kind == WIT_FUTURE;
    if (type->kind == WIT_OWN || type->kind == WIT_BORROW)
        return 0; /* whatever the resource is */
    for (size_t i = 0; i < type->fields.len; i++)
        count += type->fields.items[i].type ? info_of(w, type->fields.items[i].type)->payloads : 0;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        count += parts[i] ? info_of(w, parts[i])->payloads : 0;
    return (uint32_t)MIN(count, UINT32_MAX);
}

static const struct type_info *info_of(struct wrapper *w, const struct wit_type *type)
{
    bool keep = !wit_kind_is_primitive(type->kind);
    struct type_info *info = keep ? map_get(&w->type_info, wit_type_key(type)) : NULL;
    if (info)
        return info;
    info = ARENA_NEW(&w->arena, struct type_info);
    find_info(w, type, info);
    if (keep)
        info->payloads = count_payloads(w, type);
    if (keep)
        map_set(&w->type_info, wit_type_key(type), info);
    return info;
}

/* --- functions ------------------------------------------------------------------------------------------------------- */

static struct type_info params_of(struct wrapper *w, const struct wit_function *function)
{
    struct type_info all = {0};
    for (size_t i = 0; i < function->params.len; i++)
        add_flats(&all, info_of(w, function->params.items[i].type));
    return all;
}

static struct type_info result_of(struct wrapper *w, const struct wit_function *function)
{
    struct type_info none = {0};
    return function->result ? *info_of(w, function->result) : none;
}

static bool is_lower(enum wrap_abi abi)
{
    return abi == WRAP_ABI_LOWER || abi == WRAP_ABI_LOWER_ASYNC;
}

static bool is_async(enum wrap_abi abi)
{
    return abi != WRAP_ABI_LOWER && abi != WRAP_ABI_LIFT;
}

static bool params_in_memory(const struct type_info *params, enum wrap_abi abi)
{
    return params->count > (abi == WRAP_ABI_LOWER_ASYNC ? MAX_FLAT_ASYNC_PARAMS : MAX_FLAT_PARAMS);
}

static bool result_in_memory(const struct type_info *result, enum wrap_abi abi)
{
    if (is_async(abi))
        return abi == WRAP_ABI_LOWER_ASYNC && result->count > 0;
    return result->count > 1;
}

static struct engine_func_type make_type(struct wrapper *w, const struct type_info *params, const struct type_info *results)
{
    return (struct engine_func_type){arena_copy(&w->arena, params->flat, params->count),
                                     arena_copy(&w->arena, results->flat, results->count), params->count, results->count};
}

struct engine_func_type wrap_signature(struct wrapper *w, const struct wit_function *function, enum wrap_abi abi)
{
    static const struct type_info pointer = {.count = 1, .flat = {ENGINE_I32}}, none = {0};
    struct type_info params = params_of(w, function), result = result_of(w, function);
    bool through_memory = result_in_memory(&result, abi);
    uint8_t types[MAX_FLAT_PARAMS + 1];
    if (params_in_memory(&params, abi))
        params = pointer;
    memcpy(types, params.flat, params.count);
    uint32_t count = params.count;
    if (through_memory && is_lower(abi))
        types[count++] = ENGINE_I32;
    if (abi == WRAP_ABI_LOWER_ASYNC || abi == WRAP_ABI_LIFT_ASYNC || (through_memory && abi == WRAP_ABI_LIFT))
        result = pointer;
    else if (through_memory || abi == WRAP_ABI_LIFT_STACKFUL)
        result = none;
    return (struct engine_func_type){arena_copy(&w->arena, types, count), arena_copy(&w->arena, result.flat, result.count), count,
                                     result.count};
}

/* Guest to host: what lies in memory is read. */
static unsigned lift_needs(unsigned contents)
{
    unsigned needs = contents ? WRAP_NEEDS_MEMORY : 0;
    return needs | (contents & HAS_STRING ? WRAP_NEEDS_ENCODING : 0);
}

/* Host to guest: room for it is asked for. */
static unsigned lower_needs(unsigned contents)
{
    return lift_needs(contents) | (contents ? WRAP_NEEDS_REALLOC : 0);
}

unsigned wrap_needs(struct wrapper *w, const struct wit_function *function, enum wrap_abi abi)
{
    struct type_info params = params_of(w, function), result = result_of(w, function);
    unsigned needs = is_async(abi) ? WRAP_IS_ASYNC : 0;
    if (is_lower(abi))
        needs |= lift_needs(params.contents) | lower_needs(result.contents);
    else
        needs |= lower_needs(params.contents) | lift_needs(result.contents);
    if (params_in_memory(&params, abi))
        needs |= WRAP_NEEDS_MEMORY | (is_lower(abi) ? 0 : WRAP_NEEDS_REALLOC);
    if (result_in_memory(&result, abi))
        needs |= WRAP_NEEDS_MEMORY;
    if (is_async(abi) && !is_lower(abi))
        needs |= wrap_task_return_needs(w, function);
    return needs;
}

unsigned wrap_payload_needs(struct wrapper *w, const struct wit_type *payload, bool read, bool is_async_copy)
{
    unsigned contents = payload ? info_of(w, payload)->contents : 0;
    unsigned needs = WRAP_NEEDS_MEMORY | (is_async_copy ? WRAP_IS_ASYNC : 0);
    return needs | (read ? lower_needs(contents) : lift_needs(contents));
}

/* As wit-component has it: what lowering the function would need, `realloc` excepted, which task.return does not take. */
unsigned wrap_task_return_needs(struct wrapper *w, const struct wit_function *function)
{
    return wrap_needs(w, function, WRAP_ABI_LOWER) & ~(unsigned)WRAP_NEEDS_REALLOC;
}

struct engine_func_type wrap_task_return_signature(struct wrapper *w, const struct wit_function *function)
{
    static const struct type_info pointer = {.count = 1, .flat = {ENGINE_I32}}, none = {0};
    struct type_info result = result_of(w, function);
    return make_type(w, result.count > MAX_FLAT_PARAMS ? &pointer : &result, &none);
}

struct engine_func_type wrap_post_return_signature(struct wrapper *w, const struct wit_function *function)
{
    struct engine_func_type lifted = wrap_signature(w, function, WRAP_ABI_LIFT);
    return (struct engine_func_type){lifted.results, NULL, lifted.result_count, 0};
}

struct engine_func_type wrap_type_of(struct wrapper *w, const char *text)
{
    struct type_info part[2] = {{0}, {0}};
    for (unsigned which = 0; *text; text++)
        if (*text == ':')
            which = 1;
        else
            add_flat(&part[which], *text == 'I' ? ENGINE_I64 : ENGINE_I32);
    return make_type(w, &part[0], &part[1]);
}

static void describe(struct buf *out, const uint8_t *types, uint32_t count)
{
    static const char *const names[] = {[ENGINE_I32] = "i32", [ENGINE_I64] = "i64", [ENGINE_F32] = "f32", [ENGINE_F64] = "f64"};
    buf_add(out, STR("("));
    for (uint32_t i = 0; i < count; i++)
        buf_addf(out, "%s%s", i ? " " : "", types[i] <= ENGINE_F64 ? names[types[i]] : "?");
    buf_add(out, STR(")"));
}

static bool same_types(const uint8_t *a, uint32_t a_count, const uint8_t *b, uint32_t b_count)
{
    return a_count == b_count && (!a_count || memcmp(a, b, a_count) == 0);
}

enum status wrap_check_type(struct wrapper *w, const char *what, struct str name, const struct engine_func_type *got,
                            const struct engine_func_type *want)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    if (same_types(got->params, got->param_count, want->params, want->param_count) &&
        same_types(got->results, got->result_count, want->results, want->result_count))
        return ST_OK;
    describe(&text, got->params, got->param_count);
    buf_add(&text, STR(" -> "));
    describe(&text, got->results, got->result_count);
    buf_add(&text, STR(", but its world says "));
    describe(&text, want->params, want->param_count);
    buf_add(&text, STR(" -> "));
    describe(&text, want->results, want->result_count);
    return fail(w->err, ST_INVALID, "%s `%.*s` has the type %s", what, STR_ARG(name), text.data);
}

/* --- streams and futures --------------------------------------------------------------------------------------------- */

/* The one of that number in a type, itself counted last; NULL: it has fewer, and *number is less by those. */
static const struct wit_type *find_payload(struct wrapper *w, const struct wit_type *type, uint32_t *number)
{
    uint32_t count = type ? info_of(w, type)->payloads : 0;
    const struct wit_type *found = NULL;
    if (*number >= count) {
        *number -= count;
        return NULL;
    }
    for (size_t i = 0; i < type->fields.len && !found; i++)
        found = find_payload(w, type->fields.items[i].type, number);
    if (!found)
        found = find_payload(w, type->first, number);
    if (!found)
        found = find_payload(w, type->second, number);
    return found ? found : type;
}

const struct wit_type *wrap_payload(struct wrapper *w, const struct wit_function *function, uint32_t index)
{
    const struct wit_type *found = NULL;
    for (size_t i = 0; i < function->params.len && !found; i++)
        found = find_payload(w, function->params.items[i].type, &index);
    return found ? found : find_payload(w, function->result, &index);
}

/* --- liveness -------------------------------------------------------------------------------------------------------- */

struct visit {
    struct wrapper *w;
    struct map *seen;
    struct live_types *all; /* or NULL: each is listed with its interface */
};

static void list_live(struct wrapper *w, const struct wit_type *type)
{
    struct str key;
    if (!type->interface || !type->name.len)
        return;
    key = wit_interface_key(type->interface);
    struct live_types *list = map_get(&w->live_of, key);
    if (!list) {
        list = ARENA_NEW(&w->arena, struct live_types);
        map_set(&w->live_of, key, list);
    }
    wit_vec_push(&w->arena, &list->types, type);
}

static void visit_type(struct visit *visit, const struct wit_type *type)
{
    if (!type || wit_kind_is_primitive(type->kind) || map_has(visit->seen, wit_type_key(type)))
        return;
    for (size_t i = 0; i < type->fields.len; i++)
        visit_type(visit, type->fields.items[i].type);
    visit_type(visit, type->first);
    visit_type(visit, type->second);
    map_set(visit->seen, wit_type_key(type), visit);
    if (visit->all)
        wit_vec_push(&visit->w->arena, &visit->all->types, type);
    else
        list_live(visit->w, type);
}

static void visit_function(struct visit *visit, const struct wit_function *function)
{
    if (function->kind == WIT_STATIC)
        visit_type(visit, function->resource);
    for (size_t i = 0; i < function->params.len; i++)
        visit_type(visit, function->params.items[i].type);
    visit_type(visit, function->result);
}

static void visit_interface(struct visit *visit, const struct wit_interface *interface)
{
    for (size_t i = 0; i < interface->types.len; i++)
        visit_type(visit, interface->types.items[i]);
    for (size_t i = 0; i < interface->functions.len; i++)
        visit_function(visit, interface->functions.items[i]);
}

void wrap_interface_types(struct wrapper *w, const struct wit_interface *interface, struct live_types *ret_types)
{
    struct map seen = {0};
    struct visit visit = {w, &seen, ret_types};
    visit_interface(&visit, interface);
    map_release(&seen);
}

static void visit_imports(struct visit *visit, const struct wrap_module *module)
{
    for (size_t i = 0; i < module->imports.len; i++) {
        const struct wrap_import *import = &module->imports.items[i];
        bool inside = import->is_exported && import->item; /* types of an exported interface are not imported */
        if (import->kind == WRAP_LOWER)
            visit_function(visit, import->function);
        else if (import->kind == WRAP_BUILTIN && !inside && import->type)
            visit_type(visit, import->type);
        else if (import->kind == WRAP_BUILTIN && !inside && import->function)
            visit_type(visit, import->function->result);
    }
}

/* What an exported interface takes from elsewhere than itself and other exports. */
static void visit_export(struct visit *visit, const struct wrap_export *export)
{
    struct live_types types = {0};
    wrap_interface_types(visit->w, export->item->interface, &types);
    for (size_t i = 0; i < types.types.len; i++) {
        const struct wit_interface *owner = types.types.items[i]->interface;
        if (owner && owner != export->item->interface && !map_has(&export->uses, wit_interface_key(owner)))
            visit_type(visit, types.types.items[i]);
    }
}

void wrap_find_live(struct wrapper *w)
{
    struct visit visit = {.w = w, .seen = &w->live};
    const struct wit_items *imports = &w->world->imports, *exports = &w->world->exports;
    for (size_t i = 0; i < imports->len; i++)
        if (imports->items[i].kind == WIT_ITEM_TYPE)
            visit_type(&visit, imports->items[i].type);
    visit_imports(&visit, &w->main);
    for (size_t i = 0; i < w->adapter_count; i++)
        visit_imports(&visit, &w->adapters[i]);
    for (size_t i = 0; i < exports->len; i++)
        if (exports->items[i].kind == WIT_ITEM_FUNCTION)
            visit_function(&visit, exports->items[i].function);
    vec_each (export, &w->exports)
        visit_export(&visit, *export);
}
