/* The generated prototypes and descriptors of the interfaces this room implements. */
#pragma once

#include "gen/wasi_bindings.h"
