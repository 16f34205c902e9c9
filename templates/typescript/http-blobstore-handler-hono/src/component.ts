// Files over HTTP, kept in wasi:blobstore.
import { Hono } from "hono";
import { containerExists, createContainer, getContainer } from "wasi:blobstore/blobstore@0.2.0-draft";
import type { Container } from "wasi:blobstore/container@0.2.0-draft";
import { IncomingValue, OutgoingValue } from "wasi:blobstore/types@0.2.0-draft";
import { fire } from "@bytecodealliance/jco-std/wasi/0.2.x/http/adapters/hono/server";

const CONTAINER = "files";
const NAMES_AT_ONCE = 100n;
const BYTES_AT_ONCE = 4096;

function files(): Container {
  return containerExists(CONTAINER) ? getContainer(CONTAINER) : createContainer(CONTAINER);
}

function names(): string[] {
  const found: string[] = [];
  const listed = files().listObjects();
  for (let end = false; !end; ) {
    const [part, isEnd] = listed.readStreamObjectNames(NAMES_AT_ONCE);
    found.push(...part);
    end = isEnd || part.length === 0;
  }
  return found;
}

function write(name: string, data: Uint8Array): void {
  const value = OutgoingValue.newOutgoingValue();
  files().writeData(name, value);
  const stream = value.outgoingValueWriteBody();
  for (let at = 0; at < data.length; at += BYTES_AT_ONCE) {
    stream.blockingWriteAndFlush(data.slice(at, at + BYTES_AT_ONCE));
  }
  // The stream belongs to the value, and goes before it.
  stream[Symbol.dispose]();
  OutgoingValue.finish(value);
}

function read(name: string): Uint8Array {
  const { size } = files().objectInfo(name);
  if (size === 0n) return new Uint8Array();
  return IncomingValue.incomingValueConsumeSync(files().getData(name, 0n, size - 1n));
}

const app = new Hono();

// An error of an interface is thrown with what it is in `payload`. It is no Error, so that app.onError would not see it.
app.use(async (c, next) => {
  try {
    await next();
  } catch (error) {
    const what = (error as { payload?: unknown }).payload ?? error;
    return c.text(`${what}\n`, 502);
  }
});

app.get("/", (c) => c.json(names()));

app.get("/:name", (c) => {
  const name = c.req.param("name");
  return files().hasObject(name) ? c.body(new Uint8Array(read(name))) : c.text("no such file\n", 404);
});

app.put("/:name", async (c) => {
  write(c.req.param("name"), new Uint8Array(await c.req.arrayBuffer()));
  return c.body(null, 204);
});

app.delete("/:name", (c) => {
  files().deleteObject(c.req.param("name"));
  return c.body(null, 204);
});

fire(app);

// What the world exports; `fire` gave it the application.
export { incomingHandler } from "@bytecodealliance/jco-std/wasi/0.2.x/http/adapters/hono/server";
