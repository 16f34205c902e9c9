#!/bin/sh
# Builds the fuzz targets in tests/fuzz with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer and runs each:
#   fuzz.sh SECONDS [TARGET...]
# What a run finds new grows build-fuzz/corpus/TARGET; an input that breaks something is left in build-fuzz and named.
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/lib.sh"
seconds=${1:?"usage: fuzz.sh SECONDS [TARGET...]"}
shift
build=build-fuzz # below $root: a name without spaces, whatever that has
sanitize="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
cd "$root"

# gcc's warnings are the project's; another compiler's must not stop it here.
[ -f "$build/build.ninja" ] || CC=clang-19 meson setup "$build" -Dwerror=false -Dbuildtype=debugoptimized -Db_lundef=false \
    -Dc_args="$sanitize -fsanitize=fuzzer-no-link" -Dc_link_args="$sanitize" >&2
ninja -C "$build" build.ninja >&2 # the list of targets is that of the build files as they are now
# shellcheck disable=SC2046
ninja -C "$build" $(ninja -C "$build" -t targets all | sed -n 's/^\([^:]*\.a\):.*/\1/p') >&2

build_target() {
    # shellcheck disable=SC2046
    clang-19 -g -O1 $sanitize -fsanitize=fuzzer -std=gnu11 -D_GNU_SOURCE -include base/banned.h -Isrc -Iinclude -Itests -Itests/fuzz \
        -I"$wasmtime/include" $(find "$build" -name '*.h' -printf '-I%h\n' | sort -u) "tests/fuzz/$1.c" \
        -Wl,--start-group $(find "$build" -name 'lib*.a') -Wl,--end-group "$wasmtime/lib/libwasmtime.a" \
        $(pkg-config --libs jansson yaml-0.1 libcrypto) -lpthread -lm -ldl -o "$build/fuzz-$1"
}

run_target() {
    mkdir -p "$build/corpus/$1"
    # UndefinedBehaviorSanitizer's own reports are turned into ends by the flag above; the rest is time and size.
    "$build/fuzz-$1" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -max_len=65536 -print_final_stats=1 \
        -artifact_prefix="$build/$1-" "$build/corpus/$1" "tests/fuzz/seeds/$1"
}

wasmtime=$("$root/third_party/wasmtime/build.sh")
[ $# -gt 0 ] || set -- $(cd tests/fuzz && ls *.c | sed 's/\.c$//')
failed=
for target; do
    build_target "$target"
    run_target "$target" || failed="$failed $target"
done
[ -z "$failed" ] || die "failed:$failed"
echo "fuzz: $* ran $seconds s each, nothing found"
