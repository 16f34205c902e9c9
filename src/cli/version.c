/* Versions; see version.h. Source: Semantic Versioning 2.0.0, items 2, 9, 10, 11. */
#include "cli/version.h"

#define NUMBER_MAX 999999999

static bool parse_number(struct str text, uint64_t *ret_number)
{
    bool leading_zero = text.len > 1 && text.data[0] == '0';
    return !leading_zero && str_parse_u64(text, NUMBER_MAX, ret_number);
}

static bool is_numeric(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return text.len > 0;
}

/* Identifiers of letters, digits and dashes, with dots between them. */
static bool identifiers_are_valid(struct str text, bool numbers_are_canonical)
{
    struct str part;
    while (str_next_part(&text, '.', &part)) {
        bool canonical = !(is_numeric(part) && part.len > 1 && part.data[0] == '0');
        if (part.len == 0 || (numbers_are_canonical && !canonical))
            return false;
        for (size_t i = 0; i < part.len; i++) {
            char c = part.data[i];
            bool known = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
            if (!known)
                return false;
        }
    }
    return true;
}

bool cli_version_parse(struct str text, struct cli_version *ret_version)
{
    struct cli_version version = {.prerelease = STR("")};
    struct str part;
    str_skip(&text, STR("wash-"));
    str_skip(&text, STR("v"));
    size_t plus = str_find_char(text, '+');
    if (plus != STR_NONE) {
        if (!identifiers_are_valid(str_from(text, plus + 1), false))
            return false;
        text.len = plus;
    }
    size_t dash = str_find_char(text, '-');
    if (dash != STR_NONE) {
        version.prerelease = str_from(text, dash + 1);
        if (!identifiers_are_valid(version.prerelease, true))
            return false;
        text.len = dash;
    }
    uint64_t *const numbers[] = {&version.major, &version.minor, &version.patch};
    for (int i = 0; i < 3; i++)
        if (!str_next_part(&text, '.', &part) || !parse_number(part, numbers[i]))
            return false;
    if (text.data)
        return false;
    *ret_version = version;
    return true;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Numbers by value and before words, words as bytes. Numbers here are canonical: the longer is the larger. */
static int compare_identifiers(struct str a, struct str b)
{
    bool a_numeric = is_numeric(a), b_numeric = is_numeric(b);
    if (a_numeric != b_numeric)
        return a_numeric ? -1 : 1;
    if (a_numeric && a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return str_compare(a, b);
}

/* A release comes after all its prereleases. */
static int compare_prereleases(struct str a, struct str b)
{
    if (a.len == 0 || b.len == 0)
        return (a.len == 0) - (b.len == 0);
    for (;;) {
        struct str part_a, part_b;
        bool more_a = str_next_part(&a, '.', &part_a), more_b = str_next_part(&b, '.', &part_b);
        if (!more_a || !more_b)
            return more_a - more_b;
        int order = compare_identifiers(part_a, part_b);
        if (order != 0)
            return order;
    }
}

int cli_version_compare(const struct cli_version *a, const struct cli_version *b)
{
    int order = compare_numbers(a->major, b->major);
    if (order == 0)
        order = compare_numbers(a->minor, b->minor);
    if (order == 0)
        order = compare_numbers(a->patch, b->patch);
    return order ? order : compare_prereleases(a->prerelease, b->prerelease);
}
