#include "base/str.h"

#include "base/error.h"
#include "base/mem.h"

#include <pthread.h>
#include <sys/random.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

int str_compare(struct str a, struct str b)
{
    size_t common = MIN(a.len, b.len);
    int order = common ? memcmp(a.data, b.data, common) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_n(s.data, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq(str_from(s, s.len - suffix.len), suffix);
}

bool str_skip(struct str *s, struct str prefix)
{
    if (!str_starts(*s, prefix))
        return false;
    *s = str_from(*s, prefix.len);
    return true;
}

struct str str_slice(struct str s, size_t from, size_t to)
{
    if (!s.data)
        return s;
    to = MIN(to, s.len);
    from = MIN(from, to);
    return str_n(s.data + from, to - from);
}

struct str str_from(struct str s, size_t from)
{
    return str_slice(s, from, s.len);
}

struct str str_trim(struct str s)
{
    size_t from = 0, to = s.len;
    while (from < to && char_is_space(s.data[from]))
        from++;
    while (to > from && char_is_space(s.data[to - 1]))
        to--;
    return str_slice(s, from, to);
}

size_t str_find(struct str s, struct str what)
{
    if (what.len == 0)
        return 0;
    const char *found = s.len ? memmem(s.data, s.len, what.data, what.len) : NULL;
    return found ? (size_t)(found - s.data) : STR_NONE;
}

size_t str_find_char(struct str s, char c)
{
    const char *found = s.len ? memchr(s.data, c, s.len) : NULL;
    return found ? (size_t)(found - s.data) : STR_NONE;
}

size_t str_find_last_char(struct str s, char c)
{
    const char *found = s.len ? memrchr(s.data, c, s.len) : NULL;
    return found ? (size_t)(found - s.data) : STR_NONE;
}

bool str_next_part(struct str *rest, char separator, struct str *ret_part)
{
    if (!rest->data)
        return false;
    size_t at = str_find_char(*rest, separator);
    if (at == STR_NONE) {
        *ret_part = *rest;
        *rest = STR_NULL;
    } else {
        *ret_part = str_slice(*rest, 0, at);
        *rest = str_from(*rest, at + 1);
    }
    return true;
}

bool str_parse_u64(struct str s, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned char)s.data[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value))
            return false;
    }
    if (s.len == 0 || value > max)
        return false;
    *ret_value = value;
    return true;
}

static uint64_t hash_seed[2];
static pthread_once_t hash_seed_once = PTHREAD_ONCE_INIT;

static void seed_hash(void)
{
    /* So few bytes come whole or not at all (getrandom(2)). A seed that can be guessed would undo what the map promises. */
    if (getrandom(hash_seed, sizeof hash_seed, 0) != (ssize_t)sizeof hash_seed)
        bug("getrandom gives no random bytes");
}

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

/* SipHash-1-3 (Aumasson, Bernstein): without the key nobody can make keys collide. */
uint64_t str_hash(struct str s)
{
    pthread_once(&hash_seed_once, seed_hash);
    uint64_t v[4] = {hash_seed[0] ^ 0x736f6d6570736575, hash_seed[1] ^ 0x646f72616e646f6d, hash_seed[0] ^ 0x6c7967656e657261,
                     hash_seed[1] ^ 0x7465646279746573};
    size_t at = 0;
    for (; s.len - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, s.data + at, 8);
        sip_word(v, word);
    }
    uint64_t last = (uint64_t)s.len << 56;
    for (size_t i = at; i < s.len; i++)
        last |= (uint64_t)(unsigned char)s.data[i] << (8 * (i - at));
    sip_word(v, last);
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The length of the well-formed sequence at p (Unicode 15, table 3-7), or 0. */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || len > left)
        return 0;
    /* The second byte excludes overlong forms, surrogates and what lies past U+10FFFF. */
    unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

bool str_valid_utf8(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.data;
    for (size_t at = 0; at < s.len;) {
        uint64_t word;
        if (s.len - at >= 8 && (memcpy(&word, p + at, 8), (word & 0x8080808080808080) == 0)) {
            at += 8; /* ASCII, as most text is */
            continue;
        }
        size_t len = utf8_sequence(p + at, s.len - at);
        if (len == 0)
            return false;
        at += len;
    }
    return true;
}

static void drop_common_ends(struct str *a, struct str *b)
{
    while (a->len && b->len && a->data[0] == b->data[0]) {
        *a = str_from(*a, 1);
        *b = str_from(*b, 1);
    }
    while (a->len && b->len && a->data[a->len - 1] == b->data[b->len - 1]) {
        a->len--;
        b->len--;
    }
}

/* A row of the table of distances, whose cell j is the distance from a's first `i` bytes to b's first `j`, from the two rows above it.
 * Only |i - j| <= max can matter; cells outside hold more than max. Returns the least of the row. */
static size_t next_row(size_t *const rows[3], struct str a, struct str b, size_t i, size_t max)
{
    size_t *row = rows[0], *above = rows[1], *twice_above = rows[2];
    size_t from = i > max ? i - max : 1, to = MIN(b.len, i + max), least;
    row[from - 1] = least = from == 1 ? i : max + 1;
    for (size_t j = from; j <= to; j++) {
        size_t kept = above[j - 1] + (b.data[j - 1] != a.data[i - 1]);
        row[j] = MIN(MIN(above[j], row[j - 1]) + 1, kept);
        if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1])
            row[j] = MIN(row[j], twice_above[j - 2] + 1);
        least = MIN(least, row[j]);
    }
    if (to < b.len)
        row[to + 1] = max + 1;
    return least;
}

static size_t distance_in(size_t *cells, struct str a, struct str b, size_t max)
{
    size_t *rows[3] = {cells, cells + b.len + 1, cells + 2 * (b.len + 1)}, least_above = 0;
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *oldest = rows[2];
        rows[2] = rows[1];
        rows[1] = rows[0];
        rows[0] = oldest;
        size_t least = next_row(rows, a, b, i, max);
        if (least > max && least_above > max) /* a swap reaches over one row */
            return max + 1;
        least_above = least;
    }
    return MIN(rows[0][b.len], max + 1);
}

size_t str_edit_distance(struct str a, struct str b, size_t max)
{
    if (a.len > b.len) {
        struct str longer = a;
        a = b;
        b = longer;
    }
    drop_common_ends(&a, &b);
    max = MIN(max, b.len); /* never more than that */
    if (b.len - a.len > max)
        return max + 1;
    if (a.len == 0)
        return b.len;
    autofree size_t *cells = mem_try_alloc(3 * (b.len + 1) * sizeof *cells);
    return cells ? distance_in(cells, a, b, max) : max + 1;
}

struct str str_nearest(struct str s, const struct str *candidates, size_t count)
{
    struct str nearest = STR_NULL;
    /* One slip in three letters, three at most, and never so many that nothing is left of the word. */
    size_t limit = s.len < 2 ? 0 : MIN((s.len + 2) / 3, 3);
    for (size_t i = 0; i < count; i++) {
        size_t distance = str_edit_distance(s, candidates[i], limit);
        if (distance > limit)
            continue;
        nearest = candidates[i];
        if (distance == 0)
            break;
        limit = distance - 1;
    }
    return nearest;
}
