// POST /task hands the payload to the worker that is named, and answers what the worker does.
import { Hono } from "hono";
import { request } from "wasmcloud:messaging/consumer@0.2.0";
import { fire } from "@bytecodealliance/jco-std/wasi/0.2.x/http/adapters/hono/server";

const TIMEOUT_MS = 5000;
// One token of a subject: dots and wildcards would make it another.
const WORKER = /^[a-z0-9-]+$/;

interface Task {
  worker: string;
  payload: string;
}

function isTask(value: unknown): value is Task {
  const { worker, payload } = (value ?? {}) as Partial<Task>;
  return typeof worker === "string" && WORKER.test(worker) && typeof payload === "string";
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

app.post("/task", async (c) => {
  const task: unknown = await c.req.json().catch(() => undefined);
  if (!isTask(task)) {
    return c.text('POST {"worker": "leet", "payload": "..."}\n', 400);
  }
  const answer = request(`tasks.${task.worker}`, new TextEncoder().encode(task.payload), TIMEOUT_MS);
  return c.text(new TextDecoder().decode(answer.body));
});

fire(app);

// What the world exports; `fire` gave it the application.
export { incomingHandler } from "@bytecodealliance/jco-std/wasi/0.2.x/http/adapters/hono/server";
