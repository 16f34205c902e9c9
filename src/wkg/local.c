#include "wkg/local.h"
#include "base/vec.h"
#include "wkg/file.h"
#include <dirent.h>

#define SUFFIX STR(".wasm")

static void add_folder(struct str folder, const struct wkg_package *package, struct buf *path)
{
    buf_addf(path, "%.*s/%.*s/%.*s", STR_ARG(folder), STR_ARG(package->ns), STR_ARG(package->name));
}

enum status wkg_local_versions(struct str folder, const struct wkg_package *package, struct arena *arena,
                               struct wit_version **ret_versions, size_t *ret_count, struct error *err)
{
    VEC(struct wit_version) versions = {0};
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
    struct wit_version version;
    add_folder(folder, package, &path);
    DIR *dir = opendir(path.data);
    if (!dir)
        return fail_errno(err, "open folder %s", path.data);
    for (const struct dirent *entry; (entry = readdir(dir));) {
        struct str name = str_of(entry->d_name);
        if (!str_ends(name, SUFFIX))
            continue;
        name = arena_str(arena, str_slice(name, 0, name.len - SUFFIX.len));
        if (wit_version_parse(name, &version, NULL) == ST_OK)
            vec_push(&versions, version);
    }
    closedir(dir);
    *ret_versions = ARENA_ARRAY(arena, struct wit_version, versions.len + 1);
    *ret_count = versions.len;
    for (size_t i = 0; i < versions.len; i++)
        (*ret_versions)[i] = versions.items[i];
    vec_release(&versions);
    return ST_OK;
}

enum status wkg_local_read(struct str folder, const struct wkg_package *package, struct str version, struct buf *ret_bytes,
                           struct error *err)
{
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
    add_folder(folder, package, &path);
    buf_addf(&path, "/%.*s.wasm", STR_ARG(version));
    return wkg_file_read(path.data, ret_bytes, err);
}
