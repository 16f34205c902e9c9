/* Files and folders of a project and of the cache: what base/file.h does not have. Block; any thread. */
#pragma once

#include "base/error.h"

/* A file, or a folder and all in it; links themselves, not what they name. What is not there is removed already. */
enum status wkg_tree_remove(const char *path, struct error *err);

bool wkg_exists(const char *path); /* a link counts, wherever it leads */
