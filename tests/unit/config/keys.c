/* Every documented key by name and type, what is valid in it, and the rules between keys. CFG-2 to CFG-9, DOC-11. */
#include "base/buf.h"
#include "base/mem.h"
#include "config/wash.h"
#include "tap.h"

/* As much as there is, of everything. */
static const char everything[] =
    "version: 0.1.0\n"
    "build: {command: make, env: {A: b}, component_path: a.wasm}\n"
    "new: {command: npm install}\n"
    "dev:\n"
    "  command: make dev\n  component_path: b.wasm\n  address: '[::1]:8000'\n  service: true\n  service_file: s.wasm\n"
    "  service_ports: [{name: http, port: 80, protocol: udp, publish: 8080}]\n"
    "  components:\n"
    "  - {name: one, file: one.wasm, environment: {config: {A: b}, configFrom: [c], secretFrom: [s]}, config: {k: v},\n"
    "     allowedHosts: [example.com], allowedIpNameLookups: ['*'], allowedHostLoopbackPorts: [5432, 53/udp],\n"
    "     poolSize: 4, maxInvocations: 100, maxConcurrency: 2}\n"
    "  - {name: two, image: registry.example.com/two:1, pullPolicy: Always}\n"
    "  host_plugins:\n"
    "  - {id: p, image: example.com/p:1, pullPolicy: IfNotPresent, maxRestarts: 3, expectedDigest: 'sha256:0', config: {a: b},\n"
    "     configFrom: [c], secretFrom: [s], allowedHosts: [], allowedIpNameLookups: [], ports: [{name: x, port: 1, bind: "
    "10.0.0.1}]}\n"
    "  volumes: [{host_path: data, guest_path: /data}]\n"
    "  host_interfaces: [{namespace: wasi, package: keyvalue, interfaces: [store], version: 0.2.0, config: {b: c}, name: cache}]\n"
    "  environment: {RUST_LOG: debug}\n  allow_insecure_registries: true\n"
    "  tls_cert_path: c.pem\n  tls_key_path: k.pem\n  tls_ca_path: ca.pem\n"
    "  http_client_ca_paths: [x.pem]\n  http_client_trust_roots: webpki-and-native\n"
    "  max_connections: 10\n  max_outbound_http_connections_per_workload: 5\n"
    "  max_outbound_socket_connections_per_workload: 6\n  max_inbound_socket_connections_per_workload: 7\n"
    "  http_connection_wait: 500ms\n  wasi_webgpu: true\n  wasi_otel: true\n"
    "  data_nats_url: nats://127.0.0.1:4222\n  wasi_keyvalue_path: kv\n  wasi_keyvalue_redis_url: redis://127.0.0.1\n"
    "  wasi_keyvalue_nats_url: tls://example.com\n  wasi_blobstore_path: blobs\n  postgres_url: postgres://u:p@h/db\n"
    "  otel_host_endpoint: http://c:4317\n  otel_workload_endpoint: https://c:4317\n"
    "  wasm_proposals: [Component_Model_Async, gc]\n"
    "workload:\n  environment: {config: {A: b}, configFrom: [c], secretFrom: [s]}\n  config: {k: v}\n  allowedHosts: "
    "['*.example.com']\n"
    "  allowedIpNameLookups: []\n  allowedHostLoopbackPorts: []\n"
    "configs: {c: {inline: {A: b}, file: c.env, dir: d, fromEnv: [HOME]}}\n"
    "secrets: {s: {inline: {P: hunter2}, file: s.env, dir: d, fromEnv: [TOKEN]}}\n"
    "host: {hostPlugins: [{id: q, file: q.wasm}]}\n"
    "wit: {registries: [{url: example.com, username: me, token: '${TOKEN}'}], skip_fetch: true, wit_dir: w, sources: {'a:b': "
    "../b}}\n"
    "limits: {call_timeout_secs: 1, memory_mib: 1, stack_kib: 64, table_elements: 1, calls_in_flight: 1, shards: 1, drain_secs: "
    "0,\n"
    "         connections: 1}\n";

struct fixture {
    struct arena arena;
    struct wash_config config;
    struct config_report report;
    struct error err;
};

static enum status decode(struct fixture *f, const char *yaml, bool collect)
{
    json_t *tree;
    arena_init(&f->arena, SIZE_MAX);
    f->report = (struct config_report){.arena = &f->arena, .collect = collect};
    struct config_decoder decoder = {.origin = "c.yaml", .arena = &f->arena, .report = &f->report};
    config_defaults(&wash_config_schema, &f->config);
    TRY(config_parse_yaml("c.yaml", str_of(yaml), &tree, &f->err));
    enum status status = config_decode(&decoder, &wash_config_schema, tree, &f->config, &f->err);
    json_decref(tree);
    vec_release(&decoder.later_keys);
    return status == ST_OK ? config_check(&wash_config_schema, &f->config, &f->report, &f->err) : status;
}

static void release(struct fixture *f)
{
    vec_release(&f->report.mistakes);
    arena_release(&f->arena);
}
#define FIXTURE __attribute__((cleanup(release))) struct fixture

TEST(CFG_2_to_CFG_8_every_key_is_known)
{
    FIXTURE f = {0};
    CHECK_EQ(decode(&f, everything, false), ST_OK);
    CHECK_STR(f.config.new_project.command, "npm install");
    CHECK_EQ(f.config.dev.components.len, 2);
    const struct config_component *component = f.config.dev.components.items;
    CHECK_STR(component[0].egress.allowed_host_loopback_ports.items[0], "5432");
    CHECK_EQ(component[0].pool_size, 4);
    CHECK_STR(component[0].environment.secret_from.items[0], "s");
    CHECK_STR(component[1].pull_policy, "always");
    CHECK(!component[1].egress.allowed_hosts.items);
    const struct config_host_plugin *plugin = f.config.dev.host_plugins.items;
    CHECK(plugin->egress.allowed_hosts.items && plugin->egress.allowed_hosts.len == 0);
    CHECK_STR(((const struct config_port *)f.config.dev.service_ports.items)->protocol, "UDP");
    CHECK_STR(f.config.dev.wasm_proposals.items[0], "component-model-async");
    CHECK_STR(f.config.secrets.names[0], "s");
    CHECK_STR(((const struct config_source *)f.config.secrets.items)->from_env.items[0], "TOKEN");
    CHECK_STR(((const struct config_wit_registry *)f.config.wit.registries.items)->token, "${TOKEN}");
}

static bool has_every_key(const struct config_schema *schema, json_t *tree);

static bool has_key(const struct config_key *key, json_t *value)
{
    if (!value)
        fprintf(stderr, "# missing: %s\n", key->name);
    if (!value || !key->object)
        return value;
    if (key->kind == CONFIG_OBJECTS)
        value = json_array_get(value, 0);
    else if (key->kind == CONFIG_OBJECT_MAP)
        value = json_object_iter_value(json_object_iter(value));
    return has_every_key(key->object, value);
}

/* Of a component's two sources, and a service's, only one can be there. */
static bool has_every_key(const struct config_schema *schema, json_t *tree)
{
    static const char *const others[] = {
        "image",      "file",       "pullPolicy",     "service_image",        "service_pull_policy",
        "publish",    "protocol",   "expectedDigest", "maxRestarts",          "config",
        "configFrom", "secretFrom", "allowedHosts",   "allowedIpNameLookups", "allowedHostLoopbackPorts",
        "ports"};
    bool all = true;
    for (size_t i = 0; i < schema->key_count; i++) {
        bool optional = false;
        for (size_t k = 0; k < ARRAY_LEN(others); k++)
            optional = optional || strcmp(others[k], schema->keys[i].name) == 0;
        if (!optional || json_object_get(tree, schema->keys[i].name))
            all = has_key(&schema->keys[i], json_object_get(tree, schema->keys[i].name)) && all;
    }
    return all;
}

TEST(the_sample_above_leaves_no_key_out)
{
    json_t *tree = NULL;
    CHECK_EQ(config_parse_yaml("x", str_of(everything), &tree, NULL), ST_OK);
    bool all = has_every_key(&wash_config_schema, tree);
    json_decref(tree);
    CHECK(all);
}

TEST(CLI_26_what_is_shown_decodes_to_the_same)
{
    FIXTURE f = {0}, g = {0};
    CHECK_EQ(decode(&f, everything, false), ST_OK);
    f.config.dev.postgres_url = STR_NULL; /* a secret */
    json_t *shown = config_encode(&wash_config_schema, &f.config);
    autofree char *text = json_dumps(shown, 0);
    enum status status = decode(&g, text, false);
    json_t *again = config_encode(&wash_config_schema, &g.config);
    bool same = json_equal(shown, again);
    json_decref(shown);
    json_decref(again);
    CHECK_EQ(status, ST_OK);
    CHECK(same);
}

TEST(secrets_are_not_shown)
{
    FIXTURE f = {0};
    CHECK_EQ(decode(&f, everything, false), ST_OK);
    json_t *shown = config_encode(&wash_config_schema, &f.config);
    autofree char *text = json_dumps(shown, 0);
    json_decref(shown);
    CHECK(str_find(str_of(text), STR("hunter2")) == STR_NONE);
    CHECK(str_find(str_of(text), STR("u:p@h")) == STR_NONE);
    CHECK(str_find(str_of(text), STR("${TOKEN}")) != STR_NONE);
}

static const struct {
    const char *yaml, *message;
} mistakes[] = {
    {"dev: {address: nowhere}", "c.yaml: dev.address: `nowhere`: expected an address and a port, like 127.0.0.1:8000"},
    {"dev: {address: '1.2.3.4:70000'}",
     "c.yaml: dev.address: `1.2.3.4:70000`: expected an address and a port, like 127.0.0.1:8000"},
    {"dev: {address: 'local host:80'}",
     "c.yaml: dev.address: `local host:80`: expected an address and a port, like 127.0.0.1:8000"},
    {"dev: {address: '127.0.0.256:80'}",
     "c.yaml: dev.address: `127.0.0.256:80`: expected an address and a port, like 127.0.0.1:8000"},
    {"dev: {address: '[localhost]:80'}",
     "c.yaml: dev.address: `[localhost]:80`: expected an address and a port, like 127.0.0.1:8000"},
    {"dev: {address: '::1:80'}", "c.yaml: dev.address: `::1:80`: expected an address and a port, like 127.0.0.1:8000"},
    {"build: {env: {'A=B': c}}", "c.yaml: build.env: `A=B`: expected a variable's name, without `=`"},
    {"build: {env: {'': c}}", "c.yaml: build.env: ``: expected a variable's name, without `=`"},
    {"dev: {tls_cert_path: a}", "dev.tls_cert_path needs dev.tls_key_path as well"},
    {"dev: {tls_key_path: a}", "dev.tls_key_path needs dev.tls_cert_path as well"},
    {"dev: {tls_ca_path: a}", "dev.tls_ca_path needs dev.tls_cert_path and dev.tls_key_path as well"},
    {"dev: {data_nats_url: 'http://x'}", "c.yaml: dev.data_nats_url: `http://x`: expected a nats:// or tls:// URL"},
    {"dev: {wasi_keyvalue_redis_url: 'redis://'}",
     "c.yaml: dev.wasi_keyvalue_redis_url: `redis://`: expected a redis:// or rediss:// URL"},
    {"dev: {postgres_url: 'pg://x'}", "c.yaml: dev.postgres_url: `pg://x`: expected a postgres:// or postgresql:// URL"},
    {"dev: {wasm_proposals: [gc, magic]}",
     "c.yaml: dev.wasm_proposals[1]: `magic` is not one of: component-model-async, component-model-map, gc, exception-handling, "
     "wide-arithmetic, threads, tail-call"},
    {"dev: {http_connection_wait: 0s}",
     "c.yaml: dev.http_connection_wait: `0s`: expected a time longer than nothing, like 5s or 500ms"},
    {"dev: {max_connections: 0}", "c.yaml: dev.max_connections: 0 is less than 1"},
    {"dev: {components: [{name: a, file: x}, {name: a, file: y}]}", "dev.components[1]: the name `a` appears twice"},
    {"dev: {components: [{name: a}]}", "dev.components[0]: needs `file` or `image`"},
    {"dev: {components: [{name: a, file: x, image: y}]}", "dev.components[0]: has both `file` and `image`; keep one of them"},
    {"dev: {components: [{name: ' ', file: x}]}", "c.yaml: dev.components[0].name: ` `: expected some text"},
    {"dev: {components: [{name: a, file: x, pullPolicy: always}]}", "dev.components[0]: pullPolicy needs an `image`"},
    {"dev: {components: [{name: a, image: x, pullPolicy: often}]}",
     "c.yaml: dev.components[0].pullPolicy: `often` is not one of: always, ifNotPresent, never"},
    {"dev: {service_file: a, service_image: b}", "dev has both `service_file` and `service_image`; keep one of them"},
    {"dev: {host_plugins: [{id: a, file: x, expectedDigest: d}]}", "dev.host_plugins[0]: expectedDigest needs an `image`"},
    {"dev: {host_plugins: [{id: a, file: x, ports: [{name: n, port: 1, publish: 2, bind: b}]}]}",
     "dev.host_plugins[0].ports[0]: has both `publish` and `bind`; keep one of them"},
    {"dev: {service_ports: [{name: n, port: 1, bind: b}]}", "c.yaml: dev.service_ports[0].bind: unknown key"},
    {"workload: {environment: {configFrom: [databse]}}\nconfigs: {database: {}}",
     "workload.environment.configFrom[0]: `databse` is not in `configs`; did you mean `database`?"},
    {"workload: {environment: {secretFrom: [x]}}", "workload.environment.secretFrom[0]: `x` is not in `secrets`"},
    {"build: {command: ''}", "c.yaml: build.command: ``: expected some text"},
    {"workload: {allowedHost: []}", "c.yaml: workload.allowedHost: unknown key; did you mean `allowedHosts`?"},
    {"configs: {a: {fil: x}}", "c.yaml: configs.a.fil: unknown key; did you mean `file`?"},
};

TEST(CFG_9_DOC_11_mistakes_are_named)
{
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        FIXTURE f = {0};
        CHECK_EQ(decode(&f, mistakes[i].yaml, false), ST_INVALID);
        CHECK_STR(str_of(f.err.message), mistakes[i].message);
    }
}

TEST(CLI_27_all_mistakes_can_be_collected)
{
    FIXTURE f = {0};
    CHECK_EQ(decode(&f, "dev: {adress: x, service: maybe, volumes: [{host_path: a}], tls_cert_path: c}\nlimits: {memory_mib: 0}\n",
                    true),
             ST_OK);
    CHECK_EQ(f.report.mistakes.len, 5);
    CHECK_STR(f.report.mistakes.items[0], "c.yaml: dev.adress: unknown key; did you mean `address`?");
    CHECK_STR(f.report.mistakes.items[2], "c.yaml: dev.volumes[0].guest_path is missing");
    CHECK_STR(f.report.mistakes.items[4], "dev.tls_cert_path needs dev.tls_key_path as well");
}
