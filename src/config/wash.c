/* Finding and loading configuration; see wash.h. */
#include "config/wash.h"
#include "base/mem.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const config_file_names[] = {"config.yaml", "config.yml", "config.json", "config.toml", NULL};

/* What cannot be looked at is not passed over. */
static bool is_there(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static struct str config_in(struct str folder, const char *below, struct arena *arena)
{
    for (const char *const *name = config_file_names; *name; name++) {
        struct str path = arena_printf(arena, "%.*s%s%s%s", STR_ARG(folder), folder.len > 1 ? "/" : "", below, *name);
        if (is_there(path.data))
            return path;
    }
    return STR_NULL;
}

/* Of two files in one folder one counts. */
static void warn_of_others(struct str path, struct arena *arena, config_names *warnings)
{
    struct str folder = str_slice(path, 0, str_find_last_char(path, '/'));
    for (const char *const *name = config_file_names; path.data && *name; name++) {
        struct str other = arena_printf(arena, "%.*s/%s", STR_ARG(folder), *name);
        if (!str_eq(other, path) && is_there(other.data))
            vec_push(warnings, arena_printf(arena, "%.*s is not read, because %.*s is there as well; remove one of them",
                                            STR_ARG(other), STR_ARG(path)));
    }
}

/* A variable that nothing knows, but whose name is near one that is known. */
static void warn_of_slips(const char *const *others, struct arena *arena, config_names *warnings)
{
    config_names known = {0};
    config_variables(&wash_config_schema, "WASH", arena, &known);
    for (; others && *others; others++)
        vec_push(&known, str_of(*others));
    for (char **variable = environ; *variable; variable++) {
        struct str text = str_of(*variable), name = str_slice(text, 0, str_find_char(text, '='));
        if (!str_starts(name, STR("WASH_")))
            continue;
        struct str nearest = str_nearest(name, known.items, known.len);
        if (nearest.data && !str_eq(nearest, name))
            vec_push(warnings, arena_printf(arena, "the environment variable %.*s is not known; did you mean %.*s?", STR_ARG(name),
                                            STR_ARG(nearest)));
    }
    vec_release(&known);
}

static void find_project(struct str start, struct arena *arena, struct config_project *project)
{
    project->root = arena_str(arena, start);
    for (struct str folder = start; folder.len > 0;) {
        struct str path = config_in(folder, ".wash/", arena);
        if (path.data) {
            project->root = arena_str(arena, folder);
            project->config_path = path;
            return;
        }
        size_t slash = str_find_last_char(folder, '/');
        if (folder.len == 1 || slash == STR_NONE)
            return;
        folder = str_slice(folder, 0, slash ? slash : 1);
    }
}

enum status config_find(const struct config_request *request, struct arena *arena, struct config_project *ret_project,
                        struct error *err)
{
    struct config_project project = {0};
    find_project(request->start, arena, &project);
    if (str_is(request->user_file, "/dev/null")) { /* as elsewhere: no configuration of the user's */
        *ret_project = project;
        return ST_OK;
    }
    if (request->user_file.data) {
        project.user_path = arena_str(arena, request->user_file);
        if (!is_there(project.user_path.data))
            return fail(err, ST_NOT_FOUND, "--user-config %s: no such file", project.user_path.data);
    } else if (request->user_folder.data) {
        project.user_path = config_in(request->user_folder, "", arena);
    }
    *ret_project = project;
    return ST_OK;
}

static enum status decode_file(const char *path, enum config_trust trust, struct config_decoder *decoder,
                               struct wash_config *config, struct error *err)
{
    json_t *tree;
    TRY(config_read_file(path, trust, &tree, err));
    decoder->origin = path;
    enum status status = config_decode(decoder, &wash_config_schema, tree, config, err);
    json_decref(tree);
    return status;
}

static enum status decode_files(const struct config_request *request, struct config_decoder *decoder,
                                struct config_project *project, struct error *err)
{
    if (project->user_path.data)
        TRY(decode_file(project->user_path.data, request->user_file.data ? CONFIG_TRUST_NAMED : CONFIG_TRUST_CHECKED, decoder,
                        &project->config, err));
    bool trusted = request->named && str_eq(project->root, request->start);
    if (project->config_path.data)
        TRY(decode_file(project->config_path.data, trusted ? CONFIG_TRUST_NAMED : CONFIG_TRUST_CHECKED, decoder, &project->config,
                        err));
    return ST_OK;
}

static enum status load(const struct config_request *request, struct config_report *report, struct arena *arena,
                        struct config_project *project, struct error *err)
{
    struct config_decoder decoder = {.arena = arena, .report = report};
    TRY(config_find(request, arena, project, err));
    config_defaults(&wash_config_schema, &project->config);
    enum status status = decode_files(request, &decoder, project, err);
    project->later_count = decoder.later_keys.len;
    project->later_keys = arena_copy(arena, decoder.later_keys.items, decoder.later_keys.len * sizeof(struct str));
    vec_release(&decoder.later_keys);
    TRY(status);
    TRY(config_apply_env(&wash_config_schema, "WASH", &project->config, arena, err));
    return config_check(&wash_config_schema, &project->config, report, err);
}

static void warn(const struct config_request *request, struct arena *arena, struct config_project *project)
{
    config_names warnings = {0};
    if (!request->user_file.data)
        warn_of_others(project->user_path, arena, &warnings);
    warn_of_others(project->config_path, arena, &warnings);
    warn_of_slips(request->variables, arena, &warnings);
    project->warning_count = warnings.len;
    project->warnings = arena_copy(arena, warnings.items, warnings.len * sizeof(struct str));
    vec_release(&warnings);
}

/* The first one, and how many more there are. */
static enum status fail_mistakes(const struct config_report *report, struct error *err)
{
    struct str first = report->mistakes.items[0];
    size_t more = report->mistakes.len - 1;
    if (more == 0)
        return fail(err, ST_INVALID, "%.*s", STR_ARG(first));
    return fail(err, ST_INVALID, "%.*s (and %zu more mistake%s; `wash config validate` shows all)", STR_ARG(first), more,
                more == 1 ? "" : "s");
}

enum status config_load(const struct config_request *request, struct arena *arena, struct config_project *ret_project,
                        struct error *err)
{
    struct config_project project;
    struct config_report own = {.collect = true, .arena = arena};
    enum status status = load(request, request->report ? request->report : &own, arena, &project, err);
    if (status == ST_OK && own.mistakes.len)
        status = fail_mistakes(&own, err);
    vec_release(&own.mistakes);
    TRY(status);
    warn(request, arena, &project);
    *ret_project = project;
    return ST_OK;
}

enum status config_load_project(struct str start, bool named, struct arena *arena, struct config_project *ret_project,
                                struct error *err)
{
    struct config_request request = {.start = start, .named = named};
    return config_load(&request, arena, ret_project, err);
}

enum status config_load_file(const char *path, struct config_report *report, struct wash_config *ret_config, struct error *err)
{
    struct config_decoder decoder = {.arena = report->arena, .report = report};
    config_defaults(&wash_config_schema, ret_config);
    enum status status = decode_file(path, CONFIG_TRUST_NAMED, &decoder, ret_config, err);
    vec_release(&decoder.later_keys);
    TRY(status);
    return config_check(&wash_config_schema, ret_config, report, err);
}

struct str config_resolve_path(const struct config_project *project, struct str path, struct arena *arena)
{
    if (str_starts(path, STR("/")))
        return arena_str(arena, path);
    str_skip(&path, STR("./"));
    return arena_printf(arena, "%.*s/%.*s", STR_ARG(project->root), STR_ARG(path));
}

struct str config_component_path(const struct config_project *project, bool dev, struct arena *arena)
{
    const struct wash_config *config = &project->config;
    if (dev && config->dev.component_path.data)
        return config_resolve_path(project, config->dev.component_path, arena);
    if (config->build.component_path.data)
        return config_resolve_path(project, config->build.component_path, arena);
    struct str name = str_from(project->root, str_find_last_char(project->root, '/') + 1);
    return config_resolve_path(project, arena_printf(arena, "%.*s.wasm", STR_ARG(name)), arena);
}
