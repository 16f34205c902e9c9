#!/bin/sh
# Prints the path of a Go that is new enough for guests, which the distribution's is not. Newer ones are modules, which any Go can
# fetch: this one comes at the version and checksums given here. WASH_GO names another.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/lib.sh"
if [ -n "${WASH_GO:-}" ]; then
    echo "$WASH_GO"
    exit 0
fi

release=go1.27.3
case $(uname -m) in
x86_64) machine=amd64 sum=h1:r0ub+FnqzZxoWm/dSUOI9DcIqYWn/mNYGFJcv7PyBzs= ;;
aarch64) machine=arm64 sum=h1:VY4gDzfxOrsM17J2qtgZgiAIsWhp7XWK1jMfE3kXV0s= ;;
*) die "no checksum of $release for $(uname -m): set WASH_GO to a Go of your own, 1.24 or newer" ;;
esac
version=v0.0.1-$release.linux-$machine

# A module has no file modes, and no go.mod below its own: what the go command does with a toolchain that it has fetched.
fetch() {
    [ -x /usr/bin/go ] || die "no /usr/bin/go: run tools/setup.sh"
    (
        cd "$1"
        unset GOROOT GOFLAGS
        GO111MODULE=on GOTOOLCHAIN=local GONOSUMDB=golang.org/toolchain GOPATH=$1/path GOMODCACHE=$1/modules GOFLAGS=-modcacherw \
            /usr/bin/go mod download -json "golang.org/toolchain@$version"
    ) >"$1/module.json" || die "golang.org/toolchain@$version: $(cat "$1/module.json")"
    grep -qF "\"Sum\": \"$sum\"" "$1/module.json" || die "golang.org/toolchain@$version has another checksum than $sum"
    mv "$1/modules/golang.org/toolchain@$version" "$1/go"
    rm -rf "$1/modules" "$1/path" "$1/module.json"
    chmod -R a+x "$1/go/bin" "$1/go/pkg/tool"
    find "$1/go/src" -name _go.mod | while read -r file; do
        cp "$file" "$(dirname "$file")/go.mod"
    done
}

folder=$(cached go "$({ cat "$0"; uname -m; } | hash_key)" fetch)
echo "$folder/go/bin/go"
