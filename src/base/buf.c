#include "base/buf.h"

#include "base/mem.h"

/* `capacity` counts the bytes that may be used; one more is allocated for the NUL, so that who reads into
 * data[len .. capacity) never touches it and never passes the maximum. */
#define CAPACITY_MIN 63
#define NOT_A_CHARACTER UINT32_MAX
#define ESCAPE_MAX 16

void buf_init(struct buf *buf, size_t max_bytes)
{
    *buf = (struct buf)BUF_INIT(max_bytes);
}

void buf_release(struct buf *buf)
{
    free(buf->data);
    buf_init(buf, buf->max);
}

static void cut_to(struct buf *buf, size_t len)
{
    buf->len = len;
    if (buf->data)
        buf->data[len] = '\0';
}

void buf_clear(struct buf *buf)
{
    cut_to(buf, 0);
}

char *buf_take(struct buf *buf)
{
    char *taken = buf->data ? buf->data : mem_alloc(1);
    buf_init(buf, buf->max);
    return taken;
}

enum status buf_reserve(struct buf *buf, size_t extra)
{
    if (buf->len > buf->max || extra > buf->max - buf->len || extra >= PTRDIFF_MAX - buf->len)
        return ST_LIMIT;
    size_t needed = buf->len + extra;
    if (buf->data && needed <= buf->capacity)
        return ST_OK;
    /* Powers of two less one, the NUL being the one. */
    size_t capacity = MIN(MAX(MAX(needed, buf->capacity * 2 + 1), CAPACITY_MIN), MIN(buf->max, PTRDIFF_MAX - 1));
    char *data = realloc(buf->data, capacity + 1);
    if (!data)
        return ST_LIMIT;
    buf->data = data;
    buf->capacity = capacity;
    data[buf->len] = '\0';
    return ST_OK;
}

enum status buf_append(struct buf *buf, const void *data, size_t len)
{
    TRY(buf_reserve(buf, len));
    if (len)
        memcpy(buf->data + buf->len, data, len);
    cut_to(buf, buf->len + len);
    return ST_OK;
}

enum status buf_append_str(struct buf *buf, struct str s)
{
    return buf_append(buf, s.data, s.len);
}

enum status buf_append_char(struct buf *buf, char c)
{
    return buf_append(buf, &c, 1);
}

enum status buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    size_t room = buf->data ? buf->capacity - buf->len + 1 : 0;
    int len = vsnprintf(room ? buf->data + buf->len : NULL, room, format, args);
    enum status status = len < 0 ? ST_LIMIT : ST_OK;
    if (status == ST_OK && (size_t)len >= room) {
        status = buf_reserve(buf, (size_t)len);
        if (status == ST_OK)
            vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
    }
    va_end(again);
    /* On failure this takes back what the first attempt wrote behind the end. */
    cut_to(buf, buf->len + (status == ST_OK ? (size_t)len : 0));
    return status;
}

enum status buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum status status = buf_vprintf(buf, format, args);
    va_end(args);
    return status;
}

void buf_consume(struct buf *buf, size_t len)
{
    bug_unless(len <= buf->len);
    if (len == 0)
        return;
    memmove(buf->data, buf->data + len, buf->len - len);
    cut_to(buf, buf->len - len);
}

void buf_add(struct buf *buf, struct str s)
{
    if (buf_append_str(buf, s) != ST_OK)
        bug("buf: no room for %zu bytes after %zu (at most %zu)", s.len, buf->len, buf->max);
}

void buf_addf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum status status = buf_vprintf(buf, format, args);
    va_end(args);
    if (status != ST_OK)
        bug("buf: no room for \"%s\" after %zu bytes (at most %zu)", format, buf->len, buf->max);
}

/* The character that text starts with and its length in bytes, or NOT_A_CHARACTER and 1. */
static uint32_t first_character(const char *text, size_t left, size_t *ret_len)
{
    const unsigned char *p = (const unsigned char *)text;
    *ret_len = 1;
    if (p[0] < 0x80)
        return p[0];
    size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (len > left || !str_valid_utf8(str_n(text, len)))
        return NOT_A_CHARACTER;
    *ret_len = len;
    uint32_t c = p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (p[i] & 0x3f);
    return c;
}

/* Characters that act on a terminal, end a line or reorder one, instead of being seen: C0 and C1 controls, DEL, line and paragraph
 * separators, and Unicode's bidirectional formatting characters (UAX 9, table 4); the byte order mark too. All are below U+10000.
 */
static bool is_hostile(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* Writes what stands for `c` (or for `byte`, which is no character) and returns its length; 0 means that it stands for itself. */
typedef size_t escape_fn(uint32_t c, unsigned char byte, char ret_text[ESCAPE_MAX]);

static size_t escape_text(uint32_t c, unsigned char byte, char ret_text[ESCAPE_MAX])
{
    if (c != NOT_A_CHARACTER && !is_hostile(c))
        return 0;
    if (c == '\n' || c == '\t' || c == '\r')
        return (size_t)snprintf(ret_text, ESCAPE_MAX, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
    if (c < 0x80 || c == NOT_A_CHARACTER)
        return (size_t)snprintf(ret_text, ESCAPE_MAX, "\\x%02x", byte);
    return (size_t)snprintf(ret_text, ESCAPE_MAX, "\\u{%x}", c);
}

/* JSON (RFC 8259, section 7) would let C1, DEL and the bidirectional ones stand; escaped, they mean the same and print safely. */
static size_t escape_json(uint32_t c, unsigned char byte UNUSED, char ret_text[ESCAPE_MAX])
{
    static const char named[] = "\"\"\\\\\nn\tt\rr\bb\ff";
    if (c == NOT_A_CHARACTER)
        return (size_t)snprintf(ret_text, ESCAPE_MAX, "\xef\xbf\xbd");
    for (size_t i = 0; i < sizeof named - 1; i += 2)
        if (c == (unsigned char)named[i])
            return (size_t)snprintf(ret_text, ESCAPE_MAX, "\\%c", named[i + 1]);
    return is_hostile(c) ? (size_t)snprintf(ret_text, ESCAPE_MAX, "\\u%04x", c) : 0;
}

static enum status append_filtered(struct buf *buf, struct str s, escape_fn *escape)
{
    size_t plain = 0, len; /* from `plain` to `at`, everything stands for itself */
    for (size_t at = 0; at < s.len; at += len) {
        char text[ESCAPE_MAX];
        uint32_t c = first_character(s.data + at, s.len - at, &len);
        size_t text_len = escape(c, (unsigned char)s.data[at], text);
        if (text_len == 0)
            continue;
        TRY(buf_append(buf, s.data + plain, at - plain));
        TRY(buf_append(buf, text, text_len));
        plain = at + len;
    }
    return buf_append_str(buf, str_from(s, plain));
}

enum status buf_append_escaped(struct buf *buf, struct str s)
{
    size_t before = buf->len;
    enum status status = append_filtered(buf, s, escape_text);
    if (status != ST_OK)
        cut_to(buf, before);
    return status;
}

static enum status append_json(struct buf *buf, struct str s)
{
    TRY(buf_append_char(buf, '"'));
    TRY(append_filtered(buf, s, escape_json));
    return buf_append_char(buf, '"');
}

enum status buf_append_json(struct buf *buf, struct str s)
{
    size_t before = buf->len;
    enum status status = append_json(buf, s);
    if (status != ST_OK)
        cut_to(buf, before);
    return status;
}
