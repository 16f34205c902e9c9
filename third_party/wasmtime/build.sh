#!/bin/sh
# Builds libwasmtime once into the build cache and prints the folder that holds include/ and lib/.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tools=$(cd "$here/../../tools" && pwd)
. "$tools/lib.sh"

if [ -n "${WASMTIME_DIR:-}" ]; then
    [ -f "$WASMTIME_DIR/include/wasmtime.h" ] || die "WASMTIME_DIR=$WASMTIME_DIR has no include/wasmtime.h"
    echo "$WASMTIME_DIR"
    exit 0
fi

build_library() {
    echo "building libwasmtime (about four minutes on two cores)"
    work=$1/work
    CARGO_TARGET_DIR=$work "$cargo" build --release --locked --manifest-path "$here/Cargo.toml"
    mkdir "$1/lib"
    mv "$work/release/libwasmtime.a" "$1/lib/"
    mv "$work"/release/build/wasmtime-c-api-impl-*/out/include "$1/include"
    rm -rf "$work"
}

packaged_rust
key=$({ cat "$here/Cargo.toml" "$here/Cargo.lock" "$here/src/lib.rs"; "$RUSTC" -vV; } | hash_key)
cached wasmtime "$key" build_library
