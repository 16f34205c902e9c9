// What the project needs of the `wasm-tools` command, on the library inside jco's packages, so that nothing has to be compiled:
//   new CORE.wasm -o OUT [--wit DIR [--world W]] [--adapt NAME=FILE | --adapt preview1]   core module to component
//   wit FILE [-o OUT]       the component's world as WIT text
//   parse FILE.wat -o OUT   text to binary, modules and components
//   print FILE [-o OUT]     binary to text
// Run it through component.sh, which finds node and the packages.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const packages = process.env.WASH_NPM_COMPONENT;
if (!packages) throw new Error("component.mjs: run tools/component.sh");
const require = createRequire(join(packages, "package.json"));
const load = (name) => import(pathToFileURL(require.resolve(name)));
const jco = await load("@bytecodealliance/jco-transpile/wasm-tools");

const options = {
  output: { type: "string", short: "o" },
  wit: { type: "string" },
  world: { type: "string" },
  adapt: { type: "string", multiple: true, default: [] },
};

// "preview1" alone is the adapter for libraries: it comes with jco itself, and imports the WASI of that jco's day.
async function readAdapter(spec) {
  if (spec === "preview1") {
    const file = join(process.env.WASH_NPM_JS, "node_modules/@bytecodealliance/jco/lib/wasi_snapshot_preview1.reactor.wasm");
    return ["wasi_snapshot_preview1", new Uint8Array(await readFile(file))];
  }
  const cut = spec.indexOf("=");
  if (cut < 0) throw new Error(`--adapt ${spec}: expected NAME=FILE`);
  return [spec.slice(0, cut), new Uint8Array(await readFile(spec.slice(cut + 1)))];
}

const commands = {
  async new(bytes, flags) {
    const adapters = await Promise.all(flags.adapt.map(readAdapter));
    if (flags.wit) {
      // The library is itself a component and sees no files unless it is given some; WIT folders link to others.
      (await load("@bytecodealliance/preview2-shim/filesystem"))._setPreopens({ "/": "/" });
      bytes = await jco.componentEmbed({ binary: bytes, witPath: resolve(flags.wit), world: flags.world });
    }
    return jco.componentNew(bytes, adapters);
  },
  wit: (bytes) => jco.componentWit(bytes),
  parse: (bytes) => jco.parse(new TextDecoder().decode(bytes)),
  print: (bytes) => jco.print(bytes),
};

async function main() {
  const { values: flags, positionals } = parseArgs({ options, allowPositionals: true });
  const [name, input] = positionals;
  if (!Object.hasOwn(commands, name ?? "") || !input || positionals.length !== 2) {
    throw new Error(`usage: component.sh ${Object.keys(commands).join("|")} FILE [-o OUT] [--wit DIR] [--world W] [--adapt NAME=FILE]`);
  }
  const result = await commands[name](new Uint8Array(await readFile(input)), flags);
  if (flags.output) {
    await mkdir(dirname(resolve(flags.output)), { recursive: true });
    await writeFile(flags.output, result);
  } else if (typeof result === "string") {
    process.stdout.write(result.endsWith("\n") ? result : result + "\n");
  } else {
    throw new Error(`${basename(input)}: a binary result needs -o OUT`);
  }
}

try {
  await main();
} catch (error) {
  console.error(`component: ${error.payload ?? error.message ?? error}`);
  process.exitCode = 1;
}
