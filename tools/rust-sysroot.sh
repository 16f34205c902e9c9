#!/bin/sh
# Builds Rust's standard library for wasm32-wasip1 from the packaged source (rust-web-src), over the packaged C library (wasi-libc):
# no downloaded toolchain.
# Prints the sysroot for `rustc --sysroot`.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/lib.sh"
packaged_rust

target=wasm32-wasip1
libc=/usr/lib/wasm32-wasi
source=/usr/lib/rustlib/src/rust/library
[ -f "$source/Cargo.lock" ] || die "no $source: run tools/setup.sh"
[ -f "$libc/libc.a" ] || die "no $libc/libc.a: run tools/setup.sh"

build() {
    cp -rL "$source" "$1/library"
    # The nightly switches are those of a toolchain's own build of std: its crates marked unstable, bitcode for LTO in guests.
    RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Cembed-bitcode=yes -Zforce-unstable-if-unmarked" CARGO_TARGET_DIR=$1/target \
        "$cargo" build --release --locked --target "$target" --manifest-path "$1/library/Cargo.toml" -p sysroot \
        --features panic-unwind,backtrace,compiler-builtins-mem
    mkdir -p "$1/lib/rustlib/$target/lib"
    cp "$1/target/$target/release/deps/"*.rlib "$1/lib/rustlib/$target/lib/"
    mkdir "$1/lib/rustlib/$target/lib/self-contained"
    cp "$libc"/*.o "$libc/libc.a" "$1/lib/rustlib/$target/lib/self-contained/"
    rm -rf "$1/library" "$1/target"
}

key=$({ cat "$tools/rust-sysroot.sh" "$source/Cargo.lock"; "$RUSTC" -vV; cat "$libc/libc.a"; } | hash_key)
cached rust-sysroot "$key" build
