/* The rows of wash's configuration, and finding and loading a project's; see wash.h. */
#include "config/wash.h"
#include "base/mem.h"
#include <errno.h>
#include <sys/stat.h>

#define LATER(key_name, help_text)                                                                                                 \
    {                                                                                                                              \
        .name = key_name, .kind = CONFIG_LATER, .help = help_text                                                                  \
    }
#define SCHEMA(schema_name, type, rows)                                                                                            \
    {                                                                                                                              \
        .name = schema_name, .size = sizeof(type), .keys = rows, .key_count = ARRAY_LEN(rows)                                      \
    }

static const struct config_key build_keys[] = {
    {.name = "command",
     .kind = CONFIG_STR,
     .offset = offsetof(struct config_build, command),
     .help = "shell command that builds the component"},
    {.name = "env",
     .kind = CONFIG_MAP,
     .offset = offsetof(struct config_build, env),
     .help = "environment variables for the build command"},
    {.name = "component_path",
     .kind = CONFIG_STR,
     .offset = offsetof(struct config_build, component_path),
     .help = "where the build leaves the component"},
};
static const struct config_schema build_schema = SCHEMA("build", struct config_build, build_keys);

static const struct config_key volume_keys[] = {
    {.name = "host_path",
     .kind = CONFIG_STR,
     .offset = offsetof(struct config_volume, host_path),
     .required = true,
     .help = "folder on this machine, relative to the project"},
    {.name = "guest_path",
     .kind = CONFIG_STR,
     .offset = offsetof(struct config_volume, guest_path),
     .required = true,
     .help = "where components see it"},
};
static const struct config_schema volume_schema = SCHEMA("volume", struct config_volume, volume_keys);

#define DEV(member) offsetof(struct config_dev, member)
static const struct config_key dev_keys[] = {
    {.name = "command",
     .kind = CONFIG_STR,
     .offset = DEV(command),
     .help = "build command for `wash dev`, instead of build.command"},
    {.name = "component_path", .kind = CONFIG_STR, .offset = DEV(component_path), .help = "component that `wash dev` serves"},
    {.name = "address",
     .kind = CONFIG_STR,
     .offset = DEV(address),
     .env = "WASH_DEV_ADDRESS",
     .text_default = "0.0.0.0:8000",
     .help = "address and port to serve on"},
    {.name = "volumes",
     .kind = CONFIG_OBJECTS,
     .offset = DEV(volumes),
     .object = &volume_schema,
     .help = "folders that components may use"},
    LATER("service", "run the component as a service"),
    LATER("service_file", "a service's component file"),
    LATER("service_image", "a service's OCI reference"),
    LATER("service_pull_policy", "when to pull service_image"),
    LATER("service_ports", "ports that the service listens on"),
    LATER("components", "more components of the workload"),
    LATER("host_interfaces", "host interfaces and their configuration"),
    LATER("tls_cert_path", "certificate chain to serve HTTPS with"),
    LATER("tls_key_path", "private key of tls_cert_path"),
    LATER("tls_ca_path", "authorities that client certificates are verified with"),
    LATER("wasi_webgpu", "offer wasi:webgpu"),
    LATER("data_nats_url", "NATS server behind key-value, blobs and messages"),
    LATER("wasi_keyvalue_path", "folder behind wasi:keyvalue"),
    LATER("wasi_keyvalue_redis_url", "Redis server behind wasi:keyvalue"),
    LATER("wasi_keyvalue_nats_url", "NATS server behind wasi:keyvalue"),
    LATER("wasi_blobstore_path", "folder behind wasi:blobstore"),
    LATER("postgres_url", "PostgreSQL server behind wasmcloud:postgres"),
    LATER("wasi_otel", "offer wasi:otel"),
    LATER("wasm_proposals", "WebAssembly proposals to turn on"),
    LATER("allow_insecure_registries", "pull over plain HTTP"),
    LATER("environment", "environment variables of the host's own libraries"),
    LATER("host_plugins", "component host plugins"),
    LATER("http_client_ca_paths", "extra authorities for outgoing HTTPS"),
    LATER("http_client_trust_roots", "which authorities outgoing HTTPS trusts"),
    LATER("max_connections", "open connections of the host"),
    LATER("max_outbound_http_connections_per_workload", "outgoing HTTP connections of a workload"),
    LATER("max_outbound_socket_connections_per_workload", "outgoing sockets of a workload"),
    LATER("max_inbound_socket_connections_per_workload", "incoming sockets of a workload"),
    LATER("http_connection_wait", "how long to wait for a free outgoing connection"),
};
static const struct config_schema dev_schema = SCHEMA("dev", struct config_dev, dev_keys);

#define LIMIT(key_name, member, variable, default_value, min, max_value, help_text)                                                \
    {                                                                                                                              \
        .name = key_name, .kind = CONFIG_U64, .offset = offsetof(struct config_limits, member), .env = variable,                   \
        .number_default = default_value, .number_min = min, .number_max = max_value, .help = help_text                             \
    }
static const struct config_key limits_keys[] = {
    LIMIT("call_timeout_secs", call_timeout_secs, "WASH_EPHEMERAL_CALL_TIMEOUT_SECS", 600, 1, 86400, "longest a call may take"),
    LIMIT("memory_mib", memory_mib, "WASH_INSTANCE_MEMORY_MIB", 256, 1, 4096, "largest linear memory of an instance, MiB"),
    LIMIT("stack_kib", stack_kib, "WASH_STACK_KIB", 512, 64, 1024, "stack of WebAssembly frames, KiB"),
    LIMIT("table_elements", table_elements, "WASH_TABLE_ELEMENTS", 20000, 1, 1000000, "largest table of an instance, elements"),
    LIMIT("calls_in_flight", calls_in_flight, "WASH_CALLS_IN_FLIGHT", 500, 1, 100000, "calls running at once on one shard"),
    LIMIT("shards", shards, "WASH_SHARDS", 0, 0, 1024, "threads that serve; 0: as many as CPUs may be used"),
    LIMIT("drain_secs", drain_secs, "WASH_DRAIN_SECS", 10, 0, 3600, "how long a stop waits for running calls"),
    LIMIT("connections", connections, "WASH_CONNECTIONS", 8192, 1, 1000000, "open HTTP connections on one shard"),
};
static const struct config_schema limits_schema = SCHEMA("limits", struct config_limits, limits_keys);

static const struct config_key new_keys[] = {
    {.name = "command",
     .kind = CONFIG_STR,
     .offset = offsetof(struct config_new, command),
     .help = "shell command that sets up a new project made of this template"},
};
static const struct config_schema new_schema = SCHEMA("new", struct config_new, new_keys);

#define ROOT(member) offsetof(struct wash_config, member)
static const struct config_key root_keys[] = {
    LATER("version", "version of wash that the project is for"),
    {.name = "build", .kind = CONFIG_OBJECT, .offset = ROOT(build), .object = &build_schema, .help = "how the component is built"},
    {.name = "dev", .kind = CONFIG_OBJECT, .offset = ROOT(dev), .object = &dev_schema, .help = "settings of `wash dev`"},
    {.name = "limits",
     .kind = CONFIG_OBJECT,
     .offset = ROOT(limits),
     .object = &limits_schema,
     .help = "bounds on what a call may use"},
    {.name = "new",
     .kind = CONFIG_OBJECT,
     .offset = ROOT(new_project),
     .object = &new_schema,
     .help = "what `wash new` does with this template"},
    LATER("workload", "environment, configuration and network rules of the components"),
    LATER("configs", "named configuration sources"),
    LATER("secrets", "named secret sources"),
    LATER("host", "settings of `wash host`"),
    LATER("wit", "where WIT packages come from"),
};
const struct config_schema wash_config_schema = SCHEMA("config", struct wash_config, root_keys);

/* --- projects ----------------------------------------------------------------------------------------------------------------- */

static const char *const config_names[] = {"config.yaml", "config.yml", "config.json"};

static struct str config_in(struct str folder, struct arena *arena)
{
    for (size_t i = 0; i < ARRAY_LEN(config_names); i++) {
        struct str path = arena_printf(arena, "%.*s%s.wash/%s", STR_ARG(folder), folder.len > 1 ? "/" : "", config_names[i]);
        struct stat info;
        if (lstat(path.data, &info) == 0 || (errno != ENOENT && errno != ENOTDIR)) /* what cannot be looked at is not passed over */
            return path;
    }
    return STR_NULL;
}

static void find_project(struct str start, struct arena *arena, struct config_project *project)
{
    for (struct str folder = start; folder.len > 0;) {
        struct str path = config_in(folder, arena);
        if (path.data) {
            project->root = folder;
            project->config_path = path;
            return;
        }
        size_t slash = str_find_last_char(folder, '/');
        if (folder.len == 1 || slash == STR_NONE)
            break;
        folder = str_slice(folder, 0, slash ? slash : 1);
    }
    project->root = start;
    project->config_path = STR_NULL;
}

static enum status decode_file(struct config_project *project, json_t *tree, struct arena *arena, struct error *err)
{
    struct config_decoder decoder = {.origin = project->config_path.data, .arena = arena};
    enum status status = config_decode(&decoder, &wash_config_schema, tree, &project->config, err);
    project->later_count = decoder.later_keys.len;
    project->later_keys = arena_copy(arena, decoder.later_keys.items, decoder.later_keys.len * sizeof(struct str));
    vec_release(&decoder.later_keys);
    return status;
}

enum status config_load_project(struct str start, bool named, struct arena *arena, struct config_project *ret_project,
                                struct error *err)
{
    struct config_project project = {0};
    find_project(start, arena, &project);
    project.root = arena_str(arena, project.root);
    config_defaults(&wash_config_schema, &project.config);
    if (project.config_path.data) {
        json_t *tree;
        bool trusted = named && str_eq(project.root, start);
        TRY(config_read_file(project.config_path.data, trusted ? CONFIG_TRUST_NAMED : CONFIG_TRUST_CHECKED, &tree, err));
        enum status status = decode_file(&project, tree, arena, err);
        json_decref(tree);
        TRY(status);
    }
    TRY(config_apply_env(&wash_config_schema, &project.config, arena, err));
    *ret_project = project;
    return ST_OK;
}

struct str config_resolve_path(const struct config_project *project, struct str path, struct arena *arena)
{
    if (str_starts(path, STR("/")))
        return arena_str(arena, path);
    str_skip(&path, STR("./"));
    return arena_printf(arena, "%.*s/%.*s", STR_ARG(project->root), STR_ARG(path));
}

struct str config_component_path(const struct config_project *project, bool dev, struct arena *arena)
{
    const struct wash_config *config = &project->config;
    if (dev && config->dev.component_path.data)
        return config_resolve_path(project, config->dev.component_path, arena);
    if (config->build.component_path.data)
        return config_resolve_path(project, config->build.component_path, arena);
    struct str name = str_from(project->root, str_find_last_char(project->root, '/') + 1);
    return config_resolve_path(project, arena_printf(arena, "%.*s.wasm", STR_ARG(name)), arena);
}
