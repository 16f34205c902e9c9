#!/bin/sh
# Builds Rust's standard library for wasm32-unknown-unknown from the packaged source (rust-web-src): no downloaded toolchain.
# Prints the sysroot for `rustc --sysroot`.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/lib.sh"
packaged_rust

target=wasm32-unknown-unknown
source=/usr/lib/rustlib/src/rust/library
[ -f "$source/Cargo.lock" ] || die "no $source: run tools/setup.sh"

build() {
    cp -rL "$source" "$1/library"
    # The nightly switches are those of a toolchain's own build of std: its crates marked unstable, bitcode for LTO in guests.
    RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Cembed-bitcode=yes -Zforce-unstable-if-unmarked" CARGO_TARGET_DIR=$1/target \
        "$cargo" build --release --locked --target "$target" --manifest-path "$1/library/Cargo.toml" -p sysroot \
        --features panic-unwind,backtrace,compiler-builtins-mem
    mkdir -p "$1/lib/rustlib/$target/lib"
    cp "$1/target/$target/release/deps/"*.rlib "$1/lib/rustlib/$target/lib/"
    rm -rf "$1/library" "$1/target"
}

key=$({ cat "$tools/rust-sysroot.sh" "$source/Cargo.lock"; "$RUSTC" -vV; } | hash_key)
cached rust-sysroot "$key" build
