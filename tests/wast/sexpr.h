/* S-expressions: the surface of WebAssembly scripts. Reads a whole file into a tree; every node knows its line and its source text,
 * so that forms can be handed on as they are. Source: WebAssembly specification, "Text Format", "Lexical Format". */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

struct sexpr {
    enum { SEXPR_ATOM, SEXPR_STRING, SEXPR_LIST } kind;
    struct str source;   /* as written, parentheses and quotes included */
    struct str text;     /* ATOM: as source; STRING: its bytes */
    unsigned line;       /* from 1 */
    struct sexpr *first; /* LIST */
    struct sexpr *next;  /* in the list it stands in */
};

/* The forms of a script, as one list. text and arena outlive it. ST_INVALID names the line. */
enum status sexpr_parse(struct str text, struct arena *arena, struct sexpr **ret_forms, struct error *err) CHECKED;

/* Whether a list starts with that atom. */
bool sexpr_is_form(const struct sexpr *list, const char *head);
static inline bool sexpr_is_atom(const struct sexpr *node, const char *text)
{
    return node && node->kind == SEXPR_ATOM && str_is(node->text, text);
}
static inline bool sexpr_is_id(const struct sexpr *node)
{
    return node && node->kind == SEXPR_ATOM && node->text.len > 1 && node->text.data[0] == '$';
}
