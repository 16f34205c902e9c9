#include "http/syntax.h"

#include <arpa/inet.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define T HTTP_CHAR_TOKEN
#define P HTTP_CHAR_PATH
#define Q HTTP_CHAR_QUERY
#define R HTTP_CHAR_REGNAME
#define V HTTP_CHAR_VALUE
#define D HTTP_CHAR_QUOTED

const uint8_t http_char_classes[256] = {
    ['\t'] = V | D,
    [' '] = V | D,
    ['!'] = T | P | Q | R | V | D,
    ['"'] = V,
    ['#'] = T | V | D,
    ['$'] = T | P | Q | R | V | D,
    ['%'] = T | P | Q | V | D,
    ['&'] = T | P | Q | R | V | D,
    ['\''] = T | P | Q | R | V | D,
    ['(' ... ')'] = P | Q | R | V | D,
    ['*' ... '+'] = T | P | Q | R | V | D,
    [','] = P | Q | R | V | D,
    ['-' ... '.'] = T | P | Q | R | V | D,
    ['/'] = P | Q | V | D,
    ['0' ... '9'] = T | P | Q | R | V | D,
    [':'] = P | Q | V | D,
    [';'] = P | Q | R | V | D,
    ['<'] = V | D,
    ['='] = P | Q | R | V | D,
    ['>'] = V | D,
    ['?'] = Q | V | D,
    ['@'] = P | Q | V | D,
    ['A' ... 'Z'] = T | P | Q | R | V | D,
    ['['] = P | Q | V | D,
    ['\\'] = Q | V,
    [']'] = P | Q | V | D,
    ['^'] = T | P | Q | V | D,
    ['_'] = T | P | Q | R | V | D,
    ['`'] = T | Q | V | D,
    ['a' ... 'z'] = T | P | Q | R | V | D,
    ['{'] = Q | V | D,
    ['|'] = T | P | Q | V | D,
    ['}'] = Q | V | D,
    ['~'] = T | P | Q | R | V | D,
    [0x80 ... 0xff] = V | D,
};

int http_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

const char *http_skip(const char *at, const char *end, enum http_char class)
{
    while (at < end && http_char_is(*at, class))
        at++;
    return at;
}

const char *http_skip_value(const char *at, const char *end)
{
#ifdef __SSE2__
    const __m128i last_control = _mm_set1_epi8(0x1f), tab = _mm_set1_epi8('\t'), del = _mm_set1_epi8(0x7f);
    for (; end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
        __m128i bad = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), control), _mm_cmpeq_epi8(bytes, del));
        int mask = _mm_movemask_epi8(bad);
        if (mask)
            return at + __builtin_ctz((unsigned)mask);
    }
#endif
    return http_skip(at, end, HTTP_CHAR_VALUE);
}

bool http_token_valid(struct str name)
{
    return name.len && http_skip(name.data, name.data + name.len, HTTP_CHAR_TOKEN) == name.data + name.len;
}

bool http_value_valid(struct str value)
{
    if (value.len == 0)
        return true;
    if (http_is_blank(value.data[0]) || http_is_blank(value.data[value.len - 1]))
        return false;
    return http_skip_value(value.data, value.data + value.len) == value.data + value.len;
}

struct str http_trim(struct str value)
{
    while (value.len && http_is_blank(value.data[0]))
        value = str_n(value.data + 1, value.len - 1);
    while (value.len && http_is_blank(value.data[value.len - 1]))
        value.len--;
    return value;
}

bool http_list_next(struct str *rest, struct str *ret_item)
{
    struct str part;
    while (str_next_part(rest, ',', &part)) {
        part = http_trim(part);
        if (part.len) {
            *ret_item = part;
            return true;
        }
    }
    return false;
}

static bool ipv6_valid(struct str text)
{
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (text.len >= sizeof copy || memchr(text.data, 0, text.len))
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    return inet_pton(AF_INET6, copy, &address) == 1;
}

/* reg-name, which covers IPv4 addresses: returns its end. */
static const char *skip_regname(const char *at, const char *end)
{
    for (;;) {
        at = http_skip(at, end, HTTP_CHAR_REGNAME);
        if (end - at < 3 || *at != '%' || http_hex_value(at[1]) < 0 || http_hex_value(at[2]) < 0)
            return at;
        at += 3;
    }
}

static bool port_parse(const char *at, const char *end, uint16_t *ret_port)
{
    unsigned port = 0;
    for (; at < end; at++) {
        if (!http_is_digit(*at))
            return false;
        port = port * 10 + (unsigned)(*at - '0');
        if (port > UINT16_MAX)
            return false;
    }
    *ret_port = (uint16_t)port;
    return true;
}

bool http_authority_parse(struct str text, struct str *ret_host, uint16_t *ret_port)
{
    const char *end = text.data + text.len, *host_end;
    if (text.len == 0)
        return false;
    if (*text.data == '[') {
        host_end = memchr(text.data, ']', text.len);
        if (!host_end || !ipv6_valid(str_n(text.data + 1, (size_t)(host_end - text.data - 1))))
            return false;
        host_end++;
    } else {
        host_end = skip_regname(text.data, end);
    }
    if (host_end == text.data || (host_end < end && *host_end != ':'))
        return false;
    if (!port_parse(host_end + (host_end < end), end, ret_port))
        return false;
    *ret_host = str_n(text.data, (size_t)(host_end - text.data));
    return true;
}

bool http_path_parse(struct str text, struct str *ret_path, struct str *ret_query)
{
    const char *at = text.data, *end = text.data + text.len;
    for (; at < end && *at != '?'; at++) {
        if (!http_char_is(*at, HTTP_CHAR_PATH))
            return false;
        if (*at == '%' && (end - at < 3 || http_hex_value(at[1]) < 0 || http_hex_value(at[2]) < 0))
            return false;
    }
    *ret_path = str_n(text.data, (size_t)(at - text.data));
    *ret_query = STR_NULL;
    if (at == end)
        return true;
    at++;
    *ret_query = str_n(at, (size_t)(end - at));
    return http_skip(at, end, HTTP_CHAR_QUERY) == end;
}
