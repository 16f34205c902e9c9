"""WIT in the binary format of components: what we encode is what wasm-tools encodes, and each reads what the other wrote.

WIT_TOOL names the program of tests/wit. The reference is built by `tools/cargo-tool.sh wasm-tools`; until then these are skipped. Text goes to both as our printer writes it, for wasm-tools takes `//` comments for documentation."""

import glob
import subprocess

from e2e import *

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
TOOL = os.environ.get("WIT_TOOL", "build/tests/wit-tool")


def reference(*arguments):
    tool = subprocess.run([os.path.join(ROOT, "tools", "cargo-tool.sh"), "--cached", "wasm-tools"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout.decode().strip()
    if not tool:
        raise Skip("tools/cargo-tool.sh has not built wasm-tools")
    return subprocess.run([tool, *arguments], check=True, stdout=subprocess.PIPE).stdout


def ours(*arguments):
    return subprocess.run([TOOL, *arguments], check=True, stdout=subprocess.PIPE).stdout


def sources(project):
    """Every package there is to compare: ours of WASI with their dependencies, and those of the unit tests."""
    wasi = os.path.join(ROOT, "wit", "wasi")
    for name in sorted(os.listdir(wasi)):
        deps = project.path(name, "deps")
        shutil.copytree(os.path.join(wasi, name), project.path(name))
        for other in os.listdir(wasi):
            if other != name:
                shutil.copytree(os.path.join(wasi, other), os.path.join(deps, other))
        yield project.path(name)
    yield from sorted(glob.glob(os.path.join(ROOT, "tests/unit/component/packages/*.wit")))
    yield os.path.join(ROOT, "tests/unit/wit/data/every.wit")


def each_package(check_one):
    with Project() as project:
        for number, source in enumerate(sources(project)):
            text = project.write(f"text{number}.wit", ours("print", source))
            check_one(project, source, text)
        check(number >= 10, "only", number, "packages")


@test
def same_bytes():
    """our encoding is wasm-tools' encoding, but for `producers`, and is valid"""

    def check_one(project, source, text):
        encoded = project.write("ours.wasm", ours("encode", text))
        project.write("theirs.wasm", reference("component", "wit", "--all-features", "--wasm", text))
        reference("strip", "-d", "producers", project.path("theirs.wasm"), "-o", project.path("theirs.wasm"))
        with open(encoded, "rb") as a, open(project.path("theirs.wasm"), "rb") as b:
            check(a.read() == b.read(), "encodings differ:", source)
        reference("validate", "--features", "all", encoded)

    each_package(check_one)


@test
def read_by_the_other():
    """wasm-tools prints what we encoded as we print what wasm-tools encoded"""

    def check_one(project, source, text):
        encoded = project.write("ours.wasm", ours("encode", text))
        theirs = project.write("theirs.wasm", reference("component", "wit", "--all-features", "--wasm", text))
        wanted = reference("component", "wit", theirs)
        equal(ours("print", theirs), wanted, source)
        equal(reference("component", "wit", encoded), wanted, source)
        equal(ours("print", encoded), wanted, source)

    each_package(check_one)


if __name__ == "__main__":
    main()
