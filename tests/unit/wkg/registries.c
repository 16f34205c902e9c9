#include "wkg/registries.h"
#include "base/buf.h"
#include "base/mem.h"
#include "tap.h"
#include "wkg/manifest.h"

static const char *find(const struct wkg_registries *registries, const char *name, const struct wkg_metadata **metadata)
{
    static char text[256];
    struct wkg_package package;
    struct error err;
    if (wkg_package_parse(str_of(name), &package, &err) != ST_OK)
        return NULL;
    const struct wkg_mapping *found = wkg_registries_find(registries, &package, 0);
    if (!found)
        return NULL;
    *metadata = found->has_metadata ? &found->metadata : NULL;
    snprintf(text, sizeof text, "%.*s", STR_ARG(found->registry));
    return text;
}

#define CONFIG                                                                                                                     \
    "[namespace_registries]\n"                                                                                                     \
    "mine = \"mine.example:5000\"\n"                                                                                               \
    "wasmcloud = \"other.example\"\n"                                                                                              \
    "custom = { registry = \"c.example\", metadata = { preferredProtocol = \"oci\", oci = { registry = \"ghcr.io\", "              \
    "namespacePrefix = \"x/\" } } }\n"                                                                                             \
    "[package_registry_overrides]\n"                                                                                               \
    "\"mine:special\" = \"special.example\"\n"                                                                                     \
    "[registry.\"mine.example:5000\".oci]\n"                                                                                       \
    "auth = { username = \"open\", password = \"sesame\" }\n"                                                                      \
    "protocol = \"http\"\n"                                                                                                        \
    "[registry.\"c.example\"]\n"                                                                                                   \
    "type = \"oci\"\n"                                                                                                             \
    "[registry.\"c.example\".oci]\n"                                                                                               \
    "auth = \"cGluZzpwb25n\"\n"                                                                                                    \
    "[registry.\"d.example\".oci]\n"                                                                                               \
    "auth = \"YTpi\"\n"                                                                                                            \
    "[registry.\"e.example\".oci]\n"                                                                                               \
    "auth = \"YTpiYw\"\n"

TEST(resolution)
{
    struct arena arena;
    struct wkg_registries registries;
    const struct wkg_metadata *metadata;
    struct error err;
    arena_init(&arena, SIZE_MAX);
    wkg_registries_init(&registries, &arena);
    CHECK_STR(str_of(find(&registries, "wasi:http", &metadata)), "wasi.dev");
    CHECK_STR(str_of(find(&registries, "ba:x", &metadata)), "bytecodealliance.org");
    CHECK_STR(str_of(find(&registries, "wasmcloud:bus", &metadata)), "wasmcloud.com");
    CHECK_STR(str_of(find(&registries, "wrpc:x", &metadata)), "bytecodealliance.org");
    CHECK(!find(&registries, "mine:x", &metadata));
    CHECK(wkg_registries_parse(&registries, "config.toml", STR(CONFIG), &err) == ST_OK);
    CHECK_STR(str_of(find(&registries, "mine:x", &metadata)), "mine.example:5000");
    CHECK(!metadata);
    CHECK_STR(str_of(find(&registries, "mine:special", &metadata)), "special.example");
    CHECK_STR(str_of(find(&registries, "wasmcloud:bus", &metadata)), "other.example");
    CHECK_STR(str_of(find(&registries, "custom:x", &metadata)), "c.example");
    CHECK(metadata);
    CHECK_STR(metadata->registry, "ghcr.io");
    CHECK_STR(metadata->prefix, "x/");
    CHECK_STR(str_of(find(&registries, "wasi:http", &metadata)), "wasi.dev");
    CHECK(wkg_registries_parse(&registries, "config.toml", STR("default_registry = \"all.example\"\n"), &err) == ST_OK);
    CHECK_STR(str_of(find(&registries, "wasi:http", &metadata)), "all.example");
    CHECK_STR(str_of(find(&registries, "mine:x", &metadata)), "mine.example:5000");
    wkg_registries_release(&registries);
    arena_release(&arena);
}

TEST(logins)
{
    struct arena arena;
    struct wkg_registries registries;
    struct error err;
    arena_init(&arena, SIZE_MAX);
    wkg_registries_init(&registries, &arena);
    CHECK(wkg_registries_parse(&registries, "config.toml", STR(CONFIG), &err) == ST_OK);
    static const char *const wanted[][3] = {
        {"mine.example:5000", "open", "sesame"}, {"c.example", "ping", "pong"}, {"d.example", "a", "b"}, {"e.example", "a", "bc"}};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        const struct wkg_registry *registry = wkg_registries_get(&registries, str_of(wanted[i][0]));
        CHECK(registry);
        CHECK_STR(registry->user, wanted[i][1]);
        CHECK_STR(registry->password, wanted[i][2]);
        CHECK_EQ(registry->plain_http, i == 0);
        CHECK_STR(registry->backend, "oci");
        CHECK(!registry->refused.data);
    }
    CHECK(!wkg_registries_get(&registries, STR("x.example")));
    CHECK(wkg_registries_list(&registries, STR("https://c.example/"), STR("me"), STR("word"), &err) == ST_OK);
    CHECK_STR(wkg_registries_get(&registries, STR("c.example"))->user, "me");
    CHECK(wkg_registries_list(&registries, STR("http://localhost:5000"), STR_NULL, STR_NULL, &err) == ST_OK);
    CHECK(wkg_registries_get(&registries, STR("localhost:5000"))->plain_http);
    CHECK(wkg_registries_list(&registries, STR("a b"), STR_NULL, STR_NULL, &err) == ST_INVALID);
    wkg_registries_release(&registries);
    arena_release(&arena);
}

/* The registries where a package is looked for, each after a space, with what its repositories begin with. */
static const char *places(const struct wkg_registries *registries, const char *name)
{
    static char text[256];
    const struct wkg_mapping *place;
    struct wkg_package package;
    size_t at = 0;
    text[0] = '\0';
    if (wkg_package_parse(str_of(name), &package, NULL) != ST_OK)
        return "";
    for (size_t i = 0; (place = wkg_registries_find(registries, &package, i)) && at < sizeof text; i++)
        at +=
            (size_t)snprintf(text + at, sizeof text - at, " %.*s/%.*s", STR_ARG(place->registry), STR_ARG(place->metadata.prefix));
    return text;
}

/* Listed ones are for what nothing else names. */
TEST(listed)
{
    static const char *const urls[] = {"https://one.example", "http://localhost:5000/a/b/", "one.example/", "two.example"};
    static const char *const refused[] = {"one.example/other", "https://", "/a", "three.example/A", "three.example//a", "a/../b"};
    struct arena arena;
    struct wkg_registries registries;
    struct error err;
    arena_init(&arena, SIZE_MAX);
    wkg_registries_init(&registries, &arena);
    for (size_t i = 0; i < ARRAY_LEN(urls); i++)
        CHECK(wkg_registries_list(&registries, str_of(urls[i]), STR_NULL, STR_NULL, &err) == ST_OK);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        CHECK(wkg_registries_list(&registries, str_of(refused[i]), STR_NULL, STR_NULL, &err) == ST_INVALID);
    CHECK_STR(str_of(places(&registries, "my:x")), " one.example/ localhost:5000/a/b/ two.example/");
    CHECK_STR(str_of(places(&registries, "wasi:http")), " wasi.dev/");
    CHECK_STR(str_of(places(&registries, "wrpc:x")), " bytecodealliance.org/");
    CHECK(wkg_registries_parse(&registries, "config.toml", STR(CONFIG "[x]"), &err) == ST_INVALID);
    CHECK(wkg_registries_parse(&registries, "config.toml", STR("default_registry = \"all.example\"\n" CONFIG), &err) == ST_OK);
    CHECK_STR(str_of(places(&registries, "my:x")), " one.example/ localhost:5000/a/b/ two.example/ all.example/");
    CHECK_STR(str_of(places(&registries, "wasi:http")), " all.example/");
    CHECK_STR(str_of(places(&registries, "custom:x")), " c.example/x/");
    CHECK_STR(str_of(places(&registries, "mine:special")), " special.example/");
    wkg_registries_release(&registries);
    arena_release(&arena);
}

/* The type, or the only table there is; what is not supported is no error before it is needed. */
TEST(backends)
{
    static const char *const cases[][3] = {
        /* the table of one registry, its backend, its folder */
        {"type = \"local\"\nlocal = { root = \"/a\" }\n", "local", "/a"},
        {"default = \"local\"\nlocal = { root = \"a\", more = 1 }\noci = {}\n", "local", "a"},
        {"local = { root = \"/a\" }\n", "local", "/a"},
        {"local = { root = \"/a\" }\noci = { protocol = \"http\" }\n", "", ""},
        {"type = \"oci\"\nlocal = { root = \"/a\" }\n", "oci", ""},
        {"type = \"warg\"\n", "warg", ""},
        {"warg = { config_file = \"/a\" }\n", "warg", ""},
        {"", "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena arena;
        struct wkg_registries registries;
        struct error err = {.message = ""};
        autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
        arena_init(&arena, SIZE_MAX);
        wkg_registries_init(&registries, &arena);
        buf_addf(&text, "[registry.\"a.b\"]\n%s", cases[i][0]);
        CHECK(wkg_registries_parse(&registries, "config.toml", buf_str(&text), &err) == ST_OK ||
              tap_fail(__FILE__, __LINE__, "case %zu: %s", i, err.message));
        CHECK_STR(wkg_registries_get(&registries, STR("a.b"))->backend, cases[i][1]);
        CHECK_STR(wkg_registries_get(&registries, STR("a.b"))->folder, cases[i][2]);
        wkg_registries_release(&registries);
        arena_release(&arena);
    }
}

TEST(refused_when_needed)
{
    struct arena arena;
    struct wkg_registries registries;
    struct error err;
    arena_init(&arena, SIZE_MAX);
    wkg_registries_init(&registries, &arena);
    CHECK(wkg_registries_parse(&registries, "config.toml",
                               STR("[registry.\"a.b\".oci]\naccept_invalid_certificates = true\n"
                                   "[registry.\"c.d\".oci]\nextra_root_certificates = [{ encoding = \"pem\", data = \"x\" }]\n"),
                               &err) == ST_OK);
    CHECK(strstr(wkg_registries_get(&registries, STR("a.b"))->refused.data, "WASH_OCI_CA_PATHS"));
    CHECK(strstr(wkg_registries_get(&registries, STR("c.d"))->refused.data, "WASH_OCI_CA_PATHS"));
    wkg_registries_release(&registries);
    arena_release(&arena);
}

TEST(refused_configuration)
{
    static const char *const cases[][2] = {
        {"defaul_registry = \"a.b\"\n", "defaul_registry"},
        {"default_registry = \"a b\"\n", "default_registry"},
        {"namespace_registries = 3\n", "table"},
        {"[namespace_registries]\n\"a:b\" = \"c.d\"\n", "a:b"},
        {"[namespace_registries]\na = { registry = \"c.d\" }\n", "metadata"},
        {"[package_registry_overrides]\na = \"c.d\"\n", "`a`"},
        {"[registry.\"a.b\"]\ntype = \"local\"\n", "`root`"},
        {"[registry.\"a.b\"]\ntype = 3\n", "`type`"},
        {"[registry.\"a.b\".local]\nroot = 3\n", "`root`"},
        {"[registry.\"a.b\"]\noci = 3\n", "`oci`"},
        {"[registry.\"a.b\".oci]\nprotocol = \"ftp\"\n", "protocol"},
        {"[registry.\"a.b\".oci]\nauth = \"!!\"\n", "Base64"},
        {"[registry.\"a.b\".oci]\nauth = { username = \"a\" }\n", "password"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena arena;
        struct wkg_registries registries;
        struct error err = {.message = ""};
        arena_init(&arena, SIZE_MAX);
        wkg_registries_init(&registries, &arena);
        if (wkg_registries_parse(&registries, "config.toml", str_of(cases[i][0]), &err) == ST_OK ||
            !strstr(err.message, cases[i][1]) || !strstr(err.message, "config.toml"))
            tap_fail(__FILE__, __LINE__, "case %zu: %s", i, err.message);
        wkg_registries_release(&registries);
        arena_release(&arena);
    }
}

TEST(manifest)
{
    struct arena arena;
    struct wkg_manifest manifest;
    struct error err;
    arena_init(&arena, SIZE_MAX);
    CHECK(
        wkg_manifest_parse("wkg.toml",
                           STR("[overrides]\n\"b:c\" = { version = \"1.2\" }\n\"a:b\" = { path = \"../x\" }\n[metadata]\nauthor = "
                               "\"me\"\nlicense = \"MIT\"\n"),
                           &arena, &manifest, &err) == ST_OK);
    CHECK_EQ(manifest.override_count, 2);
    CHECK_STR(manifest.overrides[0].package, "a:b");
    CHECK_STR(manifest.overrides[0].path, "../x");
    CHECK(!manifest.overrides[0].requirement.data);
    CHECK_STR(manifest.overrides[1].requirement, "^1.2");
    CHECK_STR(manifest.fields[WKG_AUTHORS], "me");
    CHECK_STR(manifest.fields[WKG_LICENSES], "MIT");
    CHECK_EQ(manifest.member_count, 0);
    CHECK(wkg_manifest_parse("wkg.toml", STR("[workspace]\nmembers = [\"wit\", \"a-*/wit\"]\nmetadata = { license = \"MIT\" }\n"),
                             &arena, &manifest, &err) == ST_OK);
    CHECK_EQ(manifest.member_count, 2);
    CHECK_STR(manifest.members[1], "a-*/wit");
    CHECK(wkg_manifest_parse("wkg.toml", STR("[workspace]\n"), &arena, &manifest, &err) == ST_OK);
    CHECK_EQ(manifest.member_count, 0);
    static const char *const bad[][2] = {{"workspace = \"..\"\n", "`members`"},
                                         {"[workspace]\nmembers = \"wit\"\n", "`members`"},
                                         {"[workspace]\nmembers = [3]\n", "members[]"},
                                         {"[workspace]\nmembers = []\n[overrides]\n", "neither `overrides`"},
                                         {"[workspace]\nmembers = []\n[metadata]\n", "nor `metadata`"},
                                         {"x = 1\n", "`x`"},
                                         {"overrides = 3\n", "overrides"},
                                         {"[overrides]\na = {}\n", "`a`"},
                                         {"[overrides]\n\"a:b\" = { version = \"x.y\" }\n", "`x.y`"},
                                         {"[overrides]\n\"a:b\" = { git = \"x\" }\n", "git"},
                                         {"[metadata]\nname = \"x\"\n", "metadata.name"},
                                         {"[metadata]\nauthors = [\"x\"]\n", "metadata.authors"}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK(wkg_manifest_parse("wkg.toml", str_of(bad[i][0]), &arena, &manifest, &err) != ST_OK);
        CHECK(strstr(err.message, bad[i][1]));
    }
    arena_release(&arena);
}
