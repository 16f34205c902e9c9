/* The small grammars of HTTP: which bytes may stand where.
 *
 * One table classifies every byte; a field value, which is most of a head, is scanned 16 bytes at a time where the machine can.
 * Everything here is pure and thread-safe. Sources: RFC 9110 section 5, RFC 9112 sections 3 to 7, RFC 3986 section 3. */
#pragma once

#include "base/str.h"

enum http_char {
    HTTP_CHAR_TOKEN = 1,   /* tchar, RFC 9110 section 5.6.2 */
    HTTP_CHAR_PATH = 2,    /* of a request target before "?"; see below */
    HTTP_CHAR_QUERY = 4,   /* of a request target after "?"; see below */
    HTTP_CHAR_REGNAME = 8, /* reg-name without "%", RFC 3986 section 3.2.2 */
    HTTP_CHAR_VALUE = 16,  /* field value: VCHAR, obs-text, space, tab */
    HTTP_CHAR_QUOTED = 32, /* qdtext, RFC 9110 section 5.6.4 */
};

/* A target must be ASCII without controls, space, `"`, `<`, `>` and `#`. Beyond RFC 3986 it may hold what browsers really send
 * unencoded (WHATWG URL, "percent-encode sets"): [ ] ^ | in a path; these and \ ` { } in a query. None of them delimits anything in
 * HTTP/1.1. "%" is followed by two hexadecimal digits in a path; a query may hold it alone. */
extern const uint8_t http_char_classes[256];

static inline bool http_char_is(char c, enum http_char class)
{
    return http_char_classes[(uint8_t)c] & class;
}

static inline bool http_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static inline bool http_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int http_hex_value(char c); /* 0 to 15, or -1 */

/* The first byte of [at, end) that is not of `class` (or end). */
const char *http_skip(const char *at, const char *end, enum http_char class);
/* As http_skip for HTTP_CHAR_VALUE, fast. */
const char *http_skip_value(const char *at, const char *end);

bool http_token_valid(struct str name);  /* 1*tchar: field names, methods */
bool http_value_valid(struct str value); /* no control but tab, and no blank at either end */
struct str http_trim(struct str value);  /* without spaces and tabs around */

/* The next element of a comma-separated list, trimmed; empty elements are skipped (RFC 9110 section 5.6.1.2). */
bool http_list_next(struct str *rest, struct str *ret_item);

/* Splits "host[:port]": no user information, a host that is not empty, IPv6 in brackets. The views are into `text`; the host keeps
 * its brackets. ret_port is 0 when absent or empty. */
bool http_authority_parse(struct str text, struct str *ret_host, uint16_t *ret_port);

/* "path[?query]" as it stands in a request target. ret_query->data is NULL without "?". */
bool http_path_parse(struct str text, struct str *ret_path, struct str *ret_query);
