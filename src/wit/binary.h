/* Writes the binary format of components.
 *
 * A sink is a buffer with a maximum: what goes past it is dropped, and `full` says so at the end, so that writers need not check
 * every byte. A body is a component being written, or the type of a component or instance: it keeps count of its index spaces, and
 * each function that adds an item returns the item's index. A component's items are collected into sections, a type's are
 * declarations one after another; the rest is the same for the three. Threading: none shared.
 * Source: component-model Binary.md; core specification, "Values" for numbers and names. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"

struct wit_sink {
    struct buf buf;
    bool full;
};

#define WIT_SINK_INIT(max_bytes)                                                                                                   \
    {                                                                                                                              \
        BUF_INIT(max_bytes), false                                                                                                 \
    }
#define autosink __attribute__((cleanup(wit_sink_release)))
void wit_sink_init(struct wit_sink *sink, size_t max_bytes);
void wit_sink_release(struct wit_sink *sink);
static inline struct str wit_sink_str(const struct wit_sink *sink)
{
    return buf_str(&sink->buf);
}

void wit_put_byte(struct wit_sink *sink, uint8_t byte);
void wit_put_u32(struct wit_sink *sink, uint32_t value);
void wit_put_signed(struct wit_sink *sink, int64_t value); /* s32, s33 and s64 alike */
void wit_put_bytes(struct wit_sink *sink, struct str bytes);
void wit_put_name(struct wit_sink *sink, struct str name); /* behind its length; other sized bytes as well */

enum wit_sort {
    WIT_SORT_CORE_FUNC,
    WIT_SORT_CORE_TABLE,
    WIT_SORT_CORE_MEMORY,
    WIT_SORT_CORE_GLOBAL,
    WIT_SORT_CORE_MODULE,
    WIT_SORT_CORE_INSTANCE,
    WIT_SORT_FUNC,
    WIT_SORT_TYPE,
    WIT_SORT_COMPONENT,
    WIT_SORT_INSTANCE,
    WIT_SORT_COUNT
};
void wit_put_sort(struct wit_sink *sink, enum wit_sort sort);

enum wit_section { /* by their ids in a component */
                   WIT_SECTION_CUSTOM = 0,
                   WIT_SECTION_CORE_MODULE = 1,
                   WIT_SECTION_CORE_INSTANCE = 2,
                   WIT_SECTION_COMPONENT = 4,
                   WIT_SECTION_INSTANCE = 5,
                   WIT_SECTION_ALIAS = 6,
                   WIT_SECTION_TYPE = 7,
                   WIT_SECTION_CANON = 8,
                   WIT_SECTION_IMPORT = 10,
                   WIT_SECTION_EXPORT = 11,
};

enum wit_body_kind { WIT_BODY_COMPONENT, WIT_BODY_COMPONENT_TYPE, WIT_BODY_INSTANCE_TYPE };

struct wit_body {
    enum wit_body_kind kind;
    struct wit_sink out;      /* a component's finished sections, a type's declarations */
    struct wit_sink items;    /* of the component's section that is being filled */
    enum wit_section section; /* of `items` */
    uint32_t item_count;      /* of `items`, or of declarations */
    uint32_t counts[WIT_SORT_COUNT];
    struct map shapes; /* bytes of a type's definition, in `arena` -> index + 1 */
    struct arena arena;
};

#define autobody __attribute__((cleanup(wit_body_release)))
void wit_body_init(struct wit_body *body, enum wit_body_kind kind, size_t max_bytes);
void wit_body_release(struct wit_body *body);

/* Where to write the next item, of a kind that goes into `section`; wit_body_index then gives the index it has. */
struct wit_sink *wit_body_next(struct wit_body *body, enum wit_section section);
uint32_t wit_body_index(struct wit_body *body, enum wit_sort sort);

/* Adds a type by its definition, or finds the one that was added so before; `wit_body_forget_types` begins anew. */
uint32_t wit_body_share_type(struct wit_body *body, struct str definition);
void wit_body_forget_types(struct wit_body *body);

/* Indexes as values of maps, where NULL is no value. */
bool wit_map_index(const struct map *map, struct str key, uint32_t *ret_index);
void wit_map_set_index(struct map *map, struct str key, uint32_t index);

struct wit_extern_name {
    struct str text, implements, external_id; /* implements: empty for none */
    bool has_external_id;
};
static inline struct wit_extern_name wit_extern_name(struct str text)
{
    return (struct wit_extern_name){.text = text};
}

/* What an import or a type's export is: of a type with an index, or, for WIT_SORT_TYPE, equal to that type or a fresh resource. */
struct wit_extern_desc {
    enum wit_sort sort;
    bool fresh_resource;
    uint32_t type;
};

uint32_t wit_body_import(struct wit_body *body, struct wit_extern_name name, struct wit_extern_desc desc);
/* In a type. */
uint32_t wit_body_declare_export(struct wit_body *body, struct wit_extern_name name, struct wit_extern_desc desc);
/* In a component: of an item that it has. `desc`: the type under which it is exported; NULL: its own. */
uint32_t wit_body_export(struct wit_body *body, struct wit_extern_name name, enum wit_sort sort, uint32_t index,
                         const struct wit_extern_desc *desc);
uint32_t wit_body_alias_export(struct wit_body *body, uint32_t instance, enum wit_sort sort, struct str name);
uint32_t wit_body_alias_core_export(struct wit_body *body, uint32_t core_instance, enum wit_sort sort, struct str name);
uint32_t wit_body_alias_outer_type(struct wit_body *body, uint32_t up, uint32_t index);
/* A component or instance type that is complete. */
uint32_t wit_body_add_type(struct wit_body *body, const struct wit_body *type);
void wit_body_add_custom(struct wit_body *body, struct str name, struct str content);
/* Appends the component to `out`. Fails: ST_LIMIT if it, or anything in it, went past a maximum. */
enum status wit_body_finish(struct wit_body *body, struct buf *out, struct error *err) CHECKED;
