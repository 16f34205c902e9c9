/* Models made by hand, as a decoder of components makes them. */
#include "support.h"

#include "base/mem.h"

static void check_print(struct wit_model *model, struct wit_package *main_package, const char *want)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    CHECK_EQ(wit_print(model, main_package, &out, NULL), ST_OK);
    CHECK_STR(buf_str(&out), want);
}

static struct wit_type *define(struct wit_model *model, struct wit_interface *interface, const char *name, struct wit_type *type)
{
    bug_unless(wit_interface_define(model, interface, str_of(name), type, NULL) == ST_OK);
    return type;
}

static struct wit_version version_of(const char *text)
{
    struct wit_version version;
    bug_unless(wit_version_parse(str_of(text), &version, NULL) == ST_OK);
    return version;
}

/* wasi:io/poll and a bit of wasi:io/streams */
static struct wit_interface *add_streams(struct wit_model *model)
{
    struct wit_version version = version_of("0.2.12");
    struct wit_package *io = wit_package_add(model, STR("wasi"), STR("io"), &version);
    struct wit_interface *poll = wit_interface_add(model, io, STR("poll")), *streams = wit_interface_add(model, io, STR("streams"));
    struct wit_type *pollable = define(model, poll, "pollable", wit_type_new(model, WIT_RESOURCE, NULL, NULL));
    struct wit_type *used = define(model, streams, "pollable", wit_type_new(model, WIT_ALIAS, pollable, NULL));
    struct wit_type *error = define(model, streams, "stream-error", wit_type_new(model, WIT_VARIANT, NULL, NULL));
    wit_type_add_field(model, error, STR("closed"), NULL);
    wit_type_add_field(model, error, STR("other"), wit_primitive(WIT_STRING));
    struct wit_type *stream = define(model, streams, "input-stream", wit_type_new(model, WIT_RESOURCE, NULL, NULL));
    struct wit_function *read = wit_function_new(model, STR("[method]input-stream.read"), stream);
    wit_function_add_param(model, read, STR("self"), wit_type_new(model, WIT_BORROW, stream, NULL));
    wit_function_add_param(model, read, STR("len"), wit_primitive(WIT_U64));
    struct wit_type *bytes = wit_type_new(model, WIT_LIST, wit_primitive(WIT_U8), NULL);
    wit_function_set_result(read, wit_type_new(model, WIT_RESULT, bytes, error));
    bug_unless(wit_interface_add_function(model, streams, read, NULL) == ST_OK);
    struct wit_function *subscribe = wit_function_new(model, STR("[method]input-stream.subscribe"), stream);
    wit_function_add_param(model, subscribe, STR("self"), wit_type_new(model, WIT_BORROW, stream, NULL));
    wit_function_set_result(subscribe, wit_type_new(model, WIT_OWN, used, NULL));
    bug_unless(wit_interface_add_function(model, streams, subscribe, NULL) == ST_OK);
    return streams;
}

TEST(a_component)
{
    struct wit_model model;
    wit_model_init(&model);
    struct wit_package *root = wit_package_add(&model, STR("root"), STR("component"), NULL);
    struct wit_world *world = wit_world_add(&model, root, STR("root"));
    struct wit_interface *streams = add_streams(&model), *poll = wit_package_interface(streams->package, STR("poll"));
    wit_world_add_interface(&model, world, true, STR(""), poll);
    wit_world_add_interface(&model, world, true, STR(""), streams);
    wit_world_add_interface(&model, world, true, STR("team-a"), streams);
    struct wit_function *run = wit_function_new(&model, STR("run"), NULL);
    run->is_async = true;
    wit_function_set_result(run, wit_type_new(&model, WIT_RESULT, NULL, NULL));
    wit_world_add_function(&model, world, false, run);
    CHECK_EQ(wit_model_sort_packages(&model, root, NULL), ST_OK);
    check_print(&model, root,
                "package root:component;\n\nworld root {\n  import wasi:io/poll@0.2.12;\n  import wasi:io/streams@0.2.12;\n"
                "  import team-a: wasi:io/streams@0.2.12;\n\n  export run: async func() -> result;\n}\n"
                "package wasi:io@0.2.12 {\n  interface poll {\n    resource pollable;\n  }\n"
                "  interface streams {\n    use poll.{pollable};\n\n    variant stream-error {\n      closed,\n      "
                "other(string),\n    }\n\n"
                "    resource input-stream {\n      read: func(len: u64) -> result<list<u8>, stream-error>;\n"
                "      subscribe: func() -> pollable;\n    }\n  }\n}\n");
    wit_model_release(&model);
}

TEST(lookups)
{
    struct wit_model model;
    wit_model_init(&model);
    struct wit_interface *streams = add_streams(&model);
    struct wit_package *io = wit_package_find(&model, STR("wasi:io@0.2.12"));
    CHECK(io && io == streams->package);
    CHECK(wit_package_interface(io, STR("streams")) == streams);
    CHECK(!wit_package_find(&model, STR("wasi:io")));
    CHECK(wit_package_add(&model, STR("wasi"), STR("io"), &io->version) == io);
    CHECK_STR(wit_interface_id(&model, streams), "wasi:io/streams@0.2.12");
    const struct wit_function *read = wit_interface_function(streams, STR("[method]input-stream.read"));
    CHECK(read && read->kind == WIT_METHOD);
    CHECK_STR(read->item, "read");
    const struct wit_type *used = wit_interface_type(streams, STR("pollable"));
    CHECK(wit_type_used_from(used) == wit_package_interface(io, STR("poll")));
    CHECK_EQ(wit_type_root(used)->kind, WIT_RESOURCE);
    CHECK(!wit_type_used_from(wit_interface_type(streams, STR("input-stream"))));
    wit_model_release(&model);
}

TEST(duplicates)
{
    struct wit_model model;
    struct error err;
    wit_model_init(&model);
    struct wit_interface *streams = add_streams(&model);
    struct wit_type *again = wit_type_new(&model, WIT_RESOURCE, NULL, NULL);
    CHECK_EQ(wit_interface_define(&model, streams, STR("pollable"), again, &err), ST_EXISTS);
    CHECK_STR(str_of(err.message), "interface `streams` already has a type named `pollable`");
    struct wit_function *read = wit_function_new(&model, STR("[method]input-stream.read"), again);
    CHECK_EQ(wit_interface_add_function(&model, streams, read, &err), ST_EXISTS);
    struct wit_world *world = wit_world_add(&model, streams->package, STR("w"));
    wit_world_add_interface(&model, world, true, STR(""), streams);
    wit_world_add_interface(&model, world, true, STR("x"), streams);
    CHECK(wit_items_find(&world->imports, STR(""), streams) == &world->imports.items[0]);
    CHECK(wit_items_find(&world->imports, STR("x"), NULL) == &world->imports.items[1]);
    CHECK(!wit_items_find(&world->exports, STR("x"), NULL));
    CHECK_EQ(wit_world_define(&model, world, STR("x"), again, &err), ST_EXISTS);
    wit_model_release(&model);
}

TEST(package_order)
{
    struct wit_model model;
    wit_model_init(&model);
    struct wit_package *main_package = wit_package_add(&model, STR("a"), STR("main"), NULL);
    struct wit_package *late = wit_package_add(&model, STR("a"), STR("late"), NULL);
    struct wit_package *other = wit_package_add(&model, STR("a"), STR("other"), NULL);
    struct wit_package *early = wit_package_add(&model, STR("a"), STR("early"), NULL);
    struct wit_interface *base = wit_interface_add(&model, early, STR("i")), *user = wit_interface_add(&model, late, STR("i"));
    struct wit_type *type = define(&model, base, "t", wit_type_new(&model, WIT_ALIAS, wit_primitive(WIT_U8), NULL));
    define(&model, user, "t", wit_type_new(&model, WIT_ALIAS, type, NULL));
    CHECK_EQ(wit_model_sort_packages(&model, main_package, NULL), ST_OK);
    struct wit_package *const want[] = {early, late, other, main_package};
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        CHECK(model.packages.items[i] == want[i]);
    struct error err;
    struct wit_type *back = define(&model, user, "u", wit_type_new(&model, WIT_ALIAS, wit_primitive(WIT_U8), NULL));
    define(&model, base, "u", wit_type_new(&model, WIT_ALIAS, back, NULL));
    CHECK_EQ(wit_model_sort_packages(&model, NULL, &err), ST_INVALID);
    wit_model_release(&model);
}

/* What a decoder could be made to build, but nobody can print. */
TEST(refusals)
{
    struct wit_model model;
    struct error err;
    wit_model_init(&model);
    autobuf struct buf out = BUF_INIT(4096);
    CHECK_EQ(wit_print_type(wit_type_new(&model, WIT_RECORD, NULL, NULL), &out, &err), ST_INVALID);
    CHECK_STR(str_of(err.message), "a record has no name, so it cannot be printed");
    struct wit_type *deep = wit_type_new(&model, WIT_LIST, wit_primitive(WIT_U8), NULL);
    for (unsigned i = 1; i < WIT_MAX_TYPE_DEPTH; i++)
        deep = wit_type_new(&model, WIT_LIST, deep, NULL);
    CHECK_EQ(wit_print_type(deep, &out, &err), ST_OK);
    CHECK_EQ(wit_print_type(wit_type_new(&model, WIT_LIST, deep, NULL), &out, &err), ST_LIMIT);
    /* Fans out: 2^100 leaves, which the buffer's maximum ends. */
    struct wit_type *wide = wit_type_new(&model, WIT_LIST, wit_primitive(WIT_U8), NULL);
    for (unsigned i = 1; i < WIT_MAX_TYPE_DEPTH; i++)
        wide = wit_type_new(&model, WIT_RESULT, wide, wide);
    CHECK_EQ(wit_print_type(wide, &out, &err), ST_LIMIT);
    wit_model_release(&model);
}

TEST(release_twice)
{
    struct wit_model model;
    wit_model_init(&model);
    add_streams(&model);
    wit_model_release(&model);
    wit_model_release(&model);
    CHECK_EQ(model.packages.len, 0);
}
