#!/bin/sh
# Builds the guests into a folder: build.sh [-o FOLDER] [NAME...]
# All of them unless named; the folder is build/guests unless given. Each guest is a project folder as a user has it, built with
# its own build.command; the files under wat/ are assembled. What was built before from the same sources comes from the cache.
# C and Go guests need `wash` to be built: WASH, else build/wash.
set -eu
guests=$(cd "$(dirname "$0")" && pwd)
tools=$(cd "$guests/../../tools" && pwd)
. "$tools/lib.sh"

# What a guest is made of: its own files, what all guests share, our WIT, and the tools with their pinned versions.
guest_key() {
    {
        find -L "$1" "$guests/kit" "$guests/Cargo.toml" "$guests/Cargo.lock" "$root/wit/wasi" -type d \( -name target -o -name gen \) -prune -o -type f -print0 |
            LC_ALL=C sort -z | xargs -0 cat
        find "$tools" -maxdepth 1 \( -name '*-component.*' -o -name 'component.*' -o -name 'cargo-*.sh' \) -print0 |
            LC_ALL=C sort -z | xargs -0 cat
        ! ls "$1"/*.c "$1"/*.go 2>/dev/null | grep -q . || cat "$root"/src/wit/*.[ch] "$root"/src/component/wrap*.[ch] "$root"/src/cli/*.c
        ! ls "$1"/*.go >/dev/null 2>&1 || cat "$root"/src/wit/go/* "$tools/go.sh"
        cat "$tools"/npm/component/package-lock.json "$tools"/npm/js/package-lock.json "$tools"/python/*.txt
        /usr/bin/rustc -vV
        clang-19 --version
    } | hash_key
}

setting() {
    sed -n "s/^  $2: //p" "$1/.wash/config.yaml"
}

build_project() {
    (cd "$guests/$name" && sh -c "$(setting . command)" && cp "$(setting . component_path)" "$1/$name.wasm")
}

build_text() {
    "$tools/component.sh" parse "$guests/wat/$name.wat" -o "$1/$name.wasm"
}

build_guest() {
    if [ -f "$guests/$name/.wash/config.yaml" ]; then
        folder=$(cached "guest-$name" "$(guest_key "$guests/$name")" build_project)
    elif [ -f "$guests/wat/$name.wat" ]; then
        key=$(cat "$guests/wat/$name.wat" "$tools/component.mjs" "$tools/npm/component/package-lock.json" | hash_key)
        folder=$(cached "guest-$name" "$key" build_text)
    else
        die "no guest named $name"
    fi
    # Renamed into place: a test that has the old file mapped keeps it.
    cp "$folder/$name.wasm" "$out/.$name.wasm.new"
    mv "$out/.$name.wasm.new" "$out/$name.wasm"
}

out=$root/build/guests
if [ "${1:-}" = -o ]; then
    out=${2:?"usage: build.sh [-o FOLDER] [NAME...]"}
    shift 2
fi
mkdir -p "$out"
out=$(cd "$out" && pwd)
if [ $# -eq 0 ]; then
    set -- $(cd "$guests" && ls -d */.wash/config.yaml | cut -d/ -f1) $(cd "$guests/wat" && ls *.wat | sed 's/\.wat$//')
fi
for name; do
    build_guest
done
