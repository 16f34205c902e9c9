/* libFuzzer target: a client's bytes through the request parser and the body decoder. However they are cut, the verdict is the
 * same; whatever the parser accepts, the writer can write, and it parses to the same again. */
#include "http_transcript.h"

#include "http/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct http_head *head, const struct http_field *fields, size_t count, const struct http_head *again)
{
    bug_unless(str_eq(head->method, again->method) && str_eq(head->target, again->target));
    bug_unless(again->field_count == count);
    for (size_t i = 0; i < count; i++)
        bug_unless(str_eq(fields[i].name, again->fields[i].name) && str_eq(fields[i].value, again->fields[i].value));
}

static void check_writable(const struct http_head *head)
{
    struct http_field kept[HTTP_MAX_FIELDS], fields[HTTP_MAX_FIELDS];
    struct http_fields_summary summary;
    struct http_parser parser;
    struct error err;
    size_t count = 0, size = 0;
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    for (size_t i = 0; i < head->field_count; i++)
        if (!http_field_is_hop_by_hop(head->fields[i].id) && head->fields[i].id != HTTP_FIELD_CONTENT_LENGTH &&
            head->fields[i].id != HTTP_FIELD_EXPECT)
            kept[count++] = head->fields[i];
    if (http_fields_check(kept, count, &summary, &err) != ST_OK)
        bug("%s", err.message);
    if (!summary.has_host)
        return;
    struct http_outgoing outgoing = {.method = head->method, .target = head->target, .fields = kept, .field_count = count};
    bug_unless(http_write_request_head(&out, &outgoing, &summary, &err) == ST_OK);
    if (out.len > HTTP_MAX_HEAD)
        return;
    http_parser_init_request(&parser, fields, HTTP_MAX_FIELDS);
    if (http_parser_feed(&parser, out.data, out.len, &size) != HTTP_COMPLETE)
        bug("%s", parser.reject.reason);
    bug_unless(size == out.len);
    check_same(head, kept, count, &parser.head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    transcript_compare(str_n((const char *)data, size), false, HTTP_METHOD_OTHER, check_writable);
    return 0;
}
