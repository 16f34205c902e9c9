#include "wkg/store.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

static void path_of(const char *folder, const struct oci_digest *digest, struct buf *ret_path)
{
    buf_addf(ret_path, "%s/%s", folder, digest->text);
}

enum status wkg_store_load(const char *folder, const struct oci_digest *digest, struct buf *ret_bytes)
{
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
    struct oci_digest found;
    if (!folder)
        return ST_NOT_FOUND;
    path_of(folder, digest, &path);
    if (file_read(path.data, ret_bytes, NULL) == ST_OK) {
        oci_digest_of(buf_str(ret_bytes), &found);
        if (oci_digest_eq(&found, digest))
            return ST_OK;
    }
    buf_clear(ret_bytes);
    return ST_NOT_FOUND;
}

void wkg_store_save(const char *folder, const struct oci_digest *digest, struct str bytes)
{
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
    struct error err;
    if (!folder)
        return;
    path_of(folder, digest, &path);
    if (file_make_folders(folder, 0700, &err) != ST_OK || file_replace(path.data, bytes, &err) != ST_OK)
        log_debug("the package is not cached", LOG_TEXT("reason", err.message));
}
