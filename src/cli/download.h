/* One file over HTTPS, for updates: TLS verified (against the system's authorities, or SSL_CERT_FILE and SSL_CERT_DIR), https only,
 * also after a redirect; a token goes to the host that was asked and no other. What comes is bounded and goes to a sink. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "cli/terminal.h"

struct cli_download {
    struct str url;
    const char *accept; /* the media type wanted */
    struct str token;   /* bearer; data NULL: none */
    uint64_t max_bytes;
    uint64_t timeout_ms;           /* for all of it; 0: as long as something comes */
    struct cli_progress *progress; /* started by the caller, told how far it is; NULL: none */
    enum status (*sink)(void *env, const void *data, size_t len, struct error *err);
    void *sink_env;
};

/* ST_NOT_FOUND, ST_DENIED by the server's answer; ST_LIMIT past max_bytes; ST_UNAVAILABLE for the network and TLS; ST_TIMEOUT;
 * ST_CANCELLED when interrupted (cli/interrupts.h; interrupts must be held); else what the sink failed with. Blocks. */
enum status cli_download(const struct cli_download *download, struct error *err) CHECKED;

/* A sink that is a struct buf. */
enum status cli_download_to_buf(void *buf, const void *data, size_t len, struct error *err) CHECKED;
