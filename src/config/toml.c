/* TOML 1.0 into a jansson tree; see read.h.
 *
 * Tables are objects, arrays of tables are arrays, dates and times stay text. TOML lets a table be defined once only but extended
 * in certain ways: what a tree cannot tell (how a table came to be) is kept as marks beside it. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "config/read.h"
#include <errno.h>
#include <math.h>

enum {
    MARK_HEADER = 1, /* a table that a [header] defined */
    MARK_DOTTED = 2, /* a table that a dotted key made */
    MARK_FROZEN = 4, /* an inline table or a written array: complete as it is */
    MARK_TABLES = 8, /* an array that [[headers]] fill */
};

struct mark {
    const json_t *node;
    unsigned marks;
};

struct toml {
    const char *origin;
    struct str text;
    size_t at;
    unsigned depth, nodes;
    json_t *root, *table; /* table: what the keys of this section go into */
    size_t table_depth;   /* below the root, arrays of tables counted */
    struct map marks;
    struct arena arena;
    struct error *err;
};

/* Parts of a dotted key. */
struct key {
    struct str parts[CONFIG_MAX_DEPTH];
    size_t count, at; /* at: where it begins in the text */
};

static enum status read_value(struct toml *toml, json_t **ret_value);

/* --- position and errors ------------------------------------------------------------------------------------------------------ */

static enum status fail_at(struct toml *toml, size_t at, const char *what)
{
    size_t line = 1, begin = 0;
    for (size_t i = 0; i < at; i++)
        if (toml->text.data[i] == '\n') {
            line++;
            begin = i + 1;
        }
    return fail(toml->err, ST_INVALID, "%s: line %zu, column %zu: %s", toml->origin, line, at - begin + 1, what);
}

static enum status fail_here(struct toml *toml, const char *what)
{
    return fail_at(toml, toml->at, what);
}

static int peek(const struct toml *toml)
{
    return toml->at < toml->text.len ? (unsigned char)toml->text.data[toml->at] : -1;
}

static bool next_is(const struct toml *toml, const char *what)
{
    return str_starts(str_from(toml->text, toml->at), str_of(what));
}

static bool accept(struct toml *toml, const char *what)
{
    bool found = next_is(toml, what);
    toml->at += found ? strlen(what) : 0;
    return found;
}

static bool is_control(int c)
{
    return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7f;
}

static void skip_blanks(struct toml *toml)
{
    while (peek(toml) == ' ' || peek(toml) == '\t')
        toml->at++;
}

static bool accept_newline(struct toml *toml)
{
    return accept(toml, "\n") || accept(toml, "\r\n");
}

static enum status skip_comment(struct toml *toml)
{
    if (peek(toml) != '#')
        return ST_OK;
    while (peek(toml) >= 0 && !next_is(toml, "\n") && !next_is(toml, "\r\n")) {
        if (is_control(peek(toml)))
            return fail_here(toml, "a control character in a comment");
        toml->at++;
    }
    return ST_OK;
}

/* Blanks, comments and line ends. */
static enum status skip_lines(struct toml *toml)
{
    do {
        skip_blanks(toml);
        TRY(skip_comment(toml));
    } while (accept_newline(toml));
    return ST_OK;
}

static enum status end_line(struct toml *toml)
{
    skip_blanks(toml);
    TRY(skip_comment(toml));
    if (peek(toml) >= 0 && !accept_newline(toml))
        return fail_here(toml, "expected the end of the line");
    return ST_OK;
}

static enum status enter(struct toml *toml)
{
    if (++toml->nodes > CONFIG_MAX_NODES || ++toml->depth > CONFIG_MAX_DEPTH)
        return fail_here(toml, "the file has too many or too deeply nested values");
    return ST_OK;
}

/* --- marks -------------------------------------------------------------------------------------------------------------------- */

static struct str mark_key(const struct mark *mark)
{
    return str_n((const char *)&mark->node, sizeof mark->node);
}

static unsigned marks_of(struct toml *toml, const json_t *node)
{
    struct mark wanted = {.node = node};
    const struct mark *found = map_get(&toml->marks, mark_key(&wanted));
    return found ? found->marks : 0;
}

static void add_mark(struct toml *toml, const json_t *node, unsigned marks)
{
    struct mark wanted = {.node = node}, *mark = map_get(&toml->marks, mark_key(&wanted));
    if (!mark) {
        mark = ARENA_NEW(&toml->arena, struct mark);
        mark->node = node;
        map_set(&toml->marks, mark_key(mark), mark);
    }
    mark->marks |= marks;
}

/* --- strings ------------------------------------------------------------------------------------------------------------------ */

static void add_utf8(struct buf *out, uint32_t c)
{
    if (c < 0x80)
        buf_addf(out, "%c", (int)c);
    else if (c < 0x800)
        buf_addf(out, "%c%c", (int)(0xc0 | c >> 6), (int)(0x80 | (c & 0x3f)));
    else if (c < 0x10000)
        buf_addf(out, "%c%c%c", (int)(0xe0 | c >> 12), (int)(0x80 | (c >> 6 & 0x3f)), (int)(0x80 | (c & 0x3f)));
    else
        buf_addf(out, "%c%c%c%c", (int)(0xf0 | c >> 18), (int)(0x80 | (c >> 12 & 0x3f)), (int)(0x80 | (c >> 6 & 0x3f)),
                 (int)(0x80 | (c & 0x3f)));
}

static int hex_digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum status read_code_point(struct toml *toml, int digits, struct buf *out)
{
    uint32_t c = 0;
    for (int i = 0; i < digits; i++, toml->at++) {
        int digit = hex_digit(peek(toml));
        if (digit < 0)
            return fail_here(toml, "expected a hexadecimal digit");
        c = c << 4 | (uint32_t)digit;
    }
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return fail_here(toml, "this escape is not a Unicode scalar value");
    add_utf8(out, c);
    return ST_OK;
}

/* A backslash at the end of a line of multi-line text takes the line's end and all white space that follows. */
static bool skip_line_ending_backslash(struct toml *toml)
{
    size_t start = toml->at;
    skip_blanks(toml);
    if (!accept_newline(toml)) {
        toml->at = start;
        return false;
    }
    do
        skip_blanks(toml);
    while (accept_newline(toml));
    return true;
}

static enum status read_escape(struct toml *toml, bool multi_line, struct buf *out)
{
    static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
    if (multi_line && skip_line_ending_backslash(toml))
        return ST_OK;
    int c = peek(toml);
    const char *known = c > 0 ? strchr(from, c) : NULL;
    if (known) {
        toml->at++;
        buf_add(out, str_n(&to[known - from], 1));
        return ST_OK;
    }
    if (c != 'u' && c != 'U')
        return fail_here(toml, "unknown escape; a backslash is written as two");
    toml->at++;
    return read_code_point(toml, c == 'u' ? 4 : 8, out);
}

/* The end of multi-line text: three quotes; up to two more before them belong to the text. */
static bool accept_multi_line_end(struct toml *toml, char quote, struct buf *out)
{
    size_t quotes = 0;
    while (toml->at + quotes < toml->text.len && toml->text.data[toml->at + quotes] == quote && quotes < 5)
        quotes++;
    if (quotes < 3)
        return false;
    buf_add(out, str_slice(toml->text, toml->at, toml->at + quotes - 3));
    toml->at += quotes;
    return true;
}

static enum status read_multi_line(struct toml *toml, char quote, struct buf *out)
{
    size_t start = toml->at;
    toml->at += 3;
    accept_newline(toml);
    for (;;) {
        int c = peek(toml);
        if (c < 0)
            return fail_at(toml, start, "this text has no end");
        if (c == quote && accept_multi_line_end(toml, quote, out))
            return ST_OK;
        if (accept_newline(toml)) {
            buf_add(out, STR("\n"));
            continue;
        }
        if (is_control(c))
            return fail_here(toml, "a control character in text; write it as an escape");
        toml->at++;
        if (c == '\\' && quote == '"')
            TRY(read_escape(toml, true, out));
        else
            buf_add(out, str_slice(toml->text, toml->at - 1, toml->at));
    }
}

static enum status read_one_line(struct toml *toml, char quote, struct buf *out)
{
    size_t start = toml->at++;
    for (;;) {
        int c = peek(toml);
        if (c < 0 || c == '\n' || next_is(toml, "\r\n"))
            return fail_at(toml, start, "this text has no end");
        if (is_control(c))
            return fail_here(toml, "a control character in text; write it as an escape");
        toml->at++;
        if (c == quote)
            return ST_OK;
        if (c == '\\' && quote == '"')
            TRY(read_escape(toml, false, out));
        else
            buf_add(out, str_slice(toml->text, toml->at - 1, toml->at));
    }
}

static enum status read_text(struct toml *toml, json_t **ret_value)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED); /* no longer than the file */
    char quote = (char)peek(toml);
    if (next_is(toml, quote == '"' ? "\"\"\"" : "'''"))
        TRY(read_multi_line(toml, quote, &text));
    else
        TRY(read_one_line(toml, quote, &text));
    *ret_value = json_stringn(buf_str(&text).data, text.len);
    return *ret_value ? ST_OK : fail_here(toml, "this text is not valid UTF-8");
}

/* --- numbers, booleans, dates ------------------------------------------------------------------------------------------------- */

static bool is_digits(struct str text, size_t from, size_t count)
{
    for (size_t i = from; i < from + count; i++)
        if (i >= text.len || text.data[i] < '0' || text.data[i] > '9')
            return false;
    return true;
}

static unsigned two_digits(struct str text, size_t at)
{
    return (unsigned)(text.data[at] - '0') * 10 + (unsigned)(text.data[at + 1] - '0');
}

static bool is_date(struct str text)
{
    if (text.len < 10 || !is_digits(text, 0, 4) || text.data[4] != '-' || !is_digits(text, 5, 2) || text.data[7] != '-' ||
        !is_digits(text, 8, 2))
        return false;
    static const unsigned char days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned month = two_digits(text, 5), day = two_digits(text, 8), year = two_digits(text, 0) * 100 + two_digits(text, 2);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] && (month != 2 || day < 29 || leap);
}

/* hh:mm:ss and a fraction; drops them from the front. */
static bool skip_time(struct str *text)
{
    if (!is_digits(*text, 0, 2) || text->len < 8 || text->data[2] != ':' || !is_digits(*text, 3, 2) || text->data[5] != ':' ||
        !is_digits(*text, 6, 2) || two_digits(*text, 0) > 23 || two_digits(*text, 3) > 59 || two_digits(*text, 6) > 60)
        return false;
    *text = str_from(*text, 8);
    if (!str_skip(text, STR(".")))
        return true;
    size_t digits = 0;
    while (is_digits(*text, digits, 1))
        digits++;
    *text = str_from(*text, digits);
    return digits > 0;
}

static bool is_offset(struct str text)
{
    if (text.len == 0 || str_is(text, "Z") || str_is(text, "z"))
        return true;
    return text.len == 6 && (text.data[0] == '+' || text.data[0] == '-') && is_digits(text, 1, 2) && text.data[3] == ':' &&
           is_digits(text, 4, 2) && two_digits(text, 1) < 24 && two_digits(text, 4) < 60;
}

static bool is_date_or_time(struct str text)
{
    if (!is_date(text))
        return skip_time(&text) && text.len == 0;
    text = str_from(text, 10);
    if (text.len == 0)
        return true;
    bool separated = text.data[0] == 'T' || text.data[0] == 't' || text.data[0] == ' ';
    text = str_from(text, 1);
    return separated && skip_time(&text) && is_offset(text);
}

/* Copies digits of `base`, without the underscores, each of which must stand between two digits. */
static bool plain_digits(struct str text, int base, struct buf *out)
{
    bool digit_before = false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = hex_digit(text.data[i]);
        bool digit_after = i + 1 < text.len && hex_digit(text.data[i + 1]) >= 0;
        if (text.data[i] == '_' && digit_before && digit_after)
            continue;
        if (digit < 0 || digit >= base)
            return false;
        digit_before = true;
        buf_add(out, str_slice(text, i, i + 1));
    }
    return digit_before;
}

static json_t *integer_of(struct str text)
{
    static const struct {
        const char *prefix;
        int base;
    } bases[] = {{"0x", 16}, {"0o", 8}, {"0b", 2}, {"", 10}};
    bool negative = str_starts(text, STR("-")), sign = negative || str_starts(text, STR("+"));
    struct str digits = str_from(text, sign);
    size_t i = 0;
    while (!str_skip(&digits, str_of(bases[i].prefix)))
        i++;
    if ((sign && bases[i].base != 10) || (bases[i].base == 10 && digits.len > 1 && digits.data[0] == '0'))
        return NULL;
    autobuf struct buf plain = BUF_INIT(BUF_UNLIMITED);
    if (sign)
        buf_add(&plain, str_slice(text, 0, 1));
    if (!plain_digits(digits, bases[i].base, &plain))
        return NULL;
    errno = 0;
    long long value = strtoll(plain.data, NULL, bases[i].base);
    return errno ? NULL : json_integer(value);
}

/* A float has a fraction or an exponent, and digits on both sides of each. */
static json_t *float_of(struct str text)
{
    autobuf struct buf plain = BUF_INIT(BUF_UNLIMITED);
    struct str rest = text;
    if (str_starts(rest, STR("-")) || str_starts(rest, STR("+"))) {
        buf_add(&plain, str_slice(rest, 0, 1));
        rest = str_from(rest, 1);
    }
    size_t mantissa = 0;
    while (mantissa < rest.len && rest.data[mantissa] != 'e' && rest.data[mantissa] != 'E')
        mantissa++;
    struct str exponent = str_from(rest, mantissa), whole = str_slice(rest, 0, mantissa), fraction = STR_NULL;
    size_t point = str_find_char(whole, '.');
    if (point != STR_NONE) {
        fraction = str_from(whole, point + 1);
        whole = str_slice(whole, 0, point);
    }
    if ((whole.len > 1 && whole.data[0] == '0') || !plain_digits(whole, 10, &plain) || (!fraction.data && exponent.len == 0))
        return NULL;
    buf_add(&plain, STR("."));
    if (fraction.data && !plain_digits(fraction, 10, &plain))
        return NULL;
    if (exponent.len > 0) {
        exponent = str_from(exponent, 1);
        buf_add(&plain, STR("e"));
        if (str_starts(exponent, STR("-")) || str_starts(exponent, STR("+"))) {
            buf_add(&plain, str_slice(exponent, 0, 1));
            exponent = str_from(exponent, 1);
        }
        if (!plain_digits(exponent, 10, &plain))
            return NULL;
    }
    double value = strtod(plain.data, NULL);
    return isfinite(value) ? json_real(value) : NULL;
}

static bool is_bare(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static enum status read_bare(struct toml *toml, json_t **ret_value)
{
    size_t start = toml->at;
    while (is_bare(peek(toml)) || peek(toml) == '+' || peek(toml) == '.' || peek(toml) == ':')
        toml->at++;
    struct str text = str_slice(toml->text, start, toml->at);
    if (is_date(text) && text.len == 10 && peek(toml) == ' ' && is_digits(toml->text, toml->at + 1, 2)) {
        toml->at++;
        while (is_bare(peek(toml)) || peek(toml) == '+' || peek(toml) == '.' || peek(toml) == ':')
            toml->at++;
        text = str_slice(toml->text, start, toml->at);
    }
    json_t *value = NULL;
    if (str_is(text, "true") || str_is(text, "false"))
        value = json_boolean(str_is(text, "true"));
    else if (is_date_or_time(text))
        value = json_stringn(text.data, text.len);
    else if (!(value = integer_of(text)))
        value = float_of(text);
    if (!value)
        return fail_at(toml, start, text.len ? "this is not a value; text needs quotes" : "expected a value");
    *ret_value = value;
    return ST_OK;
}

/* --- keys and tables ---------------------------------------------------------------------------------------------------------- */

static enum status read_key_part(struct toml *toml, struct str *ret_part)
{
    size_t start = toml->at;
    if (peek(toml) == '"' || peek(toml) == '\'') {
        if (next_is(toml, "\"\"\"") || next_is(toml, "'''"))
            return fail_here(toml, "a key is written on one line");
        autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
        TRY(read_one_line(toml, (char)peek(toml), &text));
        if (memchr(buf_str(&text).data, 0, text.len))
            return fail_at(toml, start, "a key contains a NUL character");
        *ret_part = arena_str(&toml->arena, buf_str(&text));
        return ST_OK;
    }
    while (is_bare(peek(toml)))
        toml->at++;
    if (toml->at == start)
        return fail_here(toml, "expected a key");
    *ret_part = arena_str(&toml->arena, str_slice(toml->text, start, toml->at));
    return ST_OK;
}

static enum status read_key(struct toml *toml, struct key *ret_key)
{
    ret_key->count = 0;
    ret_key->at = toml->at;
    for (;;) {
        if (ret_key->count == CONFIG_MAX_DEPTH)
            return fail_here(toml, "this key has too many parts");
        TRY(read_key_part(toml, &ret_key->parts[ret_key->count++]));
        skip_blanks(toml);
        if (!accept(toml, "."))
            return ST_OK;
        skip_blanks(toml);
    }
}

static enum status put(struct toml *toml, json_t *table, const struct key *key, size_t part, json_t *value)
{
    if (json_object_set_new(table, key->parts[part].data, value) != 0)
        return fail_at(toml, key->at, "this key is not valid UTF-8");
    return ST_OK;
}

static enum status new_table(struct toml *toml, json_t *parent, const struct key *key, size_t part, unsigned marks,
                             json_t **ret_table)
{
    if (++toml->nodes > CONFIG_MAX_NODES)
        return fail_at(toml, key->at, "the file has too many values");
    json_t *table = json_object();
    TRY(put(toml, parent, key, part, table));
    add_mark(toml, table, marks);
    *ret_table = table;
    return ST_OK;
}

/* Goes down the parts of a header but the last, making tables where there are none. */
static enum status walk_header(struct toml *toml, const struct key *key, json_t **ret_table)
{
    json_t *table = toml->root;
    toml->table_depth = key->count;
    for (size_t i = 0; i + 1 < key->count; i++) {
        json_t *next = json_object_get(table, key->parts[i].data);
        if (next && json_is_array(next) && (marks_of(toml, next) & MARK_TABLES)) {
            next = json_array_get(next, json_array_size(next) - 1);
            toml->table_depth++;
        }
        if (!next)
            TRY(new_table(toml, table, key, i, 0, &next));
        if (!json_is_object(next) || (marks_of(toml, next) & MARK_FROZEN))
            return fail_at(toml, key->at, "this header goes into what is not a table, or a complete one");
        table = next;
    }
    *ret_table = table;
    return ST_OK;
}

static enum status open_table(struct toml *toml, const struct key *key)
{
    json_t *parent, *table;
    TRY(walk_header(toml, key, &parent));
    table = json_object_get(parent, key->parts[key->count - 1].data);
    if (!table)
        TRY(new_table(toml, parent, key, key->count - 1, MARK_HEADER, &table));
    else if (!json_is_object(table) || (marks_of(toml, table) & (MARK_HEADER | MARK_DOTTED | MARK_FROZEN)))
        return fail_at(toml, key->at, "this table appears twice");
    add_mark(toml, table, MARK_HEADER);
    toml->table = table;
    return ST_OK;
}

static enum status open_array_item(struct toml *toml, const struct key *key)
{
    json_t *parent;
    TRY(walk_header(toml, key, &parent));
    json_t *array = json_object_get(parent, key->parts[key->count - 1].data);
    if (!array) {
        array = json_array();
        TRY(put(toml, parent, key, key->count - 1, array));
        add_mark(toml, array, MARK_TABLES);
    } else if (!json_is_array(array) || !(marks_of(toml, array) & MARK_TABLES)) {
        return fail_at(toml, key->at, "this key appears twice, once as an array of tables");
    }
    if (++toml->nodes > CONFIG_MAX_NODES)
        return fail_at(toml, key->at, "the file has too many values");
    toml->table = json_object();
    add_mark(toml, toml->table, MARK_HEADER);
    json_array_append_new(array, toml->table);
    return ST_OK;
}

static enum status read_header(struct toml *toml)
{
    struct key key;
    bool array = accept(toml, "[[");
    toml->at += array ? 0 : 1;
    skip_blanks(toml);
    TRY(read_key(toml, &key));
    if (!accept(toml, array ? "]]" : "]"))
        return fail_here(toml, array ? "expected `]]`" : "expected `]`");
    TRY(array ? open_array_item(toml, &key) : open_table(toml, &key));
    toml->table_depth += array;
    if (toml->table_depth > CONFIG_MAX_DEPTH)
        return fail_at(toml, key.at, "the file has too many or too deeply nested values");
    return end_line(toml);
}

/* Goes down the parts of a dotted key but the last. Only tables that dotted keys made may be extended so. */
static enum status walk_dotted(struct toml *toml, json_t *table, const struct key *key, json_t **ret_table)
{
    for (size_t i = 0; i + 1 < key->count; i++) {
        json_t *next = json_object_get(table, key->parts[i].data);
        if (!next)
            TRY(new_table(toml, table, key, i, MARK_DOTTED, &next));
        else if (!json_is_object(next) || marks_of(toml, next) != MARK_DOTTED)
            return fail_at(toml, key->at, "this key extends what is not a table, or one that is defined elsewhere");
        table = next;
    }
    *ret_table = table;
    return ST_OK;
}

static enum status read_pair(struct toml *toml, json_t *table)
{
    struct key key;
    TRY(read_key(toml, &key));
    if (!accept(toml, "="))
        return fail_here(toml, "expected `=`");
    skip_blanks(toml);
    json_t *target, *value;
    TRY(walk_dotted(toml, table, &key, &target));
    if (json_object_get(target, key.parts[key.count - 1].data))
        return fail_at(toml, key.at, "this key appears twice");
    toml->depth += (unsigned)key.count - 1;
    TRY(read_value(toml, &value));
    toml->depth -= (unsigned)key.count - 1;
    return put(toml, target, &key, key.count - 1, value);
}

/* --- values that nest --------------------------------------------------------------------------------------------------------- */

static enum status read_array(struct toml *toml, json_t *array)
{
    toml->at++;
    for (;;) {
        TRY(skip_lines(toml));
        if (accept(toml, "]"))
            return ST_OK;
        json_t *item;
        TRY(read_value(toml, &item));
        json_array_append_new(array, item);
        TRY(skip_lines(toml));
        if (!accept(toml, ",") && peek(toml) != ']')
            return fail_here(toml, "expected `,` or `]`");
    }
}

static enum status read_inline_table(struct toml *toml, json_t *table)
{
    toml->at++;
    skip_blanks(toml);
    if (accept(toml, "}"))
        return ST_OK;
    for (;;) {
        skip_blanks(toml);
        TRY(read_pair(toml, table));
        skip_blanks(toml);
        if (accept(toml, "}"))
            return ST_OK;
        if (!accept(toml, ","))
            return fail_here(toml, "expected `,` or `}`");
    }
}

/* What an inline table has made is complete with it. */
static void freeze(struct toml *toml, json_t *node)
{
    const char *name;
    json_t *item;
    add_mark(toml, node, MARK_FROZEN);
    json_object_foreach(node, name, item) if (json_is_object(item) && !(marks_of(toml, item) & MARK_FROZEN)) freeze(toml, item);
}

static enum status read_value(struct toml *toml, json_t **ret_value)
{
    TRY(enter(toml));
    int c = peek(toml);
    json_t *value = NULL;
    enum status status;
    if (c == '"' || c == '\'') {
        status = read_text(toml, &value);
    } else if (c == '[') {
        value = json_array();
        status = read_array(toml, value);
    } else if (c == '{') {
        value = json_object();
        status = read_inline_table(toml, value);
    } else {
        status = read_bare(toml, &value);
    }
    toml->depth--;
    if (status != ST_OK) {
        json_decref(value);
        return status;
    }
    if (c == '[' || c == '{')
        freeze(toml, value);
    *ret_value = value;
    return ST_OK;
}

static enum status read_document(struct toml *toml)
{
    for (;;) {
        TRY(skip_lines(toml));
        if (peek(toml) < 0)
            return ST_OK;
        if (peek(toml) == '[') {
            TRY(read_header(toml));
            continue;
        }
        toml->depth = (unsigned)toml->table_depth;
        TRY(read_pair(toml, toml->table));
        TRY(end_line(toml));
    }
}

enum status config_parse_toml(const char *origin, struct str text, json_t **ret_tree, struct error *err)
{
    struct toml toml = {.origin = origin, .text = text, .err = err};
    if (!str_valid_utf8(text))
        return fail(err, ST_INVALID, "%s: the file is not valid UTF-8", origin);
    arena_init(&toml.arena, SIZE_MAX);
    toml.root = toml.table = json_object();
    enum status status = read_document(&toml);
    map_release(&toml.marks);
    arena_release(&toml.arena);
    if (status == ST_OK)
        *ret_tree = toml.root;
    else
        json_decref(toml.root);
    return status;
}
