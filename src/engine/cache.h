/* The code cache: compiled modules in a private folder, each with a word of what else was found out about it.
 *
 * A file's name is the SHA-256 of everything that decides its content, so nothing is ever invalidated, only evicted by age when the
 * folder outgrows its bound. Machine code is loaded only from a folder and a file that belong to us and that nobody else can write,
 * and only if its checksum holds (a machine that crashed may leave a half-written file behind). Thread-safe; several processes may
 * share a folder: files appear by rename. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include <sys/types.h>

struct code_cache;

#define CODE_CACHE_DEFAULT_BYTES (1024ull << 20)

struct code_key {
    char name[65]; /* lower-case hex, NUL */
};

/* dir        created with mode 0700 when it is not there; NULL: $XDG_CACHE_HOME/wash/code, else $HOME/.cache/wash/code
 * identity   what else decides the machine code (engine version, configuration); part of every key
 * max_bytes  of all files; the oldest go first
 * Fails: ST_DENIED the folder is not ours alone, ST_NOT_FOUND no folder to use, ST_IO. */
enum status code_cache_open(const char *dir, struct str identity, uint64_t max_bytes, struct code_cache **ret_cache,
                            struct error *err) CHECKED;
void code_cache_close(struct code_cache *cache);

void code_cache_key(const struct code_cache *cache, struct str bytes, struct code_key *ret_key);

/* An open descriptor of the code for `key`, verified; the caller closes it. ST_NOT_FOUND when there is none that may be used: a
 * file with a wrong owner or mode is left alone, one with a wrong checksum is removed.
 * facts: the caller's bits, as sure as the code is: under the same checksum, and what they mean is part of `identity`. */
enum status code_cache_load(struct code_cache *cache, const struct code_key *key, int *ret_descriptor, uint64_t *ret_facts) CHECKED;
enum status code_cache_store(struct code_cache *cache, const struct code_key *key, struct str code, uint64_t facts,
                             struct error *err) CHECKED;
void code_cache_remove(struct code_cache *cache, const struct code_key *key);
