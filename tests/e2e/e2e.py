"""End-to-end tests: projects in temporary folders, `wash dev` as a child process, raw HTTP over loopback, results as TAP.

A test program registers functions with @test and ends with main(). WASH names the executable, GUESTS the folder of built components.
A guest that is not there (its toolchain is not installed) skips the tests that need it and says so."""

import http.client
import http.server
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

WASH = os.environ.get("WASH", "build/wash")
GUESTS = os.environ.get("GUESTS", "build/guests")
WAIT = 60 if os.environ.get("SLOW") else 20
TESTS = []
MAKE_COMPONENT = r'printf "\0asm\r\0\1\0"'  # the smallest, on the stdout of a shell

# Programs inherit what is ignored, as by `nohup` or in a shell's background; the tests send these.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


class QuietServer(http.server.ThreadingHTTPServer):
    """For servers that clients leave in the middle, as tests make them do."""

    daemon_threads = True

    def handle_error(self, *_):
        pass


class Skip(Exception):
    pass


def test(function):
    TESTS.append(function)
    return function


def guest(name):
    path = os.path.join(GUESTS, name + ".wasm")
    if not os.path.exists(path):
        raise Skip(f"{path} was not built")
    return path


def check(condition, *what):
    if not condition:
        raise AssertionError(" ".join(str(part) for part in what) or "check failed")


def equal(got, wanted, what=""):
    check(got == wanted, what, f"got {got!r}, wanted {wanted!r}")


def eventually(predicate, what, seconds=WAIT):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = predicate()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"timed out waiting for {what}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def alive(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Project:
    """A project folder with a configuration; removed at the end of the `with`."""

    def __init__(self, config="", component=None):
        self.root = tempfile.mkdtemp(prefix="wash-e2e-")
        os.mkdir(os.path.join(self.root, ".wash"))
        self.write(".wash/config.yaml", config)
        if component:
            shutil.copy(component, os.path.join(self.root, "component.wasm"))

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def write(self, name, data):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb" if isinstance(data, bytes) else "w") as file:
            file.write(data)
        return path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root, ignore_errors=True)


def dev_config(port, extra="", component="component.wasm", limits=""):
    return (f"build:\n  command: 'true'\n  component_path: {component}\n"
            f"dev:\n  address: 127.0.0.1:{port}\n{extra}limits:\n  shards: 1\n{limits}")


def run(*arguments, cwd=None, env=None, timeout=WAIT * 3, user=None, **options):
    """Runs wash to its end, as another user if one is given (by number); returns (exit code, stdout, stderr)."""
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.abspath(WASH)
        if user is not None:  # the build may be in a folder that others cannot enter
            os.chmod(folder, 0o755)
            program = shutil.copy(program, folder)
        done = subprocess.run([program, *arguments], cwd=cwd, env={**os.environ, **(env or {})}, timeout=timeout, user=user,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=None if "input" in options else subprocess.DEVNULL, **options)
    out, err = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    check_clean(err)
    return done.returncode, out, err


def terminal(arguments, cwd, env=None, seconds=WAIT, until=None, then=None):
    """Runs wash on a terminal; returns (exit code, what the terminal saw)."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execve(os.path.abspath(WASH), [WASH, *arguments], {**os.environ, "TERM": "xterm", "NO_COLOR": "", **(env or {})})
    seen, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                part = os.read(fd, 65536)
            except OSError:
                break
            if not part:
                break
            seen += part
        if until and until in seen:
            then(pid, fd)
            until = None
    else:
        os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(fd)
    return code, seen.decode("utf-8", "replace")


def check_clean(log):
    """No sanitizer of an instrumented build has complained."""
    check(not re.search(r"(Address|Leak|Thread)Sanitizer|runtime error:", log), log)


class Dev:
    """`wash dev` in a project, up and listening inside the `with`; its log is in `lines`."""

    def __init__(self, project, port, *arguments, env=None, cwd=None, wait=True, command=None):
        """`command`: what runs it instead."""
        self.port = port
        self.lines = []
        self.process = subprocess.Popen(command or [os.path.abspath(WASH), *arguments, "dev"], cwd=cwd or project.root, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, **(env or {})},
                                        start_new_session=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        if wait:
            eventually(lambda: self.has("listening for HTTP requests") or self.process.poll() is not None, "wash dev to listen", WAIT * 6)
            if self.process.poll() is not None:
                raise AssertionError(f"wash dev ended with {self.process.returncode}: {self.log()}")

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))

    def log(self):
        return "\n".join(self.lines)

    def has(self, pattern):
        return next((line for line in list(self.lines) if re.search(pattern, line)), None)

    def wait_log(self, pattern):
        return eventually(lambda: self.has(pattern), f"log line {pattern!r} in: {self.log()}")

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(timeout=WAIT * 3)
        self.reader.join(timeout=5)
        return code

    def get(self, path, method="GET", body=None, headers=None, timeout=WAIT):
        """One request on its own connection: (status, body bytes, headers dict with lower-case names)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read(), {name.lower(): value for name, value in response.getheaders()}
        finally:
            connection.close()

    def raw(self, data, timeout=WAIT, close_write=False):
        """Sends bytes and returns everything until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as s:
            s.sendall(data)
            if close_write:
                s.shutdown(socket.SHUT_WR)
            parts = []
            while True:
                try:
                    part = s.recv(65536)
                except ConnectionResetError:
                    parts.append(b"<reset>")
                    break
                if not part:
                    break
                parts.append(part)
            return b"".join(parts)

    def __enter__(self):
        return self

    def __exit__(self, problem, *_):
        """Stops it in order, as a user does, which shows what it leaked; after a failed test it is just ended."""
        try:
            if problem is None and self.process.poll() is None:
                equal(self.stop(), 0, "wash dev, stopped:")
            if problem is None:
                check_clean(self.log())
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def serve(component, extra="", limits="", arguments=(), **options):
    """A context: (project, dev) serving a guest; arguments stand before `dev`."""

    class Context:
        def __enter__(self):
            port = free_port()
            self.project = Project(dev_config(port, extra, limits=limits), guest(component))
            prepare = options.pop("prepare", None)
            if prepare:
                prepare(self.project)
            try:
                self.dev = Dev(self.project, port, *arguments, **options)
            except BaseException:
                self.project.__exit__()
                raise
            return self.project, self.dev

        def __exit__(self, *what):
            try:
                self.dev.__exit__(*what)
            finally:
                self.project.__exit__()
                if what[0]:
                    print("# " + "\n# ".join(self.dev.lines[-20:]))

    return Context()


def main():
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    chosen = [function for function in TESTS if only in function.__name__]
    failed = 0
    print(f"1..{len(chosen)}", flush=True)
    for number, function in enumerate(chosen, 1):
        name = (function.__doc__ or function.__name__).strip().splitlines()[0]
        try:
            function()
            print(f"ok {number} - {name}", flush=True)
        except Skip as why:
            print(f"ok {number} - {name} # SKIP {why}", flush=True)
        except BaseException as problem:
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            print("# " + "".join(traceback.format_exception(problem)).replace("\n", "\n# "), flush=True)
            if isinstance(problem, KeyboardInterrupt):
                break
    sys.exit(1 if failed else 0)
