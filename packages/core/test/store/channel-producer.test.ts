// Covers src/store/{channel-producer,store-channels}.ts.

import { describe, expect, test } from "vitest";
import { createCluster } from "../support/cluster.ts";

describe("a channel on a store", () => {
  test("has writers and readers in every process, which all see the same order", async () => {
    const { processes, clock, close } = createCluster();
    const clients = processes.map(({ connect, registry }) => connect(registry.channel("room")));
    await clock.flush();
    for (const [number, { registry }] of processes.entries()) {
      registry.channel("room").push({ event: "said", data: `${number} a` });
      registry.channel("room").push({ event: "said", data: `${number} b` });
    }
    await clock.advance(50);
    const [first] = clients;
    expect(first?.events.length).toBe(6);
    const users = first?.blocks.filter(([event]) => event === "said") ?? [];
    const epoch = users[0]?.[1]?.split(".")[0];
    expect(users.map(([, id]) => id)).toEqual([1, 2, 3, 4, 5, 6].map((number) => `${epoch}.${number}`));
    for (const client of clients) expect(client.blocks.slice(-6)).toEqual(first?.blocks.slice(-6));
    await close();
    expect(clock.timers).toBe(0);
  });

  test("keeps what is pushed during an outage, up to a limit, stores each event once, and says how many it dropped", async () => {
    const { processes, clock, close } = createCluster({ buffer: { bytes: 1_000 } });
    const [{ registry, link }] = processes;
    const channel = registry.channel("room");
    const remote = processes[1].connect(processes[1].registry.channel("room"));
    await clock.flush();
    link.callFates = ["rejected", "reply lost"];
    for (let pushed = 0; pushed < 100; pushed++) channel.push({ data: pushed });
    await clock.advance(10_000);
    link.callFates = ["ok"];
    await clock.advance(3_000);
    const stored = remote.events.length;
    expect(remote.events).toEqual(Array.from({ length: stored }, (_, index) => index));
    expect(stored).toBeGreaterThan(20);
    const { failed } = processes[0].observed;
    expect(failed.filter(({ error }) => (error as { code?: string }).code === "LIMIT_EXCEEDED")).toEqual([
      expect.objectContaining({
        id: "room",
        error: expect.objectContaining({ message: expect.stringContaining(`${100 - stored} events`) }),
      }),
    ]);
    expect(failed.length).toBeLessThan(5);
    await close();
  });

  test("is kept in the store while it has readers, and for `idle` after that", async () => {
    const { processes, clock, store, close } = createCluster({ idle: 60_000, maxDuration: Infinity });
    const remote = processes[1].connect(processes[1].registry.channel("room"));
    await clock.advance(600_000);
    processes[0].registry.channel("room").push({ data: 1 });
    await clock.advance(10);
    expect(remote.events).toEqual([1]);
    expect(remote.text).not.toContain("stream.reset");
    remote.leave();
    await clock.advance(61_000);
    expect(await store.read("room", null, { frames: 1, bytes: 1 })).toEqual({ code: "missing" });
    expect(processes.map(({ registry }) => registry.size)).toEqual([0, 0, 0]);
    await close();
    expect(clock.timers).toBe(0);
  });

  test("gets a new epoch when the store has lost it", async () => {
    const { processes, clock, store, close } = createCluster();
    const remote = processes[1].connect(processes[1].registry.channel("room"));
    processes[0].registry.channel("room").push({ data: 1 });
    await clock.advance(10);
    store.flush();
    processes[0].registry.channel("room").push({ data: 2 });
    await clock.advance(5_000);
    expect(remote.events).toEqual([1, 2]);
    expect(remote.blocks.find(([event]) => event === "stream.reset")?.[2]).toEqual({
      reason: "epoch",
      lost: null,
    });
    await close();
  });

  test("gets a new epoch when the store was replaced by an older copy", async () => {
    const { processes, clock, store, close } = createCluster();
    const remote = processes[1].connect(processes[1].registry.channel("room"));
    const channel = processes[0].registry.channel("room");
    channel.push({ data: 1 });
    await clock.advance(10);
    const restoreCopy = store.copy();
    channel.push({ data: 2 });
    await clock.advance(10);
    restoreCopy();
    await clock.advance(10);
    channel.push({ data: 3 });
    await clock.advance(5_000);
    expect(remote.events).toEqual([1, 2, 3]);
    expect(remote.text).toContain('"reason":"epoch"');
    await close();
  });

  test("rejects events that cannot be encoded, and the id of a stream that this process knows", async () => {
    const { processes, clock, close } = createCluster({ maxEventBytes: 100 });
    const [{ registry }] = processes;
    const throwing = (code: string): unknown => expect.objectContaining({ code });
    const channel = registry.channel("room");
    expect(() => channel.push({ data: "x".repeat(100) })).toThrow(throwing("EVENT_TOO_LARGE"));
    expect(() => channel.push({ event: "a\nb" })).toThrow(throwing("INVALID_EVENT"));
    await registry.open("a");
    expect(() => registry.channel("a")).toThrow(throwing("STREAM_EXISTS"));
    await expect(registry.open("b")).resolves.toBeDefined();
    processes[1].registry.channel("b").push({ data: 1 });
    await clock.advance(1_000);
    expect(processes[1].observed.failed).toMatchObject([
      { id: "b", stage: "store", error: { code: "STREAM_EXISTS" } },
    ]);
    await close();
  });
});
