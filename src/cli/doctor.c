/* `wash doctor`: looks at what building, serving and publishing need, and says how to get what is missing. */
#include "base/file.h"
#include "base/mem.h"
#include "base/vec.h"
#include "cli/cleanup.h"
#include "cli/cli.h"
#include "cli/interrupts.h"
#include "io/socket.h"
#include <errno.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define VERSION_TIMEOUT_NS (5 * NS_PER_SECOND)
#define CREDENTIALS_MAX_BYTES (1u << 20)
enum { VERSION_MAX = 8192, NUMBER_MIN = 16, NUMBER_MAX = 25 };

enum grade { GRADE_OK, GRADE_WARN, GRADE_FAIL };
static const char *const grade_names[] = {"ok", "warn", "fail"};

struct finding {
    enum grade grade;
    const char *name;
    struct str detail, fix; /* fix: data NULL where there is nothing to do */
};

struct doctor {
    struct cli_context *context;
    struct arena *arena;
    struct config_project project;
    bool has_project; /* a configuration that could be loaded */
    VEC(struct finding) findings;
};

static void note(struct doctor *doctor, enum grade grade, const char *name, struct str detail, const char *fix)
{
    struct finding finding = {grade, name, detail, str_of(fix)};
    vec_push(&doctor->findings, finding);
}

/* --- programs ----------------------------------------------------------------------------------------------------------------- */

static bool is_program(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

/* Whether the shell would find it: in PATH, or from the project where it has a slash. */
static bool finds_program(const struct doctor *doctor, struct str name)
{
    if (str_find_char(name, '/') != STR_NONE)
        return is_program(config_resolve_path(&doctor->project, name, doctor->arena).data);
    struct str rest = str_of(getenv("PATH")), folder;
    while (str_next_part(&rest, ':', &folder))
        if (is_program(arena_printf(doctor->arena, "%.*s/%.*s", STR_ARG(folder), STR_ARG(name)).data))
            return true;
    return false;
}

/* The first line that a program prints; data NULL: it did not run. */
static struct str first_line(const struct doctor *doctor, const char *const *argv)
{
    autobuf struct buf output = BUF_INIT(VERSION_MAX), errors = BUF_INIT(IO_RUN_ERRORS_MAX);
    const struct io_run run = {.argv = argv, .output = &output, .errors = &errors, .timeout_ns = VERSION_TIMEOUT_NS};
    int code = 0;
    if (cli_run(&run, &code, NULL) != ST_OK || code != 0)
        return STR_NULL;
    struct str rest = str_trim(output.len ? buf_str(&output) : buf_str(&errors)), line;
    return str_next_part(&rest, '\n', &line) ? arena_str(doctor->arena, str_trim(line)) : STR("");
}

/* --- toolchains --------------------------------------------------------------------------------------------------------------- */

struct tool {
    const char *name;
    const char *argument;      /* that makes it print its version */
    const char *const *any_of; /* words of a build command that mean it; NULL-ended */
    const char *purpose, *fix;
    bool numbered;     /* may be there as NAME-NN alone */
    const char *least; /* version, or NULL: any will do */
};

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
static const struct tool tools[] = {
    {"cargo", "--version", WORDS("cargo", "rustc", "wasm32-wasip1", "wasm32-wasip2"), "Rust components",
     "install Rust from https://rustup.rs"},
    {"clang", "--version", WORDS("clang"), "C components", "install clang, 16 or newer, with a wasm32 target", true, "16"},
    {"wasm-ld", "--version", WORDS("wasm-ld", "clang", "cargo"), "linking components",
     "install lld (Rust brings its own, rust-lld)", true},
    {"node", "--version", WORDS("node", "npm", "npx", "jco", "yarn", "pnpm"), "JavaScript components",
     "install Node.js, 20 or newer", false, "20"},
    {"npm", "--version", WORDS("npm", "npx"), "JavaScript components", "install npm; it comes with Node.js"},
    {"python3", "--version", WORDS("python", "python3", "pip", "componentize-py"), "Python components",
     "install Python, 3.10 or newer", false, "3.10"},
    {"componentize-py", "--version", WORDS("componentize-py"), "Python components", "run `pip install componentize-py`"},
    {"tinygo", "version", WORDS("tinygo"), "Go components that are built with it", "install TinyGo from https://tinygo.org"},
    {"go", "version", WORDS("go", "tinygo"), "Go components", "install Go, 1.24 or newer, from https://go.dev", false, "1.24"},
    {"git", "--version", WORDS("git"), "`wash new`", "install git"},
};

/* Words are cut at what separates them in a shell. */
static bool has_word(struct str command, const char *word)
{
    size_t len = strlen(word), found;
    for (size_t from = 0; (found = str_find(str_from(command, from), str_of(word))) != STR_NONE;) {
        size_t at = from + found, end = at + len;
        bool starts = at == 0 || strchr(" \t\n;&|('\"/=", command.data[at - 1]);
        bool ends = end == command.len || strchr(" \t\n;&|)'\"", command.data[end]);
        if (starts && ends)
            return true;
        from = end;
    }
    return false;
}

/* By a command of the project; a linker that clang or Rust brings along is not needed by itself. */
static bool needs(const struct doctor *doctor, const struct tool *tool)
{
    const struct wash_config *config = &doctor->project.config;
    const struct str commands[] = {config->build.command, config->dev.command};
    bool needed = false;
    for (size_t i = 0; doctor->has_project && i < ARRAY_LEN(commands); i++)
        for (const char *const *word = tool->any_of; *word && commands[i].data; word++)
            needed =
                needed || (has_word(commands[i], *word) && (strcmp(tool->name, "wasm-ld") != 0 || strcmp(*word, "wasm-ld") == 0));
    return needed;
}

/* clang-19 where there is no clang, as Debian has it; only good for those who know its name. */
static struct str find_numbered(const struct doctor *doctor, const struct tool *tool)
{
    for (unsigned number = NUMBER_MAX; tool->numbered && number >= NUMBER_MIN; number--) {
        struct str program = arena_printf(doctor->arena, "%s-%u", tool->name, number);
        if (finds_program(doctor, program))
            return program;
    }
    return STR_NULL;
}

static uint64_t next_number(struct str *text)
{
    uint64_t number = 0;
    for (; text->len && text->data[0] >= '0' && text->data[0] <= '9'; *text = str_from(*text, 1))
        number = number < UINT32_MAX ? number * 10 + (uint64_t)(text->data[0] - '0') : number;
    return number;
}

/* By the first numbers of what a program says of its version: "go version go1.24.3 linux/amd64". */
static bool is_older(struct str version, const char *least)
{
    struct str wanted = str_of(least);
    while (version.len && !(version.data[0] >= '0' && version.data[0] <= '9'))
        version = str_from(version, 1);
    while (wanted.len) {
        uint64_t number = next_number(&version), least_number = next_number(&wanted);
        if (number != least_number)
            return number < least_number;
        str_skip(&version, STR("."));
        str_skip(&wanted, STR("."));
    }
    return false;
}

static void check_tool(struct doctor *doctor, const struct tool *tool)
{
    bool needed = needs(doctor, tool);
    struct str program = finds_program(doctor, str_of(tool->name)) ? str_of(tool->name) : find_numbered(doctor, tool);
    const char *const argv[] = {program.data, tool->argument, NULL};
    if (!program.data || (needed && !str_is(program, tool->name))) {
        note(doctor, needed ? GRADE_FAIL : GRADE_WARN, tool->name,
             arena_printf(doctor->arena, needed ? "not found, and this project's build uses it" : "not found; for %s",
                          tool->purpose),
             tool->fix);
        return;
    }
    struct str version = first_line(doctor, argv);
    if (version.data && !(tool->least && is_older(version, tool->least)))
        note(doctor, GRADE_OK, tool->name, version, NULL);
    else if (version.data)
        note(doctor, needed ? GRADE_FAIL : GRADE_WARN, tool->name,
             arena_printf(doctor->arena, "%.*s is too old for %s", STR_ARG(version), tool->purpose), tool->fix);
    else
        note(doctor, needed ? GRADE_FAIL : GRADE_WARN, tool->name,
             arena_printf(doctor->arena, "`%s %s` does not work", tool->name, tool->argument), tool->fix);
}

/* rustc keeps the libraries of each target in a folder of its own. */
static void check_rust_target(struct doctor *doctor, const char *target)
{
    static const char *const argv[] = {"rustc", "--print", "sysroot", NULL};
    struct tool tool = {.name = target, .any_of = WORDS(target)};
    struct str path =
        doctor->project.config.build.component_path; /* target/wasm32-wasip2/release/x.wasm: cargo's settings name it */
    struct stat info;
    bool needed = needs(doctor, &tool) || (doctor->has_project && path.data && str_find(path, str_of(target)) != STR_NONE);
    if (!finds_program(doctor, STR("rustc")))
        return;
    struct str sysroot = first_line(doctor, argv);
    struct str folder = arena_printf(doctor->arena, "%.*s/lib/rustlib/%s", STR_ARG(sysroot), target);
    if (sysroot.data && stat(folder.data, &info) == 0)
        note(doctor, GRADE_OK, target, STR("Rust target is installed"), NULL);
    else
        note(doctor, needed ? GRADE_FAIL : GRADE_WARN, target, STR("Rust target is not installed"),
             arena_printf(doctor->arena, "run `rustup target add %s`", target).data);
}

/* Whatever a command begins with has to be there, known to us or not. */
static void check_command(struct doctor *doctor, const char *name, struct str command)
{
    static const char *const builtins[] = {"cd", "set", "export", "true",    "false",  "echo",  "test",
                                           "[",  ".",   "exec",   "if",      "for",    "while", "(",
                                           "{",  ":",   "eval",   "command", "printf", "exit",  NULL};
    struct str rest = str_trim(command), word = STR("");
    while (str_next_part(&rest, ' ', &word) && (word.len == 0 || str_find_char(word, '=') != STR_NONE))
        ; /* VARIABLE=value before it */
    bool plain = word.len > 0;
    for (size_t i = 0; i < word.len; i++)
        plain = plain && !strchr("\"'$`(){};&|<>*?\n\t\\", word.data[i]);
    for (size_t i = 0; plain && builtins[i]; i++)
        plain = !str_is(word, builtins[i]);
    if (!plain)
        return;
    if (finds_program(doctor, word))
        note(doctor, GRADE_OK, name, arena_printf(doctor->arena, "begins with `%.*s`, which is there", STR_ARG(word)), NULL);
    else
        note(doctor, GRADE_FAIL, name, arena_printf(doctor->arena, "begins with `%.*s`, which is not found", STR_ARG(word)),
             arena_printf(doctor->arena, "install it, or change %s", name).data);
}

/* --- this machine, this user -------------------------------------------------------------------------------------------------- */

static void check_version(struct doctor *doctor)
{
    struct utsname system;
    if (uname(&system) != 0)
        snprintf(system.release, sizeof system.release, "unknown");
    note(doctor, GRADE_OK, "wash", arena_printf(doctor->arena, WASH_VERSION_TEXT ", Linux %s", system.release), NULL);
}

static void check_config(struct doctor *doctor)
{
    struct error err;
    if (cli_load_project(doctor->context, &doctor->project, &err) != ST_OK) {
        note(doctor, GRADE_FAIL, "configuration", arena_str(doctor->arena, str_of(err.message)),
             "`wash config validate` shows all");
        doctor->project = (struct config_project){.root = doctor->context->start_directory};
        config_defaults(&wash_config_schema, &doctor->project.config);
        return;
    }
    doctor->has_project = doctor->project.config_path.data != NULL;
    if (doctor->has_project)
        note(doctor, GRADE_OK, "configuration", doctor->project.config_path, NULL);
    else
        note(doctor, GRADE_WARN, "configuration", STR("no project here"), "go to a project, or `wash config init` makes one");
}

static void check_address(struct doctor *doctor)
{
    struct str address = doctor->project.config.dev.address;
    struct io_listening listening;
    struct error problem;
    enum status status = io_listen_named(address, 1, &listening, &problem);
    if (status == ST_OK) {
        io_listening_close(&listening);
        note(doctor, GRADE_OK, "dev.address", arena_printf(doctor->arena, "%.*s is free", STR_ARG(address)), NULL);
        return;
    }
    note(doctor, doctor->has_project ? GRADE_FAIL : GRADE_WARN, "dev.address",
         arena_printf(doctor->arena, "%.*s: %s", STR_ARG(address), problem.message),
         status == ST_EXISTS ? "stop what listens there, or set dev.address to another port"
                             : "set dev.address to an address of this machine");
}

static void check_cache(struct doctor *doctor)
{
    struct str path = doctor->context->folders.cache;
    struct error err;
    bool existed;
    uint64_t bytes;
    if (!path.data) {
        note(doctor, GRADE_WARN, "cache", STR("neither XDG_CACHE_HOME nor HOME names a folder"),
             "set HOME; without it nothing is kept");
        return;
    }
    if (file_make_folders(path.data, CLI_FOLDER_MODE, &err) != ST_OK || access(path.data, W_OK | X_OK) != 0) {
        note(doctor, GRADE_WARN, "cache", arena_printf(doctor->arena, "%.*s cannot be written", STR_ARG(path)),
             "make it writable, or set XDG_CACHE_HOME; without it code is compiled anew each time");
        return;
    }
    if (cli_cleanup(path.data, true, &existed, &bytes, &err) != ST_OK) {
        note(doctor, GRADE_WARN, "cache", arena_str(doctor->arena, str_of(err.message)), "look at that folder");
        return;
    }
    autobuf struct buf size = BUF_INIT(BUF_UNLIMITED);
    cli_format_size(&size, bytes);
    note(doctor, GRADE_OK, "cache", arena_printf(doctor->arena, "%.*s: %s", STR_ARG(path), size.data), NULL);
}

/* --- credentials of registries ------------------------------------------------------------------------------------------------ */

static struct str credentials_path(const struct doctor *doctor)
{
    const char *folder = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
    if (folder && *folder)
        return arena_printf(doctor->arena, "%s/config.json", folder);
    return home ? arena_printf(doctor->arena, "%s/.docker/config.json", home) : STR_NULL;
}

static bool is_helper_name(struct str name)
{
    bool valid = name.len > 0;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        valid = valid && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("._-", c)));
    }
    return valid;
}

static void check_helper(struct doctor *doctor, const char *helper)
{
    struct str program = arena_printf(doctor->arena, "docker-credential-%s", helper ? helper : "");
    if (!helper || !is_helper_name(str_of(helper)))
        note(doctor, GRADE_FAIL, "registry credentials",
             arena_printf(doctor->arena, "`%s` is not the name of a credential helper", helper ? helper : ""),
             "correct it in the file");
    else if (!finds_program(doctor, program))
        note(doctor, GRADE_FAIL, "registry credentials", arena_printf(doctor->arena, "%.*s is not found", STR_ARG(program)),
             "install it, or take it out of the file");
    else
        note(doctor, GRADE_OK, "registry credentials", arena_printf(doctor->arena, "%.*s is there", STR_ARG(program)), NULL);
}

static void check_helpers(struct doctor *doctor, const json_t *tree)
{
    const json_t *store = json_object_get(tree, "credsStore");
    json_t *helpers = json_object_get(tree, "credHelpers"), *helper;
    const char *registry;
    if (store)
        check_helper(doctor, json_string_value(store));
    json_object_foreach(helpers, registry, helper) check_helper(doctor, json_string_value(helper));
}

static void check_credentials(struct doctor *doctor)
{
    static const char name[] = "registry credentials";
    struct str path = credentials_path(doctor);
    struct stat info;
    struct error err;
    json_error_t problem;
    if (!path.data || stat(path.data, &info) != 0) {
        note(doctor, GRADE_OK, name, STR("none: public registries only"), NULL);
        return;
    }
    autobuf struct buf text = BUF_INIT(CREDENTIALS_MAX_BYTES);
    if (file_read(path.data, &text, &err) != ST_OK) {
        note(doctor, GRADE_FAIL, name, arena_str(doctor->arena, str_of(err.message)), "make the file readable for you");
        return;
    }
    json_t *tree = json_loadb(buf_str(&text).data, text.len, 0, &problem);
    bool secrets = json_object_size(json_object_get(tree, "auths")) > 0;
    if (!json_is_object(tree))
        note(doctor, GRADE_FAIL, name, arena_printf(doctor->arena, "%.*s is not a JSON object", STR_ARG(path)),
             "correct the file, or log in again");
    else if (secrets && (info.st_mode & (S_IRWXG | S_IRWXO)))
        note(doctor, GRADE_WARN, name, arena_printf(doctor->arena, "%.*s can be read by others", STR_ARG(path)),
             arena_printf(doctor->arena, "run `chmod 600 %.*s`", STR_ARG(path)).data);
    else
        note(doctor, GRADE_OK, name, path, NULL);
    check_helpers(doctor, tree);
    json_decref(tree);
}

/* --- the report --------------------------------------------------------------------------------------------------------------- */

static size_t count(const struct doctor *doctor, enum grade grade)
{
    size_t n = 0;
    for (size_t i = 0; i < doctor->findings.len; i++)
        n += doctor->findings.items[i].grade == grade;
    return n;
}

/* Versions, paths and the like come from elsewhere: escaped. */
static void add_finding(struct buf *out, const struct finding *finding, bool color)
{
    static const enum cli_style styles[] = {CLI_GREEN, CLI_YELLOW, CLI_RED};
    cli_paint(out, color, styles[finding->grade], grade_names[finding->grade]);
    buf_addf(out, "%*s%s: ", 6 - (int)strlen(grade_names[finding->grade]), "", finding->name);
    if (buf_append_escaped(out, finding->detail) != ST_OK)
        bug("escape");
    buf_add(out, STR("\n"));
    if (!finding->fix.data)
        return;
    buf_add(out, STR("      fix: "));
    if (buf_append_escaped(out, finding->fix) != ST_OK)
        bug("escape");
    buf_add(out, STR("\n"));
}

static json_t *report_data(const struct doctor *doctor)
{
    json_t *checks = json_array();
    for (size_t i = 0; i < doctor->findings.len; i++) {
        const struct finding *finding = &doctor->findings.items[i];
        json_array_append_new(checks, json_pack("{s:s, s:s, s:o, s:o}", "name", finding->name, "status",
                                                grade_names[finding->grade], "detail", cli_json_text(finding->detail), "fix",
                                                finding->fix.data ? cli_json_text(finding->fix) : json_null()));
    }
    return json_pack("{s:o, s:I, s:I}", "checks", checks, "warnings", (json_int_t)count(doctor, GRADE_WARN), "failures",
                     (json_int_t)count(doctor, GRADE_FAIL));
}

static enum status report(struct doctor *doctor, struct error *err)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    size_t failures = count(doctor, GRADE_FAIL);
    for (size_t i = 0; i < doctor->findings.len; i++)
        add_finding(&text, &doctor->findings.items[i], doctor->context->terminal.color_out);
    if (failures == 0) {
        cli_result(doctor->context, buf_str(&text), "Nothing that is needed is missing", report_data(doctor));
        return ST_OK;
    }
    (void)!fail(err, ST_NOT_FOUND, "%zu of %zu checks failed", failures, doctor->findings.len);
    cli_failure_data(doctor->context, buf_str(&text), err->message, report_data(doctor));
    doctor->context->reported = true;
    return ST_NOT_FOUND;
}

static enum status run_doctor(struct cli_context *context, const void *options UNUSED, struct error *err)
{
    struct doctor doctor = {.context = context, .arena = context->arena};
    check_version(&doctor);
    check_config(&doctor);
    if (doctor.has_project && doctor.project.config.build.command.data)
        check_command(&doctor, "build.command", doctor.project.config.build.command);
    if (doctor.has_project && doctor.project.config.dev.command.data)
        check_command(&doctor, "dev.command", doctor.project.config.dev.command);
    for (size_t i = 0; i < ARRAY_LEN(tools) && !cli_interrupted(); i++)
        check_tool(&doctor, &tools[i]);
    check_rust_target(&doctor, "wasm32-wasip2");
    check_rust_target(&doctor, "wasm32-wasip1");
    check_address(&doctor);
    check_credentials(&doctor);
    check_cache(&doctor);
    enum status status = cli_interrupted() ? fail(err, ST_CANCELLED, "interrupted") : report(&doctor, err);
    vec_release(&doctor.findings);
    return status;
}

const struct cli_command cli_doctor = {
    .name = "doctor",
    .summary = "Check what building, serving and publishing need on this machine",
    .details = "Looks at toolchains, the configuration, the port of dev.address, registry credentials and the cache. What "
               "the project here needs and does not find fails, with exit code 1; what only other projects need is a "
               "warning.",
    CLI_EXAMPLES({"What is missing, and what installs it", "wash doctor"}),
    .run = run_doctor,
};
