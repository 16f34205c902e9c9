/* The environment as a source of configuration; see schema.h. */
#include "base/buf.h"
#include "config/read.h"
#include "config/schema_private.h"
#include <ctype.h>

static void split_list(struct str value, struct config_strs *strs, struct arena *arena)
{
    struct str rest = value, part;
    size_t most = 1;
    for (size_t i = 0; i < value.len; i++)
        most += value.data[i] == ',';
    *strs = (struct config_strs){.items = ARENA_ARRAY(arena, struct str, most)};
    while (str_next_part(&rest, ',', &part))
        if (str_trim(part).len > 0)
            strs->items[strs->len++] = arena_str(arena, str_trim(part));
}

/* A value of TOML, or of JSON; NULL: it is neither. */
static json_t *parse_structure(const char *variable, struct str text)
{
    json_t *tree, *value = NULL;
    autobuf struct buf line = BUF_INIT(CONFIG_MAX_BYTES);
    if (config_parse_json(variable, text, &tree, NULL) == ST_OK)
        return tree;
    if (buf_printf(&line, "value = %.*s\n", STR_ARG(text)) != ST_OK || config_parse_toml(variable, buf_str(&line), &tree, NULL))
        return NULL;
    if (json_object_size(tree) == 1) /* and no more lines */
        value = json_incref(json_object_get(tree, "value"));
    json_decref(tree);
    return value;
}

static enum status apply_structure(const struct config_key *key, const char *variable, const char *text, void *target,
                                   struct arena *arena, struct error *err)
{
    struct config_decoder decoder = {.origin = "environment", .arena = arena};
    bool list = key->kind == CONFIG_OBJECTS;
    json_t *tree = parse_structure(variable, str_of(text));
    if (!tree)
        return fail(err, ST_INVALID, "environment: %s: expected a %s of TOML or JSON, as in %s", variable, list ? "list" : "table",
                    list ? "[{name = \"value\"}]" : "{name = \"value\"}");
    enum status status = config_decode_value(&decoder, key, variable, tree, target, err);
    vec_release(&decoder.later_keys);
    json_decref(tree);
    return status;
}

static enum status apply_variable(const struct config_key *key, const char *variable, const char *text, void *target,
                                  struct arena *arena, struct error *err)
{
    struct str value = str_of(text);
    struct config_strs *strs = target;
    switch (key->kind) {
    case CONFIG_STR:
        *(struct str *)target = arena_str(arena, value);
        return config_check_text(key, NULL, "environment", variable, target, err);
    case CONFIG_STRS:
        split_list(value, strs, arena);
        for (size_t i = 0; i < strs->len; i++)
            TRY(config_check_text(key, NULL, "environment", variable, &strs->items[i], err));
        return ST_OK;
    case CONFIG_U64:
        if (!str_parse_u64(value, UINT64_MAX, target))
            return fail(err, ST_INVALID, "environment: %s=%s: expected a number of at least 0", variable, text);
        return config_check_number(key, NULL, "environment", variable, *(uint64_t *)target, err);
    case CONFIG_BOOL:
        if (!str_is(value, "true") && !str_is(value, "false") && !str_is(value, "1") && !str_is(value, "0"))
            return fail(err, ST_INVALID, "environment: %s=%s: expected true or false", variable, text);
        *(bool *)target = str_is(value, "true") || str_is(value, "1");
        return ST_OK;
    default:
        return apply_structure(key, variable, text, target, arena, err);
    }
}

/* "WASH" and "dev" and "address" give WASH_DEV_ADDRESS. */
static const char *variable_name(const char *prefix, const char *name, struct arena *arena)
{
    struct str text = arena_printf(arena, "%s_%s", prefix, name);
    char *upper = arena_copy(arena, text.data, text.len + 1);
    for (char *c = upper; *c; c++)
        *c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
    return upper;
}

/* NULL: it has none. */
static const char *variable_of(const struct config_key *key, const char *prefix, struct arena *arena)
{
    const char *variable = key->env ? key->env : variable_name(prefix, key->name, arena);
    return *variable ? variable : NULL;
}

enum status config_apply_env(const struct config_schema *schema, const char *prefix, void *object, struct arena *arena,
                             struct error *err)
{
    for (size_t i = 0; i < schema->key_count; i++) {
        const struct config_key *key = &schema->keys[i];
        const char *variable = variable_of(key, prefix, arena);
        const char *text = variable ? getenv(variable) : NULL;
        if (text && *text)
            TRY(apply_variable(key, variable, text, config_at(key, object), arena, err));
        if (variable && key->kind == CONFIG_OBJECT) /* what is more exact is stronger */
            TRY(config_apply_env(key->object, variable, config_at(key, object), arena, err));
    }
    return ST_OK;
}

void config_variables(const struct config_schema *schema, const char *prefix, struct arena *arena, config_names *names)
{
    for (size_t i = 0; i < schema->key_count; i++) {
        const char *variable = variable_of(&schema->keys[i], prefix, arena);
        if (variable)
            vec_push(names, str_of(variable));
        if (variable && schema->keys[i].kind == CONFIG_OBJECT)
            config_variables(schema->keys[i].object, variable, arena, names);
    }
}
