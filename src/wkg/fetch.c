/* Fetching and building; see fetch.h. */
#include "wkg/fetch.h"
#include "base/file.h"
#include "base/leb128.h"
#include "base/mem.h"
#include "oci/reference.h"
#include "wit/encode.h"
#include "wit/print.h"
#include "wkg/fetch_private.h"
#include "wkg/file.h"
#include "wkg/join.h"
#include <unistd.h>

#define DEP_TEXT_MAX (64u << 20)

/* --- settings ----------------------------------------------------------------------------------------------------------------- */

static enum status expand(struct fetch *f, struct str text, const char *what, struct str *ret_text)
{
    *ret_text = STR_NULL;
    return text.data ? config_expand(text, what, &f->arena, ret_text, f->err) : ST_OK;
}

/* Registries that take tokens do not look at the name that comes with one. */
static enum status list_registry(struct fetch *f, const struct config_wit_registry *registry)
{
    struct str url, user, token;
    TRY(expand(f, registry->url, "wit.registries[].url", &url));
    TRY(expand(f, registry->username, "wit.registries[].username", &user));
    TRY(expand(f, registry->token, "wit.registries[].token", &token));
    if (user.data && !token.data)
        return fail(f->err, ST_INVALID, "wit.registries: `username` of %.*s needs a `token` with it", STR_ARG(url));
    if (token.data && !user.data)
        user = STR("token");
    enum status status = wkg_registries_list(&f->registries, url, user, token, f->err);
    return status == ST_OK ? ST_OK : fail_wrap(f->err, "wit.registries");
}

/* "host/prefix/ns/name" of "ns:name": the prefix is what is before, and a tag does not count. */
static enum status map_source(struct fetch *f, const struct wkg_source *source)
{
    struct str text = source->location;
    size_t slash = str_find_char(text, '/'), colon = str_find_char(source->key, ':');
    struct wkg_mapping mapping = {.key = source->key, .registry = str_slice(text, 0, slash), .metadata = {STR(""), STR("")}};
    if (!oci_registry_valid(mapping.registry))
        return fail(f->err, ST_INVALID, "the source of `%.*s`: `%.*s` is no registry", STR_ARG(source->key),
                    STR_ARG(mapping.registry));
    if (slash != STR_NONE) {
        struct str repository = str_slice(str_from(text, slash + 1), 0, str_find_char(str_from(text, slash + 1), ':'));
        struct str suffix = colon == STR_NONE ? source->key
                                              : arena_printf(&f->arena, "%.*s/%.*s", (int)colon, source->key.data,
                                                             STR_ARG(str_from(source->key, colon + 1)));
        struct str prefix = str_slice(repository, 0, repository.len - MIN(suffix.len, repository.len));
        if (!str_ends(repository, suffix) || (prefix.len && !str_ends(prefix, STR("/"))))
            return fail(f->err, ST_INVALID, "the source of `%.*s`: the repository must end in `%.*s`", STR_ARG(source->key),
                        STR_ARG(suffix));
        mapping.metadata = (struct wkg_metadata){mapping.registry, prefix};
        mapping.has_metadata = true;
    }
    wkg_registries_map(&f->registries, &mapping);
    return ST_OK;
}

static enum status read_sources(struct fetch *f)
{
    const struct config_map *sources = &f->project->config->sources;
    for (size_t i = 0; i < sources->len; i++) {
        struct wkg_source source;
        struct str text;
        TRY(expand(f, sources->items[i].value, "wit.sources", &text));
        if (wkg_source_parse(sources->items[i].key, text, f->project->root, &f->arena, &source, f->err) != ST_OK)
            return fail_wrap(f->err, "wit.sources");
        if (source.kind == WKG_SOURCE_REGISTRY)
            TRY(map_source(f, &source));
        vec_push(&f->sources, source);
    }
    return ST_OK;
}

/* What a source has is not locked: it is taken as it is now, each time. */
static enum status unlock(struct fetch *f, struct str text)
{
    struct wkg_package package;
    TRY(wkg_package_parse(text, &package, f->err));
    if (wkg_lock_remove(&f->old_lock, text) || wkg_has_source(f, &package))
        return ST_OK;
    return fail(f->err, ST_NOT_FOUND, "Package '%.*s' not found in lock file", STR_ARG(text));
}

static enum status read_lock(struct fetch *f)
{
    TRY(wkg_lock_read(arena_printf(&f->arena, "%s/" WKG_LOCK_NAME, f->project->root).data, &f->arena, &f->old_lock, f->err));
    if (!f->request->update)
        return ST_OK;
    if (!f->request->update_package.data)
        f->old_lock.items.len = 0;
    else
        return unlock(f, f->request->update_package);
    return ST_OK;
}

static enum status read_settings(struct fetch *f)
{
    const struct wkg_project *project = f->project;
    const struct config_objects *registries = &project->config->registries;
    if (project->registries_path)
        TRY(wkg_registries_read(&f->registries, project->registries_path, project->registries_named, f->err));
    for (size_t i = 0; i < registries->len; i++)
        TRY(list_registry(f, (const struct config_wit_registry *)registries->items + i));
    TRY(wkg_manifest_read(arena_printf(&f->arena, "%s/" WKG_MANIFEST_NAME, project->root).data, &f->arena, &f->manifest, f->err));
    TRY(wkg_add_members(f));
    TRY(read_sources(f));
    return read_lock(f);
}

enum status wkg_fetch_open(struct fetch *f, const struct wkg_project *project, const struct wkg_request *request, struct error *err)
{
    static const struct wit_options options = {.all_features = true};
    *f = (struct fetch){.project = project, .request = request, .err = err};
    f->fetcher = (struct wkg_fetcher){
        .root = project->root, .clone = project->clone, .clone_env = project->clone_env, .cancel = project->cancel};
    arena_init(&f->arena, SIZE_MAX);
    wit_model_init(&f->model);
    f->loader = wit_loader_new(&f->model, &options);
    wkg_registries_init(&f->registries, &f->arena);
    struct wkg_session_options session = {&f->registries, project->cache, project->user_agent, project->cancel,
                                          project->interactive};
    f->session = wkg_session_new(&session, &f->arena);
    return read_settings(f);
}

void wkg_fetch_close(struct fetch *f)
{
    if (f->temporary)
        (void)wkg_tree_remove(f->temporary, NULL);
    free(f->temporary);
    wkg_session_free(f->session);
    vec_each (need, &f->needs)
        buf_release(&need->bytes);
    vec_each (file, &f->files)
        buf_release(&file->bytes);
    vec_release(&f->needs);
    vec_release(&f->files);
    vec_release(&f->sources);
    map_release(&f->handled);
    map_release(&f->ours);
    wkg_lock_release(&f->old_lock);
    wkg_lock_release(&f->new_lock);
    wkg_registries_release(&f->registries);
    wit_loader_free(f->loader);
    wit_model_release(&f->model);
    arena_release(&f->arena);
}

/* --- writing ------------------------------------------------------------------------------------------------------------------ */

static enum status print_deps(struct fetch *f, struct wkg_dep **ret_deps, size_t *ret_count)
{
    struct wkg_dep *deps = ARENA_ARRAY(&f->arena, struct wkg_dep, f->model.packages.len + 1);
    size_t count = 0;
    for (size_t i = 0; i < f->model.packages.len; i++) {
        const struct wit_package *package = f->model.packages.items[i];
        autobuf struct buf text = BUF_INIT(DEP_TEXT_MAX);
        if (map_has(&f->ours, package->full_name))
            continue;
        TRY(wit_print_package(package, false, &text, f->err));
        deps[count++] = (struct wkg_dep){wkg_folder_name(package->full_name, &f->arena), arena_str(&f->arena, buf_str(&text))};
    }
    *ret_deps = deps;
    *ret_count = count;
    return ST_OK;
}

static enum status write_lock(struct fetch *f)
{
    const char *path = arena_printf(&f->arena, "%s/" WKG_LOCK_NAME, f->project->root).data;
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED), there = BUF_INIT(CONFIG_MAX_BYTES);
    wkg_lock_format(&f->new_lock, &text);
    if (file_read(path, &there, NULL) == ST_OK && str_eq(buf_str(&there), buf_str(&text)))
        return ST_OK;
    return file_replace(path, buf_str(&text), f->err);
}

static enum status write_all(struct fetch *f)
{
    struct wkg_deps_change *change;
    struct wkg_dep *deps;
    size_t count;
    TRY(print_deps(f, &deps, &count));
    TRY(wkg_deps_prepare(f->project->wit_dir, &f->deps, deps, count, f->request->clean, &change, f->err));
    enum status status = write_lock(f);
    if (status == ST_OK)
        status = wkg_deps_commit(change, f->err);
    if (status == ST_OK && f->request->edited_path)
        status = file_replace(f->request->edited_path, f->request->edited_text, f->err);
    wkg_deps_change_free(change);
    return status;
}

/* With the project locked from the reading of wkg.lock to its writing. */
static enum status with_project(const struct wkg_project *project, const struct wkg_request *request, struct fetch *f,
                                int *ret_lock, struct error *err)
{
    *f = (struct fetch){0};
    TRY(wkg_wit_lock(project->wit_dir, project->cancel, project->notice, ret_lock, err));
    TRY(wkg_fetch_open(f, project, request, err));
    return wkg_resolve(f);
}

enum status wkg_fetch(const struct wkg_project *project, const struct wkg_request *request, struct error *err)
{
    struct fetch f;
    autoclose int lock = -1;
    enum status status = with_project(project, request, &f, &lock, err);
    if (status == ST_OK)
        status = write_all(&f);
    wkg_fetch_close(&f);
    return status;
}

/* --- building ----------------------------------------------------------------------------------------------------------------- */

/* The custom sections that say what a component is (crate wasm-metadata): its name in a subsection, the rest is text. */
static enum status add_metadata(struct fetch *f, const struct wkg_built *built, struct buf *out)
{
    autobuf struct buf name = BUF_INIT(BUF_UNLIMITED);
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    buf_add_str_leb(&text, built->package);
    buf_add_u32_leb(&name, 0);
    buf_add_str_leb(&name, buf_str(&text));
    TRY(wit_append_custom_section(STR("component-name"), buf_str(&name), out, f->err));
    for (size_t i = 0; i < WKG_FIELD_COUNT; i++)
        if (f->manifest.fields[i].data)
            TRY(wit_append_custom_section(str_of(wkg_field_names[i]), f->manifest.fields[i], out, f->err));
    if (built->version.len)
        TRY(wit_append_custom_section(STR("version"), built->version, out, f->err));
    return ST_OK;
}

static enum status build(struct fetch *f, struct arena *arena, struct buf *out, struct wkg_built *ret_built)
{
    const struct wit_package *package = f->main;
    const struct wit_producer producer = {STR("wash"), str_from(str_of(f->project->user_agent), 5)};
    struct wkg_built built = {
        .package = arena_printf(arena, "%.*s:%.*s", STR_ARG(package->ns), STR_ARG(package->name)),
        .version = arena_str(arena, package->version.text),
    };
    TRY(wit_encode_package(package, &producer, out, f->err));
    TRY(add_metadata(f, &built, out));
    TRY(write_lock(f));
    *ret_built = built;
    return ST_OK;
}

enum status wkg_build(const struct wkg_project *project, struct arena *arena, struct buf *ret_bytes, struct wkg_built *ret_built,
                      struct error *err)
{
    static const struct wkg_request request = {0};
    struct fetch f;
    autoclose int lock = -1;
    enum status status = with_project(project, &request, &f, &lock, err);
    if (status == ST_OK)
        status = build(&f, arena, ret_bytes, ret_built);
    wkg_fetch_close(&f);
    return status;
}

/* --- questions ---------------------------------------------------------------------------------------------------------------- */

enum status wkg_complete(const char *wit_dir, bool *ret_complete, struct error *err)
{
    struct wit_model model;
    struct wit_reference *missing;
    size_t count = 0;
    wit_model_init(&model);
    struct wit_loader *loader = wit_loader_new(&model, NULL);
    enum status status = wit_loader_add_path(loader, wit_dir, err);
    if (status == ST_OK)
        wit_loader_missing(loader, &missing, &count);
    if (status == ST_NOT_FOUND) /* no .wit files */
        status = ST_OK;
    if (status == ST_OK)
        *ret_complete = count == 0;
    wit_loader_free(loader);
    wit_model_release(&model);
    return status;
}

static struct str version_of(struct str full_name)
{
    size_t at = str_find_char(full_name, '@');
    return at == STR_NONE ? STR("") : str_from(full_name, at + 1);
}

/* The bytes of a release of a registry go to `need`. */
static enum status fetch_release(struct fetch *f, struct need *need)
{
    TRY(wkg_resolve_release(f, need));
    return wkg_session_bytes(f->session, &need->package, need->version, &need->digest, &need->bytes, f->err);
}

static enum status look_up(struct fetch *f, const struct wkg_target *target, struct arena *arena, struct wkg_found *ret_found)
{
    struct need *need = vec_add(&f->needs); /* which releases its bytes */
    struct wkg_encoded encoded = {.label = target->package.text};
    struct wkg_joined *joined;
    struct wkg_outline outline;
    size_t count;
    need->package = target->package;
    need->requirement = wkg_requirement_of(&target->version);
    need->requirement_text = wkg_requirement_format(&need->requirement, &f->arena);
    buf_init(&need->bytes, WKG_PACKAGE_MAX);
    TRY(wkg_find_in_source(f, &target->package, &target->version, &outline, &need->bytes));
    if (!outline.full_name.data)
        TRY(fetch_release(f, need));
    if (need->bytes.len) {
        encoded.bytes = buf_str(&need->bytes);
        TRY(wkg_join(&encoded, 1, &f->arena, &joined, &count, f->err));
        outline = (struct wkg_outline){encoded.name, encoded.interfaces, encoded.worlds};
    }
    *ret_found = (struct wkg_found){
        .version = arena_str(arena, version_of(outline.full_name)),
        .interfaces = arena_str(arena, outline.interfaces),
        .worlds = arena_str(arena, outline.worlds),
    };
    return ST_OK;
}

enum status wkg_look_up(const struct wkg_project *project, const struct wkg_target *target, struct arena *arena,
                        struct wkg_found *ret_found, struct error *err)
{
    static const struct wkg_request request = {0};
    struct fetch f;
    enum status status = wkg_fetch_open(&f, project, &request, err);
    if (status == ST_OK)
        status = look_up(&f, target, arena, ret_found);
    wkg_fetch_close(&f);
    return status;
}
