/* The module reader's cursor, and what module_types.c reads with it. Private to the reader's two files.
 *
 * Every function moves `at` and never past `end`; on failure the reader is of no further use. Sections: WebAssembly core
 * specification 3.0, chapter 5 "Binary Format". */
#pragma once

#include "engine/module_reader.h"

struct reader {
    const uint8_t *bytes;
    size_t at, end; /* of the section, or of the part of it being read */
    struct arena *arena;
    struct module_info *info;
    struct error *err;
    size_t type_capacity, section_capacity;
    bool *plain_types;   /* functions outside recursion groups and without supertypes: equal if they look equal */
    uint32_t *tag_types; /* imported ones first */
    size_t tag_count;
    unsigned last_rank; /* of the sections read so far */
    bool has_code;
};

/* Fills the error with the reason and the offset; returns ST_INVALID. */
enum status reader_fail(struct reader *r, const char *format, ...) PRINTF(2, 3);

enum status reader_byte(struct reader *r, uint8_t *ret_byte) CHECKED;
enum status reader_u32(struct reader *r, uint32_t *ret_value) CHECKED;
enum status reader_bytes(struct reader *r, struct str *ret_bytes) CHECKED; /* behind their length */
enum status reader_name(struct reader *r, struct str *ret_name) CHECKED;   /* as bytes, but UTF-8 */

/* The length of a vector; ST_INVALID unless that many items of at least `item_bytes` each fit in what is left. */
enum status reader_count(struct reader *r, size_t item_bytes, uint32_t *ret_count) CHECKED;

/* Gives an array in the arena room for `extra` items behind its first `len`. items_pointer: of the array's pointer. */
enum status reader_extend(struct reader *r, void *items_pointer, size_t item_size, size_t len, size_t extra) CHECKED;

enum status reader_types(struct reader *r) CHECKED; /* the type section */
enum status reader_func_type(struct reader *r, uint32_t index, enum engine_extern_kind kind,
                             struct engine_extern_type *ret_type) CHECKED; /* of type `index`; reads nothing */
enum status reader_memory_type(struct reader *r, struct engine_extern_type *ret_type) CHECKED;
enum status reader_table_type(struct reader *r, struct engine_extern_type *ret_type) CHECKED;
enum status reader_global_type(struct reader *r, struct engine_extern_type *ret_type) CHECKED;
enum status reader_tag_type(struct reader *r, struct engine_extern_type *ret_type) CHECKED;
enum status reader_extern_type(struct reader *r, struct engine_extern_type *ret_type) CHECKED; /* an import's */
enum status reader_skip_constant(struct reader *r) CHECKED;                                    /* an expression up to its `end` */
