/* The proxy of the environment, for messages: libcurl goes through it without saying so when it cannot be reached. After a client was
 * made; any thread. */
#pragma once

/* The variable that names the proxy by which a request to `url` went that failed as `why` says, in libcurl's words; NULL: none did. */
const char *web_proxy_variable(const char *url, const char *why);
