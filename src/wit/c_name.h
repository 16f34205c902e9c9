/* C text made of WIT names, for the binding generators. Everything is NUL-ended and lives in the arena given. */
#pragma once

#include "base/arena.h"

const char *c_printf(struct arena *arena, const char *format, ...) PRINTF(2, 3);
const char *c_snake(struct arena *arena, struct str name);  /* "get-URL" -> "get_url" */
const char *c_upper(struct arena *arena, struct str name);  /* "get-URL" -> "GET_URL" */
const char *c_string(struct arena *arena, struct str text); /* a string literal, with quotes */
