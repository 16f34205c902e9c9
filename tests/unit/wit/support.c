#include "support.h"

bool support_read(const char *path, struct buf *ret_text)
{
    autobuf struct buf full = BUF_INIT(BUF_UNLIMITED);
    char piece[4096];
    size_t len;
    buf_addf(&full, path[0] == '/' ? "%s" : DATA "/%s", path);
    FILE *file = fopen(full.data, "re");
    if (!file)
        return tap_fail(__FILE__, __LINE__, "cannot open %s", full.data);
    while ((len = fread(piece, 1, sizeof piece, file)) > 0)
        buf_add(ret_text, str_n(piece, len));
    fclose(file);
    return true;
}

enum status support_load(struct wit_model *model, struct str text, const struct wit_options *options, struct wit_package **ret_main,
                         struct error *err)
{
    wit_model_init(model);
    struct wit_loader *loader = wit_loader_new(model, options);
    enum status status = wit_loader_add_text(loader, STR("t.wit"), text, err);
    if (status == ST_OK)
        status = wit_loader_finish(loader, ret_main, err);
    wit_loader_free(loader);
    return status;
}

static struct str take_line(struct str *rest)
{
    size_t newline = str_find_char(*rest, '\n');
    struct str line = str_slice(*rest, 0, newline == STR_NONE ? rest->len : newline + 1);
    *rest = str_from(*rest, line.len);
    return line;
}

static bool at_case(struct str rest)
{
    return rest.len == 0 || str_starts(rest, STR("== "));
}

bool support_next_case(struct str *rest, struct support_case *ret_case)
{
    struct support_case found = {0};
    while (!at_case(*rest))
        take_line(rest);
    if (rest->len == 0)
        return false;
    found.name = str_from(str_trim(take_line(rest)), 3);
    const char *start = rest->data;
    while (rest->len && !str_starts(*rest, STR("--")))
        take_line(rest);
    found.input = str_n(start, (size_t)(rest->data - start));
    found.mark = str_trim(str_from(str_trim(take_line(rest)), 2));
    start = rest->data;
    while (!at_case(*rest))
        take_line(rest);
    found.output = str_n(start, (size_t)(rest->data - start));
    *ret_case = found;
    return true;
}
