/* What the WIT tests share: reading data files, loading text, printing. */
#pragma once

#include "base/buf.h"
#include "tap.h"
#include "wit/load.h"
#include "wit/print.h"

/* A file under tests/unit/wit/ (DATA), or any other by an absolute path. */
bool support_read(const char *path, struct buf *ret_text);
/* Loads `text` as "t.wit" into a fresh model, which the caller releases either way. */
enum status support_load(struct wit_model *model, struct str text, const struct wit_options *options, struct wit_package **ret_main,
                         struct error *err);

/* Cases of a data file: "== name", lines, a line that starts with "--", lines. The dash line's rest is `mark`. */
struct support_case {
    struct str name, input, mark, output;
};
bool support_next_case(struct str *rest, struct support_case *ret_case);
