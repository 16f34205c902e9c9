/* What a WebAssembly binary says about itself, as annotations of its manifest.
 *
 * Tools put text into custom sections of the outermost component or module: `authors`, `description`, `licenses`, `source`,
 * `homepage`, `revision`, `version`, and its name into `component-name` or `name`. Sections of what is nested are not looked at.
 * Source: wasm-metadata's OCI annotations; image-spec annotations.md "Pre-Defined Annotation Keys". Any thread. */
#pragma once

#include "oci/manifest.h"

#define OCI_METADATA_MAX 8
#define OCI_METADATA_TEXT_MAX 65536u

/* ret_annotations  views of `wasm`, in order of their names
 * Fails: ST_INVALID not a WebAssembly binary, or a section is not text; ST_LIMIT. */
enum status oci_metadata_read(struct str wasm, struct oci_annotation ret_annotations[OCI_METADATA_MAX], size_t *ret_count,
                              struct error *err) CHECKED;

bool oci_metadata_is_module(struct str wasm); /* by its header; false: a component, or neither */
