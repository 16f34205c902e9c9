#include "cli/registry.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/ask.h"
#include "component/limits.h"
#include "component/world.h"

/* Each value may be a list, with commas. */
static void split_paths(const struct cli_context *context, struct str list, struct str *paths, size_t *count)
{
    struct str part;
    while (str_next_part(&list, ',', &part))
        if (part.len && *count <= WEB_TRUST_MAX_PATHS) /* one more than the most: that is refused */
            paths[(*count)++] = cli_path(context, part);
}

enum status cli_registry_trust(const struct cli_context *context, const struct cli_registry *registry, struct error *err)
{
    struct str paths[WEB_TRUST_MAX_PATHS + 1];
    size_t count = 0;
    const char *variable = getenv("WASH_OCI_CA_PATHS");
    for (size_t i = 0; i < registry->ca_paths.len; i++)
        split_paths(context, registry->ca_paths.items[i], paths, &count);
    if (registry->ca_paths.len == 0 && variable)
        split_paths(context, str_of(variable), paths, &count);
    return web_trust_set(paths, count, err);
}

enum status cli_registry_check(const struct cli_registry *registry, const struct cli_globals *globals, struct error *err)
{
    bool user = registry->user.len > 0, password = registry->password.data;
    if (password && registry->password_stdin)
        return fail(err, ST_INVALID, "--password and --password-stdin exclude each other");
    if ((password || registry->password_stdin) && !user)
        return fail(err, ST_INVALID, "%s needs --user NAME as well", password ? "--password" : "--password-stdin");
    if (user && !password && !registry->password_stdin && !cli_interactive(globals))
        return fail(err, ST_INVALID, "--user %.*s: give the password with --password-stdin; there is no terminal to ask for it on",
                    STR_ARG(registry->user));
    return ST_OK;
}

static enum status find_login(const struct cli_context *context, const struct cli_registry *registry,
                              struct oci_credentials_options *credentials, struct error *err)
{
    if (!registry->user.len)
        return ST_OK;
    credentials->user = registry->user;
    credentials->password = registry->password;
    if (registry->password.data)
        return ST_OK;
    struct str question = arena_printf(context->arena, "Password of %.*s:", STR_ARG(registry->user));
    return cli_ask_secret(context, registry->password_stdin ? NULL : question.data, &credentials->password, err);
}

static void show_progress(void *env, uint64_t done_bytes, uint64_t total_bytes)
{
    cli_progress_update(env, done_bytes, total_bytes);
}

enum status cli_registry_open(const struct cli_context *context, const struct cli_registry *registry, const char *what,
                              struct cli_registry_client *client, struct error *err)
{
    struct oci_client_options options = {.plain_http = registry->insecure, .user_agent = "wash/" WASH_VERSION};
    TRY(cli_registry_trust(context, registry, err));
    TRY(find_login(context, registry, &options.credentials, err));
    options.credentials.helper_on_terminal = cli_interactive(&context->parsed.globals);
    options.cancel = cli_when_interrupted;
    options.notice = cli_by_log;
    options.progress = show_progress;
    options.progress_env = &client->progress;
    TRY(oci_client_new(&options, &client->client, err));
    cli_interrupts_hold(&client->interrupts);
    client->progress.bytes = true;
    cli_progress_start(&client->progress, &context->terminal, what);
    return ST_OK;
}

void cli_registry_close(struct cli_registry_client *client)
{
    if (!client->client)
        return;
    cli_progress_end(&client->progress);
    oci_client_free(client->client);
    cli_interrupts_release(&client->interrupts);
    client->client = NULL;
}

/* --- pulling ----------------------------------------------------------------------------------------------------------------- */

/* NULL: the pull goes on without. */
static struct oci_cache *open_cache(const struct cli_context *context)
{
    struct oci_cache *cache = NULL;
    struct error err = {.message = "neither XDG_CACHE_HOME nor HOME names a folder"};
    struct str folder = context->folders.cache;
    if (!folder.data || oci_cache_open(arena_printf(context->arena, "%.*s/oci", STR_ARG(folder)).data, &cache, &err) != ST_OK)
        log_debug("pulling without a cache", LOG_TEXT("reason", err.message));
    return cache;
}

static enum status check_component(struct str bytes, struct error *err)
{
    autobuf struct buf wit = BUF_INIT(BUF_UNLIMITED);
    return cm_world_wit(bytes, &wit, err);
}

enum status cli_registry_pull(const struct cli_context *context, const struct cli_registry *registry, struct str reference_text,
                              struct oci_pulled *ret_pulled, struct buf *ret_bytes, struct error *err)
{
    struct oci_reference reference = {0};
    struct cli_registry_client client = {0};
    struct oci_cache *cache = NULL;
    struct oci_pulled pulled = {.fd = -1};
    buf_init(ret_bytes, CM_LIMIT_BINARY_BYTES);
    enum status status = oci_reference_parse(reference_text, &reference, err);
    if (status == ST_OK)
        status = cli_registry_open(context, registry, "pulling", &client, err);
    if (status == ST_OK) {
        cache = open_cache(context);
        status = oci_pull(client.client, &reference, OCI_POLICY_ALWAYS, cache, &pulled, err);
    }
    if (status == ST_OK)
        status = file_read_open(pulled.fd, "the artifact", ret_bytes, err);
    if (status == ST_OK && (status = check_component(buf_str(ret_bytes), err)) != ST_OK)
        fail_wrap(err, "%s is not a component", reference.text);
    if (status == ST_OK) {
        *ret_pulled = pulled;
    } else {
        oci_pulled_release(&pulled);
        buf_release(ret_bytes);
    }
    cli_registry_close(&client);
    oci_cache_close(cache);
    oci_reference_release(&reference);
    return status;
}
