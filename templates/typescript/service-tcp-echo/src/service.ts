// Answers each line of each connection with the number of its words.
import { poll, type Pollable } from "wasi:io/poll@0.2.12";
import type { InputStream, OutputStream } from "wasi:io/streams@0.2.12";
import { instanceNetwork } from "wasi:sockets/instance-network@0.2.12";
import type { TcpSocket } from "wasi:sockets/tcp@0.2.12";
import { createTcpSocket } from "wasi:sockets/tcp-create-socket@0.2.12";

const PORT = 7878;
const READ_MAX = 4096n;
const LINE_MAX = 65536;

interface Connection {
  socket: TcpSocket;
  input: InputStream;
  output: OutputStream;
  ready: Pollable;
  line: string;
  decoder: TextDecoder;
}

// An error of an interface is thrown with what it is in `payload`.
function wouldBlock(error: unknown): boolean {
  return (error as { payload?: unknown }).payload === "would-block";
}

// Calls `finish` until what was started is done.
function wait<T>(socket: TcpSocket, finish: () => T): T {
  for (;;) {
    try {
      return finish();
    } catch (error) {
      if (!wouldBlock(error)) throw error;
      socket.subscribe().block();
    }
  }
}

function listen(): TcpSocket {
  const socket = createTcpSocket("ipv4");
  socket.startBind(instanceNetwork(), { tag: "ipv4", val: { port: PORT, address: [127, 0, 0, 1] } });
  wait(socket, () => socket.finishBind());
  socket.startListen();
  wait(socket, () => socket.finishListen());
  return socket;
}

function accept(listener: TcpSocket): Connection | undefined {
  try {
    const [socket, input, output] = listener.accept();
    return { socket, input, output, ready: input.subscribe(), line: "", decoder: new TextDecoder() };
  } catch (error) {
    if (!wouldBlock(error)) console.error("accept:", error);
    return undefined;
  }
}

function words(line: string): number {
  return line.trim().split(/\s+/).filter(Boolean).length;
}

// What is there to read; false when the connection has ended.
function serve(connection: Connection): boolean {
  try {
    connection.line += connection.decoder.decode(connection.input.read(READ_MAX), { stream: true });
    const lines = connection.line.split("\n");
    connection.line = lines.pop() ?? "";
    for (const line of lines) {
      connection.output.blockingWriteAndFlush(new TextEncoder().encode(`${words(line)}\n`));
    }
    return connection.line.length <= LINE_MAX;
  } catch {
    return false;
  }
}

// Children go before what they are children of.
function close({ ready, input, output, socket }: Connection): void {
  for (const resource of [ready, input, output, socket]) resource[Symbol.dispose]();
}

export const run = {
  run(): void {
    const listener = listen();
    const incoming = listener.subscribe();
    let connections: Connection[] = [];
    console.log(`listening on 127.0.0.1:${PORT}`);
    for (;;) {
      const ready = new Set(poll([incoming, ...connections.map((connection) => connection.ready)]));
      const ended = connections.filter((connection, index) => ready.has(index + 1) && !serve(connection));
      ended.forEach(close);
      connections = connections.filter((connection) => !ended.includes(connection));
      const connection = ready.has(0) ? accept(listener) : undefined;
      if (connection) connections.push(connection);
    }
  },
};
