/* Random types and values through every direction and encoding; and memories full of noise, which may trap but nothing else. */
#include "component/abi.h"

#include "abi_help.h"
#include "tap.h"

#define MEMORY 32768
#define ROUNDS 3000

struct subject {
    struct arena arena;
    struct cm_types *types;
    struct cm_dynamic dynamic;
    struct cm_compiler *compiler;
    const struct cm_func_type *type;
    const struct cm_func_desc *desc;
    struct cm_func_abi export, import, fused;
};

/* T -> T, lowered and lifted synchronously or not as the dice say. */
static bool subject_open(struct subject *s, struct random *random)
{
    struct error err;
    enum cm_abi_context lower = random_below(random, 2) ? CM_ABI_LOWER_SYNC : CM_ABI_LOWER_ASYNC;
    arena_init(&s->arena, SIZE_MAX);
    s->types = cm_types_new(&s->arena);
    cm_dynamic_init(&s->dynamic, &s->arena, NULL);
    s->compiler = cm_compiler_new(&s->arena, NULL, 0);
    struct cm_field param = {STR_INIT("v"), random_type(random, s->types, 0), 0};
    bool good = cm_type_func(s->types, false, &param, 1, param.type, &s->type, &err) == ST_OK &&
                cm_dynamic_func(&s->dynamic, STR("f"), s->type, &s->desc, &err) == ST_OK &&
                cm_abi_compile_export(s->compiler, s->type, s->desc, CM_ABI_LIFT_SYNC, &s->export, &err) == ST_OK &&
                cm_abi_compile_fused(s->compiler, s->type, lower, CM_ABI_LIFT_SYNC, &s->fused, &err) == ST_OK;
    if (!good)
        return tap_fail(__FILE__, __LINE__, "%s", err.message);
    struct cm_func_desc wide = *s->desc;
    wide.args_size = 0; /* host functions have smaller arguments than these may be */
    struct cm_func_desc *kept = arena_copy(&s->arena, &wide, sizeof wide);
    return cm_abi_compile_import(s->compiler, s->type, kept, lower, &s->import, &err) == ST_OK ||
           tap_fail(__FILE__, __LINE__, "%s", err.message);
}

static void subject_close(struct subject *s)
{
    cm_compiler_free(s->compiler);
    cm_dynamic_release(&s->dynamic);
    cm_types_release(s->types);
    arena_release(&s->arena);
}

static bool is_full(const struct fake_guest *guest, enum status status, const struct error *err)
{
    return status == ST_TRAP && guest->realloc_calls && strstr(err->message, "out of memory");
}

static bool report(const struct subject *s, const char *what, struct str detail)
{
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    tap_fail(__FILE__, __LINE__, "%s: %.*s: %.*s", what, STR_ARG(cm_type_text(s->type->result, &arena)), STR_ARG(detail));
    arena_release(&arena);
    return false;
}

/* host -> a -> b -> host, as parameters; then host -> a -> host, as a result. */
static bool travel(struct subject *s, struct random *random, struct fake_guest *a, struct fake_guest *b)
{
    struct error err;
    union engine_raw raw[CM_MAX_FLAT + 1] = {0}, copied[CM_MAX_FLAT + 1] = {0};
    const struct cm_type_desc *desc = s->desc->result;
    uint8_t *value = arena_alloc(&s->arena, desc->size), *back = arena_alloc(&s->arena, desc->size);
    random_value(random, &s->arena, desc, value);
    struct str want = value_text(&s->arena, desc, value);

    enum status status = cm_abi_lower_params(&s->export, &a->guest, value, raw, &err);
    if (is_full(a, status, &err))
        return true;
    if (status != ST_OK)
        return report(s, "lower params", str_of(err.message));
    bool same_form = s->export.lift.params_in_memory == s->fused.lower.params_in_memory;
    if (same_form && (status = cm_abi_copy_params(&s->fused, &a->guest, raw, &b->guest, copied, &err)) != ST_OK)
        return is_full(b, status, &err) || report(s, "copy params", str_of(err.message));
    if (same_form && s->import.lower.params_in_memory == s->fused.lift.params_in_memory) {
        if (cm_abi_lift_params(&s->import, &b->guest, copied, back, &err) != ST_OK)
            return report(s, "lift params", str_of(err.message));
        if (!str_eq(value_text(&s->arena, desc, back), want))
            return report(s, "params differ", want);
    }

    raw[s->import.out_pointer].u32 = 64;
    status = cm_abi_lower_result(&s->import, &a->guest, value, raw, &err);
    if (status != ST_OK)
        return is_full(a, status, &err) || report(s, "lower result", str_of(err.message));
    if (s->export.lift.result_in_memory != s->import.lower.result_in_memory)
        return true;
    if (s->import.lower.result_in_memory)
        raw[0].u32 = 64;
    if (cm_abi_lift_result(&s->export, &a->guest, raw, back, &err) != ST_OK)
        return report(s, "lift result", str_of(err.message));
    return str_eq(value_text(&s->arena, desc, back), want) || report(s, "results differ", want);
}

static void open_guests(struct random *random, struct fake_guest guests[2])
{
    for (int i = 0; i < 2; i++) {
        fake_guest_init(&guests[i], MEMORY, random_below(random, 3), NULL, (uint32_t)i);
        guests[i].guest.copies = random_below(random, 2);
        guests[i].moves = random_below(random, 4) == 0;
    }
}

TEST(random_values_come_back_the_same)
{
    struct random random = {1};
    bool good = true;
    for (int round = 0; round < ROUNDS && good; round++) {
        struct subject s;
        struct fake_guest guests[2];
        uint64_t seed = random.state;
        good = subject_open(&s, &random);
        open_guests(&random, guests);
        for (int i = 0; i < 3 && good; i++) {
            good = travel(&s, &random, &guests[0], &guests[1]);
            fake_guest_reset(&guests[0]);
            fake_guest_reset(&guests[1]);
        }
        fake_guest_release(&guests[0]);
        fake_guest_release(&guests[1]);
        subject_close(&s);
        if (!good)
            tap_fail(__FILE__, __LINE__, "seed %llu", (unsigned long long)seed);
    }
    CHECK(good);
}

/* Noise in which addresses often lie inside, lengths are often small, and discriminants often exist. */
static uint32_t noise(struct random *random)
{
    static const uint32_t bounds[] = {2, 4, 16, 256, MEMORY, MEMORY + 16, 1u << 31};
    uint32_t bound = bounds[random_below(random, ARRAY_LEN(bounds))], value = random_below(random, bound);
    if (random_below(random, 2))
        value &= ~7u;
    return random_below(random, 20) ? value : ~value;
}

static void fill_with_noise(struct random *random, struct fake_guest *guest, union engine_raw raw[CM_MAX_FLAT + 1])
{
    for (size_t i = 0; i < MEMORY; i += 4) {
        uint32_t value = noise(random);
        memcpy(guest->guest.memory + i, &value, 4);
    }
    for (int i = 0; i <= CM_MAX_FLAT; i++)
        raw[i].u64 = (uint64_t)noise(random) | (uint64_t)noise(random) << 32;
    guest->guest.budget_bytes = 1 << 20;
    guest->has_answer = random_below(random, 3) == 0;
    guest->answer = noise(random);
}

static bool trapped_or_good(const struct subject *s, const char *what, enum status status, const struct error *err)
{
    return status == ST_OK || (status == ST_TRAP && err->message[0]) || report(s, what, str_of(err->message));
}

/* Every byte of a lifted value is read again by its text. */
static bool lift_noise(struct subject *s, struct fake_guest *guest, const union engine_raw *raw, unsigned *lifted)
{
    struct error err = {0};
    const struct cm_type_desc *desc = s->desc->result;
    struct {
        const struct cm_func_abi *abi;
        bool is_result;
    } ways[] = {{&s->import, false}, {&s->export, true}};
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        uint8_t *value = arena_alloc(&s->arena, desc->size);
        guest->guest.budget_bytes = 1 << 20;
        enum status status = ways[i].is_result ? cm_abi_lift_result(ways[i].abi, &guest->guest, raw, value, &err)
                                               : cm_abi_lift_params(ways[i].abi, &guest->guest, raw, value, &err);
        if (!trapped_or_good(s, "lift", status, &err))
            return false;
        if (status == ST_OK) {
            (void)value_text(&s->arena, desc, value);
            ++*lifted;
        }
    }
    return true;
}

static bool copy_noise(struct subject *s, struct fake_guest guests[2], union engine_raw raw[2][CM_MAX_FLAT + 1], unsigned *copied)
{
    struct error err = {0};
    enum status status = cm_abi_copy_params(&s->fused, &guests[0].guest, raw[0], &guests[1].guest, raw[1], &err);
    *copied += status == ST_OK;
    if (!trapped_or_good(s, "copy params", status, &err))
        return false;
    status = cm_abi_copy_result(&s->fused, &guests[1].guest, raw[1], &guests[0].guest, raw[0], &err);
    return trapped_or_good(s, "copy result", status, &err);
}

TEST(hostile_memories_only_trap)
{
    struct random random = {2};
    bool good = true;
    unsigned lifted = 0, copied = 0;
    for (int round = 0; round < ROUNDS && good; round++) {
        struct subject s;
        struct fake_guest guests[2];
        union engine_raw raw[2][CM_MAX_FLAT + 1];
        good = subject_open(&s, &random);
        open_guests(&random, guests);
        guests[0].guest.between_guests = guests[1].guest.between_guests = random_below(&random, 2);
        for (int i = 0; i < 2 && good; i++) {
            fill_with_noise(&random, &guests[0], raw[0]);
            fill_with_noise(&random, &guests[1], raw[1]);
            good = lift_noise(&s, &guests[0], raw[0], &lifted) && copy_noise(&s, guests, raw, &copied);
        }
        fake_guest_release(&guests[0]);
        fake_guest_release(&guests[1]);
        subject_close(&s);
    }
    CHECK(good);
    CHECK(lifted > ROUNDS / 2 && copied > ROUNDS / 4); /* noise that always traps would test little */
}
