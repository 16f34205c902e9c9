/* A component's world, or a WIT package encoded as a component, as WIT text.
 *
 * The component is decoded and validated; its imports and exports become a model of the room wit, whose printer writes it. The text
 * is what `wasm-tools component wit` prints: `package root:component;`, a world `root`, then the packages that it takes interfaces
 * from, reduced to what the component mentions. No engine is needed and no code is compiled or validated. Any thread. Source:
 * wit-component's encoding of WIT (component-model WIT.md "Package Format"); names and layout as wasm-tools. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "wit/encode.h"
#include "wit/model.h"

/* Appends the text to `out`, whose maximum bounds it.
 * Fails: ST_INVALID not a valid component, or one that WIT cannot describe (the message says what of it), ST_LIMIT. Waits: no. */
enum status cm_world_wit(struct str bytes, struct buf *out, struct error *err) CHECKED;

/* The same as a model. ret_package: the package that holds the world, or that was encoded. The model's text borrows from `bytes`
 * and `arena`, which must outlive it. model      initialised, empty ret_world  the component's world; NULL: it encodes a WIT
 * package */
enum status cm_world_model(struct str bytes, struct arena *arena, struct wit_model *model, struct wit_package **ret_package,
                           struct wit_world **ret_world, struct error *err) CHECKED;

/* Reads the content of a custom section `component-type` and adds what that world imports and exports to `world`, which may have
 * some of it already. Text borrows as above. Fails: ST_INVALID, ST_LIMIT, ST_UNSUPPORTED another version of the encoding. */
enum status cm_world_merge(struct str bytes, struct arena *arena, struct wit_model *model, struct wit_world *world,
                           enum wit_string_encoding *ret_encoding, struct error *err) CHECKED;

/* Documentation and stability from the custom section `package-docs`. Fails: ST_INVALID. */
enum status cm_package_docs_apply(struct str section, struct wit_model *model, struct wit_package *package,
                                  struct error *err) CHECKED;
