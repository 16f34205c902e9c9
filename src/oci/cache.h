/* The cache of pulled artifacts, shared by every wash process of a user.
 *
 *   <folder>/<reference, with _ for / : @>_<first 8 hex digits of its SHA-256>/
 *       <name>.wasm    the artifact
 *       digest         of the manifest that the reference named when it was pulled
 *       layer          of what the two others belong to: reference, manifest, digest and size of the artifact
 *       lock           held while the entry is filled
 *
 * A file appears by rename, and an entry counts only if `layer` agrees with `digest`, with the reference, and with the bytes of the
 * artifact, which are hashed each time: what a crash, a full disk or another program left there is not used but replaced. The
 * folder must be ours and not writable by others. It has at most OCI_CACHE_MAX_BYTES of artifacts after a pull, unless more are in
 * use: those that were used longest ago go. Any thread; each object is used by one at a time. */
#pragma once

#include "base/lock.h"
#include "oci/digest.h"
#include "oci/reference.h"

#define OCI_CACHE_MAX_BYTES (10ull << 30)

struct oci_cache;

/* Creates the folder (mode 0700) if it is not there. Fails: ST_DENIED it belongs to others or cannot be written, ST_IO and its kin:
 * a caller may then go on without a cache. */
enum status oci_cache_open(const char *folder, struct oci_cache **ret_cache, struct error *err) CHECKED;
void oci_cache_close(struct oci_cache *cache);

/* An entry, locked against other processes and threads until it is closed. */
struct oci_cache_entry {
    char *path; /* of its folder */
    char *name; /* of the artifact in it */
    char *reference;
    int folder, lock;
    int writing; /* the file being filled, or -1 */
};

/* What an entry holds. */
struct oci_cached {
    int fd; /* of the artifact, open for reading; the caller closes */
    uint64_t bytes;
    struct oci_digest manifest, layer;
};

/* Waits for whoever has the lock (base/lock.h). Fails: ST_CANCELLED, ST_DENIED, ST_LIMIT no space, ST_IO. */
enum status oci_cache_lock(struct oci_cache *cache, const struct oci_reference *reference, struct cancel cancel,
                           struct notice notice, struct oci_cache_entry *ret_entry, struct error *err) CHECKED;
void oci_cache_unlock(struct oci_cache_entry *entry); /* drops what was begun and not finished; harmless on a zeroed one */

/* ST_NOT_FOUND: nothing, or nothing that can be trusted. */
enum status oci_cache_load(struct oci_cache_entry *entry, struct oci_cached *ret_cached, struct error *err) CHECKED;

/* A new empty file to write the artifact to, then oci_cache_finish; it belongs to the entry. */
enum status oci_cache_begin(struct oci_cache_entry *entry, int *ret_fd, struct error *err) CHECKED;
void oci_cache_drop(struct oci_cache_entry *entry); /* takes that back, and closes the file; harmless if there is none */
/* The file, whose digest and size the caller has verified, becomes the entry's artifact. */
enum status oci_cache_finish(struct oci_cache_entry *entry, const struct oci_digest *manifest, const struct oci_digest *layer,
                             uint64_t bytes, struct error *err) CHECKED;
/* The artifact stays, the reference names another manifest now. */
enum status oci_cache_rename(struct oci_cache_entry *entry, const struct oci_digest *manifest, const struct oci_digest *layer,
                             uint64_t bytes, struct error *err) CHECKED;

/* Removes entries, the one that was used longest ago first, until the artifacts that stay have at most so many bytes. An entry that is
 * locked, or whose artifact somebody has open as oci_cache_load or oci_cache_begin gave it, is in use and stays. What cannot be
 * removed is passed over. */
void oci_cache_trim(struct oci_cache *cache, uint64_t max_bytes);

/* "<folder>/<entry>/<name>.wasm"; the caller frees. */
char *oci_cache_path(const struct oci_cache_entry *entry);
