#include "oci/digest.h"
#include "base/mem.h"
#include <errno.h>
#include <openssl/evp.h>
#include <unistd.h>

struct oci_algorithm {
    struct str prefix;
    size_t bytes; /* of a digest before it is text */
    const EVP_MD *(*digest)(void);
};

static const struct oci_algorithm algorithms[] = {{STR_INIT("sha256:"), 32, EVP_sha256}, {STR_INIT("sha512:"), 64, EVP_sha512}};

/* NULL: none that is known. */
static const struct oci_algorithm *algorithm_of(struct str text)
{
    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++)
        if (str_starts(text, algorithms[i].prefix))
            return &algorithms[i];
    return NULL;
}

bool oci_digest_parse(struct str text, struct oci_digest *ret_digest)
{
    const struct oci_algorithm *algorithm = algorithm_of(text);
    if (!algorithm || text.len != algorithm->prefix.len + 2 * algorithm->bytes)
        return false;
    for (size_t i = algorithm->prefix.len; i < text.len; i++)
        if (!((text.data[i] >= '0' && text.data[i] <= '9') || (text.data[i] >= 'a' && text.data[i] <= 'f')))
            return false;
    memcpy(ret_digest->text, text.data, text.len);
    ret_digest->text[text.len] = '\0';
    return true;
}

bool oci_digest_is_sha256(const struct oci_digest *digest)
{
    return algorithm_of(oci_digest_str(digest)) == &algorithms[0];
}

void oci_hash_init(struct oci_hash *hash, const struct oci_digest *like)
{
    const struct oci_algorithm *algorithm = like ? algorithm_of(oci_digest_str(like)) : NULL;
    *hash = (struct oci_hash){.context = EVP_MD_CTX_new(), .algorithm = algorithm ? algorithm : &algorithms[0]};
    oci_hash_reset(hash);
}

void oci_hash_reset(struct oci_hash *hash)
{
    if (!hash->context || !EVP_DigestInit_ex(hash->context, hash->algorithm->digest(), NULL))
        bug("SHA-2 is not available");
    hash->bytes = 0;
}

void oci_hash_update(struct oci_hash *hash, struct str bytes)
{
    if (!EVP_DigestUpdate(hash->context, bytes.data, bytes.len))
        bug("SHA-2 failed");
    hash->bytes += bytes.len;
}

void oci_hash_finish(struct oci_hash *hash, struct oci_digest *ret_digest)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    static const char digits[] = "0123456789abcdef";
    if (!EVP_DigestFinal_ex(hash->context, raw, NULL))
        bug("SHA-2 failed");
    memcpy(ret_digest->text, hash->algorithm->prefix.data, hash->algorithm->prefix.len);
    char *next = ret_digest->text + hash->algorithm->prefix.len;
    for (size_t i = 0; i < hash->algorithm->bytes; i++) {
        *next++ = digits[raw[i] >> 4];
        *next++ = digits[raw[i] & 15];
    }
    *next = '\0';
}

void oci_hash_release(struct oci_hash *hash)
{
    EVP_MD_CTX_free(hash->context);
    hash->context = NULL;
}

void oci_digest_of(struct str bytes, struct oci_digest *ret_digest)
{
    oci_digest_like(NULL, bytes, ret_digest);
}

void oci_digest_like(const struct oci_digest *like, struct str bytes, struct oci_digest *ret_digest)
{
    struct oci_hash hash;
    oci_hash_init(&hash, like);
    oci_hash_update(&hash, bytes);
    oci_hash_finish(&hash, ret_digest);
    oci_hash_release(&hash);
}

enum status oci_digest_of_file(int fd, const char *what, const struct oci_digest *like, struct oci_digest *ret_digest,
                               uint64_t *ret_bytes, struct error *err)
{
    char piece[65536];
    struct oci_hash hash;
    ssize_t len = 1;
    oci_hash_init(&hash, like);
    while (len > 0) {
        len = pread(fd, piece, sizeof piece, (off_t)hash.bytes);
        if (len < 0 && errno == EINTR)
            len = 1;
        else if (len > 0)
            oci_hash_update(&hash, str_n(piece, (size_t)len));
    }
    enum status status = len < 0 ? fail_errno(err, "read %s", what) : ST_OK;
    if (status == ST_OK) {
        *ret_bytes = hash.bytes;
        oci_hash_finish(&hash, ret_digest);
    }
    oci_hash_release(&hash);
    return status;
}
