/* The context as the room itself uses it. */
#pragma once

#include "wasi/wasi.h"

/* Counts memory whose size the guest chose and that an object of it will hold; false, and nothing is counted, when the instance
 * would hold too much. What was counted is released with the object. */
bool wasi_hold(struct wasi_context *context, size_t bytes) CHECKED;
void wasi_release(struct wasi_context *context, size_t bytes);
enum status wasi_holds_too_much(struct cm_call *call); /* the trap that says so */

/* Appends bytes of a guest's output; complete lines go to the profile at once. */
void wasi_output_write(struct wasi_context *context, enum wasi_output output, struct str bytes);
