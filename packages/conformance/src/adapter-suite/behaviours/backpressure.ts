import assert from "node:assert/strict";
import { NUMBERS, NUMBER_SIZE } from "../../subject/sources.ts";
import type { Client } from "../../wire/client.ts";
import { named, stretchesOf } from "../../wire/frames.ts";
import type { Server } from "../server.ts";
import { SOON } from "../leavings.ts";
import type { Suite } from "../suite.ts";

const BUFFER = 256 * 1_024;
const SIZE = 16_000;
/** As much as half of the log holds. */
const BATCH = 8;
/** Together 16 MB: more than any transport keeps for a client that reads nothing. */
const BATCHES = 128;
/** How many looks make sure that something has come to rest. */
const LOOKS = 40;

/** A client that stops reading costs a bounded amount of memory, and nobody else anything. */
export function backpressure({ test, wasCut }: Suite): void {
  test("a bare generator is not pulled while its client takes nothing", async (begin) => {
    const server = await begin();
    const client = await server.get(await server.serve({ bare: "numbers" }));
    await client.until("id: 10\n");
    client.pause();
    const before = await atRest(server);
    assert(before < NUMBERS / 2, `${before} events of ${NUMBER_SIZE} characters were asked for.`);
    client.resume();
    await client.until(`id: ${before + 100}\n`);
    client.pause();
    await atRest(server);
    client.cut();
    await server.until(({ runs }) => assert.equal(runs.finished, 1), SOON);
    await server.until(({ closed }) => assert.equal(closed[0]?.reason, "disconnected"));
  });

  test("a client that stalls costs a cursor, and is told exactly what it missed", async (begin) => {
    const server = await begin({ registry: { buffer: { bytes: BUFFER } } });
    const [stalled, other] = await twoClients(server);
    stalled.pause();
    for (let batch = 0; batch < BATCHES; batch++) {
      await push(server, other);
      assert((await server.seen()).gauges.bytes <= BUFFER);
    }
    const last = (await server.info("feed"))?.last ?? 0;
    assert.deepEqual(stretchesOf(other.text), [{ from: 1, to: last, lost: false }]);

    stalled.resume();
    await stalled.untilLast(await lastBlock(server));
    const stretches = stretchesOf(stalled.text);
    const lost = stretches.filter((stretch) => stretch.lost);
    assert(lost.length > 0, "Everything was kept for a client that did not read.");
    // Without a hole, and without an overlap.
    let end = 0;
    for (const { from, to } of stretches) {
      assert.equal(from, end + 1);
      end = to;
    }
    assert.equal(end, last);
    assert(named(stalled.text, "stream.reset")[0]?.data?.includes('"reason":"trimmed"'));
    assert.equal((await server.seen()).resets, lost.length);
  });

  test("a client that stalls for `idleTimeout` is destroyed, and the others go on", async (begin) => {
    const server = await begin({ registry: { buffer: { bytes: BUFFER }, idleTimeout: 300 } });
    const [stalled, other] = await twoClients(server);
    stalled.pause();
    await pushUntilZombie(server, () => push(server, other));
    assert.equal((await server.seen()).gauges.connections, 1);
    stalled.resume();
    await wasCut(stalled);
    await push(server, other);
    assert.equal(other.state, "open");
  });

  test("a client that stalls at the end of its stream is destroyed", async (begin) => {
    const server = await begin({ registry: { buffer: { bytes: 32 << 20 }, idleTimeout: 100 } });
    await server.open("feed");
    const client = await server.get(await server.serve({ stream: "feed" }));
    await client.until("event: stream.live");
    client.pause();
    for (let batch = 0; batch < BATCHES; batch++) await server.pushMany("feed", BATCH, SIZE);
    await server.end("feed");
    await server.until(({ closed }) => assert.equal(closed[0]?.reason, "zombie"));
    client.resume();
    await wasCut(client);
    assert(!client.text.includes("event: stream.end"));
  });

  test("a slow client gets everything that is held", async (begin) => {
    const server = await begin({ registry: { buffer: { bytes: 64 << 20 } } });
    await server.open("feed");
    const client = await server.get(await server.serve({ stream: "feed" }));
    await client.until("event: stream.live");
    for (let round = 0; round < 2; round++) {
      client.pause();
      for (let batch = 0; batch < BATCHES / 4; batch++) await server.pushMany("feed", BATCH, SIZE);
      client.resume();
      await client.untilLast(await lastBlock(server));
    }
    await server.end("feed");
    assert.equal(await client.over(), "ended");
    assert.deepEqual(stretchesOf(client.text), [{ from: 1, to: (BATCHES / 2) * BATCH, lost: false }]);
  });

  test("a bare source that pushes faster than its client reads costs `buffer`, then the connection", async (begin) => {
    const server = await begin();
    const client = await server.get(
      await server.serve({ bare: "flood", options: { buffer: { bytes: BUFFER } } }),
    );
    client.pause();
    const { runs } = await server.until(({ closed }) => assert.equal(closed[0]?.reason, "overflow"));
    assert.deepEqual([runs.aborted, runs.finished], [1, 1]);
    client.resume();
    await wasCut(client);
  });
}

async function twoClients(server: Server): Promise<readonly [Client, Client]> {
  const path = await server.serve({ channel: "feed" });
  const [stalled, other] = [await server.get(path), await server.get(path)];
  await Promise.all([stalled.until("event: stream.live"), other.until("event: stream.live")]);
  return [stalled, other];
}

/** Pushes a batch, and waits until `reader` has it. */
async function push(server: Server, reader: Client): Promise<void> {
  await server.pushMany("feed", BATCH, SIZE);
  await reader.untilLast(await lastBlock(server));
}

async function pushUntilZombie(server: Server, pushOne: () => Promise<void>): Promise<void> {
  const end = performance.now() + 5_000;
  for (;;) {
    const { closed } = await server.seen();
    if (closed.length > 0) return assert.deepEqual(closed[0]?.reason, "zombie");
    assert(performance.now() < end, "A client that reads nothing is not destroyed.");
    await pushOne();
  }
}

async function lastBlock(server: Server): Promise<string> {
  const { epoch, last } = (await server.info("feed")) ?? {};
  return `id: ${epoch}.${last}\ndata: ${"x".repeat(SIZE)}\n\n`;
}

/** How many events a source was asked for, when it is asked for no more. */
async function atRest(server: Server): Promise<number> {
  let pulled = -1;
  for (let looks = 0; looks < LOOKS; looks++) {
    const { runs } = await server.seen();
    if (runs.pulled !== pulled) looks = 0;
    pulled = runs.pulled;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return pulled;
}
