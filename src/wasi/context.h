/* The context as the room itself uses it. */
#pragma once

#include "wasi/wasi.h"

/* Appends bytes of a guest's output; complete lines go to the profile at once. */
void wasi_output_write(struct wasi_context *context, enum wasi_output output, struct str bytes);
