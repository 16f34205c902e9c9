// A small HTTP API with Hono: notes kept for as long as this instance lives, with the middleware that most services want.
import { Hono } from "hono";
import { cors } from "hono/cors";
import { requestId } from "hono/request-id";
import { fire } from "@bytecodealliance/jco-std/wasi/0.2.x/http/adapters/hono/server";

interface Note {
  id: string;
  text: string;
}

const notes = new Map<string, Note>();
let lastId = 0;

const app = new Hono();

app.use(cors());
app.use(requestId({ generator: () => Math.random().toString(36).slice(2) }));
app.use(async (c, next) => {
  const start = Date.now();
  await next();
  const ms = Date.now() - start;
  c.header("server-timing", `handler;dur=${ms}`);
  console.log(`${c.get("requestId")} ${c.req.method} ${c.req.path} ${c.res.status} ${ms} ms`);
});

app.get("/", (c) => c.text("Hello from wasmCloud!\n"));

app.get("/notes", (c) => c.json([...notes.values()]));

app.post("/notes", async (c) => {
  const body: unknown = await c.req.json().catch(() => undefined);
  const text = (body as Partial<Note> | undefined)?.text;
  if (typeof text !== "string" || text === "") {
    return c.json({ error: "a note is {\"text\": \"...\"}" }, 400);
  }
  const note = { id: String(++lastId), text };
  notes.set(note.id, note);
  return c.json(note, 201);
});

app.get("/notes/:id", (c) => {
  const note = notes.get(c.req.param("id"));
  return note ? c.json(note) : c.json({ error: "no such note" }, 404);
});

app.delete("/notes/:id", (c) => {
  return notes.delete(c.req.param("id")) ? c.body(null, 204) : c.json({ error: "no such note" }, 404);
});

app.notFound((c) => c.json({ error: `nothing at ${c.req.path}` }, 404));
app.onError((error, c) => c.json({ error: error.message }, 500));

fire(app);

// What the world exports; `fire` gave it the application.
export { incomingHandler } from "@bytecodealliance/jco-std/wasi/0.2.x/http/adapters/hono/server";
