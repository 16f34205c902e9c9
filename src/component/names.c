#include "component/names.h"

#include "component/limits.h"

static enum status check_label(struct str name, struct str label, struct error *err)
{
    const char *fault = wit_label_fault(label);
    if (!fault)
        return ST_OK;
    return fail(err, ST_INVALID, "name `%.*s` is not a valid extern name: `%.*s` is not in kebab case: %s", STR_ARG(name),
                STR_ARG(label), fault);
}

/* Namespaces and packages: a label without acronyms. */
static enum status check_words(struct str name, struct str words, struct error *err)
{
    TRY(check_label(name, words, err));
    for (size_t i = 0; i < words.len; i++)
        if (words.data[i] >= 'A' && words.data[i] <= 'Z')
            return fail(err, ST_INVALID, "name `%.*s` is not a valid extern name: `%.*s` is not in lower case", STR_ARG(name),
                        STR_ARG(words));
    return ST_OK;
}

static enum status nested_unsupported(struct str name, struct error *err)
{
    return fail(err, ST_UNSUPPORTED, "name `%.*s`: nested namespaces and packages are not enabled in the Component Model",
                STR_ARG(name));
}

static enum status parse_projection(struct str projection, struct cm_name *name, struct error *err)
{
    size_t at = str_find_char(projection, '@');
    name->label = at == STR_NONE ? projection : str_slice(projection, 0, at);
    if (str_find_char(name->label, '/') != STR_NONE)
        return nested_unsupported(name->text, err);
    TRY(check_label(name->text, name->label, err));
    if (at == STR_NONE)
        return ST_OK;
    if (wit_version_parse(str_from(projection, at + 1), &name->version, err) != ST_OK)
        return fail_wrap(err, "name `%.*s` is not a valid extern name", STR_ARG(name->text));
    return ST_OK;
}

static enum status parse_interface(size_t colon, struct cm_name *name, struct error *err)
{
    name->kind = CM_NAME_INTERFACE;
    name->namespace_ = str_slice(name->text, 0, colon);
    struct str rest = str_from(name->text, colon + 1);
    size_t slash = str_find_char(rest, '/');
    name->package = slash == STR_NONE ? rest : str_slice(rest, 0, slash);
    if (str_find_char(name->package, ':') != STR_NONE)
        return nested_unsupported(name->text, err);
    TRY(check_words(name->text, name->namespace_, err));
    if (slash == STR_NONE)
        return fail(err, ST_INVALID, "name `%.*s` is not a valid extern name: expected `/` after package name",
                    STR_ARG(name->text));
    TRY(check_words(name->text, name->package, err));
    return parse_projection(str_from(rest, slash + 1), name, err);
}

/* What follows [method] or [static]: resource.label */
static enum status parse_member(struct str member, struct cm_name *name, struct error *err)
{
    size_t dot = str_find_char(member, '.');
    if (dot == STR_NONE)
        return fail(err, ST_INVALID, "name `%.*s` is not a valid extern name: failed to find `.` character", STR_ARG(name->text));
    name->resource = str_slice(member, 0, dot);
    name->label = str_from(member, dot + 1);
    TRY(check_label(name->text, name->resource, err));
    return check_label(name->text, name->label, err);
}

enum status cm_name_parse(struct str text, struct cm_name *ret_name, struct error *err)
{
    struct cm_name name = {.kind = CM_NAME_LABEL, .text = text};
    struct str rest = text;
    size_t colon = str_find_char(text, ':');
    if (colon != STR_NONE) {
        TRY(parse_interface(colon, &name, err));
    } else if (str_skip(&rest, STR("[constructor]"))) {
        name.kind = CM_NAME_CONSTRUCTOR;
        name.resource = rest;
        TRY(check_label(text, rest, err));
    } else if (str_skip(&rest, STR("[method]"))) {
        name.kind = CM_NAME_METHOD;
        TRY(parse_member(rest, &name, err));
    } else if (str_skip(&rest, STR("[static]"))) {
        name.kind = CM_NAME_STATIC;
        TRY(parse_member(rest, &name, err));
    } else {
        name.label = rest;
        TRY(check_label(text, rest, err));
    }
    *ret_name = name;
    return ST_OK;
}

struct str cm_version_track(struct str text)
{
    struct wit_version version;
    if (wit_version_parse(text, &version, NULL) != ST_OK || version.pre.len)
        return STR_NULL;
    size_t first_dot = str_find_char(text, '.');
    if (version.major > 0)
        return str_slice(text, 0, first_dot);
    if (version.minor > 0)
        return str_slice(text, 0, first_dot + 1 + str_find_char(str_from(text, first_dot + 1), '.'));
    return STR_NULL;
}

bool cm_name_compatible(const struct cm_name *wanted, const struct cm_name *offered)
{
    if (str_eq(wanted->text, offered->text))
        return true;
    if (wanted->kind != CM_NAME_INTERFACE || offered->kind != CM_NAME_INTERFACE)
        return false;
    struct str track = cm_version_track(wanted->version.text);
    return track.len && str_eq(track, cm_version_track(offered->version.text)) && str_eq(wanted->namespace_, offered->namespace_) &&
           str_eq(wanted->package, offered->package) && str_eq(wanted->label, offered->label);
}

static size_t lower(struct str text, char *ret)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        ret[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return text.len;
}

size_t cm_name_conflict_key(const struct cm_name *name, char *ret_key)
{
    struct str text = name->text;
    if (name->kind == CM_NAME_METHOD || name->kind == CM_NAME_STATIC) {
        if (str_eq_nocase(name->resource, name->label))
            return lower(name->label, ret_key);
        text = str_from(text, (size_t)(name->resource.data - text.data));
    }
    /* The case of a version's identifiers is significant. */
    size_t folded = text.len - name->version.text.len;
    lower(str_slice(text, 0, folded), ret_key);
    if (folded < text.len)
        memcpy(ret_key + folded, text.data + folded, text.len - folded);
    return text.len;
}
