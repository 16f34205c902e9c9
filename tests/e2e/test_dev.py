"""`wash dev`: the main job, from a project folder to answers over HTTP."""

import json
import os
import re
import signal
import socket
import threading
import time

from e2e import *


@test
def serves_hello():
    """builds and serves the project's component"""
    with serve("hello") as (project, dev):
        status, body, _ = dev.get("/")
        equal(status, 200)
        check(b"Hello" in body, body)
        check(dev.has("starting development session for project"), dev.log())
        check(dev.has("building and deploying component"), dev.log())
        line = dev.wait_log("listening for HTTP requests")
        check(f"http://127.0.0.1:{dev.port}" in line, line)
        check(dev.has("Ctrl-C"), "says how to stop:", dev.log())
        equal(dev.stop(), 0)


@test
def says_who_can_reach_it():
    """says that other machines can reach 0.0.0.0, and how to change it"""
    with Project(component=guest("hello")) as project:
        port = free_port()
        project.write(".wash/config.yaml", dev_config(port).replace("127.0.0.1:", "0.0.0.0:"))
        with Dev(project, port) as dev:
            line = dev.wait_log("other machines")
            check("dev.address" in line, line)
            equal(dev.stop(signal.SIGINT), 0)


@test
def address_by_name_and_free_port():
    """dev.address takes a name, and with port 0 says which port it got, one for all threads"""
    with Project(component=guest("hello")) as project:
        config = dev_config(0).replace("127.0.0.1:", "localhost:").replace("shards: 1", "shards: 3")
        project.write(".wash/config.yaml", config)
        equal(run("config", "validate", cwd=project.root)[0], 0)
        with Dev(project, 0) as dev:
            line = dev.wait_log("listening for HTTP requests")
            dev.port = int(re.search(r"http://localhost:(\d+)", line).group(1))
            check(dev.port != 0, line)
            check(dev.has(f"HTTP server listening.*localhost:{dev.port}"), dev.log())
            for _ in range(10):
                equal(dev.get("/")[0], 200)
        project.write(".wash/config.yaml", config.replace("localhost:", "no-such-host.invalid:"))
        code, _, err = run("dev", cwd=project.root)
        equal(code, 1)
        check("dev.address `no-such-host.invalid:0`" in err, err)


@test
def one_line_a_request():
    """logs one line a request at info"""
    with serve("hello") as (_, dev):
        dev.get("/some/path?x=1")
        line = dev.wait_log("/some/path")
        check("200" in line and "GET" in line, line)


@test
def build_command_runs():
    """runs build.command with build.env in the project, from a subfolder too"""
    port = free_port()
    config = (f"build:\n  command: 'cp \"$SOURCE\" built.wasm && echo \"path=$WASH_COMPONENT_PATH\" > said'\n"
              f"  env:\n    SOURCE: component.wasm\n  component_path: built.wasm\ndev:\n  address: 127.0.0.1:{port}\n")
    with Project(config, guest("hello")) as project:
        os.makedirs(project.path("src/deep"))
        with Dev(project, port, cwd=project.path("src/deep")) as dev:
            equal(dev.get("/")[0], 200)
            with open(project.path("said")) as file:
                equal(file.read().strip(), "path=" + os.path.realpath(project.path("built.wasm")))


@test
def dev_command_wins():
    """dev.command and dev.component_path override build's"""
    port = free_port()
    config = (f"build:\n  command: 'exit 3'\n  component_path: none.wasm\n"
              f"dev:\n  command: 'cp component.wasm other.wasm'\n  component_path: other.wasm\n  address: 127.0.0.1:{port}\n")
    with Project(config, guest("hello")) as project:
        with Dev(project, port) as dev:
            equal(dev.get("/")[0], 200)


@test
def other_directory():
    """-C names the project from elsewhere"""
    port = free_port()
    with Project(dev_config(port), guest("hello")) as project:
        with Dev(project, port, "-C", project.root, cwd="/") as dev:
            equal(dev.get("/")[0], 200)


@test
def request_is_passed_on():
    """method, path, query, headers, body, trailers reach the component"""
    with serve("inspect") as (_, dev):
        status, body, _ = dev.get("/a/b%20c?d=e&f", "PUT", b"x" * 100000, {"X-Test": "1", "Host": "Example.com:1"})
        equal(status, 200)
        seen = json.loads(body)
        equal(seen["method"], "PUT")
        equal(seen["path"], "/a/b%20c")
        equal(seen["query"], "d=e&f")
        equal(seen["scheme"], "http")
        equal(seen["authority"], "Example.com:1")
        equal(seen["body-length"], 100000)
        check(any(name.lower() == "x-test" for name in str(seen["headers"]).lower().split("'")), seen["headers"])


@test
def echo_streams():
    """echo answers with what it gets, while it gets it, trailers included"""
    with serve("echo") as (_, dev):
        payload = os.urandom(3 << 20)
        status, body, _ = dev.get("/", "POST", payload)
        equal(status, 200)
        check(body == payload, len(body))
        with socket.create_connection(("127.0.0.1", dev.port), timeout=WAIT) as s:
            s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: x-end\r\n\r\n5\r\nfirst\r\n")
            got = b""
            while b"first" not in got:
                part = s.recv(4096)
                check(part, "closed early:", got)
                got += part
            s.sendall(b"6\r\nsecond\r\n0\r\nx-end: yes\r\n\r\n")
            while b"0\r\n" not in got or not got.endswith(b"\r\n\r\n"):
                part = s.recv(4096)
                check(part, "closed early:", got)
                got += part
            check(b"second" in got, got)
            check(b"x-end: yes" in got, got)


@test
def volumes():
    """dev.volumes are mounted read-write at their guest path"""
    def prepare(project):
        project.write("data/greeting.txt", "from the host\n")

    with serve("files", "  volumes:\n    - host_path: data\n      guest_path: /data\n", prepare=prepare) as (project, dev):
        status, body, _ = dev.get("/read/data/greeting.txt")
        equal((status, body), (200, b"from the host\n"))
        status, body, _ = dev.get("/write/data/new.txt", "PUT", b"from the guest")
        check(status < 300, status, body)
        with open(project.path("data/new.txt")) as file:
            equal(file.read(), "from the guest")


@test
def guest_output():
    """guest stdout and stderr appear line by line with the component's name, escaped"""
    with serve("behaviours") as (_, dev):
        equal(dev.get("/stdio")[0], 200)
        eventually(lambda: [line for line in dev.lines if "stdout" in line], "guest output")
        check("\x1b" not in dev.log(), repr(dev.log()))
        check(dev.has("wash-dev-component"), dev.log())


@test
def environment_is_declared_only():
    """a component never sees the host's environment"""
    with serve("behaviours", env={"WASH_E2E_SECRET": "hunter2"}) as (_, dev):
        status, body, _ = dev.get("/environment")
        equal(status, 200)
        check(b"hunter2" not in body and b"PATH" not in body, body)


@test
def drains():
    """SIGTERM stops accepting, finishes what runs, exits 0"""
    with serve("behaviours") as (_, dev):
        result = []
        thread = threading.Thread(target=lambda: result.append(dev.get("/sleep?ms=1500")))
        thread.start()
        time.sleep(0.5)
        dev.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        try:
            socket.create_connection(("127.0.0.1", dev.port), timeout=1).close()
            refused = False
        except OSError:
            refused = True
        check(refused, "a new connection was accepted while draining")
        thread.join()
        equal(result[0][0], 200)
        equal(dev.process.wait(timeout=WAIT), 0)


@test
def second_signal_ends_at_once():
    """a second Ctrl-C exits at once"""
    with serve("behaviours") as (_, dev):
        thread = threading.Thread(target=lambda: suppress(lambda: dev.get("/sleep?ms=20000", timeout=30)))
        thread.start()
        time.sleep(0.5)
        dev.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        check(dev.process.poll() is None, "ended before the call was done")
        start = time.monotonic()
        dev.process.send_signal(signal.SIGINT)
        dev.process.wait(timeout=5)
        check(time.monotonic() - start < 3, "took too long")
        thread.join()


@test
def stopped_while_building():
    """a stop while the build command runs ends it: in order, and at a second Ctrl-C at once"""
    for second in (False, True):
        with Project(dev_config(free_port()).replace("'true'", "'trap \"\" TERM; echo $$ > pid; while :; do sleep 0.1; done'"), guest("hello")) as project:
            with Dev(project, 0, wait=False) as dev:
                pid = int(eventually(lambda: os.path.exists(project.path("pid")) and open(project.path("pid")).read(), "the build"))
                dev.process.send_signal(signal.SIGINT)
                if second:
                    time.sleep(0.3)
                    dev.process.send_signal(signal.SIGINT)
                equal(dev.process.wait(timeout=WAIT), 130 if second else 0, dev.log())
            eventually(lambda: not os.path.exists(f"/proc/{pid}") or "\nState:\tZ" in open(f"/proc/{pid}/status").read(), "the build to end", 5)


def suppress(function):
    try:
        return function()
    except OSError:
        return None


@test
def keys_not_acted_on():
    """documented keys that nothing acts on are named in one warning"""
    with serve("hello", "  wasi_otel: true\n  host_interfaces: []\n") as (_, dev):
        line = dev.wait_log("not acted on yet")
        check("dev.wasi_otel" in line and "dev.host_interfaces" in line, line)
        equal(len([l for l in dev.lines if "not acted on yet" in l]), 1)


def fields(line):
    """What a log line says, numbers as numbers."""
    return {key: int(value) if value.isdigit() else value for key, value in re.findall(r"(\S+)=(\S+)", line)}


def measured(dev):
    """Stops dev; the fields of each call's line, in order, and those of the one summary."""
    equal(dev.stop(), 0)
    lines = [fields(line) for line in dev.lines if "fuel consumed" in line]
    summaries = [fields(line) for line in dev.lines if " INFO fuel.consumption " in line]
    equal(len(summaries), 1, dev.log())
    return lines, summaries[0]


@test
def meters():
    """CLI-3: --enable-meters tells each call's fuel at debug, and at the end the histogram in one line"""
    with serve("hello", arguments=("--verbose", "--enable-meters")) as (_, dev):
        for _ in range(7):
            equal(dev.get("/")[0], 200)
        lines, summary = measured(dev)
    equal(len(lines), 7)
    fuel = lines[0]["fuel"]
    check(100 < fuel < 1_000_000, fuel)
    for line in lines:  # in an instance made for it, or in one used before
        equal(line, {"component": "wash-dev-component", "method": "GET", "path": "/", "fuel": fuel})
    equal(summary, {"component": "wash-dev-component", "count": 7, "sum": 7 * fuel, "min": fuel, "max": fuel, "p50": fuel, "p99": fuel})


@test
def meters_of_failures():
    """CLI-3: calls that trap or take too long are measured as well"""
    with serve("behaviours", limits="  call_timeout_secs: 1\n", arguments=("--enable-meters", "-l", "debug")) as (_, dev):
        equal([dev.get(path)[0] for path in ("/ok", "/trap", "/spin", "/ok")], [200, 500, 504, 200])
        lines, summary = measured(dev)
    equal([line["path"] for line in lines], ["/ok", "/trap", "/spin", "/ok"])
    fuel = [line["fuel"] for line in lines]
    check(min(fuel) > 0, fuel)
    equal(fuel[0], fuel[3])
    equal([summary[key] for key in ("count", "sum", "min", "max")], [4, sum(fuel), min(fuel), max(fuel)])
    check(min(fuel) <= summary["p50"] <= summary["p99"] <= max(fuel), summary)


@test
def no_meters():
    """CLI-3: nothing is measured without --enable-meters; commands that run no component take it"""
    with serve("hello", arguments=("--verbose",)) as (_, dev):
        equal(dev.get("/")[0], 200)
        equal(dev.stop(), 0)
        check(not dev.has("fuel"), dev.log())
    with Project("build: {command: '" + MAKE_COMPONENT + " > a.wasm', component_path: a.wasm}") as project:
        for line in (("--enable-meters", "build"), ("build", "--enable-meters")):
            equal(run(*line, cwd=project.root)[0], 0)


if __name__ == "__main__":
    main()
