/* Adding and removing imports in the text of a WIT file: only the lines concerned change, formatting and comments stay.
 *
 * The file is cut into tokens as the parser does it, so that comments and strings do not confuse; the result is not resolved here.
 * Any thread. */
#pragma once

#include "base/buf.h"
#include "wkg/package.h"

/* Whether a file has a world. Fails: ST_INVALID it is no WIT text. */
enum status wkg_edit_has_world(struct str path, struct str text, bool *ret_has, struct error *err) CHECKED;

/* Puts `statement` ("import a:b/c@1.0.0;") behind the last import or include of the file's first world, or first in it.
 * Fails: ST_EXISTS the world imports or includes what `target` names, in any version; ST_NOT_FOUND no world; ST_INVALID. */
enum status wkg_edit_add(struct str path, struct str text, const struct wkg_target *target, struct str statement,
                         struct buf *ret_text, struct error *err) CHECKED;

/* Takes out the imports and includes that `target` names from all worlds: of a package without an interface all of its, without a
 * version any. With them go their doc comments and attributes, and what is left of their lines. ret_count: how many. */
enum status wkg_edit_remove(struct str path, struct str text, const struct wkg_target *target, struct buf *ret_text,
                            size_t *ret_count, struct error *err) CHECKED;
