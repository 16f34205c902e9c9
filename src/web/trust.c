#include "web/trust.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/vec.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>

struct trust {
    VEC(char *) paths; /* in order, each once */
    VEC(X509 *) certificates;
};

/* The one set of the process; see the header. */
static struct {
    pthread_mutex_t lock;
    bool is_set;
    struct trust trust;
} installed = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void trust_release(struct trust *trust)
{
    vec_each (path, &trust->paths)
        free(*path);
    vec_each (certificate, &trust->certificates)
        X509_free(*certificate);
    vec_release(&trust->paths);
    vec_release(&trust->certificates);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void take_paths(struct trust *trust, const struct str *paths, size_t count)
{
    for (size_t i = 0; i < count; i++)
        vec_push(&trust->paths, mem_strndup(paths[i].data, paths[i].len));
    qsort(trust->paths.items, trust->paths.len, sizeof *trust->paths.items, by_text);
    size_t kept = 0;
    for (size_t i = 0; i < trust->paths.len; i++) {
        if (kept > 0 && strcmp(trust->paths.items[kept - 1], trust->paths.items[i]) == 0)
            free(trust->paths.items[i]);
        else
            trust->paths.items[kept++] = trust->paths.items[i];
    }
    trust->paths.len = kept;
}

static bool same_paths(const struct trust *a, const struct trust *b)
{
    if (a->paths.len != b->paths.len)
        return false;
    for (size_t i = 0; i < a->paths.len; i++)
        if (strcmp(a->paths.items[i], b->paths.items[i]) != 0)
            return false;
    return true;
}

/* Every PEM block must be a certificate that can be read, and there must be one. */
static enum status load_bundle(struct trust *trust, const char *path, struct error *err)
{
    autobuf struct buf bytes = BUF_INIT(WEB_TRUST_MAX_BYTES);
    if (file_read(path, &bytes, err) != ST_OK)
        return fail_wrap(err, "CA bundle");
    BIO *source = BIO_new_mem_buf(buf_str(&bytes).data, (int)bytes.len);
    if (!source)
        return fail(err, ST_LIMIT, "out of memory");
    size_t before = trust->certificates.len;
    ERR_clear_error();
    for (X509 *certificate; (certificate = PEM_read_bio_X509(source, NULL, NULL, NULL));)
        vec_push(&trust->certificates, certificate);
    unsigned long problem = ERR_peek_last_error();
    bool at_end = ERR_GET_LIB(problem) == ERR_LIB_PEM && ERR_GET_REASON(problem) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    BIO_free(source);
    if (trust->certificates.len == before)
        return fail(err, ST_INVALID, "CA bundle %s has no certificate in PEM form", path);
    return at_end ? ST_OK : fail(err, ST_INVALID, "CA bundle %s has a certificate that cannot be read", path);
}

static enum status install(struct trust *trust, struct error *err)
{
    if (installed.is_set)
        return same_paths(&installed.trust, trust)
                   ? ST_OK
                   : fail(err, ST_EXISTS,
                          "other CA bundles are already in force in this process (%s%s): one set serves for all of it",
                          installed.trust.paths.items[0], installed.trust.paths.len > 1 ? ", ..." : "");
    vec_each (path, &trust->paths)
        TRY(load_bundle(trust, *path, err));
    installed.trust = *trust;
    installed.is_set = true;
    *trust = (struct trust){0};
    return ST_OK;
}

enum status web_trust_set(const struct str *paths, size_t count, struct error *err)
{
    struct trust trust = {0};
    if (count == 0)
        return ST_OK;
    if (count > WEB_TRUST_MAX_PATHS)
        return fail(err, ST_LIMIT, "more than %u CA bundles; put several certificates into one file", WEB_TRUST_MAX_PATHS);
    take_paths(&trust, paths, count);
    pthread_mutex_lock(&installed.lock);
    enum status status = install(&trust, err);
    pthread_mutex_unlock(&installed.lock);
    trust_release(&trust);
    return status;
}

bool web_trust_apply(X509_STORE *store)
{
    bool done = true;
    pthread_mutex_lock(&installed.lock);
    vec_each (certificate, &installed.trust.certificates)
        done = done && X509_STORE_add_cert(store, *certificate) == 1;
    pthread_mutex_unlock(&installed.lock);
    return done;
}
