/* One file over HTTPS, for updates: https only, also after a redirect; a token goes to the origin that was asked and no other. What
 * comes is bounded and goes to a sink. See web/client.h. */
#pragma once

#include "base/buf.h"
#include "base/cancel.h"

struct cli_download {
    struct str url;
    const char *accept; /* the media type wanted */
    struct str token;   /* bearer; data NULL: none */
    uint64_t max_bytes;
    uint64_t timeout_ms; /* for all of it; 0: as long as something comes */
    struct cancel cancel;
    enum status (*sink)(void *env, struct str piece, struct error *err);
    void *sink_env;
};

/* ST_NOT_FOUND, ST_DENIED by the server's answer; ST_LIMIT past max_bytes; ST_UNAVAILABLE and its kin for the network and TLS;
 * ST_TIMEOUT; ST_CANCELLED; else what the sink failed with. Blocks. */
enum status cli_download(const struct cli_download *download, struct error *err) CHECKED;

/* A sink that is a struct buf. */
enum status cli_download_to_buf(void *buf, struct str piece, struct error *err) CHECKED;
