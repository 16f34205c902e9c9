/* Writes core modules: a section is a count and items. */
#include "component/wrap_private.h"

void wrap_begin_module(struct wrap_writer *m, struct wrapper *w)
{
    *m = (struct wrap_writer){.wrapper = w};
    wit_sink_init(&m->out, BUF_UNLIMITED);
    wit_sink_init(&m->items, BUF_UNLIMITED);
    wit_put_bytes(&m->out, STR("\0asm\x01\0\0\0"));
}

void wrap_release_module(struct wrap_writer *m)
{
    wit_sink_release(&m->out);
    wit_sink_release(&m->items);
    map_release(&m->types);
}

uint32_t wrap_end_module(struct wrap_writer *m)
{
    uint32_t index = wrap_add_core_module(m->wrapper, wit_sink_str(&m->out));
    wrap_release_module(m);
    return index;
}

struct wit_sink *wrap_next_item(struct wrap_writer *m)
{
    m->count++;
    return &m->items;
}

void wrap_end_items(struct wrap_writer *m, enum wrap_core_section section)
{
    autosink struct wit_sink content = WIT_SINK_INIT(BUF_UNLIMITED);
    wit_put_u32(&content, m->count);
    wit_put_bytes(&content, wit_sink_str(&m->items));
    wit_put_byte(&m->out, (uint8_t)section);
    wit_put_name(&m->out, wit_sink_str(&content));
    buf_clear(&m->items.buf);
    m->count = 0;
}

static void put_val_types(struct wit_sink *sink, const uint8_t *types, uint32_t count)
{
    static const uint8_t codes[] = {
        [ENGINE_I32] = 0x7f, [ENGINE_I64] = 0x7e, [ENGINE_F32] = 0x7d, [ENGINE_F64] = 0x7c, [ENGINE_V128] = 0x7b};
    wit_put_u32(sink, count);
    for (uint32_t i = 0; i < count; i++) {
        bug_unless(types[i] <= ENGINE_V128);
        wit_put_byte(sink, codes[types[i]]);
    }
}

void wrap_put_func_type(struct wit_sink *sink, const struct engine_func_type *type)
{
    wit_put_byte(sink, 0x60);
    put_val_types(sink, type->params, type->param_count);
    put_val_types(sink, type->results, type->result_count);
}

void wrap_put_memory_type(struct wit_sink *sink, const struct engine_extern_type *type)
{
    bool page_size = type->page_size_log2 != 16;
    wit_put_byte(sink, (uint8_t)(type->has_max | type->is_shared << 1 | page_size << 3));
    wit_put_u32(sink, (uint32_t)type->min);
    if (type->has_max)
        wit_put_u32(sink, (uint32_t)type->max);
    if (page_size)
        wit_put_u32(sink, type->page_size_log2);
}

uint32_t wrap_add_func_type(struct wrap_writer *m, const struct engine_func_type *type)
{
    autosink struct wit_sink bytes = WIT_SINK_INIT(BUF_UNLIMITED);
    uint32_t index;
    wrap_put_func_type(&bytes, type);
    if (wit_map_index(&m->types, wit_sink_str(&bytes), &index))
        return index;
    index = m->count;
    wit_put_bytes(wrap_next_item(m), wit_sink_str(&bytes));
    wit_map_set_index(&m->types, arena_str(&m->wrapper->arena, wit_sink_str(&bytes)), index);
    return index;
}

void wrap_put_import(struct wrap_writer *m, struct str module, struct str name, uint32_t type)
{
    struct wit_sink *sink = wrap_next_item(m);
    wit_put_name(sink, module);
    wit_put_name(sink, name);
    wit_put_byte(sink, 0x00);
    wit_put_u32(sink, type);
}

void wrap_put_start(struct wrap_writer *m, uint32_t function)
{
    autosink struct wit_sink content = WIT_SINK_INIT(BUF_UNLIMITED);
    wit_put_u32(&content, function);
    wit_put_byte(&m->out, CORE_START);
    wit_put_name(&m->out, wit_sink_str(&content));
}
