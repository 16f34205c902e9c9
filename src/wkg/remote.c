#include "wkg/remote.h"
#include "base/mem.h"
#include "wkg/http.h"
#include "wkg/store.h"

struct remote { /* a registry that was asked before */
    struct str name;
    struct wkg_metadata metadata;
    struct oci_client *client;
};

struct wkg_session {
    struct wkg_session_options options;
    struct arena *arena;
    VEC(struct remote *) remotes;
};

struct wkg_session *wkg_session_new(const struct wkg_session_options *options, struct arena *arena)
{
    struct wkg_session *session = NEW(struct wkg_session);
    session->options = *options;
    session->arena = arena;
    return session;
}

void wkg_session_free(struct wkg_session *session)
{
    if (!session)
        return;
    vec_each (remote, &session->remotes) {
        oci_client_free((*remote)->client);
        free(*remote);
    }
    vec_release(&session->remotes);
    free(session);
}

/* --- registries --------------------------------------------------------------------------------------------------------------- */

/* A registry that has no such document keeps its packages itself. One that cannot be asked is an error: it could have said that
 * they are elsewhere. */
static enum status fetch_metadata(struct wkg_session *session, struct str registry, struct wkg_metadata *ret_metadata,
                                  struct error *err)
{
    autobuf struct buf url = BUF_INIT(BUF_UNLIMITED), body = BUF_INIT(WKG_METADATA_MAX);
    long code = 0;
    buf_addf(&url, "%s://%.*s%s", wkg_http_is_local(registry) ? "http" : "https", STR_ARG(registry), WKG_METADATA_PATH);
    TRY(wkg_http_get(url.data, session->options.cancel, &body, &code, err));
    if (code >= 400 && code <= 499) {
        *ret_metadata = (struct wkg_metadata){STR(""), STR("")};
        return ST_OK;
    }
    if (code != 200)
        return fail(err, ST_UNAVAILABLE, "%s: the registry's metadata: HTTP status %ld", url.data, code);
    return wkg_metadata_parse(url.data, buf_str(&body), session->arena, ret_metadata, err);
}

/* Logins are for a registry, by its own name or by where its packages are. */
static enum status connect_remote(struct wkg_session *session, struct remote *remote, struct error *err)
{
    const struct wkg_registries *registries = session->options.registries;
    const struct wkg_login *login = wkg_registries_login(registries, remote->name);
    struct oci_client_options options = {
        .user_agent = session->options.user_agent, .max_layer_bytes = WKG_PACKAGE_MAX, .cancel = session->options.cancel};
    if (!login || (!login->user.data && !login->plain_http))
        login = wkg_registries_login(registries, remote->metadata.registry);
    if (login && login->user.data) {
        options.credentials.user = login->user;
        options.credentials.password = login->password;
    }
    options.plain_http = login && login->plain_http;
    return oci_client_new(&options, &remote->client, err);
}

static enum status open_remote(struct wkg_session *session, struct str name, const struct wkg_metadata *stated,
                               struct remote **ret_remote, struct error *err)
{
    struct remote remote = {.name = name};
    vec_each (there, &session->remotes)
        if (str_eq((*there)->name, name) && (!stated || (str_eq(stated->registry, (*there)->metadata.registry) &&
                                                         str_eq(stated->prefix, (*there)->metadata.prefix)))) {
            *ret_remote = *there;
            return ST_OK;
        }
    if (session->remotes.len == WKG_MAX_REGISTRIES)
        return fail(err, ST_LIMIT, "more than %u registries", WKG_MAX_REGISTRIES);
    if (stated)
        remote.metadata = *stated;
    else
        TRY(fetch_metadata(session, name, &remote.metadata, err));
    if (remote.metadata.registry.len == 0)
        remote.metadata.registry = name;
    TRY(connect_remote(session, &remote, err));
    *ret_remote = NEW(struct remote);
    **ret_remote = remote;
    vec_push(&session->remotes, *ret_remote);
    return ST_OK;
}

static enum status remote_of(struct wkg_session *session, const struct wkg_package *package, struct remote **ret_remote,
                             struct error *err)
{
    const struct wkg_metadata *stated;
    struct str name = wkg_registries_find(session->options.registries, package, &stated);
    if (!name.data)
        return fail(
            err, ST_NOT_FOUND,
            "package `%.*s`: no registry is configured for the namespace `%.*s`; name a source in wit.sources, or a registry in "
            "wasm-pkg/config.toml",
            STR_ARG(package->text), STR_ARG(package->ns));
    enum status status = open_remote(session, name, stated, ret_remote, err);
    return status == ST_OK ? ST_OK : fail_wrap(err, "package `%.*s`: registry %.*s", STR_ARG(package->text), STR_ARG(name));
}

/* The reference must be read as what it was made of: a registry's name without a dot would be a folder of another registry. */
static enum status reference_of(const struct remote *remote, const struct wkg_package *package, struct str version,
                                struct oci_reference *ret_reference, struct error *err)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&text, "%.*s/%.*s%.*s/%.*s:%.*s", STR_ARG(remote->metadata.registry), STR_ARG(remote->metadata.prefix),
             STR_ARG(package->ns), STR_ARG(package->name), STR_ARG(version));
    TRY(oci_reference_parse(buf_str(&text), ret_reference, err));
    if (str_eq_nocase(ret_reference->registry, remote->metadata.registry))
        return ST_OK;
    oci_reference_release(ret_reference);
    return fail(err, ST_INVALID, "`%.*s` is no registry: it has neither a dot nor a port", STR_ARG(remote->metadata.registry));
}

static enum status locate(struct wkg_session *session, const struct wkg_package *package, struct str version,
                          struct remote **ret_remote, struct oci_reference *ret_reference, struct error *err)
{
    TRY(remote_of(session, package, ret_remote, err));
    if (reference_of(*ret_remote, package, version, ret_reference, err) != ST_OK)
        return fail_wrap(err, "package `%.*s`", STR_ARG(package->text));
    return ST_OK;
}

/* --- versions ----------------------------------------------------------------------------------------------------------------- */

static void keep_versions(struct arena *arena, const struct str *tags, size_t count, struct wit_version **ret_versions,
                          size_t *ret_count)
{
    struct wit_version *versions = ARENA_ARRAY(arena, struct wit_version, count + 1);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        kept += wit_version_parse(tags[i], &versions[kept], NULL) == ST_OK;
    *ret_versions = versions;
    *ret_count = kept;
}

enum status wkg_session_versions(struct wkg_session *session, const struct wkg_package *package, struct wit_version **ret_versions,
                                 size_t *ret_count, struct error *err)
{
    struct remote *remote;
    struct oci_reference reference;
    struct str *tags;
    size_t count;
    TRY(locate(session, package, STR("latest"), &remote, &reference, err));
    enum status status = oci_client_tags(remote->client, &reference, session->arena, &tags, &count, err);
    oci_reference_release(&reference);
    if (status != ST_OK)
        return fail_wrap(err, "package `%.*s`", STR_ARG(package->text));
    keep_versions(session->arena, tags, count, ret_versions, ret_count);
    return ST_OK;
}

/* --- one release -------------------------------------------------------------------------------------------------------------- */

static enum status resolve_layer(struct remote *remote, const struct oci_reference *reference, struct arena *arena,
                                 struct oci_descriptor *ret_layer, struct error *err)
{
    struct oci_manifest manifest;
    struct oci_digest digest;
    const struct oci_descriptor *layer;
    TRY(oci_client_resolve(remote->client, reference, arena, &manifest, &digest, err));
    TRY(oci_manifest_wasm_layer(&manifest, &layer, err));
    *ret_layer = *layer;
    return ST_OK;
}

enum status wkg_session_digest(struct wkg_session *session, const struct wkg_package *package, struct str version,
                               struct oci_digest *ret_digest, struct error *err)
{
    struct remote *remote;
    struct oci_reference reference;
    struct oci_descriptor layer;
    TRY(locate(session, package, version, &remote, &reference, err));
    enum status status = resolve_layer(remote, &reference, session->arena, &layer, err);
    oci_reference_release(&reference);
    if (status != ST_OK)
        return fail_wrap(err, "package `%.*s@%.*s`", STR_ARG(package->text), STR_ARG(version));
    *ret_digest = layer.digest;
    return ST_OK;
}

static enum status download(struct remote *remote, const struct oci_reference *reference, const struct oci_digest *wanted,
                            struct arena *arena, struct buf *bytes, struct error *err)
{
    struct oci_descriptor layer;
    TRY(resolve_layer(remote, reference, arena, &layer, err));
    if (!oci_digest_eq(&layer.digest, wanted))
        return fail(err, ST_INVALID, "the registry has it with digest %s, but wkg.lock has %s; `wash wit update` takes the new one",
                    layer.digest.text, wanted->text);
    return oci_client_blob_bytes(remote->client, reference, &layer, bytes, err);
}

enum status wkg_session_bytes(struct wkg_session *session, const struct wkg_package *package, struct str version,
                              const struct oci_digest *digest, struct buf *ret_bytes, struct error *err)
{
    struct remote *remote;
    struct oci_reference reference;
    if (wkg_store_load(session->options.cache, digest, ret_bytes) == ST_OK)
        return ST_OK;
    TRY(locate(session, package, version, &remote, &reference, err));
    enum status status = download(remote, &reference, digest, session->arena, ret_bytes, err);
    oci_reference_release(&reference);
    if (status != ST_OK)
        return fail_wrap(err, "package `%.*s@%.*s`", STR_ARG(package->text), STR_ARG(version));
    wkg_store_save(session->options.cache, digest, buf_str(ret_bytes));
    return ST_OK;
}
