#!/bin/sh
# Runs the packaged cargo for guests: `cargo-wasm.sh build --release` compiles for wasm32-wasip1 against our sysroot: the
# standard library that wasm32-wasip2 has as well, with the C library's allocator; `component.sh new --adapt preview1` does the rest.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/lib.sh"
sysroot=$("$tools/rust-sysroot.sh")
packaged_rust
target=wasm32-wasip1
export CARGO_BUILD_TARGET=$target
export CARGO_TARGET_WASM32_WASIP1_LINKER=wasm-ld-19
export CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS="--sysroot=$sysroot"
exec "$cargo" "$@"
