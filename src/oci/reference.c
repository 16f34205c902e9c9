#include "oci/reference.h"
#include "base/buf.h"
#include "base/mem.h"
#include "oci/digest.h"
#include <arpa/inet.h>

#define DEFAULT_REGISTRY "docker.io"
#define LIBRARY "library/"
#define HOST_MAX 253

/* --- the registry ------------------------------------------------------------------------------------------------------------ */

static bool label_valid(struct str label)
{
    if (label.len == 0 || label.data[0] == '-' || label.data[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++)
        if (!char_is_lower(label.data[i]) && !char_is_upper(label.data[i]) && !char_is_digit(label.data[i]) && label.data[i] != '-')
            return false;
    return true;
}

static bool host_name_valid(struct str host)
{
    struct str label;
    if (host.len == 0 || host.len > HOST_MAX)
        return false;
    while (str_next_part(&host, '.', &label))
        if (!label_valid(label))
            return false;
    return true;
}

static bool host_valid(struct str host)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr parsed;
    if (host.len < 2 || host.data[0] != '[')
        return host_name_valid(host);
    if (host.data[host.len - 1] != ']' || host.len - 2 >= sizeof address)
        return false;
    if (str_find_char(host, '\0') != STR_NONE)
        return false;
    memcpy(address, host.data + 1, host.len - 2);
    address[host.len - 2] = '\0';
    return inet_pton(AF_INET6, address, &parsed) == 1;
}

bool oci_registry_valid(struct str registry)
{
    uint64_t port;
    size_t bracket = str_find_char(registry, ']'), colon = str_find_last_char(registry, ':');
    if (colon == STR_NONE || (bracket != STR_NONE && colon < bracket))
        return host_valid(registry);
    return host_valid(str_slice(registry, 0, colon)) && str_parse_u64(str_from(registry, colon + 1), 65535, &port) && port > 0 &&
           registry.data[colon + 1] != '0';
}

static bool looks_like_registry(struct str part)
{
    for (size_t i = 0; i < part.len; i++)
        if (part.data[i] == '.' || part.data[i] == ':')
            return true;
    return str_is(part, "localhost");
}

/* --- repository and tag ------------------------------------------------------------------------------------------------------ */

/* Letters and digits, joined by one dot, one or two underscores, or any number of dashes. */
static bool path_part_valid(struct str part)
{
    size_t at = 0;
    while (at < part.len) {
        size_t start = at;
        while (at < part.len && (char_is_lower(part.data[at]) || char_is_digit(part.data[at])))
            at++;
        if (at == start)
            return false;
        if (at == part.len)
            return true;
        char joint = part.data[at];
        size_t joint_start = at;
        while (at < part.len && part.data[at] == joint)
            at++;
        size_t most = joint == '.' ? 1 : joint == '_' ? 2 : joint == '-' ? SIZE_MAX : 0;
        if (at - joint_start > most)
            return false;
    }
    return false;
}

bool oci_repository_valid(struct str repository)
{
    struct str part;
    if (repository.len == 0 || repository.len > OCI_REPOSITORY_MAX)
        return false;
    while (str_next_part(&repository, '/', &part))
        if (!path_part_valid(part))
            return false;
    return true;
}

static bool tag_valid(struct str tag)
{
    if (tag.len == 0 || tag.len > OCI_TAG_MAX || tag.data[0] == '.' || tag.data[0] == '-')
        return false;
    for (size_t i = 0; i < tag.len; i++) {
        char c = tag.data[i];
        if (!char_is_lower(c) && !char_is_upper(c) && !char_is_digit(c) && c != '_' && c != '.' && c != '-')
            return false;
    }
    return true;
}

/* --- the whole --------------------------------------------------------------------------------------------------------------- */

static bool goes_under_library(struct str registry, struct str repository)
{
    return str_is(registry, DEFAULT_REGISTRY) && str_find_char(repository, '/') == STR_NONE;
}

static void build(struct str registry, struct str repository, struct str tag, struct str digest,
                  struct oci_reference *ret_reference)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    buf_add(&text, registry);
    for (size_t i = 0; i < text.len; i++)
        if (char_is_upper(text.data[i]))
            text.data[i] = (char)(text.data[i] - 'A' + 'a');
    buf_addf(&text, "/%s%.*s", goes_under_library(registry, repository) ? LIBRARY : "", STR_ARG(repository));
    size_t name_len = text.len;
    if (tag.len)
        buf_addf(&text, ":%.*s", STR_ARG(tag));
    if (digest.len)
        buf_addf(&text, "@%.*s", STR_ARG(digest));
    struct oci_reference reference = {.registry.len = registry.len, .tag.len = tag.len, .digest.len = digest.len};
    reference.text = buf_take(&text);
    reference.registry.data = reference.text;
    reference.repository = str_n(reference.text + registry.len + 1, name_len - registry.len - 1);
    reference.tag.data = reference.text + name_len + (tag.len ? 1 : 0);
    reference.digest.data = reference.tag.data + tag.len + (digest.len ? 1 : 0);
    *ret_reference = reference;
}

static enum status bad(struct error *err, struct str text, const char *why)
{
    autobuf struct buf shown = BUF_INIT(BUF_UNLIMITED);
    buf_add(&shown, STR(""));
    if (buf_append_escaped(&shown, str_slice(text, 0, 200)) != ST_OK)
        bug("escape");
    return fail(err, ST_INVALID, "`%s%s` is not an OCI reference: %s", shown.data, text.len > 200 ? "..." : "", why);
}

enum status oci_reference_parse(struct str text, struct oci_reference *ret_reference, struct error *err)
{
    struct str rest = text, registry = STR(DEFAULT_REGISTRY), tag = STR(""), digest = STR("");
    struct oci_digest parsed;
    if (text.len == 0)
        return bad(err, text, "it is empty");
    if (text.len > OCI_REFERENCE_MAX)
        return bad(err, text, "it is too long");
    if (str_find(text, STR("://")) != STR_NONE)
        return bad(err, text, "leave out the scheme; write registry/name:tag");
    size_t at = str_find_char(rest, '@');
    if (at != STR_NONE) {
        digest = str_from(rest, at + 1);
        rest = str_slice(rest, 0, at);
        if (!oci_digest_parse(digest, &parsed))
            return bad(err, text, "after @ comes " OCI_DIGEST_SHAPE);
    }
    size_t slash = str_find_char(rest, '/');
    if (slash != STR_NONE && looks_like_registry(str_slice(rest, 0, slash))) {
        registry = str_slice(rest, 0, slash);
        rest = str_from(rest, slash + 1);
        if (!oci_registry_valid(registry))
            return bad(err, text, "the registry is not a host name with an optional port");
        if (str_eq_nocase(registry, STR("index.docker.io")) || str_eq_nocase(registry, STR(DEFAULT_REGISTRY)))
            registry = STR(DEFAULT_REGISTRY);
    }
    size_t colon = str_find_char(rest, ':');
    if (colon != STR_NONE) {
        tag = str_from(rest, colon + 1);
        rest = str_slice(rest, 0, colon);
        if (!tag_valid(tag))
            return bad(err, text, "a tag has at most 128 letters, digits, `_`, `.` and `-`, and does not begin with `.` or `-`");
    }
    bool fits = !goes_under_library(registry, rest) || rest.len + sizeof LIBRARY - 1 <= OCI_REPOSITORY_MAX;
    if (!oci_repository_valid(rest) || !fits)
        return bad(err, text, "a name has lower-case letters and digits, joined by `.`, `_`, `-` or `/`, at most 255 in all");
    build(registry, rest, tag.len || digest.len ? tag : STR("latest"), digest, ret_reference);
    return ST_OK;
}

void oci_reference_release(struct oci_reference *reference)
{
    free(reference->text);
    *reference = (struct oci_reference){0};
}

void oci_reference_with_digest(const struct oci_reference *reference, struct str digest, struct oci_reference *ret_reference)
{
    build(reference->registry, reference->repository, STR(""), digest, ret_reference);
}

struct str oci_reference_host(const struct oci_reference *reference)
{
    return str_is(reference->registry, DEFAULT_REGISTRY) ? STR("registry-1.docker.io") : reference->registry;
}
