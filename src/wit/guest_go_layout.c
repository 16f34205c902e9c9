/* Where values lie in memory, as the Canonical ABI has it, and how the bindings describe that. Source: CanonicalABI.md, "Alignment",
 * "Element Size". */
#include "wit/guest_go_private.h"

#include <inttypes.h>

static uint64_t aligned(uint64_t offset, uint32_t align)
{
    return (offset + align - 1) / align * align;
}

uint64_t go_place(struct go *g, uint64_t *offset, const struct wit_type *type)
{
    const struct go_shape *shape = go_shape_of(g, type);
    uint64_t place = aligned(*offset, shape->align);
    *offset = place + shape->size;
    return place;
}

static void add_part(struct go *g, struct go_shape *shape, const struct wit_type *type)
{
    go_place(g, &shape->size, type);
    uint32_t align = go_shape_of(g, type)->align;
    if (align > shape->align)
        shape->align = align;
    if (shape->size > UINT32_MAX)
        shape->size = UINT32_MAX; /* refused, but added up before */
}

static struct go_shape record_shape(struct go *g, const struct wit_type *type)
{
    struct go_shape shape = {.align = 1};
    for (size_t i = 0; i < type->fields.len; i++)
        add_part(g, &shape, type->fields.items[i].type);
    shape.size = aligned(shape.size, shape.align);
    return shape;
}

static void join_case(struct go *g, struct go_shape *payloads, const struct wit_type *type)
{
    if (!type)
        return;
    const struct go_shape *shape = go_shape_of(g, type);
    if (shape->size > payloads->size)
        payloads->size = shape->size;
    if (shape->align > payloads->align)
        payloads->align = shape->align;
}

unsigned go_tag_bytes(const struct wit_type *type)
{
    return type->kind == WIT_VARIANT ? guest_integer_bytes(type) : 1;
}

static struct go_shape variant_shape(struct go *g, const struct wit_type *type)
{
    unsigned tag = go_tag_bytes(type);
    struct go_shape payloads = {.align = 1}, shape = {.align = tag};
    for (size_t i = 0; i < type->fields.len; i++)
        join_case(g, &payloads, type->fields.items[i].type);
    join_case(g, &payloads, type->first);
    join_case(g, &payloads, type->second);
    if (payloads.align > shape.align)
        shape.align = payloads.align;
    shape.payload = (uint32_t)aligned(tag, payloads.align);
    shape.size = aligned(shape.payload + payloads.size, shape.align);
    return shape;
}

/* Of what is one number, or a number and a pointer; a handle is a number as well. */
static const struct go_shape simple_shapes[] = {
    [WIT_BOOL] = {1, 1, 0}, [WIT_S8] = {1, 1, 0},     [WIT_U8] = {1, 1, 0},        [WIT_S16] = {2, 2, 0},  [WIT_U16] = {2, 2, 0},
    [WIT_S32] = {4, 4, 0},  [WIT_U32] = {4, 4, 0},    [WIT_S64] = {8, 8, 0},       [WIT_U64] = {8, 8, 0},  [WIT_F32] = {4, 4, 0},
    [WIT_F64] = {8, 8, 0},  [WIT_CHAR] = {4, 4, 0},   [WIT_STRING] = {8, 4, 0},    [WIT_LIST] = {8, 4, 0}, [WIT_MAP] = {8, 4, 0},
    [WIT_OWN] = {4, 4, 0},  [WIT_BORROW] = {4, 4, 0}, [WIT_KIND_COUNT] = {0, 0, 0}};

static struct go_shape make_shape(struct go *g, const struct wit_type *type)
{
    struct go_shape shape;
    switch (type->kind) {
    case WIT_ENUM:
    case WIT_FLAGS:
        return (struct go_shape){guest_integer_bytes(type), guest_integer_bytes(type), 0};
    case WIT_FIXED_LIST:
        shape = *go_shape_of(g, type->element);
        shape.size *= type->length;
        return shape;
    case WIT_RECORD:
    case WIT_TUPLE:
        return record_shape(g, type);
    default:
        return variant_shape(g, type);
    }
}

const struct go_shape *go_shape_of(struct go *g, const struct wit_type *type)
{
    type = wit_type_root(type);
    if (simple_shapes[type->kind].size)
        return &simple_shapes[type->kind];
    struct go_shape **shape = &g->shapes[type->id];
    if (!*shape) {
        struct go_shape made = make_shape(g, type);
        *shape = ARENA_NEW(&g->arena, struct go_shape);
        **shape = made;
    }
    return *shape;
}

struct go_shape go_params_shape(struct go *g, const struct wit_function *function)
{
    struct go_shape shape = {.align = 1};
    for (size_t i = 0; i < function->params.len; i++)
        add_part(g, &shape, function->params.items[i].type);
    return shape;
}

/* --- as Go ----------------------------------------------------------------------------------------------------------- */

static const char *record_layout(struct go *g, const struct guest_unit *unit, const struct wit_type *type)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    uint64_t offset = 0;
    buf_add(&out, STR("wit.Layout{Parts: []wit.Part{"));
    for (size_t i = 0; i < type->fields.len; i++) {
        const struct wit_type *field = type->fields.items[i].type;
        uint64_t place = go_place(g, &offset, field);
        buf_addf(&out, "%s{Offset: %" PRIu64 ", Of: %s}", i ? ", " : "", place, go_layout(g, unit, field));
    }
    buf_add(&out, STR("}}"));
    return arena_str(&g->arena, buf_str(&out)).data;
}

static const char *array_layout(struct go *g, const struct guest_unit *unit, const struct wit_type *type)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    uint64_t size = go_shape_of(g, type->element)->size;
    buf_add(&out, STR("wit.Layout{Parts: []wit.Part{"));
    for (uint32_t i = 0; i < type->length && i <= GUEST_MAX_FLAT_PARAMS; i++)
        buf_addf(&out, "%s{Offset: %" PRIu64 ", Of: %s}", i ? ", " : "", i * size, go_layout(g, unit, type->element));
    buf_add(&out, STR("}}"));
    return arena_str(&g->arena, buf_str(&out)).data;
}

static void add_case(struct go *g, struct buf *out, const struct guest_unit *unit, const struct wit_type *payload, bool first)
{
    buf_addf(out, "%s%s", first ? "" : ", ", payload ? go_layout(g, unit, payload) : "nil");
}

static const char *variant_layout(struct go *g, const struct guest_unit *unit, const struct wit_type *type)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&out, "wit.Layout{Tag: %u, Payload: %u, Cores: %zu, Cases: []*wit.Layout{", go_tag_bytes(type),
             go_shape_of(g, type)->payload, guest_flat_of(&g->units, type)->len);
    for (size_t i = 0; i < type->fields.len; i++)
        add_case(g, &out, unit, type->fields.items[i].type, i == 0);
    if (type->kind == WIT_OPTION)
        add_case(g, &out, unit, NULL, true);
    if (type->kind != WIT_VARIANT)
        add_case(g, &out, unit, type->first, type->kind == WIT_RESULT);
    if (type->kind == WIT_RESULT)
        add_case(g, &out, unit, type->err, false);
    buf_add(&out, STR("}}"));
    return arena_str(&g->arena, buf_str(&out)).data;
}

const char *go_layout_body(struct go *g, const struct guest_unit *unit, const struct wit_type *type)
{
    if (type->kind == WIT_RECORD || type->kind == WIT_TUPLE)
        return record_layout(g, unit, type);
    return type->kind == WIT_FIXED_LIST ? array_layout(g, unit, type) : variant_layout(g, unit, type);
}

/* One core value of so many bytes. */
static const char *leaf(struct go *g, const struct wit_type *type)
{
    bool is_signed = type->kind == WIT_S8 || type->kind == WIT_S16;
    switch (go_shape_of(g, type)->size) {
    case 1:
        return is_signed ? "&wit.S8" : "&wit.U8";
    case 2:
        return is_signed ? "&wit.S16" : "&wit.U16";
    case 4:
        return "&wit.W32";
    default:
        return "&wit.W64";
    }
}

const char *go_layout(struct go *g, const struct guest_unit *unit, const struct wit_type *type)
{
    if (g->effort++ > GO_MAX_EFFORT)
        return "nil";
    type = guest_unit_root(&g->units, &unit, type);
    switch (type->kind) {
    case WIT_STRING:
    case WIT_LIST:
    case WIT_MAP:
        return "&wit.Span";
    case WIT_RECORD:
    case WIT_VARIANT:
        return c_printf(&g->arena, "&%s", go_named(g, unit, type, "Layout_"));
    case WIT_TUPLE:
    case WIT_OPTION:
    case WIT_RESULT:
    case WIT_FIXED_LIST:
        return c_printf(&g->arena, "&%s", go_layout_body(g, unit, type));
    default:
        return leaf(g, type);
    }
}
