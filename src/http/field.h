/* Header and trailer fields: a name and a value, both views.
 *
 * The fields that HTTP itself acts on carry an id, so that nothing compares names twice. Pure; thread-safe. */
#pragma once

#include "base/str.h"

enum http_field_id {
    HTTP_FIELD_OTHER,
    HTTP_FIELD_CONNECTION,
    HTTP_FIELD_CONTENT_LENGTH,
    HTTP_FIELD_DATE,
    HTTP_FIELD_EXPECT,
    HTTP_FIELD_HOST,
    HTTP_FIELD_HTTP2_SETTINGS,
    HTTP_FIELD_KEEP_ALIVE,
    HTTP_FIELD_PROXY_AUTHENTICATE,
    HTTP_FIELD_PROXY_AUTHORIZATION,
    HTTP_FIELD_PROXY_CONNECTION,
    HTTP_FIELD_TE,
    HTTP_FIELD_TRAILER,
    HTTP_FIELD_TRANSFER_ENCODING,
    HTTP_FIELD_UPGRADE,
};

struct http_field {
    struct str name;
    struct str value;      /* without blanks around; may hold any byte from 0x80 up */
    enum http_field_id id; /* set by the parser; the writer finds it out itself, so a caller may leave it 0 */
};

enum http_field_id http_field_identify(struct str name); /* any case */

/* Fields that concern one connection only and must not be passed on (RFC 9110 section 7.6.1). Those that a Connection field
 * nominates come on top: http_connection_names. */
bool http_field_is_hop_by_hop(enum http_field_id id);

/* Fields that frame or route a message, which must never come in trailers (RFC 9110 section 6.5.1). */
bool http_field_is_framing(enum http_field_id id);

/* The first field of that name at or after *at, or NULL; *at becomes the index behind it. Start with 0. */
const struct http_field *http_field_next(const struct http_field *fields, size_t count, struct str name, size_t *at);
const struct http_field *http_field_find(const struct http_field *fields, size_t count, struct str name);

/* Whether some Connection field lists `name`. */
bool http_connection_names(const struct http_field *fields, size_t count, struct str name);
