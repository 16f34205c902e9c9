/* Whom to be to a registry: the login that was given, else the one `docker login` left, else nobody.
 *
 * A credential helper is a program of the user's choice: it is run without a shell, with a time-out, and what it prints is bounded.
 * Any thread; blocks. */
#pragma once

#include "base/cancel.h"
#include "base/error.h"
#include "base/str.h"

struct oci_login {
    char *user, *password; /* NULL: nobody, both or neither */
    char *token;           /* or NULL; a bearer token that somebody got already, instead of both */
};

#define OCI_HELPER_TIMEOUT_MS 30000

struct oci_credentials_options {
    struct str user, password;  /* given explicitly; used for every registry if `user` is not empty */
    struct str token;           /* the same, and goes before them */
    const char *docker_config;  /* folder of config.json; NULL: DOCKER_CONFIG, else ~/.docker */
    bool no_docker_config;      /* do not look there at all */
    bool helper_on_terminal;    /* it may ask the user there, and then has no time-out of its own; see io/run.h */
    uint64_t helper_timeout_ms; /* 0: OCI_HELPER_TIMEOUT_MS */
    struct cancel cancel;
};

/* registry: as oci_reference.registry. Fails: ST_INVALID a malformed configuration, ST_UNSUPPORTED an identity token,
 * ST_NOT_FOUND a helper that is not installed, ST_TIMEOUT, ST_CANCELLED, ST_IO. No login at all is ST_OK with NULLs. */
enum status oci_credentials_find(const struct oci_credentials_options *options, struct str registry, struct oci_login *ret_login,
                                 struct error *err) CHECKED;
void oci_secret_free(char *secret);              /* wipes it first; NULL is none */
void oci_login_release(struct oci_login *login); /* wipes the secrets */
