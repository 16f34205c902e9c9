/* Decoding by table; see schema.h. */
#include "config/schema.h"
#include <inttypes.h>

static void *at(const struct config_key *key, void *object)
{
    return (char *)object + key->offset;
}

void config_defaults(const struct config_schema *schema, void *ret_object)
{
    memset(ret_object, 0, schema->size);
    for (size_t i = 0; i < schema->key_count; i++) {
        const struct config_key *key = &schema->keys[i];
        if (key->kind == CONFIG_U64)
            *(uint64_t *)at(key, ret_object) = key->number_default;
        else if (key->kind == CONFIG_STR)
            *(struct str *)at(key, ret_object) = str_of(key->text_default);
        else if (key->kind == CONFIG_OBJECT)
            config_defaults(key->object, at(key, ret_object));
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
    return fail(err, ST_INVALID, "%s: %s: expected %s, got %s", decoder->origin, path, wanted, json_kind(value));
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

static enum status check_number(const struct config_key *key, const char *origin, const char *path, uint64_t value,
                                struct error *err)
{
    uint64_t max = key->number_max ? key->number_max : UINT64_MAX;
    if (value < key->number_min || value > max)
        return fail(err, ST_INVALID, "%s: %s: %" PRIu64 " is outside %" PRIu64 " to %" PRIu64, origin, path, value, key->number_min,
                    max);
    return ST_OK;
}

static enum status decode_strs(struct config_decoder *decoder, const char *path, json_t *value, struct config_strs *strs,
                               struct error *err)
{
    if (!json_is_array(value))
        return wrong_kind(decoder, path, "a list", value, err);
    strs->len = json_array_size(value);
    strs->items = ARENA_ARRAY(decoder->arena, struct str, strs->len);
    for (size_t i = 0; i < strs->len; i++)
        if (!scalar_text(decoder->arena, json_array_get(value, i), &strs->items[i]))
            return wrong_kind(decoder, path, "a list of text", json_array_get(value, i), err);
    return ST_OK;
}

static enum status decode_map(struct config_decoder *decoder, const char *path, json_t *value, struct config_map *map,
                              struct error *err)
{
    if (!json_is_object(value))
        return wrong_kind(decoder, path, "a mapping", value, err);
    const char *name;
    json_t *item;
    map->len = 0;
    map->items = ARENA_ARRAY(decoder->arena, struct config_pair, json_object_size(value));
    json_object_foreach(value, name, item)
    {
        struct config_pair *pair = &map->items[map->len++];
        pair->key = arena_str(decoder->arena, str_of(name));
        if (!scalar_text(decoder->arena, item, &pair->value))
            return wrong_kind(decoder, path, "a mapping of text", item, err);
    }
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
            return wrong_kind(decoder, item_path.data, "a mapping", json_array_get(value, i), err);
        TRY(decode_object(decoder, key->object, item_path.data, json_array_get(value, i), item, err));
    }
    return ST_OK;
}

static enum status decode_value(struct config_decoder *decoder, const struct config_key *key, const char *path, json_t *value,
                                void *target, struct error *err)
{
    switch (key->kind) {
    case CONFIG_BOOL:
        if (!json_is_boolean(value))
            return wrong_kind(decoder, path, "true or false", value, err);
        *(bool *)target = json_is_true(value);
        return ST_OK;
    case CONFIG_U64:
        if (!json_is_integer(value) || json_integer_value(value) < 0)
            return wrong_kind(decoder, path, "a number of at least 0", value, err);
        *(uint64_t *)target = (uint64_t)json_integer_value(value);
        return check_number(key, decoder->origin, path, *(uint64_t *)target, err);
    case CONFIG_STR:
        if (!scalar_text(decoder->arena, value, target))
            return wrong_kind(decoder, path, "text", value, err);
        return ST_OK;
    case CONFIG_STRS:
        return decode_strs(decoder, path, value, target, err);
    case CONFIG_MAP:
        return decode_map(decoder, path, value, target, err);
    case CONFIG_OBJECT:
        return decode_object(decoder, key->object, path, value, target, err);
    case CONFIG_OBJECTS:
        return decode_objects(decoder, key, path, value, target, err);
    case CONFIG_LATER:
        vec_push(&decoder->later_keys, arena_str(decoder->arena, str_of(path)));
        return ST_OK;
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
        return fail(err, ST_INVALID, "%s: %s: unknown key; did you mean `%.*s`?", decoder->origin, path, STR_ARG(nearest));
    return fail(err, ST_INVALID, "%s: %s: unknown key", decoder->origin, path);
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
            return fail(err, ST_INVALID, "%s: %s%s%s is missing", decoder->origin, prefix, *prefix ? "." : "",
                        schema->keys[i].name);
    }
    return ST_OK;
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
            return unknown_key(decoder, schema, path, name, err);
        if (json_is_null(value))
            continue;
        TRY(decode_value(decoder, key, path, value, at(key, object), err));
    }
    return check_required(decoder, schema, prefix, tree, err);
}

enum status config_decode(struct config_decoder *decoder, const struct config_schema *schema, json_t *tree, void *object,
                          struct error *err)
{
    return decode_object(decoder, schema, "", tree, object, err);
}

static enum status apply_variable(const struct config_key *key, const char *text, void *target, struct arena *arena,
                                  struct error *err)
{
    struct str value = str_of(text);
    switch (key->kind) {
    case CONFIG_STR:
        *(struct str *)target = arena_str(arena, value);
        return ST_OK;
    case CONFIG_U64:
        if (!str_parse_u64(value, UINT64_MAX, target))
            return fail(err, ST_INVALID, "environment: %s=%s: expected a number of at least 0", key->env, text);
        return check_number(key, "environment", key->env, *(uint64_t *)target, err);
    case CONFIG_BOOL:
        if (!str_is(value, "true") && !str_is(value, "false") && !str_is(value, "1") && !str_is(value, "0"))
            return fail(err, ST_INVALID, "environment: %s=%s: expected true or false", key->env, text);
        *(bool *)target = str_is(value, "true") || str_is(value, "1");
        return ST_OK;
    default:
        bug("key %s cannot come from the environment", key->name);
    }
}

enum status config_apply_env(const struct config_schema *schema, void *object, struct arena *arena, struct error *err)
{
    for (size_t i = 0; i < schema->key_count; i++) {
        const struct config_key *key = &schema->keys[i];
        const char *text = key->env ? getenv(key->env) : NULL;
        if (text && *text)
            TRY(apply_variable(key, text, at(key, object), arena, err));
        if (key->kind == CONFIG_OBJECT)
            TRY(config_apply_env(key->object, at(key, object), arena, err));
    }
    return ST_OK;
}
