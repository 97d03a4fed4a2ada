import { once } from "node:events";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { createNodeSink, isClosed, watchResponse } from "../src/node-sink.ts";

/** A pipelined response that waits for its turn: only its request has a socket. */
function waitingResponse(): { socket: Socket; res: ServerResponse } {
  const socket = new Socket();
  return { socket, res: new ServerResponse(new IncomingMessage(socket)) };
}

describe("a pipelined response that waits for its turn", () => {
  test("is over when its connection closes, and reports it once", async () => {
    const { socket, res } = waitingResponse();
    const counts = { closed: 0, drained: 0 };
    const watched = watchResponse(res);
    const sink = createNodeSink(
      res,
      watched,
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
    const watched = watchResponse(res);
    expect(watched.signal.aborted).toBe(true);
    let closed = 0;
    const sink = createNodeSink(res, watched, 200, {}, { closed: () => closed++, drained: () => undefined });
    // `closed` must not be called before `createNodeSink` has returned.
    expect(closed).toBe(0);
    await Promise.resolve();
    expect(closed).toBe(1);
    expect(sink.write(new Uint8Array(8))).toBe(false);
    expect(res.headersSent).toBe(false);
  });
});

test("a response removes its listener from the shared socket", () => {
  const { socket, res } = waitingResponse();
  watchResponse(res);
  expect(socket.listenerCount("close")).toBe(1);
  res.emit("close");
  expect(socket.listenerCount("close")).toBe(0);
});
