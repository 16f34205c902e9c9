#include "sexpr.h"

#define MAX_DEPTH 1000

struct reader {
    const char *next, *end;
    unsigned line, depth;
    struct arena *arena;
    struct error *err;
};

static enum status PRINTF(2, 3) bad(struct reader *r, const char *format, ...)
{
    char what[100];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return fail(r->err, ST_INVALID, "line %u: %s", r->line, what);
}

static bool starts(const struct reader *r, const char *text)
{
    return str_starts(str_n(r->next, (size_t)(r->end - r->next)), str_of(text));
}

static void advance(struct reader *r, size_t count)
{
    while (count-- > 0)
        r->line += *r->next++ == '\n';
}

static enum status skip_block_comment(struct reader *r)
{
    unsigned depth = 0;
    do {
        if (r->next == r->end)
            return bad(r, "a comment does not end");
        if (starts(r, "(;")) {
            depth++;
            advance(r, 2);
        } else if (starts(r, ";)")) {
            depth--;
            advance(r, 2);
        } else {
            advance(r, 1);
        }
    } while (depth > 0);
    return ST_OK;
}

static enum status skip_space(struct reader *r)
{
    for (;;) {
        if (starts(r, "(;")) {
            TRY(skip_block_comment(r));
        } else if (starts(r, ";;")) {
            while (r->next < r->end && *r->next != '\n')
                r->next++;
        } else if (r->next < r->end && strchr(" \t\r\n", *r->next)) {
            advance(r, 1);
        } else {
            return ST_OK;
        }
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t put_utf8(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[len] | c);
    return len;
}

/* What follows a backslash; *text is moved past it. */
static size_t unescape(const char **text, char *out)
{
    static const char simple[] = "tnr\"'\\", values[] = "\t\n\r\"'\\";
    const char *p = *text, *found = strchr(simple, *p);
    if (*p && found) {
        *text = p + 1;
        *out = values[found - simple];
        return 1;
    }
    if (p[0] == 'u' && p[1] == '{') {
        uint32_t c = 0;
        for (p += 2; *p != '}' && *p != '"'; p++)
            if (*p != '_')
                c = c << 4 | (uint32_t)hex_digit(*p);
        *text = p + 1;
        return put_utf8(c, out);
    }
    *text = p + 2;
    *out = (char)(hex_digit(p[0]) << 4 | hex_digit(p[1]));
    return 1;
}

static enum status read_string(struct reader *r, struct sexpr *node)
{
    const char *start = r->next;
    advance(r, 1);
    while (r->next < r->end && *r->next != '"') {
        if (*r->next == '\n')
            return bad(r, "a string does not end");
        advance(r, *r->next == '\\' && r->next + 1 < r->end ? 2 : 1);
    }
    if (r->next == r->end)
        return bad(r, "a string does not end");
    char *out = arena_alloc(r->arena, (size_t)(r->next - start) + 4), *at = out;
    for (const char *p = start + 1; p < r->next;) {
        if (*p == '\\') {
            p++;
            at += unescape(&p, at);
        } else {
            *at++ = *p++;
        }
    }
    advance(r, 1);
    node->kind = SEXPR_STRING;
    node->text = str_n(out, (size_t)(at - out));
    return ST_OK;
}

static void read_atom(struct reader *r, struct sexpr *node)
{
    const char *start = r->next;
    while (r->next < r->end && !strchr(" \t\r\n()\"", *r->next) && !starts(r, ";;"))
        r->next++;
    node->kind = SEXPR_ATOM;
    node->text = str_n(start, (size_t)(r->next - start));
}

static enum status read_items(struct reader *r, bool nested, struct sexpr **ret_first);

static enum status read_node(struct reader *r, struct sexpr *node)
{
    const char *start = r->next;
    node->line = r->line;
    if (*r->next == '(') {
        if (++r->depth > MAX_DEPTH)
            return bad(r, "lists are nested too deep");
        advance(r, 1);
        node->kind = SEXPR_LIST;
        TRY(read_items(r, true, &node->first));
        r->depth--;
    } else if (*r->next == '"') {
        TRY(read_string(r, node));
    } else {
        read_atom(r, node);
    }
    node->source = str_n(start, (size_t)(r->next - start));
    return ST_OK;
}

static enum status read_items(struct reader *r, bool nested, struct sexpr **ret_first)
{
    *ret_first = NULL;
    for (;;) {
        TRY(skip_space(r));
        if (r->next == r->end)
            return nested ? bad(r, "a list does not end") : ST_OK;
        if (*r->next == ')') {
            if (!nested)
                return bad(r, "`)` without `(`");
            advance(r, 1);
            return ST_OK;
        }
        struct sexpr *node = ARENA_NEW(r->arena, struct sexpr);
        TRY(read_node(r, node));
        *ret_first = node;
        ret_first = &node->next;
    }
}

enum status sexpr_parse(struct str text, struct arena *arena, struct sexpr **ret_forms, struct error *err)
{
    struct reader r = {.next = text.data, .end = text.data + text.len, .line = 1, .arena = arena, .err = err};
    return read_items(&r, false, ret_forms);
}

bool sexpr_is_form(const struct sexpr *list, const char *head)
{
    return list && list->kind == SEXPR_LIST && sexpr_is_atom(list->first, head);
}
