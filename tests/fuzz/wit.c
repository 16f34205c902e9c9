/* libFuzzer target: text through parser, resolver, printer and binding generators. What is accepted prints, what is printed is
 * accepted and prints the same package by package, and the generators refuse or finish. */
#include "base/buf.h"
#include "wit/bindgen.h"
#include "wit/guest.h"
#include "wit/guest_go.h"
#include "wit/load.h"
#include "wit/print.h"

static void check_guest_go(const struct wit_model *model, const struct wit_world *world)
{
    const struct wit_guest_go_options options = {.world = world, .import_path = STR("fuzz/gen")};
    struct wit_text_files files;
    struct error err = {0};
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    if (wit_guest_go(model, &options, &arena, &files, &err) != ST_OK)
        bug_unless(err.message[0] != '\0');
    else
        bug_unless(files.len > 0);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status load(struct wit_model *model, struct str text, const struct wit_options *options, struct wit_package **ret_main,
                        struct error *err)
{
    wit_model_init(model);
    struct wit_loader *loader = wit_loader_new(model, options);
    enum status status = wit_loader_add_text(loader, STR("fuzz.wit"), text, err);
    if (status == ST_OK)
        status = wit_loader_finish(loader, ret_main, err);
    wit_loader_free(loader);
    return status;
}

static void check_same_package(const struct wit_package *package, const struct wit_model *again)
{
    autobuf struct buf first = BUF_INIT(BUF_UNLIMITED), second = BUF_INIT(BUF_UNLIMITED);
    const struct wit_package *other = wit_package_find(again, package->full_name);
    bug_unless(other);
    bug_unless(wit_print_package(package, true, &first, NULL) == ST_OK);
    bug_unless(wit_print_package(other, true, &second, NULL) == ST_OK);
    if (!str_eq(buf_str(&first), buf_str(&second)))
        bug("printed differently:\n%s\n%s", first.data, second.data);
}

static void load_printed(const struct wit_model *model, const struct wit_package *main_package, struct wit_model *again,
                         struct wit_package **ret_main)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    struct error err;
    bug_unless(wit_print(model, main_package, &text, NULL) == ST_OK);
    if (load(again, buf_str(&text), NULL, ret_main, &err) != ST_OK)
        bug("printed text is refused: %s\n%s", err.message, text.data);
}

/* The first printing may indent comments less; from then on nothing changes. */
static void check_print(const struct wit_model *model, const struct wit_package *main_package)
{
    struct wit_model second, third;
    struct wit_package *second_main, *third_main;
    load_printed(model, main_package, &second, &second_main);
    load_printed(&second, second_main, &third, &third_main);
    for (size_t i = 0; i < second.packages.len; i++)
        check_same_package(second.packages.items[i], &third);
    wit_model_release(&second);
    wit_model_release(&third);
}

static void check_bindgen(const struct wit_model *model)
{
    autobuf struct buf header = BUF_INIT(BUF_UNLIMITED), source = BUF_INIT(BUF_UNLIMITED);
    const struct wit_bindgen_options options = {.name = STR("fuzz"), .header = STR("fuzz.h")};
    struct error err = {0};
    if (wit_bindgen_host(model, &options, &header, &source, &err) != ST_OK)
        bug_unless(err.message[0] != '\0');
}

static void check_guest(const struct wit_model *model, const struct wit_world *world)
{
    autobuf struct buf header = BUF_INIT(BUF_UNLIMITED), source = BUF_INIT(BUF_UNLIMITED);
    const struct wit_guest_options options = {.world = world, .component_type = STR("type")};
    struct error err = {0};
    if (wit_guest_c(model, &options, &header, &source, &err) != ST_OK)
        bug_unless(err.message[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct wit_options all = {.all_features = true};
    for (int features = 0; features < 2; features++) {
        struct wit_model model;
        struct wit_package *main_package;
        struct error err = {0};
        if (load(&model, str_n((const char *)data, size), features ? &all : NULL, &main_package, &err) != ST_OK) {
            bug_unless(err.message[0] != '\0');
        } else {
            if (!features)
                check_print(&model, main_package);
            check_bindgen(&model);
            for (size_t i = 0; i < model.worlds.len && i < 8; i++) {
                check_guest(&model, model.worlds.items[i]);
                check_guest_go(&model, model.worlds.items[i]);
            }
        }
        wit_model_release(&model);
    }
    return 0;
}
