/* The rows of wash's configuration, and the rules between them; see wash.h. */
#include "base/map.h"
#include "base/mem.h"
#include "config/wash.h"
#include <arpa/inet.h>

#define ROW(key_name, key_kind, type, member, ...)                                                                                 \
    {                                                                                                                              \
        .name = key_name, .kind = key_kind, .offset = offsetof(type, member), __VA_ARGS__                                          \
    }
#define SCHEMA(schema_name, type, rows, ...)                                                                                       \
    {                                                                                                                              \
        .name = schema_name, .size = sizeof(type), .keys = rows, .key_count = ARRAY_LEN(rows), __VA_ARGS__                         \
    }

/* --- formats ------------------------------------------------------------------------------------------------------------------ */

static bool is_inet_address(int family, struct str text)
{
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (text.len >= sizeof copy)
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return inet_pton(family, copy, &address) == 1;
}

/* As the resolver takes it; a text of nothing but digits and dots is meant as an address. */
static bool is_host_name(struct str text)
{
    bool has_letter = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        bool digit = c >= '0' && c <= '9', mark = c == '.' || c == '-' || c == '_';
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!digit && !mark && !letter)
            return false;
        has_letter = has_letter || letter;
    }
    return has_letter && text.len <= 253;
}

/* "127.0.0.1:8000", "[::1]:8000", ":8000", "localhost:8000". */
static bool is_socket_address(struct str value)
{
    uint64_t port;
    size_t colon = str_find_last_char(value, ':');
    if (colon == STR_NONE || !str_parse_u64(str_from(value, colon + 1), 65535, &port))
        return false;
    struct str host = str_slice(value, 0, colon);
    if (str_starts(host, STR("[")) && str_ends(host, STR("]")))
        return host.len > 2 && is_inet_address(AF_INET6, str_slice(host, 1, host.len - 1));
    return host.len == 0 || is_inet_address(AF_INET, host) || is_host_name(host);
}

/* The scheme, "://" and something behind it. */
static bool has_scheme(struct str url, const char *scheme)
{
    return str_skip(&url, str_of(scheme)) && str_skip(&url, STR("://")) && url.len > 0;
}

static bool is_nats_url(struct str value)
{
    return has_scheme(value, "nats") || has_scheme(value, "tls");
}

static bool is_redis_url(struct str value)
{
    return has_scheme(value, "redis") || has_scheme(value, "rediss");
}

static bool is_postgres_url(struct str value)
{
    return has_scheme(value, "postgres") || has_scheme(value, "postgresql");
}

static bool is_http_url(struct str value)
{
    return has_scheme(value, "http") || has_scheme(value, "https");
}

static bool is_variable_name(struct str name)
{
    return name.len > 0 && str_find_char(name, '=') == STR_NONE;
}

static bool is_said(struct str value)
{
    return str_trim(value).len > 0;
}

/* "5s", "500ms", "1m 30s". */
static bool is_duration(struct str value)
{
    static const char *const units[] = {"ns", "us", "ms", "s", "sec", "m", "min", "h", "hr", "d", NULL};
    struct str rest = value, part;
    size_t parts = 0;
    while (str_next_part(&rest, ' ', &part)) {
        size_t digits = 0, unit = 0;
        uint64_t amount;
        while (digits < part.len && part.data[digits] >= '0' && part.data[digits] <= '9')
            digits++;
        while (units[unit] && !str_is(str_from(part, digits), units[unit]))
            unit++;
        if (!str_parse_u64(str_slice(part, 0, digits), 1000000000, &amount) || amount == 0 || !units[unit])
            return false;
        parts++;
    }
    return parts > 0;
}

static const struct config_format socket_address = {is_socket_address, "an address and a port, like 127.0.0.1:8000"};
static const struct config_format nats_url = {is_nats_url, "a nats:// or tls:// URL"};
static const struct config_format redis_url = {is_redis_url, "a redis:// or rediss:// URL"};
static const struct config_format postgres_url = {is_postgres_url, "a postgres:// or postgresql:// URL"};
static const struct config_format http_url = {is_http_url, "an http:// or https:// URL"};
static const struct config_format variable_name = {is_variable_name, "a variable's name, without `=`"};
static const struct config_format said = {is_said, "some text"};
static const struct config_format duration = {is_duration, "a time longer than nothing, like 5s or 500ms"};

static const char *const pull_policies[] = {"always", "ifNotPresent", "never", NULL};
static const char *const protocols[] = {"TCP", "UDP", NULL};
static const char *const trust_roots[] = {"webpki", "native", "webpki-and-native", "extra-only", NULL};
static const char *const proposals[] = {
    "component-model-async", "component-model-map", "gc", "exception-handling", "wide-arithmetic", "threads", "tail-call", NULL};

/* --- rules between keys ------------------------------------------------------------------------------------------------------- */

static enum status check_one_source(struct str file, struct str image, struct str policy, const char *path,
                                    struct config_report *report, struct error *err)
{
    if (!file.data && !image.data)
        TRY(config_mistake(report, err, "%s: needs `file` or `image`", path));
    if (file.data && image.data)
        TRY(config_mistake(report, err, "%s: has both `file` and `image`; keep one of them", path));
    if (policy.data && !image.data)
        return config_mistake(report, err, "%s: pullPolicy needs an `image`", path);
    return ST_OK;
}

static enum status check_component(const void *object, const char *path, struct config_report *report, struct error *err)
{
    const struct config_component *component = object;
    return check_one_source(component->file, component->image, component->pull_policy, path, report, err);
}

static enum status check_plugin(const void *object, const char *path, struct config_report *report, struct error *err)
{
    const struct config_host_plugin *plugin = object;
    if (plugin->expected_digest.data && !plugin->image.data)
        TRY(config_mistake(report, err, "%s: expectedDigest needs an `image`", path));
    return check_one_source(plugin->file, plugin->image, plugin->pull_policy, path, report, err);
}

static enum status check_port(const void *object, const char *path, struct config_report *report, struct error *err)
{
    const struct config_port *port = object;
    if (port->publish && port->bind.data)
        return config_mistake(report, err, "%s: has both `publish` and `bind`; keep one of them", path);
    return ST_OK;
}

/* Names of a list's items at `offset` are all different. */
static enum status check_unique(const struct config_objects *list, size_t item_size, size_t offset, const char *path,
                                struct config_report *report, struct error *err)
{
    struct map seen = {0};
    enum status status = ST_OK;
    for (size_t i = 0; i < list->len && status == ST_OK; i++) {
        const struct str *name = (const void *)((const char *)list->items + i * item_size + offset);
        if (name->data && map_set(&seen, *name, report))
            status = config_mistake(report, err, "%s[%zu]: the name `%.*s` appears twice", path, i, STR_ARG(*name));
    }
    map_release(&seen);
    return status;
}

static enum status check_dev(const void *object, const char *path UNUSED, struct config_report *report, struct error *err)
{
    const struct config_dev *dev = object;
    if (dev->tls_cert_path.data && !dev->tls_key_path.data)
        TRY(config_mistake(report, err, "dev.tls_cert_path needs dev.tls_key_path as well"));
    if (dev->tls_key_path.data && !dev->tls_cert_path.data)
        TRY(config_mistake(report, err, "dev.tls_key_path needs dev.tls_cert_path as well"));
    if (dev->tls_ca_path.data && !dev->tls_cert_path.data)
        TRY(config_mistake(report, err, "dev.tls_ca_path needs dev.tls_cert_path and dev.tls_key_path as well"));
    if (dev->service_file.data && dev->service_image.data)
        TRY(config_mistake(report, err, "dev has both `service_file` and `service_image`; keep one of them"));
    if (dev->service_pull_policy.data && !dev->service_image.data)
        TRY(config_mistake(report, err, "dev.service_pull_policy needs dev.service_image"));
    TRY(check_unique(&dev->components, sizeof(struct config_component), offsetof(struct config_component, name), "dev.components",
                     report, err));
    TRY(check_unique(&dev->host_plugins, sizeof(struct config_host_plugin), offsetof(struct config_host_plugin, id),
                     "dev.host_plugins", report, err));
    return check_unique(&dev->service_ports, sizeof(struct config_port), offsetof(struct config_port, name), "dev.service_ports",
                        report, err);
}

static enum status check_names(const struct config_strs *names, const struct config_object_map *known, const char *path,
                               const char *section, struct config_report *report, struct error *err)
{
    for (size_t i = 0; i < names->len; i++) {
        struct str nearest = str_nearest(names->items[i], known->names, known->len);
        bool found = nearest.data && str_eq(nearest, names->items[i]);
        for (size_t k = 0; k < known->len && !found; k++)
            found = str_eq(known->names[k], names->items[i]);
        if (!found)
            TRY(config_mistake(report, err, "%s[%zu]: `%.*s` is not in `%s`%s%.*s%s", path, i, STR_ARG(names->items[i]), section,
                               nearest.data ? "; did you mean `" : "", STR_ARG(nearest), nearest.data ? "`?" : ""));
    }
    return ST_OK;
}

static enum status check_environment(const struct wash_config *config, const struct config_environment *environment,
                                     const char *path, struct config_report *report, struct error *err)
{
    const char *configs = arena_printf(report->arena, "%s.configFrom", path).data;
    const char *secrets = arena_printf(report->arena, "%s.secretFrom", path).data;
    TRY(check_names(&environment->config_from, &config->configs, configs, "configs", report, err));
    return check_names(&environment->secret_from, &config->secrets, secrets, "secrets", report, err);
}

static enum status check_plugins(const struct wash_config *config, const struct config_objects *plugins, const char *path,
                                 struct config_report *report, struct error *err)
{
    const struct config_host_plugin *items = plugins->items;
    for (size_t i = 0; i < plugins->len; i++)
        TRY(check_environment(config, &items[i].environment, arena_printf(report->arena, "%s[%zu]", path, i).data, report, err));
    return ST_OK;
}

/* What `configFrom` and `secretFrom` name is there. */
static enum status check_root(const void *object, const char *path UNUSED, struct config_report *report, struct error *err)
{
    const struct wash_config *config = object;
    const struct config_component *components = config->dev.components.items;
    TRY(check_environment(config, &config->workload.environment, "workload.environment", report, err));
    for (size_t i = 0; i < config->dev.components.len; i++)
        TRY(check_environment(config, &components[i].environment,
                              arena_printf(report->arena, "dev.components[%zu].environment", i).data, report, err));
    TRY(check_plugins(config, &config->dev.host_plugins, "dev.host_plugins", report, err));
    return check_plugins(config, &config->host.host_plugins, "host.hostPlugins", report, err);
}

/* --- rows --------------------------------------------------------------------------------------------------------------------- */

static const struct config_key build_keys[] = {
    ROW("command", CONFIG_STR, struct config_build, command, .format = &said, .help = "shell command that builds the component"),
    ROW("env", CONFIG_MAP, struct config_build, env, .format = &variable_name,
        .help = "environment variables for the build command"),
    ROW("component_path", CONFIG_STR, struct config_build, component_path, .help = "where the build leaves the component"),
};
static const struct config_schema build_schema = SCHEMA("build", struct config_build, build_keys);

static const struct config_key new_keys[] = {
    ROW("command", CONFIG_STR, struct config_new, command, .format = &said, .help = "shell command to run in a new project"),
};
static const struct config_schema new_schema = SCHEMA("new", struct config_new, new_keys);

static const struct config_key volume_keys[] = {
    ROW("host_path", CONFIG_STR, struct config_volume, host_path, .required = true,
        .help = "folder on this machine, relative to the project"),
    ROW("guest_path", CONFIG_STR, struct config_volume, guest_path, .required = true, .help = "where components see it"),
};
static const struct config_schema volume_schema = SCHEMA("volume", struct config_volume, volume_keys);

#define ENVIRONMENT_ROWS(type, prefix)                                                                                             \
    ROW("config", CONFIG_MAP, type, prefix config, .help = "values written here"),                                                 \
        ROW("configFrom", CONFIG_STRS, type, prefix config_from, .help = "names in `configs` to take values from"),                \
        ROW("secretFrom", CONFIG_STRS, type, prefix secret_from, .help = "names in `secrets` to take values from")
static const struct config_key environment_keys[] = {ENVIRONMENT_ROWS(struct config_environment, )};
static const struct config_schema environment_schema = SCHEMA("environment", struct config_environment, environment_keys);

#define EGRESS_ROWS(type)                                                                                                          \
    ROW("allowedHosts", CONFIG_STRS, type, egress.allowed_hosts, .help = "hosts that outgoing HTTP may reach; none said: all"),    \
        ROW("allowedIpNameLookups", CONFIG_STRS, type, egress.allowed_ip_name_lookups, .help = "names that sockets may resolve"),  \
        ROW("allowedHostLoopbackPorts", CONFIG_STRS, type, egress.allowed_host_loopback_ports,                                     \
            .help = "ports of this machine's loopback that sockets may reach: 5432, 53/udp")
#define SOURCE_ROWS(type)                                                                                                          \
    ROW("file", CONFIG_STR, type, file, .help = "a component's file, relative to the project"),                                    \
        ROW("image", CONFIG_STR, type, image, .help = "a component's OCI reference"),                                              \
        ROW("pullPolicy", CONFIG_STR, type, pull_policy, .choices = pull_policies, .help = "when to pull `image`")

#define COMPONENT struct config_component
static const struct config_key component_keys[] = {
    ROW("name", CONFIG_STR, COMPONENT, name, .required = true, .format = &said, .help = "the component's name, used once"),
    SOURCE_ROWS(COMPONENT),
    ROW("environment", CONFIG_OBJECT, COMPONENT, environment, .object = &environment_schema,
        .help = "variables, over those of `workload.environment`"),
    ROW("config", CONFIG_MAP, COMPONENT, config, .help = "values of wasi:config, over those of `workload.config`"),
    EGRESS_ROWS(COMPONENT),
    ROW("poolSize", CONFIG_U64, COMPONENT, pool_size, .help = "most instances that are kept and run at once"),
    ROW("maxInvocations", CONFIG_U64, COMPONENT, max_invocations, .help = "most calls in flight; 0: no bound of its own"),
    ROW("maxConcurrency", CONFIG_U64, COMPONENT, max_concurrency, .number_default = 1, .number_min = 1,
        .help = "calls that one instance serves at once"),
};
static const struct config_schema component_schema =
    SCHEMA("component", struct config_component, component_keys, .check = check_component);

#define PORT struct config_port
#define PORT_ROWS                                                                                                                  \
    ROW("name", CONFIG_STR, PORT, name, .required = true, .format = &said, .help = "the port's name, used once"),                  \
        ROW("port", CONFIG_U64, PORT, port, .required = true, .number_min = 1, .number_max = 65535,                                \
            .help = "port that the component listens on"),                                                                         \
        ROW("protocol", CONFIG_STR, PORT, protocol, .choices = protocols, .text_default = "TCP", .help = "TCP or UDP"),            \
        ROW("publish", CONFIG_U64, PORT, publish, .number_min = 1, .number_max = 65535,                                            \
            .help = "port of this machine that leads to it")
static const struct config_key service_port_keys[] = {PORT_ROWS};
static const struct config_schema service_port_schema = SCHEMA("service port", struct config_port, service_port_keys);
static const struct config_key plugin_port_keys[] = {
    PORT_ROWS,
    ROW("bind", CONFIG_STR, PORT, bind, .help = "address that the plugin binds itself"),
};
static const struct config_schema plugin_port_schema =
    SCHEMA("plugin port", struct config_port, plugin_port_keys, .check = check_port);

#define PLUGIN struct config_host_plugin
static const struct config_key host_plugin_keys[] = {
    ROW("id", CONFIG_STR, PLUGIN, id, .required = true, .format = &said, .help = "the plugin's name, used once"),
    SOURCE_ROWS(PLUGIN),
    ROW("maxRestarts", CONFIG_U64, PLUGIN, max_restarts, .number_max = UINT32_MAX, .help = "restarts before it is given up"),
    ROW("expectedDigest", CONFIG_STR, PLUGIN, expected_digest, .help = "digest that `image` must have"),
    ENVIRONMENT_ROWS(PLUGIN, environment.),
    EGRESS_ROWS(PLUGIN),
    ROW("ports", CONFIG_OBJECTS, PLUGIN, ports, .object = &plugin_port_schema, .help = "ports that the plugin listens on"),
};
static const struct config_schema host_plugin_schema =
    SCHEMA("host plugin", struct config_host_plugin, host_plugin_keys, .check = check_plugin);

#define INTERFACE struct config_interface
static const struct config_key interface_keys[] = {
    ROW("namespace", CONFIG_STR, INTERFACE, namespace, .required = true, .format = &said, .help = "as in wasi:keyvalue: wasi"),
    ROW("package", CONFIG_STR, INTERFACE, package, .required = true, .format = &said, .help = "as in wasi:keyvalue: keyvalue"),
    ROW("interfaces", CONFIG_STRS, INTERFACE, interfaces, .help = "interfaces of the package"),
    ROW("version", CONFIG_STR, INTERFACE, version, .help = "version of the package"),
    ROW("config", CONFIG_MAP, INTERFACE, config, .help = "settings for what serves it"),
    ROW("name", CONFIG_STR, INTERFACE, name, .help = "tells apart several of the same interface"),
};
static const struct config_schema interface_schema = SCHEMA("host interface", struct config_interface, interface_keys);

#define DEV(key_name, kind, member, ...) ROW(key_name, kind, struct config_dev, member, __VA_ARGS__)
#define DEV_LATER(key_name, kind, member, ...) DEV(key_name, kind, member, .later = true, __VA_ARGS__)
#define DEV_COUNT(key_name, member, text) DEV_LATER(key_name, CONFIG_U64, member, .number_min = 1, .help = text)
static const struct config_key dev_keys[] = {
    DEV("command", CONFIG_STR, command, .format = &said, .help = "build command for `wash dev`, instead of build.command"),
    DEV("component_path", CONFIG_STR, component_path, .help = "component that `wash dev` serves"),
    DEV("address", CONFIG_STR, address, .text_default = "0.0.0.0:8000", .format = &socket_address,
        .help = "address, or name of one, and port to serve on; port 0: one that is free"),
    DEV("volumes", CONFIG_OBJECTS, volumes, .object = &volume_schema, .help = "folders that components may use"),
    DEV_LATER("service", CONFIG_BOOL, service, .help = "run the component as a service"),
    DEV_LATER("service_file", CONFIG_STR, service_file, .help = "a service's component file"),
    DEV_LATER("service_image", CONFIG_STR, service_image, .help = "a service's OCI reference"),
    DEV_LATER("service_pull_policy", CONFIG_STR, service_pull_policy, .choices = pull_policies,
              .help = "when to pull service_image"),
    DEV_LATER("service_ports", CONFIG_OBJECTS, service_ports, .object = &service_port_schema,
              .help = "ports that the service listens on"),
    DEV_LATER("components", CONFIG_OBJECTS, components, .object = &component_schema, .help = "more components of the workload"),
    DEV_LATER("host_interfaces", CONFIG_OBJECTS, host_interfaces, .object = &interface_schema,
              .help = "host interfaces and their configuration"),
    DEV_LATER("tls_cert_path", CONFIG_STR, tls_cert_path, .help = "certificate chain to serve HTTPS with"),
    DEV_LATER("tls_key_path", CONFIG_STR, tls_key_path, .help = "private key of tls_cert_path"),
    DEV_LATER("tls_ca_path", CONFIG_STR, tls_ca_path, .help = "authorities that client certificates are verified with"),
    DEV_LATER("wasi_webgpu", CONFIG_BOOL, wasi_webgpu, .help = "offer wasi:webgpu"),
    DEV_LATER("data_nats_url", CONFIG_STR, data_nats_url, .format = &nats_url,
              .help = "NATS server behind key-value, blobs and messages"),
    DEV_LATER("wasi_keyvalue_path", CONFIG_STR, keyvalue_path, .help = "folder behind wasi:keyvalue"),
    DEV_LATER("wasi_keyvalue_redis_url", CONFIG_STR, keyvalue_redis_url, .format = &redis_url,
              .help = "Redis server behind wasi:keyvalue"),
    DEV_LATER("wasi_keyvalue_nats_url", CONFIG_STR, keyvalue_nats_url, .format = &nats_url,
              .help = "NATS server behind wasi:keyvalue"),
    DEV_LATER("wasi_blobstore_path", CONFIG_STR, blobstore_path, .help = "folder behind wasi:blobstore"),
    DEV_LATER("postgres_url", CONFIG_STR, postgres_url, .format = &postgres_url, .secret = true,
              .help = "PostgreSQL server behind wasmcloud:postgres"),
    DEV_LATER("wasi_otel", CONFIG_BOOL, wasi_otel, .help = "offer wasi:otel"),
    DEV_LATER("otel_host_endpoint", CONFIG_STR, otel_host_endpoint, .format = &http_url,
              .help = "collector of the host's own traces, metrics and logs"),
    DEV_LATER("otel_workload_endpoint", CONFIG_STR, otel_workload_endpoint, .format = &http_url,
              .help = "collector of what workloads report"),
    DEV_LATER("wasm_proposals", CONFIG_STRS, wasm_proposals, .choices = proposals, .help = "WebAssembly proposals to turn on"),
    DEV_LATER("allow_insecure_registries", CONFIG_BOOL, allow_insecure_registries, .help = "pull over plain HTTP"),
    DEV_LATER("environment", CONFIG_MAP, environment, .format = &variable_name,
              .help = "environment variables of the host's own libraries"),
    DEV_LATER("host_plugins", CONFIG_OBJECTS, host_plugins, .object = &host_plugin_schema, .help = "component host plugins"),
    DEV_LATER("http_client_ca_paths", CONFIG_STRS, http_client_ca_paths, .help = "extra authorities for outgoing HTTPS"),
    DEV_LATER("http_client_trust_roots", CONFIG_STR, http_client_trust_roots, .choices = trust_roots, .text_default = "webpki",
              .help = "which authorities outgoing HTTPS trusts"),
    DEV_COUNT("max_connections", max_connections, "open outgoing connections of the host"),
    DEV_COUNT("max_outbound_http_connections_per_workload", max_outbound_http, "outgoing HTTP connections of a workload"),
    DEV_COUNT("max_outbound_socket_connections_per_workload", max_outbound_sockets, "outgoing sockets of a workload"),
    DEV_COUNT("max_inbound_socket_connections_per_workload", max_inbound_sockets, "incoming sockets of a workload"),
    DEV_LATER("http_connection_wait", CONFIG_STR, http_connection_wait, .format = &duration,
              .help = "how long to wait for a free outgoing connection"),
};
static const struct config_schema dev_schema = SCHEMA("dev", struct config_dev, dev_keys, .check = check_dev);

static const struct config_key workload_keys[] = {
    ROW("environment", CONFIG_OBJECT, struct config_workload, environment, .object = &environment_schema,
        .help = "environment variables of the components"),
    ROW("config", CONFIG_MAP, struct config_workload, config, .help = "values of wasi:config"),
    EGRESS_ROWS(struct config_workload),
};
static const struct config_schema workload_schema = SCHEMA("workload", struct config_workload, workload_keys);

#define SOURCE struct config_source
#define SOURCE_KEYS(hidden)                                                                                                        \
    ROW("inline", CONFIG_MAP, SOURCE, inline_values, .secret = hidden, .help = "values written here"),                             \
        ROW("file", CONFIG_STR, SOURCE, file, .help = "a file of NAME=value lines, relative to the project"),                      \
        ROW("dir", CONFIG_STR, SOURCE, dir, .help = "a folder with one file a value"),                                             \
        ROW("fromEnv", CONFIG_STRS, SOURCE, from_env, .help = "environment variables to pass on")
static const struct config_key config_source_keys[] = {SOURCE_KEYS(false)};
static const struct config_key secret_source_keys[] = {SOURCE_KEYS(true)};
static const struct config_schema config_source_schema = SCHEMA("configs", struct config_source, config_source_keys);
static const struct config_schema secret_source_schema = SCHEMA("secrets", struct config_source, secret_source_keys);

static const struct config_key host_keys[] = {
    ROW("hostPlugins", CONFIG_OBJECTS, struct config_host, host_plugins, .object = &host_plugin_schema,
        .help = "component host plugins of `wash host`"),
};
static const struct config_schema host_schema = SCHEMA("host", struct config_host, host_keys);

#define REGISTRY struct config_wit_registry
static const struct config_key registry_keys[] = {
    ROW("url", CONFIG_STR, REGISTRY, url, .required = true, .format = &said, .help = "a registry of WIT packages"),
    ROW("username", CONFIG_STR, REGISTRY, username, .help = "user name there; ${NAME} is an environment variable"),
    ROW("token", CONFIG_STR, REGISTRY, token, .secret = true,
        .help = "password or token there; ${NAME} is an environment variable"),
};
static const struct config_schema registry_schema = SCHEMA("registry", struct config_wit_registry, registry_keys);

static const struct config_key wit_keys[] = {
    ROW("registries", CONFIG_OBJECTS, struct config_wit, registries, .object = &registry_schema,
        .help = "registries of WIT packages: where what nothing else maps is looked for, in order"),
    ROW("skip_fetch", CONFIG_BOOL, struct config_wit, skip_fetch, .help = "do not fetch WIT dependencies before a build"),
    ROW("wit_dir", CONFIG_STR, struct config_wit, wit_dir, .text_default = "wit",
        .help = "folder of the WIT, relative to the project"),
    ROW("sources", CONFIG_MAP, struct config_wit, sources, .help = "where single packages come from: a path, URL or repository"),
};
static const struct config_schema wit_schema = SCHEMA("wit", struct config_wit, wit_keys);

#define LIMIT(key_name, member, variable, default_value, min, max_value, help_text)                                                \
    ROW(key_name, CONFIG_U64, struct config_limits, member, .env = variable, .number_default = default_value, .number_min = min,   \
        .number_max = max_value, .help = help_text)
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

#define ROOT(key_name, kind, member, ...) ROW(key_name, kind, struct wash_config, member, __VA_ARGS__)
#define SECTION(key_name, member, nested, ...) ROOT(key_name, CONFIG_OBJECT, member, .object = &nested, __VA_ARGS__)
static const struct config_key root_keys[] = {
    ROOT("version", CONFIG_STR, version, .env = "", .help = "version of wash that the project is for"),
    SECTION("build", build, build_schema, .help = "how the component is built"),
    SECTION("new", new_project, new_schema, .help = "what `wash new` does in a new project"),
    SECTION("dev", dev, dev_schema, .help = "settings of `wash dev`"),
    SECTION("workload", workload, workload_schema, .later = true, .env = "",
            .help = "environment, configuration and network rules of the components"),
    ROOT("configs", CONFIG_OBJECT_MAP, configs, .object = &config_source_schema, .later = true,
         .help = "named configuration sources"),
    ROOT("secrets", CONFIG_OBJECT_MAP, secrets, .object = &secret_source_schema, .later = true, .help = "named secret sources"),
    SECTION("host", host, host_schema, .later = true, .env = "", .help = "settings of `wash host`"),
    SECTION("wit", wit, wit_schema, .help = "where WIT packages come from"),
    SECTION("limits", limits, limits_schema, .help = "bounds on what a call may use"),
};
const struct config_schema wash_config_schema = SCHEMA("config", struct wash_config, root_keys, .check = check_root);
