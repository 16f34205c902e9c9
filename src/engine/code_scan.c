#include "engine/code_scan.h"

/* What follows an opcode; a digit is a number of LEB128 integers. */
enum {
    UNKNOWN = '?',
    CHANGES = '!', /* a table or a segment */
    MEMARG = 'm',
    BYTES_4 = 'f',
    BYTES_8 = 'd',
    BYTES_16 = 'v',
    BLOCK = 'k',      /* a block type */
    LABELS = 'l',     /* a vector of integers, and one more */
    TYPES = 't',      /* a vector of value types */
    CATCHES = 'c',    /* a block type, a vector of catch clauses */
    PREFIX = 'p',     /* an integer chooses the instruction */
    LANE = 'b',       /* one byte */
    MEMARG_LANE = 'n' /* both */
};

/* By opcode, 16 a row. Heap types and constants are one integer; no sign matters here. */
static const char plain[] = "00kkk0k1110011l0" /* 00: unreachable .. loop if else, legacy try .., throw_ref, end, br .. */
                            "121211??1000t??c" /* 10: calls, delegate, catch_all, drop, select, try_table */
                            "111111!?mmmmmmmm" /* 20: locals, globals, table.get, table.set, loads */
                            "mmmmmmmmmmmmmmm1" /* 30: loads, stores, memory.size */
                            "111fd00000000000" /* 40: memory.grow, constants, comparisons */
                            "0000000000000000"
                            "0000000000000000"
                            "0000000000000000"
                            "0000000000000000"
                            "0000000000000000"
                            "0000000000000000"
                            "0000000000000000" /* b0: conversions */
                            "00000???????????" /* c0: sign extensions */
                            "1010011?????????" /* d0: references */
                            "????????????????"
                            "???????????????";
_Static_assert(sizeof plain == 256, "one character for each opcode but 0xff");

/* After 0xfc: truncations, memory.init, data.drop, memory.copy, memory.fill, table.init, elem.drop, table.copy .. table.fill, a
 * reserved one, 128-bit arithmetic. */
static const char numeric[] = "000000002!21!!!!1!?0000";
/* After 0xfd. */
static const char vector[] = "mmmmmmmmmmmmvv00" /* loads, store, const, shuffle */
                             "00000bbbbbbbbbbb" /* lanes */
                             "bbb0000000000000"
                             "0000000000000000"
                             "0000000000000000"
                             "0000nnnnnnnnmm00"; /* loads and stores of lanes; all behind them have nothing */
#define VECTOR_LAST 275u

enum { REF_NULL = 0x63, REF = 0x64 }; /* with a heap type behind them */

struct scan {
    const uint8_t *at, *end;
    bool changes;
};

static bool skip_bytes(struct scan *s, size_t count)
{
    if ((size_t)(s->end - s->at) < count)
        return false;
    s->at += count;
    return true;
}

static bool skip_integers(struct scan *s, uint64_t count)
{
    for (; count > 0; count--) {
        while (s->at < s->end && *s->at & 0x80)
            s->at++;
        if (!skip_bytes(s, 1))
            return false;
    }
    return true;
}

static bool read_u32(struct scan *s, uint32_t *ret_value)
{
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 35 && s->at < s->end; shift += 7) {
        uint8_t byte = *s->at++;
        value |= (uint32_t)(byte & 0x7f) << (shift & 31);
        if (!(byte & 0x80)) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

/* Alignment, the memory's index if bit 6 says that there is one, offset. */
static bool skip_memarg(struct scan *s)
{
    uint32_t align;
    return read_u32(s, &align) && skip_integers(s, align & 0x40 ? 2 : 1);
}

static bool skip_value_type(struct scan *s)
{
    if (s->at < s->end && (*s->at == REF_NULL || *s->at == REF))
        return skip_bytes(s, 1) && skip_integers(s, 1);
    return skip_bytes(s, 1);
}

/* An integer, or a value type. */
static bool skip_block_type(struct scan *s)
{
    bool reference = s->at < s->end && (*s->at == REF_NULL || *s->at == REF);
    return reference ? skip_value_type(s) : skip_integers(s, 1);
}

static bool skip_locals(struct scan *s)
{
    uint32_t count;
    if (!read_u32(s, &count))
        return false;
    for (; count > 0; count--)
        if (!skip_integers(s, 1) || !skip_value_type(s))
            return false;
    return true;
}

static bool skip_catches(struct scan *s)
{
    uint32_t count;
    if (!skip_block_type(s) || !read_u32(s, &count))
        return false;
    for (; count > 0; count--) {
        if (s->at >= s->end)
            return false;
        bool has_tag = *s->at++ < 2;
        if (!skip_integers(s, has_tag ? 2 : 1))
            return false;
    }
    return true;
}

static char prefixed(struct scan *s, uint8_t prefix)
{
    uint32_t code;
    if (!read_u32(s, &code))
        return UNKNOWN;
    if (prefix == 0xfc)
        return code < sizeof numeric - 1 ? numeric[code] : UNKNOWN;
    if (prefix == 0xfd)
        return code < sizeof vector - 1 ? vector[code] : code <= VECTOR_LAST ? '0' : UNKNOWN;
    return UNKNOWN; /* garbage collection, threads */
}

static bool skip_operands(struct scan *s, char kind)
{
    uint32_t count;
    switch (kind) {
    case '0':
        return true;
    case '1':
        return skip_integers(s, 1);
    case '2':
        return skip_integers(s, 2);
    case MEMARG:
        return skip_memarg(s);
    case BYTES_4:
        return skip_bytes(s, 4);
    case BYTES_8:
        return skip_bytes(s, 8);
    case BYTES_16:
        return skip_bytes(s, 16);
    case LANE:
        return skip_bytes(s, 1);
    case MEMARG_LANE:
        return skip_memarg(s) && skip_bytes(s, 1);
    case BLOCK:
        return skip_block_type(s);
    case LABELS:
        return read_u32(s, &count) && skip_integers(s, (uint64_t)count + 1);
    case TYPES:
        if (!read_u32(s, &count))
            return false;
        for (; count > 0; count--)
            if (!skip_value_type(s))
                return false;
        return true;
    case CATCHES:
        return skip_catches(s);
    default: /* CHANGES, UNKNOWN */
        return false;
    }
}

static bool body_keeps_tables(struct str body)
{
    struct scan s = {.at = (const uint8_t *)body.data, .end = (const uint8_t *)body.data + body.len};
    if (!skip_locals(&s))
        return false;
    while (s.at < s.end) {
        uint8_t opcode = *s.at++;
        char kind = opcode == 0xff ? UNKNOWN : plain[opcode];
        if (opcode >= 0xfc && opcode <= 0xfd)
            kind = prefixed(&s, opcode);
        if (!skip_operands(&s, kind))
            return false;
    }
    return true;
}

bool module_code_keeps_tables(const struct module_info *info)
{
    for (size_t i = 0; i < info->func_count - info->imported_func_count; i++)
        if (!body_keeps_tables(info->bodies[i]))
            return false;
    return true;
}
