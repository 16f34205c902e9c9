#include "component/world.h"

#include "engine/engine.h"
#include "tap.h"

static void read_file(struct buf *ret_content, const char *name, const char *suffix)
{
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
    char piece[4096];
    size_t len;
    buf_addf(&path, COMPONENT_TESTS "/worlds/%s%s", name, suffix);
    FILE *file = fopen(path.data, "re");
    bug_unless(file);
    while ((len = fread(piece, 1, sizeof piece, file)) > 0)
        buf_add(ret_content, str_n(piece, len));
    fclose(file);
}

static void assemble(struct str text, struct buf *ret_binary)
{
    struct error err;
    if (engine_wat2wasm(text, ret_binary, &err) != ST_OK)
        bug("%s", err.message);
}

static void check_world(const char *name)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED), wanted = BUF_INIT(BUF_UNLIMITED);
    autobuf struct buf binary = BUF_INIT(1 << 20), got = BUF_INIT(1 << 20);
    struct error err = {.message = ""};
    read_file(&text, name, ".wat");
    read_file(&wanted, name, ".wit");
    assemble(buf_str(&text), &binary);
    CHECK_EQ(cm_world_wit(buf_str(&binary), &got, &err), ST_OK);
    CHECK_STR(buf_str(&got), wanted.data);
}

/* Each pair of files: a component, and what wasm-tools prints of it. */
TEST(functions_types_and_resources_of_the_world)
{
    check_world("funcs");
}

TEST(interfaces_of_packages_inline_and_implemented)
{
    check_world("interfaces");
}

TEST(types_of_an_import_in_an_export)
{
    check_world("reexport");
}

TEST(a_resource_of_the_component)
{
    check_world("defined");
}

TEST(an_encoded_package_with_documentation)
{
    check_world("package");
}

static const struct {
    const char *text, *message;
} failing[] = {
    {"(component (type $t u8) (export \"t\" (type $t)))", "export `t` is not an interface, function or imported type"},
    {"(component (import \"i\" (instance (export \"j\" (instance)))))", "`j` is neither a type nor a function"},
    {"(component (import \"i\" (instance $i (export \"r\" (type (sub resource))))) (export \"j\" (instance $i)))",
     "the type `r` appears more than once"},
    {"(component (import \"a:b/c\" (func)))", "the name of function `a:b/c` is that of an interface"},
    {"(component (type $c (component (export \"a:b/c\" (instance)) (export \"a:b/d\" (instance)))) (export \"c\" (type $c)))",
     "expected a single export, but found 2"},
    {"(component (type $c (component (export \"c\" (instance)))) (export \"c\" (type $c)))", "is not the full name"},
    {"(component (type $c (component (export \"a:b/c\" (instance)))) (export \"c\" (type $c)) (@custom \"package-docs\" "
     "\"\\02{}\"))",
     "unknown version"},
    {"(component (type $c (component (export \"a:b/c\" (instance)))) (export \"c\" (type $c)) (@custom \"package-docs\" "
     "\"\\01{\"))",
     "custom section `package-docs`"},
    {"(component (type $c (component (export \"a:b/c\" (instance)))) (export \"c\" (type $c))"
     " (@custom \"package-docs\" \"\\01{\\22interfaces\\22:{\\22d\\22:{}}}\"))",
     "missing interface `d`"},
    {"(component (type $c (component (export \"a:b/c\" (instance)))) (export \"c\" (type $c))"
     " (@custom \"package-docs\" \"\\01{\\22doc\\22:\\22\\22}\"))",
     "unknown key `doc`"},
};

TEST(what_wit_cannot_say)
{
    for (size_t i = 0; i < sizeof failing / sizeof *failing; i++) {
        autobuf struct buf binary = BUF_INIT(1 << 20), got = BUF_INIT(1 << 20);
        struct error err = {.message = ""};
        assemble(str_of(failing[i].text), &binary);
        enum status status = cm_world_wit(buf_str(&binary), &got, &err);
        if (status != ST_INVALID || str_find(str_of(err.message), str_of(failing[i].message)) == STR_NONE)
            tap_fail(__FILE__, __LINE__, "%s: %s", failing[i].text, status == ST_OK ? got.data : err.message);
    }
}

TEST(bounds_and_other_files)
{
    autobuf struct buf binary = BUF_INIT(1 << 20), got = BUF_INIT(20);
    struct error err;
    assemble(STR("(component (import \"a-function-with-a-long-name\" (func)))"), &binary);
    CHECK_EQ(cm_world_wit(buf_str(&binary), &got, &err), ST_LIMIT);
    CHECK_EQ(cm_world_wit(STR("not a component"), &got, &err), ST_INVALID);
    CHECK(str_find(str_of(err.message), STR("not a WebAssembly binary")) != STR_NONE);
    assemble(STR("(module)"), &binary);
    CHECK_EQ(cm_world_wit(buf_str(&binary), &got, &err), ST_INVALID);
    CHECK(str_find(str_of(err.message), STR("core module")) != STR_NONE);
}
