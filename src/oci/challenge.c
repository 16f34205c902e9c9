#include "oci/challenge.h"
#include "base/buf.h"
#include "base/mem.h"

struct parser {
    struct str rest;
    struct error *err;
};

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static enum status malformed(struct parser *parser, const char *what)
{
    return fail(parser->err, ST_INVALID, "the registry's WWW-Authenticate header is malformed: %s", what);
}

static char peek(const struct parser *parser)
{
    return parser->rest.len ? parser->rest.data[0] : '\0';
}

static void skip_blanks(struct parser *parser)
{
    while (peek(parser) == ' ' || peek(parser) == '\t')
        parser->rest = str_from(parser->rest, 1);
}

static struct str take_token(struct parser *parser)
{
    size_t len = 0;
    while (len < parser->rest.len && is_token_char(parser->rest.data[len]))
        len++;
    struct str token = str_slice(parser->rest, 0, len);
    parser->rest = str_from(parser->rest, len);
    return token;
}

/* A quoted string, without its quotes and escapes, or a token. */
static enum status take_value(struct parser *parser, struct buf *value)
{
    if (peek(parser) != '"') {
        struct str token = take_token(parser);
        return token.len ? buf_append_str(value, token) : malformed(parser, "a parameter has no value");
    }
    for (size_t i = 1; i < parser->rest.len; i++) {
        char c = parser->rest.data[i];
        if (c == '"') {
            parser->rest = str_from(parser->rest, i + 1);
            return ST_OK;
        }
        if (c == '\\' && ++i < parser->rest.len)
            c = parser->rest.data[i];
        if ((unsigned char)c < ' ' && c != '\t')
            return malformed(parser, "a control character in a quoted string");
        TRY(buf_append_char(value, c));
    }
    return malformed(parser, "a quoted string does not end");
}

static enum status keep(struct parser *parser, const char *name, struct str value, char *place, size_t size)
{
    if (value.len >= size)
        return fail(parser->err, ST_LIMIT, "the registry's WWW-Authenticate header has a `%s` of %zu bytes", name, value.len);
    memcpy(place, value.data, value.len);
    place[value.len] = '\0';
    return ST_OK;
}

static enum status take_param(struct parser *parser, struct str name, struct oci_challenge *challenge)
{
    autobuf struct buf value = BUF_INIT(OCI_CHALLENGE_MAX);
    const struct {
        const char *name;
        char *place;
        size_t size;
    } known[] = {
        {"realm", challenge->realm, sizeof challenge->realm},
        {"service", challenge->service, sizeof challenge->service},
        {"error", challenge->error, sizeof challenge->error},
    };
    TRY(take_value(parser, &value));
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (!str_eq_nocase(name, str_of(known[i].name)))
            continue;
        if (known[i].place[0])
            return malformed(parser, "a parameter appears twice");
        return keep(parser, known[i].name, buf_str(&value), known[i].place, known[i].size);
    }
    return ST_OK;
}

/* Whether "name =" comes next, as opposed to the next challenge's scheme. */
static bool at_param(const struct parser *parser)
{
    struct parser ahead = *parser;
    if (take_token(&ahead).len == 0)
        return false;
    skip_blanks(&ahead);
    if (peek(&ahead) != '=')
        return false;
    ahead.rest = str_from(ahead.rest, 1); /* token68 ends in "=": no value follows */
    skip_blanks(&ahead);
    return peek(&ahead) == '"' || is_token_char(peek(&ahead));
}

static void skip_token68(struct parser *parser)
{
    while (is_token_char(peek(parser)) || peek(parser) == '/' || peek(parser) == '=')
        parser->rest = str_from(parser->rest, 1);
}

static enum status end_of_item(struct parser *parser)
{
    skip_blanks(parser);
    return parser->rest.len == 0 || peek(parser) == ',' ? ST_OK : malformed(parser, "a comma is missing");
}

static void skip_separators(struct parser *parser)
{
    while (peek(parser) == ',' || peek(parser) == ' ' || peek(parser) == '\t')
        parser->rest = str_from(parser->rest, 1);
}

/* scheme [ token68 | name=value, ... ], up to the next challenge. */
static enum status take_challenge(struct parser *parser, struct oci_challenge *ret_challenge)
{
    struct oci_challenge challenge = {0};
    struct str scheme = take_token(parser);
    if (scheme.len == 0)
        return malformed(parser, "a scheme is missing");
    if (parser->rest.len && peek(parser) != ' ' && peek(parser) != ',')
        return malformed(parser, "a scheme is followed by something else than a space");
    challenge.scheme = str_eq_nocase(scheme, STR("Bearer"))  ? OCI_SCHEME_BEARER
                       : str_eq_nocase(scheme, STR("Basic")) ? OCI_SCHEME_BASIC
                                                             : OCI_SCHEME_NONE;
    skip_blanks(parser);
    if (!at_param(parser) && peek(parser) != ',') {
        skip_token68(parser);
        TRY(end_of_item(parser));
    }
    for (skip_separators(parser); at_param(parser); skip_separators(parser)) {
        struct str name = take_token(parser);
        skip_blanks(parser);
        parser->rest = str_from(parser->rest, 1);
        skip_blanks(parser);
        TRY(take_param(parser, name, &challenge));
        TRY(end_of_item(parser));
    }
    *ret_challenge = challenge;
    return ST_OK;
}

enum status oci_challenge_parse(struct str header, struct oci_challenge *challenge, struct error *err)
{
    struct parser parser = {header, err};
    struct oci_challenge best = *challenge, offer;
    if (header.len > OCI_CHALLENGE_MAX)
        return fail(err, ST_LIMIT, "the registry's WWW-Authenticate header has %zu bytes", header.len);
    for (skip_separators(&parser); parser.rest.len; skip_separators(&parser)) {
        TRY(take_challenge(&parser, &offer));
        if (offer.scheme > best.scheme)
            best = offer;
    }
    *challenge = best;
    return ST_OK;
}
