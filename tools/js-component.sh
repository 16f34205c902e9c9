#!/bin/sh
# Makes a component of a JavaScript file: js-component.sh WORLD OUT.wasm SOURCE.js
# The world is in the folder wit/ beside the source. componentize-js knows wasi:http 0.2.10 and no other, so it is given our
# declarations under that version, with the gates of later versions opened.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/lib.sh"
[ $# -eq 3 ] || die "usage: js-component.sh WORLD OUT.wasm SOURCE.js"
node=$("$tools/node.sh")
WASH_NPM_JS=$("$tools/npm-tools.sh" js)
export WASH_NPM_JS

make_work_folder
cp -rL wit "$work/wit"
find "$work/wit" -name '*.wit' -exec sed -i -E 's/@0\.2\.[0-9]+/@0.2.10/g; s/@since\(version = 0\.2\.[0-9]+\)/@since(version = 0.2.0)/' {} +
"$node" --no-warnings "$tools/js-component.mjs" "$3" "$work/wit" "$1" "$2"
