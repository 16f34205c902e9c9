"""`wash inspect`: the same text as the reference printer, for every guest."""

import glob
import json
import os
import subprocess
import tempfile

from e2e import *


def reference(path):
    tool = os.environ.get("COMPONENT_WIT")
    if not tool:
        raise Skip("COMPONENT_WIT names no reference printer")
    return subprocess.run([*tool.split(), path], check=True, stdout=subprocess.PIPE).stdout.decode()


@test
def same_as_reference():
    """every guest's world prints as the reference prints it"""
    paths = sorted(glob.glob(os.path.join(GUESTS, "*.wasm")))
    check(paths, "no guests in", GUESTS)
    for path in paths:
        code, out, err = run("inspect", path)
        equal(code, 0, err)
        equal(out.strip(), reference(path).strip(), path)


@test
def begins_as_documented():
    """the output begins `package root:component;`"""
    _, out, _ = run("inspect", guest("hello"))
    check(out.startswith("package root:component;\n\nworld root {\n"), out[:80])


@test
def empty_name():
    """an empty name, as of a variable that is not set, is a mistake and not the project here"""
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, ".wash"))
        with open(os.path.join(folder, ".wash", "config.yaml"), "w") as file:
            file.write("build: {command: touch ran}\n")
        code, _, err = run("inspect", "", cwd=folder)
        check(code != 0 and "is empty" in err and not os.path.exists(os.path.join(folder, "ran")), err)


@test
def as_json():
    """-o json gives message, success and the text"""
    code, out, _ = run("-o", "json", "inspect", guest("hello"))
    equal(code, 0)
    answer = json.loads(out)
    equal(answer["success"], True)
    check(answer["data"]["wit"].startswith("package root:component;"), answer)
    code, out, _ = run("inspect", "-o", "json", "/nonexistent.wasm")
    equal(code, 1)
    equal(json.loads(out)["success"], False)


if __name__ == "__main__":
    main()
