/* For the tests of loading, linking and running: components from text, one engine, calls with arguments and results as text. */
#pragma once

#include "abi_help.h"
#include "component/component.h"
#include "tap.h"

struct engine *runtime_engine(void); /* one for all tests: a small pool, no code cache */

/* A component that is being put to work. Zeroed at the start; every step fails the test and returns false when it fails. */
struct runtime {
    struct cm_component *component;
    struct cm_linker *linker;
    struct cm_linked *linked;
    struct cm_instance *instance;
    struct error err;
    struct arena arena;
    bool no_elide;         /* set it first */
    struct engine *engine; /* as well; NULL: runtime_engine() */
};

/* text: a component, or the name of a file in data/ ("things.wat"). */
enum status runtime_try_load(struct runtime *rt, const char *text);
enum status runtime_try_link(struct runtime *rt); /* of a loaded component, with the interfaces added so far */
bool runtime_load(struct runtime *rt, const char *text);
bool runtime_add(struct runtime *rt, const struct cm_interface_desc *interface, void *env);
bool runtime_start(struct runtime *rt); /* links and instantiates */
/* All of it. */
bool runtime_open(struct runtime *rt, const char *text, const struct cm_interface_desc *interface, void *env);
bool runtime_open_bytes(struct runtime *rt, struct str component, const struct cm_interface_desc *interface, void *env);
void runtime_close(struct runtime *rt);

/* Calls an export of the root in rt's instance. args: "(1, \"x\")", as abi_help's value_parse reads a tuple. The result as text, ""
 * if there is none, or "trap: " and the message. */
struct str runtime_call(struct runtime *rt, const char *name, const char *args);
/* The same in another instance, and of a function in an exported instance (NULL: of the root). */
struct str runtime_call_in(struct runtime *rt, struct cm_instance *instance, const char *interface, const char *name,
                           const char *args);
