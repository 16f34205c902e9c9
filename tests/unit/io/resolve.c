#include "harness.h"
#include "tap.h"

static struct io_address addresses[8];
static size_t count;
static struct error err;

static void localhost_main(struct io_task *self UNUSED)
{
    char text[IO_ADDRESS_TEXT_MAX];
    CHECK_EQ(io_resolve(STR("localhost"), 8000, addresses, 8, &count, &err), ST_OK);
    CHECK(count >= 1);
    for (size_t i = 0; i < count; i++) {
        struct str name = io_address_format(&addresses[i], text);
        CHECK(str_is(name, "127.0.0.1:8000") || str_is(name, "[::1]:8000"));
    }
    CHECK_EQ(io_resolve(STR("localhost"), 1, addresses, 1, &count, &err), ST_OK);
    CHECK_EQ(count, 1);
}

TEST(localhost)
{
    on_shard(localhost_main);
}

static void numeric_main(struct io_task *self UNUSED)
{
    char text[IO_ADDRESS_TEXT_MAX];
    CHECK_EQ(io_resolve(STR("192.0.2.7"), 443, addresses, 8, &count, &err), ST_OK);
    CHECK_EQ(count, 1);
    CHECK_STR(io_address_format(&addresses[0], text), "192.0.2.7:443");
    CHECK_EQ(io_resolve(STR("2001:db8::7"), 443, addresses, 8, &count, &err), ST_OK);
    CHECK_STR(io_address_format(&addresses[0], text), "[2001:db8::7]:443");
}

TEST(numeric_names)
{
    on_shard(numeric_main);
}

static void bad_names_main(struct io_task *self UNUSED)
{
    char longest[300];
    memset(longest, 'a', sizeof longest);
    CHECK_EQ(io_resolve(STR(""), 1, addresses, 8, &count, &err), ST_INVALID);
    CHECK_EQ(io_resolve(str_n(longest, sizeof longest), 1, addresses, 8, &count, &err), ST_INVALID);
    CHECK_EQ(io_resolve(str_n("local\0host", 10), 1, addresses, 8, &count, &err), ST_INVALID);
    enum status status = io_resolve(STR("no such name.invalid"), 1, addresses, 8, &count, &err);
    CHECK(status == ST_NOT_FOUND || status == ST_UNAVAILABLE); /* the latter where no name server answers */
    CHECK(strstr(err.message, "no such name.invalid") != NULL);
}

TEST(bad_names)
{
    on_shard(bad_names_main);
}

static enum status cancelled_result;

static void resolve_task(struct io_task *task UNUSED)
{
    struct io_address found[2];
    size_t found_count;
    cancelled_result = io_resolve(STR("localhost"), 1, found, 2, &found_count, NULL);
}

/* The look-up goes on without the task; the shard ends only when it is back. */
static void cancel_main(struct io_task *self UNUSED)
{
    struct io_task task;
    CHECK(start_task(&task, resolve_task));
    io_task_cancel(&task);
    CHECK(join_task(&task));
    CHECK_EQ(cancelled_result, ST_CANCELLED);
}

TEST(cancelled_look_up)
{
    on_shard(cancel_main);
}
