/* Values to and from core values, as the Canonical ABI flattens them. A value is taken apart by statements, one a core value; the
 * cases of a variant share their variables, which have the type that all can be put in. Source: CanonicalABI.md, "Flattening". */
#include "wit/guest_private.h"

const char *guest_core_type(enum core_type type)
{
    static const char *const names[] = {"int32_t", "int64_t", "float", "double"};
    return names[type];
}

/* The same bits as another type. */
static const char *bits(struct guest *g, const char *from, const char *to, const char *value)
{
    return c_printf(&g->arena, "((union { %s from; %s to; }){%s}).to", from, to, value);
}

/* `value`, whose own core type is `own`, as an expression of the type of its slot. */
static const char *to_slot(struct guest *g, enum core_type own, enum core_type slot, const char *value)
{
    if (own == CORE_F32 && slot != CORE_F32)
        value = bits(g, "float", slot == CORE_I64 ? "uint32_t" : "int32_t", value);
    else if (own == CORE_F64 && slot != CORE_F64)
        value = bits(g, "double", "int64_t", value);
    else if (own == CORE_I32 && slot == CORE_I64)
        value = c_printf(&g->arena, "(uint32_t)%s", value);
    return own == slot && own != CORE_I32 && own != CORE_I64 ? value : c_printf(&g->arena, "(%s)%s", guest_core_type(slot), value);
}

static const char *from_slot(struct guest *g, enum core_type own, enum core_type slot, const char *variable)
{
    const char *narrow =
        slot == CORE_I64 && own != CORE_I64 && own != CORE_F64 ? c_printf(&g->arena, "(int32_t)%s", variable) : variable;
    if (own == CORE_F32 && slot != CORE_F32)
        return bits(g, "int32_t", "float", narrow);
    if (own == CORE_F64 && slot != CORE_F64)
        return bits(g, "int64_t", "double", variable);
    return narrow;
}

/* A member of a value: of "(*x)", "x->member". */
static const char *member_of(struct guest *g, const char *value, const char *member)
{
    size_t len = strlen(value);
    if (strncmp(value, "(*", 2) == 0 && value[len - 1] == ')')
        return c_printf(&g->arena, "%.*s->%s", (int)len - 3, value + 2, member);
    return c_printf(&g->arena, "%s.%s", value, member);
}

/* Both directions walk a type alike. */
struct walk {
    struct guest *g;
    struct buf *out;
    const struct flat *slots;
    bool lift;
    bool inner; /* in a case of a variant: the variables are there already */
};

static void walk_value(const struct walk *w, unsigned indent, const struct guest_unit *unit, const struct wit_type *type,
                       const char *value, size_t at);

/* One core value: to or from `value`, cast to the C type `c`. */
static void move(const struct walk *w, unsigned indent, enum core_type own, const char *value, const char *c, size_t at)
{
    struct guest *g = w->g;
    enum core_type slot = w->slots->items[at];
    const char *variable = c_printf(&g->arena, "c__%zu", at);
    g->effort++;
    if (w->lift)
        buf_addf(w->out, "%*s%s = (%s)%s;\n", (int)indent, "", value, c, from_slot(g, own, slot, variable));
    else
        buf_addf(w->out, "%*s%s%s%s = %s;\n", (int)indent, "", w->inner ? "" : guest_core_type(slot), w->inner ? "" : " ", variable,
                 to_slot(g, own, slot, value));
}

/* What is between braces: the payload of one case. */
static void walk_payload(const struct walk *w, unsigned indent, const struct guest_unit *unit, const char *head, const char *tail,
                         const struct wit_type *type, const char *value, size_t at)
{
    buf_addf(w->out, "%*s%s\n", (int)indent, "", head);
    walk_value(w, indent + 4, unit, type, value, at);
    buf_addf(w->out, "%*s%s\n", (int)indent, "", tail);
}

static void walk_cases(const struct walk *w, unsigned indent, const struct guest_unit *unit, const struct wit_type *type,
                       const char *value, size_t at)
{
    struct arena *arena = &w->g->arena;
    buf_addf(w->out, "%*sswitch (%s) {\n", (int)indent, "", member_of(w->g, value, "tag"));
    for (size_t i = 0; i < type->fields.len; i++) {
        const struct wit_field *field = &type->fields.items[i];
        if (field->type)
            walk_payload(w, indent, unit, c_printf(arena, "case %zu:", i), "    break;", field->type,
                         member_of(w->g, value, c_printf(arena, "val.%s", guest_member(w->g, field->name))), at);
    }
    buf_addf(w->out, "%*sdefault:\n%*sbreak;\n%*s}\n", (int)indent, "", (int)indent + 4, "", (int)indent, "");
}

static void walk_payloads(const struct walk *w, unsigned indent, const struct guest_unit *unit, const struct wit_type *type,
                          const char *value, size_t at)
{
    struct guest *g = w->g;
    struct arena *arena = &g->arena;
    if (type->kind == WIT_VARIANT)
        walk_cases(w, indent, unit, type, value, at);
    if (type->kind == WIT_OPTION)
        walk_payload(w, indent, unit, c_printf(arena, "if (%s) {", member_of(g, value, "is_some")), "}", type->element,
                     member_of(g, value, "val"), at);
    if (type->kind == WIT_RESULT && type->ok)
        walk_payload(w, indent, unit, c_printf(arena, "if (!%s) {", member_of(g, value, "is_err")), "}", type->ok,
                     member_of(g, value, "val.ok"), at);
    if (type->kind == WIT_RESULT && type->err)
        walk_payload(w, indent, unit, c_printf(arena, "if (%s) {", member_of(g, value, "is_err")), "}", type->err,
                     member_of(g, value, "val.err"), at);
}

/* The tag, then what the cases have. */
static void walk_variant(const struct walk *w, unsigned indent, const struct guest_unit *unit, const struct wit_type *type,
                         const char *value, size_t at)
{
    struct guest *g = w->g;
    const char *tag = type->kind == WIT_VARIANT ? "tag" : type->kind == WIT_OPTION ? "is_some" : "is_err";
    size_t len = guest_flatten(g, type)->len;
    move(w, indent, CORE_I32, member_of(g, value, tag), type->kind == WIT_VARIANT ? guest_integer(type) : "bool", at);
    for (size_t i = 1; i < len && !w->lift && !w->inner; i++)
        buf_addf(w->out, "%*s%s c__%zu = 0;\n", (int)indent, "", guest_core_type(w->slots->items[at + i]), at + i);
    struct walk inner = *w;
    inner.inner = true;
    if (len > 1)
        walk_payloads(&inner, indent, unit, type, value, at + 1);
}

static void walk_fields(const struct walk *w, unsigned indent, const struct guest_unit *unit, const struct wit_type *type,
                        const char *value, size_t at)
{
    struct guest *g = w->g;
    for (size_t i = 0; i < type->fields.len; i++) {
        const struct wit_field *field = &type->fields.items[i];
        const char *member = type->kind == WIT_TUPLE ? c_printf(&g->arena, "f%zu", i) : guest_member(g, field->name);
        walk_value(w, indent, unit, field->type, member_of(g, value, member), at);
        at += guest_flatten(g, field->type)->len;
    }
}

static void walk_handle(const struct walk *w, unsigned indent, const struct guest_unit *unit, const struct wit_type *type,
                        const char *value, size_t at)
{
    guest_root(w->g, &unit, type->resource);
    if (type->kind == WIT_BORROW && unit->exported)
        move(w, indent, CORE_I32, value, "void *", at); /* the component's own: not a handle but what it stands for */
    else
        move(w, indent, CORE_I32, member_of(w->g, value, "__handle"), "int32_t", at);
}

static void walk_value(const struct walk *w, unsigned indent, const struct guest_unit *unit, const struct wit_type *type,
                       const char *value, size_t at)
{
    struct guest *g = w->g;
    if (g->effort > GUEST_MAX_EFFORT)
        return;
    type = guest_root(g, &unit, type);
    switch (type->kind) {
    case WIT_STRING:
    case WIT_LIST:
    case WIT_MAP:
        move(w, indent, CORE_I32, member_of(g, value, "ptr"), "void *", at);
        move(w, indent, CORE_I32, member_of(g, value, "len"), "size_t", at + 1);
        break;
    case WIT_RECORD:
    case WIT_TUPLE:
        walk_fields(w, indent, unit, type, value, at);
        break;
    case WIT_FIXED_LIST:
        for (uint32_t i = 0; i < type->length; i++)
            walk_value(w, indent, unit, type->element, member_of(g, value, c_printf(&g->arena, "items[%u]", i)),
                       at + i * guest_flatten(g, type->element)->len);
        break;
    case WIT_VARIANT:
    case WIT_OPTION:
    case WIT_RESULT:
        walk_variant(w, indent, unit, type, value, at);
        break;
    case WIT_OWN:
    case WIT_BORROW:
        walk_handle(w, indent, unit, type, value, at);
        break;
    case WIT_ENUM:
    case WIT_FLAGS:
        move(w, indent, CORE_I32, value, guest_integer(type), at);
        break;
    default:
        move(w, indent, guest_flatten(g, type)->items[0], value, guest_c_type(g, unit, type), at);
        break;
    }
}

void guest_lower(struct guest *g, struct buf *out, unsigned indent, const struct guest_unit *unit, const struct wit_type *type,
                 const char *value, const struct flat *slots, size_t at)
{
    walk_value(&(struct walk){.g = g, .out = out, .slots = slots}, indent, unit, type, value, at);
}

void guest_lift(struct guest *g, struct buf *out, unsigned indent, const struct guest_unit *unit, const struct wit_type *type,
                const char *value, const struct flat *slots, size_t at)
{
    walk_value(&(struct walk){.g = g, .out = out, .slots = slots, .lift = true}, indent, unit, type, value, at);
}
