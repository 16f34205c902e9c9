/* A server for tests: `http-serve [ADDRESS]` prints "listening ADDRESS" and serves until SIGTERM or SIGINT, then drains.
 *
 * /hello answers a constant; /echo streams the request body back, trailers included; anything else answers one line with what was
 * understood: method, path, query, authority, length and first bytes of the body. */
#include "base/buf.h"
#include "base/mem.h"
#include "http/server.h"

#include <signal.h>
#include <unistd.h>

struct program {
    struct io_task main;
    struct io_event stop;
    const char *address;
    int exit_code;
};

static struct program program;

static void hello(struct http_exchange *exchange)
{
    const struct http_field type = {STR("Content-Type"), STR("text/plain"), HTTP_FIELD_OTHER};
    (void)!http_exchange_reply(exchange, 200, &type, 1, STR("Hello from C!\n"), NULL);
}

static void echo(struct http_exchange *exchange)
{
    struct str data;
    size_t count;
    if (http_exchange_respond(exchange, 200, NULL, 0, HTTP_LENGTH_UNKNOWN, NULL) != ST_OK)
        return;
    do
        if (http_exchange_read_body(exchange, CLOCK_NEVER, &data, NULL) != ST_OK ||
            http_exchange_write_body(exchange, data.data, data.len, CLOCK_NEVER, NULL) != ST_OK)
            return;
    while (data.len);
    const struct http_field *trailers = http_exchange_trailers(exchange, &count);
    (void)!http_exchange_finish(exchange, trailers, count, NULL);
}

static void inspect(struct http_exchange *exchange)
{
    const struct http_head *head = http_exchange_head(exchange);
    autobuf struct buf body = BUF_INIT(64), answer = BUF_INIT(BUF_UNLIMITED);
    struct str data;
    do {
        if (http_exchange_read_body(exchange, CLOCK_NEVER, &data, NULL) != ST_OK)
            return; /* the server answers why */
        (void)!buf_append_str(&body, str_slice(data, 0, body.max - body.len));
    } while (data.len);
    buf_addf(&answer, "%.*s %.*s query=%.*s host=%.*s body=%llu ", STR_ARG(head->method), STR_ARG(head->path), STR_ARG(head->query),
             STR_ARG(head->authority), (unsigned long long)http_exchange_received_bytes(exchange));
    bug_unless(buf_append_escaped(&answer, buf_str(&body)) == ST_OK);
    buf_add(&answer, STR("\n"));
    (void)!http_exchange_reply(exchange, 200, NULL, 0, buf_str(&answer), NULL);
}

static void handle(struct http_exchange *exchange, void *env)
{
    struct str path = http_exchange_head(exchange)->path;
    (void)env;
    if (str_eq(path, STR("/hello")))
        hello(exchange);
    else if (str_eq(path, STR("/echo")))
        echo(exchange);
    else
        inspect(exchange);
}

static void on_signal(int signal, void *env)
{
    (void)signal;
    (void)env;
    io_event_set(&program.stop);
}

static enum status serve(struct http_server *server, struct error *err)
{
    struct io_address address;
    char text[IO_ADDRESS_TEXT_MAX];
    int descriptor;
    TRY(io_address_parse(str_of(program.address), &address, err));
    TRY(io_listen(&address, false, 1024, &descriptor, err));
    TRY(io_local_address(descriptor, &address, err));
    TRY(http_server_listen(server, descriptor, NULL, err));
    printf("listening %.*s\n", STR_ARG(io_address_format(&address, text)));
    fflush(stdout);
    TRY(io_wait(&program.stop, CLOCK_NEVER));
    return http_server_drain(server, clock_after(10 * NS_PER_SECOND));
}

static void run(struct io_task *task)
{
    const int signals[] = {SIGTERM, SIGINT};
    const struct http_server_options options = {.handle = handle};
    struct http_server *server = http_server_new(&options);
    struct error err = {.message = "stopped"};
    (void)task;
    enum status status = io_signals_watch(signals, ARRAY_LEN(signals), on_signal, NULL, &err);
    if (status == ST_OK)
        status = serve(server, &err);
    if (status != ST_OK) {
        fprintf(stderr, "http-serve: %s\n", err.message);
        program.exit_code = 1;
    }
    if (status != ST_INTERNAL)
        http_server_free(server);
    io_shard_stop(io_shard_current());
}

static void start(struct io_message *message)
{
    (void)message;
    bug_unless(io_task_start(&program.main, run, NULL, 0, NULL) == ST_OK);
}

int main(int argc, char **argv)
{
    const struct io_shard_options options = {.coro_ops = &coro_ucontext, .stack_size = 256 * 1024, .cpu = -1};
    struct io_message message = {.run = start};
    struct io_shard *shard;
    struct error err;
    program.address = argc > 1 ? argv[1] : "127.0.0.1:0";
    io_event_init(&program.stop);
    if (io_shard_new(0, &options, &shard, &err) != ST_OK) {
        fprintf(stderr, "http-serve: %s\n", err.message);
        return 1;
    }
    io_post(shard, &message);
    io_shard_run(shard);
    io_shard_free(shard);
    return program.exit_code;
}
