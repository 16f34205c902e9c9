#!/bin/sh
# Prints the folder with the adapters from WASI preview 1 to 0.2, command.wasm and reactor.wasm, which `wash` carries to make
# components of modules for wasm32-wasip1. They come from crates.io, at the version and checksum of preview1/Cargo.lock.
# WASH_PREVIEW1_DIR names a folder that has them already.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/lib.sh"

if [ -n "${WASH_PREVIEW1_DIR:-}" ]; then
    [ -f "$WASH_PREVIEW1_DIR/command.wasm" ] && [ -f "$WASH_PREVIEW1_DIR/reactor.wasm" ] ||
        die "WASH_PREVIEW1_DIR=$WASH_PREVIEW1_DIR has no command.wasm and reactor.wasm"
    echo "$WASH_PREVIEW1_DIR"
    exit 0
fi

fetch() {
    packaged_rust
    mkdir -p "$1/work/src"
    cp "$tools/preview1/Cargo.toml" "$tools/preview1/Cargo.lock" "$1/work/"
    : >"$1/work/src/lib.rs"
    "$cargo" vendor --quiet --locked --manifest-path "$1/work/Cargo.toml" "$1/work/vendor" >/dev/null
    for kind in command reactor; do
        cp "$1/work/vendor/wasi-preview1-component-adapter-provider/artefacts/wasi_snapshot_preview1.$kind.wasm" "$1/$kind.wasm"
    done
    rm -rf "$1/work"
}

cached preview1 "$(cat "$tools/preview1/Cargo.toml" "$tools/preview1/Cargo.lock" "$0" | hash_key)" fetch
