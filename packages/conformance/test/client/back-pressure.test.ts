import { connect } from "@holdfast/client";
import { createServer } from "node:http";
import type { Socket } from "node:net";
import { sse } from "@holdfast/node-http";
import { expect, onTestFinished, test } from "vitest";
import { listen } from "@holdfast/conformance";
import { turns } from "../support/turns.ts";
import { testRegistry } from "../support/test-registry.ts";

// Covers packages/client/src over real HTTP: how fast it reads.

const BUFFER = 256 * 1_024;
/** The buffer of a socket, and one run of frames. */
const SOCKET_BUFFER = 256 * 1_024;
const PAD = "x".repeat(4_000);
const BATCH = 16;
/** Twice what the network may buffer. */
const FLOOD = 32 << 20;

test("a client whose reader does not ask for the next event is sent no more, and learns exactly what it missed", async () => {
  const { registry } = testRegistry({ buffer: { bytes: BUFFER }, idleTimeout: 3_600_000 });
  const feed = await registry.open("feed");
  let last = 0;
  async function push(bytes: number): Promise<void> {
    for (let pushed = 0; pushed < bytes; pushed += PAD.length) {
      feed.push({ data: PAD });
      if (++last % BATCH === 0) await turns(3);
    }
  }
  const server = createServer((req, res) => void sse(req, res, feed));
  const sockets: Socket[] = [];
  server.on("connection", (socket: Socket) => sockets.push(socket));
  const { port, close } = await listen(server);
  onTestFinished(close);

  const received = new Set<number>();
  const lost = new Set<number>();
  const connection = connect(`http://127.0.0.1:${port}/`, {
    onReset({ lost: range }) {
      const [from, to] = range ?? [0, 0];
      for (let number = from; number <= to; number++) lost.add(number);
    },
  });
  onTestFinished(connection.close);
  await push(1);
  for await (const { id } of connection) {
    received.add(Number(id.split(".")[1]));
    if (received.size > 1) continue;
    // The reader is still busy with the first event.
    await push(FLOOD);
    const [socket] = sockets as [Socket];
    const written = socket.bytesWritten;
    expect(written).toBeLessThan(FLOOD / 2);
    await push(FLOOD / 8);
    expect(socket.bytesWritten).toBe(written);
    expect(socket.writableNeedDrain).toBe(true);
    expect(socket.writableLength).toBeLessThan(SOCKET_BUFFER);
    expect(registry.gauges().bytes).toBeLessThanOrEqual(BUFFER);
    await feed.end();
  }
  expect(lost.size).toBeGreaterThan(0);
  expect([...received]).toEqual([...received].toSorted((a, b) => a - b));
  expect(received.size + lost.size).toBe(last);
  expect(received.union(lost)).toEqual(new Set(Array.from({ length: last }, (_, index) => index + 1)));
});
