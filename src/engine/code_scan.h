/* What a module's functions can change besides memories and globals, read from their instructions.
 *
 * An instance can be taken back to its first state (engine_store_reset) only if nothing else of it has a state: no instruction that
 * writes a table or drops a segment. This finds out, in one pass over the code that does not understand more of an instruction than
 * how long it is. Source: WebAssembly core specification 3.0, chapter 5 "Binary Format", Instructions. */
#pragma once

#include "engine/module_reader.h"

/* False if some function does, or may (an instruction this does not know). info: of a valid module. The code cache keeps the answer:
 * where it is to be another than before, MODULE_STATE_VERSION is counted up. */
bool module_code_keeps_tables(const struct module_info *info);
