/* Requests to a registry: addresses, challenges, tokens. This file decides where credentials go. */
#include "oci/client_private.h"
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#define TOKEN_MAX 16384u
#define TOKENS_MAX 64u
#define SHOWN_ERRORS 3u

/* --- addresses --------------------------------------------------------------------------------------------------------------- */

char *oci_url_of(const struct oci_client *client, const struct oci_reference *reference, const char *format, ...)
{
    struct buf url = BUF_INIT(BUF_UNLIMITED);
    va_list args;
    buf_addf(&url, "%s://%.*s/v2/%.*s", client->options.plain_http ? "http" : "https", STR_ARG(oci_reference_host(reference)),
             STR_ARG(reference->repository));
    va_start(args, format);
    if (buf_vprintf(&url, format, args) != ST_OK)
        bug("an unlimited append");
    va_end(args);
    return buf_take(&url);
}

/* --- errors ------------------------------------------------------------------------------------------------------------------ */

/* {"errors": [{"code": ..., "message": ...}]}, or whatever else is in the body. */
static void describe_body(struct str body, struct buf *text)
{
    json_t *document = json_loadb(body.data, body.len, 0, NULL), *errors = json_object_get(document, "errors");
    for (size_t i = 0; i < json_array_size(errors) && i < SHOWN_ERRORS; i++) {
        json_t *item = json_array_get(errors, i);
        const char *code = json_string_value(json_object_get(item, "code"));
        const char *message = json_string_value(json_object_get(item, "message"));
        autofree char *shown_code = web_shown(str_of(code ? code : ""), 60),
                      *shown = web_shown(str_of(message ? message : ""), 160);
        buf_addf(text, "%s%s%s%s", i ? "; " : ": ", shown_code, code && message ? ": " : "", shown);
    }
    json_decref(document);
}

static const struct {
    long code;
    enum status status;
    const char *text;
} code_table[] = {
    {401, ST_DENIED, "it wants other credentials"},
    {403, ST_DENIED, "access is denied"},
    {404, ST_NOT_FOUND, "not found"},
    {405, ST_UNSUPPORTED, "it does not do this"},
    {413, ST_LIMIT, "too large"},
    {429, ST_UNAVAILABLE, "too many requests"},
    {500, ST_UNAVAILABLE, "internal error"},
    {502, ST_UNAVAILABLE, "bad gateway"},
    {503, ST_UNAVAILABLE, "unavailable"},
    {504, ST_UNAVAILABLE, "gateway time-out"},
};

enum status oci_refused(const struct oci_response *response, struct error *err)
{
    autobuf struct buf details = BUF_INIT(BUF_UNLIMITED);
    buf_add(&details, STR(""));
    describe_body(buf_str(&response->http.body), &details);
    for (size_t i = 0; i < ARRAY_LEN(code_table); i++)
        if (code_table[i].code == response->http.code)
            return fail(err, code_table[i].status, "the registry answers %ld, %s%s", response->http.code, code_table[i].text,
                        details.data);
    return fail(err, ST_INVALID, "the registry answers %ld%s", response->http.code, details.data);
}

/* --- sessions ---------------------------------------------------------------------------------------------------------------- */

void oci_session_free(struct oci_session *session)
{
    vec_each (token, &session->tokens) {
        free(token->scope);
        oci_secret_free(token->value);
    }
    vec_release(&session->tokens);
    oci_login_release(&session->login);
    oci_secret_free(session->authorization);
    free(session->registry);
    free(session->origin);
    free(session);
}

static struct oci_session *session_of(struct oci_client *client, const struct oci_reference *reference)
{
    vec_each (session, &client->sessions)
        if (str_eq(str_of((*session)->registry), reference->registry))
            return *session;
    if (client->sessions.len == OCI_MAX_SESSIONS) { /* the oldest goes */
        oci_session_free(client->sessions.items[0]);
        memmove(client->sessions.items, client->sessions.items + 1, --client->sessions.len * sizeof *client->sessions.items);
    }
    struct oci_session *session = NEW(struct oci_session);
    autobuf struct buf origin = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&origin, "%s://%.*s", client->options.plain_http ? "http" : "https", STR_ARG(oci_reference_host(reference)));
    session->registry = mem_strndup(reference->registry.data, reference->registry.len);
    session->origin = buf_take(&origin);
    vec_push(&client->sessions, session);
    return session;
}

static struct oci_token *token_for(struct oci_session *session, const char *scope)
{
    vec_each (token, &session->tokens)
        if (strcmp(token->scope, scope) == 0)
            return token;
    return NULL;
}

/* Takes the value. */
static void keep_token(struct oci_session *session, const char *scope, char *value)
{
    struct oci_token *token = token_for(session, scope);
    if (token) {
        oci_secret_free(token->value);
        token->value = value;
        return;
    }
    if (session->tokens.len == TOKENS_MAX) {
        free(session->tokens.items[0].scope);
        oci_secret_free(session->tokens.items[0].value);
        memmove(session->tokens.items, session->tokens.items + 1, --session->tokens.len * sizeof *session->tokens.items);
    }
    vec_push(&session->tokens, (struct oci_token){mem_strdup(scope), value});
}

/* --- answering a challenge --------------------------------------------------------------------------------------------------- */

static enum status know_login(struct oci_client *client, struct oci_session *session, struct error *err)
{
    if (session->login_known)
        return ST_OK;
    TRY(oci_credentials_find(&client->options.credentials, str_of(session->registry), &session->login, err));
    session->login_known = true;
    return ST_OK;
}

/* "Basic <base64 of user:password>"; the caller wipes and frees. */
static char *basic_value(const struct oci_login *login)
{
    struct buf pair = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&pair, "%s:%s", login->user, login->password);
    size_t encoded = (pair.len + 2) / 3 * 4;
    char *value = mem_alloc(sizeof "Basic " + encoded);
    memcpy(value, "Basic ", 6);
    EVP_EncodeBlock((unsigned char *)value + 6, (const unsigned char *)pair.data, (int)pair.len);
    oci_secret_free(buf_take(&pair));
    return value;
}

static bool token_valid(const char *token)
{
    struct str text = str_of(token);
    return text.len > 0 && text.len <= TOKEN_MAX && web_token_valid(text);
}

/* "Bearer <token>"; likewise. */
static char *bearer_value(const char *token)
{
    struct buf value = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&value, "Bearer %s", token);
    return buf_take(&value);
}

/* {"token": ...} or {"access_token": ...} */
static enum status read_token(struct str body, char **ret_token, struct error *err)
{
    json_t *document = json_loadb(body.data, body.len, 0, NULL);
    const char *token = json_string_value(json_object_get(document, "token"));
    if (!token)
        token = json_string_value(json_object_get(document, "access_token"));
    bool valid = token && token_valid(token);
    if (valid)
        *ret_token = bearer_value(token);
    json_decref(document);
    return valid ? ST_OK : fail(err, ST_INVALID, "the token service does not answer with a token");
}

static enum status token_url(const struct oci_client *client, const struct oci_challenge *challenge, const char *scope,
                             char **ret_url, struct error *err)
{
    autofree char *realm = NULL, *with_service = NULL;
    TRY(web_url_resolve(NULL, challenge->realm, client->options.plain_http, &realm, err));
    if (challenge->service[0])
        TRY(web_url_with(realm, "service", str_of(challenge->service), &with_service, err));
    return web_url_with(with_service ? with_service : realm, "scope", str_of(scope), ret_url, err);
}

static enum status fetch_token(struct oci_client *client, struct oci_session *session, const struct oci_challenge *challenge,
                               const char *scope, struct error *err)
{
    autofree char *url = NULL;
    struct oci_response response;
    char *token = NULL;
    if (token_url(client, challenge, scope, &url, err) != ST_OK)
        return fail_wrap(err, "the token service");
    char *basic = session->login.user ? basic_value(&session->login) : NULL;
    const struct oci_request request = {.method = "GET", .url = url, .authorization = basic, .max_body = 4 * TOKEN_MAX};
    oci_response_init(&response);
    enum status status = oci_transfer(client, &request, &response, err);
    if (status == ST_OK && response.http.code != 200)
        status = oci_refused(&response, err);
    if (status == ST_OK)
        status = read_token(buf_str(&response.http.body), &token, err);
    oci_secret_free(basic);
    if (response.http.body.data)
        OPENSSL_cleanse(response.http.body.data, response.http.body.len);
    oci_response_release(&response);
    if (status == ST_OK)
        keep_token(session, scope, token);
    else
        fail_wrap(err, "get a token %s%s", session->login.user ? "as " : "without a login",
                  session->login.user ? session->login.user : "");
    return status;
}

/* The login itself goes to the registry, unless it has been refused before. */
static enum status use_login(struct oci_session *session, struct error *err)
{
    const struct oci_login *login = &session->login;
    if (!login->user && !login->token)
        return fail(err, ST_DENIED, "the registry wants a login: `docker login %s`, or --user and --password", session->registry);
    if (session->authorization)
        return fail(err, ST_DENIED, "the registry refuses %s%s", login->token ? "the token that is given for it" : "the login of ",
                    login->token ? "" : login->user);
    if (login->token && !token_valid(login->token))
        return fail(err, ST_INVALID, "the token that is given for %s has characters that no token has", session->registry);
    session->authorization = login->token ? bearer_value(login->token) : basic_value(login);
    return ST_OK;
}

static enum status answer(struct oci_client *client, struct oci_session *session, const struct oci_challenge *challenge,
                          const char *scope, struct error *err)
{
    if (challenge->scheme == OCI_SCHEME_NONE)
        return fail(err, ST_DENIED, "the registry wants credentials, but says no way of giving them that is supported");
    TRY(know_login(client, session, err));
    if (challenge->scheme == OCI_SCHEME_BEARER && !session->login.token)
        return fetch_token(client, session, challenge, scope, err);
    return use_login(session, err);
}

/* --- sending ----------------------------------------------------------------------------------------------------------------- */

static const char *authorization_of(struct oci_session *session, const char *scope)
{
    const struct oci_token *token = token_for(session, scope);
    return token ? token->value : session->authorization;
}

enum status oci_send(struct oci_client *client, const struct oci_reference *reference, bool push, const struct oci_request *request,
                     struct oci_response *response, struct error *err)
{
    struct oci_session *session = session_of(client, reference);
    struct oci_request authorized = *request;
    autobuf struct buf scope = BUF_INIT(BUF_UNLIMITED);
    bool own = web_url_same_origin(request->url, session->origin);
    buf_addf(&scope, "repository:%.*s:%s", STR_ARG(reference->repository), push ? "pull,push" : "pull");
    authorized.authorization = own ? authorization_of(session, scope.data) : NULL;
    TRY(oci_transfer(client, &authorized, response, err));
    if (response->http.code != 401 || !own || response->http.foreign)
        return ST_OK;
    struct oci_challenge challenge = response->challenge;
    TRY(answer(client, session, &challenge, scope.data, err));
    authorized.authorization = authorization_of(session, scope.data);
    return oci_transfer(client, &authorized, response, err);
}

bool oci_is_transient(enum status status, const struct oci_response *response)
{
    if (status != ST_OK)
        return status == ST_UNAVAILABLE && response->http.trouble == WEB_DROPPED;
    return response->http.code == 429 || response->http.code == 500 || (response->http.code >= 502 && response->http.code <= 504);
}

enum status oci_send_patiently(struct oci_client *client, const struct oci_reference *reference, bool push,
                               const struct oci_request *request, struct oci_response *response, struct error *err)
{
    for (unsigned attempt = 0;; attempt++) {
        enum status status = oci_send(client, reference, push, request, response, err);
        if (!oci_is_transient(status, response) || attempt == OCI_MAX_RETRIES)
            return status;
        TRY(oci_back_off(client, attempt, response->retry_after_s, err));
    }
}
