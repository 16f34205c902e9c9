#!/bin/sh
# Prints the Go files given as rows of a table in C: {path, text}.
set -eu
for file; do
    printf '{"wit/%s",\n' "$(basename "$file")"
    sed -e 's/[\\"]/\\&/g' -e 's/^/"/' -e 's/$/\\n"/' "$file"
    printf '},\n'
done
