/* Generates the guest side of a world in Go: packages that a component's own code is compiled with, by the standard Go compiler for
 * wasip1, as a reactor (`-buildmode=c-shared`). Go's linker has no custom sections: the world is told to what makes the component.
 *
 * The folder of the bindings has a package for each interface of the world, `wasi/http/types` for `wasi:http/types` (with the version
 * in it, `wasi/http/0.2.12/types`, if the WIT has several versions of the package), below `export/` for those that it exports; one
 * for the world's own items and for each interface written inside it, below the world's name; and `wit`, which all are made of. A
 * folder `internal`, `vendor` or the like is `internal_`, so that it can be imported.
 * - words of a name are joined, CamelCase: `outgoing-body` is OutgoingBody, `get-url` GetURL
 * - records are structs; enums and flags integers with constants <Type><Case>; a variant an interface, of which each case is a
 *   struct <Type><Case>, with a Value if it has a payload
 * - list<T> is []T, option<T> *T or for handles and variants, which can be nil themselves, T; tuples are wit.Tuple2[T, U]; a result
 *   is wit.Result[T, E], but what a function returns is (T, error), or error alone
 * - imported resources are pointers with a method for each of theirs, New<Resource>, <Resource><Static>, and Drop (a method
 *   of that name is Drop_). What is given away or dropped cannot be used any more.
 * - functions are functions; those of an export are the fields of the package's variable Exports, which are the component's to set
 * - exported resources are interfaces, which any value of the component's own can have; its method Drop(), if it has one, is called
 *   when nobody refers to the resource any more. Handles that are lent to an export are dropped when it returns.
 *
 * Values are copied between the Go heap and an arena (go/memory.go says why). Source: component-model CanonicalABI.md. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "wit/model.h"

struct wit_guest_go_options {
    const struct wit_world *world;
    struct str import_path; /* of the folder of the bindings: "example.com/project/gen" */
};

struct wit_text_file {
    const char *path; /* below the folder: "wasi/http/types/types.go" */
    struct str text;
};

struct wit_text_files {
    struct wit_text_file *items;
    size_t len;
};

/* Writes the files, in `arena`. Fails: ST_UNSUPPORTED for async functions, streams, futures and error contexts, naming the function;
 * ST_INVALID if two things would get the same Go name; ST_LIMIT for types whose code would be out of all proportion. */
enum status wit_guest_go(const struct wit_model *model, const struct wit_guest_go_options *options, struct arena *arena,
                         struct wit_text_files *ret_files, struct error *err) CHECKED;
