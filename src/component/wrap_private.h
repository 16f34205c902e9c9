/* What the files that make components of modules share:
 *   wrap.c           reading modules, the order of things
 *   wrap_merge.c     versions of one interface; order of imports
 *   wrap_names.c     what imports and exports mean
 *   wrap_distinct.c  imports of one name
 *   wrap_type.c      core signatures, what options they need, which types are used
 *   wrap_import.c    what the component imports
 *   wrap_core.c      core modules and what they are given
 *   wrap_shim.c      the two modules that break the circle
 *   wrap_export.c    what the component exports
 *   wrap_module.c    writing core modules
 *   wrap_adapter*.c  cutting adapters down */
#pragma once

#include "base/vec.h"
#include "component/wrap.h"
#include "engine/module_reader.h"
#include "wit/encode_type.h"

#define WRAP_NONE UINT32_MAX

/* What a canonical definition needs as options. */
enum {
    WRAP_NEEDS_MEMORY = 1 << 0,
    WRAP_NEEDS_REALLOC = 1 << 1,
    WRAP_NEEDS_ENCODING = 1 << 2,
    WRAP_IS_ASYNC = 1 << 3,
};

/* What a built-in's definition says besides which it is. */
enum wrap_operands {
    WRAP_PLAIN,
    WRAP_RESOURCE,
    WRAP_PAYLOAD,        /* a stream or future type */
    WRAP_PAYLOAD_READ,   /* and options */
    WRAP_PAYLOAD_WRITE,  /* and options */
    WRAP_PAYLOAD_CANCEL, /* and whether it is async */
    WRAP_ASYNC_FLAG,
    WRAP_ERROR_NEW,
    WRAP_ERROR_MESSAGE,
    WRAP_WAIT, /* cancellable or not, and a memory */
    WRAP_CANCELLABLE,
    WRAP_CONTEXT, /* a type and a slot */
    WRAP_TASK_RETURN,
};

struct wrap_builtin {
    const char *name; /* as imported: "[resource-drop]", "[stream-new-" */
    const char *type; /* "ii:i"; NULL: depends */
    uint8_t opcode;
    enum wrap_operands operands;
    bool exports_only;
};

enum wrap_import_kind {
    WRAP_LOWER, /* a function that the world or an interface of it imports */
    WRAP_BUILTIN,
    WRAP_ADAPTED,     /* a function that an adapter exports */
    WRAP_MAIN_MEMORY, /* the memory of the main module, which adapters import, and the module itself may */
    WRAP_MAIN_EXPORT, /* of an adapter: what the main module exports under that name */
};

struct wrap_import { /* of a core module */
    const struct engine_import *core;
    struct str given; /* the name under which the module in the component imports it */
    enum wrap_import_kind kind;
    const struct wit_world_item *item; /* the interface that `function` or `type` is of; NULL: the world itself */
    const struct wit_function *function;
    const struct wit_type *type;
    bool is_exported; /* item is of the world's exports */
    bool is_async;
    const struct wrap_builtin *builtin;
    uint32_t slot;
    enum wit_string_encoding encoding;
    struct wrap_module *adapter;
    unsigned needs;
    uint32_t shim; /* WRAP_NONE: none, it can be had before the module is instantiated */
};

struct wrap_module {
    struct str name;  /* of an adapter; empty: the main module */
    struct str bytes; /* in `own`, without its worlds, or as given */
    struct buf own;
    struct module_info info;
    struct map exports; /* name -> const struct engine_export * */
    enum wit_string_encoding encoding;
    struct str *given_names; /* of info.imports, where not their own; else data NULL. NULL: all their own */
    WIT_VEC(struct wrap_import) imports;
    uint32_t realloc_shim;             /* WRAP_NONE: none */
    size_t first_export, export_count; /* of the world's exports: what this module must have */
    uint32_t index, instance;          /* in the component */
};

struct wrap_shim { /* a function that exists only once the modules do */
    struct wrap_module *module;
    struct wrap_import *import; /* what it stands for, or else: */
    struct str export;          /* a function that the module exports: a destructor, or realloc */
    struct engine_func_type type;
};

struct wrap_export { /* an interface that the world exports */
    struct wrapper *wrapper;
    const struct wit_world_item *item;
    struct wrap_module *module;
    struct wit_type_space types; /* its own, at the root */
    struct map uses;             /* of other exported interfaces: wit_interface_key -> struct wrap_export * */
    uint32_t instance;
};

struct wrapper {
    const struct cm_wrap_options *options;
    struct arena arena, read; /* `read`: bounded, for what was decoded */
    struct wit_model model;
    struct wit_world *world; /* of all modules together */
    struct wrap_module main;
    struct wrap_module *adapters;
    size_t adapter_count;
    struct wit_body body;
    struct error *err;
    struct map imported_names, exported_names; /* of interfaces, in full and cut to their track -> const struct wit_world_item * */
    struct map type_info;                      /* wit_type_key -> struct type_info * */
    struct map used;                           /* what modules import of the world's imports: item and function -> anything */
    struct map live;                           /* types of imports that are used: wit_type_key -> anything */
    struct map live_of;                        /* wit_interface_key -> struct live_types * */
    struct wit_type_space root;                /* the world's own types and those of imports */
    struct map import_instances; /* by interface (under its own name, if it is imported so) and by item -> index + 1 */
    struct map type_aliases;     /* instance and type -> index + 1 */
    struct map core_aliases;     /* core instance and name -> index + 1 */
    struct map functions;        /* of the world itself: name -> index + 1 */
    VEC(struct wrap_shim) shims;
    struct map destructors; /* wrap_destructor_name -> position in shims + 1 */
    VEC(struct wrap_export *) exports;
    struct map export_of; /* by interface (under its own name, if it is exported so) and by item */
    uint32_t shim_instance, memory;
    /* If the main module imports its memory, the shim has it, and what needs no more than that can be had at once. NULL: it exports
     * its memory, as most do. */
    const struct engine_extern_type *imported_memory;
};

/* --- wrap_type.c ----------------------------------------------------------------------------------------------------- */

enum wrap_abi { WRAP_ABI_LOWER, WRAP_ABI_LOWER_ASYNC, WRAP_ABI_LIFT, WRAP_ABI_LIFT_ASYNC, WRAP_ABI_LIFT_STACKFUL };

/* The core type of a function, and the options that its lifting or lowering needs. */
struct engine_func_type wrap_signature(struct wrapper *w, const struct wit_function *function, enum wrap_abi abi);
unsigned wrap_needs(struct wrapper *w, const struct wit_function *function, enum wrap_abi abi);
unsigned wrap_payload_needs(struct wrapper *w, const struct wit_type *payload, bool read, bool is_async);
unsigned wrap_task_return_needs(struct wrapper *w, const struct wit_function *function);
struct engine_func_type wrap_task_return_signature(struct wrapper *w, const struct wit_function *function);
struct engine_func_type wrap_post_return_signature(struct wrapper *w, const struct wit_function *function);
struct engine_func_type wrap_type_of(struct wrapper *w, const char *text); /* of "ii:i": i32, I: i64 */
/* ST_INVALID if an import or export has another type than it must have. */
enum status wrap_check_type(struct wrapper *w, const char *what, struct str name, const struct engine_func_type *got,
                            const struct engine_func_type *want) CHECKED;

/* The stream or future type of a function that names know by `index`: all of them are counted, those in a type before itself. NULL:
 * it has fewer. */
const struct wit_type *wrap_payload(struct wrapper *w, const struct wit_function *function, uint32_t index);

struct live_types {
    WIT_VEC(const struct wit_type *) types; /* each behind those it is made of */
};
/* Finds the types that imports must have for all that is used. */
void wrap_find_live(struct wrapper *w);
/* The types that an interface is made of, of other interfaces too. */
void wrap_interface_types(struct wrapper *w, const struct wit_interface *interface, struct live_types *ret_types);

/* --- wrap_names.c ---------------------------------------------------------------------------------------------------- */

/* Once the world is complete: by what names modules may call its interfaces. */
void wrap_index_interfaces(struct wrapper *w);
/* Gives imports that have the same names distinct ones: `f`, `f [v2]`. A core module may have several, a component cannot give it
 * one name twice. */
void wrap_distinguish_imports(struct wrapper *w, struct wrap_module *module);
/* Copies an import section, with these names. */
enum status wrap_rename_imports(struct wrapper *w, const struct wrap_module *module, struct str section,
                                struct wit_sink *out) CHECKED;
/* Fills module->imports. */
enum status wrap_read_imports(struct wrapper *w, struct wrap_module *module) CHECKED;
/* The name under which a module exports a function of the world, without what may stand in front. */
struct str wrap_export_name(struct wrapper *w, const struct wit_world_item *item, const struct wit_function *function);
const struct engine_export *wrap_find_export(const struct wrap_module *module, struct str name, enum engine_extern_kind kind);
/* The same as BuildTargets.md has it; of a resource's destructor with a suffix. */
struct str wrap_standard_name(struct wrapper *w, const struct wit_world_item *item, struct str name, const char *suffix);
struct str wrap_destructor_name(struct wrapper *w, const struct wit_world_item *item, const struct wit_type *resource);
/* How a function is exported. */
struct wrap_lift {
    struct str name;        /* of the core function */
    struct str plain;       /* without what may stand in front, for messages */
    struct str post_return; /* a name that may be there */
    enum wrap_abi abi;
};
enum status wrap_find_lift(struct wrapper *w, const struct wrap_module *module, const struct wit_world_item *item,
                           const struct wit_function *function, struct wrap_lift *ret_lift) CHECKED;
/* "ns:name/interface@version", or the plain name. */
struct str wrap_item_name(struct wrapper *w, const struct wit_world_item *item);
const struct engine_export *wrap_find_initialize(const struct wrap_module *module); /* NULL: none */
struct str wrap_memory_name(const struct wrap_module *module);                      /* empty: none */
struct str wrap_realloc_name(const struct wrap_module *module, bool import);        /* for lowered results, or lifted parameters */
struct str wrap_adapter_realloc(const struct wrap_module *main_module);             /* what adapters allocate with */

/* --- wrap_module.c --------------------------------------------------------------------------------------------------- */

enum wrap_core_section { /* by their ids in a core module */
                         CORE_TYPE = 1,
                         CORE_IMPORT = 2,
                         CORE_FUNCTION = 3,
                         CORE_TABLE = 4,
                         CORE_MEMORY = 5,
                         CORE_GLOBAL = 6,
                         CORE_EXPORT = 7,
                         CORE_START = 8,
                         CORE_ELEMENT = 9,
                         CORE_CODE = 10,
                         CORE_DATA = 11,
};

struct wrap_writer {
    struct wrapper *wrapper;
    struct wit_sink out, items; /* finished sections; items of the next */
    uint32_t count;             /* of items */
    struct map types;           /* bytes of a function type -> index + 1 */
};

void wrap_begin_module(struct wrap_writer *m, struct wrapper *w);
uint32_t wrap_end_module(struct wrap_writer *m); /* adds it to the component and releases the writer */
void wrap_release_module(struct wrap_writer *m);
struct wit_sink *wrap_next_item(struct wrap_writer *m);
void wrap_end_items(struct wrap_writer *m, enum wrap_core_section section);
void wrap_put_func_type(struct wit_sink *sink, const struct engine_func_type *type);            /* of numbers and vectors */
void wrap_put_memory_type(struct wit_sink *sink, const struct engine_extern_type *type);        /* of a 32-bit one */
uint32_t wrap_add_func_type(struct wrap_writer *m, const struct engine_func_type *type);        /* once; in a type section */
void wrap_put_import(struct wrap_writer *m, struct str module, struct str name, uint32_t type); /* of a function */
void wrap_put_start(struct wrap_writer *m, uint32_t function);                                  /* the start section */

/* --- the rest -------------------------------------------------------------------------------------------------------- */

static inline struct str wrap_item_key(const struct wit_world_item *const *item)
{
    return str_n((const char *)item, sizeof *item);
}

/* Before imports are read: makes one of several versions of an interface, and puts what is used before what uses it. */
enum status wrap_merge_imports(struct wrapper *w) CHECKED;

enum status wrap_encode_imports(struct wrapper *w) CHECKED;
/* An instance that is imported, for a type of it. */
enum status wrap_imported_type(struct wit_type_space *space, const struct wit_type *type, uint32_t *ret_index) CHECKED;
uint32_t wrap_alias_type(struct wrapper *w, uint32_t instance, const struct wit_type *type);
uint32_t wrap_alias_core(struct wrapper *w, uint32_t instance, enum wit_sort sort, struct str name);

enum status wrap_encode_core(struct wrapper *w) CHECKED;
/* Defines the core item behind an import. */
enum status wrap_emit_import(struct wrapper *w, struct wrap_module *module, struct wrap_import *import, enum wit_sort *ret_sort,
                             uint32_t *ret_index) CHECKED;
void wrap_put_options(struct wit_sink *sink, unsigned needs, enum wit_string_encoding encoding, uint32_t memory, uint32_t realloc,
                      uint32_t post_return, uint32_t callback);
uint32_t wrap_add_core_module(struct wrapper *w, struct str bytes);
/* A function that is behind the shim. */
uint32_t wrap_alias_shim(struct wrapper *w, uint32_t shim);

enum status wrap_collect_shims(struct wrapper *w) CHECKED;
void wrap_encode_shim(struct wrapper *w);
enum status wrap_encode_fixup(struct wrapper *w) CHECKED;

/* Finds what each exported interface takes from others, and defines its types. */
void wrap_prepare_exports(struct wrapper *w);
enum status wrap_declare_exported_types(struct wrapper *w) CHECKED;
enum status wrap_encode_exports(struct wrapper *w) CHECKED;

/* Reduces an adapter to what is exported as `required` (names as keys), with a stack of its own. */
enum status wrap_reduce_adapter(struct wrapper *w, struct wrap_module *adapter, const struct map *required) CHECKED;
