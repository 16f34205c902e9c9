/* Where updates come from; see update.h. */
#include "base/file.h"
#include "base/mem.h"
#include "cli/download.h"
#include "cli/interrupts.h"
#include "cli/update.h"
#include "cli/update_config.h"

static const char *const token_variables[] = {"WASH_GITHUB_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "GITHUB_ACCESS_TOKEN"};

static struct str find_token(void)
{
    for (size_t i = 0; i < ARRAY_LEN(token_variables); i++) {
        const char *value = getenv(token_variables[i]);
        if (value && *value)
            return str_of(value);
    }
    return STR_NULL;
}

static bool is_name(struct str part)
{
    if (part.len == 0 || part.len > 100 || str_is(part, ".") || str_is(part, ".."))
        return false;
    for (size_t i = 0; i < part.len; i++) {
        char c = part.data[i];
        bool known = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';
        if (!known)
            return false;
    }
    return true;
}

static bool is_repository(struct str text)
{
    struct str owner, name;
    return str_next_part(&text, '/', &owner) && str_next_part(&text, '/', &name) && !text.data && is_name(owner) && is_name(name);
}

/* Printable, https, and without a user: what follows is put behind it. */
static bool is_api_url(struct str url)
{
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.data[i] <= 0x20 || (unsigned char)url.data[i] >= 0x7f || strchr("@?#\"\\", url.data[i]))
            return false;
    return str_starts(url, STR("https://")) && url.len > strlen("https://") && url.len < 1024;
}

enum status update_source(struct arena *arena, struct str repository, struct str token, struct update_source *ret_source,
                          struct error *err)
{
    const char *variable = getenv("WASH_UPDATE_API_URL");
    struct str url = str_of(variable && *variable ? variable : cli_update_config.api_url);
    if (!repository.data)
        repository = str_of(cli_update_config.repository);
    if (repository.len == 0)
        return fail(err, ST_UNSUPPORTED, "this build of wash names no repository to update from; name one with --git OWNER/NAME");
    if (!is_repository(repository))
        return fail(err, ST_INVALID, "`%.*s` is not a repository's OWNER/NAME", STR_ARG(repository));
    while (str_ends(url, STR("/")))
        url.len--;
    if (!is_api_url(url))
        return fail(err, ST_INVALID, "`%.*s` is not an https:// address to ask for releases", STR_ARG(url));
    *ret_source = (struct update_source){
        .repository = arena_str(arena, repository),
        .api_url = arena_str(arena, url),
        .token = token.len > 0 ? token : find_token(),
    };
    return ST_OK;
}

enum status update_find_release(const struct update_source *source, enum release_reach reach, uint64_t timeout_ms,
                                struct arena *arena, struct release *ret_release, struct error *err)
{
    autobuf struct buf answer = BUF_INIT(RELEASE_LIST_MAX_BYTES);
    struct cli_version current = update_current_version();
    struct cli_download download = {
        .url = arena_printf(arena, "%s/repos/%s/releases%s", source->api_url.data, source->repository.data,
                            reach == RELEASE_LATEST ? "/latest" : "?per_page=100"),
        .accept = "application/vnd.github+json",
        .token = source->token,
        .max_bytes = RELEASE_LIST_MAX_BYTES,
        .timeout_ms = timeout_ms,
        .cancel = cli_when_interrupted,
        .sink = cli_download_to_buf,
        .sink_env = &answer,
    };
    enum status status = cli_download(&download, err);
    if (status == ST_OK)
        status = release_parse(buf_str(&answer), reach, &current, arena, ret_release, err);
    return status == ST_OK ? ST_OK : fail_wrap(err, "releases of %s", source->repository.data);
}

struct cli_version update_current_version(void)
{
    struct cli_version version;
    if (!cli_version_parse(STR(WASH_VERSION), &version))
        bug("version %s", WASH_VERSION);
    return version;
}

enum status update_cache_path(const struct cli_context *context, const char *name, struct str *ret_path, struct error *err)
{
    if (!context->folders.cache.data)
        return fail(err, ST_NOT_FOUND, "neither XDG_CACHE_HOME nor HOME names a folder for %s", name);
    struct str path = arena_printf(context->arena, "%s/%s", context->folders.cache.data, name);
    struct str folder = arena_str(context->arena, str_slice(path, 0, str_find_last_char(path, '/')));
    TRY(file_make_folders(folder.data, CLI_FOLDER_MODE, err));
    *ret_path = path;
    return ST_OK;
}
