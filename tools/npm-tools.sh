#!/bin/sh
# Installs one of the sets of npm packages under tools/npm, at the versions and checksums of its lock file, and prints its folder:
#   npm-tools.sh component | js | node
# Install scripts never run: everything needed is inside the packages.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/lib.sh"

set=${1:?"usage: npm-tools.sh component|js|node"}
from=$tools/npm/$set
[ -f "$from/package-lock.json" ] || die "no set of packages named $set"
command -v npm >/dev/null || die "no npm: run tools/setup.sh"

build() {
    cp "$from/package.json" "$from/package-lock.json" "$1/"
    # Not "npm ci": it refuses the whole set when an optional package for some other system is missing from the registry.
    (cd "$1" && npm install --ignore-scripts --no-audit --no-fund --loglevel=error)
}

key=$({ cat "$from/package-lock.json"; uname -m; } | hash_key)
cached "npm-$set" "$key" build
