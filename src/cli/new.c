/* `wash new`: a project from a template, which is a git repository or a folder.
 *
 * Everything happens in a folder of our own beside the target, which becomes the project by one rename at the end: a failure or
 * Ctrl-C leaves nothing behind. Only then does the template's own command run, in the new project: if that fails, the project is
 * whole, and the command can be run again. */
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/url.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/git.h"
#include "cli/interrupts.h"
#include "cli/tree.h"
#include "config/wash.h"
#include "wasi/path.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

struct new_options {
    struct str template, name, subfolder, git_ref;
    bool no_run;
};

struct new_project {
    struct cli_context *context;
    const struct new_options *options;
    struct str folder; /* the template's, absolute, if it is one to be copied or cloned from; else data NULL */
    bool copied;
    struct str shown;          /* the template, for messages */
    struct str name, target;   /* of the project; target: absolute */
    struct str work, unpacked; /* our folder beside the target, and what was fetched in it */
    struct str command;        /* the template's new.command, or data NULL */
    bool broken;               /* its configuration cannot be read */
};

/* --- what is asked for -------------------------------------------------------------------------------------------------------- */

static enum status check_name(struct str name, const char *what, const char *instead, struct error *err)
{
    bool good = name.len > 0 && name.len <= NAME_MAX && name.data[0] != '-' && !str_is(name, ".") && !str_is(name, "..") &&
                !str_eq_nocase(name, STR(".git")) && str_valid_utf8(name);
    for (size_t i = 0; good && i < name.len; i++)
        good = (unsigned char)name.data[i] >= 0x20 && name.data[i] != 0x7f && name.data[i] != '/';
    if (!good)
        return fail(err, ST_INVALID, "%s `%.*s` cannot be the name of a folder%s", what, STR_ARG(name), instead);
    return ST_OK;
}

static enum status check_subfolder(struct str subfolder, struct error *err)
{
    struct str rest = subfolder, part;
    bool good = subfolder.len > 0 && !str_starts(subfolder, STR("/")) && str_valid_utf8(subfolder);
    while (good && str_next_part(&rest, '/', &part))
        good = !str_is(part, "..") && !str_eq_nocase(part, STR(".git"));
    if (!good)
        return fail(err, ST_INVALID, "--subfolder `%.*s` is not a folder inside the template", STR_ARG(subfolder));
    return ST_OK;
}

static struct str last_segment(struct str path)
{
    while (str_ends(path, STR("/")))
        path.len--;
    size_t cut = str_find_last_char(path, '/');
    if (cut == STR_NONE)
        cut = str_find_last_char(path, ':');
    return cut == STR_NONE ? path : str_from(path, cut + 1);
}

static struct str default_name(const struct new_project *project)
{
    if (project->options->subfolder.data)
        return last_segment(project->options->subfolder);
    struct str name = last_segment(project->folder.data ? project->folder : project->options->template);
    if (name.len > 4 && str_ends(name, STR(".git")))
        name.len -= 4;
    return name;
}

static bool exists_in(struct str folder, const char *name)
{
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
    struct stat info;
    buf_addf(&path, "%.*s/%s", STR_ARG(folder), name);
    return stat(path.data, &info) == 0;
}

/* A folder here wins over an address that reads the same. One of a repository without files is cloned, like a repository of which
 * some other state than its files is wanted. */
static enum status find_template(struct new_project *project, struct error *err)
{
    const struct new_options *options = project->options;
    struct arena *arena = project->context->arena;
    struct str path = cli_path(project->context, options->template);
    struct stat info;
    if (options->git_ref.data)
        if (cli_git_check_ref(options->git_ref, err) != ST_OK)
            return fail_wrap(err, "--git-ref");
    if (options->template.len > 0 && stat(path.data, &info) == 0 && S_ISDIR(info.st_mode)) {
        autofree char *real = realpath(path.data, NULL);
        if (!real)
            return fail_errno(err, "%s", path.data);
        project->folder = arena_str(arena, str_of(real));
        bool bare =
            exists_in(project->folder, "HEAD") && exists_in(project->folder, "objects") && exists_in(project->folder, "refs");
        project->copied = !bare && !options->git_ref.data;
        project->shown = project->folder;
        return ST_OK;
    }
    enum status status = cli_git_check_url(options->template, err);
    if (status == ST_NOT_FOUND)
        return fail(err, status, "%s; a template is mostly a folder of a repository: `wash new ADDRESS --subfolder FOLDER`",
                    err->message);
    TRY(status);
    project->shown = url_shown(arena, options->template);
    return ST_OK;
}

static enum status plan(struct new_project *project, struct error *err)
{
    const struct new_options *options = project->options;
    struct arena *arena = project->context->arena;
    struct stat info;
    TRY(find_template(project, err));
    if (options->subfolder.data)
        TRY(check_subfolder(options->subfolder, err));
    project->name = arena_str(arena, options->name.data ? options->name : default_name(project));
    if (options->name.data)
        TRY(check_name(project->name, "--name", "", err));
    else
        TRY(check_name(project->name, "the template's name", "; choose one with --name", err));
    project->target = cli_path(project->context, project->name);
    if (lstat(project->target.data, &info) == 0)
        return fail(err, ST_EXISTS, "Output directory already exists: %s; choose another name with --name", project->target.data);
    struct str inside = arena_printf(arena, "%.*s/", STR_ARG(project->folder));
    autofree char *here = realpath(project->context->start_directory.data, NULL);
    if (project->copied && here && str_starts(arena_printf(arena, "%s/", here), inside))
        return fail(err, ST_INVALID, "the project would be inside its template, %s; say where to put it with -C",
                    project->folder.data);
    return ST_OK;
}

/* --- fetching ----------------------------------------------------------------------------------------------------------------- */

static enum status make_work_folder(struct new_project *project, struct error *err)
{
    struct str pattern = arena_printf(project->context->arena, "%.*s/.wash-new.XXXXXX", STR_ARG(project->context->start_directory));
    if (!mkdtemp((char *)(uintptr_t)pattern.data))
        return fail_errno(err, "make a folder in %.*s", STR_ARG(project->context->start_directory));
    project->work = pattern;
    project->unpacked = arena_printf(project->context->arena, "%s/template", pattern.data);
    return ST_OK;
}

static enum status copy_folder(const struct new_project *project, struct error *err)
{
    autoclose int from = open(project->folder.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (from < 0)
        return fail_errno(err, "open %s", project->folder.data);
    autoclose int to =
        mkdir(project->unpacked.data, 0777) == 0 ? open(project->unpacked.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (to < 0)
        return fail_errno(err, "make %s", project->unpacked.data);
    return cli_tree_copy(from, to, err);
}

static enum status fetch(const struct new_project *project, struct error *err)
{
    const struct new_options *options = project->options;
    if (project->copied)
        return copy_folder(project, err);
    struct cli_git_clone clone = {
        .url = project->folder.data ? project->folder.data : options->template.data,
        .ref = options->git_ref.data,
        .folder = project->unpacked.data,
        .on_terminal = cli_interactive(&project->context->parsed.globals) && isatty(STDERR_FILENO),
    };
    return cli_git_clone(&clone, err);
}

/* The folder in `parent` that may have been meant by `name`; data NULL: none. */
static struct str nearest_folder(struct str parent, struct str name, struct arena *arena)
{
    autonames struct file_names names = {0};
    VEC(struct str) folders = {0};
    struct str nearest = STR_NULL;
    if (file_names(parent.data, &names, NULL) != ST_OK)
        return nearest;
    vec_each (other, &names.list) {
        struct stat info;
        if (lstat(arena_printf(arena, "%s/%s", parent.data, *other).data, &info) == 0 && S_ISDIR(info.st_mode))
            vec_push(&folders, str_of(*other));
    }
    nearest = str_nearest(name, folders.items, folders.len);
    if (nearest.data)
        nearest = arena_str(arena, nearest);
    vec_release(&folders);
    return nearest;
}

static enum status fail_no_folder(const struct new_project *project, struct str parent, struct str name, struct error *err)
{
    struct arena *arena = project->context->arena;
    struct str top = arena_printf(arena, "%s/template/", project->work.data), inside = arena_printf(arena, "%s/", parent.data);
    struct str nearest = nearest_folder(parent, name, arena);
    str_skip(&inside, top);
    if (!nearest.data)
        return fail(err, ST_NOT_FOUND, "the template has no folder `%.*s`", STR_ARG(project->options->subfolder));
    return fail(err, ST_NOT_FOUND, "the template has no folder `%.*s`; did you mean `%.*s%.*s`?",
                STR_ARG(project->options->subfolder), STR_ARG(inside), STR_ARG(nearest));
}

/* The part of the template that becomes the project; no link leads to it. */
static enum status choose_subfolder(struct new_project *project, struct error *err)
{
    struct arena *arena = project->context->arena;
    struct str rest = project->options->subfolder, part;
    struct str path = project->unpacked;
    struct stat info;
    while (str_next_part(&rest, '/', &part)) {
        if (part.len == 0 || str_is(part, "."))
            continue;
        struct str parent = path;
        path = arena_printf(arena, "%s/%.*s", parent.data, STR_ARG(part));
        if (lstat(path.data, &info) != 0 || !S_ISDIR(info.st_mode))
            return fail_no_folder(project, parent, part, err);
    }
    project->unpacked = path;
    return ST_OK;
}

static enum status move_into_place(const struct new_project *project, struct error *err)
{
    if (cli_interrupted())
        return fail(err, ST_CANCELLED, "interrupted");
    if (renameat2(AT_FDCWD, project->unpacked.data, AT_FDCWD, project->target.data, RENAME_NOREPLACE) == 0)
        return ST_OK;
    if (errno == EEXIST)
        return fail(err, ST_EXISTS, "Output directory already exists: %s", project->target.data);
    /* Some file systems cannot promise that. */
    if (errno == EINVAL && rename(project->unpacked.data, project->target.data) == 0)
        return ST_OK;
    return fail_errno(err, "move the project to %s", project->target.data);
}

static enum status create(struct new_project *project, struct error *err)
{
    TRY(make_work_folder(project, err));
    enum status status = fetch(project, err);
    if (status == ST_OK && project->options->subfolder.data)
        status = choose_subfolder(project, err);
    if (status == ST_OK)
        status = cli_tree_settle(project->unpacked.data, err);
    if (status == ST_OK)
        status = move_into_place(project, err);
    struct error left;
    if (cli_tree_remove(project->work.data, &left) != ST_OK && status == ST_OK)
        *err = left, status = left.status;
    return status;
}

/* --- the template's command --------------------------------------------------------------------------------------------------- */

/* Of the project's own configuration only: a project that the new one is inside of is none of its business. Where it has mistakes,
 * another version of wash may know better, or its new owner: nothing of it runs. */
static void read_command(struct new_project *project)
{
    struct config_project config;
    struct error err;
    if (!exists_in(project->target, ".wash"))
        return;
    project->broken = config_load_project(project->target, true, project->context->arena, &config, &err) != ST_OK;
    if (project->broken)
        log_warn("the template's configuration has mistakes: no set-up command is run", LOG_TEXT("mistake", err.message));
    else if (str_eq(config.root, project->target))
        project->command = config.config.new_project.command;
}

static enum status run_command(const struct new_project *project, struct error *err)
{
    const char *const argv[] = {"/bin/sh", "-c", project->command.data, NULL};
    const struct io_run run = {
        .argv = argv, .directory = project->target.data, .on_terminal = cli_interactive(&project->context->parsed.globals)};
    int code;
    enum status status = cli_run(&run, &code, err);
    if (status != ST_OK)
        return fail_wrap(err, "the project is in %s, but its set-up `%.*s` did not finish", project->target.data,
                         STR_ARG(project->command));
    if (code != 0)
        return fail(err, ST_INVALID, "the project is in %s, but its set-up failed with exit code %d: %.*s", project->target.data,
                    code, STR_ARG(project->command));
    return ST_OK;
}

/* ret_run: whether it ran. It is shown before anything of it happens. */
static enum status set_up(const struct new_project *project, bool *ret_run, struct error *err)
{
    autobuf struct buf shown = BUF_INIT(BUF_UNLIMITED);
    *ret_run = false;
    if (!project->command.data || project->options->no_run)
        return ST_OK;
    if (buf_append_escaped(&shown, project->command) != ST_OK)
        return fail(err, ST_LIMIT, "the template's command is too long");
    fprintf(stderr, "The template's set-up command, in %s:\n\n    %s\n\n", project->target.data, shown.data ? shown.data : "");
    if (!cli_confirm(project->context, "Run it?"))
        return ST_OK;
    TRY(run_command(project, err));
    *ret_run = true;
    return ST_OK;
}

/* --- the command -------------------------------------------------------------------------------------------------------------- */

static void say(const struct new_project *project, bool was_run)
{
    struct arena *arena = project->context->arena;
    const struct new_options *options = project->options;
    struct str message = arena_printf(arena, "Project '%s' created successfully at %s", project->name.data, project->target.data);
    json_t *data = json_pack(
        "{s:o, s:o, s:o, s:o}", "name", cli_json_text(project->name), "repository", cli_json_text(project->shown), "subfolder",
        options->subfolder.data ? cli_json_text(options->subfolder) : json_null(), "output_dir", cli_json_text(project->target));
    cli_result(project->context, message, message.data, data);
    bool elsewhere = project->context->parsed.globals.directory.data != NULL;
    const char *folder = cli_shell_word(arena, elsewhere ? project->target : project->name).data;
    if (project->broken)
        cli_hint(project->context, "cd %s && wash config validate", folder);
    else if (project->command.data && !was_run)
        cli_hint(project->context, "cd %s, then set it up with `%.*s`, and `wash dev`", folder, STR_ARG(project->command));
    else
        cli_hint(project->context, "cd %s && wash dev", folder);
}

static enum status new_run(struct cli_context *context, const void *options, struct error *err)
{
    struct new_project project = {.context = context, .options = options};
    struct cli_interrupts interrupts;
    bool was_run;
    TRY(plan(&project, err));
    cli_interrupts_hold(&interrupts);
    enum status status = create(&project, err);
    cli_interrupts_release(&interrupts);
    TRY(status);
    read_command(&project);
    TRY(set_up(&project, &was_run, err));
    say(&project, was_run);
    return ST_OK;
}

#define OPTION(member) offsetof(struct new_options, member)
static const struct cli_option options[] = {
    {.name = "name",
     .kind = CLI_TEXT,
     .offset = OPTION(name),
     .value_name = "NAME",
     .help = "Folder to make; default: the last name of the subfolder or the template"},
    {.name = "subfolder",
     .kind = CLI_TEXT,
     .offset = OPTION(subfolder),
     .value_name = "PATH",
     .help = "Folder of the template that becomes the project"},
    {.name = "git-ref", .kind = CLI_TEXT, .offset = OPTION(git_ref), .value_name = "REF", .help = "Branch, tag or commit to take"},
    {.name = "no-run", .kind = CLI_FLAG, .offset = OPTION(no_run), .help = "Do not run the template's set-up command"},
};
static const struct cli_option arguments[] = {
    {.name = "TEMPLATE",
     .kind = CLI_TEXT,
     .offset = OPTION(template),
     .required = true,
     .complete = CLI_COMPLETE_FOLDERS,
     .help = "Address of a git repository, or a folder"},
};

const struct cli_command cli_new = {
    .name = "new",
    .summary = "Create a project from a template: a git repository or a folder",
    .details =
        "A repository is fetched over https, http, ssh, git or file, without its history, submodules and hooks. Of a folder, "
        "all is copied but .git, node_modules and folders with a CACHEDIR.TAG (such as cargo's target). The template's "
        "set-up command (new.command in its .wash/config.yaml) is shown, and runs if you agree, or if nobody can be asked.",
    .options_size = sizeof(struct new_options),
    .options = options,
    .option_count = ARRAY_LEN(options),
    .arguments = arguments,
    .argument_count = ARRAY_LEN(arguments),
    CLI_EXAMPLES(
        {"A project from one folder of a repository of templates",
         "wash new https://git.example.com/acme/templates.git --subfolder rust/http"},
        {"The same from a folder of this machine, under a name of its own", "wash new ../templates/rust/http --name shop"}),
    .run = new_run,
};
