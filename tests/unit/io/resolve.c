#include "harness.h"
#include "tap.h"
#include <unistd.h>

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

static int connect_to(const char *host, uint16_t port)
{
    struct io_address address;
    size_t found;
    if (io_resolve_blocking(str_of(host), port, &address, 1, &found, NULL) != ST_OK)
        return -1;
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, &address.any, address.len) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

TEST(listening_by_name)
{
    struct io_listening listening, other;
    CHECK_EQ(io_listen_named(STR("localhost:0"), 1, &listening, &err), ST_OK);
    CHECK(listening.count >= 1 && listening.port != 0);
    for (size_t i = 0; i < listening.count; i++) { /* one port for all */
        CHECK_EQ(io_local_address(listening.descriptors[i], &addresses[i], &err), ST_OK);
        CHECK_EQ(io_address_port(&addresses[i]), listening.port);
    }
    autoclose int fd = connect_to("127.0.0.1", listening.port);
    CHECK(fd >= 0);
    char text[64];
    snprintf(text, sizeof text, "localhost:%u", listening.port);
    CHECK_EQ(io_listen_named(str_of(text), 1, &other, &err), ST_EXISTS);
    io_listening_close(&listening);
    CHECK_EQ(listening.count, 0);
}

TEST(listening_where_it_cannot_be)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"localhost", "must end in"},
        {"localhost:70000", "must end in"},
        {"[localhost]:80", "not an address"},
        {"192.0.2.7:0", "192.0.2.7"}, /* for documentation: nobody's */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct io_listening listening;
        CHECK(io_listen_named(str_of(cases[i].text), 1, &listening, &err) != ST_OK);
        CHECK(strstr(err.message, cases[i].message));
    }
}
