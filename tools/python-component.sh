#!/bin/sh
# Makes a component of a Python module in the folder src/: python-component.sh WORLD OUT.wasm MODULE
# The world is in the folder wit/. componentize-py is installed at the version and checksum of python/requirements.txt.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/lib.sh"
[ $# -eq 3 ] || die "usage: python-component.sh WORLD OUT.wasm MODULE"
python=/usr/bin/python3
"$python" -m pip --version >/dev/null 2>&1 || die "no pip for $python: run tools/setup.sh"

build() {
    "$python" -m pip install --quiet --disable-pip-version-check --no-warn-script-location --root-user-action=ignore \
        --require-hashes --only-binary :all: --target "$1" -r "$tools/python/requirements.txt"
}

key=$({ cat "$tools/python/requirements.txt"; "$python" --version; uname -m; } | hash_key)
folder=$(cached componentize-py "$key" build)
mkdir -p "$(dirname "$2")"
PYTHONPATH=$folder PYTHONDONTWRITEBYTECODE=1 "$python" "$folder/bin/componentize-py" -d wit -w "$1" componentize "$3" -p src -o "$2"
