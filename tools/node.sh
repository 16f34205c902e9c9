#!/bin/sh
# Prints the path of a Node.js that is new enough for the packages under tools/npm: the system's own, or one from a package.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/lib.sh"
least=20

major() {
    "$1" -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0
}

for node in ${WASH_NODE:+"$WASH_NODE"} /usr/bin/node; do
    if [ -x "$node" ] && [ "$(major "$node")" -ge $least ]; then
        echo "$node"
        exit 0
    fi
done
case $(uname -m) in
x86_64) cpu=x64 ;;
aarch64) cpu=arm64 ;;
*) die "no Node.js $least or newer, and no package of one for $(uname -m)" ;;
esac
folder=$("$tools/npm-tools.sh" node)
echo "$folder/node_modules/node-linux-$cpu/bin/node"
