#include "web/trust.h"
#include "base/mem.h"
#include "folder.h"
#include "tap.h"
#include <openssl/evp.h>
#include <openssl/pem.h>

/* A self-signed certificate, as PEM. */
static bool make_certificate(struct buf *pem)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    BIO *out = BIO_new(BIO_s_mem());
    char *data;
    X509_set_version(certificate, 2);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    bool made = X509_sign(certificate, key, EVP_sha256()) > 0 && PEM_write_bio_X509(out, certificate) == 1;
    long len = BIO_get_mem_data(out, &data);
    buf_add(pem, str_n(data, (size_t)len));
    BIO_free(out);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return made;
}

static int count_trusted(void)
{
    X509_STORE *store = X509_STORE_new();
    int count = web_trust_apply(store) ? sk_X509_OBJECT_num(X509_STORE_get0_objects(store)) : -1;
    X509_STORE_free(store);
    return count;
}

static struct str path_of(struct buf *path, const struct folder *folder, const char *name)
{
    buf_addf(path, "%s/%s", folder->path, name);
    return buf_str(path);
}

/* One test, for the set is the process's and cannot be taken back. */
TEST(one_set_for_the_process)
{
    autofolder folder;
    autobuf struct buf a = BUF_INIT(BUF_UNLIMITED), b = BUF_INIT(BUF_UNLIMITED), broken = BUF_INIT(BUF_UNLIMITED);
    autobuf struct buf pem = BUF_INIT(BUF_UNLIMITED), both = BUF_INIT(BUF_UNLIMITED);
    struct error err;
    CHECK(folder_open(&folder) && make_certificate(&pem) && make_certificate(&both));
    buf_add(&both, buf_str(&pem));
    const struct str paths[] = {path_of(&a, &folder, "a"), path_of(&b, &folder, "b"), path_of(&broken, &folder, "broken")};
    const struct str swapped[] = {paths[1], paths[0], paths[1]};
    CHECK(folder_write(&folder, "a", buf_str(&pem), 0600) && folder_write(&folder, "b", buf_str(&both), 0600));

    CHECK_EQ(web_trust_set(NULL, 0, &err), ST_OK);
    CHECK_EQ(web_trust_set(&paths[2], 1, &err), ST_NOT_FOUND);
    CHECK(folder_write(&folder, "broken", STR("no certificate\n"), 0600));
    CHECK_EQ(web_trust_set(&paths[2], 1, &err), ST_INVALID);
    CHECK(strstr(err.message, "no certificate in PEM form"));
    CHECK(folder_write(&folder, "broken", str_slice(buf_str(&both), 0, both.len - 40), 0600));
    CHECK_EQ(web_trust_set(&paths[2], 1, &err), ST_INVALID);
    CHECK(strstr(err.message, "cannot be read"));
    CHECK_EQ(count_trusted(), 0);

    CHECK_EQ(web_trust_set(paths, 2, &err), ST_OK);
    CHECK_EQ(count_trusted(), 2); /* one is in both files */
    CHECK(folder_write(&folder, "a", STR("rotated"), 0600));
    CHECK_EQ(web_trust_set(swapped, 3, &err), ST_OK);
    CHECK_EQ(web_trust_set(paths, 1, &err), ST_EXISTS);
    CHECK(strstr(err.message, "already in force"));
    CHECK_EQ(web_trust_set(NULL, 0, &err), ST_OK);
    CHECK_EQ(count_trusted(), 2);
}
