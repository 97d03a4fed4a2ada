// Covers src/store/{replica,replicas}.ts, and the reader's side of stream-broker.ts.

import { describe, expect, test } from "vitest";
import { createCluster } from "../support/cluster.ts";

const countEnds = (text: string): number => text.split("event: stream.end").length - 1;

describe("a client in another process than the producer", () => {
  test("gets the same bytes and ids as a client in the producer's process", async () => {
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

  test("resumes behind its cursor", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    for (let number = 1; number <= 5; number++) job.push({ data: number });
    await clock.advance(10);
    const remote = processes[1].connect("a", { cursor: `${job.epoch}.3` });
    await clock.flush();
    expect(remote.events).toEqual([4, 5]);
    expect(remote.blocks[0]).toMatchObject(["stream.open", `${job.epoch}.3`, { first: 1, last: 5 }]);
    await close();
  });

  test("gets new events without a wake-up too, and each once, however often the wake-up comes", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    const remote = [processes[1].connect("a"), processes[2].connect("a")];
    await clock.flush();
    processes[1].link.wakeUpFates = ["dropped"];
    processes[2].link.wakeUpFates = ["doubled"];
    job.push({ data: 1 });
    await clock.advance(10);
    expect(remote.map(({ events }) => events)).toEqual([[], [1]]);
    await clock.advance(5_000);
    expect(remote.map(({ events }) => events)).toEqual([[1], [1]]);
    await close();
  });

  test("resumes although its cursor is ahead of what this process has read", async () => {
    const { processes, clock, close } = createCluster();
    const [, remote] = processes;
    const job = await processes[0].registry.open("a");
    const connected = remote.connect("a");
    await clock.flush();
    remote.link.wakeUpFates = ["dropped"];
    for (let number = 1; number <= 3; number++) job.push({ data: number });
    await clock.advance(10);
    expect(connected.events).toEqual([]);
    const newcomer = remote.connect("a", { cursor: `${job.epoch}.2` });
    await clock.advance(10);
    expect(newcomer.events).toEqual([3]);
    expect(newcomer.blocks[0]).toMatchObject(["stream.open", `${job.epoch}.2`, { first: 1, last: 3 }]);
    expect(connected.events).toEqual([1, 2, 3]);
    await close();
  });

  test("resumes after an outage with a cursor ahead of what this process has read, and gets one error for the outage", async () => {
    const { processes, clock, close } = createCluster();
    const [, remote] = processes;
    const job = await processes[0].registry.open("a");
    remote.connect("a");
    await clock.flush();
    for (const { link } of processes) link.callFates = ["rejected"];
    for (let number = 1; number <= 2; number++) job.push({ data: number });
    await clock.advance(10);
    const newcomer = remote.connect("a", { cursor: `${job.epoch}.2` });
    await clock.advance(10_000);
    expect(newcomer.blocks.map(([name]) => name)).toEqual(["stream.open", "stream.error"]);
    for (const { link } of processes) link.callFates = ["ok"];
    job.push({ data: 3 });
    await clock.advance(6_000);
    expect(newcomer.events).toEqual([3]);
    expect(newcomer.blocks.map(([name]) => name)).not.toContain("stream.reset");
    await close();
  });

  test("resumes although another client's look-up, which began before its event was stored, is answered first", async () => {
    const { processes, clock, close } = createCluster();
    const [, remote] = processes;
    const job = await processes[0].registry.open("a");
    job.push({ data: 1 });
    await clock.advance(10);
    const read = remote.link.read.bind(remote.link);
    let answer = (): void => undefined;
    remote.link.read = async (...args) => {
      const page = await read(...args);
      await new Promise<void>((resolve) => (answer = resolve));
      return page;
    };
    const early = remote.connect("a", { cursor: `${job.epoch}.1` });
    await clock.flush();
    remote.link.read = read;
    job.push({ data: 2 });
    await clock.advance(10);
    const late = remote.connect("a", { cursor: `${job.epoch}.2` });
    await clock.flush();
    answer();
    await clock.flush();
    job.push({ data: 3 });
    await clock.advance(10);
    expect([early.events, late.events]).toEqual([[2, 3], [3]]);
    for (const client of [early, late]) expect(client.text).not.toContain("stream.reset");
    await close();
    expect(clock.timers).toBe(0);
  });

  test("starts over with a cursor ahead of the stream", async () => {
    const { processes, clock, close } = createCluster();
    const [, remote] = processes;
    const job = await processes[0].registry.open("a");
    remote.connect("a");
    job.push({ data: 1 });
    await clock.advance(10);
    const newcomer = remote.connect("a", { cursor: `${job.epoch}.9` });
    await clock.advance(10);
    expect(newcomer.blocks[1]).toMatchObject([
      "stream.reset",
      expect.anything(),
      { reason: "ahead", lost: null },
    ]);
    expect(newcomer.events).toEqual([1]);
    await close();
  });

  test("gets no earlier event with `from: now`", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    job.push({ data: 1 });
    await clock.advance(10);
    const remote = processes[1].connect(processes[1].registry.stream("a", { from: "now" }));
    await clock.flush();
    job.push({ data: 2 });
    await clock.advance(10);
    expect(remote.events).toEqual([2]);
    await close();
  });

  test("can be a subscriber", async () => {
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
    const remote = [processes[1].connect("a"), processes[2].connect("a"), processes[2].connect("a")];
    await clock.flush();
    processes[0].link.disconnect();
    await clock.advance(14_000);
    expect(remote.map(({ text }) => countEnds(text))).toEqual([0, 0, 0]);
    await clock.advance(6_000);
    const late = processes[1].connect("a", { cursor: `${job.epoch}.1` });
    for (const client of [...remote, late]) {
      expect(client.blocks.at(-1)).toEqual(["stream.end", `${job.epoch}.2.end`, { status: "lost" }]);
      expect([countEnds(client.text), client.state]).toEqual([1, "flushed"]);
    }
    await close();
  });

  test("is not declared dead because no process could reach the store", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    const remote = processes[1].connect("a");
    await clock.flush();
    for (const { link } of processes) link.callFates = ["rejected"];
    await clock.advance(60_000);
    processes[1].link.callFates = ["ok"];
    await clock.advance(1_000);
    for (const { link } of processes) link.callFates = ["ok"];
    job.push({ data: 1 });
    await clock.advance(6_000);
    expect(remote.events).toEqual([1]);
    expect(job.signal.aborted).toBe(false);
    await close();
  });

  test("learns that its stream is lost when it reaches the store again", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    const local = processes[0].connect("a");
    const remote = processes[1].connect("a");
    await clock.flush();
    processes[0].link.callFates = ["rejected"];
    await clock.advance(21_000);
    expect(remote.blocks.at(-1)?.[2]).toEqual({ status: "lost" });
    processes[0].link.callFates = ["ok"];
    await clock.advance(5_000);
    expect(job.signal.aborted).toBe(true);
    expect(local.blocks.at(-1)?.[2]).toEqual({ status: "lost" });
    await close();
  });

  test("leaves `lost` even if the store has lost the stream too", async () => {
    const { processes, clock, store, close } = createCluster();
    const job = await processes[0].registry.open("a");
    const remote = processes[1].connect("a");
    await clock.flush();
    processes[0].link.disconnect();
    store.flush();
    await clock.advance(26_000);
    expect(remote.blocks.at(-1)).toEqual(["stream.end", `${job.epoch}.1.end`, { status: "lost" }]);
    await close();
  });
});

describe("a replica", () => {
  test("is stopped `linger` after its last reader, without an end and without reports", async () => {
    const { processes, clock, close } = createCluster({ linger: 1_000 });
    const job = await processes[0].registry.open("a");
    const remote = processes[1].connect("a");
    await clock.flush();
    expect(processes[1].registry.size).toBe(1);
    remote.leave();
    await clock.advance(1_000);
    expect(processes[1].registry.size).toBe(0);
    const { callCount } = processes[1].link;
    await clock.advance(60_000);
    expect(processes[1].link.callCount).toBe(callCount);
    expect([processes[1].observed.streamEnded, processes[1].observed.streamOpened]).toEqual([[], []]);
    expect(job.signal.aborted).toBe(false);
    await close();
  });

  test("moves its readers to a new epoch of the id", async () => {
    const { processes, clock, store, close } = createCluster();
    const old = await processes[0].registry.open("a");
    old.push({ data: "old" });
    await clock.advance(10);
    const remote = processes[1].connect("a");
    await clock.flush();
    processes[0].link.disconnect();
    await store.delete("a");
    const fresh = await processes[2].registry.open("a");
    fresh.push({ data: "new" });
    await clock.advance(10_000);
    expect(remote.events).toEqual(["old", "new"]);
    expect(remote.blocks.find(([event]) => event === "stream.reset")).toEqual([
      "stream.reset",
      `${fresh.epoch}.0`,
      { reason: "epoch", lost: null },
    ]);
    expect(remote.text.match(/stream.live/g)).toHaveLength(1);
    await fresh.end();
    await clock.advance(10);
    expect(remote.state).toBe("flushed");
    await close();
  });

  test("moves its readers to the stream when the id is opened in its process", async () => {
    const { processes, clock, store, close } = createCluster();
    await processes[0].registry.open("a");
    const remote = processes[1].connect("a");
    await clock.flush();
    processes[0].link.disconnect();
    await store.delete("a");
    const fresh = await processes[1].registry.open("a");
    fresh.push({ data: "new" });
    await clock.flush();
    expect(remote.events).toEqual(["new"]);
    await close();
    expect(clock.timers).toBe(0);
  });
});

describe("a source that is stopped because its process has no readers left", () => {
  test("is started in a process that still has readers", async () => {
    let runs = 0;
    const source = (): AsyncIterable<{ data: number }> => {
      const run = ++runs;
      return (async function* () {
        yield { data: run };
        await new Promise(() => undefined);
      })();
    };
    const { processes, clock, close } = createCluster({ source, linger: 1_000 });
    const local = processes[0].connect("a");
    await clock.advance(10);
    const remote = processes[1].connect("a");
    await clock.advance(10);
    local.leave();
    await clock.advance(15_000);
    expect([runs, remote.events]).toEqual([2, [1, 2]]);
    expect(remote.blocks.find(([event]) => event === "stream.reset")?.[2]).toEqual({
      reason: "epoch",
      lost: null,
    });
    remote.leave();
    await clock.advance(1_000);
    expect(processes.map(({ registry }) => registry.size)).toEqual([0, 0, 0]);
    await close();
    expect(clock.timers).toBe(0);
  });
});
