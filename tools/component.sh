#!/bin/sh
# component.mjs with a fitting Node.js and its packages: see there for what it does.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
node=$("$tools/node.sh")
WASH_NPM_COMPONENT=$("$tools/npm-tools.sh" component)
export WASH_NPM_COMPONENT
case " $* " in
*" preview1 "*)
    WASH_NPM_JS=$("$tools/npm-tools.sh" js)
    export WASH_NPM_JS
    ;;
esac
exec "$node" --no-warnings "$tools/component.mjs" "$@"
