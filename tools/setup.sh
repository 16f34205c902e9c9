#!/bin/sh
# Sees to it that the Debian packages for a purpose are there: setup.sh demo|test|bench|develop...
# As root it installs the missing ones; otherwise it says which they are and exits 1. On a system that is not Debian's it checks
# nothing and leaves it to the build to find what is missing.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/lib.sh"
[ $# -gt 0 ] || die "usage: setup.sh demo|test|bench|develop..."

for purpose; do
    case $purpose in
    demo | test | bench | develop) ;;
    *) die "nothing is known to be needed by \"$purpose\"" ;;
    esac
done
command -v dpkg-query >/dev/null || {
    echo "setup.sh: no dpkg here; see tools/packages.txt for what is needed" >&2
    exit 0
}

installed() {
    [ "$2" != - ] && [ -e "$2" ] || [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=
while read -r name purpose file _; do
    case "$name: demo $* " in
    '#'*) continue ;;
    *" $purpose "*) installed "$name" "$file" || missing="$missing $name" ;;
    esac
done <"$tools/packages.txt"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "setup.sh: these packages are missing; as root: apt-get install --no-install-recommends$missing" >&2
    exit 1
fi
echo "setup.sh: installing$missing" >&2
# RUNLEVEL: a server that comes with a package (nginx) is not started.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
apt-get -q -o DPkg::Lock::Timeout=300 update >&2 || die "apt-get update failed"
# The names are the list's own, one word each.
# shellcheck disable=SC2086
apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends $missing >&2 || die "could not install$missing"
