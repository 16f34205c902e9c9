#include "harness.h"
#include "tap.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#define SOON (io_now() + 5 * NS_PER_SECOND)

/* --- addresses --------------------------------------------------------------------------------------------------------------- */

TEST(addresses)
{
    static const struct {
        const char *text, *formatted; /* NULL: refused */
    } cases[] = {
        {"127.0.0.1:8000", "127.0.0.1:8000"},
        {":8000", "0.0.0.0:8000"},
        {"[::1]:80", "[::1]:80"},
        {"[::]:65535", "[::]:65535"},
        {"[2001:DB8:0:0::1]:0", "[2001:db8::1]:0"},
        {"", NULL},
        {"8000", NULL},
        {"127.0.0.1", NULL},
        {"127.0.0.1:", NULL},
        {"127.0.0.1:65536", NULL},
        {"127.0.0.1:-1", NULL},
        {"127.0.0.1:80 ", NULL},
        {"127.0.1:80", NULL},
        {"localhost:80", NULL},
        {"::1:80", NULL},
        {"[::1]", NULL},
        {"[::1:80", NULL},
        {"[]:80", NULL},
        {"[127.0.0.1]:80", NULL},
        {"[::1%lo]:80", NULL},
        {"1111111111111111111111111111111111111111111111111111111111111111111111111:80", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct io_address address;
        struct error err;
        char text[IO_ADDRESS_TEXT_MAX];
        enum status status = io_address_parse(str_of(cases[i].text), &address, &err);
        CHECK_EQ(status, cases[i].formatted ? ST_OK : ST_INVALID);
        if (status == ST_OK)
            CHECK_STR(io_address_format(&address, text), cases[i].formatted);
        else
            CHECK(strstr(err.message, cases[i].text) != NULL);
    }
    struct io_address address;
    CHECK_EQ(io_address_parse(str_n("127.0.0.1\0:80", 13), &address, NULL), ST_INVALID);
}

TEST(address_of_no_family)
{
    struct io_address address = {0};
    char text[IO_ADDRESS_TEXT_MAX];
    CHECK_STR(io_address_format(&address, text), "unknown");
}

/* --- echo -------------------------------------------------------------------------------------------------------------------- */

enum { CLIENTS = 20, ECHO_BYTES = 300000 };

static struct io_fd listener;
static struct io_address listener_address;
static unsigned echo_failures;

struct echo {
    struct io_task task;
    int descriptor;
};

static void echo_run(struct io_task *task)
{
    struct echo *echo = CONTAINER_OF(task, struct echo, task);
    struct io_fd fd;
    struct error err;
    char data[5000];
    size_t len = 0;
    CHECK_EQ(io_fd_open(&fd, echo->descriptor, &err), ST_OK);
    for (;;) {
        enum status status = io_read(&fd, data, sizeof data, SOON, &len, &err);
        if (status == ST_OK && len > 0)
            status = io_write(&fd, data, len, SOON, &err);
        echo_failures += status != ST_OK;
        if (status != ST_OK || len == 0)
            break;
    }
    io_fd_close(&fd);
}

static void echo_done(struct io_task *task)
{
    free(CONTAINER_OF(task, struct echo, task));
}

static void accept_run(struct io_task *task UNUSED)
{
    for (int i = 0; i < CLIENTS; i++) {
        struct echo *echo = NEW(struct echo);
        struct io_address peer;
        struct error err;
        int on = 0;
        socklen_t size = sizeof on;
        CHECK_EQ(io_accept(&listener, SOON, &echo->descriptor, &peer, &err), ST_OK);
        CHECK_EQ(peer.v4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
        CHECK(fcntl(echo->descriptor, F_GETFL) & O_NONBLOCK);
        CHECK(fcntl(echo->descriptor, F_GETFD) & FD_CLOEXEC);
        CHECK(getsockopt(echo->descriptor, IPPROTO_TCP, TCP_NODELAY, &on, &size) == 0 && on);
        CHECK(start_task(&echo->task, echo_run));
        echo->task.on_done = echo_done;
    }
}

struct client {
    struct io_task task, writer;
    struct io_fd fd;
    bool ok;
};

static unsigned char echo_byte(size_t at)
{
    return (unsigned char)(at * 31 + at / 256);
}

/* One task writes while another reads, as full duplex is meant. */
static void client_write(struct io_task *task)
{
    struct client *client = CONTAINER_OF(task, struct client, writer);
    unsigned char data[7001];
    struct error err;
    for (size_t at = 0; at < ECHO_BYTES;) {
        size_t len = MIN(sizeof data, ECHO_BYTES - at);
        for (size_t i = 0; i < len; i++)
            data[i] = echo_byte(at + i);
        struct iovec parts[3] = {{data, 0}, {data, len / 3}, {data + len / 3, len - len / 3}};
        CHECK_EQ(io_writev(&client->fd, parts, 3, SOON, &err), ST_OK);
        at += len;
    }
    shutdown(client->fd.fd, SHUT_WR);
}

static void client_run(struct io_task *task)
{
    struct client *client = CONTAINER_OF(task, struct client, task);
    unsigned char data[3000];
    struct error err;
    int descriptor;
    size_t at = 0, len;
    CHECK_EQ(io_connect(&listener_address, SOON, &descriptor, &err), ST_OK);
    CHECK_EQ(io_fd_open(&client->fd, descriptor, &err), ST_OK);
    CHECK(start_task(&client->writer, client_write));
    client->ok = true;
    for (;;) {
        CHECK_EQ(io_read(&client->fd, data, sizeof data, SOON, &len, &err), ST_OK);
        if (len == 0)
            break;
        for (size_t i = 0; i < len; i++)
            client->ok &= data[i] == echo_byte(at + i);
        at += len;
    }
    client->ok &= at == ECHO_BYTES;
    CHECK(join_task(&client->writer));
    io_fd_close(&client->fd);
}

static bool open_listener(void)
{
    struct error err;
    int descriptor;
    return io_address_parse(STR("127.0.0.1:0"), &listener_address, &err) == ST_OK &&
           io_listen(&listener_address, true, 64, &descriptor, &err) == ST_OK &&
           io_local_address(descriptor, &listener_address, &err) == ST_OK && io_fd_open(&listener, descriptor, &err) == ST_OK;
}

static void echo_main(struct io_task *self UNUSED)
{
    struct io_task acceptor;
    autofree struct client *clients = mem_array(CLIENTS, sizeof *clients);
    int before = open_descriptors();
    echo_failures = 0;
    CHECK(open_listener());
    CHECK(start_task(&acceptor, accept_run));
    for (int i = 0; i < CLIENTS; i++)
        CHECK(start_task(&clients[i].task, client_run));
    for (int i = 0; i < CLIENTS; i++) {
        CHECK(join_task(&clients[i].task));
        CHECK(clients[i].ok);
    }
    CHECK(join_task(&acceptor));
    io_fd_close(&listener);
    CHECK_EQ(io_shard_drain(SOON), ST_OK);
    CHECK_EQ(echo_failures, 0);
    CHECK_EQ(open_descriptors(), before);
}

TEST(echo_over_loopback)
{
    on_shard(echo_main);
}

/* --- ends -------------------------------------------------------------------------------------------------------------------- */

static void half_close_main(struct io_task *self UNUSED)
{
    struct io_fd pair[2];
    struct error err;
    char data[16];
    size_t len = 99;
    CHECK(open_pair(pair));
    CHECK_EQ(io_write(&pair[0], "last words", 10, SOON, &err), ST_OK);
    CHECK_EQ(shutdown(pair[0].fd, SHUT_WR), 0);
    CHECK_EQ(io_read(&pair[1], data, 4, SOON, &len, &err), ST_OK);
    CHECK_EQ(len, 4);
    CHECK_EQ(io_read(&pair[1], data, sizeof data, SOON, &len, &err), ST_OK);
    CHECK_EQ(len, 6);
    CHECK_EQ(io_read(&pair[1], data, sizeof data, SOON, &len, &err), ST_OK);
    CHECK_EQ(len, 0);
    CHECK_EQ(io_read(&pair[1], data, sizeof data, SOON, &len, &err), ST_OK); /* and it stays the end */
    CHECK_EQ(len, 0);
    io_yield();
    CHECK(pair[1].hangup);
    CHECK(!pair[1].reset); /* the other direction still works */
    CHECK_EQ(io_write(&pair[1], "answer", 6, SOON, &err), ST_OK);
    CHECK_EQ(io_read(&pair[0], data, sizeof data, SOON, &len, &err), ST_OK);
    CHECK_EQ(len, 6);
    io_fd_close(&pair[0]);
    io_fd_close(&pair[1]);
    io_fd_close(&pair[1]); /* harmless */
}

TEST(half_close)
{
    on_shard(half_close_main);
}

static void reset_main(struct io_task *self UNUSED)
{
    struct io_fd pair[2];
    struct error err;
    char data[16];
    size_t len;
    CHECK(open_pair(pair));
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    CHECK_EQ(setsockopt(pair[0].fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    io_fd_close(&pair[0]);
    CHECK_EQ(io_read(&pair[1], data, sizeof data, SOON, &len, &err), ST_IO);
    CHECK_EQ(err.sys_errno, ECONNRESET);
    CHECK(pair[1].reset);
    CHECK_EQ(io_write(&pair[1], data, sizeof data, SOON, &err), ST_IO); /* and no SIGPIPE */
    CHECK_EQ(err.sys_errno, EPIPE);
    io_fd_close(&pair[1]);
}

TEST(reset_by_the_peer)
{
    on_shard(reset_main);
}

static struct io_fd shared_pair[2];
static enum status read_result, write_result;
static struct error read_error;

static void read_for_ever(struct io_task *task UNUSED)
{
    char byte;
    size_t len;
    read_result = io_read(&shared_pair[0], &byte, 1, CLOCK_NEVER, &len, &read_error);
}

static void write_for_ever(struct io_task *task UNUSED)
{
    static const char block[65536];
    struct error err;
    do
        write_result = io_write(&shared_pair[0], block, sizeof block, CLOCK_NEVER, &err);
    while (write_result == ST_OK);
}

static bool wait_until_blocked(void)
{
    for (uint64_t give_up = SOON; io_now() < give_up; io_yield())
        if (!list_empty(&shared_pair[0].readable.waiters) && !list_empty(&shared_pair[0].writable.waiters))
            return true;
    return false;
}

static void close_main(struct io_task *self UNUSED)
{
    struct io_task reader, writer;
    for (int round = 0; round < 2; round++) {
        CHECK(open_pair(shared_pair));
        CHECK(start_task(&reader, read_for_ever));
        CHECK(start_task(&writer, write_for_ever));
        CHECK(wait_until_blocked());
        if (round == 0) {
            io_fd_close(&shared_pair[0]); /* under their feet */
        } else {
            io_task_cancel(&reader);
            io_task_cancel(&writer);
        }
        CHECK(join_task(&reader));
        CHECK(join_task(&writer));
        CHECK_EQ(read_result, ST_CANCELLED);
        CHECK_EQ(write_result, ST_CANCELLED);
        io_fd_close(&shared_pair[0]);
        io_fd_close(&shared_pair[1]);
    }
}

TEST(close_and_cancel_wake_readers_and_writers)
{
    on_shard(close_main);
}

static void deadline_main(struct io_task *self UNUSED)
{
    struct io_fd pair[2];
    struct error err;
    size_t len = 77, sent = 0;
    char byte;
    static char block[1 << 20];
    CHECK(open_pair(pair));
    CHECK_EQ(io_read(&pair[0], &byte, 1, clock_after(NS_PER_MS), &len, &err), ST_TIMEOUT);
    CHECK_EQ(len, 77); /* untouched */
    CHECK_EQ(io_try_read(&pair[0], &byte, 1, &len, &err), ST_UNAVAILABLE);
    for (;;) { /* fill the pipe */
        struct iovec part = {block, sizeof block};
        enum status status = io_try_writev(&pair[0], &part, 1, &len, &err);
        if (status == ST_UNAVAILABLE)
            break;
        CHECK_EQ(status, ST_OK);
        sent += len;
    }
    CHECK(sent > 0);
    CHECK(!pair[0].writable.set);
    CHECK_EQ(io_write(&pair[0], block, 1, clock_after(2 * NS_PER_MS), &err), ST_TIMEOUT);
    size_t got = 0;
    while (got < sent) {
        CHECK_EQ(io_read(&pair[1], block, sizeof block, SOON, &len, &err), ST_OK);
        CHECK(len > 0);
        got += len;
    }
    CHECK_EQ(io_write(&pair[0], block, 1, SOON, &err), ST_OK); /* there is room again */
    io_fd_close(&pair[0]);
    io_fd_close(&pair[1]);
}

TEST(deadlines_of_reads_and_writes)
{
    on_shard(deadline_main);
}

/* A descriptor taken back is unwatched: the next owner may watch it again. */
static void take_main(struct io_task *self UNUSED)
{
    struct io_fd pair[2], again;
    struct error err;
    char byte;
    size_t len;
    CHECK(open_pair(pair));
    int descriptor = io_fd_take(&pair[0]);
    CHECK(descriptor >= 0);
    CHECK_EQ(io_read(&pair[0], &byte, 1, SOON, &len, &err), ST_CANCELLED);
    CHECK_EQ(io_fd_open(&again, descriptor, &err), ST_OK);
    CHECK_EQ(io_write(&pair[1], "x", 1, SOON, &err), ST_OK);
    CHECK_EQ(io_read(&again, &byte, 1, SOON, &len, &err), ST_OK);
    CHECK_EQ(byte, 'x');
    io_fd_close(&again);
    io_fd_close(&pair[1]);
}

TEST(take_back_the_descriptor)
{
    on_shard(take_main);
}

/* Two are ready in one batch; whichever comes first frees both. */
static struct io_fd *doomed[2];
static int callbacks;

static void free_both(struct io_fd *fd UNUSED)
{
    callbacks++;
    for (int i = 0; i < 2; i++) {
        io_fd_close(doomed[i]);
        free(doomed[i]);
    }
}

static void batch_main(struct io_task *self UNUSED)
{
    int ends[2][2];
    struct error err;
    callbacks = 0;
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(pipe(ends[i]), 0);
        doomed[i] = NEW(struct io_fd);
        CHECK_EQ(io_fd_open(doomed[i], ends[i][0], &err), ST_OK);
    }
    CHECK_EQ(io_sleep_until(clock_after(NS_PER_MS)), ST_OK); /* past the events of registering */
    for (int i = 0; i < 2; i++) {
        doomed[i]->on_ready = free_both;
        CHECK_EQ(write(ends[i][1], "x", 1), 1);
    }
    CHECK_EQ(io_sleep_until(clock_after(NS_PER_MS)), ST_OK);
    CHECK_EQ(callbacks, 1);
    close(ends[0][1]);
    close(ends[1][1]);
}

TEST(callbacks_may_close_others_of_their_batch)
{
    on_shard(batch_main);
}

/* --- connecting, listening --------------------------------------------------------------------------------------------------- */

static void refused_main(struct io_task *self UNUSED)
{
    struct io_address address;
    struct error err;
    int listening, second, descriptor;
    char text[IO_ADDRESS_TEXT_MAX];
    CHECK_EQ(io_address_parse(STR("127.0.0.1:0"), &address, &err), ST_OK);
    CHECK_EQ(io_listen(&address, false, 1, &listening, &err), ST_OK);
    CHECK_EQ(io_local_address(listening, &address, &err), ST_OK);
    CHECK_EQ(io_listen(&address, false, 1, &second, &err), ST_EXISTS);
    struct str name = io_address_format(&address, text);
    CHECK(memmem(err.message, strlen(err.message), name.data, name.len) != NULL);
    CHECK(strstr(err.message, "already in use") != NULL);
    close(listening);
    CHECK_EQ(io_connect(&address, SOON, &descriptor, &err), ST_UNAVAILABLE);
    CHECK(memmem(err.message, strlen(err.message), name.data, name.len) != NULL);
    CHECK_EQ(io_connect(&address, SOON, &descriptor, NULL), ST_UNAVAILABLE);
}

TEST(refused_and_in_use)
{
    on_shard(refused_main);
}

static void connect_deadline_main(struct io_task *self UNUSED)
{
    struct io_address address;
    struct error err;
    int listening, descriptor, taken[16];
    size_t count = 0;
    enum status status = ST_OK;
    CHECK_EQ(io_address_parse(STR("127.0.0.1:0"), &address, &err), ST_OK);
    CHECK_EQ(io_listen(&address, false, 0, &listening, &err), ST_OK);
    CHECK_EQ(io_local_address(listening, &address, &err), ST_OK);
    while (status == ST_OK && count < ARRAY_LEN(taken)) { /* nobody accepts: soon the queue is full and handshakes hang */
        status = io_connect(&address, clock_after(20 * NS_PER_MS), &descriptor, &err);
        if (status == ST_OK)
            taken[count++] = descriptor;
    }
    CHECK_EQ(status, ST_TIMEOUT);
    while (count > 0)
        close(taken[--count]);
    close(listening);
}

TEST(connecting_has_a_deadline)
{
    on_shard(connect_deadline_main);
}

static void shortage_main(struct io_task *self UNUSED)
{
    struct error err;
    struct rlimit limit, tight;
    int client, accepted = -1;
    CHECK(open_listener());
    CHECK_EQ(io_connect(&listener_address, SOON, &client, &err), ST_OK);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int highest = fcntl(client, F_DUPFD_CLOEXEC, 0); /* the lowest free one */
    close(highest);
    tight = limit;
    tight.rlim_cur = (rlim_t)highest;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
    enum status status = io_accept(&listener, SOON, &accepted, NULL, &err);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_EQ(status, ST_LIMIT);
    CHECK_EQ(io_accept(&listener, SOON, &accepted, NULL, &err), ST_OK); /* it had stayed in the queue */
    close(accepted);
    close(client);
    io_fd_close(&listener);
}

TEST(accepting_without_descriptors)
{
    on_shard(shortage_main);
}

/* --- a peer that never lets us wait ------------------------------------------------------------------------------------------- */

static bool other_ran;

static void note_other(struct io_task *task UNUSED)
{
    other_ran = true;
}

static void greedy_main(struct io_task *self)
{
    struct io_task other;
    struct io_fd zero;
    struct error err;
    char data[64];
    size_t len;
    CHECK_EQ(io_fd_open(&zero, open("/dev/zero", O_RDONLY | O_CLOEXEC), &err), ST_OK);
    other_ran = false;
    CHECK(start_task(&other, note_other));
    for (int i = 0; i < 1000 && !other_ran; i++)
        CHECK_EQ(io_read(&zero, data, sizeof data, CLOCK_NEVER, &len, &err), ST_OK);
    CHECK(other_ran);
    io_task_cancel(self);
    CHECK_EQ(io_read(&zero, data, sizeof data, CLOCK_NEVER, &len, &err), ST_CANCELLED);
    io_task_uncancel(self);
    io_fd_close(&zero);
}

TEST(endless_data_neither_starves_nor_outlives)
{
    on_shard(greedy_main);
}

/* --- files and standard descriptors ------------------------------------------------------------------------------------------- */

static void files_main(struct io_task *self UNUSED)
{
    char name[] = "/tmp/wash-io-XXXXXX", data[16];
    struct io_fd file;
    struct error err;
    size_t len;
    int descriptor = mkstemp(name);
    CHECK(descriptor >= 0);
    CHECK_EQ(io_fd_open(&file, descriptor, &err), ST_OK);
    CHECK(file.always_ready);
    CHECK_EQ(io_write(&file, "hello", 5, SOON, &err), ST_OK);
    CHECK_EQ(lseek(descriptor, 0, SEEK_SET), 0);
    CHECK_EQ(io_read(&file, data, sizeof data, SOON, &len, &err), ST_OK);
    CHECK_EQ(len, 5);
    CHECK_EQ(io_read(&file, data, sizeof data, SOON, &len, &err), ST_OK);
    CHECK_EQ(len, 0);
    io_fd_close(&file);
    unlink(name);
    CHECK_EQ(io_fd_open(&file, -1, &err), ST_IO);
    CHECK_EQ(file.fd, -1);
    CHECK_EQ(io_read(&file, data, 1, SOON, &len, &err), ST_CANCELLED);
}

TEST(regular_files)
{
    on_shard(files_main);
}

/* Standard output is a pipe that others share, say: it must not become non-blocking for them. */
static void stdio_main(struct io_task *self UNUSED)
{
    int ends[2], saved = dup(STDERR_FILENO);
    struct io_fd copy, reader;
    struct error err;
    char data[16];
    size_t len;
    CHECK(saved >= 0);
    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    CHECK(dup2(ends[1], STDERR_FILENO) >= 0);
    close(ends[1]);
    enum status opened = io_fd_open_stdio(&copy, STDERR_FILENO, &err);
    bool untouched = !(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK);
    dup2(saved, STDERR_FILENO);
    close(saved);
    CHECK_EQ(opened, ST_OK);
    CHECK(untouched);
    CHECK_EQ(io_fd_open(&reader, ends[0], &err), ST_OK);
    CHECK_EQ(io_write(&copy, "to all", 6, SOON, &err), ST_OK);
    CHECK_EQ(io_read(&reader, data, sizeof data, SOON, &len, &err), ST_OK);
    CHECK_EQ(len, 6);
    io_fd_close(&copy);
    CHECK_EQ(io_read(&reader, data, sizeof data, SOON, &len, &err), ST_OK);
    CHECK_EQ(len, 0);
    io_fd_close(&reader);
}

TEST(standard_descriptors_are_copied)
{
    on_shard(stdio_main);
}

static void broken_pipe_main(struct io_task *self UNUSED)
{
    int ends[2];
    struct io_fd writer;
    struct error err;
    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    close(ends[0]);
    CHECK_EQ(io_fd_open(&writer, ends[1], &err), ST_OK);
    CHECK_EQ(io_write(&writer, "x", 1, SOON, &err), ST_IO); /* SIGPIPE would have ended the test */
    CHECK_EQ(err.sys_errno, EPIPE);
    io_fd_close(&writer);
}

TEST(a_broken_pipe_is_an_error)
{
    on_shard(broken_pipe_main);
}
