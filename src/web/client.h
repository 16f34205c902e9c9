/* Requests to servers of others, on libcurl: to registries, for archives of WIT, for releases of wash.
 *
 * TLS is 1.2 or later and checked against the authorities of the system, or of CURL_CA_BUNDLE, or of SSL_CERT_FILE and SSL_CERT_DIR,
 * and those of web/trust.h; proxies are those of the usual variables (https_proxy, no_proxy, ...). Redirects are followed here and not by
 * libcurl, because they decide where credentials go: to the origin that was asked, and along no redirect that leaves it. What a
 * server chooses is bounded: addresses, headers, bodies, how long it may say nothing.
 *
 * A client keeps its connections for the next request, to any server. One thread at a time uses it; calls block. */
#pragma once

#include "base/buf.h"
#include "base/cancel.h"
#include "web/url.h"

#define WEB_HEADERS_MAX (256u << 10)
#define WEB_ERROR_BODY_MAX 65536u
#define WEB_MAX_REDIRECTS 5u

struct web_client;

/* Where http:// may be used instead of https://. */
enum web_plain {
    WEB_PLAIN_NEVER,
    WEB_PLAIN_FIRST, /* in the request's own address, but not where a redirect leads */
    WEB_PLAIN_TOO,
};

struct web_header {
    const char *name, *value; /* value NULL: the header is left out */
};

struct web_request {
    const char *method; /* GET, HEAD, POST, PATCH, PUT */
    const char *url;
    enum web_plain plain;
    const char *authorization; /* value of the header, or NULL; to the origin of `url` alone */
    const struct web_header *headers;
    size_t header_count;
    uint64_t deadline; /* of clock_now(), for all of it, redirects included; 0 or CLOCK_NEVER: none */

    /* What is sent: `body`, or `body_bytes` that `read` gives: up to `len` of them from `offset` on, at least one. */
    struct str body;
    uint64_t body_bytes;
    enum status (*read)(void *env, uint64_t offset, char *data, size_t len, size_t *ret_len, struct error *err);

    /* What comes; each may be NULL. A response begins anew after a redirect and after an interim one. */
    void (*begin)(void *env);
    enum status (*header)(void *env, struct str name, struct str value, struct error *err);
    enum status (*sink)(void *env, long code, struct str piece, struct error *err); /* a success's body; NULL: response->body */
    uint64_t max_body;                                                              /* of a success; 0: WEB_ERROR_BODY_MAX */
    void *env;
};

/* Why there was no response, as far as it says what to do. */
enum web_trouble {
    WEB_NO_TROUBLE,
    WEB_UNREACHED, /* nobody there */
    WEB_DROPPED,   /* the connection broke: worth another try */
    WEB_UNTRUSTED, /* the server's certificate */
    WEB_NO_TLS,    /* the server talks something else */
};

struct web_response {
    long code; /* 0: there was none */
    enum web_trouble trouble;
    bool foreign;   /* a redirect led to another origin than the request's */
    char *location; /* of the header; NULL: absent */
    size_t header_bytes;
    struct buf body; /* of a success without sink, or the beginning of an error's */
};

struct web_options {
    const char *user_agent; /* copied */
    struct cancel cancel;
};

/* Fails: ST_UNSUPPORTED libcurl is not installed, ST_INTERNAL. */
enum status web_client_new(const struct web_options *options, struct web_client **ret_client, struct error *err) CHECKED;
void web_client_free(struct web_client *client);

/* Whether it has only what tokens in an `authorization` have: visible ASCII. */
bool web_token_valid(struct str token);

void web_response_init(struct web_response *response);
void web_response_release(struct web_response *response); /* leaves an initialised one */

/* Sends it, and follows redirects of GET and HEAD. ST_OK: there was a response, whatever its code; an error's body may have been cut.
 * `response` is an initialised one. Fails: ST_UNAVAILABLE no response, or not all of it; ST_DENIED the server's certificate is not
 * trusted, or a redirect leads away from https; ST_INVALID an address, or an answer that is not HTTP; ST_LIMIT, ST_TIMEOUT,
 * ST_CANCELLED, and what the callbacks fail with. */
enum status web_send(struct web_client *client, const struct web_request *request, struct web_response *response,
                     struct error *err) CHECKED;
