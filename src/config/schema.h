/* One table says what a configuration may contain: each row is a key with its kind, where it goes in a C struct, its default, the
 * environment variable that sets it, and its help. Reading, validation, "did you mean", and (later) help, documentation and the
 * editor's JSON Schema all come from the same rows. Files are read into a jansson tree first (YAML, JSON), so one decoder serves
 * every format. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "base/vec.h"
#include <jansson.h>

enum config_kind {
    CONFIG_BOOL,    /* bool */
    CONFIG_U64,     /* uint64_t */
    CONFIG_STR,     /* struct str; data NULL when absent */
    CONFIG_STRS,    /* struct config_strs */
    CONFIG_MAP,     /* struct config_map: text to text; numbers and booleans are taken as their text */
    CONFIG_OBJECT,  /* the nested struct in place */
    CONFIG_OBJECTS, /* struct config_objects: an array of the nested struct */
    CONFIG_LATER,   /* known and documented, but nothing acts on it yet: any value, not kept, named in one warning */
};

struct config_strs {
    struct str *items;
    size_t len;
};
struct config_pair {
    struct str key, value;
};
struct config_map {
    struct config_pair *items;
    size_t len;
};
struct config_objects {
    void *items;
    size_t len;
};

struct config_schema;

struct config_key {
    const char *name;
    enum config_kind kind;
    size_t offset;
    const struct config_schema *object;              /* OBJECT, OBJECTS */
    const char *env;                                 /* environment variable that overrides it; scalars only */
    uint64_t number_default, number_min, number_max; /* U64; max 0: no bound */
    const char *text_default;                        /* STR */
    const char *help;
    bool required;
};

struct config_schema {
    const char *name;
    size_t size; /* of the C struct */
    const struct config_key *keys;
    size_t key_count;
};

/* A source to decode: `origin` names the file in messages. */
struct config_decoder {
    const char *origin;
    struct arena *arena;
    VEC(struct str) later_keys; /* dotted paths of CONFIG_LATER keys that were set; arena-owned text */
};

/* Fills `ret_object` with defaults, without a file. */
void config_defaults(const struct config_schema *schema, void *ret_object);

/* Decodes `tree` over what `object` holds already. ST_INVALID: "config.yaml: dev.adress: unknown key; did you mean `address`?" */
enum status config_decode(struct config_decoder *decoder, const struct config_schema *schema, json_t *tree, void *object,
                          struct error *err) CHECKED;

/* Applies the environment variables that the rows name. */
enum status config_apply_env(const struct config_schema *schema, void *object, struct arena *arena, struct error *err) CHECKED;
