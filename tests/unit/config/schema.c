/* What the tables give besides decoding: the environment, ${NAME}, the JSON Schema. CFG-1, DOC-1. */
#include "config/schema.h"
#include "base/mem.h"
#include "config/wash.h"
#include "tap.h"

static const struct {
    const char *text, *wanted, *message;
} expansions[] = {
    {"plain", "plain", NULL},
    {"${WASH_TEST_A}", "one", NULL},
    {"a-${WASH_TEST_A}-${WASH_TEST_A}$", "a-one-one$", NULL},
    {"$${WASH_TEST_A} $5", "${WASH_TEST_A} $5", NULL},
    {"${WASH_TEST_NONE}", NULL, "token: the environment variable WASH_TEST_NONE is not set"},
    {"${WASH_TEST_A", NULL, "token: `${` needs a name and `}`; write `$${` for the two characters"},
    {"${}", NULL, "token: `${` needs a name and `}`; write `$${` for the two characters"},
};

TEST(DOC_1_references_to_the_environment)
{
    setenv("WASH_TEST_A", "one", 1);
    for (size_t i = 0; i < ARRAY_LEN(expansions); i++) {
        struct arena arena;
        struct error err = {0};
        struct str text = STR_NULL;
        arena_init(&arena, SIZE_MAX);
        enum status status = config_expand(str_of(expansions[i].text), "token", &arena, &text, &err);
        bool right = expansions[i].wanted ? status == ST_OK && str_is(text, expansions[i].wanted)
                                          : status != ST_OK && strcmp(err.message, expansions[i].message) == 0;
        arena_release(&arena);
        CHECK(right);
    }
}

TEST(CFG_1_every_scalar_has_a_variable)
{
    struct arena arena;
    struct wash_config config;
    struct error err;
    static const char *const set[][2] = {{"WASH_DEV_ADDRESS", "127.0.0.1:1"},
                                         {"WASH_WIT_SKIP_FETCH", "true"},
                                         {"WASH_DEV_WASM_PROPOSALS", "gc, threads"},
                                         {"WASH_BUILD_COMPONENT_PATH", "x.wasm"},
                                         {"WASH_VERSION", "not a key"}};
    arena_init(&arena, SIZE_MAX);
    config_defaults(&wash_config_schema, &config);
    for (size_t i = 0; i < ARRAY_LEN(set); i++)
        setenv(set[i][0], set[i][1], 1);
    enum status good = config_apply_env(&wash_config_schema, "WASH", &config, &arena, &err);
    bool right = str_is(config.dev.address, "127.0.0.1:1") && config.wit.skip_fetch && config.dev.wasm_proposals.len == 2 &&
                 str_is(config.dev.wasm_proposals.items[1], "threads") && str_is(config.build.component_path, "x.wasm") &&
                 !config.version.data;
    setenv("WASH_DEV_ADDRESS", "nowhere", 1);
    enum status bad = config_apply_env(&wash_config_schema, "WASH", &config, &arena, &err);
    for (size_t i = 0; i < ARRAY_LEN(set); i++)
        unsetenv(set[i][0]);
    arena_release(&arena);
    CHECK_EQ(good, ST_OK);
    CHECK(right);
    CHECK_EQ(bad, ST_INVALID);
    CHECK_STR(str_of(err.message), "environment: WASH_DEV_ADDRESS: `nowhere`: expected an address and a port, like 127.0.0.1:8000");
}

static const struct {
    const char *variable, *value, *message; /* message NULL: it is taken */
} structures[] = {
    {"WASH_BUILD", "{command = \"make\", env = {A = \"1\", B = 2}}", NULL},
    {"WASH_BUILD_ENV", "{\"B\": \"3\", \"C\": true}", NULL},
    {"WASH_DEV_VOLUMES", "[{host_path = \"a\", guest_path = \"/a\"}]", NULL},
    {"WASH_BUILD", "make", "environment: WASH_BUILD: expected a table of TOML or JSON, as in {name = \"value\"}"},
    {"WASH_BUILD", "{command = make}", "environment: WASH_BUILD: expected a table of TOML or JSON, as in {name = \"value\"}"},
    {"WASH_BUILD", "{}\nother = 1", "environment: WASH_BUILD: expected a table of TOML or JSON, as in {name = \"value\"}"},
    {"WASH_BUILD", "[]", "environment: WASH_BUILD: expected a mapping, got a list"},
    {"WASH_BUILD", "{comand = \"a\"}", "environment: WASH_BUILD.comand: unknown key; did you mean `command`?"},
    {"WASH_DEV_VOLUMES", "a", "environment: WASH_DEV_VOLUMES: expected a list of TOML or JSON, as in [{name = \"value\"}]"},
    {"WASH_DEV_VOLUMES", "[{host_path = \"a\"}]", "environment: WASH_DEV_VOLUMES[0].guest_path is missing"},
};

TEST(CFG_1_mappings_have_variables)
{
    struct arena arena;
    struct wash_config config;
    arena_init(&arena, SIZE_MAX);
    config_defaults(&wash_config_schema, &config);
    for (size_t i = 0; i < ARRAY_LEN(structures); i++) {
        struct error err = {.message = ""};
        setenv(structures[i].variable, structures[i].value, 1);
        enum status status = config_apply_env(&wash_config_schema, "WASH", &config, &arena, &err);
        CHECK_EQ(status, structures[i].message ? ST_INVALID : ST_OK);
        CHECK_STR(str_of(err.message), structures[i].message ? structures[i].message : "");
        if (structures[i].message)
            unsetenv(structures[i].variable);
    }
    CHECK_STR(config.build.command, "make");
    CHECK_EQ(config.build.env.len, 3);
    CHECK_STR(config.build.env.items[1].value, "3"); /* the more exact variable is stronger */
    CHECK_EQ(config.dev.volumes.len, 1);
    for (size_t i = 0; i < ARRAY_LEN(structures); i++)
        unsetenv(structures[i].variable);
    arena_release(&arena);
}

TEST(json_schema_says_what_the_table_says)
{
    json_t *schema = config_json_schema(&wash_config_schema, "wash");
    json_t *dev = json_object_get(json_object_get(json_object_get(schema, "properties"), "dev"), "properties");
    json_t *address = json_object_get(dev, "address"), *roots = json_object_get(dev, "http_client_trust_roots");
    bool has_default = strcmp(json_string_value(json_object_get(address, "default")), "0.0.0.0:8000") == 0;
    bool has_choices = json_array_size(json_object_get(roots, "enum")) == 5; /* four and null */
    bool closed = json_is_false(json_object_get(schema, "additionalProperties"));
    json_decref(schema);
    CHECK(has_default);
    CHECK(has_choices);
    CHECK(closed);
}
