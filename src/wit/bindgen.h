/* Generates the host side of WIT interfaces in C: a header of types and prototypes, and a source of the descriptor tables that the
 * runtime reads. component/host.h says how WIT types map to C and what the tables mean; this says how things are named.
 *
 * Names. An interface's prefix P is <namespace>_<package>_<interface>, all lower case; a world's own items have the world's name
 * there, and an interface written inside a world adds its label to that.
 * - record, variant: struct P_<type>; a variant's tags are enum P_<type>_tag with the constants P_<TYPE>_<CASE>
 * - enum: enum P_<type>; flags: uint32_t with the macros P_<TYPE>_<FLAG>
 * - resource: struct P_<resource>, which the host defines
 * - types without a name of their own: struct cm_list_u8, cm_list4_<T>, cm_option_<T>, cm_result_<T>_<E> (`none` for no payload),
 *   cm_tuple_<T>_<U>, cm_map_<K>_<V> (of cm_map_<K>_<V>_item), the same in every generated header; a tuple that something follows
 *   in the name has its length in it: cm_result_tuple2_<T>_<U>_<E>
 * - functions: P_<func>, P_<resource>_<method>, P_<resource>_new, P_<resource>_drop
 * - tables: P_<type>_desc, P_<resource>_resource, P_interface; <name>_interfaces[] and <name>_interface_count list the host's
 * - of an interface that guests export: struct P_<func>_args, the table P_export_interface, and the macro P_<FUNC>, a pointer to
 *   the function's descriptor in it
 *
 * What C or the generated code has taken gets an underscore behind it. `type` and `use` make no C names: the type they stand for is
 * used. Strings go by value, other structs by const pointer. error-context is struct cm_error_context *.
 *
 * Which interfaces are the host's: those that a world of the selection imports, or no world mentions. Those a world exports are
 * the guests'. Source: component-model WIT.md; the C mapping is this project's. */
#pragma once

#include "base/buf.h"
#include "wit/model.h"

struct wit_bindgen_options {
    struct str name;               /* of the table of interfaces: a C identifier, "wasi" */
    struct str header;             /* how the source includes its header: "gen/wasi.h" */
    const struct wit_world *world; /* NULL: everything in `packages`; else what this world imports and exports */
    const struct str *packages;    /* full names of the packages to generate; the rest is expected in `includes`. None: all */
    size_t package_count;
    const struct str *includes; /* headers to include, in order */
    size_t include_count;
    /* Prefixes of C names of functions that the host does not implement yet: their rows name <name>_unserved, which must answer for
     * all of them, with an error or a trap. Objects of a resource with such a prefix never exist. */
    const struct str *unserved;
    size_t unserved_count;
};

/* Writes both texts. Fails: ST_INVALID if two things would get the same C name or a type cannot be passed, naming both;
 * ST_UNSUPPORTED for an interface with resources that is both imported and exported; ST_LIMIT. */
enum status wit_bindgen_host(const struct wit_model *model, const struct wit_bindgen_options *options, struct buf *header,
                             struct buf *source, struct error *err) CHECKED;
