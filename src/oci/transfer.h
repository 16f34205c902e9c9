/* Inside the client: one HTTP exchange on libcurl, with everything a peer chooses bounded.
 *
 * A transfer follows no redirect and knows no credentials: it sends the Authorization it is given to the URL it is given, and that
 * is all it does with it. What to do next is decided by session.c. */
#pragma once

#include "base/buf.h"
#include "oci/challenge.h"
#include "oci/client.h"
#include <curl/curl.h>

#define OCI_URL_MAX 8192u
#define OCI_ERROR_BODY_MAX 65536u
#define OCI_HEADERS_MAX (256u << 10)

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
    oci_sink *sink; /* NULL: into response->body, at most max_body bytes */
    void *sink_env;
    size_t max_body; /* 0: OCI_ERROR_BODY_MAX */
};

struct oci_response {
    long code;    /* 0: there was no response */
    bool dropped; /* the connection failed on the way: worth another try */
    bool foreign; /* a redirect led to another origin than the request's */
    struct oci_challenge challenge;
    char *location, *link;             /* headers; NULL: absent */
    char content_type[256], range[64]; /* cut, if longer */
    struct oci_digest digest;          /* Docker-Content-Digest, if it is one */
    bool has_range_start;              /* Content-Range: bytes N-... */
    uint64_t range_start;
    uint64_t retry_after_s, chunk_min_bytes; /* 0: absent */
    size_t header_bytes;
    struct buf body; /* of a success without sink, or the beginning of an error's */
};

void oci_response_init(struct oci_response *response);
void oci_response_release(struct oci_response *response); /* leaves an initialised one */

/* ST_OK: there was a response, whatever its code; an error's body may have been cut. Fails: ST_UNAVAILABLE (response->dropped if
 * the same may work now), ST_DENIED the server's certificate is not trusted, ST_INVALID not HTTP, ST_LIMIT, ST_TIMEOUT,
 * ST_CANCELLED, and what the sink fails with. Blocks. */
enum status oci_transfer(struct oci_client *client, const struct oci_request *request, struct oci_response *response,
                         struct error *err) CHECKED;

/* Waits before another try, longer each time (attempt: from 0), or as long as the server asked for within reason. Fails:
 * ST_CANCELLED, ST_TIMEOUT. */
enum status oci_back_off(struct oci_client *client, unsigned attempt, uint64_t retry_after_s, struct error *err) CHECKED;

/* The beginning of `text`, what could drive a terminal escaped. The caller frees. */
char *oci_shown(struct str text, size_t max);
