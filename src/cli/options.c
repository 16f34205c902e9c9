/* Parsing by table; see options.h. */
#include "cli/options.h"
#include "base/mem.h"
#include <inttypes.h>

static const char *const levels[] = {"trace", "debug", "info", "warn", "error", NULL};
static const char *const outputs[] = {"text", "json", "plain", NULL};

#define GLOBAL(member) offsetof(struct cli_globals, member)
const struct cli_option cli_global_options[] = {
    {.name = "",
     .letter = 'C',
     .kind = CLI_TEXT,
     .offset = GLOBAL(directory),
     .value_name = "PATH",
     .complete = CLI_COMPLETE_FOLDERS,
     .help = "Run as if started in PATH; trusts the project there"},
    {.name = "log-level",
     .letter = 'l',
     .kind = CLI_CHOICE,
     .offset = GLOBAL(log_level),
     .value_name = "LEVEL",
     .choices = levels,
     .text_default = "info",
     .help = "What to log to stderr, unless RUST_LOG says it"},
    {.name = "output",
     .letter = 'o',
     .kind = CLI_CHOICE,
     .offset = GLOBAL(output),
     .value_name = "FORMAT",
     .choices = outputs,
     .text_default = "text",
     .help = "Format of results on stdout"},
    {.name = "user-config",
     .kind = CLI_TEXT,
     .offset = GLOBAL(user_config),
     .value_name = "FILE",
     .complete = CLI_COMPLETE_FILES,
     .help = "The user's configuration, instead of the one in ~/.config/wash; /dev/null: none"},
    {.name = "non-interactive",
     .kind = CLI_FLAG,
     .offset = GLOBAL(non_interactive),
     .help = "Never ask; implied when stdin is not a terminal"},
    {.name = "enable-meters",
     .kind = CLI_FLAG,
     .offset = GLOBAL(enable_meters),
     .help = "Measure the fuel that calls of components consume; they run slower"},
    {.name = "verbose", .kind = CLI_FLAG, .offset = GLOBAL(verbose), .help = "Log every step (level debug)"},
    {.name = "help-markdown", .kind = CLI_FLAG, .offset = GLOBAL(help_markdown), .hidden = true, .help = "Print docs/cli.md"},
    {.name = "help", .letter = 'h', .kind = CLI_FLAG, .offset = GLOBAL(help), .help = "Print help"},
    {.name = "version", .letter = 'V', .kind = CLI_FLAG, .offset = GLOBAL(version), .help = "Print version"},
};
const size_t cli_global_option_count = ARRAY_LEN(cli_global_options);

struct parser {
    char *const *argv;
    int argc, at;
    struct arena *arena;
    struct cli_parsed *parsed;
    size_t positional;
    bool options_ended;
    struct error *err;
};

static void *at(const struct cli_option *option, void *target)
{
    return (char *)target + option->offset;
}

static void set_defaults(const struct cli_option *options, size_t count, void *target)
{
    for (size_t i = 0; i < count; i++) {
        const char *variable = options[i].env ? getenv(options[i].env) : NULL;
        if (options[i].kind == CLI_NUMBER)
            *(uint64_t *)at(&options[i], target) = options[i].number_default;
        else if (options[i].kind == CLI_TEXT || options[i].kind == CLI_CHOICE)
            *(struct str *)at(&options[i], target) = str_of(variable && *variable ? variable : options[i].text_default);
    }
}

static const struct cli_option *find_option(const struct cli_option *options, size_t count, struct str name, char letter)
{
    for (size_t i = 0; i < count; i++)
        if (letter ? options[i].letter == letter : *options[i].name && str_is(name, options[i].name))
            return &options[i];
    return NULL;
}

/* Looks in the command's options, then in the global ones; ret_target is the struct the value goes to. */
static const struct cli_option *look_up(struct parser *parser, struct str name, char letter, void **ret_target)
{
    const struct cli_command *command = parser->parsed->command;
    const struct cli_option *option = find_option(command->options, command->option_count, name, letter);
    *ret_target = parser->parsed->options;
    if (!option) {
        option = find_option(cli_global_options, cli_global_option_count, name, letter);
        *ret_target = &parser->parsed->globals;
    }
    return option;
}

static size_t add_names(struct str *names, size_t count, size_t max, const struct cli_option *options, size_t option_count)
{
    for (size_t i = 0; i < option_count && count < max; i++)
        if (*options[i].name && !options[i].hidden)
            names[count++] = str_of(options[i].name);
    return count;
}

static enum status unknown_option(struct parser *parser, struct str name)
{
    struct str names[64];
    const struct cli_command *command = parser->parsed->command;
    size_t count = add_names(names, 0, ARRAY_LEN(names), command->options, command->option_count);
    count = add_names(names, count, ARRAY_LEN(names), cli_global_options, cli_global_option_count);
    struct str nearest = str_nearest(name, names, count);
    if (nearest.data)
        return fail(parser->err, ST_INVALID, "unknown option --%.*s; did you mean --%.*s?", STR_ARG(name), STR_ARG(nearest));
    return fail(parser->err, ST_INVALID, "unknown option --%.*s; see `%.*s --help`", STR_ARG(name), STR_ARG(parser->parsed->path));
}

static enum status store_choice(struct parser *parser, const struct cli_option *option, const char *shown, struct str value,
                                struct str *target)
{
    autobuf struct buf list = BUF_INIT(BUF_UNLIMITED);
    for (const char *const *choice = option->choices; *choice; choice++) {
        if (str_eq_nocase(value, str_of(*choice))) {
            *target = str_of(*choice);
            return ST_OK;
        }
        buf_addf(&list, "%s%s", list.len ? ", " : "", *choice);
    }
    return fail(parser->err, ST_INVALID, "%s: `%.*s` is not one of: %s", shown, STR_ARG(value), list.data);
}

static enum status store_number(struct parser *parser, const struct cli_option *option, const char *shown, struct str value,
                                uint64_t *target)
{
    uint64_t max = option->number_max ? option->number_max : UINT64_MAX, number;
    if (str_parse_u64(value, max, &number) && number >= option->number_min) {
        *target = number;
        return ST_OK;
    }
    if (option->number_max)
        return fail(parser->err, ST_INVALID, "%s: `%.*s` is not a number from %" PRIu64 " to %" PRIu64, shown, STR_ARG(value),
                    option->number_min, max);
    return fail(parser->err, ST_INVALID, "%s: `%.*s` is not a number of at least %" PRIu64, shown, STR_ARG(value),
                option->number_min);
}

static void add_text(struct parser *parser, struct cli_texts *texts, struct str value)
{
    if (!texts->items) /* as many as the whole line could have */
        texts->items = ARENA_ARRAY(parser->arena, struct str, (size_t)parser->argc);
    texts->items[texts->len++] = value;
}

static enum status store_value(struct parser *parser, const struct cli_option *option, const char *shown, struct str value,
                               void *target)
{
    switch (option->kind) {
    case CLI_TEXT:
        *(struct str *)at(option, target) = value;
        return ST_OK;
    case CLI_CHOICE:
        return store_choice(parser, option, shown, value, at(option, target));
    case CLI_NUMBER:
        return store_number(parser, option, shown, value, at(option, target));
    case CLI_TEXTS:
        add_text(parser, at(option, target), value);
        return ST_OK;
    case CLI_FLAG:
        break;
    }
    bug("option %s takes no value", option->name);
}

static bool is_choice(const struct cli_option *option, struct str value)
{
    for (const char *const *choice = option->choices; choice && *choice; choice++)
        if (str_eq_nocase(value, str_of(*choice)))
            return true;
    return false;
}

/* A letter that means something else here than everywhere, with a value that it has everywhere: `-o json`, where -o is a file. */
static enum status check_letter(struct parser *parser, const struct cli_option *option, const char *shown, struct str value)
{
    if (shown[1] == '-')
        return ST_OK;
    const struct cli_option *global = find_option(cli_global_options, cli_global_option_count, STR_NULL, shown[1]);
    if (!global || global == option || !is_choice(global, value))
        return ST_OK;
    return fail(parser->err, ST_INVALID, "%s %.*s: here %s is --%s %s; write `--%s %.*s`, or `%s ./%.*s` if a file is meant", shown,
                STR_ARG(value), shown, option->name, option->value_name, global->name, STR_ARG(value), shown, STR_ARG(value));
}

/* inline_value: what followed "=" or the letter, or data NULL. */
static enum status take_option(struct parser *parser, const struct cli_option *option, const char *shown, struct str inline_value,
                               void *target)
{
    if (option->kind == CLI_FLAG) {
        if (inline_value.data)
            return fail(parser->err, ST_INVALID, "%s takes no value", shown);
        *(bool *)at(option, target) = true;
        return ST_OK;
    }
    if (!inline_value.data) {
        if (parser->at >= parser->argc)
            return fail(parser->err, ST_INVALID, "%s needs a value: %s %s", shown, shown, option->value_name);
        inline_value = str_of(parser->argv[parser->at++]);
    }
    TRY(check_letter(parser, option, shown, inline_value));
    return store_value(parser, option, shown, inline_value, target);
}

static enum status parse_long(struct parser *parser, struct str argument)
{
    struct str name = str_from(argument, 2), value = STR_NULL;
    size_t equals = str_find_char(name, '=');
    if (equals != STR_NONE) {
        value = str_from(name, equals + 1);
        name = str_slice(name, 0, equals);
    }
    void *target;
    const struct cli_option *option = look_up(parser, name, 0, &target);
    if (!option)
        return unknown_option(parser, name);
    return take_option(parser, option, arena_printf(parser->arena, "--%.*s", STR_ARG(name)).data, value, target);
}

static enum status parse_letters(struct parser *parser, struct str argument)
{
    for (size_t i = 1; i < argument.len; i++) {
        void *target;
        char shown[3] = {'-', argument.data[i], 0};
        const struct cli_option *option = look_up(parser, STR_NULL, argument.data[i], &target);
        if (!option)
            return fail(parser->err, ST_INVALID, "unknown option %s; see `%.*s --help`", shown, STR_ARG(parser->parsed->path));
        struct str rest = str_from(argument, i + 1);
        bool given = rest.len > 0; /* -ojson, -o=json */
        if (option->kind == CLI_FLAG) {
            TRY(take_option(parser, option, shown, STR_NULL, target));
            continue;
        }
        str_skip(&rest, STR("="));
        return take_option(parser, option, shown, given ? rest : STR_NULL, target);
    }
    return ST_OK;
}

static void enter_command(struct parser *parser, const struct cli_command *command)
{
    struct cli_parsed *parsed = parser->parsed;
    parsed->command = command;
    parsed->path =
        parsed->path.data ? arena_printf(parser->arena, "%.*s %s", STR_ARG(parsed->path), command->name) : str_of(command->name);
    parsed->options = arena_alloc(parser->arena, MAX(command->options_size, 1));
    set_defaults(command->options, command->option_count, parsed->options);
    set_defaults(command->arguments, command->argument_count, parsed->options);
}

static enum status parse_command(struct parser *parser, struct str name)
{
    struct str names[64];
    const struct cli_command *parent = parser->parsed->command;
    size_t count = MIN(parent->subcommand_count, ARRAY_LEN(names));
    for (size_t i = 0; i < parent->subcommand_count; i++) {
        const struct cli_command *command = parent->subcommands[i];
        if (str_is(name, command->name) || (command->alias && str_is(name, command->alias))) {
            enter_command(parser, command);
            return ST_OK;
        }
        if (i < count)
            names[i] = str_of(command->name);
    }
    if (str_is(name, "help")) { /* `wash help oci` */
        parser->parsed->globals.help = true;
        return ST_OK;
    }
    struct str path = parser->parsed->path, nearest = str_nearest(name, names, count);
    if (nearest.data)
        return fail(parser->err, ST_INVALID, "unknown command `%.*s %.*s`; did you mean `%.*s %.*s`?", STR_ARG(path), STR_ARG(name),
                    STR_ARG(path), STR_ARG(nearest));
    return fail(parser->err, ST_INVALID, "unknown command `%.*s %.*s`; see `%.*s --help`", STR_ARG(path), STR_ARG(name),
                STR_ARG(path));
}

static enum status parse_positional(struct parser *parser, struct str value)
{
    const struct cli_command *command = parser->parsed->command;
    if (command->subcommand_count)
        return parse_command(parser, value);
    if (parser->positional >= command->argument_count)
        return fail(parser->err, ST_INVALID, "unexpected argument `%.*s`; see `%.*s --help`", STR_ARG(value),
                    STR_ARG(parser->parsed->path));
    const struct cli_option *argument = &command->arguments[parser->positional];
    if (argument->kind != CLI_TEXTS)
        parser->positional++;
    return store_value(parser, argument, argument->name, value, parser->parsed->options);
}

static enum status parse_argument(struct parser *parser, struct str argument)
{
    if (parser->options_ended || argument.len < 2 || argument.data[0] != '-')
        return parse_positional(parser, argument);
    if (str_is(argument, "--")) {
        parser->options_ended = true;
        return ST_OK;
    }
    return argument.data[1] == '-' ? parse_long(parser, argument) : parse_letters(parser, argument);
}

static enum status check_arguments(struct parser *parser)
{
    const struct cli_command *command = parser->parsed->command;
    if (parser->positional >= command->argument_count)
        return ST_OK;
    const struct cli_option *next = &command->arguments[parser->positional];
    bool some = next->kind == CLI_TEXTS && ((struct cli_texts *)at(next, parser->parsed->options))->len > 0;
    if (!next->required || some)
        return ST_OK;
    struct str path = parser->parsed->path;
    return fail(parser->err, ST_INVALID, "`%.*s` needs %s; see `%.*s --help`", STR_ARG(path), next->name, STR_ARG(path));
}

static enum status check_line(struct parser *parser)
{
    const struct cli_parsed *parsed = parser->parsed;
    if (parsed->globals.help || parsed->globals.version || parsed->globals.help_markdown)
        return ST_OK;
    TRY(check_arguments(parser));
    return parsed->command->check ? parsed->command->check(parsed->options, &parsed->globals, parser->err) : ST_OK;
}

enum status cli_parse(const struct cli_command *root, int argc, char *const *argv, struct arena *arena,
                      struct cli_parsed *ret_parsed, struct error *err)
{
    memset(ret_parsed, 0, sizeof *ret_parsed);
    set_defaults(cli_global_options, cli_global_option_count, &ret_parsed->globals);
    struct parser parser = {.argc = argc, .argv = argv, .at = 1, .arena = arena, .parsed = ret_parsed, .err = err};
    enter_command(&parser, root);
    while (parser.at < parser.argc)
        TRY(parse_argument(&parser, str_of(parser.argv[parser.at++])));
    return check_line(&parser);
}

bool cli_wants_json(const struct cli_parsed *parsed, int argc, char *const *argv)
{
    bool json = str_eq_nocase(parsed->globals.output, STR("json"));
    bool own_letter = find_option(parsed->command->options, parsed->command->option_count, STR_NULL, 'o');
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        struct str value = str_of(argv[i]);
        bool letter = !str_starts(value, STR("--")) && str_starts(value, STR("-o"));
        if (letter && own_letter) /* one before the command has been parsed */
            continue;
        if (str_is(value, "-o") || str_is(value, "--output"))
            value = str_of(i + 1 < argc ? argv[++i] : "");
        else if (!str_skip(&value, STR("--output=")) && !str_skip(&value, STR("-o=")) && !str_skip(&value, STR("-o")))
            continue;
        json = str_eq_nocase(value, STR("json"));
    }
    return json;
}
