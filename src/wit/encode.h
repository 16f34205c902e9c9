/* Encodes WIT in the binary format of components.
 *
 * A package becomes a component that exports one type for each interface and world: the form in which registries keep WIT. A world
 * alone becomes the content of the custom section `component-type` (or any name that starts so), which a guest's core module
 * carries until a component is made of it. What comes out is what wit-component 0.263 writes, byte for byte but for `producers`.
 * component/world.h reads both back. Source: component-model WIT.md "Package Format"; the custom sections `package-docs`
 * (version 1: documentation and stability) and `wit-component-encoding` (version 4) are wit-component's. */
#pragma once

#include "base/buf.h"
#include "wit/model.h"

enum wit_string_encoding { WIT_ENCODING_UTF8, WIT_ENCODING_UTF16, WIT_ENCODING_LATIN1_UTF16 };

/* Who made it, for the custom section `producers`. */
struct wit_producer {
    struct str name, version;
};

/* Appends the package to `out`, whose maximum bounds it. Of other packages only the types are told that its interfaces use.
 * producer  NULL: no such section
 * Fails: ST_LIMIT past the maximum or for types deeper than WIT_MAX_TYPE_DEPTH; ST_INVALID for a model that text cannot make: an
 * anonymous record, variant, enum, flags or resource, or interfaces that use each other in a circle. `out` is then unchanged. */
enum status wit_encode_package(const struct wit_package *package, const struct wit_producer *producer, struct buf *out,
                               struct error *err) CHECKED;

/* Appends the content of the custom section `component-type` that says that a module was built for `world`.
 * encoding  of the strings that the module passes. Fails: as above, and ST_INVALID for a world that uses types of an interface that
 * it does not import. */
enum status wit_encode_world(const struct wit_world *world, enum wit_string_encoding encoding, const struct wit_producer *producer,
                             struct buf *out, struct error *err) CHECKED;

/* Appends to a core module or component one more custom section: `name` and what is in it. */
enum status wit_append_custom_section(struct str name, struct str content, struct buf *out, struct error *err) CHECKED;
