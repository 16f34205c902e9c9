/* wash's configuration: `.wash/config.yaml` of a project, as a C struct.
 * The rows (wash.c) hold every documented key; those that nothing acts on yet are marked `later` and named in one warning. */
#pragma once

#include "config/read.h"
#include "config/schema.h"

struct config_build {
    struct str command;
    struct config_map env;
    struct str component_path; /* relative to the project; default <project folder>.wasm */
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

struct config_dev {
    struct str command; /* instead of build.command */
    struct str component_path;
    struct str address;
    struct config_objects volumes; /* struct config_volume */
};

struct config_new {
    struct str command;
};

struct wash_config {
    struct config_build build;
    struct config_new new_project;
    struct config_dev dev;
    struct config_limits limits;
};

extern const struct config_schema wash_config_schema;

/* A project: where it is, and its configuration. All memory is in the arena. */
struct config_project {
    struct str root;        /* absolute */
    struct str config_path; /* absolute; data NULL when there is no file */
    struct wash_config config;
    struct str *later_keys;
    size_t later_count;
};

/* Finds the project that `start` (absolute) lies in: the nearest folder with a `.wash/config.{yaml,yml,json}`, else `start` itself,
 * and loads its configuration: defaults, file, WASH_ variables. named: the user gave `start` with -C, and trusts the project if it
 * is there, rather than further up (see config_trust). */
enum status config_load_project(struct str start, bool named, struct arena *arena, struct config_project *ret_project,
                                struct error *err) CHECKED;

/* "build.component_path" or its default, absolute; likewise for `wash dev`. */
struct str config_component_path(const struct config_project *project, bool dev, struct arena *arena);
struct str config_resolve_path(const struct config_project *project, struct str path, struct arena *arena);
