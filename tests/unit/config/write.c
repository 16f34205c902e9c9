/* Writing trees: read back, they are the same, whatever the text looks like. CLI-24, CLI-26. */
#include "config/write.h"
#include "base/mem.h"
#include "config/read.h"
#include "tap.h"

static json_t *sample(void)
{
    return json_loads(
        "{\"version\": \"1.0\", \"numbers\": [1, -2], \"flag\": true, \"empty\": {}, \"none\": [],"
        "\"texts\": [\"\", \" x\", \"true\", \"12\", \"null\", \"~\", \"a: b\", \"#c\", \"- d\", \"{e\", \"it's\", \"q\\\"\\\\\","
        "\"two\\nlines\", \"tab\\t\", \"é\", \"*x\", \"&x\", \"!x\", \"0x10\", \"1979-05-27\"],"
        "\"odd keys\": {\"a.b\": 1, \"\": 2, \"true\": 3, \"wasi:http\": \"x\"},"
        "\"list\": [{\"name\": \"a\", \"deep\": [{\"k\": {\"l\": 1}}]}, {\"name\": \"b\"}],"
        "\"mixed\": [{\"x\": [[1], [{}]]}, 2]}",
        0, NULL);
}

TEST(what_is_written_reads_back)
{
    static enum status (*const readers[])(const char *, struct str, json_t **, struct error *) = {
        [CONFIG_YAML] = config_parse_yaml, [CONFIG_JSON] = config_parse_json, [CONFIG_TOML] = config_parse_toml};
    for (enum config_format_name format = CONFIG_YAML; format <= CONFIG_TOML; format++) {
        autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
        struct error err = {0};
        json_t *tree = sample(), *again = NULL;
        enum status written = config_write(tree, format, &text, &err);
        enum status read = readers[format]("written", buf_str(&text), &again, &err);
        bool same = json_equal(tree, again);
        json_decref(tree);
        json_decref(again);
        CHECK_EQ(written, ST_OK);
        CHECK_STR(str_of(err.message), "");
        CHECK_EQ(read, ST_OK);
        CHECK(same);
    }
}

TEST(numbers_stay_numbers_in_toml)
{
    json_t *tree = json_loads("{\"a\": [2.5, 1.0, 1e300, -0.0, 1]}", 0, NULL), *again = NULL;
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    enum status written = config_write(tree, CONFIG_TOML, &text, NULL), read = config_parse_toml("t", buf_str(&text), &again, NULL);
    bool same = json_equal(tree, again);
    json_decref(tree);
    json_decref(again);
    CHECK_EQ(written, ST_OK);
    CHECK_EQ(read, ST_OK);
    CHECK(same);
}

TEST(yaml_and_toml_are_for_people)
{
    json_t *tree =
        json_loads("{\"build\": {\"command\": \"make all\", \"env\": {\"A\": \"1\"}}, \"l\": [{\"n\": 1}, {\"n\": 2}]}", 0, NULL);
    autobuf struct buf yaml = BUF_INIT(BUF_UNLIMITED), toml = BUF_INIT(BUF_UNLIMITED), small = BUF_INIT(10);
    enum status status = config_write(tree, CONFIG_YAML, &yaml, NULL);
    enum status other = config_write(tree, CONFIG_TOML, &toml, NULL);
    enum status full = config_write(tree, CONFIG_YAML, &small, NULL);
    json_decref(tree);
    CHECK_EQ(status, ST_OK);
    CHECK_EQ(other, ST_OK);
    CHECK_EQ(full, ST_LIMIT);
    CHECK_STR(buf_str(&yaml), "build:\n  command: make all\n  env:\n    A: \"1\"\nl:\n- n: 1\n- n: 2\n");
    CHECK_STR(buf_str(&toml), "\n[build]\ncommand = \"make all\"\n\n[build.env]\nA = \"1\"\n\n[[l]]\nn = 1\n\n[[l]]\nn = 2\n" + 1);
}
