#include "component/handles.h"

#include "base/mem.h"
#include "tap.h"

static int dropped;

static enum status drop_object(struct cm_call *call, void *object)
{
    (void)call;
    *(int *)object += 1;
    dropped++;
    return ST_OK;
}

static const struct cm_resource_desc file = {.name = "file", .drop = drop_object};
static const struct cm_resource_desc socket_desc = {.name = "socket", .drop = drop_object};
static const struct cm_resource resources[] = {
    {.instance = 0},
    {.instance = 1},
    {.host = &file, .instance = CM_HOST_INSTANCE},
    {.host = &socket_desc, .instance = CM_HOST_INSTANCE},
};
enum { R0, R1, FILE_R, SOCKET_R };

static void init(struct cm_handles *handles)
{
    cm_handles_init(handles, 0, resources, 0, NULL, 0);
}

TEST(indices_start_at_one_and_freed_ones_come_back_last_first)
{
    struct cm_handles h;
    uint32_t index, again[3];
    bool owned;
    uint64_t rep;
    init(&h);
    for (uint32_t i = 1; i <= 3; i++) {
        CHECK_EQ(cm_resource_new(&h, R0, i * 100, &index, NULL), ST_OK);
        CHECK_EQ(index, i);
    }
    for (uint32_t i = 1; i <= 3; i++)
        CHECK_EQ(cm_resource_drop(&h, R0, i, &owned, &rep, NULL), ST_OK);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(cm_resource_new(&h, R0, 7, &again[i], NULL), ST_OK);
    CHECK(again[0] == 3 && again[1] == 2 && again[2] == 1);
    CHECK_EQ(cm_resource_new(&h, R0, 8, &index, NULL), ST_OK);
    CHECK_EQ(index, 4);
    CHECK_EQ(cm_resource_rep(&h, R0, 4, &rep, NULL), ST_OK);
    CHECK_EQ(rep, 8);
    cm_handles_release(&h);
}

TEST(unknown_and_mistyped_handles_trap)
{
    struct cm_handles h;
    struct error err;
    uint32_t index;
    uint64_t rep;
    init(&h);
    const uint32_t unknown[] = {0, 1, 5, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
        char want[64];
        snprintf(want, sizeof want, "unknown handle index %u", unknown[i]);
        CHECK_EQ(cm_resource_rep(&h, R0, unknown[i], &rep, &err), ST_TRAP);
        CHECK_STR(str_of(err.message), want);
    }
    CHECK_EQ(cm_resource_new(&h, R0, 1, &index, &err), ST_OK);
    CHECK_EQ(cm_resource_take(&h, R1, 1, &rep, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "handle index 1 used with the wrong type, expected guest-defined resource but found a different "
                                   "guest-defined resource");
    CHECK_EQ(cm_resource_take(&h, FILE_R, 1, &rep, &err), ST_TRAP);
    CHECK_STR(str_of(err.message),
              "handle index 1 used with the wrong type, expected host resource but found guest-defined resource");
    CHECK_EQ(cm_handles_add(&h, &(struct cm_handle){.kind = CM_HANDLE_WAITABLE_SET}, &index, &err), ST_OK);
    CHECK_EQ(cm_resource_take(&h, R0, index, &rep, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "index 2 is not a resource");
    cm_handles_release(&h);
}

TEST(tables_grow_out_of_their_first_block_up_to_a_limit)
{
    struct cm_handles h;
    struct cm_handle initial[4];
    struct error err;
    uint32_t index = 0;
    uint64_t rep;
    cm_handles_init(&h, 0, resources, 100, initial, ARRAY_LEN(initial));
    for (uint32_t i = 1; i <= 100; i++) {
        CHECK_EQ(cm_resource_new(&h, R0, i, &index, &err), ST_OK);
        CHECK_EQ(index, i);
        CHECK_EQ(h.items == initial, i < 4);
    }
    CHECK_EQ(cm_resource_new(&h, R0, 1, &index, &err), ST_TRAP);
    CHECK(strstr(err.message, "limit of 100 handles"));
    CHECK_EQ(cm_resource_take(&h, R0, 50, &rep, &err), ST_OK);
    CHECK_EQ(rep, 50);
    CHECK_EQ(cm_resource_new(&h, R0, 1, &index, &err), ST_OK);
    CHECK_EQ(index, 50);
    cm_handles_release(&h);
}

TEST(lent_handles_stay)
{
    struct cm_handles h;
    struct cm_call_scope scope;
    struct error err;
    uint32_t index;
    uint64_t rep;
    bool owned;
    init(&h);
    cm_call_scope_init(&scope);
    CHECK_EQ(cm_resource_new(&h, R1, 42, &index, &err), ST_OK);
    for (int i = 0; i < 100; i++) { /* more than fit in the scope */
        CHECK_EQ(cm_resource_lend(&h, R1, 1, &scope, &rep, &err), ST_OK);
        CHECK_EQ(rep, 42);
    }
    CHECK_EQ(h.items[1].lends, 100);
    CHECK_EQ(cm_resource_take(&h, R1, 1, &rep, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "cannot remove owned resource while borrowed");
    CHECK_EQ(cm_resource_drop(&h, R1, 1, &owned, &rep, &err), ST_TRAP);
    cm_call_scope_release(&scope);
    CHECK_EQ(h.items[1].lends, 0);
    CHECK_EQ(cm_resource_take(&h, R1, 1, &rep, &err), ST_OK);
    CHECK(!cm_handles_get(&h, 1));
    cm_handles_release(&h);
}

TEST(borrows_belong_to_their_call)
{
    struct cm_handles h;
    struct cm_call_scope scope, inner;
    struct error err;
    uint32_t value;
    uint64_t rep;
    bool owned;
    init(&h);
    cm_call_scope_init(&scope);
    cm_call_scope_init(&inner);
    /* Instance 0 implements R0: it sees the representation itself. */
    CHECK_EQ(cm_resource_borrow(&h, R0, 77, &scope, &value, &err), ST_OK);
    CHECK_EQ(value, 77);
    CHECK_EQ(scope.borrows, 0);
    CHECK_EQ(cm_resource_borrow(&h, R1, 77, &scope, &value, &err), ST_OK);
    CHECK_EQ(value, 1);
    CHECK_EQ(cm_call_scope_check(&scope, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "borrow handles still remain at the end of the call");
    CHECK_EQ(cm_resource_take(&h, R1, 1, &rep, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "cannot lift own resource from a borrow");
    /* A borrow may be lent on, and then not be dropped either. */
    CHECK_EQ(cm_resource_lend(&h, R1, 1, &inner, &rep, &err), ST_OK);
    CHECK_EQ(rep, 77);
    CHECK_EQ(cm_resource_drop(&h, R1, 1, &owned, &rep, &err), ST_TRAP);
    cm_call_scope_release(&inner);
    CHECK_EQ(cm_resource_drop(&h, R1, 1, &owned, &rep, &err), ST_OK);
    CHECK(!owned);
    CHECK_EQ(cm_call_scope_check(&scope, &err), ST_OK);
    cm_handles_release(&h);
}

TEST(release_ends_owned_host_objects_only)
{
    struct cm_handles h;
    struct cm_call_scope scope;
    int objects[3] = {0};
    uint32_t index;
    init(&h);
    cm_call_scope_init(&scope);
    dropped = 0;
    CHECK_EQ(cm_resource_new(&h, FILE_R, (uintptr_t)&objects[0], &index, NULL), ST_OK);
    CHECK_EQ(cm_resource_new(&h, SOCKET_R, (uintptr_t)&objects[1], &index, NULL), ST_OK);
    CHECK_EQ(cm_resource_borrow(&h, FILE_R, (uintptr_t)&objects[2], &scope, &index, NULL), ST_OK);
    CHECK_EQ(cm_resource_new(&h, R0, 5, &index, NULL), ST_OK);
    cm_handles_release(&h);
    CHECK_EQ(dropped, 2);
    CHECK(objects[0] == 1 && objects[1] == 1 && objects[2] == 0);
    cm_handles_release(&h);
    CHECK_EQ(dropped, 2);
}

TEST(ends_of_streams_are_taken_by_kind_and_type)
{
    struct cm_handles h;
    struct error err;
    uint32_t reader, writer;
    uint64_t object;
    init(&h);
    CHECK_EQ(cm_handles_add(&h, &(struct cm_handle){.kind = CM_HANDLE_STREAM_READER, .type = 4, .rep = 99}, &reader, &err), ST_OK);
    CHECK_EQ(cm_handles_add(&h, &(struct cm_handle){.kind = CM_HANDLE_STREAM_WRITER, .type = 4}, &writer, &err), ST_OK);
    CHECK_EQ(cm_end_take(&h, CM_HANDLE_STREAM_READER, 4, 9, &object, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "unknown handle index 9");
    CHECK_EQ(cm_end_take(&h, CM_HANDLE_FUTURE_READER, 4, reader, &object, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "handle is not a future");
    CHECK_EQ(cm_end_take(&h, CM_HANDLE_STREAM_READER, 5, reader, &object, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "handle is a stream of a different type");
    CHECK_EQ(cm_end_take(&h, CM_HANDLE_STREAM_READER, 4, writer, &object, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "handle is not a readable end of a stream");
    CHECK_EQ(cm_end_take(&h, CM_HANDLE_STREAM_READER, 4, reader, &object, &err), ST_OK);
    CHECK_EQ(object, 99);
    CHECK(!cm_handles_get(&h, reader));
    cm_handles_release(&h);
}

TEST(the_host_holds_guest_resources_of_one_instance)
{
    struct cm_guest_resources set, other;
    struct cm_guest_resource *object;
    struct cm_call_scope scope;
    struct error err;
    uint64_t rep;
    cm_guest_resources_init(&set, 2);
    cm_guest_resources_init(&other, 0);
    cm_call_scope_init(&scope);
    CHECK_EQ(cm_guest_resource_new(&set, R0, 5, &object, &err), ST_OK);
    CHECK_EQ(cm_guest_resource_take(&other, R0, object, &rep, &err), ST_TRAP);
    CHECK_EQ(cm_guest_resource_take(&set, R1, object, &rep, &err), ST_TRAP);
    CHECK_EQ(cm_guest_resource_take(&set, R0, NULL, &rep, &err), ST_TRAP);
    CHECK_EQ(cm_guest_resource_lend(&set, R0, object, &scope, &rep, &err), ST_OK);
    CHECK_EQ(cm_guest_resource_take(&set, R0, object, &rep, &err), ST_TRAP);
    CHECK_STR(str_of(err.message), "cannot remove owned resource while borrowed");
    cm_call_scope_release(&scope);
    CHECK_EQ(cm_guest_resource_take(&set, R0, object, &rep, &err), ST_OK);
    CHECK_EQ(rep, 5);
    CHECK_EQ(set.count, 0);
    CHECK_EQ(cm_guest_resource_new(&set, R0, 5, &object, &err), ST_OK);
    CHECK_EQ(cm_guest_resource_new(&set, R0, 6, &object, &err), ST_OK);
    CHECK_EQ(cm_guest_resource_new(&set, R0, 7, &object, &err), ST_TRAP);
    cm_guest_resources_release(&set);
    CHECK_EQ(set.count, 0);
}
