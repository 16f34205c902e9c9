#!/bin/sh
# Builds a command-line tool from crates.io at the version pinned here and prints the path of its program:
#   cargo-tool.sh [--cached] wit-bindgen | wasm-tools | wasmtime | wkg
# All take minutes, and nothing needs one: tests compare with wit-bindgen, wasm-tools and wkg if they were ever built, the benchmark has
# wasmtime as its peer.
# With --cached it builds nothing: it prints nothing if the tool was never built. CARGO_JOBS=N limits how many compilers run at once.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/lib.sh"
packaged_rust

cached_only=
if [ "${1:-}" = --cached ]; then
    cached_only=yes
    shift
fi
program=${1:?"usage: cargo-tool.sh [--cached] wit-bindgen|wasm-tools|wasmtime|wkg"}
case $program in
wit-bindgen) crate=wit-bindgen-cli version=0.63.0 features=c ;;
wasm-tools)
    crate=wasm-tools version=1.263.0 features=component,validate,print,parse,json-from-wast,strip,dump,objdump,mutate
    ;;
wasmtime)
    crate=wasmtime-cli version=48.0.8
    features=serve,run,compile,cranelift,pooling-allocator,component-model,component-model-async,parallel-compilation,cache,addr2line,demangle,backtrace,gc,gc-null,threads
    ;;
wkg) crate=wkg version=0.16.1 features= ;;
*) die "unknown tool $program" ;;
esac

build() {
    CARGO_TARGET_DIR=$1/target "$cargo" install --locked --version "=$version" --no-default-features --features "$features" \
        ${CARGO_JOBS:+--jobs "$CARGO_JOBS"} --root "$1" "$crate"
    rm -rf "$1/target" "$1/.crates.toml" "$1/.crates2.json"
}

key=$(echo "$crate $version $features $("$RUSTC" -vV)" | hash_key)
[ -z "$cached_only" ] || [ -d "$(cache_root)/tool-$program-$key" ] || exit 0
folder=$(cached "tool-$program" "$key" build)
echo "$folder/bin/$program"
