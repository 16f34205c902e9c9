/* Folders that become a project: copied from a local template, checked whatever they came from, removed when something fails.
 *
 * What a template holds is bounded (TREE_*) and is files, folders and symbolic links that stay inside it; anything else is refused.
 * The folders worked on are below one of our own that nobody else may enter, so nothing changes between a check and its use; the
 * source of a copy may change at any time, and is read without following links. An interrupt (cli/interrupts.h) ends the work with
 * ST_CANCELLED. Symbolic links to be checked may name what is not there yet. */
#pragma once

#include "base/error.h"
#include <stdbool.h>

#define TREE_MAX_ENTRIES 100000
#define TREE_MAX_DEPTH 128
#define TREE_MAX_BYTES (1ull << 30)

/* Copies what is in the folder `from` into the folder `to`, both open. Left out: `.git`, `node_modules`, and folders with a
 * CACHEDIR.TAG (which is how cargo marks target/). Modes: only whether a file is executable. ST_LIMIT past a bound, ST_INVALID for
 * devices, sockets and pipes. */
enum status cli_tree_copy(int from, int to, struct error *err) CHECKED;

/* Drops every `.git`, and checks all else. ST_INVALID names the symbolic link that leads out of the folder. */
enum status cli_tree_settle(const char *root, struct error *err) CHECKED;

/* Removes a file, or a folder and all in it. What is not there is removed already. */
enum status cli_tree_remove(const char *path, struct error *err);
