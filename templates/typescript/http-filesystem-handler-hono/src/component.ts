// Serves the files of a folder that the host has given, through wasi:filesystem.
import { Hono } from "hono";
import { getDirectories } from "wasi:filesystem/preopens@0.2.12";
import type { Descriptor } from "wasi:filesystem/types@0.2.12";
import { fire } from "@bytecodealliance/jco-std/wasi/0.2.x/http/adapters/hono/server";

const FOLDER = "/files";
const BYTES_AT_ONCE = 65536n;

const TYPES: Record<string, string> = {
  css: "text/css",
  html: "text/html; charset=utf-8",
  js: "text/javascript",
  json: "application/json",
  txt: "text/plain; charset=utf-8",
};

function folder(): Descriptor {
  const found = getDirectories().find(([, path]) => path === FOLDER);
  if (!found) throw new Error(`no folder is mounted at ${FOLDER}`);
  return found[0];
}

function names(): string[] {
  const found: string[] = [];
  const entries = folder().readDirectory();
  for (let entry = entries.readDirectoryEntry(); entry; entry = entries.readDirectoryEntry()) {
    found.push(entry.type === "directory" ? `${entry.name}/` : entry.name);
  }
  return found.sort();
}

// The host keeps every path inside the folder.
function read(path: string): Uint8Array<ArrayBuffer> {
  const file = folder().openAt({ symlinkFollow: true }, path, {}, { read: true });
  const parts: Uint8Array[] = [];
  let length = 0;
  for (let end = false; !end; ) {
    const [part, isEnd] = file.read(BYTES_AT_ONCE, BigInt(length));
    parts.push(part);
    length += part.length;
    end = isEnd || part.length === 0;
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const app = new Hono();

app.get("/", (c) => c.json(names()));

app.get("/*", (c) => {
  const path = decodeURIComponent(c.req.path.slice(1));
  const type = TYPES[path.split(".").pop() ?? ""] ?? "application/octet-stream";
  try {
    return c.body(read(path), 200, { "content-type": type });
  } catch (error) {
    // An error of the interface is thrown with its code in `payload`; it is no Error, so that Hono's own handler would pass it on.
    const code = (error as { payload?: unknown }).payload;
    const status = code === "no-entry" ? 404 : code === "not-permitted" || code === "access" ? 403 : 500;
    return c.text(`${code ?? error}\n`, status);
  }
});

fire(app);

// What the world exports; `fire` gave it the application.
export { incomingHandler } from "@bytecodealliance/jco-std/wasi/0.2.x/http/adapters/hono/server";
