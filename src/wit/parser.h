/* The parser's own tools, shared by its two files: parse.c (packages, interfaces, worlds) and parse_type.c (types, functions).
 * Recursive descent with one token of look-ahead; where more is needed the whole parser is copied and put back. */
#pragma once

#include "wit/ast.h"

struct parser {
    struct arena *arena;
    struct wit_lexer lexer;
    struct wit_token next; /* not consumed yet */
    uint32_t *node_count;
    struct error *err;
};

struct wit_pos parse_pos(const struct parser *parser); /* of the next token */
struct str parse_docs(struct parser *parser);          /* before the next token */
enum status parse_advance(struct parser *parser) CHECKED;
enum status parse_count(struct parser *parser) CHECKED; /* one node more */
enum status parse_fail_expected(struct parser *parser, const char *what);

bool parse_at(const struct parser *parser, const char *punctuation_or_keyword);
bool parse_at_name(const struct parser *parser);
/* Takes the next token if it is the one given. */
enum status parse_eat(struct parser *parser, const char *token, bool *ret_eaten) CHECKED;
enum status parse_expect(struct parser *parser, const char *token, const char *where) CHECKED;
enum status parse_id(struct parser *parser, const char *what, struct ast_id *ret_id) CHECKED;

/* After an item of a comma-separated list: sets *ret_more unless the list ends here; takes the comma or the end. */
enum status parse_list_next(struct parser *parser, const char *end, const char *where, bool *ret_more) CHECKED;
/* At the start of a list whose opening token is taken: *ret_more is false, and the end taken, if it is empty. */
enum status parse_list_start(struct parser *parser, const char *end, bool *ret_more) CHECKED;

enum status parse_gate(struct parser *parser, struct ast_gate *ret_gate) CHECKED;
enum status parse_type(struct parser *parser, struct ast_type **ret_type) CHECKED;
/* `async`? `func` ( params ) result: what follows `name:`. */
enum status parse_function(struct parser *parser, struct ast_function *function) CHECKED;
/* type, record, variant, enum, flags, resource: the next token is its keyword. */
enum status parse_type_definition(struct parser *parser, struct ast_item *item) CHECKED;
