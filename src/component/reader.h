/* Reads the primitive parts of the component binary format: bytes, LEB128 numbers, names, counts.
 *
 * A reader is a view of some bytes of a binary; every function either moves it forward or fails and says at which offset of the
 * whole binary. Nothing is copied: names are views. Source: core specification, "Values"; component-model Binary.md. */
#pragma once

#include "base/error.h"
#include "base/str.h"

struct cm_reader {
    const char *start;      /* of the whole binary: offsets count from here */
    const char *next, *end; /* what is left */
    struct error *err;
};

void cm_reader_init(struct cm_reader *reader, struct str whole, struct error *err);
/* Cuts the next `len` bytes off into a reader of their own. */
enum status cm_reader_take(struct cm_reader *reader, size_t len, const char *what, struct cm_reader *ret_part) CHECKED;

static inline size_t cm_reader_left(const struct cm_reader *reader)
{
    return (size_t)(reader->end - reader->next);
}
static inline size_t cm_reader_offset(const struct cm_reader *reader)
{
    return (size_t)(reader->next - reader->start);
}
static inline bool cm_reader_at_end(const struct cm_reader *reader)
{
    return reader->next == reader->end;
}
static inline struct str cm_reader_rest(const struct cm_reader *reader)
{
    return (struct str){reader->next, cm_reader_left(reader)};
}

/* ST_INVALID with the message and "(at offset 0x1b)". */
enum status cm_reader_fail(struct cm_reader *reader, const char *format, ...) PRINTF(2, 3);
/* "invalid leading byte (0x7) for canonical function", about the byte just read. */
enum status cm_reader_bad_byte(struct cm_reader *reader, uint8_t byte, const char *what);

enum status cm_read_byte(struct cm_reader *reader, uint8_t *ret_byte) CHECKED;
enum status cm_read_bool(struct cm_reader *reader, bool *ret_flag) CHECKED; /* 0 or 1 */
enum status cm_read_u32(struct cm_reader *reader, uint32_t *ret_value) CHECKED;
enum status cm_read_u64(struct cm_reader *reader, uint64_t *ret_value) CHECKED;
enum status cm_read_s33(struct cm_reader *reader, int64_t *ret_value) CHECKED;
/* UTF-8, at most CM_LIMIT_NAME_BYTES. */
enum status cm_read_name(struct cm_reader *reader, struct str *ret_name) CHECKED;
/* The length of a vector: at most `limit` (ST_LIMIT naming `what`), and no more than bytes are left, as each item takes one. */
enum status cm_read_count(struct cm_reader *reader, uint32_t limit, const char *what, uint32_t *ret_count) CHECKED;
/* Fails unless all is read. */
enum status cm_reader_finish(struct cm_reader *reader, const char *what) CHECKED;
