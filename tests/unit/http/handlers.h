/* Handlers that the server's tests share, what they saw, and tests as functions run beside a server. */
#pragma once

#include "support.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

/* What the handlers saw, and events between them and the clients. Cleared before each test. */
struct seen {
    enum status status, second; /* of the last operation; of another one worth knowing */
    struct error err;
    uint64_t bytes;
    int calls;
    struct io_event entered, go;
    struct io_account account;
    void *tag;
};
extern struct seen seen;

/* Steps of handlers: each leaves its status in `seen`; the later ones do nothing once one has failed. */
void seen_status(enum status status);
void begin_answer(struct http_exchange *exchange, int status, uint64_t length);
void put_text(struct http_exchange *exchange, const char *text);
void end_answer(struct http_exchange *exchange);

/* Whole handlers; the others are found by path, see handlers.c. */
void answer_hello(struct http_exchange *exchange);
void answer_count(struct http_exchange *exchange); /* reads the body, then answers its length */

/* Requests go to the handler of their path, or, if options.env is set, to the function it points to. */
void serve_with(struct http_server_options options, void (*body)(struct fixture *fixture));
void serve_narrow(struct http_server_options options, void (*body)(struct fixture *fixture));

/* Checks that `request` is refused without reaching a handler, with an answer that begins like this, and the connection closed. */
void check_refused(struct fixture *fixture, const char *request, const char *start);
void wait_until(const enum status *status, enum status want); /* or 5 s have passed */

/* SERVED(name) { ... fixture ... }: a test that runs as a client's task beside the server. */
#define SERVED_WITH(name, ...)                                                                                                     \
    static void serve_##name(struct fixture *fixture);                                                                             \
    TEST(name)                                                                                                                     \
    {                                                                                                                              \
        serve_with((struct http_server_options){__VA_ARGS__}, serve_##name);                                                       \
    }                                                                                                                              \
    static void serve_##name(struct fixture *fixture)
#define SERVED_NARROW(name, ...)                                                                                                   \
    static void serve_##name(struct fixture *fixture);                                                                             \
    TEST(name)                                                                                                                     \
    {                                                                                                                              \
        serve_narrow((struct http_server_options){__VA_ARGS__}, serve_##name);                                                     \
    }                                                                                                                              \
    static void serve_##name(struct fixture *fixture)
#define SERVED(name)                                                                                                               \
    static void serve_##name(struct fixture *fixture);                                                                             \
    TEST(name)                                                                                                                     \
    {                                                                                                                              \
        serve_with((struct http_server_options){0}, serve_##name);                                                                 \
    }                                                                                                                              \
    static void serve_##name(struct fixture *fixture)

#define CHECK_TEXT(got, want) CHECK_STR(str_of(got), want)
#define HELLO "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
