#include "wit/guest_private.h"

/* Words that C and C++ have taken, and those that the generated signatures use. The list is wit-bindgen's and `restrict`: a name that
 * wit-bindgen leaves alone must stay as it is. */
static bool is_reserved(const char *name)
{
    static const char words[] =
        "alignas alignof and asm auto bitand bitor bool break case catch char class compl concept const consteval constexpr "
        "constinit continue decltype default delete do double else enum err explicit export extern false float for friend "
        "goto if inline int long mutable namespace new noexcept not nullptr operator or private protected public reflexpr "
        "register requires restrict ret return short signed sizeof static stderr stdin stdout struct switch synchronized "
        "template this throw true try typedef typeid typename union unsigned using virtual void volatile while xor";
    struct str rest = str_of(words), word;
    while (str_next_part(&rest, ' ', &word))
        if (str_is(word, name))
            return true;
    return false;
}

const char *guest_member(struct guest *g, struct str name)
{
    const char *snake = c_snake(&g->arena, name);
    return is_reserved(snake) ? c_printf(&g->arena, "%s_", snake) : snake;
}

bool guest_is_nameless(const struct wit_type *type, bool with_results)
{
    if (type->name.len || type->kind == WIT_OWN || type->kind == WIT_BORROW || (type->kind == WIT_RESULT && !with_results))
        return false;
    for (size_t i = 0; i < type->fields.len; i++)
        if (!guest_is_nameless(type->fields.items[i].type, with_results))
            return false;
    return (!type->first || guest_is_nameless(type->first, with_results)) &&
           (!type->second || guest_is_nameless(type->second, with_results));
}

/* The name of an anonymous type is made of the words of its parts. */
static enum status add_word(struct guest *g, struct buf *out, const struct wit_type *type);

static enum status add_part(struct guest *g, struct buf *out, const struct wit_type *type)
{
    TRY(buf_append_char(out, '_'));
    return type ? add_word(g, out, type) : buf_append_str(out, STR("void"));
}

static enum status add_word(struct guest *g, struct buf *out, const struct wit_type *type)
{
    if (type->name.len)
        return buf_append_str(out, str_of(c_snake(&g->arena, type->name)));
    TRY(buf_append_str(out, type->kind == WIT_CHAR         ? STR("char32")
                            : type->kind == WIT_FIXED_LIST ? STR("list")
                                                           : str_of(wit_kind_name(type->kind))));
    switch (type->kind) {
    case WIT_TUPLE:
        TRY(buf_printf(out, "%zu", type->fields.len));
        for (size_t i = 0; i < type->fields.len; i++)
            TRY(add_part(g, out, type->fields.items[i].type));
        return ST_OK;
    case WIT_FIXED_LIST:
        TRY(buf_printf(out, "%u", type->length));
        return add_part(g, out, type->element);
    case WIT_RESULT:
    case WIT_MAP:
        TRY(add_part(g, out, type->first));
        return add_part(g, out, type->second);
    case WIT_LIST:
    case WIT_OPTION:
    case WIT_OWN:
    case WIT_BORROW:
        return add_part(g, out, type->first);
    default:
        return ST_OK;
    }
}

enum status guest_type_stem(struct guest *g, const struct guest_unit *unit, const struct wit_type *type, const char **ret_stem)
{
    autobuf struct buf word = BUF_INIT(GUEST_MAX_NAME);
    const struct guest_unit *owner = guest_owner(g, unit, type);
    if (!owner)
        return fail(g->err, ST_INVALID, "%s: type `%.*s` comes from interface `%.*s`, which the world does not have", g->subject,
                    STR_ARG(type->name), STR_ARG(type->interface->name));
    if (add_word(g, &word, type) != ST_OK)
        return fail(g->err, ST_LIMIT, "%s: the C name of a %s type would be longer than %u characters; give a part of it a name",
                    g->subject, wit_kind_name(type->kind), GUEST_MAX_NAME);
    *ret_stem = c_printf(&g->arena, "%s_%s", guest_is_nameless(type, false) ? g->world_name : owner->prefix, word.data);
    return ST_OK;
}

const char *guest_handle_stem(struct guest *g, const struct guest_unit *owner, const struct wit_type *resource, bool own)
{
    return c_printf(&g->arena, "%s_%s_%s", owner->prefix, own ? "own" : "borrow", c_snake(&g->arena, resource->name));
}

const char *guest_c_type(struct guest *g, const struct guest_unit *unit, const struct wit_type *type)
{
    static const char *const primitives[] = {
        [WIT_BOOL] = "bool",   [WIT_S8] = "int8_t",     [WIT_U8] = "uint8_t",   [WIT_S16] = "int16_t",  [WIT_U16] = "uint16_t",
        [WIT_S32] = "int32_t", [WIT_U32] = "uint32_t",  [WIT_S64] = "int64_t",  [WIT_U64] = "uint64_t", [WIT_F32] = "float",
        [WIT_F64] = "double",  [WIT_CHAR] = "uint32_t", [WIT_KIND_COUNT] = NULL};
    const char *stem;
    if (primitives[type->kind])
        return primitives[type->kind];
    if (type->kind == WIT_STRING)
        return c_printf(&g->arena, "%s_string_t", g->world_name);
    bug_unless(guest_type_stem(g, unit, type, &stem) == ST_OK);
    return c_printf(&g->arena, "%s_t", stem);
}
