/* The state of a module's instances: what it consists of, and names to reach it by.
 *
 * A module need not export its memories and mutable globals. To read and restore them from outside, the module that is compiled is
 * the given one with exports added for those that have none: behind its own, so that the indices of those stay, and under a prefix
 * that it does not use. */
#pragma once

#include "engine/module_reader.h"

struct module_state {
    bool restorable; /* the memories and globals below are all there is */
    size_t memory_count, global_count;
    struct str *memories, *globals; /* the name that exports each memory, each mutable global defined here */
    size_t added_count;
    struct state_export *added; /* those of the names that the module itself lacks */
};
struct state_export {
    struct str name;
    enum engine_extern_kind kind;
    uint32_t index; /* in its kind's index space */
};

/* Part of the code cache's keys: counted up when other exports are added, or other code is found to keep tables (code_scan.h). */
#define MODULE_STATE_VERSION "3"

/* info: of a valid module. All memory is in `arena`. `restorable` is yet to be answered by the code: module_code_keeps_tables. */
void module_state_find(const struct module_info *info, struct arena *arena, struct module_state *ret_state);

/* Writes the module with the added exports to `out`, an empty BUF_UNLIMITED buffer; nothing if there are none to add. */
void module_state_expose(const struct module_info *info, struct str bytes, const struct module_state *state, struct buf *out);
