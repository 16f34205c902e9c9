/* Names and versions of the Component Model's text format.
 *
 * A label is kebab-case: words of one case separated by '-', the first starting with a letter ("get-URL", "ipv4-address"). Two
 * names of one scope must be strongly unique: they differ after case is folded and the `[method]`/`[static]` marks are taken off.
 * Versions are Semantic Versioning 2.0. Nothing here keeps state; every `struct str` borrows from what it was made of.
 * Source: component-model WIT.md "WIT Identifiers" and "Keywords", Explainer.md "Import and Export Names"; semver.org 2.0.0. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

struct wit_version {
    uint64_t major, minor, patch;
    struct str pre, build; /* after '-' and '+', or empty */
    struct str text;       /* the whole of it; len 0: no version */
};

bool wit_label_valid(struct str name);
/* Why `name` is no label, for people: "a word mixes upper and lower case". NULL if it is one. */
const char *wit_label_fault(struct str name);

/* True if `name` must be written `%name` in WIT text. */
bool wit_name_needs_escape(struct str name);

/* What two names of one scope must not share ("[method]Blob.read" -> "blob.read", "[static]b.b" -> "b"). In `arena`. */
struct str wit_name_unique_key(struct arena *arena, struct str name);

/* Fails: ST_INVALID, naming the first thing wrong. ret_version borrows from `text`. */
enum status wit_version_parse(struct str text, struct wit_version *ret_version, struct error *err) CHECKED;
/* How many bytes at the start of `text` look like a version: "1.2.3-a.b" of "1.2.3-a.b.{x}". 0 if none do. */
size_t wit_version_span(struct str text);
/* Precedence, then build metadata so that the order is total; no version sorts first. */
int wit_version_compare(const struct wit_version *a, const struct wit_version *b);

static inline bool wit_version_is_set(const struct wit_version *version)
{
    return version->text.len != 0;
}
