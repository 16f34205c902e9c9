/* wash's configuration as a C struct: the user's own, a project's `.wash/config.yaml` over it, the environment over both.
 * The rows (keys.c) hold every documented key; those that nothing acts on yet are marked `later` and named in one warning. Names
 * are as documented: sections of `dev` in snake_case, what mirrors a workload's manifest in camelCase. */
#pragma once

#include "config/read.h"
#include "config/schema.h"

struct config_build {
    struct str command;
    struct config_map env;
    struct str component_path; /* relative to the project; default <project folder>.wasm */
};

struct config_new {
    struct str command; /* run in a new project, after a question */
};

struct config_volume {
    struct str host_path; /* relative to the project */
    struct str guest_path;
};

/* Bounds on what one request may use; 0 means unlimited only where its row says so. */
struct config_limits {
    uint64_t call_timeout_secs;
    uint64_t memory_mib; /* of each linear memory of an instance */
    uint64_t stack_kib;  /* of WebAssembly frames */
    uint64_t table_elements;
    uint64_t calls_in_flight; /* per shard */
    uint64_t shards;          /* 0: by CPU affinity and quota */
    uint64_t drain_secs;
    uint64_t connections; /* open connections per shard */
};

/* Where variables come from: inline values, then named `configs`, then named `secrets`; the last one wins. */
struct config_environment {
    struct config_map config;
    struct config_strs config_from, secret_from;
};

/* What a component may reach; NULL items: not said. */
struct config_egress {
    struct config_strs allowed_hosts, allowed_ip_name_lookups, allowed_host_loopback_ports;
};

struct config_component {
    struct str name, file, image, pull_policy; /* exactly one of file and image */
    struct config_environment environment;
    struct config_map config;
    struct config_egress egress;
    uint64_t pool_size, max_invocations, max_concurrency;
};

struct config_port {
    struct str name, protocol;
    uint64_t port, publish; /* 0: not published */
    struct str bind;        /* host plugins only */
};

struct config_host_plugin {
    struct str id, file, image, pull_policy, expected_digest;
    uint64_t max_restarts;
    struct config_environment environment;
    struct config_egress egress;
    struct config_objects ports; /* struct config_port */
};

struct config_interface {
    struct str name, namespace, package, version;
    struct config_strs interfaces;
    struct config_map config;
};

struct config_dev {
    struct str command; /* instead of build.command */
    struct str component_path;
    struct str address;
    bool service;
    struct str service_file, service_image, service_pull_policy;
    struct config_objects service_ports;   /* struct config_port */
    struct config_objects components;      /* struct config_component */
    struct config_objects host_plugins;    /* struct config_host_plugin */
    struct config_objects volumes;         /* struct config_volume */
    struct config_objects host_interfaces; /* struct config_interface */
    struct config_map environment;
    bool allow_insecure_registries;
    struct str tls_cert_path, tls_key_path, tls_ca_path;
    struct config_strs http_client_ca_paths;
    struct str http_client_trust_roots;
    uint64_t max_connections, max_outbound_http, max_outbound_sockets, max_inbound_sockets;
    struct str http_connection_wait;
    bool wasi_webgpu, wasi_otel;
    struct str data_nats_url, keyvalue_path, keyvalue_redis_url, keyvalue_nats_url, blobstore_path, postgres_url;
    struct str otel_host_endpoint, otel_workload_endpoint;
    struct config_strs wasm_proposals;
};

struct config_workload {
    struct config_environment environment;
    struct config_map config;
    struct config_egress egress;
};

struct config_source { /* of `configs` and `secrets` */
    struct config_map inline_values;
    struct str file, dir;
    struct config_strs from_env;
};

struct config_host {
    struct config_objects host_plugins; /* struct config_host_plugin */
};

struct config_wit_registry {
    struct str url, username, token; /* config_expand() them before use */
};

struct config_wit {
    struct config_objects registries; /* struct config_wit_registry */
    bool skip_fetch;
    struct str wit_dir; /* relative to the project */
    struct config_map sources;
};

struct wash_config {
    struct str version;
    struct config_build build;
    struct config_new new_project;
    struct config_dev dev;
    struct config_workload workload;
    struct config_object_map configs, secrets; /* struct config_source */
    struct config_host host;
    struct config_wit wit;
    struct config_limits limits;
};

extern const struct config_schema wash_config_schema;
extern const char *const config_file_names[]; /* in a `.wash` folder or the user's; NULL-ended, the first that is there counts */

/* A project: where it is, and its configuration. All memory is in the arena. */
struct config_project {
    struct str root;        /* absolute */
    struct str config_path; /* absolute; data NULL when there is no file */
    struct str user_path;   /* of the user's configuration; data NULL when there is none */
    struct wash_config config;
    struct str *later_keys;
    size_t later_count;
    struct str *warnings; /* what is no mistake, but hardly meant: sentences */
    size_t warning_count;
};

struct config_request {
    struct str start;             /* absolute: where to look for a project */
    bool named;                   /* the user gave `start` with -C, and trusts the project if it is there, rather than further up */
    struct str user_folder;       /* ~/.config/wash; data NULL: no user's configuration */
    struct str user_file;         /* --user-config: instead, and it must be there; /dev/null: none */
    struct config_report *report; /* to collect mistakes; NULL: they fail, with the first one as the message */
    const char *const *variables; /* others of wash's than the configuration's, which are no slips of those; NULL-ended, or NULL */
};

/* Finds the project that `start` lies in: the nearest folder with a `.wash/config.{yaml,yml,json,toml}`, else `start` itself, and
 * loads its configuration: defaults, the user's file, the project's file, WASH_ variables; then checks the whole. */
enum status config_load(const struct config_request *request, struct arena *arena, struct config_project *ret_project,
                        struct error *err) CHECKED;

/* The same for a project by itself, whoever the user is. */
enum status config_load_project(struct str start, bool named, struct arena *arena, struct config_project *ret_project,
                                struct error *err) CHECKED;

/* Only where the files are, without reading any. */
enum status config_find(const struct config_request *request, struct arena *arena, struct config_project *ret_project,
                        struct error *err) CHECKED;

/* Decodes one named file over the defaults, and checks it by itself. */
enum status config_load_file(const char *path, struct config_report *report, struct wash_config *ret_config,
                             struct error *err) CHECKED;

/* "build.component_path" or its default, absolute; likewise for `wash dev`. */
struct str config_component_path(const struct config_project *project, bool dev, struct arena *arena);
struct str config_resolve_path(const struct config_project *project, struct str path, struct arena *arena);
