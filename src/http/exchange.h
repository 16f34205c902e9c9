/* One request and its answer, as the handler sees it on its task.
 *
 * Reading and writing are streams with back-pressure: what the handler does not read stays with the client, and a write waits while
 * the client does not take. One task may read while another writes; the handler returns only when both are done. An exchange and
 * all views of it (head, body, trailers) live until the handler returns. Shard-bound.
 *
 * Writes are gathered: an answer whose head, body and end are given without waiting in between leaves in one system call, with a
 * Content-Length even if none was declared; whatever has been written leaves at the latest in the loop's next turn, that is, as
 * soon as the handler waits for anything.
 *
 *   while (http_exchange_read_body(exchange, CLOCK_NEVER, &data, &err) == ST_OK && data.len)
 *       ...;
 *   http_exchange_respond(exchange, 200, fields, count, HTTP_LENGTH_UNKNOWN, &err);
 *   http_exchange_write_body(exchange, "hello", 5, CLOCK_NEVER, &err);
 *   http_exchange_finish(exchange, NULL, 0, &err);
 */
#pragma once

#include "base/arena.h"
#include "http/body.h"
#include "io/socket.h"

struct http_exchange;

#define HTTP_LENGTH_UNKNOWN UINT64_MAX

/* --- the request ------------------------------------------------------------------------------------------------------------- */

const struct http_head *http_exchange_head(const struct http_exchange *exchange);
const struct io_address *http_exchange_peer(const struct http_exchange *exchange);
void *http_exchange_listener_tag(const struct http_exchange *exchange);
struct io_task *http_exchange_task(struct http_exchange *exchange); /* to cancel it */

/* A place for the caller's own pointer; NULL at first. */
void http_exchange_set_user(struct http_exchange *exchange, void *user);
void *http_exchange_user(const struct http_exchange *exchange);

/* Memory for this exchange, gone with it. */
#define HTTP_ARENA_MAX (4u << 20)
struct arena *http_exchange_arena(struct http_exchange *exchange);

/* The next piece of the request body. *ret_data is a view that stays valid until the next read; empty at the end. The first call
 * answers an Expect: 100-continue.
 * ST_INVALID: malformed (see http_exchange_body_reject for the status to answer). ST_IO: the client closed or reset in the middle.
 * ST_TIMEOUT: at `deadline` (call again to go on waiting), or the server's body time-out (final). ST_CANCELLED. Waits: yes. */
enum status http_exchange_read_body(struct http_exchange *exchange, uint64_t deadline, struct str *ret_data,
                                    struct error *err) CHECKED;

/* The same without waiting: ST_UNAVAILABLE when nothing is there yet. Then wait for http_exchange_body_event, no longer than until
 * http_exchange_body_deadline (the server's time-out), and try again. The event speaks of the socket only: bytes may be here
 * although it is not set, so always try first; and it may be set though nothing is there. */
enum status http_exchange_try_read_body(struct http_exchange *exchange, struct str *ret_data, struct error *err) CHECKED;
struct io_event *http_exchange_body_event(struct http_exchange *exchange);
uint64_t http_exchange_body_deadline(const struct http_exchange *exchange);

bool http_exchange_body_ended(const struct http_exchange *exchange); /* all of it has been read, or there is none */
/* Why a read failed for good, with the status to answer: 400, 408, 431. status 0: it has not. */
struct http_reject http_exchange_body_reject(const struct http_exchange *exchange);

/* Once the body has ended: its trailers. */
const struct http_field *http_exchange_trailers(const struct http_exchange *exchange, size_t *ret_count);

/* Set when the client has gone for good: reset, or a write failed. A client that only shuts down its sending side is not gone, nor
 * can one that closed be told from it before something is written. */
struct io_event *http_exchange_gone(struct http_exchange *exchange);

/* --- the answer -------------------------------------------------------------------------------------------------------------- */

/* Gives the head. Once, and before any of the body. Date is added unless it is in `fields`; fields of hop-by-hop or framing kind
 * are refused (http_fields_check), but for a Content-Length, which must agree with `length` if that is known, and takes its place
 * if not. length: of the body, or HTTP_LENGTH_UNKNOWN: then it is chunked, for HTTP/1.0 ended by closing, or counted if it turns
 * out short. To a HEAD request, and with 204 and 304, the body is taken and dropped; length then is what the head says (but for
 * 204). ST_INVALID: bad status (200 to 999), bad fields, or already responded. ST_LIMIT: larger than 64 KiB. Waits: no. */
enum status http_exchange_respond(struct http_exchange *exchange, int status, const struct http_field *fields, size_t count,
                                  uint64_t length, struct error *err) CHECKED;

/* Takes all of it; what does not fit into the buffer (http_exchange_write_room) is sent first, straight from `data`.
 * ST_INVALID: before respond, after finish, or beyond the declared length (nothing is written then). ST_IO: the client is gone.
 * ST_TIMEOUT (`deadline`, or the server's write time-out) and ST_CANCELLED while waiting: part may be out, so the exchange is
 * aborted. A task that is cancelled when it comes here gets ST_CANCELLED and nothing is written: after io_task_uncancel it may
 * still answer. Waits: yes. */
enum status http_exchange_write_body(struct http_exchange *exchange, const void *data, size_t len, uint64_t deadline,
                                     struct error *err) CHECKED;

/* As much of it as there is room for, without waiting: ST_OK and how much (0 of 0, else at least 1), or ST_UNAVAILABLE: wait for
 * http_exchange_write_event and try again. Other errors as of http_exchange_write_body. */
enum status http_exchange_try_write_body(struct http_exchange *exchange, const void *data, size_t len, size_t *ret_written,
                                         struct error *err) CHECKED;

/* Bytes that a write now takes without waiting. When 0, wait for the event and ask again. */
size_t http_exchange_write_room(struct http_exchange *exchange);
struct io_event *http_exchange_write_event(struct http_exchange *exchange);

/* Waits until everything written has been handed to the kernel. Errors as of http_exchange_write_body. Waits: yes. */
enum status http_exchange_flush(struct http_exchange *exchange, uint64_t deadline, struct error *err) CHECKED;

/* Ends the answer. Trailers are sent only with a chunked body (any other drops them).
 * ST_INVALID: no respond, bad trailers (nothing has happened then), or fewer bytes than declared (aborted). ST_LIMIT: trailers over
 * 16 KiB. ST_IO: the client is gone. Waits: no. */
enum status http_exchange_finish(struct http_exchange *exchange, const struct http_field *trailers, size_t count,
                                 struct error *err) CHECKED;

/* respond, write_body and finish at once; Waits only if `body` is large. */
enum status http_exchange_reply(struct http_exchange *exchange, int status, const struct http_field *fields, size_t count,
                                struct str body, struct error *err) CHECKED;

/* Closes the connection so that the client sees that the answer is incomplete: what was written is sent, as far as that goes
 * without waiting, but not its end. Harmless after finish or abort. Waits: no. */
void http_exchange_abort(struct http_exchange *exchange);

/* The connection closes after this answer; has an effect on its head only before that leaves. */
void http_exchange_close_after(struct http_exchange *exchange);

/* What has become of the answer, for logs and decisions: */
bool http_exchange_responded(const struct http_exchange *exchange); /* a head was given */
bool http_exchange_finished(const struct http_exchange *exchange);
int http_exchange_status(const struct http_exchange *exchange);              /* 0 before respond */
uint64_t http_exchange_sent_bytes(const struct http_exchange *exchange);     /* of the body, as given to write_body */
uint64_t http_exchange_received_bytes(const struct http_exchange *exchange); /* of the body, as read */
uint64_t http_exchange_started_ns(const struct http_exchange *exchange);     /* when the head was complete, monotonic */
