/* Imports and what the host offers: names, versions, structure, and what is said when they do not fit. */
#include "base/mem.h"
#include "host_things.h"
#include "runtime_help.h"

/* --- interfaces that answer with a number of their own ----------------------------------------------------------------------- */

static enum status which(struct cm_call *call, const void *args, void *ret)
{
    (void)args;
    *(uint32_t *)ret = (uint32_t)(uintptr_t)cm_call_env(call);
    return ST_OK;
}

static const struct cm_func_desc which_funcs[] = {{.name = "which", .result = &things_u32, .invoke = which}};

#define WHICH(interface_name, interface_version)                                                                                   \
    {                                                                                                                              \
        .name = (interface_name), .version = (interface_version), .func_count = 1, .funcs = which_funcs                            \
    }

static const struct cm_interface_desc v024 = WHICH("a:b/c", "0.2.4"), v0212 = WHICH("a:b/c", "0.2.12"),
                                      v030 = WHICH("a:b/c", "0.3.0"), v1 = WHICH("a:b/c", "1.4.0"), v003 = WHICH("a:b/c", "0.0.3"),
                                      pre = WHICH("a:b/c", "2.0.0-rc.1"), plain = WHICH("store", NULL),
                                      unversioned = WHICH("a:b/c", NULL), root = WHICH("", NULL);

/* Everything above but `plain` and `root`, in an order that does not help. */
static void add_versions(struct runtime *rt)
{
    const struct cm_interface_desc *all[] = {&v030, &v0212, &pre, &v024, &unversioned, &v1, &v003};
    static const uintptr_t answers[] = {30, 212, 2000, 24, 1, 140, 3};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        runtime_add(rt, all[i], (void *)answers[i]);
}

static void which_component(char *text, size_t size, const char *import)
{
    snprintf(text, size,
             "(component (import %s (instance $i (export \"which\" (func (result u32)))))\n"
             "  (core func $w (canon lower (func $i \"which\")))\n"
             "  (core module $m (import \"\" \"w\" (func $w (result i32))) (func (export \"run\") (result i32) (call $w)))\n"
             "  (core instance $m (instantiate $m (with \"\" (instance (export \"w\" (func $w))))))\n"
             "  (func (export \"run\") (result u32) (canon lift (core func $m \"run\"))))",
             import);
}

/* The number of the interface that an import is given, or the message. */
static struct str resolve(struct runtime *rt, const char *import)
{
    char text[1024];
    which_component(text, sizeof text, import);
    if (!runtime_load(rt, text))
        return STR("?");
    add_versions(rt);
    runtime_add(rt, &plain, (void *)7);
    if (runtime_try_link(rt) != ST_OK || cm_instantiate(rt->linked, NULL, &rt->instance, &rt->err) != ST_OK)
        return str_of(rt->err.message);
    return runtime_call(rt, "run", "()");
}

#define CHECK_RESOLVES(import, expected)                                                                                           \
    do {                                                                                                                           \
        struct runtime rt = {0};                                                                                                   \
        bool same = tap_same_str(__FILE__, __LINE__, import, resolve(&rt, import), str_of(expected));                              \
        runtime_close(&rt);                                                                                                        \
        CHECK(same);                                                                                                               \
    } while (0)

TEST(versions_match_exactly_first)
{
    CHECK_RESOLVES("\"a:b/c@0.2.4\"", "24");
    CHECK_RESOLVES("\"a:b/c@0.2.12\"", "212");
    CHECK_RESOLVES("\"a:b/c@0.0.3\"", "3");
    CHECK_RESOLVES("\"a:b/c@2.0.0-rc.1\"", "2000");
    CHECK_RESOLVES("\"a:b/c\"", "1");
    CHECK_RESOLVES("\"store\"", "7");
}

TEST(versions_match_by_track)
{
    CHECK_RESOLVES("\"a:b/c@0.2.0\"", "212"); /* the highest that is there */
    CHECK_RESOLVES("\"a:b/c@0.2.99\"", "212");
    CHECK_RESOLVES("\"a:b/c@0.3.7\"", "30");
    CHECK_RESOLVES("\"a:b/c@1.0.0\"", "140");
    CHECK_RESOLVES("\"a:b/c@1.99.0\"", "140");
}

#define NOT_FOUND(name) "component imports instance `" name "`, but a matching implementation was not found in the linker"

TEST(versions_outside_the_track_do_not_match)
{
    CHECK_RESOLVES("\"a:b/c@0.0.4\"", NOT_FOUND("a:b/c@0.0.4") " (it has `a:b/c@0.3.0`)");
    CHECK_RESOLVES("\"a:b/c@0.4.0\"", NOT_FOUND("a:b/c@0.4.0") " (it has `a:b/c@0.3.0`)");
    CHECK_RESOLVES("\"a:b/c@2.0.0\"", NOT_FOUND("a:b/c@2.0.0") " (it has `a:b/c@0.3.0`)");
    CHECK_RESOLVES("\"a:b/c@0.2.4-rc.1\"", NOT_FOUND("a:b/c@0.2.4-rc.1") " (it has `a:b/c@0.3.0`)");
    CHECK_RESOLVES("\"a:b/d@0.2.4\"", NOT_FOUND("a:b/d@0.2.4"));
    CHECK_RESOLVES("\"other\"", NOT_FOUND("other"));
}

TEST(an_import_may_say_what_it_implements)
{
    CHECK_RESOLVES("\"other\" (implements \"a:b/c@0.2.0\")", "212");
    CHECK_RESOLVES("\"store\" (implements \"a:b/c@0.2.0\")", "7"); /* its own name comes first */
}

TEST(functions_of_the_root)
{
    struct runtime rt = {0};
    CHECK(runtime_load(
        &rt, "(component (import \"which\" (func $w (result u32))) (core func $w (canon lower (func $w)))\n"
             "  (core module $m (import \"\" \"w\" (func $w (result i32))) (func (export \"run\") (result i32) (call $w)))\n"
             "  (core instance $m (instantiate $m (with \"\" (instance (export \"w\" (func $w))))))\n"
             "  (func (export \"run\") (result u32) (canon lift (core func $m \"run\")))\n"
             "  (export \"same\" (func $w)))"));
    CHECK_EQ(runtime_try_link(&rt), ST_NOT_FOUND);
    CHECK_STR(str_of(rt.err.message),
              "component imports function `which`, but a matching implementation was not found in the linker");
    CHECK(runtime_add(&rt, &root, (void *)11));
    CHECK(runtime_start(&rt));
    CHECK_STR(runtime_call(&rt, "run", "()"), "11");
    CHECK_STR(runtime_call(&rt, "same", "()"), "11"); /* passed on: no guest is entered */
    runtime_close(&rt);
}

TEST(adding_twice)
{
    struct runtime rt = {0};
    CHECK(runtime_load(&rt, "(component)"));
    CHECK_EQ(cm_linker_add(rt.linker, &v024, NULL, &rt.err), ST_OK);
    CHECK_EQ(cm_linker_add(rt.linker, &v024, NULL, &rt.err), ST_EXISTS);
    CHECK_STR(str_of(rt.err.message), "interface `a:b/c@0.2.4` is offered twice");
    static const struct cm_interface_desc bad = WHICH("a:b/c", "one");
    CHECK_EQ(cm_linker_add(rt.linker, &bad, NULL, &rt.err), ST_INVALID);
    runtime_close(&rt);
}

/* --- structure --------------------------------------------------------------------------------------------------------------- */

/* The message that linking a component with these exports of "test:host/things@0.2.0" gives; "" when it links. */
static struct str link_things(struct runtime *rt, const char *exports)
{
    static struct things things;
    char text[2048];
    snprintf(text, sizeof text, "(component (import \"test:host/things@0.2.0\" (instance %s)))", exports);
    if (!runtime_load(rt, text) || !runtime_add(rt, &things_interface, &things))
        return STR("?");
    return runtime_try_link(rt) == ST_OK ? STR("") : str_of(rt->err.message);
}

#define DIFFERS "component imports instance `test:host/things@0.2.0`, but what the host offers differs: "
#define CHECK_LINKS(exports, expected)                                                                                             \
    do {                                                                                                                           \
        struct runtime rt = {0};                                                                                                   \
        bool same = tap_same_str(__FILE__, __LINE__, "message", link_things(&rt, exports), str_of(expected));                      \
        runtime_close(&rt);                                                                                                        \
        CHECK(same);                                                                                                               \
    } while (0)
/* Only how it begins, for what the comparison of types says. */
#define CHECK_DIFFERS(exports, expected)                                                                                           \
    do {                                                                                                                           \
        struct runtime rt = {0};                                                                                                   \
        struct str message = link_things(&rt, exports);                                                                            \
        bool same = str_starts(message, STR(DIFFERS expected)) ||                                                                  \
                    tap_same_str(__FILE__, __LINE__, "message", message, STR(DIFFERS expected));                                   \
        runtime_close(&rt);                                                                                                        \
        CHECK(same);                                                                                                               \
    } while (0)

TEST(the_host_may_offer_more)
{
    CHECK_LINKS("(export \"greet\" (func (param \"name\" string) (result string)))", "");
    CHECK_LINKS("", "");
    CHECK_LINKS("(export \"counter\" (type (sub resource)))", "");
}

TEST(the_host_must_not_offer_less)
{
    CHECK_LINKS("(export \"greeting\" (func))", DIFFERS "it has no function `greeting`");
    CHECK_LINKS("(export \"counters\" (type (sub resource)))", DIFFERS "it has no resource `counters`");
    CHECK_LINKS("(export \"point\" (type (sub resource)))", DIFFERS "it has no resource `point`");
    CHECK_LINKS("(export \"inner\" (instance))", DIFFERS "it has no `inner`, and cannot: that is an instance inside an instance");
}

TEST(types_must_agree)
{
    CHECK_DIFFERS("(export \"greet\" (func (param \"name\" string) (result u32)))", "function `greet`: ");
    CHECK_DIFFERS("(export \"greet\" (func (param \"name\" string)))", "function `greet`: ");
    CHECK_DIFFERS("(export \"greet\" (func (param \"who\" string) (result string)))", "function `greet`: ");
    CHECK_DIFFERS("(export \"greet\" (func (result string)))", "function `greet`: ");
    CHECK_DIFFERS("(export \"greet\" (func async (param \"name\" string) (result string)))", "function `greet`: ");
    CHECK_DIFFERS(
        "(type $p (record (field \"x\" s32) (field \"y\" u32) (field \"label\" string))) (export \"point\" (type $q (eq $p)))\n"
        "(export \"shift\" (func (param \"p\" $q) (param \"by\" s32) (result $q)))",
        "function `shift`: ");
    CHECK_DIFFERS(
        "(type $p (record (field \"x\" s32) (field \"label\" string) (field \"y\" s32))) (export \"point\" (type $q (eq $p)))\n"
        "(export \"shift\" (func (param \"p\" $q) (param \"by\" s32) (result $q)))",
        "function `shift`: ");
    CHECK_DIFFERS("(export \"sum\" (func (param \"values\" (list u8)) (result u64)))", "function `sum`: ");
    CHECK_DIFFERS("(export \"halve\" (func (param \"n\" (option u32)) (result (result u32))))", "function `halve`: ");
}

static const struct cm_named_type_desc counter_types[] = {{"counter", NULL, &things_counter}};
static const struct cm_resource_desc other_counter = {"counter", NULL, NULL};
static const struct cm_named_type_desc other_types[] = {{"counter", NULL, &other_counter}};
static const struct cm_interface_desc same_resource = {
    .name = "test:host/same", .version = "1.0.0", .type_count = 1, .types = counter_types};
static const struct cm_interface_desc other_resource = {
    .name = "test:host/other", .version = "1.0.0", .type_count = 1, .types = other_types};

/* An interface that passes on the resource of another one must mean that one. */
static enum status link_two(struct runtime *rt, const char *second)
{
    static struct things things;
    char text[1024];
    snprintf(text, sizeof text,
             "(component (import \"test:host/things@0.2.0\" (instance $t (export \"counter\" (type (sub resource)))))\n"
             "  (alias export $t \"counter\" (type $c))\n"
             "  (import \"test:host/%s@1.0.0\" (instance (export \"counter\" (type (eq $c))))))",
             second);
    if (!runtime_load(rt, text) || !runtime_add(rt, &things_interface, &things) || !runtime_add(rt, &same_resource, NULL) ||
        !runtime_add(rt, &other_resource, NULL))
        return ST_INTERNAL;
    return runtime_try_link(rt);
}

TEST(one_resource_in_two_interfaces)
{
    struct runtime rt = {0}, rt2 = {0};
    CHECK_EQ(link_two(&rt, "same"), ST_OK);
    CHECK_EQ(link_two(&rt2, "other"), ST_INVALID);
    CHECK_STR(str_of(rt2.err.message),
              "component imports instance `test:host/other@1.0.0`, but what the host offers differs: resource "
              "`counter` is another one than in the interfaces imported before");
    runtime_close(&rt);
    runtime_close(&rt2);
}

TEST(imports_that_no_host_can_offer)
{
    struct runtime rt = {0}, rt2 = {0};
    CHECK(runtime_load(&rt, "(component (import \"m\" (core module)))"));
    CHECK_EQ(runtime_try_link(&rt), ST_NOT_FOUND);
    CHECK_STR(str_of(rt.err.message),
              "component imports core module `m`, but a matching implementation was not found in the linker");
    CHECK(runtime_load(&rt2, "(component (import \"c\" (component)))"));
    CHECK_EQ(runtime_try_link(&rt2), ST_NOT_FOUND);
    runtime_close(&rt);
    runtime_close(&rt2);
}

TEST(exports_are_found_by_track)
{
    struct runtime rt = {0};
    static const struct cm_func_desc run = {.name = "run", .result = &things_u32};
    static const struct cm_interface_desc v020 = {.name = "a:b/c", .version = "0.2.0"},
                                          v1_0 = {.name = "a:b/c", .version = "1.0.0"};
    const struct cm_export *export;
    uint32_t value = 0;
    CHECK(runtime_open(
        &rt,
        "(component (core module $m (func (export \"a\") (result i32) (i32.const 1)) (func (export \"b\") (result i32) (i32.const "
        "2)))\n"
        "  (core instance $m (instantiate $m))\n"
        "  (func $a (result u32) (canon lift (core func $m \"a\"))) (func $b (result u32) (canon lift (core func $m \"b\")))\n"
        "  (instance $i (export \"run\" (func $a))) (instance $j (export \"run\" (func $b)))\n"
        "  (export \"a:b/c@0.2.3\" (instance $i)) (export \"a:b/c@0.2.11\" (instance $j)))",
        NULL, NULL));
    CHECK_EQ(cm_export_find(rt.linked, &v020, &run, &export, &rt.err), ST_OK);
    CHECK_EQ(cm_call_export(rt.instance, export, NULL, &value, &rt.err), ST_OK);
    CHECK_EQ(value, 2);
    CHECK_STR(runtime_call_in(&rt, rt.instance, "a:b/c@0.2.3", "run", "()"), "1");
    CHECK_EQ(cm_export_find(rt.linked, &v1_0, &run, &export, &rt.err), ST_NOT_FOUND);
    runtime_close(&rt);
}
