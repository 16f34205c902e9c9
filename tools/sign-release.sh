#!/bin/sh
# What `wash update` needs of a release: a manifest of its files, signed.
#   sign-release.sh key KEY.pem                      makes a private key unless it is there, prints the public one (-Dupdate_key=...)
#   sign-release.sh sign KEY.pem VERSION FILE...     writes wash-manifest.json and wash-manifest.json.sig here
# Keep the private key away from where releases are built and served. The files and the two written go into the release together;
# the executables are named wash-<cpu>-unknown-linux-<libc>, as `wash` was built to look for them.
set -eu

die() {
    echo "sign-release.sh: $*" >&2
    exit 1
}

usage() {
    die "usage: sign-release.sh key KEY.pem | sign KEY.pem VERSION FILE..."
}

# The last 32 bytes of the standard form are the key itself.
public_key() {
    openssl pkey -in "$1" -pubout -outform DER | tail -c 32 | openssl base64 -A
    echo
}

check_word() {
    case $1 in
    '' | *[!A-Za-z0-9._+-]*) die "\"$1\" cannot be in a manifest" ;;
    esac
}

manifest() {
    version=$1
    shift
    printf '{\n  "product": "wash",\n  "version": "%s",\n  "files": [' "$version"
    separator=
    for file; do
        size=$(wc -c <"$file")
        hash=$(sha256sum <"$file" | cut -d' ' -f1)
        printf '%s\n    {"name": "%s", "size": %d, "sha256": "%s"}' "$separator" "$(basename "$file")" "$size" "$hash"
        separator=,
    done
    printf '\n  ]\n}\n'
}

[ $# -ge 2 ] || usage
command=$1 key=$2
shift 2
case $command in
key)
    [ $# -eq 0 ] || usage
    [ -e "$key" ] || (umask 077 && openssl genpkey -algorithm ed25519 -out "$key")
    public_key "$key"
    ;;
sign)
    [ $# -ge 2 ] || usage
    version=$1
    shift
    check_word "$version"
    for file; do
        check_word "$(basename "$file")"
        [ -f "$file" ] || die "no file $file"
    done
    manifest "$version" "$@" >wash-manifest.json
    openssl pkeyutl -sign -rawin -inkey "$key" -in wash-manifest.json -out wash-manifest.json.sig
    ;;
*)
    usage
    ;;
esac
