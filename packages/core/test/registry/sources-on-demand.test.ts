// Covers the `source` option: src/registry/{registry,source-runner,stream-lookup}.ts and src/stream/retention.ts.

import { describe, expect, test } from "vitest";
import { HoldfastError } from "../../src/base/errors.ts";
import type { StreamEvent, AnyEvents } from "../../src/protocol/event.ts";
import type { RegistryOptions } from "../../src/registry/types.ts";
import { poll } from "../../src/sources/poll.ts";
import { createDatabase } from "../support/database.ts";
import { type TestClient, createTestRegistry, type TestRegistry } from "../support/test-registry.ts";

type Event = StreamEvent<AnyEvents>;

/** One run of a source, which yields what the test emits. */
interface SourceRun {
  readonly id: string;
  readonly signal: AbortSignal;
  emit(event: Event): void;
  end(): void;
  fail(error: unknown): void;
}

/** A registry with a source that the test controls. */
function createRegistryWithSource(
  options: RegistryOptions = {},
): TestRegistry & { readonly runs: SourceRun[]; running(): number } {
  const runs: SourceRun[] = [];
  const fixture = createTestRegistry({
    random: Math.random,
    linger: 5_000,
    source: (id, { signal }) => {
      let run: SourceRun | undefined;
      const body = new ReadableStream<Event>({
        start(controller) {
          run = {
            id,
            signal,
            emit: (event) => controller.enqueue(event),
            end: () => controller.close(),
            fail: (error) => controller.error(error),
          };
        },
      });
      if (run !== undefined) runs.push(run);
      return body;
    },
    ...options,
  });
  return { ...fixture, runs, running: () => runs.filter(({ signal }) => !signal.aborted).length };
}

const eventNames = ({ blocks }: TestClient): string[] => blocks.map(([event]) => event);

describe("a source on demand", () => {
  test("is started by the first client, serves all clients, and is stopped `linger` after the last one has left", async () => {
    const { registry, clock, connect, runs, observed } = createRegistryWithSource();
    const first = connect("a");
    expect(runs.map(({ id }) => id)).toEqual(["a"]);
    runs[0]?.emit({ data: 1 });
    await clock.flush();
    const second = connect("a");
    const subscriber = registry.subscribe("a");
    const message = subscriber.next();
    runs[0]?.emit({ data: 2 });
    await clock.flush();
    expect([first.events, second.events]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(eventNames(first)).toEqual(["stream.open", "stream.live", "message", "message"]);
    expect((await message).value).toMatchObject({ data: "1" });
    expect(runs).toHaveLength(1);
    first.leave();
    second.leave();
    await clock.advance(60_000);
    expect(runs[0]?.signal.aborted).toBe(false);
    await subscriber.return?.();
    await clock.advance(4_999);
    expect([runs[0]?.signal.aborted, registry.size]).toEqual([false, 1]);
    await clock.advance(1);
    expect([runs[0]?.signal.aborted, registry.size, clock.timers]).toEqual([true, 0, 0]);
    expect(observed.streamEnded).toMatchObject([{ id: "a", status: "cancelled", events: 2 }]);
    expect(observed.failed).toEqual([]);
  });

  test("goes on for a client that reconnects within `linger`", async () => {
    const { clock, connect, runs } = createRegistryWithSource();
    const client = connect("a");
    runs[0]?.emit({ data: 1 });
    await clock.flush();
    const cursor = client.blocks.at(-1)?.[1] as string;
    client.leave();
    for (let n = 2; n <= 4; n++) {
      await clock.advance(4_000);
      const back = connect("a", { cursor });
      runs[0]?.emit({ data: n });
      await clock.flush();
      expect(back.events).toEqual([2, 3, 4].slice(0, n - 1));
      back.leave();
    }
    expect(runs).toHaveLength(1);
  });

  test("is forgotten before its signal aborts, so that a client that connects then gets a new run", async () => {
    const withSource = createRegistryWithSource();
    const { registry, clock, connect, runs } = withSource;
    connect("a").leave();
    const seen: unknown[] = [];
    let client: TestClient | undefined;
    runs[0]?.signal.addEventListener("abort", () => {
      seen.push(registry.get("a"), withSource.running());
      client = connect("a");
    });
    await clock.advance(5_000);
    expect([seen, runs.length]).toEqual([[undefined, 0], 2]);
    runs[1]?.emit({ data: "fresh" });
    await clock.flush();
    expect(client?.events).toEqual(["fresh"]);
    expect(client?.text).not.toContain("stream.end");
    expect(withSource.running()).toBe(1);
  });

  test("is started again for a client that reconnects after it was stopped, with a reset", async () => {
    const { clock, connect, runs } = createRegistryWithSource();
    const client = connect("a");
    runs[0]?.emit({ data: "old" });
    await clock.flush();
    const cursor = client.blocks.at(-1)?.[1] as string;
    client.leave();
    await clock.advance(5_000);
    const back = connect("a", { cursor });
    runs[1]?.emit({ data: "new" });
    await clock.flush();
    expect(eventNames(back)).toEqual(["stream.open", "stream.reset", "stream.live", "message"]);
    expect(back.events).toEqual(["new"]);
  });

  test("is read from its first event by the client that starts it, whatever `from` says", async () => {
    const { registry, clock, connect, runs } = createRegistryWithSource();
    const client = connect(registry.stream("a", { from: "now" }));
    runs[0]?.emit({ data: 1 });
    await clock.flush();
    const late = connect(registry.stream("a", { from: "now" }));
    runs[0]?.emit({ data: 2 });
    await clock.flush();
    expect([client.events, late.events]).toEqual([[1, 2], [2]]);
  });

  test("is not started for an invalid id, for HEAD, for a terminal cursor, or over `maxConnections`", async () => {
    const withSource = createRegistryWithSource({ maxConnections: 1 });
    const { connect, runs, registry } = withSource;
    connect("");
    connect("a", { method: "HEAD" });
    connect("a", { cursor: "0123456789.1.end" });
    expect(runs).toEqual([]);
    registry.channel("room");
    connect("room");
    connect("a");
    expect(runs).toEqual([]);
  });

  test("is not started for the id of an open stream or a channel", async () => {
    const { registry, connect, runs } = createRegistryWithSource();
    await registry.open("a");
    registry.channel("room");
    connect("a");
    connect("room");
    expect(runs).toEqual([]);
  });

  test("makes `open` reject its id while it runs", async () => {
    const { registry, connect } = createRegistryWithSource();
    connect("a");
    await expect(registry.open("a")).rejects.toMatchObject({ code: "STREAM_EXISTS" });
  });

  test("is not started while the registry is full, and is tried again for the next client", async () => {
    const { registry, clock, connect, runs, observed } = createRegistryWithSource({ maxStreams: 1 });
    const job = await registry.open("b");
    const client = connect("a");
    expect(client.blocks).toEqual([["stream.drain", undefined, { reason: "busy" }]]);
    expect(observed.failed).toMatchObject([{ id: "a", stage: "source", error: { code: "LIMIT_EXCEEDED" } }]);
    expect([runs.length, registry.gauges().connections]).toEqual([0, 0]);
    await job.end();
    connect("a");
    expect([runs.length, registry.get("b")?.status]).toEqual([0, "done"]);
    await clock.advance(60_000);
    connect("a");
    await clock.flush();
    expect(runs).toHaveLength(1);
  });

  test("takes a tenth of `maxStreams` at most, whatever ids clients make up, and evicts nobody", async () => {
    const { registry, connect, runs, clock } = createRegistryWithSource({ maxStreams: 100 });
    const ended = await registry.open("ended");
    await ended.end({ data: "result" });
    for (let id = 0; id < 500; id++) connect(`made-up-${id}`);
    await clock.flush();
    expect([runs.length, registry.size]).toEqual([10, 11]);
    expect(connect("ended").events).toEqual(["result"]);
    for (let id = 0; id < 89; id++) await registry.open(`job-${id}`);
    expect(registry.size).toBe(100);
  });

  test("makes room for another one when an application continues its stream", async () => {
    const { registry, connect, runs } = createRegistryWithSource({ maxStreams: 10 });
    connect("a");
    connect("b");
    expect(runs).toHaveLength(1);
    await registry.open("a", { ifExists: "append" });
    connect("c");
    expect(runs).toHaveLength(2);
  });

  test("does not expire while it has a reader, however long it is silent", async () => {
    const { registry, clock, connect, runs } = createRegistryWithSource({ idle: 10_000, maxDuration: 1e9 });
    connect("a");
    await clock.advance(1_000_000);
    expect([registry.get("a")?.status, runs.length]).toEqual(["live", 1]);
  });

  test("can be cancelled, and its end is replayed while it lingers", async () => {
    const { registry, clock, connect, runs } = createRegistryWithSource();
    const client = connect("a");
    expect(await registry.cancel("a", "user")).toBe(true);
    await clock.flush();
    expect(client.blocks.at(-1)?.[2]).toEqual({ status: "cancelled" });
    expect(runs[0]?.signal.reason).toBe("user");
    expect(eventNames(connect("a")).at(-1)).toBe("stream.end");
    await clock.advance(5_000);
    connect("a");
    expect(runs).toHaveLength(2);
  });

  test.each([0, 60_000])("is stopped when the registry is closed, with `linger` %i", async (linger) => {
    const { registry, clock, connect, runs } = createRegistryWithSource({ linger });
    const client = connect("a");
    const closed = registry.close();
    expect(client.blocks.at(-1)?.[2]).toEqual({ reason: "shutdown" });
    await closed;
    expect(runs[0]?.signal.reason).toMatchObject({ code: "REGISTRY_CLOSED" });
    expect([registry.size, clock.timers]).toEqual([0, 0]);
  });

  test("is stopped at once after its last reader with `linger: 0`", async () => {
    const { registry, clock, connect, runs } = createRegistryWithSource({ linger: 0 });
    const client = connect("a");
    await clock.advance(1_000);
    expect(runs[0]?.signal.aborted).toBe(false);
    client.leave();
    await clock.advance(0);
    expect([runs[0]?.signal.aborted, registry.size]).toEqual([true, 0]);
  });
});

describe("a source on demand that", () => {
  test("ends, ends its stream, which lingers, and is started again for a later client", async () => {
    const { registry, clock, connect, runs } = createRegistryWithSource();
    const client = connect("a");
    runs[0]?.emit({ data: 1 });
    runs[0]?.end();
    await clock.flush();
    expect(eventNames(client)).toEqual(["stream.open", "message", "stream.end"]);
    await clock.advance(4_999);
    expect([connect("a").events, runs.length]).toEqual([[1], 1]);
    expect(runs[0]?.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(registry.size).toBe(0);
    connect("a");
    expect(runs).toHaveLength(2);
  });

  test.each<[string, NonNullable<RegistryOptions["source"]>, string]>([
    [
      "throws GONE",
      () => {
        throw new HoldfastError("GONE", "The row was deleted.");
      },
      "GONE",
    ],
    ["returns nothing that can be read", () => undefined as never, "INVALID_OPTION"],
  ])("%s, fails its stream for all clients", async (_how, source, expected) => {
    const { registry, clock, connect, observed } = createTestRegistry({ source });
    const clients = [connect("a"), connect("a")];
    await clock.flush();
    for (const client of clients) {
      expect(client.blocks.slice(-2)).toEqual([
        ["stream.error", undefined, expect.objectContaining({ code: expected, retryable: false })],
        ["stream.end", expect.stringMatching(/\.1\.end$/), { status: "failed" }],
      ]);
      expect(client.state).toBe("flushed");
    }
    expect(observed.failed).toMatchObject([{ id: "a", stage: "source" }]);
    await clock.advance(60_000);
    expect([registry.size, clock.timers]).toEqual([0, 0]);
  });

  test.each<[string, NonNullable<RegistryOptions["source"]>]>([
    [
      "throws",
      () => {
        throw new Error("secret");
      },
    ],
    ["rejects", () => Promise.reject(new Error("secret"))],
    [
      "throws when it is read",
      async function* () {
        yield* [];
        throw new Error("secret");
      },
    ],
  ])("%s is started again, with back-off, while its stream has readers", async (_how, failing) => {
    let runs = 0;
    const { registry, clock, connect, observed } = createTestRegistry({
      async *source(id, context) {
        if (++runs < 3) yield* (await failing(id, context)) as AsyncIterable<never>;
        yield { data: "whole" };
      },
    });
    const clients = [connect("a"), connect("a")];
    await clock.flush();
    expect(registry.get("a")?.status).toBe("interrupted");
    await clock.advance(60_000);
    expect(runs).toBe(3);
    for (const client of clients) {
      expect(eventNames(client)).toEqual([
        "stream.open",
        "stream.live",
        // Once: nothing has changed for the client when the source fails again before its first event.
        "stream.error",
        "message",
        "stream.end",
      ]);
      expect(client.text).not.toContain("secret");
    }
    expect(observed.failed).toHaveLength(2);
    await clock.advance(60_000);
    expect([registry.size, clock.timers]).toEqual([0, 0]);
  });

  test("fails after it has given events begins a new life, which its readers are told by a reset", async () => {
    let runs = 0;
    const { clock, connect } = createTestRegistry({
      async *source() {
        yield { data: ++runs };
        if (runs === 1) throw new Error("secret");
      },
    });
    const client = connect("a");
    await clock.advance(60_000);
    expect(client.events).toEqual([1, 2]);
    expect(eventNames(client)).toEqual([
      "stream.open",
      "stream.live",
      "message",
      "stream.error",
      "stream.reset",
      "message",
      "stream.end",
    ]);
  });

  test("fails is not started again once its last reader has left", async () => {
    let runs = 0;
    const { registry, clock, connect } = createTestRegistry({
      source: () => {
        runs++;
        throw new Error("secret");
      },
    });
    const client = connect("a");
    await clock.flush();
    client.leave();
    await clock.advance(3_600_000);
    expect(runs).toBeLessThan(10);
    expect([registry.size, clock.timers]).toEqual([0, 0]);
  });

  test("fails is not started again once the registry is closed", async () => {
    const { registry, clock, connect, runs } = createRegistryWithSource();
    connect("a");
    runs[0]?.fail(new Error("secret"));
    await clock.flush();
    await registry.close({ deadline: 0 });
    expect(clock.timers).toBe(0);
  });

  test("fails is not started again in a stream that an application has opened since", async () => {
    const { registry, clock, connect, runs } = createRegistryWithSource();
    connect("a");
    runs[0]?.fail(new Error("secret"));
    await clock.flush();
    const job = await registry.open("a", { retryWindow: 60_000 });
    await job.fail(new Error("crash"));
    await clock.advance(59_000);
    expect([runs.length, registry.get("a")?.status]).toEqual([1, "interrupted"]);
  });

  test("fails again in the next run of its stream is started again after a whole delay", async () => {
    const { clock, connect, runs } = createRegistryWithSource({ random: () => 0.99, linger: 0 });
    connect("a").leave();
    await clock.advance(0);
    const client = connect("a");
    runs[1]?.fail(new Error("secret"));
    await clock.flush();
    client.leave();
    await clock.advance(500);
    connect("a");
    runs[2]?.fail(new Error("secret"));
    await clock.advance(1_900);
    expect(runs).toHaveLength(3);
    await clock.advance(100);
    expect(runs).toHaveLength(4);
  });

  test("goes on without readers once an application continues its stream", async () => {
    const { registry, clock, connect, runs } = createRegistryWithSource();
    const client = connect("a");
    const job = await registry.open("a", { ifExists: "append" });
    expect(runs[0]?.signal.reason).toMatchObject({ code: "TAKEN_OVER" });
    client.leave();
    await clock.advance(60_000);
    expect([registry.get("a")?.status, job.signal.aborted]).toEqual(["live", false]);
    const closed = registry.close({ grace: 10_000 });
    await clock.advance(5_000);
    expect(job.push({ data: 1 })).toBe(`${job.epoch}.1`);
    await job.end();
    await clock.flush();
    await closed;
    expect(clock.timers).toBe(0);
  });

  test("throws in the middle, fails its stream after its events", async () => {
    const { clock, connect, runs } = createRegistryWithSource();
    const client = connect("a");
    runs[0]?.emit({ data: 1 });
    await clock.flush();
    runs[0]?.fail(new HoldfastError("GONE", "The row was deleted."));
    await clock.flush();
    expect(eventNames(client).slice(2)).toEqual(["message", "stream.error", "stream.end"]);
  });

  test.each<[string, NonNullable<RegistryOptions["source"]>]>([
    ["before it returns", () => new Promise<never>(() => undefined)],
    [
      "while it is read",
      async function* () {
        await new Promise(() => undefined);
        yield* [];
      },
    ],
  ])("hangs %s, is abandoned after `linger`", async (_when, source) => {
    const { registry, clock, connect, observed } = createTestRegistry({ source, linger: 1_000 });
    const client = connect("a");
    await clock.flush();
    expect(eventNames(client)).toEqual(["stream.open", "stream.live"]);
    client.leave();
    await clock.advance(1_000);
    expect([registry.size, clock.timers, observed.failed]).toEqual([0, 0, []]);
  });

  test("resolves after it was stopped, has its iterator returned without a read", async () => {
    let resolveSource: (source: AsyncIterable<Event>) => void = () => undefined;
    const { clock, connect } = createTestRegistry({
      linger: 0,
      source: () =>
        new Promise((resolve) => {
          resolveSource = resolve;
        }),
    });
    connect("a").leave();
    await clock.advance(0);
    let returned = 0;
    let read = 0;
    resolveSource({
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: { data: ++read } }),
        return: async () => ({ done: true, value: ++returned as never }),
      }),
    });
    await clock.flush();
    expect([read, returned]).toEqual([0, 1]);
  });

  test("is a poll, reports its outages to clients, and stops reading after its last client", async () => {
    let reads = 0;
    const { clock, connect, registry } = createTestRegistry({
      linger: 1_000,
      source: (_id, { signal }) =>
        poll({
          signal,
          clock,
          cursor: 0,
          random: () => 0.5,
          read: (cursor) => {
            if (++reads === 2) throw new Error("down");
            return { events: [{ data: cursor }], cursor: cursor + 1 };
          },
        }),
    });
    const [first, second] = [connect("a"), connect("a")];
    await clock.advance(2_000);
    first.leave();
    expect(eventNames(second).filter((name) => name === "stream.error")).toHaveLength(1);
    expect(second.events).toEqual([0, 1, 2, 3]);
    second.leave();
    await clock.advance(1_000);
    const before = reads;
    await clock.advance(10_000);
    expect([reads - before, registry.size, clock.timers]).toEqual([0, 0, 0]);
  });
});

describe("with a snapshot", () => {
  test("a source is started only for a row that exists and is not finished", async () => {
    const db = createDatabase();
    const { clock, connect, runs, observed } = createRegistryWithSource({ snapshot: db.snapshot });
    const [unknown, done, pending] = [connect("unknown"), connect("done"), connect("pending")];
    expect(runs).toEqual([]);
    db.queries[0]?.answer(undefined);
    db.queries[1]?.answer({ state: "done", events: [{ data: "all" }] });
    await clock.flush();
    expect([unknown.status, done.events, runs.length]).toEqual([404, ["all"], 0]);
    await clock.advance(1_000);
    db.queries[2]?.answer({ state: "pending" });
    await clock.flush();
    expect(runs.map(({ id }) => id)).toEqual(["pending"]);
    runs[0]?.emit({ data: 1 });
    await clock.flush();
    expect(eventNames(pending)).toEqual(["stream.open", "stream.open", "stream.live", "message"]);
    await clock.advance(10_000);
    expect([db.queries.length, observed.failed]).toEqual([3, []]);
  });

  test("all clients that wait for one query share one run", async () => {
    const db = createDatabase();
    const { clock, connect, runs } = createRegistryWithSource({ snapshot: db.snapshot });
    const clients = [connect("a"), connect("a"), connect("a")];
    db.lastQuery.answer({ state: "running" });
    await clock.flush();
    runs[0]?.emit({ data: 1 });
    await clock.flush();
    expect([runs.length, db.queries.length]).toEqual([1, 1]);
    for (const client of clients) expect(client.events).toEqual([1]);
  });

  test("the database is queried again for a client that connects after the run", async () => {
    const db = createDatabase();
    const { clock, connect, runs } = createRegistryWithSource({ snapshot: db.snapshot, linger: 3_000 });
    const client = connect("a");
    db.lastQuery.answer({ state: "pending" });
    await clock.flush();
    client.leave();
    await clock.advance(3_000);
    const late = connect("a");
    db.lastQuery.answer({ state: "done", events: [{ data: "all" }] });
    await clock.flush();
    expect([late.events, runs.length]).toEqual([["all"], 1]);
  });
});
