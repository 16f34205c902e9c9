/* Releases of wash: what the API of a forge says of them, and the manifest that we sign.
 *
 * The API (GitHub's) tells which versions there are and where their files are. It is believed in nothing else: a file is used only
 * if the release has a manifest that names it with its size and SHA-256, signed by the key that this wash was built with. The
 * manifest names its version too, so that an old one cannot be passed off as new. Nothing here waits or knows of the network. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "cli/version.h"

#define RELEASE_LIST_MAX_BYTES (4u << 20)
#define RELEASE_MANIFEST_MAX_BYTES (64u << 10)
#define RELEASE_SIGNATURE_BYTES 64
#define RELEASE_KEY_BYTES 32
#define RELEASE_FILE_MAX_BYTES (1ull << 30)
#define RELEASE_MANIFEST_NAME "wash-manifest.json"
#define RELEASE_SIGNATURE_NAME "wash-manifest.json.sig"

/* How far an update may go from the current version. */
enum release_reach {
    RELEASE_LATEST, /* whatever the API calls the latest */
    RELEASE_PATCH,  /* the same major and minor version */
    RELEASE_MINOR,  /* the same major version */
    RELEASE_MAJOR,  /* any */
};

struct release {
    struct str tag;
    struct cli_version version;
    struct release_asset {
        struct str name;
        uint64_t id;
    } * assets;
    size_t asset_count;
};

/* Reads what the API answers: one release, or a list of which the newest within reach of `current` is taken, without drafts and
 * prereleases. ST_NOT_FOUND: none is; ST_INVALID. All memory is in the arena. */
enum status release_parse(struct str json, enum release_reach reach, const struct cli_version *current, struct arena *arena,
                          struct release *ret_release, struct error *err) CHECKED;
const struct release_asset *release_asset(const struct release *release, struct str name); /* or NULL */

struct release_file {
    uint64_t size;
    uint8_t sha256[32];
};

/* `key`: base64 of an Ed25519 public key. ST_DENIED: the signature is not of this key over these bytes; ST_INVALID: the key. */
enum status release_check_signature(struct str manifest, struct str signature, struct str key, struct error *err) CHECKED;

/* Looks a file up in a manifest whose signature is good. ST_DENIED: the manifest is of another version or product; ST_NOT_FOUND: it
 * does not name the file; ST_INVALID. */
enum status release_manifest_file(struct str manifest, const struct cli_version *version, struct str name,
                                  struct release_file *ret_file, struct error *err) CHECKED;
