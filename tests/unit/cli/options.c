/* The command line: options before and after the command, values in every spelling, mistakes, help. */
#include "cli/options.h"
#include "base/mem.h"
#include "tap.h"

struct thing_options {
    struct str name, kind, first, second;
    bool force;
};
static const char *const kinds[] = {"red", "blue", NULL};
#define THING(member) offsetof(struct thing_options, member)
static const struct cli_option options[] = {
    {.name = "name",
     .letter = 'n',
     .kind = CLI_TEXT,
     .offset = THING(name),
     .value_name = "NAME",
     .text_default = "x",
     .help = "A name"},
    {.name = "kind", .kind = CLI_CHOICE, .offset = THING(kind), .value_name = "KIND", .choices = kinds, .help = "A kind"},
    {.name = "force", .letter = 'f', .kind = CLI_FLAG, .offset = THING(force), .help = "Do it"},
};
static const struct cli_option arguments[] = {
    {.name = "FIRST", .kind = CLI_TEXT, .offset = THING(first), .required = true, .help = "The first"},
    {.name = "SECOND", .kind = CLI_TEXT, .offset = THING(second), .help = "The second"},
};
static const struct cli_command thing = {.name = "thing",
                                         .alias = "stuff",
                                         .summary = "Does a thing",
                                         .options_size = sizeof(struct thing_options),
                                         .options = options,
                                         .option_count = ARRAY_LEN(options),
                                         .arguments = arguments,
                                         .argument_count = ARRAY_LEN(arguments)};
static const struct cli_command *const commands[] = {&thing};

struct parse {
    struct arena arena;
    struct cli_parsed parsed;
    struct error err;
};

static enum status parse(struct parse *parse, const char *line)
{
    arena_init(&parse->arena, SIZE_MAX);
    char *argv[16];
    int argc = 0;
    struct str rest = str_of(line), part;
    while (str_next_part(&rest, ' ', &part))
        argv[argc++] = (char *)(uintptr_t)arena_str(&parse->arena, part).data;
    return cli_parse(commands, 1, argc, argv, &parse->arena, &parse->parsed, &parse->err);
}

static void release(struct parse *parse)
{
    arena_release(&parse->arena);
}
#define PARSE __attribute__((cleanup(release))) struct parse

TEST(every_spelling)
{
    static const char *const lines[] = {"wash thing --name a --kind blue one", "wash thing --name=a --kind=blue one",
                                        "wash stuff -n a --kind BLUE one", "wash thing -na one --kind blue",
                                        "wash -o json thing one -n a --kind=blue"};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        PARSE p;
        CHECK_EQ(parse(&p, lines[i]), ST_OK);
        struct thing_options *got = p.parsed.options;
        CHECK_STR(got->name, "a");
        CHECK(str_eq_nocase(got->kind, STR("blue")));
        CHECK_STR(got->first, "one");
        CHECK(!got->second.data);
    }
}

TEST(globals_anywhere)
{
    PARSE p;
    CHECK_EQ(parse(&p, "wash --verbose thing -C /x one -f --output=json -- -two"), ST_OK);
    struct thing_options *got = p.parsed.options;
    CHECK(p.parsed.globals.verbose);
    CHECK_STR(p.parsed.globals.directory, "/x");
    CHECK_STR(p.parsed.globals.output, "json");
    CHECK(got->force);
    CHECK_STR(got->name, "x");
    CHECK_STR(got->second, "-two");
}

static const struct {
    const char *line, *message;
} mistakes[] = {
    {"wash thign", "unknown command `thign`; did you mean `thing`?"},
    {"wash qqqqqqq", "unknown command `qqqqqqq`; see `wash --help`"},
    {"wash thing --naem x one", "unknown option --naem; did you mean --name?"},
    {"wash thing -z one", "unknown option -z"},
    {"wash thing --force=yes one", "--force takes no value"},
    {"wash thing one --name", "--name needs a value: --name NAME"},
    {"wash thing --kind green one", "--kind: `green` is not one of: red, blue"},
    {"wash thing", "`wash thing` needs FIRST; see `wash thing --help`"},
    {"wash thing a b c", "unexpected argument `c`; see `wash thing --help`"},
};

TEST(mistakes_are_named)
{
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        PARSE p;
        CHECK_EQ(parse(&p, mistakes[i].line), ST_INVALID);
        CHECK_STR(str_of(p.err.message), mistakes[i].message);
    }
}

TEST(help_fits_a_terminal)
{
    for (int i = 0; i < 2; i++) {
        autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
        cli_help(&text, commands, 1, i ? &thing : NULL);
        struct str rest = buf_str(&text), line;
        while (str_next_part(&rest, '\n', &line))
            CHECK(line.len <= 80);
        CHECK(str_find(buf_str(&text), STR("thing")) != STR_NONE);
    }
}

TEST(json_is_wanted_even_in_a_refused_line)
{
    static const struct {
        const char *line[6];
        bool json;
    } cases[] = {
        {{"wash", "-o", "json", "nothing"}, true},    {{"wash", "nothing", "-ojson"}, true},
        {{"wash", "nothing", "--output=JSON"}, true}, {{"wash", "nothing", "--output", "json"}, true},
        {{"wash", "nothing", "-o"}, false},           {{"wash", "-o", "json", "-o", "text"}, false},
        {{"wash", "--", "-o", "json"}, false},        {{"wash", "nothing"}, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int argc = 0;
        while (cases[i].line[argc])
            argc++;
        CHECK_EQ(cli_wants_json(argc, (char *const *)(uintptr_t)cases[i].line), cases[i].json);
    }
}

TEST(help_says_defaults_and_choices)
{
    autobuf struct buf one = BUF_INIT(BUF_UNLIMITED);
    cli_help(&one, commands, 1, &thing);
    CHECK(str_find(buf_str(&one), STR("A name [x]")) != STR_NONE);
    CHECK(str_find(buf_str(&one), STR("A kind: red, blue")) != STR_NONE);
}
