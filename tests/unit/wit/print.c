#include "support.h"

#include "base/mem.h"

static enum status print_text(struct str text, struct buf *out, struct error *err)
{
    struct wit_model model;
    struct wit_package *main_package = NULL;
    enum status status = support_load(&model, text, NULL, &main_package, err);
    if (status == ST_OK)
        status = wit_print(&model, main_package, out, err);
    wit_model_release(&model);
    return status;
}

static void check_printed(const struct support_case *one, struct str input, const char *what)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    struct error err;
    if (print_text(input, &out, &err) != ST_OK)
        tap_fail(__FILE__, __LINE__, "case `%.*s`, %s: %s", STR_ARG(one->name), what, err.message);
    else if (!str_eq(buf_str(&out), one->output))
        tap_fail(__FILE__, __LINE__, "case `%.*s`, %s, got:\n%.*s", STR_ARG(one->name), what, STR_ARG(buf_str(&out)));
}

TEST(printed_text)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    CHECK(support_read("data/print.txt", &text));
    struct str rest = buf_str(&text);
    struct support_case one;
    size_t count = 0;
    for (; support_next_case(&rest, &one); count++) {
        check_printed(&one, one.input, "from its input");
        if (!str_starts(one.mark, STR("once")))
            check_printed(&one, one.output, "from what is printed");
    }
    CHECK(count >= 17);
}

TEST(features)
{
    static const struct str on[] = {STR_INIT("second")};
    static const char text[] =
        "package a:b; interface i { @unstable(feature = first) f: func(); @unstable(feature = second) g: func(); }";
    const struct wit_options options[] = {{0}, {.features = on, .feature_count = 1}, {.all_features = true}};
    static const bool has_f[] = {false, false, true}, has_g[] = {false, true, true};
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        struct wit_model model;
        struct wit_package *main_package;
        CHECK_EQ(support_load(&model, str_of(text), &options[i], &main_package, NULL), ST_OK);
        const struct wit_interface *interface = wit_package_interface(main_package, STR("i"));
        bool f = wit_interface_function(interface, STR("f")) != NULL, g = wit_interface_function(interface, STR("g")) != NULL;
        wit_model_release(&model);
        CHECK_EQ(f, has_f[i]);
        CHECK_EQ(g, has_g[i]);
    }
}

TEST(full_buffer)
{
    struct error err;
    struct str text = STR("package a:b; interface i { f: func(); }");
    for (size_t max = 0; max < 50; max++) {
        autobuf struct buf out = BUF_INIT(max);
        enum status status = print_text(text, &out, &err);
        CHECK_EQ(status, max < 44 ? ST_LIMIT : ST_OK);
    }
    autobuf struct buf out = BUF_INIT(10);
    CHECK_EQ(print_text(text, &out, &err), ST_LIMIT);
    CHECK_STR(str_of(err.message), "the WIT text is longer than 10 bytes");
}
