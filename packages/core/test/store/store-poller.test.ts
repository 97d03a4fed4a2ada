import { describe, expect, test } from "vitest";
import type { AnyEvents } from "../../src/protocol/event.ts";
import type { Snapshot } from "../../src/stream/snapshot.ts";
import { createCluster } from "../support/cluster.ts";

describe("a client whose stream is not in this process", () => {
  test("waits, and is served as soon as the stream is opened in any process", async () => {
    const { processes, clock, close } = createCluster();
    const clients = [processes[1].connect("a"), processes[2].connect("a")];
    processes[2].link.wakeUpFates = ["dropped"];
    await clock.advance(1_000);
    expect(clients.map(({ blocks }) => blocks.at(-1)?.[2])).toMatchObject([
      { state: "waiting" },
      { state: "waiting" },
    ]);
    const job = await processes[0].registry.open("a");
    job.push({ data: 1 });
    await clock.advance(10);
    expect(clients.map(({ events }) => events)).toEqual([[1], []]);
    await clock.advance(5_000);
    expect(clients.map(({ events }) => events)).toEqual([[1], [1]]);
    await close();
  });

  test("shares one call to the store with all others that wait for the same stream", async () => {
    const { processes, clock, close } = createCluster();
    const clients = [1, 2, 3, 4].map(() => processes[1].connect("a"));
    await clock.flush();
    expect(processes[1].link.callCount).toBe(1);
    for (const client of clients) client.leave();
    await clock.advance(60_000);
    expect(processes[1].link.callCount).toBe(1);
    expect(clock.timers).toBe(0);
    await close();
  });

  test("gets GONE only if neither the store nor the database has the stream", async () => {
    const rows: Record<string, Snapshot<AnyEvents>> = { done: { state: "done", events: [{ data: "x" }] } };
    const { processes, clock, close } = createCluster({ snapshot: (id) => rows[id] });
    await processes[0].registry.open("live");
    const [, remote] = processes;
    const clients = ["none", "live", "done"].map((id) => remote.connect(id));
    await clock.flush();
    expect(clients.map(({ status }) => status)).toEqual([404, 200, 200]);
    expect(clients[1]?.blocks.at(-1)?.[0]).toBe("stream.live");
    expect(clients[2]?.events).toEqual(["x"]);
    remote.link.callFates = ["rejected"];
    const unsure = remote.connect("other");
    await clock.advance(20_000);
    expect(unsure.status).toBe(200);
    expect(unsure.blocks.map(([event]) => event)).toEqual(["stream.open", "stream.error"]);
    expect(unsure.blocks.at(-1)?.[2]).toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    remote.link.callFates = ["ok"];
    await clock.advance(5_000);
    expect(unsure.blocks.at(-1)?.[0]).toBe("stream.end");
    await close();
  });

  test("gets a finished snapshot if its cursor is older than what the store holds", async () => {
    const { processes, clock, store, close } = createCluster({
      snapshot: () => ({ state: "done", events: [{ data: "all" }] }),
    });
    const job = await processes[0].registry.open("a");
    for (let number = 1; number <= 9; number++) job.push({ data: number });
    await job.end();
    store.trim("a", 3);
    const remote = processes[1].connect("a", { cursor: `${job.epoch}.1` });
    await clock.flush();
    expect(remote.events).toEqual(["all"]);
    await close();
  });

  test("is served the epoch of its cursor, even while an older epoch lingers in this process", async () => {
    const { processes, clock, close } = createCluster();
    const old = await processes[0].registry.open("a");
    await old.end({ data: "old" });
    const fresh = await processes[1].registry.open("a");
    fresh.push({ data: "new" });
    await clock.advance(10);
    expect(processes[0].registry.get("a")?.epoch).toBe(old.epoch);
    const oldClient = processes[0].connect("a", { cursor: `${old.epoch}.0` });
    const local = processes[0].connect("a", { cursor: `${fresh.epoch}.0` });
    await clock.flush();
    expect([oldClient.events, local.events]).toEqual([["old"], ["new"]]);
    await close();
  });

  test("starts a source only if no process runs it", async () => {
    const runs: string[] = [];
    const source = (id: string): AsyncIterable<{ data: string }> => {
      runs.push(id);
      return (async function* () {
        yield { data: "x" };
        await new Promise(() => undefined);
      })();
    };
    const { processes, clock, close } = createCluster({ source });
    const clients = processes.map(({ connect }) => connect("a"));
    await clock.advance(10_000);
    expect(clients.map(({ events }) => events)).toEqual([["x"], ["x"], ["x"]]);
    expect(runs).toEqual(["a"]);
    await close();
    expect(clock.timers).toBe(0);
  });
});
