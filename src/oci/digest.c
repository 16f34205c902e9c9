#include "oci/digest.h"
#include <errno.h>
#include <openssl/evp.h>
#include <unistd.h>

#define PREFIX "sha256:"

bool oci_digest_parse(struct str text, struct oci_digest *ret_digest)
{
    if (text.len != OCI_DIGEST_BYTES || !str_starts(text, STR(PREFIX)))
        return false;
    for (size_t i = sizeof PREFIX - 1; i < text.len; i++)
        if (!((text.data[i] >= '0' && text.data[i] <= '9') || (text.data[i] >= 'a' && text.data[i] <= 'f')))
            return false;
    memcpy(ret_digest->text, text.data, text.len);
    ret_digest->text[text.len] = '\0';
    return true;
}

void oci_hash_init(struct oci_hash *hash)
{
    *hash = (struct oci_hash){.context = EVP_MD_CTX_new()};
    oci_hash_reset(hash);
}

void oci_hash_reset(struct oci_hash *hash)
{
    if (!hash->context || !EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL))
        bug("SHA-256 is not available");
    hash->bytes = 0;
}

void oci_hash_update(struct oci_hash *hash, struct str bytes)
{
    if (!EVP_DigestUpdate(hash->context, bytes.data, bytes.len))
        bug("SHA-256 failed");
    hash->bytes += bytes.len;
}

void oci_hash_finish(struct oci_hash *hash, struct oci_digest *ret_digest)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    static const char digits[] = "0123456789abcdef";
    if (!EVP_DigestFinal_ex(hash->context, raw, NULL))
        bug("SHA-256 failed");
    memcpy(ret_digest->text, PREFIX, sizeof PREFIX - 1);
    char *next = ret_digest->text + sizeof PREFIX - 1;
    for (size_t i = 0; i < 32; i++) {
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
    struct oci_hash hash;
    oci_hash_init(&hash);
    oci_hash_update(&hash, bytes);
    oci_hash_finish(&hash, ret_digest);
    oci_hash_release(&hash);
}

enum status oci_digest_of_file(int fd, const char *what, struct oci_digest *ret_digest, uint64_t *ret_bytes, struct error *err)
{
    char piece[65536];
    struct oci_hash hash;
    ssize_t len = 1;
    oci_hash_init(&hash);
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
