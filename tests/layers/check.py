#!/usr/bin/env python3
"""Fails when a room under src/ includes a header of a room that it may not use. Usage: check.py [project root]

The table is the one of the design: a room may include itself, base, and the rooms on its line.
"""
import pathlib
import re
import sys

BELOW_HOST = {"io", "http", "wit", "config", "engine", "component", "wasi"}
ALLOWED = {
    "base": set(),
    "io": set(),
    "http": {"io"},
    "wit": set(),
    "config": set(),
    "web": set(),
    "oci": {"io", "web"},
    "engine": {"io"},
    "component": {"engine", "wit", "io"},
    "wkg": {"web", "oci", "wit", "component", "config"},
    "wasi": {"component", "http", "io"},
    "host": BELOW_HOST | {"web", "oci"},
    "cli": BELOW_HOST | {"web", "oci", "wkg", "host"},
}
MAY_INCLUDE_GENERATED = {"component", "wasi", "host", "cli"}  # "gen/...", written by the build from wit/
MAY_INCLUDE_WASMTIME = {"engine"}

INCLUDE = re.compile(r"^\s*#\s*include(?:_next)?\s*(.*)")
NAME = re.compile(r'["<]([^">]+)[">]')
WASMTIME = re.compile(r"(wasm|wasi|wasmtime[^/]*)\.h|wasmtime/.*")


def complaint(room, header, rooms):
    """Why a file of `room` may not include `header`, or None."""
    first = header.split("/")[0] if "/" in header else None
    if ".." in header.split("/") or header.startswith("/"):
        return "names a file by a relative or absolute path; write \"room/file.h\""
    if WASMTIME.fullmatch(header):
        return None if room in MAY_INCLUDE_WASMTIME else "only " + ", ".join(sorted(MAY_INCLUDE_WASMTIME)) + " may use Wasmtime's headers"
    if first == "gen":
        return None if room in MAY_INCLUDE_GENERATED else "this room may not use generated headers"
    if first not in rooms or first in (room, "base") or first in ALLOWED[room]:
        return None
    may = ", ".join(sorted(ALLOWED[room] | {"base"} - {room})) or "nothing but itself"
    return f"{room} may include: {may}"


def check_file(path, room, rooms):
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        name = NAME.match(match[1])
        why = complaint(room, name[1], rooms) if name else "a computed include cannot be checked"
        if why:
            yield f"{path}:{number}: {line.strip()}: {why}"


def check(root):
    src = pathlib.Path(root) / "src"
    folders = sorted(path for path in src.iterdir() if path.is_dir())
    rooms = set(ALLOWED) | {folder.name for folder in folders}
    for folder in folders:
        files = [path for path in sorted(folder.rglob("*")) if path.suffix in (".c", ".h", ".inc", ".def", ".S")]
        if files and folder.name not in ALLOWED:
            yield f"{folder}: this room has no line in the table of {__file__}; add it there and to the design"
            continue
        for path in files:
            yield from check_file(path, folder.name, rooms)


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2]
    complaints = list(check(root))
    print("\n".join(complaints) or "every room keeps to its line")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
