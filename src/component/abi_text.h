/* Strings across the canonical ABI: validating, decoding for the host, and storing into a guest with exactly the realloc calls that
 * the specification prescribes for each pair of encodings (they are observable).
 *
 * A `struct cm_text` is a string where it lies: in a guest's memory, or a host string (always UTF-8). It has been validated once it
 * comes out of cm_text_load or cm_text_of_host. Source: CanonicalABI.md load_string_from_range, store_string_into_range. */
#pragma once

#include "component/abi_guest.h"

enum cm_text_encoding { CM_TEXT_UTF8, CM_TEXT_UTF16, CM_TEXT_LATIN1 };

struct cm_text {
    const uint8_t *data;
    uint32_t units; /* code units */
    enum cm_text_encoding encoding;
    bool was_compact; /* it comes from a latin1+utf16 guest */
};

#define CM_UTF16_TAG (1u << 31) /* in a length of latin1+utf16: the string is UTF-16 */

/* The string at `address` of the guest, in its encoding. ST_TRAP: length, alignment, bounds, or not well-formed. */
enum status cm_text_load(const struct cm_guest *guest, uint32_t address, uint32_t tagged_units, struct cm_text *ret_text,
                         struct error *err) CHECKED;
/* A host's string: ST_TRAP when it is too long or not UTF-8 (a mistake of the host function). */
enum status cm_text_of_host(struct str s, struct cm_text *ret_text, struct error *err) CHECKED;

/* As UTF-8 for C: a view where that is possible and the guest's `copies` is not set, else a copy in its arena. */
enum status cm_text_lift(struct cm_guest *guest, const struct cm_text *text, struct str *ret_str, struct error *err) CHECKED;

/* Allocates in the guest and stores. The text may lie in another guest's memory, never in this one's. */
enum status cm_text_store(struct cm_guest *guest, const struct cm_text *text, uint32_t *ret_address, uint32_t *ret_tagged_units,
                          struct error *err) CHECKED;
