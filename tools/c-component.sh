#!/bin/sh
# Makes a component of C sources: c-component.sh WORLD OUT.wasm SOURCE.c...
# Bindings come from the folder wit/ beside the sources, the C library and its builtins from packages. What the C library wants of
# the system (preview 1) is turned into WASI 0.2 by the adapter that jco carries.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/lib.sh"
[ $# -ge 3 ] || die "usage: c-component.sh WORLD OUT.wasm SOURCE.c..."
world=$1 out=$2
shift 2
builtins=/usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a
[ -f "$builtins" ] && [ -d /usr/include/wasm32-wasi ] || die "no C toolchain for WebAssembly: run tools/setup.sh"
wit_bindgen=$("$tools/cargo-tool.sh" wit-bindgen)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$("$wit_bindgen" c wit --world "$world" --out-dir "$work" 2>&1) || die "$log"
name=$(echo "$world" | tr - _)
clang-19 --target=wasm32-wasi --sysroot=/usr -I/usr/include/wasm32-wasi -L/usr/lib/wasm32-wasi -I"$work" -std=gnu11 -Wall -Wextra -Werror \
    -Wno-unused-parameter -mexec-model=reactor -Oz -nodefaultlibs "$@" "$work/$name.c" "$work/${name}_component_type.o" \
    -lc "$builtins" -o "$work/core.wasm"
"$tools/component.sh" new "$work/core.wasm" -o "$out" --adapt preview1
