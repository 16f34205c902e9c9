#include "component/abi_text.h"

/* --- UTF-8 -------------------------------------------------------------------------------------------------------------------- */

#define HIGH_BITS 0x8080808080808080u

static inline uint64_t load_u64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t load_u16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store_u16(uint8_t *p, uint32_t v)
{
    uint16_t unit = (uint16_t)v;
    memcpy(p, &unit, sizeof unit);
}

/* Length of the ASCII at the start. */
static size_t ascii_prefix(const uint8_t *p, size_t len)
{
    size_t i = 0;
    while (len - i >= 32 && !((load_u64(p + i) | load_u64(p + i + 8) | load_u64(p + i + 16) | load_u64(p + i + 24)) & HIGH_BITS))
        i += 32;
    while (len - i >= 8 && !(load_u64(p + i) & HIGH_BITS))
        i += 8;
    while (i < len && p[i] < 0x80)
        i++;
    return i;
}

/* Length of the well-formed sequence at p, or 0: then *ret_bad is how many bytes of it are wrong, 0 if it is cut off by the end
 * (Unicode, table 3-7; "maximal subpart"). */
static size_t sequence(const uint8_t *p, size_t left, size_t *ret_bad)
{
    size_t want = p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    uint8_t low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    uint8_t high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[0] < 0x80)
        return 1;
    *ret_bad = 1;
    for (size_t i = 1; i < want; i++, low = 0x80, high = 0xbf) {
        *ret_bad = i;
        if (i >= left) {
            *ret_bad = 0;
            return 0;
        }
        if (p[i] < low || p[i] > high)
            return 0;
    }
    return want;
}

static bool utf8_check(const uint8_t *p, size_t len, size_t *ret_at, size_t *ret_bad)
{
    for (size_t i = 0; i < len;) {
        if (p[i] < 0x80) {
            i += ascii_prefix(p + i, len - i);
            continue;
        }
        size_t n = sequence(p + i, len - i, ret_bad);
        if (n == 0) {
            *ret_at = i;
            return false;
        }
        i += n;
    }
    return true;
}

/* The next code point of well-formed UTF-8. */
static inline uint32_t utf8_next(const uint8_t **p)
{
    const uint8_t *s = *p;
    if (s[0] < 0x80) {
        *p += 1;
        return s[0];
    }
    if (s[0] < 0xe0) {
        *p += 2;
        return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
    }
    if (s[0] < 0xf0) {
        *p += 3;
        return (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
    }
    *p += 4;
    return (s[0] & 0x07u) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu);
}

static inline uint8_t *utf8_put(uint8_t *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (uint8_t)c;
    } else if (c < 0x800) {
        *out++ = (uint8_t)(0xc0 | c >> 6);
        *out++ = (uint8_t)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *out++ = (uint8_t)(0xe0 | c >> 12);
        *out++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        *out++ = (uint8_t)(0x80 | (c & 0x3f));
    } else {
        *out++ = (uint8_t)(0xf0 | c >> 18);
        *out++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        *out++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        *out++ = (uint8_t)(0x80 | (c & 0x3f));
    }
    return out;
}

/* --- UTF-16 ------------------------------------------------------------------------------------------------------------------- */

static inline bool is_surrogate(uint32_t unit)
{
    return (unit & 0xf800) == 0xd800;
}

/* True when every surrogate is paired; else *ret_unit is the first that is not. */
static bool utf16_check(const uint8_t *p, uint32_t units, uint32_t *ret_unit)
{
    for (uint32_t i = 0; i < units; i++) {
        uint32_t unit = load_u16(p + 2 * (size_t)i);
        if (!is_surrogate(unit))
            continue;
        bool is_high = unit < 0xdc00;
        uint32_t next = is_high && i + 1 < units ? load_u16(p + 2 * (size_t)i + 2) : 0;
        if ((next & 0xfc00) != 0xdc00) {
            *ret_unit = unit;
            return false;
        }
        i++;
    }
    return true;
}

/* The next code point of well-formed UTF-16. */
static inline uint32_t utf16_next(const uint8_t **p)
{
    uint32_t unit = load_u16(*p);
    *p += 2;
    if (!is_surrogate(unit))
        return unit;
    uint32_t low = load_u16(*p);
    *p += 2;
    return 0x10000 + ((unit & 0x3ff) << 10 | (low & 0x3ff));
}

static inline uint8_t *utf16_put(uint8_t *out, uint32_t c)
{
    if (c < 0x10000) {
        store_u16(out, c);
        return out + 2;
    }
    store_u16(out, 0xd800 | (c - 0x10000) >> 10);
    store_u16(out + 2, 0xdc00 | (c & 0x3ff));
    return out + 4;
}

/* --- any encoding ------------------------------------------------------------------------------------------------------------- */

static size_t unit_size(const struct cm_text *text)
{
    return text->encoding == CM_TEXT_UTF16 ? 2 : 1;
}

static const uint8_t *text_end(const struct cm_text *text)
{
    return text->data + text->units * unit_size(text);
}

static inline uint32_t next_char(const struct cm_text *text, const uint8_t **p)
{
    switch (text->encoding) {
    case CM_TEXT_UTF8:
        return utf8_next(p);
    case CM_TEXT_UTF16:
        return utf16_next(p);
    default:
        return *(*p)++;
    }
}

/* Encodes [from, end of text) and returns the end of what was written. The caller has made room for the worst case. */
static uint8_t *encode_utf8(const struct cm_text *text, const uint8_t *from, uint8_t *out)
{
    for (const uint8_t *end = text_end(text); from < end;)
        out = utf8_put(out, next_char(text, &from));
    return out;
}

static uint8_t *encode_utf16(const struct cm_text *text, const uint8_t *from, uint8_t *out)
{
    for (const uint8_t *end = text_end(text); from < end;)
        out = utf16_put(out, next_char(text, &from));
    return out;
}

static uint64_t utf8_length(const struct cm_text *text)
{
    uint64_t len = 0;
    for (const uint8_t *p = text->data, *end = text_end(text); p < end;) {
        uint32_t c = next_char(text, &p);
        len += c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    }
    return len;
}

/* --- load --------------------------------------------------------------------------------------------------------------------- */

static enum status bad_utf8(const struct cm_guest *guest, size_t at, size_t bad, struct error *err)
{
    if (bad == 0)
        return cm_trap_text(guest, err, "invalid utf8 encoding: incomplete utf-8 byte sequence",
                            "incomplete utf-8 byte sequence from index %zu", at);
    return cm_trap_text(guest, err, "invalid utf8 encoding: invalid utf-8 sequence",
                        "invalid utf-8 sequence of %zu bytes from index %zu", bad, at);
}

static enum status check_text(const struct cm_guest *guest, const struct cm_text *text, struct error *err)
{
    size_t at, bad;
    uint32_t unit;
    if (text->encoding == CM_TEXT_UTF8 && !utf8_check(text->data, text->units, &at, &bad))
        return bad_utf8(guest, at, bad, err);
    if (text->encoding == CM_TEXT_UTF16 && !utf16_check(text->data, text->units, &unit))
        return cm_trap_text(guest, err, "invalid utf16 encoding: unpaired surrogate found", "unpaired surrogate found: %x", unit);
    return ST_OK;
}

enum status cm_text_load(const struct cm_guest *guest, uint32_t address, uint32_t tagged_units, struct cm_text *ret_text,
                         struct error *err)
{
    struct cm_text text = {.units = tagged_units, .encoding = CM_TEXT_UTF8};
    uint32_t align = 1;
    if (guest->encoding == CM_ENCODING_UTF16) {
        text.encoding = CM_TEXT_UTF16;
        align = 2;
    } else if (guest->encoding == CM_ENCODING_LATIN1_UTF16) {
        text.encoding = tagged_units & CM_UTF16_TAG ? CM_TEXT_UTF16 : CM_TEXT_LATIN1;
        text.units = tagged_units & ~CM_UTF16_TAG;
        text.was_compact = true;
        align = 2;
    }
    uint64_t size = (uint64_t)text.units * unit_size(&text);
    TRY(cm_guest_check(guest, CM_RANGE_STRING, address, size, align, err));
    if (size > CM_MAX_BYTES)
        return cm_trap_text(guest, err, "string content out-of-bounds", "string of %llu bytes is longer than the maximum of %u",
                            (unsigned long long)size, CM_MAX_BYTES);
    text.data = guest->memory + address;
    TRY(check_text(guest, &text, err));
    *ret_text = text;
    return ST_OK;
}

enum status cm_text_of_host(struct str s, struct cm_text *ret_text, struct error *err)
{
    size_t at, bad;
    if (s.len > CM_MAX_BYTES)
        return fail(err, ST_TRAP, "string length of %zu too large to copy into wasm", s.len);
    if (!utf8_check((const uint8_t *)s.data, s.len, &at, &bad))
        return fail(err, ST_TRAP, "the host's string is not UTF-8 at byte %zu", at);
    *ret_text = (struct cm_text){.data = (const uint8_t *)s.data, .units = (uint32_t)s.len, .encoding = CM_TEXT_UTF8};
    return ST_OK;
}

/* --- lift --------------------------------------------------------------------------------------------------------------------- */

enum status cm_text_lift(struct cm_guest *guest, const struct cm_text *text, struct str *ret_str, struct error *err)
{
    bool is_utf8 = text->encoding == CM_TEXT_UTF8 ||
                   (text->encoding == CM_TEXT_LATIN1 && ascii_prefix(text->data, text->units) == text->units);
    if (text->units == 0 || (is_utf8 && !guest->copies)) {
        *ret_str = str_n(text->units ? (const char *)text->data : "", text->units);
        return ST_OK;
    }
    uint64_t len = is_utf8 ? text->units : utf8_length(text);
    void *room;
    TRY(cm_guest_room(guest, len, 1, &room, err));
    if (is_utf8)
        memcpy(room, text->data, len);
    else
        encode_utf8(text, text->data, room);
    *ret_str = str_n(room, len);
    return ST_OK;
}

/* --- store -------------------------------------------------------------------------------------------------------------------- */

struct store {
    struct cm_guest *guest;
    const struct cm_text *text;
    uint32_t address;
    struct error *err;
};

static uint8_t *here(const struct store *s, size_t offset)
{
    return s->guest->memory + s->address + offset;
}

static enum status resize(struct store *s, uint32_t old_size, uint32_t align, uint32_t new_size)
{
    return cm_guest_realloc(s->guest, CM_RANGE_STRING, s->address, old_size, align, new_size, &s->address, s->err);
}

/* Same code units on both sides. */
static enum status store_copy(struct store *s, uint32_t align, uint32_t *ret_units)
{
    uint32_t size = (uint32_t)(s->text->units * unit_size(s->text));
    TRY(resize(s, 0, align, size));
    if (size)
        memcpy(here(s, 0), s->text->data, size);
    *ret_units = s->text->units;
    return ST_OK;
}

/* Writes the ASCII at the start and returns how many units that were. */
static uint32_t store_ascii(const struct store *s)
{
    const struct cm_text *text = s->text;
    uint8_t *out = here(s, 0);
    uint32_t i = 0;
    if (text->encoding == CM_TEXT_UTF16) {
        for (uint32_t unit; i < text->units && (unit = load_u16(text->data + 2 * (size_t)i)) < 0x80; i++)
            out[i] = (uint8_t)unit;
        return i;
    }
    i = (uint32_t)ascii_prefix(text->data, text->units);
    if (i)
        memcpy(out, text->data, i);
    return i;
}

/* UTF-16 or Latin-1 to UTF-8: one byte a unit is tried first. */
static enum status store_to_utf8(struct store *s, uint32_t *ret_units)
{
    uint32_t units = s->text->units, worst = units * (s->text->encoding == CM_TEXT_UTF16 ? 3 : 2);
    TRY(resize(s, 0, 1, units));
    uint32_t done = store_ascii(s);
    if (done == units) {
        *ret_units = units;
        return ST_OK;
    }
    TRY(resize(s, units, 1, worst));
    uint8_t *end = encode_utf8(s->text, s->text->data + done * unit_size(s->text), here(s, done));
    uint32_t size = (uint32_t)(end - here(s, 0));
    if (size < worst)
        TRY(resize(s, worst, 1, size));
    *ret_units = size;
    return ST_OK;
}

static enum status store_utf8_to_utf16(struct store *s, uint32_t *ret_units)
{
    uint32_t worst = s->text->units * 2;
    TRY(resize(s, 0, 2, worst));
    uint32_t size = (uint32_t)(encode_utf16(s->text, s->text->data, here(s, 0)) - here(s, 0));
    if (size < worst)
        TRY(resize(s, worst, 2, size));
    *ret_units = size / 2;
    return ST_OK;
}

static enum status store_latin1_to_utf16(struct store *s, uint32_t *ret_units)
{
    TRY(resize(s, 0, 2, s->text->units * 2));
    encode_utf16(s->text, s->text->data, here(s, 0));
    *ret_units = s->text->units;
    return ST_OK;
}

/* After `done` bytes of Latin-1 a character came that is not: widens them and goes on in UTF-16. */
static enum status inflate(struct store *s, uint32_t done, const uint8_t *rest, uint32_t *ret_units)
{
    uint32_t units = s->text->units, worst = units * 2;
    TRY(resize(s, units, 2, worst));
    for (size_t i = done; i-- > 0;)
        store_u16(here(s, 2 * i), *here(s, i));
    uint32_t size = (uint32_t)(encode_utf16(s->text, rest, here(s, 2 * (size_t)done)) - here(s, 0));
    if (size < worst)
        TRY(resize(s, worst, 2, size));
    *ret_units = size / 2 | CM_UTF16_TAG;
    return ST_OK;
}

/* UTF-8 or UTF-16 to latin1+utf16: Latin-1 is tried first. */
static enum status store_to_compact(struct store *s, uint32_t *ret_units)
{
    uint32_t units = s->text->units, done = 0;
    TRY(resize(s, 0, 2, units));
    uint8_t *out = here(s, 0);
    for (const uint8_t *p = s->text->data, *end = text_end(s->text); p < end;) {
        const uint8_t *at = p;
        uint32_t c = next_char(s->text, &p);
        if (c > 0xff)
            return inflate(s, done, at, ret_units);
        out[done++] = (uint8_t)c;
    }
    if (done < units)
        TRY(resize(s, units, 2, done));
    *ret_units = done;
    return ST_OK;
}

/* The UTF-16 of one latin1+utf16 guest to another: probably stays, but becomes Latin-1 if it can. */
static enum status store_probably_utf16(struct store *s, uint32_t *ret_units)
{
    uint32_t units, all = 0;
    TRY(store_copy(s, 2, &units));
    for (size_t i = 0; i < units; i++)
        all |= load_u16(s->text->data + 2 * i);
    if (all > 0xff) {
        *ret_units = units | CM_UTF16_TAG;
        return ST_OK;
    }
    for (size_t i = 0; i < units; i++)
        *here(s, i) = *here(s, 2 * i);
    TRY(resize(s, units * 2, 1, units));
    *ret_units = units;
    return ST_OK;
}

static enum status store_into_compact(struct store *s, uint32_t *ret_units)
{
    if (s->text->encoding == CM_TEXT_LATIN1)
        return store_copy(s, 2, ret_units);
    return s->text->was_compact ? store_probably_utf16(s, ret_units) : store_to_compact(s, ret_units);
}

enum status cm_text_store(struct cm_guest *guest, const struct cm_text *text, uint32_t *ret_address, uint32_t *ret_tagged_units,
                          struct error *err)
{
    struct store s = {guest, text, 0, err};
    uint32_t units = 0;
    switch (guest->encoding) {
    case CM_ENCODING_UTF8:
        TRY(text->encoding == CM_TEXT_UTF8 ? store_copy(&s, 1, &units) : store_to_utf8(&s, &units));
        break;
    case CM_ENCODING_UTF16:
        TRY(text->encoding == CM_TEXT_UTF16  ? store_copy(&s, 2, &units)
            : text->encoding == CM_TEXT_UTF8 ? store_utf8_to_utf16(&s, &units)
                                             : store_latin1_to_utf16(&s, &units));
        break;
    case CM_ENCODING_LATIN1_UTF16:
        TRY(store_into_compact(&s, &units));
        break;
    }
    *ret_address = s.address;
    *ret_tagged_units = units;
    return ST_OK;
}
