#include "abi_help.h"

#include <ctype.h>
#include <inttypes.h>

/* --- text --------------------------------------------------------------------------------------------------------------------- */

struct reader {
    const char *at;
    bool bad;
    struct cm_types *types;
    struct arena *arena;
};

static void skip_space(struct reader *in)
{
    while (*in->at == ' ')
        in->at++;
}

static bool accept(struct reader *in, const char *token)
{
    skip_space(in);
    size_t len = strlen(token);
    if (strncmp(in->at, token, len) != 0)
        return false;
    in->at += len;
    return true;
}

static void expect(struct reader *in, const char *token)
{
    if (!accept(in, token))
        in->bad = true;
}

static struct str word(struct reader *in)
{
    skip_space(in);
    const char *start = in->at;
    while (isalnum((unsigned char)*in->at) || *in->at == '-' || *in->at == '_' || *in->at == '+')
        in->at++;
    return str_n(start, (size_t)(in->at - start));
}

static uint64_t number(struct reader *in, int base)
{
    char *end;
    skip_space(in);
    uint64_t value = *in->at == '-' ? (uint64_t)strtoll(in->at, &end, base) : strtoull(in->at, &end, base);
    in->bad |= end == in->at;
    in->at = end;
    return value;
}

/* --- types -------------------------------------------------------------------------------------------------------------------- */

#define MAX_PARTS 512

static const struct cm_type *parse_type(struct reader *in);

/* type: its address, since the call that sets it is an argument too. */
static const struct cm_type *made(struct reader *in, enum status status, const struct cm_type *const *type)
{
    in->bad |= status != ST_OK;
    return in->bad ? NULL : *type;
}

static const struct cm_type *optional_type(struct reader *in)
{
    return accept(in, "_") ? NULL : parse_type(in);
}

/* `{ a: T, b: U }`, `{ a(T), b }`, `{ a, b }` */
static uint32_t parse_fields(struct reader *in, struct cm_field fields[MAX_PARTS])
{
    uint32_t count = 0;
    expect(in, "{");
    do {
        struct cm_field *field = &fields[count++];
        *field = (struct cm_field){.name = word(in)};
        if (accept(in, ":")) {
            field->type = parse_type(in);
        } else if (accept(in, "(")) {
            field->type = parse_type(in);
            expect(in, ")");
        }
    } while (count < MAX_PARTS && !in->bad && accept(in, ","));
    expect(in, "}");
    return count;
}

static const struct cm_type *parse_named(struct reader *in, enum cm_kind kind)
{
    struct cm_field *fields = mem_array(MAX_PARTS, sizeof *fields);
    struct str *names = mem_array(MAX_PARTS, sizeof *names);
    const struct cm_type *type = NULL;
    uint32_t count = parse_fields(in, fields);
    enum status status = ST_INVALID;
    for (uint32_t i = 0; i < count; i++)
        names[i] = fields[i].name;
    if (!in->bad && kind == CM_RECORD)
        status = cm_type_record(in->types, fields, count, &type, NULL);
    else if (!in->bad && kind == CM_VARIANT)
        status = cm_type_variant(in->types, fields, count, &type, NULL);
    else if (!in->bad && kind == CM_ENUM)
        status = cm_type_enum(in->types, names, count, &type, NULL);
    else if (!in->bad)
        status = cm_type_flags(in->types, names, count, &type, NULL);
    free(fields);
    free(names);
    return made(in, status, &type);
}

static const struct cm_type *parse_tuple(struct reader *in)
{
    const struct cm_type *items[32], *type = NULL;
    uint32_t count = 0;
    expect(in, "<");
    do
        items[count++] = parse_type(in);
    while (!in->bad && count < ARRAY_LEN(items) && accept(in, ","));
    expect(in, ">");
    return in->bad ? NULL : made(in, cm_type_tuple(in->types, items, count, &type, NULL), &type);
}

static const struct cm_type *parse_result(struct reader *in)
{
    const struct cm_type *ok = NULL, *err = NULL, *type = NULL;
    if (accept(in, "<")) {
        ok = optional_type(in);
        err = accept(in, ",") ? optional_type(in) : NULL;
        expect(in, ">");
    }
    return in->bad ? NULL : made(in, cm_type_result(in->types, ok, err, &type, NULL), &type);
}

static const struct cm_type *parse_list(struct reader *in)
{
    const struct cm_type *type = NULL;
    expect(in, "<");
    const struct cm_type *element = parse_type(in);
    bool is_fixed = accept(in, ",");
    uint32_t length = is_fixed ? (uint32_t)number(in, 10) : 0;
    expect(in, ">");
    if (in->bad)
        return NULL;
    return made(
        in, is_fixed ? cm_type_fixed_list(in->types, element, length, &type, NULL) : cm_type_list(in->types, element, &type, NULL),
        &type);
}

static const struct cm_type *parse_map(struct reader *in)
{
    const struct cm_type *type = NULL;
    expect(in, "<");
    const struct cm_type *key = parse_type(in);
    expect(in, ",");
    const struct cm_type *value = parse_type(in);
    expect(in, ">");
    return in->bad ? NULL : made(in, cm_type_map(in->types, key, value, &type, NULL), &type);
}

static const struct cm_type *parse_handle(struct reader *in, enum cm_kind kind)
{
    const struct cm_type *type = NULL;
    expect(in, "<resource");
    uint32_t resource = (uint32_t)number(in, 10);
    expect(in, ">");
    return in->bad ? NULL : made(in, cm_type_handle(in->types, kind, resource, &type, NULL), &type);
}

static const struct cm_type *parse_wrapped(struct reader *in, enum cm_kind kind)
{
    const struct cm_type *element = NULL, *type = NULL;
    if (accept(in, "<")) {
        element = parse_type(in);
        expect(in, ">");
    }
    if (in->bad)
        return NULL;
    return made(in,
                kind == CM_OPTION ? cm_type_option(in->types, element, &type, NULL)
                                  : cm_type_stream(in->types, kind, element, &type, NULL),
                &type);
}

static const struct cm_type *parse_type(struct reader *in)
{
    struct str name = word(in);
    for (enum cm_kind kind = CM_BOOL; kind <= CM_ERROR_CONTEXT; kind++)
        if (str_is(name, cm_kind_name(kind)))
            return cm_type_primitive(in->types, kind);
    if (str_is(name, "record"))
        return parse_named(in, CM_RECORD);
    if (str_is(name, "variant"))
        return parse_named(in, CM_VARIANT);
    if (str_is(name, "enum"))
        return parse_named(in, CM_ENUM);
    if (str_is(name, "flags"))
        return parse_named(in, CM_FLAGS);
    if (str_is(name, "tuple"))
        return parse_tuple(in);
    if (str_is(name, "result"))
        return parse_result(in);
    if (str_is(name, "list"))
        return parse_list(in);
    if (str_is(name, "map"))
        return parse_map(in);
    if (str_is(name, "own") || str_is(name, "borrow"))
        return parse_handle(in, str_is(name, "own") ? CM_OWN : CM_BORROW);
    if (str_is(name, "option") || str_is(name, "stream") || str_is(name, "future"))
        return parse_wrapped(in, str_is(name, "option") ? CM_OPTION : str_is(name, "stream") ? CM_STREAM : CM_FUTURE);
    in->bad = true;
    return NULL;
}

const struct cm_type *type_parse(struct cm_types *types, const char *text)
{
    struct reader in = {.at = text, .types = types};
    const struct cm_type *type = parse_type(&in);
    return in.bad || *in.at ? NULL : type;
}

/* --- values: in --------------------------------------------------------------------------------------------------------------- */

static void parse_value(struct reader *in, const struct cm_type_desc *desc, uint8_t *to);

void put_utf8(struct buf *out, uint32_t c)
{
    char bytes[4];
    size_t n = 0;
    if (c < 0x80) {
        bytes[n++] = (char)c;
    } else {
        unsigned more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
        static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
        bytes[n++] = (char)(lead[more] | c >> (6 * more));
        while (more--)
            bytes[n++] = (char)(0x80 | (c >> (6 * more) & 0x3f));
    }
    buf_add(out, str_n(bytes, n));
}

static void parse_string(struct reader *in, struct str *to)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    expect(in, "\"");
    while (!in->bad && *in->at && *in->at != '"') {
        if (*in->at == '\\') {
            in->at++;
            expect(in, "u{");
            put_utf8(&out, (uint32_t)number(in, 16));
            expect(in, "}");
        } else {
            buf_add(&out, str_n(in->at++, 1));
        }
    }
    expect(in, "\"");
    *to = arena_str(in->arena, buf_str(&out));
}

static void parse_items(struct reader *in, const struct cm_type_desc *desc, struct c_list *to)
{
    size_t room = 64;
    bool is_map = desc->kind == CM_MAP;
    uint8_t *items = arena_array(in->arena, room, desc->item_size);
    *to = (struct c_list){items, 0};
    expect(in, "[");
    while (!in->bad && !accept(in, "]")) {
        if (to->len)
            expect(in, ",");
        if (to->len == room) {
            uint8_t *more = arena_array(in->arena, room * 2, desc->item_size);
            memcpy(more, items, room * desc->item_size);
            to->items = items = more;
            room *= 2;
        }
        uint8_t *item = items + to->len++ * desc->item_size;
        if (is_map) {
            expect(in, "(");
            parse_value(in, desc->second, item);
            expect(in, ",");
        }
        parse_value(in, desc->element, item + (is_map ? desc->offset : 0));
        if (is_map)
            expect(in, ")");
    }
}

static void parse_choice(struct reader *in, const struct cm_type_desc *desc, uint8_t *to)
{
    struct str name = word(in);
    uint32_t tag = 0;
    const struct cm_type_desc *payload = NULL;
    if (desc->kind == CM_OPTION || desc->kind == CM_RESULT) {
        *to = str_is(name, "some") || str_is(name, "error");
        payload = desc->kind == CM_OPTION ? (*to ? desc->element : NULL) : *to ? desc->second : desc->element;
    } else {
        while (tag < desc->count && !str_is(name, desc->fields[tag].name))
            tag++;
        in->bad |= tag == desc->count;
        memcpy(to, &tag, sizeof tag);
        payload = in->bad ? NULL : desc->fields[tag].type;
    }
    if (!payload)
        return;
    expect(in, "(");
    parse_value(in, payload, to + desc->offset);
    expect(in, ")");
}

static void parse_flags(struct reader *in, const struct cm_type_desc *desc, uint8_t *to)
{
    uint32_t bits = 0;
    expect(in, "{");
    while (!in->bad && !accept(in, "}")) {
        if (bits)
            expect(in, ",");
        struct str name = word(in);
        uint32_t i = 0;
        while (i < desc->count && !str_is(name, desc->fields[i].name))
            i++;
        in->bad |= i == desc->count;
        bits |= i < 32 ? 1u << i : 0;
    }
    memcpy(to, &bits, sizeof bits);
}

static void parse_fields_of(struct reader *in, const struct cm_type_desc *desc, uint8_t *to)
{
    bool is_tuple = desc->kind == CM_TUPLE;
    expect(in, is_tuple ? "(" : "{");
    for (uint32_t i = 0; i < desc->count && !in->bad; i++) {
        if (i)
            expect(in, ",");
        if (!is_tuple) {
            in->bad |= !str_is(word(in), desc->fields[i].name);
            expect(in, ":");
        }
        parse_value(in, desc->fields[i].type, to + desc->fields[i].offset);
    }
    expect(in, is_tuple ? ")" : "}");
}

static void parse_number(struct reader *in, const struct cm_type_desc *desc, uint8_t *to)
{
    bool is_hex = desc->kind == CM_F32 || desc->kind == CM_F64 || desc->kind == CM_CHAR;
    if (desc->kind == CM_CHAR)
        expect(in, "U+");
    uint64_t value = number(in, is_hex ? 16 : 10);
    memcpy(to, &value, desc->size);
}

static void parse_value(struct reader *in, const struct cm_type_desc *desc, uint8_t *to)
{
    switch (desc->kind) {
    case CM_BOOL:
        *to = accept(in, "true");
        if (!*to)
            expect(in, "false");
        break;
    case CM_STRING:
        parse_string(in, (struct str *)(void *)to);
        break;
    case CM_RECORD:
    case CM_TUPLE:
        parse_fields_of(in, desc, to);
        break;
    case CM_VARIANT:
    case CM_ENUM:
    case CM_OPTION:
    case CM_RESULT:
        parse_choice(in, desc, to);
        break;
    case CM_FLAGS:
        parse_flags(in, desc, to);
        break;
    case CM_LIST:
    case CM_MAP:
        parse_items(in, desc, (struct c_list *)(void *)to);
        break;
    case CM_FIXED_LIST:
        expect(in, "[");
        for (uint32_t i = 0; i < desc->count && !in->bad; i++) {
            if (i)
                expect(in, ",");
            parse_value(in, desc->element, to + i * desc->element->size);
        }
        expect(in, "]");
        break;
    default:
        parse_number(in, desc, to);
        break;
    }
}

bool value_parse(struct arena *arena, const struct cm_type_desc *desc, const char *text, void *ret_value)
{
    struct reader in = {.at = text, .arena = arena};
    parse_value(&in, desc, ret_value);
    return !in.bad && *in.at == '\0';
}

/* --- values: out -------------------------------------------------------------------------------------------------------------- */

static void print(struct buf *out, const struct cm_type_desc *desc, const uint8_t *from);

static void print_string(struct buf *out, struct str s)
{
    buf_addf(out, "\"");
    for (size_t i = 0; i < s.len; i++) {
        uint8_t b = (uint8_t)s.data[i];
        if (b >= 0x20 && b < 0x7f && b != '"' && b != '\\') {
            buf_addf(out, "%c", b);
            continue;
        }
        unsigned more = b < 0x80 ? 0 : b < 0xe0 ? 1 : b < 0xf0 ? 2 : 3;
        uint32_t c = b & (0xffu >> (more ? more + 2 : 0));
        while (more-- && i + 1 < s.len)
            c = c << 6 | ((uint8_t)s.data[++i] & 0x3f);
        buf_addf(out, "\\u{%x}", c);
    }
    buf_addf(out, "\"");
}

static void print_items(struct buf *out, const struct cm_type_desc *desc, const uint8_t *items, size_t len)
{
    size_t stride = desc->kind == CM_FIXED_LIST ? desc->element->size : desc->item_size;
    buf_addf(out, "[");
    for (size_t i = 0; i < len; i++) {
        const uint8_t *item = items + i * stride;
        buf_addf(out, "%s", i ? ", " : "");
        if (desc->kind != CM_MAP) {
            print(out, desc->element, item);
            continue;
        }
        buf_addf(out, "(");
        print(out, desc->second, item);
        buf_addf(out, ", ");
        print(out, desc->element, item + desc->offset);
        buf_addf(out, ")");
    }
    buf_addf(out, "]");
}

static void print_fields(struct buf *out, const struct cm_type_desc *desc, const uint8_t *from)
{
    bool is_tuple = desc->kind == CM_TUPLE;
    buf_addf(out, is_tuple ? "(" : "{");
    for (uint32_t i = 0; i < desc->count; i++) {
        buf_addf(out, "%s", i ? ", " : "");
        if (!is_tuple)
            buf_addf(out, "%s: ", desc->fields[i].name);
        print(out, desc->fields[i].type, from + desc->fields[i].offset);
    }
    buf_addf(out, is_tuple ? ")" : "}");
}

static void print_choice(struct buf *out, const struct cm_type_desc *desc, const uint8_t *from)
{
    uint32_t tag;
    const struct cm_type_desc *payload;
    if (desc->kind == CM_OPTION) {
        payload = *from ? desc->element : NULL;
        buf_addf(out, *from ? "some" : "none");
    } else if (desc->kind == CM_RESULT) {
        payload = *from ? desc->second : desc->element;
        buf_addf(out, *from ? "error" : "ok");
    } else {
        memcpy(&tag, from, sizeof tag);
        payload = desc->fields[tag].type;
        buf_addf(out, "%s", desc->fields[tag].name);
    }
    if (!payload)
        return;
    buf_addf(out, "(");
    print(out, payload, from + desc->offset);
    buf_addf(out, ")");
}

static void print_flags(struct buf *out, const struct cm_type_desc *desc, uint32_t bits)
{
    const char *comma = "";
    buf_addf(out, "{");
    for (uint32_t i = 0; i < desc->count; i++) {
        if (!(bits & 1u << i))
            continue;
        buf_addf(out, "%s%s", comma, desc->fields[i].name);
        comma = ", ";
    }
    buf_addf(out, "}");
}

static void print_number(struct buf *out, const struct cm_type_desc *desc, const uint8_t *from)
{
    uint64_t u = 0;
    memcpy(&u, from, desc->size);
    unsigned shift = 64 - 8 * desc->size;
    int64_t s = (int64_t)(u << shift) >> shift;
    bool is_signed = desc->kind == CM_S8 || desc->kind == CM_S16 || desc->kind == CM_S32 || desc->kind == CM_S64;
    if (desc->kind == CM_CHAR)
        buf_addf(out, "U+%04" PRIX64, u);
    else if (desc->kind == CM_F32 || desc->kind == CM_F64)
        buf_addf(out, "0x%" PRIx64, u);
    else if (is_signed)
        buf_addf(out, "%" PRId64, s);
    else
        buf_addf(out, "%" PRIu64, u);
}

static void print(struct buf *out, const struct cm_type_desc *desc, const uint8_t *from)
{
    struct c_list list;
    struct str s;
    uint32_t bits;
    switch (desc->kind) {
    case CM_BOOL:
        buf_addf(out, *from ? "true" : "false");
        break;
    case CM_STRING:
        memcpy(&s, from, sizeof s);
        print_string(out, s);
        break;
    case CM_RECORD:
    case CM_TUPLE:
        print_fields(out, desc, from);
        break;
    case CM_VARIANT:
    case CM_ENUM:
    case CM_OPTION:
    case CM_RESULT:
        print_choice(out, desc, from);
        break;
    case CM_FLAGS:
        memcpy(&bits, from, sizeof bits);
        print_flags(out, desc, bits);
        break;
    case CM_LIST:
    case CM_MAP:
        memcpy(&list, from, sizeof list);
        print_items(out, desc, list.items, list.len);
        break;
    case CM_FIXED_LIST:
        print_items(out, desc, from, desc->count);
        break;
    default:
        print_number(out, desc, from);
        break;
    }
}

struct str value_text(struct arena *arena, const struct cm_type_desc *desc, const void *value)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    print(&out, desc, value);
    return arena_str(arena, buf_str(&out));
}
