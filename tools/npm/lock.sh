#!/bin/sh
# Writes the lock files beside the package.json files anew, after a version there was changed: lock.sh [FOLDER...]
# Those of the folders given, else of the sets of packages here. They hold versions and checksums; where a package comes from is
# left to the npm client's own settings, and who would like to be paid for it is left out.
set -eu
[ $# -gt 0 ] || set -- "$(dirname "$0")"/*/
for folder; do
    (
        cd "$folder"
        rm -f package-lock.json
        npm install --package-lock-only --ignore-scripts --no-audit --no-fund
        node -e '
            const fs = require("fs");
            const lock = JSON.parse(fs.readFileSync("package-lock.json", "utf8"));
            for (const entry of Object.values(lock.packages)) {
                if (!entry.link) delete entry.resolved;
                delete entry.funding;
            }
            fs.writeFileSync("package-lock.json", JSON.stringify(lock, null, 2) + "\n");'
    )
done
