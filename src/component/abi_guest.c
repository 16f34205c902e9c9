#include "component/abi_guest.h"

enum status cm_trap_text(const struct cm_guest *guest, struct error *err, const char *between_guests, const char *with_host, ...)
{
    if (guest->between_guests)
        return fail(err, ST_TRAP, "wasm trap: %s", between_guests);
    va_list args;
    va_start(args, with_host);
    enum status status = fail_v(err, ST_TRAP, with_host, args);
    va_end(args);
    return status;
}

enum status cm_range_outside(const struct cm_guest *guest, enum cm_range range, struct error *err)
{
    switch (range) {
    case CM_RANGE_STRING:
        return cm_trap_text(guest, err, "string content out-of-bounds", "string pointer/length out of bounds of memory");
    case CM_RANGE_LIST:
        return cm_trap_text(guest, err, "list content out-of-bounds", "list pointer/length out of bounds of memory");
    case CM_RANGE_RETURN:
        return cm_trap_text(guest, err, "out of bounds memory access", "pointer out of bounds of memory");
    default:
        return cm_trap_text(guest, err, "out of bounds memory access", "pointer out of bounds");
    }
}

enum status cm_range_unaligned(const struct cm_guest *guest, enum cm_range range, uint32_t align, struct error *err)
{
    switch (range) {
    case CM_RANGE_STRING:
        return cm_trap_text(guest, err, "unaligned pointer", "string pointer not aligned to %u", align);
    case CM_RANGE_LIST:
        return cm_trap_text(guest, err, "unaligned pointer", "list pointer is not aligned");
    case CM_RANGE_RETURN:
        return cm_trap_text(guest, err, "unaligned pointer", "return pointer not aligned");
    default:
        return cm_trap_text(guest, err, "unaligned pointer", "pointer not aligned");
    }
}

enum status cm_budget_exhausted(struct error *err)
{
    return fail(err, ST_TRAP,
                "too much data is being copied between the host and the guest: the copy budget of the call has been exhausted");
}

enum status cm_guest_room(struct cm_guest *guest, uint64_t size, uint32_t align, void **ret_room, struct error *err)
{
    TRY(cm_guest_charge(guest, size, err));
    *ret_room = arena_try(guest->arena, size, align);
    return *ret_room ? ST_OK : cm_budget_exhausted(err);
}

enum status cm_guest_realloc(struct cm_guest *guest, enum cm_range range, uint32_t old, uint32_t old_size, uint32_t align,
                             uint32_t new_size, uint32_t *ret_address, struct error *err)
{
    uint32_t address;
    if (new_size > old_size)
        TRY(cm_guest_charge(guest, new_size - old_size, err));
    TRY(guest->ops->realloc(guest, old, old_size, align, new_size, &address, err));
    guest->ops->refresh(guest);
    if (address & (align - 1))
        return cm_trap_text(guest, err, "unaligned pointer", "realloc return: result not aligned");
    if ((uint64_t)address + new_size > guest->memory_size)
        return guest->between_guests ? cm_range_outside(guest, range, err)
                                     : fail(err, ST_TRAP, "realloc return: beyond end of memory");
    *ret_address = address;
    return ST_OK;
}
