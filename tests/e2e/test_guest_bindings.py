"""`wash bindgen --guest c` and `--guest go`: what they write for every world at hand compiles without a warning, that in C makes a
component, with the names of wit-bindgen where that was ever built (`tools/cargo-tool.sh wit-bindgen`)."""

import glob
import json
import re
import subprocess

from e2e import *

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
DATA = os.path.join(ROOT, "tests/unit/wit/data")
STRICT = ["-std=c11", "-pedantic", "-Wmissing-prototypes", "-Wshadow", "-Wconversion", "-Wcast-qual"]
NOT_YET = re.compile(r"(is async|uses (a stream|a future|an error-context)), which (C|Go) guests cannot use yet")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def without_async(text):
    """every.wit with what C guests can use."""
    lines = [line for line in text.splitlines() if not re.search(r"\basync\b|\bstream\b|\bfuture\b|\berror-context\b", line)]
    return "\n".join(lines)


def sources(project):
    """(path, world) of every world of the unit tests and of WASI."""
    texts = {"every.wit": read(f"{DATA}/every.wit"), "sync.wit": without_async(read(f"{DATA}/every.wit"))}
    texts["guest.wit"] = read(f"{DATA}/guest.wit")
    for path in glob.glob(f"{DATA}/real/*.wit"):
        texts[os.path.basename(path)] = read(path)
    cases = re.findall(r"^== ([^\n]*)\n(.*?)^--$", read(f"{DATA}/print.txt"), re.M | re.S)
    for number, (_, text) in enumerate(cases):
        texts[f"case{number}.wit"] = text
    for name, text in sorted(texts.items()):
        for world in re.findall(r"^world %?([\w-]+)", text, re.M):
            yield project.write(name, text), world
    guests = os.path.join(ROOT, "tests/guests")
    for name in ("c-hello", "c-echo", "c-types"):
        yield f"{guests}/{name}/wit", name
    for text in glob.glob(os.path.join(ROOT, "wit/wasi/*/*.wit")):
        for world in re.findall(r"^world %?([\w-]+)", read(text), re.M):
            package = re.search(r"^package ([\w:-]+)(@.*);", read(text), re.M)
            yield f"{guests}/c-hello/wit", f"{package.group(1)}/{world}{package.group(2)}" if package else world


def bindgen(source, world, folder):
    """The stem of the files, or None for a world that C guests cannot have."""
    code, out, err = run("bindgen", "--guest", "c", "--all-features", "--world", world, "--out-dir", folder, source)
    if code and NOT_YET.search(err):
        check(re.search(r"(function|type) `", err), err)
        return None
    equal(code, 0, f"{source} {world}: {err}")
    return os.path.join(folder, re.search(r"Wrote (\w+)\.h", out).group(1))


def clang(*arguments):
    if not shutil.which("clang-19"):
        raise Skip("no clang-19")
    done = subprocess.run(["clang-19", "--target=wasm32-unknown-unknown", "-Wall", "-Wextra", "-Werror", *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    equal(done.returncode, 0, done.stdout.decode())


@test
def every_world_compiles():
    """the bindings of every world compile without a warning, with no header but the compiler's"""
    with Project() as project:
        compiled, refused = 0, 0
        for source, world in sources(project):
            stem = bindgen(source, world, project.path("out"))
            refused += stem is None
            if stem:
                clang(*STRICT, "-c", stem + ".c", "-o", project.path("out.o"))
                compiled += 1
        check(compiled >= 35, "only", compiled, "worlds")
        check(refused >= 1, "every.wit has async functions")


def go(*arguments, cwd):
    """The Go of tools/go.sh, for WebAssembly."""
    script = f'tools={ROOT}/tools; . "$tools/lib.sh"; pinned_go; GOOS=wasip1 GOARCH=wasm exec "$go" "$@"'
    done = subprocess.run(["sh", "-euc", script, "go", *arguments], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    equal(done.returncode, 0, done.stdout.decode()[-4000:])


@test
def every_world_compiles_in_go():
    """the Go bindings of every world compile, and go vet has nothing to say"""
    with Project() as project:
        project.write("go.mod", "module example.com/every\n\ngo 1.24\n")
        compiled, refused = 0, 0
        for source, world in sources(project):
            folder = project.path(f"world{compiled}")
            code, _, err = run("bindgen", "--guest", "go", "--all-features", "--world", world, "--out-dir", folder, source)
            if code and NOT_YET.search(err):
                check(re.search(r"(function|type) `", err), err)
                refused += 1
                continue
            equal(code, 0, f"{source} {world}: {err}")
            compiled += 1
        go("vet", "./...", cwd=project.root)
        check(compiled >= 35, "only", compiled, "worlds")
        check(refused >= 1, "every.wit has async functions")


@test
def go_modules():
    """Go bindings import each other by the module that they are in, which has to be there"""
    with Project() as project:
        path = project.write("w.wit", "package a:b; interface i { record r { x: u8 } } world w { use i.{r}; import f: func(x: r); }")
        code, _, err = run("bindgen", "--guest", "go", path, cwd=project.root)
        check(code == 1 and "make one with `go mod init`" in err, err)
        for text, message in ("// empty\n", "names no module"), ('module "a b"\n', "Go cannot import a package `a b/deep/gen`"):
            project.write("go.mod", text)
            code, _, err = run("bindgen", "--guest", "go", path, "--out-dir", "deep/gen", cwd=project.root)
            check(code == 1 and message in err, err)
        equal(sorted(os.listdir(project.root)), [".wash", "go.mod", "w.wit"])
        project.write("go.mod", '// made by hand\nmodule "example.com/it" // quoted\n\ngo 1.24\n')
        os.mkdir(project.path("deep"))
        code, out, err = run("-o", "json", "bindgen", "--guest", "go", path, "--out-dir", "gen", cwd=project.path("deep"))
        equal(code, 0, err)
        for name in json.loads(out)["data"]["files"]:
            check(os.path.exists(project.path("deep/gen/" + name)), name)
        check('"example.com/it/deep/gen/a/b/i"' in read(project.path("deep/gen/w/w.go")), "another import")
        go("vet", "./...", cwd=project.root)


@test
def headers_are_cplusplus():
    """the header can be included from C++, and twice"""
    with Project() as project:
        stem = bindgen(f"{ROOT}/tests/guests/c-types/wit", "c-types", project.path("out"))
        source = project.write("a.cc", f'#include "{stem}.h"\n#include "{stem}.h"\nint a = TEST_C_TYPES_TYPES_LEVEL_HIGH;\n')
        clang("-std=c++17", "-fsyntax-only", source)


@test
def every_world_makes_a_component():
    """linked modules agree with the type they carry, for wit-component and for `wash component new`: all signatures are right"""
    component = os.path.join(ROOT, "tools", "component.sh")
    with Project() as project:
        for source, world in list(sources(project)):
            chosen = os.path.basename(source) in ("sync.wit", "guest.wit") or re.search(r"c-types|/proxy|/command", world)
            if not chosen:
                continue
            stem = bindgen(source, world, project.path("out"))
            # The component's own functions are missing, and no import may be left out.
            clang("-O1", "-nostdlib", "-Wl,--no-entry,--no-gc-sections,--unresolved-symbols=ignore-all", stem + ".c", "-o",
                  project.path("core.wasm"))
            done = subprocess.run([component, "new", project.path("core.wasm"), "-o", project.path("theirs.wasm")],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            equal(done.returncode, 0, f"{source} {world}: {done.stdout.decode()}")
            code, _, err = run("component", "new", project.path("core.wasm"), "-o", project.path("ours.wasm"))
            equal(code, 0, f"{source} {world}: {err}")
            equal(run("inspect", project.path("ours.wasm"))[:2], run("inspect", project.path("theirs.wasm"))[:2], world)


def declarations(path):
    """What a header declares, without comments and white space, and its macros."""
    text = re.sub(r"//.*", "", read(path))
    macros = {name: re.sub(r"(?<=\d)u\b", "", value.strip()) for name, value in re.findall(r"#define (\w+) +(.*)", text)}
    text = re.sub(r"^#.*", "", text, flags=re.M).replace('extern "C" {', "").replace("extern ", "")
    items, depth, item = set(), 0, ""
    for c in re.sub(r"\s+", " ", text):
        depth += (c == "{") - (c == "}")
        item += c
        if c == ";" and depth <= 0:
            items.add(re.sub(r" ?([(){};,*]) ?", r"\1", item).strip())
            item, depth = "", 0
    return items, macros


# What wit-bindgen cannot do: fixed-length lists, names for handles, parameters called as a type or another, upper case keywords.
BEYOND = [(r"^.*\bfixed:.*$", ""), (r"list<u16, 4>", "list<u16>"), (r"^.*\btype handle = .*$", ""), (r"\bz: handle\b", "z: own<thing>"),
          (r"^.*\b(reserved|hide):.*$", ""), (r"\bDEFAULT\b", "OTHER")]
# Two interfaces of one package have one type here where it has one name: both names are declared. And it forgets that a list can be
# freed when an interface before had the same list.
MORE = re.compile(r"typedef \w+_result_\w+_t \w+_result_\w+_t;|void \w+_free\(\w+\*ptr\);")


@test
def same_names_as_wit_bindgen():
    """types, functions and constants are those of wit-bindgen"""
    tool = subprocess.run([os.path.join(ROOT, "tools", "cargo-tool.sh"), "--cached", "wit-bindgen"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout.decode().strip()
    if not tool:
        raise Skip("tools/cargo-tool.sh has not built wit-bindgen")
    with Project() as project:
        compared = 0
        for source, world in list(sources(project)):
            if os.path.basename(source) in ("guest.wit", "sync.wit") or source.endswith("c-types/wit"):
                text = read(source if os.path.isfile(source) else source + "/world.wit")
                for pattern, replacement in BEYOND:
                    text = re.sub(pattern, replacement, text, flags=re.M)
                source = project.write("comparable.wit", text)
            elif not source.endswith("/wit"):
                continue
            stem = bindgen(source, world, project.path("ours"))
            subprocess.run([tool, "c", "--all-features", source, "--world", world, "--out-dir", project.path("theirs")], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            ours, our_macros = declarations(stem + ".h")
            theirs, their_macros = declarations(os.path.join(project.path("theirs"), os.path.basename(stem) + ".h"))
            equal(theirs - ours, set(), f"{source} {world} lacks")
            equal([item for item in ours - theirs if not MORE.fullmatch(item)], [], f"{source} {world} adds")
            equal(our_macros, their_macros, world)
            compared += len(theirs)
        check(compared > 1000, "only", compared, "declarations")


@test
def one_side():
    """one of --host and --guest, and a world that is there"""
    with Project() as project:
        path = project.write("w.wit", "package a:b;\nworld one {}\nworld two {}\n")
        for arguments in ([], ["--host", "--guest", "c"]):
            code, _, err = run("bindgen", *arguments, path, cwd=project.root)
            equal(code, 2)
            check("wash bindgen --guest c" in err, err)
        code, _, err = run("bindgen", "--guest", "c", "--name", "x", "--world", "one", path, cwd=project.root)
        check(code == 2 and "--name goes with --host" in err, err)
        code, _, err = run("bindgen", "--guest", "c", path, cwd=project.root)
        check(code == 1 and "two" in err, err)
        code, _, err = run("bindgen", "--guest", "c", "--world", "three", path, cwd=project.root)
        check(code == 1 and "three" in err, err)
        equal(sorted(os.listdir(project.root)), [".wash", "w.wit"])


if __name__ == "__main__":
    main()
