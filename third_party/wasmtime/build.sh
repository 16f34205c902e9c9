#!/bin/sh
# Builds libwasmtime once into the user's cache and prints the folder that holds include/ and lib/.
# The folder's name is a hash of everything that goes in, so a changed input builds anew beside the old one.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cargo=${CARGO:-/usr/bin/cargo}
rustc=${RUSTC:-/usr/bin/rustc}

if [ -n "${WASMTIME_DIR:-}" ]; then
    [ -f "$WASMTIME_DIR/include/wasmtime.h" ] || { echo "WASMTIME_DIR=$WASMTIME_DIR has no include/wasmtime.h" >&2; exit 1; }
    echo "$WASMTIME_DIR"
    exit 0
fi

key=$( { cat "$here/Cargo.toml" "$here/Cargo.lock" "$here/src/lib.rs" "$0"; "$rustc" -vV; } | sha256sum | cut -c1-16)
out=${WASH_BUILD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wash-build}/wasmtime-$key
if [ -f "$out/lib/libwasmtime.a" ]; then
    echo "$out"
    exit 0
fi

echo "building libwasmtime (about four minutes on two cores) into $out" >&2
work=$out.work
mkdir -p "$work"
RUSTC=$rustc RUSTFLAGS= CARGO_TARGET_DIR=$work "$cargo" build --release --locked --manifest-path "$here/Cargo.toml" >&2
rm -rf "$out.new"
mkdir -p "$out.new/lib"
cp "$work/release/libwasmtime.a" "$out.new/lib/"
cp -r "$work"/release/build/wasmtime-c-api-impl-*/out/include "$out.new/include"
mv "$out.new" "$out"
rm -rf "$work"
echo "$out"
