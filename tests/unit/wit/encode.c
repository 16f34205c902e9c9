/* WIT as components. The bytes are what wasm-tools 1.263 makes of the same text. */
#include "support.h"

#include "wit/encode.h"

static const char small[] = "package a:b@1.0.0;\n"
                            "interface i {\n"
                            "  /// A thing.\n"
                            "  resource r;\n"
                            "  f: func(x: r) -> list<u8>;\n"
                            "}\n"
                            "world w {\n"
                            "  use i.{r};\n"
                            "  export run: async func(s: stream<u8>) -> option<r>;\n"
                            "}\n";

/* The type section of `w`, in the package and alone. */
#define WORLD_TYPE                                                                                                                 \
    "076a01410201410901420504000172030101690001707d014001017801000204000166010303000b613a622f6940312e"                             \
    "302e300500020300000172030001720300010166017d016902016b04014301017303000504000372756e010604000b61"                             \
    "3a622f7740312e302e300400"

static const char small_package[] = /* ends in package-docs */
    "0061736d0d000100073001410201420504000172030101690001707d014001017801000204000166010304000b613a62"
    "2f6940312e302e3005000b0701000169030000" WORLD_TYPE
    "0b070100017703020000460c7061636b6167652d646f6373017b22696e7465726661636573223a7b2269223a7b227479"
    "706573223a7b2272223a7b22646f6373223a2241207468696e672e227d7d7d7d7d";

static const char small_world[] = /* starts with wit-component-encoding: version 4, Latin-1 or UTF-16 */
    "0061736d0d0001000019167769742d636f6d706f6e656e742d656e636f64696e670402" WORLD_TYPE "0b0701000177030000";

static void add_hex(struct buf *out, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        buf_addf(out, "%02x", (unsigned char)bytes.data[i]);
}

static struct wit_package *load(struct wit_model *model, const char *text)
{
    struct wit_package *package;
    struct error err;
    if (support_load(model, str_of(text), NULL, &package, &err) != ST_OK)
        bug("%s", err.message);
    return package;
}

TEST(a_package)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED), hex = BUF_INIT(BUF_UNLIMITED);
    struct wit_model model;
    CHECK_EQ(wit_encode_package(load(&model, small), NULL, &out, NULL), ST_OK);
    add_hex(&hex, buf_str(&out));
    wit_model_release(&model);
    CHECK_STR(buf_str(&hex), small_package);
}

TEST(a_world)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED), hex = BUF_INIT(BUF_UNLIMITED);
    struct wit_model model;
    struct wit_package *package = load(&model, small);
    CHECK_EQ(wit_encode_world(package->worlds.items[0], WIT_ENCODING_LATIN1_UTF16, NULL, &out, NULL), ST_OK);
    add_hex(&hex, buf_str(&out));
    wit_model_release(&model);
    CHECK_STR(buf_str(&hex), small_world);
}

TEST(the_producer_comes_last)
{
    static const char section[] = "\0\x22\x09producers\1\x0cprocessed-by\1\4wash\0031.2";
    const struct wit_producer wash = {STR("wash"), STR("1.2")};
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    struct wit_model model;
    CHECK_EQ(wit_encode_package(load(&model, small), &wash, &out, NULL), ST_OK);
    CHECK_EQ(out.len, strlen(small_package) / 2 + sizeof section - 1);
    CHECK(str_ends(buf_str(&out), str_n(section, sizeof section - 1)));
    wit_model_release(&model);
}

/* One byte less than it takes, and much less. */
TEST(the_maximum)
{
    size_t whole = strlen(small_package) / 2;
    struct wit_model model;
    struct wit_package *package = load(&model, small);
    for (size_t room = 0; room <= whole; room += room < whole - 1 ? whole - 1 : 1) {
        autobuf struct buf out = BUF_INIT(room);
        struct error err = {.message = ""};
        CHECK_EQ(wit_encode_package(package, NULL, &out, &err), room < whole ? ST_LIMIT : ST_OK);
        CHECK_EQ(out.len, room < whole ? 0 : whole);
        CHECK(room == whole || str_find(str_of(err.message), STR("is longer than")) != STR_NONE);
    }
    wit_model_release(&model);
}

static struct wit_type *define(struct wit_model *model, struct wit_interface *interface, const char *name, enum wit_kind kind,
                               const struct wit_type *of)
{
    struct wit_type *type = wit_type_new(model, kind, of, NULL);
    bug_unless(wit_interface_define(model, interface, str_of(name), type, NULL) == ST_OK);
    return type;
}

static void check_refused(const struct wit_package *package, enum status want, const char *message)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    struct error err = {.message = ""};
    CHECK_EQ(wit_encode_package(package, NULL, &out, &err), want);
    CHECK_STR(str_of(err.message), message);
    CHECK_EQ(out.len, 0);
}

TEST(a_type_without_its_name)
{
    struct wit_model model;
    wit_model_init(&model);
    struct wit_package *package = wit_package_add(&model, STR("a"), STR("b"), NULL);
    define(&model, wit_interface_add(&model, package, STR("i")), "l", WIT_LIST, wit_type_new(&model, WIT_ENUM, NULL, NULL));
    check_refused(package, ST_INVALID, "interface `i`: an anonymous enum cannot be encoded");
    wit_model_release(&model);
}

TEST(types_too_deep)
{
    struct wit_model model;
    wit_model_init(&model);
    struct wit_package *package = wit_package_add(&model, STR("a"), STR("b"), NULL);
    const struct wit_type *type = wit_primitive(WIT_U8);
    for (unsigned i = 0; i <= WIT_MAX_TYPE_DEPTH; i++)
        type = wit_type_new(&model, WIT_LIST, type, NULL);
    define(&model, wit_interface_add(&model, package, STR("i")), "l", WIT_ALIAS, type);
    check_refused(package, ST_LIMIT, "interface `i`: a type is made of types more than 100 deep");
    wit_model_release(&model);
}

TEST(interfaces_in_a_circle)
{
    struct wit_model model;
    wit_model_init(&model);
    struct wit_package *package = wit_package_add(&model, STR("a"), STR("b"), NULL);
    struct wit_interface *i = wit_interface_add(&model, package, STR("i")), *j = wit_interface_add(&model, package, STR("j"));
    struct wit_type *in_i = define(&model, i, "t", WIT_RESOURCE, NULL), *in_j = define(&model, j, "t", WIT_RESOURCE, NULL);
    define(&model, i, "u", WIT_ALIAS, in_j);
    define(&model, j, "u", WIT_ALIAS, in_i);
    check_refused(package, ST_INVALID, "interface `i`: type `t` is used before the interface that has it, `i`");
    wit_model_release(&model);
}

TEST(a_chain_of_interfaces_too_long)
{
    struct wit_model model;
    wit_model_init(&model);
    struct wit_package *package = wit_package_add(&model, STR("a"), STR("b"), NULL);
    const struct wit_type *type = wit_primitive(WIT_U8);
    /* The longest first: it is refused before any other is written. */
    for (unsigned i = 0; i < WIT_MAX_INTERFACE_DEPTH + 2; i++)
        type = define(&model, wit_interface_add(&model, package, arena_printf(&model.arena, "i%u", i)), "t", WIT_ALIAS, type);
    for (size_t i = 0, k = package->interfaces.len - 1; i < k; i++, k--) {
        struct wit_interface *kept = package->interfaces.items[i];
        package->interfaces.items[i] = package->interfaces.items[k];
        package->interfaces.items[k] = kept;
    }
    check_refused(package, ST_LIMIT, "interface `i501`: interfaces use each other more than 500 deep");
    wit_model_release(&model);
}

TEST(a_world_that_lacks_an_interface)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    struct wit_model model;
    struct error err = {.message = ""};
    wit_model_init(&model);
    struct wit_package *package = wit_package_add(&model, STR("a"), STR("b"), NULL);
    struct wit_type *type = define(&model, wit_interface_add(&model, package, STR("i")), "t", WIT_ENUM, NULL);
    struct wit_world *world = wit_world_add(&model, package, STR("w"));
    struct wit_function *function = wit_function_new(&model, STR("f"), NULL);
    wit_function_add_param(&model, function, STR("x"), type);
    wit_world_add_function(&model, world, true, function);
    CHECK_EQ(wit_encode_world(world, WIT_ENCODING_UTF8, NULL, &out, &err), ST_INVALID);
    CHECK_STR(str_of(err.message), "world `w`: type `t` is used before the interface that has it, `i`");
    wit_model_release(&model);
}

TEST(custom_sections)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED), small_buf = BUF_INIT(8);
    struct error err;
    buf_add(&out, STR("module"));
    CHECK_EQ(wit_append_custom_section(STR("abc"), STR("content"), &out, NULL), ST_OK);
    CHECK(str_eq(buf_str(&out), STR("module\0\x0b\3abccontent")));
    CHECK_EQ(wit_append_custom_section(STR("abc"), STR("content"), &small_buf, &err), ST_LIMIT);
    CHECK_STR(str_of(err.message), "custom section `abc` does not fit in 8 bytes");
}
