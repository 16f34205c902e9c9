#include "wit/source.h"

#include "wit/name.h"

#include <stdio.h>

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || char_is_digit(c) || c == '_' || c == '-';
}

/* The code point at `at` of valid UTF-8, and its length. */
static uint32_t code_point(struct str text, size_t at, size_t *ret_len)
{
    const unsigned char *bytes = (const unsigned char *)text.data + at;
    size_t len = bytes[0] < 0x80 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    uint32_t c = len == 1 ? bytes[0] : bytes[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (bytes[i] & 0x3f);
    *ret_len = len;
    return c;
}

static enum status fail_at_v(struct error *err, enum status status, struct wit_pos pos, const char *format, va_list args)
{
    if (!err)
        return status;
    fail_v(err, status, format, args);
    if (!pos.source)
        return status;
    uint32_t line = 1, column = 1;
    struct str before = str_slice(pos.source->text, 0, pos.offset);
    for (size_t i = 0; i < before.len; i++) {
        bool continues = ((unsigned char)before.data[i] & 0xc0) == 0x80;
        line += before.data[i] == '\n';
        column = before.data[i] == '\n' ? 1 : column + !continues;
    }
    char message[sizeof err->message];
    memcpy(message, err->message, sizeof message);
    return fail(err, status, "%.*s:%u:%u: %s", STR_ARG(pos.source->path), line, column, message);
}

enum status wit_fail_at(struct error *err, struct wit_pos pos, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum status status = fail_at_v(err, ST_INVALID, pos, format, args);
    va_end(args);
    return status;
}

enum status wit_fail_at_status(struct error *err, enum status status, struct wit_pos pos, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail_at_v(err, status, pos, format, args);
    va_end(args);
    return status;
}

static const char *forbidden(uint32_t c)
{
    static const uint32_t discouraged[] = {0x149, 0x673, 0xf77, 0xf79, 0x17a3, 0x17a4, 0x17b4, 0x17b5};
    if ((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
        return "a bidirectional override";
    if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || (c >= 0x7f && c <= 0x9f))
        return "a control character";
    for (size_t i = 0; i < sizeof discouraged / sizeof *discouraged; i++)
        if (c == discouraged[i])
            return "a character that Unicode discourages";
    return NULL;
}

static enum status check_text(const struct wit_source *source, struct error *err)
{
    size_t len;
    for (size_t at = 0; at < source->text.len; at += len) {
        uint32_t c = code_point(source->text, at, &len);
        const char *what = forbidden(c);
        if (what)
            return wit_fail_at(err, (struct wit_pos){source, (uint32_t)at}, "U+%04X, %s, is not allowed in WIT", c, what);
    }
    return ST_OK;
}

enum status wit_source_new(struct arena *arena, struct str path, struct str text, const struct wit_source **ret_source,
                           struct error *err)
{
    if (text.len > WIT_MAX_FILE_BYTES)
        return fail(err, ST_LIMIT, "%.*s: the file is larger than %u bytes", STR_ARG(path), WIT_MAX_FILE_BYTES);
    if (!str_valid_utf8(text))
        return fail(err, ST_INVALID, "%.*s: the file is not UTF-8", STR_ARG(path));
    str_skip(&text, STR("\xef\xbb\xbf")); /* byte order mark */
    struct wit_source *source = ARENA_NEW(arena, struct wit_source);
    *source = (struct wit_source){arena_str(arena, path), arena_str(arena, text)};
    TRY(check_text(source, err));
    *ret_source = source;
    return ST_OK;
}

static char char_at(const struct wit_lexer *lexer, size_t at)
{
    return at < lexer->source->text.len ? lexer->source->text.data[at] : '\0';
}

static bool at_pair(const struct wit_lexer *lexer, char first, char second)
{
    return char_at(lexer, lexer->at) == first && char_at(lexer, lexer->at + 1) == second;
}

static enum status skip_block_comment(struct wit_lexer *lexer, struct error *err)
{
    struct wit_pos start = {lexer->source, lexer->at};
    for (size_t depth = 0; lexer->at < lexer->source->text.len;) {
        if (at_pair(lexer, '/', '*')) {
            depth++;
            lexer->at += 2;
        } else if (at_pair(lexer, '*', '/')) {
            lexer->at += 2;
            if (--depth == 0)
                return ST_OK;
        } else {
            lexer->at++;
        }
    }
    return wit_fail_at(err, start, "this block comment is not closed; expected `*/`");
}

static enum status skip_trivia(struct wit_lexer *lexer, struct error *err)
{
    for (;;) {
        if (at_pair(lexer, '/', '*')) {
            TRY(skip_block_comment(lexer, err));
        } else if (at_pair(lexer, '/', '/')) {
            while (lexer->at < lexer->source->text.len && char_at(lexer, lexer->at) != '\n')
                lexer->at++;
        } else if (char_is_space(char_at(lexer, lexer->at))) {
            lexer->at++;
        } else {
            return ST_OK;
        }
    }
}

static enum status lex_string(struct wit_lexer *lexer, struct wit_token *token, struct error *err)
{
    for (lexer->at++; char_at(lexer, lexer->at) != '"'; lexer->at++) {
        lexer->at += char_at(lexer, lexer->at) == '\\';
        if (lexer->at >= lexer->source->text.len || char_at(lexer, lexer->at) == '\n')
            return wit_fail_at(err, (struct wit_pos){lexer->source, token->start}, "this string is not closed; expected '\"'");
    }
    lexer->at++;
    token->kind = TOKEN_STRING;
    return ST_OK;
}

static bool is_keyword(struct str text)
{
    return wit_name_needs_escape(text) && !str_is(text, "float32") && !str_is(text, "float64");
}

static enum status lex_name(struct wit_lexer *lexer, struct wit_token *token, struct error *err)
{
    uint32_t start = lexer->at;
    while (is_name_char(char_at(lexer, lexer->at)))
        lexer->at++;
    token->text = str_slice(lexer->source->text, start, lexer->at);
    if (token->kind != TOKEN_EXPLICIT_ID && is_keyword(token->text)) {
        token->kind = TOKEN_KEYWORD;
        return ST_OK;
    }
    if (token->kind != TOKEN_EXPLICIT_ID)
        token->kind = TOKEN_ID;
    const char *fault = wit_label_fault(token->text);
    if (fault)
        return wit_fail_at(err, (struct wit_pos){lexer->source, token->start}, "`%.*s` is not a kebab-case name: %s",
                           STR_ARG(token->text), fault);
    return ST_OK;
}

static enum status lex_token(struct wit_lexer *lexer, struct wit_token *token, struct error *err)
{
    char c = char_at(lexer, lexer->at);
    if (c == '"')
        return lex_string(lexer, token, err);
    if (c == '%') {
        lexer->at++;
        token->kind = TOKEN_EXPLICIT_ID;
        return lex_name(lexer, token, err);
    }
    if (at_pair(lexer, '-', '>')) {
        lexer->at += 2;
        token->kind = TOKEN_ARROW;
    } else if (char_is_digit(c)) {
        while (char_is_digit(char_at(lexer, lexer->at)))
            lexer->at++;
        token->kind = TOKEN_INTEGER;
    } else if (c != '-' && is_name_char(c)) {
        return lex_name(lexer, token, err);
    } else if (c != '\0' && strchr("=,:;(){}<>*/.@+-", c)) {
        lexer->at++;
        token->kind = TOKEN_PUNCTUATION;
    } else {
        size_t len;
        return wit_fail_at(err, (struct wit_pos){lexer->source, lexer->at}, "unexpected character U+%04X",
                           code_point(lexer->source->text, lexer->at, &len));
    }
    return ST_OK;
}

enum status wit_lexer_next(struct wit_lexer *lexer, struct wit_token *ret_token, struct error *err)
{
    struct wit_token token = {.trivia = lexer->at};
    TRY(skip_trivia(lexer, err));
    token.start = lexer->at;
    if (lexer->at < lexer->source->text.len) {
        TRY(lex_token(lexer, &token, err));
        if (token.kind != TOKEN_ID && token.kind != TOKEN_EXPLICIT_ID && token.kind != TOKEN_KEYWORD)
            token.text = str_slice(lexer->source->text, token.start, lexer->at);
    }
    token.end = lexer->at;
    *ret_token = token;
    return ST_OK;
}

const char *wit_token_describe(const struct wit_token *token, char ret_text[WIT_TOKEN_TEXT_MAX])
{
    int shown = token->text.len > 40 ? 40 : (int)token->text.len;
    const char *data = token->text.data;
    switch (token->kind) {
    case TOKEN_EOF:
        return "end of file";
    case TOKEN_KEYWORD:
        snprintf(ret_text, WIT_TOKEN_TEXT_MAX, "keyword `%.*s`", shown, data);
        break;
    case TOKEN_STRING:
        return "a string";
    case TOKEN_INTEGER:
        snprintf(ret_text, WIT_TOKEN_TEXT_MAX, "number `%.*s`", shown, data);
        break;
    case TOKEN_ARROW:
    case TOKEN_PUNCTUATION:
        snprintf(ret_text, WIT_TOKEN_TEXT_MAX, "'%.*s'", shown, data);
        break;
    default:
        snprintf(ret_text, WIT_TOKEN_TEXT_MAX, "name `%.*s`", shown, data);
        break;
    }
    return ret_text;
}
