#!/bin/sh
# Installs one of the sets of npm packages under tools/npm, at the versions and checksums of its lock file, and prints its folder:
#   npm-tools.sh component | js | another folder, from tools/npm
# Install scripts never run: everything needed is inside the packages.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/lib.sh"

set=${1:?"usage: npm-tools.sh component|js"}
from=$tools/npm/$set
[ -f "$from/package-lock.json" ] || die "no set of packages named $set"

build() {
    cp "$from/package.json" "$from/package-lock.json" "$1/"
    # Not "npm ci": it refuses the whole set when an optional package for some other system is missing from the registry.
    (cd "$1" && run_npm install --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error)
}

# The npm that came with node, else the one in PATH.
run_npm() {
    npm=$(dirname "$node")/../lib/node_modules/npm/bin/npm-cli.js
    if [ -f "$npm" ]; then
        "$node" "$npm" "$@"
    else
        npm "$@"
    fi
}

node=$("$tools/node.sh")
key=$({ cat "$from/package-lock.json"; uname -m; } | hash_key)
cached "npm-$(basename "$set")" "$key" build
