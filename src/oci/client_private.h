/* Inside the client: its state, and what its parts share. */
#pragma once

#include "base/clock.h"
#include "base/vec.h"
#include "oci/transfer.h"

#define OCI_MAX_RETRIES 4u
#define OCI_MAX_SESSIONS 64u

struct oci_token {
    char *scope, *value; /* "repository:a/b:pull" */
};

/* What is known of one registry. */
struct oci_session {
    char *registry; /* as in references */
    char *origin;   /* "https://host:port" */
    bool login_known;
    struct oci_login login;
    char *authorization; /* value of that field, once the registry has asked for the login */
    VEC(struct oci_token) tokens;
};

struct oci_client {
    struct oci_client_options options;
    char *docker_config, *user, *password, *token; /* behind options */
    struct web_client *web;
    uint64_t deadline;       /* of the call that runs */
    uint64_t progress_total; /* of the call that runs; 0: none */
    VEC(struct oci_session *) sessions;
};

/* Every public call begins with this. */
void oci_call_start(struct oci_client *client);
void oci_progress_set(struct oci_client *client, uint64_t total);
void oci_progress_at(struct oci_client *client, uint64_t done);

/* --- urls -------------------------------------------------------------------------------------------------------------------- */

/* "https://host/v2/repository" and what is printed after it. The caller frees. */
char *oci_url_of(const struct oci_client *client, const struct oci_reference *reference, const char *format, ...) PRINTF(3, 4);

/* --- requests ---------------------------------------------------------------------------------------------------------------- */

/* A request to the reference's registry: follows redirects of GET and HEAD, answers one challenge. Credentials go with it only if
 * its URL is of the registry's own origin. ST_OK: there was a response, as with web_send. */
enum status oci_send(struct oci_client *client, const struct oci_reference *reference, bool push, const struct oci_request *request,
                     struct oci_response *response, struct error *err) CHECKED;
/* The same with several tries, for requests that may be repeated and have no sink. */
enum status oci_send_patiently(struct oci_client *client, const struct oci_reference *reference, bool push,
                               const struct oci_request *request, struct oci_response *response, struct error *err) CHECKED;
/* Whether another try may help. */
bool oci_is_transient(enum status status, const struct oci_response *response);

/* The error that a response is: what the registry says in it, escaped. */
enum status oci_refused(const struct oci_response *response, struct error *err);

void oci_session_free(struct oci_session *session);
