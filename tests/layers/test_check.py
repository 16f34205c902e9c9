#!/usr/bin/env python3
"""Plants includes in a temporary copy of src/ and expects check.py to object to exactly the bad ones. TAP."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]

CASES = [  # room, line, whether it must be refused
    ("base", '#include "io/shard.h"', True),
    ("base", '#include "base/str.h"', False),
    ("io", '#include "http/server.h"', True),
    ("io", "#include <wasmtime.h>", True),
    ("io", '#include "wasm.h"', True),
    ("io", "#include <wasmtime/store.h>", True),
    ("http", '#include "io/shard.h"', False),
    ("http", "  #  include <engine/engine.h>", True),
    ("wit", '#include "io/shard.h"', True),
    ("wit", '#include "../io/shard.h"', True),
    ("config", '#include "gen/wasi.h"', True),
    ("config", "#include <stdio.h>", False),
    ("config", "#include <sys/stat.h>", False),
    ("engine", "#include <wasmtime.h>", False),
    ("engine", '#include "component/plan.h"', True),
    ("component", '#include "engine/engine.h"', False),
    ("component", '#include "gen/wasi.h"', False),
    ("component", '#include "wasmtime.h"', True),
    ("component", '#include "wasi/poll.h"', True),
    ("wasi", '#include "http/client.h"', False),
    ("wasi", '#include "engine/engine.h"', True),
    ("wasi", '#include "host/host.h"', True),
    ("host", '#include "wasi/poll.h"', False),
    ("host", '#include "cli/main.h"', True),
    ("host", "#include HEADER", True),
    ("cli", '#include "host/host.h"', False),
    ("cli", "#include <wasm.h>", True),
    ("attic", '#include "base/str.h"', True),  # a room that the table does not know
]


def objections(root, name):
    run = subprocess.run([sys.executable, HERE / "check.py", root], capture_output=True, text=True)
    lines = [line for line in run.stdout.splitlines() if name in line]
    if lines and run.returncode == 0:
        raise AssertionError("objections, but success")
    return lines


def main():
    print(f"TAP version 13\n1..{len(CASES)}")
    failures = 0
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary)
        shutil.copytree(ROOT / "src", root / "src")
        for number, (room, line, refused) in enumerate(CASES, 1):
            planted = root / "src" / room / "planted.c"
            planted.parent.mkdir(exist_ok=True)
            planted.write_text(f"/* planted */\n{line}\n")
            found = objections(root, "planted.c:2:" if room != "attic" else "src/attic:")
            planted.unlink()
            good = bool(found) == refused
            failures += not good
            print(f"{'' if good else 'not '}ok {number} - {room}: {line.replace('#', '')} {'refused' if refused else 'allowed'}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
