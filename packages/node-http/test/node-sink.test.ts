import { once } from "node:events";
import { createServer, IncomingMessage, ServerResponse } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, connect, Socket } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { isClosed } from "../src/node-response.ts";
import { NodeSink } from "../src/node-sink.ts";

/** A pipelined response that waits for its turn: only its request has a socket. */
function waitingResponse(): { socket: Socket; res: ServerResponse } {
  const socket = new Socket();
  return { socket, res: new ServerResponse(new IncomingMessage(socket)) };
}

describe("a pipelined response that waits for its turn", () => {
  test("is over when its connection closes, and reports it once", async () => {
    const { socket, res } = waitingResponse();
    const counts = { closed: 0, drained: 0 };
    const watched = new NodeSink(res);
    const sink = watched.begin(
      200,
      {},
      {
        closed: () => counts.closed++,
        drained: () => counts.drained++,
      },
    );
    expect(isClosed(res)).toBe(false);
    expect(sink.write(new Uint8Array(8))).toBe(true);
    socket.destroy();
    await once(socket, "close");
    expect(isClosed(res)).toBe(true);
    expect(watched.signal.aborted).toBe(true);
    expect(sink.write(new Uint8Array(8))).toBe(false);
    // Newer versions of Node emit `close` on the response too.
    res.emit("close");
    sink.close();
    sink.destroy();
    expect(counts).toEqual({ closed: 1, drained: 0 });
  });

  test("is over from the beginning if its connection is already closed", async () => {
    const { socket, res } = waitingResponse();
    socket.destroy();
    await once(socket, "close");
    const watched = new NodeSink(res);
    expect(watched.signal.aborted).toBe(true);
    let closed = 0;
    const sink = watched.begin(200, {}, { closed: () => closed++, drained: () => undefined });
    // `closed` must not be called before `begin` has returned.
    expect(closed).toBe(0);
    await Promise.resolve();
    expect(closed).toBe(1);
    expect(sink.write(new Uint8Array(8))).toBe(false);
    expect(res.headersSent).toBe(false);
  });
});

test("a pipelined response is ready when its turn comes, and can then be cut", async () => {
  const served: ServerResponse[] = [];
  const serveSecond = async (res: ServerResponse): Promise<void> => {
    const watched = new NodeSink(res);
    let isReady = false;
    const ready = watched.ready?.then(() => (isReady = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isReady).toBe(false);
    served[0]?.end("first");
    await ready;
    expect(watched.signal.aborted).toBe(false);
    const sink = watched.begin(200, {}, { closed: () => undefined, drained: () => undefined });
    sink.write(Buffer.from("second"));
    sink.cut(new Error("drained"));
    expect(sink.write(Buffer.from("late"))).toBe(false);
  };
  const server = createServer((req, res) => {
    served.push(res);
    if (req.url === "/second") void serveSecond(res);
    else expect(new NodeSink(res).ready).toBeUndefined();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const request = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;
  socket.write(request("/first") + request("/second"));
  // Rejects if the connection is reset.
  const received = await text(socket);
  expect(received).toContain("first");
  expect(received.endsWith("\r\n\r\n6\r\nsecond\r\n")).toBe(true);
});

test("a pipelined response removes its listener from the shared socket", () => {
  const { socket, res } = waitingResponse();
  new NodeSink(res);
  expect(socket.listenerCount("close")).toBe(1);
  res.emit("close");
  expect(socket.listenerCount("close")).toBe(0);
});

test("the signal of a request aborts when its client disconnects, and not at an ordinary end", async () => {
  const signals: AbortSignal[] = [];
  const server = createServer((req, res) => {
    const watched = new NodeSink(res);
    signals.push(watched.signal);
    const sink = watched.begin(200, {}, { closed: () => undefined, drained: () => undefined });
    sink.write(new Uint8Array(8));
    if (req.url === "/end") sink.close();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await (await fetch(`${url}/end`)).arrayBuffer();
  const client = new AbortController();
  await fetch(`${url}/open`, { signal: client.signal });
  const aborted = once(signals[1] as AbortSignal, "abort");
  client.abort();
  await aborted;
  expect(signals[0]?.aborted).toBe(false);
  server.close();
  server.closeAllConnections();
});

test("over HTTP/2 the signal has aborted if the client disconnected before", async () => {
  const watched = Promise.withResolvers<boolean>();
  const server = createHttp2Server((_req, res) => {
    res.stream.once("close", () => watched.resolve(new NodeSink(res).signal.aborted));
    request.close();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const request = client.request();
  request.on("error", () => undefined);
  expect(await watched.promise).toBe(true);
  client.destroy();
  server.close();
});
