#!/bin/sh
# For the build: makes a key pair and an update_config.c with it: update_config.sh SIGN-RELEASE.SH INPUT.c.in OUTPUT.c OUTPUT.pem
set -eu
rm -f "$4"
key=$("$1" key "$4")
sed -e "s|@update_repository@|owner/wash|; s|@update_api_url@|https://127.0.0.1:1|; s|@update_key@|$key|; s|@update_asset@|wash-test-machine|" "$2" >"$3"
