#!/bin/sh
# Serves a project as its owner would, `cd PROJECT && wash dev`: demo.sh WASH PROJECT
# With DEMO_CHECK=1 it asks the served component once, prints the answer and stops.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/lib.sh"
[ $# -eq 2 ] || die "usage: demo.sh WASH PROJECT"
wash=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
[ -x "$wash" ] || die "no $wash: run make"
cd "$2"

if [ "${DEMO_CHECK:-}" != 1 ]; then
    exec "$wash" dev
fi

port=${DEMO_PORT:-8000}
WASH_DEV_ADDRESS=127.0.0.1:$port "$wash" dev &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
# The first build of the component takes its time. Only a refused connection (7) means "not yet".
code=7
while [ $code = 7 ]; do
    kill -0 "$server" 2>/dev/null || die "wash dev ended before it served"
    sleep 0.2
    code=0
    answer=$(curl -sS --fail --noproxy '*' "http://127.0.0.1:$port/" 2>/dev/null) || code=$?
done
[ $code = 0 ] || die "wash dev serves, but curl failed with status $code"
echo "$answer"
trap - EXIT
kill -TERM "$server"
wait "$server" || die "wash dev ended with status $?"
