/* What of the registry client no command shows, for tests: over plain HTTP, without a login.
 *
 *   oci-probe pull POLICY CACHE REFERENCE...   per reference: digest, bytes, "downloaded" or "cached", "path" or "unnamed";
 *                                              CACHE "-": none
 *   oci-probe digest REFERENCE                 of the manifest, by HEAD
 *   oci-probe config REFERENCE                 the artifact's configuration
 *   oci-probe tags REFERENCE                   one a line
 *
 * TIMEOUT_MS bounds each call, CANCEL_MS cancels after a while. A failure prints its status and message; the exit code is 1. */
#include "base/mem.h"
#include "oci/pull.h"
#include <pthread.h>
#include <unistd.h>

struct probe {
    struct oci_client *client;
    struct oci_cache *cache;
    enum oci_policy policy;
    atomic_bool cancelled;
    struct error err;
};

static enum status pull(struct probe *probe, const struct oci_reference *reference)
{
    struct oci_pulled pulled;
    struct oci_digest digest;
    uint64_t bytes;
    TRY(oci_pull(probe->client, reference, probe->policy, probe->cache, &pulled, &probe->err));
    enum status status = oci_digest_of_file(pulled.fd, "artifact", &pulled.layer, &digest, &bytes, &probe->err);
    if (status == ST_OK && (bytes != pulled.bytes || !oci_digest_eq(&digest, &pulled.layer)))
        status = fail(&probe->err, ST_INTERNAL, "the file is not what it should be");
    if (status == ST_OK)
        printf("%s %llu %s %s\n", pulled.digest.text, (unsigned long long)bytes, pulled.downloaded ? "downloaded" : "cached",
               pulled.path ? "path" : "unnamed");
    oci_pulled_release(&pulled);
    return status;
}

static enum status digest(struct probe *probe, const struct oci_reference *reference)
{
    struct oci_digest found;
    TRY(oci_client_manifest_digest(probe->client, reference, &found, &probe->err));
    puts(found.text);
    return ST_OK;
}

static enum status config(struct probe *probe, const struct oci_reference *reference)
{
    struct arena arena;
    struct oci_manifest manifest;
    struct oci_digest found;
    autobuf struct buf bytes = BUF_INIT(1 << 20);
    arena_init(&arena, 1 << 20);
    enum status status = oci_client_resolve(probe->client, reference, &arena, &manifest, &found, &probe->err);
    if (status == ST_OK)
        status = oci_client_blob_bytes(probe->client, reference, &manifest.config, &bytes, &probe->err);
    arena_release(&arena);
    if (status == ST_OK)
        puts(buf_str(&bytes).data);
    return status;
}

static enum status tags(struct probe *probe, const struct oci_reference *reference)
{
    struct arena arena;
    struct str *list;
    size_t count = 0;
    arena_init(&arena, 64 << 20);
    enum status status = oci_client_tags(probe->client, reference, &arena, &list, &count, &probe->err);
    for (size_t i = 0; i < count; i++)
        printf("%.*s\n", STR_ARG(list[i]));
    arena_release(&arena);
    return status;
}

static const struct {
    const char *name;
    enum status (*run)(struct probe *probe, const struct oci_reference *reference);
} commands[] = {{"pull", pull}, {"digest", digest}, {"config", config}, {"tags", tags}};

static uint64_t number_of(const char *variable)
{
    uint64_t number = 0;
    const char *text = getenv(variable);
    return text && str_parse_u64(str_of(text), 1000000, &number) ? number : 0;
}

static void *cancel_later(void *arg)
{
    usleep((useconds_t)(number_of("CANCEL_MS") * 1000));
    atomic_store((atomic_bool *)arg, true);
    return NULL;
}

static enum status run_all(struct probe *probe, const char *command, char **references)
{
    for (; *references; references++) {
        struct oci_reference reference;
        TRY(oci_reference_parse(str_of(*references), &reference, &probe->err));
        enum status status = ST_INVALID;
        for (size_t i = 0; i < ARRAY_LEN(commands); i++)
            if (strcmp(command, commands[i].name) == 0)
                status = commands[i].run(probe, &reference);
        oci_reference_release(&reference);
        TRY(status);
    }
    return ST_OK;
}

int main(int argc, char **argv)
{
    struct probe probe = {0};
    pthread_t thread;
    const struct oci_client_options options = {.plain_http = true,
                                               .credentials.no_docker_config = true,
                                               .timeout_ms = number_of("TIMEOUT_MS"),
                                               .cancel = cancel_by_flag(&probe.cancelled)};
    bool pulls = argc > 3 && strcmp(argv[1], "pull") == 0;
    if (argc < 3 || (pulls && !oci_policy_parse(str_of(argv[2]), &probe.policy)))
        return 2;
    enum status status = oci_client_new(&options, &probe.client, &probe.err);
    if (status == ST_OK && pulls && strcmp(argv[3], "-") != 0)
        status = oci_cache_open(argv[3], &probe.cache, &probe.err);
    bool cancels = number_of("CANCEL_MS") > 0 && pthread_create(&thread, NULL, cancel_later, &probe.cancelled) == 0;
    if (status == ST_OK)
        status = run_all(&probe, argv[1], argv + (pulls ? 4 : 2));
    if (status != ST_OK)
        printf("%s: %s\n", status_name(status), probe.err.message);
    if (cancels)
        pthread_join(thread, NULL);
    oci_cache_close(probe.cache);
    oci_client_free(probe.client);
    return status == ST_OK ? 0 : 1;
}
