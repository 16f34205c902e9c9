/* Values to and from memory, by functions of the package `wit` and those that named types have; and scalars to and from core values. */
#include "wit/guest_go_private.h"

#include <inttypes.h>

bool go_is_scalar(const struct wit_type *type)
{
    enum wit_kind kind = wit_type_root(type)->kind;
    return (wit_kind_is_primitive(kind) && kind != WIT_STRING) || kind == WIT_ENUM || kind == WIT_FLAGS || kind == WIT_OWN ||
           kind == WIT_BORROW;
}

/* Go keeps it as the Canonical ABI does. */
static bool is_plain(const struct wit_type *type)
{
    enum wit_kind kind = wit_type_root(type)->kind;
    return go_is_scalar(type) && kind != WIT_OWN && kind != WIT_BORROW;
}

const char *go_at(struct go *g, const char *p, uint64_t offset)
{
    return offset ? c_printf(&g->arena, "%s+%" PRIu64, p, offset) : p;
}

/* --- core values ----------------------------------------------------------------------------------------------------- */

const char *go_core_type(enum core_type type)
{
    static const char *const names[] = {"uint32", "uint64", "float32", "float64"};
    return names[type];
}

const char *go_from_bits(struct go *g, enum core_type type, const char *bits)
{
    static const char *const formats[] = {"uint32(%s)", "%s", "wit.F32(%s)", "wit.F64(%s)"};
    return c_printf(&g->arena, formats[type], bits);
}

const char *go_to_bits(struct go *g, enum core_type type, const char *core)
{
    static const char *const formats[] = {"uint64(%s)", "%s", "wit.F32Bits(%s)", "wit.F64Bits(%s)"};
    return c_printf(&g->arena, formats[type], core);
}

/* A handle as the number that passes: an exported resource has its own functions. */
static const char *handle_number(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *v)
{
    const struct guest_unit *owner = unit;
    const struct wit_type *resource = guest_unit_root(&g->units, &owner, type->resource);
    if (owner->exported)
        return c_printf(&g->arena, "%s(%s)", go_named(g, owner, resource, "Give_"), v);
    return c_printf(&g->arena, "%s.WitHandle.%s()", v, type->kind == WIT_OWN ? "Take" : "Lend");
}

static const char *handle_value(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *number)
{
    const struct guest_unit *owner = unit;
    const struct wit_type *resource = guest_unit_root(&g->units, &owner, type->resource);
    const char *name = go_public(&g->arena, resource->name);
    if (owner->exported) {
        const char *function = c_printf(&g->arena, "%s_%s", type->kind == WIT_OWN ? "Receive" : "Find", name);
        return c_printf(&g->arena, "%s(%s)", go_qualified(g, owner, function), number);
    }
    const char *made = c_printf(&g->arena, "&%s{WitHandle: wit.Own(%s)}", go_qualified(g, owner, name), number);
    return type->kind == WIT_OWN ? made : c_printf(&g->arena, "wit.Borrow(%s)", made);
}

const char *go_to_core(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *v)
{
    const struct wit_type *root = guest_unit_root(&g->units, &unit, type);
    switch (root->kind) {
    case WIT_F32:
    case WIT_F64:
        return v;
    case WIT_BOOL:
        return c_printf(&g->arena, "wit.Bool(%s)", v);
    case WIT_OWN:
    case WIT_BORROW:
        return handle_number(g, unit, root, v);
    default:
        return c_printf(&g->arena, "%s(%s)", go_core_type(guest_flat_of(&g->units, root)->items[0]), v);
    }
}

const char *go_from_core(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *c)
{
    const struct guest_unit *in = unit;
    const struct wit_type *root = guest_unit_root(&g->units, &in, type);
    switch (root->kind) {
    case WIT_F32:
    case WIT_F64:
        return c;
    case WIT_BOOL:
        return c_printf(&g->arena, "%s != 0", c);
    case WIT_OWN:
    case WIT_BORROW:
        return handle_value(g, in, root, c);
    default:
        return c_printf(&g->arena, "%s(%s)", go_type(g, unit, type), c);
    }
}

/* --- to memory ------------------------------------------------------------------------------------------------------- */

/* What puts a value of the type somewhere, as a Go function. */
static const char *lowerer(struct go *g, const struct guest_unit *unit, const struct wit_type *type)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    const struct guest_unit *owner = unit;
    const struct wit_type *root = type ? guest_unit_root(&g->units, &owner, type) : NULL;
    if (!type)
        return "wit.LowerUnit";
    if (root->kind == WIT_RECORD || root->kind == WIT_VARIANT)
        return go_qualified(g, owner, c_printf(&g->arena, "Lower_%s", go_public(&g->arena, root->name)));
    if (root->kind == WIT_STRING)
        return "wit.LowerString";
    if (is_plain(type))
        return c_printf(&g->arena, "wit.Lower[%s]", go_type(g, unit, type));
    buf_addf(&out, "func(p_ uint32, v_ %s) {\n", go_type(g, unit, type));
    go_lower(g, &out, unit, type, "v_", "p_");
    buf_add(&out, STR("}"));
    return arena_str(&g->arena, buf_str(&out)).data;
}

static void lower_list(struct go *g, struct buf *out, const struct guest_unit *unit, const struct wit_type *type, const char *v,
                       const char *p)
{
    const struct go_shape *shape = go_shape_of(g, type->element);
    if (is_plain(type->element))
        buf_addf(out, "wit.LowerScalars(%s, %s)\n", p, v);
    else
        buf_addf(out, "wit.LowerList(%s, %s, %" PRIu64 ", %u, %s)\n", p, v, shape->size, shape->align,
                 lowerer(g, unit, type->element));
}

/* Keys and values lie as tuples of both. */
static struct go_shape entry_shape(struct go *g, const struct wit_type *map, uint64_t *ret_value_place)
{
    const struct go_shape *key = go_shape_of(g, map->key), *value = go_shape_of(g, map->value);
    struct go_shape shape = {.align = key->align > value->align ? key->align : value->align};
    go_place(g, &shape.size, map->key);
    *ret_value_place = go_place(g, &shape.size, map->value);
    shape.size = (shape.size + shape.align - 1) / shape.align * shape.align;
    return shape;
}

static void lower_map(struct go *g, struct buf *out, const struct guest_unit *unit, const struct wit_type *type, const char *v,
                      const char *p)
{
    uint64_t place;
    struct go_shape shape = entry_shape(g, type, &place);
    buf_addf(out, "wit.LowerMap(%s, %s, %" PRIu64 ", %u, %" PRIu64 ", %s, %s)\n", p, v, shape.size, shape.align, place,
             lowerer(g, unit, type->key), lowerer(g, unit, type->value));
}

static void lower_option(struct go *g, struct buf *out, const struct guest_unit *unit, const struct wit_type *type, const char *v,
                         const char *p)
{
    uint32_t payload = go_shape_of(g, type)->payload;
    if (go_is_nilable(type->element))
        buf_addf(out, "wit.LowerNilable(%s, %s, %s != nil, %u, %s)\n", p, v, v, payload, lowerer(g, unit, type->element));
    else
        buf_addf(out, "wit.LowerOption(%s, %s, %u, %s)\n", p, v, payload, lowerer(g, unit, type->element));
}

static void lower_tuple(struct go *g, struct buf *out, const struct guest_unit *unit, const struct wit_type *type, const char *v,
                        const char *p)
{
    uint64_t offset = 0;
    for (size_t i = 0; i < type->fields.len; i++) {
        const struct wit_type *field = type->fields.items[i].type;
        go_lower(g, out, unit, field, c_printf(&g->arena, "%s.F%zu", v, i), go_at(g, p, go_place(g, &offset, field)));
    }
}

void go_lower(struct go *g, struct buf *out, const struct guest_unit *unit, const struct wit_type *type, const char *v,
              const char *p)
{
    const struct guest_unit *in = unit;
    const struct wit_type *root = guest_unit_root(&g->units, &in, type);
    if (g->effort++ > GO_MAX_EFFORT)
        return;
    switch (root->kind) {
    case WIT_STRING:
    case WIT_RECORD:
    case WIT_VARIANT:
        buf_addf(out, "%s(%s, %s)\n", lowerer(g, unit, type), p, v);
        break;
    case WIT_LIST:
        lower_list(g, out, in, root, v, p);
        break;
    case WIT_MAP:
        lower_map(g, out, in, root, v, p);
        break;
    case WIT_FIXED_LIST:
        buf_addf(out, "wit.LowerArray(%s, %s[:], %" PRIu64 ", %s)\n", p, v, go_shape_of(g, root->element)->size,
                 lowerer(g, in, root->element));
        break;
    case WIT_OPTION:
        lower_option(g, out, in, root, v, p);
        break;
    case WIT_RESULT:
        buf_addf(out, "wit.LowerResult(%s, %s, %u, %s, %s)\n", p, v, go_shape_of(g, root)->payload, lowerer(g, in, root->ok),
                 lowerer(g, in, root->err));
        break;
    case WIT_TUPLE:
        lower_tuple(g, out, in, root, v, p);
        break;
    default:
        buf_addf(out, "wit.Lower(%s, %s)\n", p, is_plain(type) ? v : go_to_core(g, unit, type, v));
        break;
    }
}

/* --- from memory ----------------------------------------------------------------------------------------------------- */

static const char *lifter(struct go *g, const struct guest_unit *unit, const struct wit_type *type)
{
    const struct guest_unit *owner = unit;
    const struct wit_type *root = type ? guest_unit_root(&g->units, &owner, type) : NULL;
    if (!type)
        return "wit.LiftUnit";
    if (root->kind == WIT_RECORD || root->kind == WIT_VARIANT)
        return go_qualified(g, owner, c_printf(&g->arena, "Lift_%s", go_public(&g->arena, root->name)));
    if (root->kind == WIT_STRING)
        return "wit.LiftString";
    if (is_plain(type))
        return c_printf(&g->arena, "wit.Lift[%s]", go_type(g, unit, type));
    return c_printf(&g->arena, "func(p_ uint32) %s { return %s }", go_type(g, unit, type), go_lift(g, unit, type, "p_"));
}

static const char *lift_list(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *p)
{
    const char *element = go_type(g, unit, type->element);
    if (is_plain(type->element))
        return c_printf(&g->arena, "wit.LiftScalars[%s](%s)", element, p);
    return c_printf(&g->arena, "wit.LiftList(%s, %" PRIu64 ", %s)", p, go_shape_of(g, type->element)->size,
                    lifter(g, unit, type->element));
}

static const char *lift_tuple(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *p)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    uint64_t offset = 0;
    buf_addf(&out, "%s{", go_type(g, unit, type));
    for (size_t i = 0; i < type->fields.len; i++) {
        const struct wit_type *field = type->fields.items[i].type;
        buf_addf(&out, "%sF%zu: %s", i ? ", " : "", i, go_lift(g, unit, field, go_at(g, p, go_place(g, &offset, field))));
    }
    buf_add(&out, STR("}"));
    return arena_str(&g->arena, buf_str(&out)).data;
}

static const char *lift_map(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *p)
{
    uint64_t place;
    struct go_shape shape = entry_shape(g, type, &place);
    return c_printf(&g->arena, "wit.LiftMap(%s, %" PRIu64 ", %" PRIu64 ", %s, %s)", p, shape.size, place,
                    lifter(g, unit, type->key), lifter(g, unit, type->value));
}

const char *go_lift(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *p)
{
    const struct guest_unit *in = unit;
    const struct wit_type *root = guest_unit_root(&g->units, &in, type);
    struct arena *arena = &g->arena;
    if (g->effort++ > GO_MAX_EFFORT)
        return "";
    switch (root->kind) {
    case WIT_LIST:
        return lift_list(g, in, root, p);
    case WIT_MAP:
        return lift_map(g, in, root, p);
    case WIT_TUPLE:
        return lift_tuple(g, in, root, p);
    case WIT_FIXED_LIST:
        return c_printf(arena, "func(p_ uint32) (v_ %s) { wit.LiftArray(p_, v_[:], %" PRIu64 ", %s); return }(%s)",
                        go_type(g, unit, type), go_shape_of(g, root->element)->size, lifter(g, in, root->element), p);
    case WIT_OPTION:
        return c_printf(arena, "wit.%s(%s, %u, %s)", go_is_nilable(root->element) ? "LiftNilable" : "LiftOption", p,
                        go_shape_of(g, root)->payload, lifter(g, in, root->element));
    case WIT_RESULT:
        return c_printf(arena, "wit.LiftResult(%s, %u, %s, %s)", p, go_shape_of(g, root)->payload, lifter(g, in, root->ok),
                        lifter(g, in, root->err));
    case WIT_OWN:
    case WIT_BORROW:
        return go_from_core(g, unit, type, c_printf(arena, "wit.Lift[uint32](%s)", p));
    default:
        return c_printf(arena, "%s(%s)", lifter(g, unit, type), p);
    }
}
