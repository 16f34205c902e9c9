#include "abi_help.h"

/* --- a guest ------------------------------------------------------------------------------------------------------------------ */

static void fake_refresh(struct cm_guest *guest)
{
    guest->memory = ((struct fake_guest *)guest)->block;
    guest->memory_size = ((struct fake_guest *)guest)->size;
}

static void move_memory(struct fake_guest *fake)
{
    uint8_t *moved = mem_alloc(fake->size);
    memcpy(moved, fake->block, fake->size);
    free(fake->block);
    fake->block = moved;
}

/* Shrinks in place, else takes fresh memory. */
static enum status fake_realloc(struct cm_guest *guest, uint32_t old, uint32_t old_size, uint32_t align, uint32_t new_size,
                                uint32_t *ret_address, struct error *err)
{
    struct fake_guest *fake = (struct fake_guest *)guest;
    uint32_t address = old;
    fake->realloc_calls++;
    if (fake->status != ST_OK)
        return fail(err, fake->status, "realloc was told to fail");
    if (fake->has_answer) {
        *ret_address = fake->answer;
        return ST_OK;
    }
    if (old_size == 0 || new_size > old_size) {
        address = (fake->next + align - 1) / align * align;
        if (new_size > fake->size || address > fake->size - new_size)
            return fail(err, ST_TRAP, "fake guest: out of memory");
        memcpy(fake->block + address, fake->block + old, old_size);
        fake->next = address + new_size;
    }
    if (fake->moves)
        move_memory(fake);
    buf_addf(&fake->trace, "%u,%u,%u,%u=%u ", old, old_size, align, new_size, address);
    *ret_address = address;
    return ST_OK;
}

static const struct cm_guest_ops fake_ops = {fake_refresh, fake_realloc};

void fake_guest_init(struct fake_guest *fake, size_t size, enum cm_encoding encoding, const struct cm_resource *resources,
                     uint32_t instance)
{
    *fake = (struct fake_guest){.size = size, .moves = true, .block = mem_alloc(size)};
    arena_init(&fake->arena, SIZE_MAX);
    buf_init(&fake->trace, BUF_UNLIMITED);
    cm_call_scope_init(&fake->scope);
    cm_handles_init(&fake->handles, instance, resources, 0, NULL, 0);
    cm_guest_resources_init(&fake->resources, 0);
    fake->guest = (struct cm_guest){
        .ops = &fake_ops,
        .encoding = encoding,
        .handles = &fake->handles,
        .scope = &fake->scope,
        .guest_resources = &fake->resources,
        .arena = &fake->arena,
    };
    fake_guest_reset(fake);
}

void fake_guest_reset(struct fake_guest *fake)
{
    memset(fake->block, 0xaa, fake->size);
    fake_refresh(&fake->guest);
    fake->next = FAKE_HEAP;
    fake->realloc_calls = 0;
    fake->guest.budget_bytes = CM_COPY_BUDGET_DEFAULT;
    fake->has_answer = false;
    fake->status = ST_OK;
    buf_clear(&fake->trace);
    arena_reset(&fake->arena);
}

void fake_guest_release(struct fake_guest *fake)
{
    cm_call_scope_release(&fake->scope);
    cm_handles_release(&fake->handles);
    cm_guest_resources_release(&fake->resources);
    buf_release(&fake->trace);
    arena_release(&fake->arena);
    free(fake->block);
}

/* --- random ------------------------------------------------------------------------------------------------------------------- */

static uint64_t random_next(struct random *random)
{
    uint64_t x = random->state += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

uint32_t random_below(struct random *random, uint32_t bound)
{
    return (uint32_t)(random_next(random) % bound);
}

static const struct cm_type *random_fields(struct random *random, struct cm_types *types, unsigned depth, enum cm_kind kind)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};
    struct cm_field fields[ARRAY_LEN(names)] = {0};
    struct str labels[ARRAY_LEN(names)];
    const struct cm_type *items[ARRAY_LEN(names)], *type = NULL;
    uint32_t count = 1 + random_below(random, depth > 2 ? 3 : ARRAY_LEN(names));
    for (uint32_t i = 0; i < count; i++) {
        labels[i] = fields[i].name = str_of(names[i]);
        items[i] = kind == CM_ENUM || kind == CM_FLAGS ? NULL : random_type(random, types, depth + 1);
        fields[i].type = kind == CM_VARIANT && random_below(random, 3) == 0 ? NULL : items[i];
    }
    enum status status = kind == CM_RECORD    ? cm_type_record(types, fields, count, &type, NULL)
                         : kind == CM_TUPLE   ? cm_type_tuple(types, items, count, &type, NULL)
                         : kind == CM_VARIANT ? cm_type_variant(types, fields, count, &type, NULL)
                         : kind == CM_ENUM    ? cm_type_enum(types, labels, count, &type, NULL)
                                              : cm_type_flags(types, labels, count, &type, NULL);
    return status == ST_OK ? type : cm_type_primitive(types, CM_U8);
}

const struct cm_type *random_type(struct random *random, struct cm_types *types, unsigned depth)
{
    const struct cm_type *type = NULL, *part;
    uint32_t pick = random_below(random, depth >= 5 ? CM_ERROR_CONTEXT : CM_OWN);
    if (pick == CM_ERROR_CONTEXT)
        pick = CM_STRING;
    if (pick < CM_ERROR_CONTEXT)
        return cm_type_primitive(types, pick);
    if (pick <= CM_ENUM || pick == CM_FLAGS)
        return random_fields(random, types, depth, pick);
    part = random_type(random, types, depth + 1);
    enum status status = ST_OK;
    if (pick == CM_OPTION)
        status = cm_type_option(types, part, &type, NULL);
    else if (pick == CM_RESULT)
        status = cm_type_result(types, random_below(random, 2) ? part : NULL,
                                random_below(random, 2) ? random_type(random, types, depth + 1) : NULL, &type, NULL);
    else if (pick == CM_LIST)
        status = cm_type_list(types, part, &type, NULL);
    else if (pick == CM_FIXED_LIST)
        status = cm_type_fixed_list(types, part, 1 + random_below(random, 20), &type, NULL);
    else
        status = cm_type_map(types, cm_type_primitive(types, random_below(random, 2) ? CM_STRING : CM_U16), part, &type, NULL);
    return status == ST_OK ? type : cm_type_primitive(types, CM_U8);
}

static uint32_t random_char(struct random *random)
{
    static const uint32_t bounds[] = {0x80, 0x80, 0x100, 0x800, 0x10000, 0x110000};
    uint32_t c = random_below(random, bounds[random_below(random, ARRAY_LEN(bounds))]);
    return (c & 0x1ff800) == 0xd800 ? c - 0x800 : c;
}

static struct str random_string(struct random *random, struct arena *arena)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    uint32_t len = random_below(random, 4) ? random_below(random, 12) : random_below(random, 90), kind = random_below(random, 4);
    for (uint32_t i = 0; i < len; i++)
        put_utf8(&out, kind == 0 ? random_below(random, 0x80) : kind == 1 ? random_below(random, 0x100) : random_char(random));
    return arena_str(arena, buf_str(&out));
}

static void random_items(struct random *random, struct arena *arena, const struct cm_type_desc *desc, struct c_list *to)
{
    size_t offset = desc->kind == CM_MAP ? desc->offset : 0;
    to->len = random_below(random, 5) ? random_below(random, 4) : random_below(random, 30);
    to->items = arena_array(arena, to->len, desc->item_size);
    for (size_t i = 0; i < to->len; i++) {
        uint8_t *item = (uint8_t *)to->items + i * desc->item_size;
        if (desc->kind == CM_MAP)
            random_value(random, arena, desc->second, item);
        random_value(random, arena, desc->element, item + offset);
    }
}

static void random_choice(struct random *random, struct arena *arena, const struct cm_type_desc *desc, uint8_t *to)
{
    const struct cm_type_desc *payload;
    if (desc->kind == CM_OPTION || desc->kind == CM_RESULT) {
        *to = (uint8_t)random_below(random, 2);
        payload = desc->kind == CM_OPTION ? (*to ? desc->element : NULL) : *to ? desc->second : desc->element;
    } else {
        uint32_t tag = random_below(random, desc->count);
        memcpy(to, &tag, sizeof tag);
        payload = desc->fields[tag].type;
    }
    if (payload)
        random_value(random, arena, payload, to + desc->offset);
}

/* Floats are never NaN: those do not keep their bits. */
static void random_bits(struct random *random, const struct cm_type_desc *desc, uint8_t *to)
{
    uint64_t bits = random_next(random) >> random_below(random, 64);
    if (desc->kind == CM_F32 && (bits & 0x7f800000) == 0x7f800000)
        bits = 0x3f800000;
    if (desc->kind == CM_F64 && (bits & 0x7ff0000000000000) == 0x7ff0000000000000)
        bits = 0;
    if (desc->kind == CM_FLAGS)
        bits &= desc->count == 32 ? UINT32_MAX : (1u << desc->count) - 1;
    memcpy(to, &bits, desc->size);
}

void random_value(struct random *random, struct arena *arena, const struct cm_type_desc *desc, void *ret_value)
{
    uint8_t *to = ret_value;
    switch (desc->kind) {
    case CM_BOOL:
        *to = (uint8_t)random_below(random, 2);
        break;
    case CM_CHAR:
        *(uint32_t *)ret_value = random_char(random);
        break;
    case CM_STRING:
        *(struct str *)ret_value = random_string(random, arena);
        break;
    case CM_RECORD:
    case CM_TUPLE:
        for (uint32_t i = 0; i < desc->count; i++)
            random_value(random, arena, desc->fields[i].type, to + desc->fields[i].offset);
        break;
    case CM_VARIANT:
    case CM_ENUM:
    case CM_OPTION:
    case CM_RESULT:
        random_choice(random, arena, desc, to);
        break;
    case CM_LIST:
    case CM_MAP:
        random_items(random, arena, desc, ret_value);
        break;
    case CM_FIXED_LIST:
        for (uint32_t i = 0; i < desc->count; i++)
            random_value(random, arena, desc->element, to + (size_t)i * desc->element->size);
        break;
    case CM_OWN:
    case CM_BORROW:
        memset(ret_value, 0, sizeof(void *));
        break;
    default:
        random_bits(random, desc, to);
        break;
    }
}
