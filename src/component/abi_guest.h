/* One guest's memory as the canonical ABI sees it: checked ranges, realloc with all its checks, the copy budget, and the wording of
 * traps. Private to the ABI's files. Source: CanonicalABI.md "Lifting and Lowering Context"; messages as Wasmtime's. */
#pragma once

#include "component/abi.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "guest memory is little-endian and is read in place");

/* What a range holds: it decides the message. */
enum cm_range {
    CM_RANGE_STRING,
    CM_RANGE_LIST,
    CM_RANGE_POINTER, /* parameters or results in memory, at an address that the guest passed */
    CM_RANGE_RETURN,  /* an export's result in memory, at the address it returned */
};

enum status cm_range_outside(const struct cm_guest *guest, enum cm_range range, struct error *err);
enum status cm_range_unaligned(const struct cm_guest *guest, enum cm_range range, uint32_t align, struct error *err);
enum status cm_budget_exhausted(struct error *err);

static inline enum status cm_guest_check(const struct cm_guest *guest, enum cm_range range, uint32_t address, uint64_t size,
                                         uint32_t align, struct error *err)
{
    if (__builtin_expect(address & (align - 1), 0))
        return cm_range_unaligned(guest, range, align, err);
    if (__builtin_expect(address + size > guest->memory_size, 0))
        return cm_range_outside(guest, range, err);
    return ST_OK;
}

static inline enum status cm_guest_charge(struct cm_guest *guest, uint64_t bytes, struct error *err)
{
    if (__builtin_expect(bytes > guest->budget_bytes, 0))
        return cm_budget_exhausted(err);
    guest->budget_bytes -= bytes;
    return ST_OK;
}

/* Room in the call's arena, paid from the budget. */
enum status cm_guest_room(struct cm_guest *guest, uint64_t size, uint32_t align, void **ret_room, struct error *err);

/* realloc; on return memory and memory_size are fresh and [*ret_address, + new_size) is aligned and in bounds. */
enum status cm_guest_realloc(struct cm_guest *guest, enum cm_range range, uint32_t old, uint32_t old_size, uint32_t align,
                             uint32_t new_size, uint32_t *ret_address, struct error *err);

static inline enum status cm_guest_alloc(struct cm_guest *guest, enum cm_range range, uint32_t align, uint32_t size,
                                         uint32_t *ret_address, struct error *err)
{
    return cm_guest_realloc(guest, range, 0, 0, align, size, ret_address, err);
}

/* "..." after "wasm trap: " when a guest is on the other side too. */
enum status cm_trap_text(const struct cm_guest *guest, struct error *err, const char *between_guests, const char *with_host, ...)
    PRINTF(4, 5);
