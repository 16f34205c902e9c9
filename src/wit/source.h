/* WIT source text, places in it, and the tokens it is made of.
 *
 * A source is one file, read whole and checked once for what WIT text may not contain. The lexer cuts it into tokens on demand and
 * is a plain value: copying it is how the parser looks ahead. Errors read "file:line:column: what is wrong".
 * Source: component-model WIT.md, "Lexical structure". */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#define WIT_MAX_FILE_BYTES (8u << 20)

struct wit_source {
    struct str path; /* as errors name it */
    struct str text;
};

struct wit_pos {
    const struct wit_source *source; /* NULL: nowhere */
    uint32_t offset;
};

/* Fails with ST_INVALID (or `status`) and "path:line:column: " before the message. */
enum status wit_fail_at(struct error *err, struct wit_pos pos, const char *format, ...) PRINTF(3, 4);
enum status wit_fail_at_status(struct error *err, enum status status, struct wit_pos pos, const char *format, ...) PRINTF(4, 5);

/* A copy of `text` in `arena` as a source. Fails: ST_LIMIT over WIT_MAX_FILE_BYTES; ST_INVALID if the text is not UTF-8, or has
 * control characters, bidirectional overrides or characters that Unicode deprecates. */
enum status wit_source_new(struct arena *arena, struct str path, struct str text, const struct wit_source **ret_source,
                           struct error *err) CHECKED;

enum wit_token_kind {
    TOKEN_EOF,
    TOKEN_ID,          /* a label that is no keyword */
    TOKEN_EXPLICIT_ID, /* %label; the text is without '%' */
    TOKEN_KEYWORD,
    TOKEN_INTEGER,
    TOKEN_STRING, /* the text is as written, with quotes */
    TOKEN_ARROW,
    TOKEN_PUNCTUATION, /* one of = , : ; ( ) { } < > * / . @ + - */
};

struct wit_token {
    enum wit_token_kind kind;
    uint32_t start, end;
    uint32_t trivia; /* where the white space and comments before it start */
    struct str text;
};

struct wit_lexer {
    const struct wit_source *source;
    uint32_t at;
};

/* Fails: ST_INVALID at a character that starts no token, an open comment or string, or a malformed name. */
enum status wit_lexer_next(struct wit_lexer *lexer, struct wit_token *ret_token, struct error *err) CHECKED;

/* For messages: "keyword `world`", "'{'", "end of file". */
#define WIT_TOKEN_TEXT_MAX 80
const char *wit_token_describe(const struct wit_token *token, char ret_text[WIT_TOKEN_TEXT_MAX]);

/* The doc comments (three slashes, or a block opened with two stars) of the trivia before `token`, joined, without marks and common
 * indentation. */
struct str wit_token_docs(const struct wit_source *source, const struct wit_token *token, struct arena *arena);

/* What a TOKEN_STRING stands for, escapes resolved. Fails: ST_INVALID for an escape that is none or a result that is not UTF-8. */
enum status wit_token_string(const struct wit_source *source, const struct wit_token *token, struct arena *arena,
                             struct str *ret_text, struct error *err) CHECKED;
