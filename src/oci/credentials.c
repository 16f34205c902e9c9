#include "oci/credentials.h"
#include "base/file.h"
#include "base/mem.h"
#include "io/run.h"
#include "oci/docker_config.h"
#include "web/url.h"
#include <errno.h>
#include <jansson.h>
#include <openssl/crypto.h>

#define NOT_FOUND_TEXT "credentials not found"
#define HELPER_OUTPUT_MAX 65536

static void set_login(struct oci_login *login, struct str user, struct str password)
{
    login->user = mem_strndup(user.data, user.len);
    login->password = mem_strndup(password.data, password.len);
}

void oci_secret_free(char *secret)
{
    if (secret)
        OPENSSL_cleanse(secret, strlen(secret));
    free(secret);
}

void oci_login_release(struct oci_login *login)
{
    free(login->user);
    oci_secret_free(login->password);
    oci_secret_free(login->token);
    *login = (struct oci_login){0};
}

/* --- the configuration ------------------------------------------------------------------------------------------------------- */

/* NULL: there is no place where it could be. */
static char *config_path(const struct oci_credentials_options *options)
{
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
    const char *folder = options->docker_config, *home = getenv("HOME");
    if (!folder || !folder[0])
        folder = getenv("DOCKER_CONFIG");
    if (folder && folder[0])
        buf_addf(&path, "%s/config.json", folder);
    else if (home && home[0])
        buf_addf(&path, "%s/.docker/config.json", home);
    else
        return NULL;
    return buf_take(&path);
}

/* A home that is no folder has none. */
static enum status read_config(const char *path, struct buf *content, bool *ret_there, struct error *err)
{
    struct error why = {0};
    enum status status = file_read(path, content, &why);
    *ret_there = status == ST_OK;
    return status == ST_OK || why.sys_errno == ENOENT || why.sys_errno == ENOTDIR ? ST_OK : fail(err, status, "%s", why.message);
}

/* --- helpers ----------------------------------------------------------------------------------------------------------------- */

/* {"ServerURL": ..., "Username": ..., "Secret": ...} */
static enum status read_answer(struct str answer, const char *program, struct oci_login *ret_login, struct error *err)
{
    json_t *object = json_loadb(answer.data, answer.len, 0, NULL);
    const char *user = json_string_value(json_object_get(object, "Username"));
    const char *secret = json_string_value(json_object_get(object, "Secret"));
    enum status status = ST_OK;
    if (!user || !secret)
        status = fail(err, ST_INVALID, "%s did not answer with Username and Secret", program);
    else if (strcmp(user, "<token>") == 0)
        status =
            fail(err, ST_UNSUPPORTED, "%s has an identity token, which is not supported: log in with user and password", program);
    else
        set_login(ret_login, str_of(user), str_of(secret));
    json_decref(object);
    return status;
}

static enum status run_helper(const struct oci_credentials_options *options, const char *program, struct str server,
                              struct buf *answer, struct buf *errors, int *ret_code, struct error *err)
{
    const char *const argv[] = {program, "get", NULL};
    uint64_t timeout_ms = options->helper_timeout_ms;
    if (timeout_ms == 0 && !options->helper_on_terminal)
        timeout_ms = OCI_HELPER_TIMEOUT_MS;
    const struct io_run run = {.argv = argv,
                               .on_terminal = options->helper_on_terminal,
                               .input = server,
                               .output = answer,
                               .errors = errors,
                               .timeout_ns = timeout_ms * NS_PER_MS,
                               .cancel = options->cancel};
    enum status status = io_run(&run, ret_code, err);
    if (status == ST_NOT_FOUND)
        return fail(err, ST_NOT_FOUND, "%s, which the Docker configuration names, is not in PATH", program);
    return status;
}

static struct str last_line(struct str text)
{
    struct str trimmed = str_trim(text);
    return str_from(trimmed, str_find_last_char(trimmed, '\n') + 1); /* STR_NONE + 1 is 0 */
}

/* Helpers of Docker's make say on stdout why they fail; the programs that those run, and others, on stderr. That the helper has none
 * for this server is no error. */
static enum status read_failure(struct str answer, struct str errors, const char *program, int code, struct error *err)
{
    if (str_find(answer, STR(NOT_FOUND_TEXT)) != STR_NONE)
        return ST_OK;
    autofree char *said = web_shown(answer, 200), *complained = web_shown(last_line(errors), 200);
    return fail(err, ST_UNAVAILABLE, "%s failed with exit code %d%s%s%s%s", program, code, *said ? ": " : "", said,
                *complained ? ": " : "", complained);
}

static enum status ask_helper(const struct oci_credentials_options *options, const struct oci_docker_login *docker,
                              struct oci_login *ret_login, struct error *err)
{
    autobuf struct buf program = BUF_INIT(BUF_UNLIMITED), answer = BUF_INIT(HELPER_OUTPUT_MAX),
                       errors = BUF_INIT(IO_RUN_ERRORS_MAX);
    int code = 0;
    buf_addf(&program, "docker-credential-%.*s", STR_ARG(docker->helper));
    enum status status = run_helper(options, program.data, docker->server, &answer, &errors, &code, err);
    if (status == ST_OK)
        status = code == 0 ? read_answer(str_trim(buf_str(&answer)), program.data, ret_login, err)
                           : read_failure(buf_str(&answer), buf_str(&errors), program.data, code, err);
    if (answer.data)
        OPENSSL_cleanse(answer.data, answer.len);
    return status;
}

/* --- finding ----------------------------------------------------------------------------------------------------------------- */

static enum status find_in_docker(const struct oci_credentials_options *options, struct str registry, struct arena *arena,
                                  struct oci_login *ret_login, struct error *err)
{
    autofree char *path = config_path(options);
    autobuf struct buf content = BUF_INIT(OCI_DOCKER_CONFIG_MAX_BYTES);
    struct oci_docker_login docker;
    if (!path)
        return ST_OK;
    bool there;
    TRY(read_config(path, &content, &there, err));
    if (!there)
        return ST_OK;
    enum status status = oci_docker_config_find(buf_str(&content), registry, arena, &docker, err);
    OPENSSL_cleanse(content.data, content.len);
    if (status != ST_OK)
        return fail_wrap(err, "%s", path);
    if (docker.helper.len) {
        status = ask_helper(options, &docker, ret_login, err);
        if (status != ST_OK || ret_login->user)
            return status;
    }
    if (docker.is_identity_token)
        return fail(err, ST_UNSUPPORTED, "%s has an identity token for %.*s, which is not supported: log in with user and password",
                    path, STR_ARG(registry));
    if (docker.found)
        set_login(ret_login, docker.user, docker.password);
    return ST_OK;
}

enum status oci_credentials_find(const struct oci_credentials_options *options, struct str registry, struct oci_login *ret_login,
                                 struct error *err)
{
    struct oci_login login = {0};
    struct arena arena;
    enum status status = ST_OK;
    arena_init(&arena, 4 * OCI_DOCKER_CONFIG_MAX_BYTES);
    if (options->token.len)
        login.token = mem_strndup(options->token.data, options->token.len);
    else if (options->user.len)
        set_login(&login, options->user, options->password);
    else if (!options->no_docker_config)
        status = find_in_docker(options, registry, &arena, &login, err);
    arena_release(&arena);
    if (status == ST_OK)
        *ret_login = login;
    return status;
}
