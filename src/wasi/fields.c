/* wasi:http/types fields: header and trailer fields of a guest's messages. */
#include "base/mem.h"
#include "http/syntax.h"
#include "wasi/context.h"
#include "wasi/http.h"
#include <stdalign.h>

#define MAX_FIELDS (4u * HTTP_MAX_FIELDS) /* of one object */

static struct str field_name(const struct wasi_http_field *field)
{
    return str_n(field->text, field->name_len);
}

static struct str field_value(const struct wasi_http_field *field)
{
    return str_n(field->text + field->name_len, field->value_len);
}

/* What a field costs besides its text. */
#define FIELD_BYTES (2 * sizeof(struct wasi_http_field))

static void fields_destroy(struct wasi_node *node)
{
    struct wasi_http_types_fields *fields = CONTAINER_OF(node, struct wasi_http_types_fields, node);
    wasi_release(fields->context, sizeof *fields + fields->bytes + fields->items.len * FIELD_BYTES);
    vec_each (field, &fields->items)
        free(field->text);
    vec_release(&fields->items);
    free(fields);
}

enum status wasi_fields_new(struct cm_call *call, struct wasi_node *parent, struct wasi_http_types_fields **ret_fields)
{
    struct wasi_context *context = wasi_of(call);
    if (!wasi_hold(context, sizeof **ret_fields))
        return wasi_holds_too_much(call);
    struct wasi_http_types_fields *fields = NEW(struct wasi_http_types_fields);
    wasi_node_init(&fields->node, parent, fields_destroy);
    fields->context = context;
    *ret_fields = fields;
    return ST_OK;
}

/* Traps when the object would become too large. Names are kept in lower case: they compare without case, and so does every peer. */
static enum status add(struct cm_call *call, struct wasi_http_types_fields *fields, struct str name, struct str value)
{
    size_t size = name.len + value.len;
    if (size > WASI_MAX_FIELDS_BYTES || fields->bytes + size > WASI_MAX_FIELDS_BYTES || fields->items.len >= MAX_FIELDS)
        return cm_trap(call, "fields are larger than %u bytes, or more than %u", WASI_MAX_FIELDS_BYTES, MAX_FIELDS);
    if (!wasi_hold(fields->context, size + FIELD_BYTES))
        return wasi_holds_too_much(call);
    char *text = mem_array(size + 1, 1);
    for (size_t i = 0; i < name.len; i++)
        text[i] = name.data[i] >= 'A' && name.data[i] <= 'Z' ? (char)(name.data[i] | 0x20) : name.data[i];
    if (value.len)
        memcpy(text + name.len, value.data, value.len);
    vec_push(&fields->items, (struct wasi_http_field){(uint32_t)name.len, (uint32_t)value.len, text});
    fields->bytes += size;
    return ST_OK;
}

static void remove_name(struct wasi_http_types_fields *fields, struct str name)
{
    size_t kept = 0;
    for (size_t i = 0; i < fields->items.len; i++) {
        struct wasi_http_field *field = &fields->items.items[i];
        if (str_eq_nocase(field_name(field), name)) {
            size_t size = field->name_len + field->value_len;
            fields->bytes -= size;
            wasi_release(fields->context, size + FIELD_BYTES);
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

/* What became of filling new fields: on a trap nobody gets them. */
static enum status filled(enum status status, struct wasi_http_types_fields *fields, struct wasi_http_types_fields **ret_fields)
{
    if (status == ST_OK)
        *ret_fields = fields;
    else
        wasi_node_unref(&fields->node);
    return status;
}

enum status wasi_fields_received(struct cm_call *call, struct wasi_node *parent, const struct http_field *received, size_t count,
                                 struct wasi_http_types_fields **ret_fields)
{
    struct wasi_http_types_fields *fields;
    TRY(wasi_fields_new(call, parent, &fields));
    vec_reserve(&fields->items, count);
    enum status status = ST_OK;
    for (size_t i = 0; i < count && status == ST_OK; i++)
        if (!is_forbidden(received[i].id))
            status = add(call, fields, received[i].name, received[i].value);
    fields->immutable = true;
    return filled(status, fields, ret_fields);
}

enum status wasi_fields_copy(struct cm_call *call, struct wasi_node *parent, const struct wasi_http_types_fields *from,
                             struct wasi_http_types_fields **ret_fields)
{
    struct wasi_http_types_fields *fields;
    TRY(wasi_fields_new(call, parent, &fields));
    vec_reserve(&fields->items, from->items.len);
    enum status status = ST_OK;
    for (size_t i = 0; i < from->items.len && status == ST_OK; i++)
        status = add(call, fields, field_name(&from->items.items[i]), field_value(&from->items.items[i]));
    return filled(status, fields, ret_fields);
}

void wasi_fields_view(const struct wasi_http_types_fields *from, struct http_field *ret_fields)
{
    for (size_t i = 0; i < from->items.len; i++)
        ret_fields[i] = (struct http_field){.name = field_name(&from->items.items[i]), .value = field_value(&from->items.items[i])};
}

bool wasi_fields_content_length(const struct wasi_http_types_fields *fields, uint64_t *ret_len)
{
    vec_each (field, &fields->items)
        if (str_eq(field_name(field), STR("content-length")))
            return str_parse_u64(http_trim(field_value(field)), UINT64_MAX - 1, ret_len);
    return false;
}

/* --- the interface ------------------------------------------------------------------------------------------------------------ */

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
static bool clean_value(const struct cm_list_u8 *list, struct str *ret_value, struct wasi_http_types_header_error *ret_error)
{
    *ret_value = http_trim(bytes_of(list));
    ret_error->tag = WASI_HTTP_TYPES_HEADER_ERROR_INVALID_SYNTAX;
    return http_value_valid(*ret_value);
}

enum status wasi_http_types_fields_new(struct cm_call *call, struct wasi_http_types_fields **ret)
{
    return wasi_fields_new(call, NULL, ret);
}

enum status wasi_http_types_fields_drop(struct cm_call *call, struct wasi_http_types_fields *self)
{
    return wasi_node_drop(call, &self->node);
}

enum status wasi_http_types_fields_from_list(struct cm_call *call, const struct cm_list_tuple_string_list_u8 *entries,
                                             struct cm_result_wasi_http_types_fields_wasi_http_types_header_error *ret)
{
    struct wasi_http_types_fields *fields;
    TRY(wasi_fields_new(call, NULL, &fields));
    ret->is_err = false;
    vec_reserve(&fields->items, MIN(entries->len, MAX_FIELDS));
    enum status status = ST_OK;
    for (size_t i = 0; i < entries->len && status == ST_OK && !ret->is_err; i++) {
        struct str value;
        ret->is_err =
            !may_set(fields, entries->items[i].f0, &ret->of.err) || !clean_value(&entries->items[i].f1, &value, &ret->of.err);
        if (!ret->is_err)
            status = add(call, fields, entries->items[i].f0, value);
    }
    if (status != ST_OK || ret->is_err)
        wasi_node_unref(&fields->node);
    else
        ret->of.ok = fields;
    return status;
}

static struct cm_list_u8 value_list(const struct wasi_http_field *field)
{
    struct str value = field_value(field);
    return (struct cm_list_u8){(const uint8_t *)value.data, value.len};
}

enum status wasi_http_types_fields_get(struct cm_call *call, struct wasi_http_types_fields *self, struct str name,
                                       struct cm_list_list_u8 *ret)
{
    struct cm_list_u8 *values =
        arena_try(cm_call_arena(call), MAX(self->items.len, 1) * sizeof *values, alignof(struct cm_list_u8));
    size_t count = 0;
    if (!values)
        return cm_trap(call, "the name of a field is too long"); /* it filled the arena */
    vec_each (field, &self->items)
        if (str_eq_nocase(field_name(field), name))
            values[count++] = value_list(field);
    *ret = (struct cm_list_list_u8){values, count};
    return ST_OK;
}

enum status wasi_http_types_fields_has(struct cm_call *call UNUSED, struct wasi_http_types_fields *self, struct str name, bool *ret)
{
    *ret = false;
    vec_each (field, &self->items)
        *ret = *ret || str_eq_nocase(field_name(field), name);
    return ST_OK;
}

enum status wasi_http_types_fields_set(struct cm_call *call, struct wasi_http_types_fields *self, struct str name,
                                       const struct cm_list_list_u8 *value, struct cm_result_none_wasi_http_types_header_error *ret)
{
    ret->is_err = !may_set(self, name, &ret->of.err);
    struct str clean;
    for (size_t i = 0; !ret->is_err && i < value->len; i++)
        ret->is_err = !clean_value(&value->items[i], &clean, &ret->of.err);
    if (ret->is_err)
        return ST_OK;
    remove_name(self, name);
    for (size_t i = 0; i < value->len; i++)
        TRY(add(call, self, name, http_trim(bytes_of(&value->items[i]))));
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
    ret->is_err = !may_set(self, name, &ret->of.err) || !clean_value(value, &clean, &ret->of.err);
    return ret->is_err ? ST_OK : add(call, self, name, clean);
}

enum status wasi_http_types_fields_entries(struct cm_call *call, struct wasi_http_types_fields *self,
                                           struct cm_list_tuple_string_list_u8 *ret)
{
    struct cm_tuple_string_list_u8 *entries = ARENA_ARRAY(cm_call_arena(call), struct cm_tuple_string_list_u8, self->items.len);
    for (size_t i = 0; i < self->items.len; i++)
        entries[i] = (struct cm_tuple_string_list_u8){field_name(&self->items.items[i]), value_list(&self->items.items[i])};
    *ret = (struct cm_list_tuple_string_list_u8){entries, self->items.len};
    return ST_OK;
}

enum status wasi_http_types_fields_clone(struct cm_call *call, struct wasi_http_types_fields *self,
                                         struct wasi_http_types_fields **ret)
{
    return wasi_fields_copy(call, NULL, self, ret);
}
