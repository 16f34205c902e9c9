/* WIT packages as components: what wit/encode.h writes is valid, and comes back as it went in. packages/ holds text with every
 * construct, and what wasm-tools makes of it. */
#include "component/world.h"

#include "component/ir.h"
#include "engine/engine.h"
#include "tap.h"
#include "wit/encode.h"
#include "wit/load.h"
#include "wit/print.h"

static void read_file(struct buf *ret_content, const char *name)
{
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
    char piece[4096];
    size_t len;
    buf_addf(&path, COMPONENT_TESTS "/packages/%s", name);
    FILE *file = fopen(path.data, "re");
    bug_unless(file);
    while ((len = fread(piece, 1, sizeof piece, file)) > 0)
        buf_add(ret_content, str_n(piece, len));
    fclose(file);
}

static struct wit_package *load(struct wit_model *model, struct str text)
{
    const struct wit_options options = {.all_features = true};
    struct wit_package *package;
    struct error err;
    wit_model_init(model);
    struct wit_loader *loader = wit_loader_new(model, &options);
    if (wit_loader_add_text(loader, STR("t.wit"), text, &err) != ST_OK || wit_loader_finish(loader, &package, &err) != ST_OK)
        bug("%s", err.message);
    wit_loader_free(loader);
    return package;
}

/* Encodes, decodes and prints again, the package alone. */
static void check_returns(const struct wit_package *package, struct buf *ret_encoded)
{
    autobuf struct buf before = BUF_INIT(BUF_UNLIMITED), after = BUF_INIT(BUF_UNLIMITED);
    struct wit_model model;
    struct wit_package *decoded = NULL;
    struct wit_world *world = NULL;
    struct arena arena;
    struct error err = {.message = ""};
    arena_init(&arena, CM_LIMIT_ARENA_BYTES);
    wit_model_init(&model);
    bug_unless(wit_print_package(package, false, &before, &err) == ST_OK);
    enum status status = wit_encode_package(package, NULL, ret_encoded, &err);
    if (status == ST_OK)
        status = cm_world_model(buf_str(ret_encoded), &arena, &model, &decoded, &world, &err);
    if (status == ST_OK)
        status = wit_print_package(decoded, false, &after, &err);
    if (status != ST_OK || world || !str_eq(buf_str(&before), buf_str(&after)))
        tap_fail(__FILE__, __LINE__, "%.*s: %s\n%s\n%s", STR_ARG(package->full_name), err.message, before.data, after.data);
    wit_model_release(&model);
    arena_release(&arena);
}

static void check_pair(const char *text_name, const char *binary_name)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED), wat = BUF_INIT(BUF_UNLIMITED);
    autobuf struct buf wanted = BUF_INIT(1 << 20), encoded = BUF_INIT(1 << 20);
    struct wit_model model;
    struct error err = {.message = ""};
    read_file(&text, text_name);
    read_file(&wat, binary_name);
    if (engine_wat2wasm(buf_str(&wat), &wanted, &err) != ST_OK)
        tap_fail(__FILE__, __LINE__, "%s: %s", binary_name, err.message);
    check_returns(load(&model, buf_str(&text)), &encoded);
    wit_model_release(&model);
    CHECK_EQ(encoded.len, wanted.len);
    CHECK(str_eq(buf_str(&encoded), buf_str(&wanted)));
}

TEST(types)
{
    check_pair("types.wit", "types.wat");
}

TEST(worlds)
{
    check_pair("worlds.wit", "worlds.wat");
}

TEST(documentation_and_stability)
{
    check_pair("docs.wit", "docs.wat");
}

TEST(the_packages_of_wasi)
{
    const struct wit_options options = {.all_features = true};
    struct wit_model model;
    struct error err;
    wit_model_init(&model);
    struct wit_loader *loader = wit_loader_new(&model, &options);
    CHECK_EQ(wit_loader_add_packages(loader, WASI_WIT, &err), ST_OK);
    CHECK_EQ(wit_loader_finish(loader, NULL, &err), ST_OK);
    CHECK_EQ(model.packages.len, 7);
    for (size_t i = 0; i < model.packages.len; i++) {
        autobuf struct buf encoded = BUF_INIT(1 << 20);
        check_returns(model.packages.items[i], &encoded);
    }
    wit_loader_free(loader);
    wit_model_release(&model);
}
