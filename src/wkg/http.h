/* Plain downloads: a registry's metadata, an archive. Not the registry protocol, which is the room oci.
 *
 * TLS always, but for hosts that are this machine by name (localhost, 127.0.0.1, ::1), which may be asked for over HTTP. Redirects
 * are followed over https only. No credentials are sent. Blocks; any thread. */
#pragma once

#include "base/buf.h"
#include "base/cancel.h"

#define WKG_URL_MAX 4096u

/* ret_body  appended to, at most its maximum
 * ret_code  of HTTP, whatever it is; an error's body is dropped
 * Fails, with the URL in the message only if it is at fault: ST_INVALID the URL, ST_DENIED a certificate that is not trusted, or no TLS, ST_UNAVAILABLE, ST_TIMEOUT, ST_LIMIT. */
enum status wkg_http_get(const char *url, struct cancel cancel, struct buf *ret_body, long *ret_code, struct error *err) CHECKED;

/* The host of the authority ("host:port") is this machine by name. */
bool wkg_http_is_local(struct str authority);
