#include "wit/bindgen_private.h"

#include <stdarg.h>

const char *gen_printf(struct generator *g, const char *format, ...)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    va_list args;
    va_start(args, format);
    enum status status = buf_vprintf(&text, format, args);
    va_end(args);
    bug_unless(status == ST_OK);
    return arena_str(&g->arena, buf_str(&text)).data;
}

static const char *change_case(struct generator *g, struct str name, char from, char to)
{
    char *text = arena_alloc(&g->arena, name.len + 1);
    for (size_t i = 0; i < name.len; i++) {
        text[i] = name.data[i];
        if (text[i] == '-')
            text[i] = '_';
        else if (text[i] >= from && text[i] < from + 26)
            text[i] = (char)(text[i] - from + to);
    }
    return text;
}

const char *gen_snake(struct generator *g, struct str name)
{
    return change_case(g, name, 'A', 'a');
}

const char *gen_upper(struct generator *g, struct str name)
{
    return change_case(g, name, 'a', 'A');
}

/* Words that C, its headers' macros, or the generated adapters use. */
static bool is_reserved(const char *name)
{
    static const char *const words[] = {
        "alignas",  "alignof",  "asm",     "assert",  "auto",      "bool",   "break",  "call",     "case",   "char",     "complex",
        "const",    "continue", "default", "do",      "double",    "else",   "enum",   "errno",    "extern", "false",    "float",
        "for",      "goto",     "i386",    "if",      "imaginary", "inline", "int",    "linux",    "long",   "noreturn", "offsetof",
        "register", "restrict", "ret",     "return",  "short",     "signed", "sizeof", "static",   "stderr", "stdin",    "stdout",
        "struct",   "switch",   "true",    "typedef", "typeof",    "union",  "unix",   "unsigned", "void",   "volatile", "while"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(name, words[i]) == 0)
            return true;
    return false;
}

const char *gen_member(struct generator *g, struct str name)
{
    const char *snake = gen_snake(g, name);
    return is_reserved(snake) ? gen_printf(g, "%s_", snake) : snake;
}

const char *gen_take_symbol(struct generator *g, const char *name)
{
    while (map_set(&g->symbols, str_of(name), g))
        name = gen_printf(g, "%s_", name);
    return name;
}

enum status gen_take_tag(struct generator *g, const char *name, struct str what)
{
    struct str *mine = arena_copy(&g->arena, &what, sizeof what);
    const struct str *other = map_set(&g->tags, str_of(name), mine);
    if (other)
        return fail(g->err, ST_INVALID, "`%.*s` and `%.*s` would both be `%s` in C; generate them separately", STR_ARG(*other),
                    STR_ARG(what), name);
    return ST_OK;
}

const char *gen_c_string(struct generator *g, struct str text)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    buf_add(&out, STR("\""));
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '"' || c == '\\')
            buf_addf(&out, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            buf_addf(&out, "\\%03o", c);
        else
            buf_addf(&out, "%c", c);
    }
    buf_add(&out, STR("\""));
    return arena_str(&g->arena, buf_str(&out)).data;
}
