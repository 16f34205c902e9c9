/* The members of a workspace (manifest.h): folders of WIT beside the project's own, one package each.
 *
 * What the project refers to of their packages is taken from there, as if it were a source of the configuration; a registry is not
 * asked for them. A member with `*`, `?` or `[` in it stands for the folders with .wit files that it matches. */
#include "base/file.h"
#include "wkg/fetch_private.h"
#include <glob.h>

static bool is_pattern(struct str member)
{
    return str_find_char(member, '*') != STR_NONE || str_find_char(member, '?') != STR_NONE ||
           str_find_char(member, '[') != STR_NONE;
}

static bool is_own(const struct fetch *f, const char *path)
{
    autofree char *own = realpath(f->project->wit_dir, NULL), *real = realpath(path, NULL);
    return own && real && strcmp(own, real) == 0;
}

static enum status add_member(struct fetch *f, const char *path)
{
    struct wkg_outline outline;
    if (is_own(f, path))
        return ST_OK;
    if (wkg_outline_package(f, path, &outline, f->err) != ST_OK)
        return fail_wrap(f->err, WKG_MANIFEST_NAME ": workspace member %s", path);
    struct str key = str_slice(outline.full_name, 0, str_find_char(outline.full_name, '@'));
    vec_each (there, &f->sources)
        if (str_eq(there->key, key))
            return fail(f->err, ST_INVALID, WKG_MANIFEST_NAME ": workspace members %s and %s are both package `%.*s`",
                        there->folder, path, STR_ARG(key));
    if (f->sources.len == WKG_MAX_MEMBERS)
        return fail(f->err, ST_LIMIT, WKG_MANIFEST_NAME ": more than %u workspace members", WKG_MAX_MEMBERS);
    struct wkg_source source = {.kind = WKG_SOURCE_PATH, .key = key, .location = str_of(path), .folder = path};
    vec_push(&f->sources, source);
    return ST_OK;
}

/* The project's folder is no pattern, whatever it is called. */
static const char *pattern_below(struct fetch *f, struct str member)
{
    autobuf struct buf pattern = BUF_INIT(BUF_UNLIMITED);
    if (str_starts(member, STR("/")))
        return member.data;
    for (const char *c = f->project->root; *c; c++)
        buf_addf(&pattern, strchr("*?[\\", *c) ? "\\%c" : "%c", *c);
    buf_addf(&pattern, "/%.*s", STR_ARG(member));
    return arena_str(&f->arena, buf_str(&pattern)).data;
}

static enum status add_matches(struct fetch *f, struct str member)
{
    glob_t matches = {0};
    size_t added = 0;
    if (str_find(member, STR("**")) != STR_NONE)
        return fail(f->err, ST_UNSUPPORTED, WKG_MANIFEST_NAME ": workspace member `%.*s`: write `*` for each folder, not `**`",
                    STR_ARG(member));
    int code = glob(pattern_below(f, member), 0, NULL, &matches);
    enum status status = ST_OK;
    for (size_t i = 0; code == 0 && i < matches.gl_pathc && status == ST_OK; i++) {
        const char *path = arena_str(&f->arena, str_of(matches.gl_pathv[i])).data;
        bool has_wit = false;
        if (file_is_folder(path))
            status = wkg_has_wit_files(path, &f->arena, &has_wit, f->err);
        if (status == ST_OK && has_wit)
            status = add_member(f, path);
        added += has_wit;
    }
    globfree(&matches);
    if (status == ST_OK && added == 0)
        return fail(f->err, ST_NOT_FOUND, WKG_MANIFEST_NAME ": workspace member `%.*s` matches no folder with .wit files",
                    STR_ARG(member));
    return status;
}

enum status wkg_add_members(struct fetch *f)
{
    for (size_t i = 0; i < f->manifest.member_count; i++) {
        struct str member = f->manifest.members[i];
        if (is_pattern(member))
            TRY(add_matches(f, member));
        else if (str_starts(member, STR("/")))
            TRY(add_member(f, member.data));
        else
            TRY(add_member(f, arena_printf(&f->arena, "%s/%.*s", f->project->root, STR_ARG(member)).data));
    }
    return ST_OK;
}
