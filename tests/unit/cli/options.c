/* The command line: options before and after the command, values in every spelling, mistakes, help. */
#include "cli/options.h"
#include "base/mem.h"
#include "tap.h"

struct thing_options {
    struct str name, kind, first, second;
    struct cli_texts tags;
    uint64_t depth;
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
    {.name = "depth",
     .kind = CLI_NUMBER,
     .offset = THING(depth),
     .value_name = "N",
     .number_default = 3,
     .number_min = 1,
     .number_max = 10,
     .help = "How deep"},
    {.name = "tag", .letter = 't', .kind = CLI_TEXTS, .offset = THING(tags), .value_name = "TAG", .help = "A tag"},
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

struct pull_options {
    struct str reference, token;
    struct cli_texts files;
    bool insecure;
};
#define PULL(member) offsetof(struct pull_options, member)
static const struct cli_option pull_options[] = {
    {.name = "insecure", .kind = CLI_FLAG, .offset = PULL(insecure), .help = "Plain HTTP"},
    {.name = "token",
     .kind = CLI_TEXT,
     .offset = PULL(token),
     .value_name = "TOKEN",
     .env = "WASH_TEST_TOKEN",
     .help = "Who we are"},
};
static const struct cli_option pull_arguments[] = {
    {.name = "REF", .kind = CLI_TEXT, .offset = PULL(reference), .required = true, .help = "What to pull"},
    {.name = "FILE", .kind = CLI_TEXTS, .offset = PULL(files), .required = true, .help = "Where to"},
};
static const struct cli_command pull = {.name = "pull",
                                        .summary = "Pulls",
                                        .options_size = sizeof(struct pull_options),
                                        .options = pull_options,
                                        .option_count = ARRAY_LEN(pull_options),
                                        .arguments = pull_arguments,
                                        .argument_count = ARRAY_LEN(pull_arguments)};
static const struct cli_option push_options[] = {
    {.name = "secret-door", .kind = CLI_FLAG, .offset = 0, .hidden = true, .help = "Hidden"},
};
static const struct cli_command push = {
    .name = "push", .summary = "Pushes", .options_size = sizeof(bool), .options = push_options, .option_count = 1};
static const struct cli_command *const oci_commands[] = {&pull, &push};
static const struct cli_command oci = {
    .name = "oci", .alias = "docker", .summary = "Registries", .subcommands = oci_commands, .subcommand_count = 2};
static const struct cli_command *const commands[] = {&thing, &oci};
static const struct cli_command root = {
    .name = "wash", .summary = "Components", .subcommands = commands, .subcommand_count = ARRAY_LEN(commands)};

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
    return cli_parse(&root, argc, argv, &parse->arena, &parse->parsed, &parse->err);
}

static void release(struct parse *parse)
{
    arena_release(&parse->arena);
}
#define PARSE __attribute__((cleanup(release))) struct parse

TEST(every_spelling)
{
    static const char *const lines[] = {"wash thing --name a --kind blue one", "wash thing --name=a --kind=blue one",
                                        "wash stuff -n a --kind BLUE one",     "wash thing -na one --kind blue",
                                        "wash thing -n=a one --kind=blue",     "wash -o json thing one -n a --kind=blue"};
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
    CHECK_EQ(parse(&p, "wash --verbose thing -C /x one -f --output=json --enable-meters -- -two"), ST_OK);
    struct thing_options *got = p.parsed.options;
    CHECK(p.parsed.globals.verbose);
    CHECK(p.parsed.globals.enable_meters);
    CHECK_STR(p.parsed.globals.directory, "/x");
    CHECK_STR(p.parsed.globals.output, "json");
    CHECK(got->force);
    CHECK_STR(got->name, "x");
    CHECK_STR(got->second, "-two");
}

static const struct {
    const char *line, *message;
} mistakes[] = {
    {"wash thign", "unknown command `wash thign`; did you mean `wash thing`?"},
    {"wash qqqqqqq", "unknown command `wash qqqqqqq`; see `wash --help`"},
    {"wash docker pul", "unknown command `wash oci pul`; did you mean `wash oci pull`?"},
    {"wash oci qqqqqq", "unknown command `wash oci qqqqqq`; see `wash oci --help`"},
    {"wash oci --zzzzzzz", "unknown option --zzzzzzz; see `wash oci --help`"},
    {"wash oci pull --insecur x", "unknown option --insecur; did you mean --insecure?"},
    {"wash oci pull", "`wash oci pull` needs REF; see `wash oci pull --help`"},
    {"wash oci pull a", "`wash oci pull` needs FILE; see `wash oci pull --help`"},
    {"wash oci push a", "unexpected argument `a`; see `wash oci push --help`"},
    {"wash thing --depth 11 one", "--depth: `11` is not a number from 1 to 10"},
    {"wash thing --depth 0 one", "--depth: `0` is not a number from 1 to 10"},
    {"wash thing --depth=-1 one", "--depth: `-1` is not a number from 1 to 10"},
    {"wash thing --naem x one", "unknown option --naem; did you mean --name?"},
    {"wash thing -z one", "unknown option -z; see `wash thing --help`"},
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

TEST(commands_nest)
{
    PARSE p;
    CHECK_EQ(parse(&p, "wash --verbose docker pull -o json --insecure REF a b"), ST_OK);
    struct pull_options *got = p.parsed.options;
    CHECK(p.parsed.command == &pull);
    CHECK_STR(p.parsed.path, "wash oci pull");
    CHECK(p.parsed.globals.verbose);
    CHECK(got->insecure);
    CHECK_STR(got->reference, "REF");
    CHECK_EQ(got->files.len, 2);
    CHECK_STR(got->files.items[1], "b");
}

TEST(what_only_leads_to_commands_is_returned)
{
    PARSE p, q;
    CHECK_EQ(parse(&p, "wash oci"), ST_OK);
    CHECK(p.parsed.command == &oci);
    CHECK_EQ(parse(&q, "wash"), ST_OK);
    CHECK(q.parsed.command == &root);
}

TEST(help_is_an_option_and_a_word)
{
    static const char *const lines[] = {"wash oci pull --help", "wash oci -h pull", "wash help oci pull", "wash oci help pull"};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        PARSE p;
        CHECK_EQ(parse(&p, lines[i]), ST_OK);
        CHECK(p.parsed.globals.help);
        CHECK(p.parsed.command == &pull);
    }
}

TEST(numbers_and_repeated_options)
{
    PARSE p, q;
    CHECK_EQ(parse(&p, "wash thing one -ta --tag=b -t c --depth 10"), ST_OK);
    struct thing_options *got = p.parsed.options;
    CHECK_EQ(got->depth, 10);
    CHECK_EQ(got->tags.len, 3);
    CHECK_STR(got->tags.items[0], "a");
    CHECK_STR(got->tags.items[2], "c");
    CHECK_EQ(parse(&q, "wash thing one"), ST_OK);
    got = q.parsed.options;
    CHECK_EQ(got->depth, 3);
    CHECK_EQ(got->tags.len, 0);
}

TEST(environment_is_below_the_command_line)
{
    PARSE p, q;
    setenv("WASH_TEST_TOKEN", "secret", 1);
    enum status from_environment = parse(&p, "wash oci pull r f"), given = parse(&q, "wash oci pull r f --token mine");
    unsetenv("WASH_TEST_TOKEN");
    CHECK_EQ(from_environment, ST_OK);
    CHECK_STR(((struct pull_options *)p.parsed.options)->token, "secret");
    CHECK_EQ(given, ST_OK);
    CHECK_STR(((struct pull_options *)q.parsed.options)->token, "mine");
}

TEST(help_fits_a_terminal)
{
    const struct cli_command *const shown[] = {&root, &thing, &oci, &pull};
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
        autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
        cli_help(&text, shown[i], STR("wash xyz"));
        struct str rest = buf_str(&text), line;
        while (str_next_part(&rest, '\n', &line))
            CHECK(line.len <= 80);
        CHECK(str_find(buf_str(&text), STR("Usage: wash xyz")) != STR_NONE);
    }
}

TEST(help_lists_subcommands_but_not_what_is_hidden)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED), hidden = BUF_INIT(BUF_UNLIMITED), above = BUF_INIT(BUF_UNLIMITED);
    cli_help(&above, &root, STR("wash"));
    CHECK(str_find(buf_str(&above), STR("Registries [alias: docker]\n")) != STR_NONE);
    cli_help(&text, &oci, STR("wash oci"));
    CHECK(str_find(buf_str(&text), STR("Usage: wash oci [OPTIONS] <COMMAND>\n")) != STR_NONE);
    CHECK(str_find(buf_str(&text), STR("\n  pull ")) != STR_NONE);
    CHECK(str_find(buf_str(&text), STR("--output")) != STR_NONE);
    cli_help(&hidden, &push, STR("wash oci push"));
    CHECK(str_find(buf_str(&hidden), STR("secret-door")) == STR_NONE);
}

static const struct cli_option make_options[] = {
    {.name = "out", .letter = 'o', .kind = CLI_TEXT, .value_name = "FILE", .help = "A file"}};
static const struct cli_command make = {.name = "make",
                                        .summary = "Makes it",
                                        .options_size = sizeof(struct str),
                                        .options = make_options,
                                        .option_count = ARRAY_LEN(make_options),
                                        CLI_EXAMPLES({"Into a file", "wash make -o x"}, {"Nowhere", "wash make"})};

TEST(help_has_examples_and_letters_as_they_mean_here)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    cli_help(&text, &make, STR("wash make"));
    CHECK(str_find(buf_str(&text), STR("\nExamples:\n  # Into a file\n  wash make -o x\n\n  # Nowhere\n  wash make\n")) !=
          STR_NONE);
    CHECK(str_find(buf_str(&text), STR("-o, --out FILE")) != STR_NONE);
    CHECK(str_find(buf_str(&text), STR("      --output FORMAT")) != STR_NONE);
    CHECK(str_find(buf_str(&text), STR("-o, --output")) == STR_NONE);
}

static const struct cli_command *const workshop_commands[] = {&make};
static const struct cli_command workshop = {.name = "wash", .subcommands = workshop_commands, .subcommand_count = 1};

static enum status parse_workshop(struct parse *parse, const char *const *line, int *ret_argc)
{
    for (*ret_argc = 0; line[*ret_argc];)
        ++*ret_argc;
    arena_init(&parse->arena, SIZE_MAX);
    return cli_parse(&workshop, *ret_argc, (char *const *)(uintptr_t)line, &parse->arena, &parse->parsed, &parse->err);
}

TEST(json_is_wanted_even_in_a_refused_line)
{
    static const struct {
        const char *line[8];
        bool json;
    } cases[] = {
        {{"wash", "-o", "json", "nothing"}, true},
        {{"wash", "nothing", "-ojson"}, true},
        {{"wash", "-o=json", "nothing"}, true},
        {{"wash", "nothing", "--output=JSON"}, true},
        {{"wash", "nothing", "--output", "json"}, true},
        {{"wash", "nothing", "-o"}, false},
        {{"wash", "-o", "json", "-o", "text", "nothing"}, false},
        {{"wash", "nothing", "--", "-o", "json"}, false},
        {{"wash", "nothing"}, false},
        {{"wash", "make", "-o", "json"}, false}, /* there it is a file */
        {{"wash", "-o", "json", "make", "-o", "text"}, true},
        {{"wash", "make", "-o", "x", "--output", "json", "--nothing"}, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        PARSE(p);
        int argc;
        CHECK_EQ(parse_workshop(&p, cases[i].line, &argc), ST_INVALID);
        CHECK_EQ(cli_wants_json(&p.parsed, argc, (char *const *)(uintptr_t)cases[i].line), cases[i].json);
    }
}

TEST(a_format_is_no_file)
{
    static const struct {
        const char *line[5];
        enum status status;
    } cases[] = {
        {{"wash", "make", "-o", "json"}, ST_INVALID}, {{"wash", "make", "-oText"}, ST_INVALID},
        {{"wash", "make", "-o=plain"}, ST_INVALID},   {{"wash", "make", "-o", "./json"}, ST_OK},
        {{"wash", "make", "--out=json"}, ST_OK},      {{"wash", "make", "-ojsonx"}, ST_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        PARSE(p);
        int argc;
        CHECK_EQ(parse_workshop(&p, cases[i].line, &argc), cases[i].status);
        if (i == 0)
            CHECK_STR(str_of(p.err.message),
                      "-o json: here -o is --out FILE; write `--output json`, or `-o ./json` if a file is meant");
    }
}

TEST(help_says_defaults_and_choices)
{
    autobuf struct buf one = BUF_INIT(BUF_UNLIMITED);
    cli_help(&one, &thing, STR("wash thing"));
    CHECK(str_find(buf_str(&one), STR("A name [default: x]")) != STR_NONE);
    CHECK(str_find(buf_str(&one), STR("A kind: red, blue")) != STR_NONE);
    CHECK(str_find(buf_str(&one), STR("How deep [default: 3]")) != STR_NONE);
    CHECK(str_find(buf_str(&one), STR("--tag TAG...")) != STR_NONE);
}
