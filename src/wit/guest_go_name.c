#include "wit/guest_go_private.h"

static bool is_word_of(const char *words, const char *word)
{
    struct str rest = str_of(words), part;
    while (str_next_part(&rest, ' ', &part))
        if (str_is(part, word))
            return true;
    return false;
}

/* What Go's style writes in one case. */
static const char initialisms[] = "api cpu dns eof html http https id io ip json os rpc sql ssh tcp tls ttl udp uid uri url utf8 "
                                  "uuid xml";
static const char keywords[] = "break case chan const continue default defer else fallthrough for func go goto if import interface "
                               "map package range return select struct switch type var";
/* Names that generated code uses, and those that are not used for other things in Go. */
static const char taken[] = "any append bool byte cap clear close comparable complex complex128 complex64 copy delete error false "
                            "float32 float64 imag init int int16 int32 int64 int8 iota len main make max min new nil panic print "
                            "println real recover rune self string true uint uint16 uint32 uint64 uint8 uintptr wit";
/* Folders that the go command passes over or keeps from others, and those that a module cannot have, as Windows cannot. */
static const char folders[] =
    "internal testdata vendor aux com1 com2 com3 com4 com5 com6 com7 com8 com9 con lpt1 lpt2 lpt3 lpt4 lpt5 "
    "lpt6 lpt7 lpt8 lpt9 nul prn";

static void add_word(struct buf *out, struct arena *arena, struct str word, bool capital)
{
    const char *lower = c_snake(arena, word);
    if (capital && is_word_of(initialisms, lower)) {
        buf_addf(out, "%s", c_upper(arena, word));
        return;
    }
    size_t first = capital && lower[0] ? 1 : 0;
    if (first)
        buf_addf(out, "%s", c_upper(arena, str_slice(word, 0, 1)));
    buf_addf(out, "%s", lower + first);
}

static const char *join_words(struct arena *arena, struct str name, bool capital)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    struct str word;
    while (str_next_part(&name, '-', &word)) {
        add_word(&out, arena, word, capital);
        capital = true;
    }
    return arena_str(arena, buf_str(&out)).data;
}

const char *go_public(struct arena *arena, struct str name)
{
    return join_words(arena, name, true);
}

bool go_is_word(const char *name)
{
    return is_word_of(keywords, name) || is_word_of(taken, name);
}

const char *go_param(struct go *g, struct str name)
{
    const char *plain = join_words(&g->arena, name, false);
    bool hides = go_is_word(plain) || map_has(&g->aliases, str_of(plain));
    return hides ? c_printf(&g->arena, "%s_", plain) : plain;
}

const char *go_folder(struct arena *arena, struct str name)
{
    const char *plain = arena_str(arena, name).data;
    char *lower = arena_copy(arena, plain, name.len + 1);
    for (char *c = lower; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return is_word_of(folders, lower) ? c_printf(arena, "%s_", lower) : lower;
}

const char *go_package_name(struct arena *arena, struct str package, struct str name)
{
    const char *plain = c_snake(arena, str_of(join_words(arena, name, false)));
    const char *before = c_snake(arena, str_of(go_public(arena, package)));
    while (go_is_word(plain) || is_word_of(folders, plain))
        plain = c_printf(arena, "%s%s", before, plain);
    return plain;
}

enum status go_take_symbol(struct go *g, const char *name)
{
    const char *other = map_set(&g->package->symbols, str_of(name), (void *)(uintptr_t)g->subject);
    if (other)
        return fail(g->err, ST_INVALID, "%s and %s would both make `%s` in Go; rename one of them", other, g->subject, name);
    return ST_OK;
}

const char *go_qualified(struct go *g, const struct guest_unit *owner, const char *name)
{
    if (owner->package == g->package)
        return name;
    map_set(&g->package->uses, str_of(owner->package->alias), owner->package);
    return c_printf(&g->arena, "%s.%s", owner->package->alias, name);
}

const char *go_named(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *before)
{
    const char *name = c_printf(&g->arena, "%s%s", before, go_public(&g->arena, type->name));
    return go_qualified(g, guest_unit_of(&g->units, unit, type), name);
}

/* --- what is refused ------------------------------------------------------------------------------------------------- */

static const char *refused(enum wit_kind kind)
{
    switch (kind) {
    case WIT_STREAM:
        return "a stream";
    case WIT_FUTURE:
        return "a future";
    case WIT_ERROR_CONTEXT:
        return "an error-context";
    default:
        return NULL;
    }
}

static bool first_time(struct go *g, const struct guest_unit *unit, const struct wit_type *type)
{
    const void *key[] = {unit, type};
    struct str text = str_n((const char *)key, sizeof key);
    return !map_has(&g->checked, text) && !map_set(&g->checked, arena_str(&g->arena, text), g);
}

static enum status check_parts(struct go *g, const struct guest_unit *unit, const struct wit_type *type)
{
    if (type->first)
        TRY(go_check_type(g, unit, type->first));
    if (type->second)
        TRY(go_check_type(g, unit, type->second));
    for (size_t i = 0; i < type->fields.len; i++)
        if (type->fields.items[i].type)
            TRY(go_check_type(g, unit, type->fields.items[i].type));
    return ST_OK;
}

enum status go_check_type(struct go *g, const struct guest_unit *unit, const struct wit_type *type)
{
    const struct guest_unit *owner = guest_unit_of(&g->units, unit, type);
    if (refused(type->kind))
        return fail(g->err, ST_UNSUPPORTED, "%s uses %s, which Go guests cannot use yet", g->subject, refused(type->kind));
    if (type->depth > WIT_MAX_TYPE_DEPTH)
        return fail(g->err, ST_LIMIT, "%s: a type is made of types more than %u deep", g->subject, WIT_MAX_TYPE_DEPTH);
    if (!owner)
        return fail(g->err, ST_INVALID, "%s: type `%.*s` comes from interface `%.*s`, which the world does not have", g->subject,
                    STR_ARG(type->name), STR_ARG(type->interface->name));
    if (wit_kind_is_primitive(type->kind) || !first_time(g, owner, type))
        return ST_OK;
    TRY(check_parts(g, owner, type));
    if (type->kind != WIT_RESOURCE && go_shape_of(g, type)->size > GO_MAX_TYPE_BYTES)
        return fail(g->err, ST_LIMIT, "%s: a type has more than %u bytes; make a list of it", g->subject, GO_MAX_TYPE_BYTES);
    return ST_OK;
}

/* --- Go types -------------------------------------------------------------------------------------------------------- */

bool go_is_nilable(const struct wit_type *type)
{
    enum wit_kind kind = wit_type_root(type)->kind;
    return kind == WIT_OWN || kind == WIT_BORROW || kind == WIT_VARIANT;
}

const char *go_handle_type(struct go *g, const struct guest_unit *unit, const struct wit_type *resource, bool *ret_exported)
{
    const struct guest_unit *owner = unit;
    guest_unit_root(&g->units, &owner, resource);
    if (ret_exported)
        *ret_exported = owner->exported;
    return c_printf(&g->arena, "%s%s", owner->exported ? "" : "*", go_named(g, unit, resource, ""));
}

const char *go_payload_type(struct go *g, const struct guest_unit *unit, const struct wit_type *type)
{
    return type ? go_type(g, unit, type) : "wit.Unit";
}

static const char *tuple_type(struct go *g, const struct guest_unit *unit, const struct wit_type *type)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    struct str count = str_of(c_printf(&g->arena, "%zu", type->fields.len));
    map_set(&g->tuples, count, g);
    buf_addf(&out, "wit.Tuple%s[", count.data);
    for (size_t i = 0; i < type->fields.len; i++)
        buf_addf(&out, "%s%s", i ? ", " : "", go_type(g, unit, type->fields.items[i].type));
    buf_add(&out, STR("]"));
    return arena_str(&g->arena, buf_str(&out)).data;
}

const char *go_type(struct go *g, const struct guest_unit *unit, const struct wit_type *type)
{
    return type->name.len ? go_named(g, unit, type, "") : go_type_body(g, unit, type);
}

const char *go_type_body(struct go *g, const struct guest_unit *unit, const struct wit_type *type)
{
    static const char *const primitives[] = {
        [WIT_BOOL] = "bool",   [WIT_S8] = "int8",    [WIT_U8] = "uint8",      [WIT_S16] = "int16",    [WIT_U16] = "uint16",
        [WIT_S32] = "int32",   [WIT_U32] = "uint32", [WIT_S64] = "int64",     [WIT_U64] = "uint64",   [WIT_F32] = "float32",
        [WIT_F64] = "float64", [WIT_CHAR] = "rune",  [WIT_STRING] = "string", [WIT_KIND_COUNT] = NULL};
    struct arena *arena = &g->arena;
    if (primitives[type->kind])
        return primitives[type->kind];
    if (g->effort++ > GO_MAX_EFFORT)
        return "";
    switch (type->kind) {
    case WIT_ALIAS:
        return go_type(g, unit, type->target);
    case WIT_LIST:
        return type->element->kind == WIT_U8 ? "[]byte" : c_printf(arena, "[]%s", go_type(g, unit, type->element));
    case WIT_FIXED_LIST:
        return c_printf(arena, "[%u]%s", type->length, go_type(g, unit, type->element));
    case WIT_OPTION:
        return c_printf(arena, "%s%s", go_is_nilable(type->element) ? "" : "*", go_type(g, unit, type->element));
    case WIT_RESULT:
        return c_printf(arena, "wit.Result[%s, %s]", go_payload_type(g, unit, type->ok), go_payload_type(g, unit, type->err));
    case WIT_MAP:
        return c_printf(arena, "map[%s]%s", go_type(g, unit, type->key), go_type(g, unit, type->value));
    case WIT_TUPLE:
        return tuple_type(g, unit, type);
    default:
        return go_handle_type(g, unit, type->resource, NULL);
    }
}
