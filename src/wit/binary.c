#include "wit/binary.h"

#define NO_SECTION WIT_SECTION_CUSTOM

void wit_sink_init(struct wit_sink *sink, size_t max_bytes)
{
    buf_init(&sink->buf, max_bytes);
    sink->full = false;
}

void wit_sink_release(struct wit_sink *sink)
{
    buf_release(&sink->buf);
}

void wit_put_bytes(struct wit_sink *sink, struct str bytes)
{
    if (!sink->full && buf_append_str(&sink->buf, bytes) != ST_OK)
        sink->full = true;
}

void wit_put_byte(struct wit_sink *sink, uint8_t byte)
{
    wit_put_bytes(sink, str_n((const char *)&byte, 1));
}

void wit_put_u32(struct wit_sink *sink, uint32_t value)
{
    for (; value >= 0x80; value >>= 7)
        wit_put_byte(sink, (uint8_t)(value | 0x80));
    wit_put_byte(sink, (uint8_t)value);
}

void wit_put_signed(struct wit_sink *sink, int64_t value)
{
    for (; value < -0x40 || value >= 0x40; value >>= 7)
        wit_put_byte(sink, (uint8_t)(value & 0x7f) | 0x80);
    wit_put_byte(sink, (uint8_t)(value & 0x7f));
}

void wit_put_name(struct wit_sink *sink, struct str name)
{
    if (name.len > UINT32_MAX)
        sink->full = true;
    wit_put_u32(sink, (uint32_t)name.len);
    wit_put_bytes(sink, name);
}

void wit_put_sort(struct wit_sink *sink, enum wit_sort sort)
{
    static const uint8_t codes[] = {
        [WIT_SORT_CORE_FUNC] = 0x00,   [WIT_SORT_CORE_TABLE] = 0x01,  [WIT_SORT_CORE_MEMORY] = 0x02,
        [WIT_SORT_CORE_GLOBAL] = 0x03, [WIT_SORT_CORE_MODULE] = 0x11, [WIT_SORT_CORE_INSTANCE] = 0x12,
        [WIT_SORT_FUNC] = 0x01,        [WIT_SORT_TYPE] = 0x03,        [WIT_SORT_COMPONENT] = 0x04,
        [WIT_SORT_INSTANCE] = 0x05,
    };
    if (sort < WIT_SORT_FUNC)
        wit_put_byte(sink, 0x00);
    wit_put_byte(sink, codes[sort]);
}

/* --- bodies ---------------------------------------------------------------------------------------------------------- */

void wit_body_init(struct wit_body *body, enum wit_body_kind kind, size_t max_bytes)
{
    *body = (struct wit_body){.kind = kind, .section = NO_SECTION};
    wit_sink_init(&body->out, max_bytes);
    wit_sink_init(&body->items, max_bytes);
    arena_init(&body->arena, SIZE_MAX);
    if (kind == WIT_BODY_COMPONENT)
        wit_put_bytes(&body->out, STR("\0asm\x0d\0\x01\0"));
}

void wit_body_release(struct wit_body *body)
{
    wit_sink_release(&body->out);
    wit_sink_release(&body->items);
    map_release(&body->shapes);
    arena_release(&body->arena);
}

static void end_section(struct wit_body *body)
{
    autosink struct wit_sink content = WIT_SINK_INIT(body->items.buf.max);
    if (body->section == NO_SECTION)
        return;
    wit_put_u32(&content, body->item_count);
    wit_put_byte(&body->out, (uint8_t)body->section);
    wit_put_u32(&body->out, (uint32_t)(content.buf.len + body->items.buf.len));
    wit_put_bytes(&body->out, wit_sink_str(&content));
    wit_put_bytes(&body->out, wit_sink_str(&body->items));
    body->out.full |= content.full || body->items.full;
    buf_clear(&body->items.buf);
    body->section = NO_SECTION;
    body->item_count = 0;
}

/* The byte in front of a declaration in a type. */
static uint8_t declarator(enum wit_section section)
{
    switch (section) {
    case WIT_SECTION_TYPE:
        return 0x01;
    case WIT_SECTION_ALIAS:
        return 0x02;
    case WIT_SECTION_IMPORT:
        return 0x03;
    case WIT_SECTION_EXPORT:
        return 0x04;
    default:
        bug("section %d in a type", (int)section);
    }
}

struct wit_sink *wit_body_next(struct wit_body *body, enum wit_section section)
{
    if (body->kind == WIT_BODY_COMPONENT && section != body->section)
        end_section(body);
    body->section = section;
    body->item_count++;
    if (body->kind == WIT_BODY_COMPONENT)
        return &body->items;
    wit_put_byte(&body->out, declarator(section));
    return &body->out;
}

uint32_t wit_body_index(struct wit_body *body, enum wit_sort sort)
{
    return body->counts[sort]++;
}

bool wit_map_index(const struct map *map, struct str key, uint32_t *ret_index)
{
    uintptr_t stored = (uintptr_t)map_get(map, key);
    if (stored)
        *ret_index = (uint32_t)(stored - 1);
    return stored != 0;
}

void wit_map_set_index(struct map *map, struct str key, uint32_t index)
{
    map_set(map, key, (void *)((uintptr_t)index + 1));
}

uint32_t wit_body_share_type(struct wit_body *body, struct str definition)
{
    uint32_t index;
    if (wit_map_index(&body->shapes, definition, &index))
        return index;
    wit_put_bytes(wit_body_next(body, WIT_SECTION_TYPE), definition);
    index = wit_body_index(body, WIT_SORT_TYPE);
    wit_map_set_index(&body->shapes, arena_str(&body->arena, definition), index);
    return index;
}

void wit_body_forget_types(struct wit_body *body)
{
    map_release(&body->shapes);
}

static void put_extern_name(struct wit_sink *sink, const struct wit_extern_name *name)
{
    uint32_t attributes = (name->implements.len ? 1 : 0) + (name->has_external_id ? 1 : 0);
    wit_put_byte(sink, attributes ? 0x02 : 0x00);
    wit_put_name(sink, name->text);
    if (attributes)
        wit_put_u32(sink, attributes);
    if (name->implements.len) {
        wit_put_byte(sink, 0x00);
        wit_put_name(sink, name->implements);
    }
    if (name->has_external_id) {
        wit_put_byte(sink, 0x02);
        wit_put_name(sink, name->external_id);
    }
}

static void put_extern_desc(struct wit_sink *sink, const struct wit_extern_desc *desc)
{
    wit_put_sort(sink, desc->sort);
    if (desc->sort == WIT_SORT_TYPE)
        wit_put_byte(sink, desc->fresh_resource ? 0x01 : 0x00);
    if (desc->sort != WIT_SORT_TYPE || !desc->fresh_resource)
        wit_put_u32(sink, desc->type);
}

uint32_t wit_body_import(struct wit_body *body, struct wit_extern_name name, struct wit_extern_desc desc)
{
    struct wit_sink *sink = wit_body_next(body, WIT_SECTION_IMPORT);
    put_extern_name(sink, &name);
    put_extern_desc(sink, &desc);
    return wit_body_index(body, desc.sort);
}

uint32_t wit_body_declare_export(struct wit_body *body, struct wit_extern_name name, struct wit_extern_desc desc)
{
    bug_unless(body->kind != WIT_BODY_COMPONENT);
    struct wit_sink *sink = wit_body_next(body, WIT_SECTION_EXPORT);
    put_extern_name(sink, &name);
    put_extern_desc(sink, &desc);
    return wit_body_index(body, desc.sort);
}

uint32_t wit_body_export(struct wit_body *body, struct wit_extern_name name, enum wit_sort sort, uint32_t index,
                         const struct wit_extern_desc *desc)
{
    bug_unless(body->kind == WIT_BODY_COMPONENT);
    struct wit_sink *sink = wit_body_next(body, WIT_SECTION_EXPORT);
    put_extern_name(sink, &name);
    wit_put_sort(sink, sort);
    wit_put_u32(sink, index);
    wit_put_byte(sink, desc ? 0x01 : 0x00);
    if (desc)
        put_extern_desc(sink, desc);
    return wit_body_index(body, sort);
}

static uint32_t alias_export(struct wit_body *body, uint8_t target, uint32_t instance, enum wit_sort sort, struct str name)
{
    struct wit_sink *sink = wit_body_next(body, WIT_SECTION_ALIAS);
    wit_put_sort(sink, sort);
    wit_put_byte(sink, target);
    wit_put_u32(sink, instance);
    wit_put_name(sink, name);
    return wit_body_index(body, sort);
}

uint32_t wit_body_alias_export(struct wit_body *body, uint32_t instance, enum wit_sort sort, struct str name)
{
    return alias_export(body, 0x00, instance, sort, name);
}

uint32_t wit_body_alias_core_export(struct wit_body *body, uint32_t core_instance, enum wit_sort sort, struct str name)
{
    return alias_export(body, 0x01, core_instance, sort, name);
}

uint32_t wit_body_alias_outer_type(struct wit_body *body, uint32_t up, uint32_t index)
{
    struct wit_sink *sink = wit_body_next(body, WIT_SECTION_ALIAS);
    wit_put_sort(sink, WIT_SORT_TYPE);
    wit_put_byte(sink, 0x02);
    wit_put_u32(sink, up);
    wit_put_u32(sink, index);
    return wit_body_index(body, WIT_SORT_TYPE);
}

uint32_t wit_body_add_type(struct wit_body *body, const struct wit_body *type)
{
    bug_unless(type->kind != WIT_BODY_COMPONENT);
    struct wit_sink *sink = wit_body_next(body, WIT_SECTION_TYPE);
    wit_put_byte(sink, type->kind == WIT_BODY_COMPONENT_TYPE ? 0x41 : 0x42);
    wit_put_u32(sink, type->item_count);
    wit_put_bytes(sink, wit_sink_str(&type->out));
    sink->full |= type->out.full;
    return wit_body_index(body, WIT_SORT_TYPE);
}

void wit_body_add_custom(struct wit_body *body, struct str name, struct str content)
{
    autosink struct wit_sink section = WIT_SINK_INIT(body->out.buf.max);
    bug_unless(body->kind == WIT_BODY_COMPONENT);
    end_section(body);
    wit_put_name(&section, name);
    wit_put_bytes(&section, content);
    wit_put_byte(&body->out, WIT_SECTION_CUSTOM);
    wit_put_name(&body->out, wit_sink_str(&section));
    body->out.full |= section.full;
}

enum status wit_body_finish(struct wit_body *body, struct buf *out, struct error *err)
{
    end_section(body);
    if (body->out.full || buf_append_str(out, wit_sink_str(&body->out)) != ST_OK)
        return fail(err, ST_LIMIT, "the component is longer than %zu bytes", out->max);
    return ST_OK;
}
