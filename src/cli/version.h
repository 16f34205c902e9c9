/* Versions of wash: semver 2.0.0, as it is compared for updates. */
#pragma once

#include "base/str.h"

struct cli_version {
    uint64_t major, minor, patch;
    struct str prerelease; /* "rc.1", or empty; borrowed */
};

/* "1.2.3-rc.1+build", or the name of a tag: "v1.2.3", "wash-v1.2.3". False when it is none. */
bool cli_version_parse(struct str text, struct cli_version *ret_version);

/* < 0, 0, > 0 by precedence. */
int cli_version_compare(const struct cli_version *a, const struct cli_version *b);
