/* Reading TOML: every kind of value and table, and what version 1.0 forbids. CFG-1, WIT-1. */
#include "base/buf.h"
#include "base/mem.h"
#include "config/read.h"
#include "tap.h"

/* TOML, and the same as JSON, keys sorted. */
static const struct {
    const char *toml, *json;
} documents[] = {
    {"", "{}"},
    {"# only a comment", "{}"},
    {"a = 1\r\nb = \"x\" # c\n", "{\"a\":1,\"b\":\"x\"}"},
    {"a = 0x_1", NULL},
    {"a = [0xDEAD_beef, 0o17, 0b101, +1_000, -0, 9223372036854775807]", "{\"a\":[3735928559,15,5,1000,0,9223372036854775807]}"},
    {"a = [1.5, -1e2, 1_0.0e-1, 0.0]", "{\"a\":[1.5,-100.0,1.0,0.0]}"},
    {"a = [true, false]", "{\"a\":[true,false]}"},
    {"a = [1979-05-27, 07:32:00.5, 1979-05-27T07:32:00Z, 1979-05-27 07:32:00-07:00, 2024-02-29]",
     "{\"a\":[\"1979-05-27\",\"07:32:00.5\",\"1979-05-27T07:32:00Z\",\"1979-05-27 07:32:00-07:00\",\"2024-02-29\"]}"},
    {"a = \"\\t\\\"\\\\\\u00e9\\U0001F600\"", "{\"a\":\"\\t\\\"\\\\é😀\"}"},
    {"a = 'C:\\x'", "{\"a\":\"C:\\\\x\"}"},
    {"a = \"\"\"\nx\n  y \\\n   z\"\"\"\"\"", "{\"a\":\"x\\n  y z\\\"\\\"\"}"},
    {"a = '''\nx\\n''y'''", "{\"a\":\"x\\\\n''y\"}"},
    {"a = [\n 1, # one\n 2,\n]", "{\"a\":[1,2]}"},
    {"a.b.c = 1\na.d = 2\n\"x.y\" = 3\n", "{\"a\":{\"b\":{\"c\":1},\"d\":2},\"x.y\":3}"},
    {"a = {b = 1, c.d = 2}\n", "{\"a\":{\"b\":1,\"c\":{\"d\":2}}}"},
    {"[a.b]\nx = 1\n[a]\ny = 2\n[ c . d ]\n", "{\"a\":{\"b\":{\"x\":1},\"y\":2},\"c\":{\"d\":{}}}"},
    {"[a]\nb.c = 1\n[a.b.d]\nx = 1", "{\"a\":{\"b\":{\"c\":1,\"d\":{\"x\":1}}}}"},
    {"version = 1\n[[p]]\nname = \"x\"\n[[p.v]]\nd = 1\n[[p.v]]\nd = 2\n[[p]]\nname = \"y\"\n[p.t]\nq = 1",
     "{\"p\":[{\"name\":\"x\",\"v\":[{\"d\":1},{\"d\":2}]},{\"name\":\"y\",\"t\":{\"q\":1}}],\"version\":1}"},
};

TEST(every_kind_of_value_and_table)
{
    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        struct error err;
        json_t *tree = NULL;
        enum status status = config_parse_toml("t.toml", str_of(documents[i].toml), &tree, &err);
        CHECK_EQ(status, documents[i].json ? ST_OK : ST_INVALID);
        autofree char *text = tree ? json_dumps(tree, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        json_decref(tree);
        CHECK_STR(str_of(text), documents[i].json);
    }
}

static const struct {
    const char *toml, *message;
} mistakes[] = {
    {"a = 1\na = 2", "t.toml: line 2, column 1: this key appears twice"},
    {"[a]\n[a]", "t.toml: line 2, column 2: this table appears twice"},
    {"a = 1\n[a]", "t.toml: line 2, column 2: this table appears twice"},
    {"a = 1\n[a.b]", "t.toml: line 2, column 2: this header goes into what is not a table, or a complete one"},
    {"a = {}\n[a.b]", "t.toml: line 2, column 2: this header goes into what is not a table, or a complete one"},
    {"a = {b.c = 1}\n[a.b.d]", "t.toml: line 2, column 2: this header goes into what is not a table, or a complete one"},
    {"a = []\n[[a]]", "t.toml: line 2, column 3: this key appears twice, once as an array of tables"},
    {"[[a]]\n[a]", "t.toml: line 2, column 2: this table appears twice"},
    {"[a.b]\n[a]\nb.c = 1", "t.toml: line 3, column 1: this key extends what is not a table, or one that is defined elsewhere"},
    {"[a]\nb.c = 1\n[a.b]", "t.toml: line 3, column 2: this table appears twice"},
    {"a = 1 b = 2", "t.toml: line 1, column 7: expected the end of the line"},
    {"a", "t.toml: line 1, column 2: expected `=`"},
    {"a =", "t.toml: line 1, column 4: expected a value"},
    {"= 1", "t.toml: line 1, column 1: expected a key"},
    {"[a", "t.toml: line 1, column 3: expected `]`"},
    {"[[a]", "t.toml: line 1, column 4: expected `]]`"},
    {"a = [1 2]", "t.toml: line 1, column 8: expected `,` or `]`"},
    {"a = {b = 1", "t.toml: line 1, column 11: expected `,` or `}`"},
    {"a = {b = 1,}", "t.toml: line 1, column 12: expected a key"},
    {"a = hello", "t.toml: line 1, column 5: this is not a value; text needs quotes"},
    {"a = 01", "t.toml: line 1, column 5: this is not a value; text needs quotes"},
    {"a = 1__0", "t.toml: line 1, column 5: this is not a value; text needs quotes"},
    {"a = 1.", "t.toml: line 1, column 5: this is not a value; text needs quotes"},
    {"a = inf", "t.toml: line 1, column 5: this is not a value; text needs quotes"},
    {"a = 9223372036854775808", "t.toml: line 1, column 5: this is not a value; text needs quotes"},
    {"a = 2023-02-29", "t.toml: line 1, column 5: this is not a value; text needs quotes"},
    {"a = \"x", "t.toml: line 1, column 5: this text has no end"},
    {"a = \"\"\"x", "t.toml: line 1, column 5: this text has no end"},
    {"a = \"\\q\"", "t.toml: line 1, column 7: unknown escape; a backslash is written as two"},
    {"a = \"\\ud800\"", "t.toml: line 1, column 12: this escape is not a Unicode scalar value"},
    {"a = \"\x01\"", "t.toml: line 1, column 6: a control character in text; write it as an escape"},
    {"# \x01", "t.toml: line 1, column 3: a control character in a comment"},
    {"\"\\u0000\" = 1", "t.toml: line 1, column 1: a key contains a NUL character"},
    {"\"\"\"a\"\"\" = 1", "t.toml: line 1, column 1: a key is written on one line"},
    {"a = \"\xff\"", "t.toml: the file is not valid UTF-8"},
    {"a = 1\rb = 2", "t.toml: line 1, column 6: expected the end of the line"},
};

TEST(mistakes_are_named_with_their_place)
{
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        struct error err = {0};
        json_t *tree = NULL;
        enum status status = config_parse_toml("t.toml", str_of(mistakes[i].toml), &tree, &err);
        json_decref(tree);
        CHECK_EQ(status, ST_INVALID);
        CHECK_STR(str_of(err.message), mistakes[i].message);
    }
}

static enum status parse_repeated(const char *head, const char *piece, size_t count, const char *tail)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    buf_add(&text, str_of(head));
    for (size_t i = 0; i < count; i++)
        buf_add(&text, str_of(piece));
    buf_add(&text, str_of(tail));
    json_t *tree = NULL;
    enum status status = config_parse_toml("t.toml", buf_str(&text), &tree, NULL);
    json_decref(tree);
    return status;
}

TEST(depth_and_count_are_bounded)
{
    CHECK_EQ(parse_repeated("a = ", "[", 63, ""), ST_INVALID);
    CHECK_EQ(parse_repeated("a = [", "1,", 1000, "]"), ST_OK);
    CHECK_EQ(parse_repeated("a = [", "1,", CONFIG_MAX_NODES, "]"), ST_INVALID);
    CHECK_EQ(parse_repeated("a = ", "[", 10000, ""), ST_INVALID);
    CHECK_EQ(parse_repeated("a = ", "{a=", 10000, ""), ST_INVALID);
    CHECK_EQ(parse_repeated("a", ".a", 63, " = 1"), ST_OK);
    CHECK_EQ(parse_repeated("a", ".a", 64, " = 1"), ST_INVALID);
    CHECK_EQ(parse_repeated("[a", ".a", 62, "]\na = 1"), ST_OK); /* as deep as the dotted key */
    CHECK_EQ(parse_repeated("[a", ".a", 63, "]\na = 1"), ST_INVALID);
    CHECK_EQ(parse_repeated("[[a]]\n[[a", ".a", 62, "]]"), ST_INVALID);
    CHECK_EQ(parse_repeated("", "[[a]]\n", CONFIG_MAX_NODES + 1, ""), ST_INVALID);
}
