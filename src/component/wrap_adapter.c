/* Cutting an adapter down to what is used of it, and giving it a stack.
 *
 * Of the functions, globals and types only those stay that the required exports reach; so the component imports no more than the
 * main module's use of the adapter needs. An adapter has a stack pointer but no memory of its own: its stack is allocated by the
 * main module's realloc. If there is a global to note how far that is (`allocation_state`), on the first call of an export, else by
 * a start function, and then with memory.grow, for the main module may not be ready. Both globals are known by their names in the
 * name section. Source: wit-component 0.263, "gc"; core specification, "Instructions" for the immediates. */
#include "component/wrap_private.h"

#include "base/mem.h"
#include "component/reader.h"

#define PAGE_SIZE 65536

enum space { SPACE_TYPE, SPACE_FUNC, SPACE_GLOBAL, SPACE_COUNT };

struct reducer {
    struct wrapper *w;
    struct wrap_module *adapter;
    const struct module_info *info;
    uint32_t counts[SPACE_COUNT];
    bool *live[SPACE_COUNT];
    uint32_t *renamed[SPACE_COUNT]; /* old index -> new, of live ones */
    struct str *inits;              /* of globals: type, mutability and initial value, as they stand */
    VEC(uint32_t) reached;          /* functions whose bodies are to be looked into */
    bool memory_live;
    uint32_t stack_pointer, allocation_state; /* globals, or WRAP_NONE */
    struct str realloc;                       /* the main module's, or empty */
    struct wit_sink *out;                     /* NULL: what instructions name becomes live; else they are copied here, renamed */
};

static enum status refuse(struct reducer *r, const char *what)
{
    return fail(r->w->err, ST_UNSUPPORTED, "an adapter cannot have %s", what);
}

/* --- instructions ---------------------------------------------------------------------------------------------------- */

/* Immediates by opcode: b block type, l label or local, L labels of a table, f function, t type, g global, x table, m memory
 * argument, M memory, i and I integers, 4 and 8 bytes, s types of a select. '-': not known here. */
static const char *immediates(uint32_t opcode)
{
    static const char *const first[] = {
        [0x00] = "",  [0x01] = "",  [0x02] = "b", [0x03] = "b", [0x04] = "b", [0x05] = "",   [0x0b] = "",
        [0x0c] = "l", [0x0d] = "l", [0x0e] = "L", [0x0f] = "",  [0x10] = "f", [0x11] = "tx", [0x12] = "f",
        [0x1a] = "",  [0x1b] = "",  [0x1c] = "s", [0x20] = "l", [0x21] = "l", [0x22] = "l",  [0x23] = "g",
        [0x24] = "g", [0x3f] = "M", [0x40] = "M", [0x41] = "i", [0x42] = "I", [0x43] = "4",  [0x44] = "8"};
    if (opcode >= 0x28 && opcode <= 0x3e)
        return "m";
    if (opcode >= 0x45 && opcode <= 0xc4)
        return "";
    return opcode < ARRAY_LEN(first) && first[opcode] ? first[opcode] : "-";
}

static const char *prefixed_immediates(uint32_t opcode)
{
    if (opcode <= 7)
        return ""; /* saturating conversions */
    return opcode == 10 ? "MM" : opcode == 11 ? "M" : "-";
}

static void reach(struct reducer *r, enum space space, uint32_t index)
{
    if (r->live[space][index])
        return;
    r->live[space][index] = true;
    if (space != SPACE_FUNC)
        return;
    reach(r, SPACE_TYPE, r->info->func_types[index]);
    vec_push(&r->reached, index);
}

static enum status index_immediate(struct reducer *r, struct cm_reader *code, enum space space)
{
    uint32_t index;
    TRY(cm_read_u32(code, &index));
    if (index >= r->counts[space])
        return cm_reader_fail(code, "index %u is out of bounds", index);
    if (r->out)
        wit_put_u32(r->out, r->renamed[space][index]);
    else
        reach(r, space, index);
    return ST_OK;
}

static enum status block_type(struct reducer *r, struct cm_reader *code)
{
    const char *start = code->next;
    int64_t type;
    TRY(cm_read_s33(code, &type));
    if (type >= 0) {
        code->next = start;
        if (!r->out)
            return index_immediate(r, code, SPACE_TYPE);
        TRY(cm_read_s33(code, &type));
        wit_put_signed(r->out, type < r->counts[SPACE_TYPE] ? r->renamed[SPACE_TYPE][type] : 0);
        return ST_OK;
    }
    if (r->out)
        wit_put_signed(r->out, type);
    return ST_OK;
}

static enum status copied_number(struct reducer *r, struct cm_reader *code, uint32_t *ret_value)
{
    TRY(cm_read_u32(code, ret_value));
    if (r->out)
        wit_put_u32(r->out, *ret_value);
    return ST_OK;
}

static enum status copied_bytes(struct reducer *r, struct cm_reader *code, size_t count)
{
    struct cm_reader part;
    TRY(cm_reader_take(code, count, "constant", &part));
    if (r->out)
        wit_put_bytes(r->out, cm_reader_rest(&part));
    return ST_OK;
}

/* A signed number of any length, as it stands. */
static enum status copied_signed(struct reducer *r, struct cm_reader *code)
{
    uint8_t byte;
    do {
        TRY(cm_read_byte(code, &byte));
        if (r->out)
            wit_put_byte(r->out, byte);
    } while (byte & 0x80);
    return ST_OK;
}

static enum status memory_index(struct reducer *r, struct cm_reader *code)
{
    uint32_t memory;
    TRY(copied_number(r, code, &memory));
    r->memory_live = true;
    return memory == 0 ? ST_OK : refuse(r, "several memories");
}

static enum status memory_argument(struct reducer *r, struct cm_reader *code)
{
    uint32_t align;
    TRY(copied_number(r, code, &align));
    if (align & 0x40)
        return refuse(r, "several memories");
    r->memory_live = true;
    return copied_signed(r, code); /* the offset */
}

static enum status label_table(struct reducer *r, struct cm_reader *code)
{
    uint32_t count, label;
    TRY(copied_number(r, code, &count));
    for (uint64_t i = 0; i <= count; i++)
        TRY(copied_number(r, code, &label));
    return ST_OK;
}

static enum status immediate(struct reducer *r, struct cm_reader *code, char kind)
{
    uint32_t number;
    switch (kind) {
    case 'b':
        return block_type(r, code);
    case 'l':
        return copied_number(r, code, &number);
    case 'L':
        return label_table(r, code);
    case 'f':
        return index_immediate(r, code, SPACE_FUNC);
    case 't':
        return index_immediate(r, code, SPACE_TYPE);
    case 'g':
        return index_immediate(r, code, SPACE_GLOBAL);
    case 'x':
        return refuse(r, "tables in use");
    case 'm':
        return memory_argument(r, code);
    case 'M':
        return memory_index(r, code);
    case 'i':
    case 'I':
        return copied_signed(r, code);
    case '4':
        return copied_bytes(r, code, 4);
    case '8':
        return copied_bytes(r, code, 8);
    case 's':
        TRY(copied_number(r, code, &number));
        return copied_bytes(r, code, number);
    default:
        return refuse(r, "instructions of newer proposals");
    }
}

static enum status instructions(struct reducer *r, struct cm_reader *code)
{
    while (!cm_reader_at_end(code)) {
        uint8_t opcode;
        uint32_t second;
        TRY(cm_read_byte(code, &opcode));
        if (r->out)
            wit_put_byte(r->out, opcode);
        if (opcode == 0xfc)
            TRY(copied_number(r, code, &second));
        for (const char *kind = opcode == 0xfc ? prefixed_immediates(second) : immediates(opcode); *kind; kind++)
            TRY(immediate(r, code, *kind));
    }
    return ST_OK;
}

/* Declarations of locals: of numbers and vectors. */
static enum status locals(struct reducer *r, struct cm_reader *code)
{
    uint32_t count, number;
    TRY(copied_number(r, code, &count));
    for (uint32_t i = 0; i < count; i++) {
        uint8_t type;
        TRY(copied_number(r, code, &number));
        TRY(cm_read_byte(code, &type));
        if (type < 0x7b || type > 0x7f)
            return refuse(r, "locals that are references");
        if (r->out)
            wit_put_byte(r->out, type);
    }
    return ST_OK;
}

static struct cm_reader body_of(const struct reducer *r, uint32_t function)
{
    struct cm_reader code;
    cm_reader_init(&code, r->info->bodies[function - r->info->imported_func_count], r->w->err);
    return code;
}

/* --- what is there --------------------------------------------------------------------------------------------------- */

static enum status check_shape(struct reducer *r)
{
    const struct module_info *info = r->info;
    for (size_t i = 0; i < info->section_count; i++) {
        uint8_t id = info->sections[i].id;
        if (id > CORE_CODE || id == CORE_MEMORY || id == CORE_START || id == CORE_ELEMENT)
            return refuse(r, "a memory, data, elements, tags or a start function of its own");
    }
    if (info->memory_count > 1 || info->imported_global_count || info->imported_table_count)
        return refuse(r, "imports of tables, globals or more than one memory");
    if (info->memory_count && info->memories[0].is_64)
        return refuse(r, "a 64-bit memory");
    for (size_t i = 0; i < info->import_count; i++)
        if (info->imports[i].type.kind == ENGINE_TAG)
            return refuse(r, "imports of tags");
    return ST_OK;
}

/* Each global as it stands in its section. */
static enum status split_globals(struct reducer *r)
{
    struct cm_reader section;
    uint32_t count;
    uint8_t byte;
    for (size_t i = 0; i < r->info->section_count; i++) {
        if (r->info->sections[i].id != CORE_GLOBAL)
            continue;
        cm_reader_init(&section, r->info->sections[i].bytes, r->w->err);
        TRY(cm_read_count(&section, UINT32_MAX, "globals", &count));
        for (uint32_t k = 0; k < count && k < r->counts[SPACE_GLOBAL]; k++) {
            const char *start = section.next;
            TRY(cm_read_byte(&section, &byte));
            if (byte < 0x7b || byte > 0x7f)
                return refuse(r, "globals that are references");
            TRY(cm_read_byte(&section, &byte)); /* mutable or not */
            TRY(cm_read_byte(&section, &byte));
            if (byte < 0x41 || byte > 0x44)
                return refuse(r, "globals that do not start as numbers");
            TRY(immediate(r, &section, immediates(byte)[0]));
            TRY(cm_read_byte(&section, &byte));
            if (byte != 0x0b) /* end */
                return refuse(r, "globals that do not start as numbers");
            r->inits[k] = str_n(start, (size_t)(section.next - start));
        }
    }
    return ST_OK;
}

static void note_global(struct reducer *r, uint32_t index, struct str name)
{
    const struct engine_extern_type *type;
    if (index >= r->counts[SPACE_GLOBAL])
        return;
    type = &r->info->globals[index];
    if (!type->is_mutable || type->val_type != ENGINE_I32 || !r->live[SPACE_GLOBAL][index])
        return;
    if (str_is(name, "__stack_pointer"))
        r->stack_pointer = index;
    else if (str_is(name, "allocation_state"))
        r->allocation_state = index;
}

#define GLOBAL_NAMES 7

/* Names are a courtesy: what cannot be read of them is not there. */
static void find_named_globals(struct reducer *r, struct str names)
{
    struct cm_reader section, part;
    struct str name;
    uint32_t size, count, index;
    uint8_t id;
    cm_reader_init(&section, names, NULL);
    while (!cm_reader_at_end(&section)) {
        if (cm_read_byte(&section, &id) != ST_OK || cm_read_u32(&section, &size) != ST_OK ||
            cm_reader_take(&section, size, "names", &part) != ST_OK)
            return;
        if (id != GLOBAL_NAMES || cm_read_count(&part, UINT32_MAX, "names", &count) != ST_OK)
            continue;
        for (uint32_t i = 0; i < count; i++) {
            if (cm_read_u32(&part, &index) != ST_OK || cm_read_name(&part, &name) != ST_OK)
                return;
            note_global(r, index, name);
        }
    }
}

/* --- liveness -------------------------------------------------------------------------------------------------------- */

static enum status find_live(struct reducer *r, const struct map *required)
{
    for (size_t i = 0; i < r->info->export_count; i++) {
        const struct engine_export *export = &r->info->exports[i];
        if (!map_has(required, export->name))
            continue;
        if (export->type.kind != ENGINE_FUNC)
            return refuse(r, "exports other than functions in use");
        reach(r, SPACE_FUNC, r->info->export_items[i]);
    }
    while (r->reached.len) {
        uint32_t function = vec_pop(&r->reached);
        struct cm_reader code;
        if (function < r->info->imported_func_count)
            continue;
        code = body_of(r, function);
        TRY(locals(r, &code));
        TRY(instructions(r, &code));
    }
    return ST_OK;
}

/* --- code of our own ------------------------------------------------------------------------------------------------- */

/* realloc by memory.grow: of PAGE_SIZE bytes anew, and nothing else. Parameters: old address, old size, alignment, new size. */
static void put_grow_realloc(struct reducer *r, struct wrap_writer *m)
{
    autosink struct wit_sink body = WIT_SINK_INIT(BUF_UNLIMITED);
    uint32_t log2 = r->info->memory_count ? r->info->memories[0].page_size_log2 : 16;
    wit_put_bytes(&body, STR("\x01\x01\x7f"));                     /* a local for the page */
    wit_put_bytes(&body, STR("\x41\0\x20\0\x47\x04\x40\0\x0b"));   /* trap unless the old address is 0 */
    wit_put_bytes(&body, STR("\x41\0\x20\x01\x47\x04\x40\0\x0b")); /* and the old size, */
    wit_put_byte(&body, 0x41);                                     /* and the new one PAGE_SIZE */
    wit_put_signed(&body, PAGE_SIZE);
    wit_put_bytes(&body, STR("\x20\x03\x47\x04\x40\0\x0b\x41"));
    wit_put_signed(&body, PAGE_SIZE >> log2);
    wit_put_bytes(&body, STR("\x40\0\x22\x04\x41\x7f\x46\x04\x40\0\x0b\x20\x04\x41")); /* trap if memory.grow fails */
    wit_put_signed(&body, log2);
    wit_put_bytes(&body, STR("\x74\x0b")); /* the page's address */
    wit_put_name(wrap_next_item(m), wit_sink_str(&body));
}

static void put_global(struct wit_sink *body, uint8_t opcode, uint32_t global)
{
    wit_put_byte(body, opcode);
    wit_put_u32(body, global);
}

/* Sets the stack pointer to the end of a new page; with a state, once: 0 nothing yet, 1 under way, 2 done. */
static void put_allocate_stack(struct reducer *r, struct wrap_writer *m, uint32_t realloc)
{
    autosink struct wit_sink body = WIT_SINK_INIT(BUF_UNLIMITED);
    const uint32_t *globals = r->renamed[SPACE_GLOBAL];
    bool once = r->allocation_state != WRAP_NONE;
    wit_put_byte(&body, 0x00); /* no locals */
    if (once) {
        put_global(&body, 0x23, globals[r->allocation_state]);
        wit_put_bytes(&body, STR("\x41\0\x46\x04\x40\x41\x01"));
        put_global(&body, 0x24, globals[r->allocation_state]);
    }
    wit_put_bytes(&body, STR("\x41\0\x41\0\x41\x08\x41"));
    wit_put_signed(&body, PAGE_SIZE);
    put_global(&body, 0x10, realloc); /* call */
    wit_put_byte(&body, 0x41);
    wit_put_signed(&body, PAGE_SIZE);
    wit_put_byte(&body, 0x6a);
    put_global(&body, 0x24, globals[r->stack_pointer]);
    if (once) {
        wit_put_bytes(&body, STR("\x41\x02"));
        put_global(&body, 0x24, globals[r->allocation_state]);
        wit_put_byte(&body, 0x0b);
    }
    wit_put_byte(&body, 0x0b);
    wit_put_name(wrap_next_item(m), wit_sink_str(&body));
}

/* --- writing --------------------------------------------------------------------------------------------------------- */

static bool is_realloc_import(const struct engine_import *import)
{
    return import->type.kind == ENGINE_FUNC && str_is(import->module, "__main_module__") &&
           (str_is(import->name, "canonical_abi_realloc") || str_is(import->name, "cabi_realloc"));
}

/* How the functions of the new module are laid out: imports, an import of realloc that was not there, those defined, and ours. */
struct layout {
    uint32_t import_count, defined_count;
    uint32_t realloc; /* what allocates the stack, or WRAP_NONE */
    bool added_import, replaced_import, lazy, grow, start;
    uint32_t lazy_index, grow_index, start_index;
};

static void name_globals_and_types(struct reducer *r)
{
    for (enum space space = 0; space < SPACE_COUNT; space++) {
        uint32_t next = 0;
        for (uint32_t i = 0; space != SPACE_FUNC && i < r->counts[space]; i++)
            if (r->live[space][i])
                r->renamed[space][i] = next++;
    }
}

/* The import of each function of the index space that is imported. */
static const struct engine_import **function_imports(struct reducer *r)
{
    const struct engine_import **imports =
        arena_array(&r->w->arena, r->info->imported_func_count + 1, sizeof(const struct engine_import *));
    size_t next = 0;
    for (size_t i = 0; i < r->info->import_count; i++)
        if (r->info->imports[i].type.kind == ENGINE_FUNC)
            imports[next++] = &r->info->imports[i];
    return imports;
}

static struct layout plan(struct reducer *r, const struct engine_import **imports)
{
    struct layout layout = {.realloc = WRAP_NONE};
    uint32_t imported = (uint32_t)r->info->imported_func_count, *renamed = r->renamed[SPACE_FUNC];
    bool has_stack = r->stack_pointer != WRAP_NONE, has_state = r->allocation_state != WRAP_NONE;
    for (uint32_t i = 0; i < imported; i++) {
        if (!r->live[SPACE_FUNC][i] || (is_realloc_import(imports[i]) && !r->realloc.len))
            continue;
        if (is_realloc_import(imports[i]))
            layout.realloc = layout.import_count;
        renamed[i] = layout.import_count++;
    }
    layout.added_import = r->realloc.len && has_stack && layout.realloc == WRAP_NONE;
    if (layout.added_import)
        layout.realloc = layout.import_count++;
    for (uint32_t i = 0; i < r->counts[SPACE_FUNC]; i++) {
        if (!r->live[SPACE_FUNC][i] || (i < imported && !(is_realloc_import(imports[i]) && !r->realloc.len)))
            continue;
        renamed[i] = layout.import_count + layout.defined_count++;
        if (i < imported)
            layout.realloc = renamed[i];
    }
    uint32_t next = layout.import_count + layout.defined_count;
    layout.lazy = has_stack && has_state && r->realloc.len;
    if (layout.lazy)
        layout.lazy_index = next++;
    layout.grow = has_stack && (layout.realloc == WRAP_NONE || !has_state);
    if (layout.grow)
        layout.realloc = layout.grow_index = next++;
    layout.start = has_stack && !layout.lazy && r->memory_live;
    layout.start_index = next;
    return layout;
}

static void put_types(struct reducer *r, struct wrap_writer *m, uint32_t *ret_realloc_type, uint32_t *ret_thunk_type)
{
    static const uint8_t i32s[] = {ENGINE_I32, ENGINE_I32, ENGINE_I32, ENGINE_I32};
    static const struct engine_func_type realloc_type = {i32s, i32s, 4, 1}, thunk = {NULL, NULL, 0, 0};
    for (uint32_t i = 0; i < r->counts[SPACE_TYPE]; i++)
        if (r->live[SPACE_TYPE][i])
            wrap_put_func_type(wrap_next_item(m), &r->info->types[i]);
    *ret_realloc_type = m->count;
    wrap_put_func_type(wrap_next_item(m), &realloc_type);
    *ret_thunk_type = m->count;
    wrap_put_func_type(wrap_next_item(m), &thunk);
    wrap_end_items(m, CORE_TYPE);
}

static void put_import(struct wrap_writer *m, struct str module, struct str name, uint32_t type)
{
    struct wit_sink *sink = wrap_next_item(m);
    wit_put_name(sink, module);
    wit_put_name(sink, name);
    wit_put_byte(sink, 0x00);
    wit_put_u32(sink, type);
}

static void put_memory_import(struct reducer *r, struct wrap_writer *m)
{
    for (size_t i = 0; i < r->info->import_count; i++) {
        const struct engine_import *import = &r->info->imports[i];
        if (import->type.kind != ENGINE_MEMORY || !r->memory_live)
            continue;
        struct wit_sink *sink = wrap_next_item(m);
        wit_put_name(sink, import->module);
        wit_put_name(sink, import->name);
        wit_put_byte(sink, 0x02);
        wrap_put_memory_type(sink, &import->type);
    }
}

static void put_imports(struct reducer *r, struct wrap_writer *m, const struct layout *layout, const struct engine_import **imports,
                        uint32_t realloc_type)
{
    put_memory_import(r, m);
    for (uint32_t i = 0; i < r->info->imported_func_count; i++) {
        bool is_realloc = is_realloc_import(imports[i]);
        if (r->live[SPACE_FUNC][i] && (!is_realloc || r->realloc.len))
            put_import(m, imports[i]->module, is_realloc ? r->realloc : imports[i]->name,
                       r->renamed[SPACE_TYPE][r->info->func_types[i]]);
    }
    if (layout->added_import)
        put_import(m, STR("__main_module__"), r->realloc, realloc_type);
    wrap_end_items(m, CORE_IMPORT);
}

/* Whether a function is defined in the new module. */
static bool is_defined(const struct reducer *r, uint32_t function, const struct layout *layout)
{
    return r->live[SPACE_FUNC][function] && r->renamed[SPACE_FUNC][function] >= layout->import_count;
}

static void put_function_types(struct reducer *r, struct wrap_writer *m, const struct layout *layout, uint32_t realloc_type,
                               uint32_t thunk_type)
{
    for (uint32_t i = 0; i < r->counts[SPACE_FUNC]; i++)
        if (is_defined(r, i, layout))
            wit_put_u32(wrap_next_item(m), r->renamed[SPACE_TYPE][r->info->func_types[i]]);
    if (layout->lazy)
        wit_put_u32(wrap_next_item(m), thunk_type);
    if (layout->grow)
        wit_put_u32(wrap_next_item(m), realloc_type);
    if (layout->start)
        wit_put_u32(wrap_next_item(m), thunk_type);
    wrap_end_items(m, CORE_FUNCTION);
}

static void put_globals(struct reducer *r, struct wrap_writer *m)
{
    for (uint32_t i = 0; i < r->counts[SPACE_GLOBAL]; i++)
        if (r->live[SPACE_GLOBAL][i])
            wit_put_bytes(wrap_next_item(m), r->inits[i]);
    if (m->count)
        wrap_end_items(m, CORE_GLOBAL);
}

/* Marks the exported functions as well: they are where the stack is allocated. */
static void put_exports(struct reducer *r, struct wrap_writer *m, const struct map *required, bool *exported)
{
    for (size_t i = 0; i < r->info->export_count; i++) {
        uint32_t function = r->info->export_items[i];
        if (!map_has(required, r->info->exports[i].name))
            continue;
        struct wit_sink *sink = wrap_next_item(m);
        wit_put_name(sink, r->info->exports[i].name);
        wit_put_byte(sink, 0x00);
        wit_put_u32(sink, r->renamed[SPACE_FUNC][function]);
        exported[function] = true;
    }
    wrap_end_items(m, CORE_EXPORT);
}

static enum status put_body(struct reducer *r, struct wrap_writer *m, const struct layout *layout, uint32_t function, bool exported)
{
    autosink struct wit_sink body = WIT_SINK_INIT(BUF_UNLIMITED);
    struct cm_reader code = body_of(r, function);
    r->out = &body;
    TRY(locals(r, &code));
    if (layout->lazy && exported)
        put_global(&body, 0x10, layout->lazy_index); /* call */
    TRY(instructions(r, &code));
    r->out = NULL;
    wit_put_name(wrap_next_item(m), wit_sink_str(&body));
    return ST_OK;
}

static enum status put_code(struct reducer *r, struct wrap_writer *m, const struct layout *layout, const bool *exported)
{
    for (uint32_t i = 0; i < r->counts[SPACE_FUNC]; i++) {
        if (!is_defined(r, i, layout))
            continue;
        if (i < r->info->imported_func_count)
            put_grow_realloc(r, m); /* in place of the import */
        else
            TRY(put_body(r, m, layout, i, exported[i]));
    }
    if (layout->lazy)
        put_allocate_stack(r, m, layout->realloc);
    if (layout->grow)
        put_grow_realloc(r, m);
    if (layout->start)
        put_allocate_stack(r, m, layout->realloc);
    wrap_end_items(m, CORE_CODE);
    return ST_OK;
}

static void put_start(struct wrap_writer *m, uint32_t function)
{
    autosink struct wit_sink content = WIT_SINK_INIT(BUF_UNLIMITED);
    wit_put_u32(&content, function);
    wit_put_byte(&m->out, CORE_START);
    wit_put_name(&m->out, wit_sink_str(&content));
}

static enum status write_module(struct reducer *r, struct wrap_writer *m, const struct map *required)
{
    const struct engine_import **imports = function_imports(r);
    bool *exported = ARENA_ARRAY(&r->w->arena, bool, r->counts[SPACE_FUNC] + 1);
    uint32_t realloc_type, thunk_type;
    name_globals_and_types(r);
    struct layout layout = plan(r, imports);
    put_types(r, m, &realloc_type, &thunk_type);
    put_imports(r, m, &layout, imports, realloc_type);
    put_function_types(r, m, &layout, realloc_type, thunk_type);
    put_globals(r, m);
    put_exports(r, m, required, exported);
    if (layout.start)
        put_start(m, layout.start_index);
    return put_code(r, m, &layout, exported);
}

static enum status reduce(struct reducer *r, const struct map *required)
{
    struct wrap_writer m;
    TRY(check_shape(r));
    TRY(split_globals(r));
    TRY(find_live(r, required));
    for (uint32_t i = 0; i < r->counts[SPACE_TYPE]; i++)
        if (r->live[SPACE_TYPE][i] && r->info->types[i].param_count == UINT32_MAX)
            return refuse(r, "types other than functions'");
    for (size_t i = 0; i < r->info->section_count; i++)
        if (r->info->sections[i].id == 0 && str_is(r->info->sections[i].name, "name"))
            find_named_globals(r, r->info->sections[i].bytes);
    wrap_begin_module(&m, r->w);
    enum status status = write_module(r, &m, required);
    if (status == ST_OK) {
        buf_release(&r->adapter->own);
        r->adapter->own = m.out.buf;
        m.out.buf = (struct buf)BUF_INIT(0);
        r->adapter->bytes = buf_str(&r->adapter->own);
    }
    wrap_release_module(&m);
    return status;
}

enum status wrap_reduce_adapter(struct wrapper *w, struct wrap_module *adapter, const struct map *required)
{
    const struct module_info *info = &adapter->info;
    struct reducer r = {.w = w,
                        .adapter = adapter,
                        .info = info,
                        .counts = {(uint32_t)info->type_count, (uint32_t)info->func_count, (uint32_t)info->global_count},
                        .stack_pointer = WRAP_NONE,
                        .allocation_state = WRAP_NONE,
                        .realloc = wrap_adapter_realloc(&w->main)};
    for (enum space space = 0; space < SPACE_COUNT; space++) {
        r.live[space] = ARENA_ARRAY(&w->arena, bool, r.counts[space] + 1);
        r.renamed[space] = ARENA_ARRAY(&w->arena, uint32_t, r.counts[space] + 1);
    }
    r.inits = ARENA_ARRAY(&w->arena, struct str, r.counts[SPACE_GLOBAL] + 1);
    enum status status = reduce(&r, required);
    vec_release(&r.reached);
    return status;
}
