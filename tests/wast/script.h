/* Runs WebAssembly scripts of components: each form in order, on the library's own loader, linker and engine.
 *
 * A script's forms are those of the Component Model's test suite: components in text or binary, definitions and instances of them,
 * actions, and assertions about actions or about how far loading gets. Core values and core modules do not occur on their own there
 * and are not understood; a form that is not understood fails. One thread. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "engine/engine.h"

struct script_options {
    struct engine *engine;
    bool no_elide;
    bool verbose;      /* says what each rejected form was rejected with */
    uint32_t gates;    /* features to accept, see cm_load_options */
    const char *skips; /* text of a skip list, or NULL: lines of `path:line gate`, path matching from the end */
};

struct script_counts {
    unsigned passed, failed, skipped;
};

/* path: for messages, and to match skips. Failures are printed to stderr. ST_INVALID: the text is no script. */
enum status script_run(const char *path, struct str text, const struct script_options *options, struct script_counts *ret_counts,
                       struct error *err) CHECKED;
