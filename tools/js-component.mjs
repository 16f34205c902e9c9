// The part of js-component.sh that runs in node: js-component.mjs SOURCE.js WIT-FOLDER WORLD OUT.wasm
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

// The package has no entry that require.resolve would find.
const library = join(process.env.WASH_NPM_JS, "node_modules/@bytecodealliance/componentize-js/src/componentize.js");
const { componentize } = await import(pathToFileURL(library));

const [sourcePath, witPath, worldName, output] = process.argv.slice(2);
const { component } = await componentize({ sourcePath: resolve(sourcePath), witPath: resolve(witPath), worldName });
await mkdir(dirname(resolve(output)), { recursive: true });
await writeFile(output, component);
