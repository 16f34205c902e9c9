#include "component/names.h"

#include "tap.h"

static const struct {
    const char *text;
    enum cm_name_kind kind;
    const char *resource, *label, *namespace_, *package, *version;
} good[] = {
    {"a", CM_NAME_LABEL, "", "a", "", "", ""},
    {"get-JSON-2", CM_NAME_LABEL, "", "get-JSON-2", "", "", ""},
    {"[constructor]blob", CM_NAME_CONSTRUCTOR, "blob", "", "", "", ""},
    {"[method]blob.read-all", CM_NAME_METHOD, "blob", "read-all", "", "", ""},
    {"[static]B.c", CM_NAME_STATIC, "B", "c", "", "", ""},
    {"wasi:http/types", CM_NAME_INTERFACE, "", "types", "wasi", "http", ""},
    {"a-b:c-d/E-f@0.2.12", CM_NAME_INTERFACE, "", "E-f", "a-b", "c-d", "0.2.12"},
    {"a:b/c@1.0.0-rc.1+b-2", CM_NAME_INTERFACE, "", "c", "a", "b", "1.0.0-rc.1+b-2"},
};

TEST(names_take_apart)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct cm_name name;
        struct error err;
        CHECK_EQ(cm_name_parse(str_of(good[i].text), &name, &err), ST_OK);
        CHECK_EQ(name.kind, good[i].kind);
        CHECK_STR(name.text, good[i].text);
        CHECK_STR(name.resource, good[i].resource);
        CHECK_STR(name.label, good[i].label);
        CHECK_STR(name.namespace_, good[i].namespace_);
        CHECK_STR(name.package, good[i].package);
        CHECK_STR(name.version.text, good[i].version);
    }
}

static const struct {
    const char *text, *message;
} bad[] = {
    {"", "the name is empty"},
    {"aB", "mixes upper and lower case"},
    {"1a", "starts with a digit"},
    {"a--b", "a word between '-' is empty"},
    {"a-", "a word between '-' is empty"},
    {"a_b", "only ASCII letters"},
    {"[constructor]", "the name is empty"},
    {"[constructor]a.b", "only ASCII letters"},
    {"[method]a", "failed to find `.`"},
    {"[method]a.b.c", "only ASCII letters"},
    {"[static].a", "the name is empty"},
    {"[getter]a", "only ASCII letters"},
    {"a:b", "expected `/` after package name"},
    {"a:b/", "the name is empty"},
    {"A:b/c", "not in lower case"},
    {"a:B/c", "not in lower case"},
    {"a:b:c/d", "nested namespaces"},
    {"a:b/c/d", "nested namespaces"},
    {"a:b/c@1.2", "not MAJOR.MINOR.PATCH"},
    {"a:b/c@01.2.3", "leading zero"},
    {"a:b/c@1.2.3-", "empty identifier"},
    {"url=<https://example.com>", "kebab case"},
};

TEST(bad_names_say_why)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct cm_name name;
        struct error err = {.status = ST_OK};
        CHECK(cm_name_parse(str_of(bad[i].text), &name, &err) != ST_OK);
        if (str_find(str_of(err.message), str_of(bad[i].message)) == STR_NONE)
            tap_fail(__FILE__, __LINE__, "`%s`: %s", bad[i].text, err.message);
    }
}

static bool conflict(const char *a, const char *b)
{
    struct cm_name x, y;
    char key_x[100], key_y[100];
    if (cm_name_parse(str_of(a), &x, NULL) != ST_OK || cm_name_parse(str_of(b), &y, NULL) != ST_OK)
        return false;
    size_t len_x = cm_name_conflict_key(&x, key_x), len_y = cm_name_conflict_key(&y, key_y);
    return str_eq(str_n(key_x, len_x), str_n(key_y, len_y));
}

/* The sets of names in Explainer.md, "Name Uniqueness". */
TEST(strong_uniqueness)
{
    static const char *const apart[] = {"foo", "foo-bar", "[constructor]foo", "[method]foo.bar", "[static]foo.baz", "foo:bar/baz"};
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++)
        for (size_t j = 0; j < sizeof apart / sizeof *apart; j++)
            CHECK_EQ(conflict(apart[i], apart[j]), i == j);
    CHECK(conflict("foo", "FOO"));
    CHECK(conflict("foo-bar", "foo-BAR"));
    CHECK(conflict("[constructor]foo", "[constructor]FOO"));
    CHECK(conflict("[method]foo.bar", "[method]foo.BAR"));
    CHECK(conflict("[method]foo.bar", "[static]foo.bar"));
    CHECK(conflict("[method]foo.foo", "foo"));
    CHECK(conflict("[static]foo-BAR.FOO-bar", "foo-bar"));
    CHECK(conflict("foo:bar/baz", "foo:bar/BAZ"));
    CHECK(!conflict("foo:bar/baz@1.0.0", "foo:bar/baz@1.0.1"));
    CHECK(!conflict("foo:bar/baz@1.0.0-rc", "foo:bar/baz@1.0.0-RC"));
    CHECK(!conflict("[constructor]foo", "foo"));
}

TEST(version_tracks)
{
    CHECK_STR(cm_version_track(STR("1.2.3")), "1");
    CHECK_STR(cm_version_track(STR("12.0.0+build")), "12");
    CHECK_STR(cm_version_track(STR("0.2.12")), "0.2");
    CHECK_STR(cm_version_track(STR("0.10.0+b.1")), "0.10");
    CHECK_EQ(cm_version_track(STR("0.0.1")).len, 0);
    CHECK_EQ(cm_version_track(STR("0.2.0-draft")).len, 0);
    CHECK_EQ(cm_version_track(STR("")).len, 0);
}

static bool compatible(const char *wanted, const char *offered)
{
    struct cm_name a, b;
    return cm_name_parse(str_of(wanted), &a, NULL) == ST_OK && cm_name_parse(str_of(offered), &b, NULL) == ST_OK &&
           cm_name_compatible(&a, &b);
}

TEST(compatible_names)
{
    CHECK(compatible("run", "run"));
    CHECK(!compatible("run", "walk"));
    CHECK(compatible("wasi:io/streams@0.2.12", "wasi:io/streams@0.2.6"));
    CHECK(compatible("wasi:io/streams@0.2.0", "wasi:io/streams@0.2.6"));
    CHECK(!compatible("wasi:io/streams@0.2.0", "wasi:io/streams@0.3.0"));
    CHECK(!compatible("wasi:io/streams@0.2.0", "wasi:io/poll@0.2.0"));
    CHECK(!compatible("wasi:io/streams@0.2.0", "wasi:io/streams"));
    CHECK(compatible("a:b/c@2.0.0", "a:b/c@2.9.1"));
    CHECK(compatible("a:b/c@0.0.1", "a:b/c@0.0.1"));
    CHECK(!compatible("a:b/c@0.0.1", "a:b/c@0.0.2"));
    CHECK(!compatible("a:b/c@0.2.0-draft", "a:b/c@0.2.0"));
    CHECK(compatible("a:b/c", "a:b/c"));
}
