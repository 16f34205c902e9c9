#!/bin/sh
# Runs the packaged cargo for guests: `cargo-wasm.sh build --release` compiles for wasm32-unknown-unknown against our sysroot.
# No libc and no adapter: what a guest imports is what its WIT world names.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/lib.sh"
sysroot=$("$tools/rust-sysroot.sh")
packaged_rust
target=wasm32-unknown-unknown
export CARGO_BUILD_TARGET=$target
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-19
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="--sysroot=$sysroot"
exec "$cargo" "$@"
