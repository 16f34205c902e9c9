/* Prints a model as WIT text, byte for byte as wit-component does, so that `wash inspect` and `wasm-tools component wit` agree.
 * Give the buffer a maximum when the model follows untrusted input: types without names that fan out multiply in text.
 * Source: component-model WIT.md for the language; wit-component 0.263 for the layout. */
#pragma once

#include "base/buf.h"
#include "wit/model.h"

/* `main` as the file's package, then every other package of the model, in its order, as a nested one.
 * Fails: ST_LIMIT past the buffer's maximum or for types deeper than WIT_MAX_TYPE_DEPTH; ST_INVALID for an anonymous record,
 * variant, enum, flags or resource. The buffer then holds the beginning. */
enum status wit_print(const struct wit_model *model, const struct wit_package *main, struct buf *out, struct error *err) CHECKED;

/* One package alone; `nested`: as `package x:y { ... }`. */
enum status wit_print_package(const struct wit_package *package, bool nested, struct buf *out, struct error *err) CHECKED;

/* A type as it is written where it is used: "list<tuple<string, u32>>", or its name. */
enum status wit_print_type(const struct wit_type *type, struct buf *out, struct error *err) CHECKED;
