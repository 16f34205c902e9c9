"""Templates: each is made into a project by `wash new`, built by its own build.command, and served where HTTP in is all it needs.

The toolchains that the commands name are stood in for by those of tests/templates/bin. What a template builds is kept in the build
cache, by a hash of the template and of the tools: an unchanged template is not built again."""

import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile

from e2e import Dev, Skip, WASH, check, equal, free_port, main, run, test

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TEMPLATES = os.path.join(ROOT, "templates")
TOOLS = os.path.join(ROOT, "tests", "templates", "bin")
CACHE = os.environ.get("WASH_BUILD_CACHE", os.path.expanduser("~/.cache/wash-build"))
COMPLETE = {"PATH": TOOLS + ":" + os.environ["PATH"], "WASH": os.path.abspath(WASH)}
BUILT = ("node_modules", "target", "generated", "gen", ".venv", "component.wasm", "core.wasm", "dist")


def templates():
    found = sorted(os.path.relpath(os.path.dirname(os.path.dirname(path)), TEMPLATES)
                   for path in glob.glob(os.path.join(TEMPLATES, "**", ".wash", "config.yaml"), recursive=True, include_hidden=True))
    return [name for name in found if not any(part in BUILT for part in name.split("/"))]


def files_of(folder):
    for path, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in BUILT)
        for name in sorted(names):
            if name not in BUILT:
                yield os.path.join(path, name)


def read(path):
    with open(path) as file:
        return file.read()


def key(name):
    """What goes into a template's component: its files, and the tools with their pinned versions; for C our own bindings too."""
    tools = [path for pattern in ("*.sh", "*.mjs", "npm/*/package-lock.json", "python/*.txt")
             for path in glob.glob(os.path.join(ROOT, "tools", pattern))]
    digest = hashlib.sha256()
    for path in [*files_of(os.path.join(TEMPLATES, name)), *sorted(tools), *files_of(TOOLS), *([WASH] if name.startswith("c/") else [])]:
        with open(path, "rb") as file:
            digest.update(os.path.basename(path).encode() + b"\0" + hashlib.sha256(file.read()).digest())
    return digest.hexdigest()[:16]


class Project:
    """A project made of a template by `wash new`; its components are built, or come from the cache."""

    def __init__(self, name):
        self.name = name
        self.folder = tempfile.mkdtemp(prefix="wash-template-")
        self.root = os.path.join(self.folder, "project")
        try:
            self.make()
        except BaseException:
            self.__exit__()
            raise

    def make(self):
        name = self.name
        cached = os.path.join(CACHE, f"template-{name.replace('/', '-')}-{key(name)}")
        ready = os.path.isdir(cached)
        # Python's set-up needs the network; Node's is stood in for.
        more = ["--no-run"] if ready or name.startswith("python/") else []
        code, out, err = run("new", os.path.join(TEMPLATES, name), "--name", "project", *more, cwd=self.folder, env=COMPLETE, timeout=600)
        equal(code, 0, out + err)
        if ready:
            shutil.copytree(cached, self.root, dirs_exist_ok=True)
        else:
            self.build()
            self.keep(cached)

    def setting(self, section, key):
        """A one-line setting of the configuration, which the templates keep as plain as that."""
        found = re.search(rf"^{section}:\n(?:  .*\n)*?  {key}: (.*)$", read(os.path.join(self.root, ".wash", "config.yaml")), re.M)
        return found and found[1]

    def components(self):
        config = read(os.path.join(self.root, ".wash", "config.yaml"))
        return re.findall(r"^ *(?:component_path|file|service_file): (.*)$", config, re.M)

    def build(self):
        done = subprocess.run(["sh", "-c", self.setting("build", "command")], cwd=self.root, env={**os.environ, **COMPLETE}, timeout=1500,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        equal(done.returncode, 0, done.stdout.decode("utf-8", "replace")[-4000:])

    def keep(self, cached):
        new = tempfile.mkdtemp(prefix=cached + ".", dir=CACHE) if os.path.isdir(CACHE) else None
        for component in self.components() if new else []:
            os.makedirs(os.path.dirname(os.path.join(new, component)), exist_ok=True)
            shutil.copy(os.path.join(self.root, component), os.path.join(new, component))
        try:
            if new:
                os.rename(new, cached)
        except OSError:  # another run was first
            shutil.rmtree(new)

    def world(self, component=None):
        code, out, err = run("inspect", os.path.join(self.root, component or self.components()[0]))
        equal(code, 0, err)
        return out

    def serve(self):
        """`wash dev` in it, without building again."""
        path = os.path.join(self.root, ".wash", "config.yaml")
        config = read(path)
        with open(path, "w") as file:
            file.write(config.replace("dev:\n", "dev:\n  command: 'true'\n", 1) if "dev:\n" in config else config + "dev:\n  command: 'true'\n")
        port = free_port()
        return Dev(self, port, env={"WASH_DEV_ADDRESS": f"127.0.0.1:{port}", "WASH_SHARDS": "1"})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)


def greets(name):
    with Project(name) as project:
        check("export wasi:http/incoming-handler@0.2." in project.world(), project.world())
        with project.serve() as dev:
            status, body, headers = dev.get("/")
            equal((status, body), (200, b"Hello from wasmCloud!\n"))
            check(headers["content-type"].startswith("text/plain"), headers)


@test
def rust_hello():
    """EX-1: http-hello-world in Rust"""
    greets("http-hello-world")


@test
def c_hello():
    """EX-1: http-hello-world in C"""
    if run("component", "--help")[0] != 0:
        raise Skip("this wash has no `component new`")
    greets("c/http-hello-world")


@test
def javascript_hello():
    """EX-1: http-hello-world in JavaScript"""
    greets("javascript/http-hello-world")


@test
def python_hello():
    """EX-1: http-hello-world in Python"""
    greets("python/http-hello-world")


@test
def typescript_hello_fetch():
    """DOC-8: http-hello-world-fetch"""
    greets("typescript/http-hello-world-fetch")


@test
def typescript_hello_hono():
    """DOC-8: http-hello-world-hono"""
    greets("typescript/http-hello-world-hono")


# --- what holds for all of them -----------------------------------------------------------------------------------------------------


def without_versions(text):
    """WIT without what differs where a toolchain knows one version of WASI only."""
    return re.sub(r"@since\(version = 0\.2\.\d+\)", "@since", re.sub(r"@0\.2\.\d+", "@0.2", text))


@test
def declarations_are_ours():
    """The WIT that templates carry is the project's own, and one text wherever it appears"""
    known = {}
    for path in files_of(TEMPLATES):
        inside = re.search(r"/wit/deps/(.*\.wit)$", path)
        if not inside:
            continue
        ours = os.path.join(ROOT, "wit", "wasi", inside[1])
        wanted = read(ours) if os.path.exists(ours) else known.setdefault(inside[1], read(path))
        equal(without_versions(read(path)), without_versions(wanted), path)


@test
def packages_are_pinned():
    """Lock files name versions and checksums, no place; all templates in TypeScript and JavaScript pin the same"""
    most = json.loads(read(os.path.join(TEMPLATES, "typescript/http-hello-world-hono/package-lock.json")))["packages"]
    for path in files_of(TEMPLATES):
        if os.path.basename(path) == "Cargo.lock":
            for source in re.findall(r'^source = "(.*)"$', read(path), re.M):
                equal(source, "registry+https://github.com/rust-lang/crates.io-index", path)
        if os.path.basename(path) != "package-lock.json":
            continue
        for where, entry in json.loads(read(path))["packages"].items():
            if not where.startswith("node_modules/") or entry.get("link"):
                continue
            check("resolved" not in entry and entry["integrity"].startswith("sha512-"), path, where)
            equal((entry["version"], entry["integrity"]), (most[where]["version"], most[where]["integrity"]), f"{path}: {where}")


@test
def each_is_complete():
    """Each has a README of a title and a few lines, a configuration that wash reads, and what builds leave in .gitignore"""
    check(len(templates()) >= 6, templates())
    for name in templates():
        folder = os.path.join(TEMPLATES, name)
        for manifest, lock in ("Cargo.toml", "Cargo.lock"), ("package.json", "package-lock.json"):
            equal(os.path.exists(os.path.join(folder, manifest)), os.path.exists(os.path.join(folder, lock)), f"{name}: {manifest} and {lock}")
        readme = read(os.path.join(folder, "README.md")).splitlines()
        check(readme[0] == "# " + os.path.basename(name) and 4 <= len(readme) <= 6, name, readme)
        ignored = read(os.path.join(folder, ".gitignore")).split()
        for component in re.findall(r"^  component_path: (.*)$", read(os.path.join(folder, ".wash", "config.yaml")), re.M):
            check(any(component.startswith(entry) for entry in ignored), name, component, ignored)


if __name__ == "__main__":
    main()
