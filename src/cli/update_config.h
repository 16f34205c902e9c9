/* What this wash was built to update itself from; the build's options update_repository, update_api_url, update_key. */
#pragma once

struct cli_update_config {
    const char *repository; /* "owner/name", or empty: nothing is looked for unless asked for with --git */
    const char *api_url;
    const char *key;   /* base64 of an Ed25519 public key, or empty: this build cannot update itself */
    const char *asset; /* name of the file of a release that is for this machine */
};

extern const struct cli_update_config cli_update_config;
