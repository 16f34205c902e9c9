/* Generates the guest side of a world in C: a header and a source that a component's own C code is compiled and linked with, by
 * clang for wasm32. The source carries the world's type as a custom section, so that the linked module can be made a component
 * without anything beside it.
 *
 * The names are those that wit-bindgen's C generator gives, so that code written against its bindings compiles against these. For an
 * interface `a:b/c`, P is `a_b_c` when imported and `exports_a_b_c` when exported (with the version in it, `a_b_1_2_3_c`, if the
 * WIT has several versions of the package); for an interface written inside the world it is the label; for the world's own items W,
 * the world's name.
 * - types: P_<type>_t; of types without a name, P_list_<T>_t, P_option_<T>_t, P_tuple2_<T>_<U>_t, P_result_<T>_<E>_t (`void` for
 *   no payload), P_own_<resource>_t, P_borrow_<resource>_t; those of nothing but lists, options and tuples of primitive types are
 *   W_list_u8_t and so on. Text is W_string_t, with W_string_set, _dup, _dup_n and _free.
 * - enum, variant and flags: integers, with the macros P_<TYPE>_<CASE>
 * - functions: P_<function>, P_method_<resource>_<function>, P_static_..., P_constructor_<resource>; W_<function> and
 *   exports_W_<function> in a world. The exported ones are the component's to write.
 * - P_<type>_free frees what a value of the type refers to, but drops no handles
 * - P_<resource>_drop_own; of imported resources P_<resource>_drop_borrow and P_borrow_<resource>; of exported ones P_<resource>_new,
 *   P_<resource>_rep, and P_<resource>_destructor, which is the component's to write for its struct P_<resource>_t
 *
 * Structures, lists and text are passed by pointer, and the last `option` or `result` of a function becomes a bool and pointers.
 * What an import is given stays the caller's; what it returns is the caller's to free, and so are the arguments of an export. What an
 * export returns is freed once the host has read it.
 *
 * On wasm32 the C layout of every such type is the Canonical ABI's, which is why nothing is copied element by element. The source
 * needs `realloc` and `free` of the C library, `memcpy` and `strlen` for text, and no header.
 * Source: component-model CanonicalABI.md "Flattening"; wit-bindgen-c 0.63 for the names. */
#pragma once

#include "base/buf.h"
#include "wit/model.h"

struct wit_guest_options {
    const struct wit_world *world;
    struct str component_type; /* content of the custom section */
};

/* The name of the world's files, without extension: "my_world", of which the source includes "my_world.h". In `arena`. */
const char *wit_guest_file_name(struct arena *arena, const struct wit_world *world);

/* Writes both texts. Fails: ST_UNSUPPORTED for async functions, streams, futures and error contexts, naming the function;
 * ST_INVALID if two things would get the same C name; ST_LIMIT for types whose code or names would be out of all proportion. */
enum status wit_guest_c(const struct wit_model *model, const struct wit_guest_options *options, struct buf *header,
                        struct buf *source, struct error *err) CHECKED;
