#include "oci/pull.h"
#include "base/log.h"
#include "base/mem.h"
#include "oci/client_private.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

struct pull {
    struct oci_client *client;
    const struct oci_reference *reference;
    enum oci_policy policy;
    struct oci_cache_entry *entry; /* NULL: no cache */
    struct oci_cached cached;      /* fd -1: nothing */
};

bool oci_policy_parse(struct str name, enum oci_policy *ret_policy)
{
    static const char *const names[] = {"always", "ifnotpresent", "never"};
    char plain[16];
    size_t len = 0;
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] == '-' || name.data[i] == '_')
            continue;
        if (len == sizeof plain)
            return false;
        plain[len++] = name.data[i];
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq_nocase(str_n(plain, len), str_of(names[i]))) {
            *ret_policy = (enum oci_policy)i;
            return true;
        }
    return false;
}

void oci_pulled_release(struct oci_pulled *pulled)
{
    if (pulled->digest.text[0])
        close_descriptor(&pulled->fd);
    free(pulled->path);
    *pulled = (struct oci_pulled){.fd = -1};
}

/* --- where to ---------------------------------------------------------------------------------------------------------------- */

/* Where what is downloaded goes: if one has no room left, the next may have. */
enum place { IN_CACHE, IN_TEMPORARY, IN_MEMORY };
#define IN_MEMORY_MAX_BYTES (256u << 20)

static const char *temporary_folder(void)
{
    const char *folder = getenv("TMPDIR");
    return folder && folder[0] == '/' ? folder : "/tmp";
}

/* A file without a name. */
static enum status open_temporary(int *ret_fd, struct error *err)
{
    const char *folder = temporary_folder();
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
        autobuf struct buf name = BUF_INIT(BUF_UNLIMITED);
        buf_addf(&name, "%s/wash-pull-XXXXXX", folder);
        fd = mkostemp(name.data, O_CLOEXEC);
        if (fd >= 0)
            (void)unlink(name.data);
    }
    if (fd < 0)
        return fail_errno(err, "create a temporary file in %s", folder);
    *ret_fd = fd;
    return ST_OK;
}

static enum status open_memory(int *ret_fd, struct error *err)
{
    *ret_fd = memfd_create("artifact", MFD_CLOEXEC);
    return *ret_fd >= 0 ? ST_OK : fail_errno(err, "create a file in memory");
}

/* place: becomes the one that it is. In the cache the file is the entry's. */
static enum status open_target(struct pull *pull, enum place *place, int *ret_fd, struct error *err)
{
    struct error problem;
    if (*place == IN_CACHE) {
        if (oci_cache_begin(pull->entry, ret_fd, &problem) == ST_OK)
            return ST_OK;
        log_debug("pulling without the cache", LOG_TEXT("reason", problem.message));
        *place = IN_TEMPORARY;
    }
    return *place == IN_TEMPORARY ? open_temporary(ret_fd, err) : open_memory(ret_fd, err);
}

/* For messages; the caller frees. */
static char *name_target(const struct pull *pull, enum place place)
{
    struct buf name = BUF_INIT(BUF_UNLIMITED);
    if (place == IN_CACHE)
        return oci_cache_path(pull->entry);
    if (place == IN_TEMPORARY)
        buf_addf(&name, "a temporary file in %s", temporary_folder());
    else
        buf_add(&name, STR("a file in memory"));
    return buf_take(&name);
}

/* --- pulling ----------------------------------------------------------------------------------------------------------------- */

static void take_cached(struct pull *pull, const struct oci_digest *digest, struct oci_pulled *pulled)
{
    *pulled =
        (struct oci_pulled){.fd = pull->cached.fd, .bytes = pull->cached.bytes, .digest = *digest, .layer = pull->cached.layer};
    pulled->path = oci_cache_path(pull->entry);
    pull->cached.fd = -1;
}

/* The file stays open for the caller; the cache has a descriptor of its own. */
static enum status keep(struct pull *pull, bool in_cache, const struct oci_digest *digest, const struct oci_descriptor *layer,
                        int *fd, struct oci_pulled *pulled, struct error *err)
{
    struct error problem;
    if (in_cache) {
        int own = fcntl(*fd, F_DUPFD_CLOEXEC, 0);
        *fd = own;
        if (own < 0)
            return fail_errno(err, "keep the downloaded file open");
        if (oci_cache_finish(pull->entry, digest, &layer->digest, layer->size, &problem) == ST_OK)
            pulled->path = oci_cache_path(pull->entry);
        else
            log_debug("not cached", LOG_TEXT("reason", problem.message));
    }
    if (lseek(*fd, 0, SEEK_SET) != 0)
        return fail_errno(err, "rewind the downloaded file");
    pulled->fd = *fd;
    *fd = -1;
    pulled->bytes = layer->size;
    pulled->digest = *digest;
    pulled->layer = layer->digest;
    pulled->downloaded = true;
    return ST_OK;
}

static enum status download_to(struct pull *pull, enum place *place, const struct oci_digest *digest,
                               const struct oci_descriptor *layer, struct oci_pulled *ret_pulled, struct error *err)
{
    struct oci_pulled pulled = {.fd = -1};
    int fd;
    TRY(open_target(pull, place, &fd, err));
    autofree char *name = name_target(pull, *place);
    enum status status = oci_client_blob(pull->client, pull->reference, layer, fd, name, err);
    if (status == ST_OK)
        status = keep(pull, *place == IN_CACHE, digest, layer, &fd, &pulled, err);
    if (status == ST_OK)
        *ret_pulled = pulled;
    else
        free(pulled.path);
    if (fd >= 0 && !(*place == IN_CACHE && fd == pull->entry->writing))
        close(fd);
    return status;
}

static bool has_no_room(const struct error *err)
{
    return err->sys_errno == ENOSPC || err->sys_errno == EDQUOT;
}

static void tell_no_room(const struct pull *pull, const struct error *problem)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&text, "no room for what is pulled, which goes elsewhere: %s", problem->message);
    notice_tell(pull->client->options.notice, text.data);
}

static enum status download(struct pull *pull, const struct oci_digest *digest, const struct oci_descriptor *layer,
                            struct oci_pulled *ret_pulled, struct error *err)
{
    enum place last = layer->size <= IN_MEMORY_MAX_BYTES ? IN_MEMORY : IN_TEMPORARY;
    for (enum place place = pull->entry ? IN_CACHE : IN_TEMPORARY;; place++) {
        struct error problem = {0};
        enum status status = download_to(pull, &place, digest, layer, ret_pulled, &problem);
        if (status == ST_OK)
            return ST_OK;
        if (!has_no_room(&problem) || place >= last) {
            if (err)
                *err = problem;
            return status;
        }
        tell_no_room(pull, &problem);
        if (place == IN_CACHE)
            oci_cache_drop(pull->entry);
    }
}

static enum status pull_manifest(struct pull *pull, struct arena *arena, struct oci_pulled *ret_pulled, struct error *err)
{
    struct oci_manifest manifest;
    struct oci_digest digest;
    const struct oci_descriptor *layer;
    struct error problem;
    TRY(oci_client_resolve(pull->client, pull->reference, arena, &manifest, &digest, err));
    if (oci_manifest_wasm_layer(&manifest, &layer, err) != ST_OK)
        return fail_wrap(err, "%s", pull->reference->text);
    if (pull->cached.fd < 0 || !oci_digest_eq(&pull->cached.layer, &layer->digest))
        return download(pull, &digest, layer, ret_pulled, err);
    if (!oci_digest_eq(&pull->cached.manifest, &digest) &&
        oci_cache_rename(pull->entry, &digest, &layer->digest, layer->size, &problem) != ST_OK)
        log_debug("not cached", LOG_TEXT("reason", problem.message));
    take_cached(pull, &digest, ret_pulled);
    return ST_OK;
}

static enum status pull_locked(struct pull *pull, struct oci_pulled *ret_pulled, struct error *err)
{
    struct oci_digest now;
    struct arena arena;
    struct error missing = {.message = "there is no artifact cache"};
    enum status found = pull->entry ? oci_cache_load(pull->entry, &pull->cached, &missing) : ST_NOT_FOUND;
    if (found != ST_OK)
        pull->cached.fd = -1;
    if (pull->policy == OCI_POLICY_NEVER) {
        if (found != ST_OK)
            return fail(err, ST_NOT_FOUND, "%s: it may not be pulled (policy Never), and %s", pull->reference->text,
                        missing.message);
        take_cached(pull, &pull->cached.manifest, ret_pulled);
        return ST_OK;
    }
    if (found == ST_OK && pull->policy == OCI_POLICY_IF_NOT_PRESENT) {
        TRY(oci_client_manifest_digest(pull->client, pull->reference, &now, err));
        if (oci_digest_eq(&now, &pull->cached.manifest)) {
            take_cached(pull, &now, ret_pulled);
            return ST_OK;
        }
    }
    arena_init(&arena, 4 * OCI_MANIFEST_MAX_BYTES);
    enum status status = pull_manifest(pull, &arena, ret_pulled, err);
    arena_release(&arena);
    return status;
}

enum status oci_pull(struct oci_client *client, const struct oci_reference *reference, enum oci_policy policy,
                     struct oci_cache *cache, struct oci_pulled *ret_pulled, struct error *err)
{
    struct oci_cache_entry entry = {0};
    struct pull pull = {.client = client, .reference = reference, .policy = policy, .cached.fd = -1};
    struct error problem;
    if (cache) {
        enum status status = oci_cache_lock(cache, reference, client->options.cancel, client->options.notice, &entry, &problem);
        if (status == ST_CANCELLED)
            return fail(err, status, "%s", problem.message);
        if (status == ST_OK)
            pull.entry = &entry;
        else
            log_debug("pulling without the cache", LOG_TEXT("reason", problem.message));
    }
    enum status status = pull_locked(&pull, ret_pulled, err);
    close_descriptor(&pull.cached.fd);
    oci_cache_unlock(&entry);
    if (status == ST_OK && ret_pulled->downloaded && ret_pulled->path)
        oci_cache_trim(cache, OCI_CACHE_MAX_BYTES);
    return status;
}

/* --- pushing ----------------------------------------------------------------------------------------------------------------- */

static enum status push_artifact(struct oci_client *client, const struct oci_reference *reference, int fd,
                                 const struct oci_descriptor *layer, const struct oci_artifact *artifact, struct error *err)
{
    TRY(oci_client_push_blob(client, reference, layer, fd, err));
    TRY(oci_client_push_bytes(client, reference, &artifact->config_digest, buf_str(&artifact->config), err));
    return oci_client_push_manifest(client, reference, OCI_TYPE_IMAGE, buf_str(&artifact->manifest), err);
}

enum status oci_push(struct oci_client *client, const struct oci_reference *reference, int fd,
                     const struct oci_artifact_options *options, struct oci_digest *ret_digest, struct error *err)
{
    struct oci_descriptor layer = {.media_type = STR_INIT(OCI_TYPE_WASM)};
    struct oci_artifact artifact;
    if (reference->digest.len)
        return fail(err, ST_INVALID, "%s: push to a tag; the digest follows from what is pushed", reference->text);
    TRY(oci_digest_of_file(fd, "the component", NULL, &layer.digest, &layer.size, err));
    TRY(oci_artifact_build(options, &layer.digest, layer.size, &artifact, err));
    enum status status = push_artifact(client, reference, fd, &layer, &artifact, err);
    if (status == ST_OK)
        *ret_digest = artifact.manifest_digest;
    oci_artifact_release(&artifact);
    return status;
}
