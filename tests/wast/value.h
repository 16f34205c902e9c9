/* Component values of scripts, `(u32.const 7)`, `(record.const (field "x" u8.const 1))`: written into and compared with C structs
 * laid out as a `cm_type_desc` says. A value is a chain of nodes whose first is the atom that says its kind. */
#pragma once

#include "base/buf.h"
#include "component/host.h"
#include "sexpr.h"

/* node: a value in parentheses. ST_INVALID: it does not fit the type. Lists and strings go to, or are borrowed by, the arena. */
enum status value_store(const struct cm_type_desc *desc, const struct sexpr *node, void *memory, struct arena *arena,
                        struct error *err) CHECKED;
/* ST_INVALID: the script's value does not fit the type; *ret_same otherwise. */
enum status value_matches(const struct cm_type_desc *desc, const struct sexpr *node, const void *memory, bool *ret_same,
                          struct error *err) CHECKED;
void value_print(const struct cm_type_desc *desc, const void *memory, struct buf *out);
