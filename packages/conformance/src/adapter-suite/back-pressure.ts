import assert from "node:assert/strict";
import { EVENT_COUNT, EVENT_SIZE } from "../subject/bare-sources.ts";
import type { Client } from "../wire/client.ts";
import { framesNamed, eventRanges } from "../wire/frames.ts";
import { eventually } from "../harness/eventually.ts";
import type { RemoteServer } from "../harness/remote-server.ts";
import type { Suite } from "../harness/suite.ts";

const BUFFER = 256 * 1_024;
const SIZE = 16_000;
/** Events in a batch: half of the retention. */
const BATCH = 8;
/** Together 16 MB: more than any transport buffers for a client that does not read. */
const BATCHES = 128;
/** An `idleTimeout` that never expires in a test, in ms. */
const NO_TIMEOUT = 3_600_000;
/** The `idleTimeout` of a client that reads slowly, in ms, and a large event that it reads in parts. */
const IDLE_TIMEOUT = 90_000;
const LARGE_EVENT = 32 << 20;
/** How much it reads at a time: kernels report progress only when a good part of their buffers is free. */
const READ = 3 << 20;
/** Consecutive checks without a pull after which the source counts as paused. */
const CHECKS = 40;

/** A client that stops reading costs a bounded amount of memory, and does not slow down the others. */
export function backPressure({ test, has, assertCut }: Suite): void {
  test("stops pulling a bare generator while its client does not read", async (start) => {
    const server = await start();
    const client = await server.get(await server.serve({ bare: "numbers" }));
    await client.until("id: 10\n");
    client.pause();
    const before = await pulledAtRest(server);
    assert(before < EVENT_COUNT / 2, `${before} events of ${EVENT_SIZE} characters were pulled.`);
    client.resume();
    await client.until(`id: ${before + 100}\n`);
    client.pause();
    await pulledAtRest(server);
    client.cut();
    await server.until(({ runs }) => assert.equal(runs.finished, 1));
    await server.until(({ closed }) => assert.equal(closed[0]?.reason, "disconnected"));
  });

  test("keeps no more than a cursor for a stalled client, which then learns exactly what it missed", async (start) => {
    const server = await start({ registry: { buffer: { bytes: BUFFER }, idleTimeout: NO_TIMEOUT } });
    const [stalled, other] = await twoClients(server);
    stalled.pause();
    for (let batch = 0; batch < BATCHES; batch++) {
      await push(server, other);
      assert((await server.observed()).gauges.bytes <= BUFFER);
    }
    const last = (await server.info("feed"))?.last ?? 0;
    assert.deepEqual(eventRanges(other.text), [{ from: 1, to: last, lost: false }]);

    stalled.resume();
    await stalled.untilEndsWith(await lastBlock(server));
    const ranges = eventRanges(stalled.text);
    const lost = ranges.filter((range) => range.lost);
    assert(lost.length > 0, "Everything was buffered for a client that did not read.");
    // Neither a gap nor an overlap.
    let end = 0;
    for (const { from, to } of ranges) {
      assert.equal(from, end + 1);
      end = to;
    }
    assert.equal(end, last);
    assert(framesNamed(stalled.text, "stream.reset")[0]?.data?.includes('"reason":"trimmed"'));
    assert.equal((await server.observed()).resets, lost.length);
  });

  test("destroys a client that stalls for `idleTimeout`, and continues for the others", async (start) => {
    const server = await start({ registry: { buffer: { bytes: BUFFER }, idleTimeout: 1_000 } });
    const [stalled, other] = await twoClients(server);
    stalled.pause();
    await pushUntilZombie(server, () => push(server, other));
    assert.equal((await server.observed()).gauges.connections, 1);
    stalled.resume();
    await assertCut(stalled);
    await push(server, other);
    assert.equal(other.state, "open");
  });

  if (has("direct")) {
    test("leaves a client alone that takes something within `idleTimeout`, however long one event takes", async (start) => {
      const server = await start({
        clock: "fake",
        registry: {
          idleTimeout: IDLE_TIMEOUT,
          maxEventBytes: 2 * LARGE_EVENT,
          buffer: { bytes: 8 * LARGE_EVENT },
          bytes: 8 * LARGE_EVENT,
        },
      });
      await server.open("feed");
      const client = await server.get(await server.serve({ stream: "feed" }));
      await client.until("event: stream.live");
      client.pause();
      await server.pushMany("feed", 1, LARGE_EVENT);
      await server.advance(0);
      while (client.text.length < LARGE_EVENT / 2) {
        const target = client.text.length + READ;
        client.resume();
        await eventually(async () => assert(client.text.length >= target, `It is ${client.state}.`));
        client.pause();
        await server.settled();
        await server.advance(IDLE_TIMEOUT - 1);
        assert.deepEqual((await server.observed()).closed, []);
      }
      assert(client.text.length < LARGE_EVENT, "The event was too small for this test.");
      await server.advance(2 * IDLE_TIMEOUT);
      await server.until(({ closed }) => assert.equal(closed[0]?.reason, "zombie"));
    });
  }

  test("destroys a client that stalls at the end of its stream", async (start) => {
    const server = await start({ registry: { buffer: { bytes: 64 << 20 }, idleTimeout: 100 } });
    await server.open("feed");
    const client = await server.get(await server.serve({ stream: "feed" }));
    await client.until("event: stream.live");
    client.pause();
    // More than the buffers of two connections take, as behind a proxy.
    for (let batch = 0; batch < 2 * BATCHES; batch++) await server.pushMany("feed", BATCH, SIZE);
    await server.end("feed");
    await server.until(({ closed }) => assert.equal(closed[0]?.reason, "zombie"));
    client.resume();
    await assertCut(client);
    assert(!client.text.includes("event: stream.end"));
  });

  test("sends a slow client everything that is retained", async (start) => {
    const server = await start({ registry: { buffer: { bytes: 64 << 20 }, idleTimeout: NO_TIMEOUT } });
    await server.open("feed");
    const client = await server.get(await server.serve({ stream: "feed" }));
    await client.until("event: stream.live");
    for (let round = 0; round < 2; round++) {
      client.pause();
      for (let batch = 0; batch < BATCHES / 4; batch++) await server.pushMany("feed", BATCH, SIZE);
      client.resume();
      await client.untilEndsWith(await lastBlock(server));
    }
    await server.end("feed");
    assert.equal(await client.finished(), "ended");
    assert.deepEqual(eventRanges(client.text), [{ from: 1, to: (BATCHES / 2) * BATCH, lost: false }]);
  });

  test("closes the connection of a bare source that has pushed more than `buffer` to a client that does not read", async (start) => {
    const server = await start();
    const client = await server.get(
      await server.serve({ bare: "flood", options: { buffer: { bytes: BUFFER } } }),
    );
    client.pause();
    const { runs } = await server.until(({ closed }) => assert.equal(closed[0]?.reason, "overflow"));
    assert.deepEqual([runs.aborted, runs.finished], [1, 1]);
    client.resume();
    await assertCut(client);
  });
}

async function twoClients(server: RemoteServer): Promise<readonly [Client, Client]> {
  const path = await server.serve({ channel: "feed" });
  const [stalled, other] = [await server.get(path), await server.get(path)];
  await Promise.all([stalled.until("event: stream.live"), other.until("event: stream.live")]);
  return [stalled, other];
}

/** Pushes a batch, and waits until `reader` has received it. */
async function push(server: RemoteServer, reader: Client): Promise<void> {
  await server.pushMany("feed", BATCH, SIZE);
  await reader.untilEndsWith(await lastBlock(server));
}

/** Pushes until a client is closed, which must be for its stall. */
async function pushUntilZombie(server: RemoteServer, pushOne: () => Promise<void>): Promise<void> {
  const { closed } = await eventually(async () => {
    await pushOne();
    const observed = await server.observed();
    assert(observed.closed.length > 0, "A client that does not read is not destroyed.");
    return observed;
  });
  assert.equal(closed[0]?.reason, "zombie");
}

async function lastBlock(server: RemoteServer): Promise<string> {
  const { epoch, last } = (await server.info("feed")) ?? {};
  return `id: ${epoch}.${last}\ndata: ${"x".repeat(SIZE)}\n\n`;
}

/** Waits until no more events are pulled; returns how many were. */
async function pulledAtRest(server: RemoteServer): Promise<number> {
  let pulled = -1;
  for (let checks = 0; checks < CHECKS; checks++) {
    const { runs } = await server.observed();
    if (runs.pulled !== pulled) checks = 0;
    pulled = runs.pulled;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return pulled;
}
