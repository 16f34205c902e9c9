#include "wkg/remote.h"
#include "base/mem.h"
#include "wkg/http.h"
#include "wkg/local.h"
#include "wkg/store.h"

struct remote { /* a registry that was asked before */
    struct str name;
    struct str folder;                 /* it is one; data NULL: there is a client */
    const struct wkg_metadata *stated; /* what the configuration says of it; NULL: nothing, it was asked */
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
    const struct wkg_registry *known = wkg_registries_get(session->options.registries, registry);
    bool plain = wkg_http_is_local(registry) || (known && known->plain_http);
    autobuf struct buf url = BUF_INIT(BUF_UNLIMITED), body = BUF_INIT(WKG_METADATA_MAX);
    long code = 0;
    buf_addf(&url, "%s://%.*s%s", plain ? "http" : "https", STR_ARG(registry), WKG_METADATA_PATH);
    if (wkg_http_get(url.data, session->options.cancel, &body, &code, err) != ST_OK)
        return err->status == ST_CANCELLED ? ST_CANCELLED : fail_wrap(err, "%s", url.data);
    if (code >= 400 && code <= 499) {
        *ret_metadata = (struct wkg_metadata){STR(""), STR(""), STR("")};
        return ST_OK;
    }
    if (code != 200)
        return fail(err, ST_UNAVAILABLE, "%s: the registry's metadata: HTTP status %ld", url.data, code);
    return wkg_metadata_parse(url.data, buf_str(&body), session->arena, ret_metadata, err);
}

/* The bearer token that the environment has for an OCI registry; empty: none. */
static struct str token_for(struct str registry)
{
    autobuf struct buf name = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&name, "WKG_REGISTRY_%.*s_AUTH_BEARER", STR_ARG(registry));
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        bool small = c >= 'a' && c <= 'z', other = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        name.data[i] = small ? (char)(c - 'a' + 'A') : other ? c : '_';
    }
    return str_of(getenv(name.data));
}

/* What is stated of the registry, by its own name or by where its packages are: the former goes before the latter. */
static enum status add_settings(const struct wkg_registry *known, struct oci_client_options *options, struct error *err)
{
    if (!known)
        return ST_OK;
    if (known->refused.data)
        return fail(err, ST_UNSUPPORTED, "%.*s", STR_ARG(known->refused));
    if (known->user.data && !options->credentials.user.data) {
        options->credentials.user = known->user;
        options->credentials.password = known->password;
    }
    options->plain_http = options->plain_http || known->plain_http;
    return ST_OK;
}

static enum status connect_remote(struct wkg_session *session, struct remote *remote, struct error *err)
{
    const struct wkg_registries *registries = session->options.registries;
    struct oci_client_options options = {
        .user_agent = session->options.user_agent, .max_layer_bytes = WKG_PACKAGE_MAX, .cancel = session->options.cancel};
    TRY(add_settings(wkg_registries_get(registries, remote->name), &options, err));
    TRY(add_settings(wkg_registries_get(registries, remote->metadata.registry), &options, err));
    options.credentials.token = token_for(remote->metadata.registry);
    options.credentials.helper_on_terminal = session->options.interactive;
    return oci_client_new(&options, &remote->client, err);
}

/* What the user has stated goes before what the registry prefers. Its metadata is asked for only if it is needed. */
static enum status reach(struct wkg_session *session, const struct wkg_metadata *stated, struct remote *remote, struct error *err)
{
    const struct wkg_registry *known = wkg_registries_get(session->options.registries, remote->name);
    struct str backend = known ? known->backend : STR_NULL;
    remote->stated = stated;
    if (stated)
        remote->metadata = *stated;
    if (str_is(backend, WKG_BACKEND_LOCAL)) {
        remote->folder = known->folder;
        return ST_OK;
    }
    if (!stated && (!backend.data || str_is(backend, WKG_BACKEND_OCI)))
        TRY(fetch_metadata(session, remote->name, &remote->metadata, err));
    if (!backend.data)
        backend = remote->metadata.protocol;
    if (backend.len && !str_is(backend, WKG_BACKEND_OCI))
        return fail(err, ST_UNSUPPORTED, "its packages come by `%.*s`, which is not supported; only OCI registries are%s",
                    STR_ARG(backend), known && known->backend.data ? ", and folders (type \"local\")" : "");
    if (remote->metadata.registry.len == 0)
        remote->metadata.registry = remote->name;
    return connect_remote(session, remote, err);
}

static bool is_remote(const struct remote *remote, struct str name, const struct wkg_metadata *stated)
{
    if (!str_eq(remote->name, name) || !stated || !remote->stated)
        return str_eq(remote->name, name) && stated == remote->stated;
    const struct wkg_metadata *before = remote->stated;
    return str_eq(stated->registry, before->registry) && str_eq(stated->prefix, before->prefix) &&
           str_eq(stated->protocol, before->protocol);
}

static enum status open_remote(struct wkg_session *session, struct str name, const struct wkg_metadata *stated,
                               struct remote **ret_remote, struct error *err)
{
    struct remote remote = {.name = name};
    vec_each (there, &session->remotes)
        if (is_remote(*there, name, stated)) {
            *ret_remote = *there;
            return ST_OK;
        }
    if (session->remotes.len == WKG_MAX_REGISTRIES)
        return fail(err, ST_LIMIT, "more than %u registries", WKG_MAX_REGISTRIES);
    TRY(reach(session, stated, &remote, err));
    *ret_remote = NEW(struct remote);
    **ret_remote = remote;
    vec_push(&session->remotes, *ret_remote);
    return ST_OK;
}

static enum status remote_of(struct wkg_session *session, const struct wkg_package *package, struct remote **ret_remote,
                             struct error *err)
{
    const struct wkg_mapping *found = wkg_registries_find(session->options.registries, package, 0);
    if (!found)
        return fail(err, ST_NOT_FOUND,
                    "package `%.*s`: no registry is configured for the namespace `%.*s`; name a source in wit.sources, or a "
                    "registry in wit.registries or wasm-pkg/config.toml",
                    STR_ARG(package->text), STR_ARG(package->ns));
    enum status status = open_remote(session, found->registry, found->has_metadata ? &found->metadata : NULL, ret_remote, err);
    return status == ST_OK ? ST_OK
                           : fail_wrap(err, "package `%.*s`: registry %.*s", STR_ARG(package->text), STR_ARG(found->registry));
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

static enum status list_tags(struct remote *remote, const struct wkg_package *package, struct arena *arena,
                             struct wit_version **ret_versions, size_t *ret_count, struct error *err)
{
    struct oci_reference reference;
    struct str *tags;
    size_t count;
    TRY(reference_of(remote, package, STR("latest"), &reference, err));
    enum status status = oci_client_tags(remote->client, &reference, arena, &tags, &count, err);
    oci_reference_release(&reference);
    if (status == ST_OK)
        keep_versions(arena, tags, count, ret_versions, ret_count);
    return status;
}

enum status wkg_session_versions(struct wkg_session *session, const struct wkg_package *package, struct wit_version **ret_versions,
                                 size_t *ret_count, struct error *err)
{
    struct remote *remote;
    TRY(remote_of(session, package, &remote, err));
    enum status status = remote->folder.data
                             ? wkg_local_versions(remote->folder, package, session->arena, ret_versions, ret_count, err)
                             : list_tags(remote, package, session->arena, ret_versions, ret_count, err);
    return status == ST_OK ? ST_OK : fail_wrap(err, "package `%.*s`", STR_ARG(package->text));
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
    if (!oci_digest_is_sha256(&layer->digest))
        return fail(err, ST_UNSUPPORTED, "its digest is %s, but wkg.lock can only have one by sha256", layer->digest.text);
    *ret_layer = *layer;
    return ST_OK;
}

static enum status check_digest(const struct oci_digest *found, const struct oci_digest *wanted, struct error *err)
{
    if (oci_digest_eq(found, wanted))
        return ST_OK;
    return fail(err, ST_INVALID, "the registry has it with digest %s, but wkg.lock has %s; `wash wit update` takes the new one",
                found->text, wanted->text);
}

static enum status local_digest(const struct remote *remote, const struct wkg_package *package, struct str version,
                                struct oci_digest *ret_digest, struct error *err)
{
    autobuf struct buf bytes = BUF_INIT(WKG_PACKAGE_MAX);
    TRY(wkg_local_read(remote->folder, package, version, &bytes, err));
    oci_digest_of(buf_str(&bytes), ret_digest);
    return ST_OK;
}

static enum status layer_digest(const struct wkg_session *session, struct remote *remote, const struct wkg_package *package,
                                struct str version, struct oci_digest *ret_digest, struct error *err)
{
    struct oci_reference reference;
    struct oci_descriptor layer;
    TRY(reference_of(remote, package, version, &reference, err));
    enum status status = resolve_layer(remote, &reference, session->arena, &layer, err);
    oci_reference_release(&reference);
    if (status == ST_OK)
        *ret_digest = layer.digest;
    return status;
}

enum status wkg_session_digest(struct wkg_session *session, const struct wkg_package *package, struct str version,
                               struct oci_digest *ret_digest, struct error *err)
{
    struct remote *remote;
    TRY(remote_of(session, package, &remote, err));
    enum status status = remote->folder.data ? local_digest(remote, package, version, ret_digest, err)
                                             : layer_digest(session, remote, package, version, ret_digest, err);
    return status == ST_OK ? ST_OK : fail_wrap(err, "package `%.*s@%.*s`", STR_ARG(package->text), STR_ARG(version));
}

static enum status read_local(const struct remote *remote, const struct wkg_package *package, struct str version,
                              const struct oci_digest *wanted, struct buf *bytes, struct error *err)
{
    struct oci_digest found;
    TRY(wkg_local_read(remote->folder, package, version, bytes, err));
    oci_digest_of(buf_str(bytes), &found);
    return check_digest(&found, wanted, err);
}

static enum status download(const struct wkg_session *session, struct remote *remote, const struct wkg_package *package,
                            struct str version, const struct oci_digest *wanted, struct buf *bytes, struct error *err)
{
    struct oci_reference reference;
    struct oci_descriptor layer;
    TRY(reference_of(remote, package, version, &reference, err));
    enum status status = resolve_layer(remote, &reference, session->arena, &layer, err);
    if (status == ST_OK)
        status = check_digest(&layer.digest, wanted, err);
    if (status == ST_OK)
        status = oci_client_blob_bytes(remote->client, &reference, &layer, bytes, err);
    oci_reference_release(&reference);
    if (status == ST_OK)
        wkg_store_save(session->options.cache, wanted, buf_str(bytes));
    return status;
}

enum status wkg_session_bytes(struct wkg_session *session, const struct wkg_package *package, struct str version,
                              const struct oci_digest *digest, struct buf *ret_bytes, struct error *err)
{
    struct remote *remote;
    if (wkg_store_load(session->options.cache, digest, ret_bytes) == ST_OK)
        return ST_OK;
    TRY(remote_of(session, package, &remote, err));
    enum status status = remote->folder.data ? read_local(remote, package, version, digest, ret_bytes, err)
                                             : download(session, remote, package, version, digest, ret_bytes, err);
    return status == ST_OK ? ST_OK : fail_wrap(err, "package `%.*s@%.*s`", STR_ARG(package->text), STR_ARG(version));
}
