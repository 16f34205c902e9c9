#include "wit/bindgen_private.h"

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
