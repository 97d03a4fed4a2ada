// Covers prefix-reader.ts, and what the registry's `bytes` counts of snapshots.

import { describe, expect, test } from "vitest";
import type { AnyEvents } from "../../src/protocol/event.ts";
import type { Snapshot } from "../../src/stream/snapshot.ts";
import { createTestRegistry } from "../support/test-registry.ts";

const MIB = 1 << 20;
const COUNT = 1_024;
/** 8 MiB. */
const EVENTS = Array.from({ length: COUNT }, (_, n) => ({ data: `${n} ${"x".repeat(8_192 - 16)}` }));

/** A registry whose database has a large snapshot of the stream `a`, which runs here and has one more event. */
async function startLargeSnapshot(bytes = 256 * MIB, events: readonly { data: string }[] = EVENTS) {
  let snapshot: Snapshot<AnyEvents> = { state: "pending" };
  const test = createTestRegistry({ bytes, buffer: { events: 1 }, snapshot: () => snapshot });
  const job = await test.registry.open("a");
  job.push({ data: "in the snapshot" });
  snapshot = { state: "running", at: job.push({ data: "in the snapshot, too" }) as string, events };
  return { ...test, job };
}

describe("a large running snapshot", () => {
  test("is sent in pages of whole events, each when the client has taken the one before", async () => {
    const { clock, connect, job } = await startLargeSnapshot();
    const client = connect("a");
    client.stall();
    await clock.flush();
    let size = 0;
    while (client.held) {
      const added = client.text.length - size;
      expect(added).toBeLessThanOrEqual(66_000);
      expect(client.text.endsWith("\n\n")).toBe(true);
      size = client.text.length;
      client.drain();
      client.stall();
    }
    expect(client.writes).toBeGreaterThan(100);
    expect(client.events).toEqual(EVENTS.map(({ data }) => data));
    job.push({ data: "behind" });
    client.drain();
    await clock.flush();
    expect(client.events.at(-1)).toBe("behind");
    expect(client.blocks.filter(([, id]) => id !== undefined).map(([, id]) => id)).toEqual([
      `${job.epoch}.2`,
      `${job.epoch}.3`,
    ]);
  });

  test("is held once for all clients that have not taken it, and counts as long as it is held", async () => {
    const { clock, connect, registry } = await startLargeSnapshot();
    const before = registry.gauges().bytes;
    const clients = Array.from({ length: 1_000 }, () => {
      const client = connect("a");
      client.stall();
      return client;
    });
    await clock.flush();
    const held = registry.gauges().bytes - before;
    expect([held > 8 * MIB, held < 9 * MIB]).toEqual([true, true]);
    expect(clients.every(({ text }) => text.length < 66_000)).toBe(true);
    for (const client of clients.slice(1)) client.leave();
    // The result is kept for 2 s; then only this client holds it.
    await clock.advance(2_000);
    expect(registry.gauges().bytes - before).toBe(held);
    clients[0]?.drain();
    expect(clients[0]?.events).toHaveLength(COUNT);
    expect(registry.gauges().bytes).toBe(before);
    clients[0]?.leave();
  });

  test("is let go when its clients have left, and its result is no longer kept", async () => {
    const { clock, connect, registry } = await startLargeSnapshot();
    const before = registry.gauges().bytes;
    const client = connect("a");
    client.stall();
    await clock.flush();
    client.leave();
    expect(registry.gauges().bytes).toBeGreaterThan(before + 8 * MIB);
    await clock.advance(2_000);
    expect(registry.gauges().bytes).toBe(before);
  });

  test("starts again for a client that is cut between two pages", async () => {
    const { clock, connect, job } = await startLargeSnapshot();
    const client = connect("a", { cursor: "?" });
    client.stall();
    await clock.flush();
    client.drain();
    client.stall();
    const ids = client.blocks.flatMap(([, id]) => (id === undefined ? [] : [id]));
    expect([client.events.length > 0, ids]).toEqual([true, [`${job.epoch}.2`]]);
    client.leave();
  });

  test("is dropped for a client whose stream begins a new life", async () => {
    const { clock, connect, registry } = await startLargeSnapshot();
    const client = connect("a");
    client.stall();
    await clock.flush();
    const next = await registry.open("a", { ifExists: "replace" });
    next.push({ data: "new" });
    await clock.advance(2_000);
    client.drain();
    await clock.flush();
    expect(client.blocks.map(([event]) => event)).toContain("stream.reset");
    expect(client.events.at(-1)).toBe("new");
    expect(client.events.length).toBeLessThan(COUNT / 2);
    expect(registry.gauges().bytes).toBeLessThan(MIB);
    client.leave();
  });

  test("for which there is no room is not used: clients get what the log holds", async () => {
    const { clock, connect, registry, observed } = await startLargeSnapshot(16 * MIB);
    const client = connect("a");
    await clock.flush();
    expect(client.blocks.map(([event]) => event)).toEqual([
      "stream.open",
      "stream.reset",
      "message",
      "stream.live",
    ]);
    expect(observed.failed).toMatchObject([{ stage: "snapshot", error: { code: "LIMIT_EXCEEDED" } }]);
    expect(registry.gauges().bytes).toBeLessThan(MIB);
  });

  test("with an event of more than a page is sent", async () => {
    const events = [{ data: "x".repeat(200_000) }, { data: "y" }];
    const { clock, connect } = await startLargeSnapshot(undefined, events);
    const client = connect("a");
    await clock.flush();
    expect(client.events).toEqual(events.map(({ data }) => data));
  });
});

describe("a large finished snapshot", () => {
  test("counts as long as somebody reads it or its result is kept", async () => {
    const { clock, connect, registry } = createTestRegistry({
      snapshot: () => ({ state: "done", events: EVENTS }),
    });
    const client = connect("a");
    client.stall();
    await clock.flush();
    await clock.advance(10_000);
    const { bytes } = registry.gauges();
    expect([bytes > 8 * MIB, bytes < 9 * MIB]).toEqual([true, true]);
    client.drain();
    expect(client.events).toHaveLength(COUNT);
    expect(client.state).toBe("flushed");
    expect(registry.gauges().bytes).toBe(0);
  });

  test("gives way, if nobody reads it, to one that somebody asks for", async () => {
    const { clock, connect, registry, observed } = createTestRegistry({
      bytes: 40 * MIB,
      snapshot: () => ({ state: "done", events: EVENTS }),
    });
    for (const id of ["a", "b", "c"]) {
      const client = connect(id);
      await clock.flush();
      expect(client.events).toHaveLength(COUNT);
    }
    expect(registry.gauges().bytes).toBeLessThan(9 * MIB);
    expect(observed.failed).toEqual([]);
    await registry.close();
    expect(registry.gauges().bytes).toBe(0);
  });
});
