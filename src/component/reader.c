#include "component/reader.h"

#include "component/limits.h"

#include <stdarg.h>

void reader_init(struct reader *reader, struct str whole, struct error *err)
{
    *reader = (struct reader){.start = whole.data, .next = whole.data, .end = whole.data + whole.len, .err = err};
}

enum status reader_fail(struct reader *reader, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct error inner;
    enum status status = fail_v(&inner, ST_INVALID, format, args);
    va_end(args);
    return fail(reader->err, status, "%s (at offset 0x%zx)", inner.message, reader_offset(reader));
}

enum status reader_bad_byte(struct reader *reader, uint8_t byte, const char *what)
{
    reader->next--;
    return reader_fail(reader, "invalid leading byte (0x%x) for %s", byte, what);
}

enum status reader_take(struct reader *reader, size_t len, const char *what, struct reader *ret_part)
{
    if (len > reader_left(reader))
        return reader_fail(reader, "unexpected end-of-file: %s of %zu bytes, of which %zu are there", what, len,
                           reader_left(reader));
    *ret_part = *reader;
    ret_part->end = reader->next + len;
    reader->next += len;
    return ST_OK;
}

enum status read_byte(struct reader *reader, uint8_t *ret_byte)
{
    if (reader_at_end(reader))
        return reader_fail(reader, "unexpected end-of-file");
    *ret_byte = (uint8_t)*reader->next++;
    return ST_OK;
}

enum status read_bool(struct reader *reader, bool *ret_flag)
{
    uint8_t byte;
    TRY(read_byte(reader, &byte));
    if (byte > 1) {
        reader->next--;
        return reader_fail(reader, "invalid boolean value 0x%x", byte);
    }
    *ret_flag = byte;
    return ST_OK;
}

/* An unsigned LEB128 number of at most `bits` bits. */
static enum status read_unsigned(struct reader *reader, unsigned bits, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte;
        TRY(read_byte(reader, &byte));
        unsigned room = bits - shift;
        if (room < 8 && byte >> room) {
            reader->next--;
            return reader_fail(reader, byte & 0x80 ? "integer representation too long" : "integer too large");
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret_value = value;
            return ST_OK;
        }
    }
}

enum status read_u32(struct reader *reader, uint32_t *ret_value)
{
    uint64_t value;
    TRY(read_unsigned(reader, 32, &value));
    *ret_value = (uint32_t)value;
    return ST_OK;
}

enum status read_u64(struct reader *reader, uint64_t *ret_value)
{
    return read_unsigned(reader, 64, ret_value);
}

enum status read_s33(struct reader *reader, int64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte;
        TRY(read_byte(reader, &byte));
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        /* Of the fifth byte five bits count; the two above must repeat the sign. */
        if (shift == 28 && (byte & 0x70) != 0 && (byte & 0x70) != 0x70)
            return reader_fail(reader, "integer too large");
        unsigned sign = shift + 6;
        if (value >> sign & 1)
            value |= ~(uint64_t)0 << sign;
        *ret_value = (int64_t)value;
        return ST_OK;
    }
    return reader_fail(reader, "integer representation too long");
}

enum status read_name(struct reader *reader, struct str *ret_name)
{
    uint32_t len;
    TRY(read_u32(reader, &len));
    if (len > CM_LIMIT_NAME_BYTES)
        return fail(reader->err, ST_LIMIT, "a name of %u bytes exceeds the limit of %u (at offset 0x%zx)", len,
                    CM_LIMIT_NAME_BYTES, reader_offset(reader));
    struct reader part;
    TRY(reader_take(reader, len, "a name", &part));
    if (!str_valid_utf8(reader_rest(&part)))
        return reader_fail(&part, "malformed UTF-8 encoding");
    *ret_name = reader_rest(&part);
    return ST_OK;
}

enum status read_count(struct reader *reader, uint32_t limit, const char *what, uint32_t *ret_count)
{
    TRY(read_u32(reader, ret_count));
    if (*ret_count > limit)
        return fail(reader->err, ST_LIMIT, "%u %s exceed the limit of %u (at offset 0x%zx)", *ret_count, what, limit,
                    reader_offset(reader));
    if (*ret_count > reader_left(reader))
        return reader_fail(reader, "unexpected end-of-file: %u %s in %zu bytes", *ret_count, what, reader_left(reader));
    return ST_OK;
}

enum status reader_finish(struct reader *reader, const char *what)
{
    if (!reader_at_end(reader))
        return reader_fail(reader, "unexpected data at the end of %s", what);
    return ST_OK;
}
