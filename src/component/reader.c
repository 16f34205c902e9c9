#include "component/reader.h"

#include "component/limits.h"

#include <stdarg.h>

void cm_reader_init(struct cm_reader *reader, struct str whole, struct error *err)
{
    *reader = (struct cm_reader){.start = whole.data, .next = whole.data, .end = whole.data + whole.len, .err = err};
}

enum status cm_reader_fail(struct cm_reader *reader, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct error inner;
    enum status status = fail_v(&inner, ST_INVALID, format, args);
    va_end(args);
    return fail(reader->err, status, "%s (at offset 0x%zx)", inner.message, cm_reader_offset(reader));
}

enum status cm_reader_bad_byte(struct cm_reader *reader, uint8_t byte, const char *what)
{
    reader->next--;
    return cm_reader_fail(reader, "invalid leading byte (0x%x) for %s", byte, what);
}

enum status cm_reader_take(struct cm_reader *reader, size_t len, const char *what, struct cm_reader *ret_part)
{
    if (len > cm_reader_left(reader))
        return cm_reader_fail(reader, "unexpected end-of-file: %s of %zu bytes, of which %zu are there", what, len,
                              cm_reader_left(reader));
    *ret_part = *reader;
    ret_part->end = reader->next + len;
    reader->next += len;
    return ST_OK;
}

enum status cm_read_byte(struct cm_reader *reader, uint8_t *ret_byte)
{
    if (cm_reader_at_end(reader))
        return cm_reader_fail(reader, "unexpected end-of-file");
    *ret_byte = (uint8_t)*reader->next++;
    return ST_OK;
}

enum status cm_read_bool(struct cm_reader *reader, bool *ret_flag)
{
    uint8_t byte = 0;
    TRY(cm_read_byte(reader, &byte));
    if (byte > 1) {
        reader->next--;
        return cm_reader_fail(reader, "invalid boolean value 0x%x", byte);
    }
    *ret_flag = byte;
    return ST_OK;
}

/* An unsigned LEB128 number of at most `bits` bits. */
static enum status read_unsigned(struct cm_reader *reader, unsigned bits, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = 0;
        TRY(cm_read_byte(reader, &byte));
        unsigned room = bits - shift;
        if (room < 8 && byte >> room) {
            reader->next--;
            return cm_reader_fail(reader, byte & 0x80 ? "integer representation too long" : "integer too large");
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret_value = value;
            return ST_OK;
        }
    }
}

enum status cm_read_u32(struct cm_reader *reader, uint32_t *ret_value)
{
    uint64_t value = 0;
    TRY(read_unsigned(reader, 32, &value));
    *ret_value = (uint32_t)value;
    return ST_OK;
}

enum status cm_read_u64(struct cm_reader *reader, uint64_t *ret_value)
{
    return read_unsigned(reader, 64, ret_value);
}

enum status cm_read_s33(struct cm_reader *reader, int64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte = 0;
        TRY(cm_read_byte(reader, &byte));
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        /* Of the fifth byte five bits count; the two above must repeat the sign. */
        if (shift == 28 && (byte & 0x70) != 0 && (byte & 0x70) != 0x70)
            return cm_reader_fail(reader, "integer too large");
        unsigned sign = shift + 6;
        if (value >> sign & 1)
            value |= ~(uint64_t)0 << sign;
        *ret_value = (int64_t)value;
        return ST_OK;
    }
    return cm_reader_fail(reader, "integer representation too long");
}

enum status cm_read_name(struct cm_reader *reader, struct str *ret_name)
{
    uint32_t len = 0;
    TRY(cm_read_u32(reader, &len));
    if (len > CM_LIMIT_NAME_BYTES)
        return fail(reader->err, ST_LIMIT, "a name of %u bytes exceeds the limit of %u (at offset 0x%zx)", len, CM_LIMIT_NAME_BYTES,
                    cm_reader_offset(reader));
    struct cm_reader part = {.err = NULL};
    TRY(cm_reader_take(reader, len, "a name", &part));
    if (!str_valid_utf8(cm_reader_rest(&part)))
        return cm_reader_fail(&part, "malformed UTF-8 encoding");
    *ret_name = cm_reader_rest(&part);
    return ST_OK;
}

enum status cm_read_count(struct cm_reader *reader, uint32_t limit, const char *what, uint32_t *ret_count)
{
    TRY(cm_read_u32(reader, ret_count));
    if (*ret_count > limit)
        return fail(reader->err, ST_LIMIT, "%u %s exceed the limit of %u (at offset 0x%zx)", *ret_count, what, limit,
                    cm_reader_offset(reader));
    if (*ret_count > cm_reader_left(reader))
        return cm_reader_fail(reader, "unexpected end-of-file: %u %s in %zu bytes", *ret_count, what, cm_reader_left(reader));
    return ST_OK;
}

enum status cm_reader_finish(struct cm_reader *reader, const char *what)
{
    if (!cm_reader_at_end(reader))
        return cm_reader_fail(reader, "unexpected data at the end of %s", what);
    return ST_OK;
}
