"""Configuration: files, formats, the order in which they count, and `wash config`. CFG-1 to CFG-9, CLI-23 to CLI-27, DOC-1."""

import json
import os
import shutil
import stat
import subprocess

from e2e import *


class Home:
    """A user's folders, empty, inside the `with`."""

    def __enter__(self):
        self.root = tempfile.mkdtemp(prefix="wash-home-")
        self.project = os.path.join(self.root, "project")
        os.mkdir(self.project)
        self.env = {"HOME": self.root, "XDG_CONFIG_HOME": "", "XDG_CACHE_HOME": "", "XDG_DATA_HOME": ""}
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root, ignore_errors=True)

    def write(self, name, text):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path

    def wash(self, *arguments, env=None, cwd=None):
        return run(*arguments, cwd=cwd or self.project, env={**self.env, **(env or {})})

    def data(self, *arguments, code=0, **options):
        got, out, err = self.wash("-o", "json", *arguments, **options)
        equal(got, code, out + err)
        answer = json.loads(out)
        equal(list(answer), ["message", "success", "data"])
        equal(answer["success"], code == 0)
        return answer["data"]


@test
def init_writes_what_validates():
    """CLI-23, CLI-24: init writes each format, with and without an example, and it validates"""
    with Home() as home:
        for form in ("yaml", "json", "toml"):
            for example in ((), ("--example",)):
                data = home.data("config", "init", "--force", "--format", form, *example)
                path = os.path.join(home.project, ".wash", "config." + form)
                equal(data, {"message": "Configuration initialized successfully.", "config_path": path, "success": True})
                equal(stat.S_IMODE(os.stat(path).st_mode), 0o644)
                valid = home.data("config", "validate")
                equal((valid["valid"], valid["errors"]), (True, []))
                shown = home.data("config", "show")
                check(shown["version"], shown)
                equal("build" in shown, bool(example))
                with open(path) as file:
                    text = file.read()
                commented = "#   component_path  where the build leaves the component\n" in text and "# limits: bounds" in text
                equal(commented, bool(example) and form != "json", text)
                equal(os.listdir(os.path.join(home.project, ".wash")), ["config." + form], "no other format beside it:")


@test
def init_keeps_what_is_there():
    """CLI-23: a configuration is replaced with --force only, and never joined by another format's"""
    with Home() as home:
        path = home.write("project/.wash/config.yaml", "build:\n  command: make\n")
        code, _, err = home.wash("config", "init")
        equal(code, 1)
        check("--force replaces it" in err, err)
        code, _, err = home.wash("config", "init", "--format", "toml")
        equal(code, 1)
        check(path + "; --force replaces it" in err, err)
        with open(path) as file:
            check("make" in file.read(), "unchanged")
        equal(home.wash("config", "init", "--force")[0], 0)
        with open(path) as file:
            check("make" not in file.read(), "replaced")
        os.remove(path)
        os.mkdir(path)  # it cannot be replaced, and the new one would not count beside it
        code, _, err = home.wash("config", "init", "--force", "--format", "toml")
        equal(code, 1)
        check(path in err, err)


@test
def init_in_a_project():
    """CLI-23: in a folder of a project the configuration is the project's, unless the folder is to be one of its own"""
    with Home() as home:
        path = home.write("project/.wash/config.yaml", "build:\n  command: make\n")
        below = os.path.join(home.project, "src", "deep")
        os.makedirs(below)
        code, _, err = home.wash("config", "init", cwd=below)
        equal(code, 1)
        check(path in err and "a folder .wash here" in err, err)
        equal(home.data("config", "init", "--force", cwd=below)["config_path"], path)
        os.mkdir(os.path.join(below, ".wash"))
        equal(home.data("config", "init", cwd=below)["config_path"], os.path.join(below, ".wash/config.yaml"))


@test
def init_global():
    """CLI-24: --global writes the user's configuration"""
    with Home() as home:
        data = home.data("config", "init", "--global")
        equal(data["config_path"], os.path.join(home.root, ".config/wash/config.yaml"))
        equal(stat.S_IMODE(os.stat(os.path.dirname(data["config_path"])).st_mode), 0o700)
        equal(home.data("config", "info")["user_config_path"], data["config_path"])
        check(not os.path.exists(os.path.join(home.project, ".wash")), "nothing in the project")
        other = home.write("other.yaml", "build: {command: make}\n")
        code, _, err = home.wash("--user-config", other, "config", "init", "--global", "--force")
        equal(code, 1)
        check("give one of them" in err, err)
        with open(other) as file:
            check("make" in file.read(), "unchanged")


@test
def info_names_the_folders():
    """CLI-10, CLI-25: info has the documented keys; XDG variables count"""
    with Home() as home:
        home.write("project/.wash/config.toml", "")
        data = home.data("config", "info")
        equal(list(data), ["version", "data_dir", "cache_dir", "user_config_dir", "user_config_path", "project_path",
                           "project_config_path"])
        equal(data["data_dir"], os.path.join(home.root, ".local/share/wash"))
        equal(data["cache_dir"], os.path.join(home.root, ".cache/wash"))
        equal(data["project_path"], os.path.realpath(home.project))
        check(data["project_config_path"].endswith(".wash/config.toml"), data)
        data = home.data("config", "info", env={"XDG_CACHE_HOME": "/x", "XDG_DATA_HOME": "relative"})
        equal(data["cache_dir"], "/x/wash")
        equal(data["data_dir"], os.path.join(home.root, ".local/share/wash"))
        code, out, _ = home.wash("config", "info")
        check("Cache directory: " in out, out)
        os.mkdir(os.path.join(home.root, "red\x1b[31m"))
        code, out, _ = home.wash("config", "info", cwd=os.path.join(home.root, "red\x1b[31m"))
        check("\x1b" not in out and "/red\\x1b[31m/.wash/config.yaml\n" in out, "the name of a folder drives no terminal", out)


@test
def order_of_sources():
    """CFG-1: defaults, the user's file, the project's, WASH_ variables; maps merge, lists are replaced"""
    with Home() as home:
        address = lambda **options: home.data("config", "show", **options)["dev"]["address"]
        equal(address(), "0.0.0.0:8000")
        home.write(".config/wash/config.toml", "[dev]\naddress = '127.0.0.1:1'\nservice_file = 's.wasm'\n"
                   "[build.env]\nA = 'user'\nB = 'user'\n[[dev.volumes]]\nhost_path = 'u'\nguest_path = '/u'\n")
        equal(address(), "127.0.0.1:1")
        home.write("project/.wash/config.json", json.dumps({
            "dev": {"address": "127.0.0.1:2", "volumes": [{"host_path": "p", "guest_path": "/p"}]},
            "build": {"env": {"B": "project", "C": 3}}}))
        equal(address(), "127.0.0.1:2")
        equal(address(env={"WASH_DEV_ADDRESS": "127.0.0.1:3"}), "127.0.0.1:3")
        shown = home.data("config", "show")
        equal(shown["build"]["env"], {"A": "user", "B": "project", "C": "3"})
        equal(shown["dev"]["volumes"], [{"host_path": "p", "guest_path": "/p"}])
        equal(shown["dev"]["service_file"], "s.wasm")


@test
def environment():
    """CFG-1: a variable for a whole section is a table; one that is nearly known is named, and others are none of our business"""
    with Home() as home:
        home.write("project/.wash/config.yaml", "build: {command: 'true', env: {A: file}}\n")
        env = {"WASH_BUILD": '{component_path = "c.wasm", env = {B = "variable"}}', "WASH_BUILD_ENV": '{"A": "variable"}'}
        shown = home.data("config", "show", env=env)["build"]
        equal(shown, {"command": "true", "component_path": "c.wasm", "env": {"A": "variable", "B": "variable"}})
        for command in (("config", "show"), ("config", "validate")):
            err = home.wash(*command, env={"WASH_DEV_ADRESS": "127.0.0.1:1", "WASH_OCI_CA_PATH": "x", "WASH_SOMETHING_ELSE": "y",
                                           "WASH_COMPONENT_PATH": "z"})[2]
            check("WASH_DEV_ADRESS is not known; did you mean WASH_DEV_ADDRESS?" in err, err)
            check("did you mean WASH_OCI_CA_PATHS?" in err, err)
            equal(err.count("is not known"), 2, err)
        code, _, err = home.wash("config", "show", env={"WASH_BUILD": "make"})
        equal(code, 1)
        check("WASH_BUILD: expected a table" in err, err)


@test
def one_file_a_folder():
    """CFG-1: of two files in one folder the one that is not read is named"""
    with Home() as home:
        for folder in (".config/wash", "project/.wash"):
            home.write(folder + "/config.yaml", "build: {command: 'true'}\n")
            other = home.write(folder + "/config.toml", "nonsense = 1\n")
            code, _, err = home.wash("build", "--skip-fetch")
            check(f"{other} is not read, because {other[:-4]}yaml is there as well" in err, err)
            os.remove(other)
        check("is not read" not in home.wash("config", "show")[2])
        other = home.write(".config/wash/config.toml", "")
        check("is not read" not in home.wash("--user-config", other, "config", "show")[2])


@test
def several_mistakes():
    """a command that cannot go on says that the mistake it names is not the only one"""
    with Home() as home:
        home.write("project/.wash/config.yaml", "dev: {adress: x}\nnonsense: 1\nbuild: {command: [a]}\n")
        code, _, err = home.wash("build")
        equal(code, 1)
        check("dev.adress: unknown key" in err and "(and 2 more mistakes; `wash config validate` shows all)" in err, err)
        home.write("project/.wash/config.yaml", "dev: {adress: x}\n")
        check("more mistake" not in home.wash("build")[2])


@test
def user_config_option():
    """CLI-2: --user-config is read instead, from where we are, and must be there"""
    with Home() as home:
        home.write(".config/wash/config.yaml", "dev: {address: '127.0.0.1:1'}")
        home.write("other.toml", "dev.address = '127.0.0.1:2'")
        for name in ("../other.toml", os.path.join(home.root, "other.toml")):
            equal(home.data("--user-config", name, "config", "show")["dev"]["address"], "127.0.0.1:2")
        shown = home.data("-C", "project", "--user-config", "other.toml", "config", "show", cwd=home.root)
        equal(shown["dev"]["address"], "127.0.0.1:2")
        equal(home.data("--user-config", "/dev/null", "config", "show")["dev"]["address"], "0.0.0.0:8000")
        for device in ("/dev/zero", home.root):
            code, _, err = home.wash("--user-config", device, "config", "show")
            equal(code, 1)
            check("is not a regular file" in err, err)
        equal(home.data("--user-config", "/dev/null", "config", "info")["user_config_dir"], os.path.join(home.root, ".config/wash"))
        for command in (("config", "show"), ("config", "info"), ("dev",)):
            code, _, err = home.wash("--user-config", "none.yaml", *command)
            equal(code, 1)
            check("none.yaml: No such file" in err, err)


@test
def formats_are_alike():
    """CFG-1: the same configuration in YAML, JSON and TOML"""
    yaml = "build:\n  command: make\n  env: {A: '1'}\ndev:\n  components:\n  - {name: a, file: a.wasm}\n"
    toml = "[build]\ncommand = 'make'\nenv = {A = '1'}\n[[dev.components]]\nname = 'a'\nfile = 'a.wasm'\n"
    tree = {"build": {"command": "make", "env": {"A": "1"}}, "dev": {"components": [{"name": "a", "file": "a.wasm"}]}}
    shown = []
    for name, text in (("yaml", yaml), ("yml", yaml), ("json", json.dumps(tree)), ("toml", toml)):
        with Home() as home:
            home.write("project/.wash/config." + name, text)
            shown.append(home.data("config", "show"))
    for other in shown[1:]:
        equal(other, shown[0])
    component = shown[0]["dev"]["components"][0]
    equal((component["name"], component["file"]), ("a", "a.wasm"))


@test
def show_is_yaml_that_reads_back():
    """CLI-26: show prints YAML which, used as a configuration, shows the same"""
    with Home() as home:
        home.write("project/.wash/config.yaml", "build: {command: 'a: b # c', env: {T: 'true', N: '1', E: ''}}\n")
        shown = home.wash("config", "show")[1]
        home.write("project/.wash/config.yaml", shown)
        equal(home.wash("config", "show")[1], shown)


@test
def secrets_stay_hidden():
    """show prints no token, password or secret value; a reference to the environment is no secret"""
    with Home() as home:
        home.write("project/.wash/config.yaml", "wit: {registries: [{url: a, token: hunter2}, {url: b, token: '${T}'}]}\n"
                   "secrets: {s: {inline: {P: hunter2}}}\ndev: {postgres_url: 'postgres://u:hunter2@h/d',"
                   " data_nats_url: 'nats://hunter2@h', wasi_keyvalue_redis_url: 'redis://:hunter2@h'}\n")
        for form in ("text", "json"):
            out = home.wash("-o", form, "config", "show", env={"T": "hunter3"})[1]
            check("hunter" not in out and "***" in out and "${T}" in out and "nats://***@h" in out, out)


@test
def validate_finds_everything():
    """CLI-27, CFG-9: validate lists all mistakes, exit 1, data {source, valid, errors}"""
    with Home() as home:
        path = home.write("project/.wash/config.yaml", "dev:\n  adress: x\n  tls_cert_path: c\n  wasm_proposals: [magic]\n"
                          "  components: [{name: a}]\nwit: {registries: [{url: a, token: '${NOT_SET}'}]}\n")
        data = home.data("config", "validate", code=1)
        equal(list(data), ["source", "valid", "errors"])
        equal(data["valid"], False)
        check(path in data["source"], data)
        wanted = ("did you mean `address`", "tls_key_path", "wasm_proposals[0]", "`file` or `image`", "NOT_SET is not set")
        equal(len(data["errors"]), len(wanted), data["errors"])
        for part in wanted:
            check(any(part in error for error in data["errors"]), part, data["errors"])
        code, out, err = home.wash("config", "validate")
        equal(code, 1)
        check("did you mean" in out and "5 mistakes" in err, out, err)


@test
def validate_one_file():
    """CLI-27: --file checks that file alone; what is no configuration at all is one mistake"""
    with Home() as home:
        home.write("project/.wash/config.yaml", "nonsense: 1\n")
        good = home.write("good.toml", "[build]\ncommand = 'make'\n")
        equal(home.data("config", "validate", "--file", good)["valid"], True)
        bad = home.write("bad.toml", "[build\n")
        data = home.data("config", "validate", "--file", bad, code=1)
        equal(len(data["errors"]), 1)
        check("line 1, column 7" in data["errors"][0], data)
        code, _, err = home.wash("config", "validate", "--file", "none.yaml")
        equal(code, 1)
        check("No such file" in err, err)


@test
def cleanup_follows_no_link():
    """CLI-27: cleanup removes the folders, says what, and never what a link leads to"""
    with Home() as home:
        keep = home.write("keep/precious", "x" * 100)
        home.write(".cache/wash/code/a", "x" * 2000)
        home.write(".local/share/wash/b", "x" * 24)
        os.symlink(os.path.join(home.root, "keep"), os.path.join(home.root, ".cache/wash/link"))
        os.symlink(keep, os.path.join(home.root, ".cache/wash/code/file"))
        dry = home.data("config", "cleanup", "--all", "--dry-run")
        equal(list(dry), ["dry_run", "entries", "total_bytes", "total_human"])
        equal([(entry["kind"], entry["action"], entry["existed"]) for entry in dry["entries"]],
              [("cache", "would remove", True), ("data", "would remove", True)])
        check(os.path.exists(os.path.join(home.root, ".cache/wash/code/a")), "a dry run removes nothing")
        done = home.data("config", "cleanup", "--cache")
        equal([entry["action"] for entry in done["entries"]], ["removed"])
        equal(list(done["entries"][0]), ["kind", "path", "existed", "action", "size_bytes", "size_human"])
        check(done["total_bytes"] >= 2000 and done["total_human"].endswith("KiB"), done)
        check(os.path.exists(keep), "what the link led to is there")
        check(not os.path.exists(os.path.join(home.root, ".cache/wash")), "the cache is gone")
        check(os.path.exists(os.path.join(home.root, ".local/share/wash")), "the data is there")
        again = home.data("config", "cleanup", "--all")
        equal([entry["action"] for entry in again["entries"]], ["skipped (missing)", "removed"])
        equal(again["total_human"], "24 B")


@test
def cleanup_of_a_link_is_refused():
    """cleanup refuses a cache folder that is itself a link, and asks what to clean"""
    with Home() as home:
        keep = home.write("keep/precious", "x")
        os.mkdir(os.path.join(home.root, ".cache"))
        os.symlink(os.path.join(home.root, "keep"), os.path.join(home.root, ".cache/wash"))
        code, _, err = home.wash("config", "cleanup", "--cache")
        equal(code, 1)
        check("remove it yourself" in err and os.path.exists(keep), err)
        code, _, err = home.wash("config", "cleanup")
        equal(code, 2)
        check("--cache, --data, or --all" in err, err)


@test
def user_file_is_checked_too():
    """the user's configuration is refused where others could have written it"""
    with Home() as home:
        path = home.write(".config/wash/config.yaml", "build: {command: 'true'}")
        os.chmod(path, 0o666)
        code, _, err = home.wash("config", "show")
        equal(code, 1)
        check("writable by every user" in err, err)
        equal(home.wash("--user-config", path, "config", "show")[0], 0)


@test
def read_only_home():
    """CLI-10: a home that cannot be written breaks nothing that does not need it"""
    with Home() as home:
        os.chmod(home.root, 0o755)
        os.chmod(home.project, 0o755)
        home.write("project/.wash/config.yaml", "build: {command: 'true'}\n")
        os.chmod(home.root, 0o555)
        try:
            options = {"user": 65534} if os.geteuid() == 0 else {}
            if os.geteuid() == 0:
                os.chown(home.project, 65534, 65534)
            for command in (("config", "info"), ("config", "show"), ("completion", "bash"), ("--help",),
                            ("-C", home.project, "config", "show")):
                code, _, err = run(*command, cwd="/", env=home.env, **options)
                equal(code, 0, (command, err))
            code, _, err = run("config", "init", "--global", cwd="/", env=home.env, **options)
            equal(code, 1)
            check("create the folder" in err, err)
        finally:
            os.chmod(home.root, 0o755)


@test
def no_home_at_all():
    """without HOME and XDG variables commands work, and say what they lack"""
    with Home() as home:
        env = {**os.environ, "XDG_CACHE_HOME": "", "XDG_CONFIG_HOME": "", "XDG_DATA_HOME": ""}
        env.pop("HOME", None)
        done = subprocess.run([os.path.abspath(WASH), "-o", "json", "config", "info"], cwd=home.project, env=env,
                              stdout=subprocess.PIPE)
        equal(json.loads(done.stdout)["data"]["cache_dir"], None)
        done = subprocess.run([os.path.abspath(WASH), "config", "cleanup", "--cache"], cwd=home.project, env=env,
                              stderr=subprocess.PIPE)
        equal(done.returncode, 1)
        check(b"HOME" in done.stderr, done.stderr)


if __name__ == "__main__":
    main()
