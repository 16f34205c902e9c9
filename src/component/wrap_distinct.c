/* Imports that a core module has several times. */
#include "component/wrap_private.h"

#include "component/reader.h"

/* Two names as one: lengths keep them apart. */
static struct str pair_key(struct wrapper *w, struct str module, struct str name)
{
    return arena_printf(&w->arena, "%zu:%.*s%.*s", module.len, STR_ARG(module), STR_ARG(name));
}

/* numbers: of each pair that came again, the last number that was tried. */
static struct str distinct_name(struct wrapper *w, const struct map *taken, struct map *numbers, const struct engine_import *import)
{
    struct str key = pair_key(w, import->module, import->name), name;
    uint32_t number = 1;
    (void)wit_map_index(numbers, key, &number);
    do
        name = arena_printf(&w->arena, "%.*s [v%u]", STR_ARG(import->name), ++number);
    while (map_has(taken, pair_key(w, import->module, name)));
    wit_map_set_index(numbers, key, number);
    return name;
}

void wrap_distinguish_imports(struct wrapper *w, struct wrap_module *module)
{
    const struct module_info *info = &module->info;
    struct map taken = {0}, numbers = {0};
    for (size_t i = 0; i < info->import_count; i++) {
        const struct engine_import *import = &info->imports[i];
        if (!map_set(&taken, pair_key(w, import->module, import->name), w))
            continue;
        if (!module->given_names)
            module->given_names = ARENA_ARRAY(&w->arena, struct str, info->import_count);
        module->given_names[i] = distinct_name(w, &taken, &numbers, import);
        map_set(&taken, pair_key(w, import->module, module->given_names[i]), w);
    }
    map_release(&taken);
    map_release(&numbers);
}

static enum status skip_limits(struct cm_reader *section)
{
    uint8_t flags;
    uint64_t bound;
    TRY(cm_read_byte(section, &flags));
    TRY(cm_read_u64(section, &bound));
    if (flags & 0x01)
        TRY(cm_read_u64(section, &bound));
    return flags & 0x08 ? cm_read_u64(section, &bound) : ST_OK; /* a page size */
}

static enum status skip_value_type(struct cm_reader *section)
{
    uint8_t type;
    int64_t heap_type;
    TRY(cm_read_byte(section, &type));
    return type == 0x63 || type == 0x64 ? cm_read_s33(section, &heap_type) : ST_OK;
}

static enum status skip_description(struct cm_reader *section)
{
    uint8_t kind, byte;
    uint32_t type;
    TRY(cm_read_byte(section, &kind));
    switch (kind) {
    case 0x00:
        return cm_read_u32(section, &type);
    case 0x01:
        TRY(skip_value_type(section));
        return skip_limits(section);
    case 0x02:
        return skip_limits(section);
    case 0x03:
        TRY(skip_value_type(section));
        return cm_read_byte(section, &byte);
    case 0x04:
        TRY(cm_read_byte(section, &byte));
        return cm_read_u32(section, &type);
    default:
        return cm_reader_fail(section, "an import of an unknown kind");
    }
}

enum status wrap_rename_imports(struct wrapper *w, const struct wrap_module *module, struct str section, struct wit_sink *out)
{
    struct cm_reader reader;
    struct str module_name, name;
    uint32_t count;
    if (!module->given_names) {
        wit_put_bytes(out, section);
        return ST_OK;
    }
    cm_reader_init(&reader, section, w->err);
    TRY(cm_read_count(&reader, UINT32_MAX, "imports", &count));
    wit_put_u32(out, count);
    for (uint32_t i = 0; i < count && i < module->info.import_count; i++) {
        TRY(cm_read_name(&reader, &module_name));
        TRY(cm_read_name(&reader, &name));
        const char *description = reader.next;
        TRY(skip_description(&reader));
        wit_put_name(out, module_name);
        wit_put_name(out, module->given_names[i].data ? module->given_names[i] : name);
        wit_put_bytes(out, str_n(description, (size_t)(reader.next - description)));
    }
    return ST_OK;
}
