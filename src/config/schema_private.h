/* Inside the table of keys: what reading of files (schema.c) and of the environment (env.c) share. `path` names the value, and
 * `origin` where it comes from, in messages. */
#pragma once

#include "config/schema.h"

/* Where the key's value is in its object. */
void *config_at(const struct config_key *key, void *object);

enum status config_check_number(const struct config_key *key, struct config_report *report, const char *origin, const char *path,
                                uint64_t value, struct error *err) CHECKED;
/* Choices take the spelling of the table. */
enum status config_check_text(const struct config_key *key, struct config_report *report, const char *origin, const char *path,
                              struct str *value, struct error *err) CHECKED;
enum status config_decode_value(struct config_decoder *decoder, const struct config_key *key, const char *path, json_t *value,
                                void *target, struct error *err) CHECKED;
