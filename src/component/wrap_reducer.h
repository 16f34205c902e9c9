/* What the files that cut an adapter down share: wrap_adapter.c finds what is used, wrap_adapter_write.c writes it, both with the
 * walk over code of wrap_adapter_code.c. */
#pragma once

#include "component/reader.h"
#include "component/wrap_private.h"

enum space { SPACE_TYPE, SPACE_FUNC, SPACE_GLOBAL, SPACE_COUNT };

struct reducer {
    struct wrapper *w;
    struct wrap_module *adapter;
    const struct module_info *info;
    uint32_t counts[SPACE_COUNT];
    bool *live[SPACE_COUNT];
    uint32_t *renamed[SPACE_COUNT]; /* old index -> new, of live ones */
    struct str *inits;              /* of globals: type, mutability and initial value, as they stand */
    VEC(uint32_t) reached;          /* functions whose bodies are to be looked into */
    bool memory_live;
    uint32_t stack_pointer, allocation_state; /* globals, or WRAP_NONE */
    struct str realloc;                       /* the main module's, or empty */
    struct wit_sink *out;                     /* NULL: what instructions name becomes live; else they are copied here, renamed */
};

/* ST_UNSUPPORTED: an adapter cannot have it. */
enum status reducer_refuse(struct reducer *r, const char *what) CHECKED;

/* What `index` needs as well; a function's code is yet to be looked into. */
void reducer_reach(struct reducer *r, enum space space, uint32_t index);

/* The code of a function that is defined: its locals, then its instructions up to the end. */
struct cm_reader reducer_body(const struct reducer *r, uint32_t function);
enum status reducer_locals(struct reducer *r, struct cm_reader *code) CHECKED;
enum status reducer_code(struct reducer *r, struct cm_reader *code) CHECKED;
/* The constant that a global starts as, with its end. */
enum status reducer_constant(struct reducer *r, struct cm_reader *code) CHECKED;

/* Writes the module of what is live, `required` exported, into `m`. */
enum status reducer_write(struct reducer *r, struct wrap_writer *m, const struct map *required) CHECKED;
