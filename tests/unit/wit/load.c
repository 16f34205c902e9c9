/* Folders, `deps`, files that are none, and choosing a world. */
#include "support.h"

#include "base/mem.h"

#include <sys/stat.h>
#include <unistd.h>

struct folder {
    char path[64];
};

static struct folder make_folder(void)
{
    struct folder folder = {"/tmp/wit-test-XXXXXX"};
    bug_unless(mkdtemp(folder.path));
    return folder;
}

/* Writes a file, making the folders it is in. */
static void put(const struct folder *folder, const char *name, const char *text)
{
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&path, "%s/%s", folder->path, name);
    for (char *slash = path.data + strlen(folder->path) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path.data, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path.data, "we");
    bug_unless(file && fputs(text, file) >= 0);
    fclose(file);
}

static void remove_folder(const struct folder *folder)
{
    autobuf struct buf command = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&command, "rm -rf '%s'", folder->path);
    bug_unless(system(command.data) == 0);
}

/* Loads `name` in the folder and prints it; the message if that fails, without the folder's path. */
static enum status load_and_print(const struct folder *folder, const char *name, struct buf *out)
{
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
    struct wit_model model;
    struct wit_package *main_package = NULL;
    struct error err;
    wit_model_init(&model);
    buf_addf(&path, "%s%s%s", folder->path, *name ? "/" : "", name);
    enum status status = wit_load(&model, path.data, NULL, &main_package, &err);
    if (status == ST_OK)
        status = wit_print(&model, main_package, out, &err);
    struct str message = str_of(err.message), place = str_of(folder->path);
    size_t at;
    while (status != ST_OK && (at = str_find(message, place)) != STR_NONE) {
        buf_add(out, str_slice(message, 0, at));
        message = str_from(message, at + place.len);
    }
    if (status != ST_OK)
        buf_add(out, message);
    wit_model_release(&model);
    return status;
}

TEST(one_package_of_several_files)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    struct folder folder = make_folder();
    put(&folder, "b.wit", "package a:b@1.0.0; world w { import types; }");
    put(&folder, "a.wit", "use types as t; interface user { use t.{x}; }");
    put(&folder, "types.wit", "interface types { type x = u8; }");
    put(&folder, "notes.txt", "not WIT");
    put(&folder, ".hidden.wit", "not WIT");
    put(&folder, "folder.wit/x", "not WIT");
    enum status status = load_and_print(&folder, "", &out);
    remove_folder(&folder);
    CHECK_EQ(status, ST_OK);
    CHECK_STR(buf_str(&out),
              "package a:b@1.0.0;\n\ninterface types {\n  type x = u8;\n}\n\ninterface user {\n  use types.{x};\n}\n\n"
              "world w {\n  import types;\n}\n");
}

/* deps: folders, single files, nested packages in them; in whatever order, deps of deps flat, their own `deps` not looked at. */
TEST(dependencies)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    struct folder folder = make_folder();
    put(&folder, "world.wit", "package a:b; world w { import z:first/i@1.0.0; import n:n/i; }");
    put(&folder, "deps/one/i.wit", "package z:first@1.0.0; interface i { use y:second/j.{t}; }");
    put(&folder, "deps/one/deps/x/i.wit", "not WIT");
    put(&folder, "deps/two.wit", "package y:second; interface j { type t = u8; } package n:n { interface i {} }");
    put(&folder, "deps/readme.md", "not WIT");
    enum status status = load_and_print(&folder, "", &out);
    remove_folder(&folder);
    CHECK_STR(buf_str(&out), "package a:b;\n\nworld w {\n  import y:second/j;\n  import z:first/i@1.0.0;\n  import n:n/i;\n}\n"
                             "package y:second {\n  interface j {\n    type t = u8;\n  }\n}\n\n\n"
                             "package z:first@1.0.0 {\n  interface i {\n    use y:second/j.{t};\n  }\n}\n\n\n"
                             "package n:n {\n  interface i {\n  }\n}\n");
    CHECK_EQ(status, ST_OK);
}

struct fault {
    const char *file, *text, *other_file, *other_text, *load, *message;
    enum status status;
};

static void check_fault(const struct fault *fault)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    struct folder folder = make_folder();
    if (fault->file)
        put(&folder, fault->file, fault->text);
    if (fault->other_file)
        put(&folder, fault->other_file, fault->other_text);
    enum status status = load_and_print(&folder, fault->load, &out);
    remove_folder(&folder);
    CHECK_STR(buf_str(&out), fault->message);
    CHECK_EQ(status, fault->status);
}

TEST(faults)
{
    static const struct fault faults[] = {
        {NULL, NULL, NULL, NULL, "", ": the folder has no .wit files", ST_NOT_FOUND},
        {"a.wit", "interface i {}", NULL, NULL, "",
         ": no file says which package this is; expected a line `package namespace:name;`", ST_INVALID},
        {"a.wit", "package a:b;", "b.wit", "package a:c;", "",
         "/b.wit:1:9: this file is of package `a:c`, but another one in this folder is of `a:b`", ST_INVALID},
        {"a.wit", "/// One.\npackage a:b;", "b.wit", "/// Two.\npackage a:b;", "",
         "/b.wit:2:9: package `a:b` has doc comments in more than one file", ST_INVALID},
        {"a.wit", "package a:b;", "deps/c/c.wit", "package a:b;", "", "/deps/c/c.wit:1:9: package `a:b` is also defined in /a.wit",
         ST_INVALID},
        {"a.wit", "package a:b;", "deps/c/c.txt", "", "", "/deps/c: the folder has no .wit files", ST_NOT_FOUND},
        {"a.wit", "package a:b;", "deps/c.wit", "interface i {}", "",
         "/deps/c.wit: no file says which package this is; expected a line `package namespace:name;`", ST_INVALID},
        {"a.wit", "package a:b; use c:d/e as f;", "c.wit", "interface i { use f.{x}; }", "",
         "/a.wit:1:18: package `c:d` is not among the packages given; add it to the `deps` folder", ST_INVALID},
        {"a.wit", "package a:b; interface x {} use x as f;", "c.wit", "interface i { use f.{x}; }", "",
         "/c.wit:1:19: package `a:b` has no interface or world named `f`", ST_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        check_fault(&faults[i]);
}

TEST(things_that_are_no_files)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED), fifo = BUF_INIT(BUF_UNLIMITED);
    struct folder folder = make_folder();
    buf_addf(&fifo, "%s/x.wit", folder.path);
    bug_unless(mkfifo(fifo.data, 0600) == 0);
    enum status of_fifo = load_and_print(&folder, "x.wit", &out);
    bool says_so = str_is(buf_str(&out), "/x.wit is not a regular file");
    buf_clear(&out);
    enum status of_nothing = load_and_print(&folder, "none.wit", &out);
    remove_folder(&folder);
    CHECK_EQ(of_fifo, ST_INVALID);
    CHECK(says_so);
    CHECK_EQ(of_nothing, ST_NOT_FOUND);
    CHECK(str_starts(buf_str(&out), STR("read /none.wit")));
}

static enum status select_world(const struct wit_model *model, const struct wit_package *main_package, const char *name,
                                struct str *ret, struct error *err)
{
    struct wit_world *world;
    enum status status = wit_select_world(model, main_package, str_of(name), &world, err);
    if (status == ST_OK)
        *ret = arena_str(&((struct wit_model *)(uintptr_t)model)->arena, world->name);
    return status;
}

TEST(choosing_a_world)
{
    struct wit_model model;
    struct wit_package *main_package;
    struct error err;
    struct str name;
    const char *text =
        "package a:b; world only {} package c:d@1.0.0 { world one {} world two {} } package c:d@2.0.0 { world one {} } "
        "package e:f@3.0.0 { world one {} }";
    CHECK_EQ(support_load(&model, str_of(text), NULL, &main_package, &err), ST_OK);
    CHECK_EQ(select_world(&model, main_package, "", &name, &err), ST_OK);
    CHECK_STR(name, "only");
    CHECK_EQ(select_world(&model, main_package, "only", &name, &err), ST_OK);
    CHECK_EQ(select_world(&model, main_package, "c:d/two@1.0.0", &name, &err), ST_OK);
    CHECK_STR(name, "two");
    CHECK_EQ(select_world(&model, main_package, "e:f/one", &name, &err), ST_OK);
    CHECK_EQ(select_world(&model, main_package, "c:d/one", &name, &err), ST_INVALID);
    CHECK_STR(str_of(err.message), "there are several versions of the package of world `c:d/one`; name one");
    CHECK_EQ(select_world(&model, main_package, "g:h/one", &name, &err), ST_NOT_FOUND);
    CHECK_EQ(select_world(&model, main_package, "other", &name, &err), ST_NOT_FOUND);
    CHECK_STR(str_of(err.message), "package `a:b` has no world named `other`");
    struct wit_package *several = wit_package_find(&model, STR("c:d@1.0.0"));
    CHECK_EQ(select_world(&model, several, "", &name, &err), ST_INVALID);
    CHECK_STR(str_of(err.message), "package `c:d@1.0.0` has several worlds: `one`, `two`; name one");
    wit_model_release(&model);
}

/* "package (from)" of what is missing, in order. */
static void list_missing(struct wit_loader *loader, struct buf *out)
{
    struct wit_reference *missing;
    size_t count;
    buf_clear(out);
    wit_loader_missing(loader, &missing, &count);
    for (size_t i = 0; i < count; i++)
        buf_addf(out, "%s%.*s (%.*s)", i ? ", " : "", STR_ARG(missing[i].full_name), STR_ARG(missing[i].from));
}

static void check_missing(struct wit_loader *loader, const struct folder *folder)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    struct error err;
    CHECK_EQ(wit_loader_add_package(loader, folder->path, &err), ST_OK);
    CHECK_EQ(wit_loader_package_count(loader), 2);
    CHECK_STR(wit_loader_package_name(loader, 0), "n:nested");
    CHECK_STR(wit_loader_package_name(loader, 1), "a:a");
    CHECK(wit_loader_has_package(loader, STR("n:nested")) && !wit_loader_has_package(loader, STR("b:b@1.0.0")));
    list_missing(loader, &out);
    CHECK_STR(buf_str(&out), "e:e@2.0.0 (n:nested), c:c (a:a), b:b@1.0.0 (a:a), d:d@0.1.0-rc.1 (a:a)");
    CHECK_EQ(wit_loader_add_text(loader, STR("b"), STR("package b:b@1.0.0; interface i { use f:f/i.{t}; }"), &err), ST_OK);
    list_missing(loader, &out);
    CHECK_STR(buf_str(&out), "e:e@2.0.0 (n:nested), c:c (a:a), d:d@0.1.0-rc.1 (a:a), f:f (b:b@1.0.0)");
}

TEST(what_is_missing)
{
    struct folder folder = make_folder();
    struct wit_model model;
    put(&folder, "a.wit",
        "package a:a;\npackage n:nested { interface i { use e:e/i@2.0.0.{t}; } }\n"
        "world w { import b:b/i@1.0.0; include c:c/w; import x: interface { use b:b/i@1.0.0.{t}; } }\n");
    put(&folder, "b.wit", "interface j { use n:nested/i.{t}; use d:d/i@0.1.0-rc.1.{t}; }\n");
    put(&folder, "deps/c/c.wit", "package c:c;\n"); /* not looked at */
    wit_model_init(&model);
    struct wit_loader *loader = wit_loader_new(&model, NULL);
    check_missing(loader, &folder);
    wit_loader_free(loader);
    wit_model_release(&model);
    remove_folder(&folder);
}

TEST(edited_text)
{
    struct folder folder = make_folder();
    struct wit_model model;
    struct error err;
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
    put(&folder, "a.wit", "package a:before;\n");
    buf_addf(&path, "%s/a.wit", folder.path);
    wit_model_init(&model);
    struct wit_loader *loader = wit_loader_new(&model, NULL);
    wit_loader_replace_text(loader, path.data, STR("package a:after;\n"));
    enum status status = wit_loader_add_package(loader, folder.path, &err);
    bool after = wit_loader_has_package(loader, STR("a:after"));
    wit_loader_free(loader);
    wit_model_release(&model);
    remove_folder(&folder);
    CHECK_EQ(status, ST_OK);
    CHECK(after);
}
