/* The code of an adapter: what its instructions name is found, or they are copied with new indices. Source: core specification,
 * "Instructions", for the immediates. */
#include "component/wrap_reducer.h"

#include "base/mem.h"

enum status reducer_refuse(struct reducer *r, const char *what)
{
    return fail(r->w->err, ST_UNSUPPORTED, "an adapter cannot have %s", what);
}

/* Immediates by opcode: b block type, l label or local, L labels of a table, f function, t type, g global, x table, m memory
 * argument, M memory, i and I integers, 4 and 8 bytes, s types of a select. '-': not known here. */
static const char *immediates(uint32_t opcode)
{
    static const char *const first[] = {
        [0x00] = "",  [0x01] = "",  [0x02] = "b", [0x03] = "b", [0x04] = "b", [0x05] = "",   [0x0b] = "",
        [0x0c] = "l", [0x0d] = "l", [0x0e] = "L", [0x0f] = "",  [0x10] = "f", [0x11] = "tx", [0x12] = "f",
        [0x1a] = "",  [0x1b] = "",  [0x1c] = "s", [0x20] = "l", [0x21] = "l", [0x22] = "l",  [0x23] = "g",
        [0x24] = "g", [0x3f] = "M", [0x40] = "M", [0x41] = "i", [0x42] = "I", [0x43] = "4",  [0x44] = "8"};
    if (opcode >= 0x28 && opcode <= 0x3e)
        return "m";
    if (opcode >= 0x45 && opcode <= 0xc4)
        return "";
    return opcode < ARRAY_LEN(first) && first[opcode] ? first[opcode] : "-";
}

static const char *prefixed_immediates(uint32_t opcode)
{
    if (opcode <= 7)
        return ""; /* saturating conversions */
    return opcode == 10 ? "MM" : opcode == 11 ? "M" : "-";
}

void reducer_reach(struct reducer *r, enum space space, uint32_t index)
{
    if (r->live[space][index])
        return;
    r->live[space][index] = true;
    if (space != SPACE_FUNC)
        return;
    reducer_reach(r, SPACE_TYPE, r->info->func_types[index]);
    vec_push(&r->reached, index);
}

static enum status index_immediate(struct reducer *r, struct cm_reader *code, enum space space)
{
    uint32_t index;
    TRY(cm_read_u32(code, &index));
    if (index >= r->counts[space])
        return cm_reader_fail(code, "index %u is out of bounds", index);
    if (r->out)
        wit_put_u32(r->out, r->renamed[space][index]);
    else
        reducer_reach(r, space, index);
    return ST_OK;
}

static enum status block_type(struct reducer *r, struct cm_reader *code)
{
    const char *start = code->next;
    int64_t type;
    TRY(cm_read_s33(code, &type));
    if (type >= 0) {
        code->next = start;
        if (!r->out)
            return index_immediate(r, code, SPACE_TYPE);
        TRY(cm_read_s33(code, &type));
        wit_put_signed(r->out, type < r->counts[SPACE_TYPE] ? r->renamed[SPACE_TYPE][type] : 0);
        return ST_OK;
    }
    if (r->out)
        wit_put_signed(r->out, type);
    return ST_OK;
}

static enum status copied_number(struct reducer *r, struct cm_reader *code, uint32_t *ret_value)
{
    TRY(cm_read_u32(code, ret_value));
    if (r->out)
        wit_put_u32(r->out, *ret_value);
    return ST_OK;
}

static enum status copied_bytes(struct reducer *r, struct cm_reader *code, size_t count)
{
    struct cm_reader part;
    TRY(cm_reader_take(code, count, "constant", &part));
    if (r->out)
        wit_put_bytes(r->out, cm_reader_rest(&part));
    return ST_OK;
}

/* A signed number of any length, as it stands. */
static enum status copied_signed(struct reducer *r, struct cm_reader *code)
{
    uint8_t byte;
    do {
        TRY(cm_read_byte(code, &byte));
        if (r->out)
            wit_put_byte(r->out, byte);
    } while (byte & 0x80);
    return ST_OK;
}

static enum status memory_index(struct reducer *r, struct cm_reader *code)
{
    uint32_t memory;
    TRY(copied_number(r, code, &memory));
    r->memory_live = true;
    return memory == 0 ? ST_OK : reducer_refuse(r, "several memories");
}

static enum status memory_argument(struct reducer *r, struct cm_reader *code)
{
    uint32_t align;
    TRY(copied_number(r, code, &align));
    if (align & 0x40)
        return reducer_refuse(r, "several memories");
    r->memory_live = true;
    return copied_signed(r, code); /* the offset */
}

static enum status label_table(struct reducer *r, struct cm_reader *code)
{
    uint32_t count, label;
    TRY(copied_number(r, code, &count));
    for (uint64_t i = 0; i <= count; i++)
        TRY(copied_number(r, code, &label));
    return ST_OK;
}

static enum status immediate(struct reducer *r, struct cm_reader *code, char kind)
{
    uint32_t number;
    switch (kind) {
    case 'b':
        return block_type(r, code);
    case 'l':
        return copied_number(r, code, &number);
    case 'L':
        return label_table(r, code);
    case 'f':
        return index_immediate(r, code, SPACE_FUNC);
    case 't':
        return index_immediate(r, code, SPACE_TYPE);
    case 'g':
        return index_immediate(r, code, SPACE_GLOBAL);
    case 'x':
        return reducer_refuse(r, "tables in use");
    case 'm':
        return memory_argument(r, code);
    case 'M':
        return memory_index(r, code);
    case 'i':
    case 'I':
        return copied_signed(r, code);
    case '4':
        return copied_bytes(r, code, 4);
    case '8':
        return copied_bytes(r, code, 8);
    case 's':
        TRY(copied_number(r, code, &number));
        return copied_bytes(r, code, number);
    default:
        return reducer_refuse(r, "instructions of newer proposals");
    }
}

enum status reducer_code(struct reducer *r, struct cm_reader *code)
{
    while (!cm_reader_at_end(code)) {
        uint8_t opcode;
        uint32_t second;
        TRY(cm_read_byte(code, &opcode));
        if (r->out)
            wit_put_byte(r->out, opcode);
        if (opcode == 0xfc)
            TRY(copied_number(r, code, &second));
        for (const char *kind = opcode == 0xfc ? prefixed_immediates(second) : immediates(opcode); *kind; kind++)
            TRY(immediate(r, code, *kind));
    }
    return ST_OK;
}

/* Declarations of locals: of numbers and vectors. */
enum status reducer_locals(struct reducer *r, struct cm_reader *code)
{
    uint32_t count, number;
    TRY(copied_number(r, code, &count));
    for (uint32_t i = 0; i < count; i++) {
        uint8_t type;
        TRY(copied_number(r, code, &number));
        TRY(cm_read_byte(code, &type));
        if (type < 0x7b || type > 0x7f)
            return reducer_refuse(r, "locals that are references");
        if (r->out)
            wit_put_byte(r->out, type);
    }
    return ST_OK;
}

struct cm_reader reducer_body(const struct reducer *r, uint32_t function)
{
    struct cm_reader code;
    cm_reader_init(&code, r->info->bodies[function - r->info->imported_func_count], r->w->err);
    return code;
}

enum status reducer_constant(struct reducer *r, struct cm_reader *code)
{
    uint8_t opcode, end;
    TRY(cm_read_byte(code, &opcode));
    if (opcode < 0x41 || opcode > 0x44)
        return reducer_refuse(r, "globals that do not start as numbers");
    TRY(immediate(r, code, immediates(opcode)[0]));
    TRY(cm_read_byte(code, &end));
    return end == 0x0b ? ST_OK : reducer_refuse(r, "globals that do not start as numbers");
}
