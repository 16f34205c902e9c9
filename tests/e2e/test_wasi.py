"""WASI 0.2 as components see it through `wash dev`: files, bodies, fields, clocks, streams, and what is left between instances."""

import json
import os
import resource
import socket
import time
import urllib.parse

from e2e import *

# --- files ----------------------------------------------------------------------------------------------------------------------


class Volume:
    """The files guest over a volume /v, beside which lies a secret that no path may reach."""

    def __enter__(self):
        def prepare(project):
            project.write("secret.txt", "secret\n")
            project.write("v/plain.txt", "plain\n")
            project.write("v/dir/deep.txt", "deep\n")
            os.symlink("plain.txt", project.path("v/to-plain"))
            os.symlink("../secret.txt", project.path("v/to-secret"))
            os.symlink(project.path("secret.txt"), project.path("v/to-absolute"))
            os.symlink("dir/../dir/deep.txt", project.path("v/to-deep"))
            os.symlink("..", project.path("v/up"))
            os.symlink("loop-b", project.path("v/loop-a"))
            os.symlink("loop-a", project.path("v/loop-b"))
            os.mkfifo(project.path("v/fifo"))
            sock = socket.socket(socket.AF_UNIX)
            sock.bind(project.path("v/sock"))
            sock.close()

        self.context = serve("files", "  volumes:\n    - host_path: v\n      guest_path: /v\n", prepare=prepare)
        self.project, self.dev = self.context.__enter__()
        return self

    def __exit__(self, *what):
        self.context.__exit__(*what)

    def do(self, operation, name, query="", body=None):
        path = f"/{operation}/v/{urllib.parse.quote(name)}" + (f"?{query}" if query else "")
        status, answer, _ = self.dev.get(path, "PUT" if body is not None else "GET", body)
        return status, answer.decode("utf-8", "replace").strip()


@test
def files_ordinary():
    """files are read, written, listed, renamed, linked, removed"""
    with Volume() as v:
        equal(v.do("read", "plain.txt"), (200, "plain"))
        equal(v.do("read", "to-plain"), (200, "plain"))
        equal(v.do("read", "to-deep"), (200, "deep"))
        equal(v.do("read", "plain.txt", "offset=2&length=3"), (200, "ain"))
        equal(v.do("write", "new.txt", body=b"x" * 700000), (200, "700000"))
        equal(os.path.getsize(v.project.path("v/new.txt")), 700000)
        equal(v.do("append", "new.txt", body=b"end")[0], 200)
        equal(v.do("stat", "new.txt")[0], 200)
        equal(json.loads(v.do("stat", "new.txt")[1])["size"], 700003)
        equal(v.do("write", "new.txt", "offset=5", b"HERE"), (200, "4"))
        equal(v.do("read", "new.txt", "offset=4&length=6"), (200, "xHEREx"))
        equal(v.do("truncate", "new.txt", "length=10")[0], 200)
        equal(os.path.getsize(v.project.path("v/new.txt")), 10)
        equal(v.do("touch", "new.txt", "seconds=1000")[0], 200)
        equal(int(os.path.getmtime(v.project.path("v/new.txt"))), 1000)
        equal(v.do("rename", "new.txt", "to=moved.txt")[0], 200)
        equal(v.do("link", "moved.txt", "to=second.txt")[0], 200)
        equal(json.loads(v.do("stat", "second.txt")[1])["links"], 2)
        equal(v.do("unlink", "moved.txt")[0], 200)
        equal(v.do("mkdir", "made/")[0], 200)
        equal(v.do("rmdir", "made")[0], 200)
        equal(v.do("symlink", "made-link", "to=plain.txt")[0], 200)
        equal(v.do("readlink", "made-link"), (200, "plain.txt"))
        listing = v.do("list", "")[1].splitlines()
        check("regular-file plain.txt" in listing and "directory dir" in listing and "fifo fifo" in listing, listing)
        check(not any(line.endswith((" .", " ..")) for line in listing), listing)
        first, second = v.do("hash", "plain.txt"), v.do("hash", "plain.txt")
        equal(first, second)
        check(first != v.do("hash", "dir/deep.txt"), first)


@test
def files_missing():
    """errors have the names that WASI gives them"""
    with Volume() as v:
        equal(v.do("read", "none.txt"), (404, "no-entry"))
        equal(v.do("read", "plain.txt/below"), (409, "not-directory"))
        equal(v.do("write", "plain.txt", "flags=exclusive", b"x"), (409, "exist"))
        equal(v.do("rmdir", "dir"), (409, "not-empty"))
        equal(v.do("unlink", "dir")[0] >= 400, True)
        equal(v.do("read", "loop-a"), (409, "loop"))
        equal(v.do("list", "plain.txt"), (409, "not-directory"))
        equal(v.do("read", "x" * 300), (409, "name-too-long"))


@test
def files_escape():
    """no path leads out of a volume"""
    with Volume() as v:
        outside = ["../secret.txt", "dir/../../secret.txt", "to-secret", "to-absolute", "up/secret.txt", "./../secret.txt", "dir/../../v/../secret.txt"]
        for name in outside:
            for operation in ("read", "stat", "hash", "list"):
                status, answer = v.do(operation, "", "path=" + urllib.parse.quote(name, safe=""))
                check(status == 403 and answer == "not-permitted", operation, name, status, answer)
        for name in ("/etc/passwd", v.project.path("secret.txt"), "/proc/self/environ"):
            equal(v.do("read", "", "path=" + urllib.parse.quote(name, safe="")), (403, "not-permitted"), name)
        for operation in ("mkdir", "unlink", "rmdir"):
            for name in ("../made", "up/made", "dir/../../made", ".."):
                status, answer = v.do(operation, "", "path=" + urllib.parse.quote(name, safe=""))
                check(status == 403, operation, name, status, answer)
        for to in ("../moved.txt", "up/moved.txt", "/tmp/moved.txt"):
            equal(v.do("rename", "plain.txt", "to=" + urllib.parse.quote(to, safe=""))[0], 403, to)
            equal(v.do("link", "plain.txt", "to=" + urllib.parse.quote(to, safe=""))[0], 403, to)
        equal(v.do("symlink", "evil", "to=%2Fetc%2Fpasswd"), (403, "not-permitted"))
        equal(v.do("readlink", "to-absolute"), (403, "not-permitted"))
        status, answer = v.do("write", "to-secret", body=b"overwritten")
        check(status == 403, status, answer)
        with open(v.project.path("secret.txt")) as file:
            equal(file.read(), "secret\n")
        # A link made by the guest itself, upwards, is as useless.
        equal(v.do("symlink", "sneaky", "to=..%2Fsecret.txt")[0], 200)
        equal(v.do("read", "sneaky"), (403, "not-permitted"))
        check(os.path.exists(v.project.path("v/plain.txt")), "the file was moved away")


@test
def files_special():
    """opening a FIFO, a socket or a device fails and never blocks"""
    with Volume() as v:
        for name in ("fifo", "sock"):
            start = time.monotonic()
            status, answer = v.do("read", name)
            check(status in (403, 404, 409) and time.monotonic() - start < 5, name, status, answer)
            status, answer = v.do("write", name, body=b"x")
            check(status in (403, 404, 409), name, status, answer)
        if os.geteuid() == 0:
            os.mknod(v.project.path("v/null"), 0o20666, os.makedev(1, 3))
            status, answer = v.do("read", "null")
            check(status >= 400, status, answer)


@test
def files_names():
    """names that are no text, with NUL, or empty are refused"""
    with Volume() as v:
        status, answer = v.do("read", "", "path=a%00b")
        check(status == 409 and answer == "illegal-byte-sequence", status, answer)
        status, answer = v.do("read", "", "path=")
        check(status == 404, status, answer)
        with open(os.fsencode(v.project.path("v/")) + b"bad-\xff", "w"):
            pass
        status, answer = v.do("list", "")
        check(status == 409 and answer == "illegal-byte-sequence", status, answer)


@test
def files_large():
    """a large file streams through without being held in memory"""
    with Volume() as v:
        with open(v.project.path("v/large"), "wb") as file:
            file.write(os.urandom(1 << 20) * 48)
        status, body, headers = v.dev.get("/download/v/large", timeout=WAIT * 3)
        equal(status, 200)
        with open(v.project.path("v/large"), "rb") as file:
            check(body == file.read(), len(body))


# --- messages -------------------------------------------------------------------------------------------------------------------


@test
def body_length():
    """a body must have the length it declares"""
    with serve("behaviours") as (_, dev):
        equal(dev.get("/length?declared=10&sent=10")[:2], (200, b"x" * 10))
        for sent in (5, 15):
            answer = dev.raw(f"GET /length?declared=10&sent={sent} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            body = answer.partition(b"\r\n\r\n")[2]
            check(len(body.replace(b"<reset>", b"")) < 10 or not answer.startswith(b"HTTP/1.1 200"), answer)
            line = dev.wait_log("rules::length")
            check("wash-dev-component" in line, line)
            check(dev.wait_log(rf"guest.*HttpResponseBodySize\(Some\({sent}\)\)"), dev.log())


@test
def truncated_body():
    """a body that is dropped unfinished is seen to be incomplete"""
    with serve("behaviours") as (_, dev):
        answer = dev.raw(b"GET /unfinished HTTP/1.1\r\nHost: x\r\n\r\n")
        check(b"a part" in answer and not answer.endswith(b"0\r\n\r\n"), answer)
        check(b"content-length" not in answer.lower(), answer)


@test
def trailers():
    """trailers of a response"""
    with serve("behaviours") as (_, dev):
        answer = dev.raw(b"GET /trailers HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        check(answer.endswith(b"0\r\nx-sum: 12\r\nx-more: yes\r\n\r\n"), answer)


@test
def fields_rules():
    """fields refuse bad syntax, CR, LF and NUL, and what belongs to the connection"""
    with serve("behaviours") as (_, dev):
        outcomes = {name: outcome for name, _, outcome in json.loads(dev.get("/fields")[1])["tries"]}
        for name in ("x-plain", "X-Upper", "x-empty", "x-latin", "x-tab"):
            equal(outcomes[name], "taken", name)
        for name in ("x-cr", "x-lf", "x-crlf", "x-nul", "x bad", "", "x:colon"):
            check("InvalidSyntax" in outcomes[name], name, outcomes[name])
        for name in ("connection", "transfer-encoding", "host", "keep-alive"):
            check("Forbidden" in outcomes[name], name, outcomes[name])


@test
def fields_immutable():
    """received and sent fields are immutable, a clone is not"""
    with serve("behaviours") as (_, dev):
        lines = dev.get("/immutable")[1].decode().splitlines()
        for line in lines[:4]:
            check("Immutable" in line, lines)
        check("Ok" in lines[4], lines)


@test
def taken_once():
    """what may be taken once is refused the second time"""
    with serve("behaviours") as (_, dev):
        equal(dev.get("/twice")[1].strip(), b"[true, true, true, true]")


@test
def drop_order():
    """dropping a parent before its child traps"""
    with serve("behaviours") as (_, dev):
        for which in ("body-before-stream", "finish-before-stream", "pollable-after-stream", "outgoing-before-stream"):
            equal(dev.get(f"/drop-order?which={which}")[0], 500, which)
            check(dev.wait_log("resource has children"), dev.log())
        equal(dev.get("/drop-order?which=request-before-body")[:2], (200, b"allowed\n"))


@test
def hoarding():
    """what a component keeps of the host's memory is bounded"""
    with serve("behaviours") as (_, dev):
        for what in ("fields", "headers", "empty-fields"):
            equal(dev.get(f"/hoard?what={what}", headers={"X-Large": "l" * 8000}, timeout=WAIT * 3)[0], 500, what)
            check(dev.wait_log("that the component holds are larger than"), dev.log())
        for what in ("requests", "bodies"):
            body = dev.get(f"/hoard?what={what}", timeout=WAIT * 3)[1]
            check(body.startswith(b"refused after ") and 100 < int(body.split()[-1]) < 1000, what, body)
        with open(f"/proc/{dev.process.pid}/status") as file:
            peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
        check(peak < (1 << 20 if os.environ.get("SLOW") else 400 << 10), f"{peak} KiB at the peak")


@test
def volumes_as_often_as_wanted():
    """taking the volumes again and again takes no descriptors"""
    with Volume() as v:
        resource.prlimit(v.dev.process.pid, resource.RLIMIT_NOFILE, (300, 300))
        equal(v.dev.get("/volumes?times=1000")[:2], (200, b'["/v"]\n'))
        equal(v.do("read", "plain.txt"), (200, "plain"))


@test
def length_without_body():
    """an answer to HEAD, and one with 204 or 304, may declare a length and have no body"""
    with serve("behaviours") as (_, dev):
        for early in (0, 1):
            equal(dev.get(f"/declared?early={early}", "HEAD")[0], 200)
            equal(dev.get(f"/declared?early={early}", "HEAD")[2]["content-length"], "10")
            for code in (204, 304):
                equal(dev.get(f"/declared?early={early}&code={code}")[0], code)
        check(not dev.has("request failed"), dev.log())
        equal(dev.get("/declared?early=1")[0], 500)


@test
def late_trailers():
    """trailers that are said to be ready are there, though nobody read the body"""
    with serve("behaviours") as (_, dev):
        with socket.create_connection(("127.0.0.1", dev.port), timeout=WAIT) as s:
            s.sendall(b"POST /late-trailers HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
            for part in (b"5", b"\r\nfirst\r\n", b"3\r\n", b"two", b"\r\n0\r\n", b"x-one: 1\r\nx-two: 2\r\n", b"\r\n"):
                time.sleep(0.05)
                s.sendall(part)
            got = b""
            while part := s.recv(4096):
                got += part
        check(got.endswith(b"\r\n\r\n2 true\n"), got)


@test
def orphaned_body():
    """the body of a response that was dropped is closed"""
    with serve("behaviours") as (_, dev):
        equal(dev.get("/orphan")[:2], (200, b"closed\n"))


@test
def headers_given_away():
    """a request's headers, given away as trailers, are its children no more"""
    with serve("behaviours") as (_, dev):
        answer = dev.raw(b"GET /borrowed-trailers HTTP/1.1\r\nHost: x\r\nX-Mine: 1\r\nConnection: close\r\n\r\n")
        check(answer.startswith(b"HTTP/1.1 200 ") and b"x-mine: 1" in answer.lower(), answer, dev.log())


@test
def statuses():
    """statuses from 200 to 999; interim ones are refused"""
    with serve("behaviours") as (_, dev):
        for code in (200, 204, 304, 404, 599):
            equal(dev.get(f"/status?code={code}")[0], code)
        for code in (100, 101, 0, 1000):
            equal(dev.get(f"/status?code={code}")[1], b"refused\n", code)


@test
def error_codes():
    """an error-code in place of a response: 500, and the log has its name"""
    with serve("behaviours") as (_, dev):
        for index, name in ((0, "DNS-timeout"), (15, "HTTP-request-denied"), (38, "internal-error")):
            equal(dev.get(f"/error?index={index}")[0], 500)
            check(dev.wait_log(f"(?i){name}"), dev.log())
        for index in range(39):
            equal(dev.get(f"/error?index={index}")[0], 500)


@test
def slow_body_streams():
    """a slow body arrives as it is written"""
    with serve("behaviours") as (_, dev):
        with socket.create_connection(("127.0.0.1", dev.port), timeout=WAIT) as s:
            s.sendall(b"GET /slow?count=3&ms=400 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            times, got = [], b""
            while True:
                part = s.recv(4096)
                if not part:
                    break
                got += part
                times.append(time.monotonic())
            check(b"line 2" in got, got)
            check(len(times) >= 3 and times[-1] - times[0] > 0.5, times)


@test
def big_body():
    """16 MiB of response with back-pressure"""
    with serve("behaviours") as (_, dev):
        status, body, _ = dev.get("/big?bytes=16777216", timeout=WAIT * 3)
        equal((status, len(body)), (200, 16777216))
        equal(body[:26], b"abcdefghijklmnopqrstuvwxyz")


@test
def head_and_unread():
    """HEAD has no body; a body that nobody reads does not break the connection"""
    with serve("behaviours") as (_, dev):
        answer = dev.raw(b"HEAD /ok HTTP/1.1\r\nHost: x\r\n\r\nGET /ok HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        equal(answer.count(b"HTTP/1.1 200"), 2)
        equal(answer.partition(b"\r\n\r\n")[2].count(b"ok\n"), 1)
        body = b"y" * 50000
        answer = dev.raw(b"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n" + body +
                         b"GET /ok HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        check(b"unread" in answer and answer.endswith(b"ok\n"), answer[-200:])


# --- the rest -------------------------------------------------------------------------------------------------------------------


@test
def poll_and_sleep():
    """poll gives what is ready; time passes as asked"""
    with serve("behaviours") as (_, dev):
        equal(dev.get("/poll?ms=20")[1].strip(), b"[1] [1] [false, true, true]")
        check(30 <= int(dev.get("/sleep?ms=30")[1]) < 5000)


@test
def clocks_and_random():
    """clocks tell the time; random bytes differ"""
    with serve("behaviours") as (_, dev):
        clocks = json.loads(dev.get("/clocks")[1])
        check(abs(clocks["seconds"] - time.time()) < 60, clocks)
        first, second = json.loads(dev.get("/random?bytes=32")[1]), json.loads(dev.get("/random?bytes=32")[1])
        for key in ("secure", "insecure", "number", "seed"):
            check(first[key] != second[key], key, first, second)
        equal(dev.get("/random?bytes=10000000000")[0], 500)
        equal(dev.get("/ok")[0], 200)


@test
def standard_input_is_empty():
    """standard input is at its end, standard output is no terminal"""
    with serve("behaviours") as (_, dev):
        equal(dev.get("/stdin")[1].strip(), b"0")
        equal(dev.get("/stdio")[1], b"no terminal\n")


@test
def fresh_instances():
    """every request has a fresh instance: no state, and zeroed memory, with PAGEMAP_SCAN and without"""
    for env in ({}, {"WASH_NO_PAGEMAP_SCAN": "1"}):
        with serve("behaviours", env=env) as (_, dev):
            for _ in range(20):
                equal(dev.get("/state")[1].strip(), b"1")
                equal(dev.get("/memory?mib=8")[1].strip(), b"0")
            for path in ("/trap", "/recurse", "/half"):
                dev.raw(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                equal(dev.get("/memory?mib=8")[1].strip(), b"0", path)


@test
def not_offered_yet():
    """outgoing HTTP links, and a call answers with an error of WASI"""
    with serve("behaviours") as (_, dev):
        status, body, _ = dev.get("/outgoing?authority=127.0.0.1:1")
        equal(status, 200)
        check(body.startswith(b"refused"), body)


@test
def toolchains():
    """components of every toolchain answer"""
    for name in ("hello", "c-hello", "js-hello", "py-hello"):
        with serve(name) as (_, dev):
            for _ in range(5):
                status, body, _ = dev.get("/", timeout=WAIT * 2)
                equal((status, body), (200, b"Hello from wasmCloud!\n"), name)
    with serve("http-minimal") as (_, dev):
        equal(dev.get("/")[0], 204)
    with serve("c-echo") as (_, dev):
        equal(dev.get("/", "POST", b"z" * 300000)[1], b"z" * 300000)


@test
def without_elision():
    """components behave the same with their shim modules kept"""
    for name in ("hello", "c-hello", "js-hello"):
        with serve(name, env={"WASH_NO_ELIDE": "1"}) as (_, dev):
            equal(dev.get("/", timeout=WAIT * 2)[:2], (200, b"Hello from wasmCloud!\n"), name)


if __name__ == "__main__":
    main()
