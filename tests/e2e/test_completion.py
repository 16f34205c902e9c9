"""`wash completion`: the scripts in real shells, keys pressed on a terminal; docs/cli.md and docs/config.schema.json are current.
CLI-22."""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import tempfile
import termios
import time

from e2e import *

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")


def script(shell):
    code, out, err = run("completion", shell)
    equal(code, 0, err)
    return out


class Shell:
    """An interactive shell on a terminal of its own in which `wash` only says what it was given."""

    START = {
        "bash": (["bash", "--norc", "--noprofile", "-i"],
                 "PS1='READY> '; bind 'set enable-bracketed-paste off'; bind 'set bell-style none'; source {script}; "
                 "wash() {{ printf 'GOT<%s>\\n' \"$*\"; }}; echo BE''GUN\n"),
        "zsh": (["zsh", "-f", "-i"],
                "PS1='READY> '; unset zle_bracketed_paste; unsetopt beep; autoload -U compinit && compinit -u -D; source {script}; "
                "wash() {{ print -r -- \"GOT<$*>\" }}; echo BE''GUN\n"),
        "elvish": (["elvish", "-norc"],
                   "use str; eval (slurp < {script}); fn wash {{|@words| echo 'GOT<'(str:join ' ' $words)'>' }}; echo BE''GUN\n"),
    }
    ASKS = "COMPLETING"  # Elvish has a candidate accepted, often even if it is the only one

    def __init__(self, shell):
        if not shutil.which(shell):
            raise Skip(f"{shell} is not installed")
        self.folder = tempfile.mkdtemp(prefix="wash-e2e-")
        os.mkdir(os.path.join(self.folder, "folder"))
        with open(os.path.join(self.folder, "file one.wasm"), "w"), open(os.path.join(self.folder, "script"), "w") as file:
            file.write(script(shell))
        arguments, start = self.START[shell]
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(self.folder)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", 50, 200, 0, 0))
            environment = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
            environment |= {"TERM": "dumb", "HOME": self.folder, "COLUMNS": "200", "INPUTRC": "/dev/null"}
            os.execvpe(arguments[0], arguments, environment)
        self.seen = ""
        self.send(start.format(script="./script"))
        self.until("BEGUN")
        self.quiet()

    def send(self, keys):
        os.write(self.fd, keys.encode())

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            self.seen += os.read(self.fd, 65536).decode("utf-8", "replace")
        except OSError:
            raise AssertionError("the shell has ended: " + self.seen[-500:])
        return True

    def until(self, pattern):
        end = time.monotonic() + WAIT
        while not re.search(pattern, self.seen):
            check(time.monotonic() < end, "waiting for", pattern, "in", self.seen[-800:])
            self.read(0.1)
        return re.search(pattern, self.seen)

    def quiet(self, seconds=0.3):
        while self.read(seconds):
            pass

    def complete(self, line):
        """What `wash` is called with after TAB and return."""
        self.quiet(0.05)
        self.seen = ""
        self.send(line + "\t")
        self.quiet()
        if self.ASKS in self.seen:
            self.send("\r")
            self.quiet()
        self.send("\r")
        return self.until(r"GOT<([^>]*)>\r?\n")[1]

    def offers(self, line):
        """What two TABs list."""
        self.quiet(0.05)
        self.seen = ""
        self.send(line + "\t\t")
        self.quiet(0.5)
        seen = self.seen
        if self.ASKS in seen:
            self.send("\r")
        self.send("\x15\r")
        self.quiet()
        return seen

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)
        shutil.rmtree(self.folder, ignore_errors=True)


CASES = [
    ("wash insp", "inspect"),
    ("wash config val", "config validate"),
    ("wash config init --fo", "config init --fo"),  # --force and --format
    ("wash config init --exa", "config init --example"),
    ("wash config init --format to", "config init --format toml"),
    ("wash --verbose config init --format=js", "--verbose config init --format=json"),
    ("wash -o js", "-o json"),
    ("wash -C fol", "-C folder"),  # zsh takes the slash back
    ("wash -l error completion pow", "-l error completion powershell"),
    ("wash inspect fi", "inspect file one.wasm"),
    ("wash bindgen --host fi", "bindgen --host file one.wasm"),
    ("wash bindgen --out-dir fol", "bindgen --out-dir folder"),
    ("wash new fol", "new folder"),
    ("wash config validate --file=fi", "config validate --file=file one.wasm"),
    ("wash config validate --file fi", "config validate --file file one.wasm"),
]


def drive(shell):
    with Shell(shell) as driven:
        for typed, wanted in CASES:
            got = driven.complete(typed)
            ok = got.strip().rstrip("/") == wanted or (wanted.endswith("--fo") and got.strip().startswith("config init --fo"))
            check(ok, f"{shell}: {typed!r} became {got!r}, wanted {wanted!r}")
        listed = driven.offers("wash config ")
        for name in ("init", "info", "show", "cleanup", "validate", "schema"):
            check(name in listed, shell, name, "in", listed)
        listed = driven.offers("wash config init --")
        for name in ("--force", "--format", "--output", "--verbose"):
            check(name in listed, shell, name, "in", listed)
        check("help-markdown" not in listed, "hidden:", listed)


@test
def bash_completes():
    """bash, driven by keys, completes commands, options, choices, files, folders"""
    drive("bash")


@test
def zsh_completes():
    """zsh, driven by keys, completes the same"""
    drive("zsh")


@test
def fish_completes():
    """fish completes commands, options and choices"""
    if not shutil.which("fish"):
        raise Skip("fish is not installed")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "wash.fish")
        with open(path, "w") as file:
            file.write(script("fish"))

        def offers(line):
            done = subprocess.run(["fish", "--no-config", "-c", f"source {path}; complete -C '{line}'"], cwd=folder, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "HOME": folder})
            equal(done.stderr, "")
            return [entry.split("\t")[0] for entry in done.stdout.splitlines()]

        equal(sorted(offers("wash config ")), ["cleanup", "info", "init", "schema", "show", "validate"])
        equal(offers("wash config init --format t"), ["toml"])
        equal(sorted(offers("wash config init --fo")), ["--force", "--format"])
        equal(offers("wash -o js"), ["json"])
        equal(sorted(offers("wash -o json comp")), ["completion", "component"])


@test
def elvish_completes():
    """Elvish, driven by keys, completes the same"""
    drive("elvish")


@test
def every_shell_has_every_command():
    """all five scripts name every command; an unknown shell is a mistake"""
    commands = re.findall(r"^## `wash (.*)`$", run("--help-markdown")[1], re.MULTILINE)
    check("config init" in commands, commands)
    for shell in ("bash", "elvish", "fish", "powershell", "zsh"):
        text = script(shell)
        for command in commands:
            name = command.split()[-1]
            check(re.search(rf"\b{re.escape(name)}\b", text), shell, command)
    code, _, err = run("completion", "csh")
    equal(code, 2)
    check("bash, elvish, fish, powershell, zsh" in err, err)


@test
def commands_are_documented():
    """docs/cli.md is what --help-markdown prints: `make docs` writes it"""
    with open(os.path.join(DOCS, "cli.md")) as file:
        check(file.read() == run("--help-markdown")[1], "docs/cli.md is stale: run `make docs`")


@test
def configuration_is_documented():
    """docs/config.schema.json is what `wash config schema` prints: `make docs` writes it"""
    with open(os.path.join(DOCS, "config.schema.json")) as file:
        check(file.read() == run("config", "schema")[1], "docs/config.schema.json is stale: run `make docs`")
    schema = json.loads(run("-o", "json", "config", "schema")[1])["data"]
    check("address" in schema["properties"]["dev"]["properties"], schema)


@test
def help_fits_80_columns():
    """every command's --help exists and fits 80 columns"""
    commands = re.findall(r"^## `wash ?(.*)`$", run("--help-markdown")[1], re.MULTILINE)
    check(len(commands) > 10, commands)
    for command in commands:
        code, out, err = run(*command.split(), "--help")
        equal(code, 0, err)
        check(f"Usage: wash {command}".rstrip() in out, out)
        for line in out.splitlines():
            check(len(line) <= 80, command, line)


if __name__ == "__main__":
    main()
