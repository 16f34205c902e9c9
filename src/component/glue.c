/* Modules of our own making that hand trampolines on: each function is imported and exported again.
 *
 * Trampolines that stand beside store-bound items (in the imports of a module that takes its memory from another one), or that are
 * called from here (a lift, an option), must be functions of the store. Making such functions one by one costs most of a
 * microsecond each; an instance of this module is made from a prepared one and provides all of them at once. */
#include "component/plan_private.h"

#include "base/leb128.h"

static void put_types(struct buf *out, const uint8_t *types, uint32_t count)
{
    static const char codes[] = {[ENGINE_I32] = 0x7f, [ENGINE_I64] = 0x7e, [ENGINE_F32] = 0x7d, [ENGINE_F64] = 0x7c};
    buf_add_u32_leb(out, count);
    for (uint32_t i = 0; i < count; i++)
        buf_add(out, str_n(&codes[types[i]], 1));
}

static void put_section(struct buf *out, char id, struct buf *content)
{
    buf_add(out, str_n(&id, 1));
    buf_add_str_leb(out, buf_str(content));
    buf_clear(content);
}

static struct str module_of(struct planner *p, const struct cm_plan_bound *bound, uint32_t count)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED), section = BUF_INIT(BUF_UNLIMITED);
    buf_add(&out, str_n("\0asm\1\0\0\0", 8));
    buf_add_u32_leb(&section, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct engine_func_type *type = &p->trampolines.items[bound[i].trampoline].core_type;
        buf_add(&section, STR("\x60"));
        put_types(&section, type->params, type->param_count);
        put_types(&section, type->results, type->result_count);
    }
    put_section(&out, 1, &section);
    buf_add_u32_leb(&section, count);
    for (uint32_t i = 0; i < count; i++) {
        buf_add_str_leb(&section, STR(""));
        buf_add_str_leb(&section, bound[i].name);
        buf_add(&section, str_n("\0", 1));
        buf_add_u32_leb(&section, i);
    }
    put_section(&out, 2, &section);
    buf_add_u32_leb(&section, count);
    for (uint32_t i = 0; i < count; i++) {
        buf_add_str_leb(&section, bound[i].name);
        buf_add(&section, str_n("\0", 1));
        buf_add_u32_leb(&section, i);
    }
    put_section(&out, 7, &section);
    return arena_str(p->arena, buf_str(&out));
}

/* One module for each component instance that has such trampolines. */
void plan_glue(struct planner *p, const struct cm_plan_bound *bound, uint32_t count)
{
    struct cm_plan_glue *by_owner = ARENA_ARRAY(&p->scratch, struct cm_plan_glue, p->instances.len);
    struct cm_plan_bound **own = ARENA_ARRAY(&p->scratch, struct cm_plan_bound *, p->instances.len);
    uint32_t glue_count = 0;
    for (uint32_t i = 0; i < count; i++)
        glue_count += by_owner[p->trampolines.items[bound[i].trampoline].owner].count++ == 0;
    for (uint32_t owner = 0; owner < p->instances.len; owner++) {
        own[owner] = ARENA_ARRAY(p->arena, struct cm_plan_bound, by_owner[owner].count);
        by_owner[owner].count = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t owner = p->trampolines.items[bound[i].trampoline].owner;
        struct cm_plan_bound *item = &own[owner][by_owner[owner].count];
        *item = bound[i];
        item->name = arena_printf(p->arena, "%u", by_owner[owner].count++);
    }
    p->plan->glues = ARENA_ARRAY(p->arena, struct cm_plan_glue, glue_count);
    for (uint32_t owner = 0; owner < p->instances.len; owner++) {
        uint32_t n = by_owner[owner].count;
        p->instances.items[owner].has_glue = n > 0;
        if (n > 0)
            p->plan->glues[p->plan->glue_count++] =
                (struct cm_plan_glue){.owner = owner, .count = n, .bound = own[owner], .bytes = module_of(p, own[owner], n)};
    }
}
