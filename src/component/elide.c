/* Leaving out shim and fixup modules.
 *
 * A module M needs imports that need M's memory. Toolchains break the circle with two little modules: the *shim*, instantiated
 * before M, exports functions that jump through a table; the *fixup*, instantiated after M, imports that table and the real
 * functions, and puts them there with an element segment. Here both are recognised by what they consist of, never by name, and
 * every use of a shim function is replaced by the function that the fixup would have put behind it.
 *
 * What the guest could notice is only a call before the fixup has run (in a start function): it traps there for an empty table, and
 * here because the memory it needs is not there yet. Where the function behind an entry is a core function made after its user (an
 * adapter's), a FORWARD trampoline stands in for the table; not so if exceptions might have to pass through it. */
#include "component/plan_private.h"
#include "component/reader.h"

#define SECTION_BIT(id) (1u << (id))
enum {
    SECTION_CUSTOM = 0,
    SECTION_TYPE = 1,
    SECTION_IMPORT = 2,
    SECTION_FUNCTION = 3,
    SECTION_TABLE = 4,
    SECTION_EXPORT = 7,
    SECTION_START = 8,
    SECTION_ELEMENT = 9,
    SECTION_CODE = 10,
    SECTION_TAG = 13
};

struct shim {
    uint32_t instance, table_export;
    const struct module_info *info;
    uint32_t *entries; /* of each export: the table entry that it calls; CM_NO_INDEX: it is the table */
};

struct fixup {
    uint32_t instance;
    uint32_t count;
    uint32_t *imports; /* of each table entry: the import that goes there */
    uint32_t start;    /* the import that is called at last; CM_NO_INDEX: none */
};

/* What replaces the shim while references are rewritten. */
struct rewrite {
    const struct shim *shim;
    const struct fixup *fixup;
    uint32_t table_uses;
    bool forwards_allowed;
};

static bool only_sections(const struct module_info *info, uint32_t allowed)
{
    for (size_t i = 0; i < info->section_count; i++)
        if (info->sections[i].id >= 32 || !(SECTION_BIT(info->sections[i].id) & allowed))
            return false;
    return true;
}

static const struct module_info *info_of(const struct planner *p, uint32_t instance)
{
    return p->module_list.items[p->core_instances.items[instance].module].info;
}

static bool same_types(const uint8_t *a, uint32_t a_count, const uint8_t *b, uint32_t b_count)
{
    return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count) == 0);
}

static bool same_func_type(const struct engine_func_type *a, const struct engine_func_type *b)
{
    return same_types(a->params, a->param_count, b->params, b->param_count) &&
           same_types(a->results, a->result_count, b->results, b->result_count);
}

/* --- shims ------------------------------------------------------------------------------------------------------------------- */

static bool read_number(struct cm_reader *r, uint32_t *ret_value)
{
    return cm_read_u32(r, ret_value) == ST_OK;
}

/* A signed number that is not negative. */
static bool read_constant(struct cm_reader *r, uint32_t *ret_value)
{
    int64_t value;
    if (cm_read_s33(r, &value) != ST_OK || value < 0 || value > INT32_MAX)
        return false;
    *ret_value = (uint32_t)value;
    return true;
}

static bool expect_byte(struct cm_reader *r, uint8_t wanted)
{
    uint8_t byte;
    return cm_read_byte(r, &byte) == ST_OK && byte == wanted;
}

/* local.get 0 .. n-1, i32.const entry, call_indirect of its own type on table 0, end. */
static bool is_jump(struct str body, uint32_t type, uint32_t param_count, uint32_t *ret_entry)
{
    enum { LOCAL_GET = 0x20, I32_CONST = 0x41, CALL_INDIRECT = 0x11, END = 0x0b };
    struct cm_reader r;
    uint32_t number;
    cm_reader_init(&r, body, NULL);
    if (!expect_byte(&r, 0)) /* no locals */
        return false;
    for (uint32_t i = 0; i < param_count; i++)
        if (!expect_byte(&r, LOCAL_GET) || !read_number(&r, &number) || number != i)
            return false;
    return expect_byte(&r, I32_CONST) && read_constant(&r, ret_entry) && expect_byte(&r, CALL_INDIRECT) &&
           read_number(&r, &number) && number == type && expect_byte(&r, 0) && expect_byte(&r, END) && cm_reader_at_end(&r);
}

static bool read_shim_exports(const struct module_info *info, struct shim *shim)
{
    shim->table_export = CM_NO_INDEX;
    for (uint32_t i = 0; i < info->export_count; i++) {
        const struct engine_export *export = &info->exports[i];
        uint32_t func = info->export_items[i];
        if (export->type.kind == ENGINE_TABLE && shim->table_export == CM_NO_INDEX) {
            shim->entries[i] = CM_NO_INDEX;
            shim->table_export = i;
        } else if (export->type.kind != ENGINE_FUNC ||
                   !is_jump(info->bodies[func], info->func_types[func], export->type.func.param_count, &shim->entries[i])) {
            return false;
        }
    }
    return shim->table_export != CM_NO_INDEX;
}

static bool is_shim(struct planner *p, uint32_t instance, struct shim *ret_shim)
{
    const struct module_info *info = info_of(p, instance);
    const uint32_t sections = SECTION_BIT(SECTION_CUSTOM) | SECTION_BIT(SECTION_TYPE) | SECTION_BIT(SECTION_FUNCTION) |
                              SECTION_BIT(SECTION_TABLE) | SECTION_BIT(SECTION_EXPORT) | SECTION_BIT(SECTION_CODE);
    if (!info || info->has_start || info->table_count != 1 || info->tables[0].is_64 || !only_sections(info, sections))
        return false;
    *ret_shim = (struct shim){.instance = instance, .info = info};
    ret_shim->entries = ARENA_ARRAY(&p->scratch, uint32_t, info->export_count);
    return read_shim_exports(info, ret_shim);
}

/* --- fixups ------------------------------------------------------------------------------------------------------------------ */

/* The import behind each imported function. */
static uint32_t *func_imports(struct planner *p, const struct module_info *info)
{
    uint32_t *imports = ARENA_ARRAY(&p->scratch, uint32_t, info->imported_func_count), count = 0;
    for (uint32_t i = 0; i < info->import_count; i++)
        if (info->imports[i].type.kind == ENGINE_FUNC)
            imports[count++] = i;
    return imports;
}

/* One active segment at 0 of table 0, of imported functions. */
static bool read_segment(struct planner *p, const struct module_info *info, const uint32_t *imports, struct str section,
                         struct fixup *fixup)
{
    struct cm_reader r;
    uint32_t func;
    cm_reader_init(&r, section, NULL);
    if (!expect_byte(&r, 1) || !expect_byte(&r, 0) || !expect_byte(&r, 0x41) || !expect_byte(&r, 0) || !expect_byte(&r, 0x0b) ||
        cm_read_count(&r, UINT32_MAX, "functions", &fixup->count) != ST_OK)
        return false;
    fixup->imports = ARENA_ARRAY(&p->scratch, uint32_t, fixup->count);
    for (uint32_t i = 0; i < fixup->count; i++) {
        if (!read_number(&r, &func) || func >= info->imported_func_count)
            return false;
        fixup->imports[i] = imports[func];
    }
    return cm_reader_at_end(&r);
}

static bool read_start(const struct module_info *info, const uint32_t *imports, struct str section, struct fixup *fixup)
{
    struct cm_reader r;
    uint32_t func;
    cm_reader_init(&r, section, NULL);
    if (!read_number(&r, &func) || func >= info->imported_func_count)
        return false;
    fixup->start = imports[func];
    return true;
}

static bool read_fixup(struct planner *p, const struct module_info *info, struct fixup *fixup)
{
    const uint32_t *imports = func_imports(p, info);
    bool has_elements = false;
    for (size_t i = 0; i < info->section_count; i++) {
        const struct module_section *section = &info->sections[i];
        if (section->id == SECTION_START && !read_start(info, imports, section->bytes, fixup))
            return false;
        if (section->id == SECTION_ELEMENT) {
            if (!read_segment(p, info, imports, section->bytes, fixup))
                return false;
            has_elements = true;
        }
    }
    return has_elements;
}

/* Its imports: the shim's table, and functions. What it calls at last must be a core function, and the step before must have room
 * for the call. */
static bool fits(const struct planner *p, const struct module_info *info, const struct shim *shim, const struct fixup *fixup)
{
    const struct cm_plan_core_instance *core = &p->core_instances.items[fixup->instance];
    for (uint32_t i = 0; i < info->import_count; i++) {
        const struct cm_core_ref *ref = &core->imports[i];
        bool is_table = ref->kind == CM_REF_EXPORT && ref->instance == shim->instance && ref->index == shim->table_export;
        if (info->imports[i].type.kind != (is_table ? ENGINE_TABLE : ENGINE_FUNC))
            return false;
    }
    if (fixup->count > shim->info->tables[0].min)
        return false;
    return fixup->start == CM_NO_INDEX ||
           (core->imports[fixup->start].kind == CM_REF_EXPORT && core->imports[fixup->start].instance != shim->instance &&
            core[-1].then.kind == CM_REF_NONE);
}

static bool is_fixup(struct planner *p, uint32_t instance, const struct shim *shim, struct fixup *ret_fixup)
{
    const struct module_info *info = info_of(p, instance);
    const uint32_t sections = SECTION_BIT(SECTION_CUSTOM) | SECTION_BIT(SECTION_TYPE) | SECTION_BIT(SECTION_IMPORT) |
                              SECTION_BIT(SECTION_START) | SECTION_BIT(SECTION_ELEMENT);
    if (!info || info->imported_table_count != 1 || !only_sections(info, sections))
        return false;
    *ret_fixup = (struct fixup){.instance = instance, .start = CM_NO_INDEX};
    return read_fixup(p, info, ret_fixup) && fits(p, info, shim, ret_fixup);
}

/* --- replacing ---------------------------------------------------------------------------------------------------------------- */

static bool has_tags(const struct planner *p, uint32_t owner)
{
    for (uint32_t i = 0; i < p->core_instances.len; i++) {
        const struct module_info *info = info_of(p, i);
        if (p->core_instances.items[i].owner != owner || !info)
            continue;
        for (size_t k = 0; k < info->section_count; k++)
            if (info->sections[k].id == SECTION_TAG)
                return true;
        for (size_t k = 0; k < info->import_count; k++)
            if (info->imports[k].type.kind == ENGINE_TAG)
                return true;
    }
    return false;
}

static bool is_shim_ref(const struct rewrite *rewrite, const struct cm_core_ref *ref)
{
    return ref->kind == CM_REF_EXPORT && ref->instance == rewrite->shim->instance;
}

/* What the fixup puts behind an export of the shim; false if nothing, or a function of another type (the call would trap). */
static bool behind(const struct planner *p, const struct rewrite *rewrite, const struct cm_core_ref *ref,
                   struct cm_core_ref *ret_source)
{
    const struct shim *shim = rewrite->shim;
    uint32_t entry = shim->entries[ref->index];
    if (entry >= rewrite->fixup->count)
        return false;
    uint32_t import = rewrite->fixup->imports[entry];
    const struct engine_func_type *have = &info_of(p, rewrite->fixup->instance)->imports[import].type.func;
    *ret_source = p->core_instances.items[rewrite->fixup->instance].imports[import];
    return same_func_type(have, &shim->info->exports[ref->index].type.func);
}

static bool can_replace(struct planner *p, struct cm_core_ref *ref, uint32_t user, void *env)
{
    struct rewrite *rewrite = env;
    if (!is_shim_ref(rewrite, ref))
        return true;
    if (ref->index == rewrite->shim->table_export) {
        rewrite->table_uses++;
        return user == rewrite->fixup->instance;
    }
    if (user == rewrite->fixup->instance)
        return false;
    struct cm_core_ref source;
    if (!behind(p, rewrite, ref, &source) || is_shim_ref(rewrite, &source))
        return false;
    bool exists = source.kind == CM_REF_TRAMPOLINE || user == CM_NO_INDEX || source.instance < user;
    return exists || rewrite->forwards_allowed;
}

static bool replace(struct planner *p, struct cm_core_ref *ref, uint32_t user, void *env)
{
    struct rewrite *rewrite = env;
    struct cm_core_ref source;
    if (!is_shim_ref(rewrite, ref) || user == rewrite->fixup->instance || !behind(p, rewrite, ref, &source))
        return true;
    if (source.kind == CM_REF_EXPORT && user != CM_NO_INDEX && source.instance >= user) {
        struct cm_trampoline forward = {.kind = CM_TRAMPOLINE_FORWARD,
                                        .owner = p->core_instances.items[user].owner,
                                        .core_type = rewrite->shim->info->exports[ref->index].type.func,
                                        .forward = source};
        source = (struct cm_core_ref){.kind = CM_REF_TRAMPOLINE, .index = (uint32_t)p->trampolines.len, .slot = CM_NO_SLOT};
        vec_push(&p->trampolines, forward);
    }
    *ref = source;
    return true;
}

static bool renumber(struct planner *p, struct cm_core_ref *ref, uint32_t user, void *env)
{
    const struct rewrite *rewrite = env;
    (void)p, (void)user;
    if (ref->kind == CM_REF_EXPORT)
        ref->instance -= (ref->instance > rewrite->shim->instance) + (ref->instance > rewrite->fixup->instance);
    return true;
}

static void remove_instance(struct planner *p, uint32_t instance)
{
    struct cm_plan_core_instance *items = p->core_instances.items;
    memmove(&items[instance], &items[instance + 1], (p->core_instances.len - instance - 1) * sizeof *items);
    p->core_instances.len--;
    p->plan->elided++;
}

static bool elide_pair(struct planner *p, const struct shim *shim, const struct fixup *fixup)
{
    uint32_t owner = p->core_instances.items[shim->instance].owner;
    struct rewrite rewrite = {.shim = shim, .fixup = fixup, .forwards_allowed = !has_tags(p, owner)};
    if (p->trampolines.len + shim->info->export_count > CM_LIMIT_FLAT_TRAMPOLINES || !plan_each_ref(p, can_replace, &rewrite) ||
        rewrite.table_uses != 1)
        return false;
    (void)plan_each_ref(p, replace, &rewrite);
    if (fixup->start != CM_NO_INDEX)
        p->core_instances.items[fixup->instance - 1].then = p->core_instances.items[fixup->instance].imports[fixup->start];
    p->core_instances.items[fixup->instance].import_count = 0;
    (void)plan_each_ref(p, renumber, &rewrite);
    remove_instance(p, fixup->instance);
    remove_instance(p, shim->instance);
    return true;
}

static bool elide_shim(struct planner *p, const struct shim *shim)
{
    for (uint32_t i = shim->instance + 1; i < p->core_instances.len; i++) {
        struct fixup fixup;
        if (is_fixup(p, i, shim, &fixup))
            return elide_pair(p, shim, &fixup);
    }
    return false;
}

void plan_elide(struct planner *p)
{
    for (uint32_t i = 0; i < p->core_instances.len;) {
        struct shim shim;
        if (!is_shim(p, i, &shim) || !elide_shim(p, &shim))
            i++;
    }
}
