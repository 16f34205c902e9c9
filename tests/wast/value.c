#include "value.h"

#include "base/mem.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static enum status misfit(const struct sexpr *head, const struct cm_type_desc *desc, struct error *err)
{
    static const char *const kinds[] = {"bool",   "s8",    "u8",      "s16",  "u16",    "s32",    "u32",
                                        "s64",    "u64",   "f32",     "f64",  "char",   "string", "error-context",
                                        "record", "tuple", "variant", "enum", "option", "result", "flags",
                                        "list",   "list",  "map",     "own",  "borrow", "stream", "future"};
    return fail(err, ST_INVALID, "line %u: `%.*s` is no value of type %s", head->line, STR_ARG(head->source), kinds[desc->kind]);
}

/* --- numbers ----------------------------------------------------------------------------------------------------------------- */

/* As text that strtod and strtoull read: without underscores. */
static bool clean_number(struct str text, char *out, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] != '_' && len + 1 < size)
            out[len++] = text.data[i];
    out[len] = 0;
    return len > 0;
}

static bool parse_integer(struct str text, uint64_t *ret_bits)
{
    char digits[80], *end;
    if (!clean_number(text, digits, sizeof digits))
        return false;
    bool negative = digits[0] == '-';
    const char *start = digits + (negative || digits[0] == '+');
    uint64_t value = strtoull(start, &end, start[0] == '0' && (start[1] | 0x20) == 'x' ? 16 : 10);
    *ret_bits = negative ? -value : value;
    return end != start && *end == 0;
}

static bool is_nan(struct str text)
{
    return str_find(text, STR("nan")) != STR_NONE;
}

static uint64_t nan_payload(struct str text, uint64_t quiet)
{
    size_t at = str_find(text, STR("nan:0x"));
    return at == STR_NONE ? quiet : strtoull(text.data + at + 6, NULL, 16);
}

static bool parse_f32(struct str text, uint32_t *ret_bits)
{
    char digits[80], *end;
    if (is_nan(text)) {
        *ret_bits = (text.data[0] == '-' ? 0xff800000u : 0x7f800000u) | (uint32_t)nan_payload(text, 0x400000);
        return true;
    }
    if (!clean_number(text, digits, sizeof digits))
        return false;
    float value = strtof(digits, &end);
    memcpy(ret_bits, &value, sizeof value);
    return *end == 0;
}

static bool parse_f64(struct str text, uint64_t *ret_bits)
{
    char digits[80], *end;
    if (is_nan(text)) {
        *ret_bits = (text.data[0] == '-' ? 0xfffull << 52 : 0x7ffull << 52) | nan_payload(text, 1ull << 51);
        return true;
    }
    if (!clean_number(text, digits, sizeof digits))
        return false;
    double value = strtod(digits, &end);
    memcpy(ret_bits, &value, sizeof value);
    return *end == 0;
}

/* One character, as a string or as itself. */
static bool parse_char(const struct sexpr *node, uint32_t *ret_char)
{
    const unsigned char *p = (const unsigned char *)node->text.data;
    size_t len = node->text.len;
    if (node->kind == SEXPR_LIST || len == 0 || !str_valid_utf8(node->text))
        return false;
    size_t wanted = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    uint32_t c = wanted == 1 ? p[0] : p[0] & (0x7f >> wanted);
    for (size_t i = 1; i < wanted; i++)
        c = c << 6 | (p[i] & 0x3f);
    *ret_char = c;
    return len == wanted;
}

/* --- storing ----------------------------------------------------------------------------------------------------------------- */

/* A value as a chain: the atom of its kind, then what belongs to it. */
static enum status store(const struct cm_type_desc *desc, const struct sexpr *head, void *memory, struct arena *arena,
                         struct error *err);

static const char *kind_atom(const struct cm_type_desc *desc)
{
    static const char *const atoms[] = {[CM_BOOL] = "bool.const",   [CM_S8] = "s8.const",
                                        [CM_U8] = "u8.const",       [CM_S16] = "s16.const",
                                        [CM_U16] = "u16.const",     [CM_S32] = "s32.const",
                                        [CM_U32] = "u32.const",     [CM_S64] = "s64.const",
                                        [CM_U64] = "u64.const",     [CM_F32] = "f32.const",
                                        [CM_F64] = "f64.const",     [CM_CHAR] = "char.const",
                                        [CM_STRING] = "str.const",  [CM_RECORD] = "record.const",
                                        [CM_TUPLE] = "tuple.const", [CM_VARIANT] = "variant.const",
                                        [CM_ENUM] = "enum.const",   [CM_FLAGS] = "flags.const",
                                        [CM_LIST] = "list.const",   [CM_FIXED_LIST] = "list.const",
                                        [CM_MAP] = "list.const",    [CM_FUTURE] = NULL};
    return atoms[desc->kind];
}

static const struct sexpr *payload(const struct sexpr *node)
{
    return node && node->kind == SEXPR_LIST ? node->first : NULL;
}

static int find_case(const struct cm_type_desc *desc, const struct sexpr *name)
{
    for (uint32_t i = 0; name && name->kind == SEXPR_STRING && i < desc->count; i++)
        if (str_is(name->text, desc->fields[i].name))
            return (int)i;
    return -1;
}

static void put(void *memory, uint32_t size, uint64_t bits)
{
    memcpy(memory, &bits, size);
}

static enum status store_integer(const struct cm_type_desc *desc, const struct sexpr *head, void *memory, struct error *err)
{
    uint64_t bits;
    unsigned width = desc->size * 8;
    if (!head->next || head->next->kind != SEXPR_ATOM || !parse_integer(head->next->text, &bits))
        return misfit(head, desc, err);
    int64_t value = (int64_t)bits;
    if (width < 64 && (value < -(INT64_C(1) << (width - 1)) || value >= INT64_C(1) << width))
        return misfit(head, desc, err);
    put(memory, desc->size, bits);
    return ST_OK;
}

static enum status store_scalar(const struct cm_type_desc *desc, const struct sexpr *head, void *memory, struct error *err)
{
    const struct sexpr *arg = head->next;
    bool ok = arg && arg->kind != SEXPR_LIST && !arg->next;
    switch (desc->kind) {
    case CM_BOOL:
        ok = ok && (sexpr_is_atom(arg, "true") || sexpr_is_atom(arg, "false"));
        *(bool *)memory = sexpr_is_atom(arg, "true");
        break;
    case CM_F32:
        ok = ok && parse_f32(arg->text, memory);
        break;
    case CM_F64:
        ok = ok && parse_f64(arg->text, memory);
        break;
    case CM_CHAR:
        ok = ok && parse_char(arg, memory);
        break;
    case CM_STRING:
        ok = ok && arg->kind == SEXPR_STRING;
        if (ok)
            *(struct str *)memory = arg->text;
        break;
    default:
        return store_integer(desc, head, memory, err);
    }
    return ok ? ST_OK : misfit(head, desc, err);
}

static enum status store_record(const struct cm_type_desc *desc, const struct sexpr *head, void *memory, struct arena *arena,
                                struct error *err)
{
    const struct sexpr *item = head->next;
    for (uint32_t i = 0; i < desc->count; i++, item = item->next) {
        const struct cm_field_desc *field = &desc->fields[i];
        const struct sexpr *value = payload(item);
        if (desc->kind == CM_RECORD) {
            if (!sexpr_is_form(item, "field") || !value->next || !str_is(value->next->text, field->name))
                return misfit(head, desc, err);
            value = value->next->next;
        }
        if (!value)
            return misfit(head, desc, err);
        TRY(store(field->type, value, (char *)memory + field->offset, arena, err));
    }
    return item ? misfit(head, desc, err) : ST_OK;
}

static enum status store_variant(const struct cm_type_desc *desc, const struct sexpr *head, void *memory, struct arena *arena,
                                 struct error *err)
{
    int tag = find_case(desc, head->next);
    if (tag < 0)
        return misfit(head, desc, err);
    put(memory, sizeof(uint32_t), (uint64_t)tag);
    const struct cm_type_desc *type = desc->fields[tag].type;
    const struct sexpr *value = payload(head->next->next);
    if (!type != !value)
        return misfit(head, desc, err);
    return type ? store(type, value, (char *)memory + desc->offset, arena, err) : ST_OK;
}

/* option and result: (option.some v) (option.none) (result.ok v?) (result.err v?) */
static enum status store_choice(const struct cm_type_desc *desc, const struct sexpr *head, void *memory, struct arena *arena,
                                struct error *err)
{
    bool is_option = desc->kind == CM_OPTION;
    bool second = sexpr_is_atom(head, is_option ? "option.none" : "result.err");
    const struct cm_type_desc *type = !second ? desc->element : is_option ? NULL : desc->second;
    const struct sexpr *value = payload(head->next);
    if ((!second && !sexpr_is_atom(head, is_option ? "option.some" : "result.ok")) || !type != !value)
        return misfit(head, desc, err);
    *(bool *)memory = is_option ? !second : second;
    return type ? store(type, value, (char *)memory + desc->offset, arena, err) : ST_OK;
}

static enum status store_flags(const struct cm_type_desc *desc, const struct sexpr *head, void *memory, struct error *err)
{
    uint32_t bits = 0;
    for (const struct sexpr *flag = head->next; flag; flag = flag->next) {
        int index = find_case(desc, flag);
        if (index < 0)
            return misfit(head, desc, err);
        bits |= 1u << index;
    }
    put(memory, sizeof bits, bits);
    return ST_OK;
}

/* A map's item is a struct of key and value; in a script it is a tuple. */
static enum status store_item(const struct cm_type_desc *desc, const struct sexpr *value, void *item, struct arena *arena,
                              struct error *err)
{
    if (desc->kind != CM_MAP)
        return store(desc->element, value, item, arena, err);
    const struct sexpr *key = payload(value->next);
    if (!sexpr_is_atom(value, "tuple.const") || !key || !payload(value->next->next))
        return misfit(value, desc, err);
    TRY(store(desc->second, key, item, arena, err));
    return store(desc->element, payload(value->next->next), (char *)item + desc->offset, arena, err);
}

static enum status store_list(const struct cm_type_desc *desc, const struct sexpr *head, void *memory, struct arena *arena,
                              struct error *err)
{
    size_t len = 0;
    for (const struct sexpr *item = head->next; item; item = item->next)
        len++;
    char *items = memory;
    if (desc->kind == CM_FIXED_LIST) {
        if (len != desc->count)
            return misfit(head, desc, err);
    } else {
        items = arena_array(arena, len, desc->item_size);
        memcpy(memory, &(struct str){items, len}, sizeof(struct str));
    }
    for (const struct sexpr *item = head->next; item; item = item->next, items += desc->item_size) {
        if (!payload(item))
            return misfit(head, desc, err);
        TRY(store_item(desc, payload(item), items, arena, err));
    }
    return ST_OK;
}

static enum status store(const struct cm_type_desc *desc, const struct sexpr *head, void *memory, struct arena *arena,
                         struct error *err)
{
    const char *atom = kind_atom(desc);
    if (atom && !sexpr_is_atom(head, atom))
        return misfit(head, desc, err);
    switch (desc->kind) {
    case CM_RECORD:
    case CM_TUPLE:
        return store_record(desc, head, memory, arena, err);
    case CM_VARIANT:
    case CM_ENUM:
        return store_variant(desc, head, memory, arena, err);
    case CM_OPTION:
    case CM_RESULT:
        return store_choice(desc, head, memory, arena, err);
    case CM_FLAGS:
        return store_flags(desc, head, memory, err);
    case CM_LIST:
    case CM_MAP:
    case CM_FIXED_LIST:
        return store_list(desc, head, memory, arena, err);
    default:
        return atom ? store_scalar(desc, head, memory, err) : misfit(head, desc, err);
    }
}

enum status value_store(const struct cm_type_desc *desc, const struct sexpr *node, void *memory, struct arena *arena,
                        struct error *err)
{
    const struct sexpr *head = payload(node);
    return head ? store(desc, head, memory, arena, err) : misfit(node, desc, err);
}

/* --- comparing: what the script says is stored too, then the two are compared ----------------------------------------------- */

static bool same(const struct cm_type_desc *desc, const void *a, const void *b);

static bool same_items(const struct cm_type_desc *desc, const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++, a += desc->item_size, b += desc->item_size)
        if (desc->kind == CM_MAP ? !same(desc->second, a, b) || !same(desc->element, a + desc->offset, b + desc->offset)
                                 : !same(desc->element, a, b))
            return false;
    return true;
}

static bool same_fields(const struct cm_type_desc *desc, const char *a, const char *b)
{
    for (uint32_t i = 0; i < desc->count; i++)
        if (!same(desc->fields[i].type, a + desc->fields[i].offset, b + desc->fields[i].offset))
            return false;
    return true;
}

static const struct cm_type_desc *chosen(const struct cm_type_desc *desc, const void *value)
{
    uint32_t tag;
    if (desc->kind == CM_OPTION)
        return *(const bool *)value ? desc->element : NULL;
    if (desc->kind == CM_RESULT)
        return *(const bool *)value ? desc->second : desc->element;
    memcpy(&tag, value, sizeof tag);
    return tag < desc->count ? desc->fields[tag].type : NULL;
}

static bool same(const struct cm_type_desc *desc, const void *a, const void *b)
{
    const struct str *list_a = a, *list_b = b;
    switch (desc->kind) {
    case CM_STRING:
        return str_eq(*list_a, *list_b);
    case CM_RECORD:
    case CM_TUPLE:
        return same_fields(desc, a, b);
    case CM_VARIANT:
    case CM_OPTION:
    case CM_RESULT: {
        const struct cm_type_desc *type = chosen(desc, a);
        return memcmp(a, b, desc->kind == CM_VARIANT ? sizeof(uint32_t) : sizeof(bool)) == 0 &&
               (!type || same(type, (const char *)a + desc->offset, (const char *)b + desc->offset));
    }
    case CM_LIST:
    case CM_MAP:
        return list_a->len == list_b->len && same_items(desc, list_a->data, list_b->data, list_a->len);
    case CM_FIXED_LIST:
        return same_items(desc, a, b, desc->count);
    default:
        return memcmp(a, b, desc->size) == 0;
    }
}

/* nan:canonical and nan:arithmetic stand for sets of values. */
static bool same_nan(const struct cm_type_desc *desc, const struct sexpr *head, const void *memory, bool *ret_same)
{
    const struct sexpr *arg = head->next;
    bool canonical = sexpr_is_atom(arg, "nan:canonical");
    uint64_t bits = 0, quiet = desc->kind == CM_F32 ? 0x7fc00000 : 0x7ff8000000000000;
    if ((desc->kind != CM_F32 && desc->kind != CM_F64) || (!canonical && !sexpr_is_atom(arg, "nan:arithmetic")))
        return false;
    memcpy(&bits, memory, desc->size);
    bits &= desc->kind == CM_F32 ? INT32_MAX : INT64_MAX;
    *ret_same = canonical ? bits == quiet : (bits & quiet) == quiet;
    return true;
}

enum status value_matches(const struct cm_type_desc *desc, const struct sexpr *node, const void *memory, bool *ret_same,
                          struct error *err)
{
    const struct sexpr *head = payload(node);
    if (!head)
        return misfit(node, desc, err);
    if (same_nan(desc, head, memory, ret_same))
        return ST_OK;
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    void *wanted = arena_alloc(&arena, desc->size + 1);
    enum status status = store(desc, head, wanted, &arena, err);
    if (status == ST_OK)
        *ret_same = same(desc, wanted, memory);
    arena_release(&arena);
    return status;
}

/* --- printing ---------------------------------------------------------------------------------------------------------------- */

static void print_items(const struct cm_type_desc *desc, const char *items, size_t len, struct buf *out)
{
    buf_add(out, STR("["));
    for (size_t i = 0; i < len && out->len < 2000; i++, items += desc->item_size) {
        if (i > 0)
            buf_add(out, STR(", "));
        if (desc->kind == CM_MAP) {
            value_print(desc->second, items, out);
            buf_add(out, STR(": "));
        }
        value_print(desc->element, items + (desc->kind == CM_MAP ? desc->offset : 0), out);
    }
    buf_add(out, STR("]"));
}

static void print_fields(const struct cm_type_desc *desc, const char *memory, struct buf *out)
{
    buf_add(out, STR("{"));
    for (uint32_t i = 0; i < desc->count; i++) {
        buf_addf(out, "%s%s: ", i ? ", " : "", desc->fields[i].name);
        value_print(desc->fields[i].type, memory + desc->fields[i].offset, out);
    }
    buf_add(out, STR("}"));
}

static void print_chosen(const struct cm_type_desc *desc, const void *memory, const char *name, struct buf *out)
{
    const struct cm_type_desc *type = chosen(desc, memory);
    buf_addf(out, "%s", name);
    if (!type)
        return;
    buf_add(out, STR("("));
    value_print(type, (const char *)memory + desc->offset, out);
    buf_add(out, STR(")"));
}

static void print_integer(const struct cm_type_desc *desc, const void *memory, struct buf *out)
{
    uint64_t bits = 0;
    memcpy(&bits, memory, desc->size);
    unsigned shift = 64 - desc->size * 8;
    bool is_signed = desc->kind == CM_S8 || desc->kind == CM_S16 || desc->kind == CM_S32 || desc->kind == CM_S64;
    if (is_signed)
        buf_addf(out, "%" PRId64, (int64_t)(bits << shift) >> shift);
    else
        buf_addf(out, "%" PRIu64, bits);
}

void value_print(const struct cm_type_desc *desc, const void *memory, struct buf *out)
{
    uint32_t word = 0;
    const struct str *text = memory;
    memcpy(&word, memory, MIN(desc->size, (uint32_t)sizeof word));
    switch (desc->kind) {
    case CM_BOOL:
        buf_addf(out, "%s", *(const bool *)memory ? "true" : "false");
        break;
    case CM_F32:
        buf_addf(out, "%g (0x%08x)", (double)*(const float *)memory, word);
        break;
    case CM_F64:
        buf_addf(out, "%g", *(const double *)memory);
        break;
    case CM_STRING:
        if (buf_append_json(out, *text) != ST_OK)
            bug("an unlimited buffer is full");
        break;
    case CM_RECORD:
    case CM_TUPLE:
        print_fields(desc, memory, out);
        break;
    case CM_VARIANT:
    case CM_ENUM:
        print_chosen(desc, memory, word < desc->count ? desc->fields[word].name : "?", out);
        break;
    case CM_OPTION:
        print_chosen(desc, memory, *(const bool *)memory ? "some" : "none", out);
        break;
    case CM_RESULT:
        print_chosen(desc, memory, *(const bool *)memory ? "err" : "ok", out);
        break;
    case CM_LIST:
    case CM_MAP:
        print_items(desc, text->data, text->len, out);
        break;
    case CM_FIXED_LIST:
        print_items(desc, memory, desc->count, out);
        break;
    default:
        print_integer(desc, memory, out);
    }
}
