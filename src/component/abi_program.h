/* What a program is made of: private to the compiler (abi_compile.c) and the interpreter (abi_run.c).
 *
 * An operation has an offset on each end, relative to where the program is run. How wide its loads and stores are was decided when
 * it was compiled: a slot of a FLAT end is loaded as the 1 to 8 low bytes and stored as 8. Branches go to operations of the same
 * program. A program that is a list's element is run once per item, each end moving by its size. */
#pragma once

#include "component/abi_guest.h"

enum cm_form { CM_FORM_FLAT, CM_FORM_MEMORY, CM_FORM_C };

#define CM_SLOT sizeof(union engine_raw)
#define CM_SLOT_WIDTH 16 /* as a store's width: a slot, zero-extended to 64 bits */
_Static_assert(sizeof(union engine_raw) == CM_SLOT_WIDTH, "slots are raw values");

enum cm_opcode {
    CM_OP_END,
    CM_OP_JUMP,    /* to arg */
    CM_OP_BRANCH,  /* two cases: case 0 follows, case 1 is at arg */
    CM_OP_VARIANT, /* arg cases: that many CM_OP_JUMP follow */
    CM_OP_COPY_1,
    CM_OP_COPY_2,
    CM_OP_COPY_4,
    CM_OP_COPY_8,
    CM_OP_BYTES, /* arg of them */
    CM_OP_SLOT_U8,
    CM_OP_SLOT_S8,
    CM_OP_SLOT_U16,
    CM_OP_SLOT_S16,
    CM_OP_SLOT_4,
    CM_OP_SLOT_8,
    CM_OP_F32,
    CM_OP_F64,
    CM_OP_BOOL,
    CM_OP_CHAR,
    CM_OP_FLAGS, /* arg: mask */
    CM_OP_ENUM,  /* arg: cases */

    CM_OP_CALL, /* arg: sub; count times */
    CM_OP_LIFT_STRING,
    CM_OP_LIFT_POD, /* arg: sub, of which only sizes matter */
    CM_OP_LIFT_LIST,
    CM_OP_LIFT_OWN, /* arg: resource, in all of these */
    CM_OP_LIFT_OWN_GUEST,
    CM_OP_LIFT_BORROW,
    CM_OP_LIFT_STREAM, /* arg: type, in all of these */
    CM_OP_LIFT_FUTURE,
    CM_OP_LOWER_STRING,
    CM_OP_LOWER_POD,
    CM_OP_LOWER_LIST,
    CM_OP_LOWER_OWN,
    CM_OP_LOWER_OWN_GUEST,
    CM_OP_LOWER_BORROW,
    CM_OP_LOWER_BORROW_GUEST,
    CM_OP_LOWER_STREAM,
    CM_OP_LOWER_FUTURE,
    CM_OP_MOVE_STRING,
    CM_OP_MOVE_POD,
    CM_OP_MOVE_LIST,
    CM_OP_MOVE_OWN,
    CM_OP_MOVE_BORROW,
    CM_OP_MOVE_STREAM,
    CM_OP_MOVE_FUTURE,
};

struct cm_op {
    uint8_t code;
    uint8_t in_width, out_width; /* strings and lists: from the address to the length */
    uint8_t slots;               /* BRANCH, VARIANT to a FLAT end: payload slots, zeroed first */
    uint32_t in, out;
    uint32_t arg;
};

struct cm_sub {
    const struct cm_program *program;
    uint32_t count;
};

struct cm_program {
    const struct cm_op *ops;
    const struct cm_sub *subs;
    uint32_t in_size, in_align, out_size, out_align; /* of one value at each end; 0 where FLAT */
    uint8_t in_form, out_form;
    bool has_pointer; /* needs memory even if FLAT */
};

/* Runs `program` `count` times from src to dst. in, out: the guests at its ends, NULL at a C end. src and dst were checked for the
 * program's sizes. *ret_owns: how many host-owned values got through, also on failure. */
enum status cm_program_run(const struct cm_program *program, struct cm_guest *in, const void *src, struct cm_guest *out, void *dst,
                           uint32_t *ret_owns, struct error *err) CHECKED;

/* Drops the host objects owned by a C value: `skip` of them in the order of programs are left alone, then at most `limit` dropped.
 * Reads nothing beyond the last of these. */
struct cm_discard {
    uint32_t skip, limit;
};
void cm_discard_value(struct cm_discard *discard, const struct cm_type_desc *desc, const void *value);
