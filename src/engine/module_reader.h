/* Reads what a core module's binary says of itself, without compiling it: imports, exports, types, names, custom sections, and
 * enough structure to recognise the shim and fixup modules that toolchains emit. Bounds on everything; base only. */
#pragma once

#include "base/arena.h"
#include "engine/engine.h"

struct module_section {
    uint8_t id;
    struct str bytes; /* payload */
    struct str name;  /* custom sections: their name (payload then excludes it) */
    size_t offset;    /* of the payload in the module */
};

struct module_info {
    struct engine_func_type *types; /* the function types; others have param_count UINT32_MAX */
    size_t type_count;
    struct engine_import *imports;
    size_t import_count;
    struct engine_export *exports;
    uint32_t *export_items; /* index each export has in its kind's index space */
    size_t export_count;
    uint32_t *func_types; /* type index of every function, imported ones first */
    size_t func_count, imported_func_count;
    struct str *bodies;                                     /* code of each defined function, locals included */
    struct engine_extern_type *tables, *memories, *globals; /* imported ones first */
    size_t table_count, memory_count, global_count, imported_table_count, imported_memory_count, imported_global_count;
    bool has_start;
    struct module_section *sections; /* every section in order */
    size_t section_count;
    struct str module_name; /* of the name section, or empty */
};

/* All of it lives in `arena`; strings point into `bytes`. ST_INVALID names the offset. */
enum status module_read(struct str bytes, struct arena *arena, struct module_info *ret_info, struct error *err) CHECKED;
