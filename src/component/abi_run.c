#include "component/abi_program.h"
#include "component/abi_text.h"

struct run {
    struct cm_guest *in, *out; /* NULL: C */
    struct error *err;
    uint32_t owns;
    uintptr_t views; /* where out's memory was at the start: results may be views of it */
    uint64_t views_size;
};

struct c_list {
    const void *items;
    size_t len;
};

static enum status run_items(struct run *r, const struct cm_program *program, const uint8_t *src, uint8_t *dst, uint32_t count);

/* --- loads and stores --------------------------------------------------------------------------------------------------------- */

static inline uint32_t load_u32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t load_u64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store_u64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, sizeof v);
}

static inline uint32_t load_width(const uint8_t *p, uint8_t width)
{
    uint16_t v;
    switch (width) {
    case 1:
        return *p;
    case 2:
        memcpy(&v, p, sizeof v);
        return v;
    default:
        return load_u32(p);
    }
}

static inline void store_width(uint8_t *p, uint8_t width, uint32_t value)
{
    switch (width) {
    case 1:
        *p = (uint8_t)value;
        break;
    case 2:
        memcpy(p, &(uint16_t){(uint16_t)value}, 2);
        break;
    case 4:
        memcpy(p, &value, 4);
        break;
    default:
        store_u64(p, value);
        break;
    }
}

static inline void store_pair(uint8_t *p, uint8_t width, uint32_t address, uint32_t len)
{
    store_width(p, width, address);
    store_width(p + width, width, len);
}

static void store_pointer(uint8_t *p, uint64_t pointer)
{
    store_u64(p, pointer);
}

/* Where `to` is again once the guest has run and its memory may have moved. */
struct spot {
    const struct run *run;
    uint8_t *pointer;
    size_t offset;
    bool is_memory;
};

static struct spot spot_of(const struct run *r, const struct cm_program *program, uint8_t *to)
{
    bool is_memory = program->out_form == CM_FORM_MEMORY;
    return (struct spot){r, to, is_memory ? (size_t)(to - r->out->memory) : 0, is_memory};
}

static uint8_t *spot_now(const struct spot *spot)
{
    return spot->is_memory ? spot->run->out->memory + spot->offset : spot->pointer;
}

/* --- checked scalars ---------------------------------------------------------------------------------------------------------- */

static enum status bad_char(uint32_t c, struct error *err)
{
    return fail(err, ST_TRAP, "wasm trap: invalid `char` bit pattern 0x%x", c);
}

static enum status bad_discriminant(const struct run *r, uint32_t value, uint32_t count)
{
    if (!r->in)
        return fail(r->err, ST_TRAP, "the host's value has discriminant %u out of range [0..%u)", value, count);
    return cm_trap_text(r->in, r->err, "invalid variant discriminant", "discriminant %u out of range [0..%u)", value, count);
}

static inline enum status run_char(const struct run *r, const struct cm_op *op, const uint8_t *from, uint8_t *to)
{
    uint32_t c = load_u32(from);
    if (__builtin_expect(c >= 0x110000 || (c & 0xfffff800) == 0xd800, 0))
        return bad_char(c, r->err);
    store_width(to, op->out_width, c);
    return ST_OK;
}

/* Discriminants: loads, checks, stores, and clears the payload's slots. */
static inline enum status run_choice(const struct run *r, const struct cm_op *op, uint32_t count, const uint8_t *from, uint8_t *to,
                                     uint32_t *ret_case)
{
    uint32_t value = load_width(from, op->in_width);
    if (__builtin_expect(value >= count, 0))
        return bad_discriminant(r, value, count);
    store_width(to, op->out_width, value);
    for (unsigned i = 1; i <= op->slots; i++)
        store_u64(to + i * CM_SLOT, 0);
    *ret_case = value;
    return ST_OK;
}

static inline void run_f32(const struct cm_op *op, const uint8_t *from, uint8_t *to)
{
    uint32_t bits = load_u32(from);
    if (__builtin_expect((bits & 0x7fffffff) > 0x7f800000, 0))
        bits = 0x7fc00000;
    store_width(to, op->out_width, bits);
}

static inline void run_f64(const uint8_t *from, uint8_t *to)
{
    uint64_t bits = load_u64(from);
    if (__builtin_expect((bits & INT64_MAX) > 0x7ff0000000000000, 0))
        bits = 0x7ff8000000000000;
    store_u64(to, bits);
}

/* --- strings ------------------------------------------------------------------------------------------------------------------ */

static enum status run_lift_string(struct run *r, const struct cm_op *op, const uint8_t *from, uint8_t *to)
{
    struct cm_text text;
    struct str s;
    TRY(cm_text_load(r->in, load_u32(from), load_u32(from + op->in_width), &text, r->err));
    TRY(cm_text_lift(r->in, &text, &s, r->err));
    memcpy(to, &s, sizeof s);
    return ST_OK;
}

/* A result may be a view of the very memory that realloc is about to change, and may have moved: such bytes are set aside first. */
static enum status set_aside(struct run *r, const void **data, size_t len)
{
    uintptr_t offset = (uintptr_t)*data - r->views;
    if (offset >= r->views_size || len == 0)
        return ST_OK;
    if (len > r->views_size - offset)
        return fail(r->err, ST_TRAP, "the host's value begins inside the guest's memory and ends outside");
    void *room;
    TRY(cm_guest_room(r->out, len, _Alignof(max_align_t), &room, r->err));
    memcpy(room, r->out->memory + offset, len);
    *data = room;
    return ST_OK;
}

static enum status store_text(struct run *r, const struct cm_program *program, const struct cm_op *op, const struct cm_text *text,
                              uint8_t *to)
{
    struct spot spot = spot_of(r, program, to);
    uint32_t address, units;
    TRY(cm_text_store(r->out, text, &address, &units, r->err));
    store_pair(spot_now(&spot), op->out_width, address, units);
    return ST_OK;
}

static enum status run_lower_string(struct run *r, const struct cm_program *program, const struct cm_op *op, const uint8_t *from,
                                    uint8_t *to)
{
    struct str s;
    struct cm_text text;
    memcpy(&s, from, sizeof s);
    const void *data = s.data;
    TRY(set_aside(r, &data, s.len));
    TRY(cm_text_of_host(str_n(data, s.len), &text, r->err));
    return store_text(r, program, op, &text, to);
}

static enum status run_move_string(struct run *r, const struct cm_program *program, const struct cm_op *op, const uint8_t *from,
                                   uint8_t *to)
{
    struct cm_text text;
    TRY(cm_text_load(r->in, load_u32(from), load_u32(from + op->in_width), &text, r->err));
    return store_text(r, program, op, &text, to);
}

/* --- lists -------------------------------------------------------------------------------------------------------------------- */

static const max_align_t nothing; /* what empty lists point to */

/* A guest's list: its bytes are checked as a whole. */
static enum status load_list(const struct run *r, const struct cm_op *op, const struct cm_program *item, const uint8_t *from,
                             const uint8_t **ret_items, uint32_t *ret_len)
{
    uint32_t address = load_u32(from), len = load_u32(from + op->in_width);
    uint64_t size = (uint64_t)len * item->in_size;
    TRY(cm_guest_check(r->in, CM_RANGE_LIST, address, size, item->in_align, r->err));
    if (size > CM_MAX_BYTES)
        return cm_trap_text(r->in, r->err, "list content out-of-bounds", "list of %llu bytes is longer than the maximum of %u",
                            (unsigned long long)size, CM_MAX_BYTES);
    *ret_items = r->in->memory + address;
    *ret_len = len;
    return ST_OK;
}

static enum status run_lift_list(struct run *r, const struct cm_op *op, const struct cm_program *item, const uint8_t *from,
                                 uint8_t *to, bool is_pod)
{
    const uint8_t *items;
    uint32_t len;
    void *room = NULL;
    TRY(load_list(r, op, item, from, &items, &len));
    struct c_list list = {len ? items : (const void *)&nothing, len};
    bool is_view = len == 0 || (is_pod && !r->in->copies);
    if (!is_view) {
        uint64_t size = (uint64_t)len * item->out_size;
        TRY(cm_guest_room(r->in, size, item->out_align, &room, r->err));
        list.items = room;
        if (is_pod)
            memcpy(room, items, size);
    }
    memcpy(to, &list, sizeof list);
    return is_view || is_pod ? ST_OK : run_items(r, item, items, room, len);
}

/* Makes room in the guest, stores address and length at `to`, and then the items. */
static enum status store_list(struct run *r, const struct cm_program *program, const struct cm_op *op,
                              const struct cm_program *item, const uint8_t *items, uint32_t len, uint8_t *to, bool is_pod)
{
    struct spot spot = spot_of(r, program, to);
    uint32_t address, size = len * item->out_size;
    TRY(cm_guest_alloc(r->out, CM_RANGE_LIST, item->out_align, size, &address, r->err));
    store_pair(spot_now(&spot), op->out_width, address, len);
    if (!is_pod)
        return run_items(r, item, items, r->out->memory + address, len);
    if (size)
        memcpy(r->out->memory + address, items, size);
    return ST_OK;
}

static enum status run_lower_list(struct run *r, const struct cm_program *program, const struct cm_op *op,
                                  const struct cm_program *item, const uint8_t *from, uint8_t *to, bool is_pod)
{
    struct c_list list;
    memcpy(&list, from, sizeof list);
    if (list.len > CM_MAX_BYTES / item->out_size)
        return fail(r->err, ST_TRAP, "list of %zu items of %u bytes too large to copy into wasm", list.len, item->out_size);
    if (is_pod)
        TRY(set_aside(r, &list.items, list.len * item->in_size));
    return store_list(r, program, op, item, list.items, (uint32_t)list.len, to, is_pod);
}

static enum status run_move_list(struct run *r, const struct cm_program *program, const struct cm_op *op,
                                 const struct cm_program *item, const uint8_t *from, uint8_t *to, bool is_pod)
{
    const uint8_t *items;
    uint32_t len;
    TRY(load_list(r, op, item, from, &items, &len));
    return store_list(r, program, op, item, items, len, to, is_pod);
}

/* --- handles ------------------------------------------------------------------------------------------------------------------ */

static enum status no_guest_resources(struct error *err)
{
    return fail(err, ST_TRAP, "this instance's resources cannot be passed to the host");
}

static enum status run_lift_own(struct run *r, const struct cm_op *op, const uint8_t *from, uint8_t *to)
{
    uint64_t rep;
    TRY(cm_resource_take(r->in->handles, op->arg, load_u32(from), &rep, r->err));
    store_pointer(to, rep);
    r->owns++;
    return ST_OK;
}

static enum status run_lift_own_guest(struct run *r, const struct cm_op *op, const uint8_t *from, uint8_t *to)
{
    uint64_t rep;
    struct cm_guest_resource *object;
    if (!r->in->guest_resources)
        return no_guest_resources(r->err);
    TRY(cm_resource_take(r->in->handles, op->arg, load_u32(from), &rep, r->err));
    TRY(cm_guest_resource_new(r->in->guest_resources, op->arg, rep, &object, r->err));
    store_pointer(to, (uintptr_t)object);
    return ST_OK;
}

static enum status run_lift_borrow(struct run *r, const struct cm_op *op, const uint8_t *from, uint8_t *to)
{
    uint64_t rep;
    TRY(cm_resource_lend(r->in->handles, op->arg, load_u32(from), r->in->scope, &rep, r->err));
    store_pointer(to, rep);
    return ST_OK;
}

static enum status host_object(struct run *r, const struct cm_op *op, const uint8_t *from, uint64_t *ret_rep)
{
    *ret_rep = load_u64(from);
    if (*ret_rep)
        return ST_OK;
    const struct cm_resource_desc *desc = r->out->handles->resources[op->arg].host;
    return fail(r->err, ST_TRAP, "the host passed no `%s` where one is needed", desc->name);
}

static enum status run_lower_own(struct run *r, const struct cm_op *op, const uint8_t *from, uint8_t *to)
{
    uint64_t rep;
    uint32_t index;
    TRY(host_object(r, op, from, &rep));
    TRY(cm_resource_new(r->out->handles, op->arg, rep, &index, r->err));
    store_width(to, op->out_width, index);
    r->owns++;
    return ST_OK;
}

static enum status run_lower_own_guest(struct run *r, const struct cm_op *op, const uint8_t *from, uint8_t *to)
{
    uint64_t rep;
    uint32_t index;
    struct cm_guest_resource *object = (void *)(uintptr_t)load_u64(from);
    if (!r->out->guest_resources)
        return no_guest_resources(r->err);
    TRY(cm_guest_resource_take(r->out->guest_resources, op->arg, object, &rep, r->err));
    TRY(cm_resource_new(r->out->handles, op->arg, rep, &index, r->err));
    store_width(to, op->out_width, index);
    return ST_OK;
}

static enum status run_lower_borrow(struct run *r, const struct cm_op *op, const uint8_t *from, uint8_t *to)
{
    uint64_t rep;
    uint32_t value;
    if (op->code == CM_OP_LOWER_BORROW) {
        TRY(host_object(r, op, from, &rep));
    } else {
        struct cm_guest_resource *object = (void *)(uintptr_t)load_u64(from);
        if (!r->out->guest_resources)
            return no_guest_resources(r->err);
        TRY(cm_guest_resource_lend(r->out->guest_resources, op->arg, object, r->out->scope, &rep, r->err));
    }
    TRY(cm_resource_borrow(r->out->handles, op->arg, rep, r->out->scope, &value, r->err));
    store_width(to, op->out_width, value);
    return ST_OK;
}

static enum status run_move_own(struct run *r, const struct cm_op *op, const uint8_t *from, uint8_t *to)
{
    uint64_t rep;
    uint32_t index;
    TRY(cm_resource_take(r->in->handles, op->arg, load_u32(from), &rep, r->err));
    enum status status = cm_resource_new(r->out->handles, op->arg, rep, &index, r->err);
    const struct cm_resource_desc *host = r->in->handles->resources[op->arg].host;
    if (status != ST_OK) {
        if (host && host->drop)
            (void)host->drop(NULL, (void *)(uintptr_t)rep);
        return status;
    }
    store_width(to, op->out_width, index);
    return ST_OK;
}

static enum status run_move_borrow(struct run *r, const struct cm_op *op, const uint8_t *from, uint8_t *to)
{
    uint64_t rep;
    uint32_t value;
    TRY(cm_resource_lend(r->in->handles, op->arg, load_u32(from), r->in->scope, &rep, r->err));
    TRY(cm_resource_borrow(r->out->handles, op->arg, rep, r->out->scope, &value, r->err));
    store_width(to, op->out_width, value);
    return ST_OK;
}

/* Streams and futures: the readable end changes tables, or hands. */
static enum status run_end(struct run *r, const struct cm_op *op, const uint8_t *from, uint8_t *to)
{
    bool is_stream = op->code == CM_OP_LIFT_STREAM || op->code == CM_OP_LOWER_STREAM || op->code == CM_OP_MOVE_STREAM;
    struct cm_handle end = {.kind = is_stream ? CM_HANDLE_STREAM_READER : CM_HANDLE_FUTURE_READER, .type = op->arg};
    uint32_t index;
    if (r->in)
        TRY(cm_end_take(r->in->handles, end.kind, op->arg, load_u32(from), &end.rep, r->err));
    else
        end.rep = load_u64(from);
    if (!r->out) {
        store_pointer(to, end.rep);
        return ST_OK;
    }
    TRY(cm_handles_add(r->out->handles, &end, &index, r->err));
    store_width(to, op->out_width, index);
    return ST_OK;
}

static enum status run_handle(struct run *r, const struct cm_op *op, const uint8_t *from, uint8_t *to)
{
    switch (op->code) {
    case CM_OP_LIFT_OWN:
        return run_lift_own(r, op, from, to);
    case CM_OP_LIFT_OWN_GUEST:
        return run_lift_own_guest(r, op, from, to);
    case CM_OP_LIFT_BORROW:
        return run_lift_borrow(r, op, from, to);
    case CM_OP_LOWER_OWN:
        return run_lower_own(r, op, from, to);
    case CM_OP_LOWER_OWN_GUEST:
        return run_lower_own_guest(r, op, from, to);
    case CM_OP_LOWER_BORROW:
    case CM_OP_LOWER_BORROW_GUEST:
        return run_lower_borrow(r, op, from, to);
    case CM_OP_MOVE_OWN:
        return run_move_own(r, op, from, to);
    case CM_OP_MOVE_BORROW:
        return run_move_borrow(r, op, from, to);
    default:
        return run_end(r, op, from, to);
    }
}

/* --- the interpreter ---------------------------------------------------------------------------------------------------------- */

/* Everything that is more than a load and a store. Guests may have run: the caller works out its addresses again. */
static enum status run_value(struct run *r, const struct cm_program *program, const struct cm_op *op, const uint8_t *from,
                             uint8_t *to)
{
    switch (op->code) {
    case CM_OP_CALL:
        return run_items(r, program->subs[op->arg].program, from, to, program->subs[op->arg].count);
    case CM_OP_LIFT_STRING:
        return run_lift_string(r, op, from, to);
    case CM_OP_LIFT_POD:
    case CM_OP_LIFT_LIST:
        return run_lift_list(r, op, program->subs[op->arg].program, from, to, op->code == CM_OP_LIFT_POD);
    case CM_OP_LOWER_STRING:
        return run_lower_string(r, program, op, from, to);
    case CM_OP_LOWER_POD:
    case CM_OP_LOWER_LIST:
        return run_lower_list(r, program, op, program->subs[op->arg].program, from, to, op->code == CM_OP_LOWER_POD);
    case CM_OP_MOVE_STRING:
        return run_move_string(r, program, op, from, to);
    case CM_OP_MOVE_POD:
    case CM_OP_MOVE_LIST:
        return run_move_list(r, program, op, program->subs[op->arg].program, from, to, op->code == CM_OP_MOVE_POD);
    default:
        return run_handle(r, op, from, to);
    }
}

static enum status run_items(struct run *r, const struct cm_program *program, const uint8_t *src, uint8_t *dst, uint32_t count)
{
    const struct cm_op *op = program->ops;
    uint32_t chosen = 0;
    if (count == 0)
        return ST_OK;
    for (;;) {
        const uint8_t *from = src + op->in;
        uint8_t *to = dst + op->out;
        switch (op->code) {
        case CM_OP_END:
            if (--count == 0)
                return ST_OK;
            src += program->in_size;
            dst += program->out_size;
            op = program->ops;
            continue;
        case CM_OP_JUMP:
            op = program->ops + op->arg;
            continue;
        case CM_OP_BRANCH:
            TRY(run_choice(r, op, 2, from, to, &chosen));
            op = chosen ? program->ops + op->arg : op + 1;
            continue;
        case CM_OP_VARIANT:
            TRY(run_choice(r, op, op->arg, from, to, &chosen));
            op = program->ops + op[1 + chosen].arg;
            continue;
        case CM_OP_COPY_1:
            *to = *from;
            break;
        case CM_OP_COPY_2:
            memcpy(to, from, 2);
            break;
        case CM_OP_COPY_4:
            memcpy(to, from, 4);
            break;
        case CM_OP_COPY_8:
            memcpy(to, from, 8);
            break;
        case CM_OP_BYTES:
            memcpy(to, from, op->arg);
            break;
        case CM_OP_SLOT_U8:
            store_u64(to, *from);
            break;
        case CM_OP_SLOT_S8:
            store_u64(to, (uint32_t)(int8_t)*from);
            break;
        case CM_OP_SLOT_U16:
            store_u64(to, load_width(from, 2));
            break;
        case CM_OP_SLOT_S16:
            store_u64(to, (uint32_t)(int16_t)load_width(from, 2));
            break;
        case CM_OP_SLOT_4:
            store_u64(to, load_u32(from));
            break;
        case CM_OP_SLOT_8:
            store_u64(to, load_u64(from));
            break;
        case CM_OP_F32:
            run_f32(op, from, to);
            break;
        case CM_OP_F64:
            run_f64(from, to);
            break;
        case CM_OP_BOOL:
            store_width(to, op->out_width, load_width(from, op->in_width) != 0);
            break;
        case CM_OP_CHAR:
            TRY(run_char(r, op, from, to));
            break;
        case CM_OP_FLAGS:
            store_width(to, op->out_width, load_width(from, op->in_width) & op->arg);
            break;
        case CM_OP_ENUM:
            TRY(run_choice(r, op, op->arg, from, to, &chosen));
            break;
        default: {
            struct spot spot = spot_of(r, program, dst);
            TRY(run_value(r, program, op, from, to));
            dst = spot_now(&spot);
            break;
        }
        }
        op++;
    }
}

enum status cm_program_run(const struct cm_program *program, struct cm_guest *in, const void *src, struct cm_guest *out, void *dst,
                           uint32_t *ret_owns, struct error *err)
{
    struct run r = {.in = in, .out = out, .err = err};
    if (out) {
        r.views = (uintptr_t)out->memory;
        r.views_size = out->memory_size;
    }
    enum status status = run_items(&r, program, src, dst, 1);
    *ret_owns = r.owns;
    return status;
}
