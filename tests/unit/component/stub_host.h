/* A host made up from what a component imports: every function is there and traps, every resource exists. So components can be
 * linked and instantiated without the interfaces they were written for. */
#pragma once

#include "component/component.h"

struct stub_host;

/* Adds to `linker` whatever `component` imports. The host lives until after the linker. */
enum status stub_host_new(struct cm_component *component, struct cm_linker *linker, struct stub_host **ret_host,
                          struct error *err) CHECKED;
void stub_host_free(struct stub_host *host);
