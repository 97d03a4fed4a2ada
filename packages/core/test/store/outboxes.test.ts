// Covers what channels on a store count for in a process that pushes to them: src/stream/outboxes.ts and
// src/store/store-channels.ts.

import { describe, expect, test } from "vitest";
import { createCluster } from "../support/cluster.ts";

describe("what is pushed to channels of a hung store", () => {
  test("counts as streams and bytes, is bounded by `bytes`, and is dropped with one word to the observer", async () => {
    const bytes = 2 * 1_048_576;
    const { processes, clock, close } = createCluster({ bytes });
    const [{ registry, link, observed }] = processes;
    link.callFates = ["hanging"];
    const data = "x".repeat(500);
    for (let user = 0; user < 10_000; user++) registry.channel(`user-${user}`).push({ data });
    const { streams, bytes: held } = registry.gauges();
    expect([registry.size, streams > 1_000, streams < 10_000]).toEqual([streams, true, true]);
    expect(held).toBeGreaterThan(0.9 * bytes);
    expect(held).toBeLessThanOrEqual(bytes);
    await clock.advance(10_000);
    expect(registry.gauges()).toMatchObject({ streams, bytes: held });
    link.callFates = ["ok"];
    await clock.advance(10_000);
    expect(registry.gauges()).toMatchObject({ streams, bytes: 0 });
    registry.channel("another").push({ data });
    const full = observed.failed.filter(
      ({ error }) => (error as { code?: string }).code === "LIMIT_EXCEEDED",
    );
    expect(full).toMatchObject([{ error: { message: expect.stringContaining(`: ${10_000 - streams}.`) } }]);
    await close();
    expect([registry.gauges().streams, clock.timers]).toEqual([0, 0]);
  });

  test("is forgotten by a registry that closes", async () => {
    const { processes, clock, close } = createCluster();
    const [{ registry, link }] = processes;
    link.callFates = ["hanging"];
    for (let user = 0; user < 100; user++) registry.channel(`user-${user}`).push({ data: user });
    expect(registry.gauges()).toMatchObject({ streams: 100 });
    await close();
    expect(registry.gauges()).toMatchObject({ streams: 0, bytes: 0 });
    expect(clock.timers).toBe(0);
  });
});

describe("a channel that is only pushed to here", () => {
  test("counts as a stream until it was idle, once with that of its readers", async () => {
    const { processes, clock, close } = createCluster({ idle: 60_000 });
    const [{ registry, connect }] = processes;
    registry.channel("room").push({ data: 1 });
    expect([registry.gauges().streams, registry.gauges().bytes > 0]).toEqual([1, true]);
    const client = connect(registry.channel("room"), { serve: { from: "start" } });
    await clock.advance(100);
    expect([client.events, registry.gauges().streams]).toEqual([[1], 1]);
    client.leave();
    await clock.advance(1_000);
    registry.channel("room").push({ data: 2 });
    // Its log is forgotten `linger` after its last reader has left.
    await clock.advance(59_500);
    expect(registry.gauges()).toMatchObject({ streams: 1, bytes: 0 });
    await clock.advance(1_000);
    expect(registry.gauges()).toMatchObject({ streams: 0, bytes: 0 });
    await close();
    expect(clock.timers).toBe(0);
  });

  test("gives way when the store has everything, so that readers in any process get it", async () => {
    const { processes, clock, close } = createCluster({ maxStreams: 1_000 });
    const [{ registry, observed }, remote] = processes;
    const users = Array.from({ length: 4_000 }, (_, user) => `user-${user}`);
    const connected = users.filter((_, user) => user % 20 === 0);
    const clients = connected.map((user) => remote.connect(remote.registry.channel(user)));
    await clock.flush();
    for (const round of [1, 2]) {
      for (const user of users) registry.channel(user).push({ data: `${user} ${round}` });
      await clock.advance(1_000);
      expect(registry.gauges()).toMatchObject({ streams: 1_000, bytes: 0 });
    }
    for (const [number, { events }] of clients.entries()) {
      expect(events).toEqual([1, 2].map((round) => `${connected[number]} ${round}`));
    }
    await registry.open("job");
    expect([registry.gauges().streams, observed.failed]).toEqual([1_000, []]);
    await close();
    expect(clock.timers).toBe(0);
  });
});
