import { Hono } from "hono";
import { fire } from "@bytecodealliance/jco-std/wasi/0.2.x/http/adapters/hono/server";

const app = new Hono();

app.get("/", (c) => {
  return c.text("Hello from TypeScript!\n");
});
app.notFound((c) => c.text("Not found\n", 404));

fire(app);

// What the world exports; `fire` gave it the application.
export { incomingHandler } from "@bytecodealliance/jco-std/wasi/0.2.x/http/adapters/hono/server";
