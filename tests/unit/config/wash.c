/* Reading and decoding configuration: kinds, defaults, bounds, mistakes, trust. */
#include "config/wash.h"
#include "base/buf.h"
#include "base/mem.h"
#include "tap.h"
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    struct arena arena;
    struct wash_config config;
    struct config_decoder decoder;
    struct error err;
};

static enum status decode(struct fixture *fixture, const char *yaml)
{
    arena_init(&fixture->arena, SIZE_MAX);
    config_defaults(&wash_config_schema, &fixture->config);
    fixture->decoder = (struct config_decoder){.origin = "config.yaml", .arena = &fixture->arena};
    json_t *tree;
    TRY(config_parse_yaml("config.yaml", str_of(yaml), &tree, &fixture->err));
    enum status status = config_decode(&fixture->decoder, &wash_config_schema, tree, &fixture->config, &fixture->err);
    json_decref(tree);
    return status;
}

static void release(struct fixture *fixture)
{
    vec_release(&fixture->decoder.later_keys);
    arena_release(&fixture->arena);
}

TEST(decodes_what_dev_needs)
{
    __attribute__((cleanup(release))) struct fixture f = {0};
    CHECK_EQ(decode(&f, "build:\n  command: make\n  env:\n    A: b\n    N: 3\n    T: true\n  component_path: out.wasm\n"
                        "dev:\n  address: 127.0.0.1:9\n  volumes:\n  - host_path: data\n    guest_path: /d\n"
                        "limits:\n  memory_mib: 64\n"),
             ST_OK);
    CHECK_STR(f.config.build.command, "make");
    CHECK_EQ(f.config.build.env.len, 3);
    CHECK_STR(f.config.build.env.items[1].value, "3");
    CHECK_STR(f.config.build.env.items[2].value, "true");
    CHECK_STR(f.config.dev.address, "127.0.0.1:9");
    CHECK_EQ(f.config.dev.volumes.len, 1);
    CHECK_STR(((struct config_volume *)f.config.dev.volumes.items)->guest_path, "/d");
    CHECK_EQ(f.config.limits.memory_mib, 64);
    CHECK_EQ(f.config.limits.call_timeout_secs, 600);
}

TEST(empty_file_gives_defaults)
{
    __attribute__((cleanup(release))) struct fixture f = {0};
    CHECK_EQ(decode(&f, "# nothing\n"), ST_OK);
    CHECK_STR(f.config.dev.address, "0.0.0.0:8000");
    CHECK_EQ(f.config.limits.memory_mib, 256);
    CHECK(!f.config.build.command.data);
}

TEST(later_keys_are_named)
{
    __attribute__((cleanup(release))) struct fixture f = {0};
    CHECK_EQ(decode(&f, "dev:\n  wasi_otel: true\nworkload: {config: {a: b}}\n"), ST_OK);
    CHECK_EQ(f.decoder.later_keys.len, 2);
    CHECK_STR(f.decoder.later_keys.items[0], "dev.wasi_otel");
    CHECK_STR(f.decoder.later_keys.items[1], "workload");
}

static const struct {
    const char *yaml, *message;
} mistakes[] = {
    {"dev:\n  adress: x\n", "config.yaml: dev.adress: unknown key; did you mean `address`?"},
    {"zzzzzz: 1\n", "config.yaml: zzzzzz: unknown key"},
    {"dev: 3\n", "config.yaml: dev: expected a mapping, got a number"},
    {"build:\n  command: [a]\n", "config.yaml: build.command: expected text, got a list"},
    {"build:\n  env: [a]\n", "config.yaml: build.env: expected a mapping, got a list"},
    {"dev:\n  volumes:\n  - host_path: x\n", "config.yaml: dev.volumes[0].guest_path is missing"},
    {"dev:\n  volumes: {}\n", "config.yaml: dev.volumes: expected a list, got a mapping"},
    {"limits:\n  memory_mib: 0\n", "config.yaml: limits.memory_mib: 0 is outside 1 to 4096"},
    {"limits:\n  memory_mib: -1\n", "config.yaml: limits.memory_mib: -1 is less than 1"},
    {"a: 1\na: 2\n", "config.yaml: line 2, column 1: this key appears twice"},
    {"a: *x\nb: &x 1\n", "config.yaml: line 1, column 4: this alias names no value that is complete before it"},
    {"a: &x [*x]\n", "config.yaml: line 1, column 8: this alias names no value that is complete before it"},
    {"a: &x 1\nb: &x {c: *x}\n", "config.yaml: line 2, column 11: this alias names no value that is complete before it"},
    {"a: &x 1\n*x : 2\n", "config.yaml: line 2, column 1: a key must be text"},
    {"<<: {a: 1}\n", "config.yaml: line 1, column 1: merge keys are not supported"},
    {"a: 1\n---\nb: 2\n", "config.yaml: line 2, column 1: more than one document in the file"},
    {"- a\n", "config.yaml: the file: expected a mapping, got a list"},
    {"limits:\n  memory_mib: lots\n", "config.yaml: limits.memory_mib: expected a whole number, got text"},
    {"build:\n  command: \"a\\0b\"\n", "config.yaml: build.command: text with a NUL character"},
    {"build:\n  env: {A: \"a\\0b\"}\n", "config.yaml: build.env.A: text with a NUL character"},
    {"build:\n\tcommand: a\n", "config.yaml: line 2, column 1: a tab where only spaces may be"},
    {"build:\n  command: \"a\ndev: {}\n", "config.yaml: line 4, column 1: found unexpected end of stream while scanning a quoted "
                                          "scalar that begins at line 2, column 12"},
    {"build:\n  command: a\n dev: {}\n",
     "config.yaml: line 3, column 2: did not find expected key while parsing a block mapping that begins at line 1, column 1"},
    {"build:\n  command: \"\xff\"\n", "config.yaml: line 2, column 13: invalid leading UTF-8 octet"},
};

TEST(mistakes_are_named)
{
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        __attribute__((cleanup(release))) struct fixture f = {0};
        CHECK_EQ(decode(&f, mistakes[i].yaml), ST_INVALID);
        CHECK_STR(str_of(f.err.message), mistakes[i].message);
    }
}

TEST(deep_and_wide_files_are_bounded)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    for (int i = 0; i < 1000; i++)
        buf_add(&text, STR("["));
    struct error err;
    json_t *tree;
    CHECK_EQ(config_parse_yaml("x", buf_str(&text), &tree, &err), ST_INVALID);
    buf_clear(&text);
    buf_add(&text, STR("a: ["));
    for (int i = 0; i < CONFIG_MAX_NODES + 1; i++)
        buf_add(&text, STR("1,"));
    buf_add(&text, STR("]"));
    CHECK_EQ(config_parse_yaml("x", buf_str(&text), &tree, &err), ST_INVALID);
}

TEST(aliases)
{
    static const char text[] = "build:\n  env: &env {A: &a 1, B: &b two}\ndev:\n  environment: *env\n  command: *b\n"
                               "configs:\n  c: {inline: &b {C: *a}, file: d}\n  e: {inline: *b}\n";
    __attribute__((cleanup(release))) struct fixture f = {0};
    CHECK_EQ(decode(&f, text), ST_OK);
    CHECK_EQ(f.config.dev.environment.len, 2);
    CHECK_STR(f.config.dev.environment.items[1].value, "two");
    CHECK_STR(f.config.dev.command, "two");
    CHECK_EQ(f.config.configs.len, 2);
    const struct config_source *last = (const struct config_source *)f.config.configs.items + 1;
    CHECK_EQ(last->inline_values.len, 1);
    CHECK_STR(last->inline_values.items[0].value, "1");
}

/* Each level is what is before it, several times. */
static enum status parse_tower(const char *base, int levels, int times, struct error *err)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    json_t *tree;
    buf_addf(&text, "a0: &a0 %s\n", base);
    for (int level = 1; level <= levels; level++) {
        buf_addf(&text, "a%d: &a%d [", level, level);
        for (int i = 0; i < times; i++)
            buf_addf(&text, "*a%d,", level - 1);
        buf_add(&text, STR("]\n"));
    }
    enum status status = config_parse_yaml("x", buf_str(&text), &tree, err);
    if (status == ST_OK)
        json_decref(tree);
    return status;
}

TEST(aliases_are_bounded_by_what_they_expand_to)
{
    struct error err;
    autobuf struct buf long_text = BUF_INIT(BUF_UNLIMITED);
    for (int i = 0; i < 1000; i++)
        buf_add(&long_text, STR("word"));
    CHECK_EQ(parse_tower("1", 4, 9, &err), ST_OK);
    CHECK_EQ(parse_tower("1", 30, 9, &err), ST_INVALID);
    CHECK(strstr(err.message, "too many or too deeply nested values"));
    CHECK_EQ(parse_tower("1", CONFIG_MAX_DEPTH + 1, 1, &err), ST_INVALID);
    CHECK(strstr(err.message, "too many or too deeply nested values"));
    CHECK_EQ(parse_tower(long_text.data, 3, 9, &err), ST_INVALID);
    CHECK(strstr(err.message, "repeat too much text"));
}

TEST(environment_overrides)
{
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    struct wash_config config;
    struct error err;
    config_defaults(&wash_config_schema, &config);
    setenv("WASH_INSTANCE_MEMORY_MIB", "77", 1);
    enum status good = config_apply_env(&wash_config_schema, "WASH", &config, &arena, &err);
    setenv("WASH_INSTANCE_MEMORY_MIB", "lots", 1);
    struct wash_config unused = config;
    enum status bad = config_apply_env(&wash_config_schema, "WASH", &unused, &arena, &err);
    unsetenv("WASH_INSTANCE_MEMORY_MIB");
    arena_release(&arena);
    CHECK_EQ(good, ST_OK);
    CHECK_EQ(config.limits.memory_mib, 77);
    CHECK_EQ(bad, ST_INVALID);
    CHECK_STR(str_of(err.message), "environment: WASH_INSTANCE_MEMORY_MIB=lots: expected a number of at least 0");
}

struct folder {
    struct arena arena;
    char path[32];
    struct config_project project;
    struct error err;
};

static void make_folder(struct folder *folder, const char *yaml)
{
    arena_init(&folder->arena, SIZE_MAX);
    snprintf(folder->path, sizeof folder->path, "/tmp/wash-config-XXXXXX");
    char name[64];
    if (!mkdtemp(folder->path))
        bug("mkdtemp");
    snprintf(name, sizeof name, "%s/.wash", folder->path);
    mkdir(name, 0755);
    snprintf(name, sizeof name, "%s/sub", folder->path);
    mkdir(name, 0755);
    snprintf(name, sizeof name, "%s/.wash/config.yaml", folder->path);
    FILE *file = fopen(name, "w");
    if (!file)
        bug("fopen");
    fputs(yaml, file);
    fclose(file);
    chmod(name, 0644);
}

static void remove_folder(struct folder *folder)
{
    const char *const names[] = {"/.wash/config.yaml", "/.wash", "/sub", ""};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", folder->path, names[i]);
        remove(name);
    }
    arena_release(&folder->arena);
}

static enum status load(struct folder *folder, const char *below, bool named)
{
    char start[64];
    snprintf(start, sizeof start, "%s%s", folder->path, below);
    struct config_request request = {.start = str_of(start), .named = named};
    return config_load(&request, &folder->arena, &folder->project, &folder->err);
}

TEST(project_is_found_from_a_subfolder)
{
    __attribute__((cleanup(remove_folder))) struct folder f;
    make_folder(&f, "build:\n  command: make\n");
    CHECK_EQ(load(&f, "/sub", false), ST_OK);
    CHECK_STR(f.project.root, f.path);
    CHECK_STR(f.project.config.build.command, "make");
    struct str wanted = arena_printf(&f.arena, "%s/%s.wasm", f.path, f.path + strlen("/tmp/"));
    CHECK(str_eq(config_component_path(&f.project, true, &f.arena), wanted));
}

TEST(files_that_others_can_write_are_refused)
{
    __attribute__((cleanup(remove_folder))) struct folder f;
    make_folder(&f, "build:\n  command: make\n");
    char name[64];
    snprintf(name, sizeof name, "%s/.wash/config.yaml", f.path);
    chmod(name, 0666);
    CHECK_EQ(load(&f, "", false), ST_DENIED);
    CHECK(str_find(str_of(f.err.message), STR("writable by every user")) != STR_NONE);
    CHECK_EQ(load(&f, "", true), ST_OK);
    chmod(name, 0644);
    snprintf(name, sizeof name, "%s/.wash", f.path);
    chmod(name, 0777);
    CHECK_EQ(load(&f, "", false), ST_DENIED);
    chmod(name, 0755);
    CHECK_EQ(load(&f, "", false), ST_OK);
}

TEST(named_means_that_folder)
{
    __attribute__((cleanup(remove_folder))) struct folder f;
    make_folder(&f, "build:\n  command: make\n");
    char name[64];
    snprintf(name, sizeof name, "%s/.wash/config.yaml", f.path);
    chmod(name, 0666);
    CHECK_EQ(load(&f, "", true), ST_OK);
    CHECK_EQ(load(&f, "/sub", true), ST_DENIED);
}

/* A configuration that is a link is as good as the folder it really lies in. */
TEST(links_lead_to_a_checked_folder)
{
    __attribute__((cleanup(remove_folder))) struct folder f;
    make_folder(&f, "build:\n  command: make\n");
    char name[64], real[64], folder[64];
    snprintf(name, sizeof name, "%s/.wash/config.yaml", f.path);
    snprintf(folder, sizeof folder, "%s/sub", f.path);
    snprintf(real, sizeof real, "%s/sub/real.yaml", f.path);
    CHECK_EQ(rename(name, real), 0);
    CHECK_EQ(symlink("../sub/real.yaml", name), 0);
    CHECK_EQ(load(&f, "", false), ST_OK);
    CHECK_STR(f.project.config.build.command, "make");
    chmod(folder, 0777);
    CHECK_EQ(load(&f, "", false), ST_DENIED);
    CHECK(str_find(str_of(f.err.message), str_of(folder)) != STR_NONE);
    CHECK_EQ(load(&f, "", true), ST_OK);
    remove(real);
    CHECK_EQ(load(&f, "", true), ST_NOT_FOUND); /* a link to nothing is not passed over */
}

TEST(empty_list_items_and_keys_are_missing)
{
    static const struct {
        const char *yaml, *message;
    } cases[] = {
        {"dev:\n  volumes:\n    -\n", "dev.volumes[0]: expected a mapping, got nothing"},
        {"dev:\n  volumes:\n    - host_path: a\n      guest_path:\n", "dev.volumes[0].guest_path is missing"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        __attribute__((cleanup(remove_folder))) struct folder f;
        make_folder(&f, cases[i].yaml);
        CHECK_EQ(load(&f, "", false), ST_INVALID);
        CHECK(str_find(str_of(f.err.message), str_of(cases[i].message)) != STR_NONE);
    }
}
