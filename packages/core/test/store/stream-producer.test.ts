import { describe, expect, test } from "vitest";
import { createCluster } from "../support/cluster.ts";

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

describe("push", () => {
  test("without room for an event that the store does not have fails the stream, and drops none", async () => {
    const { processes, clock, close } = createCluster({ buffer: { events: 10, bytes: 4_000 } });
    const [{ registry, link }] = processes;
    const job = await registry.open("a");
    link.callFates = ["rejected"];
    const ids = Array.from({ length: 12 }, (_, data) => job.push({ data }));
    expect(ids.filter((id) => id !== undefined)).toHaveLength(10);
    expect(registry.get("a")).toMatchObject({ status: "failed", first: 1, last: 10 });
    expect(job.signal.reason).toEqual(code("LIMIT_EXCEEDED"));
    link.callFates = ["ok"];
    await clock.advance(2_000);
    const late = processes[1].connect("a");
    await clock.flush();
    expect(late.events).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(late.blocks.at(-2)?.[2]).toMatchObject({ code: "LIMIT_EXCEEDED", retryable: false });
    await close();
  });

  test("`pipe` waits for room rather than drop an event that the store does not have", async () => {
    const { processes, clock, close } = createCluster({ buffer: { events: 10, bytes: 4_000 } });
    const [{ registry, link }] = processes;
    const job = await registry.open("a");
    link.callFates = ["rejected"];
    for (let data = 0; data < 10; data++) job.push({ data });
    const piped = job.pipe(
      (async function* () {
        yield* [{ data: "a" }, { data: "b" }];
      })(),
    );
    await clock.advance(10_000);
    expect(registry.get("a")).toMatchObject({ status: "live", last: 10 });
    link.callFates = ["ok"];
    await clock.advance(2_000);
    await piped;
    const late = processes[1].connect("a", { cursor: `${job.epoch}.8` });
    await clock.flush();
    expect(late.events).toEqual([8, 9, "a", "b"]);
    await close();
  });

  test("repeats an append whose reply was lost, so that no event is lost or stored twice", async () => {
    const { processes, clock, store, close } = createCluster();
    const job = await processes[0].registry.open("a");
    processes[0].link.callFates = ["reply lost"];
    job.push({ data: 1 });
    await clock.advance(5);
    processes[0].link.callFates = ["ok"];
    job.push({ data: 2 });
    await clock.advance(2_000);
    const page = await store.read("a", null, { frames: 9, bytes: 999 });
    expect(page).toMatchObject({ code: "ok", meta: { first: 1, last: 2 } });
    await close();
  });
});

describe("the lease", () => {
  test("is renewed also after hints were lost during a slow append", async () => {
    const { processes, clock, store, close } = createCluster();
    const [{ registry, link }] = processes;
    const job = await registry.open("a");
    const append = link.append.bind(link);
    link.append = async (id, given) => {
      await new Promise<void>((resolve) => clock.after(2_000, resolve));
      return append(id, given);
    };
    job.push({ data: 1 });
    await clock.advance(10);
    store.rouse();
    await clock.advance(1_990);
    link.append = append;
    await clock.advance(20_000);
    expect(await store.read("a", null, { frames: 1, bytes: 1 })).toMatchObject({
      meta: { last: 1, leaseLeftMs: expect.toSatisfy((left: number) => left >= 10_000) },
    });
    await close();
  });
});

describe("a producer whose store has lost data", () => {
  test("restores the stream with the same epoch and numbers", async () => {
    const { processes, clock, store, close } = createCluster();
    const job = await processes[0].registry.open("a");
    const remote = processes[1].connect("a");
    job.push({ data: 1 });
    job.push({ data: 2 });
    await clock.advance(10);
    store.flush();
    job.push({ data: 3 });
    await clock.advance(10_000);
    const late = processes[2].connect("a");
    await clock.flush();
    expect([remote.events, late.events]).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
    expect(remote.text).not.toContain("stream.reset");
    expect(remote.text.match(/stream.open/g)).toHaveLength(1);
    await close();
  });

  test("continues after a fail-over to an older copy", async () => {
    const { processes, clock, store, close } = createCluster();
    const job = await processes[0].registry.open("a");
    job.push({ data: 1 });
    await clock.advance(10);
    const restoreCopy = store.copy();
    job.push({ data: 2 });
    await clock.advance(10);
    const remote = processes[1].connect("a");
    await clock.flush();
    restoreCopy();
    await clock.advance(10);
    job.push({ data: 3 });
    await clock.advance(5_000);
    expect(remote.events).toEqual([1, 2, 3]);
    expect(remote.text).not.toContain("stream.reset");
    await close();
  });

  test("restores what the log holds, and a reset names exactly what is missing", async () => {
    const { processes, clock, store, close } = createCluster({ buffer: { events: 4 } });
    const job = await processes[0].registry.open("a");
    job.push({ data: 1 });
    await clock.advance(10);
    const restoreCopy = store.copy();
    for (let number = 2; number <= 12; number++) {
      job.push({ data: number });
      await clock.advance(10);
    }
    restoreCopy();
    await clock.advance(6_000);
    const late = processes[2].connect("a", { cursor: `${job.epoch}.1` });
    await clock.advance(10);
    expect(late.blocks.filter(([event]) => event === "stream.reset")).toEqual([
      ["stream.reset", `${job.epoch}.8`, { reason: "trimmed", lost: [2, 8] }],
    ]);
    expect(late.events).toEqual([9, 10, 11, 12]);
    await close();
  });
});

describe("the end of a stream", () => {
  test("is stored together with the last events, before the promise resolves", async () => {
    const { processes, clock, store, close } = createCluster();
    const job = await processes[0].registry.open("a");
    job.push({ data: 1 });
    await job.end({ data: 2 });
    expect(await store.read("a", null, { frames: 1, bytes: 1 })).toMatchObject({
      meta: { last: 2, end: { status: "done" } },
    });
    await close();
    expect(clock.timers).toBe(0);
  });

  test("is stored with the public part of a failure", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    const remote = processes[1].connect("a");
    await clock.flush();
    await job.fail(new Error("a secret"));
    await clock.flush();
    expect(remote.blocks.slice(-2)).toEqual([
      ["stream.error", undefined, { code: "SOURCE_FAILED", message: "The stream failed.", retryable: false }],
      ["stream.end", `${job.epoch}.1.end`, { status: "failed" }],
    ]);
    expect(processes[1].observed.failed).toEqual([]);
    await close();
  });

  test("is given up after `linger`, with a report", async () => {
    const { processes, clock, close } = createCluster({ linger: 20_000 });
    const job = await processes[0].registry.open("a");
    processes[0].link.callFates = ["rejected"];
    let isOver = false;
    void job.end().then(() => {
      isOver = true;
    });
    await clock.advance(19_000);
    expect([isOver, processes[0].observed.failed.length]).toEqual([false, 1]);
    await clock.advance(4_000);
    expect([isOver, processes[0].observed.failed.length]).toEqual([true, 2]);
    await close();
  });
});

describe("with durability `stored`", () => {
  test("readers in the producer's process get an event, or the end, only when the store has it", async () => {
    const { processes, clock, close } = createCluster({ durability: "stored" });
    const job = await processes[0].registry.open("a");
    const local = processes[0].connect("a");
    processes[0].link.callFates = ["rejected"];
    job.push({ data: 1 });
    await clock.flush();
    expect(local.events).toEqual([]);
    processes[0].link.callFates = ["ok"];
    await clock.advance(5_000);
    expect(local.events).toEqual([1]);
    processes[0].link.callFates = ["rejected"];
    job.push({ data: 2 });
    void job.end();
    await clock.advance(5_000);
    expect(local.events).toEqual([1]);
    processes[0].link.callFates = ["ok"];
    await clock.advance(5_000);
    expect(local.events).toEqual([1, 2]);
    expect(local.blocks.at(-1)?.[2]).toEqual({ status: "done" });
    await close();
  });

  test("readers in the producer's process have all stored events when another process has ended the stream", async () => {
    const { processes, clock, close } = createCluster({ durability: "stored" });
    const job = await processes[0].registry.open("a");
    const local = processes[0].connect("a");
    const remote = processes[1].connect("a");
    job.push({ data: 1 });
    await clock.advance(5);
    processes[0].link.callFates = ["reply lost"];
    job.push({ data: 2 });
    await clock.advance(5);
    processes[0].link.callFates = ["rejected"];
    job.push({ data: 3 });
    await clock.advance(20_000);
    processes[0].link.callFates = ["ok"];
    await clock.advance(2_000);
    for (const client of [remote, local]) {
      expect(client.events).toEqual([1, 2]);
      expect(client.blocks.at(-1)?.[2]).toEqual({ status: "lost" });
    }
    expect(job.push({ data: 4 })).toBeUndefined();
    await close();
  });
});
