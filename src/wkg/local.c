#include "wkg/local.h"
#include "base/file.h"

#define SUFFIX STR(".wasm")

static void add_folder(struct str folder, const struct wkg_package *package, struct buf *path)
{
    buf_addf(path, "%.*s/%.*s/%.*s", STR_ARG(folder), STR_ARG(package->ns), STR_ARG(package->name));
}

enum status wkg_local_versions(struct str folder, const struct wkg_package *package, struct arena *arena,
                               struct wit_version **ret_versions, size_t *ret_count, struct error *err)
{
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
    autonames struct file_names names = {0};
    add_folder(folder, package, &path);
    TRY(file_names(path.data, &names, err));
    *ret_versions = ARENA_ARRAY(arena, struct wit_version, names.list.len + 1);
    *ret_count = 0;
    vec_each (name, &names.list) {
        struct str version = str_of(*name);
        if (!str_ends(version, SUFFIX))
            continue;
        version = arena_str(arena, str_slice(version, 0, version.len - SUFFIX.len));
        if (wit_version_parse(version, &(*ret_versions)[*ret_count], NULL) == ST_OK)
            ++*ret_count;
    }
    return ST_OK;
}

enum status wkg_local_read(struct str folder, const struct wkg_package *package, struct str version, struct buf *ret_bytes,
                           struct error *err)
{
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
    add_folder(folder, package, &path);
    buf_addf(&path, "/%.*s.wasm", STR_ARG(version));
    return file_read(path.data, ret_bytes, err);
}
