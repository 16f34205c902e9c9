/* Inside the client: one request to a registry, in the protocol's own headers, and what of the response's it goes by.
 *
 * A transfer knows no credentials: it sends the Authorization that it is given to the origin of the URL that it is given
 * (web/client.h). What to do next is decided by session.c. */
#pragma once

#include "base/buf.h"
#include "oci/challenge.h"
#include "oci/client.h"
#include "web/client.h"

struct oci_response;

/* Takes a piece of a successful response's body. */
typedef enum status oci_sink(void *env, const struct oci_response *response, struct str piece, struct error *err);

struct oci_request {
    const char *method; /* GET, HEAD, POST, PATCH, PUT */
    const char *url;
    const char *authorization;                         /* value of the header, or NULL */
    const char *accept, *content_type, *content_range; /* or NULL */
    uint64_t range_from;                               /* > 0: ask for the bytes from there on */
    struct str body;                                   /* what is sent: this, or a part of a file */
    int body_fd;                                       /* used if body_bytes > 0 */
    uint64_t body_offset, body_bytes;
    oci_sink *sink; /* NULL: into response->http.body, at most max_body bytes */
    void *sink_env;
    size_t max_body; /* 0: WEB_ERROR_BODY_MAX */
};

struct oci_response {
    struct web_response http;
    struct oci_challenge challenge;
    char *link;                        /* header; NULL: absent */
    char content_type[256], range[64]; /* cut, if longer */
    struct oci_digest digest;          /* Docker-Content-Digest, if it is one */
    bool has_range_start;              /* Content-Range: bytes N-... */
    uint64_t range_start;
    uint64_t retry_after_s, chunk_min_bytes; /* 0: absent */
};

void oci_response_init(struct oci_response *response);
void oci_response_release(struct oci_response *response); /* leaves an initialised one */

/* As web_send: redirects of GET and HEAD are followed; response->http.trouble is WEB_DROPPED where another try may work now. */
enum status oci_transfer(struct oci_client *client, const struct oci_request *request, struct oci_response *response,
                         struct error *err) CHECKED;

/* Waits before another try, longer each time (attempt: from 0), or as long as the server asked for within reason. Fails:
 * ST_CANCELLED, ST_TIMEOUT. */
enum status oci_back_off(struct oci_client *client, unsigned attempt, uint64_t retry_after_s, struct error *err) CHECKED;
