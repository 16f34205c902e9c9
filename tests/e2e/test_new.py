"""`wash new`: projects from real git repositories and folders, what is refused, and that nothing is left behind."""

import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import tempfile

from e2e import WASH, alive, check, equal, eventually, main, run, test
from registry import Server

QUIET = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.com", "GIT_COMMITTER_NAME": "t",
         "GIT_COMMITTER_EMAIL": "t@example.com"}


def git(folder, *arguments, config=()):
    settings = [part for setting in config for part in ("-c", setting)]
    subprocess.run(["git", *settings, *arguments], cwd=folder, check=True, env={**os.environ, **QUIET}, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


class Place:
    """A folder with a template in template/ and room for projects in here/."""

    def __init__(self, files=None, commit=True):
        self.root = os.path.realpath(tempfile.mkdtemp(prefix="wash-new-"))
        self.here = os.path.join(self.root, "here")
        self.template = os.path.join(self.root, "template")
        os.mkdir(self.here)
        os.mkdir(self.template)
        for name, text in (files or {"hello.txt": "hello\n"}).items():
            self.write(name, text)
        if commit:
            git(self.template, "init", "--quiet", "-b", "main")
            self.commit()
        self.url = "file://" + self.template

    def write(self, name, text):
        path = os.path.join(self.template, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)

    def commit(self, message="x"):
        git(self.template, "add", "-A")
        git(self.template, "commit", "--quiet", "--allow-empty", "-m", message)

    def new(self, *arguments, env=None, code=0):
        got, out, err = run("new", *arguments, cwd=self.here, env={**QUIET, **(env or {})})
        equal(got, code, f"wash new {arguments}: {out} {err}")
        return out, err

    def read(self, *parts):
        with open(os.path.join(self.here, *parts)) as file:
            return file.read()

    def left(self):
        return sorted(os.listdir(self.here))

    def refused(self, why, *arguments, env=None):
        """It fails with these words, in one line, and leaves nothing."""
        before = self.left()
        out, err = self.new(*arguments, env=env, code=1)
        check(why in err, f"{arguments}: no {why!r} in {err!r}")
        equal(err.count("\n"), 1, err)
        equal(out, "")
        equal(self.left(), before, f"{arguments} left something:")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root, ignore_errors=True)


@test
def from_a_repository():
    """CLI-36: a repository becomes a project of its name, without .git"""
    with Place({"a/b.txt": "b\n", "run.sh": "#!/bin/sh\n"}) as place:
        os.chmod(os.path.join(place.template, "run.sh"), 0o755)
        place.commit()
        out, err = place.new(place.url)
        equal(out, f"Project 'template' created successfully at {place.here}/template\n")
        equal(err, "next: cd template && wash dev\n")
        equal(sorted(os.listdir(os.path.join(place.here, "template"))), ["a", "run.sh"])
        equal(place.read("template", "a", "b.txt"), "b\n")
        check(os.access(os.path.join(place.here, "template", "run.sh"), os.X_OK))
        equal(place.left(), ["template"])


@test
def json_result():
    """CLI-36: JSON data is name, repository, subfolder, output_dir"""
    with Place({"one/two/x": "1"}) as place:
        out, _ = place.new("-o", "json", place.url, "--subfolder", "one/two/")
        equal(json.loads(out), {"message": f"Project 'two' created successfully at {place.here}/two", "success": True, "data": {
            "name": "two", "repository": place.url, "subfolder": "one/two/", "output_dir": f"{place.here}/two"}})
        equal(list(json.loads(out)["data"]), ["name", "repository", "subfolder", "output_dir"])
        out, _ = place.new("-o", "json", place.url, "--name", "x")
        equal(json.loads(out)["data"]["subfolder"], None)
        out, _ = place.new("-o", "json", place.url, "--name", "x", code=1)
        answer = json.loads(out)
        equal((answer["success"], answer["data"]), (False, None))
        check("already exists" in answer["message"], answer)


@test
def names():
    """CLI-36: the name comes from --name, the subfolder, or the address without .git; -C says where"""
    with Place({"sub/x": "1"}) as place:
        bare = os.path.join(place.root, "tool.git")
        git(place.root, "clone", "--quiet", "--bare", place.template, bare)
        place.new("file://" + bare)
        place.new("file://" + bare + "/", "--name", "other")
        place.new("file://" + bare, "--subfolder", "sub")
        os.mkdir(os.path.join(place.here, "deep"))
        place.new("-C", "deep", "file://" + bare)
        equal(place.left(), ["deep", "other", "sub", "tool"])
        check(os.path.exists(os.path.join(place.here, "deep", "tool", "sub", "x")))


@test
def references():
    """CLI-36: --git-ref takes a branch, a tag, a commit"""
    with Place({"x": "first"}) as place:
        git(place.template, "tag", "v1")
        first = subprocess.run(["git", "rev-parse", "HEAD"], cwd=place.template, stdout=subprocess.PIPE, check=True).stdout.decode().strip()
        git(place.template, "checkout", "--quiet", "-b", "feature/x")
        place.write("x", "feature")
        place.commit()
        git(place.template, "checkout", "--quiet", "main")
        place.write("x", "main")
        place.commit()
        for number, (ref, wanted) in enumerate([("v1", "first"), (first, "first"), (first[:12], "first"), ("feature/x", "feature"),
                                                ("main", "main")]):
            place.new(place.url, "--git-ref", ref, "--name", f"p{number}")
            equal(place.read(f"p{number}", "x"), wanted, ref)
        place.new(place.template, "--git-ref", "v1", "--name", "local")
        equal(place.read("local", "x"), "first")
        place.refused("the repository has no branch, tag or commit `nonesuch`", place.url, "--git-ref", "nonesuch")


@test
def from_a_folder():
    """A folder becomes a project: without .git, node_modules, and caches"""
    with Place({"a/x": "1", "node_modules/y": "2", "target/CACHEDIR.TAG": "3", "a/target/z": "4", ".gitignore": "5"}) as place:
        os.symlink("a/x", os.path.join(place.template, "link"))
        place.new("../template", "--name", "relative")
        place.new(place.template, "--name", "absolute")
        place.new(place.template + "/", "--subfolder", "a", "--name", "sub")
        for name in "relative", "absolute":
            equal(sorted(os.listdir(os.path.join(place.here, name))), [".gitignore", "a", "link"])
            equal(place.read(name, "link"), "1")
            equal(place.read(name, "a", "target", "z"), "4")
        equal(sorted(os.listdir(os.path.join(place.here, "sub"))), ["target", "x"])
        place.refused("would be inside its template", "..", "--name", "y")
        place.refused("inside its template", place.here, "--name", "y")


@test
def set_up_command():
    """CLI-36: the template's command is printed, runs in the project, and not with --no-run"""
    config = "new:\n  command: pwd > where; echo noise; echo ran > done\nbuild:\n  command: 'true'\n"
    with Place({".wash/config.yaml": config}) as place:
        out, err = place.new(place.url)
        check("pwd > where; echo noise; echo ran > done" in err and "noise" in err, err)
        check("noise" not in out and "pwd" not in out, out)
        equal(place.read("template", "where"), f"{place.here}/template\n")
        out, err = place.new(place.url, "--no-run", "--name", "still")
        check(not os.path.exists(os.path.join(place.here, "still", "done")))
        check("next: cd still, then set it up with `pwd > where" in err, "the hint names the command:", err)
        out, _ = place.new("-o", "json", place.url, "--name", "third")
        equal(json.loads(out)["success"], True)
        equal(place.read("third", "done"), "ran\n")


@test
def set_up_command_fails():
    """CLI-36: a set-up command that fails is an error; the project is whole and named"""
    with Place({".wash/config.yaml": "new:\n  command: echo sorry >&2; exit 3\n"}) as place:
        out, err = place.new(place.url, code=1)
        check("set-up failed with exit code 3: echo sorry" in err and f"{place.here}/template" in err, err)
        equal(place.left(), ["template"])


@test
def set_up_command_is_the_templates_own():
    """The configuration of a project around the new one is left alone"""
    with Place() as place:
        os.mkdir(os.path.join(place.here, ".wash"))
        with open(os.path.join(place.here, ".wash", "config.yaml"), "w") as file:
            file.write("new:\n  command: touch ran\n")
        place.new(place.url)
        os.mkdir(os.path.join(place.template, ".wash"))
        place.new(place.template, "--name", "second")
        equal(sorted(os.listdir(os.path.join(place.here, "template")) + os.listdir(os.path.join(place.here, "second"))),
              [".wash", "hello.txt", "hello.txt"])


def on_terminal(place, arguments, answer):
    """wash new with a terminal as its input; returns (exit code, all that was shown)."""
    wash, environment = os.path.abspath(WASH), {**os.environ, **QUIET}
    child, terminal = pty.fork()
    if child == 0:
        try:
            os.chdir(place.here)
            os.execve(wash, ["wash", "new", *arguments], environment)
        finally:
            os._exit(99)
    shown, sent = b"", False
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
        if not sent and b"[Y/n]" in shown:
            os.write(terminal, answer)
            sent = True
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(terminal)
    check(sent, "was not asked:", shown)
    return code, shown.decode()


@test
def asks_on_a_terminal():
    """CLI-2, CLI-36: on a terminal the command waits for a yes"""
    with Place({".wash/config.yaml": "new:\n  command: touch ran\n"}) as place:
        for name, answer, ran in [("yes", b"y\n", True), ("default", b"\n", True), ("no", b"n\n", False), ("unsure", b"what\nno\n", False)]:
            code, shown = on_terminal(place, [place.url, "--name", name], answer)
            equal(code, 0, shown)
            check(shown.index("touch ran") < shown.index("[Y/n]"), shown)
            equal(os.path.exists(os.path.join(place.here, name, "ran")), ran, name)
        code, shown = on_terminal(place, [place.url, "--name", "stopped"], b"\x03")
        check(code in (130, -signal.SIGINT), code, shown)
        check(not os.path.exists(os.path.join(place.here, "stopped", "ran")))
        code, shown = on_terminal(place, [place.url, "--name", "ended"], b"\x04")
        equal(code, 0, shown)
        check("[Y/n] \r\nProject 'ended' created" in shown, shown)
        check(not os.path.exists(os.path.join(place.here, "ended", "ran")))


@test
def next_step_can_be_copied():
    """what to type next is right for a name with spaces and quotes too"""
    with Place() as place:
        for name, word in (("plain-1.x", "plain-1.x"), ("two words", "'two words'"), ("it's", "'it'\\''s'"), ("$(id)", "'$(id)'")):
            code, _, err = run("new", place.template, "--name", name, cwd=place.here, env=QUIET)
            equal((code, err), (0, f"next: cd {word} && wash dev\n"))


@test
def refused_addresses():
    """Addresses that run programs or look like options are refused"""
    with Place() as place:
        proof = os.path.join(place.root, "proof")
        place.refused("cannot begin with a dash", "--", "--upload-pack=touch " + proof)
        place.refused("cannot begin with a dash", "--", "-u")
        place.refused("`ext::` is not a transport", f"ext::sh -c 'touch {proof}'")
        place.refused("`fd::` is not a transport", "fd::7")
        place.refused("`ftp://` is not a transport", "ftp://127.0.0.1/x")
        place.refused("`git+ssh://` is not a transport", "git+ssh://127.0.0.1/x")
        place.refused("cannot begin with a dash", "--", f"ssh://-oProxyCommand=touch%20{proof}/x")
        place.refused("cannot begin with a dash", "--", f"x@-oProxyCommand=touch:{proof}")
        place.refused("control characters", "https://127.0.0.1/a\nb")
        place.refused("neither a folder here nor the address", "nowhere")
        place.refused("`wash new ADDRESS --subfolder FOLDER`", "http-hello-world")
        place.refused("neither a folder here nor the address", place.here + "/nowhere")
        place.refused("is empty", "")
        check(not os.path.exists(proof), "a program ran")


@test
def refused_names():
    """Names and subfolders that escape, references that are options"""
    with Place({"sub/x": "1"}) as place:
        for name in "..", ".", "a/b", "../x", "/tmp/x", "", "-x", ".git", ".GIT", "a\nb", "x" * 300:
            place.refused("--name", place.url, "--name=" + name)
        for sub in "../here", "/etc", "sub/../..", "..", "", ".git", "sub/.git":
            place.refused("--subfolder", place.url, "--subfolder=" + sub, "--name", "x")
        for sub in "nowhere", "sub/x", "sub/x/y":
            place.refused("has no folder", place.url, "--subfolder", sub)
        place.write("templates/http-hello-world/y", "1")
        place.write("templates/http-hello-word", "a file")
        place.commit()
        for sub in "templates/http-hello-wrold", "./templates/http-hello-world2/", "templates/http-hello-word":
            place.refused(f"has no folder `{sub}`; did you mean `templates/http-hello-world`?", place.url, "--subfolder", sub)
        place.refused("did you mean `templates`?", place.url, "--subfolder", "template/http-hello-world")
        for ref in "-b", "--orphan=x", "a b", "HEAD~1", "a..b", "":
            place.refused("--git-ref", place.url, "--git-ref=" + ref)
        place.refused("cannot be the name of a folder; choose one with --name", "https://127.0.0.1/..")
        os.symlink("nowhere", os.path.join(place.here, "taken"))
        place.refused("already exists", place.url, "--name", "taken")


@test
def refused_contents():
    """Symbolic links that lead out, pipes, and configuration that is wrong"""
    for target in "/etc/passwd", "../../x", "sub/../../x":
        with Place({"sub/x": "1"}) as place:
            os.symlink(target, os.path.join(place.template, "link"))
            place.commit()
            place.refused("link leads out of the template", place.url)
            place.refused("link leads out of the template", place.template)
    with Place({"sub/x": "1"}) as place:
        os.symlink("../y", os.path.join(place.template, "sub", "link"))
        place.write("y", "1")
        place.commit()
        place.new(place.url)
        place.refused("link leads out of the template", place.url, "--subfolder", "sub")
        os.symlink("sub", os.path.join(place.template, "door"))
        place.commit()
        place.refused("has no folder", place.url, "--subfolder", "door")
        os.mkfifo(os.path.join(place.template, "pipe"))
        place.refused("pipe is not a file", place.template, "--name", "z")


@test
def broken_configuration():
    """CLI-36: a template whose configuration has mistakes makes a project, whose mistakes are named, and runs nothing"""
    for config, mistake in ("new:\n  command: touch ran\n  comand: x\n", "did you mean `command`"), ("new: [", "line 2, column 1"):
        with Place({".wash/config.yaml": config}) as place:
            _, err = place.new(place.url)
            check(f"{place.here}/template/.wash/config.yaml: " in err and mistake in err, err)
            check(err.endswith("next: cd template && wash config validate\n"), err)
            check(not os.path.exists(os.path.join(place.here, "template", "ran")), "nothing of it ran")


@test
def a_repository_runs_nothing():
    """No hooks, filters, submodules or file system monitors of a repository, its server or the user run"""
    with Place({"x.txt": "hello\n", ".gitattributes": "*.txt filter=evil\n"}) as place:
        proof = os.path.join(place.root, "proof")
        other = os.path.join(place.root, "other")
        os.mkdir(other)
        git(other, "init", "--quiet")
        git(other, "commit", "--quiet", "--allow-empty", "-m", "x")
        git(place.template, "submodule", "add", "--quiet", "file://" + other, "module", config=["protocol.file.allow=always"])
        place.commit()
        hooks = os.path.join(place.root, "hooks")
        os.mkdir(hooks)
        for hook in "post-checkout", "reference-transaction", "post-index-change":
            with open(os.path.join(hooks, hook), "w") as file:
                file.write(f"#!/bin/sh\necho {hook} >> {proof}\n")
            os.chmod(os.path.join(hooks, hook), 0o755)
        skeleton = os.path.join(place.root, "skeleton")
        shutil.copytree(hooks, os.path.join(skeleton, "hooks"))
        config = os.path.join(place.root, "config")
        with open(config, "w") as file:
            file.write(f'[core]\n\thooksPath = {hooks}\n\tfsmonitor = "touch {proof}"\n[init]\n\ttemplateDir = {skeleton}\n'
                       f'[filter "evil"]\n\tsmudge = "touch {proof}; cat"\n\trequired = true\n[submodule]\n\trecurse = true\n'
                       "[protocol \"file\"]\n\tallow = always\n[protocol \"ext\"]\n\tallow = always\n")
        env = {"GIT_CONFIG_GLOBAL": config, "GIT_DIR": os.path.join(other, ".git"), "GIT_WORK_TREE": other}
        for name, more in ("a", []), ("b", ["--git-ref", "main"]):
            place.new(place.url, "--name", name, *more, env=env)
            equal(place.read(name, "x.txt"), "hello\n")
            equal(os.listdir(os.path.join(place.here, name, "module")), [])
        check(not os.path.exists(proof), "something ran")


@test
def repositories_that_are_not():
    """A server that is not there, a folder that is no repository, an empty repository"""
    with Place() as place:
        place.refused("clone the repository: git failed with exit code 128: fatal:", "http://127.0.0.1:1/x.git")
        place.refused("clone the repository: git failed with exit code 128", "file://" + place.here, "--name", "x")
        empty = os.path.join(place.root, "empty")
        git(place.root, "init", "--quiet", empty)
        place.refused("the repository is empty", "file://" + empty)
        with Server(lambda handler: handler.reply(401, WWW_Authenticate='Basic realm="here"')) as server:
            place.refused("there is none at this address, or it wants a login", f"http://{server.name}/a/b.git",
                          env={"GIT_ASKPASS": "", "SSH_ASKPASS": "", "no_proxy": "*"})
        tools = os.path.join(place.root, "tools")
        os.mkdir(tools)
        place.refused("`git` is not installed", place.url, env={"PATH": tools})


def interrupted(place, arguments, how, ready):
    process = subprocess.Popen([os.path.abspath(WASH), "new", *arguments], cwd=place.here, env={**os.environ, **QUIET},
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        eventually(ready, "wash new to be under way")
        process.send_signal(how)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    equal(process.returncode, 128 + how, err)
    return err.decode()


@test
def interrupts():
    """Ctrl-C and SIGTERM while it clones or copies leave nothing, and 128 + the signal"""
    with Place() as place:
        with socket.socket() as silent:  # takes connections and never answers
            silent.bind(("127.0.0.1", 0))
            silent.listen(8)
            for how in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
                interrupted(place, [f"http://127.0.0.1:{silent.getsockname()[1]}/x.git"], how, lambda: silent.accept())
                equal(place.left(), [], how)


@test
def interrupted_set_up():
    """Ctrl-C ends the set-up command and what it started; the project stays, and is named"""
    with Place({".wash/config.yaml": "new:\n  command: sleep 300 & echo $! > pid; wait\n"}) as place:
        pid = os.path.join(place.here, "template", "pid")
        err = interrupted(place, [place.url], signal.SIGINT, lambda: os.path.exists(pid) and os.path.getsize(pid))
        check(f"the project is in {place.here}/template" in err, err)
        with open(pid) as file:
            process = int(file.read())
        eventually(lambda: not alive(process), "the set-up's child to end")


@test
def a_folder_that_cannot_be_written():
    """Where no folder can be made: one error"""
    with Place() as place:
        place.refused("make a folder in /proc", "-C", "/proc", place.url)


if __name__ == "__main__":
    main()
