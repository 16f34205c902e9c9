#include "wkg/requirement.h"
#include "base/buf.h"
#include "base/mem.h"

static const char *const operators[] = {
    [WKG_EXACT] = "=",       [WKG_GREATER] = ">", [WKG_GREATER_EQUAL] = ">=", [WKG_LESS] = "<",
    [WKG_LESS_EQUAL] = "<=", [WKG_TILDE] = "~",   [WKG_CARET] = "^",          [WKG_WILDCARD] = "",
};

/* --- parsing ------------------------------------------------------------------------------------------------------------------ */

static bool take_operator(struct str *text, enum wkg_operator *ret_op)
{
    static const enum wkg_operator longest_first[] = {WKG_GREATER_EQUAL, WKG_LESS_EQUAL, WKG_EXACT, WKG_GREATER,
                                                      WKG_LESS,          WKG_TILDE,      WKG_CARET};
    for (size_t i = 0; i < ARRAY_LEN(longest_first); i++)
        if (str_skip(text, str_of(operators[longest_first[i]]))) {
            *ret_op = longest_first[i];
            return true;
        }
    return false;
}

static bool is_wildcard(struct str text)
{
    return str_is(text, "*") || str_is(text, "x") || str_is(text, "X");
}

static bool parse_number(struct str text, uint64_t *ret_number)
{
    return !(text.len > 1 && text.data[0] == '0') && str_parse_u64(text, UINT64_MAX, ret_number);
}

/* "1.2.3-a.b+c": what follows the three numbers. The whole is checked as a version, for its rules are the same. */
static bool parse_pre(struct str text, struct wkg_comparator *ret)
{
    struct wit_version version;
    if (wit_version_parse(text, &version, NULL) != ST_OK)
        return false;
    ret->pre = version.pre;
    return true;
}

static bool parse_numbers(struct str text, bool has_operator, struct wkg_comparator *ret)
{
    struct str part, rest = str_slice(text, 0, MIN(MIN(str_find_char(text, '-'), str_find_char(text, '+')), text.len));
    uint64_t *const numbers[] = {&ret->major, &ret->minor, &ret->patch};
    bool has_tail = rest.len < text.len, wildcard = false;
    size_t count = 0, parts = 0;
    while (str_next_part(&rest, '.', &part)) {
        if (parts == 3)
            return false;
        if (is_wildcard(part) && parts > 0)
            wildcard = true;
        else if (wildcard || !parse_number(part, numbers[count++]))
            return false;
        parts++;
    }
    ret->has_minor = count > 1;
    ret->has_patch = count > 2;
    if (wildcard && !has_operator)
        ret->op = WKG_WILDCARD;
    return !has_tail || (count == 3 && parse_pre(text, ret));
}

static bool parse_comparator(struct str text, struct wkg_comparator *ret)
{
    *ret = (struct wkg_comparator){.op = WKG_CARET};
    bool has_operator = take_operator(&text, &ret->op);
    return parse_numbers(str_trim(text), has_operator, ret);
}

enum status wkg_requirement_parse(struct str text, struct wkg_requirement *ret_requirement, struct error *err)
{
    struct str part, rest = text;
    struct wkg_requirement requirement = {.count = 0};
    if (text.len > WKG_REQUIREMENT_MAX)
        return fail(err, ST_INVALID, "a version requirement of %zu bytes is too long", text.len);
    if (is_wildcard(str_trim(text))) {
        *ret_requirement = requirement;
        return ST_OK;
    }
    while (str_next_part(&rest, ',', &part)) {
        if (requirement.count == WKG_MAX_COMPARATORS)
            return fail(err, ST_INVALID, "a version requirement cannot have more than %d parts", WKG_MAX_COMPARATORS);
        if (!parse_comparator(str_trim(part), &requirement.items[requirement.count++]))
            return fail(err, ST_INVALID, "`%.*s` is no version requirement; write \"=1.2.3\", \"^1.2\" or \">=1, <2\"",
                        STR_ARG(text));
    }
    *ret_requirement = requirement;
    return ST_OK;
}

/* --- text --------------------------------------------------------------------------------------------------------------------- */

static void format_comparator(struct buf *out, const struct wkg_comparator *c)
{
    buf_addf(out, "%s%llu", operators[c->op], (unsigned long long)c->major);
    if (c->has_minor)
        buf_addf(out, ".%llu", (unsigned long long)c->minor);
    if (c->has_patch)
        buf_addf(out, ".%llu%s%.*s", (unsigned long long)c->patch, c->pre.len ? "-" : "", STR_ARG(c->pre));
    else if (c->op == WKG_WILDCARD)
        buf_add(out, STR(".*"));
}

struct str wkg_requirement_format(const struct wkg_requirement *requirement, struct arena *arena)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    if (requirement->count == 0)
        buf_add(&out, STR("*"));
    for (size_t i = 0; i < requirement->count; i++) {
        if (i)
            buf_add(&out, STR(", "));
        format_comparator(&out, &requirement->items[i]);
    }
    return arena_str(arena, buf_str(&out));
}

struct wkg_requirement wkg_requirement_of(const struct wit_version *version)
{
    struct wkg_requirement requirement = {.count = wit_version_is_set(version)};
    requirement.items[0] = (struct wkg_comparator){.op = WKG_EXACT,
                                                   .major = version->major,
                                                   .minor = version->minor,
                                                   .patch = version->patch,
                                                   .has_minor = true,
                                                   .has_patch = true,
                                                   .pre = version->pre};
    return requirement;
}

bool wkg_requirement_is_exact(const struct wkg_requirement *requirement, struct arena *arena, struct str *ret_version)
{
    const struct wkg_comparator *c = &requirement->items[0];
    if (requirement->count != 1 || c->op != WKG_EXACT || !c->has_patch)
        return false;
    *ret_version = arena_printf(arena, "%llu.%llu.%llu%s%.*s", (unsigned long long)c->major, (unsigned long long)c->minor,
                                (unsigned long long)c->patch, c->pre.len ? "-" : "", STR_ARG(c->pre));
    return true;
}

/* --- matching ----------------------------------------------------------------------------------------------------------------- */

/* By precedence; none is behind every other. */
static int compare_pre(struct str a, struct str b)
{
    struct wit_version left = {.pre = a, .text = STR("0")}, right = {.pre = b, .text = STR("0")};
    return wit_version_compare(&left, &right);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static bool matches_exact(const struct wkg_comparator *c, const struct wit_version *v)
{
    return v->major == c->major && (!c->has_minor || v->minor == c->minor) && (!c->has_patch || v->patch == c->patch) &&
           str_eq(v->pre, c->pre);
}

/* -1, 0, 1: before, within, behind what `c` spells out. */
static int compare_prefix(const struct wkg_comparator *c, const struct wit_version *v)
{
    int order = compare_numbers(v->major, c->major);
    if (order == 0 && c->has_minor)
        order = compare_numbers(v->minor, c->minor);
    if (order == 0 && c->has_patch)
        order = compare_numbers(v->patch, c->patch);
    return order == 0 && c->has_patch ? compare_pre(v->pre, c->pre) : order;
}

/* The same three numbers at least, or those that are given, and not before the pre-release. */
static bool at_least(const struct wkg_comparator *c, const struct wit_version *v)
{
    return compare_prefix(c, v) >= 0;
}

static bool matches_tilde(const struct wkg_comparator *c, const struct wit_version *v)
{
    return v->major == c->major && (!c->has_minor || v->minor == c->minor) && at_least(c, v);
}

/* What may change: everything behind the first number that is not 0. */
static bool matches_caret(const struct wkg_comparator *c, const struct wit_version *v)
{
    if (v->major != c->major)
        return false;
    if (c->major == 0 && c->has_minor && v->minor != c->minor)
        return false;
    if (c->major == 0 && c->has_minor && c->minor == 0 && c->has_patch && v->patch != c->patch)
        return false;
    return at_least(c, v);
}

static bool matches_comparator(const struct wkg_comparator *c, const struct wit_version *v)
{
    switch (c->op) {
    case WKG_EXACT:
    case WKG_WILDCARD:
        return matches_exact(c, v);
    case WKG_GREATER:
        return compare_prefix(c, v) > 0;
    case WKG_GREATER_EQUAL:
        return compare_prefix(c, v) > 0 || matches_exact(c, v);
    case WKG_LESS:
        return compare_prefix(c, v) < 0;
    case WKG_LESS_EQUAL:
        return compare_prefix(c, v) < 0 || matches_exact(c, v);
    case WKG_TILDE:
        return matches_tilde(c, v);
    case WKG_CARET:
        return matches_caret(c, v);
    }
    return false;
}

static bool asks_for_pre(const struct wkg_comparator *c, const struct wit_version *v)
{
    return c->pre.len && c->major == v->major && c->minor == v->minor && c->patch == v->patch;
}

bool wkg_requirement_matches(const struct wkg_requirement *requirement, const struct wit_version *version)
{
    bool pre_wanted = version->pre.len == 0;
    for (size_t i = 0; i < requirement->count; i++) {
        if (!matches_comparator(&requirement->items[i], version))
            return false;
        pre_wanted = pre_wanted || asks_for_pre(&requirement->items[i], version);
    }
    return pre_wanted;
}
