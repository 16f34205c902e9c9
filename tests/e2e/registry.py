"""Registries for tests: docker-registry as it is packaged, a service that gives tokens, a private CA, and a registry in Python that
lies as a test tells it to. All on 127.0.0.1, all stopped at the end of their `with`."""

import base64
import ctypes
import hashlib
import http.server
import json
import os
import shutil
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse

from e2e import *

for name in "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR":  # whom the tests trust is for them to say
    os.environ.pop(name, None)

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.wasm.config.v0+json"
WASM = "application/wasm"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def descriptor(data, media_type, **more):
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data), **more}


def manifest_of(layer, media_type=WASM, config=b"{}", **more):
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(config, CONFIG),
                       "layers": [descriptor(layer, media_type)], **more}).encode()


class Place:
    """A folder with a home and a place to work in; `wash` runs there, and talks to nothing but what it is told to."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="wash-oci-")
        for name in ("home", "work"):
            os.mkdir(self.path(name))
        self.env = {"HOME": self.path("home"), "XDG_CACHE_HOME": "", "DOCKER_CONFIG": "", "WASH_OCI_CA_PATHS": "", "no_proxy": "*",
                    "TMPDIR": self.root}

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def write(self, name, data, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        os.chmod(path, mode)
        return path

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def wash(self, *arguments, env=None, **options):
        return run(*arguments, cwd=self.path("work"), env={**self.env, **(env or {})}, **options)

    def start(self, *arguments, env=None, stderr=subprocess.PIPE):
        """The same, and goes on at once."""
        return subprocess.Popen([os.path.abspath(WASH), *arguments], cwd=self.path("work"), stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=stderr, env={**os.environ, **self.env, **(env or {})})

    def ok(self, *arguments, **options):
        """stdout of a command that must succeed"""
        code, out, err = self.wash(*arguments, **options)
        equal(code, 0, f"{arguments}: {err}")
        return out

    def data(self, *arguments, **options):
        answer = json.loads(self.ok("-o", "json", *arguments, **options))
        equal(answer["success"], True)
        return answer["data"]

    def fails(self, *arguments, saying=(), **options):
        """One clear error that says this, and nothing left behind where the command worked."""
        before = sorted(os.listdir(self.path("work")))
        code, out, err = self.wash(*arguments, **options)
        equal(code, 1, f"{arguments}: {out}{err}")
        lines = [line for line in err.splitlines() if line]
        equal(len(lines), 1, err)
        check(lines[0].startswith("error: "), err)
        for text in [saying] if isinstance(saying, str) else saying:
            check(text in err, f"{text!r} is not in {err!r}")
        equal(sorted(os.listdir(self.path("work"))), before, "left behind:")
        return err

    def cached(self):
        """Every file of the cache, by its path below it."""
        top = self.path("home", ".cache", "wash", "oci")
        return sorted(os.path.relpath(os.path.join(folder, name), top) for folder, _, names in os.walk(top) for name in names)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root, ignore_errors=True)


class Authority:
    """A private CA with a certificate for 127.0.0.1, localhost and registry.localhost, and a pair of keys to sign tokens with."""

    def __init__(self, place):
        self.ca, self.ca_key = place.path("ca.pem"), place.path("ca.key")
        self.certificate, self.key = place.path("server.pem"), place.path("server.key")
        request, extensions = place.path("server.csr"), place.write("server.ext", "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:registry.localhost\n")
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.ca_key, "-out", self.ca, "-days", "2",
                      "-subj", "/CN=Test CA")
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key, "-out", request, "-subj", "/CN=localhost")
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial",
                      "-out", self.certificate, "-days", "2", "-extfile", extensions)

    @staticmethod
    def _openssl(*arguments, **options):
        done = subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **options)
        return done.stdout

    def sign(self, claims):
        """A JSON web token, RS256, that carries its certificate."""
        def encode(data):
            data = data if isinstance(data, bytes) else json.dumps(data).encode()
            return base64.urlsafe_b64encode(data).rstrip(b"=")

        der = "".join(open(self.ca).read().split("-----")[2].split())
        head = encode({"typ": "JWT", "alg": "RS256", "x5c": [der]}) + b"." + encode(claims)
        return (head + b"." + encode(self._openssl("dgst", "-sha256", "-sign", self.ca_key, input=head))).decode()

    def wrap(self, server):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)


def bcrypt(password):
    """As `htpasswd -B` does it, by the C library's crypt."""
    crypt = ctypes.CDLL("libcrypt.so.1").crypt
    crypt.restype = ctypes.c_char_p
    return crypt(password.encode(), b"$2b$05$abcdefghijklmnopqrstuu").decode()


class Registry:
    """docker-registry; `name` is what references begin with."""

    def __init__(self, place, authority=None, login=None, token_realm=None):
        if not shutil.which("docker-registry"):
            raise Skip("docker-registry is not installed")
        self.place, self.port = place, free_port()
        self.name = f"127.0.0.1:{self.port}"
        folder = f"registry-{self.port}"
        config = {"version": "0.1", "log": {"level": "error"}, "http": {"addr": self.name},
                  "storage": {"filesystem": {"rootdirectory": place.path(folder)}, "delete": {"enabled": True}}}
        if authority and not token_realm:
            config["http"]["tls"] = {"certificate": authority.certificate, "key": authority.key}
        elif authority:
            config["http"].update({"tls": {"certificate": authority.certificate, "key": authority.key}} if token_realm[0] else {})
            config["auth"] = {"token": {"realm": token_realm[1], "service": "test-registry", "issuer": "test-issuer",
                                        "rootcertbundle": authority.ca}}
        if login:
            file = place.write(f"{folder}.htpasswd", f"{login[0]}:{bcrypt(login[1])}\n")
            config["auth"] = {"htpasswd": {"realm": "Test", "path": file}}
        self.config = place.write(f"{folder}.yml", json.dumps(config))

    def __enter__(self):
        self.log = open(self.config + ".log", "wb")
        self.process = subprocess.Popen(["docker-registry", "serve", self.config], stdout=self.log, stderr=self.log)
        eventually(self._listens, f"docker-registry: {open(self.config + '.log').read()}")
        return self

    def _listens(self):
        check(self.process.poll() is None, open(self.config + ".log").read())
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def get(self, path, accept=MANIFEST):
        """(headers, body) of a plain registry's answer"""
        import urllib.request
        request = urllib.request.Request(f"http://{self.name}/v2/{path}", headers={"Accept": accept})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=WAIT) as answer:
            return answer.headers, answer.read()

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.log.close()


class Server:
    """An HTTP server whose requests go to `answer(handler)`; what came in is in `requests`: (method, path, headers, body)."""

    def __init__(self, answer, authority=None):
        outer = self
        self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                length = int(self.headers.get("Content-Length") or 0)
                self.body = b""
                while len(self.body) < length and not getattr(self, "skip_body", False):
                    piece = self.rfile.read(min(65536, length - len(self.body)))
                    if not piece:
                        break
                    self.body += piece
                self.url = urllib.parse.urlsplit(self.path)
                self.query = dict(urllib.parse.parse_qsl(self.url.query))
                outer.requests.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, self.body))
                answer(self)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = handle_one

            def reply(self, code, body=b"", **headers):
                self.send_response(code)
                headers = {name.replace("_", "-"): value for name, value in headers.items()}
                headers.setdefault("Content-Length", str(len(body)))
                for name, value in headers.items():
                    if value is not None:
                        self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def drop(self):
                """Ends the connection in the middle of things."""
                self.wfile.flush()
                self.close_connection = True
                try:
                    self.connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

            def finish(self):
                try:
                    super().finish()
                except OSError:
                    pass

        self.server = QuietServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.name = f"127.0.0.1:{self.port}"
        self.scheme = "https" if authority else "http"
        if authority:
            authority.wrap(self.server)

    def of(self, method, part=""):
        return [request for request in self.requests if request[0] == method and part in request[1]]

    def authorizations(self):
        return [request[2]["authorization"] for request in self.requests if "authorization" in request[2]]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def honest(manifests, blobs):
    """An `answer` that serves them as a registry should: manifests by tag or digest, blobs by digest with ranges."""
    for body in list(manifests.values()):
        manifests[digest_of(body)] = body

    def answer(handler):
        what, _, name = handler.url.path.rpartition("/")
        if what.endswith("/manifests") and name in manifests:
            body = manifests[name]
            media_type = json.loads(body).get("mediaType", MANIFEST)
            return handler.reply(200, body, Content_Type=media_type, Docker_Content_Digest=digest_of(body))
        if what.endswith("/blobs") and name in blobs:
            body, wanted = blobs[name], handler.headers.get("Range")
            if not wanted:
                return handler.reply(200, body)
            start = int(wanted.split("=")[1].rstrip("-"))
            return handler.reply(206, body[start:], Content_Range=f"bytes {start}-{len(body) - 1}/{len(body)}")
        handler.reply(404, json.dumps({"errors": [{"code": "NAME_UNKNOWN", "message": "no such thing"}]}).encode())

    return answer


def serving(layer, **more):
    """The honest answer for one artifact, whatever tag it is asked for by `t`."""
    return honest({"t": manifest_of(layer, **more)}, {digest_of(layer): layer})


class TokenService:
    """Gives tokens for what is asked for to whoever logs in as `login`; in front of a Registry with token_realm."""

    def __init__(self, authority, login, tls=True):
        self.authority, self.login = authority, login
        self.server = Server(self._answer, authority if tls else None)
        self.realm = f"{self.server.scheme}://localhost:{self.server.port}/token"

    def _answer(self, handler):
        expected = "Basic " + base64.b64encode(":".join(self.login).encode()).decode()
        if handler.headers.get("Authorization") != expected:
            return handler.reply(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]}')
        kind, name, actions = handler.query["scope"].split(":")
        now = int(time.time())
        claims = {"iss": "test-issuer", "sub": self.login[0], "aud": handler.query["service"], "exp": now + 300, "nbf": now - 10,
                  "iat": now, "jti": str(time.monotonic_ns()),
                  "access": [{"type": kind, "name": name, "actions": actions.split(",")}]}
        handler.reply(200, json.dumps({"token": self.authority.sign(claims), "expires_in": 300}).encode())

    def __enter__(self):
        self.server.__enter__()
        return self

    def __exit__(self, *what):
        self.server.__exit__(*what)
