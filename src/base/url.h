/* Addresses in messages and results. */
#pragma once

#include "base/arena.h"

/* The address without what may be a secret in it: the password of `scheme://user:password@host`, and a name that stands alone there,
 * which may be a token, become `***`. A name alone before ssh's host, as in ssh://git@host, is none. Anything else is as it is. */
struct str url_shown(struct arena *arena, struct str url);
