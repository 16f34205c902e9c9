/* Writing a tree as a file: what is read back is the same tree (nulls are left out in TOML, which has none). */
#pragma once

#include "base/buf.h"
#include <jansson.h>

enum config_format_name { CONFIG_YAML, CONFIG_JSON, CONFIG_TOML };

/* Appends `tree`, an object. ST_LIMIT: `out` is full. */
enum status config_write(json_t *tree, enum config_format_name format, struct buf *out, struct error *err) CHECKED;
