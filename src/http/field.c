#include "http/field.h"

#include "http/syntax.h"

static enum http_field_id when(struct str name, struct str known, enum http_field_id id)
{
    return str_eq_nocase(name, known) ? id : HTTP_FIELD_OTHER;
}

static enum http_field_id either(struct str name, struct str a, enum http_field_id a_id, struct str b, enum http_field_id b_id)
{
    return str_eq_nocase(name, a) ? a_id : when(name, b, b_id);
}

enum http_field_id http_field_identify(struct str name)
{
    switch (name.len) {
    case 2:
        return when(name, STR("te"), HTTP_FIELD_TE);
    case 4:
        return either(name, STR("host"), HTTP_FIELD_HOST, STR("date"), HTTP_FIELD_DATE);
    case 6:
        return when(name, STR("expect"), HTTP_FIELD_EXPECT);
    case 7:
        return either(name, STR("upgrade"), HTTP_FIELD_UPGRADE, STR("trailer"), HTTP_FIELD_TRAILER);
    case 10:
        return either(name, STR("connection"), HTTP_FIELD_CONNECTION, STR("keep-alive"), HTTP_FIELD_KEEP_ALIVE);
    case 14:
        return either(name, STR("content-length"), HTTP_FIELD_CONTENT_LENGTH, STR("http2-settings"), HTTP_FIELD_HTTP2_SETTINGS);
    case 16:
        return when(name, STR("proxy-connection"), HTTP_FIELD_PROXY_CONNECTION);
    case 17:
        return when(name, STR("transfer-encoding"), HTTP_FIELD_TRANSFER_ENCODING);
    case 18:
        return when(name, STR("proxy-authenticate"), HTTP_FIELD_PROXY_AUTHENTICATE);
    case 19:
        return when(name, STR("proxy-authorization"), HTTP_FIELD_PROXY_AUTHORIZATION);
    default:
        return HTTP_FIELD_OTHER;
    }
}

bool http_field_is_hop_by_hop(enum http_field_id id)
{
    switch (id) {
    case HTTP_FIELD_CONNECTION:
    case HTTP_FIELD_HTTP2_SETTINGS:
    case HTTP_FIELD_KEEP_ALIVE:
    case HTTP_FIELD_PROXY_AUTHENTICATE:
    case HTTP_FIELD_PROXY_AUTHORIZATION:
    case HTTP_FIELD_PROXY_CONNECTION:
    case HTTP_FIELD_TE:
    case HTTP_FIELD_TRANSFER_ENCODING:
    case HTTP_FIELD_UPGRADE:
        return true;
    default:
        return false;
    }
}

bool http_field_is_framing(enum http_field_id id)
{
    return id == HTTP_FIELD_CONTENT_LENGTH || id == HTTP_FIELD_TRANSFER_ENCODING || id == HTTP_FIELD_HOST ||
           id == HTTP_FIELD_CONNECTION || id == HTTP_FIELD_EXPECT || id == HTTP_FIELD_TE || id == HTTP_FIELD_TRAILER;
}

const struct http_field *http_field_next(const struct http_field *fields, size_t count, struct str name, size_t *at)
{
    while (*at < count) {
        const struct http_field *field = &fields[(*at)++];
        if (str_eq_nocase(field->name, name))
            return field;
    }
    return NULL;
}

const struct http_field *http_field_find(const struct http_field *fields, size_t count, struct str name)
{
    size_t at = 0;
    return http_field_next(fields, count, name, &at);
}

bool http_connection_names(const struct http_field *fields, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        struct str rest = fields[i].value, item;
        if (fields[i].id != HTTP_FIELD_CONNECTION)
            continue;
        while (http_list_next(&rest, &item))
            if (str_eq_nocase(item, name))
                return true;
    }
    return false;
}
