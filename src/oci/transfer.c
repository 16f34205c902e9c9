/* One request to a registry; see transfer.h. */
#include "oci/transfer.h"
#include "oci/client_private.h"
#include <errno.h>
#include <unistd.h>

#define FIRST_BACKOFF_MS 200u
#define LAST_BACKOFF_MS 5000u
#define MAX_RETRY_AFTER_S 30u

struct transfer {
    struct oci_client *client;
    const struct oci_request *request;
    struct oci_response *response;
};

/* --- responses --------------------------------------------------------------------------------------------------------------- */

void oci_response_init(struct oci_response *response)
{
    *response = (struct oci_response){0};
    web_response_init(&response->http);
}

void oci_response_release(struct oci_response *response)
{
    free(response->link);
    web_response_release(&response->http);
    oci_response_init(response);
}

/* Only what is ours: `http` is the room web's to begin anew. */
static void begin(void *env)
{
    struct oci_response *response = ((struct transfer *)env)->response;
    struct web_response http = response->http;
    free(response->link);
    *response = (struct oci_response){.http = http};
}

static void keep_cut(char *place, size_t size, struct str value)
{
    size_t len = MIN(value.len, size - 1);
    memcpy(place, value.data, len);
    place[len] = '\0';
}

static enum status keep_link(struct oci_response *response, struct str value, struct error *err)
{
    if (value.len > WEB_URL_MAX || memchr(value.data, '\0', value.len))
        return fail(err, ST_LIMIT, "the registry sends an address that is too long or malformed");
    free(response->link);
    response->link = mem_strndup(value.data, value.len);
    return ST_OK;
}

/* bytes FROM-TO/TOTAL */
static void keep_range_start(struct oci_response *response, struct str value)
{
    if (!str_skip(&value, STR("bytes ")))
        return;
    response->has_range_start =
        str_parse_u64(str_slice(value, 0, MIN(str_find_char(value, '-'), value.len)), OCI_BLOB_MAX_BYTES, &response->range_start);
}

static enum status keep_header(void *env, struct str name, struct str value, struct error *err)
{
    struct oci_response *response = ((struct transfer *)env)->response;
    if (str_eq_nocase(name, STR("www-authenticate")))
        return oci_challenge_parse(value, &response->challenge, err);
    if (str_eq_nocase(name, STR("link")))
        return keep_link(response, value, err);
    if (str_eq_nocase(name, STR("content-type"))) {
        keep_cut(response->content_type, sizeof response->content_type, value);
    } else if (str_eq_nocase(name, STR("range"))) {
        keep_cut(response->range, sizeof response->range, value);
    } else if (str_eq_nocase(name, STR("content-range"))) {
        keep_range_start(response, value);
    } else if (str_eq_nocase(name, STR("docker-content-digest"))) {
        (void)oci_digest_parse(value, &response->digest);
    } else if (str_eq_nocase(name, STR("retry-after"))) {
        (void)str_parse_u64(value, UINT32_MAX, &response->retry_after_s);
    } else if (str_eq_nocase(name, STR("oci-chunk-min-length"))) {
        (void)str_parse_u64(value, OCI_BLOB_MAX_BYTES, &response->chunk_min_bytes);
    }
    return ST_OK;
}

/* --- bodies ------------------------------------------------------------------------------------------------------------------ */

static enum status take_piece(void *env, long code UNUSED, struct str piece, struct error *err)
{
    struct transfer *transfer = env;
    return transfer->request->sink(transfer->request->sink_env, transfer->response, piece, err);
}

static enum status read_file(void *env, uint64_t offset, char *data, size_t len, size_t *ret_len, struct error *err)
{
    struct transfer *transfer = env;
    const struct oci_request *request = transfer->request;
    ssize_t read;
    do {
        read = pread(request->body_fd, data, len, (off_t)(request->body_offset + offset));
    } while (read < 0 && errno == EINTR);
    if (read < 0)
        return fail_errno(err, "read the file");
    if (read == 0)
        return fail(err, ST_INVALID, "the file has become shorter while it was pushed");
    oci_progress_at(transfer->client, request->body_offset + offset + (size_t)read);
    *ret_len = (size_t)read;
    return ST_OK;
}

/* --- the transfer ------------------------------------------------------------------------------------------------------------ */

/* What a user of a registry can do about it. */
static enum status add_advice(struct web_response *response, const struct oci_request *request, struct error *err)
{
    const char *advice = response->trouble == WEB_UNTRUSTED ? "a private CA is named with --ca-path"
                         : response->trouble == WEB_NO_TLS  ? "--insecure talks plain HTTP"
                                                            : NULL;
    if (response->trouble == WEB_UNREACHED && request->range_from > 0) /* it was there a moment ago */
        response->trouble = WEB_DROPPED;
    struct error problem = *err;
    return advice ? fail(err, problem.status, "%s (%s)", problem.message, advice) : problem.status;
}

enum status oci_transfer(struct oci_client *client, const struct oci_request *request, struct oci_response *response,
                         struct error *err)
{
    struct error scratch;
    struct transfer transfer = {.client = client, .request = request, .response = response};
    char range[40];
    snprintf(range, sizeof range, "bytes=%llu-", (unsigned long long)request->range_from);
    const struct web_header headers[] = {{"Accept", request->accept},
                                         {"Content-Type", request->content_type},
                                         {"Content-Range", request->content_range},
                                         {"Range", request->range_from ? range : NULL}};
    const struct web_request http = {.method = request->method,
                                     .url = request->url,
                                     .plain = client->options.plain_http ? WEB_PLAIN_TOO : WEB_PLAIN_NEVER,
                                     .authorization = request->authorization,
                                     .headers = headers,
                                     .header_count = ARRAY_LEN(headers),
                                     .deadline = client->deadline,
                                     .body = request->body,
                                     .body_bytes = request->body_bytes,
                                     .read = request->body_bytes ? read_file : NULL,
                                     .begin = begin,
                                     .header = keep_header,
                                     .sink = request->sink ? take_piece : NULL,
                                     .max_body = request->max_body,
                                     .env = &transfer};
    if (!err)
        err = &scratch;
    enum status status = web_send(client->web, &http, &response->http, err);
    return status == ST_OK ? ST_OK : add_advice(&response->http, request, err);
}

enum status oci_back_off(struct oci_client *client, unsigned attempt, uint64_t retry_after_s, struct error *err)
{
    uint64_t wait_ms = MIN((uint64_t)FIRST_BACKOFF_MS << MIN(attempt, 16u), (uint64_t)LAST_BACKOFF_MS);
    if (retry_after_s)
        wait_ms = MIN(retry_after_s, (uint64_t)MAX_RETRY_AFTER_S) * 1000;
    for (uint64_t until = clock_after(wait_ms * NS_PER_MS); clock_now() < until;) {
        if (cancel_asked(client->options.cancel))
            return fail(err, ST_CANCELLED, "interrupted");
        if (clock_now() >= client->deadline)
            return fail(err, ST_TIMEOUT, "it took too long");
        usleep(20000);
    }
    return ST_OK;
}
