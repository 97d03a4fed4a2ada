import { connect } from "@holdfast/client";
import { createServer } from "node:http";
import type { Socket } from "node:net";
import { sse } from "@holdfast/node-http";
import { expect, onTestFinished, test } from "vitest";
import { listen } from "@holdfast/conformance";
import { turns } from "../support/turns.ts";
import { watchedRegistry } from "../support/watched-registry.ts";

const BUFFER = 256 * 1_024;
/** A socket's own buffer, and a run of frames behind it. */
const OUTBOX = 256 * 1_024;
const PAD = "x".repeat(4_000);
const BATCH = 16;
/** Twice what the network might hold. */
const FLOOD = 32 << 20;

test("who does not ask for the next message does not have it sent, and is told exactly what it missed", async () => {
  const { registry } = watchedRegistry({ buffer: { bytes: BUFFER } });
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

  const had = new Set<number>();
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
    had.add(Number(id.split(".")[1]));
    if (had.size > 1) continue;
    // The reader is busy with the first one.
    await push(FLOOD);
    const [socket] = sockets as [Socket];
    const written = socket.bytesWritten;
    expect(written).toBeLessThan(FLOOD / 2);
    await push(FLOOD / 8);
    expect(socket.bytesWritten).toBe(written);
    expect(socket.writableNeedDrain).toBe(true);
    expect(socket.writableLength).toBeLessThan(OUTBOX);
    expect(registry.gauges().bytes).toBeLessThanOrEqual(BUFFER);
    await feed.end();
  }
  expect(lost.size).toBeGreaterThan(0);
  expect([...had]).toEqual([...had].toSorted((a, b) => a - b));
  expect(had.size + lost.size).toBe(last);
  expect(had.union(lost)).toEqual(new Set(Array.from({ length: last }, (_, index) => index + 1)));
});
