"""`wash oci pull`, `wash oci push` and `wash inspect` of references: against docker-registry, plain, with TLS and with logins, and
against registries that lie."""

import fcntl
import termios

from registry import *

LOGIN = ("someone", "pass:word")


def hello():
    return os.path.abspath(guest("hello"))


def minimal():
    return os.path.abspath(guest("http-minimal"))


def content(path):
    with open(path, "rb") as file:
        return file.read()


def big_component(size):
    """A component with a custom section of `size` bytes."""
    payload = b"\x03big" + os.urandom(size)
    length, encoded = len(payload), b""
    while True:
        encoded += bytes([length & 0x7f | (0x80 if length > 0x7f else 0)])
        length >>= 7
        if not length:
            break
    return content(minimal()) + b"\0" + encoded + payload


def described_component():
    def section(name, data):
        payload = bytes([len(name)]) + name + data
        return b"\0" + bytes([len(payload)]) + payload

    return content(minimal()) + b"".join(
        section(name, data) for name, data in [
            (b"version", b"1.2.3"), (b"description", b'says "hi"'), (b"authors", b"A B"), (b"licenses", b"Apache-2.0"),
            (b"source", b"https://example.com/s"), (b"homepage", b"https://example.com/"), (b"revision", b"abc"),
            (b"component-name", b"\x00\x08\x07minimal")])


# --- docker-registry, plain ------------------------------------------------------------------------------------------------------


@test
def push_and_pull():
    """CLI-37, CLI-38: push, pull elsewhere, the same bytes; the documented JSON shapes"""
    with Place() as place, Registry(place) as registry:
        pushed = place.data("oci", "push", "--insecure", f"{registry.name}/a/hello:1.0", hello())
        equal(set(pushed), {"message", "success", "digest"})
        equal(pushed["message"], "OCI command executed successfully.")
        headers, _ = registry.get("a/hello/manifests/1.0")
        equal(pushed["digest"], headers["Docker-Content-Digest"])
        pulled = place.data("oci", "pull", "--insecure", f"{registry.name}/a/hello:1.0", "out.wasm")
        equal(pulled, {"message": "OCI command executed successfully.", "output_path": place.path("work", "out.wasm"),
                       "bytes": os.path.getsize(hello()), "digest": pushed["digest"], "success": True})
        equal(place.read("work/out.wasm"), content(hello()))
        by_digest = place.data("oci", "pull", "--insecure", f"{registry.name}/a/hello@{pushed['digest']}")
        equal(by_digest["output_path"], place.path("work", "component.wasm"))
        equal(place.read("work/component.wasm"), content(hello()))


@test
def alias_and_directory():
    """`wash docker` is `wash oci`; -C is where the output goes"""
    with Place() as place, Registry(place) as registry:
        os.mkdir(place.path("work", "sub"))
        out = place.ok("docker", "push", "--insecure", f"{registry.name}/a/hello", hello())
        check(f"{registry.name}/a/hello:latest" in out, out)
        place.ok("-C", "sub", "docker", "pull", "--insecure", f"{registry.name}/a/hello")
        equal(place.read("work/sub/component.wasm"), content(hello()))
        equal(os.stat(place.path("work", "sub", "component.wasm")).st_mode & 0o777, 0o666 & ~current_umask())


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


@test
def artifact_format():
    """OCI-1..3: one layer, the configuration's fields in order, annotations from custom sections, canonical JSON"""
    with Place() as place, Registry(place) as registry:
        layer = described_component()
        place.ok("oci", "push", "--insecure", f"{registry.name}/a/b:1", place.write("work/c.wasm", layer))
        headers, body = registry.get("a/b/manifests/1")
        manifest = json.loads(body)
        equal(headers["Content-Type"], MANIFEST)
        equal(body, json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode())
        equal(manifest["layers"], [descriptor(layer, WASM)])
        equal((manifest["schemaVersion"], manifest["mediaType"], manifest["config"]["mediaType"]), (2, MANIFEST, CONFIG))
        created = manifest["annotations"].pop("org.opencontainers.image.created")
        check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", created), created)
        equal({name.rpartition(".")[2]: value for name, value in manifest["annotations"].items()},
              {"title": "minimal", "description": 'says "hi"', "authors": "A B", "source": "https://example.com/s",
               "url": "https://example.com/", "version": "1.2.3", "revision": "abc", "licenses": "Apache-2.0"})
        _, config = registry.get(f"a/b/blobs/{manifest['config']['digest']}")
        pairs = json.loads(config, object_pairs_hook=list)
        equal([name for name, _ in pairs], ["created", "author", "architecture", "os", "layerDigests", "component"])
        equal([name for name, _ in dict(pairs)["component"]], ["exports", "imports", "target"])
        config = json.loads(config)
        equal((config["architecture"], config["os"], config["author"], config["layerDigests"]),
              ("wasm", "wasip2", None, [digest_of(layer)]))
        wit = place.ok("inspect", "c.wasm")
        for kind in ("import", "export"):
            equal(config["component"][kind + "s"], re.findall(rf"^  {kind} ([^ ;]+);", wit, re.M), kind)


@test
def inspect_reference():
    """CLI-35: a reference is pulled and printed as its file is; a file that is there goes first"""
    with Place() as place, Registry(place) as registry:
        place.ok("oci", "push", "--insecure", f"{registry.name}/a/hello:1", hello())
        equal(place.ok("inspect", "--insecure", f"{registry.name}/a/hello:1"), place.ok("inspect", hello()))
        data = place.data("inspect", "--insecure", f"{registry.name}/a/hello:1")
        equal(set(data), {"message", "success", "wit"})
        place.write(f"work/{registry.name}/a/hello:1", content(minimal()))
        equal(place.ok("inspect", f"{registry.name}/a/hello:1"), place.ok("inspect", minimal()))
        place.fails("inspect", "missing.wasm", saying="missing.wasm")
        place.fails("inspect", "./missing", saying="missing")


@test
def only_components():
    """what is not a component is not pushed"""
    with Place() as place, Registry(place) as registry:
        cut = content(hello())[:-5]
        for name, data in [("text", b"hello"), ("module.wasm", b"\0asm\1\0\0\0"), ("cut.wasm", cut), ("empty", b"")]:
            place.write(f"work/{name}", data)
            place.fails("oci", "push", "--insecure", f"{registry.name}/a/b:1", name, saying=f"{name} is not a component")
        place.fails("oci", "push", "--insecure", f"{registry.name}/a/b:1", "none.wasm", saying="none.wasm")
        place.fails("oci", "push", "--insecure", f"{registry.name}/a/b@sha256:{'0' * 64}", hello(), saying="push to a tag")
        place.fails("oci", "pull", "--insecure", f"{registry.name}/a/b:1", saying=["404", "_UNKNOWN"])


@test
def large_in_chunks():
    """a blob over 8 MiB goes in chunks; pushing it again sends nothing of it"""
    with Place() as place, Registry(place) as registry:
        path = place.write("work/big.wasm", big_component(20 << 20))
        place.ok("oci", "push", "--insecure", f"{registry.name}/a/big:1", path)
        place.ok("oci", "pull", "--insecure", f"{registry.name}/a/big:1", "out.wasm")
        equal(digest_of(place.read("work/out.wasm")), digest_of(content(path)))
        place.ok("oci", "push", "--insecure", f"{registry.name}/a/big:2", path)


@test
def no_libcurl():
    """without libcurl, or with another one, a registry cannot be asked: the error names it and its package"""
    with Place() as place:
        place.write("lib/libcurl.so.4", b"not a library")
        path = os.path.dirname(place.path("lib/libcurl.so.4"))
        place.fails("oci", "pull", "localhost:1/a/b:1", saying=["libcurl.so.4", "package libcurl4"], env={"LD_LIBRARY_PATH": path})


# libcurl, but for its version.
OLDER_LIBCURL = """
struct version { int age; const char *text; unsigned number; };
const struct version *curl_version_info(int age)
{
    static const struct version version = {0, "7.84.0", 0x075400};
    return &version;
}
"""


@test
def older_libcurl():
    """a libcurl that cannot be held to https is not used"""
    real = "/usr/lib/%s-linux-gnu/libcurl.so.4" % os.uname().machine
    if not os.path.exists(real) or not shutil.which("gcc"):
        raise Skip("no gcc, or libcurl is elsewhere")
    with Place() as place:
        with open(real, "rb") as file:  # beside the other it needs a name of its own
            place.write("lib/libcurl.so.9", file.read().replace(b"libcurl.so.4\0", b"libcurl.so.9\0"))
        built = subprocess.run(["gcc", "-shared", "-fPIC", "-Wl,-soname,libcurl.so.4", "-o", place.path("lib/libcurl.so.4"), "-x", "c", "-",
                                "-x", "none", "-Wl,--no-as-needed", place.path("lib/libcurl.so.9")], input=OLDER_LIBCURL.encode())
        equal(built.returncode, 0)
        place.fails("oci", "pull", "localhost:1/a/b:1", saying="libcurl 7.84.0 is too old: this needs 7.85",
                    env={"LD_LIBRARY_PATH": place.path("lib")})


@test
def nothing_listens():
    """a registry that is not there, or speaks the other protocol, is named with what to do"""
    with Place() as place, Registry(place) as registry:
        place.fails("oci", "pull", "--insecure", f"127.0.0.1:{free_port()}/a/b:1", saying="connect")
        place.fails("oci", "pull", f"{registry.name}/a/b:1", saying="--insecure")
        place.fails("oci", "pull", "https://x/y", saying="leave out the scheme")
        equal(place.cached(), [])


# --- TLS -------------------------------------------------------------------------------------------------------------------------


@test
def private_ca():
    """CLI-39, OCI-7: a private CA by --ca-path and by WASH_OCI_CA_PATHS; without it nothing is trusted"""
    with Place() as place:
        authority = Authority(place)
        other = place.write("other.pem", content(authority.certificate))
        with Registry(place, authority) as registry:
            reference = f"localhost:{registry.port}/a/hello:1"
            place.fails("oci", "push", reference, hello(), saying=["certificate", "--ca-path"])
            place.ok("oci", "push", "--ca-path", authority.ca, reference, hello())
            place.ok("oci", "pull", f"--ca-path={other},{authority.ca}", reference)
            place.ok("oci", "pull", "--ca-path", other, "--ca-path", authority.ca, reference)
            place.ok("oci", "pull", reference, env={"WASH_OCI_CA_PATHS": f"{other},{authority.ca}"})
            place.ok("inspect", reference, env={"WASH_OCI_CA_PATHS": authority.ca})
            os.remove(place.path("work", "component.wasm"))
            place.fails("oci", "pull", reference, saying="certificate")
            place.fails("oci", "pull", reference, env={"WASH_OCI_CA_PATHS": place.path("none.pem")}, saying="none.pem")
            folder = place.path("authorities")
            os.mkdir(folder)
            shutil.copy(authority.ca, folder)
            subprocess.run(["openssl", "rehash", folder], check=True, stdout=subprocess.DEVNULL)
            for env in {"CURL_CA_BUNDLE": authority.ca}, {"SSL_CERT_FILE": authority.ca}, {"SSL_CERT_DIR": folder}:
                place.ok("oci", "pull", reference, env=env)
            system = "/etc/ssl/certs/ca-certificates.crt"
            place.fails("oci", "pull", reference, env={"CURL_CA_BUNDLE": system, "SSL_CERT_FILE": authority.ca}, saying="certificate")
            place.fails("oci", "pull", "--ca-path", hello(), reference, saying="no certificate in PEM form")
            place.fails("oci", "pull", "--ca-path", ",".join([authority.ca] * 65), reference, saying="more than 64 CA bundles")


@test
def name_of_the_certificate():
    """a certificate for another name is refused, though its CA is trusted"""
    with Place() as place:
        authority = Authority(place)
        with Registry(place, authority) as registry:
            place.fails("oci", "pull", "--ca-path", authority.ca, f"127.0.0.2:{registry.port}/a/b:1", saying="127.0.0.")


# --- logins ----------------------------------------------------------------------------------------------------------------------


def docker_config(place, config):
    place.write("home/.docker/config.json", json.dumps(config))


def encoded(login):
    return base64.b64encode(":".join(login).encode()).decode()


@test
def basic_login():
    """OCI-5: explicit login, else Docker's configuration, else its helper, else none"""
    with Place() as place, Registry(place, login=LOGIN) as registry:
        reference = f"{registry.name}/a/hello:1"
        push = ("oci", "push", "--insecure", reference, hello())
        given = ("--user", LOGIN[0], "--password", LOGIN[1])
        place.fails(*push, saying=["wants a login", f"docker login {registry.name}"])
        place.fails(*push, "-u", LOGIN[0], "-p", "wrong", saying=["401", "credentials"])
        place.ok(*push, *given)
        place.ok("oci", "pull", "--insecure", reference, "-u", LOGIN[0], "-p", LOGIN[1])

        docker_config(place, {"auths": {registry.name: {"auth": encoded(LOGIN)}}})
        place.ok("oci", "pull", "--insecure", reference)
        docker_config(place, {"auths": {registry.name: {"auth": encoded(("someone", "wrong"))}}})
        os.remove(place.path("work", "component.wasm"))
        place.fails("oci", "pull", "--insecure", reference, saying="401")
        place.ok("oci", "pull", "--insecure", reference, *given)
        other = place.write("elsewhere/config.json", json.dumps({"auths": {f"http://{registry.name}/": {"auth": encoded(LOGIN)}}}))
        place.ok("oci", "pull", "--insecure", reference, env={"DOCKER_CONFIG": os.path.dirname(other)})


@test
def what_is_in_the_way():
    """a registry without TLS and a proxy that is not there are named as such"""
    with Place() as place, Registry(place) as registry:
        reference = f"{registry.name}/a/hello:1"
        for command in ("oci", "push", reference, hello()), ("oci", "pull", reference):
            err = place.fails(*command, saying=["does not speak TLS there", "--insecure talks plain HTTP"])
            check("OpenSSL" not in err, err)
        proxy = {"no_proxy": "", "NO_PROXY": "", "http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:2"}
        place.fails("oci", "pull", "--insecure", reference, env=proxy, saying=["by the proxy of http_proxy: ", "port 1"])
        place.fails("oci", "pull", reference, env=proxy, saying=["by the proxy of https_proxy: ", "port 2"])
        place.fails("oci", "pull", "--insecure", f"127.0.0.1:1/a/b:1", saying="/a/b:1: Failed to connect")


@test
def passwords_that_no_list_of_processes_shows():
    """--password-stdin, and a question without echo on a terminal; what cannot be a login is a mistake in the line"""
    with Place() as place, Registry(place, login=LOGIN) as registry:
        reference = f"{registry.name}/a/hello:1"
        push = ("oci", "push", "--insecure", reference, hello(), "-u", LOGIN[0])
        for given in LOGIN[1], LOGIN[1] + "\n", LOGIN[1] + "\r\n":
            place.ok(*push, "--password-stdin", input=given.encode())
        place.fails(*push, "--password-stdin", input=b"wrong", saying="401")
        place.fails(*push, "--password-stdin", input=b"\n", saying="the password is empty")
        place.fails(*push, "--password-stdin", input=b"x" * 70000, saying="65536")
        for options, words in ((("-u", "x"), "give the password with --password-stdin"), (("-p", "x"), "--password needs --user"),
                               (("--password-stdin",), "--password-stdin needs --user"),
                               (("-u", "x", "-p", "y", "--password-stdin"), "exclude each other")):
            for command in ("oci", "pull"), ("inspect",):
                code, _, err = place.wash(*command, "--insecure", reference, *options)
                equal(code, 2, err)
                check(words in err, err)

        def answer(_, fd):
            os.write(fd, LOGIN[1].encode() + b"\n")

        def interrupt(_, fd):
            os.write(fd, b"\x03")
            eventually(lambda: termios.tcgetattr(fd)[3] & termios.ECHO, "the echo to be back")
        pull = ("oci", "pull", "--insecure", reference, "-u", LOGIN[0])
        asked = f"Password of {LOGIN[0]}:".encode()
        code, seen = terminal(pull, place.path("work"), place.env, until=asked, then=answer)
        equal(code, 0, seen)
        check(LOGIN[1] not in seen and asked.decode() in seen, seen)
        code, seen = terminal(pull, place.path("work"), place.env, until=asked, then=interrupt)
        equal(code, 130, seen)


@test
def login_by_helper():
    """OCI-5: a credential helper is asked for the registry; identity tokens are refused with a reason"""
    with Place() as place, Registry(place, login=LOGIN) as registry:
        reference = f"{registry.name}/a/hello:1"
        push = ("oci", "push", "--insecure", reference, hello())
        env = {"PATH": place.path("bin") + ":" + os.environ["PATH"]}
        answer = json.dumps({"ServerURL": registry.name, "Username": LOGIN[0], "Secret": LOGIN[1]})
        place.write("bin/docker-credential-good",
                    f"#!/bin/sh\nread server\n[ \"$1 $server\" = 'get {registry.name}' ] && echo '{answer}'\n", 0o755)
        place.write("bin/docker-credential-token", "#!/bin/sh\necho '{\"Username\":\"<token>\",\"Secret\":\"x\"}'\n", 0o755)
        for config in ({"credsStore": "good"}, {"credHelpers": {registry.name: "good"}, "credsStore": "token"}):
            docker_config(place, config)
            place.ok(*push, env=env)
        docker_config(place, {"credsStore": "token"})
        place.fails(*push, env=env, saying="identity token")
        docker_config(place, {"credsStore": "../bin/docker-credential-good"})
        place.fails(*push, env=env, saying="credential helper's name")
        docker_config(place, {"credsStore": "not-there"})
        place.fails(*push, env=env, saying="docker-credential-not-there")


@test
def helper_inherits_nothing():
    """a credential helper has no descriptor of ours: not the connection to the registry, nor the cache's lock"""
    with Place() as place, Registry(place, login=LOGIN) as registry:
        listing = place.path("descriptors")
        answer = json.dumps({"ServerURL": registry.name, "Username": LOGIN[0], "Secret": LOGIN[1]})
        place.write("bin/docker-credential-good", f"#!/bin/sh\nls -l /proc/$$/fd >{listing}\necho '{answer}'\n", 0o755)
        docker_config(place, {"credsStore": "good"})
        place.ok("oci", "push", "--insecure", f"{registry.name}/a/hello:1", hello(),
                 env={"PATH": place.path("bin") + ":" + os.environ["PATH"]})
        with open(listing) as file:
            open_there = file.read()
        check(not re.search(r"socket:|anon_inode:|/lock$", open_there, re.M), open_there)


@test
def token_login():
    """OCI-5: tokens by scope from the service that the registry names, over TLS"""
    with Place() as place:
        authority = Authority(place)
        with TokenService(authority, LOGIN) as tokens, Registry(place, authority, token_realm=(True, tokens.realm)) as registry:
            reference = f"localhost:{registry.port}/a/hello:1"
            trusted = ("--ca-path", authority.ca)
            place.fails("oci", "push", *trusted, reference, hello(), saying=["token", "401", "who are you"])
            place.ok("oci", "push", *trusted, "-u", LOGIN[0], "-p", LOGIN[1], reference, hello())
            docker_config(place, {"auths": {f"localhost:{registry.port}": {"auth": encoded(LOGIN)}}})
            place.ok("oci", "pull", *trusted, reference)
            scopes = [urllib.parse.parse_qs(urllib.parse.urlsplit(path).query) for _, path, _, _ in tokens.server.requests]
            equal(scopes[-1], {"service": ["test-registry"], "scope": ["repository:a/hello:pull"]})
            equal(scopes[-2]["scope"], ["repository:a/hello:pull,push"])


@test
def token_realm_must_be_https():
    """a login never goes to a token service over plain HTTP, unless --insecure asks for plain HTTP"""
    with Place() as place:
        authority = Authority(place)
        login = ("-u", LOGIN[0], "-p", LOGIN[1])
        with TokenService(authority, LOGIN, tls=False) as tokens:
            with Registry(place, authority, token_realm=(True, tokens.realm)) as registry:
                place.fails("oci", "push", "--ca-path", authority.ca, *login, f"localhost:{registry.port}/a/b:1", hello(),
                            saying=["token service", "not https"])
                equal(tokens.server.requests, [])
            with Registry(place, authority, token_realm=(False, tokens.realm)) as registry:
                place.ok("oci", "push", "--insecure", *login, f"{registry.name}/a/b:1", hello())


# --- the cache -------------------------------------------------------------------------------------------------------------------


@test
def cached_artifacts():
    """OCI-6: the layout; the registry is asked, what did not change is not downloaded, what did is"""
    first, second = content(hello()), content(minimal())
    state = {"answer": serving(first)}
    with Place() as place, Server(lambda handler: state["answer"](handler)) as server:
        reference = f"{server.name}/a/hello:t"
        pull = ("oci", "pull", "--insecure", reference)
        digest = place.data(*pull)["digest"]
        entry = f"{reference.replace('/', '_').replace(':', '_')}_{hashlib.sha256(reference.encode()).hexdigest()[:8]}"
        equal(place.cached(), sorted(f"{entry}/{name}" for name in ("hello_t.wasm", "digest", "layer", "lock")))
        equal(place.read(f"home/.cache/wash/oci/{entry}/digest").decode(), digest)
        equal(place.read(f"home/.cache/wash/oci/{entry}/hello_t.wasm"), first)
        server.requests.clear()
        place.ok(*pull)
        equal([request[:2] for request in server.requests], [("GET", "/v2/a/hello/manifests/t")])
        state["answer"] = serving(first, annotations={"a": "b"})
        check(place.data(*pull)["digest"] != digest)
        equal(server.of("GET", "/blobs/"), [])
        state["answer"] = serving(second)
        place.ok(*pull)
        equal(place.read("work/component.wasm"), second)
        equal(place.read(f"home/.cache/wash/oci/{entry}/hello_t.wasm"), second)
        equal(len(place.cached()), 4)


@test
def damaged_cache():
    """a half-written or damaged entry is found out and replaced"""
    data = content(hello())
    with Place() as place, Server(serving(data)) as server:
        pull = ("oci", "pull", "--insecure", f"{server.name}/a/hello:t")
        place.ok(*pull)
        folder = os.path.dirname(place.path("home/.cache/wash/oci", place.cached()[0]))
        for name, damage in [("hello_t.wasm", data[:1000]), ("hello_t.wasm", data[:-1] + b"x"), ("hello_t.wasm", None),
                             ("digest", b""), ("digest", None), ("layer", b"x"), ("layer", None),
                             ("new-artifact", b"of a process that died")]:
            if damage is None:
                os.remove(os.path.join(folder, name))
            else:
                place.write(os.path.join(folder, name), damage)
            place.ok(*pull)
            equal(place.read("work/component.wasm"), data, name)
            equal(place.read(os.path.join(folder, "hello_t.wasm")), data, name)
            equal(sorted(os.listdir(folder)), ["digest", "hello_t.wasm", "layer", "lock"], name)


@test
def bounded_cache():
    """the cache keeps 10 GiB: what was used longest ago goes when something is pulled, not what is locked"""
    with Place() as place, Server(serving(content(hello()))) as server:
        top = place.path("home/.cache/wash/oci")

        def add(name, age):
            for file in ("x.wasm", "digest", "layer", "lock"):
                path = place.write(f"{top}/{name}/{file}", b"")
            os.truncate(f"{top}/{name}/x.wasm", 4 << 30)  # takes no space
            os.utime(path, (time.time() - age,) * 2)
            os.chmod(f"{top}/{name}", 0o700)

        os.makedirs(top, mode=0o700)
        for number in range(4):
            add(f"entry-{number}", 1000 - number)
        with open(f"{top}/entry-1/lock", "r+") as locked:
            fcntl.flock(locked, fcntl.LOCK_EX)
            place.ok("oci", "pull", "--insecure", f"{server.name}/a/b:t")
        entry = [name for name in os.listdir(top) if name.startswith("127")]
        equal(sorted(os.listdir(top)), entry + ["entry-1", "entry-3"])
        add("entry-4", 0)
        place.ok("oci", "pull", "--insecure", f"{server.name}/a/b:t")
        equal(sorted(os.listdir(top)), entry + ["entry-1", "entry-3", "entry-4"], "removed though nothing was downloaded:")
        place.ok("oci", "pull", "--insecure", f"{server.name}/a/c:t")
        equal(len(os.listdir(top)), 4)
        check("entry-1" not in os.listdir(top), os.listdir(top))


@test
def without_a_cache():
    """a home that cannot be written makes no difference but speed"""
    data = content(hello())
    with Place() as place, Server(serving(data)) as server:
        file = place.write("file", b"")
        for env in ({"HOME": file}, {"HOME": "/proc"}, {"HOME": ""}, {"XDG_CACHE_HOME": file}):
            place.ok("oci", "pull", "--insecure", f"{server.name}/a/hello:t", env=env)
            equal(place.read("work/component.wasm"), data)
            os.remove(place.path("work", "component.wasm"))
        os.makedirs(place.path("home/.cache/wash/oci"))
        os.chmod(place.path("home/.cache/wash/oci"), 0o777)
        place.ok("oci", "pull", "--insecure", f"{server.name}/a/hello:t")
        equal(place.cached(), [], "a folder that others may write to was used:")


@test
def at_the_same_time():
    """eight processes pull one reference: one downloads it, all have it"""
    data = big_component(4 << 20)
    answer = serving(data)

    def slowly(handler):
        if "/blobs/" in handler.path:
            time.sleep(0.3)
        answer(handler)

    with Place() as place, Server(slowly) as server:
        processes = [place.start("oci", "pull", "--insecure", f"{server.name}/a/b:t", f"{number}.wasm") for number in range(8)]
        for process in processes:
            _, err = process.communicate(timeout=WAIT * 3)
            equal(process.returncode, 0, err)
        for number in range(8):
            check(place.read(f"work/{number}.wasm") == data)
        equal(len(server.of("GET", "/blobs/")), 1)
        equal(len(place.cached()), 4)


@test
def same_file_same_digest():
    """SOURCE_DATE_EPOCH is the time of creation; something else in it is refused"""
    with Place() as place, Registry(place) as registry:
        push = ("oci", "push", "--insecure", f"{registry.name}/a/hello:1", hello())
        env = {"SOURCE_DATE_EPOCH": "86400"}
        first, second = place.data(*push, env=env), place.data(*push, env=env)
        equal(first["digest"], second["digest"])
        _, body = registry.get("a/hello/manifests/1")
        equal(json.loads(body)["annotations"]["org.opencontainers.image.created"], "1970-01-02T00:00:00.000Z")
        for wrong in "yesterday", "-1", "253402300800":
            place.fails(*push, env={"SOURCE_DATE_EPOCH": wrong}, saying=f"SOURCE_DATE_EPOCH: `{wrong}`")


@test
def where_a_pull_goes():
    """links are followed, a link to nothing and a file that may not be written are left alone"""
    data = content(hello())
    with Place() as place, Server(serving(data)) as server:
        pull = ("oci", "pull", "--insecure", f"{server.name}/a/b:t")
        target = place.write("elsewhere/real.wasm", "old", 0o640)
        os.symlink(target, place.path("work/link.wasm"))
        place.ok(*pull, "link.wasm")
        check(os.path.islink(place.path("work/link.wasm")) and content(target) == data)
        equal(os.stat(target).st_mode & 0o777, 0o640)
        os.symlink(place.path("nothing"), place.path("work/dangling.wasm"))
        place.fails(*pull, "dangling.wasm", saying=["dangling.wasm is a symbolic link", "not there"])
        place.write("work/read-only.wasm", "mine", 0o444)
        user = 65534 if os.getuid() == 0 else None  # root may write anything
        for folder in place.root, place.path("work"):
            os.chmod(folder, 0o777)
        code, _, err = place.wash(*pull, "read-only.wasm", user=user, env={"HOME": place.path("none")})
        equal(code, 1)
        check("read-only.wasm: Permission denied" in err, err)
        equal(place.read("work/read-only.wasm"), b"mine")


@test
def waiting_for_another_wash():
    """a pull that waits for another process says so, and ends at once when it is interrupted"""
    with Place() as place, Server(serving(content(hello()))) as server:
        pull = ("oci", "pull", "--insecure", f"{server.name}/a/b:t")
        place.ok(*pull)
        lock = next(place.path("home/.cache/wash/oci", name) for name in place.cached() if name.endswith("/lock"))
        with open(lock) as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            process = place.start(*pull)
            line = process.stderr.readline().decode()
            check("waiting for another process that works on " + os.path.dirname(lock) in line, line)
            process.send_signal(signal.SIGINT)
            err = process.communicate(timeout=WAIT)[1].decode()
            equal(process.returncode, 130)
            check("interrupted while another process works on" in err, err)
            process = place.start(*pull)
            check("waiting for" in process.stderr.readline().decode())
        equal(process.wait(timeout=WAIT), 0)


@test
def interrupted():
    """a signal ends a pull and a push at once: an error as text or JSON, 128 + the signal, nothing half in the cache"""
    def hang(handler):
        state["reached"] = True
        handler.rfile.read(1)

    for how in signal.SIGINT, signal.SIGTERM:
        for arguments in (["oci", "pull"], ["oci", "push"], ["inspect"]):
            state = {}
            with Place() as place, Server(hang) as server:
                line = [os.path.abspath(WASH), "-o", "json", *arguments, "--insecure", f"{server.name}/a/b:t"]
                process = subprocess.Popen(line + [hello()] * (arguments[-1] == "push"), cwd=place.path("work"),
                                           env={**os.environ, **place.env}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
                try:
                    eventually(lambda: "reached" in state, "the registry to be asked")
                    process.send_signal(how)
                    out = process.communicate(timeout=WAIT)[0]
                finally:
                    process.kill()
                equal(process.returncode, 128 + how)
                answer = json.loads(out)
                check(answer["success"] is False and "interrupted" in answer["message"], answer)
                equal(place.cached(), [])


@test
def interrupted_helper():
    """a credential helper is ended with the command that asks it, also what it asks on the user's terminal"""
    with Place() as place, Registry(place, login=LOGIN) as registry:
        pull = ("oci", "pull", "--insecure", f"{registry.name}/a/hello:1")
        env = {**place.env, "PATH": place.path("bin") + ":" + os.environ["PATH"]}
        pid = place.path("pid")
        docker_config(place, {"credsStore": "slow"})
        place.write("bin/docker-credential-slow", f"#!/bin/sh\nsleep 100 & echo $! > {pid}.new; mv {pid}.new {pid}; wait\n", 0o755)
        process = place.start(*pull, env=env)
        eventually(lambda: os.path.exists(pid), "the helper to start")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=WAIT)
        equal(process.returncode, 143)
        with open(pid) as file:
            tool = int(file.read())
        eventually(lambda: not alive(tool), "what the helper started to end")
        answer = json.dumps({"Username": LOGIN[0], "Secret": LOGIN[1]})
        place.write("bin/docker-credential-slow", f"#!/bin/sh\nprintf 'PIN? ' > /dev/tty; read pin < /dev/tty; "
                    f"sleep 1.5; echo thanks > /dev/tty; [ \"$pin\" = 1234 ] && echo '{answer}'\n", 0o755)
        place.ok("oci", "push", "--insecure", f"{registry.name}/a/hello:1", hello(), "-u", LOGIN[0], "-p", LOGIN[1])
        code, seen = terminal(pull, place.path("work"), env, until=b"PIN? ", then=lambda _, fd: os.write(fd, b"1234\n"))
        equal(code, 0, seen)
        check("pulling" not in seen[:seen.index("thanks")], "progress is shown while the helper has the terminal:", seen)


@test
def killed_in_the_middle():
    """a pull that is killed leaves a cache that the next one uses"""
    data = big_component(1 << 20)
    answer = serving(data)
    state = {"hang": True}

    def hang(handler):
        if "/blobs/" not in handler.path or not state["hang"]:
            return answer(handler)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:500000])
        handler.wfile.flush()
        time.sleep(WAIT)

    with Place() as place, Server(hang) as server:
        process = place.start("oci", "pull", "--insecure", f"{server.name}/a/b:t")
        eventually(lambda: any(name.endswith("new-artifact") and os.path.getsize(place.path("home/.cache/wash/oci", name))
                               for name in place.cached()), "the download to begin")
        process.kill()
        process.communicate()
        equal(os.listdir(place.path("work")), [])
        state["hang"] = False
        place.ok("oci", "pull", "--insecure", f"{server.name}/a/b:t")
        check(place.read("work/component.wasm") == data)
        equal(len(place.cached()), 4)


@test
def full_disks():
    """where the cache has no room the pull goes on without it, and neither does it need room for temporary files"""
    data = big_component(3 << 20)
    with Place() as place, Server(serving(data)) as server:
        small = place.path("home/.cache"), place.path("tmp")
        for folder in small:
            os.mkdir(folder)
        pull = [os.path.abspath(WASH), "oci", "pull", "--insecure", f"{server.name}/a/b:t"]
        script = "".join(f"mount -t tmpfs -o size=1m none {folder} && " for folder in small)
        done = subprocess.run(["unshare", "-rm", "sh", "-c", script + 'exec "$@"', "sh", *pull], cwd=place.path("work"),
                              env={**os.environ, **place.env, "TMPDIR": place.path("tmp")}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        err = done.stderr.decode()
        if "unshare: " in err or "mount: " in err:
            raise Skip("no file systems of our own here: " + err.strip())
        equal(done.returncode, 0, err)
        check(place.read("work/component.wasm") == data)
        for name in small:
            check(re.search(f"no room for what is pulled.* {name}.*No space left", err), name, err)


@test
def progress():
    """what takes more than a second shows how far it is, on a terminal; the line is gone at the end"""
    import pty
    data = big_component(3 << 20)
    answer = serving(data)

    def slowly(handler):
        if "/blobs/" not in handler.path:
            return answer(handler)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        for start in range(0, len(data), 1 << 18):
            handler.wfile.write(data[start:start + (1 << 18)])
            time.sleep(0.2)

    with Place() as place, Server(slowly) as server:
        ours, theirs = pty.openpty()
        process = place.start("oci", "pull", "--insecure", f"{server.name}/a/b:t", env={"TERM": "xterm"}, stderr=theirs)
        os.close(theirs)
        seen = b""
        try:
            while piece := os.read(ours, 4096):
                seen += piece
        except OSError:
            pass
        os.close(ours)
        equal(process.wait(timeout=WAIT), 0, seen)
        check(b"pulling" in seen and b"MiB" in seen, seen)


# --- registries that fail --------------------------------------------------------------------------------------------------------


@test
def dropped_connections():
    """a connection that drops is taken up where it broke, by range, as often as it brings something"""
    data = big_component(7 << 20)
    answer = serving(data)

    def drop_often(handler):
        start = int((handler.headers.get("Range") or "bytes=0-").split("=")[1].rstrip("-"))
        if "/blobs/" not in handler.path or start >= 7 << 20:
            return answer(handler)
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        handler.send_header("Content-Length", str(len(data) - start))
        handler.end_headers()
        handler.wfile.write(data[start:start + (1 << 20)])
        handler.drop()

    with Place() as place, Server(drop_often) as server:
        place.ok("oci", "pull", "--insecure", f"{server.name}/a/b:t")
        check(place.read("work/component.wasm") == data)
        ranges = [request[2].get("range") for request in server.of("GET", "/blobs/")]
        equal(ranges, [None] + [f"bytes={number << 20}-" for number in range(1, 8)])


@test
def no_ranges():
    """a server that knows no ranges sends it all again; one that sends another range is refused"""
    data = big_component(1 << 20)
    answer = serving(data)
    state = {"lie": False}

    def drop_first(handler):
        if "/blobs/" not in handler.path:
            return answer(handler)
        if handler.headers.get("Range") and state["lie"]:
            return handler.reply(206, data[5:], Content_Range=f"bytes 5-{len(data) - 1}/{len(data)}")
        if handler.headers.get("Range"):
            return handler.reply(200, data)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:5000])
        handler.drop()

    with Place() as place, Server(drop_first) as server:
        place.ok("oci", "pull", "--insecure", f"{server.name}/a/b:t")
        check(place.read("work/component.wasm") == data)
        state["lie"] = True
        place.fails("oci", "pull", "--insecure", f"{server.name}/a/c:t", saying="another part")


@test
def busy_for_a_while():
    """503 and 429 are tried again; for ever is an error"""
    answer = serving(content(hello()))
    state = {"left": 3}

    def busy(handler):
        state["left"] -= 1
        if state["left"] >= 0:
            return handler.reply(429 if state["left"] % 2 else 503, Retry_After="0")
        answer(handler)

    with Place() as place, Server(busy) as server:
        place.ok("oci", "pull", "--insecure", f"{server.name}/a/b:t")
        state["left"] = 1000
        place.fails("oci", "pull", "--insecure", f"{server.name}/a/c:t", saying="the registry answers")
        equal(len(server.of("GET", "/a/c/")), 5)


@test
def errors_are_shown_escaped():
    """what a registry says of its error is shown, bounded, and cannot drive the terminal"""
    body = json.dumps({"errors": [{"code": "DENIED", "message": "\x1b[31mno\nerror: forged " + "x" * 5000}]}).encode()
    with Place() as place, Server(lambda handler: handler.reply(403, body)) as server:
        err = place.fails("oci", "pull", "--insecure", f"{server.name}/a/b:t",
                          saying=["403", "DENIED", "\\x1b[31mno\\nerror: forged"])
        check(len(err) < 600, len(err))
    with Place() as place, Server(lambda handler: handler.reply(500, b"x" * 10_000_000)) as server:
        place.fails("oci", "pull", "--insecure", f"{server.name}/a/b:t", saying="500")


# --- registries that lie ---------------------------------------------------------------------------------------------------------


def refuses(answer, *saying, name="a/b:t", place=None):
    """Pulling from such a registry is one clear error and leaves nothing, in the cache neither."""
    with Place() as own, Server(answer) as server:
        own.fails("oci", "pull", "--insecure", f"{server.name}/{name}", saying=saying, timeout=WAIT * 6)
        equal(own.cached(), [], "left in the cache:")
        equal(os.listdir(own.path("work")), [])
        return server


def changed(answer, part, change):
    """`answer`, but requests for paths with `part` go to `change(handler)`."""
    return lambda handler: change(handler) if part in handler.path else answer(handler)


@test
def lying_about_blobs():
    """other bytes, fewer bytes, more bytes, endless bytes"""
    data = content(hello())
    answer = serving(data)

    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x" * 65536)
        except OSError:
            handler.close_connection = True

    refuses(changed(answer, "/blobs/", lambda handler: handler.reply(200, b"x" * len(data))), "digest")
    refuses(changed(answer, "/blobs/", lambda handler: handler.reply(200, data + b"x")), "more than the")
    refuses(changed(answer, "/blobs/", endless), "more than the")
    refuses(changed(answer, "/blobs/", lambda handler: handler.reply(204)), "204")
    short = refuses(changed(answer, "/blobs/", lambda handler: handler.reply(200, data[:100])), "100 of the")
    equal(len(short.of("GET", "/blobs/")), 5)


@test
def lying_about_manifests():
    """another digest, another type, no JSON, too large, without end"""
    data = content(hello())
    manifest = manifest_of(data)

    def with_manifest(body, content_type=MANIFEST, **headers):
        return changed(serving(data), "/manifests/", lambda handler: handler.reply(200, body, Content_Type=content_type, **headers))

    other = "sha256:" + "1" * 64
    refuses(with_manifest(manifest, Docker_Content_Digest=other), "not sha256:1111")
    refuses(with_manifest(manifest), "another manifest", name=f"a/b@{other}")
    refuses(with_manifest(b"<html>"), "not JSON")
    refuses(with_manifest(b"[" * 100000), "not JSON")
    refuses(with_manifest(manifest, INDEX), "calls it")
    refuses(with_manifest(b'{"schemaVersion":1}'), "schemaVersion")
    refuses(with_manifest(b" " * (5 << 20)), "more than 4194304 bytes")
    image = manifest_of(data, "application/vnd.oci.image.layer.v1.tar+gzip")
    refuses(with_manifest(image), "not a WebAssembly artifact", "tar+gzip")
    huge = json.loads(manifest)
    huge["layers"][0]["size"] = 1 << 39
    refuses(with_manifest(json.dumps(huge).encode()), "more than the limit")

    def endless(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", MANIFEST)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b" " * 65536)
        except OSError:
            handler.close_connection = True

    def endless_headers(handler):
        handler.send_response(200)
        handler.flush_headers()
        try:
            while True:
                handler.wfile.write(b"X-Y: " + b"z" * 1000 + b"\r\n")
        except OSError:
            handler.close_connection = True

    refuses(changed(serving(data), "/manifests/", endless), "more than 4194304 bytes")
    refuses(changed(serving(data), "/manifests/", endless_headers), "eaders")


def digest512_of(data):
    return "sha512:" + hashlib.sha512(data).hexdigest()


@test
def sha512():
    """digests by SHA-512, of a layer, of a manifest that a reference names, of one that the registry states: checked as the others"""
    layer = content(hello())
    manifest = manifest_of(layer).replace(digest_of(layer).encode(), digest512_of(layer).encode())
    names, stated, blobs = {"t", digest512_of(manifest)}, [digest512_of(manifest)], {digest512_of(layer): layer}

    def answer(handler):
        what, _, name = handler.url.path.rpartition("/")
        if what.endswith("/manifests") and name in names:
            return handler.reply(200, manifest, Content_Type=MANIFEST, Docker_Content_Digest=stated[0])
        handler.reply(200, blobs[name]) if name in blobs else handler.reply(404)

    with Place() as place, Server(answer) as server:
        by_tag, by_digest = f"{server.name}/a/b:t", f"{server.name}/a/b@{digest512_of(manifest)}"
        for reference, header in [(by_tag, digest512_of(manifest)), (by_digest, digest512_of(manifest)), (by_digest, digest_of(manifest)),
                                  (by_digest, None)]:
            stated[0] = header
            shutil.rmtree(place.path("home/.cache"), ignore_errors=True)
            for _ in range(2):
                equal(place.data("oci", "pull", "--insecure", reference)["digest"], digest512_of(manifest))
                equal(place.read("work/component.wasm"), layer)
            equal(len(server.of("GET", "/blobs/")), 1, "what is cached was downloaded again:")
            server.requests.clear()
        os.unlink(place.path("work/component.wasm"))
        shutil.rmtree(place.path("home/.cache"))
        blobs[digest512_of(layer)] = layer[:-1] + b"x"
        place.fails("oci", "pull", "--insecure", by_tag, saying=["other bytes than the manifest states", "sha512:"])
        other = f"{server.name}/a/b@{digest512_of(b'other')}"
        names.add(digest512_of(b"other"))
        place.fails("oci", "pull", "--insecure", other, saying=["another manifest than was asked for", digest512_of(manifest)])
        stated[0] = digest512_of(b"other")
        place.fails("oci", "pull", "--insecure", by_tag, saying=["as the registry says", digest512_of(manifest)])


@test
def not_a_component():
    """a layer that says it is WebAssembly and is no component"""
    for data in (b"\0asm\1\0\0\0", b"hello", b"\0asm\x0d\0\1\0\xff"):
        with Place() as place, Server(serving(data)) as server:
            place.fails("oci", "pull", "--insecure", f"{server.name}/a/b:t", saying="is not a component")


@test
def legacy_and_docker_types():
    """OCI-4: the legacy layer type, and Docker's schema 2"""
    data = content(hello())
    docker = {**json.loads(manifest_of(data, "application/vnd.module.wasm.content.layer.v1+wasm")),
              "mediaType": "application/vnd.docker.distribution.manifest.v2+json"}
    for manifest in (manifest_of(data, "application/vnd.module.wasm.content.layer.v1+wasm"), json.dumps(docker).encode()):
        with Place() as place, Server(honest({"t": manifest}, {digest_of(data): data})) as server:
            place.ok("oci", "pull", "--insecure", f"{server.name}/a/b:t")
            equal(place.read("work/component.wasm"), data)


@test
def indexes():
    """an index leads to the manifest for WebAssembly, and its own digest is reported; without one it is refused"""
    data = content(hello())
    manifest = manifest_of(data)

    def entry(system, architecture):
        return descriptor(manifest if architecture == "wasm" else b"x", MANIFEST,
                          platform={"os": system, "architecture": architecture})

    def index(*platforms):
        manifests = [entry(*platform) for platform in platforms]
        return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).encode()

    good = index(("linux", "amd64"), ("wasip2", "wasm"))
    with Place() as place, Server(honest({"t": good, "m": manifest}, {digest_of(data): data})) as server:
        equal(place.data("oci", "pull", "--insecure", f"{server.name}/a/b:t")["digest"], digest_of(good))
        equal(place.read("work/component.wasm"), data)
        server.requests.clear()
        place.ok("oci", "pull", "--insecure", f"{server.name}/a/b:t")
        equal(server.of("GET", "/blobs/"), [])
    refuses(honest({"t": index(("linux", "amd64"), ("linux", "arm64"))}, {}), "linux/amd64, linux/arm64")
    nested = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        descriptor(good, INDEX, platform={"os": "wasip2", "architecture": "wasm"})]}).encode()
    refuses(honest({"t": nested, "g": good, "m": manifest}, {}), "no manifest for WebAssembly")


@test
def redirects():
    """loops end; a blob may lie elsewhere, and no credentials go there"""
    data = content(hello())

    def leading_to(location):
        return changed(serving(data), "/blobs/", lambda handler: handler.reply(307, Location=location or handler.path))

    loop = refuses(leading_to(None), "redirects more than 5 times")
    equal(len(loop.of("GET", "/blobs/")), 6)
    refuses(leading_to("file:///etc/passwd"), "not https")
    refuses(leading_to("http://user:pw@127.0.0.1/"), "a user in it")
    refuses(leading_to("http://["), "not a URL")
    refuses(leading_to("/" + "x" * 9000), "too long")
    refuses(changed(serving(data), "/blobs/", lambda handler: handler.reply(307)), "307")

    def wants_login(answer):
        return lambda handler: answer(handler) if handler.headers.get("Authorization") else handler.reply(
            401, WWW_Authenticate='Basic realm="x"')

    with Place() as place, Server(serving(data)) as store:
        with Server(wants_login(leading_to(f"http://{store.name}/v2/x/blobs/{digest_of(data)}"))) as server:
            place.ok("oci", "pull", "--insecure", "-u", "u", "-p", "p", f"{server.name}/a/b:t")
            equal(place.read("work/component.wasm"), data)
            equal(len(store.of("GET", "/blobs/")), 1)
            equal(store.authorizations(), [])
            check(all(value == "Basic dTpw" for value in server.authorizations()), server.authorizations())

    # Another host that asks for a login gets none, and neither does the registry's own token service through it.
    def thief(handler):
        handler.reply(401, WWW_Authenticate=f'Bearer realm="http://{handler.headers["Host"]}/token",service="x"')

    with Place() as place, Server(thief) as store:
        answer = changed(serving(data), "/manifests/", lambda handler: handler.reply(302, Location=f"http://{store.name}/m"))
        with Server(wants_login(answer)) as server:
            place.fails("oci", "pull", "--insecure", "-u", "u", "-p", "p", f"{server.name}/a/b:t", saying="401")
            equal(store.authorizations(), [])
            equal(store.of("GET", "/token"), [])

    # Away and back again: what comes back by way of another host is not trusted with the login.
    with Place() as place, Server(lambda handler: handler.reply(307, Location=state["back"])) as store:
        with Server(wants_login(leading_to(f"http://{store.name}/x"))) as server:
            state = {"back": f"http://{server.name}/v2/a/b/tags/list"}
            place.fails("oci", "pull", "--insecure", "-u", "u", "-p", "p", f"{server.name}/a/b:t", saying="401")
            equal([request[2].get("authorization") for request in server.of("GET", "/tags/list")], [None])


@test
def redirect_down_to_http():
    """https does not lead to http, with or without credentials"""
    with Place() as place:
        authority = Authority(place)
        data = content(hello())
        with Server(serving(data)) as store:
            away = f"http://{store.name}/v2/a/b/blobs/{digest_of(data)}"
            with Server(changed(serving(data), "/blobs/", lambda handler: handler.reply(307, Location=away)), authority) as server:
                place.fails("oci", "pull", "--ca-path", authority.ca, f"localhost:{server.port}/a/b:t", saying="not https")
                equal(store.requests, [])


@test
def bad_challenges():
    """a challenge that is malformed, names no usable service, or asks again and again"""
    def asking(value):
        return lambda handler: handler.reply(401, WWW_Authenticate=value)

    refuses(asking('Bearer realm="'), "malformed")
    refuses(asking('Bearer realm="' + "x" * 5000 + '"'), "realm")
    refuses(asking('Bearer service="x"'), "token service")
    refuses(asking('Bearer realm="ftp://127.0.0.1/"'), "not https")
    refuses(asking('Bearer realm="//x"'), "token service")
    refuses(asking('Negotiate abc'), "no way of giving them")
    refuses(asking(None), "no way of giving them")

    def tokens(body, code=200):
        def answer(handler):
            if handler.url.path == "/token":
                return handler.reply(code, body)
            handler.reply(401, WWW_Authenticate=f'Bearer realm="http://{handler.headers["Host"]}/token",service="s"')
        return answer

    refuses(tokens(b"{}"), "does not answer with a token")
    refuses(tokens(json.dumps({"token": "a\r\nX-Evil: 1"}).encode()), "does not answer with a token")
    refuses(tokens(json.dumps({"token": "x" * 20000}).encode()), "does not answer with a token")
    refuses(tokens(b" " * 1_000_000), "more than")
    again = refuses(tokens(json.dumps({"access_token": "abc"}).encode()), "401")
    equal(len(again.of("GET", "/manifests/")), 2)
    equal(len(again.of("GET", "/token")), 1)


# --- pushing to registries that fail or lie ---------------------------------------------------------------------------------------


class Uploads:
    """The upload side of a registry in memory; `misbehave(handler, uploads)` may answer first by returning True."""

    def __init__(self, misbehave=lambda handler, uploads: False):
        self.blobs, self.manifests, self.open, self.count = {}, {}, {}, 0
        self.misbehave = misbehave

    def __call__(self, handler):
        if self.misbehave(handler, self):
            return None
        path, method = handler.url.path, handler.command
        key = path.rpartition("/")[2]
        if method == "POST":
            self.count += 1
            self.open[str(self.count)] = b""
            return handler.reply(202, Location=f"/v2/a/b/blobs/uploads/{self.count}?state=1")
        if "/uploads/" in path and key not in self.open:
            return handler.reply(404)
        if method == "PATCH":
            start = int(handler.headers["Content-Range"].split("-")[0])
            if start != len(self.open[key]):
                return handler.reply(416)
            self.open[key] += handler.body
            return handler.reply(202, Location=handler.path, Range=f"0-{len(self.open[key]) - 1}")
        if method == "GET" and "/uploads/" in path:
            return handler.reply(204, Location=handler.path, Range=f"0-{max(0, len(self.open[key]) - 1)}")  # as docker-registry has it
        if method == "PUT" and "/uploads/" in path:
            data = self.open.pop(key) + handler.body
            if handler.query["digest"] != digest_of(data):
                return handler.reply(400, b'{"errors":[{"code":"DIGEST_INVALID","message":"digest"}]}')
            self.blobs[digest_of(data)] = data
            return handler.reply(201, Location=f"/v2/a/b/blobs/{digest_of(data)}")
        if method == "PUT":
            self.manifests[key] = handler.body
            return handler.reply(201, Docker_Content_Digest=digest_of(handler.body))
        return handler.reply(200 if key in self.blobs else 404)


@test
def lost_chunks():
    """a chunk whose connection broke is taken up where the registry stands; what it forgot, or has nothing of, begins anew"""
    data = big_component(20 << 20)
    for start, kept, forget in ((8 << 20, 1000, False), (8 << 20, 0, True), (0, 0, False)):
        state = {"dropped": False}

        def misbehave(handler, uploads):
            meant = handler.command == "PATCH" and handler.headers["Content-Range"].startswith(f"{start}-")
            if not meant or state["dropped"]:
                return False
            state["dropped"] = True
            key = handler.url.path.rpartition("/")[2]
            if forget:
                del uploads.open[key]
            else:
                uploads.open[key] += handler.body[:kept]
            handler.drop()
            return True

        uploads = Uploads(misbehave)
        with Place() as place, Server(uploads) as server:
            place.ok("oci", "push", "--insecure", f"{server.name}/a/b:t", place.write("work/c.wasm", data))
            check(state["dropped"])
            check(data in uploads.blobs.values())
            equal(len(server.of("POST")), 2 if kept else 3)  # one is the configuration's
            equal(json.loads(uploads.manifests["t"])["layers"][0]["digest"], digest_of(data))


@test
def lost_last_answer():
    """a blob whose closing request arrived, but not its answer, is asked for and not sent again"""
    for size in 1 << 20, 20 << 20:  # at once, in chunks
        data, state = big_component(size), {"dropped": 0}

        def misbehave(handler, uploads):
            if handler.command != "PUT" or handler.query.get("digest") != digest_of(data) or state["dropped"]:
                return False
            state["dropped"] += 1
            uploads.blobs[digest_of(data)] = uploads.open.pop(handler.url.path.rpartition("/")[2]) + handler.body
            handler.drop()
            return True

        uploads = Uploads(misbehave)
        with Place() as place, Server(uploads) as server:
            place.ok("oci", "push", "--insecure", f"{server.name}/a/b:t", place.write("work/c.wasm", data))
            equal(state["dropped"], 1)
            check(uploads.blobs[digest_of(data)] == data)
            equal(len(server.of("POST")), 2, "one is the configuration's:")


@test
def evil_locations():
    """an upload that is sent elsewhere takes no credentials along, and goes nowhere but to http and https"""
    def sent_to(location):
        def misbehave(handler, _):
            if not handler.headers.get("Authorization"):
                handler.reply(401, WWW_Authenticate='Basic realm="x"')
                return True
            if handler.command == "POST":
                handler.reply(202, Location=location)
                return True
            return False
        return Uploads(misbehave)

    def push(place, server, *more, **options):
        return place.fails("oci", "push", "--insecure", "-u", "u", "-p", "p", f"{server.name}/a/b:t", hello(), *more, **options)

    with Place() as place, Server(lambda handler: handler.reply(401, WWW_Authenticate='Basic realm="y"')) as thief:
        with Server(sent_to(f"http://{thief.name}/upload")) as server:
            push(place, server, saying="401")
            equal(thief.authorizations(), [])
            check(thief.of("PUT"))
        for location, saying in [("file:///tmp/x", "not https"), ("http://a:b@127.0.0.1/", "a user in it"),
                                 ("gopher://127.0.0.1/", "not https"), (None, "does not say where"), ("http://[", "not a URL"),
                                 ("x" * 9000, "too long")]:
            with Server(sent_to(location)) as server:
                push(place, server, saying=saying)


@test
def refused_uploads():
    """a registry that stores something else, or nothing, is not believed"""
    def when(method, part, reply):
        def misbehave(handler, _):
            if handler.command != method or part not in handler.path:
                return False
            reply(handler)
            return True
        return Uploads(misbehave)

    def push(answer, saying):
        with Place() as place, Server(answer) as server:
            place.fails("oci", "push", "--insecure", f"{server.name}/a/b:t", hello(), saying=saying)

    other, invalid = "sha256:" + "1" * 64, b'{"errors":[{"code":"MANIFEST_INVALID"}]}'
    push(when("PUT", "/manifests/", lambda handler: handler.reply(201, Docker_Content_Digest=other)), "says that it stored")
    push(when("PUT", "/manifests/", lambda handler: handler.reply(400, invalid)), "MANIFEST_INVALID")
    push(when("PUT", "/uploads/", lambda handler: handler.reply(202)), "202")
    push(when("POST", "", lambda handler: handler.reply(307, Location="/elsewhere")), "307")
    push(when("HEAD", "", lambda handler: handler.reply(403)), "403")


# --- what other parts of wash use of the client ----------------------------------------------------------------------------------


def probe(place, *arguments, code=0, **env):
    """Lines that oci-probe prints."""
    done = subprocess.run([os.path.abspath(os.environ.get("OCI_PROBE", "build/tests/e2e/oci-probe")), *arguments], timeout=WAIT * 3,
                          env={**os.environ, **place.env, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    check_clean(done.stderr)
    equal(done.returncode, code, done.stdout + done.stderr)
    return done.stdout.splitlines()


@test
def policies():
    """OCI-6: Always asks for the manifest, IfNotPresent only for its digest, Never for nothing"""
    first, second = content(hello()), content(minimal())
    state = {"answer": serving(first)}
    with Place() as place, Server(lambda handler: state["answer"](handler)) as server:
        reference, cache = f"{server.name}/a/b:t", place.path("cache")

        def pull(policy, asked, said, **more):
            server.requests.clear()
            lines = probe(place, "pull", policy, cache, reference, **more)
            equal([request[0] + " " + request[1].split("/")[-2] for request in server.requests], asked, policy)
            check(said in lines[0], lines, "does not say", said)

        pull("Never", [], "not found: ", code=1)
        pull("IfNotPresent", ["GET manifests", "GET blobs"], f"{len(first)} downloaded path")
        pull("IfNotPresent", ["HEAD manifests"], f"{len(first)} cached path")
        pull("Always", ["GET manifests"], f"{len(first)} cached path")
        pull("Never", [], f"{len(first)} cached path")
        state["answer"] = serving(second)
        pull("Never", [], f"{len(first)} cached path")
        pull("IfNotPresent", ["HEAD manifests", "GET manifests", "GET blobs"], f"{len(second)} downloaded path")
        state["answer"] = lambda handler: handler.reply(404)
        pull("IfNotPresent", ["HEAD manifests", "GET manifests"], "not found: ", code=1)
        pull("Never", [], f"{len(second)} cached path")
        state["answer"] = serving(first)
        equal(probe(place, "pull", "Always", "-", reference)[0].split()[2:], ["downloaded", "unnamed"])


@test
def digest_without_its_header():
    """a registry whose HEAD says no digest is asked for the manifest itself"""
    manifest = manifest_of(b"x")
    with Place() as place, Server(lambda handler: handler.reply(200, manifest, Content_Type=MANIFEST)) as server:
        equal(probe(place, "digest", f"{server.name}/a/b:t"), [digest_of(manifest)])
        equal([request[0] for request in server.requests], ["HEAD", "GET"])


@test
def configuration_in_memory():
    """small blobs are read into memory, with the same checks"""
    with Place() as place, Registry(place) as registry:
        place.ok("oci", "push", "--insecure", f"{registry.name}/a/b:t", hello())
        equal(json.loads(probe(place, "config", f"{registry.name}/a/b:t")[0])["os"], "wasip2")


@test
def tags_in_pages():
    """OCI-8: the list of tags, over all its pages; a page elsewhere, endless pages and nonsense are refused"""
    def page(tags, link=None):
        return lambda handler: handler.reply(200, json.dumps({"name": "a/b", "tags": tags}).encode(), Link=link)

    with Place() as place, Registry(place) as registry:
        for tag in ("1.0.0", "1.1.0", "latest"):
            place.ok("oci", "push", "--insecure", f"{registry.name}/a/b:{tag}", minimal())
        equal(sorted(probe(place, "tags", f"{registry.name}/a/b")), ["1.0.0", "1.1.0", "latest"])
        check("NAME_UNKNOWN" in probe(place, "tags", f"{registry.name}/a/none", code=1)[0])

    def pages(handler):
        number = int(handler.query.get("last", "0"))
        page([f"v{number}"], f'</v2/a/b/tags/list?n=1&last={number + 1}>; rel="next"' if number < 3 else None)(handler)

    def endless(handler):
        page([], f'</v2/a/b/tags/list?n=1&last={int(handler.query.get("last", "0")) + 1}>; rel="next"')(handler)

    cases = [(page(None), []), (pages, ["v0", "v1", "v2", "v3"])]
    for answer, tags in cases:
        with Place() as place, Server(answer) as server:
            equal(probe(place, "tags", f"{server.name}/a/b"), tags)
    refused = [(page([], '<http://127.0.0.1:1/x>; rel="next"'), "another host"), (endless, "pages"),
               (page([], '</v2/a/b/tags/list?n=1000>; rel="next"'), "circles"),
               (page([1]), "malformed"), (page(["x" * 200]), "malformed"), (page({}), "malformed"),
               (lambda handler: handler.reply(200, b"["), "malformed"),
               (lambda handler: handler.reply(200, b" " * (2 << 20)), "more than")]
    for answer, saying in refused:
        with Place() as place, Server(answer) as server:
            lines = probe(place, "tags", f"{server.name}/a/b", code=1)
            check(saying in lines[0], lines)


@test
def time_and_cancellation():
    """a call ends at its time-out, and soon after it is cancelled: while it waits, downloads, backs off, or waits for the cache"""
    data = big_component(1 << 20)

    def slow(handler):
        if "/blobs/" not in handler.path:
            return serving(data)(handler)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        try:
            for byte in data:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                time.sleep(0.1)
        except OSError:
            pass

    def silent(handler):
        time.sleep(WAIT)

    cases = [(slow, "slow"), (silent, "silent"), (lambda handler: handler.reply(503, Retry_After="1000"), "busy")]
    for answer, what in cases:
        for env, status in (({"TIMEOUT_MS": "500"}, "timed out: "), ({"CANCEL_MS": "500"}, "cancelled: ")):
            with Place() as place, Server(answer) as server:
                start = time.monotonic()
                lines = probe(place, "pull", "Always", place.path("cache"), f"{server.name}/a/b:t", code=1, **env)
                check(lines[0].startswith(status), what, lines)
                check(time.monotonic() - start < 8, what, "took", time.monotonic() - start)
                equal(os.listdir(place.path("cache")), [])
    with Place() as place, Server(slow) as server:
        holder = place.start("oci", "pull", "--insecure", f"{server.name}/a/b:t")
        eventually(place.cached, "the first pull to begin")
        lines = probe(place, "pull", "Always", place.path("home/.cache/wash/oci"), f"{server.name}/a/b:t", code=1, CANCEL_MS="300")
        check("another process" in lines[0], lines)
        holder.kill()
        holder.communicate()


@test
def one_client_for_several():
    """a client keeps its token for a repository, and asks for another for another"""
    data = content(minimal())
    honest_answer = serving(data)

    def answer(handler):
        if handler.url.path == "/token":
            return handler.reply(200, json.dumps({"token": handler.query["scope"].replace(":", "-").replace("/", "-")}).encode())
        name = handler.url.path.split("/manifests/")[0].split("/blobs/")[0].removeprefix("/v2/").replace("/", "-")
        if handler.headers.get("Authorization") != f"Bearer repository-{name}-pull":
            realm = f"http://{handler.headers['Host']}/token"
            return handler.reply(401, WWW_Authenticate=f'Bearer realm="{realm}",service="s",scope="repository:evil:push"')
        honest_answer(handler)

    with Place() as place, Server(answer) as server:
        references = [f"{server.name}/a/b:t", f"{server.name}/a/b:t", f"{server.name}/c:t"]
        lines = probe(place, "pull", "Always", place.path("cache"), *references)
        equal(len(lines), 3)
        scopes = [urllib.parse.parse_qs(urllib.parse.urlsplit(request[1]).query)["scope"] for request in server.of("GET", "/token")]
        equal(scopes, [["repository:a/b:pull"], ["repository:c:pull"]])


if __name__ == "__main__":
    main()
