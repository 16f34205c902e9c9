#!/bin/sh
# Makes a component of a Python module in the folder src/: python-component.sh WORLD OUT.wasm MODULE
# The world is in the folder wit/. componentize-py is installed at the version and checksum of python/componentize-py.txt.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/lib.sh"
[ $# -eq 3 ] || die "usage: python-component.sh WORLD OUT.wasm MODULE"
folder=$(pip_packages componentize-py)
mkdir -p "$(dirname "$2")"
PYTHONPATH=$folder PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$folder/bin/componentize-py" -d wit -w "$1" componentize "$3" -p src -o "$2"
