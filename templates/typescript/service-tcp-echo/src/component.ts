// Hands the text of POST /count to the service, line by line, and answers how many words it has.
import { Hono } from "hono";
import type { InputStream, OutputStream } from "wasi:io/streams@0.2.12";
import { instanceNetwork } from "wasi:sockets/instance-network@0.2.12";
import type { TcpSocket } from "wasi:sockets/tcp@0.2.12";
import { createTcpSocket } from "wasi:sockets/tcp-create-socket@0.2.12";
import { fire } from "@bytecodealliance/jco-std/wasi/0.2.x/http/adapters/hono/server";

const PORT = 7878;
const TEXT_MAX = 4000;

// Both ends of a connection, once there is one.
function connected(socket: TcpSocket): [InputStream, OutputStream] {
  for (;;) {
    try {
      return socket.finishConnect();
    } catch (error) {
      // An error of an interface is thrown with what it is in `payload`.
      if ((error as { payload?: unknown }).payload !== "would-block") throw error;
      socket.subscribe().block();
    }
  }
}

function ask(line: string): string {
  const socket = createTcpSocket("ipv4");
  socket.startConnect(instanceNetwork(), { tag: "ipv4", val: { port: PORT, address: [127, 0, 0, 1] } });
  const [input, output] = connected(socket);
  output.blockingWriteAndFlush(new TextEncoder().encode(`${line}\n`));
  let answer = "";
  while (!answer.endsWith("\n")) {
    answer += new TextDecoder().decode(input.blockingRead(64n));
  }
  // Children go before what they are children of.
  for (const resource of [input, output, socket]) resource[Symbol.dispose]();
  return answer.trim();
}

const app = new Hono();

// An error of an interface is thrown with what it is in `payload`. It is no Error, so that app.onError would not see it.
app.use(async (c, next) => {
  try {
    await next();
  } catch (error) {
    const what = (error as { payload?: unknown }).payload ?? error;
    return c.json({ error: String(what) }, 502);
  }
});

app.post("/count", async (c) => {
  const text = (await c.req.text()).replaceAll("\n", " ");
  if (new TextEncoder().encode(text).length > TEXT_MAX) {
    return c.json({ error: `at most ${TEXT_MAX} bytes` }, 413);
  }
  return c.json({ words: Number(ask(text)) });
});

fire(app);

// What the world exports; `fire` gave it the application.
export { incomingHandler } from "@bytecodealliance/jco-std/wasi/0.2.x/http/adapters/hono/server";
