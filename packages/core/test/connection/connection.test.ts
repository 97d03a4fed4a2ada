// Covers how connections keep their deadlines. What a client is sent is tested in
// test/registry/delivery.test.ts, how failures are contained in test/registry/isolation.test.ts.

import { describe, expect, test } from "vitest";
import { serve } from "../../src/connection/serve.ts";
import { createMemoryClient } from "../../src/testing/index.ts";
import { createTestRegistry } from "../support/test-registry.ts";

describe("slow, dead and long connections", () => {
  test("a connection whose client takes nothing for `idleTimeout` is cut, and gets no heartbeat before that", async () => {
    const { registry, clock, connect, observed } = createTestRegistry();
    const job = await registry.open("a");
    const client = connect("a");
    client.stall();
    job.push({ data: 1 });
    await clock.flush();
    const { writes } = client;
    await clock.advance(89_999);
    expect([client.state, client.writes]).toEqual(["open", writes]);
    await clock.advance(1);
    expect(client.state).toBe("destroyed");
    expect(observed.connectionClosed).toMatchObject([{ reason: "zombie" }]);
    expect([job.readers, job.signal.aborted]).toEqual([0, false]);
  });

  test("a connection whose client does not take the end is cut, too", async () => {
    const { registry, clock, connect, observed } = createTestRegistry();
    const job = await registry.open("a");
    const client = connect("a");
    client.stall();
    await job.end();
    await clock.flush();
    expect(client.state).toBe("closing");
    expect(registry.gauges().connections).toBe(1);
    await clock.advance(90_000);
    expect(client.state).toBe("destroyed");
    expect(observed.connectionClosed).toMatchObject([{ reason: "ended" }]);
    expect(registry.gauges().connections).toBe(0);
  });

  test("a connection is drained after `maxDuration` ± 10 %, and the client resumes where it was", async () => {
    const { registry, clock, connect } = createTestRegistry({ maxDuration: 100_000 });
    const job = await registry.open("a");
    job.push({ data: 1 });
    const client = connect("a");
    await clock.advance(99_999);
    expect(client.state).toBe("open");
    await clock.advance(1);
    expect(client.blocks.at(-1)).toEqual(["stream.drain", undefined, { reason: "max-duration" }]);
    job.push({ data: 2 });
    expect(connect("a", { cursor: `${job.epoch}.1` }).events).toEqual([2]);
    const lengths = [0, 0.999].map((random) => {
      const { clock: ownClock, connect: ownConnect } = createTestRegistry({
        maxDuration: 100_000,
        random: () => random,
      });
      return { clock: ownClock, client: ownConnect("a", { serve: { wait: 1e9 } }) };
    });
    for (const varied of lengths) await varied.clock.advance(90_000);
    expect(lengths.map(({ client: { state } }) => state)).toEqual(["flushed", "open"]);
    await lengths[1]?.clock.advance(20_000);
    expect(lengths[1]?.client.state).toBe("flushed");
  });

  test("a connection whose client takes nothing is cut at `maxDuration`, without a drain frame", async () => {
    const { registry, clock, connect } = createTestRegistry({ maxDuration: 10_000 });
    const job = await registry.open("a");
    const client = connect("a");
    client.stall();
    job.push({ data: 1 });
    await clock.advance(10_000);
    expect(client.state).toBe("destroyed");
    expect(client.text).not.toContain("stream.drain");
  });

  test("heartbeats are sent after `heartbeat` ms without a write, and not while events flow", async () => {
    const { registry, clock, connect } = createTestRegistry({ heartbeat: 1_000 });
    const job = await registry.open("a");
    const client = connect("a");
    for (let n = 0; n < 10; n++) {
      job.push({ data: n });
      await clock.advance(900);
    }
    expect(client.text).not.toContain(":\n\n");
    await clock.advance(100);
    expect(client.text.endsWith(":\n\n")).toBe(true);
  });

  test("all connections share one timer, and without connections there is none", async () => {
    const { registry, clock, connect } = createTestRegistry();
    await registry.open("a");
    const before = clock.timers;
    const clients = Array.from({ length: 100 }, () => connect("a"));
    expect(clock.timers).toBe(before + 1);
    for (const client of clients) client.leave();
    expect(clock.timers).toBe(before);
  });

  test("connections that are idle since the same moment do not get their heartbeats all at once", async () => {
    const { registry, clock } = createTestRegistry({ maxConnections: 5_000 });
    await registry.open("a");
    const clients = Array.from({ length: 2_000 }, () => createMemoryClient());
    for (const client of clients) void serve(client.request, client.open, registry.stream("a"));
    const heartbeats = (): number => clients.filter(({ text }) => text.endsWith(":\n\n")).length;
    await clock.advance(15_000);
    expect(heartbeats()).toBeGreaterThan(0);
    expect(heartbeats()).toBeLessThan(200);
    await clock.advance(7_500);
    expect(heartbeats()).toBe(2_000);
  });
});
