/* Decoding by table; see schema.h. */
#include "base/buf.h"
#include "config/schema_private.h"
#include <ctype.h>
#include <inttypes.h>

enum status config_mistake(struct config_report *report, struct error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum status status = fail_v(err, ST_INVALID, format, args);
    va_end(args);
    if (!report || !report->collect)
        return status;
    vec_push(&report->mistakes, arena_str(report->arena, str_of(err->message)));
    return ST_OK;
}

void *config_at(const struct config_key *key, void *object)
{
    return (char *)object + key->offset;
}

void config_defaults(const struct config_schema *schema, void *ret_object)
{
    memset(ret_object, 0, schema->size);
    for (size_t i = 0; i < schema->key_count; i++) {
        const struct config_key *key = &schema->keys[i];
        if (key->kind == CONFIG_U64)
            *(uint64_t *)config_at(key, ret_object) = key->number_default;
        else if (key->kind == CONFIG_STR)
            *(struct str *)config_at(key, ret_object) = str_of(key->text_default);
        else if (key->kind == CONFIG_OBJECT)
            config_defaults(key->object, config_at(key, ret_object));
    }
}

static const char *json_kind(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "a mapping";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "text";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_NULL:
        return "nothing";
    default:
        return "true or false";
    }
}

static enum status wrong_kind(struct config_decoder *decoder, const char *path, const char *wanted, const json_t *value,
                              struct error *err)
{
    return config_mistake(decoder->report, err, "%s: %s: expected %s, got %s", decoder->origin, path, wanted, json_kind(value));
}

static struct str arena_text(struct arena *arena, const json_t *value)
{
    return arena_str(arena, str_n(json_string_value(value), json_string_length(value)));
}

/* Text of a scalar: environment variables and the like are often written without quotes. */
static bool scalar_text(struct arena *arena, const json_t *value, struct str *ret_text)
{
    if (json_is_string(value))
        *ret_text = arena_text(arena, value);
    else if (json_is_integer(value))
        *ret_text = arena_printf(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        *ret_text = arena_printf(arena, "%.17g", json_real_value(value));
    else if (json_is_boolean(value))
        *ret_text = json_is_true(value) ? STR("true") : STR("false");
    else
        return false;
    return true;
}

enum status config_check_number(const struct config_key *key, struct config_report *report, const char *origin, const char *path,
                                uint64_t value, struct error *err)
{
    uint64_t max = key->number_max ? key->number_max : UINT64_MAX;
    if (value < key->number_min && !key->number_max)
        return config_mistake(report, err, "%s: %s: %" PRIu64 " is less than %" PRIu64, origin, path, value, key->number_min);
    if (value < key->number_min || value > max)
        return config_mistake(report, err, "%s: %s: %" PRIu64 " is outside %" PRIu64 " to %" PRIu64, origin, path, value,
                              key->number_min, max);
    return ST_OK;
}

/* Names of WebAssembly proposals are written with `_` as well as `-`, policies in any case. */
static bool same_choice(struct str value, struct str choice)
{
    bool same = value.len == choice.len;
    for (size_t i = 0; i < value.len && same; i++) {
        char a = value.data[i] == '_' ? '-' : (char)tolower((unsigned char)value.data[i]);
        same = a == (char)tolower((unsigned char)choice.data[i]);
    }
    return same;
}

static enum status check_choice(const struct config_key *key, struct config_report *report, const char *origin, const char *path,
                                struct str *value, struct error *err)
{
    autobuf struct buf list = BUF_INIT(BUF_UNLIMITED);
    for (const char *const *choice = key->choices; *choice; choice++) {
        if (same_choice(*value, str_of(*choice))) {
            *value = str_of(*choice);
            return ST_OK;
        }
        buf_addf(&list, "%s%s", list.len ? ", " : "", *choice);
    }
    return config_mistake(report, err, "%s: %s: `%.*s` is not one of: %s", origin, path, STR_ARG(*value), list.data);
}

/* Commands, paths and variables end at a NUL: what is behind it would be lost without a word. */
static enum status check_no_nul(struct config_report *report, const char *origin, const char *path, struct str value,
                                struct error *err)
{
    if (str_find_char(value, '\0') != STR_NONE)
        return config_mistake(report, err, "%s: %s: text with a NUL character", origin, path);
    return ST_OK;
}

static enum status check_format(const struct config_key *key, struct config_report *report, const char *origin, const char *path,
                                struct str value, struct error *err)
{
    if (key->format && !key->format->valid(value))
        return config_mistake(report, err, "%s: %s: `%.*s`: expected %s", origin, path, STR_ARG(value), key->format->wanted);
    return ST_OK;
}

/* Choices take the spelling of the table. */
enum status config_check_text(const struct config_key *key, struct config_report *report, const char *origin, const char *path,
                              struct str *value, struct error *err)
{
    TRY(check_no_nul(report, origin, path, *value, err));
    if (key->choices)
        return check_choice(key, report, origin, path, value, err);
    return check_format(key, report, origin, path, *value, err);
}

static enum status decode_strs(struct config_decoder *decoder, const struct config_key *key, const char *path, json_t *value,
                               struct config_strs *strs, struct error *err)
{
    if (!json_is_array(value))
        return wrong_kind(decoder, path, "a list", value, err);
    size_t len = json_array_size(value);
    strs->len = 0;
    strs->items = ARENA_ARRAY(decoder->arena, struct str, MAX(len, (size_t)1));
    for (size_t i = 0; i < len; i++) {
        const char *item_path = arena_printf(decoder->arena, "%s[%zu]", path, i).data;
        if (!scalar_text(decoder->arena, json_array_get(value, i), &strs->items[i])) {
            TRY(wrong_kind(decoder, item_path, "text", json_array_get(value, i), err));
            continue;
        }
        TRY(config_check_text(key, decoder->report, decoder->origin, item_path, &strs->items[i], err));
        strs->len = i + 1;
    }
    return ST_OK;
}

/* Adds to what a weaker source has given. */
static enum status decode_map(struct config_decoder *decoder, const struct config_key *key, const char *path, json_t *value,
                              struct config_map *map, struct error *err)
{
    if (!json_is_object(value))
        return wrong_kind(decoder, path, "a mapping", value, err);
    const char *name;
    json_t *item;
    struct config_map merged = {.items = ARENA_ARRAY(decoder->arena, struct config_pair, map->len + json_object_size(value))};
    struct config_map before = *map;
    for (size_t i = 0; i < before.len; i++)
        if (!json_object_get(value, before.items[i].key.data))
            merged.items[merged.len++] = before.items[i];
    json_object_foreach(value, name, item)
    {
        struct config_pair *pair = &merged.items[merged.len++];
        pair->key = arena_str(decoder->arena, str_of(name));
        TRY(check_format(key, decoder->report, decoder->origin, path, pair->key, err));
        const char *item_path = arena_printf(decoder->arena, "%s.%s", path, name).data;
        if (!scalar_text(decoder->arena, item, &pair->value))
            TRY(wrong_kind(decoder, item_path, "text", item, err));
        TRY(check_no_nul(decoder->report, decoder->origin, item_path, pair->value, err));
    }
    *map = merged;
    return ST_OK;
}

static enum status decode_object(struct config_decoder *decoder, const struct config_schema *schema, const char *prefix,
                                 json_t *tree, void *object, struct error *err);

static enum status decode_objects(struct config_decoder *decoder, const struct config_key *key, const char *path, json_t *value,
                                  struct config_objects *objects, struct error *err)
{
    if (!json_is_array(value))
        return wrong_kind(decoder, path, "a list", value, err);
    objects->len = json_array_size(value);
    objects->items = arena_array(decoder->arena, objects->len, key->object->size);
    for (size_t i = 0; i < objects->len; i++) {
        struct str item_path = arena_printf(decoder->arena, "%s[%zu]", path, i);
        void *item = (char *)objects->items + i * key->object->size;
        config_defaults(key->object, item);
        if (json_is_null(json_array_get(value, i)))
            TRY(wrong_kind(decoder, item_path.data, "a mapping", json_array_get(value, i), err));
        TRY(decode_object(decoder, key->object, item_path.data, json_array_get(value, i), item, err));
    }
    return ST_OK;
}

/* The item of that name, made with its defaults if there is none. The arrays have room. */
static void *named_item(const struct config_schema *schema, struct config_object_map *map, struct str name)
{
    for (size_t i = 0; i < map->len; i++)
        if (str_eq(map->names[i], name))
            return (char *)map->items + i * schema->size;
    void *item = (char *)map->items + map->len * schema->size;
    config_defaults(schema, item);
    map->names[map->len++] = name;
    return item;
}

static enum status decode_object_map(struct config_decoder *decoder, const struct config_key *key, const char *path, json_t *value,
                                     struct config_object_map *map, struct error *err)
{
    if (!json_is_object(value))
        return wrong_kind(decoder, path, "a mapping", value, err);
    size_t most = map->len + json_object_size(value);
    struct config_object_map merged = {ARENA_ARRAY(decoder->arena, struct str, most),
                                       arena_array(decoder->arena, most, key->object->size), map->len};
    if (map->len > 0) {
        memcpy(merged.names, map->names, map->len * sizeof(struct str));
        memcpy(merged.items, map->items, map->len * key->object->size);
    }
    const char *name;
    json_t *tree;
    json_object_foreach(value, name, tree)
    {
        const char *item_path = arena_printf(decoder->arena, "%s.%s", path, name).data;
        void *item = named_item(key->object, &merged, arena_str(decoder->arena, str_of(name)));
        TRY(decode_object(decoder, key->object, item_path, tree, item, err));
    }
    *map = merged;
    return ST_OK;
}

enum status config_decode_value(struct config_decoder *decoder, const struct config_key *key, const char *path, json_t *value,
                                void *target, struct error *err)
{
    switch (key->kind) {
    case CONFIG_BOOL:
        if (!json_is_boolean(value))
            return wrong_kind(decoder, path, "true or false", value, err);
        *(bool *)target = json_is_true(value);
        return ST_OK;
    case CONFIG_U64:
        if (!json_is_integer(value))
            return wrong_kind(decoder, path, "a whole number", value, err);
        if (json_integer_value(value) < 0)
            return config_mistake(decoder->report, err, "%s: %s: %" JSON_INTEGER_FORMAT " is less than %" PRIu64, decoder->origin,
                                  path, json_integer_value(value), key->number_min);
        *(uint64_t *)target = (uint64_t)json_integer_value(value);
        return config_check_number(key, decoder->report, decoder->origin, path, *(uint64_t *)target, err);
    case CONFIG_STR:
        if (!scalar_text(decoder->arena, value, target))
            return wrong_kind(decoder, path, "text", value, err);
        return config_check_text(key, decoder->report, decoder->origin, path, target, err);
    case CONFIG_STRS:
        return decode_strs(decoder, key, path, value, target, err);
    case CONFIG_MAP:
        return decode_map(decoder, key, path, value, target, err);
    case CONFIG_OBJECT:
        return decode_object(decoder, key->object, path, value, target, err);
    case CONFIG_OBJECTS:
        return decode_objects(decoder, key, path, value, target, err);
    case CONFIG_OBJECT_MAP:
        return decode_object_map(decoder, key, path, value, target, err);
    }
    bug("config kind %d", key->kind);
}

static enum status unknown_key(struct config_decoder *decoder, const struct config_schema *schema, const char *path,
                               const char *name, struct error *err)
{
    struct str names[64];
    size_t count = MIN(schema->key_count, ARRAY_LEN(names));
    for (size_t i = 0; i < count; i++)
        names[i] = str_of(schema->keys[i].name);
    struct str nearest = str_nearest(str_of(name), names, count);
    if (nearest.data)
        return config_mistake(decoder->report, err, "%s: %s: unknown key; did you mean `%.*s`?", decoder->origin, path,
                              STR_ARG(nearest));
    return config_mistake(decoder->report, err, "%s: %s: unknown key", decoder->origin, path);
}

static const struct config_key *find_key(const struct config_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->key_count; i++)
        if (strcmp(schema->keys[i].name, name) == 0)
            return &schema->keys[i];
    return NULL;
}

static enum status check_required(struct config_decoder *decoder, const struct config_schema *schema, const char *prefix,
                                  json_t *tree, struct error *err)
{
    for (size_t i = 0; i < schema->key_count; i++) {
        const json_t *value = json_object_get(tree, schema->keys[i].name);
        if (schema->keys[i].required && (!value || json_is_null(value)))
            TRY(config_mistake(decoder->report, err, "%s: %s%s%s is missing", decoder->origin, prefix, *prefix ? "." : "",
                               schema->keys[i].name));
    }
    return ST_OK;
}

/* Once, where several files have it. */
static void add_later_key(struct config_decoder *decoder, const char *path)
{
    vec_each (known, &decoder->later_keys)
        if (str_is(*known, path))
            return;
    vec_push(&decoder->later_keys, arena_str(decoder->arena, str_of(path)));
}

static enum status decode_object(struct config_decoder *decoder, const struct config_schema *schema, const char *prefix,
                                 json_t *tree, void *object, struct error *err)
{
    if (json_is_null(tree)) /* "dev:" with nothing under it */
        return ST_OK;
    if (!json_is_object(tree))
        return wrong_kind(decoder, *prefix ? prefix : "the file", "a mapping", tree, err);
    const char *name;
    json_t *value;
    json_object_foreach(tree, name, value)
    {
        const char *path = arena_printf(decoder->arena, "%s%s%s", prefix, *prefix ? "." : "", name).data;
        const struct config_key *key = find_key(schema, name);
        if (!key)
            TRY(unknown_key(decoder, schema, path, name, err));
        if (!key || json_is_null(value))
            continue;
        if (key->later)
            add_later_key(decoder, path);
        TRY(config_decode_value(decoder, key, path, value, config_at(key, object), err));
    }
    return check_required(decoder, schema, prefix, tree, err);
}

enum status config_decode(struct config_decoder *decoder, const struct config_schema *schema, json_t *tree, void *object,
                          struct error *err)
{
    return decode_object(decoder, schema, "", tree, object, err);
}

/* --- rules between keys ------------------------------------------------------------------------------------------------------- */

static enum status check_object(const struct config_schema *schema, const char *prefix, const void *object,
                                struct config_report *report, struct error *err)
{
    for (size_t i = 0; i < schema->key_count; i++) {
        const struct config_key *key = &schema->keys[i];
        const void *value = (const char *)object + key->offset;
        const struct config_objects *list = value;
        const struct config_object_map *map = value;
        const char *path = arena_printf(report->arena, "%s%s%s", prefix, *prefix ? "." : "", key->name).data;
        if (key->kind == CONFIG_OBJECT)
            TRY(check_object(key->object, path, value, report, err));
        for (size_t k = 0; key->kind == CONFIG_OBJECTS && k < list->len; k++)
            TRY(check_object(key->object, arena_printf(report->arena, "%s[%zu]", path, k).data,
                             (const char *)list->items + k * key->object->size, report, err));
        for (size_t k = 0; key->kind == CONFIG_OBJECT_MAP && k < map->len; k++)
            TRY(check_object(key->object, arena_printf(report->arena, "%s.%.*s", path, STR_ARG(map->names[k])).data,
                             (const char *)map->items + k * key->object->size, report, err));
    }
    return schema->check ? schema->check(object, prefix, report, err) : ST_OK;
}

enum status config_check(const struct config_schema *schema, const void *object, struct config_report *report, struct error *err)
{
    return check_object(schema, "", object, report, err);
}

/* --- ${NAME} ------------------------------------------------------------------------------------------------------------------ */

enum status config_expand(struct str text, const char *what, struct arena *arena, struct str *ret_text, struct error *err)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED); /* of our own environment */
    size_t dollar;
    while ((dollar = str_find_char(text, '$')) != STR_NONE) {
        struct str rest = str_from(text, dollar);
        buf_add(&out, str_slice(text, 0, dollar));
        if (str_skip(&rest, STR("$${"))) {
            buf_add(&out, STR("${"));
        } else if (str_skip(&rest, STR("${"))) {
            size_t end = str_find_char(rest, '}');
            if (end == STR_NONE || end == 0)
                return fail(err, ST_INVALID, "%s: `${` needs a name and `}`; write `$${` for the two characters", what);
            const char *name = arena_str(arena, str_slice(rest, 0, end)).data, *value = getenv(name);
            if (!value)
                return fail(err, ST_NOT_FOUND, "%s: the environment variable %s is not set", what, name);
            buf_add(&out, str_of(value));
            rest = str_from(rest, end + 1);
        } else {
            buf_add(&out, str_slice(rest, 0, 1));
            rest = str_from(rest, 1);
        }
        text = rest;
    }
    buf_add(&out, text);
    *ret_text = arena_str(arena, buf_str(&out));
    return ST_OK;
}
