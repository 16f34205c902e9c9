/* Fuzz targets over their seeds: the files of tests/fuzz/seeds/TARGET, in the order of their names, as part of the unit tests.
 *
 * A target's seeds are run whole by tests/inputs.c, a program of its own, or with simple damage by a test of the room that includes
 * the target under another name. What a target gets is as long as its memory, so that a sanitizer sees a read behind its end. */
#pragma once

#include "base/buf.h"

typedef int fuzz_target(const uint8_t *data, size_t size); /* LLVMFuzzerTestOneInput */

/* seed: may be changed; name: of its file. */
typedef void seed_visitor(void *env, const char *name, struct buf *seed);

/* Returns how many there are; 0 if the folder cannot be read. */
size_t seeds_each(const char *folder, seed_visitor *visit, void *env);

/* The target over one input. */
void seeds_try(fuzz_target *target, struct str input);

/* The target over each seed: whole; then, at up to `places` places of it, cut there, and with the byte there replaced by each of
 * `bytes`. Returns how many seeds there are. */
size_t seeds_damage(const char *folder, fuzz_target *target, size_t places, struct str bytes);
