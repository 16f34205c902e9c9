"""Templates: each is made into a project by `wash new`, built by its own build.command, and served where HTTP in is all it needs.

The toolchains that the commands name are stood in for by those of tests/templates/bin. What a template builds is kept in the build
cache, by a hash of the template and of the tools: an unchanged template is not built again."""

import glob
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

from e2e import Dev, WASH, check, equal, eventually, free_port, main, run, test

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


RUST = ["cargo-wasm.sh", "rust-sysroot.sh", "component.sh", "component.mjs", "npm/component/package-lock.json", "npm/js/package-lock.json"]
NODE = ["npm-tools.sh", "python/node.txt"]
TOOLS_OF = {"c": [], "go": ["go.sh", "lib.sh"], "python": ["python/componentize-py.txt"], "javascript": NODE, "typescript": NODE}


def key(name):
    """What goes into a template's component: its files, and the tools with their pinned versions; for C and Go, wash itself."""
    language = name.split("/")[0]
    tools = [os.path.join(ROOT, "tools", tool) for tool in TOOLS_OF.get(language, RUST)]
    stand_ins = [path for path in files_of(TOOLS) if language == "go" or os.path.basename(path) not in ("go", "wash")]
    digest = hashlib.sha256()
    for path in [*files_of(os.path.join(TEMPLATES, name)), *stand_ins, *tools, *([WASH] if language in ("c", "go") else [])]:
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

    def components(self):
        config = read(os.path.join(self.root, ".wash", "config.yaml"))
        return re.findall(r"^ *(?:component_path|file|service_file): (.*)$", config, re.M)

    def build(self):
        code, out, err = run("build", cwd=self.root, env=COMPLETE, timeout=1500)
        equal(code, 0, (out + err)[-4000:])

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


def greets(name, greeting="Hello from wasmCloud!", component=None, nowhere=None):
    """`component`: where it is; `nowhere`: what is answered, with 404, to other paths. None: anything."""
    with Project(name) as project:
        equal(project.components()[0], component or project.components()[0])
        check("export wasi:http/incoming-handler@0.2." in project.world(), project.world())
        with project.serve() as dev:
            status, body, headers = dev.get("/")
            equal((status, body), (200, greeting.encode() + b"\n"))
            check(headers["content-type"].startswith("text/plain"), headers)
            if nowhere:
                equal(dev.get("/nowhere")[:2], (404, nowhere.encode()))


def line_of(name, path, number):
    return read(os.path.join(TEMPLATES, name, path)).splitlines()[number - 1]


@test
def rust_hello():
    """EX-1: http-hello-world in Rust, as the tutorial has it: the greeting in line 13, other paths, a world to add imports to"""
    name = "http-hello-world"
    greets(name, nowhere="Not found\n")
    check("Hello from wasmCloud!" in line_of(name, "src/lib.rs", 13))
    check("world hello {" in read(os.path.join(TEMPLATES, name, "wit/world.wit")))


@test
def c_hello():
    """EX-1: http-hello-world in C"""
    greets("c/http-hello-world")


@test
def go_hello():
    """EX-1: http-hello-world in Go, whose runtime lives on from one request to the next or starts anew"""
    with Project("go/http-hello-world") as project, project.serve() as dev:
        for _ in range(500):
            status, body, headers = dev.get("/")
            equal((status, body, headers["content-type"]), (200, b"Hello from wasmCloud!\n", "text/plain"))
        check("export wasi:http/incoming-handler@0.2.12" in project.world(), project.world())


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
    """DOC-8: http-hello-world-hono, as the tutorial has it: the greeting in line 7, other paths, the names of world and file"""
    name = "typescript/http-hello-world-hono"
    greets(name, "Hello from TypeScript!", "dist/http_hello_world_hono.wasm", "Not found\n")
    check("Hello from TypeScript!" in line_of(name, "src/component.ts", 7))
    check("world typescript-http-hello-world-hono {" in read(os.path.join(TEMPLATES, name, "wit/world.wit")))



@test
def typescript_loop():
    """DOC-8: `npm run dev` serves what `npm run build` leaves, and builds and serves again when a source changes"""
    with Project("typescript/http-hello-world-hono") as project:
        path = os.path.join(project.root, "package.json")
        package = json.loads(read(path))
        package["scripts"]["build"] = "echo built >> builds"  # the component is there
        with open(path, "w") as file:
            json.dump(package, file)
        if not os.path.exists(os.path.join(project.root, "node_modules")):
            subprocess.run(["npm", "install"], cwd=project.root, env={**os.environ, **COMPLETE}, check=True, stdout=subprocess.DEVNULL)
        port = free_port()
        env = {**COMPLETE, "WASH_DEV_ADDRESS": f"127.0.0.1:{port}", "WASH_SHARDS": "1"}
        with Dev(project, port, command=["npm", "run", "dev"], env=env) as dev:
            equal(dev.get("/")[0], 200)
            equal(read(os.path.join(project.root, "builds")), "built\n")
            with open(os.path.join(project.root, "src", "component.ts"), "a") as file:
                file.write("// changed\n")
            eventually(lambda: sum("listening for HTTP requests" in line for line in dev.lines) == 2, "the second build", 60)
            equal(read(os.path.join(project.root, "builds")), "built\n" * 2)
            equal(dev.get("/")[0], 200)
            os.killpg(dev.process.pid, signal.SIGINT)  # as Ctrl-C does
            dev.process.wait(timeout=60)


def imports(name, wanted, component=0):
    """Built, and its world has these lines: served once the host has the interfaces."""
    with Project(name) as project:
        for path in project.components():
            check(os.path.exists(os.path.join(project.root, path)), path)
        world = project.world(project.components()[component])
        for line in wanted:
            check(f"  {line};" in world, name, line, "is not in", world[:2000])


HTTP_OUT = "export wasi:http/incoming-handler@0.2.12"


@test
def rust_client():
    """EX-1: http-client in Rust"""
    imports("http-client", ["import wasi:http/outgoing-handler@0.2.12", HTTP_OUT])


@test
def rust_handler():
    """EX-1: http-handler: routes, JSON, queries"""
    with Project("http-handler") as project, project.serve() as dev:
        equal(dev.get("/")[:2], (200, b"Hello from wasmCloud!\n"))
        equal(dev.get("/hello/world?times=2")[:2], (200, b"Hello, world!\n" * 2))
        equal(dev.get("/hello/world?times=1000")[0], 400)
        status, body, headers = dev.get("/sum", "POST", b'{"numbers": [1, 2, 3.5]}', {"content-type": "application/json"})
        equal((status, json.loads(body), headers["content-type"]), (200, {"sum": 6.5}, "application/json"))
        equal(dev.get("/sum", "POST", b"{}", {"content-type": "application/json"})[0], 422)
        equal(dev.get("/nowhere")[0], 404)


@test
def rust_kv_handler():
    """EX-1: http-kv-handler in Rust"""
    imports("http-kv-handler", ["import wasi:keyvalue/store@0.2.0-draft", HTTP_OUT])


@test
def rust_distributed():
    """EX-1: http-api-with-distributed-workloads in Rust"""
    name = "http-api-with-distributed-workloads"
    imports(name, ["import wasi:config/store@0.2.0-rc.1", "import wasmcloud:messaging/consumer@0.2.0", HTTP_OUT])
    for worker in 1, 2:
        imports(name, ["import wasmcloud:messaging/consumer@0.2.0", "export wasmcloud:messaging/handler@0.2.0"], worker)


@test
def rust_service_tcp():
    """EX-1: service-tcp in Rust"""
    imports("service-tcp", ["import wasi:sockets/tcp@0.2.12", HTTP_OUT])
    with Project("service-tcp") as project:  # the version of the run interface is the toolchain's
        world = project.world(project.components()[1])
        check("import wasi:sockets/tcp@0.2.12;" in world and "export wasi:cli/run@0.2." in world, world[:2000])


@test
def typescript_client():
    """DOC-8: http-client in TypeScript"""
    imports("typescript/http-client", ["import wasi:http/outgoing-handler@0.2.10", "export wasi:http/incoming-handler@0.2.10"])


@test
def typescript_handler():
    """DOC-8: http-handler-hono: routes, JSON, middleware"""
    with Project("typescript/http-handler-hono") as project, project.serve() as dev:
        status, body, headers = dev.get("/")
        equal((status, body), (200, b"Hello from wasmCloud!\n"))
        check(headers["x-request-id"] and headers["server-timing"].startswith("handler;dur="), headers)
        equal(headers["access-control-allow-origin"], "*")
        status, body, _ = dev.get("/notes", "POST", b'{"text": "first"}', {"content-type": "application/json"})
        equal((status, json.loads(body)), (201, {"id": "1", "text": "first"}))
        equal(dev.get("/notes", "POST", b"{}")[0], 400)
        equal((dev.get("/notes/7")[0], dev.get("/nowhere")[0], dev.get("/notes/7", "DELETE")[0]), (404, 404, 404))


@test
def typescript_kv_handler():
    """DOC-8: http-kv-handler-hono"""
    imports("typescript/http-kv-handler-hono",
            ["import wasi:keyvalue/store@0.2.0-draft", "import wasi:keyvalue/atomics@0.2.0-draft", HTTP_OUT])


@test
def typescript_logging_handler():
    """DOC-8: http-logging-handler-hono"""
    imports("typescript/http-logging-handler-hono", ["import wasi:logging/logging@0.1.0-draft", HTTP_OUT])


@test
def typescript_blobstore_handler():
    """DOC-8: http-blobstore-handler-hono"""
    imports("typescript/http-blobstore-handler-hono", ["import wasi:blobstore/blobstore@0.2.0-draft", HTTP_OUT])


@test
def typescript_filesystem_handler():
    """DOC-8: http-filesystem-handler-hono: files of the mounted folder, and none beside it"""
    with Project("typescript/http-filesystem-handler-hono") as project, project.serve() as dev:
        equal(json.loads(dev.get("/")[1]), ["hello.txt"])
        status, body, headers = dev.get("/hello.txt")
        equal((status, body, headers["content-type"]), (200, b"Hello from a file!\n", "text/plain; charset=utf-8"))
        equal(dev.get("/nowhere")[0], 404)
        equal(dev.get("/..%2f.wash%2fconfig.yaml")[0], 403)


@test
def typescript_distributed():
    """DOC-8: http-api-with-distributed-workloads in TypeScript"""
    name = "typescript/http-api-with-distributed-workloads"
    imports(name, ["import wasmcloud:messaging/consumer@0.2.0", HTTP_OUT])
    imports(name, ["import wasmcloud:messaging/consumer@0.2.0", "export wasmcloud:messaging/handler@0.2.0"], 1)


@test
def typescript_service_tcp_echo():
    """DOC-8: service-tcp-echo"""
    name = "typescript/service-tcp-echo"
    imports(name, ["import wasi:sockets/tcp@0.2.12", HTTP_OUT])
    imports(name, ["import wasi:sockets/tcp@0.2.12", "export wasi:cli/run@0.2.12"], 1)


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
        manifest, lock = os.path.join(folder, "go.mod"), os.path.join(folder, "go.sum")
        if os.path.exists(manifest):  # there is no go.sum for a module that needs no other
            equal("require" in read(manifest), os.path.exists(lock), f"{name}: go.mod and go.sum")
        readme = read(os.path.join(folder, "README.md")).splitlines()
        check(readme[0] == "# " + os.path.basename(name) and 4 <= len(readme) <= 6, name, readme)
        ignored = read(os.path.join(folder, ".gitignore")).split()
        for component in re.findall(r"^  component_path: (.*)$", read(os.path.join(folder, ".wash", "config.yaml")), re.M):
            check(any(component.startswith(entry) for entry in ignored), name, component, ignored)


if __name__ == "__main__":
    main()
