/* The WASI packages in wit/wasi: complete, and the same as what real components import. data/real/ holds the worlds of components
 * made by four toolchains (C, Rust, JavaScript, Python), as wasm-tools prints them. */
#include "support.h"

#include "base/mem.h"

static enum status load_wasi(struct wit_model *model, bool all_features, struct error *err)
{
    const struct wit_options options = {.all_features = all_features};
    wit_model_init(model);
    struct wit_loader *loader = wit_loader_new(model, &options);
    enum status status = wit_loader_add_packages(loader, WASI_WIT, err);
    if (status == ST_OK)
        status = wit_loader_finish(loader, NULL, err);
    wit_loader_free(loader);
    return status;
}

static void check_counts(bool all_features, size_t want_interfaces, size_t want_functions)
{
    struct wit_model model;
    struct error err;
    size_t functions = 0;
    if (load_wasi(&model, all_features, &err) != ST_OK)
        tap_fail(__FILE__, __LINE__, "%s", err.message);
    CHECK_EQ(model.packages.len, 7);
    CHECK_EQ(model.interfaces.len, want_interfaces);
    for (size_t i = 0; i < model.interfaces.len; i++)
        functions += model.interfaces.items[i]->functions.len;
    CHECK_EQ(functions, want_functions);
    wit_model_release(&model);
}

TEST(counts)
{
    check_counts(true, 32, 181);
    check_counts(false, 31, 177); /* without timezone's two, network-error-code, send-informational */
}

/* What a type is, names resolved: equal for equal types. */
static void describe(struct buf *out, const struct wit_type *type)
{
    type = type ? wit_type_root(type) : NULL;
    buf_addf(out, "%s", type ? wit_kind_name(type->kind) : "_");
    if (!type || wit_kind_is_primitive(type->kind))
        return;
    if (type->kind == WIT_RESOURCE) {
        buf_addf(out, " %.*s/%.*s", STR_ARG(type->interface->name), STR_ARG(type->name));
        return;
    }
    buf_add(out, STR("<"));
    for (size_t i = 0; i < type->fields.len; i++) {
        buf_addf(out, "%.*s:", STR_ARG(type->fields.items[i].name));
        describe(out, type->fields.items[i].type);
    }
    if (type->fields.len == 0)
        describe(out, type->first);
    if (type->second)
        describe(out, type->second);
    buf_add(out, STR(">"));
}

static void describe_function(struct buf *out, const struct wit_function *function)
{
    buf_addf(out, "%s(", function->is_async ? "async" : "");
    for (size_t i = 0; i < function->params.len; i++) {
        buf_addf(out, "%.*s:", STR_ARG(function->params.items[i].name));
        describe(out, function->params.items[i].type);
    }
    buf_add(out, STR(")"));
    describe(out, function->result);
}

static void compare(const char *what, struct str interface, struct str name, const struct buf *theirs, const struct buf *ours)
{
    if (!str_eq(buf_str(theirs), buf_str(ours)))
        tap_fail(__FILE__, __LINE__, "%s %.*s.%.*s:\n#  theirs %.*s\n#  ours   %.*s", what, STR_ARG(interface), STR_ARG(name),
                 STR_ARG(buf_str(theirs)), STR_ARG(buf_str(ours)));
}

/* Every type and function of `theirs` is in `ours`, and is the same. */
static size_t compare_interface(const struct wit_interface *theirs, const struct wit_interface *ours)
{
    for (size_t i = 0; i < theirs->types.len; i++) {
        autobuf struct buf a = BUF_INIT(BUF_UNLIMITED), b = BUF_INIT(BUF_UNLIMITED);
        const struct wit_type *type = theirs->types.items[i];
        describe(&a, type);
        describe(&b, wit_interface_type(ours, type->name));
        compare("type", theirs->name, type->name, &a, &b);
    }
    for (size_t i = 0; i < theirs->functions.len; i++) {
        autobuf struct buf a = BUF_INIT(BUF_UNLIMITED), b = BUF_INIT(BUF_UNLIMITED);
        const struct wit_function *function = theirs->functions.items[i], *own = wit_interface_function(ours, function->name);
        describe_function(&a, function);
        if (own)
            describe_function(&b, own);
        compare("function", theirs->name, function->name, &a, &b);
    }
    return theirs->types.len + theirs->functions.len;
}

static size_t compare_component(const char *path, const struct wit_model *wasi)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED), printed = BUF_INIT(BUF_UNLIMITED), name = BUF_INIT(BUF_UNLIMITED);
    struct wit_model model;
    struct wit_package *main_package;
    struct error err;
    size_t compared = 0;
    if (!support_read(path, &text))
        return 0;
    enum status status = support_load(&model, buf_str(&text), NULL, &main_package, &err);
    if (status == ST_OK)
        status = wit_print(&model, main_package, &printed, &err);
    if (status != ST_OK || !str_eq(buf_str(&text), buf_str(&printed)))
        tap_fail(__FILE__, __LINE__, "%s does not print as it was read (%s)", path, status == ST_OK ? "differs" : err.message);
    for (size_t i = 0; status == ST_OK && i < model.interfaces.len; i++) {
        const struct wit_interface *interface = model.interfaces.items[i];
        if (!str_is(interface->package->ns, "wasi"))
            continue;
        buf_clear(&name);
        buf_addf(&name, "wasi:%.*s@0.2.12", STR_ARG(interface->package->name));
        const struct wit_package *package = wit_package_find(wasi, buf_str(&name));
        const struct wit_interface *ours = package ? wit_package_interface(package, interface->name) : NULL;
        if (!ours)
            tap_fail(__FILE__, __LINE__, "%s: no interface %.*s", path, STR_ARG(interface->name));
        compared += ours ? compare_interface(interface, ours) : 0;
    }
    wit_model_release(&model);
    return compared;
}

TEST(same_as_real_components)
{
    static const char *const paths[] = {"data/real/c-echo.wit", "data/real/files.wit", "data/real/js-hello.wit",
                                        "data/real/py-hello.wit"};
    struct wit_model wasi;
    struct error err;
    size_t compared = 0;
    CHECK_EQ(load_wasi(&wasi, true, &err), ST_OK);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        compared += compare_component(paths[i], &wasi);
    wit_model_release(&wasi);
    CHECK(compared > 300);
}
