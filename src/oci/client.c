/* The client: manifests and tags. Blobs are in download.c and upload.c. */
#include "oci/client.h"
#include "oci/client_private.h"
#include <jansson.h>
#include <openssl/crypto.h>

#define ACCEPT_MANIFESTS OCI_TYPE_IMAGE ", " OCI_TYPE_INDEX ", " OCI_TYPE_DOCKER_IMAGE ", " OCI_TYPE_DOCKER_INDEX
#define TAGS_PAGE_BYTES (1u << 20)
#define TAGS_MAX_PAGES 200u
#define TAGS_PER_PAGE 1000u

/* --- the client -------------------------------------------------------------------------------------------------------------- */

static char *copy(struct str text)
{
    return text.len ? mem_strndup(text.data, text.len) : NULL;
}

enum status oci_client_new(const struct oci_client_options *options, struct oci_client **ret_client, struct error *err)
{
    const struct web_options web_options = {options->user_agent ? options->user_agent : "wash", options->cancel};
    struct web_client *web;
    TRY(web_client_new(&web_options, &web, err));
    struct oci_client *client = NEW(struct oci_client);
    client->options = *options;
    client->web = web;
    client->user = copy(options->credentials.user);
    client->password = copy(options->credentials.password);
    client->token = copy(options->credentials.token);
    client->docker_config = copy(str_of(options->credentials.docker_config));
    client->options.credentials.user = str_of(client->user);
    client->options.credentials.password = str_of(client->password);
    client->options.credentials.token = str_of(client->token);
    client->options.credentials.docker_config = client->docker_config;
    client->options.credentials.cancel = options->cancel;
    if (!client->options.max_layer_bytes)
        client->options.max_layer_bytes = OCI_LAYER_MAX_BYTES;
    if (!client->options.chunk_bytes)
        client->options.chunk_bytes = OCI_CHUNK_BYTES;
    *ret_client = client;
    return ST_OK;
}

void oci_client_free(struct oci_client *client)
{
    if (!client)
        return;
    vec_each (session, &client->sessions)
        oci_session_free(*session);
    vec_release(&client->sessions);
    web_client_free(client->web);
    free(client->user);
    oci_secret_free(client->password);
    oci_secret_free(client->token);
    free(client->docker_config);
    free(client);
}

void oci_call_start(struct oci_client *client)
{
    uint64_t timeout_ms = client->options.timeout_ms;
    client->deadline = timeout_ms ? clock_after(timeout_ms * NS_PER_MS) : CLOCK_NEVER;
    client->progress_total = 0;
}

void oci_progress_set(struct oci_client *client, uint64_t total)
{
    client->progress_total = total;
    oci_progress_at(client, 0);
}

void oci_progress_at(struct oci_client *client, uint64_t done)
{
    if (client->options.progress && client->progress_total)
        client->options.progress(client->options.progress_env, done, client->progress_total);
}

/* --- manifests --------------------------------------------------------------------------------------------------------------- */

static enum status check_digest(const struct oci_reference *reference, const struct oci_response *response, struct str json,
                                struct oci_digest *ret_digest, struct error *err)
{
    struct oci_digest asked = {0}, found;
    if (reference->digest.len && oci_digest_parse(reference->digest, &asked)) {
        oci_digest_like(&asked, json, &found);
        if (!oci_digest_eq(&asked, &found))
            return fail(err, ST_INVALID, "the registry sends another manifest than was asked for: its digest is %s", found.text);
    }
    oci_digest_like(&response->digest, json, &found);
    if (response->digest.text[0] && !oci_digest_eq(&response->digest, &found))
        return fail(err, ST_INVALID, "the manifest's digest is %s, not %s as the registry says", found.text, response->digest.text);
    *ret_digest = asked.text[0] ? asked : found;
    return ST_OK;
}

static enum status get_manifest(struct oci_client *client, const struct oci_reference *reference, struct buf *ret_json,
                                char ret_content_type[256], struct oci_digest *ret_digest, struct error *err)
{
    autofree char *url = oci_url_of(client, reference, "/manifests/%.*s", STR_ARG(oci_reference_target(reference)));
    const struct oci_request request = {
        .method = "GET", .url = url, .accept = ACCEPT_MANIFESTS, .max_body = OCI_MANIFEST_MAX_BYTES};
    struct oci_response response;
    oci_response_init(&response);
    enum status status = oci_send_patiently(client, reference, false, &request, &response, err);
    if (status == ST_OK && response.http.code != 200)
        status = oci_refused(&response, err);
    if (status == ST_OK)
        status = check_digest(reference, &response, buf_str(&response.http.body), ret_digest, err);
    if (status == ST_OK && buf_append_str(ret_json, buf_str(&response.http.body)) != ST_OK)
        status = fail(err, ST_LIMIT, "the manifest has %zu bytes", response.http.body.len);
    if (status == ST_OK)
        memcpy(ret_content_type, response.content_type, sizeof response.content_type);
    oci_response_release(&response);
    return status;
}

/* Names what a failure is about, keeping its status. */
static enum status about(enum status status, const struct oci_reference *reference, struct error *err)
{
    if (status != ST_OK)
        fail_wrap(err, "%s", reference->text);
    return status;
}

enum status oci_client_manifest(struct oci_client *client, const struct oci_reference *reference, struct buf *ret_json,
                                char ret_content_type[256], struct oci_digest *ret_digest, struct error *err)
{
    oci_call_start(client);
    return about(get_manifest(client, reference, ret_json, ret_content_type, ret_digest, err), reference, err);
}

static enum status head_manifest(struct oci_client *client, const struct oci_reference *reference, struct oci_digest *ret_digest,
                                 struct error *err)
{
    autofree char *url = oci_url_of(client, reference, "/manifests/%.*s", STR_ARG(oci_reference_target(reference)));
    const struct oci_request request = {.method = "HEAD", .url = url, .accept = ACCEPT_MANIFESTS};
    struct oci_response response;
    oci_response_init(&response);
    enum status status = oci_send_patiently(client, reference, false, &request, &response, err);
    if (status == ST_OK && response.http.code != 200)
        status = oci_refused(&response, err);
    if (status == ST_OK && !response.digest.text[0])
        status = fail(err, ST_NOT_FOUND, "the registry does not say the manifest's digest");
    if (status == ST_OK)
        *ret_digest = response.digest;
    oci_response_release(&response);
    return status;
}

enum status oci_client_manifest_digest(struct oci_client *client, const struct oci_reference *reference,
                                       struct oci_digest *ret_digest, struct error *err)
{
    char content_type[256];
    struct error head_error;
    oci_call_start(client);
    enum status status = head_manifest(client, reference, ret_digest, &head_error);
    if (status == ST_OK)
        return ST_OK;
    /* What HEAD cannot say, GET can: the error's text, and a digest that is not in a header. */
    if (status != ST_NOT_FOUND && status != ST_DENIED && status != ST_UNSUPPORTED && status != ST_INVALID) {
        fail(err, status, "%s: %s", reference->text, head_error.message);
        return status;
    }
    autobuf struct buf json = BUF_INIT(OCI_MANIFEST_MAX_BYTES);
    return about(get_manifest(client, reference, &json, content_type, ret_digest, err), reference, err);
}

static enum status parse_manifest(struct oci_client *client, const struct oci_reference *reference, struct arena *arena,
                                  struct oci_manifest *ret_manifest, struct oci_digest *ret_digest, struct error *err)
{
    autobuf struct buf json = BUF_INIT(OCI_MANIFEST_MAX_BYTES);
    char content_type[256];
    TRY(get_manifest(client, reference, &json, content_type, ret_digest, err));
    return oci_manifest_parse(buf_str(&json), str_of(content_type), arena, ret_manifest, err);
}

static enum status resolve(struct oci_client *client, const struct oci_reference *reference, struct arena *arena,
                           struct oci_manifest *ret_manifest, struct oci_digest *ret_digest, struct error *err)
{
    const struct oci_descriptor *entry;
    struct oci_digest entry_digest;
    struct oci_reference inner;
    TRY(parse_manifest(client, reference, arena, ret_manifest, ret_digest, err));
    if (!ret_manifest->is_index)
        return ST_OK;
    TRY(oci_index_select(ret_manifest, &entry, err));
    oci_reference_with_digest(reference, oci_digest_str(&entry->digest), &inner);
    enum status status = parse_manifest(client, &inner, arena, ret_manifest, &entry_digest, err);
    oci_reference_release(&inner);
    if (status == ST_OK && ret_manifest->is_index)
        return fail(err, ST_UNSUPPORTED, "the index leads to another index");
    return status;
}

enum status oci_client_resolve(struct oci_client *client, const struct oci_reference *reference, struct arena *arena,
                               struct oci_manifest *ret_manifest, struct oci_digest *ret_digest, struct error *err)
{
    struct oci_manifest manifest;
    struct oci_digest digest;
    oci_call_start(client);
    TRY(about(resolve(client, reference, arena, &manifest, &digest, err), reference, err));
    *ret_manifest = manifest;
    *ret_digest = digest;
    return ST_OK;
}

/* --- tags -------------------------------------------------------------------------------------------------------------------- */

struct tags {
    struct arena *arena;
    VEC(struct str) items;
};

/* {"name": ..., "tags": [...]}; null where there are none. */
static enum status read_tags(struct str body, struct tags *tags, struct error *err)
{
    json_error_t problem;
    json_t *document = json_loadb(body.data, body.len, 0, &problem), *list = json_object_get(document, "tags");
    enum status status = ST_OK;
    if (!document || (list && !json_is_array(list) && !json_is_null(list)))
        status = fail(err, ST_INVALID, "the registry's list of tags is malformed");
    for (size_t i = 0; status == ST_OK && i < json_array_size(list); i++) {
        json_t *tag = json_array_get(list, i);
        size_t len = json_string_length(tag);
        char *copied = json_is_string(tag) && len <= OCI_TAG_MAX ? arena_try(tags->arena, len + 1, 1) : NULL;
        if (tags->items.len == OCI_TAGS_MAX)
            status = fail(err, ST_LIMIT, "the repository has more than %u tags", OCI_TAGS_MAX);
        else if (!copied)
            status = fail(err, ST_INVALID, "the registry's list of tags is malformed or too long");
        else
            vec_push(&tags->items, str_n(memcpy(copied, json_string_value(tag), len), len));
    }
    json_decref(document);
    return status;
}

/* Link: </v2/name/tags/list?last=...>; rel="next". The next page's address, or NULL. */
static enum status next_page(const struct oci_client *client, const char *url, const struct oci_response *response, char **ret_url,
                             struct error *err)
{
    struct str link = str_of(response->link), rest;
    size_t end = link.len && link.data[0] == '<' ? str_find_char(link, '>') : STR_NONE;
    *ret_url = NULL;
    if (end == STR_NONE)
        return ST_OK;
    rest = str_from(link, end + 1);
    if (str_find(rest, STR("rel=\"next\"")) == STR_NONE && str_find(rest, STR("rel=next")) == STR_NONE)
        return ST_OK;
    autofree char *target = mem_strndup(link.data + 1, end - 1);
    char *next;
    TRY(web_url_resolve(url, target, client->options.plain_http, &next, err));
    bool same_origin = web_url_same_origin(url, next), same_page = strcmp(url, next) == 0;
    if (same_origin && !same_page) {
        *ret_url = next;
        return ST_OK;
    }
    free(next);
    return same_page ? fail(err, ST_INVALID, "the registry's list of tags goes round in circles")
                     : fail(err, ST_DENIED, "the registry's list of tags goes on at another host");
}

static enum status get_page(struct oci_client *client, const struct oci_reference *reference, char **url, struct tags *tags,
                            struct error *err)
{
    const struct oci_request request = {.method = "GET", .url = *url, .accept = "application/json", .max_body = TAGS_PAGE_BYTES};
    struct oci_response response;
    char *next = NULL;
    oci_response_init(&response);
    enum status status = oci_send_patiently(client, reference, false, &request, &response, err);
    if (status == ST_OK && response.http.code != 200)
        status = oci_refused(&response, err);
    if (status == ST_OK)
        status = read_tags(buf_str(&response.http.body), tags, err);
    if (status == ST_OK)
        status = next_page(client, *url, &response, &next, err);
    oci_response_release(&response);
    free(*url);
    *url = next;
    return status;
}

enum status oci_client_tags(struct oci_client *client, const struct oci_reference *reference, struct arena *arena,
                            struct str **ret_tags, size_t *ret_count, struct error *err)
{
    struct tags tags = {.arena = arena};
    enum status status = ST_OK;
    oci_call_start(client);
    char *url = oci_url_of(client, reference, "/tags/list?n=%u", TAGS_PER_PAGE);
    for (unsigned pages = 0; url && status == ST_OK; pages++)
        status = pages < TAGS_MAX_PAGES ? get_page(client, reference, &url, &tags, err)
                                        : fail(err, ST_LIMIT, "the list of tags has more than %u pages", TAGS_MAX_PAGES);
    free(url);
    if (status == ST_OK) {
        *ret_tags = arena_copy(arena, tags.items.items, tags.items.len * sizeof *tags.items.items);
        *ret_count = tags.items.len;
    }
    vec_release(&tags.items);
    return about(status, reference, err);
}
