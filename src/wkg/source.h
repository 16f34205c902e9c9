/* Where a package may come from instead of a registry: a folder, a git repository, an archive.
 *
 * What `wit.sources` maps a namespace ("wasi") or a package ("wasi:http") to is told apart by its text:
 *   git+URL, git@HOST:PATH, ssh://, git://, anything that ends in .git     a repository; `#name` takes a branch, tag or commit
 *   http://, https://                                                      an archive (tar, gzip)
 *   oci://, or HOST/PATH where no such file is                             a registry: <HOST>/<prefix><namespace>[/<name>]
 *   else                                                                   a path, relative to the project
 * Of a folder, repository or archive the packages are those of its WIT folder: the folder itself if it has .wit files, else the
 * first one named `wit`, ten levels deep at most, and those in its `deps`. Nothing is kept of what was fetched: it goes into a
 * temporary folder. */
#pragma once

#include "base/arena.h"
#include "base/cancel.h"
#include "base/error.h"
#include "wkg/package.h"

#define WKG_SOURCE_MAX_DEPTH 10
#define WKG_SOURCE_MAX_FOLDERS 20000
#define WKG_ARCHIVE_MAX_DOWNLOAD (64u << 20)

enum wkg_source_kind { WKG_SOURCE_PATH, WKG_SOURCE_GIT, WKG_SOURCE_ARCHIVE, WKG_SOURCE_REGISTRY };

struct wkg_source {
    enum wkg_source_kind kind;
    struct str key;      /* "ns" or "ns:name" */
    struct str location; /* without `git+`, `oci://` and `#name` */
    struct str ref;      /* git; data NULL: none */
    const char *folder;  /* once it is there: of its WIT, or its one file; the arena's */
};

/* root: the project's. Fails: ST_INVALID key or text, ST_NOT_FOUND a path that is not there. Asks nobody. */
enum status wkg_source_parse(struct str key, struct str text, const char *root, struct arena *arena, struct wkg_source *ret_source,
                             struct error *err) CHECKED;

/* Clones `url` (at `ref`, or NULL) into `folder`, which does not exist yet and whose parent is ours; it refuses addresses that git
 * would take for something else. */
typedef enum status wkg_clone(void *env, const char *url, const char *ref, const char *folder, struct error *err);

struct wkg_fetcher {
    const char *root;      /* of the project */
    const char *temporary; /* an existing folder, ours alone; what is fetched stays in it */
    wkg_clone *clone;
    void *clone_env;
    struct cancel cancel;
    unsigned count; /* of folders made */
};

/* Brings it here, unless it is, and finds its WIT: sets source->folder. Not for registries. */
enum status wkg_source_open(struct wkg_fetcher *fetcher, struct wkg_source *source, struct arena *arena, struct error *err) CHECKED;

/* Itself, not what is below. */
enum status wkg_has_wit_files(const char *folder, struct arena *arena, bool *ret_has, struct error *err) CHECKED;

/* The folder (or file) of WIT below `path`; see above. Fails: ST_NOT_FOUND. */
enum status wkg_find_wit(const char *path, struct arena *arena, const char **ret_folder, struct error *err) CHECKED;
