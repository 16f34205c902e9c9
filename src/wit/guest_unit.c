#include "wit/guest_unit.h"

#include "wit/c_name.h"

/* --- units ----------------------------------------------------------------------------------------------------------- */

bool guest_has_versions(const struct guest_units *units, const struct wit_package *package)
{
    for (size_t i = 0; i < units->model->packages.len; i++) {
        const struct wit_package *other = units->model->packages.items[i];
        if (other != package && str_eq(other->ns, package->ns) && str_eq(other->name, package->name))
            return true;
    }
    return false;
}

static const char *interface_module(struct arena *arena, const struct wit_interface *interface)
{
    const struct wit_package *package = interface->package;
    return c_printf(arena, "%.*s:%.*s/%.*s%s%.*s", STR_ARG(package->ns), STR_ARG(package->name), STR_ARG(interface->name),
                    wit_version_is_set(&package->version) ? "@" : "", STR_ARG(package->version.text));
}

static void add_unit(struct guest_units *units, const struct wit_world_item *item, bool exported)
{
    struct guest_unit *unit = ARENA_NEW(units->arena, struct guest_unit);
    *unit = (struct guest_unit){.interface = item->interface, .exported = exported, .item = item};
    if (item->name.len) {
        unit->module = c_printf(units->arena, "%.*s", STR_ARG(item->name));
    } else {
        unit->module = interface_module(units->arena, item->interface);
        map_set(exported ? &units->exports_by_key : &units->imports_by_key, wit_interface_key(item->interface), unit);
    }
    if (exported)
        vec_push(&units->exports, unit);
    else
        vec_push(&units->imports, unit);
}

static void add_units(struct guest_units *units, const struct wit_items *items, bool exported)
{
    for (size_t i = 0; i < items->len; i++)
        if (items->items[i].kind == WIT_ITEM_INTERFACE)
            add_unit(units, &items->items[i], exported);
}

void guest_units_init(struct guest_units *units, const struct wit_model *model, const struct wit_world *world, struct arena *arena)
{
    *units = (struct guest_units){.model = model, .world = world, .arena = arena, .own = {.module = "$root"}};
    units->flats = ARENA_ARRAY(arena, const struct flat *, (size_t)model->type_count + 1);
    add_units(units, &world->imports, false);
    add_units(units, &world->exports, true);
}

void guest_units_release(struct guest_units *units)
{
    map_release(&units->imports_by_key);
    map_release(&units->exports_by_key);
    vec_release(&units->imports);
    vec_release(&units->exports);
}

const struct guest_unit *guest_unit_of(const struct guest_units *units, const struct guest_unit *unit, const struct wit_type *type)
{
    if (type->name.len == 0)
        return unit;
    if (!type->interface)
        return &units->own;
    if (type->interface == unit->interface)
        return unit;
    struct str key = wit_interface_key(type->interface);
    const struct guest_unit *exported = unit->exported ? map_get(&units->exports_by_key, key) : NULL;
    return exported ? exported : map_get(&units->imports_by_key, key);
}

const struct wit_type *guest_unit_root(const struct guest_units *units, const struct guest_unit **unit, const struct wit_type *type)
{
    for (*unit = guest_unit_of(units, *unit, type); type->kind == WIT_ALIAS; *unit = guest_unit_of(units, *unit, type))
        type = type->target;
    return type;
}

/* --- values ---------------------------------------------------------------------------------------------------------- */

void guest_flat_append(struct flat *list, const struct flat *more)
{
    if (more->over || list->len + more->len > GUEST_MAX_FLAT_PARAMS) {
        list->over = true;
        return;
    }
    for (size_t i = 0; i < more->len; i++)
        list->items[list->len++] = more->items[i];
}

static void append(struct flat *list, enum core_type item)
{
    guest_flat_append(list, &(struct flat){.items = {item}, .len = 1});
}

static enum core_type join(enum core_type a, enum core_type b)
{
    if (a == b)
        return a;
    return a != CORE_I64 && b != CORE_I64 && a != CORE_F64 && b != CORE_F64 ? CORE_I32 : CORE_I64;
}

/* Adds a case of a variant whose tag is in front. */
static void join_case(struct guest_units *units, struct flat *list, const struct wit_type *payload)
{
    if (!payload)
        return;
    const struct flat *flat = guest_flat_of(units, payload);
    list->over |= flat->over || flat->len + 1 > GUEST_MAX_FLAT_PARAMS;
    for (size_t i = 0; i < flat->len && !list->over; i++) {
        if (i + 1 < list->len)
            list->items[i + 1] = join(list->items[i + 1], flat->items[i]);
        else
            append(list, flat->items[i]);
    }
}

static void flatten_fields(struct guest_units *units, const struct wit_type *type, struct flat *list)
{
    for (size_t i = 0; i < type->fields.len && !list->over; i++)
        guest_flat_append(list, guest_flat_of(units, type->fields.items[i].type));
}

static void flatten_variant(struct guest_units *units, const struct wit_type *type, struct flat *list)
{
    append(list, CORE_I32);
    for (size_t i = 0; i < type->fields.len && !list->over; i++)
        join_case(units, list, type->fields.items[i].type);
    join_case(units, list, type->first);
    join_case(units, list, type->second);
}

static void flatten(struct guest_units *units, const struct wit_type *type, struct flat *list)
{
    switch (type->kind) {
    case WIT_S64:
    case WIT_U64:
        append(list, CORE_I64);
        break;
    case WIT_F32:
        append(list, CORE_F32);
        break;
    case WIT_F64:
        append(list, CORE_F64);
        break;
    case WIT_STRING:
    case WIT_LIST:
    case WIT_MAP:
        append(list, CORE_I32);
        append(list, CORE_I32);
        break;
    case WIT_RECORD:
    case WIT_TUPLE:
        flatten_fields(units, type, list);
        break;
    case WIT_VARIANT:
    case WIT_OPTION:
    case WIT_RESULT:
        flatten_variant(units, type, list);
        break;
    case WIT_FIXED_LIST:
        for (uint32_t i = 0; i < type->length && !list->over; i++)
            guest_flat_append(list, guest_flat_of(units, type->element));
        break;
    default:
        append(list, CORE_I32);
        break;
    }
}

const struct flat *guest_flat_of(struct guest_units *units, const struct wit_type *type)
{
    static const struct flat primitives[] = {[WIT_F32] = {.items = {CORE_F32}, .len = 1},
                                             [WIT_F64] = {.items = {CORE_F64}, .len = 1},
                                             [WIT_U64] = {.items = {CORE_I64}, .len = 1},
                                             [WIT_S64] = {.items = {CORE_I64}, .len = 1},
                                             [WIT_STRING] = {.items = {CORE_I32, CORE_I32}, .len = 2},
                                             [WIT_KIND_COUNT] = {.len = 0}};
    static const struct flat one = {.items = {CORE_I32}, .len = 1};
    type = wit_type_root(type); /* an alias is passed as what it stands for */
    if (wit_kind_is_primitive(type->kind))
        return primitives[type->kind].len ? &primitives[type->kind] : &one;
    if (!units->flats[type->id]) {
        struct flat *flat = ARENA_NEW(units->arena, struct flat);
        flatten(units, type, flat);
        units->flats[type->id] = flat;
    }
    return units->flats[type->id];
}

struct flat guest_flat_params(struct guest_units *units, const struct wit_function *function)
{
    struct flat list = {0};
    for (size_t i = 0; i < function->params.len && !list.over; i++)
        guest_flat_append(&list, guest_flat_of(units, function->params.items[i].type));
    return list;
}

bool guest_in_memory(struct guest_units *units, const struct wit_type *result)
{
    const struct flat *flat = result ? guest_flat_of(units, result) : NULL;
    return flat && (flat->over || flat->len > 1);
}

unsigned guest_integer_bytes(const struct wit_type *type)
{
    size_t count = type->fields.len;
    if (type->kind == WIT_FLAGS)
        return count <= 8 ? 1 : count <= 16 ? 2 : 4;
    return count <= 256 ? 1 : count <= 65536 ? 2 : 4;
}

/* --- comments -------------------------------------------------------------------------------------------------------- */

void guest_docs(struct buf *out, const char *indent, struct str docs)
{
    struct str line;
    docs = str_trim(docs);
    while (docs.len && str_next_part(&docs, '\n', &line)) {
        autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
        while (str_ends(line, STR(" ")) || str_ends(line, STR("\\")) || str_ends(line, STR("\?\?/")) || str_ends(line, STR("\r")))
            line.len--;
        bug_unless(buf_append_escaped(&text, line) == ST_OK);
        buf_addf(out, "%s//%s%s\n", indent, text.len ? " " : "", text.len ? text.data : "");
    }
}
