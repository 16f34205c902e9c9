// Values under keys over HTTP, and counters, kept in wasi:keyvalue.
import { Hono } from "hono";
import { increment } from "wasi:keyvalue/atomics@0.2.0-draft";
import { open } from "wasi:keyvalue/store@0.2.0-draft";
import { fire } from "@bytecodealliance/jco-std/wasi/0.2.x/http/adapters/hono/server";

const BUCKET = "default";

function keys(): string[] {
  const bucket = open(BUCKET);
  const found: string[] = [];
  let cursor: bigint | undefined;
  do {
    const part = bucket.listKeys(cursor);
    found.push(...part.keys);
    cursor = part.cursor;
  } while (cursor !== undefined);
  return found;
}

const app = new Hono();

// An error of an interface is thrown with what it is in `payload`. It is no Error, so that app.onError would not see it.
app.use(async (c, next) => {
  try {
    await next();
  } catch (error) {
    const what = (error as { payload?: unknown }).payload ?? error;
    return c.text(`${JSON.stringify(what)}\n`, 502);
  }
});

app.get("/", (c) => c.json(keys()));

app.get("/:key", (c) => {
  const value = open(BUCKET).get(c.req.param("key"));
  return value ? c.body(new Uint8Array(value)) : c.text("no such key\n", 404);
});

app.put("/:key", async (c) => {
  open(BUCKET).set(c.req.param("key"), new Uint8Array(await c.req.arrayBuffer()));
  return c.body(null, 204);
});

app.delete("/:key", (c) => {
  open(BUCKET).delete(c.req.param("key"));
  return c.body(null, 204);
});

app.post("/:key/increment", (c) => c.json({ value: Number(increment(open(BUCKET), c.req.param("key"), 1n)) }));

fire(app);

// What the world exports; `fire` gave it the application.
export { incomingHandler } from "@bytecodealliance/jco-std/wasi/0.2.x/http/adapters/hono/server";
