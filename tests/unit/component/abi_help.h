/* For the tests of the canonical ABI: a guest that is only a memory, types and values as text, random values.
 *
 * The fake guest's memory is a block of exactly its size, and with `moves` every realloc call gives it a new one, so that a stale
 * address or one byte too many is an error that AddressSanitizer sees. Types are written as cm_type_text prints them, values like
 * `{a: 1, b: [true, "x"]}`, `some((1, none))`, `{flag}`; floats by their bits in hexadecimal, chars as U+00E4. */
#pragma once

#include "base/buf.h"
#include "component/abi.h"
#include "component/dynamic.h"

struct fake_guest {
    struct cm_guest guest; /* first; its memory is right only after a refresh */
    uint8_t *block;
    size_t size;
    uint32_t next; /* free memory starts here */
    bool moves;
    uint32_t realloc_calls;
    struct buf trace; /* "0,0,1,5=1024 " for each realloc */
    bool has_answer;  /* realloc returns `answer`, whatever it is asked */
    uint32_t answer;
    enum status status; /* or fails */
    struct cm_call_scope scope;
    struct cm_handles handles;
    struct cm_guest_resources resources;
    struct arena arena;
};

#define FAKE_HEAP 1024 /* where fresh memory starts */

void fake_guest_init(struct fake_guest *fake, size_t size, enum cm_encoding encoding, const struct cm_resource *resources,
                     uint32_t instance);
void fake_guest_release(struct fake_guest *fake);
/* As new, with memory full of 0xaa. */
void fake_guest_reset(struct fake_guest *fake);

/* How lists lie in C, whatever they are of. */
struct c_list {
    void *items;
    size_t len;
};
void put_utf8(struct buf *out, uint32_t c);

/* NULL on nonsense. */
const struct cm_type *type_parse(struct cm_types *types, const char *text);
/* Fills the C value; false on nonsense. What it points to is in the arena. */
bool value_parse(struct arena *arena, const struct cm_type_desc *desc, const char *text, void *ret_value);
struct str value_text(struct arena *arena, const struct cm_type_desc *desc, const void *value);

struct random {
    uint64_t state;
};
uint32_t random_below(struct random *random, uint32_t bound);
const struct cm_type *random_type(struct random *random, struct cm_types *types, unsigned depth);
/* What it points to is in the arena. Floats are never NaN; own and borrow are NULL. */
void random_value(struct random *random, struct arena *arena, const struct cm_type_desc *desc, void *ret_value);
