#!/bin/sh
# Makes a component of the Rust package in this folder: rust-component.sh PACKAGE OUT.wasm
# The bindings that the crate wit-bindgen makes carry the world, so the module needs no WIT beside it.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 2 ] || { echo "usage: rust-component.sh PACKAGE OUT.wasm" >&2; exit 1; }
"$tools/cargo-wasm.sh" build --release --locked -p "$1"
target=$("$tools/cargo-wasm.sh" metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
"$tools/component.sh" new "$target/wasm32-wasip1/release/$(echo "$1" | tr - _).wasm" -o "$2" --adapt preview1
