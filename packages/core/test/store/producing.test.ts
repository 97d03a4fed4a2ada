import { describe, expect, test } from "vitest";
import type { Store } from "../../src/store/store.ts";
import { createFakeClock, createMemoryStore } from "../../src/testing/index.ts";
import { createCluster } from "../support/cluster.ts";
import { createTestRegistry } from "../support/test-registry.ts";

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

describe("open", () => {
  test("asks the store, which knows of a live stream in another process", async () => {
    const { processes, close } = createCluster();
    await processes[0].registry.open("a");
    await expect(processes[1].registry.open("a")).rejects.toEqual(code("STREAM_EXISTS"));
    await expect(processes[0].registry.open("a")).rejects.toEqual(code("STREAM_EXISTS"));
    await close();
  });

  test("of two calls at once for an id one wins", async () => {
    const { processes, close } = createCluster();
    const settled = await Promise.allSettled([
      processes[0].registry.open("a"),
      processes[0].registry.open("a"),
      processes[1].registry.open("a"),
    ]);
    expect(settled.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected", "rejected"]);
    await close();
  });

  test("rejects while the store is away, and what may have been opened is whose call comes again", async () => {
    const { processes, close } = createCluster();
    processes[0].link.callFates = ["reply lost"];
    await expect(processes[0].registry.open("a")).rejects.toEqual(code("STORE_UNAVAILABLE"));
    processes[0].link.callFates = ["ok"];
    await expect(processes[1].registry.open("a")).rejects.toEqual(code("STREAM_EXISTS"));
    const job = await processes[0].registry.open("a");
    expect(job.push({ data: 1 })).toBe(`${job.epoch}.1`);
    await close();
  });

  test("a store that hangs is away after 5 s; an answer that comes later opens nothing for nobody", async () => {
    const { processes, clock, store, close } = createCluster();
    processes[0].link.callFates = ["hanging"];
    const opening = expect(processes[0].registry.open("a")).rejects.toEqual(code("STORE_UNAVAILABLE"));
    await clock.advance(5_000);
    await opening;
    expect(await store.read("a", null, { frames: 1, bytes: 1 })).toEqual({ code: "missing" });
    await close();
  });

  test("takes the id of a stream whose producer is dead; its readers are told that it was lost", async () => {
    const { processes, clock, close } = createCluster();
    const old = await processes[0].registry.open("a");
    old.push({ data: 1 });
    await clock.advance(5);
    const client = processes[1].connect("a");
    await clock.flush();
    processes[0].link.disconnect();
    await clock.advance(14_000);
    await expect(processes[2].registry.open("a")).rejects.toEqual(code("STREAM_EXISTS"));
    await clock.advance(1_000);
    const fresh = await processes[2].registry.open("a");
    expect(fresh.epoch).not.toBe(old.epoch);
    expect(client.events).toEqual([1]);
    expect(client.blocks.at(-1)?.[2]).toEqual({ status: "lost" });
    await close();
  });

  test("a registry that closes meanwhile ends what it was given", async () => {
    const { processes, clock, store, close } = createCluster();
    const opening = expect(processes[0].registry.open("a")).rejects.toEqual(code("REGISTRY_CLOSED"));
    const closed = processes[0].registry.close({ deadline: 0 });
    await clock.advance(0);
    await opening;
    await closed;
    expect(await store.read("a", null, { frames: 1, bytes: 1 })).toMatchObject({
      meta: { end: { status: "cancelled" } },
    });
    await close();
    expect(clock.timers).toBe(0);
  });

  test("waits for the end of the stream before it to be stored", async () => {
    const { processes, clock, close } = createCluster();
    const old = await processes[0].registry.open("a");
    processes[0].link.callFates = ["rejected"];
    void old.end();
    await clock.flush();
    processes[0].link.callFates = ["ok"];
    const opening = processes[0].registry.open("a");
    await clock.advance(100);
    expect((await opening).epoch).not.toBe(old.epoch);
    await close();
  });

  test("refuses what is no store", async () => {
    expect(() => createCluster({ durability: "none" as never })).toThrow(code("INVALID_OPTION"));
    const { createRegistry } = await import("../../src/registry/registry.ts");
    expect(() => createRegistry({ store: { open: () => undefined } as never })).toThrow(
      expect.objectContaining({ message: expect.stringContaining("append, read, wake") }),
    );
  });
});

describe("push", () => {
  test("goes to the store in batches: in the next turn, 5 ms after the last, or as soon as there are 64", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    const before = processes[0].link.callCount;
    for (let number = 0; number < 10; number++) job.push({ data: number });
    expect(processes[0].link.callCount).toBe(before);
    await clock.flush();
    expect(processes[0].link.callCount).toBe(before + 1);
    for (let number = 0; number < 10; number++) job.push({ data: number });
    await clock.advance(4);
    expect(processes[0].link.callCount).toBe(before + 1);
    await clock.advance(1);
    expect(processes[0].link.callCount).toBe(before + 2);
    for (let number = 0; number < 64; number++) job.push({ data: number });
    expect(processes[0].link.callCount).toBe(before + 3);
    await close();
  });

  test("while the store is away the job and its readers here go on, and the outage is told once", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    const here = processes[0].connect("a");
    const there = processes[1].connect("a");
    await clock.flush();
    for (const { link } of processes) link.callFates = ["rejected"];
    job.push({ data: 1 });
    await clock.advance(20_000);
    job.push({ data: 2 });
    await clock.flush();
    expect([here.events, there.events]).toEqual([[1, 2], []]);
    expect(there.text).toContain(": degraded\n\n");
    expect([processes[0].observed.failed.length, processes[1].observed.failed.length]).toEqual([1, 1]);
    expect(processes[0].observed.failed[0]).toMatchObject({ stage: "store" });
    for (const { link } of processes) link.callFates = ["ok"];
    await clock.advance(6_000);
    expect(there.events).toEqual([1, 2]);
    await job.end();
    await clock.advance(10);
    expect(there.blocks.at(-1)).toEqual(["stream.end", `${job.epoch}.3.end`, { status: "done" }]);
    await close();
  });

  test("what is told of an outage is why a call failed, if one did", async () => {
    let tell: (healthy: boolean) => void = () => undefined;
    let works = true;
    const clock = createFakeClock();
    const memory = createMemoryStore({ clock });
    const store: Store = {
      ...memory,
      health(onChange) {
        tell = onChange;
        return () => undefined;
      },
      async append(id, given) {
        if (works) return memory.append(id, given);
        tell(false);
        throw new Error("It is full.");
      },
    };
    const { registry, observed } = createTestRegistry({ store }, clock);
    const job = await registry.open("a");
    const say = async (): Promise<unknown[]> => {
      job.push({ data: "x" });
      await clock.advance(10);
      return observed.failed.splice(0);
    };
    expect(await say()).toEqual([]);
    works = false;
    expect(await say()).toMatchObject([{ stage: "store", error: { message: "It is full." } }]);
    works = true;
    tell(true);
    await clock.advance(10);

    tell(false);
    tell(true);
    expect(await say()).toEqual([]);
    tell(false);
    expect(await say()).toMatchObject([{ stage: "store", error: { message: "The store is away." } }]);
  });

  test("does not push an event off the log that the store does not have; `pipe` waits", async () => {
    const { processes, clock, close } = createCluster({ buffer: { events: 10, bytes: 4_000 } });
    const [{ registry, link }] = processes;
    const job = await registry.open("a");
    link.callFates = ["rejected"];
    let pushed = 0;
    const overflow = (): void => {
      for (; pushed < 100; pushed++) job.push({ data: pushed });
    };
    expect(overflow).toThrow(expect.objectContaining({ code: "LIMIT_EXCEEDED", retryable: true }));
    expect([pushed, registry.get("a")?.first]).toEqual([10, 1]);
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

  test("nothing is lost when an answer is: the append is repeated as it was", async () => {
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

describe("a store that loses something", () => {
  test("gets the stream again, under the same epoch and numbers", async () => {
    const { processes, clock, store, close } = createCluster();
    const job = await processes[0].registry.open("a");
    const there = processes[1].connect("a");
    job.push({ data: 1 });
    job.push({ data: 2 });
    await clock.advance(10);
    store.flush();
    job.push({ data: 3 });
    await clock.advance(10_000);
    const late = processes[2].connect("a");
    await clock.flush();
    expect([there.events, late.events]).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
    expect(there.text).not.toContain("stream.reset");
    expect(there.text.match(/stream.open/g)).toHaveLength(1);
    await close();
  });

  test("goes on from where it is after a fail-over to an older copy", async () => {
    const { processes, clock, store, close } = createCluster();
    const job = await processes[0].registry.open("a");
    job.push({ data: 1 });
    await clock.advance(10);
    const goBack = store.copy();
    job.push({ data: 2 });
    await clock.advance(10);
    const there = processes[1].connect("a");
    await clock.flush();
    goBack();
    await clock.advance(10);
    job.push({ data: 3 });
    await clock.advance(5_000);
    expect(there.events).toEqual([1, 2, 3]);
    expect(there.text).not.toContain("stream.reset");
    await close();
  });

  test("and more than the log can give: readers behind it are told exactly what is missing", async () => {
    const { processes, clock, store, close } = createCluster({ buffer: { events: 4 } });
    const job = await processes[0].registry.open("a");
    job.push({ data: 1 });
    await clock.advance(10);
    const goBack = store.copy();
    for (let number = 2; number <= 12; number++) {
      job.push({ data: number });
      await clock.advance(10);
    }
    goBack();
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

describe("the end", () => {
  test("is stored with the last events, and the promise waits for it", async () => {
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

  test("a failure's public part goes with it", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    const there = processes[1].connect("a");
    await clock.flush();
    await job.fail(new Error("a secret"));
    await clock.flush();
    expect(there.blocks.slice(-2)).toEqual([
      ["stream.error", undefined, { code: "SOURCE_FAILED", message: "The stream failed.", retryable: false }],
      ["stream.end", `${job.epoch}.1.end`, { status: "failed" }],
    ]);
    expect(processes[1].observed.failed).toEqual([]);
    await close();
  });

  test("is given up after `linger`, and that is told", async () => {
    const { processes, clock, close } = createCluster({ linger: 20_000 });
    const job = await processes[0].registry.open("a");
    processes[0].link.callFates = ["rejected"];
    let over = false;
    void job.end().then(() => {
      over = true;
    });
    await clock.advance(19_000);
    expect([over, processes[0].observed.failed.length]).toEqual([false, 1]);
    await clock.advance(4_000);
    expect([over, processes[0].observed.failed.length]).toEqual([true, 2]);
    await close();
  });

  test("closing a registry stores the ends of its streams", async () => {
    const { processes, clock, store, close } = createCluster();
    const job = await processes[0].registry.open("a");
    job.push({ data: 1 });
    const closed = processes[0].registry.close({ deadline: 1_000 });
    await clock.advance(0);
    await closed;
    expect(job.signal.aborted).toBe(true);
    expect(await store.read("a", null, { frames: 1, bytes: 1 })).toMatchObject({
      meta: { last: 1, end: { status: "cancelled" } },
    });
    await close();
  });

  test("closing waits for a store that is away until the deadline, and tells what was not stored", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    processes[0].registry.channel("room").push({ data: 1 });
    job.push({ data: 1 });
    processes[0].link.callFates = ["hanging"];
    let over = false;
    void processes[0].registry.close({ deadline: 3_000 }).then(() => {
      over = true;
    });
    await clock.advance(2_999);
    expect(over).toBe(false);
    await clock.advance(1);
    expect(over).toBe(true);
    expect(new Set(processes[0].observed.failed.map(({ id }) => id))).toEqual(new Set(["a", "room"]));
    await close();
    expect(clock.timers).toBe(0);
  });
});

describe("with durability `stored`", () => {
  test("readers here get only what the store has, and the end only with it", async () => {
    const { processes, clock, close } = createCluster({ durability: "stored" });
    const job = await processes[0].registry.open("a");
    const here = processes[0].connect("a");
    processes[0].link.callFates = ["rejected"];
    job.push({ data: 1 });
    await clock.flush();
    expect(here.events).toEqual([]);
    processes[0].link.callFates = ["ok"];
    await clock.advance(5_000);
    expect(here.events).toEqual([1]);
    processes[0].link.callFates = ["rejected"];
    job.push({ data: 2 });
    void job.end();
    await clock.advance(5_000);
    expect(here.events).toEqual([1]);
    processes[0].link.callFates = ["ok"];
    await clock.advance(5_000);
    expect(here.events).toEqual([1, 2]);
    expect(here.blocks.at(-1)?.[2]).toEqual({ status: "done" });
    await close();
  });

  test("readers here have all that the store has when somebody else has ended the stream", async () => {
    const { processes, clock, close } = createCluster({ durability: "stored" });
    const job = await processes[0].registry.open("a");
    const here = processes[0].connect("a");
    const there = processes[1].connect("a");
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
    for (const client of [there, here]) {
      expect(client.events).toEqual([1, 2]);
      expect(client.blocks.at(-1)?.[2]).toEqual({ status: "lost" });
    }
    expect(() => job.push({ data: 4 })).toThrow(code("STREAM_ENDED"));
    await close();
  });
});

describe("cancel", () => {
  test("without a reason is one without a reason everywhere", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    expect(await processes[1].registry.cancel("a")).toBe(true);
    await clock.advance(5_000);
    expect(job.signal.reason).toMatchObject({ code: "ABORTED" });
    await close();
  });

  test("reaches a producer in another process at once, with the reason", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    const there = processes[2].connect("a");
    expect(await processes[1].registry.cancel("a", "user")).toBe(true);
    await clock.flush();
    expect([job.signal.aborted, job.signal.reason]).toEqual([true, "user"]);
    await clock.flush();
    expect(there.blocks.at(-1)?.[2]).toEqual({ status: "cancelled" });
    expect(await processes[1].registry.cancel("a")).toBe(false);
    expect(await processes[1].registry.cancel("b")).toBe(false);
    await close();
  });

  test("reaches it with its next renewal where the hint is lost", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    processes[0].link.wakeUpFates = ["dropped"];
    await processes[1].registry.cancel("a", "user");
    await clock.advance(4_999);
    expect(job.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(job.signal.aborted).toBe(true);
    await close();
  });

  test("takes the stream away from a producer that does not react within a lease", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    job.push({ data: 1 });
    await clock.advance(5);
    const there = processes[2].connect("a");
    await clock.flush();
    // It still renews its lease, as a broken producer may that never looks at the answers.
    const { link } = processes[0];
    const append = link.append.bind(link);
    link.append = async (id, given) => {
      const answer = await append(id, given);
      return answer.code === "ok" ? { code: "ok", last: answer.last } : answer;
    };
    await processes[1].registry.cancel("a", "user");
    await clock.advance(14_000);
    expect(there.blocks.at(-1)?.[0]).not.toBe("stream.end");
    await clock.advance(1_000);
    expect(there.blocks.at(-1)?.[2]).toEqual({ status: "cancelled" });
    await clock.advance(5_000);
    expect(job.signal.aborted).toBe(true);
    await close();
    expect(clock.timers).toBe(0);
  });

  test("rejects while the store is away", async () => {
    const { processes, close } = createCluster();
    processes[0].link.callFates = ["rejected"];
    await expect(processes[0].registry.cancel("a")).rejects.toEqual(code("STORE_UNAVAILABLE"));
    await close();
  });
});
