/* Reading a configuration file into a jansson tree. The format follows the name: .yaml, .yml, .json, .toml. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include <jansson.h>

#define CONFIG_MAX_BYTES (1u << 20)
#define CONFIG_MAX_DEPTH 64
#define CONFIG_MAX_NODES 100000

/* Who may have written a file whose commands we run. */
enum config_trust {
    CONFIG_TRUST_CHECKED, /* refuse files and folders that others could have written (ST_DENIED) */
    CONFIG_TRUST_NAMED,   /* the user named it: no check */
};

/* ret_tree: the caller's reference (json_decref). ST_NOT_FOUND, ST_IO, ST_LIMIT, ST_DENIED; ST_INVALID names line and column.
 * YAML's aliases are expanded, and the bounds hold for what comes of it: a small file must stay small. Merge keys are refused. */
enum status config_read_file(const char *path, enum config_trust trust, json_t **ret_tree, struct error *err) CHECKED;
enum status config_parse_yaml(const char *origin, struct str text, json_t **ret_tree, struct error *err) CHECKED;
enum status config_parse_toml(const char *origin, struct str text, json_t **ret_tree,
                              struct error *err) CHECKED; /* 1.0; times as text */
enum status config_parse_json(const char *origin, struct str text, json_t **ret_tree, struct error *err) CHECKED;
