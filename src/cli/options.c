/* Parsing and help by table; see options.h. */
#include "cli/options.h"
#include "base/mem.h"

static const char *const levels[] = {"trace", "debug", "info", "warn", "error", NULL};
static const char *const outputs[] = {"text", "json", "plain", NULL};

#define GLOBAL(member) offsetof(struct cli_globals, member)
const struct cli_option cli_global_options[] = {
    {.name = "",
     .letter = 'C',
     .kind = CLI_TEXT,
     .offset = GLOBAL(directory),
     .value_name = "PATH",
     .help = "Run as if started in PATH; trusts the project there"},
    {.name = "log-level",
     .letter = 'l',
     .kind = CLI_CHOICE,
     .offset = GLOBAL(log_level),
     .value_name = "LEVEL",
     .choices = levels,
     .text_default = "info",
     .help = "What to log to stderr"},
    {.name = "output",
     .letter = 'o',
     .kind = CLI_CHOICE,
     .offset = GLOBAL(output),
     .value_name = "FORMAT",
     .choices = outputs,
     .text_default = "text",
     .help = "Format of results on stdout"},
    {.name = "non-interactive",
     .kind = CLI_FLAG,
     .offset = GLOBAL(non_interactive),
     .help = "Never ask; implied when stdin is not a terminal"},
    {.name = "verbose", .kind = CLI_FLAG, .offset = GLOBAL(verbose), .help = "Log every step (level debug)"},
    {.name = "help", .letter = 'h', .kind = CLI_FLAG, .offset = GLOBAL(help), .help = "Print help"},
    {.name = "version", .letter = 'V', .kind = CLI_FLAG, .offset = GLOBAL(version), .help = "Print version"},
};
const size_t cli_global_option_count = ARRAY_LEN(cli_global_options);

struct parser {
    const struct cli_command *const *commands;
    size_t command_count;
    char *const *argv;
    int argc, at;
    struct arena *arena;
    struct cli_parsed *parsed;
    size_t positional;
    bool options_ended;
    struct error *err;
};

static void set_defaults(const struct cli_option *options, size_t count, void *target)
{
    for (size_t i = 0; i < count; i++)
        if (options[i].kind != CLI_FLAG)
            *(struct str *)((char *)target + options[i].offset) = str_of(options[i].text_default);
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
    const struct cli_option *option = command ? find_option(command->options, command->option_count, name, letter) : NULL;
    *ret_target = parser->parsed->options;
    if (!option) {
        option = find_option(cli_global_options, cli_global_option_count, name, letter);
        *ret_target = &parser->parsed->globals;
    }
    return option;
}

static enum status unknown_option(struct parser *parser, struct str name)
{
    struct str names[64];
    size_t count = 0;
    const struct cli_command *command = parser->parsed->command;
    for (size_t i = 0; command && i < command->option_count && count < ARRAY_LEN(names); i++)
        names[count++] = str_of(command->options[i].name);
    for (size_t i = 0; i < cli_global_option_count && count < ARRAY_LEN(names); i++)
        names[count++] = str_of(cli_global_options[i].name);
    struct str nearest = str_nearest(name, names, count);
    if (nearest.data)
        return fail(parser->err, ST_INVALID, "unknown option --%.*s; did you mean --%.*s?", STR_ARG(name), STR_ARG(nearest));
    return fail(parser->err, ST_INVALID, "unknown option --%.*s; see `wash %s%s--help`", STR_ARG(name),
                command ? command->name : "", command ? " " : "");
}

static enum status store_value(struct parser *parser, const struct cli_option *option, const char *shown, struct str value,
                               void *target)
{
    if (option->kind == CLI_CHOICE) {
        bool known = false;
        struct str choices[16];
        size_t count = 0;
        for (const char *const *choice = option->choices; *choice; choice++) {
            known = known || str_eq_nocase(value, str_of(*choice));
            choices[count++] = str_of(*choice);
        }
        if (!known) {
            autobuf struct buf list = BUF_INIT(BUF_UNLIMITED);
            for (size_t i = 0; i < count; i++)
                buf_addf(&list, "%s%.*s", i ? ", " : "", STR_ARG(choices[i]));
            return fail(parser->err, ST_INVALID, "%s: `%.*s` is not one of: %s", shown, STR_ARG(value), list.data);
        }
    }
    *(struct str *)((char *)target + option->offset) = value;
    return ST_OK;
}

/* inline_value: what followed "=" or the letter, or data NULL. */
static enum status take_option(struct parser *parser, const struct cli_option *option, const char *shown, struct str inline_value,
                               void *target)
{
    if (option->kind == CLI_FLAG) {
        if (inline_value.data)
            return fail(parser->err, ST_INVALID, "%s takes no value", shown);
        *(bool *)((char *)target + option->offset) = true;
        return ST_OK;
    }
    if (!inline_value.data) {
        if (parser->at >= parser->argc)
            return fail(parser->err, ST_INVALID, "%s needs a value: %s %s", shown, shown, option->value_name);
        inline_value = str_of(parser->argv[parser->at++]);
    }
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
            return fail(parser->err, ST_INVALID, "unknown option %s", shown);
        struct str rest = str_from(argument, i + 1);
        if (option->kind == CLI_FLAG) {
            TRY(take_option(parser, option, shown, STR_NULL, target));
            continue;
        }
        return take_option(parser, option, shown, rest.len ? rest : STR_NULL, target);
    }
    return ST_OK;
}

static enum status parse_command(struct parser *parser, struct str name)
{
    struct str names[64];
    for (size_t i = 0; i < parser->command_count; i++) {
        const struct cli_command *command = parser->commands[i];
        names[i] = str_of(command->name);
        if (str_is(name, command->name) || (command->alias && str_is(name, command->alias))) {
            parser->parsed->command = command;
            parser->parsed->options = arena_alloc(parser->arena, MAX(command->options_size, 1));
            set_defaults(command->options, command->option_count, parser->parsed->options);
            set_defaults(command->arguments, command->argument_count, parser->parsed->options);
            return ST_OK;
        }
    }
    struct str nearest = str_nearest(name, names, parser->command_count);
    if (nearest.data)
        return fail(parser->err, ST_INVALID, "unknown command `%.*s`; did you mean `%.*s`?", STR_ARG(name), STR_ARG(nearest));
    return fail(parser->err, ST_INVALID, "unknown command `%.*s`; see `wash --help`", STR_ARG(name));
}

static enum status parse_positional(struct parser *parser, struct str value)
{
    const struct cli_command *command = parser->parsed->command;
    if (!command)
        return parse_command(parser, value);
    if (parser->positional >= command->argument_count)
        return fail(parser->err, ST_INVALID, "unexpected argument `%.*s`; see `wash %s --help`", STR_ARG(value), command->name);
    const struct cli_option *argument = &command->arguments[parser->positional++];
    return store_value(parser, argument, argument->name, value, parser->parsed->options);
}

static enum status parse_all(struct parser *parser)
{
    while (parser->at < parser->argc) {
        struct str argument = str_of(parser->argv[parser->at++]);
        enum status status;
        if (parser->options_ended || argument.len < 2 || argument.data[0] != '-')
            status = parse_positional(parser, argument);
        else if (str_is(argument, "--"))
            parser->options_ended = true, status = ST_OK;
        else if (argument.data[1] == '-')
            status = parse_long(parser, argument);
        else
            status = parse_letters(parser, argument);
        TRY(status);
    }
    const struct cli_command *command = parser->parsed->command;
    if (command && parser->positional < command->argument_count && command->arguments[parser->positional].required &&
        !parser->parsed->globals.help)
        return fail(parser->err, ST_INVALID, "`wash %s` needs %s; see `wash %s --help`", command->name,
                    command->arguments[parser->positional].name, command->name);
    return ST_OK;
}

enum status cli_parse(const struct cli_command *const *commands, size_t command_count, int argc, char *const *argv,
                      struct arena *arena, struct cli_parsed *ret_parsed, struct error *err)
{
    memset(ret_parsed, 0, sizeof *ret_parsed);
    set_defaults(cli_global_options, cli_global_option_count, &ret_parsed->globals);
    struct parser parser = {.commands = commands,
                            .command_count = command_count,
                            .argc = argc,
                            .argv = argv,
                            .at = 1,
                            .arena = arena,
                            .parsed = ret_parsed,
                            .err = err};
    return parse_all(&parser);
}

bool cli_wants_json(int argc, char *const *argv)
{
    bool json = false;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        struct str value = str_of(argv[i]);
        if (str_is(value, "-o") || str_is(value, "--output"))
            value = str_of(i + 1 < argc ? argv[++i] : "");
        else if (!str_skip(&value, STR("--output=")) && !str_skip(&value, STR("-o")))
            continue;
        json = str_eq_nocase(value, STR("json"));
    }
    return json;
}

/* --- help --------------------------------------------------------------------------------------------------------------------- */

enum { HELP_WIDTH = 80, HELP_LEFT = 26, HELP_INDENT = HELP_LEFT + 4 };

/* Words in lines that all begin at column `indent`, where the first one stands already. */
static void help_text(struct buf *out, size_t indent, struct str text)
{
    size_t room = HELP_WIDTH - indent, used = 0;
    struct str word;
    while (str_next_part(&text, ' ', &word)) {
        if (used > 0 && used + 1 + word.len > room) {
            buf_addf(out, "\n%*s", (int)indent, "");
            used = 0;
        }
        buf_addf(out, "%s%.*s", used ? " " : "", STR_ARG(word));
        used += (used ? 1 : 0) + word.len;
    }
    buf_add(out, STR("\n"));
}

static void help_row(struct buf *out, const char *left, const char *help, const struct cli_option *option)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    if (strlen(left) > HELP_LEFT)
        buf_addf(out, "  %s\n%*s", left, HELP_INDENT, "");
    else
        buf_addf(out, "  %-*s  ", HELP_LEFT, left);
    buf_add(&text, str_of(help));
    for (const char *const *choice = option ? option->choices : NULL; choice && *choice; choice++)
        buf_addf(&text, "%s%s", choice == option->choices ? ": " : ", ", *choice);
    if (option && option->text_default)
        buf_addf(&text, " [%s]", option->text_default);
    help_text(out, HELP_INDENT, buf_str(&text));
}

static void help_options(struct buf *out, const char *title, const struct cli_option *options, size_t count)
{
    if (count == 0)
        return;
    buf_addf(out, "\n%s:\n", title);
    for (size_t i = 0; i < count; i++) {
        autobuf struct buf left = BUF_INIT(BUF_UNLIMITED);
        if (options[i].letter)
            buf_addf(&left, "-%c", options[i].letter);
        else
            buf_add(&left, STR("  "));
        if (*options[i].name)
            buf_addf(&left, "%s--%s", options[i].letter ? ", " : "  ", options[i].name);
        if (options[i].kind != CLI_FLAG)
            buf_addf(&left, " %s", options[i].value_name);
        help_row(out, left.data, options[i].help, &options[i]);
    }
}

static void help_command(struct buf *out, const struct cli_command *command)
{
    buf_addf(out, "%s\n\nUsage: wash %s", command->summary, command->name);
    if (command->option_count)
        buf_add(out, STR(" [OPTIONS]"));
    for (size_t i = 0; i < command->argument_count; i++)
        buf_addf(out, command->arguments[i].required ? " <%s>" : " [%s]", command->arguments[i].name);
    buf_add(out, STR("\n"));
    if (command->details) {
        buf_add(out, STR("\n"));
        help_text(out, 0, str_of(command->details));
    }
    if (command->argument_count)
        buf_add(out, STR("\nArguments:\n"));
    for (size_t i = 0; i < command->argument_count; i++)
        help_row(out, command->arguments[i].name, command->arguments[i].help, NULL);
    help_options(out, "Options", command->options, command->option_count);
}

void cli_help(struct buf *out, const struct cli_command *const *commands, size_t command_count, const struct cli_command *command)
{
    if (command) {
        help_command(out, command);
    } else {
        buf_add(out, STR("Build WebAssembly components and run them anywhere\n\nUsage: wash [OPTIONS] <COMMAND>\n\nCommands:\n"));
        for (size_t i = 0; i < command_count; i++)
            help_row(out, commands[i]->name, commands[i]->summary, NULL);
    }
    help_options(out, "Global options", cli_global_options, cli_global_option_count);
    if (!command)
        buf_add(out, STR("\nRun `wash <COMMAND> --help` for a command's own options.\n"));
}
