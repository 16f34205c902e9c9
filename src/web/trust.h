/* Certificate authorities that are trusted besides the system's, for registries behind a private one.
 *
 * Trust is a property of the process, not of one pull: the set is installed once, before the first connection, and stays. Naming
 * the same files again, in any order, is fine and does not read them anew (a bundle may be rotated in between); other files are an
 * error, since whoever asks for them would not get them. Any thread. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#define WEB_TRUST_MAX_PATHS 64
#define WEB_TRUST_MAX_BYTES (4u << 20) /* of one file */

/* paths: PEM files with at least one certificate each; none is ST_OK and changes nothing.
 * Fails: ST_EXISTS another set is installed, ST_INVALID no usable certificate, ST_NOT_FOUND and its kin, ST_LIMIT. */
enum status web_trust_set(const struct str *paths, size_t count, struct error *err) CHECKED;

/* Adds them to what a TLS context trusts. False: OpenSSL refused. */
struct x509_store_st;
bool web_trust_apply(struct x509_store_st *store);
