/* libFuzzer target: bytes through the decoder, with and without unfinished features. Of what loads every index must be in bounds,
 * as the planner relies on it, and the world must print, or say why not, the same way twice. */
#include "component/ir.h"
#include "component/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_index(const struct cm_body *body, enum cm_sort sort, uint32_t index)
{
    bug_unless(index < body->item_count[sort]);
    bug_unless(body->items[sort][index].sort == sort && body->items[sort][index].type);
}

static void check_option(const struct cm_body *body, enum cm_sort sort, uint32_t index)
{
    if (index != CM_NO_INDEX)
        check_index(body, sort, index);
}

static void check_canon(const struct cm_body *body, const struct cm_def *def)
{
    const struct cm_canon *canon = &def->canon;
    check_option(body, CM_SORT_CORE_MEMORY, canon->options.memory);
    check_option(body, CM_SORT_CORE_FUNC, canon->options.realloc);
    check_option(body, CM_SORT_CORE_FUNC, canon->options.callback);
    check_option(body, CM_SORT_CORE_FUNC, canon->options.post_return);
    if (canon->kind <= CM_CANON_LOWER)
        check_index(body, canon->kind == CM_CANON_LIFT ? CM_SORT_CORE_FUNC : CM_SORT_FUNC, canon->func);
    if (canon->kind == CM_CANON_WAITABLE_SET_WAIT || canon->kind == CM_CANON_WAITABLE_SET_POLL)
        check_index(body, CM_SORT_CORE_MEMORY, canon->memory);
    if (canon->kind == CM_CANON_THREAD_NEW_INDIRECT)
        check_index(body, CM_SORT_CORE_TABLE, canon->table);
    bug_unless(def->sort == (canon->kind == CM_CANON_LIFT ? CM_SORT_FUNC : CM_SORT_CORE_FUNC));
    bug_unless(cm_canon_text(canon->kind));
}

static void check_items(const struct cm_body *body, const struct cm_item_arg *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        check_index(body, items[i].sort, items[i].index);
}

static void check_body(const struct cm_ir *ir, const struct cm_body *body);

static void check_def(const struct cm_ir *ir, const struct cm_body *body, const struct cm_def *def)
{
    const struct cm_body *outer = body;
    check_index(body, def->sort, def->index);
    for (uint32_t i = 0; i < def->introduced_count; i++)
        bug_unless(def->introduced[i].resource < ir->resource_count);
    switch (def->kind) {
    case CM_DEF_COMPONENT:
        bug_unless(def->body->parent == body);
        check_body(ir, def->body);
        break;
    case CM_DEF_CORE_INSTANTIATE:
        check_index(body, CM_SORT_CORE_MODULE, def->core_instantiate.module);
        for (uint32_t i = 0; i < def->core_instantiate.arg_count; i++)
            check_index(body, CM_SORT_CORE_INSTANCE, def->core_instantiate.args[i].instance);
        break;
    case CM_DEF_INSTANTIATE:
        check_index(body, CM_SORT_COMPONENT, def->instantiate.component);
        check_items(body, def->instantiate.args, def->instantiate.arg_count);
        break;
    case CM_DEF_CORE_BUNDLE:
    case CM_DEF_BUNDLE:
        check_items(body, def->bundle.items, def->bundle.count);
        break;
    case CM_DEF_ALIAS_EXPORT:
    case CM_DEF_ALIAS_CORE_EXPORT:
        check_index(body, def->kind == CM_DEF_ALIAS_EXPORT ? CM_SORT_INSTANCE : CM_SORT_CORE_INSTANCE, def->alias.instance);
        break;
    case CM_DEF_ALIAS_OUTER:
        for (uint32_t up = 0; up < def->outer.count; up++)
            outer = outer->parent;
        if (outer == body) /* an enclosing body is not finished yet when it is aliased, but it has grown since */
            bug_unless(def->outer.index < body->item_count[def->sort]);
        break;
    case CM_DEF_RESOURCE:
        bug_unless(def->resource.resource < ir->resource_count);
        check_option(body, CM_SORT_CORE_FUNC, def->resource.dtor);
        break;
    case CM_DEF_CANON:
        check_canon(body, def);
        break;
    case CM_DEF_EXPORT:
        bug_unless(def->export_.index < def->index);
        break;
    case CM_DEF_CORE_MODULE:
        bug_unless(def->module.info && def->module.bytes.data);
        break;
    case CM_DEF_CORE_TYPE:
    case CM_DEF_TYPE:
    case CM_DEF_IMPORT:
        break;
    }
}

static void check_body(const struct cm_ir *ir, const struct cm_body *body)
{
    for (uint32_t i = 0; i < body->def_count; i++)
        check_def(ir, body, &body->defs[i]);
}

static enum status decode(struct str bytes, uint32_t gates)
{
    struct arena arena;
    struct cm_ir ir;
    struct error err = {.message = ""};
    arena_init(&arena, CM_LIMIT_ARENA_BYTES);
    struct cm_types *types = cm_types_new(&arena);
    enum status status = cm_decode(bytes, gates, types, &ir, &err);
    if (status == ST_OK)
        check_body(&ir, ir.root);
    else
        bug_unless(err.message[0] && err.status == status);
    cm_types_release(types);
    arena_release(&arena);
    return status;
}

static void print_world(struct str bytes, bool loads)
{
    autobuf struct buf once = BUF_INIT(1 << 20), twice = BUF_INIT(1 << 20);
    struct error err = {.message = ""};
    enum status first = cm_world_wit(bytes, &once, &err), second = cm_world_wit(bytes, &twice, NULL);
    bug_unless(first == second && (loads || first != ST_OK));
    bug_unless(first == ST_OK ? str_eq(buf_str(&once), buf_str(&twice)) : err.message[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_n((const char *)data, size);
    enum status strict = decode(bytes, 0), lenient = decode(bytes, CM_GATE_ALL);
    bug_unless(strict != ST_OK || lenient == ST_OK);
    print_world(bytes, lenient == ST_OK);
    return 0;
}
