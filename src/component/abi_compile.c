#include "component/abi_program.h"

#include "base/map.h"
#include "base/vec.h"

/* A type heavier than this becomes a program of its own where it occurs inside another: types share their parts, so writing them
 * out in full could grow without bound. */
#define INLINE_WEIGHT 64u
#define MAX_OPS (1u << 21) /* of one program */

struct cm_compiler {
    struct arena *arena;
    const struct cm_resource *resources;
    uint32_t resource_count;
    struct map programs; /* by struct key */
};

struct key {
    const struct cm_type_desc *in, *out;
    uint32_t type;
    uint8_t in_form, out_form;
    bool is_map_item;
};

struct builder {
    struct cm_compiler *compiler;
    struct error *err;
    VEC(struct cm_op) ops;
    VEC(struct cm_sub) subs;
    bool is_root; /* the next value is what the program is for: never a call */
    bool has_pointer;
};

/* One end of a value: where it lies, and for C how it is laid out. */
struct end {
    enum cm_form form;
    uint32_t offset;
    const struct cm_type_desc *desc;
};

struct cm_compiler *cm_compiler_new(struct arena *arena, const struct cm_resource *resources, uint32_t resource_count)
{
    struct cm_compiler *compiler = NEW(struct cm_compiler);
    *compiler = (struct cm_compiler){.arena = arena, .resources = resources, .resource_count = resource_count};
    return compiler;
}

void cm_compiler_free(struct cm_compiler *compiler)
{
    if (!compiler)
        return;
    map_release(&compiler->programs);
    free(compiler);
}

/* --- ends of parts ------------------------------------------------------------------------------------------------------------ */

static struct end end_at(struct end end, uint32_t slot, uint32_t memory, uint32_t c, const struct cm_type_desc *desc)
{
    switch (end.form) {
    case CM_FORM_FLAT:
        end.offset += slot * (uint32_t)CM_SLOT;
        break;
    case CM_FORM_MEMORY:
        end.offset += memory;
        break;
    case CM_FORM_C:
        end.offset += c;
        end.desc = desc;
        break;
    }
    return end;
}

/* Field `i` of a record or tuple, `slot` flat values into it. */
static struct end end_of_field(struct end end, const struct cm_type *type, uint32_t i, uint32_t slot)
{
    const struct cm_field_desc *field = end.form == CM_FORM_C ? &end.desc->fields[i] : NULL;
    return end_at(end, slot, type->fields[i].offset, field ? field->offset : 0, field ? field->type : NULL);
}

static struct end end_of_payload(struct end end, const struct cm_type *type, uint32_t i)
{
    const struct cm_type_desc *desc = end.desc, *payload = NULL;
    if (desc && type->kind == CM_VARIANT)
        payload = desc->fields[i].type;
    else if (desc && type->kind == CM_RESULT)
        payload = i == 0 ? desc->element : desc->second;
    else if (desc)
        payload = desc->element;
    return end_at(end, 1, type->payload_offset, desc ? desc->offset : 0, payload);
}

/* Bytes of a discriminant, or of a bool, char or flags, at an end. */
static uint8_t load_width(struct end end, const struct cm_type *type)
{
    if (end.form == CM_FORM_MEMORY)
        return type->discriminant_size ? type->discriminant_size : (uint8_t)type->size;
    if (end.form == CM_FORM_FLAT)
        return 4;
    return type->kind == CM_BOOL || type->kind == CM_OPTION || type->kind == CM_RESULT ? 1 : 4;
}

static uint8_t store_width(struct end end, const struct cm_type *type)
{
    return end.form == CM_FORM_FLAT ? CM_SLOT_WIDTH : load_width(end, type);
}

/* From an address to the length behind it. */
static uint8_t pair_width(struct end end)
{
    return end.form == CM_FORM_FLAT ? CM_SLOT_WIDTH : end.form == CM_FORM_MEMORY ? 4 : 8;
}

/* --- emitting ----------------------------------------------------------------------------------------------------------------- */

static enum status emit_value(struct builder *b, const struct cm_type *type, struct end in, struct end out);
static enum status program_of(struct builder *b, const struct cm_type *type, struct end in, struct end out, bool is_map_item,
                              const struct cm_program **ret_program);

static enum status too_large(struct error *err)
{
    return fail(err, ST_LIMIT, "the component's function types need too much memory to compile");
}

static enum status emit(struct builder *b, struct cm_op op)
{
    if (b->ops.len >= MAX_OPS)
        return too_large(b->err);
    vec_push(&b->ops, op);
    return ST_OK;
}

static enum status emit_at(struct builder *b, enum cm_opcode code, struct end in, struct end out, uint32_t arg)
{
    return emit(b, (struct cm_op){.code = code, .in = in.offset, .out = out.offset, .arg = arg});
}

static enum status emit_sub(struct builder *b, enum cm_opcode code, struct end in, struct end out, const struct cm_program *program,
                            uint32_t count)
{
    struct cm_op op = {.code = code, .in = in.offset, .out = out.offset, .arg = (uint32_t)b->subs.len};
    op.in_width = pair_width(in);
    op.out_width = pair_width(out);
    vec_push(&b->subs, ((struct cm_sub){program, count}));
    return emit(b, op);
}

static uint32_t here(const struct builder *b)
{
    return (uint32_t)b->ops.len;
}

static enum status emit_scalar(struct builder *b, const struct cm_type *type, struct end in, struct end out)
{
    static const uint8_t to_slot[] = {
        [CM_S8] = CM_OP_SLOT_S8, [CM_U8] = CM_OP_SLOT_U8, [CM_S16] = CM_OP_SLOT_S16, [CM_U16] = CM_OP_SLOT_U16,
        [CM_S32] = CM_OP_SLOT_4, [CM_U32] = CM_OP_SLOT_4, [CM_S64] = CM_OP_SLOT_8,   [CM_U64] = CM_OP_SLOT_8,
        [CM_F32] = CM_OP_F32,    [CM_F64] = CM_OP_F64,
    };
    static const uint8_t to_bytes[] = {[1] = CM_OP_COPY_1, [2] = CM_OP_COPY_2, [4] = CM_OP_COPY_4, [8] = CM_OP_COPY_8};
    bool is_float = type->kind == CM_F32 || type->kind == CM_F64;
    struct cm_op op = {.in = in.offset, .out = out.offset};
    op.code = is_float || out.form == CM_FORM_FLAT ? to_slot[type->kind] : to_bytes[type->size];
    op.out_width = out.form == CM_FORM_FLAT ? CM_SLOT_WIDTH : (uint8_t)type->size;
    return emit(b, op);
}

static enum status emit_checked(struct builder *b, enum cm_opcode code, const struct cm_type *type, struct end in, struct end out,
                                uint32_t arg)
{
    return emit(b, (struct cm_op){.code = code,
                                  .in_width = load_width(in, type),
                                  .out_width = store_width(out, type),
                                  .in = in.offset,
                                  .out = out.offset,
                                  .arg = arg});
}

static enum status emit_flags(struct builder *b, const struct cm_type *type, struct end in, struct end out)
{
    uint32_t mask = type->count == 32 ? UINT32_MAX : (1u << type->count) - 1;
    return emit_checked(b, CM_OP_FLAGS, type, in, out, mask);
}

static enum status emit_string(struct builder *b, struct end in, struct end out)
{
    struct cm_op op = {.in = in.offset, .out = out.offset, .in_width = pair_width(in), .out_width = pair_width(out)};
    op.code = out.form == CM_FORM_C ? CM_OP_LIFT_STRING : in.form == CM_FORM_C ? CM_OP_LOWER_STRING : CM_OP_MOVE_STRING;
    b->has_pointer = true;
    return emit(b, op);
}

/* The C struct has exactly the bytes of the linear memory's. */
static bool same_bytes(const struct cm_type *type, const struct cm_type_desc *desc)
{
    if (!type->is_pod || type->size != desc->size)
        return false;
    if (type->kind == CM_FIXED_LIST)
        return same_bytes(type->element, desc->element);
    if (type->kind != CM_RECORD && type->kind != CM_TUPLE)
        return true;
    for (uint32_t i = 0; i < type->count; i++)
        if (type->fields[i].offset != desc->fields[i].offset || !same_bytes(type->fields[i].type, desc->fields[i].type))
            return false;
    return true;
}

static bool is_plain_copy(const struct cm_type *type, struct end in, struct end out)
{
    if (in.form == CM_FORM_FLAT || out.form == CM_FORM_FLAT || !type->is_pod)
        return false;
    return (in.form != CM_FORM_C || same_bytes(type, in.desc)) && (out.form != CM_FORM_C || same_bytes(type, out.desc));
}

static enum status emit_fields(struct builder *b, const struct cm_type *type, struct end in, struct end out)
{
    uint32_t slot = 0;
    for (uint32_t i = 0; i < type->count; i++) {
        TRY(emit_value(b, type->fields[i].type, end_of_field(in, type, i, slot), end_of_field(out, type, i, slot)));
        slot += type->fields[i].type->flat_count;
    }
    return ST_OK;
}

static enum status emit_case(struct builder *b, const struct cm_type *type, uint32_t i, struct end in, struct end out)
{
    const struct cm_type *payload = type->fields[i].type;
    return payload ? emit_value(b, payload, end_of_payload(in, type, i), end_of_payload(out, type, i)) : ST_OK;
}

static struct cm_op choice(enum cm_opcode code, const struct cm_type *type, struct end in, struct end out)
{
    struct cm_op op = {.code = code, .in = in.offset, .out = out.offset, .arg = type->count};
    op.in_width = load_width(in, type);
    op.out_width = store_width(out, type);
    op.slots = out.form == CM_FORM_FLAT ? (uint8_t)(type->flat_count - 1) : 0;
    return op;
}

/* BRANCH; case 0; JUMP to the end; case 1. */
static enum status emit_two_cases(struct builder *b, const struct cm_type *type, struct end in, struct end out)
{
    uint32_t branch = here(b);
    TRY(emit(b, choice(CM_OP_BRANCH, type, in, out)));
    TRY(emit_case(b, type, 0, in, out));
    uint32_t jump = here(b);
    bool has_second = type->fields[1].type;
    if (has_second)
        TRY(emit(b, (struct cm_op){.code = CM_OP_JUMP}));
    b->ops.items[branch].arg = here(b);
    if (has_second) {
        TRY(emit_case(b, type, 1, in, out));
        b->ops.items[jump].arg = here(b);
    }
    return ST_OK;
}

/* VARIANT; a JUMP per case; then each payload and a JUMP to the end. */
static enum status emit_cases(struct builder *b, const struct cm_type *type, struct end in, struct end out)
{
    bool has_payload = false;
    for (uint32_t i = 0; i < type->count; i++)
        has_payload |= type->fields[i].type != NULL;
    if (!has_payload)
        return emit(b, choice(CM_OP_ENUM, type, in, out));
    if (type->count == 2)
        return emit_two_cases(b, type, in, out);
    TRY(emit(b, choice(CM_OP_VARIANT, type, in, out)));
    uint32_t table = here(b);
    for (uint32_t i = 0; i < type->count; i++)
        TRY(emit(b, (struct cm_op){.code = CM_OP_JUMP}));
    VEC(uint32_t) exits = {0};
    enum status status = ST_OK;
    for (uint32_t i = 0; i < type->count && status == ST_OK; i++) {
        if (!type->fields[i].type) {
            vec_push(&exits, table + i);
            continue;
        }
        b->ops.items[table + i].arg = here(b);
        status = emit_case(b, type, i, in, out);
        vec_push(&exits, here(b));
        if (status == ST_OK)
            status = emit(b, (struct cm_op){.code = CM_OP_JUMP});
    }
    for (size_t i = 0; status == ST_OK && i < exits.len; i++)
        b->ops.items[exits.items[i]].arg = here(b);
    vec_release(&exits);
    return status;
}

/* The item of a C list: for maps a pair that has no descriptor of its own. */
static struct end item_end(struct end list, const struct cm_type *type)
{
    struct end item = {.form = list.form == CM_FORM_C ? CM_FORM_C : CM_FORM_MEMORY};
    if (list.form == CM_FORM_C)
        item.desc = type->kind == CM_MAP ? list.desc : list.desc->element;
    return item;
}

static enum status emit_list(struct builder *b, const struct cm_type *type, struct end in, struct end out)
{
    struct end item_in = item_end(in, type), item_out = item_end(out, type);
    bool is_map = type->kind == CM_MAP, is_lift = out.form == CM_FORM_C, is_lower = in.form == CM_FORM_C;
    const struct cm_program *item;
    TRY(program_of(b, type->element, item_in, item_out, is_map, &item));
    b->has_pointer = true;
    if (!(is_map && (is_lift || is_lower)) && is_plain_copy(type->element, item_in, item_out))
        return emit_sub(b, is_lift ? CM_OP_LIFT_POD : is_lower ? CM_OP_LOWER_POD : CM_OP_MOVE_POD, in, out, item, 1);
    return emit_sub(b, is_lift ? CM_OP_LIFT_LIST : is_lower ? CM_OP_LOWER_LIST : CM_OP_MOVE_LIST, in, out, item, 1);
}

/* A FLAT end has at most 16 values, so there the items are written out; elsewhere it is a loop. */
static enum status emit_fixed_list(struct builder *b, const struct cm_type *type, struct end in, struct end out)
{
    const struct cm_type *element = type->element;
    if (in.form != CM_FORM_FLAT && out.form != CM_FORM_FLAT) {
        const struct cm_program *item;
        struct end item_in = item_end(in, type), item_out = item_end(out, type);
        TRY(program_of(b, element, item_in, item_out, false, &item));
        b->has_pointer |= item->has_pointer;
        return emit_sub(b, CM_OP_CALL, in, out, item, type->count);
    }
    for (uint32_t i = 0; i < type->count; i++) {
        struct end item_in = end_at(in, i * element->flat_count, i * element->size, in.desc ? i * in.desc->element->size : 0,
                                    in.desc ? in.desc->element : NULL);
        struct end item_out = end_at(out, i * element->flat_count, i * element->size, out.desc ? i * out.desc->element->size : 0,
                                     out.desc ? out.desc->element : NULL);
        TRY(emit_value(b, element, item_in, item_out));
    }
    return ST_OK;
}

static enum status emit_handle(struct builder *b, const struct cm_type *type, struct end in, struct end out)
{
    bool is_own = type->kind == CM_OWN;
    struct cm_op op = {.in = in.offset, .out = out.offset, .arg = type->resource};
    op.in_width = 4;
    op.out_width = out.form == CM_FORM_FLAT ? CM_SLOT_WIDTH : 4;
    if (type->resource >= b->compiler->resource_count)
        return fail(b->err, ST_INTERNAL, "a function's type names resource %u, which does not exist", type->resource);
    bool is_host = b->compiler->resources[type->resource].host;
    if (out.form == CM_FORM_C) {
        if (!is_own && !is_host)
            return fail(b->err, ST_UNSUPPORTED, "a guest's resource cannot be lent to the host");
        op.code = !is_own ? CM_OP_LIFT_BORROW : is_host ? CM_OP_LIFT_OWN : CM_OP_LIFT_OWN_GUEST;
    } else if (in.form == CM_FORM_C) {
        op.code = is_own    ? is_host ? CM_OP_LOWER_OWN : CM_OP_LOWER_OWN_GUEST
                  : is_host ? CM_OP_LOWER_BORROW
                            : CM_OP_LOWER_BORROW_GUEST;
    } else {
        op.code = is_own ? CM_OP_MOVE_OWN : CM_OP_MOVE_BORROW;
    }
    return emit(b, op);
}

static enum status emit_stream(struct builder *b, const struct cm_type *type, struct end in, struct end out)
{
    bool is_stream = type->kind == CM_STREAM;
    struct cm_op op = {.in = in.offset, .out = out.offset, .arg = type->id};
    op.in_width = 4;
    op.out_width = out.form == CM_FORM_FLAT ? CM_SLOT_WIDTH : 4;
    if (out.form == CM_FORM_C)
        op.code = is_stream ? CM_OP_LIFT_STREAM : CM_OP_LIFT_FUTURE;
    else if (in.form == CM_FORM_C)
        op.code = is_stream ? CM_OP_LOWER_STREAM : CM_OP_LOWER_FUTURE;
    else
        op.code = is_stream ? CM_OP_MOVE_STREAM : CM_OP_MOVE_FUTURE;
    return emit(b, op);
}

static enum status emit_inline(struct builder *b, const struct cm_type *type, struct end in, struct end out)
{
    switch (type->kind) {
    case CM_BOOL:
        return emit_checked(b, CM_OP_BOOL, type, in, out, 0);
    case CM_CHAR:
        return emit_checked(b, CM_OP_CHAR, type, in, out, 0);
    case CM_FLAGS:
        return emit_flags(b, type, in, out);
    case CM_STRING:
        return emit_string(b, in, out);
    case CM_RECORD:
    case CM_TUPLE:
        if (is_plain_copy(type, in, out))
            return emit_at(b, CM_OP_BYTES, in, out, type->size);
        return emit_fields(b, type, in, out);
    case CM_VARIANT:
    case CM_ENUM:
    case CM_OPTION:
    case CM_RESULT:
        return emit_cases(b, type, in, out);
    case CM_LIST:
    case CM_MAP:
        return emit_list(b, type, in, out);
    case CM_FIXED_LIST:
        if (is_plain_copy(type, in, out))
            return emit_at(b, CM_OP_BYTES, in, out, type->size);
        return emit_fixed_list(b, type, in, out);
    case CM_OWN:
    case CM_BORROW:
        return emit_handle(b, type, in, out);
    case CM_STREAM:
    case CM_FUTURE:
        return emit_stream(b, type, in, out);
    case CM_ERROR_CONTEXT:
        return fail(b->err, ST_UNSUPPORTED, "error-context values need the gated feature error-context");
    default:
        return emit_scalar(b, type, in, out);
    }
}

static enum status emit_value(struct builder *b, const struct cm_type *type, struct end in, struct end out)
{
    bool is_root = b->is_root;
    b->is_root = false;
    if (is_root || cm_type_weight(type) <= INLINE_WEIGHT || is_plain_copy(type, in, out))
        return emit_inline(b, type, in, out);
    const struct cm_program *program;
    TRY(program_of(b, type, in, out, false, &program));
    b->has_pointer |= program->has_pointer;
    return emit_sub(b, CM_OP_CALL, in, out, program, 1);
}

/* --- programs ----------------------------------------------------------------------------------------------------------------- */

static void set_end(struct cm_program *program, bool is_in, enum cm_form form, uint32_t size, uint32_t align)
{
    if (is_in) {
        program->in_form = form;
        program->in_size = size;
        program->in_align = align;
    } else {
        program->out_form = form;
        program->out_size = size;
        program->out_align = align;
    }
}

static void set_value_end(struct cm_program *program, bool is_in, const struct cm_type *type, struct end end, bool is_map_item)
{
    switch (end.form) {
    case CM_FORM_FLAT:
        set_end(program, is_in, end.form, 0, 1);
        break;
    case CM_FORM_MEMORY:
        set_end(program, is_in, end.form, type->size, type->align);
        break;
    case CM_FORM_C:
        set_end(program, is_in, end.form, is_map_item ? end.desc->item_size : end.desc->size,
                is_map_item ? MAX(end.desc->second->align, end.desc->element->align) : end.desc->align);
        break;
    }
}

/* Moves what was built into the arena. */
static enum status finish(struct builder *b, const struct cm_program *header, const struct cm_program **ret_program)
{
    TRY(emit(b, (struct cm_op){.code = CM_OP_END}));
    struct arena *arena = b->compiler->arena;
    struct cm_op *ops = arena_try(arena, b->ops.len * sizeof *ops, _Alignof(struct cm_op));
    struct cm_sub *subs = arena_try(arena, MAX(b->subs.len, 1u) * sizeof *subs, _Alignof(struct cm_sub));
    struct cm_program *program = arena_try(arena, sizeof *program, _Alignof(struct cm_program));
    if (!ops || !subs || !program)
        return too_large(b->err);
    memcpy(ops, b->ops.items, b->ops.len * sizeof *ops);
    if (b->subs.len)
        memcpy(subs, b->subs.items, b->subs.len * sizeof *subs);
    *program = *header;
    program->ops = ops;
    program->subs = subs;
    program->has_pointer = b->has_pointer;
    *ret_program = program;
    return ST_OK;
}

static void release(struct builder *b)
{
    vec_release(&b->ops);
    vec_release(&b->subs);
}

/* A map's items as a tuple of C: key first, the value at the map's offset. */
static enum status emit_map_item(struct builder *b, const struct cm_type *pair, struct end in, struct end out)
{
    struct end key_in = end_at(in, 0, 0, 0, in.desc ? in.desc->second : NULL);
    struct end key_out = end_at(out, 0, 0, 0, out.desc ? out.desc->second : NULL);
    uint32_t value = pair->fields[1].offset;
    struct end value_in = end_at(in, 0, value, in.desc ? in.desc->offset : 0, in.desc ? in.desc->element : NULL);
    struct end value_out = end_at(out, 0, value, out.desc ? out.desc->offset : 0, out.desc ? out.desc->element : NULL);
    b->is_root = false;
    TRY(emit_value(b, pair->fields[0].type, key_in, key_out));
    return emit_value(b, pair->fields[1].type, value_in, value_out);
}

static enum status build(struct builder *b, const struct cm_type *type, struct end in, struct end out, bool is_map_item,
                         const struct cm_program **ret_program)
{
    struct cm_program header = {.in_size = 0};
    set_value_end(&header, true, type, in, is_map_item && in.form == CM_FORM_C);
    set_value_end(&header, false, type, out, is_map_item && out.form == CM_FORM_C);
    TRY(is_map_item ? emit_map_item(b, type, in, out) : emit_value(b, type, in, out));
    return finish(b, &header, ret_program);
}

/* The program of one value at offset 0 of both ends: an element, or a part that is too heavy to be written out. */
static enum status program_of(struct builder *parent, const struct cm_type *type, struct end in, struct end out, bool is_map_item,
                              const struct cm_program **ret_program)
{
    struct cm_compiler *compiler = parent->compiler;
    struct key key;
    memset(&key, 0, sizeof key);
    key.in = in.form == CM_FORM_C ? in.desc : NULL;
    key.out = out.form == CM_FORM_C ? out.desc : NULL;
    key.type = type->id;
    key.in_form = in.form;
    key.out_form = out.form;
    key.is_map_item = is_map_item;
    const struct cm_program *program = map_get(&compiler->programs, str_n((const char *)&key, sizeof key));
    if (!program) {
        struct builder b = {.compiler = compiler, .err = parent->err, .is_root = true};
        in.offset = out.offset = 0;
        enum status status = build(&b, type, in, out, is_map_item, &program);
        release(&b);
        TRY(status);
        struct key *kept = arena_try(compiler->arena, sizeof *kept, _Alignof(struct key));
        if (!kept)
            return too_large(parent->err);
        *kept = key;
        map_set(&compiler->programs, str_n((const char *)kept, sizeof *kept), (void *)(uintptr_t)program);
    }
    *ret_program = program;
    return ST_OK;
}

/* --- functions ---------------------------------------------------------------------------------------------------------------- */

/* Several values in a row, as a tuple: parameters; or a single result. */
struct values {
    const struct cm_field *fields;
    uint32_t count;
    const struct cm_field_desc *descs; /* C: NULL when there is no C end */
};

static enum status memory_layout(const struct values *values, uint32_t *offsets, uint32_t *ret_size, uint32_t *ret_align,
                                 struct error *err)
{
    uint64_t size = 0;
    uint32_t align = 1;
    for (uint32_t i = 0; i < values->count; i++) {
        const struct cm_type *type = values->fields[i].type;
        size = (size + type->align - 1) / type->align * type->align;
        offsets[i] = (uint32_t)MIN(size, UINT32_MAX);
        size += type->size;
        align = MAX(align, type->align);
    }
    size = (size + align - 1) / align * align;
    if (size > INT32_MAX)
        return fail(err, ST_LIMIT, "a function's parameters are larger than 2 GiB");
    *ret_size = (uint32_t)size;
    *ret_align = align;
    return ST_OK;
}

static struct end values_end(const struct values *values, enum cm_form form, uint32_t i, uint32_t slot, uint32_t memory)
{
    const struct cm_field_desc *desc = form == CM_FORM_C ? &values->descs[i] : NULL;
    struct end end = {.form = form};
    return end_at(end, slot, memory, desc ? desc->offset : 0, desc ? desc->type : NULL);
}

static enum status emit_values(struct builder *b, const struct values *values, enum cm_form in, enum cm_form out,
                               const struct cm_program **ret_program)
{
    autofree uint32_t *offsets = mem_array(values->count, sizeof *offsets);
    uint32_t size = 0, align = 1, slot = 0;
    struct cm_program header = {.in_size = 0};
    TRY(memory_layout(values, offsets, &size, &align, b->err));
    set_end(&header, true, in, in == CM_FORM_MEMORY ? size : 0, in == CM_FORM_MEMORY ? align : 1);
    set_end(&header, false, out, out == CM_FORM_MEMORY ? size : 0, out == CM_FORM_MEMORY ? align : 1);
    for (uint32_t i = 0; i < values->count; i++) {
        const struct cm_type *type = values->fields[i].type;
        TRY(emit_value(b, type, values_end(values, in, i, slot, offsets[i]), values_end(values, out, i, slot, offsets[i])));
        slot += type->flat_count;
    }
    return finish(b, &header, ret_program);
}

static enum status compile_values(struct cm_compiler *compiler, const struct values *values, enum cm_form in, enum cm_form out,
                                  const struct cm_program **ret_program, struct error *err)
{
    struct builder b = {.compiler = compiler, .err = err};
    *ret_program = NULL;
    if (values->count == 0)
        return ST_OK;
    enum status status = emit_values(&b, values, in, out, ret_program);
    release(&b);
    return status;
}

static enum cm_form guest_form(bool in_memory)
{
    return in_memory ? CM_FORM_MEMORY : CM_FORM_FLAT;
}

/* What an export's result looks like: the core result, or the arguments of task.return. */
static enum cm_form lifted_result_form(const struct cm_func_type *type, enum cm_abi_context lift,
                                       const struct cm_core_signature *core)
{
    return guest_form(lift == CM_ABI_LIFT_SYNC ? core->result_in_memory : type->result && type->result->flat_count > CM_MAX_FLAT);
}

static enum status compile_func(struct cm_compiler *compiler, const struct cm_func_type *type, const struct cm_func_desc *desc,
                                const enum cm_form forms[4], struct cm_func_abi *abi, struct error *err)
{
    struct cm_field result = {.type = type->result};
    struct cm_field_desc result_desc = {.type = desc ? desc->result : NULL};
    struct values params = {type->params, type->param_count, desc ? desc->params : NULL};
    struct values results = {&result, type->result ? 1 : 0, &result_desc};
    abi->desc = desc;
    abi->result_size = desc && desc->result ? desc->result->size : 0;
    abi->out_pointer = abi->lower.param_count ? abi->lower.param_count - 1 : 0;
    TRY(compile_values(compiler, &params, forms[0], forms[1], &abi->params, err));
    return compile_values(compiler, &results, forms[2], forms[3], &abi->result, err);
}

enum status cm_abi_compile_import(struct cm_compiler *compiler, const struct cm_func_type *type, const struct cm_func_desc *desc,
                                  enum cm_abi_context context, struct cm_func_abi *ret_abi, struct error *err)
{
    struct cm_func_abi abi = {.desc = desc};
    TRY(cm_abi_match_func(type, desc, compiler->resources, err));
    if (desc->args_size > CM_MAX_ARGS)
        return fail(err, ST_INVALID, "function `%s`: its arguments take %u bytes, more than %u", desc->name, desc->args_size,
                    CM_MAX_ARGS);
    cm_flatten_func(type, context, &abi.lower);
    const enum cm_form forms[4] = {guest_form(abi.lower.params_in_memory), CM_FORM_C, CM_FORM_C,
                                   guest_form(abi.lower.result_in_memory)};
    TRY(compile_func(compiler, type, desc, forms, &abi, err));
    *ret_abi = abi;
    return ST_OK;
}

enum status cm_abi_compile_export(struct cm_compiler *compiler, const struct cm_func_type *type, const struct cm_func_desc *desc,
                                  enum cm_abi_context context, struct cm_func_abi *ret_abi, struct error *err)
{
    struct cm_func_abi abi = {.desc = desc};
    TRY(cm_abi_match_func(type, desc, compiler->resources, err));
    cm_flatten_func(type, context, &abi.lift);
    const enum cm_form forms[4] = {CM_FORM_C, guest_form(abi.lift.params_in_memory), lifted_result_form(type, context, &abi.lift),
                                   CM_FORM_C};
    TRY(compile_func(compiler, type, desc, forms, &abi, err));
    *ret_abi = abi;
    return ST_OK;
}

enum status cm_abi_compile_fused(struct cm_compiler *compiler, const struct cm_func_type *type, enum cm_abi_context lower,
                                 enum cm_abi_context lift, struct cm_func_abi *ret_abi, struct error *err)
{
    struct cm_func_abi abi = {.desc = NULL};
    cm_flatten_func(type, lower, &abi.lower);
    cm_flatten_func(type, lift, &abi.lift);
    const enum cm_form forms[4] = {guest_form(abi.lower.params_in_memory), guest_form(abi.lift.params_in_memory),
                                   lifted_result_form(type, lift, &abi.lift), guest_form(abi.lower.result_in_memory)};
    TRY(compile_func(compiler, type, NULL, forms, &abi, err));
    *ret_abi = abi;
    return ST_OK;
}
