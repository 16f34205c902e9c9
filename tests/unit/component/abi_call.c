/* Whole calls: a guest calls a host function, with resources, borrows and failures; guests call each other. */
#include "abi_help.h"
#include "tap.h"

/* --- a host interface, as the generator would write it ------------------------------------------------------------------------ */

struct file {
    int drops;
    uint32_t reads;
};

static enum status file_drop(struct cm_call *call, void *object)
{
    (void)call;
    ((struct file *)object)->drops++;
    return ST_OK;
}

static const struct cm_resource_desc file_desc = {.name = "file", .drop = file_drop};
static const struct cm_type_desc u32_desc = {.kind = CM_U32, .size = 4, .align = 4};
static const struct cm_type_desc u8_desc = {.kind = CM_U8, .size = 1, .align = 1};
static const struct cm_type_desc u64_desc = {.kind = CM_U64, .size = 8, .align = 8};
static const struct cm_type_desc own_file = {.kind = CM_OWN, .size = 8, .align = 8, .resource = &file_desc};
static const struct cm_type_desc borrow_file = {.kind = CM_BORROW, .size = 8, .align = 8, .resource = &file_desc};
static const struct cm_type_desc bytes_desc = {.kind = CM_LIST, .size = 16, .align = 8, .element = &u8_desc, .item_size = 1};
static const struct cm_type_desc files_desc = {.kind = CM_LIST, .size = 16, .align = 8, .element = &own_file, .item_size = 8};

struct bytes {
    const uint8_t *items;
    size_t len;
};
struct error_variant {
    uint32_t tag;
    union {
        struct file *failed;
    } of;
};
struct read_result {
    bool is_err;
    union {
        struct bytes ok;
        struct error_variant err;
    } of;
};
static const struct cm_type_desc error_desc = {.kind = CM_VARIANT,
                                               .size = sizeof(struct error_variant),
                                               .align = 8,
                                               .count = 2,
                                               .offset = offsetof(struct error_variant, of),
                                               .fields =
                                                   (const struct cm_field_desc[]){{"failed", &own_file, 0}, {"closed", NULL, 0}}};
static const struct cm_type_desc read_result_desc = {.kind = CM_RESULT,
                                                     .size = sizeof(struct read_result),
                                                     .align = 8,
                                                     .offset = offsetof(struct read_result, of),
                                                     .element = &bytes_desc,
                                                     .second = &error_desc};

struct read_args {
    struct file *self;
    uint64_t len;
};

static struct file spare;

/* file.read: func(len: u64) -> result<list<u8>, error>; 99 fails with an owned file, 98 returns a value that cannot be lowered, 97
 * traps. */
static enum status read_invoke(struct cm_call *call, const void *args_, void *ret_)
{
    const struct read_args *args = args_;
    struct read_result *ret = ret_;
    (void)call;
    args->self->reads++;
    if (args->len == 97)
        return ST_TRAP;
    ret->is_err = args->len >= 98;
    if (ret->is_err) {
        ret->of.err.tag = 0;
        ret->of.err.of.failed = args->len == 99 ? &spare : NULL;
    } else {
        ret->of.ok = (struct bytes){(const uint8_t *)"0123456789", args->len};
    }
    return ST_OK;
}

static const struct cm_func_desc read_func = {
    .name = "[method]file.read",
    .param_count = 2,
    .args_size = sizeof(struct read_args),
    .result = &read_result_desc,
    .invoke = read_invoke,
    .params = (const struct cm_field_desc[]){{"self", &borrow_file, offsetof(struct read_args, self)},
                                             {"len", &u64_desc, offsetof(struct read_args, len)}}};

struct take_args {
    struct file *first;
    struct {
        struct file *const *items;
        size_t len;
    } files;
    uint32_t tag;
    struct file *borrowed;
};

static unsigned taken;
static enum status take_invoke(struct cm_call *call, const void *args_, void *ret)
{
    const struct take_args *args = args_;
    (void)call;
    (void)ret;
    taken = 1 + (unsigned)args->files.len;
    args->first->drops++;
    for (size_t i = 0; i < args->files.len; i++)
        args->files.items[i]->drops++;
    return ST_OK;
}

static const struct cm_type_desc letters_desc = {
    .kind = CM_ENUM, .size = 4, .align = 4, .count = 2, .fields = (const struct cm_field_desc[]){{"a", NULL, 0}, {"b", NULL, 0}}};
static const struct cm_func_desc take_func = {
    .name = "take",
    .param_count = 4,
    .args_size = sizeof(struct take_args),
    .invoke = take_invoke,
    .params = (const struct cm_field_desc[]){{"first", &own_file, offsetof(struct take_args, first)},
                                             {"files", &files_desc, offsetof(struct take_args, files)},
                                             {"letter", &letters_desc, offsetof(struct take_args, tag)},
                                             {"borrowed", &borrow_file, offsetof(struct take_args, borrowed)}}};

/* --- a world for them
 * --------------------------------------------------------------------------------------------------------------- */

enum { FILE_R, GUEST_R };
static const struct cm_resource resources[] = {{.host = &file_desc, .instance = CM_HOST_INSTANCE}, {.instance = 1}};

struct world {
    struct arena arena;
    struct cm_types *types;
    struct cm_compiler *compiler;
    struct fake_guest a, b; /* component instances 0 and 1; 1 implements GUEST_R */
    struct cm_func_abi read, take;
    struct file files[4];
};

static const struct cm_func_type *func_type(struct world *w, const char *params, const char *const *names, const char *result)
{
    const struct cm_func_type *type = NULL;
    struct error err;
    const struct cm_type *tuple = params ? type_parse(w->types, params) : NULL;
    struct cm_field fields[8] = {0};
    for (uint32_t i = 0; tuple && i < tuple->count; i++)
        fields[i] = (struct cm_field){str_of(names ? names[i] : "p"), tuple->fields[i].type, 0};
    if (cm_type_func(w->types, false, fields, tuple ? tuple->count : 0, result ? type_parse(w->types, result) : NULL, &type,
                     &err) != ST_OK)
        tap_fail(__FILE__, __LINE__, "%s", err.message);
    return type;
}

static bool world_open(struct world *w)
{
    struct error err;
    *w = (struct world){.types = NULL};
    arena_init(&w->arena, SIZE_MAX);
    w->types = cm_types_new(&w->arena);
    w->compiler = cm_compiler_new(&w->arena, resources, ARRAY_LEN(resources));
    fake_guest_init(&w->a, 4096, CM_ENCODING_UTF8, resources, 0);
    fake_guest_init(&w->b, 4096, CM_ENCODING_UTF8, resources, 1);
    const struct cm_func_type *read = func_type(w, "tuple<borrow<resource 0>, u64>", (const char *const[]){"self", "len"},
                                                "result<list<u8>, variant { failed(own<resource 0>), closed }>");
    const struct cm_func_type *take =
        func_type(w, "tuple<own<resource 0>, list<own<resource 0>>, enum { a, b }, borrow<resource 0>>",
                  (const char *const[]){"first", "files", "letter", "borrowed"}, NULL);
    return (cm_abi_compile_import(w->compiler, read, &read_func, CM_ABI_LOWER_SYNC, &w->read, &err) == ST_OK &&
            cm_abi_compile_import(w->compiler, take, &take_func, CM_ABI_LOWER_SYNC, &w->take, &err) == ST_OK) ||
           tap_fail(__FILE__, __LINE__, "%s", err.message);
}

static void world_close(struct world *w)
{
    fake_guest_release(&w->a);
    fake_guest_release(&w->b);
    cm_compiler_free(w->compiler);
    cm_types_release(w->types);
    arena_release(&w->arena);
}

/* Gives guest a an owned file; its index. */
static uint32_t give(struct world *w, struct file *file)
{
    uint32_t index = 0;
    if (cm_resource_new(&w->a.handles, FILE_R, (uintptr_t)file, &index, NULL) != ST_OK)
        tap_fail(__FILE__, __LINE__, "no room");
    return index;
}

static uint32_t at(const struct fake_guest *guest, uint32_t address)
{
    uint32_t value;
    memcpy(&value, guest->guest.memory + address, sizeof value);
    return value;
}

/* --- a guest calls the host
 * --------------------------------------------------------------------------------------------------------- */

TEST(a_host_call_lifts_invokes_and_lowers)
{
    struct world w;
    struct error err;
    CHECK(world_open(&w));
    CHECK(w.read.lower.param_count == 3 && w.read.out_pointer == 2 && w.read.lower.result_count == 0);
    union engine_raw raw[3] = {{.u32 = give(&w, &w.files[0])}, {.u64 = 4}, {.u32 = 64}};
    CHECK_EQ(cm_abi_call_host(&w.read, &w.a.guest, NULL, raw, &err), ST_OK);
    CHECK_EQ(w.files[0].reads, 1);
    CHECK_EQ(w.a.guest.memory[64], 0);
    CHECK(at(&w.a, 68) == FAKE_HEAP && at(&w.a, 72) == 4 && memcmp(w.a.guest.memory + FAKE_HEAP, "0123", 4) == 0);
    CHECK_EQ(w.a.handles.items[1].lends, 0);
    raw[1].u64 = 99; /* an error with an owned file: a new handle */
    CHECK_EQ(cm_abi_call_host(&w.read, &w.a.guest, NULL, raw, &err), ST_OK);
    CHECK(w.a.guest.memory[64] == 1 && w.a.guest.memory[68] == 0 && at(&w.a, 72) == 2);
    CHECK(cm_handles_get(&w.a.handles, 2) && w.a.handles.items[2].rep == (uintptr_t)&spare);
    world_close(&w);
    CHECK(w.files[0].drops == 1 && spare.drops == 1);
    spare.drops = 0;
}

TEST(a_failing_host_call_gives_its_lends_back)
{
    struct world w;
    struct error err;
    CHECK(world_open(&w));
    union engine_raw raw[3] = {{.u32 = give(&w, &w.files[0])}, {.u64 = 97}, {.u32 = 64}};
    CHECK_EQ(cm_abi_call_host(&w.read, &w.a.guest, NULL, raw, &err), ST_TRAP);
    CHECK_EQ(w.a.handles.items[1].lends, 0);
    raw[1].u64 = 98;
    CHECK_EQ(cm_abi_call_host(&w.read, &w.a.guest, NULL, raw, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "the host passed no `file` where one is needed");
    raw[1].u64 = 99; /* the result cannot be stored: what it owns is dropped */
    raw[2].u32 = 4095;
    CHECK_EQ(cm_abi_call_host(&w.read, &w.a.guest, NULL, raw, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "pointer not aligned");
    CHECK_EQ(spare.drops, 1);
    raw[0].u32 = 9;
    CHECK_EQ(cm_abi_call_host(&w.read, &w.a.guest, NULL, raw, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "unknown handle index 9");
    CHECK_EQ(w.files[0].reads, 3);
    world_close(&w);
    CHECK_EQ(w.files[0].drops, 1);
    spare.drops = 0;
}

/* own, list of two owns, enum, borrow */
static void take_raw(struct world *w, union engine_raw raw[5])
{
    raw[0].u32 = give(w, &w->files[0]);
    for (int i = 0; i < 2; i++) {
        uint32_t index = give(w, &w->files[1 + i]);
        memcpy(w->a.guest.memory + 64 + 4 * i, &index, 4);
    }
    raw[1].u32 = 64;
    raw[2].u32 = 2;
    raw[3].u32 = 1;
    raw[4].u32 = give(w, &w->files[3]);
}

TEST(owned_arguments_leave_the_table)
{
    struct world w;
    struct error err;
    union engine_raw raw[5];
    CHECK(world_open(&w));
    take_raw(&w, raw);
    CHECK_EQ(cm_abi_call_host(&w.take, &w.a.guest, NULL, raw, &err), ST_OK);
    CHECK_EQ(taken, 3);
    for (uint32_t i = 1; i <= 3; i++)
        CHECK(!cm_handles_get(&w.a.handles, i));
    CHECK(cm_handles_get(&w.a.handles, 4) && w.a.handles.items[4].lends == 0);
    world_close(&w);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(w.files[i].drops, 1);
}

/* Wherever lifting stops, every file is dropped once: by the call if it was lifted, else with the table. */
TEST(half_lifted_arguments_are_dropped)
{
    for (int stop = 0; stop < 4; stop++) {
        struct world w;
        struct error err;
        union engine_raw raw[5];
        uint32_t bad = 77;
        CHECK(world_open(&w));
        take_raw(&w, raw);
        taken = 0;
        if (stop == 0)
            raw[2].u32 = 5000; /* the list is outside */
        else if (stop == 1)
            memcpy(w.a.guest.memory + 68, &bad, 4); /* its second item does not exist */
        else if (stop == 2)
            raw[3].u32 = 2;
        else
            raw[4].u32 = raw[0].u32; /* borrows what was just given away */
        CHECK_EQ(cm_abi_call_host(&w.take, &w.a.guest, NULL, raw, &err), ST_TRAP);
        CHECK_EQ(taken, 0);
        CHECK_EQ(w.files[0].drops, 1);
        CHECK_EQ(w.files[1].drops, stop > 0);
        CHECK_EQ(w.files[2].drops, stop > 1);
        world_close(&w);
        for (int i = 0; i < 4; i++)
            CHECK_EQ(w.files[i].drops, 1);
    }
}

TEST(lending_and_giving_away_in_one_call_traps)
{
    struct world w;
    struct error err;
    struct cm_func_abi abi;
    CHECK(world_open(&w));
    const struct cm_func_type *type = func_type(&w, "tuple<borrow<resource 0>, own<resource 0>>", NULL, NULL);
    CHECK_EQ(cm_abi_compile_fused(w.compiler, type, CM_ABI_LOWER_SYNC, CM_ABI_LIFT_SYNC, &abi, &err), ST_OK);
    uint32_t index = give(&w, &w.files[0]);
    union engine_raw raw[2] = {{.u32 = index}, {.u32 = index}}, copied[2];
    CHECK_EQ(cm_abi_copy_params(&abi, &w.a.guest, raw, &w.b.guest, copied, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "cannot remove owned resource while borrowed");
    world_close(&w);
    CHECK_EQ(w.files[0].drops, 1);
}

/* --- the host calls a guest
 * --------------------------------------------------------------------------------------------------------- */

static const struct cm_func_desc give_func = {
    .name = "give",
    .param_count = 2,
    .args_size = sizeof(struct take_args),
    .params = (const struct cm_field_desc[]){{"first", &own_file, offsetof(struct take_args, first)},
                                             {"files", &files_desc, offsetof(struct take_args, files)}}};

TEST(owned_arguments_belong_to_the_guest_even_when_lowering_fails)
{
    for (uint32_t room = 0; room <= 3; room++) {
        struct world w;
        struct error err;
        struct cm_func_abi abi;
        union engine_raw raw[CM_MAX_FLAT];
        CHECK(world_open(&w));
        const struct cm_func_type *type =
            func_type(&w, "tuple<own<resource 0>, list<own<resource 0>>>", (const char *const[]){"first", "files"}, NULL);
        CHECK_EQ(cm_abi_compile_export(w.compiler, type, &give_func, CM_ABI_LIFT_SYNC, &abi, &err), ST_OK);
        struct file *items[2] = {&w.files[1], &w.files[2]};
        struct take_args args = {.first = &w.files[0], .files = {items, 2}};
        w.a.handles.max = room;
        enum status status = cm_abi_lower_params(&abi, &w.a.guest, &args, raw, &err);
        CHECK_EQ(status, room == 3 ? ST_OK : ST_TRAP);
        for (uint32_t i = 0; i < 3; i++)
            CHECK_EQ(w.files[i].drops, i >= room);
        world_close(&w);
        for (int i = 0; i < 3; i++)
            CHECK_EQ(w.files[i].drops, 1);
    }
}

static const struct cm_func_desc use_func = {
    .name = "use", .param_count = 1, .args_size = 8, .params = (const struct cm_field_desc[]){{"f", &borrow_file, 0}}};

TEST(a_borrow_is_a_handle_for_the_time_of_the_call)
{
    struct world w;
    struct error err;
    struct cm_func_abi abi;
    union engine_raw raw[CM_MAX_FLAT];
    uint64_t rep;
    bool owned;
    CHECK(world_open(&w));
    const struct cm_func_type *type = func_type(&w, "tuple<borrow<resource 0>>", (const char *const[]){"f"}, NULL);
    CHECK_EQ(cm_abi_compile_export(w.compiler, type, &use_func, CM_ABI_LIFT_SYNC, &abi, &err), ST_OK);
    struct file *file = &w.files[0];
    CHECK_EQ(cm_abi_lower_params(&abi, &w.a.guest, &file, raw, &err), ST_OK);
    CHECK_EQ(raw[0].u32, 1);
    CHECK_EQ(cm_call_scope_check(&w.a.scope, &err), ST_TRAP);
    CHECK_EQ(cm_resource_drop(&w.a.handles, FILE_R, 1, &owned, &rep, &err), ST_OK);
    CHECK(!owned && rep == (uintptr_t)file);
    CHECK_EQ(cm_call_scope_check(&w.a.scope, &err), ST_OK);
    world_close(&w);
    CHECK_EQ(w.files[0].drops, 0);
}

static const struct cm_type_desc own_guest = {.kind = CM_OWN, .size = 8, .align = 8};
static const struct cm_type_desc borrow_guest = {.kind = CM_BORROW, .size = 8, .align = 8};
static const struct cm_func_desc make_guest_func = {.name = "make", .result = &own_guest};
static const struct cm_func_desc use_guest_func = {
    .name = "use",
    .param_count = 2,
    .args_size = 16,
    .params = (const struct cm_field_desc[]){{"b", &borrow_guest, 0}, {"o", &own_guest, 8}}};

TEST(a_guests_own_resource_in_the_hosts_hands)
{
    struct world w;
    struct error err;
    struct cm_func_abi make, use;
    union engine_raw raw[CM_MAX_FLAT];
    uint32_t index;
    struct cm_guest_resource *object;
    CHECK(world_open(&w));
    const struct cm_func_type *make_type = func_type(&w, NULL, NULL, "own<resource 1>");
    const struct cm_func_type *use_type =
        func_type(&w, "tuple<borrow<resource 1>, own<resource 1>>", (const char *const[]){"b", "o"}, NULL);
    CHECK_EQ(cm_abi_compile_export(w.compiler, make_type, &make_guest_func, CM_ABI_LIFT_SYNC, &make, &err), ST_OK);
    CHECK_EQ(cm_abi_compile_export(w.compiler, use_type, &use_guest_func, CM_ABI_LIFT_SYNC, &use, &err), ST_OK);

    CHECK_EQ(cm_resource_new(&w.b.handles, GUEST_R, 0x41, &index, &err), ST_OK);
    raw[0].u32 = index;
    CHECK_EQ(cm_abi_lift_result(&make, &w.b.guest, raw, &object, &err), ST_OK);
    CHECK(!cm_handles_get(&w.b.handles, index) && w.b.resources.count == 1);
    struct cm_guest_resource *twice[2] = {object, object};
    CHECK_EQ(cm_abi_lower_params(&use, &w.b.guest, twice, raw, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "cannot remove owned resource while borrowed");
    cm_call_scope_release(&w.b.scope);
    struct cm_guest_resource *other;
    CHECK_EQ(cm_guest_resource_new(&w.b.resources, GUEST_R, 0x42, &other, &err), ST_OK);
    struct cm_guest_resource *two[2] = {object, other};
    CHECK_EQ(cm_abi_lower_params(&use, &w.b.guest, two, raw, &err), ST_OK);
    CHECK_EQ(raw[0].u32, 0x41); /* b implements it: the representation itself */
    CHECK_EQ(raw[1].u32, 1);
    CHECK_EQ(object->lends, 1);
    cm_call_scope_release(&w.b.scope);
    CHECK_EQ(object->lends, 0);
    CHECK_EQ(w.b.resources.count, 1);
    CHECK_EQ(cm_abi_lower_params(&use, &w.a.guest, two, raw, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "the host passed a resource of another instance");
    world_close(&w);
}

/* --- guests call each other
 * --------------------------------------------------------------------------------------------------------- */

TEST(handles_move_between_tables)
{
    struct world w;
    struct error err;
    struct cm_func_abi abi;
    uint32_t mine;
    CHECK(world_open(&w));
    const struct cm_func_type *type =
        func_type(&w, "tuple<borrow<resource 1>, own<resource 1>, borrow<resource 0>>", NULL, "own<resource 1>");
    CHECK_EQ(cm_abi_compile_fused(w.compiler, type, CM_ABI_LOWER_SYNC, CM_ABI_LIFT_SYNC, &abi, &err), ST_OK);
    union engine_raw raw[3], copied[3];
    for (uint32_t i = 0; i < 2; i++) {
        CHECK_EQ(cm_resource_new(&w.a.handles, GUEST_R, 0x41 + i, &mine, &err), ST_OK);
        raw[i].u32 = mine;
    }
    raw[2].u32 = give(&w, &w.files[0]);
    CHECK_EQ(cm_abi_copy_params(&abi, &w.a.guest, raw, &w.b.guest, copied, &err), ST_OK);
    CHECK_EQ(copied[0].u32, 0x41); /* the implementer gets the representation, */
    CHECK_EQ(copied[1].u32, 1);    /* a handle for what it now owns, */
    CHECK_EQ(copied[2].u32, 2);    /* and one for the file, for the time of the call */
    CHECK(w.a.handles.items[1].lends == 1 && !cm_handles_get(&w.a.handles, 2) && w.a.handles.items[3].lends == 1);
    CHECK_EQ(w.b.scope.borrows, 1);
    CHECK_EQ(cm_abi_copy_result(&abi, &w.b.guest, &copied[1], &w.a.guest, raw, &err), ST_OK);
    CHECK_EQ(raw[0].u32, 2); /* the index that was freed */
    CHECK_EQ(w.a.handles.items[2].rep, 0x42);
    cm_call_scope_release(&w.a.scope);
    CHECK(w.a.handles.items[1].lends == 0 && w.a.handles.items[3].lends == 0);
    world_close(&w);
}

TEST(an_owned_file_is_not_lost_between_two_tables)
{
    struct world w;
    struct error err;
    struct cm_func_abi abi;
    CHECK(world_open(&w));
    const struct cm_func_type *type = func_type(&w, "tuple<own<resource 0>>", NULL, NULL);
    CHECK_EQ(cm_abi_compile_fused(w.compiler, type, CM_ABI_LOWER_SYNC, CM_ABI_LIFT_SYNC, &abi, &err), ST_OK);
    union engine_raw raw = {.u32 = give(&w, &w.files[0])}, copied;
    w.b.handles.max = 0;
    CHECK_EQ(cm_abi_copy_params(&abi, &w.a.guest, &raw, &w.b.guest, &copied, &err), ST_TRAP);
    CHECK_EQ(w.files[0].drops, 1);
    world_close(&w);
    CHECK_EQ(w.files[0].drops, 1);
}

/* Asynchronous forms: four flat parameters or memory, results always in memory, task.return with up to sixteen values. */
TEST(async_forms_spill_where_they_should)
{
    struct world w;
    struct error err;
    struct cm_func_abi abi;
    CHECK(world_open(&w));
    const struct cm_func_type *type = func_type(&w, "tuple<u8, u16, u32, u64, string>", NULL, "tuple<u8, string>");
    CHECK_EQ(cm_abi_compile_fused(w.compiler, type, CM_ABI_LOWER_ASYNC, CM_ABI_LIFT_ASYNC_CALLBACK, &abi, &err), ST_OK);
    CHECK(abi.lower.params_in_memory && !abi.lift.params_in_memory && abi.out_pointer == 1);
    uint8_t *m = w.a.guest.memory;
    memset(m, 0, 64);
    m[0] = 1;
    m[2] = 2;
    m[4] = 3;
    m[8] = 4;
    m[16] = 32;
    m[20] = 3;
    memcpy(m + 32, "abc", 3);
    union engine_raw raw[2] = {{.u32 = 0}, {.u32 = 64}}, copied[6];
    CHECK_EQ(cm_abi_copy_params(&abi, &w.a.guest, raw, &w.b.guest, copied, &err), ST_OK);
    for (uint32_t i = 0; i < 4; i++)
        CHECK_EQ(copied[i].u64, i + 1);
    CHECK(copied[4].u32 == FAKE_HEAP && copied[5].u32 == 3 && memcmp(w.b.guest.memory + FAKE_HEAP, "abc", 3) == 0);
    union engine_raw returned[3] = {{.u32 = 7}, {.u32 = FAKE_HEAP}, {.u32 = 3}};
    CHECK_EQ(cm_abi_copy_result(&abi, &w.b.guest, returned, &w.a.guest, raw, &err), ST_OK);
    CHECK(w.a.guest.memory[64] == 7 && at(&w.a, 72) == 3 && memcmp(w.a.guest.memory + at(&w.a, 68), "abc", 3) == 0);
    world_close(&w);
}

TEST(streams_and_futures_change_hands)
{
    struct world w;
    struct error err;
    struct cm_func_abi abi;
    uint32_t index;
    CHECK(world_open(&w));
    const struct cm_func_type *type = func_type(&w, "tuple<stream<u8>, future<string>>", NULL, NULL);
    CHECK_EQ(cm_abi_compile_fused(w.compiler, type, CM_ABI_LOWER_SYNC, CM_ABI_LIFT_SYNC, &abi, &err), ST_OK);
    union engine_raw raw[2], copied[2];
    for (uint32_t i = 0; i < 2; i++) {
        struct cm_handle end = {
            .kind = i ? CM_HANDLE_FUTURE_READER : CM_HANDLE_STREAM_READER, .type = type->params[i].type->id, .rep = 5 + i};
        CHECK_EQ(cm_handles_add(&w.a.handles, &end, &index, &err), ST_OK);
        raw[i].u32 = index;
    }
    CHECK_EQ(cm_abi_copy_params(&abi, &w.a.guest, raw, &w.b.guest, copied, &err), ST_OK);
    CHECK(!cm_handles_get(&w.a.handles, 1) && !cm_handles_get(&w.a.handles, 2));
    CHECK_EQ(w.b.handles.items[copied[0].u32].rep, 5);
    CHECK_EQ(w.b.handles.items[copied[1].u32].kind, CM_HANDLE_FUTURE_READER);
    CHECK_EQ(cm_abi_copy_params(&abi, &w.a.guest, raw, &w.b.guest, copied, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "unknown handle index 1");
    world_close(&w);
}

/* --- descriptors that do not fit
 * ----------------------------------------------------------------------------------------------------- */

static const struct cm_type_desc point = {.kind = CM_RECORD,
                                          .size = 8,
                                          .align = 4,
                                          .count = 2,
                                          .fields = (const struct cm_field_desc[]){{"x", &u32_desc, 0}, {"y", &u32_desc, 4}}};

TEST(a_descriptor_of_another_type_is_refused)
{
    static const struct {
        const char *type;
        const struct cm_type_desc *desc;
        const char *message; /* NULL: it fits */
    } pairs[] = {
        {"record { x: u32, y: u32 }", &point, NULL},
        {"record { x: u32, z: u32 }", &point, "expected field named `y`, found `z`"},
        {"record { x: u32, y: string }", &point, "field `y`: expected u32, found string"},
        {"record { x: u32 }", &point, "expected record of 2 fields, found 1"},
        {"u64", &point, "expected record, found u64"},
        {"list<u16>", &bytes_desc, "list item: expected u8, found u16"},
        {"own<resource 0>", &own_file, NULL},
        {"own<resource 1>", &own_file, "expected resource `file`, found a resource of the component"},
        {"result<list<u8>>", &read_result_desc, "error: expected variant, found none"},
        {"result<list<u8>, variant { failed(own<resource 0>), closed(u8) }>", &read_result_desc,
         "error: case `closed`: expected none, found u8"},
    };
    struct world w;
    CHECK(world_open(&w));
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct error err = {0};
        enum status status = cm_abi_match_type(type_parse(w.types, pairs[i].type), pairs[i].desc, resources, &err);
        CHECK_STR(str_of(err.message), pairs[i].message ? pairs[i].message : "");
        CHECK_EQ(status, pairs[i].message ? ST_INVALID : ST_OK);
    }
    world_close(&w);
}

TEST(a_function_of_another_type_is_refused)
{
    struct world w;
    struct error err;
    struct cm_func_abi abi;
    CHECK(world_open(&w));
    static const struct {
        const char *params, *result, *message;
    } wrong[] = {
        {"tuple<borrow<resource 0>>", NULL, "function `[method]file.read`: expected 2 parameters, found 1"},
        {"tuple<borrow<resource 0>, u32>", NULL, "function `[method]file.read`: parameter `len`: expected u64, found u32"},
        {"tuple<borrow<resource 0>, u64>", NULL, "function `[method]file.read`: result: expected result, found none"},
        {"tuple<borrow<resource 0>, u64>", "u8", "function `[method]file.read`: result: expected result, found u8"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        const struct cm_func_type *type = func_type(&w, wrong[i].params, (const char *const[]){"self", "len"}, wrong[i].result);
        CHECK_EQ(cm_abi_compile_import(w.compiler, type, &read_func, CM_ABI_LOWER_SYNC, &abi, &err), ST_INVALID);
        CHECK_STR(str_of(err.message), wrong[i].message);
    }
    world_close(&w);
}

/* --- layouts made at run time
 * -------------------------------------------------------------------------------------------------------- */

struct sample {
    uint8_t a;
    struct str b;
    struct {
        uint32_t tag;
        union {
            uint8_t small;
            struct {
                uint64_t f0;
                float f1;
            } large;
        } of;
    } c;
    struct {
        bool is_some;
        uint16_t value;
    } d;
    struct {
        bool is_err;
    } e;
    struct {
        uint16_t items[3];
    } f;
    uint32_t g, h;
    struct {
        const void *items;
        size_t len;
    } i;
};
struct entry {
    uint8_t key;
    struct str value;
};

TEST(dynamic_layouts_are_those_of_the_c_compiler)
{
    struct world w;
    struct error err;
    struct cm_dynamic dynamic;
    const struct cm_type_desc *desc, *again;
    CHECK(world_open(&w));
    cm_dynamic_init(&dynamic, &w.arena, resources);
    const struct cm_type *type =
        type_parse(w.types, "record { a: u8, b: string, c: variant { none, small(u8), large(tuple<u64, f32>) }, "
                            "d: option<u16>, e: result, f: list<u16, 3>, g: enum { x, y }, h: flags { p }, "
                            "i: map<u8, string> }");
    CHECK_EQ(cm_dynamic_type(&dynamic, type, &desc, &err), ST_OK);
    static const size_t offsets[] = {offsetof(struct sample, a), offsetof(struct sample, b), offsetof(struct sample, c),
                                     offsetof(struct sample, d), offsetof(struct sample, e), offsetof(struct sample, f),
                                     offsetof(struct sample, g), offsetof(struct sample, h), offsetof(struct sample, i)};
    CHECK_EQ(desc->size, sizeof(struct sample));
    CHECK_EQ(desc->align, _Alignof(struct sample));
    for (uint32_t i = 0; i < ARRAY_LEN(offsets); i++)
        CHECK_EQ(desc->fields[i].offset, offsets[i]);
    CHECK_EQ(desc->fields[2].type->offset, offsetof(struct sample, c.of) - offsetof(struct sample, c));
    CHECK_EQ(desc->fields[3].type->offset, offsetof(struct sample, d.value) - offsetof(struct sample, d));
    CHECK_EQ(desc->fields[8].type->item_size, sizeof(struct entry));
    CHECK_EQ(desc->fields[8].type->offset, offsetof(struct entry, value));
    CHECK_EQ(cm_dynamic_type(&dynamic, type, &again, &err), ST_OK);
    CHECK(again == desc);
    CHECK_EQ(cm_abi_match_type(type, desc, resources, &err), ST_OK);
    CHECK_EQ(cm_dynamic_type(&dynamic, type_parse(w.types, "variant { a(u8), b }"), &desc, &err), ST_OK);
    CHECK(desc->size == 8 && desc->align == 4 && desc->offset == 4);
    CHECK_EQ(cm_dynamic_type(&dynamic, type_parse(w.types, "own<resource 0>"), &desc, &err), ST_OK);
    CHECK(desc->resource == &file_desc);
    CHECK_EQ(cm_dynamic_type(&dynamic, type_parse(w.types, "list<list<flags { a }, 16384>, 16383>"), &desc, &err), ST_LIMIT);
    CHECK_EQ(cm_dynamic_type(&dynamic, type_parse(w.types, "error-context"), &desc, &err), ST_UNSUPPORTED);
    cm_dynamic_release(&dynamic);
    world_close(&w);
}
