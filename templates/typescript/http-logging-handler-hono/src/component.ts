// Logs each request through wasi:logging, at a level that fits the answer.
import { Hono } from "hono";
import { log, type Level } from "wasi:logging/logging@0.1.0-draft";
import { fire } from "@bytecodealliance/jco-std/wasi/0.2.x/http/adapters/hono/server";

const CONTEXT = "http";
const LEVELS: Level[] = ["trace", "debug", "info", "warn", "error", "critical"];

function levelOf(status: number): Level {
  return status >= 500 ? "error" : status >= 400 ? "warn" : "info";
}

const app = new Hono();

app.use(async (c, next) => {
  log("debug", CONTEXT, `${c.req.method} ${c.req.path}`);
  await next();
  log(levelOf(c.res.status), CONTEXT, `${c.req.method} ${c.req.path}: ${c.res.status}`);
});

app.get("/", (c) => c.text("Hello from wasmCloud!\n"));

app.post("/log/:level", async (c) => {
  const level = LEVELS.find((known) => known === c.req.param("level"));
  if (!level) return c.text(`a level is one of: ${LEVELS.join(", ")}\n`, 400);
  log(level, "message", await c.req.text());
  return c.body(null, 204);
});

app.onError((error, c) => {
  log("critical", CONTEXT, error.message);
  return c.text("something went wrong\n", 500);
});

fire(app);

// What the world exports; `fire` gave it the application.
export { incomingHandler } from "@bytecodealliance/jco-std/wasi/0.2.x/http/adapters/hono/server";
