/* The parts of tokens that need reading of their own: doc comments and string literals. */
#include "wit/source.h"

#include "base/buf.h"
#include "base/vec.h"

/* Doc comments. The text of each comment, end trimmed; then the white space that all of them start with is taken off. */
typedef VEC(struct str) comment_list;

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct str trim_end(struct str text)
{
    while (text.len && is_blank(text.data[text.len - 1]))
        text.len--;
    return text;
}

static size_t block_end(struct str trivia, size_t at)
{
    size_t depth = 0;
    for (; at + 1 < trivia.len; at++) {
        bool opens = trivia.data[at] == '/' && trivia.data[at + 1] == '*';
        bool closes = trivia.data[at] == '*' && trivia.data[at + 1] == '/';
        depth = depth + opens - closes;
        at += opens || closes;
        if (closes && depth == 0)
            return at + 1;
    }
    return trivia.len;
}

static void add_line_comment(comment_list *comments, struct str comment)
{
    if (!str_starts(comment, STR("///")))
        return;
    while (str_skip(&comment, STR("/")))
        ;
    vec_push(comments, trim_end(comment));
}

static void add_block_comment(comment_list *comments, struct str comment)
{
    if (comment.len > 4 && str_starts(comment, STR("/**")))
        vec_push(comments, trim_end(str_slice(comment, 3, comment.len - 2)));
}

static void collect_comments(struct str trivia, comment_list *comments)
{
    for (size_t at = 0; at + 1 < trivia.len;) {
        size_t end = at + 1;
        struct str rest = str_from(trivia, at);
        if (str_starts(rest, STR("//"))) {
            size_t newline = str_find_char(rest, '\n');
            end = newline == STR_NONE ? trivia.len : at + newline + 1;
            add_line_comment(comments, str_slice(trivia, at, end));
        } else if (str_starts(rest, STR("/*"))) {
            end = block_end(trivia, at);
            add_block_comment(comments, str_slice(trivia, at, end));
        }
        at = end;
    }
}

static size_t indentation(struct str comment)
{
    size_t count = 0;
    while (count < comment.len && comment.data[count] == ' ')
        count++;
    return count;
}

static void add_lines(struct buf *buf, struct str comment)
{
    struct str line;
    while (str_next_part(&comment, '\n', &line)) {
        if (line.len && line.data[line.len - 1] == '\r')
            line.len--;
        buf_add(buf, line);
        buf_add(buf, STR("\n"));
    }
}

struct str wit_token_docs(const struct wit_source *source, const struct wit_token *token, struct arena *arena)
{
    comment_list comments = {0};
    collect_comments(str_slice(source->text, token->trivia, token->start), &comments);
    size_t common = SIZE_MAX;
    vec_each (comment, &comments)
        if (comment->len)
            common = MIN(common, indentation(*comment));
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    vec_each (comment, &comments)
        add_lines(&text, str_from(*comment, MIN(common, comment->len)));
    vec_release(&comments);
    struct str docs = buf_str(&text);
    while (docs.len && docs.data[docs.len - 1] == '\n')
        docs.len--;
    return docs.len ? arena_str(arena, docs) : STR("");
}

/* String literals, as the name literals of the core text format. */
struct literal {
    const struct wit_source *source;
    struct str text; /* the whole source */
    size_t at, end;
    struct buf *out;
    struct error *err;
};

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum status literal_fault(const struct literal *literal, const char *what)
{
    return wit_fail_at(literal->err, (struct wit_pos){literal->source, (uint32_t)literal->at}, "%s", what);
}

static void add_code_point(struct buf *out, uint32_t c)
{
    char bytes[4];
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len; i-- > 1; c >>= 6)
        bytes[i] = (char)(0x80 | (c & 0x3f));
    bytes[0] = (char)(len == 1 ? c : (0xf00u >> len & 0xff) | c);
    buf_add(out, str_n(bytes, len));
}

/* \u{1f_600}: `at` is behind the 'u'. */
static enum status unicode_escape(struct literal *literal)
{
    uint32_t value = 0;
    bool digit_before = false;
    if (literal->text.data[literal->at] != '{')
        return literal_fault(literal, "expected '{' after `\\u`");
    for (literal->at++; literal->at < literal->end && literal->text.data[literal->at] != '}'; literal->at++) {
        char c = literal->text.data[literal->at];
        int digit = hex_digit(c);
        if (digit < 0 && !(c == '_' && digit_before))
            return literal_fault(literal, "expected a hexadecimal digit or '}' in `\\u{...}`");
        if (digit >= 0)
            value = value << 4 | (uint32_t)digit;
        if (value > 0x10ffff)
            return literal_fault(literal, "this code point is past U+10FFFF");
        digit_before = digit >= 0;
    }
    if (!digit_before || (value >= 0xd800 && value <= 0xdfff))
        return literal_fault(literal, "`\\u{...}` needs the hexadecimal number of a Unicode scalar value");
    literal->at++;
    add_code_point(literal->out, value);
    return ST_OK;
}

static enum status escape(struct literal *literal)
{
    static const char plain[] = "\"'tnr\\", meaning[] = "\"'\t\n\r\\";
    char c = literal->text.data[literal->at];
    const char *found = strchr(plain, c);
    if (c == 'u') {
        literal->at++;
        return unicode_escape(literal);
    }
    if (found && c) {
        buf_add(literal->out, str_n(&meaning[found - plain], 1));
        literal->at++;
        return ST_OK;
    }
    int high = hex_digit(c), low = literal->at + 1 < literal->end ? hex_digit(literal->text.data[literal->at + 1]) : -1;
    if (high < 0 || low < 0)
        return literal_fault(literal,
                             "unknown escape; expected one of \\\" \\' \\t \\n \\r \\\\ \\u{...} or two hexadecimal digits");
    char byte = (char)(high << 4 | low);
    buf_add(literal->out, str_n(&byte, 1));
    literal->at += 2;
    return ST_OK;
}

enum status wit_token_string(const struct wit_source *source, const struct wit_token *token, struct arena *arena,
                             struct str *ret_text, struct error *err)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    struct literal literal = {source, source->text, token->start + 1, token->end - 1, &out, err};
    while (literal.at < literal.end) {
        char c = source->text.data[literal.at];
        if (c == '\t' || c == '\r')
            return literal_fault(&literal, "a tab or carriage return in a string must be written \\t or \\r");
        literal.at++;
        if (c == '\\')
            TRY(escape(&literal));
        else
            buf_add(&out, str_n(&c, 1));
    }
    if (!str_valid_utf8(buf_str(&out)))
        return wit_fail_at(err, (struct wit_pos){source, token->start}, "this string is not UTF-8 once its escapes are resolved");
    *ret_text = arena_str(arena, buf_str(&out));
    return ST_OK;
}
