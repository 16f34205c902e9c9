/* Numbers as WebAssembly's binary formats write them. Source: WebAssembly core specification, "Integers" (LEB128). */
#pragma once

#include "base/buf.h"

/* For output of our own (BUF_UNLIMITED). */
static inline void buf_add_u32_leb(struct buf *buf, uint32_t value)
{
    char bytes[5];
    size_t len = 0;
    do {
        bytes[len++] = (char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value);
    buf_add(buf, str_n(bytes, len));
}

/* Text behind its length. */
static inline void buf_add_str_leb(struct buf *buf, struct str text)
{
    buf_add_u32_leb(buf, (uint32_t)text.len);
    buf_add(buf, text);
}
