/* The logins that `docker login` and its kin keep: `config.json` in DOCKER_CONFIG or ~/.docker.
 *
 * The file may hold a login itself ("auths") or name a program that keeps them ("credHelpers" for one registry, "credsStore" for
 * all). This reads it; running the program is credentials.h's. Keys of "auths" are written in several ways: with a scheme, with a
 * path, Docker Hub's under `https://index.docker.io/v1/`. Any thread. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#define OCI_DOCKER_CONFIG_MAX_BYTES (1u << 20)
#define OCI_DOCKER_SERVER_HUB "https://index.docker.io/v1/"

struct oci_docker_login {
    bool found, is_identity_token; /* a login in the file; of the second kind, which has no password */
    struct str user, password;
    struct str helper; /* to be asked before the login is used: docker-credential-<helper>; empty: none */
    struct str server; /* what to ask it for */
};

/* registry   as oci_reference.registry
 * ret_login  in the arena
 * Fails: ST_INVALID not JSON, or what the file has for this registry is malformed, a helper's name included. */
enum status oci_docker_config_find(struct str json, struct str registry, struct arena *arena, struct oci_docker_login *ret_login,
                                   struct error *err) CHECKED;

/* [A-Za-z0-9._-]+, and no more than a file name holds: it becomes part of a program's name. */
bool oci_docker_helper_valid(struct str name);
