#!/usr/bin/python3
"""Measures `wash dev` beside nginx and `wasmtime serve` and prints a table; README.md says what and how.

    bench/serve.py [--wash build/wash] [--guests build/guests] [--wasmtime PROGRAM] [--seconds 5] [--rounds 3] [CASE...]
"""
import argparse
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from servers import Nginx, Wash, Wasmtime, ask, head_bytes

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
ECHO_BYTES = 1 << 20
# Flags that bring `wasmtime serve` nearest to what wash does by itself.
TUNED = ["-O", "pooling-memory-keep-resident=16777216", "-O", "pooling-pagemap-scan=y"]


class Run:
    """What one run of wrk said, with the CPU time that the server used meanwhile."""

    def __init__(self, text, cpu_seconds):
        def seconds(percent):
            number, unit = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s)", text, re.MULTILINE).groups()
            return float(number) * UNITS[unit]

        self.requests = int(re.search(r"(\d+) requests in", text)[1])
        self.rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
        self.p50, self.p99 = seconds(50), seconds(99)
        self.cpu = cpu_seconds / max(1, self.requests)
        trouble = re.findall(r"(?:Socket errors|Non-2xx or 3xx responses):.*", text)
        self.trouble = "; ".join(trouble)


def wrk(server, seconds, connections, target="/", script=None):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency", "--timeout", "30"]
    if script:
        command += ["-s", script]
    before = server.cpu_seconds()
    done = subprocess.run([*command, f"http://127.0.0.1:{server.port}{target}"], check=True, capture_output=True, text=True)
    return Run(done.stdout, server.cpu_seconds() - before)


def compare(title, makers, options, connections, target="/", script=None):
    """Alternates the servers for some rounds, prints the medians, and the first server's rate as a ratio to each other's."""
    runs = {}
    for _ in range(options.rounds):
        for make in makers:
            with make() as server:
                wrk(server, 1, connections, target, script)
                runs.setdefault(server.name, []).append(wrk(server, options.seconds, connections, target, script))
    print(f"\n{title}, {connections} connections, {options.rounds} x {options.seconds} s, medians")
    print(f"  {'':<24}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'CPU us/req':>12}   wash is")
    medians = {name: statistics.median(run.rate for run in list_) for name, list_ in runs.items()}
    first = next(iter(medians.values()))
    for name, list_ in runs.items():
        median = {key: statistics.median(getattr(run, key) for run in list_) for key in ("p50", "p99", "cpu")}
        print(f"  {name:<24}{medians[name]:>12.0f}{median['p50'] * 1e3:>9.2f}{median['p99'] * 1e3:>9.2f}{median['cpu'] * 1e6:>12.1f}"
              f"   {first / medians[name]:.2f}x")
        for run in list_:
            if run.trouble:
                print(f"    {name}: {run.trouble}")
    sys.stdout.flush()


class Cases:
    def __init__(self, options):
        self.options = options
        self.shards = options.shards

    def guest(self, name):
        return os.path.abspath(os.path.join(self.options.guests, name + ".wasm"))

    def wash(self, guest, name="wash", shards=None, options=(), **environment):
        return lambda: Wash(os.path.abspath(self.options.wash), self.guest(guest), shards or self.shards, name, environment, options)

    def wasmtimes(self, guest):
        if not self.options.wasmtime:
            return []
        program = os.path.abspath(self.options.wasmtime)
        return [lambda: Wasmtime(program, self.guest(guest)), lambda: Wasmtime(program, self.guest(guest), "wasmtime, tuned", TUNED)]

    def hello(self):
        """The Rust hello, an instance per request."""
        with self.wash("hello")() as server:
            size, (_, body) = head_bytes(server.port), ask(server.port)
        with Nginx(body, size, self.shards) as server:
            nginx_size = head_bytes(server.port)
        print(f"\nheads: wash {size} bytes, nginx {nginx_size}; body {len(body)}; {self.shards} shards, {self.shards} nginx workers")
        compare("hello (Rust)", [self.wash("hello"), lambda: Nginx(body, size, self.shards),
                                 self.wash("hello", "wash, no PAGEMAP_SCAN", WASH_NO_PAGEMAP_SCAN="1"), *self.wasmtimes("hello")],
                self.options, 32)

    def c(self):
        """The C hello."""
        compare("hello (C)", [self.wash("c-hello"), *self.wasmtimes("c-hello")], self.options, 32)

    def js(self):
        """The JavaScript hello."""
        compare("hello (JavaScript)", [self.wash("js-hello"), *self.wasmtimes("js-hello")], self.options, 32)

    def py(self):
        """The Python hello."""
        compare("hello (Python)", [self.wash("py-hello"), *self.wasmtimes("py-hello")], self.options, 32)

    def echo(self):
        """Bodies of 1 MiB there and back."""
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(f'wrk.method = "POST"\nwrk.body = string.rep("x", {ECHO_BYTES})\n')
            script.flush()
            compare("echo of 1 MiB", [self.wash("echo"), *self.wasmtimes("echo")], self.options, 8, script=script.name)

    def start(self):
        """From starting the process to its first answer, with the component's compiled code in the cache."""
        print("\nstart to first answer, cached")
        for guest in ("hello", "js-hello"):
            times = []
            for _ in range(11):
                server = self.wash(guest)()
                begin = time.monotonic()
                with server:
                    times.append(time.monotonic() - begin)
            times = times[1:]  # the first may have compiled
            print(f"  {guest:<24}median {statistics.median(times) * 1e3:.1f} ms, best {min(times) * 1e3:.1f}, worst {max(times) * 1e3:.1f}")

    def memory(self):
        """Pss after 10,000 requests."""
        with self.wash("hello")() as server:
            before = server.pss_kib()
            script = 'local left = 10000\nfunction response() left = left - 1 if left == 0 then wrk.thread:stop() end end\n'
            with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
                file.write(script)
                file.flush()
                done = wrk(server, 60, 32, script=file.name)
            print(f"\nPss at start {before / 1024:.1f} MiB, after {done.requests} requests {server.pss_kib() / 1024:.1f} MiB")

    def neighbour(self):
        """Requests on one shard alone, and beside requests that spin on the same shard."""
        with self.wash("behaviours", shards=1, WASH_CALLS_IN_FLIGHT="64")() as server:
            alone = [wrk(server, self.options.seconds, 8, "/ok") for _ in range(self.options.rounds)]
            spinning = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(self.options.spinners)]
            for connection in spinning:
                connection.sendall(b"GET /spin HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            beside = [wrk(server, self.options.seconds, 8, "/ok") for _ in range(self.options.rounds)]
            for connection in spinning:
                connection.close()
        p99 = [statistics.median(run.p99 for run in runs) for runs in (alone, beside)]
        rate = [statistics.median(run.rate for run in runs) for runs in (alone, beside)]
        print(f"\nbeside {self.options.spinners} spinning: p99 {p99[0] * 1e3:.2f} -> {p99[1] * 1e3:.2f} ms ({p99[1] / p99[0]:.1f}x), "
              f"requests/s {rate[0]:.0f} -> {rate[1]:.0f}")

    def meters(self):
        """With and without --enable-meters: a guest that does little, and one that runs an interpreter."""
        for guest in ("hello", "js-hello"):
            compare(f"meters ({guest})", [self.wash(guest), self.wash(guest, "wash, meters", options=("--enable-meters",))],
                    self.options, 32)

    def soak(self):
        """100,000 requests at 128 connections for each hello: no answer but 2xx, no socket error."""
        for guest in ("hello", "c-hello", "js-hello", "py-hello"):
            requests, trouble = 0, ""
            with self.wash(guest)() as server:
                while requests < 100_000 and not trouble:
                    done = wrk(server, 10, 128)
                    requests, trouble = requests + done.requests, done.trouble
            print(f"\nsoak {guest}: {requests} requests, {trouble or 'no errors'}")
            sys.stdout.flush()


NAMES = ["hello", "c", "js", "py", "meters", "echo", "start", "memory", "neighbour", "soak"]


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
        model = next((line.split(":", 1)[1].strip() for line in cpuinfo if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} CPUs, Linux {platform.release()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--wash", default="build/wash")
    parser.add_argument("--guests", default="build/guests")
    parser.add_argument("--wasmtime", default="", help="left out if not given")
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shards", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--spinners", type=int, default=1)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(NAMES))
    options = parser.parse_intermixed_args()
    unknown = [case for case in options.cases if case not in NAMES]
    if unknown:
        parser.error(f"no case {unknown[0]}; there are {', '.join(NAMES)}")
    print(machine())
    for case in options.cases or [name for name in NAMES if name != "soak"]:
        getattr(Cases(options), case)()


if __name__ == "__main__":
    main()
