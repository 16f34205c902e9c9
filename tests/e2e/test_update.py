"""`wash update` and the notice of new versions, against a TLS server on loopback that says what a forge's API says, and lies."""

import fcntl
import hashlib
import http.server
import json
import os
import pty
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading
import time
import warnings

from e2e import WASH, QuietServer, check, check_clean, equal, eventually, main, test

UPDATABLE = os.path.abspath(os.environ.get("WASH_UPDATABLE", "build/tests/e2e/wash-updatable"))
KEY = os.path.abspath(os.environ.get("UPDATE_KEY", "build/tests/e2e/update-test-key.pem"))
SIGN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "sign-release.sh")
ASSET, MANIFEST, SIGNATURE = "wash-test-machine", "wash-manifest.json", "wash-manifest.json.sig"
TOKENS = ("WASH_GITHUB_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "GITHUB_ACCESS_TOKEN")


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Authority:
    """A certificate authority of our own, and certificates by it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="wash-ca-")
        self.certificate = self.path("ca.pem")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=test",
                "-keyout", self.path("ca.key"), "-out", self.certificate)

    def path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name):
        """A context for a server at `name` (an IP address or a DNS name)."""
        kind = "IP" if re.fullmatch(r"[\d.]+", name) else "DNS"
        with open(self.path("ext"), "w") as file:
            file.write(f"subjectAltName={kind}:{name}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x", "-keyout", self.path("key"), "-out",
                self.path("csr"))
        openssl("x509", "-req", "-in", self.path("csr"), "-CA", self.certificate, "-CAkey", self.path("ca.key"), "-days", "2", "-extfile",
                self.path("ext"), "-out", self.path("crt"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path("crt"), self.path("key"))
        return context


AUTHORITY = Authority()


class Server:
    """Answers paths from a table: bytes, or a function of the handler. What was asked is in `asked`: (path, headers)."""

    def __init__(self, name="127.0.0.1", context=None, plain=False):
        server, self.answers, self.asked = self, {}, []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked.append((self.path, dict(self.headers)))
                answer = server.answers.get(self.path, 404)
                try:
                    self.reply(answer)
                except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
                    self.close_connection = True

            def reply(self, answer):
                if callable(answer):
                    return answer(self)
                body = answer if isinstance(answer, bytes) else b"no"
                self.send_response(200 if isinstance(answer, bytes) else answer)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = QuietServer(("127.0.0.1", 0), Handler)
        if not plain:
            self.server.socket = (context or AUTHORITY.issue(name)).wrap_socket(self.server.socket, server_side=True,
                                                                                do_handshake_on_connect=False)
        self.url = f"http{'' if plain else 's'}://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def script(version, code=0):
    return f"#!/bin/sh\n[ \"$1\" = -V ] && echo 'wash {version}'\nexit {code}\n".encode()


class Release(Server):
    """A repository owner/wash with a release of which files are served by number."""

    def __init__(self, version="9.9.9", files=None, signed=True, **options):
        super().__init__(**options)
        self.version = version
        self.files = {ASSET: script(version)} if files is None else files
        self.latest = "/repos/owner/wash/releases/latest"
        self.assets = []
        if signed:
            self.sign()
        self.publish()

    def sign(self, version=None, key=KEY, files=None):
        with tempfile.TemporaryDirectory() as folder:
            for name, data in (files or self.files).items():
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(data)
            subprocess.run([SIGN, "sign", key, version or self.version, *(files or self.files)], cwd=folder, check=True)
            for name in MANIFEST, SIGNATURE:
                with open(os.path.join(folder, name), "rb") as file:
                    self.files[name] = file.read()

    def publish(self):
        self.assets = [{"id": number, "name": name, "size": 1} for number, name in enumerate(self.files, 100)]
        for asset in self.assets:
            self.answers[self.asset(asset["name"])] = self.files[asset["name"]]
        self.answers[self.latest] = json.dumps({"tag_name": self.version, "assets": self.assets}).encode()

    def asset(self, name):
        return "/repos/owner/wash/releases/assets/" + str(next(asset["id"] for asset in self.assets if asset["name"] == name))


class Installed:
    """An executable of ours in a folder of its own, with a home of its own."""

    def __init__(self, executable=UPDATABLE, server=None):
        self.root = os.path.realpath(tempfile.mkdtemp(prefix="wash-update-"))
        self.folder = os.path.join(self.root, "bin")
        os.mkdir(self.folder)
        self.path = shutil.copy(executable, os.path.join(self.folder, "wash"))
        self.before = self.hash()
        self.cache = os.path.join(self.root, "cache", "wash")
        self.server = server

    def hash(self, path=None):
        with open(path or self.path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    def environment(self, extra=None):
        environment = {name: value for name, value in os.environ.items() if name not in TOKENS}
        environment.update({"HOME": self.root, "XDG_CACHE_HOME": os.path.join(self.root, "cache"), "CURL_CA_BUNDLE": "",
                            "SSL_CERT_FILE": AUTHORITY.certificate, "NO_PROXY": "*"})
        if self.server:
            environment["WASH_UPDATE_API_URL"] = self.server.url
        return {**environment, **(extra or {})}

    def run(self, *arguments, env=None):
        done = subprocess.run([self.path, *arguments], env=self.environment(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120, cwd=self.root)
        err = done.stderr.decode()
        check_clean(err)
        return done.returncode, done.stdout.decode(), err

    def update(self, *arguments, code=0, env=None):
        got, out, err = self.run("update", *arguments, env=env)
        equal(got, code, out + err)
        return out if code == 0 else err

    def refused(self, why, *arguments, env=None):
        """It says why, and the executable is what it was, alone in its folder."""
        err = self.update(*arguments, code=1, env=env)
        check(why in err, f"no {why!r} in {err!r}")
        self.unchanged()

    def unchanged(self):
        equal(self.hash(), self.before, "the executable changed")
        equal(os.listdir(self.folder), ["wash"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root, ignore_errors=True)


def current():
    return subprocess.run([UPDATABLE, "-V"], stdout=subprocess.PIPE, check=True).stdout.decode().split()[1]


class With:
    """A release and an installed wash that asks for it."""

    def __init__(self, *arguments, **options):
        self.release = Release(*arguments, **options)

    def __enter__(self):
        self.installed = Installed(server=self.release)
        return self.release, self.installed

    def __exit__(self, *_):
        self.release.close()
        self.installed.__exit__()


@test
def dry_run():
    """CLI-40: --dry-run says whether there is an update"""
    with With() as (_, wash):
        out = wash.update("-d")
        equal(out, f"Update available: 9.9.9 (this is {current()})\n")
        answer = json.loads(wash.update("--dry-run", "-o", "json"))
        equal(answer, {"message": out.strip(), "success": True, "data": {
            "current_version": current(), "target_version": "9.9.9", "update_available": True, "dry_run": True}})
        wash.unchanged()
    with With(version=current()) as (_, wash):
        answer = json.loads(wash.update("--dry-run", "-o", "json"))["data"]
        equal((answer["update_available"], answer["target_version"]), (False, current()))


@test
def update():
    """CLI-40: the executable is replaced by the one of the release, and backed up"""
    with With("wash-v9.9.9") as (release, wash):
        release.files = {ASSET: script("9.9.9"), "wash-other-machine": b"x"}
        release.sign()
        release.publish()
        answer = json.loads(wash.update("-o", "json"))
        equal(answer["data"], {"version": "wash-v9.9.9", "backup_path": os.path.join(wash.cache, "update", "wash_backup"),
                               "install_path": wash.path})
        equal((answer["message"], answer["success"]), ("wash upgraded to wash-v9.9.9", True))
        with open(wash.path, "rb") as file:
            equal(file.read(), script("9.9.9"))
        equal(os.stat(wash.path).st_mode & 0o7777, 0o755)
        equal(os.listdir(wash.folder), ["wash"])
        equal(wash.hash(answer["data"]["backup_path"]), wash.before)
        equal(wash.run("-V")[1], "wash 9.9.9\n")


@test
def update_by_a_real_executable():
    """CLI-40: --force installs the same version again: a real executable, which then says who it is and can update too"""
    with open(UPDATABLE, "rb") as file:
        real = file.read()
    with With(version=current(), files={ASSET: real}) as (release, wash):
        equal(wash.update(), f"wash {current()} is up to date (release {current()})\n")
        equal(len(release.asked), 1)
        check(f"wash upgraded to {current()}" in wash.update("--force"))
        wash.unchanged()
        check(f"wash upgraded to {current()}" in wash.update("-f"))


@test
def what_an_earlier_update_left():
    """A temporary file of an update that was killed, and a link in its place, do not matter"""
    with With() as (_, wash):
        kept = os.path.join(wash.root, "kept")
        with open(kept, "w") as file:
            file.write("kept")
        os.symlink(kept, wash.path + ".tmp_upgrade")
        wash.update()
        with open(kept) as file:
            equal(file.read(), "kept")
        equal(os.listdir(wash.folder), ["wash"])
    with With() as (_, wash):
        os.mkdir(wash.path + ".tmp_upgrade")
        check("replace " in wash.update(code=1))
        equal(wash.hash(), wash.before)


@test
def older_releases():
    """An older release is not installed, with or without --force"""
    with With("0.0.1") as (_, wash):
        check("is up to date" in wash.update())
        check("is up to date" in wash.update("--force"))
        wash.unchanged()


@test
def within_reach():
    """CLI-41: --major, --minor and --patch choose among the releases"""
    major, minor, patch = (int(part) for part in current().split("."))
    tags = [f"{major}.{minor}.{patch + 1}", f"v{major}.{minor}.{patch + 10}", f"{major}.{minor + 2}.0", f"{major + 3}.0.0", f"{major + 4}.0.0-rc.1",
            "nightly"]
    with With() as (release, wash):
        listed = [{"tag_name": tag, "assets": []} for tag in tags] + [{"tag_name": f"{major + 9}.0.0", "draft": True, "assets": []}]
        release.answers["/repos/owner/wash/releases?per_page=100"] = json.dumps(listed).encode()
        for option, wanted in ("--patch", tags[1]), ("--minor", tags[2]), ("--major", tags[3]):
            answer = json.loads(wash.update("-d", "-o", "json", option))["data"]
            equal((answer["target_version"], answer["update_available"]), (wanted, True), option)
        release.answers["/repos/owner/wash/releases?per_page=100"] = b"[]"
        wash.refused("no release is within reach", "--minor")


@test
def other_repositories():
    """CLI-40: --git names another repository, and nothing else"""
    with With() as (release, wash):
        release.answers["/repos/some-one/o.t_her/releases/latest"] = release.answers[release.latest]
        check("Update available" in wash.update("-d", "--git", "some-one/o.t_her"))
        for name in "x", "a/b/c", "../..", "a/..", "/", "a/", "a b/c", "a/b?c", "a/b#c", "":
            wash.refused("is not a repository's OWNER/NAME" if name else "names no repository", "--git=" + name)
        wash.refused("not there (HTTP status 404)", "--git", "no/where")


@test
def unsigned_releases():
    """A release without our manifest, without its signature, or with another's, is refused"""
    with tempfile.TemporaryDirectory() as folder:
        stranger = os.path.join(folder, "key.pem")
        subprocess.run([SIGN, "key", stranger], check=True, stdout=subprocess.DEVNULL)
        with With(signed=False) as (release, wash):
            wash.refused(f"release 9.9.9 has no {MANIFEST}")
            release.sign()
            signature = release.files.pop(SIGNATURE)
            release.publish()
            wash.refused(f"release 9.9.9 has no {SIGNATURE}")
            release.sign(key=stranger)
            release.publish()
            wash.refused("is not signed by the key of this wash")
            release.files[SIGNATURE] = signature
            release.files[MANIFEST] = release.files[MANIFEST].replace(b'"wash"', b'"wash" ')
            release.publish()
            wash.refused("is not signed by the key of this wash")
            for bad in b"", signature[:-1], bytes(64):
                release.files[SIGNATURE] = bad
                release.publish()
                wash.refused("is not signed by the key of this wash")
            release.files[SIGNATURE] = signature + b"x"
            release.publish()
            wash.refused("has more than 64 bytes")


@test
def manifests_of_something_else():
    """A good signature over the manifest of another version, of other files, or of another size"""
    with With() as (release, wash):
        release.sign(version="9.9.8")
        release.publish()
        wash.refused("is one of version 9.9.8")
        release.sign(files={"wash-other-machine": b"x"})
        release.publish()
        wash.refused(f"does not name {ASSET}")
        release.sign(files={ASSET: script("9.9.9") + b"more"})
        release.publish()
        wash.refused("is not the file that its manifest names")
        release.sign(files={ASSET: script("9.9.8")})
        release.publish()
        wash.refused("is not the file that its manifest names")
        release.sign(files={ASSET: script("9.9.9")[:-1]})
        release.publish()
        wash.refused("has more than")
        release.sign()
        del release.files[ASSET]
        release.publish()
        wash.refused(f"release 9.9.9 has no {ASSET}")
        release.files[MANIFEST] = b"x" * 70000
        release.publish()
        wash.refused("has more than 65536 bytes")


def endless(handler):
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x" * 65536)


def truncated(data):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:len(data) // 2])
    return answer


@test
def lying_servers():
    """Endless, truncated and wrong answers"""
    with With() as (release, wash):
        release.answers[release.asset(ASSET)] = endless
        wash.refused("has more than")
        release.answers[release.asset(ASSET)] = truncated(release.files[ASSET])
        wash.refused("bytes remaining")
        release.answers[release.asset(ASSET)] = 500
        wash.refused("500")
        release.answers[release.latest] = endless
        wash.refused("has more than 4194304 bytes")
        for answer in b"", b"<html>", b"[1]", b'{"tag_name": "latest"}', b'{"tag_name": "1.2.3\\u001b[2J"}', b'{"tag_name": ["1.2.3"]}':
            release.answers[release.latest] = answer
            wash.refused("releases of owner/wash: ")
        release.answers[release.latest] = json.dumps({"tag_name": "9.9.9", "assets": [{"id": 1, "name": "x"}] * 1001}).encode()
        wash.refused("more than 1000 files")
        for status, why in (404, "not there"), (401, "a token"), (403, "a token"), (429, "a token"), (503, "503"):
            release.answers[release.latest] = status
            wash.refused(why)


@test
def an_executable_of_another_user():
    """who may not replace the executable is told, before anything is downloaded"""
    with With() as (release, wash):
        os.chmod(wash.root, 0o777)
        os.chmod(wash.folder, 0o555)
        user = {"user": 65534} if os.geteuid() == 0 else {}
        readable = os.path.join(wash.root, "ca.pem")
        shutil.copy(AUTHORITY.certificate, readable)
        os.chmod(readable, 0o644)
        done = subprocess.run([wash.path, "update"], env=wash.environment({"SSL_CERT_FILE": readable}), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=wash.root, **user)
        os.chmod(wash.folder, 0o755)
        equal(done.returncode, 1, done.stdout)
        check("Permission denied; run it as a user who may replace " + wash.path in done.stderr, done.stderr)
        check(release.asset(ASSET) not in str(release.asked), release.asked)
        wash.unchanged()


@test
def a_new_version_that_does_not_work():
    """A new executable that fails, is another, or cannot be run, is taken back"""
    for bad in script("9.9.9", code=3), script("9.9.8"), b"not a program\n\0", b"#!/nonexistent\n", b"#!/bin/sh\nkill -9 $$\n", b"#!/bin/sh\nyes\n":
        with With(files={ASSET: bad}) as (_, wash):
            wash.refused("the new wash does not work, and the old one is back")
            equal(wash.run("-V")[1], f"wash {current()}\n")


@test
def tls():
    """TLS is verified: the authority and the name; plain HTTP is refused, also by a redirect"""
    with With() as (release, wash):
        wash.refused("certificate", env={"SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt"})
        for url in release.url.replace("https", "http"), "ftp://127.0.0.1", "127.0.0.1", "https://", release.url + "/?x", "https://x@127.0.0.1", "HTTPS://x":
            wash.refused("is not an https:// address", env={"WASH_UPDATE_API_URL": url})
        check("Update available" in wash.update("-d", env={"WASH_UPDATE_API_URL": release.url + "//"}))
        plain = Server(plain=True)
        plain.answers["/x"] = release.files[MANIFEST]
        release.answers[release.asset(MANIFEST)] = redirect(plain.url + "/x")
        wash.refused("an address that is not https: http://")
        equal(plain.asked, [])
        plain.close()
        release.answers[release.asset(MANIFEST)] = redirect("file:///etc/passwd")
        wash.refused("an address that is not https: file:///etc/passwd")
    with With(name="localhost") as (_, wash):
        wash.refused("no alternative certificate subject name matches target host name '127.0.0.1'")
    old = AUTHORITY.issue("127.0.0.1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with With(context=old) as (_, wash):
        wash.refused("protocol version")


def redirect(location):
    def answer(handler):
        handler.send_response(302)
        handler.send_header("Location", location)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
    return answer


def sent_tokens(server):
    return [headers.get("Authorization") for _, headers in server.asked]


@test
def tokens():
    """CLI-40, CLI-41: the token is sent to the API, not to where it redirects; --token before the four variables"""
    storage = Server()
    with With() as (release, wash):
        for name in release.files:
            path = "/" + name
            storage.answers[path] = release.files[name]
            release.answers[release.asset(name)] = redirect(storage.url + path)
        check("wash upgraded to" in wash.update("--token", "secret"))
        equal(sent_tokens(release), ["Bearer secret"] * 4)
        equal(sent_tokens(storage), [None] * 3)
    storage.close()
    with With() as (release, wash):
        wash.update("-d")
        for index, name in enumerate(TOKENS):
            wash.update("-d", env={name: f"t{index}" for name, index in [(name, index) for index, name in enumerate(TOKENS)][index:]})
        wash.update("-d", "--token", "mine", env={name: "other" for name in TOKENS})
        equal(sent_tokens(release), [None, "Bearer t0", "Bearer t1", "Bearer t2", "Bearer t3", "Bearer mine"])
        wash.refused("characters that no token has", "--token", "a\r\nX-Evil: 1")
    with With() as (release, wash):
        release.answers[release.latest] = redirect(release.url + release.latest)
        wash.refused("redirects", "--token", "secret")


@test
def interrupts():
    """Ctrl-C while it downloads leaves nothing, and 130"""
    with With() as (release, wash):
        stuck = threading.Event()

        def hang(handler):
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(release.files[ASSET])))
            handler.end_headers()
            handler.wfile.write(b"#")
            handler.wfile.flush()
            stuck.set()
            time.sleep(30)

        release.answers[release.asset(ASSET)] = hang
        process = subprocess.Popen([wash.path, "update"], env=wash.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        check(stuck.wait(30))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        equal(process.returncode, 130, err)
        wash.unchanged()


@test
def two_at_once():
    """Two updates do not mix"""
    with With() as (_, wash):
        os.makedirs(os.path.join(wash.cache, "update"))
        with open(os.path.join(wash.cache, "update", "lock"), "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            wash.refused("another `wash update` is running")
        check("wash upgraded" in wash.update())


@test
def a_build_without_a_key():
    """A build without a key says that it cannot update itself"""
    server = Release()
    with Installed(os.path.abspath(WASH), server) as wash:
        wash.refused("this build of wash has no key to check updates with")
        wash.refused("names no repository to update from", "-d")
        check("Update available: 9.9.9" in wash.update("-d", "--git", "owner/wash"))
        equal([path for path, _ in server.asked], ["/repos/owner/wash/releases/latest"])
    server.close()


# --- the notice ---------------------------------------------------------------------------------------------------------------------


def on_terminal(wash, *arguments):
    """All that a command shows on a terminal, and how long it took."""
    environment, start = wash.environment(), time.monotonic()
    child, terminal = pty.fork()
    if child == 0:
        try:
            os.execve(wash.path, ["wash", *arguments], environment)
        finally:
            os._exit(99)
    shown = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.waitpid(child, 0)
    os.close(terminal)
    return shown.decode(), time.monotonic() - start


COMMAND = ("inspect", "no-such-file.wasm")
NOTICE = "wash 9.9.9 is there (this is "


@test
def notice():
    """CLI-9: a newer version is told after a command's output, on a terminal only, asked for once a day"""
    with With() as (release, wash):
        kept = os.path.join(wash.cache, "new_version_available.txt")
        shown, _ = on_terminal(wash, *COMMAND)
        check(shown.index("no-such-file") < shown.index(NOTICE), shown)
        equal(len(release.asked), 1)
        with open(kept) as file:
            equal(file.read(), "9.9.9")
        check(NOTICE in on_terminal(wash, *COMMAND)[0])
        equal(len(release.asked), 1, "asked again within a day:")
        for quiet in (["-o", "json", *COMMAND], ["--non-interactive", *COMMAND], ["--version"], ["--help"], ["update", "--dry-run"]):
            check(NOTICE not in on_terminal(wash, *quiet)[0], quiet)
        check(NOTICE not in "".join(wash.run(*COMMAND)[1:]))
        asked = len(release.asked)
        os.utime(kept, (time.time() - 90000,) * 2)
        check(NOTICE in on_terminal(wash, *COMMAND)[0])
        equal(len(release.asked), asked + 1, "asked again after a day:")
        os.utime(kept, (time.time() + 90000,) * 2)
        check(NOTICE in on_terminal(wash, *COMMAND)[0])
        equal(len(release.asked), asked + 2, "a date of the future:")
        with open(kept, "w") as file:
            file.write("9.9.9\x1b[2J")
        check("is there" not in on_terminal(wash, *COMMAND)[0])
    with With(version=current()) as (release, wash):
        check("is there" not in on_terminal(wash, *COMMAND)[0])


@test
def notice_does_not_delay():
    """CLI-9: a server that does not answer costs a second, once a day"""
    with With() as (release, wash):
        release.answers[release.latest] = lambda handler: time.sleep(20)
        shown, first = on_terminal(wash, *COMMAND)
        check("is there" not in shown and first < 8, shown, first)
        equal(len(release.asked), 1)
        on_terminal(wash, *COMMAND)
        equal(len(release.asked), 1, "a failure is kept too:")
    with With() as (release, wash):
        os.makedirs(os.path.join(wash.cache, "new_version_available.txt"))  # nothing can be kept there
        check("is there" not in on_terminal(wash, *COMMAND)[0])
        equal(release.asked, [], "asked, and would be again:")
    with With() as (release, wash):
        os.makedirs(os.path.join(wash.root, "cache"))
        with open(os.path.join(wash.root, "cache", "wash"), "w"):
            pass
        check("no-such-file" in on_terminal(wash, *COMMAND)[0])


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(AUTHORITY.folder, ignore_errors=True)
