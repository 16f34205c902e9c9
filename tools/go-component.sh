#!/bin/sh
# Makes a component of the Go program in this folder: go-component.sh WORLD OUT.wasm
# Bindings come from the folder wit/, into gen/. Nothing else is needed than Go (go.sh) and `wash` (WASH, else build/wash).
set -eu
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/lib.sh"
[ $# -eq 2 ] || die "usage: go-component.sh WORLD OUT.wasm"
pinned_go
wash=${WASH:-$root/build/wash}
[ -x "$wash" ] || die "no $wash: run make"

make_work_folder
rm -rf gen
"$wash" bindgen --guest go wit --world "$1" --out-dir gen >/dev/null
GOOS=wasip1 GOARCH=wasm "$go" vet ./...
GOOS=wasip1 GOARCH=wasm "$go" build -buildmode=c-shared -trimpath -ldflags=-s -o "$work/core.wasm" .
mkdir -p "$(dirname "$2")"
"$wash" component new "$work/core.wasm" --wit wit --world "$1" -o "$2" >/dev/null
