#include "oci/docker_config.h"
#include "base/mem.h"
#include <jansson.h>
#include <openssl/evp.h>

#define LOGIN_MAX 16384

bool oci_docker_helper_valid(struct str name)
{
    if (name.len == 0 || name.len > 128)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'))
            return false;
    }
    return true;
}

/* "https://index.docker.io/v1/" to "docker.io". */
static struct str registry_of_key(struct str key)
{
    if (!str_skip(&key, STR("https://")))
        (void)str_skip(&key, STR("http://"));
    key = str_slice(key, 0, MIN(str_find_char(key, '/'), key.len));
    return str_is(key, "index.docker.io") || str_is(key, "registry-1.docker.io") ? STR("docker.io") : key;
}

/* The registry's own key first, then whatever means it. */
static json_t *find_entry(json_t *table, struct str registry)
{
    const char *key;
    json_t *value, *match = json_object_getn(table, registry.data, registry.len);
    if (match)
        return match;
    json_object_foreach(table, key, value) if (str_eq_nocase(registry_of_key(str_of(key)), registry)) return value;
    return NULL;
}

static struct str text_of(json_t *value)
{
    return json_is_string(value) ? str_n(json_string_value(value), json_string_length(value)) : STR("");
}

static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
            return false;
    return text.len > 0;
}

/* base64("user:password") */
static enum status decode_auth(struct str auth, struct arena *arena, struct oci_docker_login *login, struct error *err)
{
    unsigned char decoded[LOGIN_MAX];
    int len = 0, tail = 0;
    EVP_ENCODE_CTX *context = EVP_ENCODE_CTX_new();
    if (!context)
        return fail(err, ST_LIMIT, "out of memory");
    EVP_DecodeInit(context);
    bool valid = auth.len <= sizeof decoded &&
                 EVP_DecodeUpdate(context, decoded, &len, (const unsigned char *)auth.data, (int)auth.len) >= 0 &&
                 EVP_DecodeFinal(context, decoded + len, &tail) == 1;
    EVP_ENCODE_CTX_free(context);
    struct str text = str_n((const char *)decoded, valid ? (size_t)(len + tail) : 0);
    while (text.len && text.data[text.len - 1] == '\0') /* some writers pad */
        text.len--;
    size_t colon = str_find_char(text, ':');
    if (colon == STR_NONE || !is_plain(str_slice(text, 0, colon)))
        return fail(err, ST_INVALID, "its `auth` is not base64 of user:password");
    login->user = arena_str(arena, str_slice(text, 0, colon));
    login->password = arena_str(arena, str_from(text, colon + 1));
    return ST_OK;
}

static enum status read_login(json_t *entry, struct arena *arena, struct oci_docker_login *login, struct error *err)
{
    struct str auth = text_of(json_object_get(entry, "auth")), token = text_of(json_object_get(entry, "identitytoken"));
    struct str user = text_of(json_object_get(entry, "username")), password = text_of(json_object_get(entry, "password"));
    if (!json_is_object(entry))
        return fail(err, ST_INVALID, "it is not an object");
    login->is_identity_token = token.len > 0;
    login->found = token.len || auth.len || user.len;
    if (auth.len && !token.len)
        return decode_auth(auth, arena, login, err);
    if (user.len && !is_plain(user))
        return fail(err, ST_INVALID, "its `username` has control characters");
    login->user = arena_str(arena, user);
    login->password = arena_str(arena, password);
    return ST_OK;
}

static enum status find(json_t *config, struct str registry, struct arena *arena, struct oci_docker_login *ret_login,
                        struct error *err)
{
    struct oci_docker_login login = {0};
    json_t *helper = find_entry(json_object_get(config, "credHelpers"), registry);
    json_t *entry = find_entry(json_object_get(config, "auths"), registry);
    if (!json_is_object(config))
        return fail(err, ST_INVALID, "it is not a JSON object");
    struct str name = text_of(helper ? helper : json_object_get(config, "credsStore"));
    if (name.len && !oci_docker_helper_valid(name))
        return fail(err, ST_INVALID, "a credential helper's name has only letters, digits, `.`, `_` and `-`");
    if (entry && read_login(entry, arena, &login, err) != ST_OK)
        return fail_wrap(err, "the login for %.*s", STR_ARG(registry));
    login.helper = arena_str(arena, name);
    login.server = str_is(registry, "docker.io") ? STR(OCI_DOCKER_SERVER_HUB) : arena_str(arena, registry);
    *ret_login = login;
    return ST_OK;
}

enum status oci_docker_config_find(struct str json, struct str registry, struct arena *arena, struct oci_docker_login *ret_login,
                                   struct error *err)
{
    json_error_t problem;
    if (json.len > OCI_DOCKER_CONFIG_MAX_BYTES)
        return fail(err, ST_LIMIT, "it has more than %u bytes", OCI_DOCKER_CONFIG_MAX_BYTES);
    json_t *config = json_loadb(json.data, json.len, 0, &problem);
    if (!config)
        return fail(err, ST_INVALID, "line %d: %s", problem.line, problem.text);
    enum status status = find(config, registry, arena, ret_login, err);
    json_decref(config);
    return status;
}
