/* wit-bindgen-host: the binding generator as a program of its own, for use while the project is being built. */
#include "base/vec.h"
#include "wit/bindgen.h"
#include "wit/load.h"

#include <errno.h>

static const char usage[] =
    "Usage: wit-bindgen-host --name NAME --header FILE --source FILE [OPTION...] [PATH...]\n"
    "Writes the C host bindings of the WIT packages given: the first PATH is a package (a folder or a file), the others may be as "
    "well.\n"
    "  --name NAME          what the table of interfaces is called\n"
    "  --header FILE        where the header goes\n"
    "  --source FILE        where the source goes\n"
    "  --include-as PATH    how the source includes the header (default: the header's file name)\n"
    "  --packages FOLDER    a folder of packages, like `deps`\n"
    "  --only PACKAGE       generate this package (ns:name@version) and leave the others to included headers; may be repeated\n"
    "  --include HEADER     include HEADER in the header; may be repeated\n"
    "  --world WORLD        generate what this world imports and exports\n"
    "  --unserved PREFIX    functions whose C names begin so are not implemented: NAME_unserved answers; may be repeated\n"
    "  --feature NAME       turn a feature on; may be repeated\n"
    "  --all-features       turn all on\n";

typedef VEC(struct str) str_list;

struct arguments {
    const char *name, *header, *source, *include_as, *world;
    str_list only, includes, features, folders, paths, unserved;
    bool all_features;
};

static void release_arguments(struct arguments *arguments)
{
    vec_release(&arguments->only);
    vec_release(&arguments->includes);
    vec_release(&arguments->features);
    vec_release(&arguments->folders);
    vec_release(&arguments->paths);
    vec_release(&arguments->unserved);
}

/* Where the value of `option` goes: a single one or a list. */
static bool find_option(struct arguments *arguments, const char *option, const char ***ret_value, str_list **ret_list)
{
    const struct {
        const char *name;
        const char **value;
        str_list *list;
    } options[] = {
        {"--name", &arguments->name, NULL},        {"--header", &arguments->header, NULL},
        {"--source", &arguments->source, NULL},    {"--include-as", &arguments->include_as, NULL},
        {"--world", &arguments->world, NULL},      {"--packages", NULL, &arguments->folders},
        {"--only", NULL, &arguments->only},        {"--include", NULL, &arguments->includes},
        {"--feature", NULL, &arguments->features}, {"--unserved", NULL, &arguments->unserved},
    };
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        if (strcmp(options[i].name, option) != 0)
            continue;
        *ret_value = options[i].value;
        *ret_list = options[i].list;
        return true;
    }
    return false;
}

static enum status parse_arguments(int argc, char **argv, struct arguments *arguments, struct error *err)
{
    for (int i = 1; i < argc; i++) {
        const char **value;
        str_list *list;
        if (strcmp(argv[i], "--all-features") == 0) {
            arguments->all_features = true;
        } else if (argv[i][0] != '-') {
            vec_push(&arguments->paths, str_of(argv[i]));
        } else if (!find_option(arguments, argv[i], &value, &list)) {
            return fail(err, ST_INVALID, "unknown option %s\n%s", argv[i], usage);
        } else if (i + 1 == argc) {
            return fail(err, ST_INVALID, "option %s needs a value\n%s", argv[i], usage);
        } else {
            struct str text = str_of(argv[++i]);
            if (value)
                *value = text.data;
            else
                vec_push(list, text);
        }
    }
    if (!arguments->name || !arguments->header || !arguments->source || (arguments->paths.len == 0 && arguments->folders.len == 0))
        return fail(err, ST_INVALID, "--name, --header, --source and WIT are needed\n%s", usage);
    return ST_OK;
}

static enum status load(const struct arguments *arguments, struct wit_model *model, struct wit_package **ret_main,
                        struct error *err)
{
    struct wit_options options = {arguments->features.items, arguments->features.len, arguments->all_features};
    struct wit_loader *loader = wit_loader_new(model, &options);
    enum status status = ST_OK;
    for (size_t i = 0; i < arguments->paths.len && status == ST_OK; i++)
        status = wit_loader_add_path(loader, arguments->paths.items[i].data, err);
    for (size_t i = 0; i < arguments->folders.len && status == ST_OK; i++)
        status = wit_loader_add_packages(loader, arguments->folders.items[i].data, err);
    if (status == ST_OK)
        status = wit_loader_finish(loader, ret_main, err);
    wit_loader_free(loader);
    return status;
}

static enum status write_file(const char *path, struct str text, struct error *err)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return fail_errno(err, "create %s", path);
    bool written = fwrite(text.data, 1, text.len, file) == text.len;
    if (fclose(file) != 0 || !written)
        return fail_errno(err, "write %s", path);
    return ST_OK;
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static enum status generate(const struct arguments *arguments, struct wit_model *model, struct error *err)
{
    autobuf struct buf header = BUF_INIT(BUF_UNLIMITED), source = BUF_INIT(BUF_UNLIMITED);
    struct wit_package *main_package = NULL;
    struct wit_world *world = NULL;
    TRY(load(arguments, model, &main_package, err));
    if (arguments->world)
        TRY(wit_select_world(model, main_package, str_of(arguments->world), &world, err));
    struct wit_bindgen_options options = {
        .name = str_of(arguments->name),
        .header = str_of(arguments->include_as ? arguments->include_as : file_name(arguments->header)),
        .world = world,
        .packages = arguments->only.items,
        .package_count = arguments->only.len,
        .includes = arguments->includes.items,
        .include_count = arguments->includes.len,
        .unserved = arguments->unserved.items,
        .unserved_count = arguments->unserved.len,
    };
    TRY(wit_bindgen_host(model, &options, &header, &source, err));
    TRY(write_file(arguments->header, buf_str(&header), err));
    return write_file(arguments->source, buf_str(&source), err);
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct wit_model model;
    struct error err = {0};
    wit_model_init(&model);
    enum status status = parse_arguments(argc, argv, &arguments, &err);
    if (status == ST_OK)
        status = generate(&arguments, &model, &err);
    if (status != ST_OK)
        fprintf(stderr, "wit-bindgen-host: %s\n", err.message);
    wit_model_release(&model);
    release_arguments(&arguments);
    return status_exit_code(status);
}
