"""The servers that a benchmark runs, one at a time: each is started on a free loopback port, waited for, measured, stopped.

A server knows the process ids whose CPU time counts as its own. All of them log at "error" or not at all.
"""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

READY_SECONDS = 120
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(port, target="/", timeout=30):
    """One GET over a connection of its own; returns (bytes of the head, body)."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", body


def head_bytes(port):
    """The size of the head of an answer on a connection that stays open, which is what a load generator sees."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(65536)
    return answer.index(b"\r\n\r\n") + 4


class Server:
    """Subclasses give `command` (a list) and `environment`, and may prepare files in `folder`, which is theirs."""

    name = "?"

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="wash-bench-")
        self.process = None
        self.port = None

    def __enter__(self):
        self.port = free_port()
        command, environment = self.command()
        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.process = subprocess.Popen(command, cwd=self.folder, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        self.wait_ready()
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait_ready(self):
        end = time.monotonic() + READY_SECONDS
        while True:
            try:
                return ask(self.port)
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as log:
                        raise SystemExit(f"{self.name} does not serve:\n{log.read()[-2000:]}") from None
                time.sleep(0.005)

    def process_ids(self):
        return [self.process.pid]

    def cpu_seconds(self):
        total = 0
        for pid in self.process_ids():
            with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
                fields = stat.read().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICK

    def pss_kib(self):
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="ascii") as rollup:
            return next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))


class Wash(Server):
    """`wash dev` in a project folder whose component is built already."""

    def __init__(self, program, component, shards, name="wash", environment=None, options=()):
        super().__init__()
        self.name, self.program, self.shards, self.extra, self.options = name, program, shards, environment or {}, options
        os.chmod(self.folder, 0o755)
        os.mkdir(os.path.join(self.folder, ".wash"))
        with open(os.path.join(self.folder, ".wash", "config.yaml"), "w", encoding="utf-8") as config:
            config.write(f"build:\n  command: 'true'\n  component_path: {component}\n")

    def command(self):
        environment = {"WASH_DEV_ADDRESS": f"127.0.0.1:{self.port}", "WASH_SHARDS": str(self.shards), **self.extra}
        return [self.program, "--log-level", "error", *self.options, "dev"], environment


class Nginx(Server):
    """The same body, and a head padded to the same size by the length of its content type."""

    CONFIG = """worker_processes {workers};
pid {folder}/pid;
error_log {folder}/error.log error;
daemon off;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    server_tokens off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000;
    types {{ }}
    default_type "{content_type}";
    server {{
        listen 127.0.0.1:{port} reuseport backlog=4096;
        location / {{ return 200 "{body}"; }}
    }}
}}
"""

    def __init__(self, body, head_size, workers, name="nginx"):
        super().__init__()
        self.name, self.body, self.head_size, self.workers = name, body, head_size, workers

    def command(self):
        # What nginx sends besides the content type's value: status, Server, Date, Content-Type:, Content-Length, Connection.
        fixed = len("HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Type: \r\n"
                    f"Content-Length: {len(self.body)}\r\nConnection: keep-alive\r\n\r\n")
        content_type = "t" * max(1, self.head_size - fixed)
        body = self.body.decode().replace("\n", "\\n")
        config = os.path.join(self.folder, "nginx.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(self.CONFIG.format(workers=self.workers, folder=self.folder, content_type=content_type, port=self.port,
                                          body=body))
        return ["/usr/sbin/nginx", "-p", self.folder, "-e", os.path.join(self.folder, "error.log"), "-c", config], {}

    def process_ids(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as children:
            return [self.process.pid, *map(int, children.read().split())]


class Wasmtime(Server):
    """`wasmtime serve` on the same component, compiled ahead of time, with the pooling allocator."""

    def __init__(self, program, component, name="wasmtime", flags=()):
        super().__init__()
        self.name, self.program, self.flags = name, program, list(flags)
        self.compiled = os.path.join(self.folder, "component.cwasm")
        subprocess.run([program, "compile", *self.tuning(), "-o", self.compiled, component], check=True)

    def tuning(self):
        return ["-O", "pooling-allocator=y", *self.flags]

    def command(self):
        return [self.program, "serve", *self.tuning(), "-S", "cli=y", "--allow-precompiled", "--addr", f"127.0.0.1:{self.port}",
                self.compiled], {}
