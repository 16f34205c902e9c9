/* Runs the HTTP/1.1 codec over a whole input and writes down what it saw, as text.
 *
 * The input is handed over in pieces and the window moves to fresh memory, exactly as large as its contents, with every piece: so a
 * sanitizer sees any read outside it, and any view that was not moved along. The transcript may not depend on the pieces; the fuzz
 * targets compare, the unit tests also read it. */
#pragma once

#include "base/buf.h"
#include "base/mem.h"
#include "http/body.h"
#include "http/parse.h"

struct transcript {
    struct buf out;  /* the text */
    struct buf body; /* content of the current message */
    const char *input;
    size_t len, given; /* `given` bytes of it have been handed over */
    char *window;      /* a copy of input[start, given) */
    size_t start;
    uint32_t random; /* 0: everything at once; 1: byte by byte; else the seed of random pieces */
};

static inline size_t transcript_piece(struct transcript *t)
{
    size_t left = t->len - t->given;
    if (t->random == 0)
        return left;
    if (t->random == 1)
        return MIN(left, (size_t)1);
    t->random = t->random * 1664525u + 1013904223u;
    uint32_t kind = t->random >> 30, size = (t->random >> 8) & 0xffff;
    size_t piece = kind == 0 ? 1 : 1 + size % (kind == 1 ? 16u : 4096u);
    if (t->given - t->start > 4096) /* each piece copies the window */
        piece += 2000;
    return MIN(left, piece);
}

/* Moves to a new window: `drop` bytes fewer in front, a piece more behind. False at the end of the input. */
static inline bool transcript_more(struct transcript *t, size_t drop, bool piece)
{
    size_t size = piece ? transcript_piece(t) : 0;
    t->start += drop;
    t->given += size;
    char *window = malloc(MAX(t->given - t->start, (size_t)1));
    bug_unless(window);
    if (t->given > t->start)
        memcpy(window, t->input + t->start, t->given - t->start);
    free(t->window);
    t->window = window;
    return size > 0;
}

static inline void transcript_text(struct transcript *t, const char *label, struct str text)
{
    buf_add(&t->out, str_of(label));
    if (!text.data)
        buf_add(&t->out, STR("-"));
    else
        bug_unless(buf_append_escaped(&t->out, text) == ST_OK);
}

static inline void transcript_fields(struct transcript *t, const char *label, const struct http_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        transcript_text(t, label, fields[i].name);
        transcript_text(t, "=", fields[i].value);
    }
}

static inline void transcript_head(struct transcript *t, const struct http_head *head, bool response)
{
    static const char *const framings[] = {"none", "length", "chunked", "until-close"};
    static const char *const forms[] = {"origin", "absolute", "authority", "asterisk"};
    if (response) {
        buf_addf(&t->out, "%d", head->status);
        transcript_text(t, " reason=", head->reason);
    } else {
        transcript_text(t, "", head->method);
        transcript_text(t, " ", head->path);
        transcript_text(t, " query=", head->query);
        transcript_text(t, " scheme=", head->scheme);
        transcript_text(t, " authority=", head->authority);
        buf_addf(&t->out, " %s%s", forms[head->form], head->expect_continue ? " expect" : "");
    }
    buf_addf(&t->out, " 1.%d %s", head->version == HTTP_1_1, head->keep_alive ? "keep" : "close");
    transcript_fields(t, " ", head->fields, head->field_count);
    buf_addf(&t->out, " %s", framings[head->framing]);
    if (head->has_content_length)
        buf_addf(&t->out, " %llu", (unsigned long long)head->content_length);
    buf_add(&t->out, STR("\n"));
}

static inline void transcript_reject(struct transcript *t, struct http_reject reject)
{
    bug_unless(reject.status >= 400 && reject.status <= 505 && reject.reason && *reject.reason);
    buf_addf(&t->out, "reject %d %s\n", reject.status, reject.reason);
}

/* One body: false when it was rejected or the input ended. */
static inline bool transcript_body(struct transcript *t, const struct http_head *head)
{
    struct http_field trailers[HTTP_MAX_TRAILER_FIELDS];
    struct http_body body;
    enum http_progress progress;
    size_t used = 0;
    struct str data;
    http_body_init(&body, head->framing, head->content_length, trailers, HTTP_MAX_TRAILER_FIELDS);
    buf_clear(&t->body);
    for (;;) {
        progress = http_body_feed(&body, t->window, t->given - t->start, &used, &data);
        bug_unless(used <= t->given - t->start);
        if (progress == HTTP_DATA) {
            bug_unless(data.len && data.data >= t->window && data.data + data.len <= t->window + used);
            bug_unless(buf_append(&t->body, data.data, data.len) == ST_OK);
        } else if (progress != HTTP_MORE) {
            break;
        }
        if (!transcript_more(t, used, progress == HTTP_MORE) && progress == HTTP_MORE) {
            progress = http_body_close(&body);
            used = 0;
            break;
        }
    }
    bug_unless(body.received == t->body.len);
    transcript_text(t, "body ", buf_str(&t->body));
    if (progress == HTTP_COMPLETE)
        transcript_fields(t, " ", body.trailers, body.trailer_count);
    buf_add(&t->out, STR("\n"));
    if (progress == HTTP_REJECTED)
        transcript_reject(t, body.reject);
    transcript_more(t, used, false);
    return progress == HTTP_COMPLETE;
}

/* One message: false after the last. */
static inline bool transcript_message(struct transcript *t, bool response, enum http_method asked,
                                      void (*inspect)(const struct http_head *head))
{
    struct http_field fields[HTTP_MAX_FIELDS];
    struct http_parser parser;
    enum http_progress progress;
    size_t size = 0;
    if (response)
        http_parser_init_response(&parser, fields, HTTP_MAX_FIELDS, asked);
    else
        http_parser_init_request(&parser, fields, HTTP_MAX_FIELDS);
    while ((progress = http_parser_feed(&parser, t->window, t->given - t->start, &size)) == HTTP_MORE)
        if (!transcript_more(t, 0, true)) {
            if (t->given > t->start)
                buf_add(&t->out, STR("unfinished\n"));
            return false;
        }
    if (progress == HTTP_REJECTED) {
        transcript_reject(t, parser.reject);
        return false;
    }
    bug_unless(progress == HTTP_COMPLETE && size > 0 && size <= t->given - t->start && size <= HTTP_MAX_HEAD);
    transcript_head(t, &parser.head, response);
    if (inspect)
        inspect(&parser.head);
    transcript_more(t, size, false);
    return transcript_body(t, &parser.head) && (parser.head.keep_alive || parser.head.status / 100 == 1);
}

static inline void transcript_run(struct transcript *t, struct str input, uint32_t random, bool response, enum http_method asked,
                                  void (*inspect)(const struct http_head *head))
{
    *t = (struct transcript){BUF_INIT(BUF_UNLIMITED), BUF_INIT(BUF_UNLIMITED), input.data, input.len, .random = random};
    transcript_more(t, 0, false);
    for (int messages = 0; messages < 100 && transcript_message(t, response, asked, inspect); messages++)
        ;
}

static inline void transcript_release(struct transcript *t)
{
    buf_release(&t->out);
    buf_release(&t->body);
    free(t->window);
}

/* Aborts unless every way to cut the input gives the same transcript. */
static inline void transcript_compare(struct str input, bool response, enum http_method asked,
                                      void (*inspect)(const struct http_head *head))
{
    struct transcript whole, cut;
    transcript_run(&whole, input, 0, response, asked, inspect);
    for (uint32_t random = input.len < 2048 ? 1 : 2; random < 5; random++) {
        transcript_run(&cut, input, random, response, asked, NULL);
        if (!str_eq(buf_str(&whole.out), buf_str(&cut.out)))
            bug("cut %u gives\n%s\ninstead of\n%s", random, cut.out.data, whole.out.data);
        transcript_release(&cut);
    }
    transcript_release(&whole);
}
