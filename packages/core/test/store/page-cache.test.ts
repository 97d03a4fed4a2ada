import { describe, expect, test } from "vitest";
import { createCluster } from "../support/cluster.ts";

describe("events that the log of this process has dropped", () => {
  test("are read from the store in pages, once for all readers at the same position", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    for (let number = 1; number <= 600; number++) job.push({ data: number });
    await clock.advance(100);
    const first = processes[1].connect("a");
    await clock.flush();
    const before = processes[1].link.callCount;
    const others = [1, 2, 3].map(() => processes[1].connect("a"));
    await clock.flush();
    const all = Array.from({ length: 600 }, (_, index) => index + 1);
    for (const client of [first, ...others]) expect(client.events).toEqual(all);
    expect(processes[1].link.callCount).toBeLessThanOrEqual(before + 3);
    await close();
  });

  test("are read by the producer's process too, and a reset names exactly what the store has trimmed", async () => {
    const { processes, clock, store, close } = createCluster({ buffer: { events: 100, bytes: 2_000 } });
    const job = await processes[0].registry.open("a");
    for (let number = 1; number <= 60; number++) {
      job.push({ data: number });
      await clock.advance(10);
    }
    expect(processes[0].registry.get("a")?.first).toBeGreaterThan(20);
    const local = processes[0].connect("a", { cursor: `${job.epoch}.10` });
    await clock.flush();
    expect([local.events[0], local.events.length]).toEqual([11, 50]);
    store.trim("a", 45);
    const late = processes[0].connect("a", { cursor: `${job.epoch}.2` });
    await clock.flush();
    expect(late.blocks.filter(([event]) => event === "stream.reset")).toEqual([
      ["stream.reset", `${job.epoch}.15`, { reason: "trimmed", lost: [3, 15] }],
    ]);
    expect([late.events[0], late.events.length]).toEqual([16, 45]);
    await close();
  });

  test("are gone from the store, too, when the events of the stream have more than `buffer.bytes`", async () => {
    const { processes, clock, close } = createCluster({ buffer: { events: 1_000, bytes: 2_000 } });
    const job = await processes[0].registry.open("a");
    const room = processes[0].registry.channel("room");
    for (let number = 1; number <= 300; number++) {
      job.push({ data: number });
      room.push({ data: number });
      await clock.advance(10);
    }
    const { connect, registry } = processes[1];
    for (const [source, size] of [
      ["a", `id: ${job.epoch}.300\ndata: 300\n\n`.length],
      [registry.channel("room"), "data: 300\n\n".length],
    ] as const) {
      const late = connect(source, { serve: { from: "start" } });
      await clock.flush();
      expect(late.events.at(-1)).toBe(300);
      expect(late.events.length * size).toBeGreaterThanOrEqual(2_000);
      expect(late.events.length * size).toBeLessThanOrEqual(1.125 * 2_000 + 2 * size);
      late.leave();
    }
    await close();
  });

  test("are waited for during an outage of the store, without a reset", async () => {
    const { processes, clock, close } = createCluster({ buffer: { events: 100, bytes: 2_000 } });
    const job = await processes[0].registry.open("a");
    for (let number = 1; number <= 60; number++) {
      job.push({ data: number });
      await clock.advance(10);
    }
    processes[0].link.callFates = ["rejected"];
    const local = processes[0].connect("a");
    await clock.advance(30_000);
    expect(local.events).toEqual([]);
    processes[0].link.callFates = ["ok"];
    await clock.advance(2_000);
    expect(local.events.length).toBe(60);
    expect(local.text).not.toContain("stream.reset");
    local.leave();
    await close();
    expect(clock.timers).toBe(0);
  });

  test("are reported as lost if the stream has ended and the store has lost them", async () => {
    const { processes, clock, store, close } = createCluster({ buffer: { events: 100, bytes: 2_000 } });
    const job = await processes[0].registry.open("a");
    for (let number = 1; number <= 60; number++) {
      job.push({ data: number });
      await clock.advance(10);
    }
    await job.end();
    store.flush();
    const local = processes[0].connect("a");
    await clock.flush();
    const first = processes[0].registry.get("a")?.first as number;
    expect(local.blocks.slice(1, 2)).toEqual([
      ["stream.reset", `${job.epoch}.${first - 1}`, { reason: "trimmed", lost: [1, first - 1] }],
    ]);
    expect(local.state).toBe("flushed");
    await close();
  });
});
