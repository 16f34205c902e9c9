/* wasi:http/types fields: header and trailer fields of a guest's messages. */
#include "http/syntax.h"
#include "wasi/http.h"
#include "base/mem.h"

static struct str field_name(const struct wasi_http_field *field)
{
    return str_n(field->text, field->name_len);
}

static struct str field_value(const struct wasi_http_field *field)
{
    return str_n(field->text + field->name_len, field->value_len);
}

static void clear(struct wasi_http_types_fields *fields)
{
    vec_each(field, &fields->items)
        free(field->text);
    vec_release(&fields->items);
    fields->bytes = 0;
}

static void fields_destroy(struct wasi_node *node)
{
    struct wasi_http_types_fields *fields = CONTAINER_OF(node, struct wasi_http_types_fields, node);
    clear(fields);
    free(fields);
}

struct wasi_http_types_fields *wasi_fields_new(struct wasi_node *parent)
{
    struct wasi_http_types_fields *fields = NEW(struct wasi_http_types_fields);
    wasi_node_init(&fields->node, parent, fields_destroy);
    return fields;
}

/* False when the object would become too large. Names are kept in lower case: they compare without case, and so does every peer. */
static bool add(struct wasi_http_types_fields *fields, struct str name, struct str value)
{
    size_t size = name.len + value.len;
    if (size > WASI_MAX_FIELDS_BYTES || fields->bytes + size > WASI_MAX_FIELDS_BYTES || fields->items.len >= 4 * HTTP_MAX_FIELDS)
        return false;
    char *text = mem_array(size + 1, 1);
    for (size_t i = 0; i < name.len; i++)
        text[i] = name.data[i] >= 'A' && name.data[i] <= 'Z' ? (char)(name.data[i] | 0x20) : name.data[i];
    if (value.len)
        memcpy(text + name.len, value.data, value.len);
    vec_push(&fields->items, (struct wasi_http_field){(uint32_t)name.len, (uint32_t)value.len, text});
    fields->bytes += size;
    return true;
}

static void remove_name(struct wasi_http_types_fields *fields, struct str name)
{
    size_t kept = 0;
    for (size_t i = 0; i < fields->items.len; i++) {
        struct wasi_http_field *field = &fields->items.items[i];
        if (str_eq_nocase(field_name(field), name)) {
            fields->bytes -= field->name_len + field->value_len;
            free(field->text);
        } else {
            fields->items.items[kept++] = *field;
        }
    }
    fields->items.len = kept;
}

/* Fields that belong to one connection, or that the host writes itself. */
static bool is_forbidden(enum http_field_id id)
{
    switch (id) {
    case HTTP_FIELD_CONNECTION:
    case HTTP_FIELD_KEEP_ALIVE:
    case HTTP_FIELD_PROXY_AUTHENTICATE:
    case HTTP_FIELD_PROXY_AUTHORIZATION:
    case HTTP_FIELD_PROXY_CONNECTION:
    case HTTP_FIELD_TRANSFER_ENCODING:
    case HTTP_FIELD_UPGRADE:
    case HTTP_FIELD_HOST:
    case HTTP_FIELD_HTTP2_SETTINGS:
        return true;
    default:
        return false;
    }
}

struct wasi_http_types_fields *wasi_fields_received(struct wasi_node *parent, const struct http_field *received, size_t count)
{
    struct wasi_http_types_fields *fields = wasi_fields_new(parent);
    vec_reserve(&fields->items, count);
    for (size_t i = 0; i < count; i++)
        if (!is_forbidden(received[i].id) && !add(fields, received[i].name, received[i].value))
            break;
    fields->immutable = true;
    return fields;
}

struct wasi_http_types_fields *wasi_fields_copy(struct wasi_node *parent, const struct wasi_http_types_fields *from)
{
    struct wasi_http_types_fields *fields = wasi_fields_new(parent);
    vec_each(field, &from->items)
        if (!add(fields, field_name(field), field_value(field)))
            break;
    return fields;
}

void wasi_fields_view(const struct wasi_http_types_fields *from, struct http_field *ret_fields)
{
    for (size_t i = 0; i < from->items.len; i++)
        ret_fields[i] = (struct http_field){.name = field_name(&from->items.items[i]), .value = field_value(&from->items.items[i])};
}

bool wasi_fields_content_length(const struct wasi_http_types_fields *fields, uint64_t *ret_len)
{
    vec_each(field, &fields->items)
        if (str_eq(field_name(field), STR("content-length")))
            return str_parse_u64(http_trim(field_value(field)), UINT64_MAX - 1, ret_len);
    return false;
}

/* --- the interface ------------------------------------------------------------------------------------------------------------- */

/* Whether the guest may set this field; false and the reason. */
static bool may_set(const struct wasi_http_types_fields *fields, struct str name, struct wasi_http_types_header_error *ret_error)
{
    if (fields->immutable)
        ret_error->tag = WASI_HTTP_TYPES_HEADER_ERROR_IMMUTABLE;
    else if (!http_token_valid(name))
        ret_error->tag = WASI_HTTP_TYPES_HEADER_ERROR_INVALID_SYNTAX;
    else if (is_forbidden(http_field_identify(name)))
        ret_error->tag = WASI_HTTP_TYPES_HEADER_ERROR_FORBIDDEN;
    else
        return true;
    return false;
}

static struct str bytes_of(const struct cm_list_u8 *list)
{
    return str_n((const char *)list->items, list->len);
}

/* A value may have blanks around it (they mean nothing and are dropped), but no CR, LF, NUL or other control. */
static bool clean_value(const struct cm_list_u8 *list, struct str *ret_value)
{
    *ret_value = http_trim(bytes_of(list));
    return http_value_valid(*ret_value);
}

enum status wasi_http_types_fields_new(struct cm_call *call UNUSED, struct wasi_http_types_fields **ret)
{
    *ret = wasi_fields_new(NULL);
    return ST_OK;
}

enum status wasi_http_types_fields_drop(struct cm_call *call, struct wasi_http_types_fields *self)
{
    return wasi_node_drop(call, &self->node);
}

static enum status too_large(struct cm_call *call)
{
    return cm_trap(call, "fields are larger than %u bytes", WASI_MAX_FIELDS_BYTES);
}

enum status wasi_http_types_fields_from_list(struct cm_call *call, const struct cm_list_tuple_string_list_u8 *entries,
                                             struct cm_result_wasi_http_types_fields_wasi_http_types_header_error *ret)
{
    struct wasi_http_types_fields *fields = wasi_fields_new(NULL);
    ret->is_err = false;
    vec_reserve(&fields->items, MIN(entries->len, 4 * HTTP_MAX_FIELDS));
    for (size_t i = 0; i < entries->len; i++) {
        struct str value;
        if (!may_set(fields, entries->items[i].f0, &ret->of.err)) {
            ret->is_err = true;
        } else if (!clean_value(&entries->items[i].f1, &value)) {
            ret->is_err = true;
            ret->of.err.tag = WASI_HTTP_TYPES_HEADER_ERROR_INVALID_SYNTAX;
        } else if (!add(fields, entries->items[i].f0, value)) {
            fields_destroy(&fields->node);
            return too_large(call);
        }
        if (ret->is_err) {
            fields_destroy(&fields->node);
            return ST_OK;
        }
    }
    ret->of.ok = fields;
    return ST_OK;
}

static struct cm_list_u8 value_list(const struct wasi_http_field *field)
{
    struct str value = field_value(field);
    return (struct cm_list_u8){(const uint8_t *)value.data, value.len};
}

enum status wasi_http_types_fields_get(struct cm_call *call, struct wasi_http_types_fields *self, struct str name, struct cm_list_list_u8 *ret)
{
    struct cm_list_u8 *values = ARENA_ARRAY(cm_call_arena(call), struct cm_list_u8, self->items.len);
    size_t count = 0;
    vec_each(field, &self->items)
        if (str_eq_nocase(field_name(field), name))
            values[count++] = value_list(field);
    *ret = (struct cm_list_list_u8){values, count};
    return ST_OK;
}

enum status wasi_http_types_fields_has(struct cm_call *call UNUSED, struct wasi_http_types_fields *self, struct str name, bool *ret)
{
    *ret = false;
    vec_each(field, &self->items)
        *ret = *ret || str_eq_nocase(field_name(field), name);
    return ST_OK;
}

enum status wasi_http_types_fields_set(struct cm_call *call, struct wasi_http_types_fields *self, struct str name,
                                       const struct cm_list_list_u8 *value, struct cm_result_none_wasi_http_types_header_error *ret)
{
    ret->is_err = !may_set(self, name, &ret->of.err);
    struct str clean;
    for (size_t i = 0; !ret->is_err && i < value->len; i++) {
        if (!clean_value(&value->items[i], &clean)) {
            ret->is_err = true;
            ret->of.err.tag = WASI_HTTP_TYPES_HEADER_ERROR_INVALID_SYNTAX;
        }
    }
    if (ret->is_err)
        return ST_OK;
    remove_name(self, name);
    for (size_t i = 0; i < value->len; i++)
        if (!clean_value(&value->items[i], &clean) || !add(self, name, clean))
            return too_large(call);
    return ST_OK;
}

enum status wasi_http_types_fields_delete(struct cm_call *call UNUSED, struct wasi_http_types_fields *self, struct str name,
                                          struct cm_result_none_wasi_http_types_header_error *ret)
{
    ret->is_err = !may_set(self, name, &ret->of.err);
    if (!ret->is_err)
        remove_name(self, name);
    return ST_OK;
}

enum status wasi_http_types_fields_append(struct cm_call *call, struct wasi_http_types_fields *self, struct str name,
                                          const struct cm_list_u8 *value, struct cm_result_none_wasi_http_types_header_error *ret)
{
    struct str clean;
    ret->is_err = !may_set(self, name, &ret->of.err);
    if (!ret->is_err && !clean_value(value, &clean)) {
        ret->is_err = true;
        ret->of.err.tag = WASI_HTTP_TYPES_HEADER_ERROR_INVALID_SYNTAX;
    }
    if (!ret->is_err && !add(self, name, clean))
        return too_large(call);
    return ST_OK;
}

enum status wasi_http_types_fields_entries(struct cm_call *call, struct wasi_http_types_fields *self, struct cm_list_tuple_string_list_u8 *ret)
{
    struct cm_tuple_string_list_u8 *entries = ARENA_ARRAY(cm_call_arena(call), struct cm_tuple_string_list_u8, self->items.len);
    for (size_t i = 0; i < self->items.len; i++)
        entries[i] = (struct cm_tuple_string_list_u8){field_name(&self->items.items[i]), value_list(&self->items.items[i])};
    *ret = (struct cm_list_tuple_string_list_u8){entries, self->items.len};
    return ST_OK;
}

enum status wasi_http_types_fields_clone(struct cm_call *call UNUSED, struct wasi_http_types_fields *self, struct wasi_http_types_fields **ret)
{
    *ret = wasi_fields_copy(NULL, self);
    return ST_OK;
}
