/* Names of packages: "namespace:name", each part a label as WIT has it. Text borrows. Any thread. */
#pragma once

#include "base/error.h"
#include "wit/name.h"

struct wkg_package {
    struct str ns, name;
    struct str text; /* "ns:name" */
};

/* Fails: ST_INVALID; the message quotes the text and shows a good one. */
enum status wkg_package_parse(struct str text, struct wkg_package *ret_package, struct error *err) CHECKED;

/* What `wit add` and `wit remove` take: "ns:name", "ns:name/interface", each with "@version" or without. */
struct wkg_target {
    struct wkg_package package;
    struct str interface; /* empty: none */
    struct wit_version version;
};
enum status wkg_target_parse(struct str text, struct wkg_target *ret_target, struct error *err) CHECKED;

/* The folder of a package below wit/deps: its full name with `:` and `@` as dashes. */
struct str wkg_folder_name(struct str full_name, struct arena *arena);
