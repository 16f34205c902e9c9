/* What commands that name an OCI reference share: the options that say how to reach the registry, the client made of them, the
 * cache, and what a component says of itself. */
#pragma once

#include "cli/cli.h"
#include "cli/interrupts.h"
#include "oci/pull.h"
#include "web/trust.h"

struct cli_registry {
    bool insecure, password_stdin;
    struct str user, password;
    struct cli_texts ca_paths;
};

/* Rows for a command's table of options; `member` is the struct cli_registry in its options. */
#define CLI_REGISTRY_OPTIONS(type, member)                                                                                         \
    {.name = "insecure", .kind = CLI_FLAG, .offset = offsetof(type, member.insecure), .help = "Talk plain HTTP to the registry"},  \
        {.name = "user",                                                                                                           \
         .letter = 'u',                                                                                                            \
         .kind = CLI_TEXT,                                                                                                         \
         .offset = offsetof(type, member.user),                                                                                    \
         .value_name = "NAME",                                                                                                     \
         .help = "Log in as NAME, instead of as `docker login` says"},                                                             \
        {.name = "password",                                                                                                       \
         .letter = 'p',                                                                                                            \
         .kind = CLI_TEXT,                                                                                                         \
         .offset = offsetof(type, member.password),                                                                                \
         .value_name = "PASSWORD",                                                                                                 \
         .help = "Password for --user; others see it in the list of processes: --password-stdin is safer"},                        \
        {.name = "password-stdin",                                                                                                 \
         .kind = CLI_FLAG,                                                                                                         \
         .offset = offsetof(type, member.password_stdin),                                                                          \
         .help = "Read the password for --user from stdin; without either it is asked for"},                                       \
    {                                                                                                                              \
        .name = "ca-path", .kind = CLI_TEXTS, .offset = offsetof(type, member.ca_paths), .value_name = "FILE",                     \
        .env = "WASH_OCI_CA_PATHS", .complete = CLI_COMPLETE_FILES,                                                                \
        .help = "Trust these CA certificates (PEM) too; a comma separates several"                                                 \
    }
#define CLI_REGISTRY_OPTION_COUNT 5

/* The rules between them, for a command's check. */
enum status cli_registry_check(const struct cli_registry *registry, const struct cli_globals *globals, struct error *err) CHECKED;

/* The CA bundles of the options or of WASH_OCI_CA_PATHS, for the process. Fails: ST_INVALID one is none. */
enum status cli_registry_trust(const struct cli_context *context, const struct cli_registry *registry, struct error *err) CHECKED;

/* A client made of the options, and a progress line for what it does. Interrupts are held from when it is opened until it is closed:
 * what it does ends with ST_CANCELLED when one arrives, and takes back what it had begun. */
struct cli_registry_client {
    struct oci_client *client;
    struct cli_interrupts interrupts;
    struct cli_progress progress;
};

/* what: "pulling". Reads the password, or asks for it, if --user came without. Fails: ST_INVALID a CA bundle is not one. On success cli_registry_close is due. */
enum status cli_registry_open(const struct cli_context *context, const struct cli_registry *registry, const char *what,
                              struct cli_registry_client *ret_client, struct error *err) CHECKED;
void cli_registry_close(struct cli_registry_client *client); /* harmless on a zeroed one */

/* Pulls with the user's cache, or without it if it cannot be used, and reads the artifact.
 * ret_bytes  empty; at most CM_LIMIT_BINARY_BYTES. Fails: ST_INVALID it is not a component. */
enum status cli_registry_pull(const struct cli_context *context, const struct cli_registry *registry, struct str reference,
                              struct oci_pulled *ret_pulled, struct buf *ret_bytes, struct error *err) CHECKED;
