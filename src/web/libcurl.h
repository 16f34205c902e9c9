/* Inside the room: libcurl, loaded when a client is first made. It brings more than thirty libraries along, and most commands ask
 * nobody anything. Of its functions those in libcurl.c can be called. */
#pragma once

#include "base/error.h"
#include <curl/curl.h>
#include <openssl/ssl.h>

/* Loads it and sets it up, once in the process. Fails: ST_UNSUPPORTED it is not installed, or too old; ST_INTERNAL. Any thread. */
enum status web_libcurl_load(struct error *err) CHECKED;

/* curl_url_get, whose first argument is const in some versions of the header and in others not. */
CURLUcode web_libcurl_url_get(CURLU *url, CURLUPart part, char **ret_text, unsigned flags);

/* The certificates that a TLS context of libcurl's trusts: SSL_CTX_get_cert_store of its OpenSSL, which we do not link either. */
X509_STORE *web_libcurl_authorities(const SSL_CTX *context);
