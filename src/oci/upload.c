/* Blobs and manifests to a registry. A blob that is there already is not sent; a large one goes in chunks, and a chunk whose
 * connection broke is taken up where the registry says it stands, or the upload begins anew; unless what broke was the answer that it
 * is all there. */
#include "oci/client.h"
#include "oci/client_private.h"

struct upload {
    struct oci_client *client;
    const struct oci_reference *reference;
    struct oci_digest digest;
    uint64_t size;
    struct str bytes; /* what is sent: this, or the file */
    int fd;
    char *location; /* where the next request goes */
    uint64_t chunk_bytes, done;
    bool closing;        /* the last request was to end it */
    unsigned tries_left; /* of the upload as a whole */
};

static enum status exists(struct upload *upload, bool *ret_exists, struct error *err)
{
    autofree char *url = oci_url_of(upload->client, upload->reference, "/blobs/%s", upload->digest.text);
    const struct oci_request request = {.method = "HEAD", .url = url};
    struct oci_response response;
    oci_response_init(&response);
    enum status status = oci_send_patiently(upload->client, upload->reference, true, &request, &response, err);
    if (status == ST_OK && response.http.code != 200 && response.http.code != 404)
        status = oci_refused(&response, err);
    if (status == ST_OK)
        *ret_exists = response.http.code == 200;
    oci_response_release(&response);
    return status;
}

/* Every answer of an upload says where to go on. It may be another host, which then gets no credentials. */
static enum status take_location(struct upload *upload, const char *base, const struct oci_response *response, struct error *err)
{
    char *next;
    if (!response->http.location)
        return fail(err, ST_INVALID, "the registry does not say where the upload goes on");
    TRY(web_url_resolve(base, response->http.location, upload->client->options.plain_http, &next, err));
    free(upload->location);
    upload->location = next;
    return ST_OK;
}

static enum status start(struct upload *upload, struct error *err)
{
    autofree char *url = oci_url_of(upload->client, upload->reference, "/blobs/uploads/");
    const struct oci_request request = {.method = "POST", .url = url};
    struct oci_response response;
    oci_response_init(&response);
    enum status status = oci_send_patiently(upload->client, upload->reference, true, &request, &response, err);
    if (status == ST_OK && response.http.code != 202)
        status = oci_refused(&response, err);
    if (status == ST_OK)
        status = take_location(upload, url, &response, err);
    if (status == ST_OK) {
        upload->chunk_bytes = MAX(upload->client->options.chunk_bytes, response.chunk_min_bytes);
        upload->done = 0;
    }
    oci_response_release(&response);
    return status;
}

/* `from` and on, `len` bytes; with `last` it is all of it, and the digest goes with it. */
static enum status send_part(struct upload *upload, const char *method, uint64_t len, bool last, struct oci_response *response,
                             struct error *err)
{
    char range[64];
    autofree char *url = NULL;
    struct oci_request request = {.method = method, .url = upload->location, .content_type = "application/octet-stream"};
    if (last) {
        TRY(web_url_with(upload->location, "digest", oci_digest_str(&upload->digest), &url, err));
        request.url = url;
    } else {
        snprintf(range, sizeof range, "%llu-%llu", (unsigned long long)upload->done, (unsigned long long)(upload->done + len - 1));
        request.content_range = range;
    }
    if (upload->fd >= 0) {
        request.body_fd = upload->fd;
        request.body_offset = upload->done;
        request.body_bytes = len;
    } else {
        request.body = str_slice(upload->bytes, upload->done, upload->done + len);
    }
    return oci_send(upload->client, upload->reference, true, &request, response, err);
}

/* Range: 0-LAST, of what the registry has. 0-0 is no answer: a registry that has nothing yet says so too. */
static bool parse_range(const char *range, uint64_t *ret_done)
{
    struct str text = str_of(range);
    uint64_t last;
    (void)str_skip(&text, STR("bytes="));
    if (!str_skip(&text, STR("0-")) || !str_parse_u64(text, OCI_BLOB_MAX_BYTES, &last) || last == 0)
        return false;
    *ret_done = last + 1;
    return true;
}

/* Asks how far the upload has come after a part got lost. ST_NOT_FOUND: the registry has forgotten it. */
static enum status ask_progress(struct upload *upload, struct error *err)
{
    const struct oci_request request = {.method = "GET", .url = upload->location};
    struct oci_response response;
    uint64_t done = 0;
    oci_response_init(&response);
    enum status status = oci_send_patiently(upload->client, upload->reference, true, &request, &response, err);
    if (status == ST_OK && (response.http.code != 204 || !parse_range(response.range, &done) || done > upload->size))
        status = fail(err, ST_NOT_FOUND, "the registry does not know how far the upload has come");
    if (status == ST_OK && response.http.location)
        status = take_location(upload, request.url, &response, err);
    if (status == ST_OK)
        upload->done = done;
    oci_response_release(&response);
    return status;
}

/* To the closing request: the upload is closed already. libcurl may have sent it twice, on a connection that broke. */
static bool was_closed(const struct upload *upload, const struct oci_response *response)
{
    return upload->closing && response->http.code == 404;
}

/* 416: the registry stands elsewhere than we think, after a part whose answer got lost. */
static bool needs_recovery(const struct upload *upload, enum status status, const struct oci_response *response)
{
    return oci_is_transient(status, response) || (status == ST_OK && (response->http.code == 416 || was_closed(upload, response)));
}

/* One more part; at the end the closing request. *ret_complete: the registry has it all. */
static enum status step(struct upload *upload, bool *ret_complete, struct oci_response *response, struct error *err)
{
    uint64_t left = upload->size - upload->done;
    bool whole = upload->done == 0 && left <= upload->chunk_bytes;
    upload->closing = whole || left == 0;
    if (upload->closing) {
        TRY(send_part(upload, "PUT", left, true, response, err));
        *ret_complete = response->http.code == 201;
        return *ret_complete || needs_recovery(upload, ST_OK, response) ? ST_OK : oci_refused(response, err);
    }
    uint64_t len = MIN(left, upload->chunk_bytes);
    autofree char *base = mem_strdup(upload->location);
    TRY(send_part(upload, "PATCH", len, false, response, err));
    if (response->http.code != 202)
        return needs_recovery(upload, ST_OK, response) ? ST_OK : oci_refused(response, err);
    upload->done += len;
    return take_location(upload, base, response, err);
}

/* After a part that may or may not have arrived. ret_complete: it did, and was the last. */
static enum status recover(struct upload *upload, enum status status, const struct oci_response *response, bool *ret_complete,
                           struct error *err)
{
    bool closed = status == ST_OK && was_closed(upload, response);
    if (closed && exists(upload, ret_complete, NULL) == ST_OK && *ret_complete)
        return ST_OK;
    if (closed || upload->tries_left-- == 0)
        return status == ST_OK ? oci_refused(response, err) : status;
    TRY(oci_back_off(upload->client, OCI_MAX_RETRIES - upload->tries_left, response->retry_after_s, err));
    if (upload->closing && exists(upload, ret_complete, NULL) == ST_OK && *ret_complete)
        return ST_OK;
    if (upload->size > upload->chunk_bytes && ask_progress(upload, NULL) == ST_OK)
        return ST_OK;
    return start(upload, err);
}

static enum status send_all(struct upload *upload, struct error *err)
{
    struct oci_response response;
    bool complete = false;
    oci_response_init(&response);
    enum status status = start(upload, err);
    while (status == ST_OK && !complete) {
        response.http.code = 0;
        status = step(upload, &complete, &response, err);
        if (!complete && needs_recovery(upload, status, &response))
            status = recover(upload, status, &response, &complete, err);
    }
    oci_response_release(&response);
    return status;
}

static enum status push_blob(struct upload *upload, struct error *err)
{
    bool there = false;
    oci_call_start(upload->client);
    upload->tries_left = OCI_MAX_RETRIES;
    if (upload->fd >= 0)
        oci_progress_set(upload->client, upload->size);
    enum status status = exists(upload, &there, err);
    if (status == ST_OK && !there)
        status = send_all(upload, err);
    if (status == ST_OK)
        oci_progress_at(upload->client, upload->size);
    free(upload->location);
    if (status != ST_OK)
        fail_wrap(err, "%s: blob %s", upload->reference->text, upload->digest.text);
    return status;
}

enum status oci_client_push_blob(struct oci_client *client, const struct oci_reference *reference,
                                 const struct oci_descriptor *blob, int fd, struct error *err)
{
    struct upload upload = {.client = client, .reference = reference, .digest = blob->digest, .size = blob->size, .fd = fd};
    return push_blob(&upload, err);
}

enum status oci_client_push_bytes(struct oci_client *client, const struct oci_reference *reference, const struct oci_digest *digest,
                                  struct str bytes, struct error *err)
{
    struct upload upload = {
        .client = client, .reference = reference, .digest = *digest, .size = bytes.len, .bytes = bytes, .fd = -1};
    return push_blob(&upload, err);
}

static enum status put_manifest(struct oci_client *client, const struct oci_reference *reference, const char *media_type,
                                struct str json, struct error *err)
{
    struct str target = oci_reference_target(reference);
    autofree char *url = oci_url_of(client, reference, "/manifests/%.*s", STR_ARG(target));
    const struct oci_request request = {.method = "PUT", .url = url, .content_type = media_type, .body = json};
    struct oci_response response;
    struct oci_digest digest;
    oci_response_init(&response);
    enum status status = oci_send_patiently(client, reference, true, &request, &response, err);
    if (status == ST_OK && response.http.code != 201)
        status = oci_refused(&response, err);
    oci_digest_like(&response.digest, json, &digest);
    if (status == ST_OK && response.digest.text[0] && !oci_digest_eq(&response.digest, &digest))
        status = fail(err, ST_INVALID, "the registry says that it stored %s, not %s", response.digest.text, digest.text);
    oci_response_release(&response);
    return status;
}

enum status oci_client_push_manifest(struct oci_client *client, const struct oci_reference *reference, const char *media_type,
                                     struct str json, struct error *err)
{
    oci_call_start(client);
    enum status status = put_manifest(client, reference, media_type, json, err);
    if (status != ST_OK)
        fail_wrap(err, "%s: store the manifest", reference->text);
    return status;
}
