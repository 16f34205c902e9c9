/* Blobs from a registry: streamed, hashed on the way, taken up again where a connection broke. */
#include "oci/client.h"
#include "oci/client_private.h"
#include <errno.h>
#include <unistd.h>

#define WORTHWHILE_BYTES (1u << 20) /* this many more, and the tries are counted from the start */

struct download {
    struct oci_client *client;
    const struct oci_descriptor *blob;
    uint64_t asked_from;  /* where the request at hand begins */
    bool begun;           /* it has answered */
    struct oci_hash hash; /* of what is there; hash.bytes of it */
    int fd;               /* -1: into `bytes` */
    const char *path;     /* of fd */
    struct buf *bytes;
};

static enum status write_at(struct download *download, struct str piece, struct error *err)
{
    if (download->fd < 0)
        return buf_append_str(download->bytes, piece) == ST_OK ? ST_OK : fail(err, ST_LIMIT, "the blob is too large");
    for (size_t done = 0; done < piece.len;) {
        ssize_t len = pwrite(download->fd, piece.data + done, piece.len - done, (off_t)(download->hash.bytes + done));
        if (len < 0 && errno != EINTR)
            return fail_errno(err, "write %s", download->path);
        done += len < 0 ? 0 : (size_t)len;
    }
    return ST_OK;
}

static void begin_again(struct download *download)
{
    oci_hash_reset(&download->hash);
    if (download->fd < 0)
        buf_clear(download->bytes);
}

/* The answer to a request for the rest may be the rest, or all of it. */
static enum status begin(struct download *download, const struct oci_response *response, struct error *err)
{
    download->begun = true;
    if (response->http.code == 206 && (!response->has_range_start || response->range_start != download->asked_from))
        return fail(err, ST_INVALID, "the registry sends another part of the blob than was asked for");
    if (response->http.code != 206)
        begin_again(download);
    return ST_OK;
}

static enum status take_piece(void *env, const struct oci_response *response, struct str piece, struct error *err)
{
    struct download *download = env;
    if (!download->begun)
        TRY(begin(download, response, err));
    if (piece.len > download->blob->size - download->hash.bytes)
        return fail(err, ST_INVALID, "the registry sends more than the %llu bytes that the manifest states",
                    (unsigned long long)download->blob->size);
    TRY(write_at(download, piece, err));
    oci_hash_update(&download->hash, piece);
    oci_progress_at(download->client, download->hash.bytes);
    return ST_OK;
}

/* ST_UNAVAILABLE with response->http.trouble == WEB_DROPPED: a part of it came, or none. */
static enum status get_rest(struct download *download, const struct oci_reference *reference, struct oci_response *response,
                            struct error *err)
{
    autofree char *url = oci_url_of(download->client, reference, "/blobs/%s", download->blob->digest.text);
    const struct oci_request request = {
        .method = "GET", .url = url, .range_from = download->hash.bytes, .sink = take_piece, .sink_env = download};
    download->asked_from = download->hash.bytes;
    download->begun = false;
    TRY(oci_send(download->client, reference, false, &request, response, err));
    if (response->http.code == 416) /* the server does not do ranges this way: all of it, then */
        begin_again(download);
    if (response->http.code != 200 && response->http.code != 206)
        return oci_is_transient(ST_OK, response) || response->http.code == 416 ? ST_OK : oci_refused(response, err);
    if (download->hash.bytes == download->blob->size)
        return ST_OK;
    response->http.trouble = WEB_DROPPED;
    return fail(err, ST_UNAVAILABLE, "the registry sends %llu of the %llu bytes that the manifest states",
                (unsigned long long)download->hash.bytes, (unsigned long long)download->blob->size);
}

/* Tries as long as there is progress worth it, and a few times without. */
static enum status get_with_retries(struct download *download, const struct oci_reference *reference, struct oci_response *response,
                                    struct error *err)
{
    for (unsigned attempt = 0;; attempt++) {
        uint64_t before = download->hash.bytes;
        enum status status = get_rest(download, reference, response, err);
        bool refused_range = status == ST_OK && response->http.code == 416;
        if (!oci_is_transient(status, response) && !refused_range)
            return status;
        if (download->hash.bytes == download->blob->size && download->begun)
            return ST_OK; /* its digest tells whether this is true */
        if (download->hash.bytes >= before + WORTHWHILE_BYTES)
            attempt = 0;
        if (attempt == OCI_MAX_RETRIES)
            return status == ST_OK ? oci_refused(response, err) : status;
        TRY(oci_back_off(download->client, attempt, response->retry_after_s, err));
    }
}

static enum status get_all(struct download *download, const struct oci_reference *reference, struct error *err)
{
    struct oci_response response;
    struct oci_digest digest;
    oci_response_init(&response);
    enum status status = get_with_retries(download, reference, &response, err);
    oci_response_release(&response);
    TRY(status);
    oci_hash_finish(&download->hash, &digest);
    if (!oci_digest_eq(&digest, &download->blob->digest))
        return fail(err, ST_INVALID, "the registry sends other bytes than the manifest states: their digest is %s", digest.text);
    return ST_OK;
}

static enum status get_blob(struct download *download, const struct oci_reference *reference, struct error *err)
{
    oci_call_start(download->client);
    if (download->blob->size > download->client->options.max_layer_bytes)
        return fail(err, ST_LIMIT, "%s: the blob has %llu bytes, more than the limit of %llu", reference->text,
                    (unsigned long long)download->blob->size, (unsigned long long)download->client->options.max_layer_bytes);
    oci_progress_set(download->client, download->blob->size);
    oci_hash_init(&download->hash, &download->blob->digest);
    enum status status = get_all(download, reference, err);
    oci_hash_release(&download->hash);
    if (status != ST_OK)
        fail_wrap(err, "%s: blob %s", reference->text, download->blob->digest.text);
    return status;
}

enum status oci_client_blob(struct oci_client *client, const struct oci_reference *reference, const struct oci_descriptor *blob,
                            int fd, const char *path, struct error *err)
{
    struct download download = {.client = client, .blob = blob, .fd = fd, .path = path};
    return get_blob(&download, reference, err);
}

enum status oci_client_blob_bytes(struct oci_client *client, const struct oci_reference *reference,
                                  const struct oci_descriptor *blob, struct buf *ret_bytes, struct error *err)
{
    struct download download = {.client = client, .blob = blob, .fd = -1, .bytes = ret_bytes};
    buf_clear(ret_bytes);
    return get_blob(&download, reference, err);
}
