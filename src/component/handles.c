#include "component/handles.h"

#include "base/mem.h"

/* --- tables ------------------------------------------------------------------------------------------------------------------- */

void cm_handles_init(struct cm_handles *handles, uint32_t instance, const struct cm_resource *resources, uint32_t max,
                     struct cm_handle *initial, uint32_t initial_count)
{
    *handles = (struct cm_handles){
        .items = initial,
        .len = initial_count ? 1 : 0,
        .capacity = initial_count,
        .max = max ? MIN(max, CM_HANDLES_MAX) : CM_HANDLES_DEFAULT,
        .instance = instance,
        .is_initial = initial_count > 0,
        .resources = resources,
    };
    if (initial_count)
        initial[0].kind = CM_HANDLE_FREE;
}

void cm_handles_release(struct cm_handles *handles)
{
    for (uint32_t index = handles->len; index-- > 1;) {
        struct cm_handle *handle = &handles->items[index];
        if (handle->kind != CM_HANDLE_OWN)
            continue;
        const struct cm_resource_desc *host = handles->resources[handle->type].host;
        handle->kind = CM_HANDLE_FREE;
        if (host && host->drop)
            (void)host->drop(NULL, (void *)(uintptr_t)handle->rep);
    }
    if (!handles->is_initial)
        free(handles->items);
    handles->items = NULL;
    handles->len = handles->capacity = handles->free = 0;
}

static enum status grow(struct cm_handles *handles, struct error *err)
{
    uint64_t capacity = MIN(MAX((uint64_t)handles->capacity * 2, 16), (uint64_t)handles->max + 1);
    if (handles->len >= capacity)
        return fail(err, ST_TRAP, "cannot allocate another handle: limit of %u handles exceeded", handles->max);
    struct cm_handle *items = realloc(handles->is_initial ? NULL : handles->items, capacity * sizeof *items);
    if (!items)
        return fail(err, ST_TRAP, "cannot allocate another handle: out of memory");
    if (handles->is_initial)
        memcpy(items, handles->items, handles->len * sizeof *items);
    if (handles->len == 0) {
        items[0] = (struct cm_handle){.kind = CM_HANDLE_FREE};
        handles->len = 1;
    }
    handles->items = items;
    handles->capacity = (uint32_t)capacity;
    handles->is_initial = false;
    return ST_OK;
}

enum status cm_handles_add(struct cm_handles *handles, const struct cm_handle *handle, uint32_t *ret_index, struct error *err)
{
    uint32_t index = handles->free;
    if (index) {
        handles->free = handles->items[index].type;
    } else {
        if (handles->len >= handles->capacity)
            TRY(grow(handles, err));
        if (handles->len > handles->max)
            return fail(err, ST_TRAP, "cannot allocate another handle: limit of %u handles exceeded", handles->max);
        index = handles->len++;
    }
    handles->items[index] = *handle;
    *ret_index = index;
    return ST_OK;
}

void cm_handles_remove(struct cm_handles *handles, uint32_t index)
{
    handles->items[index] = (struct cm_handle){.kind = CM_HANDLE_FREE, .type = handles->free};
    handles->free = index;
}

enum status cm_handle_unknown(uint32_t index, struct error *err)
{
    return fail(err, ST_TRAP, "unknown handle index %u", index);
}

/* --- resources ---------------------------------------------------------------------------------------------------------------- */

static enum status wrong_resource(const struct cm_handles *handles, uint32_t expected, uint32_t found, uint32_t index,
                                  struct error *err)
{
    bool expects_host = handles->resources[expected].host, is_host = handles->resources[found].host;
    return fail(err, ST_TRAP, "handle index %u used with the wrong type, expected %s but found %s", index,
                expects_host ? "host resource" : "guest-defined resource",
                is_host        ? expects_host ? "a different host resource" : "host resource"
                : expects_host ? "guest-defined resource"
                               : "a different guest-defined resource");
}

enum status cm_resource_get(const struct cm_handles *handles, uint32_t resource, uint32_t index, struct cm_handle **ret_handle,
                            struct error *err)
{
    struct cm_handle *handle = cm_handles_get(handles, index);
    if (!handle)
        return cm_handle_unknown(index, err);
    if (handle->kind != CM_HANDLE_OWN && handle->kind != CM_HANDLE_BORROW)
        return fail(err, ST_TRAP, "index %u is not a resource", index);
    if (handle->type != resource)
        return wrong_resource(handles, resource, handle->type, index, err);
    *ret_handle = handle;
    return ST_OK;
}

enum status cm_resource_new(struct cm_handles *handles, uint32_t resource, uint64_t rep, uint32_t *ret_index, struct error *err)
{
    struct cm_handle handle = {.kind = CM_HANDLE_OWN, .type = resource, .rep = rep};
    return cm_handles_add(handles, &handle, ret_index, err);
}

enum status cm_resource_rep(const struct cm_handles *handles, uint32_t resource, uint32_t index, uint64_t *ret_rep,
                            struct error *err)
{
    struct cm_handle *handle;
    TRY(cm_resource_get(handles, resource, index, &handle, err));
    *ret_rep = handle->rep;
    return ST_OK;
}

static enum status check_not_lent(const struct cm_handle *handle, struct error *err)
{
    if (handle->lends == 0)
        return ST_OK;
    return fail(err, ST_TRAP, "cannot remove %s resource while borrowed", handle->kind == CM_HANDLE_OWN ? "owned" : "borrowed");
}

enum status cm_resource_drop(struct cm_handles *handles, uint32_t resource, uint32_t index, bool *ret_owned, uint64_t *ret_rep,
                             struct error *err)
{
    struct cm_handle *handle;
    TRY(cm_resource_get(handles, resource, index, &handle, err));
    TRY(check_not_lent(handle, err));
    *ret_owned = handle->kind == CM_HANDLE_OWN;
    *ret_rep = handle->rep;
    if (handle->kind == CM_HANDLE_BORROW)
        handle->scope->borrows--;
    cm_handles_remove(handles, index);
    return ST_OK;
}

enum status cm_resource_take(struct cm_handles *handles, uint32_t resource, uint32_t index, uint64_t *ret_rep, struct error *err)
{
    struct cm_handle *handle;
    TRY(cm_resource_get(handles, resource, index, &handle, err));
    TRY(check_not_lent(handle, err));
    if (handle->kind != CM_HANDLE_OWN)
        return fail(err, ST_TRAP, "cannot lift own resource from a borrow");
    *ret_rep = handle->rep;
    cm_handles_remove(handles, index);
    return ST_OK;
}

enum status cm_end_take(struct cm_handles *handles, enum cm_handle_kind kind, uint32_t type, uint32_t index, uint64_t *ret_object,
                        struct error *err)
{
    bool is_stream = kind == CM_HANDLE_STREAM_READER;
    const char *what = is_stream ? "stream" : "future";
    struct cm_handle *handle = cm_handles_get(handles, index);
    if (!handle)
        return cm_handle_unknown(index, err);
    enum cm_handle_kind writer = is_stream ? CM_HANDLE_STREAM_WRITER : CM_HANDLE_FUTURE_WRITER;
    if (handle->kind != kind && handle->kind != writer)
        return fail(err, ST_TRAP, "handle is not a %s", what);
    if (handle->type != type)
        return fail(err, ST_TRAP, "handle is a %s of a different type", what);
    if (handle->kind == writer)
        return fail(err, ST_TRAP, "handle is not a readable end of a %s", what);
    *ret_object = handle->rep;
    cm_handles_remove(handles, index);
    return ST_OK;
}

/* --- a guest's resources in the host's hands ---------------------------------------------------------------------------------- */

void cm_guest_resources_init(struct cm_guest_resources *set, uint32_t max)
{
    list_init(&set->items);
    set->count = 0;
    set->max = max ? max : CM_HANDLES_DEFAULT;
}

void cm_guest_resources_release(struct cm_guest_resources *set)
{
    list_each (object, &set->items, struct cm_guest_resource, link)
        free(object);
    cm_guest_resources_init(set, set->max);
}

enum status cm_guest_resource_new(struct cm_guest_resources *set, uint32_t resource, uint64_t rep,
                                  struct cm_guest_resource **ret_object, struct error *err)
{
    if (set->count >= set->max)
        return fail(err, ST_TRAP, "the host holds %u resources of this instance already", set->max);
    struct cm_guest_resource *object = NEW(struct cm_guest_resource);
    object->set = set;
    object->resource = resource;
    object->rep = rep;
    list_push_back(&set->items, &object->link);
    set->count++;
    *ret_object = object;
    return ST_OK;
}

static enum status check_object(const struct cm_guest_resources *set, uint32_t resource, const struct cm_guest_resource *object,
                                struct error *err)
{
    if (!object)
        return fail(err, ST_TRAP, "the host passed no resource where one is needed");
    if (object->set != set)
        return fail(err, ST_TRAP, "the host passed a resource of another instance");
    if (object->resource != resource)
        return fail(err, ST_TRAP, "the host passed a resource of another type");
    return ST_OK;
}

enum status cm_guest_resource_take(struct cm_guest_resources *set, uint32_t resource, struct cm_guest_resource *object,
                                   uint64_t *ret_rep, struct error *err)
{
    TRY(check_object(set, resource, object, err));
    if (object->lends)
        return fail(err, ST_TRAP, "cannot remove owned resource while borrowed");
    *ret_rep = object->rep;
    list_remove(&object->link);
    set->count--;
    free(object);
    return ST_OK;
}

/* --- lends -------------------------------------------------------------------------------------------------------------------- */

static enum status grow_lends(struct cm_call_scope *scope, struct error *err)
{
    if (scope->lend_capacity >= CM_HANDLES_DEFAULT)
        return fail(err, ST_TRAP, "cannot lend resource: too many active lends");
    uint32_t capacity = scope->lend_capacity * 4;
    bool is_inline = scope->lends == scope->inline_lends;
    struct cm_lend *lends = realloc(is_inline ? NULL : scope->lends, capacity * sizeof *lends);
    if (!lends)
        return fail(err, ST_TRAP, "cannot lend resource: out of memory");
    if (is_inline)
        memcpy(lends, scope->inline_lends, sizeof scope->inline_lends);
    scope->lends = lends;
    scope->lend_capacity = capacity;
    return ST_OK;
}

static enum status add_lend(struct cm_call_scope *scope, struct cm_lend lend, uint32_t *lends, struct error *err)
{
    if (scope->lend_count >= scope->lend_capacity)
        TRY(grow_lends(scope, err));
    if (*lends == UINT32_MAX)
        return fail(err, ST_TRAP, "cannot lend resource: too many active lends");
    scope->lends[scope->lend_count++] = lend;
    ++*lends;
    return ST_OK;
}

void cm_call_scope_end_lends(struct cm_call_scope *scope)
{
    for (uint32_t i = 0; i < scope->lend_count; i++) {
        struct cm_lend *lend = &scope->lends[i];
        if (lend->handles)
            lend->handles->items[lend->index].lends--;
        else
            lend->object->lends--;
    }
    if (scope->lends != scope->inline_lends)
        free(scope->lends);
    scope->lends = scope->inline_lends;
    scope->lend_capacity = CM_CALL_SCOPE_LENDS;
    scope->lend_count = 0;
}

enum status cm_resource_lend(struct cm_handles *handles, uint32_t resource, uint32_t index, struct cm_call_scope *scope,
                             uint64_t *ret_rep, struct error *err)
{
    struct cm_handle *handle;
    TRY(cm_resource_get(handles, resource, index, &handle, err));
    TRY(add_lend(scope, (struct cm_lend){.handles = handles, .index = index}, &handle->lends, err));
    *ret_rep = handle->rep;
    return ST_OK;
}

enum status cm_guest_resource_lend(struct cm_guest_resources *set, uint32_t resource, struct cm_guest_resource *object,
                                   struct cm_call_scope *scope, uint64_t *ret_rep, struct error *err)
{
    TRY(check_object(set, resource, object, err));
    TRY(add_lend(scope, (struct cm_lend){.object = object}, &object->lends, err));
    *ret_rep = object->rep;
    return ST_OK;
}

enum status cm_resource_borrow(struct cm_handles *handles, uint32_t resource, uint64_t rep, struct cm_call_scope *scope,
                               uint32_t *ret_value, struct error *err)
{
    if (handles->resources[resource].instance == handles->instance) {
        *ret_value = (uint32_t)rep;
        return ST_OK;
    }
    struct cm_handle handle = {.kind = CM_HANDLE_BORROW, .type = resource, .rep = rep, .scope = scope};
    TRY(cm_handles_add(handles, &handle, ret_value, err));
    scope->borrows++;
    return ST_OK;
}

enum status cm_call_scope_borrows_remain(struct error *err)
{
    return fail(err, ST_TRAP, "borrow handles still remain at the end of the call");
}
