import { describe, expect, test } from "vitest";
import type { Snapshot } from "../../src/stream/snapshot.ts";
import type { AnyEvents } from "../../src/protocol/event.ts";
import { createCluster } from "../support/cluster.ts";

const ends = (text: string): number => text.split("event: stream.end").length - 1;

describe("a client in another process", () => {
  test("gets the same bytes with the same ids as one in the producer's", async () => {
    const { processes, clock, close } = createCluster({ random: () => 0.5 });
    const job = await processes[0].registry.open("a");
    const clients = processes.map(({ connect }) => connect("a"));
    await clock.flush();
    job.push({ data: 1 });
    job.push({ event: "é", data: "two\nlines" });
    await job.end();
    await clock.advance(10);
    expect(clients[0]?.text).toContain(`id: ${job.epoch}.2\ndata: two\ndata: lines\n\n`);
    expect(clients.map(({ text }) => text)).toEqual(clients.map(() => clients[0]?.text));
    await close();
    expect(clock.timers).toBe(0);
  });

  test("resumes there where it was cut here", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    for (let number = 1; number <= 5; number++) job.push({ data: number });
    await clock.advance(10);
    const there = processes[1].connect("a", { cursor: `${job.epoch}.3` });
    await clock.flush();
    expect(there.events).toEqual([4, 5]);
    expect(there.blocks[0]).toMatchObject(["stream.open", `${job.epoch}.3`, { first: 1, last: 5 }]);
    await close();
  });

  test("hears of new events without hints too, and of each once, however often the hint comes", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    const there = [processes[1].connect("a"), processes[2].connect("a")];
    await clock.flush();
    processes[1].link.wakeUpFates = ["dropped"];
    processes[2].link.wakeUpFates = ["doubled"];
    job.push({ data: 1 });
    await clock.advance(10);
    expect(there.map(({ events }) => events)).toEqual([[], [1]]);
    await clock.advance(5_000);
    expect(there.map(({ events }) => events)).toEqual([[1], [1]]);
    await close();
  });

  test("who comes with more than this process knows yet resumes all the same", async () => {
    const { processes, clock, close } = createCluster();
    const [, there] = processes;
    const job = await processes[0].registry.open("a");
    const stays = there.connect("a");
    await clock.flush();
    there.link.wakeUpFates = ["dropped"];
    for (let number = 1; number <= 3; number++) job.push({ data: number });
    await clock.advance(10);
    expect(stays.events).toEqual([]);
    const comes = there.connect("a", { cursor: `${job.epoch}.2` });
    await clock.advance(10);
    expect(comes.events).toEqual([3]);
    expect(comes.blocks[0]).toMatchObject(["stream.open", `${job.epoch}.2`, { first: 1, last: 3 }]);
    expect(stays.events).toEqual([1, 2, 3]);
    await close();
  });

  test("who does so while the store is away waits, and resumes; it is told of the outage once", async () => {
    const { processes, clock, close } = createCluster();
    const [, there] = processes;
    const job = await processes[0].registry.open("a");
    there.connect("a");
    await clock.flush();
    for (const { link } of processes) link.callFates = ["rejected"];
    for (let number = 1; number <= 2; number++) job.push({ data: number });
    await clock.advance(10);
    const comes = there.connect("a", { cursor: `${job.epoch}.2` });
    await clock.advance(10_000);
    expect(comes.blocks.map(([name]) => name)).toEqual(["stream.open", "stream.error"]);
    for (const { link } of processes) link.callFates = ["ok"];
    job.push({ data: 3 });
    await clock.advance(6_000);
    expect(comes.events).toEqual([3]);
    expect(comes.blocks.map(([name]) => name)).not.toContain("stream.reset");
    await close();
  });

  test("who comes with more than there ever was starts over", async () => {
    const { processes, clock, close } = createCluster();
    const [, there] = processes;
    const job = await processes[0].registry.open("a");
    there.connect("a");
    job.push({ data: 1 });
    await clock.advance(10);
    const comes = there.connect("a", { cursor: `${job.epoch}.9` });
    await clock.advance(10);
    expect(comes.blocks[1]).toMatchObject([
      "stream.reset",
      expect.anything(),
      { reason: "ahead", lost: null },
    ]);
    expect(comes.events).toEqual([1]);
    await close();
  });

  test("from now on gets nothing of before", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    job.push({ data: 1 });
    await clock.advance(10);
    const there = processes[1].connect(processes[1].registry.stream("a", { from: "now" }));
    await clock.flush();
    job.push({ data: 2 });
    await clock.advance(10);
    expect(there.events).toEqual([2]);
    await close();
  });

  test("reads in process too", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    const read: string[] = [];
    const reading = (async () => {
      for await (const { data } of processes[1].registry.subscribe("a")) read.push(data);
    })();
    job.push({ data: "x" });
    await job.end({ data: "y" });
    await clock.advance(10);
    await reading;
    expect(read).toEqual(["x", "y"]);
    await close();
  });
});

describe("a producer that dies", () => {
  test("leaves exactly one terminal record, `lost`, within its lease and 5 s", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    job.push({ data: 1 });
    await clock.advance(10);
    const there = [processes[1].connect("a"), processes[2].connect("a"), processes[2].connect("a")];
    await clock.flush();
    processes[0].link.disconnect();
    await clock.advance(14_000);
    expect(there.map(({ text }) => ends(text))).toEqual([0, 0, 0]);
    await clock.advance(6_000);
    const late = processes[1].connect("a", { cursor: `${job.epoch}.1` });
    for (const client of [...there, late]) {
      expect(client.blocks.at(-1)).toEqual(["stream.end", `${job.epoch}.2.end`, { status: "lost" }]);
      expect([ends(client.text), client.state]).toEqual([1, "flushed"]);
    }
    await close();
  });

  test("is not taken for dead because nobody could reach the store", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    const there = processes[1].connect("a");
    await clock.flush();
    for (const { link } of processes) link.callFates = ["rejected"];
    await clock.advance(60_000);
    processes[1].link.callFates = ["ok"];
    await clock.advance(1_000);
    for (const { link } of processes) link.callFates = ["ok"];
    job.push({ data: 1 });
    await clock.advance(6_000);
    expect(there.events).toEqual([1]);
    expect(job.signal.aborted).toBe(false);
    await close();
  });

  test("hears of it when it comes back", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    const here = processes[0].connect("a");
    const there = processes[1].connect("a");
    await clock.flush();
    processes[0].link.callFates = ["rejected"];
    await clock.advance(21_000);
    expect(there.blocks.at(-1)?.[2]).toEqual({ status: "lost" });
    processes[0].link.callFates = ["ok"];
    await clock.advance(5_000);
    expect(job.signal.aborted).toBe(true);
    expect(here.blocks.at(-1)?.[2]).toEqual({ status: "lost" });
    await close();
  });

  test("and a store that has lost its stream leave the readers with `lost` too", async () => {
    const { processes, clock, store, close } = createCluster();
    const job = await processes[0].registry.open("a");
    const there = processes[1].connect("a");
    await clock.flush();
    processes[0].link.disconnect();
    store.flush();
    await clock.advance(26_000);
    expect(there.blocks.at(-1)).toEqual(["stream.end", `${job.epoch}.1.end`, { status: "lost" }]);
    await close();
  });
});

describe("what the log here does not hold", () => {
  test("is read from the store, a page at a time, once for all who stand at the same place", async () => {
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

  test("in the producer's own process too; what the store has trimmed is told exactly", async () => {
    const { processes, clock, store, close } = createCluster({ buffer: { events: 100, bytes: 2_000 } });
    const job = await processes[0].registry.open("a");
    for (let number = 1; number <= 60; number++) {
      job.push({ data: number });
      await clock.advance(10);
    }
    expect(processes[0].registry.get("a")?.first).toBeGreaterThan(20);
    const here = processes[0].connect("a", { cursor: `${job.epoch}.10` });
    await clock.flush();
    expect([here.events[0], here.events.length]).toEqual([11, 50]);
    store.trim("a", 45);
    const late = processes[0].connect("a", { cursor: `${job.epoch}.2` });
    await clock.flush();
    expect(late.blocks.filter(([event]) => event === "stream.reset")).toEqual([
      ["stream.reset", `${job.epoch}.15`, { reason: "trimmed", lost: [3, 15] }],
    ]);
    expect([late.events[0], late.events.length]).toEqual([16, 45]);
    await close();
  });

  test("is waited for while the store is away: it is no gap", async () => {
    const { processes, clock, close } = createCluster({ buffer: { events: 100, bytes: 2_000 } });
    const job = await processes[0].registry.open("a");
    for (let number = 1; number <= 60; number++) {
      job.push({ data: number });
      await clock.advance(10);
    }
    processes[0].link.callFates = ["rejected"];
    const here = processes[0].connect("a");
    await clock.advance(30_000);
    expect(here.events).toEqual([]);
    processes[0].link.callFates = ["ok"];
    await clock.advance(2_000);
    expect(here.events.length).toBe(60);
    expect(here.text).not.toContain("stream.reset");
    here.leave();
    await close();
    expect(clock.timers).toBe(0);
  });

  test("and nobody has any more when the stream has ended is told as lost", async () => {
    const { processes, clock, store, close } = createCluster({ buffer: { events: 100, bytes: 2_000 } });
    const job = await processes[0].registry.open("a");
    for (let number = 1; number <= 60; number++) {
      job.push({ data: number });
      await clock.advance(10);
    }
    await job.end();
    store.flush();
    const here = processes[0].connect("a");
    await clock.flush();
    const first = processes[0].registry.get("a")?.first as number;
    expect(here.blocks.slice(1, 2)).toEqual([
      ["stream.reset", `${job.epoch}.${first - 1}`, { reason: "trimmed", lost: [1, first - 1] }],
    ]);
    expect(here.state).toBe("flushed");
    await close();
  });
});

describe("a client that looks for a stream", () => {
  test("waits, and is served as soon as it is opened anywhere", async () => {
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

  test("has the store asked once with all others", async () => {
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

  test("is told that it is gone only when both the store and the database have nothing", async () => {
    const rows: Record<string, Snapshot<AnyEvents>> = { done: { state: "done", events: [{ data: "x" }] } };
    const { processes, clock, close } = createCluster({ snapshot: (id) => rows[id] });
    await processes[0].registry.open("live");
    const [, there] = processes;
    const clients = ["none", "live", "done"].map((id) => there.connect(id));
    await clock.flush();
    expect(clients.map(({ status }) => status)).toEqual([404, 200, 200]);
    expect(clients[1]?.blocks.at(-1)?.[0]).toBe("stream.live");
    expect(clients[2]?.events).toEqual(["x"]);
    there.link.callFates = ["rejected"];
    const unsure = there.connect("other");
    await clock.advance(20_000);
    expect(unsure.status).toBe(200);
    expect(unsure.blocks.map(([event]) => event)).toEqual(["stream.open", "stream.error"]);
    expect(unsure.blocks.at(-1)?.[2]).toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    there.link.callFates = ["ok"];
    await clock.advance(5_000);
    expect(unsure.blocks.at(-1)?.[0]).toBe("stream.end");
    await close();
  });

  test("whose cursor fell off gets the snapshot, if there is a finished one", async () => {
    const { processes, clock, store, close } = createCluster({
      snapshot: () => ({ state: "done", events: [{ data: "all" }] }),
    });
    const job = await processes[0].registry.open("a");
    for (let number = 1; number <= 9; number++) job.push({ data: number });
    await job.end();
    store.trim("a", 3);
    const there = processes[1].connect("a", { cursor: `${job.epoch}.1` });
    await clock.flush();
    expect(there.events).toEqual(["all"]);
    await close();
  });

  test("finds the new life of an id whose old one lingers here", async () => {
    const { processes, clock, close } = createCluster();
    const old = await processes[0].registry.open("a");
    await old.end({ data: "old" });
    const fresh = await processes[1].registry.open("a");
    fresh.push({ data: "new" });
    await clock.advance(10);
    expect(processes[0].registry.get("a")?.epoch).toBe(old.epoch);
    const finishing = processes[0].connect("a", { cursor: `${old.epoch}.0` });
    const here = processes[0].connect("a", { cursor: `${fresh.epoch}.0` });
    await clock.flush();
    expect([finishing.events, here.events]).toEqual([["old"], ["new"]]);
    await close();
  });

  test("starts a source only where nobody runs it", async () => {
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

describe("a source that stops where its last reader left", () => {
  test("is started anew where it is still read", async () => {
    let runs = 0;
    const source = (): AsyncIterable<{ data: number }> => {
      const run = ++runs;
      return (async function* () {
        yield { data: run };
        await new Promise(() => undefined);
      })();
    };
    const { processes, clock, close } = createCluster({ source, linger: 1_000 });
    const here = processes[0].connect("a");
    await clock.advance(10);
    const there = processes[1].connect("a");
    await clock.advance(10);
    here.leave();
    await clock.advance(15_000);
    expect([runs, there.events]).toEqual([2, [1, 2]]);
    expect(there.blocks.find(([event]) => event === "stream.reset")?.[2]).toEqual({
      reason: "epoch",
      lost: null,
    });
    there.leave();
    await clock.advance(1_000);
    expect(processes.map(({ registry }) => registry.size)).toEqual([0, 0, 0]);
    await close();
    expect(clock.timers).toBe(0);
  });
});

describe("a replica", () => {
  test("stops `linger` after its last reader, and nobody hears that anything was cancelled", async () => {
    const { processes, clock, close } = createCluster({ linger: 1_000 });
    const job = await processes[0].registry.open("a");
    const there = processes[1].connect("a");
    await clock.flush();
    expect(processes[1].registry.size).toBe(1);
    there.leave();
    await clock.advance(1_000);
    expect(processes[1].registry.size).toBe(0);
    const { callCount } = processes[1].link;
    await clock.advance(60_000);
    expect(processes[1].link.callCount).toBe(callCount);
    expect([processes[1].observed.streamEnded, processes[1].observed.streamOpened]).toEqual([[], []]);
    expect(job.signal.aborted).toBe(false);
    await close();
  });

  test("takes its readers into another life of the id", async () => {
    const { processes, clock, store, close } = createCluster();
    const old = await processes[0].registry.open("a");
    old.push({ data: "old" });
    await clock.advance(10);
    const there = processes[1].connect("a");
    await clock.flush();
    processes[0].link.disconnect();
    await store.delete("a");
    const fresh = await processes[2].registry.open("a");
    fresh.push({ data: "new" });
    await clock.advance(10_000);
    expect(there.events).toEqual(["old", "new"]);
    expect(there.blocks.find(([event]) => event === "stream.reset")).toEqual([
      "stream.reset",
      `${fresh.epoch}.0`,
      { reason: "epoch", lost: null },
    ]);
    expect(there.text.match(/stream.live/g)).toHaveLength(1);
    await fresh.end();
    await clock.advance(10);
    expect(there.state).toBe("flushed");
    await close();
  });

  test("becomes the stream itself when it is opened in its process", async () => {
    const { processes, clock, store, close } = createCluster();
    await processes[0].registry.open("a");
    const there = processes[1].connect("a");
    await clock.flush();
    processes[0].link.disconnect();
    await store.delete("a");
    const fresh = await processes[1].registry.open("a");
    fresh.push({ data: "new" });
    await clock.flush();
    expect(there.events).toEqual(["new"]);
    await close();
    expect(clock.timers).toBe(0);
  });
});

describe("a channel", () => {
  test("has producers and readers everywhere, who all see one order", async () => {
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

  test("is kept for the store while that is away, once for each push, within bounds", async () => {
    const { processes, clock, close } = createCluster({ buffer: { bytes: 1_000 } });
    const [{ registry, link }] = processes;
    const room = registry.channel("room");
    const there = processes[1].connect(processes[1].registry.channel("room"));
    await clock.flush();
    link.callFates = ["rejected", "reply lost"];
    let pushed = 0;
    const overflow = (): void => {
      for (; pushed < 100; pushed++) room.push({ data: pushed });
    };
    expect(overflow).toThrow(expect.objectContaining({ code: "LIMIT_EXCEEDED", retryable: true }));
    expect(pushed).toBeGreaterThan(20);
    await clock.advance(10_000);
    link.callFates = ["ok"];
    await clock.advance(3_000);
    expect(there.events).toEqual(Array.from({ length: pushed }, (_, index) => index));
    expect(processes[0].observed.failed.length).toBeLessThan(5);
    await close();
  });

  test("is kept as long as it is read, and no longer than `idle`", async () => {
    const { processes, clock, store, close } = createCluster({ idle: 60_000, maxDuration: Infinity });
    const there = processes[1].connect(processes[1].registry.channel("room"));
    await clock.advance(600_000);
    processes[0].registry.channel("room").push({ data: 1 });
    await clock.advance(10);
    expect(there.events).toEqual([1]);
    expect(there.text).not.toContain("stream.reset");
    there.leave();
    await clock.advance(61_000);
    expect(await store.read("room", null, { frames: 1, bytes: 1 })).toEqual({ code: "missing" });
    expect(processes.map(({ registry }) => registry.size)).toEqual([0, 0, 0]);
    await close();
    expect(clock.timers).toBe(0);
  });

  test("comes back in a new life where the store has lost it", async () => {
    const { processes, clock, store, close } = createCluster();
    const there = processes[1].connect(processes[1].registry.channel("room"));
    processes[0].registry.channel("room").push({ data: 1 });
    await clock.advance(10);
    store.flush();
    processes[0].registry.channel("room").push({ data: 2 });
    await clock.advance(5_000);
    expect(there.events).toEqual([1, 2]);
    expect(there.blocks.find(([event]) => event === "stream.reset")?.[2]).toEqual({
      reason: "epoch",
      lost: null,
    });
    await close();
  });

  test("comes back in a new life where the store went back to an older copy", async () => {
    const { processes, clock, store, close } = createCluster();
    const there = processes[1].connect(processes[1].registry.channel("room"));
    const room = processes[0].registry.channel("room");
    room.push({ data: 1 });
    await clock.advance(10);
    const goBack = store.copy();
    room.push({ data: 2 });
    await clock.advance(10);
    goBack();
    await clock.advance(10);
    room.push({ data: 3 });
    await clock.advance(5_000);
    expect(there.events).toEqual([1, 2, 3]);
    expect(there.text).toContain('"reason":"epoch"');
    await close();
  });

  test("refuses what cannot be pushed, and the id of a stream that is known here", async () => {
    const { processes, clock, close } = createCluster({ maxEventBytes: 100 });
    const [{ registry }] = processes;
    const throwing = (code: string): unknown => expect.objectContaining({ code });
    const room = registry.channel("room");
    expect(() => room.push({ data: "x".repeat(100) })).toThrow(throwing("EVENT_TOO_LARGE"));
    expect(() => room.push({ event: "a\nb" })).toThrow(throwing("INVALID_EVENT"));
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
