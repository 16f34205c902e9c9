/* Addresses as servers give them: where a redirect leads, where an upload goes on. After a client was made; any thread. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#define WEB_URL_MAX 8192u

/* `location` as seen from `base` (NULL: it is absolute): https, or http where that is allowed, with no user in it, its fragment
 * dropped. The caller frees. Fails: ST_INVALID, ST_DENIED not https. */
enum status web_url_resolve(const char *base, const char *location, bool plain_http, char **ret_url, struct error *err) CHECKED;

bool web_url_same_origin(const char *a, const char *b); /* scheme, host and port */

/* With "name=value" appended to its query, value encoded. The caller frees. */
enum status web_url_with(const char *url, const char *name, struct str value, char **ret_url, struct error *err) CHECKED;

/* The beginning of `text`, what could drive a terminal escaped. The caller frees. */
char *web_shown(struct str text, size_t max);
