"""`wash component new`: modules as clang leaves them become components that run, and that wasm-tools agrees with.

The C library, its builtins and clang-19 come from packages, wit-bindgen, wasm-tools and wasmtime from tools/cargo-tool.sh; a test
that needs one that is not there is skipped."""

import json
import subprocess

from e2e import *

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILTINS = "/usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a"
CLANG = ["clang-19", "--target=wasm32-wasi", "--sysroot=/usr", "-I/usr/include/wasm32-wasi", "-L/usr/lib/wasm32-wasi", "-Oz",
         "-nodefaultlibs"]

HELLO = r"""
#include <stdio.h>
int main(int argc, char **argv)
{
    char line[64] = "";
    FILE *input = argc > 2 ? fopen(argv[2], "r") : NULL;
    if (input)
        fgets(line, sizeof line, input);
    printf("hello %s %s\n", argc > 1 ? argv[1] : "nobody", line);
    return 7;
}
"""


def tool(name):
    path = subprocess.run([os.path.join(ROOT, "tools", "cargo-tool.sh"), "--cached", name], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout.decode().strip()
    if not path:
        raise Skip(f"tools/cargo-tool.sh has not built {name}")
    return path


def compile_c(project, out, *arguments):
    if not os.path.exists(BUILTINS) or not os.path.isdir("/usr/include/wasm32-wasi") or not shutil.which("clang-19"):
        raise Skip("no C toolchain for WebAssembly")
    subprocess.run([*CLANG, *arguments, "-lc", BUILTINS, "-o", project.path(out)], check=True, cwd=project.root)


def hello(project):
    project.write("hello.c", HELLO)
    compile_c(project, "hello.wasm", "hello.c")


def http_guest(project, name):
    """A guest of tests/guests as a core module, in core.wasm."""
    wit_bindgen = tool("wit-bindgen")
    source = os.path.join(ROOT, "tests", "guests", name)
    files = name.replace("-", "_")
    subprocess.run([wit_bindgen, "c", "wit", "--world", name, "--out-dir", project.path("gen")], cwd=source, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    compile_c(project, "core.wasm", "-mexec-model=reactor", "-Igen", os.path.join(source, "main.c"), f"gen/{files}.c",
              f"gen/{files}_component_type.o")


def new(project, *arguments):
    code, out, err = run("component", "new", *arguments, cwd=project.root)
    equal(code, 0, err)
    return out


@test
def a_guest_serves():
    """a C guest for HTTP, its C library adapted, answers under wash dev"""
    port = free_port()
    with Project(dev_config(port)) as project:
        http_guest(project, "c-echo")
        new(project, "core.wasm", "-o", "component.wasm")
        with Dev(project, port) as dev:
            status, body, _ = dev.get("/", method="POST", body=b"one two three")
            equal((status, body), (200, b"one two three"))


@test
def a_command_runs():
    """a C program with main: arguments, files, output and exit code go through the adapter"""
    with Project() as project:
        wasmtime = tool("wasmtime")
        hello(project)
        project.write("data/file", "from a file\n")
        new(project, "hello.wasm")
        done = subprocess.run([wasmtime, "run", "--dir", "data", "hello.component.wasm", "you", "data/file"], cwd=project.root,
                              stdout=subprocess.PIPE)
        equal(done.stdout, b"hello you from a file\n\n")
        equal(done.returncode, 1)  # WASI 0.2 tells success and failure apart, no more


@test
def builds_are_wrapped():
    """wash build and wash dev make a component of the core module that a build leaves; of a component they make nothing"""
    port = free_port()
    with Project(dev_config(port).replace("'true'", "cp core.wasm component.wasm")) as project:
        http_guest(project, "c-hello")
        code, _, err = run("build", cwd=project.root)
        equal(code, 0, err)
        check("made a component of the core module" in err, err)
        with open(project.path("component.wasm"), "rb") as file:
            built = file.read()
        equal(built[:8], b"\0asm\x0d\0\x01\0")
        with Dev(project, port) as dev:
            equal(dev.get("/")[:2], (200, b"Hello from wasmCloud!\n"))
            check(dev.has("made a component of the core module"), dev.log())
        project.write("core.wasm", built)
        code, _, err = run("build", cwd=project.root)
        equal(code, 0, err)
        check("made a component" not in err, err)
        with open(project.path("component.wasm"), "rb") as file:
            check(file.read() == built, "the component was changed")
        project.write("core.wasm", b"\0asm\x01\0\0\0" + b"\x02\x0d\x01\x03env\x03abc\x01\x70\0\x01")
        code, _, err = run("build", cwd=project.root)
        equal(code, 1)
        check("make a component of" in err and "import `abc` of `env` is not a function" in err, err)


def without_worlds(module):
    """A core module without the sections that say its world, as a linker that knows none leaves it."""
    def number(at):
        value, shift = 0, 0
        while True:
            value |= (module[at] & 0x7f) << shift
            at, shift = at + 1, shift + 7
            if module[at - 1] < 0x80:
                return value, at

    kept, at = module[:8], 8
    while at < len(module):
        size, content = number(at + 1)
        name_size, name = number(content) if module[at] == 0 else (0, content)
        if not module[name:name + name_size].startswith(b"component-type"):
            kept += module[at:content + size]
        at = content + size
    return kept


@test
def a_world_from_text():
    """--wit and --world say the world that a module does not, and the component is the one of a module that does"""
    with Project() as project:
        wit = os.path.join(ROOT, "tests", "guests", "c-hello", "wit")
        code, _, err = run("bindgen", "--guest", "c", wit, "--out-dir", project.path("gen"))
        equal(code, 0, err)
        compile_c(project, "core.wasm", "-mexec-model=reactor", "-Igen", os.path.join(wit, "../main.c"), "gen/c_hello.c")
        new(project, "core.wasm", "-o", "wanted.wasm")
        with open(project.path("core.wasm"), "rb") as file:
            project.write("bare.wasm", without_worlds(file.read()))
        for arguments, message in [([], "which its world does not name"), (["--wit", wit, "--world", "other"], "other"),
                                   (["--wit", "missing"], "missing"), (["--world", "c-hello"], "say with --wit")]:
            code, _, err = run("component", "new", "bare.wasm", *arguments, cwd=project.root)
            equal(code, 2 if "say with" in message else 1, arguments)
            check(message in err, arguments, err)
        for arguments in [], ["--world", "c-hello"], ["-w", "guest:c-hello/c-hello"]:
            new(project, "bare.wasm", "--wit", wit, *arguments, "-o", "out.wasm")
            with open(project.path("out.wasm"), "rb") as out, open(project.path("wanted.wasm"), "rb") as wanted:
                check(out.read() == wanted.read(), arguments)


def same_as_reference(project, module, adapter):
    """Valid, with the world of the component that wasm-tools makes; the order of its imports aside."""
    wasm_tools = tool("wasm-tools")
    folder = subprocess.run([os.path.join(ROOT, "tools", "preview1-adapter.sh")], check=True, stdout=subprocess.PIPE)
    path = os.path.join(folder.stdout.decode().strip(), adapter + ".wasm")
    new(project, module, "-o", "ours.wasm")
    subprocess.run([wasm_tools, "validate", "--features", "all", project.path("ours.wasm")], check=True)
    subprocess.run([wasm_tools, "component", "new", project.path(module), "--adapt", "wasi_snapshot_preview1=" + path, "-o",
                    project.path("theirs.wasm")], check=True)
    worlds = [subprocess.run([wasm_tools, "component", "wit", project.path(name)], check=True, stdout=subprocess.PIPE).stdout
              for name in ("ours.wasm", "theirs.wasm")]
    equal(sorted(worlds[0].splitlines()), sorted(worlds[1].splitlines()))


@test
def a_command_as_the_reference():
    """the component of a command has the world that wasm-tools gives it"""
    with Project() as project:
        hello(project)
        same_as_reference(project, "hello.wasm", "command")


@test
def a_reactor_as_the_reference():
    """the component of a guest for HTTP has the world that wasm-tools gives it"""
    with Project() as project:
        http_guest(project, "c-echo")
        same_as_reference(project, "core.wasm", "reactor")


@test
def answers():
    """where the component went, as text and as JSON; another adapter than the carried one"""
    with Project() as project:
        hello(project)
        equal(new(project, "hello.wasm").strip(), "Wrote " + project.path("hello.component.wasm"))
        code, out, err = run("-o", "json", "component", "new", "hello.wasm", "-o", "out.wasm", cwd=project.root)
        equal(code, 0, err)
        answer = json.loads(out)
        equal(answer["data"]["path"], project.path("out.wasm"))
        equal(answer["data"]["size_bytes"], os.path.getsize(project.path("out.wasm")))
        code, _, err = run("component", "new", "hello.wasm", "--adapt", "wasi_snapshot_preview1=hello.wasm", cwd=project.root)
        equal(code, 1)
        check("adapter `wasi_snapshot_preview1` has no function" in err, err)


@test
def refusals():
    """one clear error each, and nothing left behind"""
    with Project() as project:
        project.write("text.wasm", "not a module")
        project.write("component.wasm", b"\0asm\x0d\0\x01\0")
        for arguments, message in [(["missing.wasm"], "missing.wasm"), (["text.wasm"], "text.wasm: "),
                                   (["component.wasm"], "it is a component already, not a core module"),
                                   (["text.wasm", "--adapt", "name"], "give it as NAME=FILE"),
                                   (["text.wasm", "--adapt", "a=missing"], "missing")]:
            code, _, err = run("component", "new", *arguments, "-o", "out.wasm", cwd=project.root)
            equal(code, 1, arguments)
            check(message in err, arguments, err)
        project.write("module.wasm", b"\0asm\x01\0\0\0")
        code, out, err = run("component", "new", "module.wasm", "-o", "json", cwd=project.root)
        equal((code, out), (2, ""))
        check("`--output json`" in err and "`-o ./json`" in err, err)
        code, _, err = run("component", "new", "module.wasm", "-o", "no/such/folder/out.wasm", cwd=project.root)
        equal(code, 1)
        check("no/such/folder/out.wasm" in err, err)
        equal(sorted(os.listdir(project.root)), [".wash", "component.wasm", "module.wasm", "text.wasm"])


if __name__ == "__main__":
    main()
