/* What a registry answers to a request without credentials: the WWW-Authenticate header.
 *
 * A registry offers Basic, or Bearer with the address of a service that gives tokens; other schemes are skipped. The header comes
 * from a peer: text that does not follow the grammar is refused as a whole. Source: RFC 9110 section 11.6.1; distribution's token
 * authentication specification. Any thread. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#define OCI_CHALLENGE_MAX 8192

enum oci_scheme { OCI_SCHEME_NONE, OCI_SCHEME_BASIC, OCI_SCHEME_BEARER }; /* a later one is taken if both are offered */

struct oci_challenge {
    enum oci_scheme scheme;
    char realm[1024]; /* for Bearer: a URL */
    char service[512];
    char error[128]; /* "insufficient_scope", or empty */
};

/* Takes one header's value; a better offer than the one already in *challenge replaces it, so several headers go through one after
 * the other, beginning with a zeroed challenge. Fails: ST_INVALID, ST_LIMIT; *challenge is unchanged then. */
enum status oci_challenge_parse(struct str header, struct oci_challenge *challenge, struct error *err) CHECKED;
