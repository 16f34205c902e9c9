/* Downloads for updates; see download.h. */
#include "cli/download.h"
#include "base/clock.h"
#include "base/mem.h"
#include "web/client.h"

enum status cli_download_to_buf(void *buf, struct str piece, struct error *err)
{
    return buf_append_str(buf, piece) == ST_OK ? ST_OK : fail(err, ST_LIMIT, "the answer is too large");
}

static enum status take(void *env, long code UNUSED, struct str piece, struct error *err)
{
    const struct cli_download *download = env;
    return download->sink(download->sink_env, piece, err);
}

/* What comes with an error is the server's explanation for programs, and is not shown. */
static enum status check_code(long code, struct error *err)
{
    if (code >= 200 && code <= 299)
        return ST_OK;
    if (code == 404 || code == 410)
        return fail(err, ST_NOT_FOUND, "not there (HTTP status %ld)", code);
    if (code == 401 || code == 403 || code == 429)
        return fail(err, ST_DENIED, "refused (HTTP status %ld); a token with --token or WASH_GITHUB_TOKEN may help", code);
    return fail(err, ST_UNAVAILABLE, "HTTP status %ld", code);
}

static enum status get(struct web_client *client, const struct cli_download *download, const char *url, struct error *err)
{
    autobuf struct buf authorization = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&authorization, "Bearer %.*s", STR_ARG(download->token));
    const struct web_header headers[] = {{"Accept", download->accept}};
    const struct web_request request = {.method = "GET",
                                        .url = url,
                                        .authorization = download->token.len ? authorization.data : NULL,
                                        .headers = headers,
                                        .header_count = ARRAY_LEN(headers),
                                        .deadline = download->timeout_ms ? clock_after(download->timeout_ms * NS_PER_MS) : 0,
                                        .sink = take,
                                        .max_body = download->max_bytes,
                                        .env = (void *)(uintptr_t)download};
    struct web_response response;
    web_response_init(&response);
    enum status status = web_send(client, &request, &response, err);
    if (status == ST_OK)
        status = check_code(response.code, err);
    web_response_release(&response);
    return status;
}

enum status cli_download(const struct cli_download *download, struct error *err)
{
    const struct web_options options = {"wash/" WASH_VERSION, download->cancel};
    struct web_client *client;
    if (!web_token_valid(download->token))
        return fail(err, ST_INVALID, "the token has characters that no token has");
    TRY(web_client_new(&options, &client, err));
    autofree char *url = mem_strndup(download->url.data, download->url.len);
    enum status status = get(client, download, url, err);
    web_client_free(client);
    return status == ST_OK || status == ST_CANCELLED ? status : fail_wrap(err, "%s", url);
}
