#include "wkg/source.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/url.h"
#include "base/vec.h"
#include "oci/reference.h"
#include "wkg/file.h"
#include "wkg/http.h"
#include "wkg/unpack.h"
#include <ftw.h>
#include <sys/stat.h>

/* --- what the text means ------------------------------------------------------------------------------------------------------ */

static bool names_repository(struct str text)
{
    struct str before = str_slice(text, 0, str_find_char(text, '#'));
    return str_starts(text, STR("git+")) || str_starts(text, STR("git@")) || str_starts(text, STR("ssh://")) ||
           str_starts(text, STR("git://")) || str_ends(before, STR(".git"));
}

static const char *absolute(const char *root, struct str path, struct arena *arena)
{
    if (str_starts(path, STR("/")))
        return arena_str(arena, path).data;
    return arena_printf(arena, "%s/%.*s", root, STR_ARG(path)).data;
}

/* "host/path", or "host": with a dot, a colon, or localhost, and nothing that a path begins with. */
static bool names_registry(struct str text)
{
    struct str host = str_slice(text, 0, str_find_char(text, '/'));
    bool like_host = str_find_char(host, '.') != STR_NONE || str_find_char(host, ':') != STR_NONE || str_is(host, "localhost");
    return like_host && !str_starts(text, STR(".")) && oci_registry_valid(host);
}

static enum status check_key(struct str key, struct error *err)
{
    struct wkg_package package;
    if (wit_label_valid(key))
        return ST_OK;
    return wkg_package_parse(key, &package, err);
}

static void set_repository(struct str text, struct arena *arena, struct wkg_source *source)
{
    str_skip(&text, STR("git+"));
    size_t mark = str_find_char(text, '#');
    source->kind = WKG_SOURCE_GIT;
    source->location = arena_str(arena, str_slice(text, 0, mark));
    if (mark != STR_NONE)
        source->ref = arena_str(arena, str_from(text, mark + 1));
}

enum status wkg_source_parse(struct str key, struct str text, const char *root, struct arena *arena, struct wkg_source *ret_source,
                             struct error *err)
{
    struct wkg_source source = {.key = arena_str(arena, str_slice(key, 0, str_find_char(key, '@')))};
    TRY(check_key(source.key, err));
    text = str_trim(text);
    if (text.len == 0)
        return fail(err, ST_INVALID, "the source of `%.*s` is empty", STR_ARG(key));
    source.location = arena_str(arena, text);
    if (names_repository(text)) {
        set_repository(text, arena, &source);
    } else if (str_starts(text, STR("http://")) || str_starts(text, STR("https://"))) {
        source.kind = WKG_SOURCE_ARCHIVE;
    } else if (str_skip(&text, STR("oci://")) || (!wkg_exists(absolute(root, text, arena)) && names_registry(text))) {
        source.kind = WKG_SOURCE_REGISTRY;
        source.location = arena_str(arena, text);
    } else if (!wkg_exists(absolute(root, text, arena))) {
        return fail(err, ST_NOT_FOUND, "the source of `%.*s`: %s does not exist", STR_ARG(key), absolute(root, text, arena));
    }
    *ret_source = source;
    return ST_OK;
}

/* --- finding the WIT ---------------------------------------------------------------------------------------------------------- */

typedef VEC(const char *) path_list;

static bool is_real_folder(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

enum status wkg_has_wit_files(const char *folder, struct arena *arena, bool *ret_has, struct error *err)
{
    autonames struct file_names names = {0};
    bool has = false;
    TRY(file_names(folder, &names, err));
    vec_each (name, &names.list)
        has = has || (*name[0] != '.' && str_ends(str_of(*name), STR(".wit")) &&
                      !file_is_folder(arena_printf(arena, "%s/%s", folder, *name).data));
    *ret_has = has;
    return ST_OK;
}

/* Adds the folders in `folder` to `folders`, up to the one named `wit`, if there is one. */
static enum status search_folder(const char *folder, path_list *folders, struct arena *arena, const char **ret_found,
                                 struct error *err)
{
    autonames struct file_names names = {0};
    TRY(file_names(folder, &names, err));
    for (size_t i = 0; i < names.list.len && !*ret_found; i++) {
        const char *name = names.list.items[i], *path = arena_printf(arena, "%s/%s", folder, name).data;
        if (name[0] == '.' || !is_real_folder(path))
            continue;
        if (strcmp(name, "wit") == 0)
            *ret_found = path;
        vec_push(folders, path);
    }
    if (!*ret_found && folders->len > WKG_SOURCE_MAX_FOLDERS)
        return fail(err, ST_LIMIT, "more than %d folders to look for `wit` in; name the folder itself", WKG_SOURCE_MAX_FOLDERS);
    return ST_OK;
}

/* Folders level by level: `folders` grows while it is walked, `end` says where a level does. NULL in *ret_found: none. */
static enum status search_levels(path_list *folders, struct arena *arena, const char **ret_found, struct error *err)
{
    size_t at = 0;
    for (int depth = 0; depth < WKG_SOURCE_MAX_DEPTH; depth++)
        for (size_t end = folders->len; at < end && !*ret_found; at++)
            TRY(search_folder(folders->items[at], folders, arena, ret_found, err));
    return ST_OK;
}

enum status wkg_find_wit(const char *path, struct arena *arena, const char **ret_folder, struct error *err)
{
    path_list folders = {0};
    const char *found = NULL;
    bool here = !file_is_folder(path);
    if (!here)
        TRY(wkg_has_wit_files(path, arena, &here, err));
    if (here) {
        *ret_folder = path;
        return ST_OK;
    }
    vec_push(&folders, path);
    enum status status = search_levels(&folders, arena, &found, err);
    vec_release(&folders);
    TRY(status);
    if (!found)
        return fail(err, ST_NOT_FOUND, "no .wit files there, and no folder named `wit` %d levels deep", WKG_SOURCE_MAX_DEPTH);
    *ret_folder = found;
    return ST_OK;
}

/* --- bringing it here --------------------------------------------------------------------------------------------------------- */

static const char *new_folder(struct wkg_fetcher *fetcher, struct arena *arena)
{
    return arena_printf(arena, "%s/%u", fetcher->temporary, fetcher->count++).data;
}

static enum status fetch_archive(const struct wkg_fetcher *fetcher, const struct wkg_source *source, const char *folder,
                                 struct error *err)
{
    autobuf struct buf bytes = BUF_INIT(WKG_ARCHIVE_MAX_DOWNLOAD);
    long code = 0;
    TRY(wkg_http_get(source->location.data, fetcher->cancel, &bytes, &code, err));
    if (code != 200)
        return fail(err, code == 404 ? ST_NOT_FOUND : ST_UNAVAILABLE,
                    code == 404 ? "the server has nothing there (HTTP status %ld)" : "the server answers with HTTP status %ld",
                    code);
    return wkg_archive_unpack(buf_str(&bytes), folder, err);
}

static enum status bring(struct wkg_fetcher *fetcher, const struct wkg_source *source, struct arena *arena, const char **ret_path,
                         struct error *err)
{
    if (source->kind == WKG_SOURCE_PATH) {
        *ret_path = absolute(fetcher->root, source->location, arena);
        return ST_OK;
    }
    *ret_path = new_folder(fetcher, arena);
    if (source->kind == WKG_SOURCE_ARCHIVE)
        return fetch_archive(fetcher, source, *ret_path, err);
    return fetcher->clone(fetcher->clone_env, source->location.data, source->ref.data, *ret_path, err);
}

static int stop_at_link(const char *path UNUSED, const struct stat *info UNUSED, int type, struct FTW *place UNUSED)
{
    return type == FTW_SL || type == FTW_SLN;
}

/* A stranger's repository could have us read files of the user's by them. */
static enum status refuse_links(const struct wkg_source *source, struct error *err)
{
    if (source->kind == WKG_SOURCE_GIT && nftw(source->folder, stop_at_link, 16, FTW_PHYS) != 0)
        return fail(err, ST_INVALID, "its WIT has symbolic links");
    return ST_OK;
}

enum status wkg_source_open(struct wkg_fetcher *fetcher, struct wkg_source *source, struct arena *arena, struct error *err)
{
    const char *path;
    if (source->folder)
        return ST_OK;
    enum status status = bring(fetcher, source, arena, &path, err);
    if (status == ST_OK)
        status = wkg_find_wit(path, arena, &source->folder, err);
    if (status == ST_OK)
        status = refuse_links(source, err);
    if (status == ST_OK)
        return ST_OK;
    source->folder = NULL;
    struct str location = url_shown(arena, source->location);
    return fail_wrap(err, "the source of `%.*s`, %.*s", STR_ARG(source->key), STR_ARG(location));
}
