/* wasi:random: random, insecure, insecure-seed. */
#include "base/mem.h"
#include "io/shard.h"
#include "wasi/bindings.h"
#include "wasi/wasi.h"
#include <errno.h>
#include <sys/random.h>

void wasi_random_fill(void *data, size_t len)
{
    for (uint8_t *at = data; len > 0;) {
        ssize_t n = getrandom(at, len, 0);
        if (n < 0 && errno != EINTR)
            bug("getrandom: %s", strerror(errno));
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
}

static uint64_t rotate(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

uint64_t wasi_prng_next(struct wasi_prng *prng)
{
    if (!prng->seeded) {
        wasi_random_fill(prng->state, sizeof prng->state);
        prng->state[0] |= 1; /* never all zero */
        prng->seeded = true;
    }
    uint64_t *s = prng->state, result = rotate(s[1] * 5, 7) * 9, shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

#define RANDOM_BYTES_MAX (64u << 20) /* of one call */
#define RANDOM_STEP (64u << 10)      /* bytes between which other tasks may run */

/* Room for the bytes a guest asks for, within the call's copy budget. */
static enum status room(struct cm_call *call, uint64_t len, struct cm_list_u8 *ret, uint8_t **ret_bytes)
{
    *ret_bytes = len > RANDOM_BYTES_MAX ? NULL : arena_try(cm_call_arena(call), MAX(len, 1), 8);
    if (!*ret_bytes)
        return cm_trap(call, "%llu random bytes are more than one call may return (%u)", (unsigned long long)len, RANDOM_BYTES_MAX);
    *ret = (struct cm_list_u8){*ret_bytes, len};
    return ST_OK;
}

enum status wasi_random_random_get_random_bytes(struct cm_call *call, uint64_t len, struct cm_list_u8 *ret)
{
    uint8_t *bytes;
    TRY(room(call, len, ret, &bytes));
    for (uint64_t at = 0; at < len; at += RANDOM_STEP) {
        if (at > 0)
            io_yield();
        wasi_random_fill(bytes + at, MIN(RANDOM_STEP, len - at));
    }
    return ST_OK;
}

enum status wasi_random_random_get_random_u64(struct cm_call *call UNUSED, uint64_t *ret)
{
    wasi_random_fill(ret, sizeof *ret);
    return ST_OK;
}

enum status wasi_random_insecure_get_insecure_random_bytes(struct cm_call *call, uint64_t len, struct cm_list_u8 *ret)
{
    uint8_t *bytes;
    TRY(room(call, len, ret, &bytes));
    for (uint64_t at = 0; at < len; at += sizeof(uint64_t)) {
        if (at > 0 && at % RANDOM_STEP == 0)
            io_yield();
        uint64_t word = wasi_prng_next(&wasi_of(call)->prng);
        memcpy(bytes + at, &word, MIN(sizeof word, len - at));
    }
    return ST_OK;
}

enum status wasi_random_insecure_get_insecure_random_u64(struct cm_call *call, uint64_t *ret)
{
    *ret = wasi_prng_next(&wasi_of(call)->prng);
    return ST_OK;
}

enum status wasi_random_insecure_seed_insecure_seed(struct cm_call *call, struct cm_tuple_u64_u64 *ret)
{
    ret->f0 = wasi_prng_next(&wasi_of(call)->prng);
    ret->f1 = wasi_prng_next(&wasi_of(call)->prng);
    return ST_OK;
}
