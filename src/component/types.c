#include "component/types.h"

#include "base/buf.h"
#include "base/vec.h"

#include <inttypes.h>

/* A type as the store keeps it. `key` is what makes it unique: its kind, numbers, names and the ids of the types inside. */
struct entry {
    struct cm_type type; /* first: the rest is found from a `struct cm_type *` */
    uint64_t size_64;    /* element size for 64-bit pointers: the validation rule is on this one */
    uint32_t align_64;
    uint32_t weight; /* nodes of the type written out in full */
    const struct entry *substituted;
    uint32_t substituted_at; /* generation of `substituted` */
};

struct cm_types {
    struct arena *arena;
    struct buf key; /* of the type being made */
    struct map types, funcs;
    uint32_t type_count, func_count;
    const struct cm_type *primitives[CM_ERROR_CONTEXT + 1];
    uint32_t generation; /* of the running substitution */
};

#define KEY_MAX (64u << 20)
#define SIZE_SATURATED ((uint64_t)1 << 40)

static const struct entry *entry_of(const struct cm_type *type)
{
    return (const struct entry *)(const void *)type;
}

/* --- keys --------------------------------------------------------------------------------------------------------------------- */

static enum status key_put(struct cm_types *types, const void *data, size_t len)
{
    return buf_append(&types->key, data, len);
}

static enum status key_u32(struct cm_types *types, uint32_t value)
{
    return key_put(types, &value, sizeof value);
}

static enum status key_begin(struct cm_types *types, enum cm_kind kind, uint32_t number)
{
    buf_clear(&types->key);
    TRY(key_u32(types, kind));
    return key_u32(types, number);
}

static enum status key_type(struct cm_types *types, const struct cm_type *type)
{
    return key_u32(types, type ? type->id : UINT32_MAX);
}

static enum status key_fields(struct cm_types *types, const struct cm_field *fields, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (fields[i].name.len > UINT32_MAX)
            return ST_LIMIT;
        TRY(key_type(types, fields[i].type));
        TRY(key_u32(types, (uint32_t)fields[i].name.len));
        TRY(key_put(types, fields[i].name.data, fields[i].name.len));
    }
    return ST_OK;
}

static enum status too_many(struct error *err)
{
    return fail(err, ST_LIMIT, "the component's types need too much memory");
}

/* The arena's copy of the key, for the map and for the names of fields. */
static enum status key_keep(struct cm_types *types, struct str *ret_key, struct error *err)
{
    char *copy = arena_try(types->arena, types->key.len, 1);
    if (!copy)
        return too_many(err);
    memcpy(copy, types->key.data, types->key.len);
    *ret_key = str_n(copy, types->key.len);
    return ST_OK;
}

/* Copies fields; their names become slices of the kept key (which holds them in key_fields' order from `offset` on). */
static enum status keep_fields(struct cm_types *types, const struct cm_field *fields, uint32_t count, struct str key, size_t offset,
                               struct cm_field **ret_fields, struct error *err)
{
    struct cm_field *copy = arena_try(types->arena, MAX(count, 1u) * sizeof *copy, _Alignof(struct cm_field));
    if (!copy)
        return too_many(err);
    for (uint32_t i = 0; i < count; i++) {
        offset += 2 * sizeof(uint32_t);
        copy[i].name = str_n(key.data + offset, fields[i].name.len);
        copy[i].type = fields[i].type;
        offset += fields[i].name.len;
    }
    *ret_fields = copy;
    return ST_OK;
}

/* --- layout ------------------------------------------------------------------------------------------------------------------- */

static uint64_t align_up(uint64_t offset, uint64_t align)
{
    return (offset + align - 1) & ~(align - 1);
}

static uint64_t saturate(uint64_t size)
{
    return MIN(size, SIZE_SATURATED);
}

static void set_scalar(struct entry *e, uint32_t size, enum cm_core_type core)
{
    e->type.size = e->type.align = size;
    e->size_64 = e->align_64 = size;
    e->type.flat_count = 1;
    e->type.flat[0] = core;
}

static void set_pointer_pair(struct entry *e)
{
    e->type.size = 8;
    e->type.align = 4;
    e->size_64 = 16;
    e->align_64 = 8;
    e->type.flat_count = 2;
    e->type.flat[0] = e->type.flat[1] = CM_CORE_I32;
    e->type.has_pointer = true;
}

static void flat_append(struct cm_type *type, const struct cm_type *item)
{
    for (uint8_t i = 0; i < item->flat_count; i++) {
        if (type->flat_count >= CM_MAX_FLAT) {
            type->flat_count = CM_MAX_FLAT_SATURATED;
            return;
        }
        type->flat[type->flat_count++] = item->flat[i];
    }
}

static uint8_t core_join(uint8_t a, uint8_t b)
{
    if (a == b)
        return a;
    bool narrow = (a == CM_CORE_I32 && b == CM_CORE_F32) || (a == CM_CORE_F32 && b == CM_CORE_I32);
    return narrow ? CM_CORE_I32 : CM_CORE_I64;
}

static void flat_join(struct cm_type *type, const struct cm_type *payload)
{
    if (payload->flat_count >= CM_MAX_FLAT) {
        type->flat_count = CM_MAX_FLAT_SATURATED;
        return;
    }
    for (uint8_t i = 0; i < payload->flat_count; i++) {
        uint8_t *slot = &type->flat[1 + i];
        *slot = 1 + i < type->flat_count ? core_join(*slot, payload->flat[i]) : payload->flat[i];
    }
    type->flat_count = MAX(type->flat_count, (uint8_t)(payload->flat_count + 1));
}

/* What a type takes over from one inside it. */
static void inherit(struct entry *e, const struct cm_type *inner)
{
    e->type.has_borrow |= inner->has_borrow;
    e->type.has_handle |= inner->has_handle;
    e->type.depth = MAX(e->type.depth, (uint16_t)(inner->depth + 1));
    e->weight = MIN(e->weight + entry_of(inner)->weight, CM_MAX_TYPE_WEIGHT + 1);
}

/* RECORD and TUPLE: fields in order, each aligned. The offsets are written into the fields. */
static void layout_record(struct entry *e, struct cm_field *fields)
{
    struct cm_type *type = &e->type;
    uint64_t size = 0, size_64 = 0;
    type->align = e->align_64 = 1;
    type->is_pod = true;
    for (uint32_t i = 0; i < type->count; i++) {
        const struct cm_type *t = fields[i].type;
        const struct entry *inner = entry_of(t);
        uint64_t offset = align_up(size, t->align);
        type->is_pod &= t->is_pod && offset == size;
        fields[i].offset = (uint32_t)offset;
        size = offset + t->size;
        size_64 = saturate(align_up(size_64, inner->align_64) + inner->size_64);
        type->align = MAX(type->align, t->align);
        e->align_64 = MAX(e->align_64, inner->align_64);
        type->has_pointer |= t->has_pointer;
        flat_append(type, t);
        inherit(e, t);
    }
    uint64_t padded = align_up(size, type->align);
    type->is_pod &= padded == size;
    type->size = (uint32_t)MIN(padded, UINT32_MAX);
    e->size_64 = saturate(align_up(size_64, e->align_64));
}

static uint8_t discriminant_size(uint32_t cases)
{
    return cases <= 256 ? 1 : cases <= 65536 ? 2 : 4;
}

/* VARIANT, ENUM, OPTION, RESULT. */
static void layout_variant(struct entry *e, const struct cm_field *cases)
{
    struct cm_type *type = &e->type;
    uint8_t discriminant = discriminant_size(type->count);
    uint64_t payload = 0, payload_64 = 0;
    uint32_t payload_align = 1, payload_align_64 = 1;
    set_scalar(e, discriminant, CM_CORE_I32);
    for (uint32_t i = 0; i < type->count; i++) {
        const struct cm_type *t = cases[i].type;
        if (!t)
            continue;
        payload = MAX(payload, t->size);
        payload_64 = MAX(payload_64, entry_of(t)->size_64);
        payload_align = MAX(payload_align, t->align);
        payload_align_64 = MAX(payload_align_64, entry_of(t)->align_64);
        type->has_pointer |= t->has_pointer;
        flat_join(type, t);
        inherit(e, t);
    }
    type->discriminant_size = discriminant;
    type->payload_offset = (uint32_t)align_up(discriminant, payload_align);
    type->align = MAX(discriminant, payload_align);
    type->size = (uint32_t)align_up(type->payload_offset + payload, type->align);
    e->align_64 = MAX(discriminant, payload_align_64);
    e->size_64 = saturate(align_up(align_up(discriminant, payload_align_64) + payload_64, e->align_64));
}

static void layout_flags(struct entry *e)
{
    set_scalar(e, e->type.count <= 8 ? 1 : e->type.count <= 16 ? 2 : 4, CM_CORE_I32);
}

static void layout_list(struct entry *e)
{
    set_pointer_pair(e);
    inherit(e, e->type.element);
}

static void layout_fixed_list(struct entry *e)
{
    struct cm_type *type = &e->type;
    const struct cm_type *item = type->element;
    type->align = item->align;
    type->size = (uint32_t)MIN((uint64_t)item->size * type->count, UINT32_MAX);
    e->align_64 = entry_of(item)->align_64;
    e->size_64 = saturate(entry_of(item)->size_64 * type->count);
    type->is_pod = item->is_pod;
    type->has_pointer = item->has_pointer;
    for (uint32_t i = 0; i < type->count && type->flat_count < CM_MAX_FLAT_SATURATED; i++)
        flat_append(type, item);
    inherit(e, item);
}

static void layout_handle(struct entry *e)
{
    set_scalar(e, 4, CM_CORE_I32);
    e->type.has_handle = true;
    e->type.has_borrow = e->type.kind == CM_BORROW;
    if (e->type.element)
        inherit(e, e->type.element);
}

static void layout_primitive(struct entry *e)
{
    static const uint8_t sizes[] = {
        [CM_BOOL] = 1, [CM_S8] = 1,  [CM_U8] = 1,  [CM_S16] = 2, [CM_U16] = 2,  [CM_S32] = 4,           [CM_U32] = 4,
        [CM_S64] = 8,  [CM_U64] = 8, [CM_F32] = 4, [CM_F64] = 8, [CM_CHAR] = 4, [CM_ERROR_CONTEXT] = 4,
    };
    enum cm_kind kind = e->type.kind;
    if (kind == CM_STRING) {
        set_pointer_pair(e);
        return;
    }
    enum cm_core_type core = kind == CM_S64 || kind == CM_U64 ? CM_CORE_I64
                             : kind == CM_F32                 ? CM_CORE_F32
                             : kind == CM_F64                 ? CM_CORE_F64
                                                              : CM_CORE_I32;
    set_scalar(e, sizes[kind], core);
    e->type.is_pod = kind >= CM_S8 && kind <= CM_F64;
}

static void layout(struct entry *e, struct cm_field *fields)
{
    switch (e->type.kind) {
    case CM_RECORD:
    case CM_TUPLE:
        layout_record(e, fields);
        break;
    case CM_VARIANT:
    case CM_ENUM:
    case CM_OPTION:
    case CM_RESULT:
        layout_variant(e, fields);
        break;
    case CM_FLAGS:
        layout_flags(e);
        break;
    case CM_LIST:
    case CM_MAP:
        layout_list(e);
        break;
    case CM_FIXED_LIST:
        layout_fixed_list(e);
        break;
    case CM_OWN:
    case CM_BORROW:
    case CM_STREAM:
    case CM_FUTURE:
        layout_handle(e);
        break;
    default:
        layout_primitive(e);
        break;
    }
}

/* --- the store ---------------------------------------------------------------------------------------------------------------- */

static enum status check_bounds(const struct entry *e, struct error *err)
{
    if (e->size_64 > CM_MAX_BYTES)
        return fail(err, ST_INVALID, "%s type exceeds maximum byte size of %u", cm_kind_name(e->type.kind), CM_MAX_BYTES);
    return ST_OK;
}

static enum status add_entry(struct cm_types *types, const struct cm_type *proto, const struct cm_field *fields,
                             struct entry **ret_entry, struct error *err)
{
    if (types->type_count >= CM_MAX_TYPES)
        return fail(err, ST_LIMIT, "more than %u types", CM_MAX_TYPES);
    struct entry local = {.type = *proto, .weight = 1};
    struct str key;
    TRY(key_keep(types, &key, err));
    struct cm_field *kept = NULL;
    if (fields)
        TRY(keep_fields(types, fields, proto->count, key, 2 * sizeof(uint32_t), &kept, err));
    local.type.fields = kept;
    layout(&local, kept);
    if (local.type.depth > CM_MAX_TYPE_DEPTH)
        return fail(err, ST_LIMIT, "type nesting is deeper than %u", CM_MAX_TYPE_DEPTH);
    if (local.weight > CM_MAX_TYPE_WEIGHT)
        return fail(err, ST_LIMIT, "effective type size exceeds the limit of %u", CM_MAX_TYPE_WEIGHT);
    struct entry *e = arena_try(types->arena, sizeof *e, _Alignof(struct entry));
    if (!e)
        return too_many(err);
    *e = local;
    e->type.id = types->type_count++;
    map_set(&types->types, key, e);
    *ret_entry = e;
    return ST_OK;
}

/* Finds or makes the type that types->key describes. `internal`: the tuple behind a map, which the size rule does not cover. */
static enum status intern(struct cm_types *types, const struct cm_type *proto, const struct cm_field *fields, bool internal,
                          const struct cm_type **ret, struct error *err)
{
    struct entry *e = map_get(&types->types, buf_str(&types->key));
    if (!e)
        TRY(add_entry(types, proto, fields, &e, err));
    if (!internal)
        TRY(check_bounds(e, err));
    *ret = &e->type;
    return ST_OK;
}

static enum status key_failed(enum status status, struct error *err)
{
    return fail(err, status, "a type's names are longer than %u bytes in all", KEY_MAX);
}

static enum status make_fields(struct cm_types *types, enum cm_kind kind, const struct cm_field *fields, uint32_t count,
                               bool internal, const struct cm_type **ret, struct error *err)
{
    enum status status = key_begin(types, kind, count);
    if (status == ST_OK)
        status = key_fields(types, fields, count);
    if (status != ST_OK)
        return key_failed(status, err);
    struct cm_type proto = {.kind = kind, .count = count, .resource = CM_RESOURCE_NONE};
    return intern(types, &proto, fields, internal, ret, err);
}

static enum status make_element(struct cm_types *types, enum cm_kind kind, const struct cm_type *element, uint32_t number,
                                const struct cm_type **ret, struct error *err)
{
    enum status status = key_begin(types, kind, number);
    if (status == ST_OK)
        status = key_type(types, element);
    if (status != ST_OK)
        return key_failed(status, err);
    bool is_handle = kind == CM_OWN || kind == CM_BORROW;
    struct cm_type proto = {
        .kind = kind, .element = element, .count = is_handle ? 0 : number, .resource = is_handle ? number : CM_RESOURCE_NONE};
    return intern(types, &proto, NULL, false, ret, err);
}

struct cm_types *cm_types_new(struct arena *arena)
{
    struct cm_types *types = ARENA_NEW(arena, struct cm_types);
    types->arena = arena;
    buf_init(&types->key, KEY_MAX);
    for (enum cm_kind kind = CM_BOOL; kind <= CM_ERROR_CONTEXT; kind++)
        if (make_element(types, kind, NULL, 0, &types->primitives[kind], NULL) != ST_OK)
            bug("the arena of a type store has no room for the primitive types");
    return types;
}

void cm_types_release(struct cm_types *types)
{
    if (!types)
        return;
    buf_release(&types->key);
    map_release(&types->types);
    map_release(&types->funcs);
}

struct arena *cm_types_arena(struct cm_types *types)
{
    return types->arena;
}

uint32_t cm_types_count(const struct cm_types *types)
{
    return types->type_count;
}

uint32_t cm_type_weight(const struct cm_type *type)
{
    return entry_of(type)->weight;
}

/* --- constructors ------------------------------------------------------------------------------------------------------------- */

const struct cm_type *cm_type_primitive(struct cm_types *types, enum cm_kind kind)
{
    bug_unless(kind <= CM_ERROR_CONTEXT);
    return types->primitives[kind];
}

static enum status check_count(const char *what, uint32_t count, struct error *err)
{
    if (count == 0)
        return fail(err, ST_INVALID, "%s type must have at least one %s", what,
                    strcmp(what, "record") == 0  ? "field"
                    : strcmp(what, "tuple") == 0 ? "type"
                                                 : "case");
    if (count > CM_MAX_TYPE_FIELDS)
        return fail(err, ST_LIMIT, "%s type has %" PRIu32 " items, more than %u", what, count, CM_MAX_TYPE_FIELDS);
    return ST_OK;
}

enum status cm_type_record(struct cm_types *types, const struct cm_field *fields, uint32_t count, const struct cm_type **ret,
                           struct error *err)
{
    TRY(check_count("record", count, err));
    return make_fields(types, CM_RECORD, fields, count, false, ret, err);
}

enum status cm_type_variant(struct cm_types *types, const struct cm_field *cases, uint32_t count, const struct cm_type **ret,
                            struct error *err)
{
    TRY(check_count("variant", count, err));
    return make_fields(types, CM_VARIANT, cases, count, false, ret, err);
}

enum status cm_type_tuple(struct cm_types *types, const struct cm_type *const *items, uint32_t count, const struct cm_type **ret,
                          struct error *err)
{
    TRY(check_count("tuple", count, err));
    autofree struct cm_field *fields = mem_array(count, sizeof *fields);
    for (uint32_t i = 0; i < count; i++)
        fields[i].type = items[i];
    return make_fields(types, CM_TUPLE, fields, count, false, ret, err);
}

static enum status make_labels(struct cm_types *types, enum cm_kind kind, const struct str *names, uint32_t count,
                               const struct cm_type **ret, struct error *err)
{
    autofree struct cm_field *fields = mem_array(count, sizeof *fields);
    for (uint32_t i = 0; i < count; i++)
        fields[i].name = names[i];
    return make_fields(types, kind, fields, count, false, ret, err);
}

enum status cm_type_enum(struct cm_types *types, const struct str *names, uint32_t count, const struct cm_type **ret,
                         struct error *err)
{
    TRY(check_count("enum", count, err));
    return make_labels(types, CM_ENUM, names, count, ret, err);
}

enum status cm_type_flags(struct cm_types *types, const struct str *names, uint32_t count, const struct cm_type **ret,
                          struct error *err)
{
    if (count == 0)
        return fail(err, ST_INVALID, "flags must have at least one entry");
    if (count > 32)
        return fail(err, ST_INVALID, "cannot have more than 32 flags");
    return make_labels(types, CM_FLAGS, names, count, ret, err);
}

enum status cm_type_option(struct cm_types *types, const struct cm_type *some, const struct cm_type **ret, struct error *err)
{
    struct cm_field cases[2] = {{.name = STR_INIT("none")}, {.name = STR_INIT("some"), .type = some}};
    return make_fields(types, CM_OPTION, cases, 2, false, ret, err);
}

enum status cm_type_result(struct cm_types *types, const struct cm_type *ok, const struct cm_type *err_type,
                           const struct cm_type **ret, struct error *err)
{
    struct cm_field cases[2] = {{.name = STR_INIT("ok"), .type = ok}, {.name = STR_INIT("error"), .type = err_type}};
    return make_fields(types, CM_RESULT, cases, 2, false, ret, err);
}

enum status cm_type_list(struct cm_types *types, const struct cm_type *element, const struct cm_type **ret, struct error *err)
{
    return make_element(types, CM_LIST, element, 0, ret, err);
}

enum status cm_type_fixed_list(struct cm_types *types, const struct cm_type *element, uint32_t length, const struct cm_type **ret,
                               struct error *err)
{
    if (length == 0)
        return fail(err, ST_INVALID, "fixed-length lists must have more than zero elements");
    return make_element(types, CM_FIXED_LIST, element, length, ret, err);
}

static bool is_key_kind(enum cm_kind kind)
{
    return kind <= CM_STRING && kind != CM_F32 && kind != CM_F64;
}

enum status cm_type_map(struct cm_types *types, const struct cm_type *key, const struct cm_type *value, const struct cm_type **ret,
                        struct error *err)
{
    if (!is_key_kind(key->kind))
        return fail(err, ST_INVALID, "invalid map key type: a map's key must be bool, an integer, char or string, not %s",
                    cm_kind_name(key->kind));
    const struct cm_field pair[2] = {{.type = key}, {.type = value}};
    const struct cm_type *item;
    TRY(make_fields(types, CM_TUPLE, pair, 2, true, &item, err));
    return make_element(types, CM_MAP, item, 0, ret, err);
}

enum status cm_type_handle(struct cm_types *types, enum cm_kind own_or_borrow, uint32_t resource, const struct cm_type **ret,
                           struct error *err)
{
    bug_unless((own_or_borrow == CM_OWN || own_or_borrow == CM_BORROW) && resource != CM_RESOURCE_NONE);
    return make_element(types, own_or_borrow, NULL, resource, ret, err);
}

enum status cm_type_stream(struct cm_types *types, enum cm_kind stream_or_future, const struct cm_type *element,
                           const struct cm_type **ret, struct error *err)
{
    bug_unless(stream_or_future == CM_STREAM || stream_or_future == CM_FUTURE);
    if (stream_or_future == CM_STREAM && element && element->kind == CM_CHAR)
        return fail(err, ST_INVALID, "stream<char> is not valid at this time");
    if (element && element->has_borrow)
        return fail(err, ST_INVALID, "%s type must not contain a borrow", cm_kind_name(stream_or_future));
    return make_element(types, stream_or_future, element, 0, ret, err);
}

enum status cm_type_func(struct cm_types *types, bool is_async, const struct cm_field *params, uint32_t count,
                         const struct cm_type *result, const struct cm_func_type **ret, struct error *err)
{
    if (count > CM_MAX_FUNC_PARAMS)
        return fail(err, ST_LIMIT, "function type has %" PRIu32 " parameters, more than %u", count, CM_MAX_FUNC_PARAMS);
    enum status status = key_begin(types, is_async, count);
    if (status == ST_OK)
        status = key_type(types, result);
    if (status == ST_OK)
        status = key_fields(types, params, count);
    if (status != ST_OK)
        return key_failed(status, err);
    struct cm_func_type *func = map_get(&types->funcs, buf_str(&types->key));
    if (!func) {
        struct str key;
        struct cm_field *kept;
        if (types->func_count >= CM_MAX_TYPES)
            return fail(err, ST_LIMIT, "more than %u function types", CM_MAX_TYPES);
        TRY(key_keep(types, &key, err));
        TRY(keep_fields(types, params, count, key, 3 * sizeof(uint32_t), &kept, err));
        func = arena_try(types->arena, sizeof *func, _Alignof(struct cm_func_type));
        if (!func)
            return too_many(err);
        *func = (struct cm_func_type){is_async, count, kept, result, types->func_count++};
        map_set(&types->funcs, key, func);
    }
    *ret = func;
    return ST_OK;
}

/* --- substitution ------------------------------------------------------------------------------------------------------------- */

struct substitution {
    struct cm_types *types;
    cm_resource_map map;
    void *env;
};

static enum status substitute(struct substitution *s, const struct cm_type *type, const struct cm_type **ret, struct error *err);

static enum status substitute_fields(struct substitution *s, const struct cm_type *type, const struct cm_type **ret,
                                     struct error *err)
{
    autofree struct cm_field *fields = mem_array(type->count, sizeof *fields);
    for (uint32_t i = 0; i < type->count; i++) {
        fields[i].name = type->fields[i].name;
        if (type->fields[i].type)
            TRY(substitute(s, type->fields[i].type, &fields[i].type, err));
    }
    return make_fields(s->types, type->kind, fields, type->count, true, ret, err);
}

static enum status substitute_new(struct substitution *s, const struct cm_type *type, const struct cm_type **ret, struct error *err)
{
    if (type->kind == CM_OWN || type->kind == CM_BORROW)
        return cm_type_handle(s->types, type->kind, s->map(type->resource, s->env), ret, err);
    if (type->element) {
        const struct cm_type *element;
        TRY(substitute(s, type->element, &element, err));
        return make_element(s->types, type->kind, element, type->count, ret, err);
    }
    return substitute_fields(s, type, ret, err);
}

/* Types share their parts, so each is visited once per call: `substituted_at` says whether this one was. */
static enum status substitute(struct substitution *s, const struct cm_type *type, const struct cm_type **ret, struct error *err)
{
    struct entry *e = CONTAINER_OF((void *)(uintptr_t)type, struct entry, type);
    if (!type->has_handle) {
        *ret = type;
        return ST_OK;
    }
    if (e->substituted_at != s->types->generation) {
        const struct cm_type *result;
        TRY(substitute_new(s, type, &result, err));
        e->substituted = entry_of(result);
        e->substituted_at = s->types->generation;
    }
    *ret = &e->substituted->type;
    return ST_OK;
}

enum status cm_type_substitute(struct cm_types *types, const struct cm_type *type, cm_resource_map map, void *env,
                               const struct cm_type **ret, struct error *err)
{
    struct substitution s = {types, map, env};
    types->generation++;
    return substitute(&s, type, ret, err);
}

enum status cm_func_type_substitute(struct cm_types *types, const struct cm_func_type *func, cm_resource_map map, void *env,
                                    const struct cm_func_type **ret, struct error *err)
{
    struct substitution s = {types, map, env};
    autofree struct cm_field *params = mem_array(MAX(func->param_count, 1u), sizeof *params);
    const struct cm_type *result = NULL;
    types->generation++;
    for (uint32_t i = 0; i < func->param_count; i++) {
        params[i].name = func->params[i].name;
        TRY(substitute(&s, func->params[i].type, &params[i].type, err));
    }
    if (func->result)
        TRY(substitute(&s, func->result, &result, err));
    return cm_type_func(types, func->is_async, params, func->param_count, result, ret, err);
}

/* --- flattening a signature --------------------------------------------------------------------------------------------------- */

void cm_flatten_func(const struct cm_func_type *func, enum cm_abi_context context, struct cm_core_signature *ret_signature)
{
    struct cm_core_signature out = {.param_count = 0};
    struct cm_type all = {.flat_count = 0};
    bool is_lower = context == CM_ABI_LOWER_SYNC || context == CM_ABI_LOWER_ASYNC;
    unsigned max_params = context == CM_ABI_LOWER_ASYNC ? CM_MAX_FLAT_ASYNC : CM_MAX_FLAT;
    for (uint32_t i = 0; i < func->param_count && all.flat_count <= CM_MAX_FLAT; i++)
        flat_append(&all, func->params[i].type);
    if (all.flat_count > max_params) {
        out.params_in_memory = true;
        out.params[out.param_count++] = CM_CORE_I32;
    } else {
        memcpy(out.params, all.flat, all.flat_count);
        out.param_count = all.flat_count;
    }
    if (context == CM_ABI_LIFT_SYNC || context == CM_ABI_LOWER_SYNC) {
        out.result_in_memory = func->result && func->result->flat_count > 1;
        if (func->result && (!out.result_in_memory || !is_lower)) {
            out.results[0] = out.result_in_memory ? CM_CORE_I32 : func->result->flat[0];
            out.result_count = 1;
        }
    } else {
        out.result_in_memory = is_lower && func->result;
        out.result_count = context != CM_ABI_LIFT_ASYNC_STACKFUL; /* and results[0] is i32 */
    }
    if (out.result_in_memory && is_lower)
        out.params[out.param_count++] = CM_CORE_I32;
    *ret_signature = out;
}
