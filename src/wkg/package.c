#include "wkg/package.h"

enum status wkg_package_parse(struct str text, struct wkg_package *ret_package, struct error *err)
{
    size_t colon = str_find_char(text, ':');
    struct str ns = str_slice(text, 0, colon == STR_NONE ? 0 : colon), name = str_from(text, colon == STR_NONE ? 0 : colon + 1);
    if (colon == STR_NONE || !wit_label_valid(ns) || !wit_label_valid(name))
        return fail(err, ST_INVALID, "`%.*s` is not the name of a package; write namespace:name, as in wasi:http", STR_ARG(text));
    *ret_package = (struct wkg_package){ns, name, text};
    return ST_OK;
}

enum status wkg_target_parse(struct str text, struct wkg_target *ret_target, struct error *err)
{
    struct wkg_target target = {.interface = STR("")};
    struct str name = str_slice(text, 0, str_find_char(text, '@'));
    if (name.len < text.len)
        TRY(wit_version_parse(str_from(text, name.len + 1), &target.version, err));
    size_t slash = str_find_char(name, '/');
    if (slash != STR_NONE) {
        target.interface = str_from(name, slash + 1);
        name = str_slice(name, 0, slash);
        if (!wit_label_valid(target.interface))
            return fail(err, ST_INVALID, "`%.*s` is not the name of an interface, as in wasi:http/types", STR_ARG(text));
    }
    TRY(wkg_package_parse(name, &target.package, err));
    *ret_target = target;
    return ST_OK;
}

struct str wkg_folder_name(struct str full_name, struct arena *arena)
{
    char *name = arena_alloc(arena, full_name.len + 1);
    for (size_t i = 0; i < full_name.len; i++)
        name[i] = full_name.data[i];
    for (size_t i = 0; i < full_name.len; i++)
        if (name[i] == ':' || name[i] == '@')
            name[i] = '-';
    return str_n(name, full_name.len);
}
