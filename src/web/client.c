/* Clients, and the redirects that requests meet; one exchange is in exchange.c. */
#include "base/mem.h"
#include "web/client_private.h"

enum status web_client_new(const struct web_options *options, struct web_client **ret_client, struct error *err)
{
    TRY(web_libcurl_load(err));
    CURL *curl = curl_easy_init();
    if (!curl)
        return fail(err, ST_INTERNAL, "libcurl cannot be set up");
    struct web_client *client = NEW(struct web_client);
    *client = (struct web_client){.curl = curl, .user_agent = mem_strdup(options->user_agent), .cancel = options->cancel};
    *ret_client = client;
    return ST_OK;
}

void web_client_free(struct web_client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->curl);
    free(client->user_agent);
    free(client);
}

bool web_token_valid(struct str token)
{
    for (size_t i = 0; i < token.len; i++)
        if (token.data[i] <= ' ' || token.data[i] >= 0x7f)
            return false;
    return true;
}

void web_response_init(struct web_response *response)
{
    *response = (struct web_response){.body = BUF_INIT(WEB_ERROR_BODY_MAX)};
}

void web_response_release(struct web_response *response)
{
    free(response->location);
    buf_release(&response->body);
    web_response_init(response);
}

static bool is_redirect(const struct web_request *request, const struct web_response *response)
{
    bool repeatable = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    long code = response->code;
    return repeatable && response->location && (code == 301 || code == 302 || code == 303 || code == 307 || code == 308);
}

static enum status send_on(struct web_client *client, const struct web_request *request, struct web_response *response,
                           struct error *err)
{
    autofree char *url = mem_strdup(request->url);
    const char *authorization = request->authorization;
    bool foreign = false;
    for (unsigned hops = 0;; hops++) {
        enum status status = web_exchange(client, request, url, authorization, response, err);
        response->foreign = foreign;
        if (status != ST_OK || !is_redirect(request, response))
            return status;
        if (hops == WEB_MAX_REDIRECTS)
            return fail(err, ST_INVALID, "the server redirects more than %u times", WEB_MAX_REDIRECTS);
        char *next;
        TRY(web_url_resolve(url, response->location, request->plain == WEB_PLAIN_TOO, &next, err));
        if (!web_url_same_origin(url, next)) { /* and it stays so, should a redirect lead back */
            foreign = true;
            authorization = NULL;
        }
        free(url);
        url = next;
    }
}

enum status web_send(struct web_client *client, const struct web_request *request, struct web_response *response, struct error *err)
{
    struct error ignored;
    return send_on(client, request, response, err ? err : &ignored);
}
