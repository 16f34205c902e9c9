#include "component/decode.h"

#include <stdarg.h>

#define PREAMBLE_BYTES 8

/* --- errors and memory ------------------------------------------------------------------------------------------------ */

static enum status fail_at(struct cm_decoder *d, enum status status, const char *format, va_list args)
{
    struct error inner;
    fail_v(&inner, status, format, args);
    return fail(d->err, status, "%s (at offset 0x%zx)", inner.message, d->offset);
}

enum status cm_invalid(struct cm_decoder *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum status status = fail_at(d, ST_INVALID, format, args);
    va_end(args);
    return status;
}

enum status cm_over_limit(struct cm_decoder *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum status status = fail_at(d, ST_LIMIT, format, args);
    va_end(args);
    return status;
}

enum status cm_located(struct cm_decoder *d, enum status status)
{
    if (status == ST_OK)
        return status;
    const struct error inner = *d->err;
    return fail(d->err, status, "%s (at offset 0x%zx)", inner.message, d->offset);
}

enum status cm_require_gate(struct cm_decoder *d, enum cm_gate gate, const char *what)
{
    static const char *const names[] = {"more async built-ins",
                                        "async stackful lifts",
                                        "threads",
                                        "fixed-length lists",
                                        "error-context",
                                        "values",
                                        "nested names",
                                        "canonical interface names",
                                        "64-bit memories",
                                        "shared threads",
                                        "GC in the canonical ABI"};
    if ((d->gates & gate) && (gate & CM_GATE_ALL))
        return ST_OK;
    return fail(d->err, ST_UNSUPPORTED, "%s: the Component Model feature \"%s\" is not enabled (at offset 0x%zx)", what,
                names[__builtin_ctz(gate)], d->offset);
}

enum status cm_spend(struct cm_decoder *d, uint64_t steps)
{
    if (steps > CM_LIMIT_WORK - d->work)
        return cm_over_limit(d, "its types take more than %u steps to check", CM_LIMIT_WORK);
    d->work += steps;
    return ST_OK;
}

enum status cm_spend_path(struct cm_decoder *d, const struct cm_resource_path *path)
{
    for (uint32_t i = 0; i < path->path_len; i++)
        TRY(cm_spend(d, cm_name_cost(path->path[i])));
    return ST_OK;
}

enum status cm_alloc(struct cm_decoder *d, size_t count, size_t item_size, void *ret_pointer)
{
    size_t size;
    void *memory = NULL;
    if (!__builtin_mul_overflow(count, item_size, &size))
        memory = arena_try(d->arena, MAX(size, (size_t)1), _Alignof(max_align_t));
    if (!memory)
        return cm_over_limit(d, "it takes more than %zu bytes to decode", d->arena->max);
    memcpy(ret_pointer, &memory, sizeof memory);
    return ST_OK;
}

enum status cm_keep(struct cm_decoder *d, const void *items, size_t count, size_t item_size, void *ret_pointer)
{
    void *copy = NULL;
    TRY(cm_alloc(d, count, item_size, &copy));
    if (count)
        memcpy(copy, items, count * item_size);
    memcpy(ret_pointer, &copy, sizeof copy);
    return ST_OK;
}

/* --- sections -------------------------------------------------------------------------------------------------------- */

static enum status decode_body(struct cm_decoder *d, struct cm_reader *r, const struct cm_body **ret_body,
                               const struct cm_deftype **ret_type);

/* A nested component. */
static enum status decode_component(struct cm_decoder *d, struct cm_reader *r)
{
    size_t offset = d->offset;
    struct cm_extern item = {.sort = CM_SORT_COMPONENT};
    const struct cm_body *body;
    struct cm_def *def;
    TRY(decode_body(d, r, &body, &item.type));
    d->offset = offset;
    TRY(cm_scope_define(d, CM_DEF_COMPONENT, CM_SORT_COMPONENT, &def));
    def->body = body;
    return cm_scope_push(d, item);
}

/* Names are for people: a section that is not well-formed is passed over. */
static void read_component_name(struct cm_reader r, struct str *ret_name)
{
    uint8_t id;
    uint32_t size;
    struct str name;
    r.err = NULL;
    if (cm_read_byte(&r, &id) == ST_OK && id == 0 && cm_read_u32(&r, &size) == ST_OK && cm_read_name(&r, &name) == ST_OK)
        *ret_name = name;
}

static enum status decode_custom(struct cm_decoder *d, struct cm_reader *r)
{
    struct str name;
    TRY(cm_read_name(r, &name));
    if (str_is(name, "component-name"))
        read_component_name(*r, &d->scope->body->name);
    else if (str_is(name, "package-docs") && !d->scope->parent)
        d->package_docs = cm_reader_rest(r);
    else if (str_is(name, "wit-component-encoding") && !d->scope->parent)
        d->wit_encoding = cm_reader_rest(r);
    r->next = r->end;
    return ST_OK;
}

typedef enum status (*item_decoder)(struct cm_decoder *d, struct cm_reader *r);

static enum status decode_vector(struct cm_decoder *d, struct cm_reader *r, item_decoder decode)
{
    uint32_t count;
    TRY(cm_read_count(r, UINT32_MAX, "definitions of a section", &count));
    for (uint32_t i = 0; i < count; i++) {
        d->offset = cm_reader_offset(r);
        TRY(decode(d, r));
    }
    return ST_OK;
}

static enum status decode_section(struct cm_decoder *d, uint8_t id, struct cm_reader *section)
{
    static const item_decoder vectors[] = {
        [2] = cm_decode_core_instance, [3] = cm_decode_core_type, [5] = cm_decode_instance, [6] = cm_decode_alias,
        [7] = cm_decode_type,          [8] = cm_decode_canon,     [10] = cm_decode_import,  [11] = cm_decode_export,
    };
    d->offset = cm_reader_offset(section);
    if (id < ARRAY_LEN(vectors) && vectors[id])
        return decode_vector(d, section, vectors[id]);
    switch (id) {
    case 0:
        return decode_custom(d, section);
    case 1: {
        struct str bytes = cm_reader_rest(section);
        section->next = section->end;
        return cm_decode_core_module(d, bytes);
    }
    case 4:
        return decode_component(d, section);
    case 9:
        return cm_require_gate(d, CM_GATE_VALUES, "a start function");
    case 12:
        return cm_require_gate(d, CM_GATE_VALUES, "value definitions");
    default:
        return cm_reader_fail(section, "malformed section id: %u", id);
    }
}

/* --- bodies ---------------------------------------------------------------------------------------------------------- */

static enum status read_preamble(struct cm_reader *r)
{
    static const uint8_t magic[] = {0x00, 'a', 's', 'm'}, version[] = {0x0d, 0x00}, layer[] = {0x01, 0x00};
    struct cm_reader preamble;
    TRY(cm_reader_take(r, PREAMBLE_BYTES, "the preamble", &preamble));
    const char *bytes = preamble.next;
    if (memcmp(bytes, magic, sizeof magic) != 0)
        return cm_reader_fail(&preamble, "magic header not detected: not a WebAssembly binary");
    if (memcmp(bytes + 4, "\x01\0\0", 4) == 0)
        return cm_reader_fail(&preamble, "expected a version header for a component, found that of a core module");
    if (memcmp(bytes + 4, version, sizeof version) != 0 || memcmp(bytes + 6, layer, sizeof layer) != 0)
        return cm_reader_fail(&preamble, "unknown binary version 0x%02x 0x%02x, layer 0x%02x 0x%02x", (uint8_t)bytes[4],
                              (uint8_t)bytes[5], (uint8_t)bytes[6], (uint8_t)bytes[7]);
    return ST_OK;
}

static enum status finish_body(struct cm_decoder *d, const struct cm_deftype **ret_type)
{
    struct cm_scope *scope = d->scope;
    struct cm_body *body = scope->body;
    TRY(cm_scope_component_type(d, ret_type));
    body->type = (*ret_type)->component;
    body->def_count = (uint32_t)scope->defs.len;
    TRY(cm_keep(d, scope->defs.items, scope->defs.len, sizeof *body->defs, &body->defs));
    for (int sort = 0; sort < CM_SORT_COUNT; sort++) {
        body->item_count[sort] = (uint32_t)scope->items[sort].len;
        TRY(cm_keep(d, scope->items[sort].items, scope->items[sort].len, sizeof *body->items[sort], &body->items[sort]));
    }
    return ST_OK;
}

static enum status decode_body(struct cm_decoder *d, struct cm_reader *r, const struct cm_body **ret_body,
                               const struct cm_deftype **ret_type)
{
    struct cm_body *body = NULL;
    TRY(cm_scope_open(d, SCOPE_COMPONENT));
    TRY(cm_alloc(d, 1, sizeof *body, &body));
    body->parent = d->scope->parent ? d->scope->parent->body : NULL;
    body->depth = d->scope->depth;
    body->offset = cm_reader_offset(r);
    d->scope->body = body;
    d->body_count++;
    TRY(read_preamble(r));
    while (!cm_reader_at_end(r)) {
        uint8_t id;
        uint32_t size;
        struct cm_reader section;
        TRY(cm_read_byte(r, &id));
        if (id > 12)
            return cm_reader_fail(r, "malformed section id: %u", id);
        TRY(cm_read_u32(r, &size));
        TRY(cm_reader_take(r, size, "a section", &section));
        TRY(decode_section(d, id, &section));
        TRY(cm_reader_finish(&section, "a section"));
    }
    d->offset = cm_reader_offset(r);
    TRY(finish_body(d, ret_type));
    cm_scope_close(d);
    *ret_body = body;
    return ST_OK;
}

/* --- the whole ------------------------------------------------------------------------------------------------------- */

bool cm_is_component(struct str bytes)
{
    return bytes.len >= PREAMBLE_BYTES && memcmp(bytes.data, "\0asm", 4) == 0 && bytes.data[6] == 1 && bytes.data[7] == 0;
}

enum status cm_decode(struct str bytes, uint32_t gates, struct cm_types *types, struct cm_ir *ret_ir, struct error *err)
{
    struct error unread; /* messages are built up even if nobody wants them: their statuses travel with them */
    err = err ? err : &unread;
    struct cm_decoder d = {.arena = cm_types_arena(types), .types = types, .gates = gates, .err = err};
    struct cm_reader r;
    const struct cm_body *root;
    const struct cm_deftype *type;
    if (bytes.len > CM_LIMIT_BINARY_BYTES)
        return fail(err, ST_LIMIT, "a component of %zu bytes exceeds the limit of %u", bytes.len, CM_LIMIT_BINARY_BYTES);
    cm_reader_init(&r, bytes, err);
    enum status status = decode_body(&d, &r, &root, &type);
    while (d.scope)
        cm_scope_close(&d);
    TRY(status);
    *ret_ir = (struct cm_ir){.root = root,
                             .resource_count = d.resource_count,
                             .body_count = d.body_count,
                             .module_count = d.module_count,
                             .package_docs = d.package_docs,
                             .wit_encoding = d.wit_encoding};
    return ST_OK;
}
