#include "wit/name.h"

#include "base/mem.h"

static bool is_semver_char(char c)
{
    return char_is_lower(c) || char_is_upper(c) || char_is_digit(c) || c == '-';
}

static const char *word_fault(struct str word, bool first)
{
    if (word.len == 0)
        return "a word between '-' is empty";
    if (first && char_is_digit(word.data[0]))
        return "the first word starts with a digit";
    bool lower = false, upper = false;
    for (size_t i = 0; i < word.len; i++) {
        char c = word.data[i];
        lower |= char_is_lower(c);
        upper |= char_is_upper(c);
        if (!char_is_lower(c) && !char_is_upper(c) && !char_is_digit(c))
            return "only ASCII letters, digits and '-' are allowed";
    }
    return lower && upper ? "a word mixes upper and lower case" : NULL;
}

const char *wit_label_fault(struct str name)
{
    if (name.len == 0)
        return "the name is empty";
    struct str rest = name, word;
    for (bool first = true; str_next_part(&rest, '-', &word); first = false) {
        const char *fault = word_fault(word, first);
        if (fault)
            return fault;
    }
    return NULL;
}

bool wit_label_valid(struct str name)
{
    return wit_label_fault(name) == NULL;
}

bool wit_name_needs_escape(struct str name)
{
    static const char *const words[] = {
        "as",      "async",     "bool",  "borrow",  "char",    "constructor", "enum",    "error-context", "export",
        "f32",     "f64",       "flags", "float32", "float64", "from",        "func",    "future",        "import",
        "include", "interface", "list",  "map",     "option",  "own",         "package", "record",        "resource",
        "result",  "s16",       "s32",   "s64",     "s8",      "static",      "stream",  "string",        "tuple",
        "type",    "u16",       "u32",   "u64",     "u8",      "use",         "variant", "with",          "world",
        "_"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_is(name, words[i]))
            return true;
    return false;
}

struct str wit_name_unique_key(struct arena *arena, struct str name)
{
    bool member = str_skip(&name, STR("[method]")) || str_skip(&name, STR("[static]"));
    size_t dot = member ? str_find_char(name, '.') : STR_NONE;
    if (dot != STR_NONE && str_eq_nocase(str_slice(name, 0, dot), str_from(name, dot + 1)))
        name = str_slice(name, 0, dot);
    char *key = arena_copy(arena, name.data, name.len);
    for (size_t i = 0; i < name.len; i++)
        if (char_is_upper(key[i]))
            key[i] = (char)(key[i] - 'A' + 'a');
    return str_n(key, name.len);
}

static size_t span_digits(struct str text, size_t at)
{
    while (at < text.len && char_is_digit(text.data[at]))
        at++;
    return at;
}

/* Dot-separated identifiers; a dot belongs to them only if an identifier follows. */
static size_t span_identifiers(struct str text, size_t at)
{
    for (;;) {
        size_t start = at;
        while (at < text.len && is_semver_char(text.data[at]))
            at++;
        if (at == start || at + 1 >= text.len || text.data[at] != '.' || !is_semver_char(text.data[at + 1]))
            return at;
        at++;
    }
}

size_t wit_version_span(struct str text)
{
    size_t at = 0;
    for (int part = 0; part < 3; part++) {
        if (part > 0) {
            if (at >= text.len || text.data[at] != '.')
                return at;
            at++;
        }
        size_t end = span_digits(text, at);
        if (end == at)
            return part == 0 ? 0 : at - 1;
        at = end;
    }
    if (at < text.len && text.data[at] == '-')
        at = span_identifiers(text, at + 1);
    if (at < text.len && text.data[at] == '+')
        at = span_identifiers(text, at + 1);
    return at;
}

static enum status parse_number(struct str *rest, struct str whole, char after, uint64_t *ret_value, struct error *err)
{
    size_t end = span_digits(*rest, 0);
    struct str digits = str_slice(*rest, 0, end);
    if (end == 0 || (after && (end >= rest->len || rest->data[end] != after)))
        return fail(err, ST_INVALID, "version `%.*s` is not MAJOR.MINOR.PATCH", STR_ARG(whole));
    if (digits.len > 1 && digits.data[0] == '0')
        return fail(err, ST_INVALID, "version `%.*s`: the number `%.*s` has a leading zero", STR_ARG(whole), STR_ARG(digits));
    if (!str_parse_u64(digits, UINT64_MAX, ret_value))
        return fail(err, ST_INVALID, "version `%.*s`: the number `%.*s` is too big", STR_ARG(whole), STR_ARG(digits));
    *rest = str_from(*rest, end + (after ? 1 : 0));
    return ST_OK;
}

static enum status check_identifiers(struct str list, struct str whole, bool numbers, struct error *err)
{
    struct str rest = list, part;
    while (str_next_part(&rest, '.', &part)) {
        if (part.len == 0)
            return fail(err, ST_INVALID, "version `%.*s` has an empty identifier", STR_ARG(whole));
        for (size_t i = 0; i < part.len; i++)
            if (!is_semver_char(part.data[i]))
                return fail(err, ST_INVALID, "version `%.*s` has a character that versions do not allow", STR_ARG(whole));
        if (numbers && part.len > 1 && part.data[0] == '0' && span_digits(part, 0) == part.len)
            return fail(err, ST_INVALID, "version `%.*s`: the number `%.*s` has a leading zero", STR_ARG(whole), STR_ARG(part));
    }
    return ST_OK;
}

enum status wit_version_parse(struct str text, struct wit_version *ret_version, struct error *err)
{
    struct wit_version version = {.text = text};
    struct str rest = text;
    TRY(parse_number(&rest, text, '.', &version.major, err));
    TRY(parse_number(&rest, text, '.', &version.minor, err));
    TRY(parse_number(&rest, text, 0, &version.patch, err));
    size_t plus = str_find_char(rest, '+');
    if (plus != STR_NONE) {
        version.build = str_from(rest, plus + 1);
        TRY(check_identifiers(version.build, text, false, err));
        rest = str_slice(rest, 0, plus);
    }
    if (rest.len > 0 && rest.data[0] == '-') {
        version.pre = str_from(rest, 1);
        TRY(check_identifiers(version.pre, text, true, err));
    } else if (rest.len > 0) {
        return fail(err, ST_INVALID, "version `%.*s` is not MAJOR.MINOR.PATCH", STR_ARG(text));
    }
    *ret_version = version;
    return ST_OK;
}

static int compare_u64(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_identifier(struct str a, struct str b)
{
    bool a_number = span_digits(a, 0) == a.len, b_number = span_digits(b, 0) == b.len;
    if (a_number != b_number)
        return a_number ? -1 : 1;
    if (a_number && a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return str_compare(a, b);
}

static int compare_identifiers(struct str a, struct str b)
{
    struct str part_a, part_b;
    for (;;) {
        bool more_a = str_next_part(&a, '.', &part_a), more_b = str_next_part(&b, '.', &part_b);
        if (!more_a || !more_b)
            return (int)more_a - (int)more_b;
        int order = compare_identifier(part_a, part_b);
        if (order != 0)
            return order;
    }
}

int wit_version_compare(const struct wit_version *a, const struct wit_version *b)
{
    if (!wit_version_is_set(a) || !wit_version_is_set(b))
        return (int)wit_version_is_set(a) - (int)wit_version_is_set(b);
    int order = compare_u64(a->major, b->major);
    if (order == 0)
        order = compare_u64(a->minor, b->minor);
    if (order == 0)
        order = compare_u64(a->patch, b->patch);
    if (order == 0 && (a->pre.len == 0) != (b->pre.len == 0))
        return a->pre.len == 0 ? 1 : -1; /* a pre-release comes before its release */
    if (order == 0 && a->pre.len != 0)
        order = compare_identifiers(a->pre, b->pre);
    if (order == 0 && (a->build.len == 0) != (b->build.len == 0))
        return a->build.len == 0 ? -1 : 1;
    return order == 0 && a->build.len != 0 ? compare_identifiers(a->build, b->build) : order;
}
