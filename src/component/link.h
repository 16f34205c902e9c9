/* Linking: a plan's imports matched with host interfaces, and everything bound. Behind cm_linker and cm_link of component.h. */
#pragma once

#include "component/instance.h"

struct cm_offer { /* an interface that a host offers */
    const struct cm_interface_desc *interface;
    void *env;
};

/* The interface for an import: by its name, then by semver track, then by what it says it implements. NULL: none. */
const struct cm_offer *cm_linker_find(const struct cm_linker *linker, const struct cm_extern_name *name);
