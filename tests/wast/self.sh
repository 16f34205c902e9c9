#!/bin/sh
# self.sh WAST FOLDER: the runner on scripts of its own, as TAP: what holds passes, and what does not is noticed.
wast=$(realpath "$1")
cd "$2/self" || exit 1
check() { # NUMBER NAME EXPECTED-STATUS EXPECTED-LINE ARGUMENT...
    number=$1 name=$2 status=$3 line=$4
    shift 4
    out=$("$wast" "$@" 2>/dev/null)
    got=$?
    if [ $got = "$status" ] && [ "$out" = "$line" ]; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        echo "# exit status $got: $out"
    fi
}
check 1 "forms that hold" 0 "good.wast: 27 passed, 0 failed" good.wast
check 2 "forms that do not" 1 "bad.wast: 2 passed, 22 failed" bad.wast
skips=$(mktemp)
printf '# a comment\nself/bad.wast:8 some-gate\nbad.wast:9 some-gate\nbad.wast:900 some-gate\nworse.wast:10 some-gate\n' > "$skips"
check 3 "skipped forms" 1 "bad.wast: 2 passed, 21 failed, 1 skipped" --skip "$skips" bad.wast
rm -f "$skips"
check 4 "a file that is not there" 1 "nobody.wast: 0 passed, 1 failed" nobody.wast
echo "1..4"
