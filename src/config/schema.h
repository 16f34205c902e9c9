/* One table says what a configuration may contain: each row is a key with its kind, where it goes in a C struct, its default, the
 * environment variable that sets it, what is valid, and its help. Reading, validation, "did you mean", `wash config show`, and the
 * editor's JSON Schema all come from the same rows. Files are read into a jansson tree first (YAML, JSON, TOML), so one decoder
 * serves every format.
 *
 * Sources are decoded one over the other, the strongest last: objects and maps merge key by key, lists are replaced. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "base/vec.h"
#include <jansson.h>

enum config_kind {
    CONFIG_BOOL,       /* bool */
    CONFIG_U64,        /* uint64_t; unset where it is 0 and number_min is not */
    CONFIG_STR,        /* struct str; data NULL when absent */
    CONFIG_STRS,       /* struct config_strs */
    CONFIG_MAP,        /* struct config_map: text to text; numbers and booleans are taken as their text */
    CONFIG_OBJECT,     /* the nested struct in place */
    CONFIG_OBJECTS,    /* struct config_objects: an array of the nested struct */
    CONFIG_OBJECT_MAP, /* struct config_object_map: name to nested struct */
};

struct config_strs {
    struct str *items; /* NULL when absent, rather than empty */
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

struct config_object_map {
    struct str *names;
    void *items;
    size_t len;
};

/* What texts are valid, and how to say it: "expected a nats:// or tls:// URL". */
struct config_format {
    bool (*valid)(struct str value);
    const char *wanted;
};

struct config_schema;

struct config_key {
    const char *name;
    enum config_kind kind;
    size_t offset;
    const struct config_schema *object;              /* OBJECT, OBJECTS, OBJECT_MAP */
    const char *env;                                 /* environment variable; NULL: the path, WASH_DEV_ADDRESS; "": none */
    uint64_t number_default, number_min, number_max; /* U64; max 0: no bound */
    const char *text_default;                        /* STR */
    const char *const *choices;                      /* STR, STRS: NULL-ended, any case, `_` as `-`; or NULL */
    const struct config_format *format;              /* STR, each of STRS, each name of a MAP; or NULL */
    const char *help;
    bool required;
    bool later;  /* nothing acts on it yet: named in one warning */
    bool secret; /* not shown, unless it only refers to the environment */
};

struct config_report;

struct config_schema {
    const char *name;
    size_t size; /* of the C struct */
    const struct config_key *keys;
    size_t key_count;
    /* Rules between keys, for what all sources together gave; or NULL. `path`: of the object, "" for the root. */
    enum status (*check)(const void *object, const char *path, struct config_report *report, struct error *err);
};

/* Mistakes: the first one ends the work with an error, or all of them are collected. */
struct config_report {
    bool collect;
    struct arena *arena;
    VEC(struct str) mistakes;
};
enum status config_mistake(struct config_report *report, struct error *err, const char *format, ...) PRINTF(3, 4) CHECKED;

/* A source to decode: `origin` names the file in messages. */
struct config_decoder {
    const char *origin;
    struct arena *arena;
    VEC(struct str) later_keys;   /* dotted paths of `later` keys that were set; arena-owned text */
    struct config_report *report; /* NULL: the first mistake ends decoding */
};

/* Fills `ret_object` with defaults, without a file. */
void config_defaults(const struct config_schema *schema, void *ret_object);

/* Decodes `tree` over what `object` holds already. ST_INVALID: "config.yaml: dev.adress: unknown key; did you mean `address`?" */
enum status config_decode(struct config_decoder *decoder, const struct config_schema *schema, json_t *tree, void *object,
                          struct error *err) CHECKED;

/* Applies environment variables: the rows' own, or prefix and path. Lists are separated by commas; mappings, and lists of mappings,
 * are values of TOML or JSON: WASH_BUILD='{command = "make"}'. Fails: ST_INVALID. */
enum status config_apply_env(const struct config_schema *schema, const char *prefix, void *object, struct arena *arena,
                             struct error *err) CHECKED;

/* Adds the names of all those variables, which are in the arena or static. */
typedef VEC(struct str) config_names;
void config_variables(const struct config_schema *schema, const char *prefix, struct arena *arena, config_names *names);

/* Runs the rules between keys, nested objects first. */
enum status config_check(const struct config_schema *schema, const void *object, struct config_report *report,
                         struct error *err) CHECKED;

/* The tree that decodes to `object`; a new reference. Secrets come out as "***". */
json_t *config_encode(const struct config_schema *schema, const void *object);

/* A JSON Schema (draft 7) for editors; a new reference. */
json_t *config_json_schema(const struct config_schema *schema, const char *title);

/* Replaces each ${NAME} by that environment variable; `$${` stands for `${`. `what` names the key in messages. ST_NOT_FOUND: a
 * variable is not set. */
enum status config_expand(struct str text, const char *what, struct arena *arena, struct str *ret_text, struct error *err) CHECKED;
