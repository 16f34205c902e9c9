# Shared by the project's scripts, which set `tools` to this folder and source it. Everything that takes long to make is made once
# and kept in the build cache, in a folder whose name ends in a hash of what went in: a changed input makes a new folder beside the
# old one, a removed cache is made again. A folder is filled under another name and then renamed, so one that is there is whole.

root=$(cd "$tools/.." && pwd)

die() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

# Prints the folder that holds the cache; the build folder stands in where the user's own cache cannot be written.
cache_root() {
    cache_dir=${WASH_BUILD_CACHE:-${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/wash-build}
    if ! mkdir -p "$cache_dir" 2>/dev/null || ! [ -w "$cache_dir" ]; then
        cache_dir=$root/build/cache
        mkdir -p "$cache_dir"
    fi
    echo "$cache_dir"
}

# Reads everything that goes into a thing on standard input, prints the hash that names it.
hash_key() {
    sha256sum | cut -c1-16
}

# cached NAME KEY BUILDER: prints the cache's folder NAME-KEY. If it is not there, runs the function BUILDER with a new empty
# folder to fill; what BUILDER prints goes to standard error. Two at once: the second waits for the first.
cached() {
    cached_out=$(cache_root)/$1-$2
    if ! [ -d "$cached_out" ]; then
        (
            flock 9
            [ -d "$cached_out" ] && exit 0
            cached_new=$(mktemp -d "$cached_out.XXXXXX")
            trap 'rm -rf "$cached_new"' EXIT
            trap 'exit 1' HUP INT TERM
            chmod 755 "$cached_new"
            # With -e in force inside the builder as well: no "if" or "&&" around this call.
            "$3" "$cached_new" >&2 9>&-
            mv -T "$cached_new" "$cached_out"
        ) 9>"$(dirname "$cached_out")/$1.lock"
        [ -d "$cached_out" ] || die "$1 could not be built"
    fi
    echo "$cached_out"
}

# Makes a folder of the script's own, $work, which is gone when the script ends, however that comes about.
make_work_folder() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' HUP INT TERM
}

# The packaged Rust, whatever else is first in PATH, and none of the caller's settings for other builds.
packaged_rust() {
    cargo=${WASH_CARGO:-/usr/bin/cargo}
    RUSTC=${WASH_RUSTC:-/usr/bin/rustc}
    export RUSTC
    unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET CARGO_TARGET_DIR CARGO_BUILD_RUSTFLAGS RUSTC_WRAPPER \
        RUSTDOCFLAGS CARGO_BUILD_RUSTC_WRAPPER CARGO_MAKEFLAGS
    [ -x "$cargo" ] && [ -x "$RUSTC" ] || die "no $cargo or $RUSTC: run tools/setup.sh"
}

# The Go of go.sh as $go, whatever else is first in PATH, with what it compiles in the build cache, and none of the caller's settings
# but for the target.
pinned_go() {
    go=$("$tools/go.sh")
    unset GOROOT GOFLAGS GOEXPERIMENT GOWASM GO111MODULE
    GOTOOLCHAIN=local GOENV=off GOWORK=off GOPATH=$(cache_root)/go-path GOCACHE=$(cache_root)/go-build
    export GOTOOLCHAIN GOENV GOWORK GOPATH GOCACHE
}

# pip_packages NAME: prints the folder that holds the Python packages of python/NAME.txt, at the versions and checksums given there.
pip_packages() {
    pip_list=$tools/python/$1.txt
    pip_key=$({ cat "$pip_list"; /usr/bin/python3 --version; uname -m; } | hash_key)
    cached "python-$1" "$pip_key" pip_install
}

pip_install() {
    /usr/bin/python3 -m pip --version >/dev/null 2>&1 || die "no pip for /usr/bin/python3: run tools/setup.sh"
    /usr/bin/python3 -m pip install --quiet --disable-pip-version-check --no-warn-script-location --root-user-action=ignore \
        --require-hashes --only-binary :all: --target "$1" -r "$pip_list"
}
