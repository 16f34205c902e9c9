#!/bin/sh
# conformance.sh WAST SOURCE_ROOT GROUP...: runs the scripts of the Component Model's test suite that stand in the folders GROUP, as TAP.
# They are found in $CONFORMANCE_DIR, or beside the source tree; they are not part of it.
set -u
wast=$1
root=$2
shift 2
dir=${CONFORMANCE_DIR:-$root/../shared/conformance}
[ -d "$dir/component-model" ] && dir=$dir/component-model
if [ ! -d "$dir" ]; then
    echo "1..0 # SKIP there are no conformance scripts in $dir; set CONFORMANCE_DIR"
    exit 0
fi
number=0
status=0
for group in "$@"; do
    for file in "$dir/$group"/*.wast; do
        number=$((number + 1))
        if out=$("$wast" --skip "$root/tests/wast/skip.txt" "$file" 2>&1); then
            echo "ok $number - $group/${file##*/}: ${out##*: }"
        else
            echo "not ok $number - $group/${file##*/}"
            echo "$out" | sed 's/^/# /'
            status=1
        fi
    done
done
echo "1..$number"
exit $status
