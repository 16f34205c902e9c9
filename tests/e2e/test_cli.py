"""The command line itself: globals, exit codes, terminal, logs; `wash build`, `inspect` of a project, `doctor`.
CLI-1 to CLI-10, CLI-20, CLI-35, DOC-2."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from e2e import *


@test
def exit_codes():
    """CLI-1, CLI-6: 0 success, 1 failure and no command, 2 a mistake in the line"""
    equal(run("--version")[0], 0)
    code, _, err = run()
    equal(code, 1)
    check("No command provided" in err, err)
    equal(run("inspect", "/none.wasm")[0], 1)
    equal(run("inspect", "a", "b")[0], 2)
    code, out, err = run("config")
    equal((code, out), (2, ""))
    check("Usage: wash config [OPTIONS] <COMMAND>" in err and "validate" in err, err)
    code, out, _ = run("-o", "json", "config")
    equal(code, 2)
    equal(json.loads(out)["success"], False)
    equal(run("-o", "plain", "config", "info")[0], 0)
    for line, words in ((["config", "cleanup"], "--cache, --data, or --all"), (["bindgen", "x.wit"], "which side"),
                        (["bindgen", "--guest", "c", "--name", "n", "x.wit"], "--name goes with --host"),
                        (["update", "--major", "--minor"], "exclude each other"),
                        (["component", "new", "x.wasm", "--world", "w"], "--wit")):
        code, out, err = run(*line)
        equal((code, out), (2, ""), line)
        check(words in err, err)
        equal(run(*line, "--help")[0], 0)


@test
def help_at_each_level():
    """--help, -h and the word help, at each level, on stdout with 0"""
    for line in (("config", "--help"), ("config", "-h"), ("help", "config")):
        code, out, _ = run(*line)
        equal(code, 0)
        check("\n  init " in out and "Usage: wash config" in out, out)
    code, out, _ = run("config", "init", "--help")
    check("--format FORMAT" in out and "[default: yaml]" in " ".join(out.split()), out)


@test
def build_runs_the_command():
    """CLI-20: build runs build.command in the project with its environment; data {component_path, project_path}"""
    config = ("build:\n  command: 'pwd > where && echo \"$A $WASH_COMPONENT_PATH\" > said && cp in.wasm out.wasm'\n"
              "  env: {A: one}\n  component_path: out.wasm\n")
    with Project(config) as project:
        project.write("in.wasm", b"\0asm\r\0\1\0")
        os.mkdir(project.path("deep"))
        code, out, err = run("-o", "json", "build", cwd=project.path("deep"))
        equal(code, 0, err)
        answer, root = json.loads(out), os.path.realpath(project.root)
        equal(answer["data"], {"component_path": root + "/out.wasm", "project_path": root})
        equal(answer["message"], f"Successfully built component at: {root}/out.wasm")
        with open(project.path("said")) as said, open(project.path("where")) as where:
            equal((said.read(), where.read()), (f"one {root}/out.wasm\n", root + "\n"))
        code, out, err = run("build", cwd=project.root)
        check(out.startswith("Successfully built component at: "), out)
        check("next: `wash dev`" in err, err)
        equal(run("build", "--skip-fetch", "--wit-dir", "wit", cwd=project.root)[0], 0)
        code, _, err = run("build", "--wit-dir", "wti", cwd=project.root)
        equal(code, 1)
        check("WIT directory does not exist: " in err and "/wti;" in err, err)


@test
def build_fails_clearly():
    """CLI-20: no command, a failing command, no component: exit 1 and what to do"""
    for config, words in (("", ".wash/config.yaml has none"),
                          ("build: {command: 'exit 7'}", "failed with exit code 7: exit 7\n"),
                          ("build: {command: no-such-tool}", "exit code 127: no-such-tool; `wash doctor` says what is not installed"),
                          ("build: {command: 'kill -9 $$'}", "exit code 137 (Killed): kill -9 $$"),
                          ("build: {command: 'true', component_path: x.wasm}", "left no component at"),
                          ("build: {command: 'mkdir -p x.wasm', component_path: x.wasm}", "is not a regular file"),
                          ("build: {command: 'echo hi > x.wasm', component_path: x.wasm}", "/x.wasm: neither a component nor a core"),
                          ("build: {command: ': > x.wasm', component_path: x.wasm}", "; it is empty"),
                          ("build: {command: 'printf \"\\0asm\\2\\0\\0\\0\" > x.wasm', component_path: x.wasm}", "version that is not known"),
                          ("build: {command: 'printf \"\\0asm\\1\\0\\0\\0\" > x.wasm', component_path: x.wasm}", "`wash component new --wit"),
                          ("build: {command: 'true', component_path: /etc/passwd}", "/etc/passwd: neither")):
        with Project(config) as project:
            code, out, err = run("build", cwd=project.root)
            equal((code, out), (1, ""))
            check(words in err, err)


@test
def build_default_path():
    """CLI-20: the default component path is the project folder's name"""
    with Project("build: {command: '" + MAKE_COMPONENT + " > \"$WASH_COMPONENT_PATH\"'}") as project:
        equal(run("build", cwd=project.root)[0], 0)
        check(os.path.exists(project.path(os.path.basename(project.root) + ".wasm")))


@test
def build_says_its_steps():
    """DOC-2: --verbose shows the steps; without it they are not shown"""
    with Project("build: {command: 'echo from-the-compiler; " + MAKE_COMPONENT + " > a.wasm', component_path: a.wasm}") as project:
        loud, quiet = run("--verbose", "build", cwd=project.root)[2], run("build", cwd=project.root)[2]
        for part in ("build environment", "build command has ended", "component is there"):
            check(part in loud and part not in quiet, part, loud, quiet)
        check("building" in quiet and "from-the-compiler" in quiet, quiet)


@test
def build_is_interrupted():
    """CLI-6: Ctrl-C during a build ends it and the command, with 130"""
    with Project("build: {command: 'echo started; sleep 100; echo survived > marker', component_path: a.wasm}") as project:
        code, seen = terminal(["build"], project.root, until=b"started", then=lambda pid, fd: os.write(fd, b"\x03"))
        equal(code, 130, seen)
        check(not os.path.exists(project.path("marker")), "the build was ended")


@test
def build_is_ended_with_all_it_started():
    """a signal to wash alone ends the tools of a build as well, and what ignores Ctrl-C"""
    for how, command in ((signal.SIGTERM, "sleep 100; echo"), (signal.SIGINT, "trap '' INT; sleep 100; echo")):
        with Project("build: {command: \"echo $$ > pid; %s\", component_path: a.wasm}" % command) as project:
            pid = project.path("pid")
            for arguments in ["build"], ["inspect"]:
                process = subprocess.Popen([os.path.abspath(WASH), *arguments], cwd=project.root, stdin=subprocess.DEVNULL,
                                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
                try:
                    shell = int(eventually(lambda: os.path.exists(pid) and open(pid).read(), "the build to start"))
                    children = f"/proc/{shell}/task/{shell}/children"
                    tool = int(eventually(lambda: open(children).read(), "its tool to start"))
                    process.send_signal(how)
                    process.communicate(timeout=WAIT)  # nobody holds the pipes
                    equal(process.returncode, 128 + how)
                    check(not alive(shell) and not alive(tool), "nothing is left of it")
                finally:
                    process.kill()
                os.remove(pid)


@test
def inspect_builds_a_project():
    """CLI-35: inspect with nothing, or a folder, builds and inspects the project there"""
    hello = guest("hello")
    with Project("build: {command: 'cp in.wasm out.wasm', component_path: out.wasm}") as project:
        shutil.copy(hello, project.path("in.wasm"))
        wanted = run("inspect", hello)[1]
        for arguments, cwd in (((), project.root), ((".",), project.root), ((project.root,), "/"), (("-C", project.root), "/")):
            if os.path.exists(project.path("out.wasm")):
                os.remove(project.path("out.wasm"))
            code, out, err = run("inspect", *arguments, cwd=cwd)
            equal(code, 0, err)
            equal(out, wanted)
    with Project("") as project:
        code, _, err = run("inspect", cwd=project.root)
        equal(code, 1)
        check("build.command is required" in err, err)


@test
def colour_is_for_terminals():
    """NO_COLOR and pipes take the colour away"""
    with tempfile.TemporaryDirectory() as folder:
        code, seen = terminal(["inspect", "none.wasm"], folder)
        equal(code, 1)
        check("\x1b[1;31merror:\x1b[0m" in seen, seen)
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            check("\x1b" not in terminal(["inspect", "none.wasm"], folder, env)[1], env)
        check("\x1b" not in run("inspect", "none.wasm")[2], "a pipe")


@test
def progress_on_a_terminal():
    """compiling for more than a second has a line on a terminal; the cursor is back when it is interrupted"""
    with Project(dev_config(free_port()), guest("py-hello")) as project:
        env = {"XDG_CACHE_HOME": project.path("cache")}

        def stop(pid, fd):
            os.write(fd, b"\x03")
            time.sleep(0.2)
            os.write(fd, b"\x03")
        code, seen = terminal(["dev"], project.root, env, until=b"compiling", then=stop)
        equal(code, 130, seen)
        check(seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l"), seen[-400:])


@test
def log_levels():
    """CLI-7: logs go to stderr; RUST_LOG beats the options, knows targets, and says when it is not understood"""
    with Project("build: {command: '" + MAKE_COMPONENT + " > a.wasm', component_path: a.wasm}") as project:
        def log(*arguments, **env):
            code, out, err = run(*arguments, "build", cwd=project.root, env=env)
            equal(code, 0)
            check("building" not in out, out)
            return err
        check(" INFO building" in log() and "DEBUG" not in log())
        check("DEBUG" in log("-l", "debug") and "INFO" not in log("-l", "warn"))
        check("INFO" not in log("--verbose", RUST_LOG="warn"))
        check("DEBUG" in log("-l", "error", RUST_LOG="warn,wash::cli=debug"))
        check("DEBUG" not in log("--verbose", RUST_LOG="debug,cli=info"))
        check("RUST_LOG is not understood" in log(RUST_LOG="lots"))
        for line in log(WASH_LOG_FORMAT="json").splitlines():
            if line.startswith("{"):
                equal(json.loads(line)["level"], "INFO")


@test
def output_that_is_lost():
    """a result that cannot be written is a failure, however long it is"""
    for line in (("--version",), ("config", "schema"), ("-o", "json", "config", "schema"), ("--help-markdown",)):
        with open("/dev/full", "w") as full:
            done = subprocess.run([WASH, *line], stdout=full, stderr=subprocess.PIPE, text=True, timeout=WAIT)
        equal(done.returncode, 1, line)
        check("error: " in done.stderr and "stdout" in done.stderr, line, done.stderr)
        equal(len(done.stderr.splitlines()), 1, done.stderr)


@test
def closed_descriptors():
    """a standard descriptor that is closed is not taken by a file or a connection"""
    port = free_port()
    with Project(dev_config(port), guest("hello")) as project:
        command = ["sh", "-c", f"exec {os.path.abspath(WASH)} dev <&- >&- 2>&-"]
        process = subprocess.Popen(command, cwd=project.root)
        try:
            eventually(lambda: listens(port), "the server")
            for number in range(3):
                equal(os.readlink(f"/proc/{process.pid}/fd/{number}"), "/dev/null")
        finally:
            process.terminate()
            equal(process.wait(), 0)
    code = subprocess.run(["sh", "-c", f"exec {WASH} --version >&-"], stderr=subprocess.DEVNULL).returncode
    equal(code, 1, "nobody got the version")


@test
def ended_children_that_nobody_waits_for():
    """a build's exit code is seen even if whoever started wash ignores SIGCHLD, which programs inherit"""
    with Project("build: {command: 'cp in.wasm out.wasm', component_path: out.wasm}\n", guest("hello")) as project:
        shutil.copy(guest("hello"), project.path("in.wasm"))
        command = ["sh", "-c", f"trap '' CHLD; exec {os.path.abspath(WASH)} build"]
        done = subprocess.run(command, cwd=project.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        equal(done.returncode, 0, done.stdout.decode())


def listens(port):
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


@test
def names_that_are_no_utf8():
    """-o json has its data whatever bytes the name of the project's folder has"""
    with Project() as project, Project() as template:
        odd = os.fsencode(project.root) + b"/n\xe9"
        os.makedirs(odd + b"/.wash")
        with open(odd + b"/.wash/config.yaml", "w") as file:
            file.write("build: {command: '" + MAKE_COMPONENT + " > a.wasm', component_path: a.wasm}\n")
        shown = os.path.realpath(project.root) + "/n\\xe9"
        for line, keys in ((("build",), {"component_path": "/a.wasm", "project_path": ""}),
                           (("config", "info"), {"project_path": "", "project_config_path": "/.wash/config.yaml"}),
                           (("new", template.root, "--name", "x"), {"output_dir": "/x"})):
            code, out, err = run("-o", "json", *line, cwd=odd)
            equal(code, 0, err)
            for key, rest in keys.items():
                equal(json.loads(out)["data"][key], shown + rest)


@test
def directory_option():
    """CLI-2, CLI-4: -C must be a folder; without it the nearest .wash above counts"""
    code, _, err = run("-C", "/nonexistent", "config", "info")
    equal(code, 1)
    check("/nonexistent" in err, err)
    with Project("") as project:
        os.makedirs(project.path("a/b"))
        for arguments, cwd in ((("-C", project.path("a/b")), "/"), ((), project.path("a/b"))):
            data = json.loads(run("-o", "json", *arguments, "config", "info", cwd=cwd)[1])["data"]
            equal(data["project_path"], os.path.realpath(project.root))


@test
def hidden_markdown():
    """CLI-2: --help-markdown prints the reference and is not in --help"""
    check(run("--help-markdown")[1].startswith("# Commands of wash"))
    check("markdown" not in run("--help")[1])


@test
def examples_are_command_lines():
    """every command but those that only lead to others has examples in --help, at 80 columns, and wash takes their options"""
    reference = run("--help-markdown")[1]
    sections = re.split(r"^## `(.*)`$", reference, flags=re.M)[1:]
    for name, text in zip(sections[::2], sections[1::2]):
        if "| Command |" in text or name == "wash wit clean":
            continue
        shown = re.search(r"^```sh\n(.*?)^```", text, re.M | re.S)
        check(shown and "\nExamples:\n" in run(*name.split()[1:], "--help")[1], name)
        for line in shown[1].splitlines():
            check(len(line) <= 78, line)
            words = [word for word in shlex.split(re.split(" [<>] ", line)[0], comments=True) if "=" not in word]
            if words:
                equal(words[0], "wash")
                equal(run(*words[1:], "--help")[0], 0, line)


def findings(*arguments, **options):
    code, out, err = run("-o", "json", "doctor", *arguments, **options)
    answer = json.loads(out)
    equal(answer["success"], code == 0, err)
    data = answer["data"]
    equal(list(data), ["checks", "warnings", "failures"])
    equal(data["failures"] > 0, code == 1)
    for check_ in data["checks"]:
        equal(list(check_), ["name", "status", "detail", "fix"])
        equal(check_["status"] == "ok", check_["fix"] is None)
    return data["checks"]


def finding(checks, name):
    return next(entry for entry in checks if entry["name"] == name)


@test
def doctor_without_a_project():
    """doctor outside a project warns, and does not fail"""
    with tempfile.TemporaryDirectory() as home:
        checks = findings(cwd=home, env={"HOME": home, "PATH": "/nonexistent", "XDG_CACHE_HOME": "", "DOCKER_CONFIG": "",
                                         "WASH_DEV_ADDRESS": f"127.0.0.1:{free_port()}"})
        equal({entry["status"] for entry in checks}, {"ok", "warn"})
        equal(finding(checks, "cargo")["status"], "warn")
        check("0 B" in finding(checks, "cache")["detail"], checks)


@test
def doctor_knows_what_the_build_needs():
    """doctor fails for a toolchain that this project's build uses, by name"""
    config = f"build: {{command: 'cd app && ./gogo && cargo build --target wasm32-wasip2'}}\ndev: {{address: '127.0.0.1:{free_port()}'}}\n"
    with Project(config) as project:
        with tempfile.TemporaryDirectory() as tools:
            env = {"HOME": tools, "PATH": tools, "XDG_CACHE_HOME": "", "DOCKER_CONFIG": ""}
            checks = findings(cwd=project.root, env=env)
            equal([entry["name"] for entry in checks if entry["status"] == "fail"], ["cargo"])
            check("rustup" in finding(checks, "cargo")["fix"], checks)
            for name, text in (("cargo", "echo cargo 1.2.3"), ("rustc", f"echo {tools}/sysroot")):
                with open(os.path.join(tools, name), "w") as file:
                    file.write(f"#!/bin/sh\n{text}\n")
                os.chmod(os.path.join(tools, name), 0o755)
            checks = findings(cwd=project.root, env=env)
            equal(finding(checks, "cargo")["detail"], "cargo 1.2.3")
            equal([entry["name"] for entry in checks if entry["status"] == "fail"], ["wasm32-wasip2"])
            os.makedirs(os.path.join(tools, "sysroot/lib/rustlib/wasm32-wasip2"))
            equal([entry["name"] for entry in findings(cwd=project.root, env=env) if entry["status"] == "fail"], [])


@test
def doctor_compares_versions():
    """doctor fails for a toolchain that is too old for what uses it"""
    config = f"build: {{command: 'go build && npm run build'}}\ndev: {{address: '127.0.0.1:{free_port()}'}}\n"
    with Project(config) as project, tempfile.TemporaryDirectory() as tools:
        env = {"HOME": tools, "PATH": tools, "XDG_CACHE_HOME": "", "DOCKER_CONFIG": ""}
        cases = [("go", "go version go1.19.8 linux/amd64", False), ("go", "go version go1.24.0 linux/amd64", True),
                 ("go", "go version go2.0 linux/amd64", True), ("go", "go version go1.9 linux/amd64", False),
                 ("go", "go version devel", False), ("node", "v18.20.4", False), ("node", "v20", True), ("node", "v100.0.1", True)]
        for name, text, fits in cases:
            path = os.path.join(tools, name)
            with open(path, "w") as file:
                file.write(f"#!/bin/sh\necho {text}\n")
            os.chmod(path, 0o755)
            found = finding(findings(cwd=project.root, env=env), name)
            equal(found["status"], "ok" if fits else "fail", text)
            if not fits:
                check("is too old for" in found["detail"] and "or newer" in found["fix"], found)


@test
def doctor_sees_the_port():
    """doctor fails where dev.address is taken"""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with Project(f"build: {{command: './none.sh'}}\ndev: {{address: '127.0.0.1:{port}'}}\n") as project:
            checks = findings(cwd=project.root)
            address = finding(checks, "dev.address")
            equal(address["status"], "fail")
            check("in use" in address["detail"] and "another port" in address["fix"], address)
            check("./none.sh" in finding(checks, "build.command")["detail"], checks)


@test
def doctor_reads_credentials():
    """doctor checks the credentials file and its helpers, and prints no secret"""
    with Project(f"dev: {{address: '127.0.0.1:{free_port()}'}}\n") as project:
        def credentials(text, mode=0o600):
            os.chmod(project.write("config.json", text), mode)
            env = {"DOCKER_CONFIG": project.root, "HOME": project.root, "XDG_CACHE_HOME": ""}
            found = findings(cwd=project.root, env=env)
            check("hunter2" not in json.dumps(found), found)
            return [(entry["status"], entry["detail"]) for entry in found if entry["name"] == "registry credentials"]
        equal(credentials('{"auths": {"x": {"auth": "hunter2"}}}')[0][0], "ok")
        equal(credentials('{"auths": {"x": {"auth": "hunter2"}}}', 0o644)[0][0], "warn")
        equal(credentials("{hunter2")[0][0], "fail")
        status, detail = credentials('{"credHelpers": {"r": "not-installed-here"}}')[1]
        equal(status, "fail")
        check("docker-credential-not-installed-here" in detail, detail)
        equal(credentials('{"credsStore": "../evil"}')[1], ("fail", "`../evil` is not the name of a credential helper"))


def loaded_by(*arguments):
    """The shared libraries that wash loads, by the dynamic loader's own account."""
    code, _, err = run(*arguments, env={"LD_DEBUG": "files"})
    equal(code, 0, err)
    libraries = set(re.findall(r"calling init: \S*/(lib[^/\s]+)\.so", err))
    check("libjansson" in libraries, "the loader says nothing", err)
    return libraries


@test
def starts_light():
    """What only the network and archives need is not loaded by commands that stay off them: they are to start at once"""
    heavy = {"libcurl", "libssl", "libarchive", "libxml2"}
    for arguments in ["--help"], ["--version"], ["config", "info"], ["inspect", guest("hello")]:
        equal(loaded_by(*arguments) & heavy, set(), arguments)


if __name__ == "__main__":
    main()
