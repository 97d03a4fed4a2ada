import { once } from "node:events";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { createNodeSink, isGone, watch } from "../src/node-sink.ts";

/** A pipelined response whose turn has not come: it has no socket, only its request does. */
function queued(): { socket: Socket; res: ServerResponse } {
  const socket = new Socket();
  return { socket, res: new ServerResponse(new IncomingMessage(socket)) };
}

describe("a pipelined response whose turn never comes", () => {
  test("is over when its connection closes, once", async () => {
    const { socket, res } = queued();
    const counts = { closed: 0, drained: 0 };
    const watched = watch(res);
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
    expect(isGone(res)).toBe(false);
    expect(sink.write(new Uint8Array(8))).toBe(true);
    socket.destroy();
    await once(socket, "close");
    expect(isGone(res)).toBe(true);
    expect(watched.signal.aborted).toBe(true);
    expect(sink.write(new Uint8Array(8))).toBe(false);
    // Newer Node tells the response as well.
    res.emit("close");
    sink.close();
    sink.destroy();
    expect(counts).toEqual({ closed: 1, drained: 0 });
  });

  test("whose connection is closed already is over from the beginning", async () => {
    const { socket, res } = queued();
    socket.destroy();
    await once(socket, "close");
    const watched = watch(res);
    expect(watched.signal.aborted).toBe(true);
    let closed = 0;
    const sink = createNodeSink(res, watched, 200, {}, { closed: () => closed++, drained: () => undefined });
    // Not before the sink is there.
    expect(closed).toBe(0);
    await Promise.resolve();
    expect(closed).toBe(1);
    expect(sink.write(new Uint8Array(8))).toBe(false);
    expect(res.headersSent).toBe(false);
  });
});

test("a response leaves nothing behind at the socket it shares", () => {
  const { socket, res } = queued();
  watch(res);
  expect(socket.listenerCount("close")).toBe(1);
  res.emit("close");
  expect(socket.listenerCount("close")).toBe(0);
});
