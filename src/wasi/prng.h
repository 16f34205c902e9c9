/* A small fast generator for wasi:random/insecure: xoshiro256**, seeded from the kernel. Not for secrets. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wasi_prng {
    uint64_t state[4];
    bool seeded;
};

uint64_t wasi_prng_next(struct wasi_prng *prng);
void wasi_random_fill(void *data, size_t len); /* from the kernel, secure */
