/* From structs and tables back to trees: what `wash config show` prints, and the JSON Schema. */
#include "base/mem.h"
#include "base/url.h"
#include "config/schema.h"

static const void *at(const struct config_key *key, const void *object)
{
    return (const char *)object + key->offset;
}

static json_t *text_of(struct str text)
{
    return json_stringn(text.data, text.len);
}

static json_t *without_login(struct str text)
{
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    json_t *value = text_of(url_shown(&arena, text));
    arena_release(&arena);
    return value;
}

/* A reference to the environment gives nothing away; any other secret stays hidden, and so does a login in any address. */
static json_t *shown_text(const struct config_key *key, struct str text)
{
    bool reference = str_starts(text, STR("${")) && str_ends(text, STR("}"));
    return key->secret && !reference ? json_string("***") : without_login(text);
}

static json_t *encode_strs(const struct config_strs *strs)
{
    json_t *array = strs->items ? json_array() : NULL;
    for (size_t i = 0; i < strs->len; i++)
        json_array_append_new(array, text_of(strs->items[i]));
    return array;
}

static json_t *encode_map(const struct config_key *key, const struct config_map *map)
{
    json_t *object = map->len ? json_object() : NULL;
    for (size_t i = 0; i < map->len; i++)
        json_object_set_new(object, map->items[i].key.data, shown_text(key, map->items[i].value));
    return object;
}

static json_t *encode_objects(const struct config_key *key, const struct config_objects *objects)
{
    json_t *array = objects->len ? json_array() : NULL;
    for (size_t i = 0; i < objects->len; i++)
        json_array_append_new(array, config_encode(key->object, (const char *)objects->items + i * key->object->size));
    return array;
}

static json_t *encode_object_map(const struct config_key *key, const struct config_object_map *map)
{
    json_t *object = map->len ? json_object() : NULL;
    for (size_t i = 0; i < map->len; i++)
        json_object_set_new(object, map->names[i].data,
                            config_encode(key->object, (const char *)map->items + i * key->object->size));
    return object;
}

static json_t *encode_nested(const struct config_key *key, const void *value)
{
    json_t *object = config_encode(key->object, value);
    if (json_object_size(object) > 0)
        return object;
    json_decref(object);
    return NULL;
}

/* NULL: not set. */
static json_t *encode_value(const struct config_key *key, const void *value)
{
    uint64_t number;
    struct str text;
    switch (key->kind) {
    case CONFIG_BOOL:
        return *(const bool *)value ? json_true() : NULL;
    case CONFIG_U64:
        number = *(const uint64_t *)value;
        return number >= key->number_min ? json_integer((json_int_t)number) : NULL;
    case CONFIG_STR:
        text = *(const struct str *)value;
        return text.data ? shown_text(key, text) : NULL;
    case CONFIG_STRS:
        return encode_strs(value);
    case CONFIG_MAP:
        return encode_map(key, value);
    case CONFIG_OBJECT:
        return encode_nested(key, value);
    case CONFIG_OBJECTS:
        return encode_objects(key, value);
    case CONFIG_OBJECT_MAP:
        return encode_object_map(key, value);
    }
    bug("config kind %d", key->kind);
}

json_t *config_encode(const struct config_schema *schema, const void *object)
{
    json_t *tree = json_object();
    for (size_t i = 0; i < schema->key_count; i++) {
        json_t *value = encode_value(&schema->keys[i], at(&schema->keys[i], object));
        if (value)
            json_object_set_new(tree, schema->keys[i].name, value);
    }
    return tree;
}

/* --- JSON Schema -------------------------------------------------------------------------------------------------------------- */

static json_t *object_schema(const struct config_schema *schema);

static json_t *scalar_schema(void)
{
    return json_pack("{s:[sss]}", "type", "string", "number", "boolean");
}

static json_t *string_schema(const struct config_key *key)
{
    json_t *schema = key->choices ? json_pack("{s:s}", "type", "string") : scalar_schema();
    json_t *choices = key->choices ? json_array() : NULL;
    for (const char *const *choice = key->choices; choice && *choice; choice++)
        json_array_append_new(choices, json_string(*choice));
    if (choices)
        json_object_set_new(schema, "enum", choices);
    return schema;
}

static json_t *number_schema(const struct config_key *key)
{
    json_t *schema = json_pack("{s:s, s:I}", "type", "integer", "minimum", (json_int_t)key->number_min);
    if (key->number_max)
        json_object_set_new(schema, "maximum", json_integer((json_int_t)key->number_max));
    if (key->number_default >= key->number_min)
        json_object_set_new(schema, "default", json_integer((json_int_t)key->number_default));
    return schema;
}

static json_t *kind_schema(const struct config_key *key)
{
    switch (key->kind) {
    case CONFIG_BOOL:
        return json_pack("{s:s, s:b}", "type", "boolean", "default", 0);
    case CONFIG_U64:
        return number_schema(key);
    case CONFIG_STR:
        return string_schema(key);
    case CONFIG_STRS:
        return json_pack("{s:s, s:o}", "type", "array", "items", string_schema(key));
    case CONFIG_MAP:
        return json_pack("{s:s, s:o}", "type", "object", "additionalProperties", scalar_schema());
    case CONFIG_OBJECT:
        return object_schema(key->object);
    case CONFIG_OBJECTS:
        return json_pack("{s:s, s:o}", "type", "array", "items", object_schema(key->object));
    case CONFIG_OBJECT_MAP:
        return json_pack("{s:s, s:o}", "type", "object", "additionalProperties", object_schema(key->object));
    }
    bug("config kind %d", key->kind);
}

/* "dev:" with nothing under it is fine in a file: so null is, where a key is not required. */
static void allow_null(json_t *schema)
{
    json_t *type = json_object_get(schema, "type"), *choices = json_object_get(schema, "enum");
    if (json_is_array(type))
        json_array_append_new(type, json_string("null"));
    else
        json_object_set_new(schema, "type", json_pack("[Os]", type, "null"));
    if (choices)
        json_array_append_new(choices, json_null());
}

static json_t *key_schema(const struct config_key *key)
{
    json_t *schema = kind_schema(key);
    json_object_set_new(schema, "description",
                        key->format ? json_sprintf("%s: %s", key->help, key->format->wanted) : json_string(key->help));
    if (key->text_default)
        json_object_set_new(schema, "default", json_string(key->text_default));
    if (!key->required)
        allow_null(schema);
    return schema;
}

static json_t *object_schema(const struct config_schema *schema)
{
    json_t *properties = json_object(), *required = json_array();
    for (size_t i = 0; i < schema->key_count; i++) {
        json_object_set_new(properties, schema->keys[i].name, key_schema(&schema->keys[i]));
        if (schema->keys[i].required)
            json_array_append_new(required, json_string(schema->keys[i].name));
    }
    json_t *object = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties, "additionalProperties", 0);
    if (json_array_size(required) > 0)
        json_object_set_new(object, "required", required);
    else
        json_decref(required);
    return object;
}

json_t *config_json_schema(const struct config_schema *schema, const char *title)
{
    json_t *tree = json_pack("{s:s, s:s}", "$schema", "http://json-schema.org/draft-07/schema#", "title", title);
    json_t *object = object_schema(schema);
    json_object_update(tree, object);
    json_decref(object);
    return tree;
}
