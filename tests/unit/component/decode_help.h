/* Component text, assembled and decoded, for tests. */
#pragma once

#include "base/buf.h"
#include "component/ir.h"

struct decoded {
    struct arena arena;
    struct buf binary;
    struct cm_types *types;
    struct cm_ir ir;
    struct error err;
    enum status status;
};

/* Text that does not assemble is a failed test: the program ends. Release it in any case. */
void decode_text(struct decoded *decoded, const char *text, uint32_t gates);
void decode_bytes(struct decoded *decoded, struct str bytes, uint32_t gates);
void decoded_release(struct decoded *decoded);
#define autodecoded __attribute__((cleanup(decoded_release)))

/* The nth definition of a kind, or NULL. */
const struct cm_def *find_def(const struct cm_body *body, enum cm_def_kind kind, unsigned nth);
bool error_has(const struct error *err, const char *part);
