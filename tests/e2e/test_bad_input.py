"""Every line under "bad input": one clear line, exit 1; a guest can harm only its own request."""

import json
import os
import re
import socket
import subprocess
import threading
import time

from e2e import *


def fails(project, pattern, *arguments, code=1, **options):
    got, out, err = run(*arguments, "dev", cwd=options.pop("cwd", project.root), **options)
    equal(got, code, err)
    check(re.search(pattern, err), f"no {pattern!r} in {err!r}")
    errors = [line for line in err.splitlines() if line.startswith("error:")]
    equal(len(errors), 1, err)
    return errors[0]


def bad_component(data, pattern):
    with Project(dev_config(free_port())) as project:
        project.write("component.wasm", data)
        fails(project, pattern)


@test
def not_a_component():
    """a file that is not WebAssembly"""
    bad_component(b"#!/bin/sh\necho hello\n", r"component\.wasm: neither a component nor a core module")


@test
def empty_file():
    """an empty file"""
    bad_component(b"", r"component\.wasm")


@test
def core_module():
    """a core module where a component is wanted: as a build's result it becomes one, if it can"""
    imports = b"\0asm\x01\0\0\0" + b"\x01\x04\x01\x60\0\0" + b"\x02\x0d\x01\x03env\x05other\0\0"
    bad_component(imports, r"make a component of .*component\.wasm: the module imports `other` of `env`")
    bad_component(b"\0asm\x01\0\0\0", r"component\.wasm: a core module that does not say for which world")
    with Project(f"dev:\n  address: 127.0.0.1:{free_port()}\n  component_path: component.wasm\n") as project:
        project.write("component.wasm", b"\0asm\x01\0\0\0")
        fails(project, r"component\.wasm.*core module")


@test
def truncated():
    """a truncated component"""
    with open(guest("hello"), "rb") as file:
        data = file.read()
    for length in (9, 100, len(data) // 2, len(data) - 1):
        bad_component(data[:length], r"component\.wasm")


@test
def missing_component():
    """a build that leaves no component"""
    with Project(dev_config(free_port())) as project:
        fails(project, r"component\.wasm")


@test
def build_fails():
    """a build command that fails"""
    with Project(dev_config(free_port()).replace("'true'", "'echo oops; exit 7'")) as project:
        fails(project, r"build command.*exit.*7")


@test
def import_nobody_offers():
    """an import nobody offers"""
    with serve_failing("missing-import") as (project, line):
        check("component imports instance `" in line and "but a matching implementation was not found in the linker" in line, line)


class serve_failing:
    def __init__(self, name):
        self.project = Project(dev_config(free_port()), guest(name))

    def __enter__(self):
        return self.project, fails(self.project, ".")

    def __exit__(self, *_):
        self.project.__exit__()


@test
def port_in_use():
    """a port in use"""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with Project(dev_config(port), guest("hello")) as project:
            fails(project, rf"{port}.*in use; dev\.address or WASH_DEV_ADDRESS")


@test
def no_project():
    """a folder that is no project, nor in one: what is missing, and what makes it"""
    with Project() as project:
        os.remove(project.path(".wash/config.yaml"))
        os.rmdir(project.path(".wash"))
        line = fails(project, r"neither /\S+ nor a folder above it has a \.wash/config\.yaml")
        check(os.path.realpath(project.root) in line and "`wash new`" in line and "`wash config init`" in line, line)
        for command in ("build", "inspect"):
            code, _, err = run(command, cwd=project.root)
            equal(code, 1)
            check(err.startswith("error: build.command is required in wash config: neither ") and "`wash new`" in err, err)
        project.write(os.path.basename(project.root) + ".wasm", b"not a component")
        fails(project, "not a WebAssembly")  # a component that is there is served without a configuration


@test
def bad_address():
    """an address that is none"""
    with Project(dev_config(1).replace("127.0.0.1:1", "nonsense"), guest("hello")) as project:
        fails(project, r"nonsense")


@test
def unreadable_config():
    """a configuration that cannot be read or parsed"""
    with Project("build: [unclosed\n") as project:
        fails(project, r"config\.yaml: line \d+")
    with Project() as project:
        os.remove(project.path(".wash/config.yaml"))
        os.mkdir(project.path(".wash/config.yaml"))
        fails(project, r"config\.yaml")


@test
def unknown_key():
    """an unknown key, with the nearest known one"""
    with Project("dev:\n  adress: 127.0.0.1:1\n") as project:
        fails(project, r"dev\.adress.*did you mean `address`")


@test
def wrong_type():
    """a value of the wrong kind"""
    with Project("build:\n  command: [a, b]\n") as project:
        fails(project, r"build\.command: expected text, got a list")


@test
def writable_config():
    """a configuration or its folder that is writable by all is refused, unless -C names the project"""
    for name in (".wash/config.yaml", ".wash"):
        port = free_port()
        with Project(dev_config(port), guest("hello")) as project:
            os.chmod(project.path(name), 0o777)
            fails(project, r"writable by every user")
            with Dev(project, port, "-C", project.root) as dev:
                equal(dev.get("/")[0], 200)


@test
def foreign_config():
    """a configuration of another user is refused"""
    if os.geteuid() != 0:
        raise Skip("needs root to make a file of another user")
    with Project(dev_config(free_port()), guest("hello")) as project:
        os.chmod(project.root, 0o755)
        os.chown(project.path(".wash/config.yaml"), 12345, 12345)
        fails(project, r"belongs to another user", user=65534, env={"HOME": "/nonexistent", "XDG_CACHE_HOME": project.root})


@test
def unknown_command():
    """an unknown command or option, with the nearest known one"""
    code, _, err = run("inpsect", "x")
    equal(code, 2)
    check("did you mean `wash inspect`" in err, err)
    code, _, err = run("inspect", "--verbos", "x")
    equal(code, 2)
    check("--verbose" in err, err)


@test
def errors_as_json():
    """with -o json every outcome is one JSON object on standard output"""
    with Project(dev_config(free_port()).replace("'true'", "'echo built; exit 7'")) as project:
        for code, arguments in ((2, ("inpsect", "-o", "json")), (2, ("-ojson", "bindgen")), (1, ("-o", "json")), (1, ("-o", "json", "inspect", "none.wasm")),
                                (1, ("-o", "json", "dev"))):
            got, out, err = run(*arguments, cwd=project.root)
            equal(got, code, (arguments, err))
            answer = json.loads(out)
            equal((answer["success"], answer["data"], bool(answer["message"])), (False, None, True), arguments)
        check("built" in err, "the build's output:", err)
        answer = json.loads(run("-V", "-o", "json")[1])
        check(answer["success"] and answer["data"]["version"], answer)


@test
def no_command():
    """without a command: one line that says what to do"""
    code, out, err = run()
    equal((code, out), (1, ""))
    check(err.startswith("error: No command provided") and "wash --help" in err, err)


@test
def help_fits():
    """help is at most 80 columns wide"""
    for arguments in ((), ("dev",), ("inspect",), ("bindgen",)):
        code, out, _ = run(*arguments, "--help")
        equal(code, 0)
        check(max(map(len, out.splitlines())) <= 80, out)


@test
def inspect_bad_files():
    """inspect of what is no component"""
    with Project() as project:
        for data in (b"", b"junk", b"\0asm\x01\0\0\0"):
            path = project.write("x.wasm", data)
            code, _, err = run("inspect", path)
            equal(code, 1)
            check("x.wasm" in err, err)
        check("`wash component new` makes a component of one" in err, err)
        code, _, err = run("inspect", project.path("none.wasm"))
        equal(code, 1)
        check("none.wasm" in err, err)
        code, _, err = run("inspect", "mistyped", cwd=project.root, env={"http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1"})
        equal(code, 1)
        check("`mistyped` is no file or folder here; as a reference: docker.io/library/mistyped:latest: " in err, err)


def harmful(path, wanted_status, log_pattern, limits="", **options):
    """The request gets wanted_status, another one beside it is answered quickly, and the log names the component and why."""
    with serve("behaviours", limits=limits, **options) as (_, dev):
        result = []
        thread = threading.Thread(target=lambda: result.append(dev.raw(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode(),
                                                                       timeout=WAIT * 2)))
        thread.start()
        slowest = 0
        for _ in range(50):
            start = time.monotonic()
            equal(dev.get("/ok")[0], 200)
            slowest = max(slowest, time.monotonic() - start)
        check(slowest < 1, f"a neighbour waited {slowest} s")
        thread.join(WAIT * 2)
        check(result, "no answer")
        if wanted_status:
            check(result[0].startswith(f"HTTP/1.1 {wanted_status} ".encode()), result[0][:200])
        line = dev.wait_log(log_pattern)
        check("wash-dev-component" in line, line)
        equal(dev.get("/ok")[0], 200)
        return result[0]


@test
def guest_traps():
    """a guest that traps: 500, and the log has the backtrace's function names"""
    harmful("/trap", 500, r"unreachable|trap")


@test
def guest_spins():
    """a guest that never ends: 504 after the call time-out"""
    harmful("/spin", 504, r"call time-out|timed out", "  call_timeout_secs: 2\n")


@test
def guest_never_answers():
    """a guest that waits for ever: 504"""
    harmful("/never", 504, r"call time-out|timed out", "  call_timeout_secs: 2\n")


@test
def guest_sets_no_response():
    """a guest that returns without a response: 500"""
    harmful("/silent", 500, r"without.*response|response")


@test
def guest_eats_memory():
    """a guest that eats memory gets a bounded share"""
    harmful("/hog", None, r"memory|trap|unreachable", "  memory_mib: 32\n")


@test
def guest_recurses():
    """a guest that recurses without end: 500"""
    harmful("/recurse", 500, r"call stack exhausted|stack")


@test
def guest_traps_half_way():
    """a trap half-way through the response aborts the connection"""
    answer = harmful("/half", 200, r"trap|unreachable")
    check(not answer.endswith(b"0\r\n\r\n"), "the answer looks complete:", answer[-100:])


@test
def guest_exits():
    """wasi:cli/exit ends the instance, not the process"""
    harmful("/exit", None, r"exit")


@test
def slow_clients():
    """clients that never finish a request take nothing from others"""
    with serve("hello") as (_, dev):
        idle = [socket.create_connection(("127.0.0.1", dev.port)) for _ in range(1500)]
        for s in idle[:750]:
            s.sendall(b"GET / HTTP/1.1\r\nHos")
        for _ in range(20):
            equal(dev.get("/")[0], 200)
        for s in idle:
            s.close()


if __name__ == "__main__":
    main()
