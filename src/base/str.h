/* Strings as views: pointer and length, owned by someone else, not necessarily ending in NUL.
 *
 * A `struct str` is passed by value and never freed. What owns text is a `struct buf`, an arena, or a plain `char *` whose comment
 * says so. Functions here never read past `len` and treat the bytes as bytes; those that know UTF-8 say so. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *data;
    size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_INIT(literal)                                                                                                          \
    {                                                                                                                              \
        "" literal, sizeof(literal) - 1                                                                                            \
    } /* in static initialisers */
#define STR_NULL ((struct str){NULL, 0})
#define STR_ARG(s) (int)(s).len, (s).data /* for "%.*s" */

/* Of ASCII, whatever the locale. */
static inline bool char_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool char_is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static inline bool char_is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static inline bool char_is_space(char c) /* what separates words and lines */
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static inline struct str str_of(const char *text)
{
    return (struct str){text, text ? strlen(text) : 0};
}

static inline struct str str_n(const char *data, size_t len)
{
    return (struct str){data, len};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool str_is(struct str a, const char *text)
{
    return str_eq(a, str_of(text));
}

bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only */
int str_compare(struct str a, struct str b);    /* bytewise, as memcmp, shorter first */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_skip(struct str *s, struct str prefix);            /* drops `prefix` from the front if it is there */
struct str str_slice(struct str s, size_t from, size_t to); /* clamped */
struct str str_from(struct str s, size_t from);
struct str str_trim(struct str s); /* spaces, tabs, CR, LF */

#define STR_NONE SIZE_MAX
size_t str_find(struct str s, struct str what); /* index, or STR_NONE */
size_t str_find_char(struct str s, char c);
size_t str_find_last_char(struct str s, char c);

/* Cuts *rest at the first `separator`: true and the part before it, or false when *rest was already exhausted (data NULL).
 * "a,b" gives "a", "b"; "" gives one empty part. */
bool str_next_part(struct str *rest, char separator, struct str *ret_part);

/* Decimal, no sign, no space, no overflow past `max`. */
bool str_parse_u64(struct str s, uint64_t max, uint64_t *ret_value);

uint64_t str_hash(struct str s); /* seeded per process: not stable between runs */
bool str_valid_utf8(struct str s);
/* How many bytes are inserted, removed or replaced, or swapped with the next, to make one of the other; saturates at max + 1. */
size_t str_edit_distance(struct str a, struct str b, size_t max);

/* The nearest of `count` candidates within a distance that a typing mistake explains, or STR_NULL. */
struct str str_nearest(struct str s, const struct str *candidates, size_t count);
