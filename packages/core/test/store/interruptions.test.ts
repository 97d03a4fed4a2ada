// Covers how src/store/{stream-broker,stream-claims,stream-producer,replica,replicas}.ts interrupt, continue and replace
// streams. What a store must do for that is tested by the store suite of packages/conformance.

import { describe, expect, test } from "vitest";
import { HoldfastError } from "../../src/base/errors.ts";
import type { AnyEvents } from "../../src/protocol/event.ts";
import type { RegistryOptions } from "../../src/registry/types.ts";
import type { Snapshot } from "../../src/stream/snapshot.ts";
import { createCluster } from "../support/cluster.ts";
import type { TestClient } from "../support/test-registry.ts";

const code = (expected: string): unknown => expect.objectContaining({ code: expected });
const HEAD = { frames: 1, bytes: 1 };
const names = ({ blocks }: TestClient): string[] => blocks.map(([event]) => event);
const last = ({ blocks }: TestClient): unknown => blocks.at(-1)?.slice(0, 1).concat(blocks.at(-1)?.[2]);
const LOST = ["stream.end", { status: "lost" }];
const DONE = ["stream.end", { status: "done" }];

/** Three processes with a retry window of 30 s, a job in the first, and a client at the first and at the second. */
async function interruptible(options: RegistryOptions = {}) {
  const cluster = createCluster({ retryWindow: 30_000, ...options });
  const [first, second, third] = cluster.processes;
  const job = await first.registry.open("a");
  job.push({ data: 1 });
  await cluster.clock.advance(5);
  const near = first.connect("a");
  const far = second.connect("a");
  await cluster.clock.flush();
  return { ...cluster, first, second, third, job, near, far, clients: [near, far] };
}

describe("a job that fails with a `retryWindow`", () => {
  test("is interrupted for every process, and its readers stay", async () => {
    const { first, second, third, job, clients, clock, close } = await interruptible();
    job.push({ data: 2 });
    await job.fail(new Error("secret"));
    await clock.flush();
    const late = third.connect("a", { cursor: `${job.epoch}.1` });
    await clock.flush();
    for (const client of [...clients, late]) {
      expect(last(client)).toEqual(["stream.error", code("INTERRUPTED")]);
      expect(names(client).filter((name) => name === "stream.error")).toHaveLength(1);
      expect([client.state, client.text.includes("secret")]).toEqual(["open", false]);
    }
    expect([...clients, late].map(({ events }) => events)).toEqual([[1, 2], [1, 2], [2]]);
    for (const { registry } of [first, second, third]) {
      expect(await registry.find("a")).toMatchObject({ status: "interrupted", last: 2 });
      expect(registry.get("a")?.status).toBe("interrupted");
    }
    await close();
    expect(clock.timers).toBe(0);
  });

  test("is continued in another process by `append`, without a reset", async () => {
    const { second, third, job, clients, clock, close } = await interruptible();
    await job.fail(new Error("x"));
    await clock.flush();
    const next = await third.registry.open("a", { ifExists: "append" });
    expect([next.last, next.epoch === job.epoch]).toEqual([1, false]);
    expect(next.push({ data: 2 })).toBe(`${next.epoch}.2`);
    await next.flush();
    expect(await second.registry.find("a")).toMatchObject({ status: "live", epoch: next.epoch });
    const resumed = second.connect("a", { cursor: `${job.epoch}.1` });
    await next.end();
    await clock.flush();
    for (const client of [...clients, resumed]) {
      expect(last(client)).toEqual(DONE);
      expect(names(client)).not.toContain("stream.reset");
    }
    expect([...clients, resumed].map(({ events }) => events)).toEqual([[1, 2], [1, 2], [2]]);
    await close();
  });

  test.each(["throw", "replace"] as const)("begins a new life with %s, by a reset", async (ifExists) => {
    const { third, job, clients, clock, close } = await interruptible();
    await job.fail(new Error("x"));
    await clock.flush();
    const next = await third.registry.open("a", { ifExists });
    expect(next.last).toBe(0);
    await next.end({ data: "new" });
    await clock.flush();
    for (const client of clients) {
      expect(client.events).toEqual([1, "new"]);
      expect(client.blocks.find(([event]) => event === "stream.reset")?.[2]).toMatchObject({
        reason: "epoch",
      });
      expect(last(client)).toEqual(DONE);
    }
    await close();
  });

  test("ends with its error when the window is over, in every process", async () => {
    const { second, job, clients, clock, close } = await interruptible();
    await job.fail(
      new HoldfastError("SOURCE_FAILED", "The model is away.", { retryable: true, retryAfter: 7 }),
    );
    await clock.advance(29_000);
    expect(clients.map(({ state }) => state)).toEqual(["open", "open"]);
    await clock.advance(7_000);
    for (const client of clients) {
      expect(client.blocks.slice(-2).map(([event, , data]) => [event, data])).toEqual([
        ["stream.error", { code: "SOURCE_FAILED", message: "The model is away.", retryable: false }],
        ["stream.end", { status: "failed" }],
      ]);
    }
    expect(await second.registry.find("a")).toMatchObject({ status: "failed" });
    await close();
  });

  test("waits as long as `retryWithin` says, without the option too", async () => {
    const { job, clients, clock, close } = await interruptible({ retryWindow: 0 });
    await job.fail(new Error("x"), { retryWithin: 10_000 });
    await clock.advance(9_000);
    expect(clients.map(({ state }) => state)).toEqual(["open", "open"]);
    await clock.advance(7_000);
    expect(clients.map(last)).toEqual([
      ["stream.end", { status: "failed" }],
      ["stream.end", { status: "failed" }],
    ]);
    await close();
  });

  test("is ended by a HoldfastError that is not retryable", async () => {
    const { job, clients, clock, close } = await interruptible();
    expect(await job.pipe(() => Promise.reject(new HoldfastError("GONE", "Deleted.")))).toBe("failed");
    await clock.flush();
    expect(clients.map(last)).toEqual([
      ["stream.end", { status: "failed" }],
      ["stream.end", { status: "failed" }],
    ]);
    await close();
  });

  test("is interrupted here at once while the store is away, and everywhere when it is back", async () => {
    const { first, job, near, far, clock, close } = await interruptible();
    first.link.callFates = ["rejected"];
    const failed = job.fail(new Error("x"));
    await clock.flush();
    expect(last(near)).toEqual(["stream.error", code("INTERRUPTED")]);
    expect(first.registry.get("a")?.status).toBe("interrupted");
    first.link.callFates = ["ok"];
    await clock.advance(10_000);
    await failed;
    expect(last(far)).toEqual(["stream.error", code("INTERRUPTED")]);
    await close();
  });
});

describe("a process that is lost", () => {
  test("leaves its stream interrupted, then lost when the window is over", async () => {
    const { first, far, clock, close } = await interruptible();
    first.link.disconnect();
    await clock.advance(16_000);
    expect(last(far)).toEqual(["stream.error", code("INTERRUPTED")]);
    await clock.advance(28_000);
    expect(far.state).toBe("open");
    await clock.advance(8_000);
    expect(last(far)).toEqual(LOST);
    await close();
  });

  test("is live again without a reset when it is back before anybody has taken the stream over", async () => {
    const { first, second, job, near, far, clock, close } = await interruptible();
    first.link.callFates = ["rejected"];
    await clock.advance(18_000);
    expect(second.registry.get("a")?.status).toBe("interrupted");
    expect(first.registry.get("a")?.status).toBe("live");
    first.link.callFates = ["ok"];
    await clock.advance(5_000);
    expect(second.registry.get("a")?.status).toBe("live");
    expect(job.signal.aborted).toBe(false);
    await job.end({ data: 2 });
    await clock.flush();
    for (const client of [near, far]) {
      expect(client.events).toEqual([1, 2]);
      expect(names(client)).not.toContain("stream.reset");
    }
    await close();
  });

  test.each(["append", "replace"] as const)(
    "that was taken over by %s aborts with TAKEN_OVER, and moves its readers",
    async (ifExists) => {
      const { first, second, job, near, far, clock, close } = await interruptible();
      first.link.callFates = ["rejected"];
      job.push({ data: "never stored" });
      await clock.advance(20_000);
      const next = await second.registry.open("a", { ifExists });
      next.push({ data: 2 });
      await clock.advance(5);
      first.link.callFates = ["ok"];
      await clock.advance(5_000);
      expect(job.signal.reason).toEqual(code("TAKEN_OVER"));
      expect(job.push({ data: "late" })).toBeUndefined();
      expect(near.state).toBe("open");
      await next.end({ data: 3 });
      await clock.flush();
      const reason = ifExists === "append" ? "ahead" : "epoch";
      expect(near.blocks.filter(([event]) => event === "stream.reset").map(([, , data]) => data)).toEqual([
        expect.objectContaining({ reason }),
      ]);
      const kept = ifExists === "append" ? [1] : [];
      expect(near.events).toEqual([1, "never stored", ...kept, 2, 3]);
      expect(far.events).toEqual([1, 2, 3]);
      expect([last(near), last(far)]).toEqual([DONE, DONE]);
      await close();
    },
  );

  test("has its stream replaced by `open`, once its lease is over", async () => {
    const { first, second, far, clock, close } = await interruptible();
    first.link.disconnect();
    await expect(second.registry.open("a")).rejects.toEqual(code("STREAM_EXISTS"));
    await clock.advance(16_000);
    const next = await second.registry.open("a");
    await next.end({ data: "new" });
    await clock.flush();
    expect(far.events).toEqual([1, "new"]);
    expect(last(far)).toEqual(DONE);
    await close();
  });
});

describe("open with `ifExists`", () => {
  test("`append` takes a live stream from its producer, with everything that was pushed there", async () => {
    const { second, job, clients, clock, close } = await interruptible();
    job.push({ data: 2 });
    await clock.advance(5);
    const next = await second.registry.open("a", { ifExists: "append" });
    expect(next.last).toBe(2);
    next.push({ data: 3 });
    await clock.advance(6_000);
    expect(job.signal.reason).toEqual(code("TAKEN_OVER"));
    await next.end();
    await clock.flush();
    for (const client of clients) {
      expect(client.events).toEqual([1, 2, 3]);
      expect(names(client)).not.toContain("stream.reset");
    }
    await close();
  });

  test.each(["append", "replace"] as const)("`%s` works for the same process too", async (ifExists) => {
    const { first, job, clients, clock, close } = await interruptible();
    job.push({ data: 2 });
    await clock.advance(5);
    const next = await first.registry.open("a", { ifExists });
    expect(job.signal.reason).toEqual(code("TAKEN_OVER"));
    expect(next.last).toBe(ifExists === "append" ? 2 : 0);
    await next.end({ data: 3 });
    await clock.advance(6_000);
    for (const client of clients) {
      expect(client.events).toEqual([1, 2, 3]);
      expect(names(client).includes("stream.reset")).toBe(ifExists === "replace");
      expect(last(client)).toEqual(DONE);
    }
    await close();
  });

  test.each([
    ["done", async (job: { end(): Promise<void> }) => job.end()],
    ["cancelled", undefined],
  ] as const)("`append` rejects with STREAM_ENDED for a stream that is %s", async (status, end) => {
    const { first, second, job, clock, close } = await interruptible();
    if (end === undefined) await first.registry.cancel("a");
    else await end(job);
    await clock.flush();
    for (const { registry } of [first, second]) {
      await expect(registry.open("a", { ifExists: "append" })).rejects.toEqual(code("STREAM_ENDED"));
      await expect(registry.open("a", { ifExists: "append" })).rejects.toThrow(status);
    }
    expect((await second.registry.open("a")).last).toBe(0);
    await close();
  });

  test("`append` opens a stream that is unknown, or has failed", async () => {
    const { second, job, clock, close } = await interruptible({ retryWindow: 0 });
    expect((await second.registry.open("unknown", { ifExists: "append" })).last).toBe(0);
    await job.fail(new Error("x"));
    await clock.flush();
    expect((await second.registry.open("a", { ifExists: "append" })).last).toBe(0);
    await close();
  });
});

describe("cancel", () => {
  test("ends an interrupted stream at once", async () => {
    const { third, job, clients, clock, store, close } = await interruptible();
    await job.fail(new Error("x"));
    await clock.flush();
    expect(await third.registry.cancel("a", "user")).toBe(true);
    await clock.flush();
    expect(await store.read("a", null, HEAD)).toMatchObject({ meta: { end: { status: "cancelled" } } });
    expect(clients.map(last)).toEqual([
      ["stream.end", { status: "cancelled" }],
      ["stream.end", { status: "cancelled" }],
    ]);
    await close();
  });

  test("from another process gives the producer its grace", async () => {
    const { second, job, clients, clock, close } = await interruptible();
    await second.registry.cancel("a", "user", { grace: 3_000 });
    await clock.flush();
    expect(job.signal.reason).toBe("user");
    await clock.advance(2_000);
    job.push({ data: "last words" });
    await clock.advance(900);
    expect(clients.map(({ state }) => state)).toEqual(["open", "open"]);
    await clock.advance(200);
    for (const client of clients) {
      expect(client.events).toEqual([1, "last words"]);
      expect(last(client)).toEqual(["stream.end", { status: "cancelled" }]);
    }
    await close();
  });

  test.each(["the same process", "another process"])(
    "with `grace` outlasts an `append` in %s: that producer is asked to stop, too",
    async (where) => {
      const { first, second, third, far, clock, close } = await interruptible();
      await first.registry.cancel("a", "user", { grace: 10_000 });
      const { registry } = where === "the same process" ? first : second;
      const next = await registry.open("a", { ifExists: "append" });
      next.push({ data: 2 });
      // The producer before learns with its next append that it was taken over.
      await clock.advance(5_001);
      expect(next.signal.reason).toBe("user");
      await clock.advance(4_900);
      expect(await third.registry.find("a")).toMatchObject({ status: "live" });
      await clock.advance(100);
      expect(await third.registry.find("a")).toMatchObject({ status: "cancelled" });
      expect(far.events).toEqual([1, 2]);
      expect(last(far)).toEqual(["stream.end", { status: "cancelled" }]);
      await close();
      expect(clock.timers).toBe(0);
    },
  );

  test("with `grace` is over when the stream is replaced", async () => {
    const { first, second, clock, close } = await interruptible();
    await first.registry.cancel("a", "user", { grace: 3_000 });
    const next = await second.registry.open("a", { ifExists: "replace" });
    await clock.advance(20_000);
    expect(next.signal.aborted).toBe(false);
    await next.end();
    await close();
    expect(clock.timers).toBe(0);
  });

  test("never makes a life, and spares a producer that has opened the stream meanwhile", async () => {
    const { first, second, third, far, clock, store, close } = await interruptible();
    first.link.disconnect();
    await second.registry.cancel("a", "user");
    await clock.advance(14_000);
    const next = await third.registry.open("a", { ifExists: "replace" });
    await clock.advance(10_000);
    expect(next.signal.aborted).toBe(false);
    await next.end();
    await clock.flush();
    expect(last(far)).toEqual(DONE);
    await second.registry.cancel("b");
    await clock.advance(60_000);
    expect(await store.read("b", null, HEAD)).toEqual({ code: "missing" });
    await close();
  });
});

describe("a snapshot, while a stream is interrupted", () => {
  const asking = (snapshot: () => Snapshot<AnyEvents>) => interruptible({ idle: 100_000, snapshot });

  test("that says `finished` gives the readers the result, and leaves the store alone", async () => {
    let answer: Snapshot<AnyEvents> = { state: "running" };
    const { job, clients, clock, store, close } = await asking(() => answer);
    await job.fail(new Error("x"));
    await clock.flush();
    answer = { state: "done", events: [{ data: "result" }] };
    await clock.advance(3_000);
    for (const client of clients) {
      expect(client.events.at(-1)).toBe("result");
      expect(last(client)).toEqual(DONE);
    }
    const page = await store.read("a", null, HEAD);
    expect(page).not.toMatchObject({ meta: { end: expect.anything() } });
    await close();
  });

  test("that says `running` prolongs the window, to `idle` at most", async () => {
    const { job, clients, clock, close } = await asking(() => ({ state: "running" }));
    await job.fail(new Error("x"));
    await clock.advance(95_000);
    expect(clients.map(({ state }) => state)).toEqual(["open", "open"]);
    await clock.advance(40_000);
    expect(clients.map(last)).toEqual([
      ["stream.end", { status: "failed" }],
      ["stream.end", { status: "failed" }],
    ]);
    await close();
  });
});

describe("registry.close", () => {
  test("interrupts the streams of its process, with what was pushed", async () => {
    const { first, third, job, far, clock, close } = await interruptible();
    job.push({ data: 2 });
    const closed = first.registry.close({ deadline: 1_000, spread: 0 });
    await clock.advance(1_000);
    await closed;
    expect(job.signal.reason).toEqual(code("REGISTRY_CLOSED"));
    expect(far.events).toEqual([1, 2]);
    expect(last(far)).toEqual(["stream.error", code("INTERRUPTED")]);
    const next = await third.registry.open("a", { ifExists: "append" });
    expect(next.last).toBe(2);
    await next.end({ data: 3 });
    await clock.flush();
    expect(far.events).toEqual([1, 2, 3]);
    expect(last(far)).toEqual(DONE);
    await close();
    expect(clock.timers).toBe(0);
  });

  test("has time for the store, although a client that does not read takes the whole deadline", async () => {
    const { first, job, near, far, clock, close } = await interruptible();
    const append = first.link.append.bind(first.link);
    first.link.append = async (...args) => {
      await new Promise<void>((resolve) => clock.after(200, resolve));
      return append(...args);
    };
    near.stall();
    job.push({ data: 2 });
    await clock.flush();
    const closed = first.registry.close({ deadline: 1_000, spread: 0 });
    await clock.advance(999);
    job.push({ data: 3 });
    await clock.advance(1);
    expect(near.state).toBe("destroyed");
    await clock.advance(1_000);
    await closed;
    expect(first.observed.failed).toEqual([]);
    expect(far.events).toEqual([1, 2, 3]);
    expect(last(far)).toEqual(["stream.error", code("INTERRUPTED")]);
    await close();
    expect(clock.timers).toBe(0);
  });

  test("during `open` with `append` leaves the stream interrupted", async () => {
    const { third, job, far, clock, close } = await interruptible();
    await job.fail(new Error("x"));
    await clock.flush();
    const opening = expect(third.registry.open("a", { ifExists: "append" })).rejects.toEqual(
      code("REGISTRY_CLOSED"),
    );
    const closed = third.registry.close({ deadline: 0, spread: 0 });
    await clock.advance(0);
    await Promise.all([opening, closed]);
    await clock.flush();
    expect(last(far)).toEqual(["stream.error", code("INTERRUPTED")]);
    await close();
  });
});

describe("a source on demand, on a store", () => {
  test("that fails is started again for its readers, in this process or in another one", async () => {
    let runs = 0;
    const cluster = createCluster({
      async *source() {
        if (++runs < 3) throw new Error("secret");
        yield { data: "whole" };
      },
    });
    const { processes, clock, close } = cluster;
    const clients = [processes[0].connect("a"), processes[1].connect("a")];
    await clock.advance(60_000);
    for (const client of clients) {
      expect(client.events).toEqual(["whole"]);
      expect(last(client)).toEqual(DONE);
    }
    await close();
    expect(clock.timers).toBe(0);
  });

  test("claims no id in the store for which this process has no room", async () => {
    const cluster = createCluster({
      maxStreams: 10,
      async *source() {
        yield { data: "whole" };
        await new Promise(() => undefined);
      },
    });
    const [{ registry, connect, link, observed }] = cluster.processes;
    const { clock, store, close } = cluster;
    for (let id = 0; id < 50; id++) connect(`made-up-${id}`);
    await clock.flush();
    expect(registry.size).toBe(1);
    // A look-up of each, an open and an append.
    expect(link.callCount).toBeLessThan(60);
    expect(await store.read("made-up-1", null, { frames: 1, bytes: 1 })).toEqual({ code: "missing" });
    expect(observed.failed.at(-1)).toMatchObject({ id: "made-up-49", error: { code: "LIMIT_EXCEEDED" } });
    await close();
    expect(clock.timers).toBe(0);
  });

  test("that has failed is started again, even if others have taken the room of sources meanwhile", async () => {
    let runs = 0;
    const cluster = createCluster({
      maxStreams: 10,
      async *source() {
        if (++runs < 2) throw new Error("secret");
        yield { data: "whole" };
        await new Promise(() => undefined);
      },
    });
    const { processes, clock, close } = cluster;
    const client = processes[0].connect("a");
    await clock.flush();
    const other = processes[0].connect("b");
    await clock.advance(30_000);
    expect([client.events, other.events]).toEqual([["whole"], ["whole"]]);
    await close();
    expect(clock.timers).toBe(0);
  });

  test("is started again in another process when its own is closed, and nobody is told of an end", async () => {
    const cluster = createCluster({
      async *source(_id, { signal }) {
        yield { data: "begun" };
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    });
    const { processes, clock, close } = cluster;
    const near = processes[0].connect("a");
    await clock.flush();
    const far = processes[1].connect("a");
    await clock.flush();
    expect(far.events).toEqual(["begun"]);
    const closed = processes[0].registry.close({ deadline: 0, spread: 0 });
    await clock.advance(0);
    await closed;
    await clock.advance(30_000);
    expect(near.text).not.toContain("stream.end");
    expect(far.text).not.toContain("stream.end");
    expect(far.events).toEqual(["begun", "begun"]);
    expect(processes[1].registry.get("a")?.status).toBe("live");
    await close();
  });
});
