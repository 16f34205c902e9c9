/* Inside the artifact cache: what its entries (cache.c) and its bound (trim.c) share. */
#pragma once

#include "oci/cache.h"

#define OCI_CACHE_LOCK "lock" /* its time is when the entry was last used */
#define OCI_CACHE_DIGEST "digest"
#define OCI_CACHE_RECORD "layer"

struct oci_cache {
    char *path;
    int folder;
};
