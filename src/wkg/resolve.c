/* Where packages come from; see fetch.h. */
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/url.h"
#include "wkg/fetch_private.h"
#include "wkg/join.h"
#include "wkg/store.h"

#define SHOWN_VERSIONS 12

/* --- releases ----------------------------------------------------------------------------------------------------------------- */

/* data NULL: none is configured for it. */
static struct str registry_of(struct fetch *f, const struct need *need)
{
    const struct wkg_mapping *found = wkg_registries_find(&f->registries, &need->package, 0);
    return found ? found->registry : STR_NULL;
}

static int by_version(const void *a, const void *b)
{
    return wit_version_compare(b, a); /* the newest first */
}

static enum status fail_no_release(struct fetch *f, const struct need *need, struct wit_version *versions, size_t count)
{
    autobuf struct buf known = BUF_INIT(BUF_UNLIMITED);
    if (count)
        qsort(versions, count, sizeof *versions, by_version);
    for (size_t i = 0; i < count && i < SHOWN_VERSIONS; i++)
        buf_addf(&known, "%s%.*s", i ? ", " : "", STR_ARG(versions[i].text));
    if (count > SHOWN_VERSIONS)
        buf_add(&known, STR(", ..."));
    return fail(f->err, ST_NOT_FOUND, "package `%.*s` has no release that matches `%.*s`; it has %s", STR_ARG(need->package.text),
                STR_ARG(need->requirement_text), known.len ? known.data : "none");
}

static enum status choose_release(struct fetch *f, struct need *need)
{
    struct wit_version *versions;
    const struct wit_version *best = NULL;
    size_t count;
    TRY(wkg_session_versions(f->session, &need->package, &versions, &count, f->err));
    for (size_t i = 0; i < count; i++)
        if (wkg_requirement_matches(&need->requirement, &versions[i]) && (!best || wit_version_compare(&versions[i], best) > 0))
            best = &versions[i];
    if (!best)
        return fail_no_release(f, need, versions, count);
    need->version = best->text;
    return ST_OK;
}

/* One version is asked for by its tag; only if that is not there the others are listed, to say what is. */
static enum status find_digest(struct fetch *f, struct need *need)
{
    struct error why;
    bool exact = wkg_requirement_is_exact(&need->requirement, &f->arena, &need->version);
    if (!exact)
        TRY(choose_release(f, need));
    enum status status = wkg_session_digest(f->session, &need->package, need->version, &need->digest, &why);
    if (status == ST_NOT_FOUND && exact)
        TRY(choose_release(f, need));
    return status == ST_OK ? ST_OK : fail(f->err, status, "%s", why.message);
}

/* From now on the package is in this registry alone. */
static void settle(struct fetch *f, const struct need *need, const struct wkg_mapping *registry)
{
    struct wkg_mapping mapping = *registry;
    mapping.key = need->package.text;
    wkg_registries_map(&f->registries, &mapping);
}

/* What wkg.lock says, of whichever of the package's registries. NULL: nothing. */
static const struct wkg_locked *find_locked(struct fetch *f, const struct need *need)
{
    const struct wkg_mapping *registry;
    for (size_t i = 0; (registry = wkg_registries_find(&f->registries, &need->package, i)); i++) {
        const struct wkg_locked *locked =
            wkg_lock_find(&f->old_lock, need->package.text, registry->registry, need->requirement_text);
        if (locked) {
            settle(f, need, registry);
            return locked;
        }
    }
    return NULL;
}

/* Asks each registry where the package may be. One that refuses to answer ends the search: it may have the package, and the next one
 * another of that name. */
static enum status search(struct fetch *f, struct need *need)
{
    VEC(struct wkg_mapping) places = {0};
    const struct wkg_mapping *registry;
    enum status status = ST_NOT_FOUND;
    autobuf struct buf names = BUF_INIT(BUF_UNLIMITED);
    for (size_t i = 0; (registry = wkg_registries_find(&f->registries, &need->package, i)); i++)
        vec_push(&places, *registry);
    for (size_t i = 0; i < places.len && status == ST_NOT_FOUND; i++) {
        settle(f, need, &places.items[i]);
        buf_addf(&names, "%s%.*s", i ? ", " : "", STR_ARG(places.items[i].registry));
        status = find_digest(f, need);
    }
    vec_release(&places);
    return status == ST_NOT_FOUND ? fail_wrap(f->err, "none of the registries %s has it", names.data) : status;
}

enum status wkg_resolve_release(struct fetch *f, struct need *need)
{
    const struct wkg_locked *locked = find_locked(f, need);
    bool several = wkg_registries_find(&f->registries, &need->package, 1);
    if (locked) {
        need->version = locked->version;
        return oci_digest_parse(locked->digest, &need->digest) ? ST_OK : fail(f->err, ST_INTERNAL, "digest");
    }
    TRY(several ? search(f, need) : find_digest(f, need));
    log_debug("resolved a package", LOG_STR("package", need->package.text), LOG_STR("version", need->version),
              LOG_TEXT("digest", need->digest.text));
    return ST_OK;
}

static enum status fetch_need(struct fetch *f, struct need *need)
{
    TRY(wkg_resolve_release(f, need));
    buf_init(&need->bytes, WKG_PACKAGE_MAX);
    TRY(wkg_session_bytes(f->session, &need->package, need->version, &need->digest, &need->bytes, f->err));
    struct wkg_locked locked = {
        .package = need->package.text,
        .registry = registry_of(f, need),
        .requirement = need->requirement_text,
        .version = need->version,
        .digest = arena_str(&f->arena, oci_digest_str(&need->digest)),
    };
    wkg_lock_add(&f->new_lock, &locked);
    return ST_OK;
}

/* --- what is needed ----------------------------------------------------------------------------------------------------------- */

static enum status add_need(struct fetch *f, const struct need *need)
{
    vec_each (there, &f->needs)
        if (str_eq(there->package.text, need->package.text) && str_eq(there->requirement_text, need->requirement_text))
            return ST_OK;
    if (f->needs.len == WKG_MAX_NEEDS)
        return fail(f->err, ST_LIMIT, "more than %u packages are needed", WKG_MAX_NEEDS);
    vec_push(&f->needs, *need);
    return ST_OK;
}

static enum status add_file(struct fetch *f, const char *path)
{
    struct need file = {.full_name = str_of(path), .bytes = BUF_INIT(WKG_PACKAGE_MAX)};
    enum status status = file_read(path, &file.bytes, f->err);
    if (status == ST_OK)
        vec_push(&f->files, file);
    else
        buf_release(&file.bytes);
    return status;
}

static enum status make_temporary(struct fetch *f)
{
    const char *place = getenv("TMPDIR");
    autobuf struct buf template = BUF_INIT(BUF_UNLIMITED);
    if (f->temporary)
        return ST_OK;
    buf_addf(&template, "%s/wash-wit-XXXXXX", place && place[0] == '/' ? place : "/tmp");
    if (!mkdtemp(template.data))
        return fail_errno(f->err, "make a folder in %s", place && place[0] == '/' ? place : "/tmp");
    f->temporary = buf_take(&template);
    f->fetcher.temporary = f->temporary;
    return ST_OK;
}

static bool is_encoded(const char *path)
{
    return str_ends(str_of(path), STR(".wasm"));
}

enum status wkg_outline_package(struct fetch *f, const char *path, struct wkg_outline *ret_outline, struct error *err)
{
    struct wit_model model;
    struct str interfaces, worlds;
    wit_model_init(&model);
    struct wit_loader *loader = wit_loader_new(&model, NULL);
    enum status status = wit_loader_add_package(loader, path, err);
    size_t count = wit_loader_package_count(loader);
    if (status == ST_OK && count == 0)
        status = fail(err, ST_NOT_FOUND, "%s: no .wit files", path);
    if (status == ST_OK) { /* nested ones come first */
        wit_loader_list(loader, count - 1, &interfaces, &worlds);
        *ret_outline = (struct wkg_outline){
            .full_name = arena_str(&f->arena, wit_loader_package_name(loader, count - 1)),
            .interfaces = arena_str(&f->arena, interfaces),
            .worlds = arena_str(&f->arena, worlds),
        };
    }
    wit_loader_free(loader);
    wit_model_release(&model);
    return status;
}

/* Empty: it is none. */
static struct str name_of_package(struct fetch *f, const char *path)
{
    struct wkg_outline outline;
    return wkg_outline_package(f, path, &outline, NULL) == ST_OK ? outline.full_name : STR("");
}

/* Of the packages of a source the one that is wanted: the folder itself, or one in its `deps`. NULL: none. */
static const char *choose_package(struct fetch *f, const struct wkg_source *source, struct str full_name, struct str *ret_main)
{
    struct wkg_deps deps;
    *ret_main = name_of_package(f, source->folder);
    if (str_eq(*ret_main, full_name) || !file_is_folder(source->folder))
        return str_eq(*ret_main, full_name) ? source->folder : NULL;
    if (wkg_deps_read(source->folder, &f->arena, &deps, NULL) != ST_OK)
        return NULL;
    for (size_t i = 0; i < deps.kept_count; i++)
        if (str_eq(name_of_package(f, deps.kept[i]), full_name))
            return deps.kept[i];
    struct str wanted = wkg_folder_name(full_name, &f->arena);
    for (size_t i = 0; i < deps.fetched_count; i++)
        if (str_eq(deps.fetched[i].name, wanted))
            return arena_printf(&f->arena, "%s/%.*s", deps.folder, STR_ARG(wanted)).data;
    return NULL;
}

static enum status take_from_source(struct fetch *f, struct wkg_source *source, const struct wit_reference *reference)
{
    struct str main;
    if (source->kind != WKG_SOURCE_PATH)
        TRY(make_temporary(f));
    TRY(wkg_source_open(&f->fetcher, source, &f->arena, f->err));
    if (is_encoded(source->folder))
        return add_file(f, source->folder);
    const char *path = choose_package(f, source, reference->full_name, &main);
    if (path)
        return wit_loader_add_package(f->loader, path, f->err);
    if (main.len == 0) /* what is wrong with it */
        return wit_loader_add_package(f->loader, source->folder, f->err);
    struct str location = url_shown(&f->arena, source->location);
    return fail(f->err, ST_NOT_FOUND, "the source of `%.*s`, %.*s, has package `%.*s`, but `%.*s` refers to `%.*s`",
                STR_ARG(source->key), STR_ARG(location), STR_ARG(main), STR_ARG(reference->from), STR_ARG(reference->full_name));
}

/* One of the package goes before one of its namespace. NULL: a registry has it, by a source or without one. */
static struct wkg_source *find_source(struct fetch *f, struct str ns, struct str package)
{
    struct wkg_source *found = NULL;
    vec_each (source, &f->sources)
        if (str_eq(source->key, package) || (str_eq(source->key, ns) && !found))
            found = source;
    return found && found->kind != WKG_SOURCE_REGISTRY ? found : NULL;
}

static bool is_release_of(struct str full_name, const struct wkg_package *package, const struct wit_version *version)
{
    if (!str_skip(&full_name, package->text) || (full_name.len && !str_skip(&full_name, STR("@"))))
        return false;
    return !wit_version_is_set(version) || str_eq(full_name, version->text);
}

static bool outlines(struct fetch *f, const char *path, const struct wkg_package *package, const struct wit_version *version,
                     struct wkg_outline *ret_outline)
{
    struct wkg_outline outline;
    if (wkg_outline_package(f, path, &outline, NULL) != ST_OK || !is_release_of(outline.full_name, package, version))
        return false;
    *ret_outline = outline;
    return true;
}

/* As choose_package, of any version or of that one. False: the source has none. */
static bool find_release(struct fetch *f, const struct wkg_source *source, const struct wkg_package *package,
                         const struct wit_version *version, struct wkg_outline *ret_outline)
{
    struct wkg_deps deps = {0};
    if (outlines(f, source->folder, package, version, ret_outline))
        return true;
    if (!file_is_folder(source->folder) || wkg_deps_read(source->folder, &f->arena, &deps, NULL) != ST_OK)
        return false;
    for (size_t i = 0; i < deps.kept_count + deps.fetched_count; i++) {
        const char *path =
            i < deps.kept_count
                ? deps.kept[i]
                : arena_printf(&f->arena, "%s/%.*s", deps.folder, STR_ARG(deps.fetched[i - deps.kept_count].name)).data;
        if (outlines(f, path, package, version, ret_outline))
            return true;
    }
    return false;
}

bool wkg_has_source(struct fetch *f, const struct wkg_package *package)
{
    return find_source(f, package->ns, package->text) != NULL;
}

enum status wkg_find_in_source(struct fetch *f, const struct wkg_package *package, const struct wit_version *version,
                               struct wkg_outline *ret_outline, struct buf *ret_bytes)
{
    struct wkg_source *source = find_source(f, package->ns, package->text);
    *ret_outline = (struct wkg_outline){0};
    if (!source)
        return ST_OK;
    if (source->kind != WKG_SOURCE_PATH)
        TRY(make_temporary(f));
    TRY(wkg_source_open(&f->fetcher, source, &f->arena, f->err));
    if (is_encoded(source->folder)) {
        ret_outline->full_name = package->text; /* it says itself */
        return file_read(source->folder, ret_bytes, f->err);
    }
    if (find_release(f, source, package, version, ret_outline))
        return ST_OK;
    if (name_of_package(f, source->folder).len == 0) /* what is wrong with it */
        TRY(wit_loader_add_package(f->loader, source->folder, f->err));
    struct str location = url_shown(&f->arena, source->location);
    return fail(f->err, ST_NOT_FOUND, "the source of `%.*s`, %.*s, does not have `%.*s%s%.*s`", STR_ARG(source->key),
                STR_ARG(location), STR_ARG(package->text), version->text.len ? "@" : "", STR_ARG(version->text));
}

static bool is_overridden(const struct fetch *f, struct str package)
{
    for (size_t i = 0; i < f->manifest.override_count; i++)
        if (str_eq(f->manifest.overrides[i].package, package))
            return f->manifest.overrides[i].path.data || f->manifest.overrides[i].requirement.data;
    return false;
}

static enum status see_to(struct fetch *f, const struct wit_reference *reference)
{
    struct str text = arena_printf(&f->arena, "%.*s:%.*s", STR_ARG(reference->ns), STR_ARG(reference->name));
    struct need need = {.full_name = reference->full_name};
    if (is_overridden(f, text))
        return ST_OK; /* it is there, or it is of another version, which is reported when all is resolved */
    struct wkg_source *source = find_source(f, reference->ns, text);
    if (source)
        return take_from_source(f, source, reference);
    TRY(wkg_package_parse(text, &need.package, f->err));
    need.requirement = wkg_requirement_of(&reference->version);
    need.requirement_text = wkg_requirement_format(&need.requirement, &f->arena);
    return add_need(f, &need);
}

/* Packages of sources refer to more: until nothing new is missing. */
static enum status see_to_all(struct fetch *f)
{
    for (bool again = true; again;) {
        struct wit_reference *missing;
        size_t count;
        again = false;
        wit_loader_missing(f->loader, &missing, &count);
        for (size_t i = 0; i < count; i++) {
            if (map_has(&f->handled, missing[i].full_name) || wit_loader_has_package(f->loader, missing[i].full_name))
                continue;
            map_set(&f->handled, missing[i].full_name, f);
            TRY(see_to(f, &missing[i]));
            again = true;
        }
    }
    return ST_OK;
}

static enum status apply_override(struct fetch *f, const struct wkg_override *override)
{
    struct need need = {.requirement_text = override->requirement};
    if (override->path.data) {
        const char *path = override->path.data[0] == '/'
                               ? override->path.data
                               : arena_printf(&f->arena, "%s/%.*s", f->project->root, STR_ARG(override->path)).data;
        enum status status = is_encoded(path) ? add_file(f, path) : wit_loader_add_package(f->loader, path, f->err);
        return status == ST_OK ? ST_OK : fail_wrap(f->err, WKG_MANIFEST_NAME ": override of `%.*s`", STR_ARG(override->package));
    }
    if (!override->requirement.data)
        return ST_OK;
    TRY(wkg_package_parse(override->package, &need.package, f->err));
    TRY(wkg_requirement_parse(override->requirement, &need.requirement, f->err));
    return add_need(f, &need);
}

/* --- putting it together ------------------------------------------------------------------------------------------------------ */

static enum status load_project(struct fetch *f)
{
    if (f->request->edited_path)
        wit_loader_replace_text(f->loader, f->request->edited_path, f->request->edited_text);
    TRY(wit_loader_add_package(f->loader, f->project->wit_dir, f->err));
    TRY(wkg_deps_read(f->project->wit_dir, &f->arena, &f->deps, f->err));
    for (size_t i = 0; i < f->deps.kept_count && !f->request->clean; i++)
        if (file_is_folder(f->deps.kept[i]) || str_ends(str_of(f->deps.kept[i]), STR(".wit")))
            TRY(wit_loader_add_package(f->loader, f->deps.kept[i], f->err));
    for (size_t i = 0; i < wit_loader_package_count(f->loader); i++)
        map_set(&f->ours, wit_loader_package_name(f->loader, i), f);
    return ST_OK;
}

/* A release whose package is of another name than what is referred to would leave the reference dangling. */
static enum status check_name(struct fetch *f, const struct need *need, struct str name)
{
    struct str own = str_slice(name, 0, str_find_char(name, '@'));
    if (!str_eq(own, need->package.text))
        return fail(f->err, ST_INVALID, "package `%.*s`: what the registry has under this name is package `%.*s`",
                    STR_ARG(need->package.text), STR_ARG(name));
    if (need->full_name.data && !str_eq(need->full_name, name))
        return fail(f->err, ST_INVALID, "the WIT refers to `%.*s`, but the package is `%.*s`; write that", STR_ARG(need->full_name),
                    STR_ARG(name));
    return ST_OK;
}

static enum status join_encoded(struct fetch *f, struct wkg_encoded *encoded)
{
    struct wkg_joined *joined;
    size_t count;
    for (size_t i = 0; i < f->needs.len; i++) {
        const struct need *need = &f->needs.items[i];
        encoded[i].label = arena_printf(&f->arena, "%.*s@%.*s", STR_ARG(need->package.text), STR_ARG(need->version));
        encoded[i].bytes = buf_str(&need->bytes);
    }
    for (size_t i = 0; i < f->files.len; i++) {
        encoded[f->needs.len + i].label = f->files.items[i].full_name;
        encoded[f->needs.len + i].bytes = buf_str(&f->files.items[i].bytes);
    }
    TRY(wkg_join(encoded, f->needs.len + f->files.len, &f->arena, &joined, &count, f->err));
    for (size_t i = 0; i < f->needs.len; i++)
        TRY(check_name(f, &f->needs.items[i], encoded[i].name));
    for (size_t i = 0; i < count; i++)
        if (!wit_loader_has_package(f->loader, joined[i].full_name))
            TRY(wit_loader_add_text(f->loader, joined[i].full_name, joined[i].text, f->err));
    return ST_OK;
}

static int by_need(const void *left, const void *right)
{
    const struct need *a = left, *b = right;
    int order = str_compare(a->package.text, b->package.text);
    return order ? order : str_compare(a->requirement_text, b->requirement_text);
}

enum status wkg_resolve(struct fetch *f)
{
    TRY(load_project(f));
    for (size_t i = 0; i < f->manifest.override_count; i++)
        TRY(apply_override(f, &f->manifest.overrides[i]));
    TRY(see_to_all(f));
    if (f->needs.len)
        qsort(f->needs.items, f->needs.len, sizeof *f->needs.items, by_need);
    vec_each (need, &f->needs)
        TRY(fetch_need(f, need));
    struct wkg_encoded *encoded = ARENA_ARRAY(&f->arena, struct wkg_encoded, f->needs.len + f->files.len + 1);
    TRY(join_encoded(f, encoded));
    return wit_loader_finish(f->loader, &f->main, f->err);
}
