/* Functions that components import but this host does not serve yet: sockets, the resolver. They link, so that components that only might use
 * them run, and every call answers with an error of the interface's own. */
#include "base/mem.h"
#include "wasi/bindings.h"

/* The enum case by that name, or STR_NONE. */
static size_t case_of(const struct cm_type_desc *type, const char *name)
{
    for (size_t i = 0; i < type->count; i++)
        if (strcmp(type->fields[i].name, name) == 0)
            return i;
    return STR_NONE;
}

/* The generated tables of these interfaces name this in place of a function. */
enum status wasi_unserved(struct cm_call *call, const void *args UNUSED, void *ret)
{
    const struct cm_func_desc *func = cm_call_func(call);
    const struct cm_type_desc *result = func->result;
    if (!result || result->kind != CM_RESULT || !result->second || result->second->kind != CM_ENUM)
        return cm_trap(call, "%s is not offered by this host", func->name);
    size_t code = case_of(result->second, "not-supported");
    if (code == STR_NONE)
        code = case_of(result->second, "access-denied");
    if (code == STR_NONE)
        return cm_trap(call, "%s is not offered by this host", func->name);
    memset(ret, 0, result->size);
    *(bool *)ret = true; /* is_err */
    *(uint32_t *)(void *)((char *)ret + result->offset) = (uint32_t)code;
    return ST_OK;
}
