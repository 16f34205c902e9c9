#!/usr/bin/env python3
"""Sends every shape of cases.txt to our server and to nginx, and compares the answers with the file.

usage: run.py HTTP_SERVE [CASES]      prints TAP; `run.py --show HTTP_SERVE` prints what each server answered instead.
Needs nginx (package nginx-light); without it the comparison is one skipped test.
"""

import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PATIENCE = 10.0

NGINX_CONFIG = """
daemon off;
master_process off;
pid {dir}/pid;
error_log {dir}/error.log error;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 200 "$request_method $request_uri"; }}
    }}
}}
"""


class Case:
    def __init__(self, name, line):
        self.name, self.line = name, line
        self.values = {}

    def verdict(self, key):
        text = self.values[key]
        return [] if text == "closed" else text.split(" | ")

    def problem(self):
        for key in ("rfc", "send", "expect"):
            if not self.values.get(key):
                return f"line {self.line}: no `{key}`"
        if ("nginx" in self.values) != ("why" in self.values):
            return f"line {self.line}: `nginx` and `why` belong together"
        return None


def read_cases(path):
    cases = []
    for number, line in enumerate(path.read_text(encoding="ascii").split("\n"), 1):
        if not line or line.startswith("#"):
            continue
        key, _, value = line.partition(" ")
        if key == "case":
            cases.append(Case(value, number))
        elif key in ("rfc", "send", "expect", "nginx", "why") and cases:
            values = cases[-1].values
            if key in values and key != "send":
                raise SystemExit(f"{path}:{number}: a second `{key}`")
            values[key] = values.get(key, "") + value
        else:
            raise SystemExit(f"{path}:{number}: `{key}` is no key of a case")
    names = [case.name for case in cases]
    for name in names:
        if names.count(name) > 1:
            raise SystemExit(f"{path}: case {name} is there twice")
    return cases


def unescape(text):
    def one(match):
        escape = match.group(0)
        if escape.startswith("\\<"):
            return match.group(1).replace("\\r", "\r").replace("\\n", "\n") * int(match.group(2))
        if escape.startswith("\\x"):
            return chr(int(escape[2:], 16))
        return {"r": "\r", "n": "\n", "t": "\t", "\\": "\\"}[escape[1]]

    return re.sub(r"\\<(.*?)\*(\d+)>|\\x[0-9a-f]{2}|\\[rnt\\]", one, text).encode("latin-1")


def receive_all(connection):
    data = b""
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            return data
        if not piece:
            return data
        data += piece


def answers(data):
    """Cuts what a server sent into (status, body). Both servers send Content-Length with everything they answer here."""
    result = []
    while data:
        head, mark, data = data.partition(b"\r\n\r\n")
        status = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
        if not mark or not status:
            return result + [("unreadable", repr(head[:60]))]
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        size = int(length.group(1)) if length else len(data)
        if len(data) < size:
            return result + [("truncated", "")]
        result.append((status.group(1).decode(), data[:size].decode("latin-1").rstrip("\n")))
        data = data[size:]
    return result


def ask(port, data):
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError, OSError):
            pass  # refused before it took everything
        return answers(receive_all(connection))


def shown(answered):
    return [f"{status} {body}".strip() if status == "200" else status for status, body in answered]


def statuses(answered):
    return [status for status, _ in answered]


def wanted_statuses(verdict):
    return [item.partition(" ")[0] for item in verdict]


def start_ours(binary):
    process = subprocess.Popen([binary, "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    if not line.startswith("listening "):
        raise SystemExit(f"{binary} did not start")
    return process, int(line.rsplit(":", 1)[1])


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start_nginx(folder):
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/bin")
    if not program:
        return None, 0
    port = free_port()
    config = Path(folder, "nginx.conf")
    config.write_text(NGINX_CONFIG.format(dir=folder, port=port))
    process = subprocess.Popen([program, "-e", f"{folder}/error.log", "-c", str(config)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return process, port
        except ConnectionRefusedError:
            time.sleep(0.01)
    process.kill()
    raise SystemExit("nginx did not start")


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def test(self, name, problem, skip=None):
        self.count += 1
        self.failed += problem is not None
        if problem:
            print(f"# {name}: {problem}")
        print(f"{'not ok' if problem else 'ok'} {self.count} - {name}{' # SKIP ' + skip if skip else ''}")


def check_ours(case, port):
    got = shown(ask(port, unescape(case.values["send"])))
    want = case.verdict("expect")
    return None if got == want else f"gives {' | '.join(got) or 'closed'} instead of {' | '.join(want)}"


def check_nginx(case, port):
    got = statuses(ask(port, unescape(case.values["send"])))
    ours = wanted_statuses(case.verdict("expect"))
    if "nginx" not in case.values:
        return None if got == ours else f"nginx gives {' | '.join(got) or 'closed'}, which the file does not say"
    want = wanted_statuses(case.verdict("nginx"))
    if got != want:
        return f"nginx gives {' | '.join(got) or 'closed'} instead of {' | '.join(want) or 'closed'}"
    return "nginx agrees: drop `nginx` and `why`" if got == ours else None


def run(binary, path, show):
    cases = read_cases(path)
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="smuggling-") as folder:
        ours, our_port = start_ours(binary)
        nginx, nginx_port = start_nginx(folder)
        try:
            for case in cases:
                if show:
                    data = unescape(case.values["send"])
                    theirs = shown(ask(nginx_port, data)) if nginx else []
                    print(f"{case.name}: ours {shown(ask(our_port, data))} nginx {theirs} expect {case.verdict('expect')}")
                    continue
                tap.test(case.name, case.problem() or check_ours(case, our_port))
                if nginx:
                    tap.test(f"{case.name} beside nginx", check_nginx(case, nginx_port))
        finally:
            ours.send_signal(signal.SIGTERM)
            clean = ours.wait(PATIENCE) == 0
            if nginx:
                nginx.terminate()
                nginx.wait(PATIENCE)
    tap.test("at least 60 shapes", None if len(cases) >= 60 else f"only {len(cases)}")
    tap.test("our server ends cleanly", None if clean else "it did not")
    if not nginx:
        tap.test("beside nginx", None, skip="nginx is not installed (package nginx-light)")
    print(f"1..{tap.count}")
    return 1 if tap.failed else 0


def main():
    arguments = [a for a in sys.argv[1:] if a != "--show"]
    if not 1 <= len(arguments) <= 2:
        raise SystemExit(__doc__)
    path = Path(arguments[1]) if len(arguments) > 1 else Path(__file__).with_name("cases.txt")
    sys.exit(run(arguments[0], path, "--show" in sys.argv))


if __name__ == "__main__":
    main()
