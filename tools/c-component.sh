#!/bin/sh
# Makes a component of C sources: c-component.sh WORLD OUT.wasm SOURCE.c...
# Bindings come from the folder wit/ beside the sources, the C library and its builtins from packages. Nothing else is needed than
# clang and `wash` (WASH, else build/wash): it generates the bindings, and makes a component of the linked module, with an adapter for
# what the C library wants of the system.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/lib.sh"
[ $# -ge 3 ] || die "usage: c-component.sh WORLD OUT.wasm SOURCE.c..."
world=$1 out=$2
shift 2
builtins=/usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a
[ -f "$builtins" ] && [ -d /usr/include/wasm32-wasi ] || die "no C toolchain for WebAssembly: run tools/setup.sh"
wash=${WASH:-$root/build/wash}
[ -x "$wash" ] || die "no $wash: run make"

make_work_folder
"$wash" bindgen --guest c wit --world "$world" --out-dir "$work" >/dev/null
name=$(echo "$world" | tr - _)
clang-19 --target=wasm32-wasi --sysroot=/usr -I/usr/include/wasm32-wasi -L/usr/lib/wasm32-wasi -I"$work" -std=gnu11 -Wall -Wextra -Werror \
    -mexec-model=reactor -Oz -nodefaultlibs "$@" "$work/$name.c" -lc "$builtins" -o "$work/core.wasm"
mkdir -p "$(dirname "$out")"
"$wash" component new "$work/core.wasm" -o "$out" >/dev/null
