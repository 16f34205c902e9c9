/* The host: two shards serve a component to clients on other threads, are given another one meanwhile, and stop; what cannot be loaded
 * says why. */
#include "host/host.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/socket.h"
#include "tap.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CLIENTS = 4, REQUESTS = 200 };

struct fixture {
    char folder[40];
    char component[64];
    uint16_t port;
    struct config_limits limits;
    struct host *host;
    struct error err;
    bool ran;
    unsigned answered; /* by all clients */
    bool meters;
    struct histogram fuel[2];
    const char *text; /* of a component, to assemble */
    enum status status;
};

static bool write_file(const char *path, struct str bytes)
{
    FILE *file = fopen(path, "w");
    bool ok = file && fwrite(bytes.data, 1, bytes.len, file) == bytes.len;
    return file ? fclose(file) == 0 && ok : false;
}

/* Assembles component text, or a file of tests/guests/wat, into the fixture's component file. */
static bool assemble(struct fixture *fixture, const char *guest, const char *text)
{
    autobuf struct buf source = BUF_INIT(1 << 20), binary = BUF_INIT(1 << 20);
    if (text) {
        buf_add(&source, str_of(text));
    } else {
        char path[512], chunk[4096];
        snprintf(path, sizeof path, "%s/%s.wat", GUESTS_WAT, guest);
        FILE *file = fopen(path, "r");
        for (size_t n = 1; file && n > 0;) {
            n = fread(chunk, 1, sizeof chunk, file);
            buf_add(&source, str_n(chunk, n));
        }
        if (file)
            fclose(file);
    }
    if (engine_wat2wasm(buf_str(&source), &binary, &fixture->err) != ST_OK)
        return false;
    return write_file(fixture->component, buf_str(&binary));
}

static uint16_t free_port(void)
{
    struct io_address address;
    struct error err;
    int fd;
    socklen_t len = sizeof address.v4;
    if (io_address_parse(STR("127.0.0.1:0"), &address, &err) != ST_OK || io_listen(&address, false, 1, &fd, &err) != ST_OK)
        bug("no port: %s", err.message);
    getsockname(fd, &address.any, &len);
    close(fd);
    return ntohs(address.v4.sin_port);
}

static void set_up(struct fixture *fixture)
{
    *fixture = (struct fixture){.port = free_port()};
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/wash-host-XXXXXX");
    if (!mkdtemp(fixture->folder))
        bug("mkdtemp");
    snprintf(fixture->component, sizeof fixture->component, "%s/c.wasm", fixture->folder);
    setenv("XDG_CACHE_HOME", fixture->folder, 1);
    struct wash_config config;
    config_defaults(&wash_config_schema, &config);
    fixture->limits = config.limits;
    fixture->limits.shards = 2;
    fixture->limits.calls_in_flight = 16;
    fixture->limits.drain_secs = 2;
}

static void tear_down(struct fixture *fixture)
{
    char command[64];
    host_free(fixture->host);
    snprintf(command, sizeof command, "rm -rf %s", fixture->folder);
    if (system(command) != 0)
        bug("%s", command);
}
#define FIXTURE __attribute__((cleanup(tear_down))) struct fixture

/* --- a client that blocks, on a thread of its own --------------------------------------------------------------------------------- */

static bool ask(int fd)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    char answer[512];
    if (write(fd, request, sizeof request - 1) != sizeof request - 1)
        return false;
    ssize_t n = read(fd, answer, sizeof answer - 1);
    if (n <= 0)
        return false;
    answer[n] = 0;
    return strncmp(answer, "HTTP/1.1 204", 12) == 0;
}

static void *client(void *arg)
{
    struct fixture *fixture = arg;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(fixture->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        for (int i = 0; i < REQUESTS && ask(fd); i++)
            __atomic_fetch_add(&fixture->answered, 1, __ATOMIC_RELAXED);
    close(fd);
    return NULL;
}

static void run_clients(void *arg)
{
    pthread_t threads[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        if (pthread_create(&threads[i], NULL, client, arg) != 0)
            bug("pthread_create");
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
}

/* --- what the host's main task does ---------------------------------------------------------------------------------------------- */

static enum status deploy(struct fixture *fixture, struct host *host, struct error *err)
{
    struct host_workload_spec spec = {.name = STR("thing"), .path = str_of(fixture->component)};
    struct host_workload *workload;
    TRY(host_workload_load(host, &spec, &workload, err));
    return host_serve(host, workload, err);
}

static enum status serve_twice(struct host *host, void *env, struct error *err)
{
    struct fixture *fixture = env;
    fixture->ran = true;
    TRY(deploy(fixture, host, err));
    TRY(io_offload(run_clients, fixture, err));
    TRY(deploy(fixture, host, err));
    return io_offload(run_clients, fixture, err);
}

static enum status only_deploy(struct host *host, void *env, struct error *err)
{
    return deploy(env, host, err);
}

static enum status run_host(struct fixture *fixture, enum status (*main_function)(struct host *, void *, struct error *))
{
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%u", fixture->port);
    struct host_options options = {.limits = fixture->limits, .meters = fixture->meters};
    TRY(host_new(&options, &fixture->host, &fixture->err));
    uint16_t port;
    TRY(host_listen(fixture->host, str_of(address), &port, &fixture->err));
    return host_run(fixture->host, main_function, fixture, &fixture->err);
}

TEST(serves_on_every_shard_and_redeploys)
{
    FIXTURE f;
    set_up(&f);
    CHECK(assemble(&f, "http-minimal", NULL));
    CHECK_EQ(run_host(&f, serve_twice), ST_OK);
    CHECK(f.ran);
    CHECK_EQ(f.answered, 2 * CLIENTS * REQUESTS);
}

TEST(a_taken_port_is_an_error)
{
    FIXTURE f;
    set_up(&f);
    struct io_address address;
    char text[32];
    snprintf(text, sizeof text, "127.0.0.1:%u", f.port);
    CHECK_EQ(io_address_parse(str_of(text), &address, &f.err), ST_OK);
    autoclose int taken = -1;
    CHECK_EQ(io_listen(&address, true, 1, &taken, &f.err), ST_OK);
    CHECK_EQ(run_host(&f, only_deploy), ST_EXISTS);
    CHECK(str_find(str_of(f.err.message), str_of(text)) != STR_NONE);
}

TEST(a_missing_import_is_named)
{
    FIXTURE f;
    set_up(&f);
    CHECK(assemble(&f, NULL, "(component (import \"acme:things/store@1.0.0\" (instance (export \"get\" (func (result u32))))))"));
    CHECK_EQ(run_host(&f, only_deploy), ST_NOT_FOUND);
    CHECK(str_starts(str_of(f.err.message),
                     STR("component `thing`: component imports instance `acme:things/store@1.0.0`, but a matching "
                         "implementation was not found in the linker; ")));
}

TEST(a_component_without_a_handler_is_refused)
{
    FIXTURE f;
    set_up(&f);
    CHECK(assemble(&f, NULL, "(component)"));
    CHECK_EQ(run_host(&f, only_deploy), ST_INVALID);
    CHECK(str_find(str_of(f.err.message), STR("does not export wasi:http/incoming-handler")) != STR_NONE);
}

static const struct {
    struct str bytes;
    const char *message;
} no_components[] = {
    {STR_INIT("#!/bin/sh\n"), "is not a WebAssembly binary"},
    {STR_INIT("\0asm\1\0\0\0"), "is a core module, not a component"},
    {STR_INIT(""), "is empty"},
    {STR_INIT("\0asm\15\0\1\0\1"), ""},
};

TEST(what_is_no_component_says_so)
{
    for (size_t i = 0; i < ARRAY_LEN(no_components); i++) {
        FIXTURE f;
        set_up(&f);
        CHECK(write_file(f.component, no_components[i].bytes));
        CHECK_EQ(run_host(&f, only_deploy), ST_INVALID);
        CHECK(str_find(str_of(f.err.message), str_of(f.component)) != STR_NONE);
        CHECK(str_find(str_of(f.err.message), str_of(no_components[i].message)) != STR_NONE);
    }
}

static enum status deploy_with_missing_volume(struct host *host, void *env, struct error *err)
{
    const struct fixture *fixture = env;
    struct host_volume volume = {STR("/nonexistent/folder"), STR("/data")};
    struct host_workload_spec spec = {
        .name = STR("thing"), .path = str_of(fixture->component), .volumes = &volume, .volume_count = 1};
    struct host_workload *workload;
    return host_workload_load(host, &spec, &workload, err);
}

TEST(a_missing_volume_is_named)
{
    FIXTURE f;
    set_up(&f);
    CHECK(assemble(&f, "http-minimal", NULL));
    CHECK_EQ(run_host(&f, deploy_with_missing_volume), ST_NOT_FOUND);
    CHECK(str_find(str_of(f.err.message), STR("/nonexistent/folder")) != STR_NONE);
}

/* --- the meter ------------------------------------------------------------------------------------------------------------------- */

/* A client has its answer a little before the call is over, and measured. */
static enum status read_fuel_of(struct host *host, uint64_t calls, struct histogram *ret_fuel, struct error *err)
{
    uint64_t deadline = clock_after(20 * NS_PER_SECOND);
    do {
        TRY(host_read_fuel(host, ret_fuel, err));
    } while (ret_fuel->count < calls && clock_now() < deadline);
    return ST_OK;
}

static enum status serve_twice_measured(struct host *host, void *env, struct error *err)
{
    struct fixture *fixture = env;
    struct histogram none;
    if (host_read_fuel(host, &none, err) != ST_NOT_FOUND)
        return fail(err, ST_INTERNAL, "there is fuel before there is a workload");
    for (size_t i = 0; i < ARRAY_LEN(fixture->fuel); i++) {
        TRY(deploy(fixture, host, err));
        TRY(io_offload(run_clients, fixture, err));
        TRY(read_fuel_of(host, (uint64_t)CLIENTS * REQUESTS, &fixture->fuel[i], err));
    }
    return ST_OK;
}

static int count_lines(int fd, const char *part)
{
    int lines = 0;
    autofree char *text = NULL;
    size_t capacity = 0;
    FILE *file = fdopen(fd, "r");
    rewind(file);
    while (getline(&text, &capacity, file) >= 0)
        lines += strstr(text, part) != NULL;
    fclose(file);
    return lines;
}

TEST(every_call_is_measured_for_its_own_workload)
{
    FIXTURE f;
    set_up(&f);
    f.meters = true;
    int log = memfd_create("log", MFD_CLOEXEC);
    char line[128];
    CHECK(log >= 0);
    CHECK(assemble(&f, "http-minimal", NULL));
    log_set_fd(log);
    enum status status = run_host(&f, serve_twice_measured);
    host_free(f.host);
    f.host = NULL;
    log_set_fd(STDERR_FILENO);
    CHECK_EQ(status, ST_OK);
    for (size_t i = 0; i < ARRAY_LEN(f.fuel); i++) {
        CHECK_EQ(f.fuel[i].count, CLIENTS * REQUESTS);
        CHECK(f.fuel[i].min > 0);
        CHECK_EQ(f.fuel[i].min, f.fuel[0].max); /* this guest always does the same */
        CHECK_EQ(f.fuel[i].sum, f.fuel[i].count * f.fuel[0].max);
    }
    snprintf(line, sizeof line, "fuel.consumption component=thing count=%u sum=%llu ", CLIENTS * REQUESTS,
             (unsigned long long)f.fuel[0].sum);
    CHECK_EQ(count_lines(log, line), 2);
}

static enum status read_unmeasured(struct host *host, void *env, struct error *err)
{
    struct fixture *fixture = env;
    TRY(deploy(fixture, host, err));
    return host_read_fuel(host, &fixture->fuel[0], err);
}

TEST(a_host_without_meters_says_so)
{
    FIXTURE f;
    set_up(&f);
    CHECK(assemble(&f, "http-minimal", NULL));
    CHECK_EQ(run_host(&f, read_unmeasured), ST_UNSUPPORTED);
}
